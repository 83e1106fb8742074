"""Text at addresses, in the store that fsspec keeps in memory."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from w2v import Word2Vec
from w2v.cluster.engines import InProcess
from w2v.corpora.inputs import CorpusError
from w2v.corpora.readers import TextReader

TEXT = "".join(f"a{i % 7} b{i % 5} c{i % 3} d{i % 2}\n" for i in range(600))


@pytest.fixture
def store() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a.txt", TEXT.encode())
    memory.pipe("/bucket/b.txt.gz", gzip.compress(b"packed text\n"))
    yield memory
    memory.store.clear()


def test_reader_reads_addresses_and_patterns(store: Any) -> None:
    reader = TextReader("memory://bucket/*")
    assert reader.paths == list(reader.recorded) == ["memory:///bucket/a.txt", "memory:///bucket/b.txt.gz"]
    assert list(reader.lines()) == [*TEXT.splitlines(), "packed text"]
    assert reader.total_bytes == store.size("/bucket/a.txt") + store.size("/bucket/b.txt.gz") == reader.consumed_bytes


def test_workers_read_their_parts_of_an_address(store: Any, tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    settings = {"vector_size": 8, "min_count": 1, "epochs": 1, "window": 3, "workers": 1, "random_state": 4}
    there, here = (
        Word2Vec(**settings).fit(corpus, client=InProcess(2))  # type: ignore[arg-type]
        for corpus in ("memory://bucket/a.txt", tmp_path / "a.txt")
    )
    assert np.array_equal(there.vectors_, here.vectors_)
    assert there.inputs_ == ("memory://bucket/a.txt",)


def test_what_is_wrong_with_an_address_is_told(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CorpusError, match="memory://bucket/none.txt: there is no such file, or no file matches"):
        TextReader("memory://bucket/none.txt")
    with pytest.raises(CorpusError, match="nonsense://x/a.txt cannot be read: Protocol not known: nonsense"):
        TextReader("nonsense://x/a.txt")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(CorpusError, match="s3://b/a.txt: s3:// needs a package of its own: Install s3fs"):
        TextReader("s3://b/a.txt")


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(CorpusError, match=r"addresses need fsspec: pip install 'w2v-toolkit\[remote\]'"):
        TextReader("s3://bucket/a.txt")
