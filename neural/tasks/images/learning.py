"""The configuration of an image classifier's network, and its training data step by step."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from w2v.neural.batches import TokenBatches
from w2v.neural.kernels.patches import Change
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.estimator import stack_of
from w2v.neural.tasks.fitting import Text, digest_of
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.images import network
from w2v.neural.tasks.images.concluding import concluded
from w2v.neural.tasks.images.data import PictureData, scale_of
from w2v.neural.tasks.images.network import ImageConfig, PictureBatch
from w2v.neural.tasks.images.parameters import ImageParameters
from w2v.settings.environment import default_workers

_MOST_PATCHES, _LEAST_PATCH = 64, 2
_SHIFT = 14
_ROWS_AT_ONCE = 2048


def config_of(data: PictureData, parameters: ImageParameters) -> ImageConfig:
    """Return the configuration of the network for some pictures; ValueError if the parameters do not suit them."""
    height, width, channels = data.pixels.shape[1:]
    patch = parameters.patch or patch_for(height, width)
    n_rows = (parameters.pooling == "token") + -(-height // patch) * -(-width // patch)
    encoder = stack_of(parameters, max_positions=n_rows)
    return ImageConfig(height, width, channels, patch, len(data.classes), encoder, parameters.pooling)


def patch_for(height: int, width: int) -> int:
    """Return the smallest patch size, from 2, with which a picture has few enough patches."""
    patch = min(_LEAST_PATCH, max(height, width))
    while -(-height // patch) * -(-width // patch) > _MOST_PATCHES:
        patch += 1
    return patch


def text_of(start: TextNetwork, data: PictureData, parameters: ImageParameters) -> Text:
    """Return the training batches of a network, and its held-out data."""
    described, config = start.metadata["pixels"], start.config
    scale = scale_of(described["mean"], described["deviation"])
    seed, change = parameters.random_state, _change(config, parameters)
    batches = TokenBatches(np.ones(len(data.trained), np.int64), parameters.batch_size, seed)

    def draw(step: int) -> PictureBatch:
        chosen = data.trained[batches[step]]
        own = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0])
        return PictureBatch(data.pixels, chosen, data.wanted[chosen], scale, change, own)

    held_out = PictureBatch(data.pixels, data.held_out, data.wanted[data.held_out], scale)
    return Text(
        draw,
        batches.n_batches,
        held_out,
        partial(_measure, config, held_out, parameters.workers or default_workers()),
        lambda small, table: _measure(small, network.smallest(small, data.pixels, scale)[1], 1, table),
        digest_of([data.pixels, data.wanted, data.trained, data.held_out]),
        data.files,
        {"validation": data.validation_files},
        network,
        partial(network.smallest, pictures=data.pixels, scale=scale),
        concluded=lambda learned: concluded(
            learned, data, held_out, parameters.examples, parameters.workers or default_workers()
        ),
        part=_ROWS_AT_ONCE,
    )


def _change(config: ImageConfig, parameters: ImageParameters) -> Change:
    shorter = min(config.height, config.width)
    shift = shorter / _SHIFT if parameters.shift is None else parameters.shift
    return Change(
        float(shift), float(parameters.rotate), float(parameters.zoom), int(parameters.flip), parameters.cutout
    )


def _measure(config: ImageConfig, batch: PictureBatch, workers: int, table: ParameterTable) -> dict[str, float]:
    """Return the accuracy on held-out pictures."""

    def name(part: PictureBatch) -> NDArray[np.bool_]:
        vectors, _ = network.encode(config, table, part)
        right: NDArray[np.bool_] = network.logits(table, vectors).argmax(axis=1) == part.wanted
        return right

    return {"accuracy": float(np.concatenate(network.over_parts(name, config, batch, workers)).mean())}
