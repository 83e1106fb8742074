"""Watching through `Word2Vec.fit` and `w2v train`: what is measured, saved, gone on with, and refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v import CallbackError, Every, TrainingView
from w2v.commands.main import main
from w2v.evaluation import EvaluationError
from w2v.monitoring.history import Progress, TrainingInterrupted
from w2v.training.word2vec import Word2Vec

SMALL: dict[str, Any] = {"vector_size": 12, "min_count": 1, "workers": 1, "random_state": 3, "epochs": 3}


def sentences(n: int = 800, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"topic{t}word{w}" for w in rng.integers(10, size=10)] for t in rng.integers(4, size=n)]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, sentences())) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    lines = [f"topic0word0\ttopic{t}word{w}\t{9 - 3 * t - 0.1 * w}" for t in range(3) for w in range(1, 9)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def small(**options: Any) -> Word2Vec:
    return Word2Vec(**(SMALL | options))


def assert_equal_models(first: Word2Vec, second: Word2Vec) -> None:
    assert np.array_equal(first.vectors_, second.vectors_)
    assert np.array_equal(first.output_vectors_, second.output_vectors_)
    for one, other in zip(first.history_, second.history_, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


# In Python.


@pytest.mark.parametrize("workers", [1, 2])
def test_fit_measures_what_is_held_out(workers: int) -> None:
    model = small(holdout=0.1, workers=workers).fit(sentences())
    losses = [epoch["holdout_loss"] for epoch in model.history_]
    assert len(losses) == 3 and losses[-1] < 6 * math.log(2)
    corpus = model.embeddings_.metadata["corpus"]
    assert corpus["tokens"] + corpus["held_out_tokens"] == corpus["words"] == 8000
    assert 400 < corpus["held_out_tokens"] < 1200
    assert {epoch["words"] for epoch in model.history_} == {corpus["tokens"]}
    assert model.vocabulary_.counts is not None and model.vocabulary_.counts.sum() == 8000


def test_held_out_loss_tells_that_a_text_was_learned_by_heart() -> None:
    rng = np.random.default_rng(1)
    noise = [[f"w{w}" for w in rng.integers(200, size=8)] for _ in range(150)]  # nothing in it can be learned
    model = small(holdout=0.3, epochs=60, alpha=0.1, min_alpha=0.1, window=2, vector_size=32).fit(noise)
    first, last = model.history_[0], model.history_[-1]
    assert last["loss"] < first["loss"] - 0.3 and last["holdout_loss"] > first["holdout_loss"] + 0.3


def test_early_stopping_returns_the_best_vectors() -> None:
    rng = np.random.default_rng(1)
    noise = [[f"w{w}" for w in rng.integers(200, size=8)] for _ in range(150)]
    seen: list[np.ndarray[Any, Any]] = []
    options: dict[str, Any] = {"epochs": 60, "alpha": 0.1, "min_alpha": 0.1, "window": 2, "vector_size": 32}
    model = small(holdout=0.3, patience=2, **options)
    model.fit(noise, callbacks=[lambda view: seen.append(view.embeddings.vectors.copy())])
    losses = [epoch["holdout_loss"] for epoch in model.history_]
    best = int(np.argmin(losses)) + 1
    assert model.is_complete_ and len(losses) == best + 2 < 60
    assert np.array_equal(model.vectors_, seen[best - 1])
    schedule = model.embeddings_.metadata["schedule"]
    assert schedule["best_epoch"] == best
    assert schedule["stopped"] == f"holdout_loss was best after epoch {best} and has not improved for 2 epochs"


def test_history_with_measures_is_saved_and_loaded(tmp_path: Path, pairs: Path) -> None:
    model = small(holdout=0.1, eval_pairs=pairs).fit(sentences())
    assert all(-1 <= epoch["word_pairs"] <= 1 for epoch in model.history_)
    model.save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["history"] == model.history_
    assert config["parameters"]["eval_pairs"] == str(pairs)
    assert Word2Vec.load(tmp_path / "model").history_ == model.history_


def interrupt_after(n_reports: int) -> Any:
    seen = 0

    def progress(state: Progress) -> None:
        nonlocal seen
        seen += state.phase == "training"
        if seen == n_reports:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("stop", ["epoch", "interval"])
def test_training_with_measures_goes_on_exactly(stop: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"holdout": 0.1, "patience": 5, "epochs": 4}
    whole = small(**options).fit(sentences())
    steps: list[int] = []

    def interrupt(view: TrainingView) -> None:
        steps.append(view.step)
        if len(steps) == (2 if stop == "epoch" else 11):
            raise KeyboardInterrupt

    begun = small(**options)
    with pytest.raises(TrainingInterrupted):
        begun.fit(sentences(), callbacks=[interrupt if stop == "epoch" else Every(1e-9, interrupt)])
    assert not begun.is_complete_
    begun.save(tmp_path / "model")
    rest = Word2Vec.load(tmp_path / "model").resume(sentences())
    assert_equal_models(rest, whole)


def test_best_vectors_outlive_an_interruption(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = [[f"w{w}" for w in rng.integers(200, size=8)] for _ in range(150)]
    options: dict[str, Any] = {
        "epochs": 60, "alpha": 0.1, "min_alpha": 0.1, "window": 2, "vector_size": 32, "holdout": 0.3, "patience": 3,
    }  # fmt: skip
    whole = small(**options).fit(noise)
    best = whole.embeddings_.metadata["schedule"]["best_epoch"]

    def interrupt(view: TrainingView) -> None:
        if view.epoch == best + 1:
            raise KeyboardInterrupt

    begun = small(**options)
    with pytest.raises(TrainingInterrupted):
        begun.fit(noise, callbacks=[interrupt])
    begun.save(tmp_path / "model")
    rest = Word2Vec.load(tmp_path / "model").resume(noise)
    assert_equal_models(rest, whole)
    assert rest.embeddings_.metadata["schedule"]["best_epoch"] == best


def test_failing_callback_keeps_what_was_learned(tmp_path: Path) -> None:
    def fail(view: TrainingView) -> None:
        if view.epoch == 2:
            raise ZeroDivisionError("no")

    model = small()
    with pytest.raises(CallbackError, match="a callback failed after epoch 2: ZeroDivisionError: no"):
        model.fit(sentences(), callbacks=[fail], checkpoint=tmp_path / "model")
    assert len(model.history_) == 2 and not model.is_complete_
    assert_equal_models(Word2Vec.load(tmp_path / "model").resume(sentences()), small().fit(sentences()))


def test_callback_ends_training_as_if_it_were_complete() -> None:
    model = small().fit(sentences(), callbacks=[lambda view: view.epoch == 2])
    assert model.is_complete_ and len(model.history_) == 2
    assert model.embeddings_.metadata["schedule"]["stopped"] == "a callback asked for it"


def test_callbacks_change_nothing() -> None:
    plain = small().fit(sentences())
    assert_equal_models(small().fit(sentences(), callbacks=[lambda view: None, Every(1e-9, lambda view: None)]), plain)


def test_fit_reads_evaluations_before_the_text(tmp_path: Path, pairs: Path) -> None:
    with pytest.raises(EvaluationError, match="nowhere cannot be read"):
        small(eval_pairs=tmp_path / "nowhere").fit(tmp_path / "no text either")
    with pytest.raises(ValueError, match="no line has only words of the corpus"):
        small(eval_pairs=pairs).fit([["other", "words"]] * 9)


def test_fit_refuses_to_hold_out_of_one_sentence() -> None:
    with pytest.raises(ValueError, match="the corpus is one short sentence"):
        small(holdout=0.5).fit([["a", "b", "c"]])


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
def test_deterministic_fit_is_the_same_every_time(algorithm: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"algorithm": algorithm, "workers": 3, "deterministic": True, "holdout": 0.1}
    whole, again = small(**options).fit(sentences()), small(**options).fit(sentences())
    assert_equal_models(whole, again)
    begun = small(**options)
    with pytest.raises(TrainingInterrupted):
        begun.fit(sentences(), progress=interrupt_after(1))
    begun.save(tmp_path / "model")
    assert_equal_models(Word2Vec.load(tmp_path / "model").resume(sentences()), whole)


# On the command line.


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


FEW = ["--vector-size", 8, "--min-count", 1, "--workers", 1, "--seed", 1]


def test_train_shows_measures_in_json_and_info(text: Path, pairs: Path) -> None:
    output = text.parent / "out"
    result = run("train", text, "-o", output, *FEW, "--held-out", 0.1, "--eval-pairs", pairs, "--json")
    assert result.exit_code == 0, result.output
    history = json.loads(result.stdout)["history"]
    assert len(history) == 5 and all({"held_out_loss", "word_pairs"} <= set(epoch) for epoch in history)
    shown = run("info", output).stdout
    assert "held_out_loss" in shown and f"{history[-1]['held_out_loss']:.4g}" in shown


def test_train_stops_early(text: Path) -> None:
    output = text.parent / "out"
    result = run(
        "train", text, "-o", output, *FEW, "--held-out", 0.2, "--patience", 1, "--epochs", 300, "--learning-rate", 0.1,
        "--min-learning-rate", 0.1, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["history"]) == json.loads(result.stdout)["best_epoch"] + 1 < 300
    assert "has not improved for 1 epoch" in run("info", output).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--patience", 2], "patience needs something to watch"),
        (["--held-out", 0.1, "--monitor", "holdout"], "monitor selects what patience watches"),
        (["--held-out", 0.1, "--patience", 2, "--monitor", "pairs"], "needs --eval-pairs"),
        (["--deterministic", "--max-time", 10], "--deterministic cannot be combined with --max-time"),
        (["--held-out", -0.1], "--held-out"),
        (["--held-out", "1"], "--held-out"),
        (["--held-out", "nan"], "--held-out"),
    ],
)
def test_train_refuses_options_that_make_no_sense(text: Path, options: list[object], message: str) -> None:
    result = run("train", text, "-o", text.parent / "out", *options)
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output
    assert [path.name for path in text.parent.iterdir()] == ["text.txt"]


def test_train_refuses_an_evaluation_that_is_none(text: Path) -> None:
    wrong = text.parent / "wrong.txt"
    wrong.write_text("three words only\n")
    result = run("train", text, "-o", text.parent / "out", *FEW, "--eval-analogies", wrong)
    assert result.exit_code == 1 and "wrong.txt, line 1: a question must be four words" in result.stderr
    assert not (text.parent / "out").exists()
