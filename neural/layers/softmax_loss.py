"""The output layer of classifiers: logits h Eᵀ + b with output embeddings E (V, d), softmax and cross-entropy.

Targets may be smoothed: 1 − s for the right class, plus s spread evenly over all classes.

References
----------
Szegedy et al. 2016, Rethinking the Inception architecture, arXiv:1512.00567, section 7 (smoothing). Press and Wolf
2017, arXiv:1608.05859 (E is the table of input embeddings). Derivation: docs/derivations/objectives.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import softmax_loss as kernels

Floats = NDArray[Any]
_PIECE = 256


class Gradients(NamedTuple):
    """The arrays that the gradients of table and bias are added to."""

    table: Floats
    bias: Floats


class TokenLosses(NamedTuple):
    """The losses of tokens.

    Attributes
    ----------
    smoothed, plain : ndarray of shape (N,)
        Cross-entropy of each token in nats, for smoothed and for plain targets; the latter is −log p.
    dhidden : ndarray of shape (N, d), or None
        The gradient of scale · Σ smoothed; None if not requested.
    """

    smoothed: Floats
    plain: Floats
    dhidden: Floats | None


def token_losses(
    hidden: Floats,
    table: Floats,
    bias: Floats,
    targets: NDArray[np.integer[Any]],
    *,
    smoothing: float = 0.0,
    scale: float = 1.0,
    gradients: Gradients | None = None,
) -> TokenLosses:
    """Return the losses of tokens and the gradient of scale · Σ smoothed.

    Parameters
    ----------
    hidden : ndarray of shape (N, d), C-contiguous
    table : ndarray of shape (V, d), C-contiguous
    bias : ndarray of shape (V,)
    targets : ndarray of shape (N,)
        The right class of each token, in [0, V).
    smoothing : float, default 0
        Label smoothing s, in [0, 1).
    scale : float, default 1
    gradients : Gradients, optional
        The gradients of table and bias are added to these; without them only the losses are computed.

    Notes
    -----
    In float32, memory grows with V, not with N · V, and the loss and gradient of a token do not depend on other tokens,
    bit for bit.
    """
    smoothed, plain = np.empty(len(hidden), hidden.dtype), np.empty(len(hidden), hidden.dtype)
    dhidden = None if gradients is None else empty(hidden.shape, hidden.dtype)
    if hidden.dtype == np.float32:
        nothing = np.empty(0, np.float32)
        dh, dtable, dbias = (
            (nothing, nothing, nothing)
            if gradients is None or dhidden is None
            else (dhidden.reshape(-1), gradients.table.reshape(-1), gradients.bias)
        )
        kernels.softmax_loss(  # with the types that it is compiled for
            hidden.ravel(), *hidden.shape, table.ravel(), bias, targets.astype(np.int64), float(smoothing),
            np.float32(scale), empty((len(table) * kernels.PIECE,)), smoothed, plain, dh, dtable, dbias,
        )  # fmt: skip
        return TokenLosses(smoothed, plain, dhidden)
    for first in range(0, len(hidden), _PIECE):
        part = slice(first, first + _PIECE)
        h, right = hidden[part], targets[part]
        each = np.arange(len(h))
        logits = h @ table.T + bias
        top = logits.max(axis=1, keepdims=True)
        total = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        plain[part] = total[:, 0] - logits[each, right]
        smoothed[part] = (1 - smoothing) * plain[part] + smoothing * (total[:, 0] - logits.mean(axis=1))
        if gradients is not None and dhidden is not None:
            g = np.exp(logits - total) - smoothing / len(table)
            g[each, right] -= 1 - smoothing
            g *= scale
            dhidden[part] = g @ table
            gradients.table[...] += g.T @ h
            gradients.bias[...] += g.sum(axis=0)
    return TokenLosses(smoothed, plain, dhidden)
