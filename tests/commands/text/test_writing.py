"""The commands fit-lm, write and score."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.text_models import (
    assert_same,
    character_model,
    counting_lines,
    counting_model,
    interrupting,
    number_translator,
    write_lines,
)
from w2v import LanguageModel
from w2v.commands.shared.option_names import option_name
from w2v.commands.text import writing
from w2v.neural.names import JUDGES
from w2v.neural.tasks.parameters import LanguageModelParameters

CORPUS = counting_lines(100)
FEW = (
    "--units", "words", "--hidden-size", 16, "--heads", 2, "--layers", 1, "--epochs", 4, "--batch-tokens", 64,
    "--context", 16, "--evaluate-every", 4, "--workers", 1,
)  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    counting_model().save(folder / "lines")
    character_model().save(folder / "running")
    return {"lines": folder / "lines", "running": folder / "running"}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "corpus.txt", CORPUS)


def test_fit_lm_trains_saves_and_reports(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "m"
    result = run("fit-lm", corpus, "-o", output, *FEW, "--json")
    assert result.exit_code == 0, result.output
    summary, model = json.loads(result.stdout), LanguageModel.load(output)
    assert summary["history"] == model.history_ and summary["units"] == "9 words"
    for name in ("ngram", "mixture"):
        assert summary[f"{name}_held_out_loss"] == model.network_.metadata[f"{name}_loss"]
    result = run("fit-lm", corpus, "-o", output, *FEW, "--overwrite", "-v", corpus)
    assert result.exit_code == 0 and "ngram held out loss" in result.stdout and str(output) in result.stdout
    assert_mistake(run("fit-lm", corpus, "-o", output, *FEW), 1, "exists already")


def test_text_from_standard_input(corpus: Path, tmp_path: Path) -> None:
    result = run("fit-lm", "-", "-o", tmp_path / "piped", *FEW, stdin=corpus.read_bytes())
    assert result.exit_code == 0, result.output
    assert run("fit-lm", corpus, "-o", tmp_path / "read", *FEW).exit_code == 0
    assert_same(LanguageModel.load(tmp_path / "piped").network_, LanguageModel.load(tmp_path / "read").network_)
    assert_mistake(run("fit-lm", "-", "-o", tmp_path / "x", *FEW, stdin=b""), 1, "there is no text to train on")
    both = run("fit-lm", "-", "-v", "-", "-o", tmp_path / "x", *FEW, stdin=corpus.read_bytes())
    assert_mistake(both, 1, "standard input ('-') is named 2 times")


def test_fit_lm_is_interrupted_and_resumed(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.write_bytes(corpus.read_bytes() + b"one \xff\n")
    whole, output, few = tmp_path / "whole", tmp_path / "m", (*FEW, "--errors", "replace")
    assert run("fit-lm", corpus, "-o", whole, *few).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr("w2v.neural.tasks.estimator.show_fitting", interrupting(10, signal.SIGINT))
        result = run("fit-lm", corpus, "-o", output, *few)
    assert result.exit_code == 130 and f"resume with: w2v fit-lm --resume {output}" in result.stderr, result.output
    resumed = run("fit-lm", "--resume", output)
    assert resumed.exit_code == 0, resumed.output
    assert_same(LanguageModel.load(output).network_, LanguageModel.load(whole).network_)
    assert_mistake(run("fit-translator", "--resume", output), 1, "'language-model', not 'translator'", "w2v write")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument 'CORPUS...'"),
        (["CORPUS"], 2, "Missing option '-o'"),
        (["missing.txt", "-o", "out"], 1, "missing.txt"),
        (["EMPTY", "-o", "out"], 1, "there is no text to train on"),
        (["CORPUS", "-o", "/dev/null/out"], 1, "/dev/null is not a folder"),
        (["CORPUS", "-o", "out", "-v", "EMPTY"], 1, "there is no text"),
        (["CORPUS", "-o", "out", "--hidden-size", 30, "--heads", 4], 1, "multiple of"),
        (["CORPUS", "-o", "out", "--epochs", 0], 2, "--epochs"),
        (["CORPUS", "-o", "out", "--min-count", 500], 1, "contain nothing to build a vocabulary from"),
        (["CORPUS", "-o", "out", "--initial", "missing"], 1, "missing does not exist"),
        (["BAD", "-o", "out"], 1, "bad.txt"),
    ],
)
def test_fit_lm_reports_bad_input(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.txt").write_bytes(b"one \xff\n")
    files: dict[object, object] = {
        "CORPUS": corpus, "EMPTY": write_lines(tmp_path / "empty.txt", ["", " "]), "BAD": tmp_path / "bad.txt",
    }  # fmt: skip
    before = sorted(os.listdir(tmp_path))
    given = (files.get(argument, argument) for argument in (*FEW, *arguments))
    assert_mistake(run("fit-lm", *given), code, message)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", [one.name for one in fields(LanguageModelParameters) if one.name != "separate_lines"])
def test_bad_values_are_refused_with_the_same_sentence_in_python_and_on_the_command_line(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    value: Any = 1.0 if name == "dropout" else -1
    option = option_name(name, of_network=True)
    result = run("fit-lm", corpus, "-o", tmp_path / "out", f"{option}={value}")
    with pytest.raises(ValueError) as refused:
        LanguageModel(**{name: value}).fit(corpus)
    sentence = str(refused.value).removeprefix(f"{name} ").replace(" or None", "").partition(", got")[0]
    assert_mistake(result, 2, f"Invalid value for '{option}'", "" if name in ("max_time", "tokenizer") else sentence)


# --- write ------------------------------------------------------------------------------------------------------------


def test_write_goes_on_after_a_prompt(models: dict[str, Path]) -> None:
    model = counting_model()
    for options, same in (
        (("--greedy",), {"greedy": True}),
        (("--seed", 3), {"seed": 3}),
        (("--temperature", 2, "--top-k", 3, "--top-p", 0.9), {"temperature": 2.0, "top_k": 3, "top_p": 0.9}),
        (("--max-tokens", 2), {"max_tokens": 2}),
    ):
        result = run("write", models["lines"], "one two", *options)
        assert result.exit_code == 0 and result.stdout == model.write("one two", **same) + "\n"
    result = run("write", models["running"], "one ", "--json", "--max-tokens", 30)
    expected = character_model().write("one ", max_tokens=30)
    assert json.loads(result.stdout) == {"prompt": "one ", "text": expected}
    assert run("write", models["lines"]).stdout == model.write() + "\n"
    long = "one two three " * 50
    assert run("write", models["running"], long, "--max-tokens", 9).stdout.startswith(long)


@pytest.mark.parametrize(
    "options",
    [
        ("--temperature", 0), ("--temperature", "nan"), ("--top-k", 0), ("--top-p", 0), ("--top-p", 2),
        ("--max-tokens", 0), ("--seed", -1), ("--seed", 2**70),
    ],
)  # fmt: skip
def test_write_refuses_bad_options(models: dict[str, Path], options: tuple[str, Any]) -> None:
    result = run("write", models["lines"], "one", *options)
    assert result.exit_code in (1, 2) and options[0].strip("-").replace("-", "_") in result.stderr.replace("-", "_")
    assert "Traceback" not in result.output and result.stdout == ""


# --- score ------------------------------------------------------------------------------------------------------------


def test_score_prints_a_line_for_a_line_and_the_perplexity_of_all(models: dict[str, Path], tmp_path: Path) -> None:
    lines = ["one two three", "", "three one one", "好久不见", "six " * 100]
    text, model = write_lines(tmp_path / "text.txt", lines), counting_model()
    for by in JUDGES:
        result = run("score", models["lines"], text, *(() if by == "network" else ("--by", by)))
        assert result.exit_code == 0, result.output
        shown = result.stdout.split("\n")
        assert len(shown) == len(lines) + 1
        for row, scored in zip(shown, model.score(lines, by=by), strict=False):
            expected = f"{scored.log_probability:10.2f} {scored.perplexity:10.2f}  {scored.text}"
            assert row == expected
        perplexity = model.perplexity(lines, by=by)
        assert f"perplexity {perplexity:.2f}, {math.log(perplexity):.4f} nats each" in result.stderr
    assert run("score", models["lines"], stdin=text.read_bytes()).stdout == run("score", models["lines"], text).stdout
    assert run("score", models["lines"], stdin=b"").stdout == ""


def test_what_scores_well_is_the_text_as_it_was(models: dict[str, Path], tmp_path: Path) -> None:
    """A filter of the shell gives lines back with all that is in them; line feeds of a whole file alone are shown."""
    lines = ["one\ttwo", "one\x0ctwo", "one\u2028two"]
    text = write_lines(tmp_path / "text.txt", lines)
    result = run("score", models["lines"], text)
    assert [row[23:] for row in result.stdout.split("\n")] == [*lines, ""]
    assert run("score", models["lines"], text, "--whole").stdout.endswith("  " + "\\n".join(lines) + "\n")


def test_score_of_a_whole_file(models: dict[str, Path], tmp_path: Path) -> None:
    text, model = write_lines(tmp_path / "text.txt", CORPUS[:20]), character_model()
    result = run("score", models["running"], text, "--whole", "--json")
    [whole] = map(json.loads, result.stdout.splitlines())
    [expected] = model.score(["\n".join(CORPUS[:20])])
    assert whole == expected.to_dict()
    assert whole["log_probability"] == pytest.approx(sum(one["log_probability"] for one in whole["pieces"]))
    two = run("score", models["running"], text, text, "--whole", "--json")
    assert len(two.stdout.splitlines()) == 2  # a file is a text


def test_json_of_scores_is_that_of_python(models: dict[str, Path], tmp_path: Path) -> None:
    text = write_lines(tmp_path / "text.txt", ["one two", ""])
    found = [json.loads(line) for line in run("score", models["lines"], text, "--json").stdout.splitlines()]
    assert found == [one.to_dict() for one in counting_model().score(["one two", ""])]
    running = run("score", models["running"], "--json", stdin=b"\n")
    assert json.loads(running.stdout)["perplexity"] is None


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))


@pytest.mark.usefixtures("terminal")
def test_terminal_sees_every_piece_and_no_control_character(models: dict[str, Path]) -> None:
    for name, model in (("lines", counting_model()), ("running", character_model())):
        result = run("write", models[name], "one\x1b[31m two", "--seed", 2, "--max-tokens", 30)
        assert result.exit_code == 0, result.output
        assert result.stdout == model.write("one\x1b[31m two", seed=2, max_tokens=30).replace("\x1b", r"\x1b") + "\n"


@pytest.mark.usefixtures("terminal")
def test_surprise_is_coloured_at_a_terminal() -> None:
    [scored] = counting_model().score(["one two one"])
    shown = writing._coloured(scored, True)
    colours = [part.partition("m")[0] for part in shown.split("\x1b[38;5;")[1:]]
    surprised = [p for p in scored.log_probabilities[:3] if p <= -2]
    assert len(colours) == len(surprised) > 0 and shown.count(" ") == 2


def test_info_describes_a_language_model(models: dict[str, Path]) -> None:
    described = json.loads(run("info", models["lines"], "--json").stdout)
    assert described["kind"] == "language model" and described["units"] == "9 words" and described["lines"] is True
    assert described["held_out_loss"] == min(entry["held_out_loss"] for entry in described["history"])
    assert described["ngram_loss"] > described["mixture_loss"] > 0 and described["training"]["complete"] is True
    assert "language model" in run("info", models["running"]).stdout


OTHERS: dict[str, tuple[tuple[object, ...], ...]] = {
    "translator": (
        ("encode", "FOLDER", "TEXT", "--jsonl"), ("neighbors", "FOLDER", "one"), ("write", "FOLDER", "one"),
        ("score", "FOLDER", "TEXT"), ("train", "--resume", "FOLDER"), ("fit-encoder", "--resume", "FOLDER"),
        ("attention", "FOLDER", "one"), ("similar", "FOLDER", "TEXT", "one"), ("analogy", "FOLDER", "a", "b", "c"),
        ("search", "FOLDER", "one"), ("index", "FOLDER", "TEXT", "-o", "new"),
        ("prune", "FOLDER", "-o", "new", "--max-vocab", 3), ("export", "FOLDER", "new.txt", "--format", "glove"),
        ("cluster", "TEXT", "--model", "FOLDER", "-k", 2), ("evaluate", "FOLDER", "--sts", "TEXT"),
    ),
    "language-model": (
        ("translate", "FOLDER", "TEXT"), ("encode", "FOLDER", "TEXT", "--jsonl"), ("neighbors", "FOLDER", "one"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "command"), [(kind, command) for kind in OTHERS for command in OTHERS[kind]])
def test_other_commands_say_what_a_folder_is_for(
    kind: str, command: tuple[object, ...], models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(Path("text.txt"), CORPUS)
    if kind == "translator":
        number_translator().save("folder")
    folder = Path("folder") if kind == "translator" else models["lines"]
    places: dict[object, object] = {"FOLDER": folder, "TEXT": "text.txt"}
    result = run(*(places.get(argument, argument) for argument in command))
    assert_mistake(result, 1, str(folder), "w2v translate" if kind == "translator" else "w2v write")
    assert not [path for path in Path().iterdir() if path.name.startswith("new")]
