"""Training on a real cluster of two processes, beside the same in this process."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v import Word2Vec
from w2v.cluster import dask_engine
from w2v.cluster.clients import ClusterError, check_workers, describe, open_client
from w2v.cluster.dask_engine import DaskEngine
from w2v.cluster.engines import InProcess, LostError
from w2v.corpora.files.ranges import FileRange
from w2v.corpora.tokenizers import get_tokenizer
from w2v.training.cluster.workshop import Shard, count_words, kept_parts

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
SETTINGS: dict[str, Any] = {"vector_size": 8, "min_count": 2, "epochs": 2, "window": 3, "random_state": 4}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    words = np.minimum(np.random.default_rng(3).zipf(1.4, 12_000), 400)
    path.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 10)) + "\n")
    return path


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    pytest.importorskip("distributed")
    with open_client("local:2") as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(text: Path) -> Word2Vec:
    return Word2Vec(**SETTINGS).fit(text, client=InProcess(2), round_words=3000)


def test_cluster_learns_what_this_process_would(client: Any, text: Path, expected: Word2Vec) -> None:
    assert describe(client).startswith("Cluster: 2 workers, 2 threads")
    model = Word2Vec(**SETTINGS).fit(text, client=client, round_words=3000)
    assert np.array_equal(model.vectors_, expected.vectors_)
    assert np.array_equal(model.output_vectors_, expected.output_vectors_)


def test_killing_a_worker_changes_no_bit(
    client: Any, text: Path, expected: Word2Vec, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[int] = []

    def kill(state: Any) -> None:
        if state.phase == "training" and not killed:
            victim = max(client.run(os.getpid).values())
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    model = Word2Vec(**SETTINGS).fit(text, client=client, progress=kill, round_words=3000)
    assert killed
    assert np.array_equal(model.vectors_, expected.vectors_)
    gc.collect()
    assert "never retrieved" not in caplog.text
    client.wait_for_workers(2)
    assert set(client.run(signal.getsignal, signal.SIGINT).values()) == {signal.SIG_IGN}  # the new process as well


def test_a_training_drops_what_a_killed_client_left(client: Any, text: Path) -> None:
    shard = Shard("Client-of-old/1", 0, (FileRange(str(text)),), "strict", get_tokenizer("words"), 1, None, None)
    client.run(count_words, shard)
    assert sum(map(len, client.run(kept_parts).values())) == 2
    Word2Vec(**SETTINGS).fit(text, client=client, round_words=3000)
    assert not any(client.run(kept_parts).values())


def test_other_versions_of_the_toolkit_are_told(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.__version__", "9.9")
    with pytest.raises(
        ClusterError, match=r"has version .* of the toolkit, but this program is 9\.9: install the same"
    ):
        check_workers(client)


def test_a_loss_while_results_are_on_their_way_is_one_error_and_no_message(
    client: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = DaskEngine(client)

    def lose() -> None:
        raise LostError("the worker is gone")

    monkeypatch.setattr(dask_engine, "_LOOK_EVERY", 0.1)
    monkeypatch.setattr(engine, "_check_places", lose)
    monkeypatch.setattr(engine, "_wait_for", lambda handles: None)  # the results were there, and then they were not
    handles = [engine.run(time.sleep, 1, worker=number) for number in range(2)]
    with suppress(LostError):
        engine.fetch(handles)
    handles.clear()
    for _ in range(2):
        client.sync(client.scheduler.identity)  # the event loop has gone round
        gc.collect()
    assert "never retrieved" not in caplog.text


def test_errors_of_others_are_still_logged(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def orphan() -> None:
        task = asyncio.ensure_future(asyncio.wait_for(asyncio.sleep(1), 0))
        await asyncio.sleep(0.01)
        assert task.done()

    asyncio.run(orphan())
    gc.collect()
    assert "never retrieved" in caplog.text and "TimeoutError" in caplog.text


def test_put_goes_to_the_worker(client: Any) -> None:
    engine = DaskEngine(client)
    handle = engine.put(np.arange(3), engine.n_workers - 1)
    assert engine.fetch([engine.run(np.sum, handle, worker=0)]) == [3]
