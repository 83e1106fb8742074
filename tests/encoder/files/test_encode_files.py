"""Many files encoded to a folder: what is written, what a restart does, and what is refused before anything is."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.disks import file_size_limit
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.cluster.clients import ClusterError
from w2v.cluster.tasks import check_that_all_see
from w2v.corpora.inputs import CorpusError
from w2v.encoder import SentenceEncoder
from w2v.encoder.files import writing
from w2v.encoder.files.encoding import UnreadableFilesError
from w2v.encoder.files.planning import RECORD
from w2v.storage.claims import claimed
from w2v.storage.files import ModelError, NoSpaceError

TEXTS = {"b.txt": "the river\n\n42 x\r\nunheard", "a.txt": "x naïve\n" * 3, "c.txt": "日本\n"}


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(make_embeddings(), workers=1)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with three files, one of them packed."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text.encode())
    with gzip.open(folder / "d.txt.gz", "wb") as packed:
        packed.write(b"the river\n")
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_file_becomes_a_file_of_its_vectors(encoder: SentenceEncoder, files: Path, out: Path) -> None:
    told: list[tuple[int, int]] = []
    encoded = encoder.encode_files(files / "*", out, progress=lambda done, total: told.append((done, total)))
    assert encoded.written == {"a.txt.npy": 3, "b.txt.npy": 4, "c.txt.npy": 1, "d.txt.gz.npy": 1}
    assert encoded.folder == out and not encoded.kept and not encoded.failed
    for name, text in TEXTS.items():
        lines = text.removesuffix("\n").split("\n")
        np.testing.assert_array_equal(np.load(out / f"{name}.npy"), encoder.encode(lines))
    np.testing.assert_array_equal(np.load(out / "d.txt.gz.npy"), encoder.encode(["the river"]))
    n_bytes = sum(path.stat().st_size for path in files.iterdir())
    assert told[-1] == (n_bytes, n_bytes) and told == sorted(told)
    record = json.loads((out / RECORD).read_text())
    assert record["files"]["c.txt.npy"] == {"input": str(files / "c.txt"), "bytes": 7}
    assert (record["columns"], record["precision"], record["normalize"]) == (20, "float32", True)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_parquet_holds_what_npy_does_beside_the_lines(
    encoder: SentenceEncoder, files: Path, out: Path, monkeypatch: pytest.MonkeyPatch, precision: Any
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(writing, "_GROUP_BYTES", 40)
    how: dict[str, Any] = {"precision": precision, "truncate_dim": 6, "batch_size": 2}
    encoder.encode_files(files / "*", out, **how)
    encoder.encode_files(files / "*", out.with_name("tables"), format="parquet", **how)
    table = parquet.read_table(out.with_name("tables") / "b.txt.parquet")
    assert str(table.schema.field("vector").type) == (
        f"fixed_size_list<element: {dict(float32='float', float16='halffloat', int8='int8')[precision]}>[6]"
    )
    found = table["vector"].combine_chunks().flatten().to_numpy().reshape(-1, 6)
    expected = np.load(out / "b.txt.npy")
    assert found.dtype == expected.dtype == precision
    np.testing.assert_array_equal(found, expected)
    assert table["text"].to_pylist() == ["the river", "", "42 x", "unheard"]
    assert table["line"].to_pylist() == [1, 2, 3, 4]
    assert table["id"].to_pylist() == [f"b.txt:{line}" for line in (1, 2, 3, 4)]
    assert json.loads(table.schema.metadata[b"w2v"])["precision"] == precision
    groups = parquet.ParquetFile(out.with_name("tables") / "b.txt.parquet").metadata.num_row_groups
    assert groups == (2 if precision == "float32" else 1)


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
def test_parquet_escapes_what_is_not_utf8_in_a_file_name(encoder: SentenceEncoder, tmp_path: Path, out: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / os.fsdecode(b"\xff.txt")
    file.write_text("the river\n")
    encoder.encode_files([file], out, format="parquet")
    table = parquet.read_table(io.BytesIO(next(out.glob("*.parquet")).read_bytes()))
    assert table["id"].to_pylist() == ["\\udcff.txt:1"]


def test_again_does_what_is_missing_or_has_another_size(encoder: SentenceEncoder, files: Path, out: Path) -> None:
    encoder.encode_files([files / "a.txt", files / "b.txt"], out)
    expected, before = contents(out), (out / "b.txt.npy").stat()
    (out / "a.txt.npy").unlink()
    (out / "a.txt.npy.0123abcd.part").write_bytes(b"what a run that was killed has left")
    (out / "mine.part").write_bytes(b"")
    again = encoder.encode_files([files / "a.txt", files / "b.txt"], out)
    assert (again.written, again.kept) == ({"a.txt.npy": 3}, ["b.txt.npy"])
    assert contents(out) == {**expected, "mine.part": b""}
    assert (out / "b.txt.npy").stat() == before  # it was not touched
    with open(files / "a.txt", "a") as file:
        file.write("42\n")
    assert encoder.encode_files([files / "a.txt", files / "b.txt"], out).written == {"a.txt.npy": 4}
    more = encoder.encode_files([files / "c.txt"], out)
    assert more.written == {"c.txt.npy": 1} and not more.kept
    assert set(json.loads((out / RECORD).read_text())["files"]) == {"a.txt.npy", "b.txt.npy", "c.txt.npy"}


def test_other_vectors_are_never_mixed(encoder: SentenceEncoder, files: Path, out: Path) -> None:
    encoder.encode_files([files / "a.txt", files / "b.txt"], out)
    before = contents(out)
    other = SentenceEncoder(make_embeddings(seed=8))
    for made, options, told in (
        (encoder, {"precision": "float16"}, "vectors of precision float32, not float16: choose another folder, or"),
        (encoder, {"truncate_dim": 3}, "vectors of columns 20, not 3; truncate_dim None, not 3:"),
        (other, {}, "vectors of another encoder:"),
    ):
        with pytest.raises(ModelError, match=told):
            made.encode_files([files / "a.txt"], out, **options)
    assert contents(out) == before
    other.encode_files([files / "a.txt"], out, overwrite=True)
    assert set(contents(out)) == {"a.txt.npy", RECORD}
    assert set(json.loads((out / RECORD).read_text())["files"]) == {"a.txt.npy"}
    np.testing.assert_array_equal(np.load(out / "a.txt.npy"), other.encode(["x naïve"] * 3))


def test_what_cannot_be_read_is_named_and_the_others_are_done(encoder: SentenceEncoder, files: Path, out: Path) -> None:
    (files / "bad.txt").write_bytes(b"the\ncaf\xe9\n")
    (files / "empty.txt").write_bytes(b"")
    (files / "broken.txt.gz").write_bytes((files / "d.txt.gz").read_bytes()[:15])
    with pytest.raises(
        UnreadableFilesError, match=r"^2 of 7 files cannot be encoded; the others are in .*0xE9"
    ) as told:
        encoder.encode_files(files / "*", out)
    assert pickle.loads(pickle.dumps(told.value)).encoded == told.value.encoded
    assert {Path(path).name for path in told.value.encoded.failed} == {"bad.txt", "broken.txt.gz"}
    assert "truncated" in told.value.encoded.failed[str(files / "broken.txt.gz")]
    assert np.load(out / "empty.txt.npy", mmap_mode="r").shape == (0, 20)
    assert sum(name.endswith(".npy") for name in contents(out)) == 5 and len(contents(out)) == 6
    encoded = encoder.encode_files([files / "bad.txt", files / "a.txt"], out, errors="replace")
    assert (encoded.written, encoded.kept) == ({"bad.txt.npy": 2}, ["a.txt.npy"])


def test_files_may_be_at_addresses(encoder: SentenceEncoder, out: Path) -> None:
    store = pytest.importorskip("fsspec").filesystem("memory")
    store.pipe({"/texts/a.txt": b"the river\n", "/texts/b.txt": b"42 x\n\n"})
    encoded = encoder.encode_files("memory://texts/*.txt", out)
    assert encoded.written == {"a.txt.npy": 1, "b.txt.npy": 2}
    np.testing.assert_array_equal(np.load(out / "b.txt.npy"), encoder.encode(["42 x", ""]))
    store.rm("/texts/b.txt")
    (out / "a.txt.npy").unlink()
    with pytest.raises(CorpusError, match="no such file, or no file matches"):
        encoder.encode_files("memory://texts/b.txt", out)
    assert encoder.encode_files("memory://texts/*.txt", out).written == {"a.txt.npy": 1}


def test_nothing_is_left_where_nothing_was_encoded(encoder: SentenceEncoder, files: Path, out: Path) -> None:
    (files / "bad.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(UnreadableFilesError, match=r"^1 of 1 files cannot be encoded: .*bad\.txt"):
        encoder.encode_files([files / "bad.txt"], out)
    assert not out.exists()


def test_mistakes_are_told_before_anything_is_written(
    encoder: SentenceEncoder, files: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "sub").mkdir()
    (files / "sub" / "a.txt").write_text("other\n")
    os.mkfifo(files / "pipe")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for inputs, options, kind, told in (
        ([files / "a.txt", files / "sub" / "a.txt"], {}, CorpusError, r"would both become .*a\.txt\.npy; rename one"),
        (["-"], {}, CorpusError, "standard input has no name, so it cannot be one of several files"),
        ([files / "pipe"], {}, CorpusError, "pipe can be read only once"),
        ([files / "none"], {}, CorpusError, "there is no such file"),
        ([files / "a.txt"], {"format": "csv"}, ValueError, "format must be 'npy' or 'parquet', got 'csv'"),
        ([files / "a.txt"], {"batch_size": 0}, ValueError, "batch_size must be"),
        ([files / "a.txt"], {"truncate_dim": 21}, ValueError, "the vectors have only 20 columns"),
        ([files / "a.txt"], {"errors": "ignore"}, ValueError, 'errors must be "strict" or "replace"'),
        ([files / "a.txt"], {"format": "parquet"}, ImportError, r"pip install 'w2v-toolkit\[parquet\]'"),
        ([files / "a.txt"], {"client": "local:2"}, ValueError, r"only an encoder opened by SentenceEncoder\.load"),
    ):
        with pytest.raises(kind, match=told):
            encoder.encode_files(inputs, out, **options)
    assert not out.exists() and sorted(path.name for path in out.parent.iterdir()) == ["texts"]


def test_what_is_not_its_own_is_left_alone(encoder: SentenceEncoder, files: Path, out: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a\.txt is a file; give a folder"):
        encoder.encode_files([files / "b.txt"], files / "a.txt")
    with pytest.raises(ModelError, match=r"a\.txt is not a folder"):
        encoder.encode_files([files / "b.txt"], files / "a.txt" / "vectors")
    assert len(encoder.encode_files([files / "b.txt"], tmp_path / "new" / "vectors").written) == 1
    with pytest.raises(ModelError, match="s3://bucket/v is a URL, but vectors are written to a folder of a file"):
        encoder.encode_files([files / "b.txt"], "s3://bucket/v")
    out.mkdir()
    (out / "b.txt.npy").write_bytes(b"mine")
    with pytest.raises(ModelError, match=r"b\.txt\.npy already exists, and no earlier run has recorded it; choose"):
        encoder.encode_files([files / "b.txt"], out)
    assert contents(out) == {"b.txt.npy": b"mine"}
    encoder.encode_files([files / "a.txt"], out)
    elsewhere = tmp_path / "a.txt"
    elsewhere.write_text("x naïve\n" * 3)
    with pytest.raises(ModelError, match=r"a\.txt\.npy was made from .*texts/a\.txt, not from .*; choose another"):
        encoder.encode_files([elsewhere], out)
    with claimed(out), pytest.raises(ModelError, match="is being written by another run"):
        encoder.encode_files([files / "c.txt"], out)
    for record in ("{}", '{"kind": "encoded-files", "files": {"../x.npy": {"input": "x", "bytes": 1}}}', "[", "[]"):
        (out / RECORD).write_text(record)
        with pytest.raises(ModelError, match=r"encoding\.json is (not the record of encoded files, or is )?damaged"):
            encoder.encode_files([files / "c.txt"], out)


def test_a_full_disk_ends_the_run_and_leaves_whole_files(encoder: SentenceEncoder, files: Path, out: Path) -> None:
    (files / "long.txt").write_text("the river\n" * 1000)
    with file_size_limit(20_000), pytest.raises(ModelError, match=r"long\.txt\.npy cannot be written: File too large"):
        encoder.encode_files([files / "a.txt", files / "long.txt", files / "b.txt"], out)
    assert set(contents(out)) == {"a.txt.npy", RECORD}
    assert encoder.encode_files([files / "a.txt", files / "long.txt"], out).kept == ["a.txt.npy"]
    error = pickle.loads(pickle.dumps(NoSpaceError(out, 5, 3)))
    assert str(error) == str(NoSpaceError(out, 5, 3)) and error.needed == 5


KILLED = """
import os, signal, sys
from w2v.encoder import SentenceEncoder

model, out, *files = sys.argv[1:]
encoder = SentenceEncoder.load(model).set_params(workers=1)
sizes = [os.path.getsize(file) for file in files]

def kill(done, total):
    if done > sizes[0]:  # in the middle of the second file
        os.kill(os.getpid(), signal.SIGKILL)

encoder.encode_files(files, out, progress=kill)
"""


@pytest.mark.slow
def test_killed_in_the_middle_and_called_again_it_makes_the_same_bytes(
    encoder: SentenceEncoder, files: Path, out: Path, tmp_path: Path
) -> None:
    encoder.save(tmp_path / "my.encoder")
    names = [str(files / name) for name in ("a.txt", "b.txt", "c.txt")]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "my.encoder"), str(out), *names], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = sorted(contents(out))
    assert left[0] == "a.txt.npy" and left[1].startswith("b.txt.npy.") and left[1].endswith(".part")
    assert left[2:] == [RECORD]
    again = SentenceEncoder.load(tmp_path / "my.encoder").encode_files(names, out)
    assert (again.kept, list(again.written)) == (["a.txt.npy"], ["b.txt.npy", "c.txt.npy"])
    encoder.encode_files(names, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_a_worker_that_does_not_see_the_files_is_named() -> None:
    class Client:
        def run(self, function: Any, paths: list[str]) -> dict[str, list[str]]:
            return {"tcp://one:1": [], "tcp://two:2": function([*paths, __file__])}

    with pytest.raises(ClusterError, match="the worker tcp://two:2 cannot read /none/a.txt: encoder, files and output"):
        check_that_all_see(Client(), ["/none/a.txt"])
