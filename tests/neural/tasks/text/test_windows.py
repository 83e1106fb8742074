"""Texts as windows: every token once in an epoch, none of another text, and the one behind each wanted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from w2v.neural.configs import END, START
from w2v.neural.models import Batch
from w2v.neural.packing import Packed
from w2v.neural.tasks.text.windows import Streams, Windows, token_windows

LENGTHS = (0, 1, 7, 8, 9, 40, 0, 3)
TEXTS = Packed.of([100 * (i + 1) + np.arange(n) for i, n in enumerate(LENGTHS)])


def told(batch: Batch) -> list[tuple[int, int]]:
    """Return what each window reads and what is wanted, token by token."""
    return list(zip(batch.inputs.ids.tolist(), batch.wanted.tolist(), strict=True))


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("context", [2, 5, 8, 100])
def test_first_epoch_reads_every_token_once(ends: bool, context: int) -> None:
    expected = Counter[tuple[int, int]]()
    for i in range(TEXTS.n_sequences):
        stream = [START, *TEXTS.part(i, i + 1).ids.tolist(), *[END] * ends]
        expected.update(zip(stream, stream[1:], strict=False))
    windows = Windows(Streams(TEXTS, ends), context, 16, 1)
    found = Counter(pair for step in range(windows.n_batches) for pair in told(windows[step]))
    assert found == expected
    assert all(np.diff(windows[step].inputs.offsets).max() <= context for step in range(windows.n_batches))


@pytest.mark.parametrize("ends", [True, False])
def test_later_epochs_move_windows_and_never_leave_their_text(ends: bool) -> None:
    windows = Windows(Streams(TEXTS, ends), 5, 16, 1)
    epochs = [
        sorted(pair for step in range(windows.n_batches) for pair in told(windows[epoch * windows.n_batches + step]))
        for epoch in range(6)
    ]
    assert len({tuple(epoch) for epoch in epochs}) > 2
    allowed = set(epochs[0])
    assert all(set(epoch) <= allowed for epoch in epochs)
    again = Windows(Streams(TEXTS, ends), 5, 16, 1)
    assert told(again[3 * windows.n_batches]) == told(windows[3 * windows.n_batches])


@pytest.mark.parametrize("context", [1, 2, 3, 8, 9])
def test_overlapping_windows_tell_every_token_once(context: int) -> None:
    streams = Streams(TEXTS, ends=True)
    starts, lengths, known = token_windows(streams, context)
    new = [
        place for start, n, skipped in zip(starts.tolist(), lengths.tolist(), known.tolist(), strict=True)
        for place in range(start + skipped, start + n)
    ]  # fmt: skip
    assert new == [
        place for a, b in zip(streams.borders, streams.borders[1:], strict=False) for place in range(a, b - 1)
    ]
    # what a window that is not the first tells has half a context before it
    assert all(skipped >= context - max(1, context // 2) for skipped in known[known > 0].tolist())


def test_nothing_to_tell_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no text to train on"):
        Windows(Streams(Packed.of([[], []]), ends=False), 4, 16, 1)
