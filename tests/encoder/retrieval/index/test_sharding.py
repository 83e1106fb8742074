"""An index built by the workers of a cluster, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import run
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.cluster.clients import ClusterError, open_client
from w2v.cluster.tasks import results_of
from w2v.corpora.inputs import CorpusError
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex, index_on_cluster
from w2v.encoder.retrieval.index import sharding
from w2v.storage.files import ModelError

pytestmark = pytest.mark.interop

FILES = ["small.txt", "large.txt", "unknown.txt", "small.txt"]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Start two processes, as `--cluster local:2` does; they work in another folder than the tests."""
    pytest.importorskip("distributed")
    with open_client("local:2") as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    SentenceEncoder(make_embeddings()).save("my.encoder")
    Path("small.txt").write_text("the river. 42 x\n\nx\n")
    Path("large.txt").write_text("a river\nunheard\n" * 9000 + "naïve\n")
    Path("unknown.txt").write_text("unheard\n")
    return tmp_path


def bytes_of(index: str) -> dict[str, bytes]:
    """Return the files of an index, without the configuration."""
    files = [file for file in Path(index).rglob("*") if file.is_file() and file != Path(index, "config.json")]
    return {file.relative_to(index).as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize("how", [{}, {"dtype": "int8", "truncate_dim": 7, "splits": True}])
def test_the_index_is_that_of_one_process(client: Any, folder: Path, how: dict[str, Any]) -> None:
    told: list[tuple[str, int, int | None]] = []
    far = index_on_cluster("my.encoder", FILES, "far", client, progress=lambda *so_far: told.append(so_far), **how)
    near = SentenceIndex.build("my.encoder", [Path(name) for name in FILES], "near", **how)
    assert bytes_of("far") == bytes_of("near") and {"sentences.txt", "positions.bin"} < bytes_of("far").keys()
    assert far.search("the river", top_n=3) == near.search("the river", top_n=3)
    assert [far.place(row) for row in (0, 5, len(far) - 1)] == [near.place(row) for row in (0, 5, len(near) - 1)]
    assert far.contents.encoder_digest == near.contents.encoder_digest and far.dtype == near.dtype
    assert told[-1] == ("copying", len(near), len(near)) and ("encoding", told[0][2], told[0][2]) in told
    assert not Path("far.shards").exists()


def test_the_next_run_builds_only_what_is_missing(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bad.txt").write_bytes(b"caf\xe9\n")
    names = ["large.txt", "bad.txt", "small.txt"]
    with pytest.raises(CorpusError, match=r"1 of 3 files cannot be indexed; the shards of the others.*bad\.txt"):
        index_on_cluster("my.encoder", names, "far", client)
    assert not Path("far").exists()
    assert SentenceIndex("far.shards/00000").search("a river", top_n=1)[0].file == "large.txt"
    others: list[dict[str, Any]] = [{"dtype": "int8"}, {"splits": True}, {"errors": "replace"}]
    for how, message in zip(others, ["dtype float16, not int8: remove", "splits False", "errors strict"], strict=True):
        with pytest.raises(ModelError, match=message):
            index_on_cluster("my.encoder", names, "far", client, **how)
    Path("bad.txt").write_text("x\n")
    Path("small.txt").write_text("the river\n")  # another size
    built: list[str] = []

    def recorded(client: Any, work: Any, tasks: list[sharding.Shard], again: str) -> Any:
        built.extend(task.name for task in tasks)
        return results_of(client, work, tasks, again)

    monkeypatch.setattr(sharding, "results_of", recorded)
    found = index_on_cluster("my.encoder", names, "far", client)
    assert built == ["bad.txt", "small.txt"]
    assert list(found)[-3:] == ["naïve", "x", "the river"] and not Path("far.shards").exists()


def test_another_encoder_or_folder_is_refused(client: Any, folder: Path) -> None:
    Path("bad.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(CorpusError):
        index_on_cluster("my.encoder", ["small.txt", "bad.txt"], "far", client)
    SentenceEncoder(make_embeddings(), a=0.5).save("other.encoder")
    with pytest.raises(ModelError, match="unfinished index with another encoder"):
        index_on_cluster("other.encoder", ["small.txt"], "far", client)
    Path("near.shards").mkdir()
    Path("near.shards", "mine").touch()
    with pytest.raises(ModelError, match="near.shards, which the shards of the index need, has something else"):
        index_on_cluster("my.encoder", ["small.txt"], "near", client)
    assert Path("near.shards", "mine").exists()


def test_what_cannot_be_indexed_leaves_nothing(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(ValueError, match="no line has a word that the encoder knows"):
        index_on_cluster("my.encoder", ["unknown.txt"], "far", client)
    with pytest.raises(CorpusError, match="standard input can be read only once, and not by the workers"):
        index_on_cluster("my.encoder", ["-"], "far", client)
    with pytest.raises(ValueError, match="only an encoder opened by SentenceEncoder.load"):
        index_on_cluster(SentenceEncoder(make_embeddings()), ["small.txt"], "far", client)
    monkeypatch.setattr("w2v.cluster.tasks.missing_here", lambda paths: paths)
    with pytest.raises(ClusterError, match=r"the worker .* cannot read .*my\.encoder"):
        index_on_cluster("my.encoder", ["small.txt"], "far", client)
    assert sorted(folder.iterdir()) == before


def test_the_command_runs_on_a_cluster(client: Any, folder: Path) -> None:
    address = client.scheduler_info()["address"]
    result = run("index", "my.encoder", *FILES, "-o", "far", "--cluster", address, "--dtype", "float32")
    assert result.exit_code == 0, result.output
    near = SentenceIndex.build("my.encoder", [Path(name) for name in FILES], "near", dtype="float32")
    assert bytes_of("far") == bytes_of("near") and f"{len(near):,}" in result.stdout
