"""Continued training: what is added, what adds up, what keeps training, and what does not move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.clock import Clock
from w2v.encoding.stream import EmptyVocabularyError
from w2v.encoding.vocabulary import (
    Vocabulary,
    grow_vocabulary,
    keep_probabilities,
    known_rows,
    noise_distribution,
)
from w2v.kernels.random import build_alias
from w2v.monitoring.history import Progress
from w2v.training.continuing import counts_before, grow_tables
from w2v.training.tables import Tables, copy_rows
from w2v.training.word2vec import Word2Vec

SMALL: dict[str, Any] = {"vector_size": 12, "min_count": 5, "workers": 1, "random_state": 3, "epochs": 2}

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])


def sentences(topics: range, n: int = 600, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    drawn = rng.choice(topics, size=n)
    return [[f"topic{topic}word{word}" for word in rng.integers(10, size=10)] for topic in drawn]


OLD, NEW = sentences(range(4)), sentences(range(2, 6), seed=1)  # topics 2 and 3 are in both
RARE = [["topic0word1", "topic5word1", "once"], ["topic5word2", "twice", "twice"]]


def trained(**options: Any) -> Word2Vec:
    return Word2Vec(**(SMALL | options)).fit(OLD)


def rows(model: Word2Vec, words: list[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return both tables' vectors of some words."""
    at = [model.vocabulary_.key_to_index[word] for word in words]
    return model.vectors_[at].copy(), model.output_vectors_[at].copy()


def counts(model: Word2Vec) -> dict[str, int]:
    assert model.vocabulary_.counts is not None
    return dict(zip(model.vocabulary_, model.vocabulary_.counts.tolist(), strict=True))


def of_topics(*topics: int) -> list[str]:
    return [f"topic{topic}word{word}" for topic in topics for word in range(10)]


# What is documented in docs/running/continuing.md.


@both
@pytest.mark.parametrize("options", [{}, {"ns_exponent": -1.0}, {"sample": 0.0}, {"workers": 3}], ids=str)
def test_words_that_the_new_text_lacks_do_not_move(algorithm: str, options: dict[str, Any]) -> None:
    model = trained(algorithm=algorithm, **options)
    before = rows(model, of_topics(0, 1))
    model.continue_fit(NEW)
    for old, new in zip(before, rows(model, of_topics(0, 1)), strict=True):
        assert np.array_equal(old, new) and old.any()


@both
def test_words_of_ngrams_that_the_new_text_lacks_do_not_move(algorithm: str) -> None:
    text = [[word.replace("topic0word", "zebra") for word in sentence] for sentence in OLD]
    model = Word2Vec(algorithm=algorithm, subwords=True, buckets=100_000, **SMALL).fit(text)
    apart, sharing = [f"zebra{word}" for word in range(10)], of_topics(1)  # topics share the n-grams of "topic"
    before, shared = rows(model, apart), rows(model, sharing)
    model.continue_fit(NEW)
    for old, new in zip(before, rows(model, apart), strict=True):
        assert np.array_equal(old, new)
    assert np.array_equal(shared[1], rows(model, sharing)[1])
    assert not np.array_equal(shared[0], rows(model, sharing)[0])


@both
def test_words_that_the_new_text_has_train_on_from_where_they_were(algorithm: str) -> None:
    model = trained(algorithm=algorithm)
    before = rows(model, of_topics(2, 3))
    model.set_params(alpha=1e-6, min_alpha=1e-6, epochs=1).continue_fit(NEW)
    for old, new in zip(before, rows(model, of_topics(2, 3)), strict=True):
        assert not np.array_equal(old, new) and np.allclose(old, new, rtol=0, atol=1e-2)
    model.set_params(alpha=None, min_alpha=None, epochs=3).continue_fit(NEW)
    assert not np.allclose(before[0], rows(model, of_topics(2, 3))[0], rtol=0, atol=1e-2)


def test_new_words_that_reach_min_count_are_added() -> None:
    model = trained().continue_fit([*NEW, *RARE])
    assert set(model.vocabulary_) == set(of_topics(*range(6)))
    assert model.set_params(min_count=2).continue_fit([*NEW, *RARE]).vocabulary_.key_to_index["twice"] == 60


def test_max_vocab_limits_the_new_words_alone() -> None:
    old = set(trained().vocabulary_)
    for max_vocab, n_words in ((1, 40), (45, 45), (1000, 60)):
        model = trained().set_params(max_vocab=max_vocab).continue_fit(NEW)
        assert len(model.vocabulary_) == n_words and old <= set(model.vocabulary_)


def test_counts_add_up_and_order_the_rows() -> None:
    model = trained()
    before, fresh = counts(model), counts(Word2Vec(**SMALL).fit(NEW))
    model.continue_fit([*NEW, ["topic0word1"]])
    expected = {word: before.get(word, 0) + fresh.get(word, 0) for word in before | fresh}
    expected["topic0word1"] += 1  # below min_count here, and known
    assert counts(model) == expected
    assert list(counts(model).values()) == sorted(expected.values(), reverse=True)


def test_what_was_learned_stays_and_the_new_is_learned() -> None:
    model = Word2Vec(**(SMALL | {"vector_size": 20, "sample": 0, "epochs": 10})).fit(OLD).continue_fit(NEW)
    for word in of_topics(*range(6)):
        assert {near[:6] for near, _ in model.embeddings_.neighbors(word, top_n=9)} == {word[:6]}


def test_earlier_trainings_are_noted() -> None:
    model = trained()
    first = model.embeddings_.metadata
    second = model.set_params(epochs=1).continue_fit(NEW).embeddings_.metadata
    assert len(model.history_) == len(second["history"]) == 1
    assert second["earlier"] == [
        {name: first[name] for name in ("parameters", "history", "corpus")} | {"inputs": ["in memory: lists of tokens"]}
    ]
    third = model.continue_fit(OLD).embeddings_.metadata
    assert [noted["corpus"] for noted in third["earlier"]] == [first["corpus"], second["corpus"]]


@both
def test_saved_and_loaded_model_continues_alike(algorithm: str, tmp_path: Path) -> None:
    model = trained(algorithm=algorithm)
    model.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model").continue_fit(NEW)
    model.continue_fit(NEW)
    assert np.array_equal(loaded.vectors_, model.vectors_)
    assert np.array_equal(loaded.output_vectors_, model.output_vectors_)
    loaded.save(tmp_path / "grown")
    assert counts(Word2Vec.load(tmp_path / "grown")) == counts(model)


# Going on with it, and mistakes.


@both
def test_continued_training_goes_on_from_a_checkpoint_to_the_same_vectors(
    algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, seen = Clock(monkeypatch), []

    def crash(state: Progress) -> None:
        if state.phase == "training":
            seen.append(state)
            if len(seen) == 4:
                raise RuntimeError
            clock.advance(0.11)  # reports are a tenth of a second apart

    trained(algorithm=algorithm).save(tmp_path / "model")
    expected = Word2Vec.load(tmp_path / "model").continue_fit([*NEW, *RARE])
    with pytest.raises(RuntimeError):
        Word2Vec.load(tmp_path / "model").continue_fit(
            [*NEW, *RARE], checkpoint=tmp_path / "out", checkpoint_every=1e-9, progress=crash
        )
    model = Word2Vec.load(tmp_path / "out")
    assert not model.is_complete_ and model.history_
    with pytest.raises(ValueError, match="the corpus is not the one that training began with"):
        model.resume(NEW)
    model.resume([*NEW, *RARE], checkpoint=tmp_path / "out")
    for resumed in (model, Word2Vec.load(tmp_path / "out")):
        assert resumed.vocabulary_.index_to_key == expected.vocabulary_.index_to_key
        assert counts(resumed) == counts(expected)
        assert np.array_equal(resumed.vectors_, expected.vectors_)
        assert np.array_equal(resumed.output_vectors_, expected.output_vectors_)
    assert model.embeddings_.metadata["earlier"] == expected.embeddings_.metadata["earlier"]


@pytest.mark.parametrize(
    ("name", "value"), [("vector_size", 20), ("algorithm", "cbow"), ("tokenizer", "whitespace"), ("epochs", 0)]
)
def test_what_cannot_change_is_refused(name: str, value: object) -> None:
    model = trained()
    before = model.vectors_.copy()
    with pytest.raises(ValueError, match=name):
        model.set_params(**{name: value}).continue_fit(NEW)
    assert np.array_equal(model.vectors_, before)


def test_text_without_a_word_to_train_is_refused() -> None:
    with pytest.raises(EmptyVocabularyError, match="no word occurs 5 times"):
        trained().continue_fit([["quite", "other", "words"]])
    with pytest.raises(EmptyVocabularyError, match="has no words"):
        trained().continue_fit([])


def test_interrupted_training_is_not_continued() -> None:
    def interrupt(state: Progress) -> None:
        if state.phase == "training":
            raise KeyboardInterrupt

    model = Word2Vec(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(OLD, progress=interrupt)
    with pytest.raises(ValueError, match="training is not complete: finish it with resume"):
        model.continue_fit(NEW)


# The parts.


def test_growing_a_vocabulary_orders_by_all_counts() -> None:
    known = Vocabulary(["a", "b", "c"], np.array([9, 5, 5]))
    words, seen = ["x", "c", "rare", "y", "b"], np.array([5, 1, 1, 7, 1])
    grown, ids = grow_vocabulary(known, words, seen, np.array([3, 0, 1, 2, 4]), min_count=2)
    assert grown.index_to_key == ["a", "y", "b", "c", "x"]
    assert grown.counts is not None and grown.counts.tolist() == [0, 7, 1, 1, 5]
    assert ids.tolist() == [4, 3, -1, 1, 2]
    before = known_rows(grown.index_to_key, known.key_to_index)
    assert before.tolist() == [0, -1, 1, 2, -1]
    assert counts_before(before, known).tolist() == [9, -1, 5, 5, -1]


def test_growing_tables_keeps_old_rows_and_starts_new_ones() -> None:
    old = Tables.random(3, 5, 1)
    old.output_vectors[:] = 7
    grown, fresh = grow_tables(old, np.array([2, -1, 0, 1]), Tables.random(4, 5, 2)), Tables.random(4, 5, 2)
    assert np.array_equal(grown.input_vectors[[0, 2, 3]], old.input_vectors[[2, 0, 1]])
    assert np.array_equal(grown.input_vectors[1], fresh.input_vectors[1])
    assert grown.output_vectors[:, 0].tolist() == [7, 0, 7, 7]


@pytest.mark.parametrize("exponent", [0.75, -1.0, 0.0])
def test_words_of_count_zero_are_no_noise(exponent: float) -> None:
    some = np.array([100, 0, 3, 0, 1])
    probabilities = noise_distribution(some, exponent)
    assert np.array_equal(probabilities[[0, 2, 4]], noise_distribution(some[[0, 2, 4]], exponent))
    assert not probabilities[[1, 3]].any()
    assert np.isfinite(keep_probabilities(some, 1e-3)).all()
    threshold, alias = np.empty(5, np.float32), np.empty(5, np.int32)
    build_alias(probabilities, threshold, alias)
    assert not threshold[[1, 3]].any() and not set(alias.tolist()) & {1, 3}


def test_rows_are_copied_in_blocks_like_all_at_once(rng: np.random.Generator) -> None:
    old, new = rng.random((50, 2)).astype(np.float32), np.zeros((40_000, 2), np.float32)
    rows = rng.integers(-1, 50, len(new))
    copy_rows(old, rows, new)
    assert np.array_equal(new, np.where(rows[:, None] >= 0, old[rows], 0))
