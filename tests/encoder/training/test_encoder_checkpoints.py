"""Checkpoints of encoders: killed at any moment and gone on with exactly; what is in the way; what is refused."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.topic_examples import OPTIONS, make_paragraphs, make_words, stop_at
from w2v import ModelError
from w2v.encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.resuming import ENCODERS
from w2v.monitoring.history import TrainingInterrupted
from w2v.monitoring.pauses import DivergenceError
from w2v.neural.progress import FitProgress
from w2v.storage.files import atomic_folder
from w2v.training.checkpoints import CheckpointWarning, checkpoint_beside, interrupted_seed

OFTEN = 1e-9
NETWORK: dict[str, Any] = {"architecture": "attention", "dim": 8, "heads": 2, "dropout": 0.2}
architectures = pytest.mark.parametrize("network", [{}, NETWORK], ids=["static", "attention"])


class Crash(Exception):
    """Stands for whatever ends a process without warning."""


def crash_at(step: int) -> Any:
    def report(state: FitProgress) -> None:
        if state.phase == "training" and state.step == step:
            raise Crash

    return report


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(make_paragraphs()) + "\n")
    return path


def new(network: dict[str, Any], training: FitOptions = OPTIONS) -> SentenceEncoder:
    return SentenceEncoder(make_words(), training=training, **network)


def crashed(corpus: Path, folder: Path, network: dict[str, Any] | None = None, step: int = 20) -> Path:
    with pytest.raises(Crash):
        new(network or {}).fit(corpus, checkpoint=folder, checkpoint_every=OFTEN, progress=crash_at(step))
    return folder


def assert_same(found: SentenceEncoder, expected: SentenceEncoder) -> None:
    assert found.is_complete_ and expected.is_complete_
    assert np.array_equal(found.state.table, expected.state.table)
    assert np.array_equal(found.state.word_weights, expected.state.word_weights)
    if expected.state.parameters is not None:
        assert found.state.parameters is not None
        assert np.array_equal(found.state.parameters.flat, expected.state.parameters.flat)
    assert [entry | {"seconds": 0} for entry in found.history_] == [
        entry | {"seconds": 0} for entry in expected.history_
    ]


@architectures
def test_training_goes_on_from_its_checkpoint_to_the_same_bits(
    corpus: Path, tmp_path: Path, network: dict[str, Any]
) -> None:
    folder = crashed(corpus, tmp_path / "out", network)
    loaded = SentenceEncoder.load(folder)
    assert not loaded.is_complete_ and loaded.history_[-1]["step"] == 10
    assert loaded.encode(["T0w1 t0w2."]).any()  # the best so far can be used
    resumed = loaded.resume(checkpoint=folder, checkpoint_every=OFTEN)
    whole = new(network).fit(corpus)
    for found in (resumed, SentenceEncoder.load(folder)):
        assert_same(found, whole)
    assert sorted(tmp_path.iterdir()) == [corpus, folder]
    assert not (folder / "training.safetensors").exists()


def test_second_stage_goes_on_too(corpus: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"t{i % 6}w1 t{i % 6}w{i % 8}\tt{i % 6}w3 t{i % 6}w{i % 5}\n" for i in range(90)))
    seen: list[str] = []

    def crash(state: FitProgress) -> None:
        if state.phase == "training" and state.step == 20:
            seen.append("twenty")
            if len(seen) == 2:
                raise Crash

    with pytest.raises(Crash):
        new(NETWORK).fit(corpus, pairs=pairs, checkpoint=tmp_path / "out", checkpoint_every=OFTEN, progress=crash)
    loaded = SentenceEncoder.load(tmp_path / "out")
    assert [(entry["stage"], entry["step"]) for entry in loaded.history_][-2:] == [("pairs", 0), ("pairs", 10)]
    assert_same(loaded.resume(), new(NETWORK).fit(corpus, pairs=pairs))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "kills"), [("static", 1), ("attention", 2)])
def test_training_that_is_killed_ends_at_the_same_bits(
    corpus: Path, tmp_path: Path, architecture: str, kills: int
) -> None:
    make_words().save(tmp_path / "my.model")
    output, moments = tmp_path / "out", random.Random(5)
    options: tuple[object, ...] = (
        tmp_path / "my.model", corpus, "--architecture", architecture, "--steps", 400, "--batch-size", 16,
        "--learning-rate", 0.02, "--evaluate-every", 7, "--workers", 1,
    )  # fmt: skip
    if architecture == "attention":
        options += ("--hidden-size", 8, "--heads", 2, "--dropout", 0.2)
    arguments: tuple[object, ...] = (*options, "-o", output)
    steps = [0]
    for _ in range(kills):
        command = [sys.executable, "-m", "cli", "fit-encoder", *map(str, arguments)]
        with subprocess.Popen(
            [*command, "--checkpoint-every", "0.000001s"], cwd=ROOT, stdout=subprocess.DEVNULL
        ) as process:  # fmt: skip
            while process.poll() is None and last_step(output) <= steps[-1] + 20:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
        assert process.returncode == -9
        steps.append(last_step(output))
        arguments = ("--resume", output)
    assert steps == sorted(set(steps)) and steps[-1] < 400
    assert run("fit-encoder", *arguments).exit_code == 0
    assert run("fit-encoder", *options, "-o", tmp_path / "whole").exit_code == 0
    assert_same(SentenceEncoder.load(output), SentenceEncoder.load(tmp_path / "whole"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "my.model", "out", "whole"]


def last_step(folder: Path) -> int:
    """Return the last step that a checkpoint measured; 0 without a checkpoint."""
    if interrupted_seed(folder, ENCODERS) is None:
        return 0
    try:
        return int(SentenceEncoder.load(folder).history_[-1]["step"])
    except ModelError:  # it was exchanged meanwhile
        return 0


def test_ctrl_c_is_in_the_checkpoint(corpus: Path, tmp_path: Path) -> None:
    encoder = new({})
    with pytest.raises(TrainingInterrupted):
        encoder.fit(corpus, checkpoint=tmp_path / "out", checkpoint_every=0, progress=stop_at(20))
    assert_same(SentenceEncoder.load(tmp_path / "out").resume(), new({}).fit(corpus))


def test_complete_model_stays_until_the_new_one_is_complete(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    before = SentenceEncoder(make_words())
    before.save(output)
    with pytest.raises(ModelError, match="exists already"):
        new({}).fit(corpus, checkpoint=output)
    with pytest.raises(Crash):
        new({}).fit(corpus, checkpoint=output, checkpoint_every=OFTEN, overwrite=True, progress=crash_at(20))
    assert np.array_equal(SentenceEncoder.load(output).state.table, before.state.table)
    assert interrupted_seed(checkpoint_beside(output), ENCODERS) == OPTIONS.seed
    assert run("fit-encoder", "--resume", output).exit_code == 0
    assert_same(SentenceEncoder.load(output), new({}).fit(corpus))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "out"]


def test_another_training_does_not_take_the_place_of_an_interrupted_one(corpus: Path, tmp_path: Path) -> None:
    folder = crashed(corpus, tmp_path / "out")
    with pytest.raises(ModelError, match=r"w2v fit-encoder --resume .*out, or SentenceEncoder\.load"):
        new({}).fit(corpus, checkpoint=folder)
    new({}).fit(corpus, checkpoint=folder, overwrite=True)
    assert_mistake(run("fit-encoder", "--resume", folder), 1, "training is complete, there is nothing to resume")
    make_words().save(tmp_path / "words")
    assert_mistake(run("fit-encoder", "--resume", tmp_path / "words"), 1, "'word-vectors', not 'sentence-encoder'")
    assert_mistake(run("train", "--resume", folder), 1, "'sentence-encoder', not 'word-vectors'")


def test_text_or_option_that_changed_is_refused(corpus: Path, tmp_path: Path) -> None:
    folder = crashed(corpus, tmp_path / "out")
    loaded = SentenceEncoder.load(folder)
    assert isinstance(loaded.training, FitOptions)
    loaded.training = FitOptions(**(vars(loaded.training) | {"batch_size": 8}))
    with pytest.raises(ValueError, match="batch_size is 8, but the interrupted training began with 16"):
        loaded.resume()
    with pytest.raises(ValueError, match="seed is "):
        SentenceEncoder.load(folder).set_params(random_state=1).resume()
    words = corpus.read_text().split()
    words[2], words[3] = words[3], words[2]  # the same words, two of them exchanged
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    corpus.write_text(corpus.read_text().replace(" ".join(corpus.read_text().split()[2:4]), " ".join(words[2:4]), 1))
    with pytest.raises(ValueError, match="began with other sentences"):
        SentenceEncoder.load(folder).resume(checkpoint=folder)
    assert_mistake(run("fit-encoder", "--resume", folder), 1, "began with other sentences")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_pairs_of_the_stage_to_come_that_changed_are_refused(corpus: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"t{i % 6}w1 t{i % 6}w{i % 8}\tt{i % 6}w3\n" for i in range(90)))
    with pytest.raises(Crash):
        new({}).fit(corpus, pairs=pairs, checkpoint=tmp_path / "out", checkpoint_every=OFTEN, progress=crash_at(20))
    pairs.write_text(pairs.read_text().replace("t0w3", "t0w4", 1))
    with pytest.raises(ValueError, match="began with other sentences"):
        SentenceEncoder.load(tmp_path / "out").resume()


def test_divergence_leaves_the_checkpoint_before(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    encoder = new({})

    def spoil(state: FitProgress) -> None:
        if state.phase == "measuring" and state.step == 20:
            model = sys._getframe(1).f_locals["self"]._trainable  # what the training moves
            model.table[0] = np.inf

    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match="lower learning rate than 0.02"):
        encoder.fit(corpus, checkpoint=folder, checkpoint_every=OFTEN, progress=spoil)
    assert np.isfinite(SentenceEncoder.load(folder).state.table).all()
    assert_same(SentenceEncoder.load(folder).resume(), new({}).fit(corpus))


def test_checkpoint_that_fails_is_a_warning(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def full(path: Any, **options: Any) -> Any:
        calls.append(path)
        if len(calls) == 2:
            raise ModelError(f"{path} cannot be written: No space left on device")
        return atomic_folder(path, **options)

    monkeypatch.setattr("w2v.vectors.persistence.atomic_folder", full)
    with pytest.warns(CheckpointWarning, match="training continues: .*No space left"):
        new({}).fit(corpus, checkpoint=tmp_path / "out", checkpoint_every=OFTEN)
    assert len(calls) > 10 and SentenceEncoder.load(tmp_path / "out").is_complete_


def test_frozen_encoder_is_saved_as_it_starts(corpus: Path, tmp_path: Path) -> None:
    SentenceEncoder(make_words(), frozen=True).fit(corpus, checkpoint=tmp_path / "out")
    assert os.path.isfile(tmp_path / "out" / "config.json") and SentenceEncoder.load(tmp_path / "out").is_complete_
