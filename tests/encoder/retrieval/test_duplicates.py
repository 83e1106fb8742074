"""Near-duplicates: all pairs of a table, pairs in cells, what comes of sentences, and what is left out."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.examples.encoder_examples import WORDS, make_embeddings
from w2v import ModelError
from w2v.corpora.readers import TextReader
from w2v.encoder.retrieval import Duplicate, Place, SentenceIndex, mine_duplicates
from w2v.encoder.retrieval.mining import duplicates, joins
from w2v.encoder.retrieval.mining.duplicates import Comparison, near_rows
from w2v.encoder.retrieval.mining.joins import Join, Pairs, Reduction, choose_reduction, unit_rows
from w2v.encoder.retrieval.mining.overlap import overlap_state
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.vectors.table import DTYPES, DType, VectorTable


@pytest.fixture
def vectors(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return rows of length 1 in bunches, some of them equal to others."""
    centres = rng.normal(size=(40, 24)) * np.linspace(2, 0.1, 24)
    rows = centres[rng.integers(0, 40, 700)] + 0.3 * rng.normal(size=(700, 24)) * np.linspace(2, 0.1, 24)
    rows[100:110] = rows[5]
    rows[650] = rows[649]
    units: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def all_pairs(vectors: NDArray[Any], threshold: float) -> dict[tuple[int, int], float]:
    """Return all (later, earlier) whose cosine, in float64, reaches the threshold."""
    cosines = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    later, earlier = np.nonzero(np.tril(cosines, -1) >= threshold)
    return {(j, i): cosines[j, i] for j, i in zip(later.tolist(), earlier.tolist(), strict=True)}


def as_dict(parts: Any) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for pairs in parts:
        for j, i, score in zip(*(array.tolist() for array in pairs), strict=True):
            assert (j, i) not in found
            found[j, i] = score
    return found


@pytest.mark.parametrize("width", [1, 16, 24])
@pytest.mark.parametrize("threshold", [0.5, 0.95])
@pytest.mark.parametrize("strip_rows", [64, 4096])
def test_join_finds_exactly_the_pairs_above_the_threshold(
    vectors: NDArray[np.float32], width: int, threshold: float, strip_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "STRIP_ROWS", strip_rows)
    monkeypatch.setattr(joins, "_TILE_ROWS", 50)
    rows = np.arange(len(vectors))
    axes = np.linalg.qr(np.random.default_rng(2).normal(size=(24, 24)))[0].astype(np.float32)[:, :width]
    join = Join(VectorTable(vectors, are_units=True), threshold, len(rows), Reduction(np.ascontiguousarray(axes)))
    expected = all_pairs(vectors[rows], threshold)
    with ThreadPoolExecutor(2) as pool:
        in_strips = as_dict(pairs for pairs, _ in join.strips(rows, pool))
    for found in (in_strips, as_dict([join.all_pairs(rows)])):
        unsure = {pair for pair in found.keys() ^ expected.keys() if abs(expected.get(pair, 1) - threshold) < 1e-6}
        assert found.keys() ^ expected.keys() <= unsure
        both = list(found.keys() & expected.keys())
        np.testing.assert_allclose([found[pair] for pair in both], [expected[pair] for pair in both], 0, 1e-6)


def test_join_of_some_rows_keeps_the_nearest_of_each(vectors: NDArray[np.float32]) -> None:
    rows = np.arange(0, 700, 3)
    table = VectorTable(vectors, are_units=True)
    join = Join(table, 0.6, 2, choose_reduction(table, rows, 0.6))
    found = as_dict(pairs for pairs, _ in join.strips(rows))
    expected = all_pairs(vectors, 0.6)
    for later in rows.tolist():
        scores = sorted((-s for (j, i), s in expected.items() if j == later and i % 3 == 0), reverse=False)[:2]
        mine = sorted(-s for (j, _), s in found.items() if j == later)
        np.testing.assert_allclose(mine, scores, atol=1e-6)


def test_reduction_bounds_every_product(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(700, 64)) * np.linspace(1, 0.01, 64) ** 2  # most of them lies in few directions
    units = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    reduction = choose_reduction(VectorTable(units, are_units=True), np.arange(700), 0.97)
    assert not reduction.is_whole
    reduced = reduction(units)
    assert reduced.shape[1] < 64 and (reduced @ reduced.T >= units @ units.T - 1e-5).all()
    even = np.eye(24, dtype=np.float32)
    assert choose_reduction(VectorTable(even, are_units=True), np.arange(24), 0.1).is_whole


def test_pairs_best_keeps_each_pair_once() -> None:
    pairs = Pairs(np.array([5, 5, 9, 5, 5]), np.array([1, 3, 4, 1, 2]), np.array([0.9, 0.95, 1, 0.9, 0.9], np.float32))
    best = pairs.best(2)
    assert best.later.tolist() == [5, 5, 9] and best.earlier.tolist() == [3, 1, 4]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exact", [True, False])
def test_near_rows_come_in_order_with_equal_ones_told_once(
    vectors: NDArray[np.float32], dtype: DType, exact: bool
) -> None:
    table = VectorTable(vectors).astype(dtype)
    parts = list(near_rows(table, Comparison(0.9, exact, 2), top_n=700))
    later = np.concatenate([pairs.later for pairs in parts])
    assert (np.diff(later) >= 0).all()
    found = as_dict(parts)
    for row in (*range(100, 110), 650):
        assert {i: s for (j, i), s in found.items() if j == row} == {5 if row < 650 else 649: 1}
    copies = {*range(100, 110), 650}
    expected = {pair for pair in all_pairs(vectors, 0.9) if not copies & set(pair)}
    mine = {pair for pair in found if not copies & set(pair)}
    if dtype == "float32" and exact:
        assert mine == expected
    assert len(mine & expected) > (0.99 if exact else 0.95) * len(expected)
    assert len(mine - expected) < 0.01 * len(expected)


def test_near_rows_are_exact_only_while_they_are_few(
    vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = VectorTable(vectors, are_units=True)
    exact = as_dict(near_rows(table, Comparison(0.8, exact=True)))
    assert as_dict(near_rows(table, Comparison(0.8))) == exact
    monkeypatch.setattr(duplicates, "EXACT_ROWS", 500)
    monkeypatch.setattr(duplicates, "_PAIRS_AT_ONCE", 10)
    found = as_dict(near_rows(table, Comparison(0.8)))
    assert len(found.keys() & exact.keys()) > 0.95 * len(exact)
    assert found == as_dict(near_rows(table, Comparison(0.8, workers=1)))
    few = VectorTable(vectors[:3], are_units=True)
    assert as_dict(near_rows(few, Comparison(0.1, exact=False))) == as_dict(near_rows(few, Comparison(0.1, exact=True)))


def test_near_rows_stop_at_once_when_interrupted(vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    all_pairs = Join.all_pairs

    def count(self: Join, rows: NDArray[np.int64]) -> Pairs:
        compared.append(len(rows))
        time.sleep(0.01)
        return all_pairs(self, rows)

    def stop(what: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Join, "all_pairs", count)
    with pytest.raises(KeyboardInterrupt):
        list(near_rows(VectorTable(vectors), Comparison(0.8, exact=False, workers=2, progress=stop)))
    assert len(compared) < 20  # of 53 cells


def test_join_of_rows_that_are_of_length_1_but_for_rounding_misses_no_pair(rng: np.random.Generator) -> None:
    axes = np.linalg.qr(rng.normal(size=(24, 24)))[0].astype(np.float32)[:, :4]
    rows = np.repeat(rng.normal(size=(40, 24)), 2, axis=0) + 0.01 * rng.normal(size=(80, 24))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    table = VectorTable(rows.astype(np.float16), are_units=True)
    for row in range(0, 80, 2):
        pair = np.array([row, row + 1])
        units = unit_rows(table, pair)
        [score] = np.einsum("ij,ij->i", units[:1], units[1:])
        join = Join(table, float(score), 1, Reduction(np.ascontiguousarray(axes)))
        assert join.all_pairs(pair).earlier.tolist() == [row]


def test_near_rows_of_one_row_are_none(vectors: NDArray[np.float32]) -> None:
    assert as_dict(near_rows(VectorTable(vectors[:1]), Comparison(0.5))) == {}


def test_near_rows_reject_what_makes_no_sense(vectors: NDArray[np.float32]) -> None:
    for threshold in (0, -0.5, 1.01):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            Comparison(threshold)
    with pytest.raises(ValueError, match="top_n must be at least 1, not 0"):
        next(near_rows(VectorTable(vectors), Comparison(0.5), top_n=0))


SENTENCES = ["the river", "a 42", "", "River, the!", "naïve 日本", "the river", "unheard"]


def test_mine_duplicates_tells_both_sentences_and_their_lines(tmp_path: Path) -> None:
    found = list(mine_duplicates(SENTENCES, make_embeddings(), threshold=0.95))
    assert found == [
        Duplicate(pytest.approx(1), Place("River, the!", 4, ""), Place("the river", 1, "")),  # type: ignore[arg-type]
        Duplicate(1, Place("the river", 6, ""), Place("the river", 1, "")),
    ]
    index = SentenceIndex.build(make_embeddings(), SENTENCES, tmp_path / "my.index")
    assert list(mine_duplicates(index, threshold=0.95)) == found
    assert list(mine_duplicates(tmp_path / "my.index", threshold=0.95)) == found
    (tmp_path / "text").write_text("\n".join(SENTENCES), encoding="utf-8")
    of_file = list(mine_duplicates(tmp_path / "text", make_embeddings(), threshold=0.95))
    assert [(one.later.line, one.earlier.line, one.later.file) for one in of_file] == [
        (4, 1, str(tmp_path / "text")), (6, 1, str(tmp_path / "text")),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="is an index with its own encoder and sentences"):
        next(mine_duplicates(index, make_embeddings()))


def test_mine_duplicates_without_an_encoder_compares_words(tmp_path: Path) -> None:
    lines = [f"filler number {i} of many" for i in range(40)]
    lines += ["Zebras graze on the savanna.", "On the savanna, zebras graze!", "Zebras sleep on the ice of poles."]
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    for source in (tmp_path / "text", lines, iter(lines)):
        found = [one for one in mine_duplicates(source, threshold=0.9) if "ebras" in one.later.sentence]
        assert [(one.later.line, one.earlier.line) for one in found] == [(42, 41)]
        assert found[0].similarity == pytest.approx(1, abs=1e-3)


def test_overlap_state_weighs_words_by_their_frequency() -> None:
    texts = ["the cat and the dog", "the bird"] * 500 + ["zebra"]
    state = overlap_state(texts, columns=2048)
    gains = dict(zip(state.vocabulary.index_to_key, state.gains.tolist(), strict=True))
    n_words = 500 * 7 + 1
    assert gains["the"] == pytest.approx(3e-4 / (3e-4 + 1500 / n_words), rel=1e-3)
    assert state.identity is not None and "zebra" in gains
    from w2v.encoder.model.inference import Inference, Output

    cosines = (lambda v: v @ v.T)(Inference(state, 1).encode(["cat dog", "dog bird", "okapi", "okapi"], Output()))
    assert cosines[0, 1] == pytest.approx(0.5, abs=0.06) and cosines[2, 3] == pytest.approx(1)
    assert abs(cosines[0, 2]) < 0.08


def test_mine_duplicates_reads_what_can_be_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the river\nthe river\n")))
    with pytest.raises(ValueError, match="can be read only once"):
        list(mine_duplicates(TextReader("-")))


def test_mine_duplicates_rejects_texts_without_a_known_word(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        next(mine_duplicates(["unheard", "of"], make_embeddings()))
    with pytest.raises(ValueError, match="has no words"):
        next(mine_duplicates(["", "?"]))
    with pytest.raises(ModelError, match="does not exist"):
        next(mine_duplicates(["x"], tmp_path / "no.model"))


@pytest.mark.parametrize("by_words", [True, False])
def test_texts_are_compared_in_files_without_names(
    by_words: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed, at whatever moment, leaves nothing in the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    def look(step: str, done: int, total: int | None) -> None:
        seen.append(step)
        assert not os.listdir(tmp_path)

    texts = [" ".join(WORDS[:3]), WORDS[3], " ".join(WORDS[:3])]
    with opened_sentences(texts, None if by_words else make_embeddings(), progress=look) as index:
        assert not os.listdir(tmp_path)
        assert list(index) == texts and index.place(2) == Place(texts[2], 3, "")
        assert [hit.sentence for hit in index.search_vectors(index.table.rows(slice(1, 2)), top_n=1)[0]] == texts[1:2]
    assert "encoding" in seen
