"""How far a long computation is: lines of log outside a terminal, bars within, and whoever asks from Python."""

from __future__ import annotations

import io
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v import Embeddings, Phrases, Word2Vec
from w2v.commands.main import main
from w2v.commands.shared.output import progress_mode
from w2v.display import progress as module
from w2v.display.progress import clock, name_of, show_progress
from w2v.encoder import FitOptions, SentenceEncoder


class Terminal(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the lines of a log a hundred times as often, and show progress as it is shown outside these tests."""
    monkeypatch.delenv("W2V_PROGRESS")
    monkeypatch.setattr(module, "FIRST_LINE", 0.0)
    monkeypatch.setattr(module, "NEXT_LINES", 0.02)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    line = "Word1 word2 word3 word4 word5 word6. Word7 word8 word9 word10 word11 word12."
    path.write_text(f"{line}\n" * 400)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    path = tmp_path / "my.model"
    Embeddings([f"word{i}" for i in range(1, 31)], rng.normal(size=(30, 8)).astype(np.float32)).save(path)
    return path


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_log_says_what_is_done_even_while_nothing_is_told(hasty: None, capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("log", "reading text.txt") as update:
        assert update is not None
        time.sleep(0.1)
        update("epoch 1 of 5", 0.25, 1.0, "loss 2.500")
        time.sleep(0.1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "0:00 reading text.txt"
    assert lines.count("0:00 reading text.txt") > 1
    assert lines[-1] == "0:00 epoch 1 of 5, 25 %, loss 2.500"


def test_a_log_has_a_line_early_and_then_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (module.FIRST_LINE, module.NEXT_LINES) == (1.0, 10.0)
    monkeypatch.setattr(module, "FIRST_LINE", 0.05)
    with show_progress("log", "reading"):
        time.sleep(0.3)
    assert capsys.readouterr().err.count("\n") == 1
    with show_progress("log", "reading"):
        pass
    assert capsys.readouterr().err == ""


def test_a_log_that_nobody_reads_does_not_end_the_work(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        n_writes = 0

        def write(self, text: str) -> int:
            Closed.n_writes += 1
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Closed())
    with show_progress("log", "reading") as update:
        assert update is not None
        time.sleep(0.1)
        update("encoding", 1, 2)
    monkeypatch.undo()
    assert Closed.n_writes > 1


def test_a_terminal_has_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("auto", "reading [text].txt") as update:
        assert update is not None
        time.sleep(0.3)
        update("encoding", 30, 60)
        time.sleep(0.3)
    assert "reading [text].txt" in terminal.getvalue()
    assert re.search(r"encoding.*━.*50 %", terminal.getvalue())


def test_nothing_is_shown_if_nothing_shall_be(hasty: None, capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("none", "reading") as update:
        assert update is None
    assert capsys.readouterr().err == ""


def test_times_and_corpora_have_short_names() -> None:
    assert [clock(seconds) for seconds in (0, 59.6, 125, 3725)] == ["0:00", "1:00", "2:05", "1:02:05"]
    from w2v.corpora.readers import TextReader

    assert name_of("texts/wiki.txt") == "wiki.txt"
    assert name_of(TextReader(["-"])) == "standard input"
    assert name_of([["a", "b"]]) == "the corpus"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "TEXT", "--output", "OUT", "--epochs", "1", "--min-count", "1"], "reading text.txt"),
        (["fit-encoder", "MODEL", "TEXT", "--output", "OUT", "--steps", "1"], "reading text.txt"),
        (["phrases", "TEXT"], "reading text.txt"),
        (["encode", "MODEL", "TEXT", "--output", "OUT.npy"], "encoding text.txt"),
        (["similar", "MODEL", "TEXT", "word1"], "encoding text.txt"),
        (["index", "MODEL", "TEXT", "--output", "OUT"], "indexing"),
        (["index", "MODEL"], "linking"),
        (["duplicates", "TEXT"], "reading text.txt"),
        (["cluster", "TEXT", "--model", "MODEL"], "reading text.txt"),
        (["export", "MODEL", "OUT", "--format", "glove"], "reading my.model"),
        (["import", "VECTORS", "--output", "OUT"], "reading vectors.txt"),
        (["prune", "MODEL", "--max-vocab", "5", "--output", "OUT"], "measuring what is lost"),
        (["report", "MODEL", "--output", "OUT.html"], "reading my.model"),
        (["plot", "words", "MODEL", "word1", "word2", "word3", "--output", "OUT.png"], "drawing"),
        (["evaluate", "MODEL", "--word-pairs", "PAIRS"], "evaluating my.model"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_commands_log_what_they_do_outside_a_terminal(
    hasty: None, arguments: list[str], said: str, text: Path, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "vectors.txt").write_text("2 2\na 1 2\nb 3 4\n")
    (tmp_path / "pairs.tsv").write_text("word1\tword2\t3\nword3\tword4\t5\nword5\tword6\t1\n")
    places = {
        "TEXT": str(text),
        "MODEL": str(model),
        "VECTORS": str(tmp_path / "vectors.txt"),
        "PAIRS": str(tmp_path / "pairs.tsv"),
    }
    filled = [places.get(argument, argument.replace("OUT", str(tmp_path / "out"))) for argument in arguments]
    result = run(*filled)
    assert result.exit_code == 0, result.output
    assert f"0:00 {said}" in result.stderr
    silent = run(*filled, "--progress=none", *(["--overwrite"] if "OUT" in " ".join(arguments) else []))
    assert silent.exit_code == 0, silent.output
    assert "0:00" not in silent.stderr


def test_a_mode_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, hasty: None, text: Path) -> None:
    monkeypatch.setenv("W2V_PROGRESS", "none")
    assert run("phrases", text).stderr == ""
    assert progress_mode() == "none"


@pytest.mark.parametrize("progress", [True, "log"])
def test_python_shows_progress_when_asked(
    hasty: None, progress: bool | str, text: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    estimator = Word2Vec(min_count=1, epochs=3, workers=1).fit(text, progress=progress)
    assert "0:00 reading text.txt\n" in capsys.readouterr().err
    Phrases().fit(text, progress=progress)
    assert "0:00 reading text.txt\n" in capsys.readouterr().err
    encoder = SentenceEncoder(estimator.embeddings_, training=FitOptions(steps=2)).fit(text, progress=progress)
    assert "0:00 reading text.txt\n" in capsys.readouterr().err
    assert encoder.encode(["word1"] * 10, progress=progress).shape == (10, encoder.dimension)
    assert "0:00 encoding\n" in capsys.readouterr().err


def test_python_shows_nothing_unasked_and_calls_a_function(
    hasty: None, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []
    estimator = Word2Vec(min_count=1, epochs=1, workers=1).fit(text, progress=told.append)
    Phrases().fit(text, progress=told.append)
    SentenceEncoder(estimator.embeddings_).encode(["word1"], progress=lambda done, total: told.append((done, total)))
    Word2Vec(min_count=1, epochs=1, workers=1).fit(text)
    assert capsys.readouterr().err == ""
    assert {type(state).__name__ for state in told} == {"Progress", "float", "tuple"}
