"""Masked words: what a step hides, the loss beside plain softmaxes, and trainings that go on to the same bits."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.examples.topic_examples import make_paragraphs, make_words, stop_at
from w2v import Embeddings, Vocabulary, Word2Vec
from w2v.corpora import bundled_corpus
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import SentenceEncoder
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.encoder.model.state import EncoderState
from w2v.encoder.training.batches import PackedSentences
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.masked import MaskedTask
from w2v.encoder.training.tasks import Task
from w2v.encoder.training.trainable import Rates, Trainable
from w2v.monitoring.history import TrainingInterrupted

N_WORDS, WIDTH, STEP = 40, 6, 1e-6
OPTIONS = FitOptions(
    objective="masked", steps=40, batch_size=16, evaluate_every=10, warmup=5, network_rate=0.01, seed=3, workers=1
)
SMALL: dict[str, Any] = {"architecture": "attention", "dim": 8, "heads": 2, "training": OPTIONS}


@pytest.fixture
def sentences(rng: np.random.Generator) -> PackedSentences:
    lengths = rng.integers(0, 12, 300)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return PackedSentences(rng.integers(0, N_WORDS, offsets[-1]).astype(np.int32), offsets)


@pytest.fixture
def p(rng: np.random.Generator) -> NDArray[np.float64]:
    counts = rng.integers(1, 100, N_WORDS).astype(np.float64)
    counts /= counts.sum()
    return counts


def task_of(sentences: PackedSentences, p: NDArray[np.float64], **options: Any) -> MaskedTask:
    return MaskedTask(
        sentences, p, **{"fraction": 0.3, "noise": 10, "batch_size": 20, "temperature": 0.5, "seed": 1} | options
    )


def state_of(p: NDArray[np.float64], rng: np.random.Generator) -> EncoderState:
    config = NetworkConfig(WIDTH, dim=8, heads=2, positions="relative", feed_forward=1.0)
    parameters = Network(config, 1).initialise(0)
    parameters.flat[...] += 0.3 * rng.normal(size=parameters.flat.shape)
    table = rng.normal(size=(N_WORDS, WIDTH)).astype(np.float32)
    words = Vocabulary([f"w{i}" for i in range(N_WORDS)], np.round(1000 * p).astype(np.int64) + 1)
    return EncoderState(
        words, WordsTokenizer(), table, np.zeros(N_WORDS, np.float32), network=config, parameters=parameters
    )


def test_a_step_hides_most_of_the_chosen_words_and_draws_by_its_number(
    sentences: PackedSentences, p: NDArray[np.float64]
) -> None:
    task, original = task_of(sentences, p, batch_size=200), task_of(sentences, p, batch_size=200, fraction=1e-9)
    batch, plain = task.draw(5), original.draw(5)
    assert batch.hidden is not None and plain.hidden is not None
    n = len(batch.sentences.tokens)
    assert 0.8 * 0.3 * n * 0.8 < len(batch.hidden) < 0.8 * 0.3 * n * 1.2
    exchanged = np.flatnonzero(batch.sentences.tokens != plain.sentences.tokens)
    assert 0.1 * 0.3 * n * 0.5 < len(exchanged) < 0.1 * 0.3 * n * 1.6
    assert not set(exchanged) & set(batch.hidden.tolist())
    again = task_of(sentences, p, batch_size=200).draw(5)
    assert np.array_equal(again.sentences.tokens, batch.sentences.tokens)
    assert again.hidden is not None and np.array_equal(again.hidden, batch.hidden)
    assert not np.array_equal(task.draw(6).sentences.tokens[:50], batch.sentences.tokens[:50])
    held = task.held_out()
    assert held.hidden is not None and held.figures == {"accuracy": 0.0}
    assert 0.2 < len(held.hidden) / len(held.sentences.tokens) < 0.4
    assert len(plain.hidden) <= 1  # a step always has a word to tell


def test_gradients_agree_with_differences(
    sentences: PackedSentences, p: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """For the hidden states and for the rows of the table, which is in the logits twice: as word and as noise."""
    batch = task_of(sentences, p).draw(2)
    n = len(batch.sentences.tokens)
    states, table = rng.normal(size=(n, WIDTH)), rng.normal(size=(N_WORDS, WIDTH))
    found = batch.loss(states, slice(0, n), table)
    assert found.d_rows is not None
    d_table = np.zeros_like(table)
    d_table[found.d_rows[0]] = found.d_rows[1]
    for array, gradient in ((states, found.d_outputs), (table, d_table)):
        direction = rng.normal(size=array.shape)
        array += STEP * direction
        above = batch.loss(states, slice(0, n), table).value
        array -= 2 * STEP * direction
        measured = (above - batch.loss(states, slice(0, n), table).value) / (2 * STEP)
        array += STEP * direction
        assert abs(measured) > 1e-3
        assert float(np.sum(gradient * direction)) == pytest.approx(measured, rel=1e-6)


def test_losses_of_parts_add_up(sentences: PackedSentences, p: NDArray[np.float64], rng: np.random.Generator) -> None:
    task = task_of(sentences, p)
    for batch in (task.draw(0), task.held_out()):
        n = len(batch.sentences.tokens)
        states, table = rng.normal(size=(n, WIDTH)), rng.normal(size=(N_WORDS, WIDTH))
        whole = batch.loss(states, slice(0, n), table)
        parts = [slice(0, 1), slice(1, n // 3), slice(n // 3, n)]
        found = [batch.loss(states[part], part, table) for part in parts]
        assert sum(one.value for one in found) == pytest.approx(whole.value, rel=1e-12)
        np.testing.assert_allclose(np.concatenate([one.d_outputs for one in found]), whole.d_outputs, atol=1e-15)


def test_held_out_words_are_told_from_the_whole_vocabulary(
    sentences: PackedSentences, p: NDArray[np.float64], rng: np.random.Generator
) -> None:
    batch = task_of(sentences, p).held_out()
    assert batch.hidden is not None and batch.figures is not None
    states, table = rng.normal(size=(len(batch.sentences.tokens), WIDTH)), rng.normal(size=(N_WORDS, WIDTH))
    logits = states[batch.hidden] @ table.T / 0.5 + np.log(p)
    right = batch.sentences.tokens[batch.hidden]
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = batch.loss(states, slice(0, len(states)), table).value
    assert loss == pytest.approx(-log_p[np.arange(len(right)), right].mean(), rel=1e-6)
    assert batch.figures["accuracy"] == pytest.approx(np.mean(logits.argmax(axis=1) == right))


def test_a_vocabulary_that_is_no_larger_than_the_noise_is_told_exactly(
    sentences: PackedSentences, p: NDArray[np.float64], rng: np.random.Generator
) -> None:
    task = task_of(sentences, p, noise=N_WORDS, fraction=0.999)
    batch = task.draw(0)
    n = len(batch.sentences.tokens)
    states, table = rng.normal(size=(n, WIDTH)), rng.normal(size=(N_WORDS, WIDTH))
    words = task_of(sentences, p, fraction=1e-9).draw(0).sentences.tokens
    logits = states @ table.T / 0.5 + np.log(p)
    log_p = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))[np.arange(n), words]
    assert batch.loss(states, slice(0, n), table).value == pytest.approx(-log_p.mean(), rel=0.02)  # nearly all


def test_first_step_goes_against_the_gradient_and_hidden_words_do_not_leak(
    sentences: PackedSentences, p: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Of the table as what is read and as what is told, and of the network; here in float64."""
    state = state_of(p, rng)
    task: Task = task_of(sentences, p)
    batch = task.draw(0)
    assert state.network is not None and state.parameters is not None and batch.hidden is not None
    network, parameters, table = (
        Network(state.network, 1),
        state.parameters.astype(np.float64),
        state.table.astype(float),
    )
    tokens, offsets = batch.sentences.tokens, batch.sentences.offsets
    x = table[tokens]
    x[batch.hidden] = 0
    y, cache = network.forward(parameters, x, offsets)
    found = batch.loss(y, slice(0, len(y)), table)
    dx, d_parameters = network.backward(parameters, found.d_outputs, cache)
    dx[batch.hidden] = 0
    d_table = np.zeros_like(table)
    np.add.at(d_table, tokens, dx)
    assert found.d_rows is not None
    d_table[found.d_rows[0]] += found.d_rows[1]

    model = Trainable(state, [task], weight_decay=0.0, clip=1e9, workers=1)
    for chunk in (None, 3):  # in parts as well
        assert model.accumulate([(0, 1.0, batch)], seed=0, chunk=chunk) == pytest.approx([found.value], rel=1e-4)
    model.update(Rates(1e-4, network=1e-4))
    assert model.parameters is not None
    moved = model.parameters.flat - state.parameters.flat
    for movement, gradient in ((moved, d_parameters.flat), (model.table - state.table, d_table)):
        large = np.abs(gradient) > 1e-3 * np.abs(gradient).max()
        assert large.sum() > 100
        np.testing.assert_allclose(movement[large], -1e-4 * np.sign(gradient[large]), rtol=0.03)

    other = batch.sentences.tokens.copy()
    other[batch.hidden] = (other[batch.hidden] + 1) % N_WORDS
    secret = batch._replace(sentences=PackedSentences(other, offsets))
    fresh = Trainable(state, [task], workers=1)
    assert fresh.loss(secret) == fresh.loss(batch)


@functools.cache
def real_text() -> tuple[list[str], Embeddings]:
    """Return some verses of the corpus of the quick start, and word vectors of them."""
    verses = [verse.strip() for verse in bundled_corpus("bible")][::10]
    return verses, Word2Vec(vector_size=16, min_count=20, epochs=3, workers=1, random_state=1).fit(verses).embeddings_


def test_loss_falls_on_real_text_and_another_seed_makes_another_network() -> None:
    text, words = real_text()
    options = replace(OPTIONS, steps=100, evaluate_every=50, batch_size=64, min_tokens=3, learning_rate=0.003)
    settings = SMALL | {"dim": 16, "dropout": 0.0, "training": replace(options, temperature=0.5)}
    first, other = (SentenceEncoder(words, **settings, random_state=seed).fit(text) for seed in (1, 2))
    start, end = first.history_[0], first.history_[-1]
    assert end["held_out_loss"] < start["held_out_loss"] - 0.15
    assert start["stage"] == "masked" and "accuracy" not in start and 0 < end["accuracy"] < 1
    assert first.state_.parameters is not None and other.state_.parameters is not None
    assert not np.array_equal(first.state_.parameters.flat, other.state_.parameters.flat)


@pytest.mark.parametrize("stop", [0, 10, 25])
def test_a_training_goes_on_to_the_same_bits(tmp_path: Path, stop: int) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(make_paragraphs()) + "\n")

    def new() -> SentenceEncoder:
        return SentenceEncoder(make_words(), **SMALL | {"training": replace(OPTIONS, learning_rate=0.01)})

    whole, interrupted = new().fit(corpus), new()
    with pytest.raises(TrainingInterrupted):
        interrupted.fit(corpus, checkpoint=tmp_path / "m", progress=stop_at(stop))
    resumed = SentenceEncoder.load(tmp_path / "m").resume(checkpoint=tmp_path / "m")
    for one in (resumed, SentenceEncoder.load(tmp_path / "m")):
        for name in ("table", "word_weights"):
            assert np.array_equal(getattr(one.state_, name), getattr(whole.state_, name))
        assert one.state_.parameters is not None and whole.state_.parameters is not None
        assert np.array_equal(one.state_.parameters.flat, whole.state_.parameters.flat)
        timeless = [{**entry, "seconds": 0} for entry in one.history_]
        assert timeless == [{**entry, "seconds": 0} for entry in whole.history_]


def test_vectors_stay_unless_they_are_to_learn_and_all_words_count_alike() -> None:
    encoder = SentenceEncoder(make_words(), **SMALL | {"training": replace(OPTIONS, steps=10)}).fit(make_paragraphs())
    assert SentenceEncoder(make_words()).state.word_weights.any() and not encoder.state_.word_weights.any()
    assert np.array_equal(encoder.state_.table, SentenceEncoder(make_words()).state.table)


def test_pairs_follow_masked_words() -> None:
    paragraphs = make_paragraphs()
    pairs = [tuple(paragraph.split(". ")[:2]) for paragraph in paragraphs]
    encoder = SentenceEncoder(make_words(), **SMALL | {"training": replace(OPTIONS, steps=10)})
    encoder.fit(paragraphs, pairs=pairs)
    assert [entry["stage"] for entry in encoder.history_] == ["masked", "masked", "pairs", "pairs"]


@pytest.mark.parametrize(
    ("architecture", "sources", "message"),
    [
        ("static", {"corpus": make_paragraphs()}, "trains a network, and this encoder has none: pass architecture="),
        ("attention", {"pairs": [("t0w0 t0w1", "t0w2 t0w3")] * 20}, "needs a corpus, whose words it masks"),
        ("attention", {"corpus": ["t0w0 t0w1"] * 9, "teacher": np.ones((9, 3), np.float32)}, "needs no teacher"),
        ("attention", {"corpus": ["some other words of another language"] * 9}, "0 sentences with 5 to 40 known words"),
    ],
)
def test_mistakes_are_told(architecture: str, sources: dict[str, Any], message: str) -> None:
    encoder = SentenceEncoder(make_words(), **SMALL | {"architecture": architecture}, frozen=False)
    with pytest.raises(ValueError, match=message):
        encoder.fit(**sources)
