"""A stack as encoder, as causal language model and as decoder: exact gradients, what it sees and what it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_directions
from w2v.neural import losses, stack
from w2v.neural.layers import dropout, embedding
from w2v.neural.layers.dropout import Dropout
from w2v.neural.layers.positions import KINDS
from w2v.neural.optimizers.adam import Adam, LazyAdam
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import Memory, StackConfig

Array = NDArray[Any]
OFFSETS = np.array([0, 1, 1, 4, 9], np.int64)
MEMORY = np.array([0, 2, 3, 7, 8], np.int64)
VISIBLE = np.array([1, 0, 1, 1, 0, 1, 1, 1], np.bool_)
ENCODER = StackConfig(4, 2, 2, 6, positions="learned+relative", max_positions=4, max_distance=2)
LANGUAGE_MODEL = replace(ENCODER, causal=True)
DECODER = replace(LANGUAGE_MODEL, memory_size=3)
KINDS_OF_STACK = {"encoder": ENCODER, "language model": LANGUAGE_MODEL, "decoder": DECODER}
KINDS_OF_STACK |= {
    f"{mixer} {kind}": replace(config, mixer=mixer, positions="learned")
    for mixer in ("recurrent", "convolution")
    for kind, config in KINDS_OF_STACK.items()
}
norms = pytest.mark.parametrize("norm", ["pre", "post"])
stacks = pytest.mark.parametrize("kind", KINDS_OF_STACK)


def make(config: StackConfig, rng: np.random.Generator, dtype: Any = np.float64) -> ParameterTable:
    """Return parameters away from the start, where many gradients are zero."""
    table = ParameterTable.initialise(config.tensors(), 1, np.float64)
    for array in table.values():
        array += 0.5 * rng.standard_normal(array.shape)
    return table.astype(dtype)


def inputs(rng: np.random.Generator, dtype: Any = np.float64) -> tuple[Array, Array]:
    return rng.standard_normal((9, 4)).astype(dtype), rng.standard_normal((8, 3)).astype(dtype)


def memory_of(config: StackConfig, states: Array, visible: NDArray[np.bool_] | None = None) -> Memory | None:
    return None if config.memory_size is None else Memory(states, MEMORY, visible)


@norms
@stacks
@pytest.mark.parametrize(
    "dropped", [pytest.param(None, id="whole", marks=pytest.mark.slow), pytest.param(Dropout(0.3, 5), id="dropped")]
)
def test_stack_gradients(norm: str, kind: str, dropped: Dropout | None, rng: np.random.Generator) -> None:
    config = replace(KINDS_OF_STACK[kind], norm=norm)
    table, (x, states), dy = make(config, rng), inputs(rng), rng.standard_normal((9, 4))

    def forward() -> tuple[Array, stack.Cache]:
        memory = memory_of(config, states, VISIBLE)
        return stack.forward(config, table, x, OFFSETS, memory=memory, dropped=dropped)

    gradients = table.zeros_like()
    dx, dmemory = stack.backward(config, table, dy, forward()[1], gradients)
    arrays, found = {"x": x, **table}, {"x": dx, **gradients}
    assert (dmemory is None) == (config.memory_size is None)
    if dmemory is not None:
        arrays["memory"], found["memory"] = states, dmemory
    assert_directions(lambda: float(np.sum(forward()[0] * dy)), arrays, found, rng, ("key.bias",))


@norms
@stacks
def test_stack_in_float32_agrees_with_float64(norm: str, kind: str, rng: np.random.Generator) -> None:
    config = replace(KINDS_OF_STACK[kind], norm=norm)
    table, (x, states) = make(config, rng), inputs(rng)
    exact, _ = stack.forward(config, table, x, OFFSETS, memory=memory_of(config, states))
    table32, x32, states32 = table.astype(np.float32), x.astype(np.float32), states.astype(np.float32)
    single, cache = stack.forward(config, table32, x32, OFFSETS, memory=memory_of(config, states32))
    assert single.dtype == np.float32 and np.abs(single - exact).max() < 5e-5 * np.abs(exact).max()
    dx, dmemory = stack.backward(config, table32, single, cache, table32.zeros_like())
    assert dx.dtype == np.float32 and (dmemory is None or dmemory.dtype == np.float32)


@norms
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("positions", KINDS)
def test_causal_stack_sees_the_past_alone(norm: str, dtype: Any, positions: str, rng: np.random.Generator) -> None:
    if positions == "fraction":
        pytest.skip("a fraction of the length tells the length, which is the future")
    config = replace(LANGUAGE_MODEL, norm=norm, positions=positions)
    table, (x, _) = make(config, rng, dtype), inputs(rng, dtype)
    before, _ = stack.forward(config, table, x, OFFSETS)
    later = x.copy()
    later[6:] += rng.standard_normal((3, 4))  # of the last sequence, tokens 4 … 8, those after the second
    after, _ = stack.forward(config, table, later, OFFSETS)
    assert np.array_equal(before[:6], after[:6]) and not np.isclose(before[6:], after[6:]).all(axis=1).any()
    both_ways, _ = stack.forward(replace(config, causal=False), table, x, OFFSETS)
    assert not np.allclose(both_ways[4], before[4])


@norms
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decoder_sees_its_own_memory_alone(norm: str, dtype: Any, rng: np.random.Generator) -> None:
    config = replace(DECODER, norm=norm)
    table, (x, states) = make(config, rng, dtype), inputs(rng, dtype)
    before, _ = stack.forward(config, table, x, OFFSETS, memory=Memory(states, MEMORY))
    other = states.copy()
    other[3:7] += rng.standard_normal((4, 3))  # the memory of the third sequence, tokens 1 … 3
    after, _ = stack.forward(config, table, x, OFFSETS, memory=Memory(other, MEMORY))
    assert np.array_equal(before[4:], after[4:]) and np.array_equal(before[:1], after[:1])
    assert not np.isclose(before[1:4], after[1:4]).all(axis=1).any()
    visible = np.array([1, 1, 1, 0, 0, 0, 0, 1], np.bool_)
    hidden, unseen = (
        stack.forward(config, table, x, OFFSETS, memory=Memory(own, MEMORY, visible))[0] for own in (other, states)
    )
    assert np.array_equal(hidden, unseen)


@pytest.mark.parametrize("kind", [kind for kind, config in KINDS_OF_STACK.items() if config.causal])
def test_causal_stack_can_go_on_one_token_after_the_other(kind: str, rng: np.random.Generator) -> None:
    config = KINDS_OF_STACK[kind]
    table, x = make(config, rng, np.float32), rng.standard_normal((7, 4)).astype(np.float32)
    states = rng.standard_normal((5, 3)).astype(np.float32)
    memory = None if config.memory_size is None else Memory(states, np.array([0, 5], np.int64))
    whole, _ = stack.forward(config, table, x, np.array([0, 7], np.int64), memory=memory)
    for n in range(1, 8):
        start, _ = stack.forward(config, table, x[:n], np.array([0, n], np.int64), memory=memory)
        assert np.array_equal(start, whole[:n])


def test_decoder_without_a_memory_is_an_error(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="needs a memory"):
        stack.forward(DECODER, make(DECODER, rng), inputs(rng)[0], OFFSETS)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_every_place_of_every_step_drops_other_values(kind: str) -> None:
    """No two layers, no two steps and no two parts of a batch share a mask."""
    config = KINDS_OF_STACK[kind]
    n_subs = 3 if kind == "decoder" else 2
    places = [*range(n_subs * config.layers), 1 << 20]
    ones, seen = np.ones((8, 16), np.float32), set()
    for step in range(3):
        for first_row in (0, 8, 16):
            for place in places:
                seen.add(dropout.forward(ones, Dropout(0.5, step, first_row).mask(place)).tobytes())
    assert len(seen) == 3 * 3 * len(places)


def test_stack_uses_a_mask_of_its_own_in_every_sub_layer(rng: np.random.Generator) -> None:
    table, (x, states) = make(DECODER, rng), inputs(rng)
    _, cache = stack.forward(DECODER, table, x, OFFSETS, memory=Memory(states, MEMORY), dropped=Dropout(0.5, 1, 9))
    masks = [cache.mask, *(mask for block in cache.blocks for mask in block.masks)]
    assert all(mask is not None and (mask.rate, mask.first_row) == (0.5, 9) for mask in masks)
    assert len({mask.seed for mask in masks if mask is not None}) == len(masks) == 1 + 3 * DECODER.layers


def test_a_decoder_learns_to_copy_its_memory(rng: np.random.Generator) -> None:
    """Embedding, causal stack with cross-attention, sampled softmax and both optimizers learn together."""
    config = StackConfig(16, 2, 1, 32, positions="learned", max_positions=6, causal=True, memory_size=16)
    parameters = ParameterTable.initialise(config.tensors(), 1)
    n_tokens, length, n_sequences = 8, 5, 16
    table = (0.3 * rng.standard_normal((n_tokens + 1, 16))).astype(np.float32)  # the last row begins a sequence
    adam, lazy = Adam(parameters.flat.shape), LazyAdam(table.shape)
    offsets = np.arange(n_sequences + 1, dtype=np.int64) * length
    noise = np.arange(n_tokens)
    right = []
    for _ in range(150):
        tokens = rng.integers(n_tokens, size=(n_sequences, length))
        written = np.hstack([np.full((n_sequences, 1), n_tokens), tokens[:, :-1]]).ravel()
        source, source_cache = embedding.forward(table, tokens.ravel())
        x, cache = embedding.forward(table, written)
        source = source + np.tile(np.eye(length, 16, dtype=np.float32), (n_sequences, 1))
        h, stack_cache = stack.forward(config, parameters, x, offsets, memory=Memory(source, offsets))
        right.append(float(np.mean((h @ table[:n_tokens].T).argmax(axis=1) == tokens.ravel())))
        _, dh, dtargets, dnoise = losses.sampled_softmax(
            h, table[tokens.ravel()], table[noise], target_log_q=np.zeros(tokens.size, np.float32),
            noise_log_q=np.zeros(n_tokens, np.float32), is_target=tokens.ravel()[:, None] == noise,
        )  # fmt: skip
        gradients = parameters.zeros_like()
        dx, dmemory = stack.backward(config, parameters, dh.astype(np.float32), stack_cache, gradients)
        assert dmemory is not None
        adam.step(parameters.flat, gradients.flat, 1e-2)
        rows, moved = embedding.backward(
            np.concatenate([dx, dmemory, dtargets, dnoise]).astype(np.float32),
            np.concatenate([cache, source_cache, tokens.ravel(), noise]),
        )
        lazy.step(table, rows, moved, 1e-2)
    assert np.mean(right[:5]) < 0.4 and np.mean(right[-5:]) > 0.95
