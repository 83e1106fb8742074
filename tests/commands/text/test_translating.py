"""The commands fit-translator and translate."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.command_line import assert_mistake, run
from tests.helpers.disks import file_size_limit
from tests.helpers.examples.text_models import (
    assert_same,
    interrupting,
    number_pairs,
    number_translator,
    write_lines,
    write_pairs,
)
from w2v import Translator
from w2v.commands.shared.option_names import option_name
from w2v.neural.tasks.parameters import TranslatorParameters

PAIRS = number_pairs(100)
SOURCES, TARGETS = map(list, zip(*number_pairs(30, 3), strict=True))
FEW = (
    "--source-units", "words", "--target-units", "words", "--hidden-size", 16, "--heads", 2, "--layers", 1,
    "--epochs", 4, "--batch-tokens", 64, "--evaluate-every", 4, "--workers", 1,
)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "m"
    number_translator().save(path)
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.tsv", PAIRS)


def test_fit_translator_trains_saves_and_reports(pairs: Path, tmp_path: Path) -> None:
    output = tmp_path / "m"
    result = run("fit-translator", pairs, "-o", output, *FEW, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    translator = Translator.load(output)
    assert summary["history"] == translator.history_ and summary["pairs"]["trained"] + summary["pairs"]["held_out"]
    assert summary["source_units"] == "9 words" and {"held_out_loss", "bleu", "steps", "seconds"} <= set(summary)
    result = run("fit-translator", pairs, "-o", output, *FEW, "--overwrite")
    assert result.exit_code == 0 and "held out loss" in result.stdout and str(output) in result.stdout
    assert_same(Translator.load(output).network_, translator.network_)
    assert_mistake(run("fit-translator", pairs, "-o", output, *FEW), 1, "exists already")


def test_two_files_the_other_direction_and_pairs_to_measure_by(pairs: Path, tmp_path: Path) -> None:
    german, english = (write_lines(tmp_path / f"text.{name}", list(side)) for name, side in zip(
        ("de", "en"), zip(*PAIRS, strict=True), strict=True,
    ))  # fmt: skip
    for name, arguments in (("table", (pairs, "-v", pairs)), ("files", (german, english, "-v", german, "-v", english))):
        result = run("fit-translator", *arguments, "-o", tmp_path / name, *FEW)
        assert result.exit_code == 0, result.output
    assert_same(Translator.load(tmp_path / "files").network_, Translator.load(tmp_path / "table").network_)
    turned = run("fit-translator", english, german, "--columns", 2, 1, "-o", tmp_path / "turned", *FEW)
    assert turned.exit_code == 0, turned.output
    assert "eins" in Translator.load(tmp_path / "turned").network_.units["source"].pieces
    write_lines(english, [target for _, target in PAIRS[:-1]])
    assert_mistake(
        run("fit-translator", german, english, "-o", tmp_path / "x", *FEW), 1, "text.de has 100", "text.en has 99"
    )
    assert not (tmp_path / "x").exists()


def test_pairs_from_standard_input(pairs: Path, tmp_path: Path) -> None:
    result = run("fit-translator", "-", "-o", tmp_path / "piped", *FEW, stdin=pairs.read_bytes())
    assert result.exit_code == 0, result.output
    assert run("fit-translator", pairs, "-o", tmp_path / "read", *FEW).exit_code == 0
    assert_same(Translator.load(tmp_path / "piped").network_, Translator.load(tmp_path / "read").network_)
    assert_mistake(run("fit-translator", "-", "-o", tmp_path / "x", *FEW, stdin=b""), 1, "standard input: no pair")
    german, english = (
        write_lines(tmp_path / f"text.{i}", list(side)) for i, side in enumerate(zip(*PAIRS, strict=True))
    )
    result = run("fit-translator", "-", english, "-o", tmp_path / "beside", *FEW, stdin=german.read_bytes())
    assert result.exit_code == 0, result.output
    assert_same(Translator.load(tmp_path / "beside").network_, Translator.load(tmp_path / "read").network_)
    both = run("fit-translator", "-", "-v", "-", "-o", tmp_path / "x", *FEW, stdin=pairs.read_bytes())
    assert_mistake(both, 1, "standard input ('-') is named 2 times")


def test_pairs_that_are_not_utf_8(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs.write_bytes(pairs.read_bytes() + b"acht \xff\teight\n")
    assert_mistake(run("fit-translator", pairs, "-o", tmp_path / "m", *FEW), 1, "0xFF", "--errors replace")
    with monkeypatch.context() as patch:
        patch.setattr("w2v.neural.tasks.estimator.show_fitting", interrupting(10, signal.SIGINT))
        assert run("fit-translator", pairs, "-o", tmp_path / "m", *FEW, "--errors", "replace").exit_code == 130
    resumed = run("fit-translator", "--resume", tmp_path / "m")
    assert resumed.exit_code == 0, resumed.output
    assert "acht" in Translator.load(tmp_path / "m").network_.units["source"].pieces


def test_empty_sides_are_noted(pairs: Path, tmp_path: Path) -> None:
    pairs.write_text(pairs.read_text() + "allein\t\n\talone\n\n")
    result = run("fit-translator", pairs, "-o", tmp_path / "m", *FEW)
    assert result.exit_code == 0 and "2 pairs have an empty side and are left out" in result.stderr


@pytest.mark.parametrize("is_terminated", [False, True])
def test_fit_translator_is_interrupted_and_resumed(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminated: bool
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "m"
    assert run("fit-translator", pairs, "-o", whole, *FEW).exit_code == 0
    with monkeypatch.context() as patch:
        number = signal.SIGTERM if is_terminated else signal.SIGINT
        patch.setattr("w2v.neural.tasks.estimator.show_fitting", interrupting(10, number))
        result = run("fit-translator", pairs, "-o", output, *FEW)
    assert result.exit_code == (143 if is_terminated else 130), result.output
    assert f"resume with: w2v fit-translator --resume {output}" in result.stderr and result.stdout == ""
    described = json.loads(run("info", output, "--json").stdout)
    assert described["training"]["complete"] is False
    assert_mistake(run("fit-translator", "--resume", output, "--hidden-size", 3), 2, "uses the original options")
    assert_mistake(run("fit-translator", "--resume", output, "-o", whole), 2, "--resume takes no --output")
    assert_mistake(run("fit-translator", pairs, "-o", output, *FEW), 1, "interrupted training; resume it")
    resumed = run("fit-translator", "--resume", output)
    assert resumed.exit_code == 0, resumed.output
    assert_same(Translator.load(output).network_, Translator.load(whole).network_)
    assert_mistake(run("fit-translator", "--resume", output), 1, "training is complete, there is nothing to resume")
    assert_mistake(run("fit-lm", "--resume", output), 1, "'translator', not 'language-model'", "w2v translate")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_training_that_is_killed_ends_at_the_same_bits(pairs: Path, tmp_path: Path) -> None:
    output, moments = tmp_path / "m", random.Random(5)
    options = (pairs, *FEW[:-8], "--epochs", 40, *FEW[-6:])
    arguments: tuple[object, ...] = (*options, "-o", output, "--checkpoint-every", "0.000001s")
    steps = [0]
    for _ in range(2):
        command = [sys.executable, "-m", "cli", "fit-translator", *map(str, arguments)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and last_step(output) <= steps[-1] + 20:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
        assert process.returncode == -9
        steps.append(last_step(output))
        assert len(Translator.load(output).translate(["eins zwei"])) == 1
        arguments = ("--resume", output, "--checkpoint-every", "0.000001s")
    assert steps == sorted(set(steps))
    assert run("fit-translator", "--resume", output).exit_code == 0
    assert run("fit-translator", *options, "-o", tmp_path / "whole").exit_code == 0
    assert_same(Translator.load(output).network_, Translator.load(tmp_path / "whole").network_)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "pairs.tsv", "whole"]


def last_step(folder: Path) -> int:
    """Return the last step that a checkpoint measured; 0 without one, and while it is exchanged."""
    try:
        return int(json.loads((folder / "config.json").read_text())["history"][-1]["step"])
    except (OSError, LookupError, ValueError):
        return 0


def test_full_disk_keeps_what_was_learned_elsewhere_or_says_so(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with file_size_limit(4000):
        result = run("fit-translator", pairs, "-o", "m", *FEW)
    assert result.exit_code == 1 and "File too large" in result.stderr and "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.tsv"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument 'PAIRS...'"),
        (["PAIRS"], 2, "Missing option '-o'"),
        (["missing.tsv", "-o", "out"], 1, "missing.tsv"),
        (["PAIRS", "-o", "/dev/null/out"], 1, "/dev/null is not a folder"),
        (["TEXT", "-o", "out"], 1, "text.txt, line 1: expected a text, a tab and its translation"),
        (["PAIRS", "-o", "out", "-v", "missing"], 1, "missing"),
        (["PAIRS", "-o", "out", "--columns", 1, 1], 1, "two different numbers"),
        (["PAIRS", "-o", "out", "--columns", 1, 3], 1, "pairs.tsv, line 1"),
        (["PAIRS", "-o", "out", "--hidden-size", 30, "--heads", 4], 1, "multiple of"),
        (["PAIRS", "-o", "out", "--epochs", 0], 2, "--epochs"),
        (["PAIRS", "-o", "out", "--max-time", "0s"], 2, "--max-time"),
        (["PAIRS", "-o", "out", "--max-time", "soon"], 2, "not a duration"),
        (["PAIRS", "-o", "out", "--held-out", 5000], 1, "cannot be held out"),
        (["PAIRS", "-o", "out", "--initial-source", "missing"], 1, "missing does not exist"),
        (["--resume", "missing"], 1, "missing does not exist"),
    ],
)
def test_fit_translator_reports_bad_input(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files: dict[object, object] = {"PAIRS": pairs, "TEXT": write_lines(tmp_path / "text.txt", ["no tab"])}
    before = sorted(os.listdir(tmp_path))
    few = () if "--resume" in arguments else FEW
    given = (files.get(argument, argument) for argument in (*few, *arguments))
    assert_mistake(run("fit-translator", *given), code, message)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", [one.name for one in fields(TranslatorParameters) if one.name != "joint"])
def test_bad_values_are_refused_with_the_same_sentence_in_python_and_on_the_command_line(
    pairs: Path, tmp_path: Path, name: str
) -> None:
    value: Any = 1.0 if name == "dropout" else -1
    option = option_name(name, of_network=True)
    result = run("fit-translator", pairs, "-o", tmp_path / "out", f"{option}={value}")
    with pytest.raises(ValueError) as refused:
        Translator(**{name: value}).fit(pairs)
    sentence = str(refused.value).removeprefix(f"{name} ").replace(" or None", "").partition(", got")[0]
    assert_mistake(result, 2, f"Invalid value for '{option}'", "" if name == "max_time" else sentence)


# --- translate --------------------------------------------------------------------------------------------------------


def test_one_line_out_for_one_line_in(model: Path, tmp_path: Path) -> None:
    lines = ["eins zwei", "", "  ", "drei \U0001f600 drei", "eins\u2028zwei\x0cdrei", "\u00a0", "zwei"]
    text = write_lines(tmp_path / "text.txt", lines)
    result = run("translate", model, text)
    assert result.exit_code == 0, result.output
    found = result.stdout.split("\n")
    assert len(found) == len(lines) + 1 and found[-1] == ""
    assert (found[0], found[1], found[2], found[5], found[6]) == ("two one", "", "", "", "two")
    assert run("translate", model, stdin=text.read_bytes()).stdout == result.stdout
    assert run("translate", model, "-", stdin=text.read_bytes()).stdout == result.stdout
    assert run("translate", model, text, text).stdout == 2 * result.stdout
    assert run("translate", model, stdin=b"").stdout == ""
    for options in (("--beam", 1), ("--batch-size", 1), ("--workers", 2), ("--length-penalty", 0.5)):
        assert len(run("translate", model, text, *options).stdout.split("\n")) == len(lines) + 1


def test_translations_in_blocks_are_those_of_all_at_once(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = write_lines(tmp_path / "text.txt", SOURCES)
    whole = run("translate", model, text).stdout
    monkeypatch.setattr("w2v.commands.text.translating._AT_ONCE", 7)
    assert run("translate", model, text).stdout == whole


def test_json_holds_what_explain_tells(model: Path, tmp_path: Path) -> None:
    text = write_lines(tmp_path / "text.txt", ["eins zwei", ""])
    result = run("translate", model, text, "--json", "--n-best", 3)
    first, empty = map(json.loads, result.stdout.splitlines())
    found = number_translator().explain(["eins zwei"], n_best=3)[0]
    assert first["source"] == "eins zwei"
    assert [one["text"] for one in first["translations"]] == [one.text for one in found]
    assert first["translations"][0]["score"] == pytest.approx(found[0].score)
    assert np.shape(first["translations"][0]["alignment"]) == (2, 2)
    assert len(first["translations"][0]["pieces"][0]["alternatives"]) == 5
    assert empty == {"source": "", "translations": [{"text": "", "score": None}]}
    assert_mistake(
        run("translate", model, text, "--json", "--n-best", 6), 2, "--n-best must be at most --beam, 5, not 6"
    )


def test_reference_gives_bleu(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = write_lines(tmp_path / "text.txt", SOURCES)
    reference = write_lines(tmp_path / "reference.txt", TARGETS)
    result = run("translate", model, text, "--reference", reference, "--beam", 1)
    score = number_translator().score(SOURCES, TARGETS, beam=1)
    assert f"BLEU {score:.2f}, nrefs:1" in result.stderr and len(result.stdout.splitlines()) == len(SOURCES)
    write_lines(reference, TARGETS[:-1])
    message = "reference.txt has 29 lines, but there are 30 to be translated"
    assert_mistake(run("translate", model, text, "--reference", reference), 1, message)  # before anything is done
    piped = run("translate", model, "--reference", reference, stdin=text.read_bytes())
    assert piped.exit_code == 1 and message in piped.stderr and len(piped.stdout.splitlines()) == len(SOURCES)
    assert_mistake(run("translate", model, text, "--reference", tmp_path / "missing"), 1, "missing")
    twice = run("translate", model, "--reference", "-", stdin=text.read_bytes())
    assert_mistake(twice, 1, "standard input ('-') is named 2 times")
    short = run("translate", model, text, "--reference", "-", stdin=b"one\n")
    assert_mistake(short, 1, "standard input has 1 lines, but there are 30")
    monkeypatch.setattr("w2v.neural.tasks.text.bleu.find_spec", lambda name: None)
    remedy = "BLEU needs the package sacrebleu: pip install 'w2v-toolkit[translate]'"
    assert_mistake(run("translate", model, text, "--reference", text), 1, remedy)


def test_attention_is_drawn_once(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("textalloc")
    text, picture = write_lines(tmp_path / "text.txt", ["", "eins zwei drei"]), tmp_path / "look.png"
    result = run("translate", model, text, "--attention", picture)
    assert result.exit_code == 0 and result.stdout == "\nthree two one\n", result.output
    assert picture.read_bytes().startswith(b"\x89PNG") and f"Drawn: {picture}" in result.stderr
    assert_mistake(run("translate", model, text, "--attention", picture), 1, "exists already")
    assert run("translate", model, text, "--attention", picture, "--overwrite").exit_code == 0
    assert_mistake(run("translate", model, text, "--attention", tmp_path / "look.xyz"), 1, "look.xyz")
    long = run("translate", model, "--attention", tmp_path / "none.png", stdin=b"eins " * 1000)
    assert_mistake(long, 1, "1,000 pieces are too many to draw", "at most 200")
    nothing = run("translate", model, "--attention", tmp_path / "none.png", stdin=b"\n\n")
    assert nothing.exit_code == 1 and "no line has a translation" in nothing.stderr
    assert not (tmp_path / "none.png").exists()


def test_without_the_packages_the_remedy_is_named(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    result = run("fit-translator", pairs, "-o", tmp_path / "m", *FEW[4:])
    assert_mistake(result, 1, "subwords need the package tokenizers: pip install 'w2v-toolkit[translate]'")
    assert not (tmp_path / "m").exists()


def test_translation_goes_on_without_sacrebleu(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.neural.tasks.text.bleu.find_spec", lambda name: None)
    result = run("fit-translator", pairs, "-o", tmp_path / "m", *FEW, "--json")
    assert result.exit_code == 0 and "bleu" not in json.loads(result.stdout), result.output


@pytest.mark.parametrize("value", ["nan", "inf", "-1e9", "1e9", "10.1"])
def test_length_penalties_without_a_meaning_are_refused(model: Path, value: str) -> None:
    result = run("translate", model, f"--length-penalty={value}", stdin=b"eins zwei\n")
    assert_mistake(result, 1, "--length-penalty must be a number from -10 to 10, got")


def test_text_that_is_not_utf_8(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(b"eins\nzwei \xff\n")
    result = run("translate", model, text)
    assert result.exit_code == 1 and "text.txt" in result.stderr and "Traceback" not in result.stderr
    assert len(run("translate", model, text, "--errors", "replace").stdout.splitlines()) == 2


def test_info_describes_a_translator(model: Path) -> None:
    described = json.loads(run("info", model, "--json").stdout)
    assert described["kind"] == "translator" and described["source_units"] == "9 words"
    assert described["network_parameters"] == number_translator().network_.parameters.n_parameters
    assert described["history"] == number_translator().history_ and described["bleu"] > 90
    assert described["pairs"]["held_out"] == 30 and described["parameters"]["hidden_size"] == 32
    shown = run("info", model).stdout
    assert "translator" in shown and "9 words" in shown and "held out loss" in shown and "bleu" in shown
