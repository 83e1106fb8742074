"""The cells of a co-occurrence matrix, in the order of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.spool import WorkFolder, allocate
from w2v.encoding.stream import TokenStream, default_max_memory
from w2v.kernels.objectives.cooccurrences import arrange
from w2v.kernels.objectives.glove import LONGEST_RUN
from w2v.training.glove.counting import Counted, Counter

_AT_ONCE = 1 << 20


def _empty(dtype: type) -> Any:
    return field(default_factory=lambda: np.empty(0, dtype))


@dataclass(frozen=True)
class Cells(TokenStream):
    """The co-occurrences of a text, as a stream of cells: `tokens` are columns, `offsets` the borders of runs.

    A run is at most LONGEST_RUN cells of one row. Each cell is stored once, for both (i, j) and (j, i). Runs are in
    random order, and so are the cells of a row.
    """

    rows: NDArray[np.int32] = _empty(np.int32)  # the word of each run; its columns are words at least as frequent
    counts: NDArray[np.float32] = _empty(np.float32)  # of each cell, above 0
    n_tokens: int = 0  # of the text

    def cost_at_zero(self, x_max: float, exponent: float) -> float:
        """Return the mean cost of a cell if all predictions are 0."""
        total = n = 0.0
        for first in range(0, len(self), _AT_ONCE):
            x = self.counts[first : first + _AT_ONCE].astype(np.float64)
            weight = np.minimum(1, (x / x_max) ** exponent)
            total += float((weight * np.log(x) ** 2).sum()) / 2
            n += len(x)
        return total / n if n else 0.0


def count_cells(
    stream: TokenStream,
    n_words: int,
    window: int,
    seed: int,
    *,
    workers: int = 1,
    max_memory: int | None = None,
    folder: WorkFolder,
    report: Callable[[float], None] | None = None,
) -> Cells:
    """Count the co-occurrences of a text, and shuffle them by `seed`.

    For `n_words` and `window` see `Counter`. More than `max_memory` bytes of cells, by default a quarter of the
    machine's memory, go to files in `folder`, which must outlive the result.
    """
    max_memory = default_max_memory() if max_memory is None else max_memory
    counter = Counter(stream, n_words, window, workers=workers, max_memory=max_memory, folder=folder, report=report)
    counted = counter.count()
    try:
        return _arranged(counted, stream, seed, max_memory, folder)
    finally:
        counted.spool.close()


def _arranged(counted: Counted, stream: TokenStream, seed: int, max_memory: int, folder: WorkFolder) -> Cells:
    lengths = counted.lengths()
    runs_of_row = -(-lengths // LONGEST_RUN)
    owners = np.repeat(np.arange(len(lengths), dtype=np.int32), runs_of_row)
    number = np.arange(len(owners)) - np.repeat(np.cumsum(runs_of_row) - runs_of_row, runs_of_row)
    parts, cells = runs_of_row[owners], lengths[owners]
    sizes = (number + 1) * cells // parts - number * cells // parts  # of nearly equal size
    order = np.random.default_rng([seed, 5]).permutation(len(owners))
    offsets = np.append(0, np.cumsum(sizes[order])).astype(np.int64)
    places = np.empty((len(owners), 2), np.int64)
    places[order, 0], places[order, 1] = offsets[:-1], offsets[1:]
    columns = allocate(np.int32, int(offsets[-1]), max_memory, folder)
    counts = allocate(np.float32, int(offsets[-1]), max_memory, folder)
    state, run = np.uint64(np.random.SeedSequence([seed, 6]).generate_state(1, np.uint64)[0]), 0
    for rows in counted.drain():
        state = arrange(rows.lengths, rows.columns, rows.values, run, places, np.uint64(state), columns, counts)
        run += int((-(-rows.lengths // LONGEST_RUN)).sum())
    return Cells(columns, offsets, stream.n_words, None, owners[order], counts, len(stream))
