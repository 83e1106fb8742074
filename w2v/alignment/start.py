"""An initial dictionary from nothing: words with similar distributions of similarities within their languages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.alignment.procrustes import rotation_between
from w2v.alignment.similarities import Nearest, Units, nearest_by_csls
from w2v.vectors.lookup import to_units

_WORDS = 3_000
"""Number of the most frequent words that the start considers."""

_FIRST_KEPT, _PATIENCE, _MOST_STEPS = 0.1, 8, 400


class Start(NamedTuple):
    """The state before the first rotation: pairs, and the number of steps that led to them."""

    pairs: NDArray[np.int64]
    steps: int


def start_without_dictionary(x: Units, y: Units, k: int, rng: np.random.Generator) -> Start:
    """Find pairs of words without a dictionary.

    Words are paired if their sorted similarities to the words of their own language are alike [1]_. These pairs are
    mostly wrong. From there the rotation and the dictionary are learned in turn. At first each step considers only a
    random tenth of all word pairs, so the search does not end in the first local optimum.

    Parameters
    ----------
    x, y : ndarray of shape (n, D) and (m, D), float32
        Unit vectors, the most frequent words first.
    k : int
        Number of neighbours for CSLS.
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
    """Return the nearest words of both languages as pairs, shape (p, 2), int64."""
    forward, backward = np.flatnonzero(nearest.forward >= 0), np.flatnonzero(nearest.backward >= 0)
    return np.concatenate([
        np.stack([forward, nearest.forward[forward]], axis=1),
        np.stack([nearest.backward[backward], backward], axis=1),
    ])  # fmt: skip


def _centred(units: Units) -> Units:
    """Subtract the mean from all rows and normalise them."""
    return to_units(units - units.mean(axis=0)).astype(np.float32)


def _profiles(units: Units) -> Units:
    """Return the sorted similarities of each word to all words of its language, centred and normalised.

    With X = U S Vᵀ, the similarities are those in √(X Xᵀ) = U S Uᵀ, whose distributions differ less between languages.
    """
    u, s, _ = np.linalg.svd(units, full_matrices=False)
    return _centred(to_units(np.sort((u * s) @ u.T, axis=1)).astype(np.float32))
