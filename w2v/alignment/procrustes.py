"""The rotation that best maps vectors to others: orthogonal Procrustes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rotation_between(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the orthogonal matrix Q that minimises ‖X Q − Y‖: U Vᵀ, where XᵀY = U Σ Vᵀ.

    Parameters
    ----------
    x, y : ndarray of shape (n, D)
        Row i of x corresponds to row i of y.

    Returns
    -------
    ndarray of shape (D, D), float64

    References
    ----------
    .. [1] Schönemann 1966, A generalized solution of the orthogonal Procrustes problem, Psychometrika 31.
    .. [2] Xing et al. 2015, Normalized word embedding and orthogonal transform for bilingual word translation, NAACL.
    """
    u, _, vt = np.linalg.svd(np.asarray(x, np.float64).T @ np.asarray(y, np.float64))
    rotation: NDArray[np.float64] = u @ vt
    return rotation
