"""That what is written survives a loss of power: the order of the system calls that write, name and delete files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex
from w2v.formats.gensim import write_gensim
from w2v.storage import files
from w2v.storage.files import atomic_file, atomic_folder

CONTENT = b"x" * 100  # less than a buffer: nothing is written before the flush


class Calls:
    """What was called, in order, while it was really done.

    Attributes
    ----------
    made : list of tuple
        ("fsync", number of the file or folder, its size then), ("rename", number of what was renamed) or
        ("delete", numbers of the folder and of all that was in it).
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[Any, ...]] = []

        def fsync(found: os.stat_result) -> tuple[Any, ...]:
            return "fsync", found.st_ino, found.st_size

        self._record(monkeypatch, os, "fsync", lambda descriptor: fsync(os.fstat(descriptor)))
        for module, name in ((os, "replace"), (os, "rename"), (files, "_exchange")):
            self._record(monkeypatch, module, name, lambda source, target: ("rename", number(source)))
        self._record(
            monkeypatch, shutil, "rmtree", lambda folder, **_: ("delete", {number(folder), *map(number, below(folder))})
        )

    def _record(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, describe: Callable[..., Any]) -> None:
        original = getattr(module, name)

        def call(*arguments: Any, **options: Any) -> Any:
            made = describe(*arguments, **options)
            result = original(*arguments, **options)
            if result is not False:  # an exchange that could not be done
                self.made.append(made)
            return result

        monkeypatch.setattr(module, name, call)

    def fsync(self, path: Path, *, complete: bool = False) -> list[int]:
        """Return when a file or folder was flushed to the disk, or when all of a file was."""
        size = path.stat().st_size
        return [
            n for n, call in enumerate(self.made)
            if call[:2] == ("fsync", number(path)) and (not complete or call[2] == size)
        ]  # fmt: skip

    def rename(self, path: Path) -> int:
        """Return when what has a name now was renamed the last time."""
        return max(n for n, call in enumerate(self.made) if call == ("rename", number(path)))

    def delete(self, old: int) -> int:
        """Return when the folder or file of a number was deleted."""
        return next(n for n, call in enumerate(self.made) if call[0] == "delete" and old in call[1])

    def assert_file_is_durable(self, path: Path) -> None:
        """See its data before its name, and the name before the end."""
        renamed = self.rename(path)
        assert min(self.fsync(path, complete=True)) < renamed < max(self.fsync(path.parent))

    def assert_folder_is_durable(self, path: Path) -> None:
        """See the names and data of all files, at whatever depth, before its own name, and that before the end."""
        renamed = self.rename(path)
        for file in below(path):
            assert [n for n in self.fsync(file, complete=file.is_file()) if n < renamed], file
        assert max(n for n in self.fsync(path) if n < renamed) > max(
            [n for file in below(path) for n in self.fsync(file)], default=-1
        )
        assert renamed < max(self.fsync(path.parent))


def number(path: str | os.PathLike[str]) -> int:
    return os.stat(path).st_ino


def below(folder: Path) -> list[Path]:
    return list(Path(folder).rglob("*"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


@pytest.fixture(params=["exchanged", "renamed twice"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Replace folders with and without the call of Linux; before `calls`, which records what is chosen here."""
    if request.param == "renamed twice":
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    return str(request.param)


def fill(folder: Path) -> None:
    for name in ("a", "b"):
        with atomic_file(folder / name) as file:
            file.write(CONTENT)


@pytest.mark.parametrize("is_there", [False, True])
def test_file_has_its_data_before_its_name(tmp_path: Path, calls: Calls, is_there: bool) -> None:
    if is_there:
        (tmp_path / "f").write_bytes(b"old")
    with atomic_file(tmp_path / "f") as file:
        file.write(CONTENT)
    assert [call[0] for call in calls.made] == ["fsync", "rename", "fsync"]
    calls.assert_file_is_durable(tmp_path / "f")


def test_folder_has_its_files_before_its_name(tmp_path: Path, calls: Calls) -> None:
    with atomic_folder(tmp_path / "out") as folder:
        fill(folder)
        with atomic_folder(folder / "inner") as inner:
            fill(inner)
        with open(folder / "c", "wb") as file:  # by a writer that flushes data alone
            file.write(CONTENT)
            file.flush()
            os.fsync(file.fileno())
    calls.assert_folder_is_durable(tmp_path / "out")


def test_folder_is_replaced_before_the_old_one_is_deleted(way: str, tmp_path: Path, calls: Calls) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"old")
    old = number(tmp_path / "out")
    with atomic_folder(tmp_path / "out", replace=True) as folder:
        fill(folder)
    calls.assert_folder_is_durable(tmp_path / "out")
    renamed, deleted = calls.rename(tmp_path / "out"), calls.delete(old)
    assert [n for n in calls.fsync(tmp_path) if renamed < n < deleted]
    assert sorted(os.listdir(tmp_path)) == ["out"]


@pytest.mark.parametrize("kind", ["words", "encoder"])
def test_models_are_durable(tmp_path: Path, calls: Calls, kind: str) -> None:
    embeddings = make_embeddings(with_subwords=True)
    if kind == "words":
        embeddings.save(tmp_path / "m")
    else:
        SentenceEncoder(embeddings).save(tmp_path / "m")
    calls.assert_folder_is_durable(tmp_path / "m")


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_index_has_its_sentences_before_they_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: Any) -> None:
    building = Calls(monkeypatch)
    index = SentenceIndex.build(make_embeddings(), ["the river", "a x"], tmp_path / "i", dtype=dtype)
    building.assert_folder_is_durable(tmp_path / "i")
    adding = Calls(monkeypatch)
    index.add(["the 42", "river"])
    grown = {"sentences.txt", "positions.bin", "vectors.bin"} | ({"scales.bin"} if dtype == "int8" else set())
    config = tmp_path / "i" / "config.json"
    assert [call[0] for call in adding.made].count("rename") == 1
    for name in grown:
        assert min(adding.fsync(tmp_path / "i" / name, complete=True)) < adding.rename(config), name
    adding.assert_file_is_durable(config)


def test_files_of_gensim_are_durable(tmp_path: Path, calls: Calls) -> None:
    pytest.importorskip("gensim")
    write_gensim(make_embeddings(), tmp_path / "m.kv")
    for file in below(tmp_path):
        calls.assert_file_is_durable(file)
