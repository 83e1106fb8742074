"""Neighbours are counted exactly, whatever the memory, the threads and the parts of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.twins import naive_glove
from w2v.encoding.repeats import RepeatedStream
from w2v.encoding.spool import WorkFolder
from w2v.encoding.stream import TokenStream
from w2v.kernels.objectives.glove import LONGEST_RUN
from w2v.training.glove.cells import Cells, count_cells

N_WORDS = 300


def stream_of(sentences: Sequence[Sequence[int]], weights: Sequence[float] | None = None) -> TokenStream:
    offsets = np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])]).astype(np.int64)
    tokens = np.concatenate([np.array(sentence, np.int32) for sentence in sentences])
    return TokenStream(tokens, offsets, len(tokens), None if weights is None else np.array(weights, np.float32))


def random_sentences(n: int = 700, longest: int = 40) -> list[list[int]]:
    rng = np.random.default_rng(3)
    return [(rng.zipf(1.3, rng.integers(1, longest)) % N_WORDS).tolist() for _ in range(n)]


def counted(stream: TokenStream, window: int, seed: int = 1, **options: object) -> Cells:
    with WorkFolder() as folder:
        cells = count_cells(stream, N_WORDS, window, seed, folder=folder, **options)  # type: ignore[arg-type]
        return replace(cells, tokens=np.array(cells.tokens), counts=np.array(cells.counts))


def as_dict(cells: Cells) -> dict[tuple[int, int], float]:
    owners = np.repeat(cells.rows, np.diff(cells.offsets)).tolist()
    found: dict[tuple[int, int], float] = {}
    for i, j, x in zip(owners, cells.tokens.tolist(), cells.counts.tolist(), strict=True):
        assert j <= i and (i, j) not in found
        found[i, j] = found[j, i] = x
    return found


def assert_counts(cells: Cells, expected: dict[tuple[int, int], Fraction]) -> None:
    found = as_dict(cells)
    assert found.keys() == expected.keys()
    exact = [float(expected[pair]) for pair in found]
    np.testing.assert_allclose(list(found.values()), exact, rtol=2e-7, err_msg=str(list(found)))


@pytest.mark.parametrize("window", [1, 2, 10, 60])
def test_counts_are_those_of_a_dict(window: int) -> None:
    sentences = random_sentences(300)
    assert_counts(counted(stream_of(sentences), window), naive_glove.count(sentences, window))


def test_sentence_longer_than_a_part_of_the_text_is_not_cut() -> None:
    sentence = (np.random.default_rng(4).zipf(1.4, 5_000) % N_WORDS).tolist()
    cells = counted(stream_of([[1], sentence, [2, 3]]), 7, max_memory=24_000)
    assert_counts(cells, naive_glove.count([[1], sentence, [2, 3]], 7))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("max_memory", [1, 100_000, 1 << 30])
def test_neither_memory_nor_threads_change_a_bit(
    workers: int, max_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("w2v.training.glove.counting._BLOCK_CELLS", 2_000)
    stream = stream_of(random_sentences())
    expected = counted(stream, 5)
    found = counted(stream, 5, workers=workers, max_memory=max_memory)
    for name in ("tokens", "offsets", "rows", "counts"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


def test_what_does_not_fit_in_memory_goes_to_files(tmp_path: Path) -> None:
    with WorkFolder(tmp_path) as folder:
        cells = count_cells(stream_of(random_sentences()), N_WORDS, 5, 1, max_memory=1_000, folder=folder)
        assert isinstance(cells.tokens, np.memmap) and isinstance(cells.counts, np.memmap)
    assert not list(tmp_path.iterdir())


def test_sentences_count_by_their_weight() -> None:
    sentences = random_sentences(60)
    weights = [0.25, 1.0, 3.5] * 20
    assert_counts(counted(stream_of(sentences, weights), 4), naive_glove.count(sentences, 4, weights))


def test_repeated_sentences_count_each_time() -> None:
    sentences, repeats = random_sentences(90), [1, 4, 2] * 30
    plain = stream_of(sentences)
    stream = RepeatedStream(plain.tokens, plain.offsets, plain.n_words, None, np.array(repeats))
    cells = counted(stream, 4, max_memory=24_000)
    assert_counts(cells, naive_glove.count(sentences, 4, [float(n) for n in repeats]))


def test_runs_are_short_in_random_order_and_of_one_word() -> None:
    cells = counted(stream_of(random_sentences(2_000)), 10)
    lengths = np.diff(cells.offsets)
    assert lengths.min() >= 1 and LONGEST_RUN // 2 < lengths.max() <= LONGEST_RUN
    assert np.abs(np.corrcoef(cells.rows[:-1], cells.rows[1:])[0, 1]) < 0.1
    assert len(cells) == cells.counts.size and cells.n_tokens == sum(map(len, random_sentences(2_000)))


def test_seed_decides_the_order_alone() -> None:
    stream = stream_of(random_sentences())
    first, again, other = (counted(stream, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.tokens, again.tokens) and np.array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)
    assert as_dict(first) == as_dict(other)


def test_progress_of_counting_rises_to_one() -> None:
    told: list[float] = []
    counted(stream_of(random_sentences()), 5, max_memory=100_000, report=told.append)
    assert told == sorted(told) and told[-1] == pytest.approx(1)
