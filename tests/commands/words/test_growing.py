"""Results that are written while they are computed, on disks that become full: nothing that was encoded is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers.disks import file_size_limit
from w2v import Embeddings, ModelError
from w2v.commands.main import main
from w2v.encoder.formats.vector_files import write_npy
from w2v.encoder.retrieval import SentenceIndex
from w2v.storage import rescue
from w2v.storage.rescue import SavedElsewhereError

resource = pytest.importorskip("resource")  # not on Windows

N_LINES = 20_000
TOO_LARGE = "cannot be written: File too large. No other folder took the result; the first "


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, a text, and what encoding and indexing it gives where there is space."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(4)
    Embeddings([f"word{i}" for i in range(30)], rng.normal(size=(30, 8)).astype(np.float32)).save(folder / "my.model")
    words = rng.integers(0, 30, (N_LINES, 2)).tolist()
    (folder / "text.txt").write_text("".join(f"word{a} word{b}\n" for a, b in words))
    for arguments in (
        ["encode", "--output", "OUT.npy"],
        ["encode", "--jsonl", "--output", "OUT.jsonl"],
        ["index", "--output", "OUT.index"],
    ):
        assert run(folder, *(argument.replace("OUT", str(folder / "whole")) for argument in arguments)).exit_code == 0
    return folder


@pytest.fixture(autouse=True)
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own, with another for temporary files."""
    for name in ("current", "temporary", "outputs"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))


def run(inputs: Path, command: str, *arguments: Any, **options: Any) -> Result:
    given = [command, inputs / "my.model", inputs / "text.txt", *arguments]
    return CliRunner().invoke(main, [str(argument) for argument in given], **options)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("overwrite", [False, True])
def test_encode_keeps_the_first_rows_where_no_disk_has_space(inputs: Path, tmp_path: Path, overwrite: bool) -> None:
    output = tmp_path / "outputs" / "vectors.npy"
    if overwrite:
        output.write_text("mine")
    with file_size_limit(300_000):
        result = run(inputs, "encode", "--output", output, *["--overwrite"][:overwrite])
    [left] = [path for path in tmp_path.rglob("*.npy") if path != output]
    rows, whole = np.load(left), np.load(inputs / "whole.npy")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {output} {TOO_LARGE}{len(rows):,} rows are in {left}\n"
    assert (
        left == tmp_path / "outputs" / "vectors.partial.npy"
        and 300_000 - 1024 * 32 - 128 < left.stat().st_size <= 300_000
    )
    np.testing.assert_array_equal(rows, whole[: len(rows)])
    kept = ["outputs/vectors.npy"] if overwrite else []
    assert everything(tmp_path) == sorted([*kept, str(left.relative_to(tmp_path))])
    assert not overwrite or output.read_text() == "mine"


def test_what_was_left_before_is_not_replaced(inputs: Path, tmp_path: Path) -> None:
    for name in ("vectors.partial.npy", "vectors.partial.2.npy"):
        with file_size_limit(300_000):
            result = run(inputs, "encode", "--output", tmp_path / "outputs" / "vectors.npy")
        assert result.stderr.endswith(f"rows are in {tmp_path / 'outputs' / name}\n")
        assert len(np.load(tmp_path / "outputs" / name)) > 8000


@pytest.mark.parametrize("command", [["encode", "--output", "OUT.npy"], ["index", "--output", "OUT.index"]])
def test_what_is_gone_with_its_place_is_not_taken_for_the_whole(
    command: list[str], inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    name, output, file = command[0], tmp_path / "outputs" / command[2], [*command[:2]]
    monkeypatch.setattr(os, "replace" if name == "encode" else "rename", refuse)
    result = run(inputs, *file, output)
    assert result.exit_code == 1
    assert result.stderr == (f"Error: {output} cannot be written: Permission denied. No other folder took the result\n")
    assert everything(tmp_path) == []


def test_encode_keeps_the_first_json_lines(inputs: Path, tmp_path: Path) -> None:
    with file_size_limit(1_000_000):
        result = run(inputs, "encode", "--jsonl", "--output", tmp_path / "outputs" / "v.jsonl")
    [left] = tmp_path.rglob("*.jsonl")
    lines = left.read_bytes().splitlines()
    assert result.exit_code == 1 and f"{TOO_LARGE}{len(lines):,} rows are in {left}\n" in result.stderr
    assert lines == (inputs / "whole.jsonl").read_bytes().splitlines()[: len(lines)]
    assert len(lines) > 1000 and json.loads(lines[-1])["vector"]


def test_what_not_even_a_first_row_has_space_for_leaves_nothing(inputs: Path, tmp_path: Path) -> None:
    with file_size_limit(2000):
        result = run(inputs, "encode", "--output", tmp_path / "outputs" / "vectors.npy")
    assert result.exit_code == 1
    assert result.stderr.endswith("cannot be written: File too large. No other folder took the result\n")
    assert everything(tmp_path) == []


def test_index_keeps_the_first_sentences_as_an_index_that_the_rest_can_be_added_to(
    inputs: Path, tmp_path: Path
) -> None:
    with file_size_limit(290_000):
        result = run(inputs, "index", "--output", tmp_path / "outputs" / "my.index")
    assert result.exit_code == 1
    [config] = tmp_path.rglob("*.partial.index/config.json")
    left = config.parent
    assert result.stderr == (
        f"Error: {tmp_path / 'outputs' / 'my.index'} {TOO_LARGE}16,384 sentences, up to line 16,384 of "
        f"{inputs / 'text.txt'}, are in {left}\n"
    )
    assert all(Path(name).parts[1] == "my.partial.index" for name in everything(tmp_path))
    index = SentenceIndex.open(left)
    assert len(index) == 16_384
    index.add((inputs / "text.txt").read_text().splitlines()[16_384:])
    whole = SentenceIndex.open(inputs / "whole.index")
    assert list(index) == list(whole)
    np.testing.assert_array_equal(index.table.stored, whole.table.stored)


@pytest.mark.parametrize("name", ["out.npy", "out.jsonl", "out.index"])
def test_a_stream_goes_on_where_there_is_space(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spacious = tmp_path / "spacious"
    spacious.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def folders(*arguments: object) -> Iterator[Path]:
        yield tmp_path / "temporary"  # no more space there
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        yield spacious

    monkeypatch.setattr(rescue, "_other_folders", folders)
    command = ["index"] if name.endswith("index") else ["encode"]
    with file_size_limit(290_000):
        result = run(
            inputs, *command, *(["--jsonl"] if name.endswith("jsonl") else []), "--output", tmp_path / "outputs" / name
        )
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path / 'outputs' / name} cannot be written: File too large. The result is saved in "
        f"{spacious / name}\n"
    )
    assert all(found.startswith("spacious") for found in everything(tmp_path))
    whole = inputs / name.replace("out", "whole")
    for file in [path for path in whole.rglob("*") if path.is_file()] or [whole]:
        twin = spacious / name / file.relative_to(whole) if whole.is_dir() else spacious / name
        assert file.read_bytes() == twin.read_bytes()


def test_at_a_terminal_a_stream_goes_on_where_it_is_told(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr("w2v.commands.shared.saving._is_terminal", lambda: True)

    def answer(*arguments: object, **options: object) -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return str(tmp_path / "told.npy")

    monkeypatch.setattr("click.prompt", answer)
    with file_size_limit(290_000):
        result = run(inputs, "encode", "--output", tmp_path / "outputs" / "vectors.npy")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "told.npy").read_bytes() == (inputs / "whole.npy").read_bytes()
    assert everything(tmp_path) == ["told.npy"]


def test_adding_where_there_is_no_space_leaves_the_index_as_it_was(inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "my.index"
    index = SentenceIndex.build(inputs / "my.model", ["word1 word2"], path)
    before = {name: (path / name).read_bytes() for name in everything(path)}
    with file_size_limit(200_000), pytest.raises(ModelError, match="File too large") as caught:
        index.add(inputs / "text.txt")
    assert not isinstance(caught.value, SavedElsewhereError)
    assert {name: (path / name).read_bytes() for name in everything(path)} == before
    assert index.add(inputs / "text.txt") == N_LINES


def test_an_index_that_is_short_is_not_made_longer_by_a_failed_addition(inputs: Path, tmp_path: Path) -> None:
    index = SentenceIndex.build(inputs / "my.model", ["word1 word2"], tmp_path / "my.index")
    os.truncate(tmp_path / "my.index" / "vectors.bin", 3)
    with pytest.raises(ModelError, match=r"vectors.bin is damaged: it has 3 bytes instead of at least 16"):
        index.add(["word3"])
    assert (tmp_path / "my.index" / "vectors.bin").stat().st_size == 3


def test_what_cannot_be_read_is_no_reason_to_go_elsewhere(tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray[Any, Any]]:
        yield np.zeros((2, 3), np.float32)
        raise OSError(5, "Input/output error")

    with pytest.raises(ValueError, match="the input cannot be read: Input/output error"):
        write_npy(tmp_path / "outputs" / "v.npy", blocks(), columns=3, dtype="float32")
    assert everything(tmp_path) == []


def test_on_a_small_disk_a_stream_loses_nothing(inputs: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        text = (inputs / "text.txt").read_bytes()
        arguments = ["encode", inputs / "my.model", "-", "--output", disk / "vectors.npy"]  # of unknown length
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=text)
        place = tmp_path / "current" / "vectors.npy"
        assert result.exit_code == 1
        assert f"No space left on device. The result is saved in {place}\n" in result.stderr
        assert place.read_bytes() == (inputs / "whole.npy").read_bytes()
        assert everything(disk) == []
        (disk / "filling").write_bytes(bytes(100_000))
        result = run(inputs, "index", "--output", disk / "my.index")
        assert "bytes free; free some space" in result.stderr
        assert everything(disk) == ["filling"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
