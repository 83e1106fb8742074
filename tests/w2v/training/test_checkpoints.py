"""Checkpoints: whole at any moment, gone on with exactly; kills, full disks, other texts and wrong folders."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.clock import Clock
from tests.helpers.trainings import (
    OFTEN,
    Crash,
    assert_same_vectors,
    crashed,
    ending,
    read_all,
    sentences,
    small,
    write_text,
)
from w2v.corpora.readers import TextReader
from w2v.monitoring.history import Progress, TrainingInterrupted
from w2v.storage.files import atomic_folder, lock_folder, remove_leftovers
from w2v.training.checkpoints import Checkpoint, checkpoint_beside, find_checkpoint, interrupted_seed
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import LAYOUT, ModelError, read_tensors, write_tensors

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are those of POSIX")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "text.txt")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint that was made once; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    return crashed(write_text(folder / "text.txt"), folder / "out")


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """Return a checkpoint that may be changed."""
    return shutil.copytree(made, tmp_path / "out")


def edit_config(folder: Path, section: str, **changes: Any) -> None:
    config = json.loads((folder / LAYOUT.config).read_text())
    config[section] |= changes
    (folder / LAYOUT.config).write_text(json.dumps(config))


# Going on.


@both
@pytest.mark.parametrize("n_reports", [2, 9])
def test_training_goes_on_from_a_checkpoint_to_the_same_vectors(
    algorithm: str, n_reports: int, text: Path, tmp_path: Path
) -> None:
    expected = small(algorithm=algorithm).fit(text)
    folder = crashed(text, tmp_path / "out", n_reports, algorithm=algorithm)
    model = Word2Vec.load(folder)
    assert (model.is_complete_, model.inputs_) == (False, (str(text),))
    assert 0 < sum(record["words"] for record in model.history_) < 2 * 8000
    assert len(Embeddings.load(folder).neighbors("topic0word1", top_n=3)) == 3
    model.resume(checkpoint=folder, checkpoint_every=OFTEN)
    assert model.is_complete_ and Word2Vec.load(folder).is_complete_
    for resumed in (model, Word2Vec.load(folder)):
        assert_same_vectors(resumed, expected)
        for record, other in zip(resumed.history_, expected.history_, strict=True):
            assert record | {"seconds": 0} == other | {"seconds": 0}
    assert sorted(tmp_path.iterdir()) == [folder, text]


def test_training_that_crashes_again_and_again_ends_at_the_same_vectors(text: Path, tmp_path: Path) -> None:
    expected, folder = small().fit(text), crashed(text, tmp_path / "out")
    for _ in range(4):
        with ending(2) as progress, pytest.raises(Crash):
            Word2Vec.load(folder).resume(checkpoint=folder, checkpoint_every=OFTEN, progress=progress)
    assert_same_vectors(Word2Vec.load(folder).resume(), expected)


def test_several_workers_go_on_with_every_segment_once(text: Path, tmp_path: Path) -> None:
    folder = crashed(text, tmp_path / "out", workers=3, epochs=4)
    model = Word2Vec.load(folder).resume(checkpoint=folder, checkpoint_every=OFTEN)
    assert [record["words"] for record in model.history_] == [8000] * 4
    losses = [record["loss"] for record in model.history_]
    assert losses == sorted(losses, reverse=True)


def test_interrupted_training_is_in_its_checkpoint(text: Path, tmp_path: Path) -> None:
    with ending(3, KeyboardInterrupt) as progress, pytest.raises(TrainingInterrupted):
        small().fit(text, checkpoint=tmp_path / "out", checkpoint_every=0, progress=progress)
    assert_same_vectors(Word2Vec.load(tmp_path / "out").resume(), small().fit(text))


def test_no_checkpoint_is_written_before_its_time(text: Path, tmp_path: Path) -> None:
    for every in (0, 600):
        with ending(4) as progress, pytest.raises(Crash):
            small().fit(text, checkpoint=tmp_path / "out", checkpoint_every=every, progress=progress)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("every", [-1, math.nan, math.inf])
def test_interval_out_of_range_is_refused(every: float, text: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="checkpoint_every must be a number of seconds, 0 or more"):
        small().fit(text, checkpoint=tmp_path / "out", checkpoint_every=every)


def test_time_limit_goes_on_with_what_is_left_of_it(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, left = Clock(monkeypatch), []

    def progress(state: Progress) -> None:
        if state.phase == "training":
            left.append(state.seconds_left)
            if len(left) == 8:
                raise KeyboardInterrupt
            clock.advance(1)

    with pytest.raises(TrainingInterrupted):
        small(max_time=12).fit(text, checkpoint=tmp_path / "out", progress=progress)
    clock.advance(1000)  # nobody trains
    model = Word2Vec.load(tmp_path / "out")
    assert (model.history_[-1]["alpha"], model.history_[-1]["seconds"]) == (pytest.approx(0.025 - 0.0249 * 7 / 12), 7)
    model.resume(progress=progress)
    assert left == [12, 11, 10, 9, 8, 7, 6, 5, 5, 4, 3, 2, 1] and model.is_complete_
    assert (model.history_[-1]["alpha"], model.history_[-1]["seconds"]) == (pytest.approx(0.025 - 0.0249 * 11 / 12), 11)


def test_text_is_read_again_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\n".join(" ".join(s).encode() + b" caf\xe9" for s in sentences()))
    reader = TextReader(path, errors="replace")
    with ending(3) as progress, pytest.raises(Crash):
        small().fit(reader, checkpoint=tmp_path / "out", checkpoint_every=OFTEN, progress=progress)
    expected = small().fit(TextReader(path, errors="replace"))
    assert_same_vectors(Word2Vec.load(tmp_path / "out").resume(), expected)


def test_text_that_is_no_file_has_to_be_given_again(tmp_path: Path) -> None:
    with ending(3) as progress, pytest.raises(Crash):
        small().fit(sentences(), checkpoint=tmp_path / "out", checkpoint_every=OFTEN, progress=progress)
    model = Word2Vec.load(tmp_path / "out")
    with pytest.raises(ValueError, match="give the same text"):
        model.resume()
    assert_same_vectors(model.resume(sentences()), small().fit(sentences()))


# What must not go on.


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: lines[:-1], "its words and counts differ"),
        (lambda lines: [*lines, "one more"], "its words and counts differ"),
        (lambda lines: [*lines[100:], *lines[:100]], "its words and counts differ|the same words"),
        (lambda lines: [*lines[:-2], lines[-1], lines[-2]], "the same words are in another order"),
        (lambda lines: [" ".join(lines[:2]), *lines[2:]], "the same words are in another order"),
    ],
    ids=["shorter", "longer", "moved", "two lines swapped", "two lines joined"],
)  # fmt: skip
def test_text_that_changed_is_refused(
    change: Callable[[list[str]], list[str]], complaint: str, text: Path, tmp_path: Path
) -> None:
    folder = crashed(text, tmp_path / "out")
    before = read_all(folder)
    text.write_text("\n".join(change(text.read_text().splitlines())), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        Word2Vec.load(folder).resume(checkpoint=folder, checkpoint_every=OFTEN)
    assert read_all(folder) == before


def test_parameters_cannot_be_changed_on_the_way(copied: Path) -> None:
    model = Word2Vec.load(copied)
    with pytest.raises(ValueError, match="window is 7, but training began with 5"):
        model.set_params(window=7).resume()


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("parameters", {"window": 7}), ("parameters", {"algorithm": "cbow"}), ("parameters", {"epochs": 9}),
        ("training", {"step": 1}), ("training", {"seed": 4}), ("training", {"stream": 1}), ("training", {"done": 0.9}),
        ("training", {"loss_sums": [1.0]}),
    ],
    ids=str,
)  # fmt: skip
def test_checkpoint_with_the_parameters_of_another_training_is_refused(
    section: str, changes: dict[str, Any], copied: Path
) -> None:
    edit_config(copied, section, **changes)
    with pytest.raises(ModelError, match=r"out is damaged: .*belong to different trainings"):
        Word2Vec.load(copied)


def test_checkpoint_put_together_from_two_is_refused(text: Path, tmp_path: Path) -> None:
    first, second = crashed(text, tmp_path / "first", 2), crashed(text, tmp_path / "second", 5)
    shutil.copy(second / LAYOUT.training, first / LAYOUT.training)
    with pytest.raises(ModelError, match="belong to different trainings"):
        Word2Vec.load(first)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inputs", "text.txt"),
        ("inputs", [1]),
        ("errors", "ignore"),
        ("spent", None),
        ("spent", "x"),
        ("done", None),
    ],
    ids=str,
)
def test_implausible_checkpoint_is_a_model_error(name: str, value: object, copied: Path) -> None:
    edit_config(copied, "training", **{name: value})
    with pytest.raises(ModelError, match="is damaged"):
        Word2Vec.load(copied)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.txt", "vectors.safetensors", "training.safetensors"])
def test_truncated_checkpoint_is_a_model_error(name: str, copied: Path) -> None:
    data = (copied / name).read_bytes()
    for size in (0, len(data) // 2, len(data) - 3):
        (copied / name).write_bytes(data[:size])
        with pytest.raises(ModelError, match=str(copied)):
            Word2Vec.load(copied)


def test_checkpoint_with_vectors_of_nan_is_a_model_error(copied: Path) -> None:
    tensors = dict(read_tensors(copied / LAYOUT.training, mmap=False))
    tensors["output_vectors"] = np.full_like(tensors["output_vectors"], np.nan)
    write_tensors(copied / LAYOUT.training, tensors)
    with pytest.raises(ModelError, match="the vectors are not finite"):
        Word2Vec.load(copied)


def test_checkpoint_of_a_newer_version_is_named(copied: Path) -> None:
    config = json.loads((copied / LAYOUT.config).read_text())
    (copied / LAYOUT.config).write_text(json.dumps(config | {"format_version": 99}))
    for read in (Word2Vec.load, find_checkpoint):
        with pytest.raises(ModelError, match="newer version of w2v"):
            read(copied)


# Where a checkpoint stands.


def test_complete_model_stays_until_the_new_one_is_complete(text: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    small(random_state=8).fit(text, checkpoint=output)
    before = read_all(output)
    with pytest.raises(ModelError, match="exists already"):
        small().fit(text, checkpoint=output)
    with ending(3) as progress, pytest.raises(Crash):
        small().fit(text, checkpoint=output, checkpoint_every=OFTEN, overwrite=True, progress=progress)
    assert read_all(output) == before
    assert find_checkpoint(output) == (checkpoint_beside(output), output)
    assert find_checkpoint(tmp_path / "out.checkpoint") == (tmp_path / "out.checkpoint", output)
    model = Word2Vec.load(tmp_path / "out.checkpoint").resume(checkpoint=output, overwrite=True)
    assert_same_vectors(Word2Vec.load(output), model)
    assert_same_vectors(model, small().fit(text))
    assert sorted(tmp_path.iterdir()) == [output, text]


def test_interrupted_training_is_not_replaced_by_another(text: Path, tmp_path: Path) -> None:
    folder = crashed(text, tmp_path / "out")
    before = read_all(folder)
    assert interrupted_seed(folder) == 3
    with pytest.raises(ModelError, match="holds an interrupted training; resume it"):
        small().fit(text, checkpoint=folder)
    other = Word2Vec.load(crashed(text, tmp_path / "other", random_state=4))
    with pytest.raises(ModelError, match="holds an interrupted training"):
        other.resume(checkpoint=folder)
    assert read_all(folder) == before
    small(random_state=5).fit(text, checkpoint=folder, overwrite=True)
    assert interrupted_seed(folder) is None and Word2Vec.load(folder).seed_ == 5


def test_finding_no_checkpoint_says_why(text: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        find_checkpoint(tmp_path / "nothing")
    small().fit(text, checkpoint=tmp_path / "out")
    with pytest.raises(ModelError, match="training is complete, there is nothing to resume"):
        find_checkpoint(tmp_path / "out")
    Embeddings(["a"], np.ones((1, 2))).save(tmp_path / "vectors")
    with pytest.raises(ModelError, match="holds vectors only"):
        find_checkpoint(tmp_path / "vectors")


def test_folder_that_is_no_model_is_never_replaced(text: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(ModelError, match="is not a model folder"):
        Checkpoint(tmp_path / "photos", overwrite=True)
    small().fit(text, checkpoint=tmp_path / "out")
    (tmp_path / "photos").rename(tmp_path / "out.checkpoint")
    with pytest.raises(ModelError, match="is not a model folder"):
        Checkpoint(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out.checkpoint" / "cat.jpg").read_bytes() == b"meow"


@posix
def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead, other, old = (tmp_path / name for name in (".out.0123abcd.tmp", ".other.0123abcd.tmp", ".out.0123abcd.old"))
    for folder in (dead, other, old):
        folder.mkdir()
        (folder / "vectors.safetensors").write_bytes(b"half")
    with atomic_folder(tmp_path / "out") as living:
        remove_leftovers(tmp_path / "out")
        assert living.exists() and other.exists() and old.exists() and not dead.exists()
    assert (tmp_path / "out").is_dir()
    dead.mkdir()
    with lock_folder(dead) as is_mine:
        assert is_mine
        remove_leftovers(tmp_path / "out")
        assert dead.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"subwords": True, "buckets": 1000}, {"algorithm": "cbow", "position_weights": True}, {"phrases": True},
        {"holdout": 0.1}, {"holdout": 0.1, "patience": 1, "epochs": 3}, {"deterministic": True, "workers": 2},
        {"shrink_windows": False, "sample": 0.0, "max_vocab": 30},
    ],
    ids=str,
)  # fmt: skip
def test_training_goes_on_exactly_with_every_option(options: dict[str, Any], text: Path, tmp_path: Path) -> None:
    expected = small(**options).fit(text)
    folder = crashed(text, tmp_path / "out", 6, **options)
    resumed = Word2Vec.load(folder).resume(checkpoint=folder)
    assert_same_vectors(resumed, expected)
    assert_same_vectors(Word2Vec.load(folder), expected)
    for record, other in zip(resumed.history_, expected.history_, strict=True):
        assert record | {"seconds": 0} == other | {"seconds": 0}
