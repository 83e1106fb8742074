"""`w2v train --cluster`: what is trained, and which options do not go together; the cluster is this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Word2Vec
from w2v.cluster.engines import InProcess
from w2v.training.cluster import session
from w2v.training.cluster.rounds import RoundTraining

SMALL = ["--vector-size", 8, "--min-count", 1, "--epochs", 1, "--workers", 1, "--seed", 1]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"a{i % 7} b{i % 5} c{i % 3} d{i % 2}\n" for i in range(900)))
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every address be two workers in this process; note them."""
    found: list[str] = []

    @contextmanager
    def open_engine(address: str, tell: Any) -> Iterator[InProcess]:
        found.append(address)
        yield InProcess(2)

    monkeypatch.setattr(session, "open_engine", open_engine)
    return found


def test_cluster_trains_what_python_does(text: Path, tmp_path: Path, opened: list[str]) -> None:
    output = tmp_path / "m"
    result = run("train", text, "-o", output, *SMALL, "--cluster", "tcp://host:8786", "--round-words", 1500, "--json")
    assert result.exit_code == 0, result.output
    assert opened == ["tcp://host:8786"]
    summary, model = json.loads(result.stdout), Word2Vec.load(output)
    assert summary["corpus_words"] == 3600 and model.is_complete_
    again = Word2Vec(vector_size=8, min_count=1, epochs=1, workers=1, random_state=1)
    again.fit(text, client=InProcess(2), round_words=1500)
    assert np.array_equal(model.vectors_, again.vectors_)


def test_interrupted_training_says_how_to_go_on_and_does(
    text: Path, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, note = tmp_path / "my model", RoundTraining._note

    def interrupt(self: RoundTraining, trained: Any, elapsed: float) -> None:
        note(self, trained, elapsed)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RoundTraining, "_note", interrupt)
        result = run("train", text, "-o", output, *SMALL, "--cluster", "local:2")
    assert result.exit_code == 130 and f"resume with: w2v train --cluster local:2 --resume '{output}'" in result.stderr
    assert_mistake(
        run("train", "--resume", output), 1, "training began on a cluster of 2: resume it with client= (--cluster)"
    )
    assert run("train", "--cluster", "local:2", "--resume", output).exit_code == 0
    assert Word2Vec.load(output).is_complete_


def test_cluster_refuses_what_is_not_an_address(text: Path, tmp_path: Path) -> None:
    result = run("train", text, "-o", tmp_path / "m", "--cluster", "host:8786")
    assert_mistake(result, 2, "'host:8786' is not the address of a cluster: give tcp://HOST:PORT", "local:N")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--round-words", "9"], "--round-words needs --cluster."),
        (["--cluster", "local:2", "--dry-run"], "--cluster and --dry-run exclude each other."),
        (["--cluster", "local:2", "--initial", "x"], "--cluster and --initial exclude each other."),
        (["--cluster", "local:2", "--continue", "x"], "--cluster and --continue exclude each other."),
        (["--cluster", "local:2", "--round-words", "9", "--resume", "x"], "--round-words and --resume exclude"),
    ],
)
def test_options_that_contradict_a_cluster(text: Path, tmp_path: Path, options: list[str], message: str) -> None:
    assert_mistake(run("train", text, "-o", tmp_path / "m", *options), 2, message)


def test_what_needs_one_machine_is_refused_before_a_cluster_is_opened(
    text: Path, tmp_path: Path, opened: list[str]
) -> None:
    result = run("train", text, "-o", tmp_path / "m", "--cluster", "local:2", "--held-out", "0.1")
    assert_mistake(result, 1, "--held-out cannot be combined with a cluster: no sentences are held out.")
    assert opened == [] and not (tmp_path / "m").exists()


def test_without_dask_the_extra_is_named(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = run("train", text, "-o", tmp_path / "m", "--cluster", "local:2")
    assert_mistake(result, 1, "a cluster needs Dask: pip install 'w2v-toolkit[cluster]'")
