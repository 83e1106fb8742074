"""Readable twins of the full softmax, in float64 NumPy.

Written from the formulae in docs/derivations/softmax.md. Sampling comes from `naive_w2v`; nothing else is imported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.helpers.twins import naive_w2v
from tests.helpers.twins.naive_w2v import Array, Buffer, Trained


def loss_of(h: Array, y: Array, wanted: Sequence[int]) -> float:
    """Return the negative log-likelihood of the words `wanted`, given the vector h and all output vectors y."""
    scores = y @ h
    return float(len(wanted) * np.log(np.exp(scores).sum()) - scores[list(wanted)].sum())


def gradients_of(h: Array, y: Array, wanted: Sequence[int]) -> tuple[Array, Array]:
    """Return the derivatives of `loss_of` with respect to h and y."""
    e = np.exp(y @ h)
    d_scores = len(wanted) * e / e.sum()
    np.subtract.at(d_scores, list(wanted), 1)
    return d_scores @ y, np.outer(d_scores, h)


def train(
    algorithm: str,
    tokens: Sequence[int],
    offsets: Sequence[int],
    position: int,
    stop: int,
    keep: Sequence[float],
    w_in: Array,
    w_out: Array,
    *,
    window: int,
    shrink: int,
    n_targets: int,
    alpha_start: float,
    alpha_end: float,
    state: int,
) -> Trained:
    """Train on tokens[position:stop]; the tables have shape (V, D) and are not changed."""
    result = Trained(w_in.copy(), w_out.copy())
    begin = position
    while position < stop:
        alpha = alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin)
        buffer, position, state = naive_w2v.sample_tokens(tokens, offsets, position, stop, keep, window, shrink, state)
        result.kept += len(buffer.words)
        for t in range(0, len(buffer.words), n_targets):
            _chunk(result, algorithm, buffer, range(t, min(t + n_targets, len(buffer.words))), alpha)
    return result


def _chunk(result: Trained, algorithm: str, buffer: Buffer, targets: range, alpha: float) -> None:
    """Take the steps of several words at once, all from the tables before the chunk."""
    words, w_in, w_out = np.array(buffer.words), result.w_in.copy(), result.w_out.copy()
    for t in targets:
        context = words[buffer.contexts[t]]
        if not len(context):
            continue
        inputs, wanted = (words[[t]], context) if algorithm == "skipgram" else (context, words[[t]])
        h = w_in[inputs].mean(axis=0)
        dh, dy = gradients_of(h, w_out, wanted.tolist())
        result.loss += loss_of(h, w_out, wanted.tolist())
        result.pairs += len(wanted)
        np.subtract.at(result.w_in, inputs, alpha * dh / len(inputs))
        result.w_out -= alpha * dy
