"""Maps of words: what is near in the model is near on them, and they are kept."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

import w2v.explorer.layout
from tests.helpers.examples.explorer_examples import make_embeddings
from w2v import Embeddings
from w2v.explorer import word_map as word_map_module
from w2v.explorer.completions import Completions
from w2v.explorer.layout import Layout, find_basis, first_map, fit_to_map, lay_out, reduce_rows
from w2v.explorer.nearness import Stopped, nearest_rows, normalize_rows
from w2v.explorer.word_map import MapError, WordMap


def planted(rng: np.random.Generator, n: int = 900, n_topics: int = 6) -> tuple[Embeddings, np.ndarray]:
    """Return embeddings of words that belong to topics, and the topic of each."""
    topics = np.arange(n) % n_topics
    vectors = 3 * rng.normal(size=(n_topics, 20))[topics] + rng.normal(size=(n, 20))
    return Embeddings([f"word{i}" for i in range(n)], vectors), topics


def always() -> bool:
    return True


def reduced_rows(embeddings: Embeddings) -> np.ndarray:
    rows = np.arange(len(embeddings))
    return reduce_rows(embeddings.table, rows, find_basis(embeddings.table, rows))


def finished(word_map: WordMap) -> WordMap:
    word_map.start()
    word_map._thread.join(60)
    return word_map


def test_nearest_rows_are_those_of_a_full_search(rng: np.random.Generator) -> None:
    units = normalize_rows(rng.normal(size=(300, 8)).astype(np.float32))  # few enough for one cell
    near = nearest_rows(units, 300, slice(0, 300), 5, always)
    scores = units @ units.T
    np.fill_diagonal(scores, -2)
    np.testing.assert_array_equal(near.rows, np.argsort(-scores, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(near.similarities, -np.sort(-scores, axis=1)[:, :5], rtol=1e-5)


def test_nearest_rows_find_most_in_many_cells(rng: np.random.Generator) -> None:
    centers = rng.normal(size=(60, 24))
    units = normalize_rows((centers[rng.integers(60, size=12_000)] + rng.normal(size=(12_000, 24))).astype(np.float32))
    near = nearest_rows(units, 12_000, slice(0, 12_000), 10, always)
    asked = rng.choice(12_000, 100, replace=False)
    scores = units[asked] @ units.T
    scores[np.arange(100), asked] = -2
    true = np.argsort(-scores, axis=1)[:, :10]
    assert (
        np.mean([len(set(a) & set(b)) / 10 for a, b in zip(near.rows[asked].tolist(), true.tolist(), strict=True)])
        > 0.8
    )
    assert (near.rows != np.arange(12_000)[:, None]).all()


def test_nearest_rows_of_equal_rows_leave_the_row_itself_out() -> None:
    units = np.tile(np.array([[1, 0, 0]], np.float32), (40, 1))
    near = nearest_rows(units, 40, slice(10, 40), 5, always)
    assert near.rows.shape == (30, 5)
    assert (near.rows != np.arange(10, 40)[:, None]).all()


def test_reduce_rows_keeps_distances_and_the_largest_variance_first(rng: np.random.Generator) -> None:
    embeddings, _ = planted(rng)
    reduced = reduced_rows(embeddings)
    units = embeddings.normalized_vectors
    np.testing.assert_allclose(
        np.linalg.norm(reduced[:50, None] - reduced[None, :50], axis=2),
        np.linalg.norm(units[:50, None] - units[None, :50], axis=2),
        atol=1e-4,
    )
    assert (np.diff(reduced.var(axis=0)) < 1e-6).all()


def test_first_map_is_the_principal_plane_and_keeps_topics_together(rng: np.random.Generator) -> None:
    embeddings, topics = planted(rng)
    rows = np.arange(900)
    layout, groups = first_map(embeddings.table, rows, find_basis(embeddings.table, rows))
    np.testing.assert_allclose(layout.points, fit_to_map(reduced_rows(embeddings)[:, :2].copy()), atol=1e-4)
    assert layout.stage == "first"
    assert groups.dtype == np.uint8
    assert groups.max() < 12
    shares = [np.bincount(groups[topics == topic]).max() / (topics == topic).sum() for topic in range(6)]
    assert np.mean(shares) > 0.5
    assert all(len({topics[i] for i in np.flatnonzero(groups == group)}) == 1 for group in np.unique(groups))


def test_first_map_of_one_column() -> None:
    embeddings = Embeddings(["a", "b", "c"], np.array([[1], [-1], [2]], np.float32))
    layout, groups = first_map(embeddings.table, np.arange(3), find_basis(embeddings.table, np.arange(3)))
    assert layout.points.shape == (3, 2)
    assert layout.points[0, 0] == layout.points[2, 0] != layout.points[1, 0]
    assert groups[0] == groups[2]


@pytest.mark.parametrize("landmarks", [200, 5000])
def test_lay_out_brings_topics_together(
    landmarks: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(w2v.explorer.layout, "_LANDMARKS", landmarks)
    embeddings, topics = planted(rng)
    layouts = list(lay_out(reduced_rows(embeddings), always))
    assert layouts[-1].stage == "final"
    assert [layout.progress for layout in layouts] == sorted(layout.progress for layout in layouts)
    for layout in layouts:
        assert layout.points.dtype == np.float32
        assert np.isfinite(layout.points).all()
    points = layouts[-1].points
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    same = [topics[near] == topics[i] for i, near in enumerate(np.argsort(distances, axis=1)[:, :5])]
    assert np.mean(same) > 0.97


def test_lay_out_is_the_same_every_time(rng: np.random.Generator) -> None:
    embeddings, _ = planted(rng, 200)
    reduced = reduced_rows(embeddings)
    first, second = (list(lay_out(reduced, always))[-1].points for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_lay_out_stops_when_it_is_not_wanted(rng: np.random.Generator) -> None:
    embeddings, _ = planted(rng, 200)
    with pytest.raises(Stopped):
        next(lay_out(reduced_rows(embeddings), lambda: False))


def test_fit_to_map_fills_it_and_draws_stragglers_in(rng: np.random.Generator) -> None:
    points = rng.normal(size=(1000, 2)).astype(np.float32)
    points[0] = 1e6
    fitted = fit_to_map(points)
    assert np.median(np.linalg.norm(fitted, axis=1)) > 0.3
    assert np.abs(fitted).max() < 1.5
    assert (np.argsort(fitted[:, 0]) == np.argsort(points[:, 0])).all()  # order stays
    assert not fit_to_map(np.ones((5, 2), np.float32)).any()


def test_fit_to_map_leaves_little_room_to_a_void(rng: np.random.Generator) -> None:
    points = rng.normal(size=(1000, 2)).astype(np.float32)
    points[:30, 0] += 60
    fitted = fit_to_map(points)[:, 0]
    assert np.ptp(fitted[30:]) > 0.45 * np.ptp(fitted)


@pytest.mark.parametrize("n", [1, 2, 3, 16, 17])
def test_word_map_of_few_words(n: int) -> None:
    word_map = finished(WordMap(make_embeddings(), n))
    layout = word_map.state().layout
    assert layout.stage == "final"
    assert layout.points.shape == (n, 2)
    assert np.isfinite(layout.points).all()


def test_word_map_places_the_most_frequent_words_that_have_a_direction() -> None:
    vectors = np.array([[1, 0], [0, 0], [0, 1], [np.nan, 1], [1, 1]], np.float32)
    from w2v import Vocabulary

    embeddings = Embeddings(Vocabulary(["a", "zero", "b", "nan", "c"], np.array([1, 9, 2, 9, 3])), vectors)
    word_map = WordMap(embeddings, 10)
    assert word_map.rows.tolist() == [4, 2, 0]
    assert [word_map.place_of(row) for row in range(5)] == [2, None, 1, None, 0]
    assert WordMap(embeddings, 2).rows.tolist() == [4, 2]


def test_word_map_without_a_usable_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to show"):
        WordMap(Embeddings(["a", "b"], np.zeros((2, 3))))


def test_word_map_is_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = finished(WordMap(make_embeddings(), 30, tmp_path / "maps"))
    monkeypatch.setattr(word_map_module, "lay_out", None)  # nothing may be made
    found = finished(WordMap(make_embeddings(), 30, tmp_path / "maps"))
    assert found.state().version == 1
    np.testing.assert_array_equal(found.state().layout.points, made.state().layout.points)
    np.testing.assert_array_equal(found.groups, made.groups)


def test_word_map_of_other_words_is_another(tmp_path: Path) -> None:
    finished(WordMap(make_embeddings(), 30, tmp_path))
    finished(WordMap(make_embeddings(), 20, tmp_path))
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"\xff" * 8 + b"{}", None])
def test_word_map_makes_a_damaged_one_anew(content: bytes | None, tmp_path: Path) -> None:
    finished(WordMap(make_embeddings(), 30, tmp_path))
    [file] = tmp_path.glob("*.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] if content is None else content)
    word_map = finished(WordMap(make_embeddings(), 30, tmp_path))
    assert word_map.state().layout.stage == "final"
    assert file.read_bytes() == whole


def test_word_map_of_wrong_numbers_is_made_anew(tmp_path: Path) -> None:
    from w2v.vectors.persistence import write_tensors

    finished(WordMap(make_embeddings(), 30, tmp_path))
    [file] = tmp_path.glob("*.safetensors")
    whole = file.read_bytes()
    good: dict[str, np.ndarray] = {"points": np.zeros((30, 2), np.float32), "groups": np.zeros(30, np.uint8)}
    wrong: dict[str, np.ndarray] = {
        "points": np.full((30, 2), np.nan, np.float32),
        "groups": np.zeros(31, np.uint8),
    }
    for name in wrong:
        write_tensors(file, {**good, name: wrong[name]})
        finished(WordMap(make_embeddings(), 30, tmp_path))
        assert file.read_bytes() == whole


def test_word_map_needs_no_cache_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert finished(WordMap(make_embeddings(), 30, tmp_path / "file")).state().layout.stage == "final"


def test_word_map_keeps_those_used_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_map_module, "MAPS_KEPT", 2)
    for n in (20, 21):
        finished(WordMap(make_embeddings(), n, tmp_path))
    oldest, newer = sorted(tmp_path.glob("*"), key=lambda file: file.stat().st_mtime)
    os.utime(oldest, (1, 1))
    finished(WordMap(make_embeddings(), 22, tmp_path))
    assert not oldest.exists()
    assert newer.exists()


def test_word_map_stops_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(reduced: np.ndarray, is_wanted: object, effort: object) -> object:
        begun.set()
        assert callable(is_wanted)
        while is_wanted():
            yield Layout("refining", 0.5, reduced[:, :2])
        raise Stopped

    monkeypatch.setattr(word_map_module, "lay_out", endless)
    word_map = WordMap(make_embeddings(), 30)
    word_map.start()
    assert begun.wait(10)
    word_map.stop()
    assert not word_map._thread.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_word_map_says_that_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(word_map_module, "first_map", fail)
    with pytest.raises(MapError, match="could not be computed"):
        finished(WordMap(make_embeddings(), 30)).state()


def test_completions_are_the_most_frequent_words() -> None:
    completions = Completions(["river", "the", "Rive", "rivers", "RIVAL", "straße", "ri"])
    assert completions.find("riv", 10) == ["river", "Rive", "rivers", "RIVAL"]
    assert completions.find("RIV", 2) == ["river", "Rive"]
    assert completions.find("STRASS", 3) == ["straße"]
    assert completions.find("x", 3) == []


def test_word_map_names_regions_by_their_words(tmp_path: Path) -> None:
    embeddings, topics = planted(np.random.default_rng(6), 1500, 10)
    made = finished(WordMap(embeddings, cache=tmp_path))
    assert made.regions is not None
    for level, regions in enumerate(made.regions.described()):
        labels = made.regions.labels_of(level)
        for label, region in enumerate(regions):
            rows = [embeddings.key_to_index[word] for word in region["words"]]
            assert rows == sorted(rows)
            assert {labels[made.place_of(row)] for row in rows} == {label}
            usual = np.bincount(topics[made.rows[labels == label]]).argmax()
            assert usual in topics[rows]
            assert min(rows) >= 150  # of the tenth that is most frequent there is none
    found = finished(WordMap(embeddings, cache=tmp_path))
    assert found.regions is not None
    assert found.regions.described() == made.regions.described()
