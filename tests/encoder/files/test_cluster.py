"""Files encoded by the processes of a real cluster, and encoders that go there by their path."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import run
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.cluster import tasks
from w2v.cluster.clients import ClusterError, open_client
from w2v.encoder import SentenceEncoder
from w2v.encoder.files.encoding import UnreadableFilesError
from w2v.storage.files import ModelError

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Start two processes, as `--cluster local:2` does."""
    pytest.importorskip("distributed")
    with open_client("local:2") as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    SentenceEncoder(make_embeddings()).save(tmp_path / "my.encoder")
    for number in range(6):
        (tmp_path / f"{number}.txt").write_text("the river\n42 x\n" * (number + 1))
    return tmp_path


def test_a_cluster_writes_what_one_process_does(client: Any, folder: Path) -> None:
    encoder = SentenceEncoder.load(folder / "my.encoder")
    (folder / "bad.txt").write_bytes(b"caf\xe9\n")
    told: list[tuple[int, int]] = []
    with pytest.raises(
        UnreadableFilesError, match=r"1 of 7 files cannot be encoded; .*bad\.txt: the byte 0xE9"
    ) as error:
        encoder.encode_files(
            folder / "*.txt", folder / "far", client=client, progress=lambda *so_far: told.append(so_far)
        )
    assert len(error.value.encoded.written) == 6 and told[-1][0] == told[-1][1] == 5 + 15 * 21
    encoder.encode_files(folder / "[0-9].txt", folder / "near")
    for number in range(6):
        name = f"{number}.txt.npy"
        assert (folder / "far" / name).read_bytes() == (folder / "near" / name).read_bytes()
    (folder / "far" / "3.txt.npy").unlink()
    again = encoder.encode_files(folder / "[0-9].txt", folder / "far", client=client)
    assert again.written == {"3.txt.npy": 8} and len(again.kept) == 5


def test_an_encoder_goes_by_its_path_and_is_opened_once_a_process(client: Any, folder: Path) -> None:
    encoder = SentenceEncoder.load(folder / "my.encoder").by_path()
    texts = [["the river"], ["42 x", "a"], []] * 4

    def work(some: list[str]) -> tuple[int, int, Any]:
        return os.getpid(), id(encoder.state), encoder.encode(some)

    found = client.gather(client.map(work, texts, pure=False))
    assert len({pid for pid, _, _ in found}) == len({(pid, state) for pid, state, _ in found}) <= 2
    for some, (_, _, vectors) in zip(texts, found, strict=True):
        np.testing.assert_array_equal(vectors, encoder.encode(some))


def test_map_partitions_takes_an_encoder_as_it_is(client: Any, folder: Path) -> None:
    frames, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    encoder = SentenceEncoder.load(folder / "my.encoder").by_path()
    texts = pandas.DataFrame({"text": ["the river", "42 x", "", "naïve"]})
    meta = {"text": object, "v": object}
    frame = frames.from_pandas(texts, npartitions=2).map_partitions(
        lambda part: part.assign(v=list(encoder.encode(part.text))), meta=meta
    )
    np.testing.assert_array_equal(np.stack(frame.compute().v), encoder.encode(texts.text))


def test_what_workers_do_not_see_or_see_otherwise_is_told(client: Any, folder: Path) -> None:
    encoder = SentenceEncoder.load(folder / "my.encoder")
    sent = encoder.by_path()
    (folder / "my.encoder" / "config.json").write_text("{}")
    with pytest.raises(Exception, match=r"is not the encoder that was sent as this path"):
        client.submit(lambda: sent.encode("the river"), pure=False).result()
    (folder / "my.encoder").rename(folder / "gone")
    with pytest.raises(ModelError, match=r"my\.encoder no longer exists"):
        encoder.encode_files(folder / "1.txt", folder / "out", client=client)
    assert not (folder / "out").exists()


def leave_once_asked(cluster: Any) -> None:
    """Take the workers of a cluster away as soon as it has been asked to encode."""
    while not any("encode_on_worker" in str(key) for key in list(cluster.scheduler.tasks)):
        time.sleep(0.01)
    cluster.scale(0)


def test_a_cluster_without_workers_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed: Any = pytest.importorskip("distributed")
    monkeypatch.setattr(tasks, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(tasks, "WAIT_SECONDS", 1.0)
    encoder = SentenceEncoder.load(folder / "my.encoder")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        busy = client.submit(time.sleep, 3)  # no file is encoded before the worker is gone
        leaving = threading.Thread(target=leave_once_asked, args=(cluster,))
        leaving.start()
        with pytest.raises(ClusterError, match="has no workers any more: start some, and encode the same files"):
            encoder.encode_files(folder / "*.txt", folder / "out", client=client)
        leaving.join()
        del busy  # a task that nobody holds is dropped
    assert len(encoder.encode_files(folder / "*.txt", folder / "out").written) > 0


def test_the_command_runs_on_a_cluster(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    address = client.scheduler_info()["address"]
    result = run("encode", "my.encoder", "*.txt", "-o", "vectors", "--cluster", address, "--dtype", "float16")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"Wrote 6 files, 42 vectors, to {folder / 'vectors'}.\n"
