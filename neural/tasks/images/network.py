"""The network of image classifiers: patches, a stack that attends to all of them, and their pooled vector.

::

    x = patches(picture)            h = stack(x)
    v = mean of h, or h of the class token                  the picture's vector
    p = softmax(v Eᵀ + b)                                   over the classes

References
----------
Dosovitskiy et al. 2021, An image is worth 16×16 words, arXiv:2010.11929.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.neural import stack
from w2v.neural.kernels.patches import Change, Scale
from w2v.neural.layers import pooling, softmax_loss
from w2v.neural.layers.dropout import Dropout
from w2v.neural.layers.inputs import patches
from w2v.neural.layers.inputs.patches import UNCHANGED, Grid
from w2v.neural.layers.matmul import product_transposed
from w2v.neural.models import Losses, Regularisation
from w2v.neural.packing import add_parts, in_threads
from w2v.neural.parameters import ParameterTable, Tensor, add, scope, within
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.images.parameters import POOLINGS

Floats = NDArray[Any]
_T = TypeVar("_T")

_POOLED = dict(zip(POOLINGS, ("mean", "first"), strict=True))


@dataclass(frozen=True)
class ImageConfig:
    """The configuration of a network for pictures.

    Attributes
    ----------
    height, width, channels : int
        Size of a picture.
    patch : int
        Side of its patches.
    n_classes : int
    encoder : StackConfig
        Must be neither causal nor have a memory.
    pooling : {"mean", "token"}
        How the hidden states become the vector: their mean over the patches, or that of the class token before them.

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    height: int
    width: int
    channels: int
    patch: int
    n_classes: int
    encoder: StackConfig
    pooling: str = "mean"

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels", "patch"):
            if type(getattr(self, name)) is not int or not 1 <= getattr(self, name) <= 1 << 16:
                raise ValueError(f"{name} must be a whole number from 1 to {1 << 16}, not {getattr(self, name)!r:.80}")
        if type(self.n_classes) is not int or self.n_classes < 2:
            raise ValueError(f"n_classes must be a whole number above 1, not {self.n_classes!r:.80}")
        if self.patch > max(self.height, self.width):
            raise ValueError(f"patch must be at most the longer side of {self.height} × {self.width}, not {self.patch}")
        if self.encoder.causal or self.encoder.memory_size is not None:
            raise ValueError("the encoder must not be causal and must have no memory")
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {self.pooling!r:.80}")

    @property
    def grid(self) -> Grid:
        """How pictures are cut into patches."""
        return Grid(self.height, self.width, self.channels, self.patch)

    @property
    def has_token(self) -> bool:
        """Whether a class token precedes the patches."""
        return self.pooling == "token"

    @property
    def n_rows(self) -> int:
        """Number of rows per picture that the stack reads."""
        return self.has_token + self.grid.n_patches

    @property
    def vocabulary_size(self) -> int:
        """Number of classes."""
        return self.n_classes

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array.

        The names are ``patches.…`` as in `layers.inputs.patches.tensors`, ``encoder.…`` as in `StackConfig.tensors`,
        ``output.table`` (n_classes, dim) and ``output.bias`` (n_classes,).
        """
        dim = self.encoder.dim
        return {
            **within("patches", patches.tensors(self.grid, dim, token=self.has_token)),
            **within("encoder", self.encoder.tensors()),
            "output.table": Tensor((self.n_classes, dim), dim**-0.5),
            "output.bias": Tensor((self.n_classes,)),
        }


class PictureBatch(NamedTuple):
    """Pictures and their classes.

    Attributes
    ----------
    pictures : ndarray of shape (N, H, W, C)
    chosen : ndarray of shape (B,), int64
        Indices of the pictures in the batch.
    wanted : ndarray of shape (B,), int64
        Their classes.
    scale : Scale
    change : Change
        Their augmentation.
    seed : int
        Seed of the augmentation; distinct for each step.
    """

    pictures: NDArray[Any]
    chosen: NDArray[np.int64]
    wanted: NDArray[np.int64]
    scale: Scale
    change: Change = UNCHANGED
    seed: int = 0

    @property
    def n_tokens(self) -> int:
        """Number of predictions: one class per picture."""
        return len(self.chosen)

    def parts(self, n: int) -> list[tuple[int, PictureBatch]]:
        """Split the batch into at most n parts of about equal size, each with the index of its first picture."""
        borders = np.linspace(0, len(self.chosen), n + 1).round().astype(int).tolist()
        return [
            (first, self._replace(chosen=self.chosen[first:last], wanted=self.wanted[first:last]))
            for first, last in zip(borders, borders[1:], strict=False)
            if first < last
        ]


class Encoded(NamedTuple):
    """Values from `encode` for the backward pass."""

    patches: patches.Cache
    stack: stack.Cache
    pooling: pooling.Cache


def encode(
    config: ImageConfig,
    parameters: Mapping[str, Floats],
    batch: PictureBatch,
    dropped: Dropout | None = None,
    weights: list[list[Floats]] | None = None,
) -> tuple[Floats, Encoded]:
    """Return the vectors of pictures, shape (B, dim), and the values that the backward pass needs.

    Parameters
    ----------
    config : ImageConfig
    parameters : mapping
    batch : PictureBatch
    dropped : Dropout, optional
        Dropout of this training step; none by default.
    weights : list of list, optional
        See `stack.forward`.
    """
    cells = patches.cut(
        batch.pictures, batch.chosen, config.grid, batch.scale, token=config.has_token, change=batch.change,
        seed=batch.seed,
    )  # fmt: skip
    x, cut = patches.forward(scope(parameters, "patches"), cells)
    offsets = np.arange(len(batch.chosen) + 1, dtype=np.int64) * config.n_rows
    h, cache = stack.forward(
        config.encoder, scope(parameters, "encoder"), x, offsets, dropped=dropped, weights=weights
    )  # fmt: skip
    vectors, pooled = pooling.forward(h, offsets, _POOLED[config.pooling])
    return vectors, Encoded(cut, cache, pooled)


def logits(parameters: Mapping[str, Floats], vectors: Floats) -> Floats:
    """Return the logits of every class, shape (B, n_classes)."""
    z = product_transposed(vectors, parameters["output.table"])
    z += parameters["output.bias"]
    return z


def smallest(config: ImageConfig, pictures: NDArray[Any], scale: Scale) -> tuple[ImageConfig, PictureBatch]:
    """Return the network with one layer, and one of the pictures for it; see `models.smallest`."""
    small = replace(config, encoder=replace(config.encoder, layers=1))
    one = np.zeros(1, np.int64)
    return small, PictureBatch(pictures[:1], one, one, scale, Change(1.0, 1.0, 0.1, 1, 1))


def token_losses(
    config: ImageConfig,
    parameters: Mapping[str, Floats],
    batch: PictureBatch,
    *,
    workers: int = 1,
    most_tokens: int = 4096,
) -> Floats:
    """Return −log p of the class of every picture, shape (B,), without dropout; see `models.token_losses`."""

    def work(part: PictureBatch) -> Floats:
        vectors, _ = encode(config, parameters, part)
        return softmax_loss.token_losses(
            vectors, parameters["output.table"], parameters["output.bias"], part.wanted
        ).plain  # fmt: skip

    return np.concatenate(over_parts(work, config, batch, workers, most_tokens))


def over_parts(
    work: Callable[[PictureBatch], _T], config: ImageConfig, batch: PictureBatch, workers: int, most_tokens: int = 4096
) -> list[_T]:
    """Return the results of `work`, in order, for parts of a batch of about `most_tokens` rows, using threads."""
    parts = batch.parts(n_parts(config, batch, workers, most_tokens))
    made: dict[int, _T] = {}

    def run(worker: int) -> None:
        for i in range(worker, len(parts), workers):
            made[i] = work(parts[i][1])

    in_threads(run, min(workers, len(parts)))
    return [made[i] for i in range(len(parts))]


def n_parts(config: ImageConfig, batch: PictureBatch, workers: int, most_tokens: int) -> int:
    """Return the number of parts of a batch: of at most `most_tokens` rows, and equally many for each thread."""
    per_worker = -(-batch.n_tokens * config.n_rows // (most_tokens * workers))
    return workers * max(1, per_worker)


def add_gradients(
    config: ImageConfig,
    parameters: ParameterTable,
    batch: PictureBatch,
    totals: Sequence[ParameterTable],
    *,
    regularisation: Regularisation,
    seed: int,
    scale: float,
    most_tokens: int = 1 << 30,
) -> Losses:
    """Add the gradients of scale · Σ smoothed loss to totals[0]; see `models.add_gradients`."""

    def add_part(part: tuple[int, PictureBatch], total: ParameterTable) -> tuple[float, float]:
        dropped = Dropout(regularisation.dropout, seed, part[0] * config.n_rows)
        return _add_gradients(config, parameters, part[1], total, regularisation, dropped, scale)

    return Losses(*add_parts(batch.parts(n_parts(config, batch, len(totals), most_tokens)), totals, add_part))


def _add_gradients(
    config: ImageConfig,
    parameters: Mapping[str, Floats],
    part: PictureBatch,
    total: Mapping[str, Floats],
    regularisation: Regularisation,
    dropped: Dropout,
    scale: float,
) -> tuple[float, float]:
    """Add the gradients of some pictures to `total`; return the sums of their smoothed and plain losses."""
    vectors, cache = encode(config, parameters, part, dropped)
    smoothed, plain, dvectors = softmax_loss.token_losses(
        vectors, parameters["output.table"], parameters["output.bias"], part.wanted,
        smoothing=regularisation.smoothing, scale=scale,
        gradients=softmax_loss.Gradients(total["output.table"], total["output.bias"]),
    )  # fmt: skip
    assert dvectors is not None
    dh = pooling.backward(dvectors, cache.pooling)
    dx, _ = stack.backward(config.encoder, scope(parameters, "encoder"), dh, cache.stack, scope(total, "encoder"))
    _, gradients = patches.backward(scope(parameters, "patches"), dx, cache.patches)
    add(total, within("patches", gradients))
    return float(smoothed.sum(dtype=np.float64)), float(plain.sum(dtype=np.float64))
