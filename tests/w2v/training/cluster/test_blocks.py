"""Blocks of the tables, what travels of them, and the outer step against a float64 twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from w2v.training.cluster.blocks import Block, Delta, combine, cut_block, delta_of, fill_tables
from w2v.training.tables import Tables

V, D = 11, 5


def make_tables(seed: int, window: int | None = None) -> Tables:
    tables = Tables.random(V, D, seed, window=window)
    tables.output_vectors[:] = np.random.default_rng(seed).normal(size=(V, D))
    return tables


@pytest.mark.parametrize("n_blocks", [1, 2, 4, 12])
def test_blocks_together_are_the_tables(n_blocks: int) -> None:
    tables, filled = make_tables(1, window=2), Tables.zeros(V, D, window=2)
    fill_tables(filled, [cut_block(tables, number, n_blocks) for number in range(n_blocks)])
    assert np.array_equal(filled.w_in, tables.w_in) and np.array_equal(filled.w_out, tables.w_out)
    assert filled.positions is not None and tables.positions is not None
    assert np.array_equal(filled.positions, tables.positions)


def test_cut_block_does_not_move_with_the_tables() -> None:
    tables = Tables.random(V, 16, 1)  # rows without padding: the table is one piece of memory
    block = cut_block(tables, 0, 1)
    tables.w_in[:] = 0
    assert block[0].all()


def test_cut_block_takes_every_nth_row_so_that_frequent_words_are_spread() -> None:
    tables = make_tables(1)
    assert np.array_equal(cut_block(tables, 1, 3)[0], tables.input_rows[[1, 4, 7, 10]])


def test_delta_is_exact_to_a_step_of_its_row() -> None:
    before, tables = cut_block(make_tables(1), 1, 2), make_tables(2)
    tables.input_rows[1] = before[0][0]  # a row that has not moved
    delta = delta_of(tables, before, 1, 2, 7)
    for table, rows, steps, scales in zip(
        (tables.input_rows, tables.output_vectors), before, delta.steps, delta.scales, strict=True
    ):
        moved = table[1::2].astype(np.float64) - rows
        assert np.abs(steps * scales[:, None].astype(np.float64) - moved).max() <= 0.501 * scales.max()
        assert np.abs(steps[1:]).max(axis=1).tolist() == [32767] * (len(rows) - 1)
    assert not delta.steps[0][0].any() and delta.scales[0][0] == 0
    assert delta.n_words == 7 and delta.steps[0].dtype == np.int16


def naive_combine(block: Block, momentum: Block | None, deltas: list[Delta], decay: float) -> list[list[Any]]:
    weights = np.array([delta.n_words for delta in deltas]) / sum(delta.n_words for delta in deltas)
    found = []
    for table, rows in enumerate(block):
        moves = [delta.steps[table] * delta.scales[table][:, None].astype(np.float64) for delta in deltas]
        mean = sum(weight * move for weight, move in zip(weights, moves, strict=True))
        new = mean if momentum is None else decay * momentum[table].astype(np.float64) + mean
        found.append([rows + mean + decay * new, new])
    return [list(each) for each in zip(*found, strict=True)]


@pytest.mark.parametrize("has_momentum", [False, True])
def test_combine_is_nesterovs_step_of_the_weighted_mean(has_momentum: bool) -> None:
    block, momentum = cut_block(make_tables(1), 0, 2), cut_block(make_tables(9), 0, 2) if has_momentum else None
    deltas = [delta_of(make_tables(seed), block, 0, 2, words) for seed, words in ((2, 100), (3, 300), (4, 50))]
    expected = naive_combine(block, momentum, deltas, 0.9)
    for found, wanted in zip(combine(block, momentum, deltas, 0.9), expected, strict=True):
        for rows, exact in zip(found, wanted, strict=True):
            assert rows.dtype == np.float32
            np.testing.assert_allclose(rows, exact, rtol=2e-6, atol=2e-7)


def test_combine_without_decay_is_the_mean_and_without_words_stands_still() -> None:
    block = cut_block(make_tables(1), 0, 1)
    same = delta_of(make_tables(2), block, 0, 1, 5)
    moved, _ = combine(block, None, [same, same], 0.0)
    np.testing.assert_allclose(moved[0], make_tables(2).input_rows, atol=1e-4)
    still, momentum = combine(block, block, [same._replace(n_words=0)] * 2, 0.0)
    assert np.array_equal(still[0], block[0]) and not momentum[0].any()
