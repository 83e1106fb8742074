"""`w2v train`: checkpoints, going on, training further, spans of time; what contradicts is refused."""

from __future__ import annotations

import inspect
import json
import signal
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v.commands.main import main
from w2v.commands.shared.interrupts import Terminated
from w2v.commands.shared.option_names import named_as_options
from w2v.commands.shared.types import Duration
from w2v.monitoring.history import Progress, TrainingInterrupted
from w2v.settings.recipes import best_settings
from w2v.storage.tensors import read_tensors
from w2v.training import word2vec
from w2v.training.checkpoints import CheckpointWarning, interrupted_seed
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.inverses import measure_inverses
from w2v.vectors.model_folder import LAYOUT

SMALL = ["--vector-size", "8", "--min-count", "1", "--epochs", "2", "--workers", "1", "--seed", "1"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    words = np.array("one two three four five six seven eight".split())
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(words[rng.integers(8, size=8)]) for _ in range(300)), encoding="utf-8")
    return path


@pytest.fixture
def new_text(tmp_path: Path) -> Path:
    path = tmp_path / "new.txt"
    path.write_text("one two nine ten\nnine eleven\n" * 50 + "rare\n", encoding="utf-8")
    return path


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def assert_mistake(result: Result, code: int, *fragments: str) -> None:
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit) and result.stdout == ""
    message = result.stderr.rpartition("Error: ")[2]
    assert message.count("\n") == 1
    for fragment in fragments:
        assert fragment in message, message


def interrupt(monkeypatch: pytest.MonkeyPatch, *arguments: object, stdin: bytes | None = None) -> Result:
    """Run `w2v train` and interrupt it, as by Ctrl-C, when the first segment is done."""

    class Interrupted(Word2Vec):
        def fit(self, corpus: Any, y: object = None, **options: Any) -> Word2Vec:
            return super().fit(corpus, **options | {"progress": stop})

        def continue_fit(self, corpus: Any, **options: Any) -> Word2Vec:
            return super().continue_fit(corpus, **options | {"progress": stop})

    def stop(state: Progress) -> None:
        if state.phase == "training":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(word2vec, "Word2Vec", Interrupted)
        return run("train", *arguments, stdin=stdin)


def vectors(folder: Path) -> np.ndarray[Any, Any]:
    return Embeddings.load(folder).vectors


# Spans of time.


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172800), ("1.5h", 5400), ("1h30m", 5400), ("90", 90), ("0", 0),
     (" 10M ", 600), ("0.5", 0.5), ("1e3", 1000)],
)  # fmt: skip
def test_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "m", "5 m", "-5m", "5x", "1h-3m", "nan", "inf", "-1", "five", "5mm", "9" * 400])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration, such as 30s, 5m, 1h30m"):
        Duration().convert(text, None, None)


def test_max_time_is_a_span_of_time(corpus: Path, tmp_path: Path) -> None:
    assert run("train", corpus, "--output", tmp_path / "out", *SMALL, "--max-time", "0.002m").exit_code == 0
    assert Word2Vec.load(tmp_path / "out").max_time == pytest.approx(0.12)
    assert_mistake(run("train", corpus, "--output", tmp_path / "x", "--max-time", "0s"), 2, "max-time", "above 0")


@pytest.mark.parametrize("objective", ["negative", "hs"])
def test_info_says_what_the_two_tables_are_to_each_other(corpus: Path, tmp_path: Path, objective: str) -> None:
    folder = tmp_path / "out"
    assert run("train", corpus, "--output", folder, *SMALL, "--objective", objective).exit_code == 0
    described = json.loads(run("info", folder, "--json").stdout)
    shown = run("info", folder).stdout
    if objective == "hs":  # whose output vectors belong to inner nodes
        assert "output_vectors" not in described
        return
    outputs = read_tensors(folder / LAYOUT.training)["output_vectors"]
    expected = measure_inverses(vectors(folder), outputs)._asdict()
    assert described["output_vectors"] == pytest.approx(expected)
    assert f"{expected['from_inverse']:.2f} from the pseudo-inverse of the vectors" in shown


def test_checkpoint_interval_is_that_of_python(tmp_path: Path, corpus: Path) -> None:
    option = next(option for option in main.commands["train"].params if option.name == "checkpoint_every")
    expected = inspect.signature(Word2Vec.fit).parameters["checkpoint_every"].default
    assert Duration().convert(option.default, None, None) == expected
    assert "[default: 10m]" in " ".join(run("train", "--help-all").stdout.split())
    assert_mistake(run("train", corpus, "-o", tmp_path / "x", "--checkpoint-every", "often"), 2, "--checkpoint-every")


# Going on.


def test_resume_takes_the_place_of_the_checkpoint(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run("train", corpus, "--output", whole, *SMALL, "--checkpoint-every", "0.000001s").exit_code == 0
    interrupted = interrupt(monkeypatch, corpus, "--output", parts, *SMALL)
    assert interrupted.exit_code == 130 and interrupted.stdout == ""
    assert interrupted.stderr == f"Interrupted. Progress is saved; resume with: w2v train --resume {parts}\n"
    assert run("neighbors", parts, "one").exit_code == run("info", parts).exit_code == 0
    resumed = run("train", "--resume", parts, "--json")
    assert resumed.exit_code == 0, resumed.output
    assert json.loads(resumed.stdout)["output"] == str(parts)
    np.testing.assert_array_equal(vectors(parts), vectors(whole))
    assert_mistake(run("train", "--resume", parts), 1, "training is complete, there is nothing to resume")


def test_overwritten_model_stays_until_the_resumed_one_is_complete(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    assert run("train", corpus, "--output", output, *SMALL, "--seed", "9").exit_code == 0
    before = vectors(output).copy()
    assert interrupt(monkeypatch, corpus, "--output", output, *SMALL, "--overwrite").exit_code == 130
    np.testing.assert_array_equal(vectors(output), before)
    assert interrupted_seed(tmp_path / "out.checkpoint") == 1
    assert run("train", "--resume", output).exit_code == 0
    assert sorted(tmp_path.iterdir()) == [corpus, output]
    assert run("train", corpus, "--output", tmp_path / "fresh", *SMALL).exit_code == 0
    np.testing.assert_array_equal(vectors(output), vectors(tmp_path / "fresh"))


def test_interrupted_training_is_not_begun_anew_by_accident(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    interrupt(monkeypatch, corpus, "--output", output, *SMALL)
    assert_mistake(run("train", corpus, "--output", output, *SMALL), 1, f"w2v train --resume {output}")
    assert interrupted_seed(output) == 1
    assert run("train", corpus, "--output", output, *SMALL, "--overwrite").exit_code == 0


def test_resume_refuses_other_options(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    interrupt(monkeypatch, corpus, "--output", output, *SMALL)
    for option, value in (
        ("--window", 7), ("--epochs", 3), ("--algorithm", "cbow"), ("--tokenizer", "whitespace"), ("--seed", 2),
        ("--learning-rate", 0.01),
    ):  # fmt: skip
        assert_mistake(run("train", "--resume", output, option, value), 2, f"{option} is {value}, but the training in")
    assert_mistake(run("train", "--resume", output, "--output", tmp_path / "x"), 2, "--resume takes no --output")
    assert_mistake(run("train", "--resume", output, "--continue", output), 2, "exclude each other")
    assert interrupted_seed(output) == 1
    same = ["--output", output, *SMALL, "--tokenizer", "words", "--workers", 2]
    assert run("train", corpus, "--resume", output, *same).exit_code == 0


def test_a_dry_run_tells_what_a_recipe_sets(corpus: Path) -> None:
    command = ["train", corpus, "--dry-run", "--min-count", 1, "--vector-size", 4, "--workers", 1]
    shown = run(*command, "--recipe", "best", "--window", 3).stdout
    assert "recipe" in shown and "window 3, sample" in shown and "1 thread\n" in shown
    assert json.loads(run(*command, "--recipe", "best", "--json").stdout)["recipe"].startswith("best for ")
    assert "recipe" not in run(*command).stdout and json.loads(run(*command, "--json").stdout)["recipe"] is None


def test_a_recipe_is_told_first_and_stored_and_what_is_given_wins(corpus: Path, tmp_path: Path) -> None:
    output, small = tmp_path / "out", ["--vector-size", 8, "--min-count", 1, "--workers", 1]
    command = ["train", corpus, "--output", output, *small, "--recipe", "best", "--epochs", 5, "--window", 3]
    result = run(*command, "--progress", "log")
    n_words = Embeddings.load(output).metadata["corpus"]["tokens"]
    chosen = best_settings(n_words)
    held = f"learning-rate-hold {chosen['alpha_hold']:g}"
    told = f"best for {n_words:,} words: window 3, sample {chosen['sample']:g}, {held}"
    assert result.exit_code == 0 and result.stderr.splitlines()[0] == f"Recipe: {told}, epochs 5"
    assert told in result.stdout.splitlines()[2]
    described = json.loads(run("info", output, "--json").stdout)["parameters"]
    wanted = named_as_options(chosen | {"epochs": 5, "window": 3})
    assert {name: described[name] for name in wanted} == wanted
    continued = ["train", corpus, "--continue", output, "--output", tmp_path / "x", "--recipe", "none"]
    assert_mistake(run(*continued), 2, "--recipe is none, but the training in")
    assert_mistake(run(*command, "--overwrite", "--algorithm", "cbow"), 2, "--recipe best is for skip-gram with")


def test_resume_refuses_text_that_changed(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    interrupt(monkeypatch, corpus, "--output", output, *SMALL)
    corpus.write_text(corpus.read_text()[:-30], encoding="utf-8")
    assert_mistake(run("train", "--resume", output), 1, "the corpus is not the one that training began with")
    corpus.unlink()
    assert_mistake(run("train", "--resume", output), 1, str(corpus))
    assert interrupted_seed(output) == 1


def test_resume_takes_standard_input_again(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, text = tmp_path / "out", corpus.read_bytes()
    assert interrupt(monkeypatch, "-", "--output", output, *SMALL, stdin=text).exit_code == 130
    assert_mistake(
        run("train", "--resume", output), 2, "was trained on standard input or a pipe; give the same text as INPUT"
    )
    assert run("train", "-", "--resume", output, stdin=text).exit_code == 0


def test_resume_of_what_is_no_checkpoint_is_a_mistake(tmp_path: Path, corpus: Path) -> None:
    assert_mistake(run("train", "--resume", tmp_path / "none"), 1, "does not exist")
    assert_mistake(run("train", "--resume", corpus), 1, str(corpus))
    assert_mistake(run("train", "--resume", tmp_path), 1, "is not a model folder")


@pytest.mark.parametrize("arguments", [["--output", "x"], ["corpus.txt"], []], ids=str)
def test_train_without_input_or_output_is_a_usage_error(arguments: list[str]) -> None:
    assert_mistake(run("train", *arguments), 2, "Missing")


@pytest.mark.parametrize(
    ("command", "option", "answer"),
    [
        ("train", "--alpha", "Here it is --learning-rate."),
        ("train", "--dim", "Here it is --vector-size."),
        ("fit-lm", "--dim", "Here it is --hidden-size."),
        ("train", "--iter", "Here it is --epochs."),
        ("neighbors", "--topp", "Did you mean '--top'?"),
        ("info", "--alpha", "Did you mean '--help'?"),
    ],
)
def test_an_option_of_another_name_is_answered_with_ours(command: str, option: str, answer: str) -> None:
    result = run(command, "x", option, "1")
    assert result.exit_code == 2 and result.stderr.strip().endswith(answer)


def test_sigterm_ends_like_ctrl_c_with_its_own_code(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, fit = tmp_path / "out", Word2Vec.fit

    def fit_until_terminated(model: Word2Vec, *arguments: Any, **options: Any) -> Word2Vec:
        def stop(state: Progress) -> None:
            if state.phase == "training":
                raise Terminated

        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        return fit(model, *arguments, **options | {"progress": stop})

    monkeypatch.setattr(Word2Vec, "fit", fit_until_terminated)
    result = run("train", corpus, "--output", output, *SMALL)
    assert result.exit_code == 143 and f"w2v train --resume {output}" in result.stderr
    assert interrupted_seed(output) == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_checkpoint_that_fails_is_one_line(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(model: Word2Vec, *arguments: Any, **options: Any) -> Word2Vec:
        for _ in range(2):
            warnings.warn("no checkpoint, training continues: disk full", CheckpointWarning, stacklevel=1)
        raise TrainingInterrupted

    monkeypatch.setattr(Word2Vec, "fit", fit)
    stderr = run("train", corpus, "--output", tmp_path / "out", *SMALL).stderr
    assert stderr.startswith("Warning: no checkpoint, training continues: disk full\n" * 2 + "Interrupted.")


# Training further.


def test_continue_adds_the_new_words(corpus: Path, new_text: Path, tmp_path: Path) -> None:
    model, output = tmp_path / "model", tmp_path / "grown"
    assert run("train", corpus, "--output", model, *SMALL, "--min-count", "2").exit_code == 0
    before = Embeddings.load(model)
    result = run("train", new_text, "--continue", model, "--output", output, "--epochs", "3", "--json")
    assert result.exit_code == 0, result.output
    grown = Embeddings.load(output)
    assert set(grown) == set(before) | {"nine", "ten", "eleven"}
    assert len(json.loads(result.stdout)["history"]) == 3
    for word in ("three", "eight"):
        np.testing.assert_array_equal(grown[word], before[word])
    assert not np.array_equal(grown["one"], before["one"])
    parameters = Word2Vec.load(output).get_params()
    assert (parameters["vector_size"], parameters["min_count"], parameters["epochs"]) == (8, 2, 3)
    replaced = run("train", new_text, "--continue", model, "--output", model, "--epochs", "3", "--overwrite")
    assert replaced.exit_code == 0 and sorted(tmp_path.iterdir()) == [corpus, output, model, new_text]
    np.testing.assert_array_equal(vectors(model), grown.vectors)


def test_continued_training_resumes(
    corpus: Path, new_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, whole, parts = tmp_path / "model", tmp_path / "whole", tmp_path / "parts"
    assert run("train", corpus, "--output", model, *SMALL).exit_code == 0
    assert run("train", new_text, "--continue", model, "--output", whole, "--sample", 0).exit_code == 0
    assert interrupt(monkeypatch, new_text, "--continue", model, "--output", parts, "--sample", 0).exit_code == 130
    assert_mistake(run("train", new_text, "--continue", parts, "--output", tmp_path / "x"), 1, "is not complete")
    assert run("train", "--resume", parts).exit_code == 0
    np.testing.assert_array_equal(vectors(parts), vectors(whole))


def test_continue_refuses_what_cannot_change(corpus: Path, new_text: Path, tmp_path: Path) -> None:
    model, output = tmp_path / "model", tmp_path / "out"
    assert run("train", corpus, "--output", model, *SMALL).exit_code == 0
    command = ["train", new_text, "--continue", model, "--output", output]
    for option, value in (("--vector-size", 9), ("--algorithm", "cbow"), ("--tokenizer", "whitespace")):
        assert_mistake(run(*command, option, value), 2, f"{option} is {value}, but the training in {model}")
    assert_mistake(
        run(*command, "--learning-rate", "0.01", "--min-learning-rate", "0.02"),
        2,
        "min-learning-rate must not be above",
    )
    assert_mistake(run(*command[:-2]), 2, "Missing option '-o' / '--output'")
    assert_mistake(run("train", "--continue", model, "--output", output), 2, "Missing argument 'INPUT...'")
    assert_mistake(run(*command[:-1], model), 1, "exists already")
    Embeddings(["one"], np.ones((1, 8))).save(tmp_path / "vectors")
    command[3] = tmp_path / "vectors"
    assert_mistake(run(*command), 1, "holds vectors only")
    assert not output.exists()
