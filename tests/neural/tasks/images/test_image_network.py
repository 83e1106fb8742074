"""Patches and the network of pictures: exact gradients, slow twins, the same network in torch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_directions, assert_gradients
from w2v.neural.kernels.patches import Change, Scale
from w2v.neural.layers.inputs import patches
from w2v.neural.layers.inputs.patches import Grid
from w2v.neural.models import Regularisation
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.images import network
from w2v.neural.tasks.images.network import ImageConfig, PictureBatch

Array = NDArray[Any]
ENCODER = StackConfig(4, 2, 2, 6, positions="learned", max_positions=7)
MEAN = ImageConfig(5, 4, 2, 2, 3, ENCODER)
TOKEN = replace(MEAN, pooling="token")
CONFIGS = {
    "mean": MEAN, "token": TOKEN, "rotary": replace(TOKEN, encoder=replace(ENCODER, positions="rotary")),
    "recurrent": replace(MEAN, encoder=replace(ENCODER, mixer="recurrent")),
    "convolution": replace(TOKEN, encoder=replace(ENCODER, mixer="convolution")),
    "post": replace(MEAN, encoder=replace(ENCODER, norm="post")),
}  # fmt: skip


def make(config: ImageConfig, dtype: Any = np.float64) -> ParameterTable:
    """Return parameters away from the start, where many gradients are zero."""
    table, rng = ParameterTable.initialise(config.tensors(), 1, np.float64), np.random.default_rng(8)
    for array in table.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return table.astype(dtype)


def batch_of(rng: np.random.Generator, config: ImageConfig, n: int = 5, dtype: Any = np.float64) -> PictureBatch:
    pictures = rng.standard_normal((n, config.height, config.width, config.channels)).astype(dtype)
    scale = Scale(np.full(config.channels, 0.1, dtype), np.full(config.channels, 2.0, dtype))
    return PictureBatch(pictures, np.arange(n), rng.integers(0, config.n_classes, n), scale)


def cut_slowly(picture: Array, patch: int) -> Array:
    """Return the patches of a picture, one after another, each flat."""
    height, width, channels = picture.shape
    rows = []
    for top in range(0, height, patch):
        for left in range(0, width, patch):
            square = np.zeros((patch, patch, channels))
            part = picture[top : top + patch, left : left + patch]
            square[: part.shape[0], : part.shape[1]] = part
            rows.append(square.ravel())
    return np.array(rows)


@pytest.mark.parametrize("grid", [Grid(6, 4, 1, 2), Grid(5, 7, 3, 3), Grid(4, 4, 2, 4), Grid(1, 1, 1, 1)])
@pytest.mark.parametrize(("dtype", "result", "error"), [(np.uint8, np.float32, 2.0**-13), (float, np.float64, 1e-12)])
def test_cut_is_its_slow_twin_and_fold_its_inverse(
    grid: Grid, dtype: Any, result: Any, error: float, rng: np.random.Generator
) -> None:
    pictures = rng.integers(0, 256, (6, grid.height, grid.width, grid.channels)).astype(dtype)
    scale = Scale(rng.standard_normal(grid.channels).astype(result), rng.uniform(0.5, 2, grid.channels).astype(result))
    chosen = np.array([4, 0, 4])
    for token in (False, True):
        found = patches.cut(pictures, chosen, grid, scale, token=token)
        assert found.shape == (3, token + grid.n_patches, grid.patch_size)
        assert not found[:, : int(token)].any()
        scaled = (pictures - scale.mean) * scale.inverse
        for rows, number in zip(found, chosen, strict=True):
            np.testing.assert_allclose(rows[int(token) :], cut_slowly(scaled[number], grid.patch), atol=error)
        np.testing.assert_allclose(patches.fold(found, grid, token=token), scaled[chosen], atol=error)


def drawn(seed: int, number: int, place: int) -> int:
    """Return the 32 bits that are drawn for a picture."""
    z = (seed + (8 * number + place + 1) * 0x9E3779B97F4A7C15) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return (z ^ (z >> 31)) >> 32


def changed_slowly(picture: Array, change: Change, seed: int, number: int) -> Array:
    """Return a picture moved, turned, zoomed and mirrored, by SciPy."""
    from scipy.ndimage import map_coordinates

    spread = [drawn(seed, number, place) / 2**31 - 1 for place in range(7)]
    angle, factor = np.deg2rad(spread[5] * change.rotate), (1 + change.zoom) ** spread[6]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    middle = (np.array(picture.shape[:2]) - 1) / 2
    places = np.indices(picture.shape[:2]).reshape(2, -1) - middle[:, None]
    rows, columns = turn @ places + middle[:, None] - change.shift * np.array(spread[:2])[:, None]
    if change.flip and drawn(seed, number, 2) % 2:
        columns = picture.shape[1] - 1 - columns
    made = [map_coordinates(picture[..., c], [rows, columns], order=1, mode="nearest") for c in range(picture.shape[2])]
    return np.stack(made, axis=-1).reshape(picture.shape)


@pytest.mark.parametrize(
    "change",
    [
        Change(2.0),
        Change(0.5, flip=1),
        Change(rotate=30.0),
        Change(zoom=0.5),
        Change(1.5, 10.0, 0.2, 1),
        Change(flip=1),
    ],
)
def test_changes_are_their_slow_twin(change: Change, rng: np.random.Generator) -> None:
    grid, scale = Grid(5, 6, 2, 2), Scale(np.zeros(2), np.ones(2))
    pictures = rng.standard_normal((40, 5, 6, 2))
    found = patches.fold(patches.cut(pictures, np.arange(40), grid, scale, change=change, seed=7), grid)
    for number, made in enumerate(found):
        np.testing.assert_allclose(made, changed_slowly(pictures[number], change, 7, number), atol=1e-9)
    n_same = sum(np.array_equal(made, one) for made, one in zip(found, pictures, strict=True))
    assert (5 < n_same < 35) if change == Change(flip=1) else n_same == 0


def test_cutout_hides_one_square_that_may_reach_beyond_the_border() -> None:
    grid, scale = Grid(6, 6, 1, 3), Scale(np.zeros(1), np.ones(1))
    sizes, places = set(), np.zeros((6, 6))
    for seed in range(300):
        found = patches.cut(
            np.ones((1, 6, 6, 1)), np.zeros(1, np.int64), grid, scale, change=Change(cutout=3), seed=seed
        )
        hidden = patches.fold(found, grid)[0, :, :, 0] == 0
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert hidden[np.ix_(rows, columns)].all() and hidden.sum() == len(rows) * len(columns)
        sizes.add((len(rows), len(columns)))
        places += hidden
    assert sizes == {(a, b) for a in (2, 3) for b in (2, 3)} and places.min() > 0


def test_a_change_depends_on_seed_and_number_alone(rng: np.random.Generator) -> None:
    pictures, grid = rng.integers(0, 256, (50, 8, 8, 1)).astype(np.uint8), Grid(8, 8, 1, 2)
    scale = Scale(np.zeros(1, np.float32), np.ones(1, np.float32))

    def make_them(chosen: Array, seed: int) -> Array:
        return patches.cut(pictures, chosen, grid, scale, change=Change(2.0, 5.0, 0.1, 1, 3), seed=seed)

    whole = make_them(np.arange(50), 2**64 - 5)
    assert np.array_equal(make_them(np.arange(49, -1, -1), 2**64 - 5)[::-1], whole)
    assert np.array_equal(make_them(np.array([17]), 2**64 - 5), whole[17:18])
    assert not np.array_equal(make_them(np.arange(50), 3), whole)


@pytest.mark.parametrize("token", [False, True])
def test_gradients_of_the_layer_are_exact(token: bool, rng: np.random.Generator) -> None:
    grid = Grid(5, 4, 2, 2)
    table = ParameterTable.initialise(patches.tensors(grid, 3, token=token), 1, np.float64)
    cells = rng.standard_normal((2, token + grid.n_patches, grid.patch_size))
    x, cache = patches.forward(table, cells)
    dx = rng.standard_normal(x.shape)
    dcells, gradients = patches.backward(table, dx.copy(), cache)
    if token:
        assert not dcells[:, 0].any()
    rows = cells[:, int(token) :]
    assert_gradients(
        lambda: float(np.sum(patches.forward(table, cells)[0] * dx)),
        {"patches": rows, **table},
        {"patches": dcells[:, int(token) :], **gradients},
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_gradients_of_the_network_are_exact(name: str, rng: np.random.Generator) -> None:
    config = CONFIGS[name]
    table, batch = make(config), batch_of(rng, config)
    batch = batch._replace(change=Change(1.0, 10.0, 0.1, 1, 2), seed=5)
    totals = [table.zeros_like() for _ in range(2)]

    def value() -> float:
        others = [table.zeros_like()]
        return (
            0.25
            * network.add_gradients(
                config, table, batch, others, regularisation=Regularisation(0.2, 0.1), seed=3, scale=0.25
            ).smoothed
        )

    losses = network.add_gradients(
        config, table, batch, totals, regularisation=Regularisation(0.2, 0.1), seed=3, scale=0.25, most_tokens=14
    )
    assert losses.smoothed * 0.25 == pytest.approx(value(), rel=1e-12) and not totals[1].flat.any()
    # the bias of the keys changes no softmax, unless they are turned by their positions
    assert_directions(value, dict(table), dict(totals[0]), rng, zero=() if name == "rotary" else ("key.bias",))


@pytest.mark.parametrize("name", CONFIGS)
def test_float32_is_the_float64_twin(name: str, rng: np.random.Generator) -> None:
    config = CONFIGS[name]
    table, batch = make(config), batch_of(rng, config, 9)
    single = batch._replace(
        pictures=batch.pictures.astype(np.float32), scale=Scale(*(part.astype(np.float32) for part in batch.scale)),
    )  # fmt: skip
    kept = Regularisation(0.0, 0.1)
    exact, found = [table.zeros_like()], [table.astype(np.float32).zeros_like()]
    losses = [
        network.add_gradients(config, one, given, totals, regularisation=kept, seed=1, scale=1 / 9)
        for one, given, totals in ((table, batch, exact), (table.astype(np.float32), single, found))
    ]
    assert losses[0].plain == pytest.approx(losses[1].plain, rel=1e-5)
    for array in exact[0]:
        np.testing.assert_allclose(found[0][array], exact[0][array], atol=2e-5)


def test_losses_do_not_depend_on_parts_or_threads(rng: np.random.Generator) -> None:
    table, batch = make(TOKEN, np.float32), batch_of(rng, TOKEN, 23, np.float32)
    alone = network.token_losses(TOKEN, table, batch)
    for workers, most in ((1, 7), (3, 20), (2, 1)):
        assert np.array_equal(network.token_losses(TOKEN, table, batch, workers=workers, most_tokens=most), alone)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch": 0}, "patch must be a whole number"),
        ({"patch": 6}, "at most the longer side of 5 × 4"),
        ({"height": 2.0}, "height must be a whole number"),
        ({"n_classes": 1}, "n_classes must be a whole number above 1"),
        ({"pooling": "max"}, "pooling must be one of mean, token"),
        ({"encoder": replace(ENCODER, causal=True)}, "must not be causal"),
    ],
)
def test_configurations_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(MEAN, **change)


@pytest.mark.parametrize("config", [MEAN, TOKEN], ids=["mean", "token"])
def test_network_is_torchs_vision_transformer(config: ImageConfig, rng: np.random.Generator) -> None:
    """The same parameters around torch.nn.TransformerEncoder: losses within 1e-10, and gradients."""
    torch = pytest.importorskip("torch")
    import warnings

    config = replace(config, encoder=replace(ENCODER, activation="gelu"))
    table, batch = make(config), batch_of(rng, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # norm_first has no fast path, which only inference would take
        layer = torch.nn.TransformerEncoderLayer(
            4, 2, 6, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
        )
        encoder = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(4, dtype=torch.float64))
    ours = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in table.items()}
    state = encoder.state_dict()
    for name in state:
        state[name] = _as_in_torch(table, name)
    encoder.load_state_dict(state)
    # torch has the picture as channels, rows, columns; the patches of a convolution that steps by its own size
    pixels = torch.from_numpy((batch.pictures - 0.1) * 2.0).permute(0, 3, 1, 2)
    padded = torch.nn.functional.pad(pixels, (0, 0, 0, 1))
    kernel = ours["patches.weight"].reshape(2, 2, 2, 4).permute(3, 2, 0, 1)
    rows = torch.nn.functional.conv2d(padded, kernel, ours["patches.bias"], stride=2).flatten(2).transpose(1, 2)
    if config.has_token:
        rows = torch.cat([ours["patches.token"].expand(len(rows), 1, 4), rows], dim=1)
    rows = rows + ours["encoder.positions.table"][: rows.shape[1]]
    hidden = encoder(rows)
    vectors = hidden[:, 0] if config.has_token else hidden.mean(dim=1)
    logits = vectors @ ours["output.table"].T + ours["output.bias"]
    loss = torch.nn.functional.cross_entropy(
        logits, torch.from_numpy(batch.wanted), label_smoothing=0.1, reduction="sum"
    )
    loss.backward()
    totals = [table.zeros_like()]
    found = network.add_gradients(
        config, table, batch, totals, regularisation=Regularisation(0.0, 0.1), seed=1, scale=1.0
    )
    assert found.smoothed == pytest.approx(loss.item(), rel=1e-10) and math.isfinite(found.plain)
    np.testing.assert_allclose(network.encode(config, table, batch)[0], vectors.detach().numpy(), atol=1e-10)
    for name, tensor in ours.items():
        if tensor.grad is not None:
            np.testing.assert_allclose(totals[0][name], tensor.grad.numpy(), atol=1e-10)


def _as_in_torch(table: ParameterTable, name: str) -> Any:
    """Return our array of torch's name: weights are transposed there, and those of queries, keys and values stacked."""
    torch = pytest.importorskip("torch")
    if name.startswith("norm."):
        return torch.from_numpy(table[f"encoder.norm.{'gain' if name.endswith('weight') else 'bias'}"])
    _, number, part = name.split(".", 2)
    layer, (part, kind) = f"encoder.layers.{number}", part.rsplit(".", 1)
    if part.startswith("norm"):
        sub = "attention_norm" if part == "norm1" else "feed_forward_norm"
        return torch.from_numpy(table[f"{layer}.{sub}.{'gain' if kind == 'weight' else 'bias'}"])
    if part in ("linear1", "linear2"):
        return torch.from_numpy(
            table[f"{layer}.feed_forward.{'inner' if part == 'linear1' else 'outer'}.{kind}"].T.copy()
        )
    if kind.startswith("in_proj"):
        own = kind.removeprefix("in_proj_")
        return torch.from_numpy(
            np.concatenate([table[f"{layer}.attention.{role}.{own}"].T for role in ("query", "key", "value")])
        )
    return torch.from_numpy(table[f"{layer}.attention.output.{kind}"].T.copy())
