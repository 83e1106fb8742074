"""Training with GloVe and with the whole softmax: it learns, repeats itself, goes on, and says what it cannot do."""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake
from tests.helpers.command_line import run as run_command
from tests.helpers.twins import naive_glove
from w2v import Embeddings, Word2Vec
from w2v.corpora.readers import TextReader
from w2v.encoding.stream import EmptyVocabularyError
from w2v.monitoring.history import Progress
from w2v.settings.parameters import Parameters
from w2v.training.estimate import estimate_training
from w2v.training.running.reading import NoPairsError
from w2v.vectors.persistence import LAYOUT, ModelError, read_tensors, write_tensors

WAYS: dict[str, dict[str, Any]] = {
    "glove": {"objective": "glove", "x_max": 5.0},
    "softmax": {"objective": "softmax"},
    "cbow softmax": {"objective": "softmax", "algorithm": "cbow"},
}
ways = pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())


class Crash(Exception):
    """Stands for whatever ends a process without warning."""


def sentences(n: int = 1_500, seed: int = 0) -> list[list[str]]:
    """Return sentences of ten words, eight in ten of one topic; there are twelve topics of twenty words each."""
    rng = np.random.default_rng(seed)
    topics, strays = rng.integers(12, size=(n, 1)), rng.integers(12, size=(n, 10))
    topics = np.where(rng.random((n, 10)) < 0.8, topics, strays)
    words = rng.integers(20, size=(n, 10))
    return [[f"topic{t:02d}word{w}" for t, w in zip(*line, strict=True)] for line in zip(topics, words, strict=True)]


def small(**options: Any) -> Word2Vec:
    """Return an estimator; with many passes, since the text is small."""
    defaults = {"vector_size": 12, "min_count": 1, "workers": 1, "random_state": 3, "epochs": 4, "sample": 0.0}
    return Word2Vec(**(defaults | options))


def nearness(model: Word2Vec) -> float:
    """Return by how much words of one topic are nearer to each other than to those of others, in cosines."""
    topics = np.array([word[:7] for word in model.vocabulary_.index_to_key])
    unit = model.vectors_ / np.linalg.norm(model.vectors_, axis=1, keepdims=True)
    same, others = topics[:, None] == topics, ~np.eye(len(topics), dtype=bool)
    cosines = unit @ unit.T
    return float(cosines[same & others].mean() - cosines[~same].mean())


@ways
def test_loss_falls_and_words_of_a_topic_come_together(options: dict[str, Any]) -> None:
    model = small(epochs=12, **options).fit(sentences())
    losses = [record["loss"] for record in model.history_]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.95 * losses[0]
    assert nearness(model) > 0.5


@ways
def test_seed_decides_every_bit(options: dict[str, Any]) -> None:
    text = sentences(300)
    first, again = small(**options).fit(text), small(**options).fit(text)
    other = small(**(options | {"random_state": 4})).fit(text)
    assert np.array_equal(first.vectors_, again.vectors_) and first.history_[0]["loss"] == again.history_[0]["loss"]
    assert not np.allclose(first.vectors_, other.vectors_)


@ways
def test_several_workers_learn_as_well(options: dict[str, Any]) -> None:
    model = small(epochs=12, **options).set_params(workers=3).fit(sentences())
    assert nearness(model) > 0.5
    assert model.history_[-1]["words"] == 15_000


@ways
def test_training_goes_on_exactly_after_a_crash(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, folder = tmp_path / "text.txt", tmp_path / "out"
    text.write_text("\n".join(map(" ".join, sentences())), encoding="utf-8")
    expected = small(**options).fit(text)
    steps: list[float] = []

    def crash(state: Progress) -> None:
        steps.extend([state.done or 0.0] * (state.phase == "training"))
        if len(steps) == 20:
            raise Crash

    with pytest.raises(Crash), monkeypatch.context() as patch:
        clock = itertools.count(1000.0, 0.11)  # reports are a tenth of a second apart
        patch.setattr(time, "perf_counter", clock.__next__)
        small(**options).fit(text, checkpoint=folder, checkpoint_every=1e-9, progress=crash)
    assert 0.25 < steps[-1] < 0.75, "between two epochs, not at the border of one"
    interrupted = Word2Vec.load(folder)
    assert not interrupted.is_complete_
    resumed = interrupted.resume(checkpoint=folder)
    for model in (resumed, Word2Vec.load(folder)):
        assert np.array_equal(model.vectors_, expected.vectors_)
        assert np.array_equal(model.output_vectors_, expected.output_vectors_)
    for record, other in zip(resumed.history_, expected.history_, strict=True):
        assert record | {"seconds": 0} == other | {"seconds": 0}


@ways
def test_time_limit_ends_training(options: dict[str, Any]) -> None:
    model = small(max_time=1.0, **options).fit(sentences(300))
    assert model.is_complete_ and model.history_[-1]["seconds"] < 5 and len(model.history_) > 1


@ways
def test_patience_keeps_the_best_epoch(options: dict[str, Any], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"topic00word0\ttopic{t:02d}word{t + 1}\t{9 - t}\n" for t in range(9)))
    model = small(epochs=9, eval_pairs=pairs, patience=1, **options).fit(sentences())
    scores = [record["word_pairs"] for record in model.history_]
    shorter = small(epochs=int(np.argmax(scores)) + 1, **options)
    if options["objective"] == "glove":  # the others' learning rate would fall faster
        assert np.array_equal(shorter.fit(sentences()).vectors_, model.vectors_)
    assert len(scores) == np.argmax(scores) + 2 or len(scores) == 9


def test_glove_fits_the_counts_and_sums_both_tables(tmp_path: Path) -> None:
    text = sentences(60)
    model = small(objective="glove", epochs=300, vector_size=64, window=4, x_max=1.0).fit(text)
    index = {word: i for i, word in enumerate(model.vocabulary_.index_to_key)}
    counts = naive_glove.count([[index[word] for word in sentence] for sentence in text], 4)
    tables = model._state.tables
    bias, other = tables.sums["input_sums"][:, 0], tables.sums["output_sums"][:, 1]
    predicted = tables.input_rows @ tables.output_vectors.T + bias[:, None] + other
    errors = [predicted[i, j] - math.log(x) for (i, j), x in counts.items()]
    assert np.std([math.log(x) for x in counts.values()]) > 0.5 and np.abs(errors).mean() < 0.05
    assert model.history_[-1]["pairs"] == len(counts)
    assert np.array_equal(model.vectors_, tables.input_rows + model.output_vectors_)


def test_complete_glove_is_saved_without_what_only_training_needs(tmp_path: Path) -> None:
    model = small(objective="glove").fit(sentences(200))
    model.save(tmp_path / "m")
    assert set(read_tensors(tmp_path / "m" / LAYOUT.training)) == {"seal", "output_vectors", "word_rows"}
    loaded = Word2Vec.load(tmp_path / "m")
    assert np.array_equal(loaded.vectors_, model.vectors_)
    assert np.array_equal(Embeddings.load(tmp_path / "m").vectors, model.vectors_)
    assert np.array_equal(loaded._state.tables.input_rows, model._state.tables.input_rows)


def test_checkpoint_of_glove_whose_sums_are_of_another_shape_is_refused(tmp_path: Path) -> None:
    model = small(objective="glove", epochs=1).fit(sentences(200))
    model.save(tmp_path / "m")
    tensors = dict(read_tensors(tmp_path / "m" / LAYOUT.training))
    tensors["word_rows"] = tensors["word_rows"][:-1]
    write_tensors(tmp_path / "m" / LAYOUT.training, tensors)
    with pytest.raises(ModelError, match="damaged.*input vectors"):
        Word2Vec.load(tmp_path / "m")


def test_learning_rate_of_glove_stays_unless_it_is_told_to_fall() -> None:
    kept = small(objective="glove").fit(sentences(200))
    assert {record["alpha"] for record in kept.history_} == {0.05}
    fallen = small(objective="glove", min_alpha=0.01).fit(sentences(200))
    assert [record["alpha"] for record in fallen.history_][-1] == pytest.approx(0.01)


def test_counting_is_told_before_training() -> None:
    phases: list[str] = []
    small(objective="glove").fit(sentences(200), progress=lambda state: phases.append(state.phase))
    assert list(dict.fromkeys(phases))[-3:] == ["counting neighbours", "compiling", "training"]


def test_memory_limit_changes_nothing_but_where_counts_lie(tmp_path: Path) -> None:
    text = sentences(600)
    plain = small(objective="glove").fit(text)
    bounded = small(objective="glove").fit(text, max_memory=30_000, work_folder=tmp_path)
    assert np.array_equal(plain.vectors_, bounded.vectors_) and not list(tmp_path.iterdir())


def test_softmax_begins_at_the_logarithm_of_the_vocabulary() -> None:
    model = small(objective="softmax", epochs=1, alpha=1e-6).fit(sentences(300))
    assert model.history_[0]["loss"] == pytest.approx(math.log(240), rel=1e-3)


def test_softmax_reaches_the_entropy_of_its_text() -> None:
    """Ten words follow one another in any order, within each of two topics: no model is better than ln 10."""
    rng = np.random.default_rng(1)
    text = [[f"t{t}w{w}" for w in rng.integers(10, size=12)] for t in rng.integers(2, size=1_500)]
    model = small(objective="softmax", epochs=10).fit(text)
    assert model.history_[-1]["loss"] == pytest.approx(math.log(10), rel=0.01)


def test_softmax_is_measured_on_what_is_held_out() -> None:
    model = small(objective="softmax", holdout=0.1, epochs=12).fit(sentences())
    assert model.history_[-1]["holdout_loss"] < model.history_[0]["holdout_loss"] < math.log(240) + 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"objective": "glove", "negative": 3},
            "negative is for negative sampling: it cannot be combined",
        ),
        ({"objective": "softmax", "ns_exponent": 1.0}, "ns_exponent is for negative sampling"),
        ({"objective": "glove", "algorithm": "cbow"}, "algorithm is for objectives that train on the text itself"),
        ({"objective": "glove", "sample": 1e-4}, "sample is for objectives that train on the text itself"),
        ({"objective": "glove", "subwords": True}, "subwords is for objectives"),
        ({"objective": "glove", "holdout": 0.1}, "holdout is for objectives"),
        ({"objective": "glove", "deterministic": True}, "deterministic needs negative sampling"),
        ({"objective": "softmax", "algorithm": "cbow", "position_weights": True}, "position_weights needs negative"),
        ({"objective": "glove", "lines": "pairs"}, "leave out algorithm, objective and subwords"),
        ({"objective": "glove", "x_max": 0}, "x_max must be a finite number above 0, got 0"),
        ({"objective": "glove", "x_max": -3.0}, "x_max must be a finite number above 0"),
        ({"objective": "glove", "x_exponent": 6}, "x_exponent must be a number from 0 to 5"),
        ({"objective": "glove", "window": 0}, "window must be a whole number from 1 to 10000"),
        ({"x_max": 50.0}, "x_max weighs the counts of GloVe: give objective glove as well"),
        ({"objective": "hs", "x_exponent": 0.5}, "x_exponent weighs the counts of GloVe"),
        ({"objective": "glove", "alpha": 0.2}, "alpha must be at most 0.1 for skipgram with objective='glove'"),
        ({"objective": "nce"}, "objective must be 'negative' or 'hs' or 'softmax' or 'glove', got 'nce'"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Word2Vec(**options).fit([["a", "b"]] * 9)


@ways
def test_text_without_neighbours_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(NoPairsError, match="no sentence with two known words"):
        small(**options).fit([["alone"], ["lonely"]] * 5)
    with pytest.raises(EmptyVocabularyError):
        small(**options).fit([])


def test_softmax_of_too_many_words_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("w2v.training.objectives.MAX_SOFTMAX_WORDS", 200)
    with pytest.raises(ValueError, match=r"at most 200 words, but there are 240: give max_vocab=200 or less"):
        small(objective="softmax").fit(sentences())
    assert len(small(objective="softmax", max_vocab=200, epochs=1).fit(sentences()).vocabulary_) == 200
    text = tmp_path / "text.txt"
    text.write_text("\n".join(map(" ".join, sentences())))
    result = run_command("train", text, "--output", tmp_path / "m", "--objective", "softmax", "--min-count", 1)
    assert_mistake(result, 1, "at most 200 words")
    assert not (tmp_path / "m").exists()


def test_what_belongs_to_one_text_is_not_continued_on_another() -> None:
    model = small(objective="glove", epochs=1).fit(sentences(200))
    with pytest.raises(ValueError, match="GloVe starts from random vectors"):
        small(objective="glove").fit(sentences(200), initial=model.embeddings_)
    with pytest.raises(ValueError, match="objective is 'glove', which fits the counts of one text"):
        model.continue_fit(sentences(200))
    model = small(objective="softmax", epochs=1).fit(sentences(200))
    with pytest.raises(ValueError, match="objective is 'softmax', which updates the output vectors of all words"):
        model.continue_fit(sentences(200))


@ways
def test_command_line_trains_and_tells(options: dict[str, Any], tmp_path: Path) -> None:
    text, model = tmp_path / "text.txt", tmp_path / "m"
    text.write_text("\n".join(map(" ".join, sentences(300))))
    given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    result = run_command("train", text, "--output", model, "--min-count", 1, "--vector-size", 8, *given)
    assert result.exit_code == 0, result.output
    told = run_command("info", model).stdout
    assert options["objective"] in told
    assert ("from the pseudo-inverse" in told) == (options["objective"] == "softmax")
    assert run_command("neighbors", model, "topic00word0").exit_code == 0


@ways
def test_estimate_measures_the_very_objective(options: dict[str, Any], tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(map(" ".join, sentences())))
    parameters = Parameters(**small(**options).get_params())
    estimate = estimate_training(TextReader(text), parameters, seconds=0.2)
    width = {"glove": 2 * 16, "softmax": 16}[options["objective"]]
    assert estimate.tables == 4 * width * 2 * 240 and estimate.words_per_second > 0
