"""fastText's network and its training in Numba: texts as bags of features, and a linear classifier of their means.

The features of a text are rows of a table: for its words, for the character n-grams of each word, and for word n-grams,
both kinds hashed into buckets. The mean h of these rows passes through a linear map, followed by softmax, or by a
sigmoid for each class::

    h = mean(table[features])      z = output h      p = softmax(z) or sigmoid(z)

A step processes one text and, with g = wanted - p, updates `output` by rate * g h^T and each row of the text by rate *
output^T g / n. Rows of `table` and `output` have a multiple of LANES columns, so that they are whole vectors; columns
beyond the network's dimension stay zero.

References
----------
Joulin et al. 2017, Bag of tricks for efficient text classification, arXiv:1607.01759.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.random import next_random, uniform
from w2v.kernels.simd import LANES, fma, load, load_vector, prefetch, splat, store_vector, sum_lanes

_NGRAM_MULTIPLIER = 116049371  # fastText's
_LINE = 16  # floats of a cache line
_LEAST = 1e-30
_float32, _uint64 = np.float32, np.uint64


class TokenEntries(NamedTuple):
    """The tokens of all texts, as entries of a list of distinct words."""

    found: NDArray[np.int32]
    ends: NDArray[np.int64]
    """Number of tokens up to the end of each text, shape (S,)."""
    rows: NDArray[np.int32]
    """For each entry, the row of its word, -1 if it has none."""
    hashes: NDArray[np.int32]
    """For each entry, the value that word n-grams are hashed from."""
    starts: NDArray[np.int64]
    buckets: NDArray[np.int64]
    """The character n-grams of entry e are in buckets[starts[e] : starts[e + 1]]."""


class Bags(NamedTuple):
    """Text s has the rows features[starts[s] : starts[s + 1]]."""

    features: NDArray[np.int32]
    starts: NDArray[np.int64]


class Targets(NamedTuple):
    """Text s belongs to classes[starts[s] : starts[s + 1]]."""

    classes: NDArray[np.int32]
    starts: NDArray[np.int64]
    weights: NDArray[np.float32]
    """Weight of each class in the loss, shape (K,)."""


class Linear(NamedTuple):
    """The arrays of the network, flat, with R and K rows of `width` columns."""

    table: NDArray[np.float32]
    output: NDArray[np.float32]
    width: int


@compiled
def _place(places, bucket, n_rows):
    """Return the number of buckets with rows after this one is given a row, if buckets are being assigned rows."""
    if places[bucket] < 0 <= n_rows:
        places[bucket] = n_rows
        return n_rows + 1
    return n_rows


@compiled
def find_features(tokens, longest, n_words, places, n_rows, bags):
    """Write the features of every text as rows of the table.

    Parameters
    ----------
    tokens : TokenEntries
    longest : int
        Maximum number of words in a word n-gram; 1 for none.
    n_words : int
        The row of the first bucket.
    places : ndarray of shape (buckets,), int32
        The row of each bucket relative to the first bucket's row, -1 if it has none: features in it are left out.
    n_rows : int
        Number of buckets with rows. Other buckets are assigned rows in order of occurrence, which changes `places`. -1
        leaves `places` unchanged.
    bags : Bags
        Overwritten; `features` must have room for all features.

    Returns
    -------
    n_rows : int
    """
    features, starts = bags
    n_buckets = _uint64(max(1, places.size))
    n = first = 0
    starts[0] = 0
    for text in range(tokens.ends.size):
        last = tokens.ends[text]
        for token in range(first, last):
            entry = tokens.found[token]
            if tokens.rows[entry] >= 0:
                features[n] = tokens.rows[entry]
                n += 1
            for piece in range(tokens.starts[entry], tokens.starts[entry + 1]):
                bucket = tokens.buckets[piece]
                n_rows = _place(places, bucket, n_rows)
                if places[bucket] >= 0:
                    features[n] = n_words + places[bucket]
                    n += 1
        for token in range(first, last):
            h = _uint64(np.int64(tokens.hashes[tokens.found[token]]))
            for further in range(token + 1, min(token + longest, last)):
                h = h * _uint64(_NGRAM_MULTIPLIER) + _uint64(np.int64(tokens.hashes[tokens.found[further]]))
                bucket = np.int64(h % n_buckets)
                n_rows = _place(places, bucket, n_rows)
                if places[bucket] >= 0:
                    features[n] = n_words + places[bucket]
                    n += 1
        first = last
        starts[text + 1] = n
    return n_rows


@compiled
def _mean_row(features, start, stop, table, width, hidden):
    """Write the mean of some rows of the table to `hidden`; zeros if there are none."""
    scale = splat(_float32(1) / _float32(max(stop - start, 1)))
    for d in range(0, width, LANES):
        total = splat(_float32(0))
        for i in range(start, stop):
            total = total + load_vector(table, np.int64(load(features, i)) * width + d)
        store_vector(hidden, d, total * scale)


@compiled
def _class_logits(hidden, output, width, z):
    """Write the logit of every class to `z`."""
    for k in range(z.size):
        total = splat(_float32(0))
        for d in range(0, width, LANES):
            total = fma(load_vector(hidden, d), load_vector(output, k * width + d), total)
        z[k] = sum_lanes(total)


@compiled
def _probabilities(z, one_of_many):
    """Turn logits into probabilities: by softmax, or by a sigmoid for each."""
    if not one_of_many:
        for k in range(z.size):
            z[k] = _float32(1) / (_float32(1) + np.exp(-z[k]))
        return
    top = z[0]
    for k in range(1, z.size):
        top = max(top, z[k])
    total = _float32(0)
    for k in range(z.size):
        z[k] = np.exp(z[k] - top)
        total += z[k]
    for k in range(z.size):
        z[k] /= total


@compiled
def bag_logits(bags, network, logits):
    """Write the logits of every text to `logits`, shape (S, K), float32. NumPy equivalent: see the module docstring."""
    hidden = np.empty(network.width, np.float32)
    for text in range(bags.starts.size - 1):
        _mean_row(bags.features, bags.starts[text], bags.starts[text + 1], network.table, network.width, hidden)
        _class_logits(hidden, network.output, network.width, logits[text])


@compiled
def _prefetch_rows(bags, text, table, width):
    for i in range(bags.starts[text], bags.starts[text + 1]):
        for d in range(0, width, _LINE):
            prefetch(table, np.int64(load(bags.features, i)) * width + d)


@compiled
def _keep(bags, text, dropped, state, kept):
    """Write the features of a text that are not dropped to `kept`; return their number and the random state."""
    n = 0
    for i in range(bags.starts[text], bags.starts[text + 1]):
        kept[n] = bags.features[i]
        if dropped > 0:
            state = next_random(state)
            n += np.int64(uniform(state) >= dropped)  # without an unpredictable branch
        else:
            n += 1
    return n, state


@compiled
def train_bags(bags, targets, order, network, one_of_many, rates, dropout, seed):
    """Take a step for each text in `order`; return the sum of their losses in nats.

    Parameters
    ----------
    bags : Bags
    targets : Targets
    order : ndarray of shape (n,), int64
        Indices of texts.
    network : Linear
        Modified.
    one_of_many : bool
        Use softmax, with one class per text; otherwise each class is a separate yes/no question.
    rates : (float, float)
        Learning rate of the first step, and of the step after the last, with linear interpolation between them.
    dropout : float
        Probability that a step drops a feature.
    seed : uint64
        Seed of the dropout.
    """
    table, output, width = network
    n_classes, longest = targets.weights.size, 0
    for text in range(bags.starts.size - 1):
        longest = max(longest, bags.starts[text + 1] - bags.starts[text])
    kept = np.empty(longest, np.int32)
    hidden, moved = np.empty(width, np.float32), np.empty(width, np.float32)
    p, wanted = np.empty(n_classes, np.float32), np.zeros(n_classes, np.float32)
    dropped, loss = _float32(dropout), 0.0
    for step in range(order.size):
        text = order[step]
        if step + 1 < order.size:
            _prefetch_rows(bags, order[step + 1], table, width)
        n, seed = _keep(bags, text, dropped, seed, kept)
        if n == 0:
            continue
        rate = _float32(rates[0] + (rates[1] - rates[0]) * step / order.size)
        _mean_row(kept, 0, n, table, width, hidden)
        _class_logits(hidden, output, width, p)
        _probabilities(p, one_of_many)
        own = targets.classes[targets.starts[text] : targets.starts[text + 1]]
        for k in own:
            wanted[k] = 1
        for d in range(0, width, LANES):
            store_vector(moved, d, splat(_float32(0)))
        for k in range(n_classes):
            weight = targets.weights[own[0] if one_of_many else k]
            if wanted[k] > 0:
                loss -= weight * np.log(max(p[k], _float32(_LEAST)))
            elif not one_of_many:
                loss -= weight * np.log(max(_float32(1) - p[k], _float32(_LEAST)))
            g = splat(rate * weight * (wanted[k] - p[k]))
            for d in range(0, width, LANES):
                row = load_vector(output, k * width + d)
                store_vector(moved, d, fma(g, row, load_vector(moved, d)))
                store_vector(output, k * width + d, fma(g, load_vector(hidden, d), row))
        for k in own:
            wanted[k] = 0
        scale = splat(_float32(1) / _float32(n))
        for d in range(0, width, LANES):
            change = load_vector(moved, d) * scale
            for i in range(n):
                at = np.int64(load(kept, i)) * width + d
                store_vector(table, at, load_vector(table, at) + change)
    return loss
