"""What the training kernels are given.

Tables are flat float32 arrays of V + 1 rows; row V is zero and stays zero: it stands in for positions beyond a border.
S is the length of a row: `vector_size` rounded up to ROW_MULTIPLE, the rest zero. Offsets into tables count elements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Compiled into kernels: the constants and NamedTuples below.
ROW_MULTIPLE = 16
"""Table rows are a multiple of 16 floats, one cache line, on every host."""
BUFFER = 8192
"""Kept tokens that are sampled at a time; windows end at its borders."""
LOSS, PAIRS, KEPT = 0, 1, 2
"""Entries of `stats`: summed loss in nats, positive terms it is summed over, tokens that survived subsampling."""


class Text(NamedTuple):
    """What is trained on."""

    tokens: NDArray[np.int32]
    """Ids, shape (n_tokens,)."""
    offsets: NDArray[np.int64]
    """Where sentences begin, and the end of the last; shape (n_sentences + 1,)."""
    keep: NDArray[np.float32]
    """Probability that a token of each word is kept, shape (V,)."""
    weights: NDArray[np.float32]
    """What the steps and losses of each sentence are multiplied by, and how much its pairs count; `NOT_WEIGHTED`: 1."""


NOT_WEIGHTED = np.zeros(0, np.float32)
"""Weights where there are none: an array as well, so that every kernel is compiled once."""


class Segment(NamedTuple):
    """A part of the text, and how it is trained."""

    start: int
    stop: int
    sentence: int
    """That holds token `start`."""
    alpha: float
    alpha_end: float
    """Step size at both ends; linear between, one value for each buffer."""
    state: np.uint64
    """Of the random numbers."""


class Chunk(NamedTuple):
    """How many targets are trained at once, and with which context."""

    window: int
    """The largest radius."""
    shrink: int
    """Draw the radius uniformly from 1..shrink, as word2vec does, and cut it to `window`; 0 is always `window`."""
    n_targets: int


class Noise(NamedTuple):
    """The noise distribution and how much is drawn of it."""

    threshold: NDArray[np.float32]
    alias: NDArray[np.int32]
    """Alias table, shape (V,) both: see `draw_noise`."""
    negative: int
    """Noise words for each pair, on average."""
    n_rows: int
    """N, noise words of a chunk: a multiple of TILE_ROWS."""


class TableArrays(NamedTuple):
    """Both tables, each starting on a cache line."""

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    row_size: int
    vector_size: int


class Sample(NamedTuple):
    """Tokens that survive subsampling; each array has shape (BUFFER,)."""

    words: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    """The context of words[i] is words[left[i]:right[i]] without words[i] itself."""
    pairs: NDArray[np.int64]
    """How many targets have words[i] in their context."""
    gains: NDArray[np.float32]
    """With weights: that of the sentence of words[i]."""


def make_sample(size: int = BUFFER) -> Sample:
    """Allocate room for tokens."""
    words, left, right, pairs = np.empty((4, size), np.int64)
    return Sample(words, left, right, pairs, np.empty(size, np.float32))


def aligned_zeros(n: int) -> NDArray[np.float32]:
    """Return n float32 zeros that start on a cache line."""
    raw = np.zeros(n + ROW_MULTIPLE, np.float32)
    start = -(raw.ctypes.data // 4) % ROW_MULTIPLE
    return raw[start : start + n]
