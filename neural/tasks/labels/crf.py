"""Output layers of taggers: a linear-chain conditional random field, or an independent softmax for each token.

The tags y of a sentence with emissions z have ::

    s(y) = a[y_1] + Σ_t z_t[y_t] + Σ_t A[y_{t-1}, y_t] + e[y_T]        p(y) = exp s(y) / Σ_y' exp s(y')

A, a and e are trained, and -inf for invalid tags, such as I- after O. The sum over all tag sequences and its gradient
are computed exactly by forward-backward; the best sequence is found by Viterbi, for both outputs. Derivation:
docs/derivations/tagging.md.

References
----------
Lafferty, McCallum and Pereira 2001, Conditional random fields. Lample et al. 2016, arXiv:1603.01360.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels import crf as kernels
from w2v.neural.parameters import Tensor

Floats = NDArray[Any]


class Constraints(NamedTuple):
    """Which tags may follow each other: 0 if allowed, -inf if not.

    Attributes
    ----------
    transitions : ndarray of shape (K, K)
        From tag i to tag k.
    start, end : ndarray of shape (K,)
    """

    transitions: Floats
    start: Floats
    end: Floats

    @classmethod
    def none(cls, n_tags: int) -> Constraints:
        """Return constraints that allow everything."""
        return cls(np.zeros((n_tags, n_tags)), np.zeros(n_tags), np.zeros(n_tags))

    def scores(self, parameters: Mapping[str, Floats] | None, dtype: Any) -> Constraints:
        """Return A, a and e, or zeros if they are not trained; -inf where forbidden."""
        if parameters is None:
            return Constraints(*(array.astype(dtype) for array in self))
        arrays = parameters["transitions"], parameters["start"], parameters["end"]
        return Constraints(*((array + own).astype(dtype) for array, own in zip(arrays, self, strict=True)))


def tensors(n_tags: int) -> dict[str, Tensor]:
    """Return the arrays: ``transitions`` (K, K), ``start`` and ``end`` (K,), initialised to zero."""
    return {"transitions": Tensor((n_tags, n_tags)), "start": Tensor((n_tags,)), "end": Tensor((n_tags,))}


def losses(
    z: Floats,
    offsets: NDArray[np.int64],
    scores: Constraints,
    tags: NDArray[np.int64],
    *,
    scale: float = 1.0,
    total: Mapping[str, Floats] | None = None,
) -> tuple[Floats, Floats | None]:
    """Return −log p of the tags of each sentence, shape (B,), and the gradient of scale · their sum with respect to z.

    Parameters
    ----------
    z : ndarray of shape (N, K)
        Emissions.
    offsets : ndarray of shape (B + 1,), int64
    scores : Constraints
        A, a and e.
    tags : ndarray of shape (N,), int64
    scale : float
    total : mapping, optional
        The gradients of A, a and e are added to it; without it, no gradients are computed, and that of z is None.
    """
    found = np.zeros(len(offsets) - 1, z.dtype)
    dz = np.empty_like(z) if total is not None else np.empty((0, z.shape[1]), z.dtype)
    gradients = [total[name] if total is not None else np.zeros_like(array) for name, array in zip(
        ("transitions", "start", "end"), scores, strict=True)]  # fmt: skip
    kernels.crf_losses(z, offsets, *scores, tags, float(scale), found, dz, *gradients)
    return found, None if total is None else dz


def best_tags(z: Floats, offsets: NDArray[np.int64], scores: Constraints) -> NDArray[np.int64]:
    """Return the most probable tag sequence of each sentence, shape (N,), int64; it is always a valid sequence."""
    tags = np.empty(len(z), np.int64)
    kernels.viterbi(z, offsets, *scores, tags)
    return tags


def probabilities(z: Floats, offsets: NDArray[np.int64], scores: Constraints) -> Floats:
    """Return the probability of every tag of every token, over all tag sequences of its sentence, shape (N, K)."""
    found = np.empty_like(z)
    kernels.crf_marginals(z, offsets, *scores, found)
    return found
