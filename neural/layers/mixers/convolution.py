"""A gated convolution: every token reads a window of its sequence, padded with zeros.

::

    w = x_{i − l} … x_{i − l + k − 1}, concatenated       l = k − 1 if causal, else (k − 1) // 2
    y = ((w V + b) ⊙ σ(w G + c)) O + o

References
----------
Dauphin et al. 2017, Language modeling with gated convolutional networks, arXiv:1612.08083. Gehring et al. 2017,
Convolutional sequence to sequence learning, arXiv:1705.03122. Derivation: docs/derivations/convolution.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.layers import activations, linear
from w2v.neural.parameters import Tensor, scope, within

Floats = NDArray[Any]


class _Places(NamedTuple):
    """The token at each place of each window, shape (N, k), and whether it is in the same sequence."""

    tokens: NDArray[np.int64]
    inside: NDArray[np.bool_]


class Cache(NamedTuple):
    """Values that `backward` needs."""

    places: _Places
    value: linear.Cache
    gate: linear.Cache
    before: Floats
    values: Floats
    gates: Floats
    output: linear.Cache


def tensors(dim: int, window: int) -> dict[str, Tensor]:
    """Return the arrays of the layer: ``value`` and ``gate`` of windows, and ``output``, all `linear` layers."""
    inner = linear.tensors(window * dim, dim, deviation=(2 / (window * dim)) ** 0.5)
    return {
        **within("value", inner),
        **within("gate", inner),
        **within("output", linear.tensors(dim, dim)),
    }


def forward(
    parameters: Mapping[str, Floats], x: Floats, offsets: NDArray[np.int64], *, window: int, causal: bool
) -> tuple[Floats, Cache]:
    """Return the convolution of the window of each token.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    offsets : ndarray of shape (B + 1,), int64
    window : int
        k, the kernel width in tokens.
    causal : bool
        Whether the window ends at the token itself.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache
    """
    places = _places(offsets, window, causal)
    windows = empty((len(x), window, x.shape[1]), x.dtype)
    if len(x):
        np.take(x, places.tokens, axis=0, out=windows, mode="clip")
        windows[~places.inside] = 0
    flat = windows.reshape(len(x), window * x.shape[1])
    values, value = linear.forward(scope(parameters, "value"), flat)
    before, gate = linear.forward(scope(parameters, "gate"), flat)
    gates, _ = activations.forward(before, "sigmoid")
    active = np.multiply(values, gates, out=empty(values.shape, values.dtype))
    y, output = linear.forward(scope(parameters, "output"), active)
    return y, Cache(places, value, gate, before, values, gates, output)


def backward(parameters: Mapping[str, Floats], dy: Floats, cache: Cache) -> tuple[Floats, dict[str, Floats]]:
    """Return dx and the gradients of the parameters."""
    tokens, inside = cache.places
    dactive, output = linear.backward(scope(parameters, "output"), dy, cache.output)
    dvalues = dactive * cache.gates  # y = value ⊙ σ(gate)
    dgates = activations.backward(dactive * cache.values, cache.before, "sigmoid")
    from_values, value = linear.backward(scope(parameters, "value"), dvalues, cache.value)
    from_gates, gate = linear.backward(scope(parameters, "gate"), dgates, cache.gate)
    dwindows = np.add(from_values, from_gates, out=from_values).reshape(len(dy), tokens.shape[1], dy.shape[1])
    dx = np.zeros_like(dy)
    for k in range(tokens.shape[1]):
        dx[tokens[inside[:, k], k]] += dwindows[inside[:, k], k]
    return dx, {**within("value", value), **within("gate", gate), **within("output", output)}


def _places(offsets: NDArray[np.int64], window: int, causal: bool) -> _Places:
    lengths = np.diff(offsets)
    first = window - 1 if causal else (window - 1) // 2
    tokens = np.arange(offsets[-1])[:, None] + np.arange(window) - first
    starts, ends = (np.repeat(borders, lengths)[:, None] for borders in (offsets[:-1], offsets[1:]))
    return _Places(tokens, (tokens >= starts) & (tokens < ends))
