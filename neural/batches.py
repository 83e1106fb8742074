"""The sequences of each training step: about equally many tokens per batch, determined by the step number alone.

Packed sequences are not padded, so long ones may share a batch with short ones: nothing is sorted by length, and a
batch is a fair sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class TokenBatches:
    """Batches of about `most_tokens` tokens, in a different order in each epoch.

    Parameters
    ----------
    lengths : ndarray of shape (B,), integers
        Number of tokens of each sequence.
    most_tokens : int
        Maximum mean number of tokens per batch; a batch ends with the sequence that exceeds it.
    seed : int

    Attributes
    ----------
    n_batches : int
        Number of batches per epoch.

    Raises
    ------
    ValueError
        If there is no sequence or `most_tokens` is below 1.
    """

    def __init__(self, lengths: NDArray[np.integer[Any]], most_tokens: int, seed: int) -> None:
        if not len(lengths) or most_tokens < 1:
            raise ValueError("there must be at least one sequence to train on, and one token per batch")
        self._lengths, self._seed = lengths.astype(np.int64), seed
        self.n_batches = min(-(-int(self._lengths.sum()) // most_tokens) or 1, len(lengths))
        self._epoch, self._batches = -1, list[NDArray[np.int64]]()

    def __getitem__(self, step: int) -> NDArray[np.int64]:
        """Return the indices of the sequences in a step, int64; within an epoch, all are distinct."""
        epoch, place = divmod(step, self.n_batches)
        if epoch != self._epoch:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(self._lengths))
            ends = np.cumsum(self._lengths[order])
            targets = np.arange(1, self.n_batches) * (ends[-1] / self.n_batches)
            # no batch is empty, even if one sequence is longer than all others together
            borders = np.maximum.accumulate(np.searchsorted(ends, targets) - np.arange(1, self.n_batches) + 1)
            borders = np.clip(borders, 0, len(order) - self.n_batches) + np.arange(1, self.n_batches)
            self._epoch, self._batches = epoch, np.split(order, borders)
        return self._batches[place]
