"""Choose tokens by their scores: the best of each row, or samples from a restricted distribution.

Scores are float32; probabilities for sampling are summed in float64. The result of a row does not depend on other rows.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, load, load_vector, splat, sum_lanes
from w2v.neural.kernels.vector_math import any_larger, exponential, larger, plus

_float32 = np.float32
_AT_ONCE = 4 * LANES


@compiled
def _insert(score, token, n, k, ids, scores, at):
    """Insert a token into the n best from `at` on, after those with the same score; return the new number."""
    place = min(n, k - 1)
    while place > 0 and scores[at + place - 1] < score:
        scores[at + place], ids[at + place] = scores[at + place - 1], ids[at + place - 1]
        place -= 1
    scores[at + place], ids[at + place] = score, token
    return min(n + 1, k)


@compiled
def _best_of_row(row, k, ids, scores, at):
    """Write the k best tokens of a row, best first; ties in order of id."""
    n, token = 0, 0
    while token < row.size:
        stop = min(token + _AT_ONCE, row.size)
        if n == k and stop - token == _AT_ONCE:
            left = larger(load_vector(row, token), load_vector(row, token + LANES))
            right = larger(load_vector(row, token + 2 * LANES), load_vector(row, token + 3 * LANES))
            if not any_larger(larger(left, right), splat(scores[at + k - 1])):
                token = stop
                continue
        for i in range(token, stop):
            if n < k or load(row, i) > scores[at + k - 1]:
                n = _insert(load(row, i), i, n, k, ids, scores, at)
        token = stop


@compiled
def log_total(row, top):
    """Return the logarithm of the sum of the exponentials of a row, whose largest value is `top`, in float64."""
    whole, total, highest = row.size - row.size % LANES, splat(_float32(0)), splat(top)
    for i in range(0, whole, LANES):
        total = plus(total, exponential(load_vector(row, i) - highest))
    rest = np.float64(sum_lanes(total))
    for i in range(whole, row.size):
        rest += np.exp(np.float64(load(row, i) - top))
    return np.float64(top) + np.log(rest)


@compiled
def best(logits, k, normalise, ids, scores):
    """Find the k best tokens of each row.

    Parameters
    ----------
    logits : ndarray of shape (n, V), float32, C-contiguous
    k : int
        At most V.
    normalise : bool
        Whether to return log-probabilities; otherwise logits.
    ids : ndarray of shape (n, k), int32
        Overwritten, best first; ties in order of id.
    scores : ndarray of shape (n, k), float64
        Overwritten.
    """
    found = np.empty(k, np.float32)
    for r in range(logits.shape[0]):
        _best_of_row(logits[r], k, ids[r], found, 0)
        shift = log_total(logits[r], found[0]) if normalise else 0.0
        for i in range(k):
            scores[r, i] = np.float64(found[i]) - shift


@compiled
def uniform(seed, line, place):
    """Return a number in [0, 1) that depends only on the three integers (SplitMix64 of each of them in turn)."""
    z = np.uint64(seed)
    for part in (np.uint64(line), np.uint64(place), np.uint64(0)):
        z = (z ^ part) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@compiled
def _sort_down(n, ids, weights):
    """Sort the first n tokens by falling weight, equal ones in their order.

    They are merged from runs of 1, 2, 4 and so on. NumPy's sort took 2 s to compile.
    """
    merged_ids, merged_weights = np.empty(n, np.int32), np.empty(n, np.float64)
    run = 1
    while run < n:
        for start in range(0, n, 2 * run):
            middle, stop = min(start + run, n), min(start + 2 * run, n)
            left, right = start, middle
            for to in range(start, stop):
                if left < middle and (right == stop or weights[left] >= weights[right]):
                    at = left
                    left += 1
                else:
                    at = right
                    right += 1
                merged_ids[to], merged_weights[to] = ids[at], weights[at]
        for i in range(n):
            ids[i], weights[i] = merged_ids[i], merged_weights[i]
        run *= 2


@compiled
def kept(row, temperature, top_k, top_p, ids, weights):
    """Write the tokens to sample from, and exp((score - best) / temperature) of each; return their number.

    Parameters
    ----------
    row : ndarray of shape (V,), float32
    temperature : float
        Greater than 0.
    top_k : int
        Keep only the k best; V keeps all.
    top_p : float
        Of these, keep the fewest, best first, whose probabilities sum to at least this; 1 keeps all.
    ids : ndarray of shape (V,), int32
        Overwritten: best first, or in ascending order if all are kept.
    weights : ndarray of shape (V,), float64
        Overwritten.
    """
    n, size = 0, row.size
    top = row[0]
    for i in range(size):
        top = max(top, row[i])
    if top_k < size:
        scores, n = np.empty(top_k, np.float32), top_k
        _best_of_row(row, top_k, ids, scores, 0)
        for i in range(n):
            weights[i] = np.exp((np.float64(scores[i]) - top) / temperature)
    else:
        total = 0.0
        for i in range(size):
            ids[i], weights[i] = i, np.exp((np.float64(row[i]) - top) / temperature)
            total += weights[i]
        if top_p >= 1:
            return size
        # the remaining tokens sum to less than 1 - top_p, so none of them is needed
        least = (1 - top_p) * total / size
        for i in range(size):
            if weights[i] >= least:
                ids[n], weights[n] = i, weights[i]
                n += 1
        _sort_down(n, ids, weights)
        weights[n:] = 0
    if top_p >= 1:
        return n
    total = weights[:n].sum() if top_k < size else total
    reached = 0.0
    for i in range(n):
        reached += weights[i]
        if reached >= top_p * total:
            return i + 1
    return n


@compiled
def draw(logits, lines, place, seed, temperature, top_k, top_p, tokens):
    """Sample a token of each row; see `kept`.

    Parameters
    ----------
    logits : ndarray of shape (n, V), float32, C-contiguous
    lines : ndarray of shape (n,), int64
        The sequence numbers that draws depend on, besides place and seed, so that they do not depend on other rows.
    place, seed : int
    temperature, top_k, top_p
        See `kept`.
    tokens : ndarray of shape (n,), int32
        Overwritten.
    """
    size = logits.shape[1]
    ids, weights = np.empty(size, np.int32), np.empty(size, np.float64)
    for r in range(logits.shape[0]):
        n = kept(logits[r], temperature, top_k, top_p, ids, weights)
        aim = uniform(seed, lines[r], place) * weights[:n].sum()
        chosen, reached = 0, weights[0]
        while reached <= aim and chosen < n - 1:
            chosen += 1
            reached += weights[chosen]
        tokens[r] = ids[chosen]


@compiled
def score(logits, tokens, scores):
    """Write the log-probability of one token in each row: tokens, shape (n,), int32; scores, shape (n,), float64."""
    for r in range(tokens.size):
        row = logits[r]
        top = row[0]
        for i in range(row.size):
            top = max(top, row[i])
        scores[r] = np.float64(row[tokens[r]]) - log_total(row, top)


@compiled
def continue_beams(ids, gains, scores, size, end, going, ended):
    """Choose the best continuations of every beam.

    Parameters
    ----------
    ids, gains : ndarray of shape (n_beams * n_rows, n), int32 and float64
        The best tokens of each row, best first, and their log-probabilities; at least size + 1, or all tokens.
    scores : ndarray of shape (n_beams, n_rows), float64
        The log-probabilities of the rows; -inf for unused ones.
    size : int
    end : int
        The token that ends a sequence; -1 without one.
    going : tuple of ndarray of shape (n_beams, size)
        Overwritten: the row, token, gain and score, int64, int32, float64 and float64, of unfinished continuations,
        best first; missing ones have a score of -inf.
    ended : tuple of ndarray of shape (n_beams * size,)
        Overwritten: the beam, row, gain and score, int64, int64, float64 and float64, of every end token among the
        `size` best.

    Returns
    -------
    int
        Number of finished sequences.
    """
    rows, tokens, own, totals = going
    n_rows, n_ended = scores.shape[1], 0
    place = np.empty(n_rows, np.int64)
    for b in range(scores.shape[0]):
        place[:] = 0
        rank = kept = 0
        while kept < size:
            row, best_total = -1, -np.inf
            for r in range(n_rows):
                if place[r] < ids.shape[1]:
                    total = scores[b, r] + gains[b * n_rows + r, place[r]]
                    if total > best_total:
                        row, best_total = r, total
            if row < 0:
                break
            at, i = b * n_rows + row, place[row]
            place[row] += 1
            if ids[at, i] != end:
                rows[b, kept], tokens[b, kept], own[b, kept], totals[b, kept] = at, ids[at, i], gains[at, i], best_total
                kept += 1
            elif rank < size:
                ended[0][n_ended], ended[1][n_ended] = b, at
                ended[2][n_ended], ended[3][n_ended] = gains[at, i], best_total
                n_ended += 1
            rank += 1
        for k in range(kept, size):
            rows[b, k], tokens[b, k], own[b, k], totals[b, k] = b * n_rows, 0, 0.0, -np.inf
    return n_ended
