"""The whole network: exact gradients, what does not change its rows, and how it starts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_directions
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.neural.layers.positions import KINDS, WITH_ROTATION, WITH_SINUSOIDS
from w2v.neural.packing import divide
from w2v.neural.parameters import ParameterTable

Array = NDArray[Any]
OFFSETS = np.array([0, 1, 1, 6, 8, 15], np.int64)
"""One token, none, five, two and seven."""
ARRANGEMENTS: dict[str, dict[str, Any]] = {
    "pre": {"norm": "pre"},
    "post": {"norm": "post"},
    "linear": {"norm": "post", "head": "linear", "dim": 12},
    "no head": {"norm": "post", "head": "none", "input_size": 8},
}
CASES = [(kind, name) for kind in KINDS for name in ARRANGEMENTS if not (kind in WITH_SINUSOIDS and name == "linear")]
cases = pytest.mark.parametrize(("kind", "arrangement"), CASES)
some_cases = pytest.mark.parametrize(
    ("kind", "arrangement"),
    [
        pytest.param(kind, name, marks=() if name == "pre" or kind == "learned+relative" else pytest.mark.slow)
        for kind, name in CASES
    ],
)
"""Every kind of positions and every arrangement once; the others take longer than they tell."""
kinds = pytest.mark.parametrize("kind", KINDS)


def configure(**changes: Any) -> NetworkConfig:
    values = {"input_size": 6, "dim": 8, "heads": 2, "layers": 2, "max_positions": 4, "max_distance": 2}
    return NetworkConfig(**(values | changes))


def perturbed(network: Network, rng: np.random.Generator, dtype: Any = np.float64) -> ParameterTable:
    """Return numbers away from the start, where many gradients are zero."""
    parameters = network.initialise(1, dtype=np.float64)
    for array in parameters.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return parameters.astype(dtype)


def sentences(
    rng: np.random.Generator, lengths: list[int], width: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return rng.standard_normal((offsets[-1], width)).astype(np.float32), offsets


@some_cases
def test_network_gradients(kind: str, arrangement: str, rng: np.random.Generator) -> None:
    network = Network(configure(positions=kind, dropout=0.2, **ARRANGEMENTS[arrangement]), workers=2)
    parameters = perturbed(network, rng)
    x = rng.standard_normal((OFFSETS[-1], network.config.input_size))
    dy = rng.standard_normal(x.shape)

    def value() -> float:
        return float(np.sum(network.forward(parameters, x, OFFSETS, dropped=network.dropout(3))[0] * dy))

    dx, gradients = network.backward(
        parameters, dy, network.forward(parameters, x, OFFSETS, dropped=network.dropout(3))[1]
    )
    assert gradients.shapes == parameters.shapes
    # a softmax does not feel a bias that all keys share, unless positions turn it
    zero = () if kind in WITH_ROTATION else ("key.bias",)
    assert_directions(value, {"x": x, **parameters}, {"x": dx, **gradients}, rng, zero)


@pytest.mark.parametrize("is_of_sums", [True, False])
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_network_gradients_of_distinct_words(arrangement: str, is_of_sums: bool, rng: np.random.Generator) -> None:
    network = Network(configure(positions="learned", dropout=0.2, **ARRANGEMENTS[arrangement]), workers=2)
    parameters, slots = perturbed(network, rng), rng.integers(5, size=OFFSETS[-1])
    x = rng.standard_normal((6, network.config.input_size))  # the last is never read
    options: dict[str, Any] = {"slots": slots, "is_of_sums": is_of_sums, "dropped": network.dropout(3)}
    y, cache = network.forward(parameters, x, OFFSETS, **options)
    dy = rng.standard_normal(y.shape)

    def value() -> float:
        return float(np.sum(network.forward(parameters, x, OFFSETS, **options)[0] * dy))

    dx, gradients = network.backward(parameters, dy, cache)
    assert not dx[5].any()
    assert_directions(value, {"x": x, **parameters}, {"x": dx, **gradients}, rng, ("key.bias",))


@pytest.mark.parametrize("has_slots", [True, False])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_sums_are_those_of_the_rows_of_tokens(
    dtype: Any, error: float, arrangement: str, workers: int, has_slots: bool, rng: np.random.Generator
) -> None:
    network = Network(configure(positions="learned", dropout=0.2, **ARRANGEMENTS[arrangement]), workers)
    parameters, lengths = perturbed(network, rng), np.diff(OFFSETS)
    slots = rng.integers(5, size=OFFSETS[-1]) if has_slots else np.arange(OFFSETS[-1])
    x = rng.standard_normal((slots.max() + 1, network.config.input_size))
    dropped = network.dropout(3)
    rows, cache = network.forward(parameters, x[slots], OFFSETS, dropped=dropped)
    own = np.repeat(np.arange(len(lengths)), lengths)
    expected = np.zeros((len(lengths), rows.shape[1]))
    np.add.at(expected, own, rows)
    d_sums = rng.standard_normal(expected.shape)
    d_tokens, d_expected = network.backward(parameters, d_sums[own], cache)
    dx_expected = np.zeros_like(x)
    np.add.at(dx_expected, slots, d_tokens)
    used = parameters.astype(dtype)
    y, cache = network.forward(
        used, x.astype(dtype), OFFSETS, slots=slots if has_slots else None, is_of_sums=True, dropped=dropped
    )
    dx, gradients = network.backward(used, d_sums.astype(dtype), cache)
    for found, wanted in ((y, expected), (dx, dx_expected), (gradients.flat, d_expected.flat)):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted, rtol=error, atol=10 * error * np.abs(wanted).max())


@cases
def test_float32_agrees_with_float64(kind: str, arrangement: str, rng: np.random.Generator) -> None:
    network = Network(configure(positions=kind, **ARRANGEMENTS[arrangement]), workers=1)
    parameters = perturbed(network, rng)
    x = rng.standard_normal((OFFSETS[-1], network.config.input_size))
    dy = rng.standard_normal(x.shape)
    y, cache = network.forward(parameters, x, OFFSETS)
    dx, gradients = network.backward(parameters, dy, cache)
    single = parameters.astype(np.float32)
    y32, cache32 = network.forward(single, x.astype(np.float32), OFFSETS)
    dx32, gradients32 = network.backward(single, dy.astype(np.float32), cache32)
    assert y32.dtype == dx32.dtype == gradients32.dtype == np.float32
    assert np.abs(y32 - y).max() < 2e-5 * np.abs(y).max()
    assert np.abs(dx32 - dx).max() < 1e-3 * np.abs(dx).max()
    assert np.abs(gradients32.flat - gradients.flat).max() < 1e-4 * np.abs(gradients.flat).max()


@cases
def test_rows_of_a_sentence_do_not_depend_on_the_batch(kind: str, arrangement: str, rng: np.random.Generator) -> None:
    config = configure(positions=kind, **ARRANGEMENTS[arrangement])
    parameters = perturbed(Network(config), rng, np.float32)
    x, offsets = sentences(rng, [3, 1, 0, 40, 7, 13, 250, 2, 12, 17], config.input_size)
    whole, _ = Network(config, workers=1).forward(parameters, x, offsets)
    for workers in (2, 3, 20):
        assert np.array_equal(Network(config, workers).forward(parameters, x, offsets)[0], whole)
    network = Network(config, workers=2)
    for first, last in ((0, 1), (1, 4), (3, 4), (4, 10), (6, 7), (8, 9)):
        rows = slice(*offsets[[first, last]].tolist())
        part, _ = network.forward(parameters, x[rows], offsets[first : last + 1] - rows.start)
        assert np.array_equal(part, whole[rows])
    order = rng.permutation(10)
    shuffled = np.concatenate([x[offsets[b] : offsets[b + 1]] for b in order])
    borders = np.concatenate([[0], np.cumsum(np.diff(offsets)[order])]).astype(np.int64)
    again, _ = network.forward(parameters, shuffled, borders)
    for place, b in enumerate(order):
        assert np.array_equal(again[borders[place] : borders[place + 1]], whole[offsets[b] : offsets[b + 1]])


@pytest.mark.parametrize("norm", ["pre", "post"])
@kinds
def test_branch_starts_at_its_input_exactly(kind: str, norm: str, rng: np.random.Generator) -> None:
    for seed, layers, dtype in ((0, 1, np.float32), (1, 4, np.float64)):
        network = Network(configure(positions=kind, norm=norm, layers=layers))
        x, offsets = sentences(rng, [5, 0, 1, 30], 6)
        y, _ = network.forward(network.initialise(seed, dtype=dtype), x.astype(dtype), offsets)
        assert np.array_equal(y, x)


@pytest.mark.parametrize("layers", [1, 4])
@pytest.mark.parametrize("length", [0.1, 1.0, 7.0])
def test_linear_starts_near_its_input(layers: int, length: float, rng: np.random.Generator) -> None:
    config = configure(input_size=30, dim=32, heads=4, layers=layers, norm="post", head="linear", positions="learned")
    x, offsets = sentences(rng, [5, 1, 30], 30)
    x *= np.float32(length) / np.linalg.norm(x, axis=1, keepdims=True) * rng.random((36, 1), np.float32)
    y, _ = Network(config).forward(Network(config).initialise(2, length=length), x, offsets)
    for first, last in zip(offsets[:-1], offsets[1:], strict=True):
        before, after = x[first:last].sum(axis=0), y[first:last].sum(axis=0)
        cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
        assert cosine > 1 - 1e-6
        assert abs(np.linalg.norm(after) / np.linalg.norm(before) - 1) < 1e-2
    ordinary = Network(config).initialise(2, length=length)
    for name, array in ordinary.items():
        if name.endswith("gain"):
            array[:] = 1  # without the carrier's gain, norms bring all rows to one length
    y, _ = Network(config).forward(ordinary, x, offsets)
    assert np.abs(y - x).max() > 0.05 * length


@kinds
def test_only_positions_tell_the_order_of_words(kind: str, rng: np.random.Generator) -> None:
    network = Network(configure(positions=kind))
    parameters = perturbed(network, rng)
    x = rng.standard_normal((7, 6))
    order, offsets = np.array([3, 1, 0, 6, 5, 2, 4]), np.array([0, 7], np.int64)
    plain, turned = (network.forward(parameters, rows, offsets)[0] for rows in (x, x[order]))
    assert np.allclose(plain[order], turned, atol=1e-12) == (kind == "none")


def test_relative_positions_start_with_the_word_before_and_the_word_behind(rng: np.random.Generator) -> None:
    network = Network(configure(positions="relative", heads=4, layers=1))
    parameters = network.initialise(1)
    for part in ("query", "key"):
        parameters[f"layers.0.attention.{part}.weight"][:] = 0  # scores are biases alone
    x, offsets = sentences(rng, [9], 6)
    attention: list[list[NDArray[Any]]] = []
    network.forward(parameters, x, offsets, attention=attention)
    weights = attention[0][0]
    for i in range(1, 8):
        assert weights[0, i].argmax() == i - 1 and weights[1, i].argmax() == i + 1
        assert np.allclose(weights[0, i, i - 1] / weights[0, i, i], np.exp(4), rtol=1e-4)
        assert np.allclose(weights[2:, i], 1 / 9)


def test_dropout_acts_in_training_alone_and_repeats_with_its_seed(rng: np.random.Generator) -> None:
    network = Network(configure(dropout=0.3), workers=2)
    parameters = perturbed(network, rng, np.float32)
    x, offsets = sentences(rng, [5, 3, 12], 6)
    plain = network.forward(parameters, x, offsets)[0]
    assert np.array_equal(plain, network.forward(parameters, x, offsets)[0])
    one, again, other = (network.forward(parameters, x, offsets, dropped=network.dropout(s))[0] for s in (1, 1, 2))
    assert np.array_equal(one, again) and not np.allclose(one, other) and not np.allclose(one, plain)
    alone = Network(network.config, workers=1).forward(parameters, x, offsets, dropped=network.dropout(1))[0]
    assert np.array_equal(one, alone)


def test_dropout_leaves_rows_at_their_start_what_they_are(rng: np.random.Generator) -> None:
    """Rows of a post-norm network start under a carrier forty times as long, holes in which would drown them."""
    network = Network(configure(input_size=30, dim=32, norm="post", positions="learned", head="linear", dropout=0.1))
    x = rng.standard_normal((40, 30)).astype(np.float32)
    parameters = network.initialise(1, length=float(np.sqrt(30)))
    y = network.forward(parameters, x, np.array([0, 4, 40]), dropped=network.dropout(1))[0]
    cosines = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    assert cosines.mean() > 0.9  # a tenth of the numbers is missing: sqrt(0.9) is 0.95


def test_gradients_of_a_batch_are_the_sum_of_its_sentences(rng: np.random.Generator) -> None:
    network = Network(configure(positions="learned"), workers=3)
    parameters = perturbed(network, rng)
    x, dy = rng.standard_normal((15, 6)), rng.standard_normal((15, 6))
    dx, gradients = network.backward(parameters, dy, network.forward(parameters, x, OFFSETS)[1])
    total = parameters.zeros_like()
    for first, last in zip(OFFSETS[:-1], OFFSETS[1:], strict=True):
        own, borders = slice(first, last), np.array([0, last - first], np.int64)
        part, grads = network.backward(parameters, dy[own], network.forward(parameters, x[own], borders)[1])
        assert np.allclose(part, dx[own], atol=1e-12)
        total.flat += grads.flat
    assert np.allclose(total.flat, gradients.flat, atol=1e-11)


def test_attention_has_a_matrix_for_every_layer_and_sentence(rng: np.random.Generator) -> None:
    network = Network(configure(positions="relative"), workers=2)
    parameters = perturbed(network, rng, np.float32)
    x, offsets = sentences(rng, [4, 0, 1, 9], 6)
    attention: list[list[NDArray[Any]]] = []
    y, _ = network.forward(parameters, x, offsets, attention=attention)
    assert np.array_equal(y, network.forward(parameters, x, offsets)[0])
    assert [[weights.shape for weights in layer] for layer in attention] == [
        [(2, 4, 4), (2, 0, 0), (2, 1, 1), (2, 9, 9)]
    ] * 2
    assert all(np.allclose(weights.sum(axis=2), 1, atol=1e-6) for layer in attention for weights in layer)
    assert not np.allclose(attention[0][0], attention[1][0])


def test_batches_without_tokens_are_empty(rng: np.random.Generator) -> None:
    network = Network(configure(positions="learned"))
    for dtype in (np.float32, np.float64):
        parameters, x = perturbed(network, rng, dtype), np.zeros((0, 6), dtype)
        for offsets in (np.zeros(1, np.int64), np.zeros(3, np.int64)):
            y, cache = network.forward(parameters, x, offsets)
            dx, gradients = network.backward(parameters, y, cache)
            assert y.shape == dx.shape == (0, 6) and not gradients.flat.any()
            y, cache = network.forward(parameters, x, offsets, slots=np.empty(0, np.int64), is_of_sums=True)
            dx, gradients = network.backward(parameters, y, cache)
            assert y.shape == (len(offsets) - 1, 6) and dx.shape == (0, 6)
            assert not y.any() and not gradients.flat.any()


def test_a_sentence_of_ten_thousand_words_has_finite_rows_in_bounded_memory(rng: np.random.Generator) -> None:
    network = Network(NetworkConfig(input_size=8, dim=16, heads=1, positions="rotary"))
    parameters = perturbed(network, rng, np.float32)
    x, offsets = sentences(rng, [10_000], 8)
    y, _ = network.forward(parameters, x, offsets)
    assert np.isfinite(y).all() and not np.allclose(y, x)


def test_inputs_are_not_written_to(rng: np.random.Generator) -> None:
    for dtype in (np.float32, np.float64):
        network = Network(configure(dropout=0.1), workers=2)
        parameters = perturbed(network, rng, dtype)
        x, dy = (rng.standard_normal((15, 6)).astype(dtype) for _ in range(2))
        before = [array.copy() for array in (x, dy, parameters.flat, OFFSETS)]
        network.backward(parameters, dy, network.forward(parameters, x, OFFSETS, dropped=network.dropout(1))[1])
        for old, new in zip(before, (x, dy, parameters.flat, OFFSETS), strict=True):
            assert np.array_equal(old, new)


def test_config_round_trips_through_json() -> None:
    config = configure(norm="post", positions="learned", dropout=0.1, feed_forward=1.5)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.stack.d_ff == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, "dim must be a whole number from 1 to 65536, got 0"),
        ({"heads": 3}, "dim must be a multiple of heads: 8 is not a multiple of 3"),
        ({"heads": 8}, "rotary positions rotate pairs of columns"),
        ({"layers": 2000}, "layers must be a whole number from 1 to 1024"),
        ({"dropout": 1.0}, "dropout must be a finite number at least 0 and below 1, got 1.0"),
        ({"dropout": float("nan")}, "dropout must be"),
        ({"feed_forward": 0.0}, "feed_forward must be a finite number above 0"),
        ({"epsilon": -1.0}, "epsilon must be a number from 0 to 1"),
        ({"norm": "between"}, "norm must be 'pre' or 'post', got 'between'"),
        ({"positions": "polar"}, "positions must be 'none' or 'index'"),
        ({"activation": "swish"}, "activation must be 'gelu' or 'gelu-tanh' or 'relu' or 'tanh'"),
        ({"head": "both"}, "head must be 'branch' or 'linear' or 'none'"),
        ({"head": "none"}, "without a head, dim must equal input_size: 8 is not 6"),
        ({"head": "linear"}, "needs the norm 'post'"),
        ({"head": "linear", "norm": "post", "input_size": 7}, r"hidden size \(dim\) of at least 9"),
    ],
    ids=str,
)
def test_config_refuses_what_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configure(**change)


@pytest.mark.parametrize("change", [{"dim": 8.0}, {"layers": True}, {"dropout": "0"}, {"epsilon": None}], ids=str)
def test_config_refuses_other_types(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(change))} must be"):
        configure(**change)


def test_config_from_dict_names_what_is_unknown_or_missing() -> None:
    with pytest.raises(ValueError, match="a network has no 'width'"):
        NetworkConfig.from_dict({"input_size": 3, "width": 3})
    with pytest.raises(ValueError, match="input_size is missing"):
        NetworkConfig.from_dict({"dim": 8})


def test_forward_refuses_arrays_that_do_not_fit(rng: np.random.Generator) -> None:
    network = Network(configure())
    parameters = network.initialise(1)
    x, offsets = sentences(rng, [3, 2], 6)
    for wrong, message in (
        (x[:, :5], r"x must have shape \(N, 6\), not \(5, 5\)"),
        (x.astype(np.float64), "x is float64, but the parameters are float32"),
        (np.asfortranarray(x), "C-contiguous"),
    ):
        with pytest.raises(ValueError, match=message):
            network.forward(parameters, wrong, offsets)
    for borders in ([0, 3], [1, 5], [0, 4, 3, 5]):
        with pytest.raises(ValueError, match="offsets must rise from 0 to the number of rows, 5"):
            network.forward(parameters, x, np.array(borders, np.int64))
    with pytest.raises(ValueError, match="must be int64"):
        network.forward(parameters, x, offsets.astype(np.int32))
    with pytest.raises(ValueError, match="dy has shape"):
        network.backward(parameters, x[:3], network.forward(parameters, x, offsets)[1])


@pytest.mark.parametrize("workers", [0, -1])
def test_network_refuses_fewer_threads_than_one(workers: int) -> None:
    with pytest.raises(ValueError, match=f"workers must be a whole number from 1 to 1024 or None, got {workers}"):
        Network(configure(), workers)


def test_divide_shares_the_tokens_out_evenly() -> None:
    offsets = np.concatenate([[0], np.cumsum([5] * 20)]).astype(np.int64)
    assert divide(offsets, 4) == [(0, 5), (5, 10), (10, 15), (15, 20)]
    assert divide(np.array([0, 100, 101, 102], np.int64), 3) == [(0, 1), (1, 3)]
    assert divide(np.zeros(1, np.int64), 3) == []
    for n in range(1, 9):
        ranges = divide(offsets, n)
        assert ranges[0][0] == 0 and ranges[-1][1] == 20
        assert all(first[1] == second[0] for first, second in zip(ranges, ranges[1:], strict=False))
