"""Packed sequences, and which of them a step takes."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.neural.batches import TokenBatches
from w2v.neural.models import Batch
from w2v.neural.packing import Packed

PACKED = Packed.of([[3, 4], [], [5, 6, 7]])


def test_sequences_are_packed_taken_and_cut() -> None:
    assert PACKED.ids.tolist() == [3, 4, 5, 6, 7] and PACKED.offsets.tolist() == [0, 2, 2, 5]
    taken = PACKED.take(np.array([2, 1, 0, 2]))
    assert taken.ids.tolist() == [5, 6, 7, 3, 4, 5, 6, 7] and taken.offsets.tolist() == [0, 3, 3, 5, 8]
    part = PACKED.part(1, 3)
    assert part.ids.tolist() == [5, 6, 7] and part.offsets.tolist() == [0, 0, 3] and part.n_sequences == 2
    assert Packed.of([]).offsets.tolist() == [0]


def test_what_is_read_is_one_behind_what_is_wanted() -> None:
    batch = Batch.of(PACKED)
    assert batch.inputs.ids.tolist() == [1, 3, 4, 1, 1, 5, 6, 7] and batch.inputs.offsets.tolist() == [0, 3, 4, 8]
    assert batch.wanted.tolist() == [3, 4, 2, 2, 5, 6, 7, 2] and batch.n_tokens == 8


def test_parts_of_a_batch_are_the_batch() -> None:
    batch = Batch.of(PACKED, Packed.of([[8], [9, 10], []]))
    parts = batch.parts(2)
    assert [part.batch.inputs.n_sequences for part in parts] == [2, 1]
    assert [(part.first_row, part.first_source_row) for part in parts] == [(0, 0), (4, 3)]
    assert parts[0].batch.source is not None and parts[0].batch.source.ids.tolist() == [8, 9, 10]
    assert parts[1].batch.wanted.tolist() == [5, 6, 7, 2] and parts[1].batch.inputs.offsets.tolist() == [0, 4]


@pytest.mark.parametrize("longest", [5, 40, 3000])
def test_an_epoch_takes_every_sequence_once_in_batches_of_one_size(longest: int, rng: np.random.Generator) -> None:
    lengths = rng.integers(1, 20, size=200)
    lengths[17] = longest
    batches = TokenBatches(lengths, 100, seed=3)
    epochs = [[batches[n] for n in range(batches.n_batches * e, batches.n_batches * (e + 1))] for e in range(3)]
    orders = [np.concatenate(epoch) for epoch in epochs]
    for epoch, order in zip(epochs, orders, strict=True):
        assert sorted(order.tolist()) == list(range(200)) and min(map(len, epoch)) > 0
        sizes = [int(lengths[batch].sum()) for batch in epoch]
        assert max(sizes) <= 100 + max(20, longest)
    assert not np.array_equal(orders[0], orders[1])
    again = TokenBatches(lengths, 100, seed=3)
    assert np.array_equal(again[batches.n_batches + 1], epochs[1][1])  # whatever was asked for before
    assert not np.array_equal(TokenBatches(lengths, 100, seed=4)[0], epochs[0][0])


def test_batches_are_even(rng: np.random.Generator) -> None:
    lengths = rng.integers(5, 20, size=3000)
    batches = TokenBatches(lengths, 1000, seed=3)
    sizes = [int(lengths[batches[n]].sum()) for n in range(batches.n_batches)]
    assert 960 < min(sizes) <= max(sizes) < 1025


@pytest.mark.parametrize("lengths, most", [([], 10), ([3], 0)])
def test_nothing_to_train_on_is_refused(lengths: list[int], most: int) -> None:
    with pytest.raises(ValueError, match="there must be"):
        TokenBatches(np.array(lengths, np.int64), most, 1)


@pytest.mark.parametrize("lengths", [[1], [0, 0], [0, 5, 0], [1, 1, 1000]])
def test_few_sequences_are_enough(lengths: list[int]) -> None:
    batches = TokenBatches(np.array(lengths), 10, 1)
    found = np.concatenate([batches[n] for n in range(batches.n_batches)])
    assert sorted(found.tolist()) == list(range(len(lengths)))
