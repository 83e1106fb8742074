"""How far the two tables of a model are from being each other's pseudo-inverse, and how they relate instead.

An autoencoder of words learns W′ᵀ = W⁺, up to a factor. A model that predicts neighbours does not: W Wʹᵀ is near PMI −
log k, which is far from the identity. docs/how-it-works/inverses.md has the details.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.storage.tensors import read_tensors
from w2v.vectors.model_folder import LAYOUT
from w2v.vectors.persistence import read_config

Floats = NDArray[np.floating[Any]]


class Inverses(NamedTuple):
    """The relation between two tables W and W′.

    Attributes
    ----------
    from_inverse : float
        min over c of ‖W′ − c (W⁺)ᵀ‖ / ‖W′‖: 0 for a pseudo-inverse, 1 for unrelated tables.
    from_identity : float
        min over c of ‖W′ᵀ W − c I‖ / ‖W′ᵀ W‖.
    own_first : float
        Fraction of words whose own output vector has the largest dot product with their vector.
    linear_fit : float
        R² of the best affine map from W to W′.
    mean_cosine : float
        Cosine of the mean vectors of both tables.
    n_words : int
        Number of words used.
    """

    from_inverse: float
    from_identity: float
    own_first: float
    linear_fit: float
    mean_cosine: float
    n_words: int


def measure_inverses(inputs: Floats, outputs: Floats, *, n_words: int = 10_000, n_asked: int = 5_000) -> Inverses:
    """Measure how far two tables are from being each other's pseudo-inverse.

    Parameters
    ----------
    inputs, outputs : ndarray of shape (V, D)
        W and W′: row v of both belongs to the same word, the most frequent words first.
    n_words : int, default 10,000
        Number of words to use, from the first on.
    n_asked : int, default 5,000
        Number of these to use for `own_first`.

    Returns
    -------
    Inverses

    Raises
    ------
    ValueError
        If the tables differ in shape, are empty, or one of them is all zeros.

    References
    ----------
    .. [1] Levy and Goldberg 2014, Neural word embedding as implicit matrix factorization.
    .. [2] Mimno and Thompson 2017, The strange geometry of skip-gram with negative sampling.
    """
    if inputs.ndim != 2 or inputs.shape != outputs.shape or not inputs.size:
        raise ValueError(f"two tables of the same shape are needed, not {inputs.shape} and {outputs.shape}")
    w, w_out = (np.asarray(table[:n_words], np.float64) for table in (inputs, outputs))
    if not w.any() or not w_out.any():
        raise ValueError("one of the tables is all zeros, so it is untrained")
    product = w_out.T @ w
    identity = np.trace(product) / len(product) * np.eye(len(product))
    products = w[:n_asked] @ w_out.T
    centred, centred_out = w - w.mean(axis=0), w_out - w_out.mean(axis=0)
    fitted = centred @ np.linalg.lstsq(centred, centred_out)[0]
    spread = np.square(centred_out).sum()
    means = w.mean(axis=0), w_out.mean(axis=0)
    lengths = np.linalg.norm(means[0]) * np.linalg.norm(means[1])
    return Inverses(
        _distance(w_out, np.linalg.pinv(w).T),
        float(np.linalg.norm(product - identity) / np.linalg.norm(product)),
        float((products.argmax(axis=1) == np.arange(len(products))).mean()),
        float(1 - np.square(centred_out - fitted).sum() / spread) if spread else 1.0,
        float(means[0] @ means[1] / lengths) if lengths else 0.0,
        len(w),
    )


def _distance(a: Floats, b: Floats) -> float:
    """Return min over c of ‖a − c b‖ / ‖a‖."""
    c = np.vdot(a, b) / np.vdot(b, b)
    return float(np.linalg.norm(a - c * b) / np.linalg.norm(a))


_OF_ONE_TABLE = ("hs", "glove")


def read_output_vectors(folder: str | os.PathLike[str], shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """Return the table W′ that a folder of word vectors keeps for further training, one row per word.

    Parameters
    ----------
    folder : str or path-like
    shape : tuple of int
        The shape of the vectors, (V, D).

    Returns
    -------
    ndarray of shape (V, D), float32, or None
        None if the folder holds no training state, or an untrained one, or one without a second table: that of
        hierarchical softmax, whose output vectors belong to the nodes of a tree, or of GloVe, whose vectors are sums.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    file = Path(folder, LAYOUT.training)
    if not file.is_file() or read_config(folder).get("parameters", {}).get("objective") in _OF_ONE_TABLE:
        return None
    found = read_tensors(file).get("output_vectors")
    if found is None or found.shape != shape or not np.isfinite(found).all() or not found.any():
        return None
    return found
