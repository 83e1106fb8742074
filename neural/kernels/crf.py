"""Sums and maxima over all tag sequences of a sentence, in Numba; see `w2v.neural.tasks.labels.crf`.

A sentence of T tokens has emissions z_1 … z_T, each for K tags. The score of a tag sequence is the sum of its
emissions, its T - 1 transitions, and its start and end scores; -inf means forbidden. Sums are float64 and rescaled at
each token to avoid overflow. Nothing is checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled


@compiled
def _longest(offsets):
    """Return the number of tokens of the longest sentence."""
    longest = 0
    for b in range(offsets.size - 1):
        longest = max(longest, offsets[b + 1] - offsets[b])
    return longest


@compiled
def _forward(z, first, last, factors, starts, ends, weights, alphas, scales):
    """Fill weights, alphas and scales of a sentence; return the log of the sum over all tag sequences.

    alphas[t] are the sums over all tag sequences up to the tags of token t, divided by their total; scales[t] is that
    total.
    """
    n_tags = starts.size
    total = 0.0
    for t in range(last - first):
        top = z[first + t, 0]
        for k in range(1, n_tags):
            top = max(top, z[first + t, k])
        total += top
        for k in range(n_tags):
            weights[t, k] = np.exp(np.float64(z[first + t, k]) - top)
            alphas[t, k] = starts[k] if t == 0 else 0.0
        if t:
            for i in range(n_tags):
                before = alphas[t - 1, i]
                for k in range(n_tags):
                    alphas[t, k] += before * factors[i, k]
        scale = 0.0
        for k in range(n_tags):
            alphas[t, k] *= weights[t, k]
            scale += alphas[t, k]
        scales[t] = scale
        total += np.log(scale)
        for k in range(n_tags):
            alphas[t, k] /= scale
    end = 0.0
    for k in range(n_tags):
        end += alphas[last - first - 1, k] * ends[k]
    scales[last - first] = end
    return total + np.log(end)


@compiled
def _backward(n, factors, ends, weights, scales, betas, rest):
    """Fill the betas of a sentence of n tokens: alphas * betas are the tag probabilities of each token."""
    n_tags = ends.size
    for k in range(n_tags):
        betas[n - 1, k] = ends[k] / scales[n]
    for t in range(n - 2, -1, -1):
        for k in range(n_tags):
            rest[k] = weights[t + 1, k] * betas[t + 1, k] / scales[t + 1]
        for i in range(n_tags):
            total = 0.0
            for k in range(n_tags):
                total += factors[i, k] * rest[k]
            betas[t, i] = total


@compiled
def crf_losses(z, offsets, transitions, start, end, tags, scale, losses, dz, dtransitions, dstart, dend):
    """Compute -log p of the tags of sentences and, unless dz is empty, the gradients of scale * their sum.

    Parameters
    ----------
    z : ndarray of shape (N, K)
    offsets : ndarray of shape (B + 1,), int64
    transitions : ndarray of shape (K, K)
        From tag i to tag k; -inf if forbidden.
    start, end : ndarray of shape (K,)
    tags : ndarray of shape (N,), integers in [0, K)
    scale : float
    losses : ndarray of shape (B,)
        Overwritten; 0 for a sentence without tokens.
    dz : ndarray of shape (N, K) or (0, K)
        Overwritten.
    dtransitions, dstart, dend : ndarray of shape (K, K), (K,) and (K,)
        Added to.
    """
    n_tags, longest = start.size, _longest(offsets)
    factors, starts, ends = (
        np.exp(transitions.astype(np.float64)),
        np.exp(start.astype(np.float64)),
        np.exp(end.astype(np.float64)),
    )
    weights, alphas, betas = np.empty((longest, n_tags)), np.empty((longest, n_tags)), np.empty((longest, n_tags))
    scales, rest = np.empty(longest + 1), np.empty(n_tags)
    pairs = np.zeros((n_tags, n_tags))
    for b in range(offsets.size - 1):
        first, last = offsets[b], offsets[b + 1]
        losses[b] = 0
        if first == last:
            continue
        total = _forward(z, first, last, factors, starts, ends, weights, alphas, scales)
        score = np.float64(start[tags[first]]) + end[tags[last - 1]]
        for t in range(first, last):
            score += z[t, tags[t]]
            if t > first:
                score += transitions[tags[t - 1], tags[t]]
        losses[b] = total - score
        if dz.shape[0] == 0:
            continue
        _backward(last - first, factors, ends, weights, scales, betas, rest)
        for t in range(last - first):
            for k in range(n_tags):
                p = alphas[t, k] * betas[t, k]
                dz[first + t, k] = scale * p
                if t == 0:
                    dstart[k] += scale * p
                if t == last - first - 1:
                    dend[k] += scale * p
            if t:
                for k in range(n_tags):
                    rest[k] = weights[t, k] * betas[t, k] / scales[t]
                for i in range(n_tags):
                    before = alphas[t - 1, i]
                    for k in range(n_tags):
                        pairs[i, k] += before * rest[k]
            dz[first + t, tags[first + t]] -= scale
            if t:
                dtransitions[tags[first + t - 1], tags[first + t]] -= scale
        dstart[tags[first]] -= scale
        dend[tags[last - 1]] -= scale
    if dz.shape[0]:
        for i in range(n_tags):
            for k in range(n_tags):
                dtransitions[i, k] += scale * pairs[i, k] * factors[i, k]


@compiled
def crf_marginals(z, offsets, transitions, start, end, found):
    """Write the probability of every tag of every token to `found`, shape (N, K); inputs are as for `crf_losses`."""
    n_tags, longest = start.size, _longest(offsets)
    factors, starts, ends = (
        np.exp(transitions.astype(np.float64)),
        np.exp(start.astype(np.float64)),
        np.exp(end.astype(np.float64)),
    )
    weights, alphas, betas = np.empty((longest, n_tags)), np.empty((longest, n_tags)), np.empty((longest, n_tags))
    scales, rest = np.empty(longest + 1), np.empty(n_tags)
    for b in range(offsets.size - 1):
        first, last = offsets[b], offsets[b + 1]
        if first == last:
            continue
        _forward(z, first, last, factors, starts, ends, weights, alphas, scales)
        _backward(last - first, factors, ends, weights, scales, betas, rest)
        for t in range(last - first):
            for k in range(n_tags):
                found[first + t, k] = alphas[t, k] * betas[t, k]


@compiled
def viterbi(z, offsets, transitions, start, end, tags):
    """Write the best tag sequence of each sentence to `tags`, shape (N,), int64; inputs are as for `crf_losses`.

    Ties go to the sequence whose last tag has the lowest number, then the tag before it, and so on.
    """
    n_tags, longest = start.size, _longest(offsets)
    came = np.empty((longest, n_tags), np.int64)
    best, new = np.empty(n_tags, z.dtype), np.empty(n_tags, z.dtype)
    for b in range(offsets.size - 1):
        first, last = offsets[b], offsets[b + 1]
        if first == last:
            continue
        for k in range(n_tags):
            best[k] = start[k] + z[first, k]
        for t in range(1, last - first):
            for k in range(n_tags):
                new[k] = best[0] + transitions[0, k]
                came[t, k] = 0
            for i in range(1, n_tags):
                for k in range(n_tags):
                    score = best[i] + transitions[i, k]
                    if score > new[k]:
                        new[k] = score
                        came[t, k] = i
            for k in range(n_tags):
                best[k] = new[k] + z[first + t, k]
        tag = 0
        for k in range(1, n_tags):
            if best[k] + end[k] > best[tag] + end[tag]:
                tag = k
        for t in range(last - first - 1, -1, -1):
            tags[first + t] = tag
            if t:
                tag = came[t, tag]
