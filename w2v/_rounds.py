"""Compiled parts of rounds, in which workers train side by side and come to the same result every time.

In a round each of W workers trains one segment. Words that no other worker has met in this round keep their rows; of
those that several have met, each worker trains a copy in spare rows of its own, and afterwards the steps of the copies
are added up in the order of the workers (`w2v.rounds`).

`marks` and `slots` have shape (W, V): ``marks[w, v] == round`` says that worker w meets word v in this round, and then
``words[w, slots[w, v]] == v``. C is the largest number of words that a worker can meet in a round.
"""

from __future__ import annotations

import numpy as np

from ._kernels import draw_noise
from ._simd import LANES, load_vector, splat, store_vector
from .jit import compiled

IN_TEXT, AS_NOISE = 0, 1
"""Columns of `seen`."""

_float32 = np.float32
_LEAST_EXPOSURE = 1e-3


@compiled
def _meet(word, n, round_number, marks, slots, words, seen):
    """Give a word that is met for the first time the next slot; return how many words have one."""
    if marks[word] != round_number:
        marks[word] = round_number
        slots[word] = n
        words[n] = word
        seen[n, IN_TEXT] = seen[n, AS_NOISE] = 0
        n += 1
    return n


@compiled
def collect_words(
    tokens, start, stop, keep, threshold, alias, n_targets, n_noise, state, round_number, marks, slots, words, seen,
    noise,
):  # fmt: skip
    """List the words of a segment and draw its noise words.

    Parameters
    ----------
    tokens, start, stop, keep, threshold, alias, n_targets, n_noise, state
        As in the training kernels. As many noise words are drawn as they are expected to draw.
    round_number : int
    marks, slots : ndarray of shape (V,), int32
        The worker's own. Overwritten where a word is met.
    words : ndarray of shape (C,), int32
        Overwritten by the words that are met.
    seen : ndarray of shape (C, 2), int32
        Overwritten: how often each is met in the text (those that subsampling will drop included) and as noise.
    noise : ndarray of shape (?,), int32
        Overwritten by the noise words.

    Returns
    -------
    (n_words, n_draws)
    """
    n, kept = 0, 0.0
    for i in range(start, stop):
        word = tokens[i]
        n = _meet(word, n, round_number, marks, slots, words, seen)
        seen[slots[word], IN_TEXT] += 1
        kept += keep[word]
    n_draws = np.int64(np.ceil(kept / n_targets) + 1) * n_noise
    for k in range(n_draws):
        word, state = draw_noise(threshold, alias, state)
        n = _meet(word, n, round_number, marks, slots, words, seen)
        seen[slots[word], AS_NOISE] += 1
        noise[k] = word
    return n, n_draws


@compiled
def copy_shared_rows(
    worker, n, round_number, marks, slots, words, tokens, start, stop, noise, n_draws, first_spare, keep, w_in, w_out,
    row_size, rows, shared, own_tokens,
):  # fmt: skip
    """Copy the rows of the worker's words that others have met too, and let its segment point at the copies.

    Parameters
    ----------
    worker, n : int
        Which worker it is, and how many words it has met.
    marks : ndarray of shape (W, V), int32
        Of all workers.
    slots, words
        The worker's own.
    noise : ndarray of int32
        The first `n_draws` words are replaced by rows.
    first_spare : int
        The worker's first spare row.
    keep : ndarray, float32
        One probability for each row; those of the copies are written.
    w_in, w_out : ndarray, float32
        Tables with spare rows, which are written.
    rows : ndarray of shape (C,), int32
        Overwritten: the row of each word, its own or that of the copy.
    shared : ndarray of shape (C,), int32
        Overwritten by the words that were copied.
    own_tokens : ndarray of int32
        Overwritten: the rows of tokens[start:stop].

    Returns
    -------
    int
        How many words were copied.
    """
    n_shared = 0
    for i in range(n):
        word = words[i]
        rows[i] = word
        for other in range(marks.shape[0]):
            if other != worker and marks[other, word] == round_number:
                rows[i] = first_spare + n_shared
                break
        if rows[i] != word:
            shared[n_shared] = word
            n_shared += 1
            keep[rows[i]] = keep[word]
            source, copy = np.int64(word) * row_size, np.int64(rows[i]) * row_size
            for d in range(0, row_size, LANES):
                store_vector(w_in, copy + d, load_vector(w_in, source + d))
                store_vector(w_out, copy + d, load_vector(w_out, source + d))
    for i in range(start, stop):
        own_tokens[i - start] = rows[slots[tokens[i]]]
    for k in range(n_draws):
        noise[k] = rows[slots[noise[k]]]
    return n_shared


@compiled
def _is_met_before(word, worker, round_number, marks):
    """Tell whether a worker before this one meets a word."""
    for other in range(worker):
        if marks[other, word] == round_number:
            return True
    return False


@compiled
def add_up(
    worker, n_shared, round_number, marks, slots, rows, seen, shared, keep, per_token, per_draw, row_size, table
):  # fmt: skip
    """Add the steps of all copies to the words' own rows, for those words that fall to one worker.

    With k copies x_1 ... x_k of a row x, and e the expected sum of step sizes that they met::

        x += (x_1 - x + ... + x_k - x) * (1 - exp(-e)) / (k (1 - exp(-e / k)))

    A row that meets few pairs (e -> 0) takes the sum of the steps, as if they had come one after the other. One that
    meets many has come to rest in every copy, so that the sum would go too far: it takes their mean.

    Parameters
    ----------
    worker : int
        It takes every word that leaves this remainder.
    n_shared : ndarray of shape (W,), int64
    marks, slots, rows, seen, shared
        As in `copy_shared_rows`, of all workers: the first dimension is W.
    per_token, per_draw : float
        What a kept token and a noise word add to e.
    table : ndarray, float32
        `w_in` or `w_out`; the words' own rows are overwritten.
    """
    n_workers = marks.shape[0]
    copies = np.empty(n_workers, np.int64)
    for first in range(n_workers):
        for i in range(n_shared[first]):
            word = shared[first, i]
            if word % n_workers != worker or _is_met_before(word, first, round_number, marks):
                continue
            n, exposure = 0, 0.0
            for other in range(first, n_workers):
                if marks[other, word] == round_number:
                    slot = slots[other, word]
                    copies[n] = np.int64(rows[other, slot]) * row_size
                    exposure += seen[other, slot, IN_TEXT] * keep[word] * per_token
                    exposure += seen[other, slot, AS_NOISE] * per_draw
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
