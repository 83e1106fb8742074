"""The estimator: scikit-learn's contract, what it learns, how it is saved, interrupted and resumed."""

from __future__ import annotations

import _thread
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests.helpers import ROOT
from tests.helpers.clock import Clock
from w2v.corpora.readers import CorpusError, TextReader
from w2v.encoding.stream import EmptyVocabularyError
from w2v.monitoring.history import Progress, TrainingInterrupted
from w2v.settings.parameters import Parameters
from w2v.training.running.reading import NoPairsError
from w2v.training.trainer import DivergenceError
from w2v.training.word2vec import Word2Vec
from w2v.vectors.persistence import LAYOUT, ModelError, read_tensors, write_tensors

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])


def topics(n_sentences: int = 800, n_topics: int = 4, seed: int = 0) -> list[list[str]]:
    """Return sentences of ten words, each of one topic of ten words."""
    rng = np.random.default_rng(seed)
    return [
        [f"topic{topic}word{word}" for word in rng.integers(10, size=10)]
        for topic in rng.integers(n_topics, size=n_sentences)
    ]


CORPUS = topics()
SMALL: dict[str, Any] = {"vector_size": 12, "min_count": 1, "workers": 1, "random_state": 3, "epochs": 2}


def small(**options: Any) -> Word2Vec:
    return Word2Vec(**(SMALL | options))


def assert_same_vectors(first: Word2Vec, second: Word2Vec) -> None:
    assert first.vocabulary_.index_to_key == second.vocabulary_.index_to_key
    assert np.array_equal(first.vectors_, second.vectors_)
    assert np.array_equal(first.output_vectors_, second.output_vectors_)


# The contract of scikit-learn.


def test_constructor_only_stores() -> None:
    values: dict[str, Any] = {name: object() for name in Word2Vec().get_params()}
    model = Word2Vec(**values)
    assert all(getattr(model, name) is value for name, value in values.items())


def test_parameters_and_defaults_are_those_of_the_table() -> None:
    assert Word2Vec().get_params() == vars(Parameters())


def test_clone_and_set_params() -> None:
    model = small(algorithm="cbow", window=7).fit(CORPUS)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "vectors_")
    assert copy.set_params(window=2).window == 2 and model.window == 7
    with pytest.raises(ValueError, match="Invalid parameter 'size'"):
        copy.set_params(size=3)
    with pytest.raises(TypeError, match="size"):
        Word2Vec(size=3)  # type: ignore[call-arg]


def test_fit_returns_self_and_leaves_parameters_alone() -> None:
    model = small(random_state=None, alpha=None)
    before = model.get_params()
    assert model.fit(CORPUS, None) is model
    assert model.get_params() == before
    assert model.vectors_.shape == model.output_vectors_.shape == (40, 12)
    assert model.vectors_.dtype == np.float32 and model.is_complete_
    assert model.embeddings_.vectors.shape == (40, 12) and len(model.history_) == 2
    assert np.array_equal(
        model.embeddings_["topic1word1"], model.vectors_[model.vocabulary_.key_to_index["topic1word1"]]
    )


@both
def test_refit_equals_a_fresh_fit_bit_for_bit(algorithm: str) -> None:
    model = small(algorithm=algorithm).fit(topics(seed=9)).fit(CORPUS)
    fresh = small(algorithm=algorithm).fit(CORPUS)
    assert_same_vectors(model, fresh)
    losses = [[record["loss"] for record in fitted.history_] for fitted in (model, fresh)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState], ids=["Generator", "RandomState"])
def test_random_generators_give_reproducible_seeds(make: Callable[[int], Any]) -> None:
    first, second = (small(random_state=make(4)).fit(CORPUS) for _ in range(2))
    assert_same_vectors(first, second)
    generator = make(4)
    model = small(random_state=generator).fit(CORPUS)
    assert model.seed_ == first.seed_
    assert model.fit(CORPUS).seed_ != first.seed_  # the generator has moved on
    assert_same_vectors(small(random_state=first.seed_).fit(CORPUS), first)


def test_seeds_matter_and_none_is_drawn_afresh() -> None:
    seeds = {small(random_state=seed).fit(CORPUS).seed_ for seed in (0, 2**32 - 1, np.int64(7))}
    assert seeds == {0, 2**32 - 1, 7}
    first, second = (small(random_state=None).fit(CORPUS) for _ in range(2))
    assert first.seed_ != second.seed_ and not np.array_equal(first.vectors_, second.vectors_)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithm", "glove"), ("vector_size", 0), ("window", 10_001), ("negative", 2.0), ("min_count", True),
        ("max_vocab", 0), ("sample", float("nan")), ("ns_exponent", float("inf")), ("shrink_windows", 1), ("alpha", 0), 
        ("alpha", 1.5), ("min_alpha", -0.1), ("epochs", 0), ("max_time", 0), ("workers", 0), ("random_state", -1),
        ("random_state", "1"),
        ("tokenizer", ""), ("tokenizer", "word"),
    ],
)  # fmt: skip
def test_invalid_parameters_are_named_by_fit(name: str, value: object) -> None:
    model = small(**{name: value})
    with pytest.raises(ValueError, match="tokenizer" if name == "tokenizer" else f"{name} must be"):
        model.fit(CORPUS)
    assert not hasattr(model, "vectors_")


def test_min_alpha_above_alpha_is_refused() -> None:
    with pytest.raises(ValueError, match="min_alpha must not be above alpha"):
        small(alpha=0.01, min_alpha=0.02).fit(CORPUS)


def test_unfitted_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        Word2Vec().save(tmp_path / "model")
    with pytest.raises(NotFittedError):
        Word2Vec().resume(CORPUS)


# Corpora.


def test_every_kind_of_corpus_gives_the_same_vectors(tmp_path: Path) -> None:
    lines = [" ".join(sentence) for sentence in CORPUS]
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("\n".join(lines[:300]) + "\n", encoding="utf-8")
    second.write_text("\n".join(lines[300:]) + "\n", encoding="utf-8")
    expected = small().fit(CORPUS)
    corpora = [
        lines,
        iter(lines),
        (tuple(s) for s in CORPUS),
        [first, second],
        (first, second),
        str(tmp_path / "*.txt"),
    ]
    for corpus in [*corpora, TextReader([str(first), str(second)])]:
        assert_same_vectors(small().fit(corpus), expected)
    assert_same_vectors(small(tokenizer=str.split).fit([first, second]), expected)
    assert_same_vectors(small().fit(lines, max_memory=0, work_folder=tmp_path), expected)
    assert sorted(tmp_path.iterdir()) == [first, second]


@pytest.mark.parametrize("corpus", [3, None, 2.5, object()])
def test_corpus_of_a_wrong_type_is_named(corpus: Any) -> None:
    with pytest.raises(TypeError, match="must be a path, paths, sentences or lists of tokens, not"):
        small().fit(corpus)


def test_bad_corpora_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="missing"):
        small().fit(tmp_path / "missing")
    with pytest.raises(EmptyVocabularyError, match="no word occurs 900 times"):
        small(min_count=900).fit(CORPUS)
    with pytest.raises(EmptyVocabularyError, match="has no words"):
        small().fit([])


# What is learned.


@both
@pytest.mark.parametrize("seed", range(5))
def test_neighbours_stay_within_their_topic(algorithm: str, seed: int) -> None:
    model = Word2Vec(
        algorithm=algorithm, vector_size=20, min_count=1, sample=0, epochs=10, workers=1, random_state=seed
    )
    embeddings = model.fit(topics(seed=seed)).embeddings_
    for word in embeddings:
        neighbours = [neighbour for neighbour, _ in embeddings.neighbors(word, top_n=9)]
        assert {neighbour[:6] for neighbour in neighbours} == {word[:6]}
    losses = [record["loss"] for record in model.history_]
    assert losses[-1] < 0.8 * losses[0]


@both
def test_neighbours_stay_within_their_topic_with_several_workers(algorithm: str) -> None:
    model = Word2Vec(algorithm=algorithm, vector_size=20, min_count=1, sample=0, epochs=10, workers=3, random_state=1)
    embeddings = model.fit(topics(2000)).embeddings_
    for word in embeddings:
        assert all(neighbour[:6] == word[:6] for neighbour, _ in embeddings.neighbors(word, top_n=9))


def test_max_time_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, states = Clock(monkeypatch), []

    def progress(state: Progress) -> None:
        if state.phase == "training":
            states.append(state)
            clock.advance(1)

    model = small(max_time=100, epochs=1).fit(CORPUS, progress=progress)
    assert [state.seconds_left for state in states] == list(range(100, 0, -1))
    assert model.is_complete_ and len(model.history_) == states[-1].epoch > 1
    assert model.history_[-1]["seconds"] == 99  # the last began then


@both
@pytest.mark.parametrize(
    "corpus", [[["a"] * 30], [["a", "b"] * 20], [["a"]], [["a"], ["b"], ["c"]], [[f"w{i}" for i in range(50)]]],
    ids=["one word", "two words", "one token", "no neighbours", "one sentence"],
)  # fmt: skip
@pytest.mark.parametrize("alpha", [None, 0.1])
def test_tiny_corpora_stay_finite(algorithm: str, corpus: list[list[str]], alpha: float | None) -> None:
    model = small(algorithm=algorithm, alpha=alpha, epochs=20)
    if all(len(sentence) == 1 for sentence in corpus):
        with pytest.raises(NoPairsError):
            model.fit(corpus)
        return
    try:
        model.fit(corpus)
    except DivergenceError:
        assert alpha is not None
    else:
        assert np.isfinite(model.vectors_).all() and np.isfinite(model.output_vectors_).all()
        assert len(model.history_) == 20
        model.embeddings_.neighbors(model.vocabulary_.index_to_key[0])


# Saving.


@both
def test_saved_model_comes_back_bit_for_bit(algorithm: str, tmp_path: Path) -> None:
    model = small(algorithm=algorithm, window=3, shrink_windows=False).fit(CORPUS)
    model.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model")
    assert_same_vectors(loaded, model)
    assert loaded.is_complete_ and loaded.seed_ == 3 and loaded.history_ == model.history_
    assert (loaded.algorithm, loaded.window, loaded.shrink_windows, loaded.vector_size) == (algorithm, 3, False, 12)
    assert np.array_equal(loaded.embeddings_.vectors, model.embeddings_.vectors)
    assert_same_vectors(loaded.fit(CORPUS), model)
    loaded.save(tmp_path / "again")
    assert_same_vectors(Word2Vec.load(tmp_path / "again"), model)


def test_save_overwrites_only_when_asked(tmp_path: Path) -> None:
    model = small().fit(CORPUS)
    model.save(tmp_path / "model")
    with pytest.raises(ModelError, match="exists already"):
        model.save(tmp_path / "model")
    model.save(tmp_path / "model", overwrite=True)


def test_complete_training_cannot_be_resumed() -> None:
    with pytest.raises(ValueError, match="training is complete"):
        small().fit(CORPUS).resume(CORPUS)


# Interruption.


def interrupt_after(n_reports: int) -> Callable[[Progress], None]:
    """Return a progress function that sees a report of every segment and raises at the n-th of them."""
    seen = 0

    def progress(state: Progress) -> None:
        nonlocal seen
        if state.phase == "training":
            seen += 1
            if seen == n_reports:
                raise KeyboardInterrupt
            time.sleep(0.11)  # reports are a tenth of a second apart

    return progress


def interrupted(n_reports: int, corpus: Any = CORPUS, **options: Any) -> Word2Vec:
    model = small(**options)
    with pytest.raises(TrainingInterrupted, match=r"save\(\) keeps the result so far, resume\(\) continues"):
        model.fit(corpus, progress=interrupt_after(n_reports))
    assert not model.is_complete_
    return model


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
@pytest.mark.parametrize("n_reports", [1, 4, 9])
def test_interrupted_saved_and_resumed_training_is_the_uninterrupted_one(
    algorithm: str, n_reports: int, tmp_path: Path
) -> None:
    expected = small(algorithm=algorithm).fit(CORPUS)
    model = interrupted(n_reports, algorithm=algorithm)
    assert not np.array_equal(model.vectors_, expected.vectors_)
    model.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model")
    assert not loaded.is_complete_
    for resumed in (model.resume(CORPUS), loaded.resume(CORPUS)):
        assert resumed.is_complete_
        assert_same_vectors(resumed, expected)
        for record, other in zip(resumed.history_, expected.history_, strict=True):
            assert record | {"seconds": 0} == other | {"seconds": 0}


def test_interruption_of_the_main_thread_is_noticed() -> None:
    sent = False

    def progress(state: Progress) -> None:
        nonlocal sent
        if state.phase == "training":
            if not sent:
                sent = True
                _thread.interrupt_main()
            time.sleep(0.2)  # all workers wait, so that the main thread has its turn

    model = small(epochs=500, workers=2)
    with pytest.raises(TrainingInterrupted):
        model.fit(CORPUS, progress=progress)
    assert not model.is_complete_ and 0 < len(model.history_) < 500
    assert model.resume(CORPUS).is_complete_ and len(model.history_) == 500


def test_interruption_before_training_stores_nothing() -> None:
    def progress(state: Progress) -> None:
        if state.phase == "compiling":
            raise KeyboardInterrupt

    model = small()
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(CORPUS, progress=progress)
    assert not isinstance(caught.value, TrainingInterrupted) and not hasattr(model, "vectors_")


def test_resume_on_another_corpus_is_refused() -> None:
    model = interrupted(2)
    before = model.vectors_.copy()
    for other in (CORPUS[:-1], topics(seed=1), [["a", "b"]]):
        with pytest.raises(ValueError, match="the corpus is not the one that training began with"):
            model.resume(other)
    assert np.array_equal(model.vectors_, before) and not model.is_complete_


def saved(tmp_path: Path) -> Path:
    interrupted(2).save(tmp_path / "model")
    return tmp_path / "model"


def test_folder_without_training_is_no_training(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / LAYOUT.training).unlink()
    with pytest.raises(ModelError, match="holds vectors only, not the state of a training"):
        Word2Vec.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1}, {"step": "x"}, {"step": None}, {"seed": -1}, {"seed": 2**32}, {"seed": []}, {"complete": 1},
        {"loss_sums": []}, {"loss_sums": ["x"]}, {"loss_sums": None},
    ],
    ids=str,
)  # fmt: skip
def test_damaged_training_state_is_a_model_error(change: dict[str, Any], tmp_path: Path) -> None:
    folder = saved(tmp_path)
    config = json.loads((folder / LAYOUT.config).read_text())
    config["training"] |= change
    (folder / LAYOUT.config).write_text(json.dumps(config))
    with pytest.raises(ModelError, match="the state of its training cannot be read"):
        Word2Vec.load(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("training", 3), ("training", {}), ("parameters", {"window": 0}), ("parameters", {"colour": 1}),
        ("parameters", {"alpha": "x"}), ("history", [3]), ("history", [{"colour": 1}]), ("history", [{}]),
    ],
    ids=str,
)  # fmt: skip
def test_damaged_configuration_is_a_model_error(name: str, value: Any, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    config = json.loads((folder / LAYOUT.config).read_text())
    config[name] = value
    (folder / LAYOUT.config).write_text(json.dumps(config))
    with pytest.raises(ModelError):
        Word2Vec.load(folder)


@pytest.mark.parametrize("shape", [(40, 13), (39, 12), (480,)])
def test_output_vectors_of_another_shape_are_a_model_error(shape: tuple[int, ...], tmp_path: Path) -> None:
    folder = saved(tmp_path)
    write_tensors(folder / LAYOUT.training, {"output_vectors": np.zeros(shape, np.float32)})
    with pytest.raises(ModelError):
        Word2Vec.load(folder)


def rewrite(folder: Path, old: str, new: str) -> None:
    text = (folder / LAYOUT.config).read_text()
    assert old in text
    (folder / LAYOUT.config).write_text(text.replace(old, new))


def edit(folder: Path, section: str, **changes: Any) -> None:
    config = json.loads((folder / LAYOUT.config).read_text())
    config[section] |= changes
    (folder / LAYOUT.config).write_text(json.dumps(config).replace("Infinity", "1e999"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: write_tensors(folder / LAYOUT.training, {"output_vectors": np.zeros(12, np.float32)}),
        lambda folder: write_tensors(folder / LAYOUT.training, {"output_vectors": np.zeros((40, 12))}),
        lambda folder: edit(folder, "training", step=float("inf")),
        lambda folder: edit(folder, "training", step=2.7),
        lambda folder: edit(folder, "parameters", vector_size=50),
        lambda folder: rewrite(folder, '"epoch": 1,', '"epoch": "one",'),
    ],
    ids=["one row", "float64", "infinite step", "half a step", "other width", "history of text"],
)
def test_implausible_state_is_a_model_error(damage: Callable[[Path], object], tmp_path: Path) -> None:
    folder = saved(tmp_path)
    damage(folder)
    with pytest.raises(ModelError):
        Word2Vec.load(folder)


def test_tokenizer_of_ones_own_must_be_given_again(tmp_path: Path) -> None:
    sentences = [" ".join(sentence) for sentence in CORPUS]
    interrupted(2, sentences, tokenizer=str.split).save(tmp_path / "model")
    with pytest.raises(ModelError, match="tokenizer="):
        Word2Vec.load(tmp_path / "model")
    resumed = Word2Vec.load(tmp_path / "model", tokenizer=str.split).resume(sentences)
    assert resumed.is_complete_


def test_truncated_training_file_is_a_model_error(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    data = (folder / LAYOUT.training).read_bytes()
    for size in (0, 5, 60, len(data) - 1):
        (folder / LAYOUT.training).write_bytes(data[:size])
        with pytest.raises(ModelError):
            Word2Vec.load(folder)
    (folder / LAYOUT.training).write_bytes(data)
    assert read_tensors(folder / LAYOUT.training)["output_vectors"].shape == (40, 12)


# Compiled code.

MISSES = """
import json, sys
from w2v.kernels import random, scanner, skipgram, training, vector_math
from w2v.training.word2vec import Word2Vec
small = {"min_count": 1, "vector_size": 8, "epochs": 1, "sample": 0}
Word2Vec(**small).fit(sys.argv[1])
Word2Vec(**small, tokenizer="whitespace").fit(sys.argv[1], max_memory=0)
modules = (random, scanner, skipgram, training, vector_math)
functions = [f for module in modules for f in vars(module).values() if hasattr(f, "stats")]
print(json.dumps([f.py_func.__name__ for f in functions if sum(f.stats.cache_misses.values())]))
"""


@pytest.mark.slow
def test_second_process_compiles_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a small text of some words\n" * 20)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", MISSES, str(tmp_path / "text.txt")]
    runs = [
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True) for _ in range(2)
    ]
    assert {"train_skipgram", "scan_some"} <= set(json.loads(runs[0].stdout))
    assert json.loads(runs[1].stdout) == []
