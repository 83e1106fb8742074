"""Step by step as all at once: the fused decoder bit for bit, the one made of layers in float64."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.neural import models
from w2v.neural.configs import START, CausalConfig, Config, TranslatorConfig
from w2v.neural.generation.batches import in_batches
from w2v.neural.generation.beam import BeamOptions, beam
from w2v.neural.generation.plain import PlainDecoder, PlainState
from w2v.neural.generation.sequential import Sampling, greedy, sample
from w2v.neural.generation.state import Limits, State, Wanted
from w2v.neural.generation.transformer import FusedDecoder, FusedTranslator
from w2v.neural.layers.matmul import product
from w2v.neural.models import Batch
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import Memory, StackConfig

ENCODER = StackConfig(12, 2, 2, 20, positions="learned+relative", max_positions=5, max_distance=3)
SIZE, LENGTH = 40, 37
KINDS = ("sinusoidal+rotary", "rotary", "learned", "learned+relative", "relative", "sinusoidal", "index", "none")
variants = pytest.mark.parametrize(
    ("norm", "positions"), [(norm, kind) for norm, kind in itertools.product(("pre", "post"), KINDS)]
)
everyone = pytest.mark.parametrize("name", ["translator", "summary", "language model"])


def make(name: str, rng: np.random.Generator, dtype: Any = np.float32, **changes: Any) -> tuple[Config, ParameterTable]:
    decoder = replace(ENCODER, causal=True, activation="relu", **changes)
    config: Config = CausalConfig(SIZE, decoder)
    if name != "language model":
        encoder, decoder = replace(ENCODER, dim=8), replace(decoder, memory_size=8)
        config = TranslatorConfig(30, SIZE, encoder, decoder, joint=False, summary=name == "summary")
    parameters = ParameterTable.initialise(config.tensors(), 1)
    for array in parameters.values():
        array += np.float32(0.3) * rng.standard_normal(array.shape, dtype=np.float32)
    return config, parameters.astype(dtype)


def batch_of(config: Config, rng: np.random.Generator, lengths: tuple[int, ...] = (4, 0, 33, 1)) -> Batch:
    target = Packed.of([rng.integers(3, SIZE, LENGTH) for _ in lengths])
    sources = Packed.of([rng.integers(3, 30, n) for n in lengths])
    return Batch.of(target, sources if isinstance(config, TranslatorConfig) else None)


def memory_of(config: Config, parameters: ParameterTable, batch: Batch) -> Memory:
    if isinstance(config, TranslatorConfig) and batch.source is not None:
        return models.encode(config, parameters, batch.source)[0]
    return Memory(np.zeros((0, 0), parameters.dtype), np.zeros(batch.inputs.n_sequences + 1, np.int64))


def whole(config: Config, parameters: ParameterTable, batch: Batch) -> NDArray[Any]:
    """Return the logits of all places, made at once, in float32 with the product of the kernels."""
    memory = memory_of(config, parameters, batch) if isinstance(config, TranslatorConfig) else None
    hidden, _ = models.decode(config, parameters, batch.inputs, memory)
    if parameters.dtype == np.float64:
        return models.logits(config, parameters, hidden)
    return product(hidden, np.ascontiguousarray(parameters[config.table].T), parameters["output.bias"])


def step_through(state: State, batch: Batch) -> NDArray[Any]:
    logits = np.empty((len(batch.inputs.ids), SIZE), np.float64)
    for place in range(LENGTH + 1):
        rows = batch.inputs.offsets[:-1] + place
        logits[rows] = state.step(batch.inputs.ids[rows].astype(np.int32))
    return logits


@variants
@everyone
def test_steps_are_the_whole_sentence_bit_for_bit_in_float32(
    name: str, norm: str, positions: str, rng: np.random.Generator
) -> None:
    config, parameters = make(name, rng, norm=norm, positions=positions)
    batch = batch_of(config, rng)
    state = FusedDecoder(config, parameters).look_at(memory_of(config, parameters, batch))
    assert np.array_equal(step_through(state, batch), whole(config, parameters, batch))


@variants
@everyone
def test_plain_steps_are_the_whole_sentence(name: str, norm: str, positions: str, rng: np.random.Generator) -> None:
    config, parameters = make(name, rng, np.float64, norm=norm, positions=positions)
    batch = batch_of(config, rng)
    state = PlainState(config, parameters, memory_of(config, parameters, batch))
    expected = whole(config, parameters, batch)
    assert np.abs(step_through(state, batch) - expected).max() < 1e-12 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("mixer", ["recurrent", "convolution"])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@everyone
def test_steps_of_other_mixers_are_the_whole_sentence(
    name: str, mixer: str, norm: str, dtype: Any, rng: np.random.Generator
) -> None:
    config, parameters = make(name, rng, dtype, norm=norm, positions="sinusoidal", mixer=mixer)
    batch = batch_of(config, rng)
    state = PlainDecoder(config, parameters).look_at(memory_of(config, parameters, batch))
    found, expected = step_through(state, batch), whole(config, parameters, batch)
    if dtype == np.float32:
        assert np.array_equal(found, expected)
    assert np.abs(found - expected).max() < 1e-12 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("mixer", ["recurrent", "convolution"])
def test_rows_of_other_mixers_are_selected(mixer: str, rng: np.random.Generator) -> None:
    config, parameters = make("language model", rng, np.float64, mixer=mixer)
    state, rows = PlainDecoder(config, parameters).start(3), [[], [], []]  # type: ignore[var-annotated]
    for choice in ([0, 1, 2], [2, 2, 0, 1, 0], [4, 0, 0], [1], [0, 0, 0, 0]):
        tokens = rng.integers(0, SIZE, len(rows)).astype(np.int32)
        logits, rows = state.step(tokens), [[*row, token] for row, token in zip(rows, tokens.tolist(), strict=True)]
        whole_rows = Packed.of(rows)
        hidden, _ = models.decode(config, parameters, whole_rows)
        expected = models.logits(config, parameters, hidden)[whole_rows.offsets[1:] - 1]
        assert np.abs(logits - expected).max() < 1e-12 * np.abs(expected).max()
        state.select(np.array(choice))
        rows = [rows[row] for row in choice]


@pytest.mark.parametrize("mixer", ["recurrent", "convolution"])
def test_prompts_of_other_mixers_are_taken_in(mixer: str, rng: np.random.Generator) -> None:
    config, parameters = make("language model", rng, mixer=mixer)
    decoder, prompts = PlainDecoder(config, parameters), Packed.of(rng.integers(3, SIZE, (2, 5)))
    state, last = decoder.prompted(prompts, START)
    alone = decoder.start(2)
    for column in np.insert(prompts.ids.reshape(2, 5), 0, START, axis=1).T:
        expected = alone.step(column.astype(np.int32))
    assert np.array_equal(state.step(last), expected)
    with pytest.raises(ValueError, match="must have the same length"):
        decoder.prompted(Packed.of([[3], [4, 5]]), START)


@pytest.mark.parametrize("shape", [{}, {"dim": 32, "heads": 2}, {"dim": 96, "heads": 2, "d_ff": 33}])
@pytest.mark.parametrize("activation", ["gelu", "tanh"])
def test_other_shapes(shape: dict[str, Any], activation: str, rng: np.random.Generator) -> None:
    decoder = replace(ENCODER, causal=True, activation=activation, **shape)
    config = CausalConfig(SIZE, decoder)
    parameters = ParameterTable.initialise(config.tensors(), 1)
    batch = batch_of(config, rng)
    state = FusedDecoder(config, parameters).start(batch.inputs.n_sequences)
    assert np.array_equal(step_through(state, batch), whole(config, parameters, batch))


def test_prompts_are_taken_in_at_once(rng: np.random.Generator) -> None:
    config, parameters = make("language model", rng, positions="rotary")
    prompts = Packed.of([rng.integers(3, SIZE, n) for n in (5, 0, 70, 1)])
    decoder = FusedDecoder(config, parameters)
    state, last = decoder.prompted(prompts, START)
    logits = state.step(last)
    for i in range(4):
        alone = decoder.start(1)
        for token in [START, *prompts.part(i, i + 1).ids.tolist()]:
            expected = alone.step(np.array([token], np.int32))
        assert np.array_equal(logits[i], expected[0])


def test_rows_are_selected(rng: np.random.Generator) -> None:
    config, parameters = make("translator", rng)
    batch = batch_of(config, rng, (4, 2, 7))
    memory = memory_of(config, parameters, batch)
    states: list[State] = [FusedDecoder(config, parameters).look_at(memory), PlainState(config, parameters, memory)]
    rows = np.arange(3)
    for state in states:
        assert [weights.tolist() for weights in state.alignment()] == [[0.0] * n for n in (4, 2, 7)]
    for choice in ([0, 1, 2], [2, 2, 0, 1, 0], [4, 0, 0], [1], [0, 0, 0, 0]):
        tokens = rng.integers(0, SIZE, len(rows)).astype(np.int32)
        fused, plain = (state.step(tokens) for state in states)
        assert np.abs(fused - plain).max() < 1e-5 * np.abs(plain).max()
        for ours, exact in zip(*(state.alignment() for state in states), strict=True):
            np.testing.assert_allclose(ours, exact, atol=1e-6)
            assert ours.sum() == pytest.approx(1, abs=1e-5)
        rows = np.array(choice)
        for state in states:
            state.select(rows)
    assert [len(weights) for weights in states[0].alignment()] == [len(weights) for weights in states[1].alignment()]


def test_what_is_hidden_of_a_memory_is_not_seen(rng: np.random.Generator) -> None:
    config, parameters = make("translator", rng)
    batch = batch_of(config, rng, (4, 2, 7))
    states = models.encode(config, parameters, batch.source)[0].states  # type: ignore[arg-type]
    visible = np.arange(13) % 3 > 0
    visible[4:6] = False
    memory = Memory(states, batch.source.offsets, visible)  # type: ignore[union-attr]
    tokens = np.array([START, 5, 7], np.int32)
    fused = FusedDecoder(config, parameters).look_at(memory).step(tokens)
    plain = PlainState(config, parameters, memory).step(tokens)
    assert np.abs(fused - plain).max() < 1e-5 * np.abs(plain).max()


def test_nothing_depends_on_the_batch_or_its_order(rng: np.random.Generator) -> None:
    config, parameters = make("translator", rng)
    assert isinstance(config, TranslatorConfig)
    translator = FusedTranslator(config, parameters)
    lengths = rng.integers(0, 20, 23)
    sources = Packed.of([rng.integers(3, 30, n) for n in lengths])
    limits = Limits(12)

    def decoders(which: NDArray[np.int64]) -> list[Any]:
        part = sources.take(which)
        starts = np.full(len(which), START, np.int32)
        one = greedy(translator.start(part), starts, limits, Wanted(scores=True))
        two = sample(translator.start(part), starts, limits, Sampling(seed=3), Wanted(scores=True), lines=which)
        three = beam(translator.start(part), starts, limits, BeamOptions(3))
        return [
            [(found.tokens.tolist(), found.log_probabilities.tolist()) for found in (a, b, *c)]  # type: ignore[union-attr]
            for a, b, c in zip(one, two, three, strict=True)
        ]

    every = in_batches(lengths, decoders, size=23)
    assert every == in_batches(lengths, decoders, size=4, workers=3) == in_batches(lengths, decoders, size=1)
    assert len({str(found) for found in every}) > 15


def test_the_encoder_is_that_of_the_network(rng: np.random.Generator) -> None:
    config, parameters = make("translator", rng)
    assert isinstance(config, TranslatorConfig)
    batch = batch_of(config, rng)
    assert batch.source is not None
    fused = FusedTranslator(config, parameters).start(batch.source)
    assert np.array_equal(step_through(fused, batch), whole(config, parameters, batch))


def test_networks_that_cannot_be_stepped_are_refused(rng: np.random.Generator) -> None:
    config, parameters = make("language model", rng, positions="fraction")
    with pytest.raises(ValueError, match="'fraction' need the length"):
        FusedDecoder(config, parameters)
    config, parameters = make("language model", rng, np.float64)
    with pytest.raises(ValueError, match="must be float32"):
        FusedDecoder(config, parameters)
