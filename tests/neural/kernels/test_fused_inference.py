"""The network made ready: the rows of `Network.forward`, bit for bit, and their sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.encoder.model.network import Network, NetworkConfig
from w2v.neural.fused_inference import FusedNetwork
from w2v.neural.kernels.fused import GROUP
from w2v.neural.layers import activations
from w2v.neural.layers.positions import KINDS, WITH_SINUSOIDS
from w2v.neural.parameters import ParameterTable

HEADS: dict[str, dict[str, Any]] = {
    "pre": {},
    "post": {"norm": "post"},
    "linear": {"norm": "post", "head": "linear", "dim": 12},
    "no head": {"norm": "post", "head": "none", "input_size": 8},
    "pre without head": {"head": "none", "input_size": 8},
}
CASES = [(kind, name) for kind in KINDS for name in HEADS if not (kind in WITH_SINUSOIDS and name == "linear")]
LENGTHS = [1, 0, 3, GROUP - 5, 2, GROUP, 7, GROUP + 200, 1, 1, 0, 30]


def make(rng: np.random.Generator, **changes: Any) -> tuple[NetworkConfig, ParameterTable]:
    values = {"input_size": 6, "dim": 8, "heads": 2, "layers": 2, "max_positions": 20, "max_distance": 3}
    config = NetworkConfig(**(values | changes))
    parameters = Network(config).initialise(1)
    for array in parameters.values():
        array += np.float32(0.3) * rng.standard_normal(array.shape, dtype=np.float32)
    return config, parameters


def sentences(rng: np.random.Generator, width: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
    return rng.standard_normal((offsets[-1], width), dtype=np.float32), offsets


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_rows_are_those_of_forward_bit_for_bit(kind: str, name: str, rng: np.random.Generator) -> None:
    config, parameters = make(rng, positions=kind, **HEADS[name])
    x, offsets = sentences(rng, config.input_size)
    expected, _ = Network(config).forward(parameters, x, offsets)
    ready = FusedNetwork(config.stack, parameters)
    assert np.array_equal(ready.rows(x, offsets), expected)
    assert np.array_equal(ready.rows(x, offsets, workers=3), expected)


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_rows_follow_the_activation(activation: str, rng: np.random.Generator) -> None:
    config, parameters = make(rng, activation=activation, feed_forward=1.4)
    x, offsets = sentences(rng, 6)
    expected, _ = Network(config).forward(parameters, x, offsets)
    assert np.array_equal(FusedNetwork(config.stack, parameters).rows(x, offsets), expected)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("width", [8, 20])
def test_sums_are_those_of_the_rows_and_do_not_depend_on_the_batch(
    name: str, width: int, rng: np.random.Generator
) -> None:
    values = HEADS[name] | {"input_size": width, "dim": width if "none" in HEADS[name].values() else width + 4}
    config, parameters = make(rng, **values)
    x, offsets = sentences(rng, width)
    ready = FusedNetwork(config.stack, parameters)
    rows, sums = ready.rows(x, offsets), ready.sums(x, offsets, workers=2)
    assert sums.shape == (len(LENGTHS), width) and not sums[[1, 10]].any()
    for b, (first, last) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        total = rows[first:last].sum(axis=0, dtype=np.float64)
        scale = np.abs(rows[first:last]).sum(axis=0).max(initial=0)
        assert np.abs(sums[b] - total).max() <= 1e-6 * scale
        alone = ready.sums(x[first:last], np.array([0, last - first], np.int64))
        assert np.array_equal(alone[0], sums[b])


@pytest.mark.parametrize("name", HEADS)
def test_sums_of_words_are_those_of_their_rows(name: str, rng: np.random.Generator) -> None:
    config, parameters = make(rng, **HEADS[name])
    ready, width = FusedNetwork(config.stack, parameters), config.input_size
    table, extra = rng.standard_normal((50, width), dtype=np.float32), rng.standard_normal((3, width), dtype=np.float32)
    gains = rng.random(50, np.float32)
    ids = rng.integers(-3, 50, sum(LENGTHS)).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
    x = np.where(ids[:, None] >= 0, table[ids] * gains[ids, None], extra[np.clip(-1 - ids, 0, 2)])
    projected = ready.project(table, gains)
    assert projected.shape == (50, config.dim)
    found = ready.table_sums(ids, offsets, gains, table, projected, extra, workers=2)
    assert np.array_equal(found, ready.sums(x, offsets))
    known = np.where(ids >= 0, ids, 0).astype(np.int32)
    whole = ready.table_sums(known, offsets, gains, table, projected)
    part = ready.table_sums(known[4:], np.concatenate([[0], offsets[4:] - 4]), gains, table, projected)
    assert np.array_equal(part[1:], whole[4:])
    assert not ready.table_sums(ids[:0], np.zeros(3, np.int64), gains, table, projected).any()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_branch_starts_at_the_sum_of_its_input_exactly(norm: str, rng: np.random.Generator) -> None:
    config = NetworkConfig(20, dim=16, heads=2, norm=norm)
    ready = FusedNetwork(config.stack, Network(config).initialise(1))
    x, offsets = sentences(rng, 20)
    expected = np.zeros((len(LENGTHS), 20), np.float32)
    for b in range(len(LENGTHS)):
        for row in x[offsets[b] : offsets[b + 1]]:
            expected[b] += row
    assert np.array_equal(ready.sums(x, offsets), expected)


def test_parameters_are_copied(rng: np.random.Generator) -> None:
    config, parameters = make(rng, positions="learned")
    x, offsets = sentences(rng, 6)
    ready = FusedNetwork(config.stack, parameters)
    before = ready.rows(x, offsets)
    parameters.flat[:] = 0
    assert np.array_equal(ready.rows(x, offsets), before)


def test_wrong_arrays_are_refused(rng: np.random.Generator) -> None:
    config, parameters = make(rng)
    x, offsets = sentences(rng, 6)
    with pytest.raises(ValueError, match="the parameters must be float32, not float64"):
        FusedNetwork(config.stack, parameters.astype(np.float64))
    ready = FusedNetwork(config.stack, parameters)
    wrong_ones: list[Any] = [x.astype(np.float64), x[:, :5], x[:, ::-1]]
    for wrong in wrong_ones:
        with pytest.raises(ValueError, match=r"x must be float32, C-contiguous and of shape \(N, 6\)"):
            ready.rows(wrong, offsets)
    with pytest.raises(ValueError, match="offsets must rise"):
        ready.sums(x, offsets[:-1])
