"""Messages for Python in terms of the options of the running command."""

from __future__ import annotations

import warnings
from pathlib import Path

import click
import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings
from w2v.commands.models import info
from w2v.commands.shared.option_names import in_options_of, refuse_single_dashes


@click.command()
@click.option("--learning-rate", "alpha")
@click.option("--min-count")
@click.option("--max-min-count")
@click.option("--negative")
@click.option("--errors")
@click.option("-o", "--output")
@click.option("--multi/--single", "multi_label", default=None)
@click.option("--exact", "is_exact", is_flag=True)
def _command() -> None: ...


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("read with errors='replace'", "read with --errors replace"),
        ('errors="replace", or not', "--errors replace, or not"),
        ("give min_count=5, which", "give --min-count 5, which"),
        ("sample=0 keeps all; negative=5.", "sample=0 keeps all; --negative 5."),
        ("lower alpha or raise min_count.", "lower --learning-rate or raise --min-count."),
        ("max_min_count and (min_count)", "--max-min-count and (--min-count)"),
        ("multi_label=False or multi_label=True", "--single or --multi"),
        ("is_exact=False", "no --exact"),
        ("min_count (in Python min_count=1); min_count", "--min-count (in Python min_count=1); --min-count"),
        ("the errors of negative output", "the errors of negative output"),
        ("'min_count', /a/min_count, min_count.txt, my-alpha", "'min_count', /a/min_count, min_count.txt, my-alpha"),
    ],
)
def test_parameters_become_options(message: str, shown: str) -> None:
    assert in_options_of(_command, message) == shown


def test_a_command_without_options_leaves_messages_as_they_are() -> None:
    assert in_options_of(click.Command("plain"), "min_count=1") == "min_count=1"


def test_errors_and_warnings_of_commands_name_their_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.vec").write_bytes(b"2 2\nna\xefve 1 2\nb 1 2\n")
    result = run("import", tmp_path / "bad.vec", "--output", tmp_path / "m")
    assert_mistake(result, 1, "read it with --errors replace")
    (tmp_path / "t.txt").write_text("a b c\n" * 9)
    result = run("train", tmp_path / "t.txt", "--output", tmp_path / "o", "--initial", tmp_path / "bad.vec")
    assert_mistake(result, 1, "read it with --errors replace", "Convert the file with `w2v import")
    result = run("train", tmp_path / "t.txt", "--output", tmp_path / "o", "--min-count", 10)
    assert_mistake(result, 1, "--min-count")
    assert "min_count" not in result.stderr
    Embeddings(["a"], np.ones((1, 2), np.float32)).save(tmp_path / "m")
    monkeypatch.setattr(info, "print_description", lambda described: warnings.warn("as_json=True", stacklevel=1))
    assert run("info", tmp_path / "m").stderr == "Warning: --json\n"


def test_a_corpus_without_neighbours_gets_the_remedies_of_the_command_line(tmp_path: Path) -> None:
    make_embeddings().save(tmp_path / "m")
    (tmp_path / "t.txt").write_text("the river\n" * 9)
    result = run("fit-encoder", tmp_path / "m", tmp_path / "t.txt", "--output", tmp_path / "e")
    assert_mistake(result, 1, "give paragraphs, one per line, or pairs of sentences")
    assert "frozen" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [
        (["-dim", "5"], True),
        (["--exact", "-dim", "5"], True),
        (["--output", "m", "-min-count=5"], True),
        (["--errors", "-ing"], False),
        (["-o", "-ing"], False),
        (["--learning-rate", "-inf"], False),
        (["--", "-dim"], False),
        (["-o=m", "-5", "-"], False),
    ],
)
def test_single_dashes_are_refused_except_in_values(arguments: list[str], is_refused: bool) -> None:
    if not is_refused:
        refuse_single_dashes(click.Context(_command), arguments)
        return
    with pytest.raises(click.UsageError, match="No such option '-"):
        refuse_single_dashes(click.Context(_command), arguments)
