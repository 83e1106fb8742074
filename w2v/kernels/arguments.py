"""Arguments of the training kernels.

Tables are flat float32 arrays of V + 1 rows. Row V is always zero: it represents positions beyond a border. S is the
length of a row: `vector_size` rounded up to ROW_MULTIPLE, the rest zero. Offsets into tables count elements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Compiled into kernels: the constants and NamedTuples below.
ROW_MULTIPLE = 16
"""Table rows are a multiple of 16 floats, one cache line, on every host."""
BUFFER = 8192
"""Kept tokens in the sampling buffer; windows end at its borders."""
LOSS, PAIRS, KEPT = 0, 1, 2
"""Entries of `stats`: summed loss in nats, number of positive terms in the sum, tokens kept by subsampling."""


class Text(NamedTuple):
    """The training text."""

    tokens: NDArray[np.int32]
    """Ids, shape (n_tokens,)."""
    offsets: NDArray[np.int64]
    """Start of each sentence, and the end of the last; shape (n_sentences + 1,)."""
    keep: NDArray[np.float32]
    """Probability of keeping a token of each word, shape (V,)."""
    weights: NDArray[np.float32]
    """Factor for the steps, losses and pair counts of each sentence, shape (n_sentences,); `NOT_WEIGHTED` means 1."""


NOT_WEIGHTED = np.zeros(0, np.float32)
"""Stands for no weights; it is an array too, so every kernel is compiled only once."""


class Segment(NamedTuple):
    """A part of the text, with its step sizes and random state."""

    start: int
    stop: int
    sentence: int
    """The sentence that holds token `start`."""
    alpha: float
    alpha_end: float
    """Step sizes at both ends; linear in between, with one value for each buffer."""
    state: np.uint64
    """State of the random number generator."""


class Chunk(NamedTuple):
    """The number of targets trained at once, and their context."""

    window: int
    """The largest radius."""
    shrink: int
    """Draw the radius uniformly from 1..shrink, as word2vec does, and limit it to `window`; 0 always uses `window`."""
    n_targets: int


class Noise(NamedTuple):
    """The noise distribution, and how many words to draw."""

    threshold: NDArray[np.float32]
    alias: NDArray[np.int32]
    """Alias table, both of shape (V,): see `draw_noise`."""
    negative: int
    """Average number of noise words for each pair."""
    n_rows: int
    """N, the number of noise words of a chunk: a multiple of TILE_ROWS."""


class TableArrays(NamedTuple):
    """Both tables, each starting on a cache line."""

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    row_size: int
    vector_size: int


class Sample(NamedTuple):
    """Tokens kept by subsampling; each array has shape (BUFFER,)."""

    words: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    """The context of words[i] is words[left[i]:right[i]] without words[i] itself."""
    pairs: NDArray[np.int64]
    """Number of targets with words[i] in their context."""
    gains: NDArray[np.float32]
    """With weights: the weight of the sentence of words[i]."""


def make_sample(size: int = BUFFER) -> Sample:
    """Allocate the buffer for `size` tokens."""
    words, left, right, pairs = np.empty((4, size), np.int64)
    return Sample(words, left, right, pairs, np.empty(size, np.float32))


def aligned_zeros(n: int) -> NDArray[np.float32]:
    """Return n float32 zeros, aligned to a cache line."""
    raw = np.zeros(n + ROW_MULTIPLE, np.float32)
    start = -(raw.ctypes.data // 4) % ROW_MULTIPLE
    return raw[start : start + n]
