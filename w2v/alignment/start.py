"""A first dictionary without any: words whose similarities to their own language are distributed alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.alignment.procrustes import rotation_between
from w2v.alignment.similarities import Nearest, Units, nearest_by_csls
from w2v.vectors.lookup import to_units

_WORDS = 3_000
"""The most frequent words that the start looks at."""

_FIRST_KEPT, _PATIENCE, _MOST_STEPS = 0.1, 8, 400


class Start(NamedTuple):
    """What is known before the first rotation: pairs, and the steps that led to them."""

    pairs: NDArray[np.int64]
    steps: int


def start_without_dictionary(x: Units, y: Units, k: int, rng: np.random.Generator) -> Start:
    """Return pairs of words that were found without a dictionary.

    Words are paired whose similarities to the words of their own language, sorted, are alike [1]_. These pairs are
    mostly wrong; from there rotation and dictionary are learned in turns, and at first only a tenth of the pairs of
    words are looked at, drawn anew each time, so that the search does not end in the first hollow.

    Parameters
    ----------
    x, y : ndarray of shape (n, D) and (m, D), float32
        Unit vectors, the most frequent words first.
    k : int
        Neighbours of CSLS.
    rng : numpy.random.Generator

    Returns
    -------
    Start

    References
    ----------
    .. [1] Artetxe, Labaka and Agirre 2018, A robust self-learning method for fully unsupervised cross-lingual mappings
       of word embeddings, ACL; `vecmap`.
    """
    n = min(_WORDS, len(x), len(y))
    x, y = _centred(x[:n]), _centred(y[:n])
    of_x, of_y = _profiles(x), _profiles(y)
    _, nearest = nearest_by_csls(of_x, of_y, k)
    keep, best, waited, steps = _FIRST_KEPT, -np.inf, 0, 0
    while steps < _MOST_STEPS and not (keep >= 1 and waited > _PATIENCE):
        if waited > _PATIENCE:
            keep, waited = min(1.0, 2 * keep), 0
        pairs = _of_both_sides(nearest)
        turned = (x @ rotation_between(x[pairs[:, 0]], y[pairs[:, 1]])).astype(np.float32)
        _, nearest = nearest_by_csls(turned, y, k, keep=keep, rng=rng)
        likeness = float(nearest.cosines.mean())
        waited = 0 if likeness > best + 1e-4 else waited + 1
        best, steps = max(best, likeness), steps + 1
    return Start(nearest.mutual(), steps)


def _of_both_sides(nearest: Nearest) -> NDArray[np.int64]:
    """Return the choices of the words of both languages as pairs, shape (p, 2)."""
    forward, backward = np.flatnonzero(nearest.forward >= 0), np.flatnonzero(nearest.backward >= 0)
    return np.concatenate([
        np.stack([forward, nearest.forward[forward]], axis=1),
        np.stack([nearest.backward[backward], backward], axis=1),
    ])  # fmt: skip


def _centred(units: Units) -> Units:
    """Return rows about their mean, at length 1."""
    return to_units(units - units.mean(axis=0)).astype(np.float32)


def _profiles(units: Units) -> Units:
    """Return for each word its similarities to all words of its language, sorted, about their mean, at length 1.

    With X = U S Vᵀ the similarities are those of √(X Xᵀ) = U S Uᵀ, whose distributions differ less between languages.
    """
    u, s, _ = np.linalg.svd(units, full_matrices=False)
    return _centred(to_units(np.sort((u * s) @ u.T, axis=1)).astype(np.float32))
