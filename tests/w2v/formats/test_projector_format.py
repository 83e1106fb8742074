"""Folders for the Embedding Projector: written, read, and opened by TensorBoard's plugin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.projector import read_projector, write_projector
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError

WORDS = ["the", "Straße", "日本", "x y", "'s", "1"]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return Embeddings(Vocabulary(WORDS, np.arange(6, 0, -1)), rng.normal(size=(6, 3)).astype(np.float32))


def write_folder(folder: Path, vectors: str | bytes, metadata: str | bytes) -> Path:
    folder.mkdir()
    for name, content in (("vectors.tsv", vectors), ("metadata.tsv", metadata)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize("with_counts", [True, False])
def test_folder_comes_back_bit_for_bit(embeddings: Embeddings, tmp_path: Path, with_counts: bool) -> None:
    if not with_counts:
        embeddings = Embeddings(WORDS, embeddings.vectors)
    write_projector(embeddings, tmp_path / "p")
    for path in (tmp_path / "p", tmp_path / "p" / "vectors.tsv"):
        found = read_projector(path)
        assert found.index_to_key == WORDS
        assert found.vectors.tobytes() == embeddings.vectors.tobytes()
        assert (found.vocabulary.counts is not None) == with_counts
    assert read_projector(tmp_path / "p", limit=2).index_to_key == WORDS[:2]
    assert ((tmp_path / "p" / "metadata.tsv").read_text(encoding="utf-8").split("\n")[0] == "the") != with_counts


def test_metadata_of_several_columns_name_the_words(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", "1\t2\r\n3\t4\r\n", "\ufeffID\tLabel\r\n7\ta\r\n8\tb\r\n")
    assert read_projector(folder).index_to_key == ["a", "b"]


@pytest.mark.interop
def test_tensorboard_shows_what_is_written(embeddings: Embeddings, tmp_path: Path) -> None:
    projector = pytest.importorskip("tensorboard.plugins.projector.projector_plugin")
    test = pytest.importorskip("werkzeug.test")
    base = pytest.importorskip("tensorboard.plugins.base_plugin")
    write_projector(embeddings, tmp_path / "p")
    plugin = projector.ProjectorPlugin(base.TBContext(logdir=str(tmp_path / "p"), data_provider=None))
    routes = plugin.get_plugin_apps()
    query = {
        "run": ".",
        "name": json.loads(test.Client(routes["/info"]).get(query_string={"run": "."}).data)["embeddings"][0][
            "tensorName"
        ],
    }
    tensor = test.Client(routes["/tensor"]).get(query_string=query)
    np.testing.assert_array_equal(np.frombuffer(tensor.data, "<f4").reshape(6, 3), embeddings.vectors)
    metadata = test.Client(routes["/metadata"]).get(query_string=query)
    assert metadata.data.decode().split("\n")[1:3] == ["the\t6", "Straße\t5"]


@pytest.mark.parametrize(
    ("vectors", "metadata", "message"),
    [
        ("1\t2\n3\n", "a\nb\n", r"vectors\.tsv, line 2: .* 2 numbers, not 1"),
        ("1\t2\n3\tx\n", "a\nb\n", r"vectors\.tsv, line 2: 'x' is not a number"),
        ("1\t2\n\n", "a\nb\n", r"vectors\.tsv, line 2: .* 2 numbers, not 0"),
        ("1\t2\n3\tnan\n", "a\nb\n", r"vectors\.tsv, line 2: the vector of 'b' holds NaN"),
        ("1\t2\n", "a\nb\n", r"metadata\.tsv has 2 words"),
        ("1\t2\n3\t4\n5\t6\n", "a\nb\n", r"metadata\.tsv has 2 words"),
        ("1\t2\n3\t4\n", "a\na\n", r"metadata\.tsv, line 2: the word 'a' occurs more than once"),
        ("1\t2\n3\t4\n", "id\tword\n1\ta\n2\n", r"metadata\.tsv, line 3: 1 columns"),
        ("1\t2\n3\t4\n", b"a\n\xff\n", r"metadata\.tsv, line 2: not UTF-8"),
        ("", "a\n", r"vectors\.tsv is empty"),
        ("1\t2\n", "", r"metadata\.tsv is empty"),
        (b"\xff1\n", "a\n", r"vectors\.tsv, byte 0: not UTF-8"),
        (b"\xff\xfe1\0", "a\n", r"vectors\.tsv is UTF-16 text"),
    ],
)
def test_damaged_folders_are_refused_by_their_line(
    tmp_path: Path, vectors: str | bytes, metadata: str | bytes, message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_projector(write_folder(tmp_path / "p", vectors, metadata))
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", "1\n", "a\n")
    (folder / "metadata.tsv").unlink()
    with pytest.raises(ModelError, match=r"metadata\.tsv does not exist"):
        read_projector(folder)


def test_folders_with_other_things_are_never_replaced(embeddings: Embeddings, tmp_path: Path) -> None:
    write_projector(embeddings, tmp_path / "p")
    with pytest.raises(ModelError, match="exists already"):
        write_projector(embeddings, tmp_path / "p")
    write_projector(embeddings.head(2), tmp_path / "p", overwrite=True)
    assert len(read_projector(tmp_path / "p")) == 2
    (tmp_path / "p" / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="is another kind of file than the output"):
        write_projector(embeddings, tmp_path / "p", overwrite=True)


@pytest.mark.parametrize("word", ["", "a\tb", "a\nb", "a\u2028b"])
def test_words_that_the_format_cannot_hold_are_left_out_and_named(tmp_path: Path, word: str) -> None:
    assert write_projector(Embeddings(["ok", word], [[1], [2]]), tmp_path / "p") == [word]
    assert read_projector(tmp_path / "p").index_to_key == ["ok"]
    with pytest.raises(ModelError, match="'bad' holds NaN"):
        write_projector(Embeddings(["ok", "bad"], np.array([[1], [np.nan]])), tmp_path / "q")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
