"""Compiled parts of rounds, in which workers train in parallel with a reproducible result.

In a round each of W workers trains one segment. A word that only one worker uses in this round is trained in its own
row. A word that several workers use is copied: each of them trains a copy in its own spare rows, and afterwards the
steps of the copies are added in the order of the workers (`w2v.training.synchronous`).

In the tables, the words' own rows come first, then the workers' spare rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.random import draw_noise
from w2v.kernels.simd import LANES, load_vector, splat, store_vector

IN_TEXT, AS_NOISE = 0, 1
"""Columns of `Round.seen`."""

_float32 = np.float32
_LEAST_EXPOSURE = 1e-3


class Round(NamedTuple):
    """The records of W workers in a round; C is the most words that a worker can use in one."""

    number: int
    marks: NDArray[np.int32]
    """Shape (W, V): ``marks[w, v] == number`` if worker w uses word v in this round."""
    slots: NDArray[np.int32]
    """Shape (W, V): for a used word, ``words[w, slots[w, v]] == v``."""
    words: NDArray[np.int32]
    """Shape (W, C): the used words."""
    seen: NDArray[np.int32]
    """Shape (W, C, 2): their counts in the text, before subsampling, and as noise."""
    rows: NDArray[np.int32]
    """Shape (W, C): the row of each word, its own or that of its copy."""
    shared: NDArray[np.int32]
    """Shape (W, C): the copied words."""
    n_shared: NDArray[np.int64]
    """Shape (W,): the number of copied words."""
    tokens: NDArray[np.int32]
    """Shape (W, longest segment): the rows of a segment's tokens."""
    noise: NDArray[np.int32]
    """Shape (W, draws): its noise words, then their rows."""

    @classmethod
    def of(cls, workers: int, n_words: int, n_met: int, longest: int, n_draws: int) -> Round:
        """Allocate the records, as they are before the first round."""

        def zeros(*shape: int) -> NDArray[np.int32]:
            return np.zeros((workers, *shape), np.int32)

        return cls(
            0,
            marks=zeros(n_words),
            slots=zeros(n_words),
            words=zeros(n_met),
            seen=zeros(n_met, 2),
            rows=zeros(n_met),
            shared=zeros(n_met),
            n_shared=np.zeros(workers, np.int64),
            tokens=zeros(longest),
            noise=zeros(n_draws),
        )


@compiled
def _meet(word, n, round, worker):
    """Give a word the next slot at its first use; return the number of words with a slot."""
    if round.marks[worker, word] != round.number:
        round.marks[worker, word] = round.number
        round.slots[worker, word] = n
        round.words[worker, n] = word
        round.seen[worker, n, IN_TEXT] = round.seen[worker, n, AS_NOISE] = 0
        n += 1
    return n


@compiled
def collect_words(text, segment, n_targets, noise, state, round, worker):
    """List the words of a segment, and draw its expected number of noise words.

    The worker's entries of `round` are overwritten: marks, slots, words, seen and noise. `state` is that of the random
    number generator. Returns (n_words, n_draws).
    """
    n, kept = 0, 0.0
    for i in range(segment.start, segment.stop):
        word = text.tokens[i]
        n = _meet(word, n, round, worker)
        round.seen[worker, round.slots[worker, word], IN_TEXT] += 1
        kept += text.keep[word]
    n_draws = np.int64(np.ceil(kept / n_targets) + 1) * noise.n_rows
    for k in range(n_draws):
        word, state = draw_noise(noise.threshold, noise.alias, state)
        n = _meet(word, n, round, worker)
        round.seen[worker, round.slots[worker, word], AS_NOISE] += 1
        round.noise[worker, k] = word
    return n, n_draws


@compiled
def copy_shared_rows(text, segment, tables, first_spare, round, worker, n, n_draws):
    """Copy the rows of words that other workers use too, and make the segment refer to the copies.

    ``text.keep`` has a probability for each row; those of the copies are overwritten, and so are the tables' spare rows
    from `first_spare` on and the worker's entries of `round`: rows, shared, n_shared, tokens and noise. `n` and
    `n_draws` are the results of `collect_words`.
    """
    w_in, w_out, row_size, _ = tables
    rows, slots, noise, n_shared = round.rows[worker], round.slots[worker], round.noise[worker], 0
    for i in range(n):
        word = round.words[worker, i]
        rows[i] = word
        for other in range(round.marks.shape[0]):
            if other != worker and round.marks[other, word] == round.number:
                rows[i] = first_spare + n_shared
                break
        if rows[i] != word:
            round.shared[worker, n_shared] = word
            n_shared += 1
            text.keep[rows[i]] = text.keep[word]
            source, copy = np.int64(word) * row_size, np.int64(rows[i]) * row_size
            for d in range(0, row_size, LANES):
                store_vector(w_in, copy + d, load_vector(w_in, source + d))
                store_vector(w_out, copy + d, load_vector(w_out, source + d))
    for i in range(segment.start, segment.stop):
        round.tokens[worker, i - segment.start] = rows[slots[text.tokens[i]]]
    for k in range(n_draws):
        noise[k] = rows[slots[noise[k]]]
    round.n_shared[worker] = n_shared


@compiled
def _is_met_before(word, worker, round):
    """Return whether an earlier worker uses a word."""
    for other in range(worker):
        if round.marks[other, word] == round.number:
            return True
    return False


@compiled
def add_up(table, row_size, keep, per_token, per_draw, round, worker):
    """Add the steps of all copies to the words' own rows, for the words assigned to one worker.

    With k copies x_1 ... x_k of a row x, and e the expected sum of their step sizes::

        x += (x_1 - x + ... + x_k - x) * (1 - exp(-e)) / (k (1 - exp(-e / k)))

    A row with few pairs (e -> 0) gets the sum of the steps, as in sequential training. A row with many pairs has
    converged in every copy, so the sum would overshoot: it gets the mean.

    `table` is `w_in` or `w_out`; the words' own rows are overwritten. A kept token adds `per_token` to e, and a noise
    word `per_draw`. A worker gets the words whose id modulo W is its index.
    """
    n_workers = round.marks.shape[0]
    copies = np.empty(n_workers, np.int64)
    for first in range(n_workers):
        for i in range(round.n_shared[first]):
            word = round.shared[first, i]
            if word % n_workers != worker or _is_met_before(word, first, round):
                continue
            n, exposure = 0, 0.0
            for other in range(first, n_workers):
                if round.marks[other, word] == round.number:
                    slot = round.slots[other, word]
                    copies[n] = np.int64(round.rows[other, slot]) * row_size
                    exposure += round.seen[other, slot, IN_TEXT] * keep[word] * per_token
                    exposure += round.seen[other, slot, AS_NOISE] * per_draw
                    n += 1
            share = 1.0
            if exposure > _LEAST_EXPOSURE:
                share = (1 - np.exp(-exposure)) / (n * (1 - np.exp(-exposure / n)))
            scale, own = splat(_float32(share)), np.int64(word) * row_size
            for d in range(0, row_size, LANES):
                before = load_vector(table, own + d)
                total = splat(_float32(0))
                for k in range(n):
                    total = total + (load_vector(table, copies[k] + d) - before)
                store_vector(table, own + d, before + total * scale)
