"""Blocks of the tables, what travels of them, and the outer step against a float64 twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from w2v.training.cluster.replica import Replica, block_of, put_in, snapshot_of
from w2v.training.cluster.steps import Steps, moves_of
from w2v.training.tables import Tables

V, D = 11, 5


def make_tables(seed: int, window: int | None = None) -> Tables:
    tables = Tables.random(V, D, seed, window=window)
    tables.output_vectors[:] = np.random.default_rng(seed).normal(size=(V, D))
    return tables


def same(tables: Tables, other: Tables) -> bool:
    pairs = ((tables.w_in, other.w_in), (tables.w_out, other.w_out), (tables.positions, other.positions))
    return all((left is None and right is None) or np.array_equal(left, right) for left, right in pairs)  # type: ignore[arg-type]


@pytest.mark.parametrize("n_blocks", [1, 2, 4, 12])
def test_blocks_together_are_the_tables(n_blocks: int) -> None:
    tables, filled = make_tables(1, window=2), Tables.zeros(V, D, window=2)
    for number in range(n_blocks):
        for rows, place in zip(block_of(tables, number, n_blocks), block_of(filled, number, n_blocks), strict=True):
            place += rows  # each row is in one block
    filled.position_weights[:] -= Tables.zeros(V, D, window=2).position_weights  # type: ignore[index,operator]
    assert same(filled, tables)


def random_rows(n_rows: int, size: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, size)) * 10.0 ** rng.integers(-6, 4, (n_rows, 1))
    rows[1] = 0
    return rows.astype(np.float32)


def rounded(rows: Any) -> Any:
    """Round rows as steps do, in float64."""
    most = np.abs(rows).max(axis=1, keepdims=True)
    scales = 2.0 ** (np.floor(np.log2(most, out=np.full_like(most, -99), where=most > 1e-30)) - 6)
    return np.clip(np.rint(rows / scales), -127, 127) * scales


def test_steps_are_rows_in_8_bits() -> None:
    before, now = random_rows(9, 32, 1), random_rows(9, 32, 2)
    steps = moves_of(now.ravel(), before.ravel(), 32)
    moved, found = (now - before).astype(np.float64), steps.table.reshape(9, 32)
    assert steps.values.dtype == np.int8 and np.array_equal(found, rounded(moved))
    assert steps.scales[1] == 0 and not found[1].any()
    others = np.arange(9) != 1
    assert (np.abs(steps.values.reshape(9, 32).astype(int)).max(axis=1)[others] >= 64).all()
    assert (np.abs(found - moved).max(axis=1) <= steps.scales).all()
    assert np.array_equal(np.frexp(steps.scales[others])[0], np.full(8, 0.5))  # powers of two


def test_rounding_again_changes_nothing() -> None:
    largest = np.zeros((3, 16), np.float32)
    largest[:, 0], largest[:, 1] = np.nextafter(np.float32(2), np.float32(1)), (1 / 3, -1.99, 1e-5)
    rows = np.concatenate([random_rows(9, 16, 1), largest])
    nothing = np.zeros(rows.size, np.float32)
    once = moves_of(rows.ravel(), nothing, 16)
    twice = moves_of(once.table, nothing, 16)
    assert np.array_equal(twice.table, once.table)
    assert np.array_equal(twice.values, once.values) and np.array_equal(twice.scales, once.scales)


def test_threads_change_no_bit() -> None:
    before, now = random_rows(90, 32, 1).ravel(), random_rows(90, 32, 2).ravel()
    alone, together = moves_of(now, before, 32), moves_of(now, before, 32, 3)
    assert np.array_equal(alone.values, together.values) and np.array_equal(alone.scales, together.scales)


class Twin:
    """What workers do together, in float64."""

    def __init__(self, start: Tables) -> None:
        self.size = start.row_size
        self.rows = self.in_rows(start)
        self.momentum = [np.zeros_like(table) for table in self.rows]

    def in_rows(self, tables: Tables) -> list[Any]:
        return [table.reshape(-1, self.size).astype(np.float64) for table in block_of(tables, 0, 1)]

    def round(self, trained: list[Tables], words: list[int], decay: float) -> None:
        for table, rows in enumerate(self.rows):
            n, step = len(rows), np.zeros_like(rows)
            moved = [self.in_rows(tables)[table] - rows for tables in trained]
            for owner in range(len(trained)):
                block = slice(n * owner // len(trained), n * (owner + 1) // len(trained))
                mean = sum(
                    words[worker] / sum(words) * (move if worker == owner else rounded(move))[block]
                    for worker, move in enumerate(moved)
                )
                step[block] = mean + decay * (decay * self.momentum[table][block] + mean)
            step = rounded(step)
            self.momentum[table] = rounded((step + decay * self.momentum[table]) / (1 + decay))
            rows += step


@pytest.mark.parametrize(("n_workers", "window"), [(2, None), (3, 2)])
def test_rounds_are_nesterovs_steps_of_the_weighted_mean(n_workers: int, window: int | None) -> None:
    start, words = make_tables(1, window), [100, 300, 50][:n_workers]
    replicas = [Replica(start.copy(), n_workers) for _ in range(n_workers)]
    twin = Twin(start)
    for number, decay in enumerate((0.9, 0.9, 0.0)):
        for worker, replica in enumerate(replicas):
            for table in block_of(replica.tables, 0, 1):
                rows = table.reshape(-1, start.row_size)[:, :D]
                rows += np.random.default_rng([number, worker]).normal(size=rows.shape) / 10
        twin.round([replica.tables for replica in replicas], words, decay)
        steps = [
            replicas[j].step(j, words[j], [replicas[i].delta(j, words[i]) for i in range(n_workers) if i != j], decay)
            for j in range(n_workers)
        ]
        for replica in replicas:
            replica.take(steps, decay)
        for replica in replicas:
            assert same(replica.base, replicas[0].base) and same(replica.tables, replica.base)
            for momentum, others in zip(replica.momentum, replicas[0].momentum, strict=True):
                assert np.array_equal(momentum.values, others.values) and np.array_equal(momentum.scales, others.scales)
        found = twin.in_rows(replicas[0].base), [m.table.reshape(-1, twin.size) for m in replicas[0].momentum]
        for rows, wanted in zip(found[0] + found[1], twin.rows + twin.momentum, strict=True):
            is_off = np.abs(rows - wanted) > 1e-6
            assert is_off.mean() < 0.02 and np.abs(rows - wanted).max() < 0.02  # a half may be rounded either way
        twin.rows, twin.momentum = found[0], [momentum.astype(np.float64) for momentum in found[1]]
    assert not replicas[0].tables.w_in[-start.row_size :].any()  # the row of zeros


def test_momentum_is_nesterovs() -> None:
    """With the same d in each round, rows move by d times 1 + μ, then 1 + μ + μ², and so on."""
    replica = Replica(Tables.zeros(4, 16), 2)
    for number in range(4):
        before = replica.base.w_in[0].copy()
        replica.tables.w_in[: 4 * 16] += np.float32(0.25)
        replica.take([replica.step(j, 3, [replica.delta(j, 5)], 0.5) for j in range(2)], 0.5)
        wanted = 0.25 * sum(0.5**power for power in range(number + 2))
        assert replica.base.w_in[0] - before == pytest.approx(wanted, rel=0.02)


def test_a_round_without_words_stands_still() -> None:
    replica = Replica(make_tables(1), 2)
    steps = [replica.step(j, 0, [replica.delta(j, 0)], 0.0) for j in range(2)]
    replica.take(steps, 0.0)
    assert same(replica.base, make_tables(1)) and not replica.momentum[0].values.any()


@pytest.mark.parametrize("n_pieces", [1, 3, 24])
def test_snapshots_put_the_tables_and_their_momentum_together_exactly(n_pieces: int) -> None:
    replica = Replica(make_tables(1, window=2), 3)
    for table in block_of(replica.tables, 0, 1):
        table[::3] += 0.25
    steps = [replica.step(j, 1, [replica.delta(j, 1)], 0.6) for j in range(3)]
    replica.take(steps, 0.6)
    tables, momentum = (Tables.zeros(V, D, window=2) for _ in range(2))
    for j in range(n_pieces):
        put_in(replica.cut(j, n_pieces), j, n_pieces, tables, momentum)
    other = Replica(make_tables(2, window=2), 3)
    for j in range(n_pieces):
        other.fill(j, n_pieces, snapshot_of(tables, momentum, j, n_pieces, 3))
    assert same(other.base, replica.base) and same(other.tables, replica.base)
    for found, wanted in zip(other.momentum, replica.momentum, strict=True):
        assert np.array_equal(found.values, wanted.values) and np.array_equal(found.scales, wanted.scales)
        assert wanted.values.any()


def test_a_snapshot_does_not_move_with_the_tables() -> None:
    replica = Replica(make_tables(1), 2)
    snapshot = replica.cut(0, 2)
    replica.base.w_in[:] = 0
    assert snapshot.rows[0].any()


def test_a_single_worker_keeps_its_tables_or_goes_back() -> None:
    replica = Replica(make_tables(1), 1)
    replica.tables.w_in[:16] += 1
    replica.go_back()
    assert same(replica.tables, make_tables(1))
    replica.tables.w_in[:16] += 1
    replica.keep()
    assert same(replica.base, replica.tables) and not same(replica.base, make_tables(1))


def test_no_rows_are_no_steps() -> None:
    nothing = np.zeros(0, np.float32)
    assert len(moves_of(nothing, nothing, 16).table) == 0 == len(Steps.zeros(0, 16).table)
