"""Kernels with input vectors of several rows, frozen rows and weights of positions, against their twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins import naive_w2v
from tests.helpers.twins.kernel_checks import Case, Outcome, assert_agree, assert_close, padded, run_kernel, run_twin
from tests.helpers.twins.naive_composed import ComposedChunk, WeightedChunk
from w2v.kernels.composition import Members
from w2v.training.tables import Composition, Tables
from w2v.vectors.subwords import Subwords

CHUNKS = {"skipgram": naive_w2v.skipgram_chunk, "cbow": naive_w2v.cbow_chunk}
N_NGRAMS = 25

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])


def members_of(case: Case, n_ngrams: int = N_NGRAMS) -> list[list[int]]:
    """Return the rows of each word: its own, and up to five of n-grams, some of them twice."""
    rng = case.rng(5)
    return [
        [word, *(case.n_words + rng.integers(n_ngrams, size=rng.integers(6))).tolist()] for word in range(case.n_words)
    ]


def rows_of(case: Case, n_ngrams: int = N_NGRAMS) -> NDArray[np.float32]:
    """Return rows of words and n-grams, of length about 1."""
    return case.rng(6).normal(0, case.vector_size**-0.5, (case.n_words + n_ngrams, case.vector_size)).astype(np.float32)


def run_composed(
    case: Case, members: list[list[int]], rows: NDArray[np.float32], frozen: set[int] | None = None
) -> tuple[Outcome, ComposedChunk, naive_w2v.Trained]:
    """Train with the kernel and with the twin."""
    row_size = padded(rows).shape[1]
    offsets = np.cumsum([0, *map(len, members), 1])
    flat = np.array([row for word in members for row in word] + [len(rows)]) * row_size
    mask = np.array([row in frozen for row in range(len(rows) + 1)] if frozen else [], np.uint8)
    chunk = ComposedChunk(CHUNKS[case.algorithm], rows.astype(np.float64), members, frozen or set())
    return run_kernel(case, rows, Members(offsets, flat, mask)), chunk, run_twin(case, chunk)


def check(case: Case, outcome: Outcome, chunk: ComposedChunk, twin: naive_w2v.Trained) -> None:
    assert_close(case, "rows", outcome.w_in, chunk.rows, chunk.travel, twin)
    assert_close(case, "w_out", outcome.w_out, twin.w_out, twin.travel_out, twin)
    assert (outcome.stats[1], outcome.stats[2]) == (twin.pairs, twin.kept)
    assert outcome.stats[0] == pytest.approx(twin.loss, rel=1e-5)
    assert not outcome.w_in[-1].any()


@both
@pytest.mark.parametrize("vector_size", [1, 16, 33])
@pytest.mark.parametrize("window", [1, 5])
def test_kernel_trains_means_of_rows_as_its_twin(algorithm: str, vector_size: int, window: int) -> None:
    case = Case(algorithm, vector_size=vector_size, window=window, alpha_start=0.02)
    members = members_of(case)
    assert any(len(set(rows)) < len(rows) for rows in members) and any(len(rows) == 1 for rows in members)
    outcome, chunk, twin = run_composed(case, members, rows_of(case))
    check(case, outcome, chunk, twin)
    assert abs(chunk.rows - rows_of(case)).max() > 0.01


@both
@pytest.mark.parametrize("lengths", [(1, 1, 1), (2,), (1, 2, 1), (5,) * 30, (35, 1, 36, 37, 1, 72)], ids=str)
def test_kernel_trains_means_of_rows_at_sentence_borders(algorithm: str, lengths: tuple[int, ...]) -> None:
    case = Case(algorithm, lengths=lengths, keep=1.0, alpha_start=0.02)
    check(case, *run_composed(case, members_of(case), rows_of(case)))


@both
def test_frozen_rows_stay_and_all_others_move_as_in_the_twin(algorithm: str) -> None:
    case = Case(algorithm, n_words=12)
    frozen = {0, 3, 7, 12, 20}
    outcome, chunk, twin = run_composed(case, members_of(case), rows_of(case), frozen)
    check(case, outcome, chunk, twin)
    moved = (outcome.w_in[:-1, :16] != rows_of(case)).any(axis=1)
    assert not moved[list(frozen)].any() and moved[[1, 2, 4]].all()


@both
def test_rows_of_their_own_train_as_without_composition(algorithm: str) -> None:
    case = Case(algorithm)
    composition = Composition.of_words(case.n_words)
    plain = run_kernel(case)
    row_size = plain.w_in.shape[1]
    outcome = run_kernel(case, None, Members(composition.members, composition.rows * row_size))
    assert np.allclose(outcome.w_in, plain.w_in, rtol=0, atol=1e-5)
    assert np.allclose(outcome.w_out, plain.w_out, rtol=0, atol=1e-5)
    assert outcome.stats == pytest.approx(plain.stats, rel=1e-6)


# Weights of positions.


def run_weighted(case: Case) -> tuple[Outcome, NDArray[np.float32], WeightedChunk, naive_w2v.Trained]:
    """Train with weights of positions around 1; return the kernel's outcome and weights, and those of the twin."""
    weights = case.rng(7).normal(1, 0.3, (2 * case.window + 1, case.vector_size)).astype(np.float32)
    weights[case.window] = 0
    weights /= np.sqrt((np.delete(weights, case.window, axis=0) ** 2).mean())
    positions = padded(weights)[:-1].copy()
    composition = Composition.of_words(case.n_words)
    members = Members(composition.members, composition.rows * positions.shape[1], positions=positions.reshape(-1))
    chunk = WeightedChunk(weights.astype(np.float64), case.window, case.n_targets)
    return run_kernel(case, None, members), positions, chunk, run_twin(case, chunk)


@pytest.mark.parametrize("vector_size", [1, 16, 33])
@pytest.mark.parametrize(("window", "shrink"), [(1, True), (2, False), (5, True)])
def test_kernel_weights_positions_as_its_twin(vector_size: int, window: int, shrink: bool) -> None:
    case = Case("cbow", vector_size=vector_size, window=window, shrink=shrink, n_targets=30, alpha_start=0.1)
    outcome, positions, chunk, twin = run_weighted(case)
    assert_agree(case, outcome, twin)
    assert np.abs(positions[:, :vector_size] - chunk.positions).max() <= 1e-5 * (1 + chunk.travel.max())
    assert not positions[:, vector_size:].any() and not positions[window].any()
    assert np.square(np.delete(positions, window, axis=0)[:, :vector_size]).mean() == pytest.approx(1, rel=1e-5)


def test_weights_of_one_are_plain_cbow() -> None:
    case = Case("cbow", lengths=(25,), keep=1.0, n_targets=30)  # one chunk
    plain = run_kernel(case)
    composition = Composition.of_words(case.n_words)
    weights = np.ones((2 * case.window + 1, case.vector_size), np.float32)
    weights[case.window] = 0
    weighted = run_kernel(
        case, None, Members(composition.members, composition.rows * plain.w_in.shape[1], positions=weights.reshape(-1))
    )
    assert np.allclose(weighted.w_in, plain.w_in, rtol=0, atol=1e-6)
    assert np.allclose(weighted.w_out, plain.w_out, rtol=0, atol=1e-6)


# The gradient itself.


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (3, 1), (4, 1)])
def test_steps_are_gradients_of_the_loss(row: int, column: int) -> None:
    """By central differences in float64, of an input vector and of a weight."""
    case = Case(
        "cbow", lengths=(12,), n_words=6, vector_size=3, window=2, n_targets=12, keep=1.0, alpha_start=1e-6,
        alpha_end=1e-6,
    )  # fmt: skip
    words = case.rng(9).normal(0, 0.5, (6, 3))
    weights = np.insert(case.rng(8).normal(1, 0.2, (4, 3)), 2, 0, axis=0)

    def train(words: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[naive_w2v.Trained, WeightedChunk]:
        chunk = WeightedChunk(weights.copy(), case.window, case.n_targets)

        def started(result: naive_w2v.Trained, *arguments: Any) -> None:
            result.w_in = words.copy()
            chunk(result, *arguments)

        return run_twin(case, started), chunk

    def slope(of_words: bool) -> float:
        losses = []
        for sign in (1, -1):
            step = np.zeros(words.shape if of_words else weights.shape)
            step[row, column] = sign * 1e-5
            losses.append(train(words + step, weights)[0].loss if of_words else train(words, weights + step)[0].loss)
        return (losses[0] - losses[1]) / 2e-5

    trained, chunk = train(words, weights)
    assert (trained.w_in - words)[row, column] / 1e-6 == pytest.approx(-slope(True), rel=1e-4, abs=1e-6)
    assert chunk.step[row, column] * case.n_targets / 1e-6 == pytest.approx(-slope(False), rel=1e-4, abs=1e-6)


# Which rows a word has.


def test_composition_has_a_row_for_every_bucket_in_use() -> None:
    words, subwords = ["ab", "abc", "x", "</s>"], Subwords(3, 4, 50)
    composition = Composition.of_ngrams(words, subwords)
    for word, text in enumerate(words):
        rows = composition.rows[composition.members[word] : composition.members[word + 1]]
        assert rows[0] == word
        assert composition.buckets[rows[1:] - len(words)].tolist() == subwords.rows(text).tolist()
    assert composition.n_rows == len(words) + len(composition.buckets)
    assert composition.rows[-1] == composition.n_rows and composition.members[-1] == len(composition.rows)
    assert (np.diff(composition.buckets) > 0).all()


def test_tables_hold_the_means_of_rows() -> None:
    composition = Composition.of_ngrams(["cat", "cats"], Subwords(3, 4, 1000))
    tables = Tables.random(2, 5, 1, composition=composition, window=2)
    rows = composition.rows[composition.members[1] : composition.members[2]]
    assert np.allclose(tables.input_vectors[1], tables.input_rows[rows].mean(axis=0), rtol=0, atol=1e-7)
    assert tables.position_weights is not None and tables.position_weights.sum() == 4 * 5
    copied = tables.copy()
    assert np.array_equal(copied.w_in, tables.w_in) and copied.w_in is not tables.w_in
    assert np.array_equal(copied.input_vectors, tables.input_vectors)
