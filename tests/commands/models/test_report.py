"""`w2v report`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v import Embeddings
from w2v.commands.main import main
from w2v.encoder import SentenceEncoder


@pytest.fixture
def model(tmp_path: Path, rng: np.random.Generator) -> Path:
    words = [f"word{chr(97 + number)}" for number in range(20)]
    embeddings = Embeddings(words, rng.standard_normal((20, 6)))
    embeddings.save(tmp_path / "my.model")
    SentenceEncoder(embeddings).save(tmp_path / "my.encoder")
    return tmp_path / "my.model"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_report_writes_a_page(model: Path) -> None:
    output = model.with_name("report.html")
    result = run(model, "--output", output, "--word", "worda", "--title", "Mine & yours")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{output}\n"
    page = output.read_text(encoding="utf-8")
    assert "<h1>Mine &amp; yours</h1>" in page
    assert "<td>worda</td>" in page


def test_report_writes_a_hubs_card(model: Path) -> None:
    output = model.with_name("README.md")
    result = run(
        model.with_name("my.encoder"), "-o", output, "--language", "en", "--license", "mit", "--tag", "x", "--map", "5"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [str(output), str(model.with_name("README-map.svg"))]
    assert output.read_text(encoding="utf-8").startswith('---\nlanguage: "en"\nlicense: "mit"\nlibrary_name: "w2v"\n')


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--output", "report.pdf"], 2, "ends in neither .html nor .md"),
        (["--map", "-1"], 2, "is not in the range"),
        (["--against", "other.model"], 2, "--against needs files to compare on"),
        (["--word", "nowhere"], 1, "'nowhere' is not in the vocabulary"),
        (["--word-pairs", "missing.tsv"], 1, "missing.tsv cannot be read"),
        (["--output", "/dev/null/report.html"], 1, "is not a folder"),
    ],
)
def test_report_names_the_mistake(
    model: Path, options: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    result = run(model, *options)
    assert result.exit_code == code
    assert message in result.stderr
    assert not list(model.parent.glob("*.html"))


def test_report_replaces_nothing_unasked(model: Path) -> None:
    output = model.with_name("report.html")
    output.write_text("mine", encoding="utf-8")
    result = run(model, "--output", output)
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert output.read_text(encoding="utf-8") == "mine"
    assert run(model, "--output", output, "--overwrite", "--map", "0").exit_code == 0
    assert "<svg" not in output.read_text(encoding="utf-8")


def test_report_of_no_model_says_so(tmp_path: Path) -> None:
    result = run(tmp_path / "nothing", "--output", tmp_path / "r.html")
    assert result.exit_code == 1
    assert "nothing" in result.stderr
