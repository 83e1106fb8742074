"""Trainings whose process is killed, and trainings whose disk is full, by each objective."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.disks import file_size_limit
from tests.helpers.trainings import OFTEN, assert_same_vectors, crashed, read_all, small, write_text
from w2v.encoding.spool import WorkFolderError
from w2v.monitoring.history import Progress
from w2v.storage.files import ModelError
from w2v.training.checkpoints import CheckpointWarning, interrupted_seed
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are those of POSIX")
OBJECTIVES: list[dict[str, Any]] = [
    {},
    {"objective": "hs"},
    {"objective": "hs", "algorithm": "cbow"},
    {"objective": "glove", "sample": 0.0},
]
objectives = pytest.mark.parametrize(
    "options", OBJECTIVES, ids=lambda given: "-".join(map(str, given.values())) or "ns"
)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "text.txt")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cli", *map(str, arguments)]


# Full disks.


@posix
@objectives
@pytest.mark.parametrize("n_bytes", [0, 100, 1500, 2400])
def test_full_disk_leaves_the_old_model_whole(
    options: dict[str, Any], n_bytes: int, text: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    small(random_state=8).fit(text, checkpoint=output)
    before = read_all(output)
    model = small(**options).fit(text)
    with file_size_limit(n_bytes), pytest.raises(ModelError, match="out cannot be written: File too large"):
        model.save(output, overwrite=True)
    assert read_all(output) == before and sorted(tmp_path.iterdir()) == [output, text]
    model.save(output, overwrite=True)
    assert_same_vectors(Word2Vec.load(output), model)


@posix
@objectives
def test_full_disk_at_a_checkpoint_is_a_warning_and_the_last_one_stays(
    options: dict[str, Any], text: Path, tmp_path: Path
) -> None:
    options = options | {"epochs": 8}  # GloVe has few neighbours to learn
    folder = crashed(text, tmp_path / "out", **options)
    before, expected = read_all(folder), small(**options).fit(text)
    model = Word2Vec.load(folder)
    with file_size_limit(1500):
        with pytest.warns(CheckpointWarning, match="no checkpoint, training continues: .*out cannot be written"):
            with pytest.raises(ModelError, match="out cannot be written"):
                model.resume(checkpoint=folder, checkpoint_every=OFTEN)
        assert read_all(folder) == before
    assert model.is_complete_  # what was learned is not lost with the disk
    assert_same_vectors(model, expected)
    assert_same_vectors(Word2Vec.load(folder).resume(), expected)
    assert sorted(tmp_path.iterdir()) == [folder, text]


@posix
@objectives
@pytest.mark.parametrize("n_bytes", [0, 4000, 20_000])
def test_a_full_temporary_folder_ends_training_with_one_error_and_leaves_nothing(
    options: dict[str, Any], n_bytes: int, text: Path, tmp_path: Path
) -> None:
    """Ids, the counted neighbours of GloVe and their sums are set aside there, if memory is short."""
    expected = small(**options).fit(text)
    for place in ("output", "aside"):
        (tmp_path / place).mkdir()
    given: dict[str, Any] = {"checkpoint": tmp_path / "output" / "e", "work_folder": tmp_path / "aside"}
    with file_size_limit(n_bytes), pytest.raises(WorkFolderError, match="aside cannot be written: File too large"):
        small(**options).fit(text, max_memory=0, **given)
    assert not list((tmp_path / "output").iterdir()) and not list((tmp_path / "aside").iterdir())
    assert_same_vectors(small(**options).fit(text, max_memory=0, **given), expected)
    assert not list((tmp_path / "aside").iterdir())


@objectives
@pytest.mark.parametrize("phase", ["reading", "counting neighbours", "compiling"])
def test_interrupting_before_the_first_step_leaves_nothing(
    options: dict[str, Any], phase: str, text: Path, tmp_path: Path
) -> None:
    if phase == "counting neighbours" and options.get("objective") != "glove":
        pytest.skip("only GloVe counts neighbours")
    for place in ("output", "aside"):
        (tmp_path / place).mkdir()

    def progress(state: Progress) -> None:
        if state.phase == phase:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"checkpoint": tmp_path / "output" / "e", "work_folder": tmp_path / "aside"}
    with pytest.raises(KeyboardInterrupt):
        small(**options).fit(text, max_memory=0, progress=progress, **given)
    assert not list((tmp_path / "output").iterdir()) and not list((tmp_path / "aside").iterdir())


# Processes that are killed.


@pytest.mark.slow
@posix
@objectives
def test_killed_training_goes_on_to_the_same_vectors(options: dict[str, Any], tmp_path: Path) -> None:
    given = [f"--{name}={value}" for name, value in options.items()]
    is_glove = options.get("objective") == "glove"  # its passes over the cells of few words are short
    epochs, how_often = (1000, "0.05s") if is_glove else (20, "0.2s")
    small_options = ("--workers", 1, "--seed", 1, "--min-count", 1, "--epochs", epochs, *given)
    text, output = tmp_path / "text.txt", tmp_path / "out"
    write_text(text, 20_000)
    for _ in range(2):  # the first time everything is compiled
        began = time.perf_counter()
        subprocess.run(
            command("train", text, "--output", tmp_path / "whole", *small_options, "--overwrite"),
            cwd=ROOT, check=True,
        )  # fmt: skip
    seconds, moments, n_resumed = time.perf_counter() - began, random.Random(7), 0
    expected = Embeddings.load(tmp_path / "whole").vectors
    for _ in range(1 if options else 3):
        shutil.rmtree(output, ignore_errors=True)
        arguments: tuple[object, ...] = (text, "--output", output, *small_options)
        while not output.exists() or interrupted_seed(output) is not None:
            with subprocess.Popen(
                command("train", *arguments, "--checkpoint-every", how_often), cwd=ROOT, stdout=subprocess.DEVNULL
            ) as process:
                if options and not n_resumed:  # a single round has to be killed after a checkpoint
                    while process.poll() is None and (not output.exists() or interrupted_seed(output) is None):
                        time.sleep(0.01)
                    process.kill()
                try:
                    process.wait(moments.uniform(0.3, 1.2) * seconds + 0.2)
                except subprocess.TimeoutExpired:
                    process.kill()
            assert process.wait() in (0, -signal.SIGKILL)
            if output.exists():
                assert np.isfinite(Embeddings.load(output).vectors).all()
                arguments = ("--resume", output)
                n_resumed += interrupted_seed(output) is not None
        assert np.array_equal(Embeddings.load(output).vectors, expected)
    assert n_resumed > 0


@pytest.mark.slow
@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_saves_what_was_learned(number: int, code: int, text: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    options = ("--min-count", 1, "--vector-size", 12, "--max-time", "2m")
    small().fit(text)  # compiled
    with subprocess.Popen(
        command("train", text, "--output", output, *options, "--checkpoint-every", "0.5s"),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while not output.exists() and process.poll() is None:  # the first checkpoint: it trains
            time.sleep(0.05)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (code, "")
    assert stderr == f"Interrupted. Progress is saved; resume with: w2v train --resume {output}\n"
    assert interrupted_seed(output) is not None and Embeddings.load(output).vectors.shape == (40, 12)
    assert os.listdir(tmp_path).count("out") == 1
