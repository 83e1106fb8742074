"""The network made ready: the rows of `Network.forward`, bit for bit, and their sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from encoder.layers import activations
from encoder.layers._inference import GROUP
from encoder.layers.positions import KINDS
from encoder.network import Network, NetworkConfig
from encoder.parameters import ParameterTable
from encoder.ready_network import ReadyNetwork

HEADS: dict[str, dict[str, Any]] = {
    "pre": {},
    "post": {"norm": "post"},
    "linear": {"norm": "post", "head": "linear", "dim": 12},
    "no head": {"norm": "post", "head": "none", "input_size": 8},
    "pre without head": {"head": "none", "input_size": 8},
}
CASES = [(kind, name) for kind in KINDS for name in HEADS if (kind, name) != ("sinusoidal", "linear")]
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
    ready = ReadyNetwork(config, parameters)
    assert np.array_equal(ready.rows(x, offsets), expected)
    assert np.array_equal(ready.rows(x, offsets, workers=3), expected)


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_rows_follow_the_activation(activation: str, rng: np.random.Generator) -> None:
    config, parameters = make(rng, activation=activation, feed_forward=1.4)
    x, offsets = sentences(rng, 6)
    expected, _ = Network(config).forward(parameters, x, offsets)
    assert np.array_equal(ReadyNetwork(config, parameters).rows(x, offsets), expected)


@pytest.mark.parametrize("name", ["pre", "linear"])
def test_sums_are_those_of_the_rows_whatever_the_batch(name: str, rng: np.random.Generator) -> None:
    config, parameters = make(rng, **HEADS[name])
    x, offsets = sentences(rng, config.input_size)
    ready = ReadyNetwork(config, parameters)
    rows, sums = ready.rows(x, offsets), ready.sums(x, offsets, workers=2)
    assert sums.shape == (len(LENGTHS), 6) and not sums[[1, 10]].any()
    for b, (first, last) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        total = np.zeros(6, np.float32)
        for row in rows[first:last]:
            total += row
        assert np.array_equal(sums[b], total)
        alone = ready.sums(x[first:last], np.array([0, last - first], np.int64))
        assert np.array_equal(alone[0], sums[b])


def test_parameters_are_copied(rng: np.random.Generator) -> None:
    config, parameters = make(rng, positions="learned")
    x, offsets = sentences(rng, 6)
    ready = ReadyNetwork(config, parameters)
    before = ready.rows(x, offsets)
    parameters.flat[:] = 0
    assert np.array_equal(ready.rows(x, offsets), before)


def test_wrong_arrays_are_refused(rng: np.random.Generator) -> None:
    config, parameters = make(rng)
    x, offsets = sentences(rng, 6)
    with pytest.raises(ValueError, match="the parameters must be float32, not float64"):
        ReadyNetwork(config, parameters.astype(np.float64))
    ready = ReadyNetwork(config, parameters)
    wrong_ones: list[Any] = [x.astype(np.float64), x[:, :5], x[:, ::-1]]
    for wrong in wrong_ones:
        with pytest.raises(ValueError, match=r"x must be float32, C-contiguous and of shape \(N, 6\)"):
            ready.rows(wrong, offsets)
    with pytest.raises(ValueError, match="offsets must rise"):
        ready.sums(x, offsets[:-1])
