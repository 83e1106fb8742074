"""The output of a network that tags: a linear-chain conditional random field, or a softmax of each token by itself.

The tags y of a sentence with the emissions z have ::

    s(y) = a[y_1] + Σ_t z_t[y_t] + Σ_t A[y_{t-1}, y_t] + e[y_T]        p(y) = exp s(y) / Σ_y' exp s(y')

A, a and e are trained, and -inf where a tag may not stand, such as an I- behind an O. The sum over all ways and its
gradient are computed exactly, by forward-backward; the best way is found by Viterbi, with either output.
Derivation: docs/derivations/tagging.md.

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
    """Which tags may follow each other: 0 where they may, -inf where not.

    Attributes
    ----------
    transitions : ndarray of shape (K, K)
        Tag i before tag k.
    start, end : ndarray of shape (K,)
    """

    transitions: Floats
    start: Floats
    end: Floats

    @classmethod
    def none(cls, n_tags: int) -> Constraints:
        """Return those that allow everything."""
        return cls(np.zeros((n_tags, n_tags)), np.zeros(n_tags), np.zeros(n_tags))

    def scores(self, parameters: Mapping[str, Floats] | None, dtype: Any) -> Constraints:
        """Return A, a and e: those that were trained, or zeros if there are none, where they are allowed."""
        if parameters is None:
            return Constraints(*(array.astype(dtype) for array in self))
        arrays = parameters["transitions"], parameters["start"], parameters["end"]
        return Constraints(*((array + own).astype(dtype) for array, own in zip(arrays, self, strict=True)))


def tensors(n_tags: int) -> dict[str, Tensor]:
    """Return the arrays: ``transitions`` (K, K), ``start`` and ``end`` (K,); they begin at zero."""
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
    """Return −log p of the tags of each sentence, shape (B,), and the gradient of scale · their sum by z.

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
        The gradients of A, a and e are added to it; without it there are none, and None for that of z.
    """
    found = np.zeros(len(offsets) - 1, z.dtype)
    dz = np.empty_like(z) if total is not None else np.empty((0, z.shape[1]), z.dtype)
    gradients = [total[name] if total is not None else np.zeros_like(array) for name, array in zip(
        ("transitions", "start", "end"), scores, strict=True)]  # fmt: skip
    kernels.crf_losses(z, offsets, *scores, tags, float(scale), found, dz, *gradients)
    return found, None if total is None else dz


def best_tags(z: Floats, offsets: NDArray[np.int64], scores: Constraints) -> NDArray[np.int64]:
    """Return the tags of the most probable way to tag each sentence, shape (N,); forbidden ways are never taken."""
    tags = np.empty(len(z), np.int64)
    kernels.viterbi(z, offsets, *scores, tags)
    return tags


def probabilities(z: Floats, offsets: NDArray[np.int64], scores: Constraints) -> Floats:
    """Return the probability of every tag of every token, over all ways to tag its sentence, shape (N, K)."""
    found = np.empty_like(z)
    kernels.crf_marginals(z, offsets, *scores, found)
    return found
