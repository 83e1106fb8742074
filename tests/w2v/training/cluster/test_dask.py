"""Training on a real cluster of two processes, beside the same in this process."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v import Word2Vec
from w2v.cluster.clients import ClusterError, check_workers, describe, open_client
from w2v.cluster.dask_engine import DaskEngine
from w2v.cluster.engines import InProcess
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


def test_put_goes_to_the_worker(client: Any) -> None:
    engine = DaskEngine(client)
    handle = engine.put(np.arange(3), engine.n_workers - 1)
    assert engine.fetch([engine.run(np.sum, handle, worker=0)]) == [3]
