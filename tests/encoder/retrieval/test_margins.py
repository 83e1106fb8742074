"""Margins: the nearest both ways, their pairs, and the sentences of two texts that belong together."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.disks import file_size_limit
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import ModelError
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoder.retrieval import SentenceIndex, mine_pairs
from w2v.encoder.retrieval.mining import margins
from w2v.encoder.retrieval.mining.margins import MarginPairs, margin_pairs, match_rows, nearest_both_ways, rows_by_cells
from w2v.vectors.table import VectorTable


def tables(rng: np.random.Generator, n: int, m: int, d: int = 12) -> list[VectorTable]:
    found = []
    for size in (n, m):
        x = rng.normal(size=(size, d)) + 1  # most cosines are above 0
        found.append(VectorTable((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float16)))
    return found


def brute_force(first: VectorTable, second: VectorTable, k: int) -> dict[tuple[int, int], float]:
    """Return the margin of each pair of which one is among the k nearest of the other, in float64."""
    x, y = (np.asarray(table.stored, np.float64) for table in (first, second))
    cosines = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (y / np.linalg.norm(y, axis=1, keepdims=True)).T
    means = np.sort(cosines, axis=1)[:, -k:].mean(axis=1), np.sort(cosines, axis=0)[-k:].mean(axis=0)
    found = {}
    for i in range(len(x)):
        for j in range(len(y)):
            if (cosines[i] > cosines[i, j]).sum() < k or (cosines[:, j] > cosines[i, j]).sum() < k:
                found[i, j] = 2 * cosines[i, j] / (means[0][i] + means[1][j])
    return found


def assert_equal(one: MarginPairs, other: MarginPairs) -> None:
    for name in MarginPairs._fields:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def every_row(first: VectorTable, second: VectorTable) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return [(np.arange(len(first)), np.arange(len(second)))]


@pytest.mark.parametrize(("n", "m", "k"), [(70, 90, 4), (1, 5, 3), (33, 2, 4)])
def test_margins_are_those_of_float64(
    n: int, m: int, k: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tables(rng, n, m)
    expected = brute_force(first, second, k)
    results = []
    for strip, block, threads in ((1024, 4096, 0), (16, 23, 0), (16, 23, 3)):
        monkeypatch.setattr(margins, "_STRIP_ROWS", strip)
        monkeypatch.setattr(margins, "_BLOCK_ROWS", block)
        done: list[int] = []
        with ThreadPoolExecutor(threads or 1) as pool:
            nearest = nearest_both_ways(
                first, second, every_row(first, second), k, pool if threads else None, done.append
            )
        assert done[-1] == n * m
        pairs = margin_pairs(*nearest, threshold=-9, min_similarity=-1)
        found = dict(zip(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), pairs.margins, strict=True))
        assert found.keys() == expected.keys()
        np.testing.assert_allclose([found[pair] for pair in expected], list(expected.values()), atol=2e-6)
        assert (np.diff(pairs.margins) <= 0).all()
        results.append(pairs)
    assert_equal(results[1], results[2])  # threads change nothing


def test_limits_leave_out_pairs(rng: np.random.Generator) -> None:
    first, second = tables(rng, 40, 50)
    nearest = nearest_both_ways(first, second, every_row(first, second), 4)
    everything = margin_pairs(*nearest, threshold=-9, min_similarity=-1)
    some = margin_pairs(*nearest, threshold=1.1, min_similarity=0.6)
    expected = everything.take(np.flatnonzero((everything.margins >= 1.1) & (everything.cosines >= 0.6)))
    assert 0 < len(some.first) < len(everything.first)
    assert_equal(some, expected)
    matched = list(match_rows(everything, lambda first, second: (first + second) % 2 == 0))
    assert len({row for row, *_ in matched}) == len({row for _, row, *_ in matched}) == len(matched) > 10
    assert all((first + second) % 2 == 0 for first, second, *_ in matched)


def test_cells_find_what_belongs_together(rng: np.random.Generator) -> None:
    centres = rng.normal(size=(40, 24))
    x = np.repeat(centres, 30, axis=0) + 0.6 * rng.normal(size=(1200, 24))
    y = x + 0.15 * rng.normal(size=x.shape)
    first, second = (
        VectorTable((one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float16)) for one in (x, y)
    )
    rows = np.arange(1200)
    parts = rows_by_cells(first, second, rows[3:], rows[:-2], seed=0)
    compared = [(i, j) for own, others in parts for i in own.tolist() for j in others.tolist()]
    assert len(set(compared)) == len(compared) < 1197 * 1198 / 5
    assert min(i for i, _ in compared) == 3 and max(j for _, j in compared) == 1197
    of_first, _ = nearest_both_ways(first, second, parts, 1)
    assert (of_first.rows[3:1198, 0] == rows[3:1198]).mean() > 0.97


@pytest.fixture
def state() -> EncoderState:
    return sif_state(make_embeddings())


LEFT = ["the river 42 naïve", "", "a a a the", "unheard of", "日本 the", "the river 42 naïve"]
RIGHT = ["42 river the naïve!", "the 日本 42", "a the", "a the the a"]


def test_sentences_are_mined(state: EncoderState, tmp_path: Path) -> None:
    how: dict[str, Any] = {"threshold": 1.0, "min_words": 2, "n_neighbors": 2, "min_similarity": 0.5}
    pairs = list(mine_pairs(LEFT, RIGHT, state, max_overlap=1, **how))
    assert {(pair.first.line, pair.second.line) for pair in pairs} >= {(1, 1), (3, 3)}
    assert next(pair for pair in pairs if pair.first.line == 1).similarity == pytest.approx(1, abs=1e-3)
    assert [pair.margin for pair in pairs] == sorted((pair.margin for pair in pairs), reverse=True)
    assert len({pair.first.line for pair in pairs}) == len({pair.second.line for pair in pairs}) == len(pairs)
    assert 6 not in {pair.first.line for pair in pairs}  # equal to line 1
    without = list(mine_pairs(LEFT, RIGHT, state, max_overlap=0.9, **how))
    assert all(set(pair.first.sentence.split()) != set(pair.second.sentence.rstrip("!").split()) for pair in without)
    (tmp_path / "left.txt").write_text("\n".join(LEFT), encoding="utf-8")
    index = SentenceIndex.build(state, RIGHT, tmp_path / "my.index")
    from_files = list(mine_pairs(tmp_path / "left.txt", RIGHT, state, max_overlap=1, **how))
    assert [pair.second for pair in from_files] == [pair.second for pair in pairs]
    assert {pair.first.file for pair in from_files} == {str(tmp_path / "left.txt")}
    same = [pair for pair in mine_pairs(index, index, max_overlap=1, **how) if pair.first == pair.second]
    assert same and all(pair.similarity == pytest.approx(1, abs=1e-3) for pair in same)
    beside = list(mine_pairs(LEFT, tmp_path / "my.index", splits=True, max_overlap=1, **how))
    assert [(pair.first, pair.second.line) for pair in beside] == [(pair.first, pair.second.line) for pair in pairs]
    assert not list(mine_pairs(LEFT, RIGHT, state, **how | {"min_words": 5}))


def test_wrong_numbers_and_tables_are_named(state: EncoderState, tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"threshold": 0, "min_similarity": 1.1, "max_overlap": 0, "n_neighbors": 0}
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=f"{name} must be .*, not {value}"):
            next(mine_pairs(LEFT, RIGHT, state, **{name: wrong[name]}))
    with pytest.raises(ValueError, match="not 9 and 3"):
        next(mine_pairs(LEFT, RIGHT, state, min_words=9, max_words=3))
    with pytest.raises(ValueError, match="give a model"):
        next(mine_pairs(LEFT, RIGHT))
    index = SentenceIndex.build(state, RIGHT, tmp_path / "my.index", truncate_dim=1)
    whole = SentenceIndex.build(state, RIGHT, tmp_path / "whole.index")
    with pytest.raises(ValueError, match="vectors of 1 and 20 columns"):
        next(mine_pairs(index, whole))


def test_an_index_brings_its_own_encoder(state: EncoderState, tmp_path: Path) -> None:
    index = SentenceIndex.build(state, RIGHT, tmp_path / "my.index", truncate_dim=10)
    how: dict[str, Any] = {"threshold": 0.5, "min_similarity": -0.9, "min_words": 1, "max_overlap": 1}
    for first, second in ((LEFT, index), (index, LEFT), (index, index)):
        with pytest.raises(ValueError, match=r"my\.index is an index with its own encoder, .*; give no model"):
            next(mine_pairs(first, second, state, **how))
    with pytest.raises(ValueError, match="both are indexes"):
        next(mine_pairs(index, index, splits=True, **how))
    same = [pair for pair in mine_pairs(LEFT, index, **how) if pair.first.line == pair.second.line == 1]
    assert same[0].similarity == pytest.approx(1, abs=1e-3)


def test_indexes_of_different_encoders_are_not_compared(state: EncoderState, tmp_path: Path) -> None:
    one = SentenceIndex.build(state, LEFT, tmp_path / "one.index")
    other = SentenceIndex.build(replace(state, table=-state.table), RIGHT, tmp_path / "other.index")
    with pytest.raises(ModelError, match=r"one\.index and .*other\.index come from different encoders"):
        next(mine_pairs(one, other))


def test_a_full_temporary_folder_is_named(state: EncoderState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with file_size_limit(10), pytest.raises(OSError, match=rf"the temporary folder {tmp_path} cannot be written"):
        next(mine_pairs(LEFT, RIGHT, state))
    assert not list(tmp_path.iterdir())
