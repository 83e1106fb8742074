"""Teachers: vectors that are made once and kept, several teachers at once, and what is wrong with a cache."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.examples.topic_examples import OPTIONS, make_words, stop_at
from w2v.encoder import SentenceEncoder
from w2v.encoder.places import digest_of_folder
from w2v.encoder.training import teacher_cache
from w2v.encoder.training.teacher_cache import ROWS, KeptVectors, TeacherCache
from w2v.encoder.training.teachers import teacher_vectors
from w2v.monitoring.history import TrainingInterrupted
from w2v.storage.claims import OutputClaimedError, claimed
from w2v.storage.files import ModelError

COLUMNS = 6
SENTENCES = [f"sentence {i}" for i in range(11)]


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    SentenceEncoder(make_words()).save(tmp_path / "teacher")
    return tmp_path / "teacher"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_cache, "_AT_ONCE", 4)


class Recorded:
    """Makes vectors of sentences, remembers which, and may be interrupted after so many."""

    def __init__(self, most: int = 100) -> None:
        self.asked: list[str] = []
        self.most = most

    def __call__(self, sentences: list[str]) -> NDArray[np.float32]:
        if len(self.asked) + len(sentences) > self.most:
            raise KeyboardInterrupt
        self.asked += sentences
        return np.stack([vector_of(sentence) for sentence in sentences])


def vector_of(sentence: str) -> NDArray[np.float32]:
    return np.random.default_rng(list(sentence.encode())).normal(size=COLUMNS).astype(np.float32)


def expected(sentences: list[str]) -> NDArray[np.float16]:
    return np.stack([vector_of(sentence) for sentence in sentences]).astype(np.float16)


def ignored(_: object) -> None:
    """Take no notice."""


def test_sentences_are_encoded_once_whichever_text_they_are_in(teacher: Path, tmp_path: Path) -> None:
    first = Recorded()
    told: list[float] = []
    kept = TeacherCache(tmp_path / "cache", teacher, COLUMNS).vectors(SENTENCES, first, told.append)
    assert first.asked == SENTENCES and told == [0.0, 4 / 11, 8 / 11]
    assert kept.shape == (11, COLUMNS) and kept.dtype == np.float16 and len(kept) == 11
    np.testing.assert_array_equal(kept[:], expected(SENTENCES))
    second, others = Recorded(), ["new", *SENTENCES[::-2], "new", "also new", SENTENCES[0]]
    again = TeacherCache(tmp_path / "cache", teacher, COLUMNS).vectors(others, second)
    assert second.asked == ["new", "also new"]
    np.testing.assert_array_equal(again[:], expected(others))
    np.testing.assert_array_equal(again[np.array([3, 0])], expected([others[3], others[0]]))


@pytest.mark.parametrize("torn", [0, 1, 19])
def test_an_interrupted_run_leaves_whole_rows_and_the_next_goes_on(teacher: Path, tmp_path: Path, torn: int) -> None:
    TeacherCache(tmp_path / "whole", teacher, COLUMNS).vectors(SENTENCES, Recorded())
    cache = TeacherCache(tmp_path / "cache", teacher, COLUMNS)
    with pytest.raises(KeyboardInterrupt):
        cache.vectors(SENTENCES, Recorded(8))
    with (cache.folder / ROWS).open("ab") as file:
        file.write(bytes(range(torn)))  # the process was killed while it wrote
    further = Recorded()
    cache.vectors(SENTENCES, further)
    assert further.asked == SENTENCES[8:]
    whole = tmp_path / "whole" / cache.folder.name / ROWS
    assert (cache.folder / ROWS).read_bytes() == whole.read_bytes()


def test_a_full_disk_ends_with_what_was_made_kept(teacher: Path, tmp_path: Path) -> None:
    cache = TeacherCache(tmp_path / "cache", teacher, COLUMNS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9 * (8 + 2 * COLUMNS), hard))
    try:
        with pytest.raises(ModelError, match=r"rows\.bin cannot be written: .*; the vectors of 9 sentences are kept"):
            cache.vectors(SENTENCES, Recorded())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    further = Recorded()
    np.testing.assert_array_equal(cache.vectors(SENTENCES, further)[:], expected(SENTENCES))
    assert further.asked == SENTENCES[9:]


def test_too_small_a_disk_is_found_out_before_anything_is_made(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, asked = TeacherCache(tmp_path / "cache", teacher, COLUMNS), Recorded()
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    with pytest.raises(ModelError, match="needs about 220 bytes, but its disk has only 100 bytes free"):
        cache.vectors(SENTENCES, asked)
    assert not asked.asked


def test_other_teachers_have_other_rows(teacher: Path, tmp_path: Path) -> None:
    before = digest_of_folder(teacher)
    (teacher / "README.md").write_text("about it")
    assert digest_of_folder(teacher) == before
    cache = TeacherCache(tmp_path / "cache", teacher, COLUMNS)
    cache.vectors(SENTENCES, Recorded())
    (teacher / "vocabulary.txt").write_text((teacher / "vocabulary.txt").read_text().replace("t0w0", "other"))
    asked = Recorded()
    TeacherCache(tmp_path / "cache", teacher, COLUMNS).vectors(SENTENCES, asked)
    assert asked.asked == SENTENCES and len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "0"}, "contains vectors of another teacher"),
        ({"columns": 5}, "contains vectors of another teacher"),
        ({"kind": "sentence-index"}, "holds a model of the kind 'sentence-index', not 'teacher-vectors'"),
        ({"columns": "many"}, "columns must be a positive integer"),
    ],
)
def test_a_damaged_cache_is_refused(teacher: Path, tmp_path: Path, change: dict[str, object], message: str) -> None:
    config = TeacherCache(tmp_path / "cache", teacher, COLUMNS).folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        TeacherCache(tmp_path / "cache", teacher, COLUMNS)


def test_a_cache_that_cannot_be_made_or_is_being_written_says_so(teacher: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="file cannot be written"):
        TeacherCache(tmp_path / "file", teacher, COLUMNS)
    cache = TeacherCache(tmp_path / "cache", teacher, COLUMNS)
    with claimed(cache.folder), pytest.raises(OutputClaimedError, match="being written by another run"):
        cache.vectors(SENTENCES, Recorded())


def test_kept_vectors_that_are_not_finite_are_refused(teacher: Path, tmp_path: Path) -> None:
    words = ["t0w0 t0w1", "t1w0", "t2w2 t2w3"]
    kept = teacher_vectors(teacher, words, ignored, tmp_path / "cache")
    assert isinstance(kept, KeptVectors)
    np.testing.assert_allclose(kept[:], SentenceEncoder.load(teacher).encode(words), atol=1e-3)
    (rows,) = (tmp_path / "cache").glob(f"*/{ROWS}")
    damaged = bytearray(rows.read_bytes())
    size = len(damaged) // 3
    damaged[size + 8 : size + 10] = np.float16(np.nan).tobytes()
    rows.write_bytes(damaged)
    with pytest.raises(ValueError, match="the vector of sentence 2 is not finite; delete this folder"):
        teacher_vectors(teacher, words, ignored, tmp_path / "cache")


def test_several_teachers_have_the_mean_of_their_cosines(
    teacher: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    words = ["t0w0 t0w1", "t0w2 t1w0", "t2w2 t2w3", "nothing known"]
    other = 7 * rng.normal(size=(4, 3))
    np.save(tmp_path / "other.npy", other)
    joined = np.asarray(teacher_vectors([teacher, tmp_path / "other.npy"], words, ignored)[:], np.float64)
    one = SentenceEncoder.load(teacher).encode(words).astype(np.float64)
    two = other / np.linalg.norm(other, axis=1, keepdims=True)
    np.testing.assert_allclose(joined[:3] @ joined[:3].T / 2, (one @ one.T + two @ two.T)[:3, :3] / 2, atol=2e-3)
    assert not one[3].any() and np.isfinite(joined).all()
    with pytest.raises(ValueError, match=r"other\.npy has vectors of shape \(4, 3\), but there are 3 sentences"):
        teacher_vectors([teacher, tmp_path / "other.npy"], words[:3], ignored)


def test_an_interrupted_training_goes_on_with_the_kept_vectors(teacher: Path, tmp_path: Path) -> None:
    text, folder = tmp_path / "sentences.txt", tmp_path / "e"
    text.write_text("".join(f"t{i % 6}w{i % 8} t{i % 6}w{i % 5} t{i % 5}w1\n" for i in range(120)))
    np.save(tmp_path / "other.npy", np.random.default_rng(3).normal(size=(120, 3)))
    sources: dict[str, Any] = {"teacher": [teacher, tmp_path / "other.npy"], "teacher_cache": tmp_path / "cache"}
    whole = SentenceEncoder(make_words(), training=OPTIONS).fit(text, **sources)
    with pytest.raises(TrainingInterrupted):
        SentenceEncoder(make_words(), training=OPTIONS).fit(text, **sources, checkpoint=folder, progress=stop_at(20))
    (rows,) = (tmp_path / "cache").glob(f"*/{ROWS}")
    made = rows.stat().st_mtime_ns
    resumed = SentenceEncoder.load(folder).resume()
    np.testing.assert_array_equal(resumed.state.table, whole.state.table)
    assert rows.stat().st_mtime_ns == made
