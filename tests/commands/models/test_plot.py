"""The command plot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers.examples.text_models import number_translator
from tests.helpers.figures import TOPICS, make_topics
from w2v.commands.main import main
from w2v.vectors.embeddings import Embeddings

pytest.importorskip("matplotlib")
pytest.importorskip("textalloc")


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return make_topics(rng)


@pytest.fixture
def model(embeddings: Embeddings, tmp_path: Path) -> Path:
    path = tmp_path / "my.model"
    embeddings.save(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


def test_each_command_writes_a_picture_and_prints_its_name(model: Path, tmp_path: Path) -> None:
    for arguments in (
        ("words", model, *TOPICS, "--neighbors", 2),
        ("analogy", model, "country0", "capital0", "country1", "capital1"),
        ("history", model),
    ):
        path = tmp_path / f"{arguments[0]}.svg"
        result = run(*arguments, "--output", path, "--title", "T")
        assert (result.exit_code, result.output) == (0, f"{path}\n")
        assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_a_picture_is_titled_with_the_name_of_its_model(model: Path, tmp_path: Path) -> None:
    name, titles = tmp_path / "x.svg", {}
    for title in (None, "Mine", ""):
        result = run("analogy", model, "country0", "capital0", "country1", "capital1", "-o", name, "--overwrite",
            "--json", *(() if title is None else ("--title", title)))  # fmt: skip
        assert json.loads(result.stdout) == {"output": str(name)}
        titles[title] = name.read_text(encoding="utf-8")
    assert "<!-- my -->" in titles[None] and "<!-- Mine -->" in titles["Mine"]
    assert not {"<!-- my -->", "<!-- Mine -->"} & set(titles[""].split("\n"))


def test_the_history_of_any_model_is_drawn(tmp_path: Path) -> None:
    number_translator().save(tmp_path / "my.translator")
    result = run("history", tmp_path / "my.translator", "-o", tmp_path / "x.svg")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'x.svg'}\n"), result.output
    assert "<!-- BLEU -->" in (tmp_path / "x.svg").read_text(encoding="utf-8")
    wrong = run("history", tmp_path / "my.translator", "-o", tmp_path / "y.svg", "--x-axis", "epoch")
    assert wrong.exit_code == 1 and "it records no epoch" in wrong.stderr


def test_several_histories_of_one_name_are_told_apart(model: Path, embeddings: Embeddings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    embeddings.save(tmp_path / "other" / "my.model")
    result = run("history", model, tmp_path / "other" / "my.model", "--output", tmp_path / "x.png")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["words", "MODEL", "bread", "river", "musik"], 1, "'musik' is not in the vocabulary; did you mean 'music'"),
        (["words", "MODEL", "bread"], 1, "3 to 500 words"),
        (["words", "MODEL"], 2, "Missing argument"),
        (["words", "MODEL", *TOPICS, "--output", "x.gif"], 2, "neither .png nor .svg"),
        (["words", "MODEL", *TOPICS, "--output", "taken.png/x.png"], 1, "taken.png is not a folder"),
        (["words", "MODEL", *TOPICS, "--output", "taken.png"], 1, "exists already"),
        (["words", "MODEL", *TOPICS, "--method", "mds"], 2, "'mds' is not one of"),
        (["words", "MODEL", *TOPICS, "--neighbors", "-1"], 2, "--neighbors"),
        (["words", "MODEL", *TOPICS, "--seed", "x"], 2, "--seed"),
        (["words", "MODEL", *TOPICS, "--width", "1"], 2, "--width"),
        (["history", "MODEL", "--dpi", "0"], 2, "--dpi"),
        (["words", "missing.model", *TOPICS], 1, "does not exist"),
        (["analogy", "MODEL", "bread", "river", "music"], 2, "two or more pairs of words"),
        (["analogy", "MODEL", "bread", "bread", "music", "river"], 1, "'bread' twice"),
        (["history", "missing.model"], 1, "does not exist"),
        (["history", "MODEL", "--x-axis", "words"], 2, "--x-axis"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_usage_ends_with_one_line(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").write_bytes(b"mine")
    result = run(*(str(model) if argument == "MODEL" else argument for argument in arguments))
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert message in result.stderr.rpartition("Error: ")[2]
    assert result.stdout == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my.model", "taken.png"]
    assert (tmp_path / "taken.png").read_bytes() == b"mine"


def test_missing_glyphs_are_a_note(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.plots.figures.fonts_for", lambda texts: (["DejaVu Sans"], {"水"}))
    result = run("history", model, "--output", tmp_path / "x.png")
    assert result.exit_code == 0
    assert result.stderr.startswith("Note: no installed font has '水'")
    assert result.stderr.count("\n") == 1
