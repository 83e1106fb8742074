"""An exact copy of a sentence or of its vector is found first, however vectors are stored."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from w2v import Embeddings
from w2v.encoder.retrieval import SentenceIndex
from w2v.vectors.table import DTYPES, DType


def alike(n: int) -> list[str]:
    """Return sentences that differ in one rare word, in the order of their words, or in a doubled one."""
    draw = random.Random(3)
    lines: dict[str, None] = {}
    while len(lines) < n:
        words = [f"w{draw.randrange(60)}" for _ in range(draw.randint(6, 25))]
        for _ in range(6):
            lines[" ".join(words)] = None
            draw.shuffle(words)
            words.append(draw.choice(words))
    return list(lines)[:n]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return alike(900)


@pytest.fixture(scope="module")
def words() -> Embeddings:
    return Embeddings([f"w{i}" for i in range(60)], np.random.default_rng(0).normal(size=(60, 32)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_copy_is_first(dtype: DType, lines: list[str], words: Embeddings, tmp_path: Path) -> None:
    index = SentenceIndex.build(words, lines, tmp_path / "index", dtype=dtype)
    found = index.search(lines, top_n=3)
    assert [hits[0].sentence for hits in found] == lines
    assert {hits[0].similarity for hits in found} == {1.0}
    for hits in found:
        similarities = [hit.similarity for hit in hits]
        assert similarities == sorted(similarities, reverse=True)
    assert [hits[0].sentence for hits in index.search([f" {line}\n" for line in lines[:50]], top_n=1)] == lines[:50]
    table = index.table
    for row, [hit] in enumerate(index.search_vectors(index.encode(lines), top_n=1)):
        other = hit.line - 1  # sentences that are stored alike are one to a vector
        assert hit.similarity == 1 and (table.stored[row] == table.stored[other]).all()


def test_copy_is_found_among_many_that_are_stored_alike(words: Embeddings, tmp_path: Path) -> None:
    draw, bag = random.Random(1), [f"w{i}" for i in range(12)]
    lines = [" ".join(draw.sample(bag, len(bag))) for _ in range(500)]
    index = SentenceIndex.build(words, lines, tmp_path / "index")
    assert [hits[0].sentence for hits in index.search(lines, top_n=1)] == lines


@pytest.mark.parametrize("length", [1e-30, 1e-25, 1e-10, 1, 70, 1e20, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_of_any_length_find_the_same(
    length: float, dtype: type, lines: list[str], words: Embeddings, tmp_path: Path
) -> None:
    index = SentenceIndex.build(words, lines[:300], tmp_path / "index")
    vectors = index.encode(lines[:300:10])
    expected = [[hit.sentence for hit in hits] for hits in index.search_vectors(vectors, top_n=1)]
    scaled: np.ndarray = (vectors.astype(np.float64) * length).astype(dtype)
    for sentences, hits in zip(expected, index.search_vectors(scaled, top_n=1), strict=True):
        assert hits[0].similarity == pytest.approx(1, abs=1e-3) and len(sentences) == len(hits)
    assert index.search_vectors(0 * scaled, top_n=1) == [[]] * 30


def test_vectors_that_are_no_numbers_are_named(lines: list[str], words: Embeddings, tmp_path: Path) -> None:
    index = SentenceIndex.build(words, lines[:30], tmp_path / "index")
    for wrong in (np.nan, np.inf, -np.inf):
        vectors = np.ones((3, 32))
        vectors[2, 5] = wrong
        with pytest.raises(ValueError, match="vector 2, counted from 0, contains NaN"):
            index.search_vectors(vectors)
    with pytest.raises(TypeError, match="array of numbers"):
        index.search_vectors(np.full((1, 32), "x"))
    assert index.search_vectors(np.ones((1, 32), int), top_n=1)[0]
