"""A gated recurrent unit: a state for each sequence, updated by every token in turn.

::

    r = σ(x W_r + b_r + s U_r + c_r)         how much of the state the candidate uses
    z = σ(x W_z + b_z + s U_z + c_z)         how much of the state is kept
    n = tanh(x W_n + b_n + r ⊙ (s U_n + c_n))
    s ← (1 − z) ⊙ n + z ⊙ s

A causal layer runs forward, with states of `dim` columns. Otherwise there is one half for each direction, and their
states are concatenated. A linear layer follows.

References
----------
Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078; in the variant of cuDNN and
PyTorch, where r multiplies the product. Derivation: docs/derivations/recurrent.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import recurrent as kernels
from w2v.neural.layers import linear
from w2v.neural.layers.activations import forward as activate
from w2v.neural.layers.dot_product import cut_heads, pad_heads
from w2v.neural.layers.matmul import pack, pack_transposed, sum_of_outer_products, sum_of_rows
from w2v.neural.parameters import Tensor, scope, within

Floats = NDArray[Any]
DIRECTIONS = ("forward", "backward")
_GATES, _KEPT = 3, 4


class Schedule(NamedTuple):
    """The tokens in time order: the first of all sequences, longest sequence first, then the second ones, and so on.

    Attributes
    ----------
    tokens : ndarray of shape (N,), int64
        The token of each row.
    counts : ndarray of shape (T,), int64
        Number of sequences with a token at each time step.
    """

    tokens: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, offsets: NDArray[np.int64], *, backward: bool = False) -> Schedule:
        """Return the order for packed sequences, from their first token on or, with `backward`, from their last."""
        lengths = np.diff(offsets)
        order = np.argsort(-lengths, kind="stable")
        counts = np.searchsorted(-lengths[order], -np.arange(lengths.max(initial=0)))
        times = np.repeat(np.arange(len(counts)), counts)
        sequences = order[np.arange(offsets[-1]) - np.repeat(np.cumsum(counts) - counts, counts)]
        return cls(offsets[1:][sequences] - 1 - times if backward else offsets[:-1][sequences] + times, counts)

    @property
    def n_states(self) -> int:
        """Number of sequences with tokens; each has an initial state."""
        return int(self.counts[0]) if len(self.counts) else 0

    @property
    def before(self) -> NDArray[np.int64]:
        """The state that each row reads, shape (N,)."""
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(s.start, s.stop) for _, s, _ in self.steps())])

    def steps(self) -> Iterator[tuple[slice, slice, slice]]:
        """Yield for every time step its rows, the states that they read and the states that they write."""
        row, before, now = 0, 0, self.n_states
        for n in self.counts.tolist():
            yield slice(row, row + n), slice(before, before + n), slice(now, now + n)
            row, before, now = row + n, now, now + n


class _Run(NamedTuple):
    """Values that the backward pass of one direction needs."""

    schedule: Schedule
    input: linear.Cache
    states: Floats
    kept: Floats


class Cache(NamedTuple):
    """Values that `backward` needs."""

    runs: list[_Run]
    output: linear.Cache


def tensors(dim: int, *, causal: bool) -> dict[str, Tensor]:
    """Return the arrays of the layer.

    ``forward`` and, unless it is causal, ``backward``: each has ``input``, the projection of tokens, and ``hidden``,
    that of states, both `linear` layers to reset, update and candidate, concatenated. Then ``output``, a `linear`
    layer.
    """
    size = dim if causal else dim // 2
    arrays: dict[str, Tensor] = {}
    for name in _directions(causal):
        arrays |= within(f"{name}.input", linear.tensors(dim, _GATES * size, deviation=(2 / (dim + size)) ** 0.5))
        arrays |= within(f"{name}.hidden", linear.tensors(size, _GATES * size, deviation=size**-0.5))
    return arrays | within("output", linear.tensors(dim, dim))


def forward(
    parameters: Mapping[str, Floats], x: Floats, offsets: NDArray[np.int64], *, causal: bool
) -> tuple[Floats, Cache]:
    """Return the states after each token, combined by the output projection.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    offsets : ndarray of shape (B + 1,), int64
    causal : bool
        As for `tensors`.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache
    """
    joined, runs, first = empty(x.shape, x.dtype), [], 0
    for name in _directions(causal):
        own, schedule = scope(parameters, name), Schedule.of(offsets, backward=name == "backward")
        size = len(own["hidden.weight"])
        inputs, input_cache = linear.forward(scope(own, "input"), x[schedule.tokens])
        states, kept = States(own).run(inputs, schedule, np.zeros((schedule.n_states, size), x.dtype))
        joined[schedule.tokens, first : first + size] = states[schedule.n_states :]
        runs.append(_Run(schedule, input_cache, states, kept))
        first += size
    y, output = linear.forward(scope(parameters, "output"), joined)
    return y, Cache(runs, output)


def backward(parameters: Mapping[str, Floats], dy: Floats, cache: Cache) -> tuple[Floats, dict[str, Floats]]:
    """Return dx and the gradients of the parameters."""
    djoined, output = linear.backward(scope(parameters, "output"), dy, cache.output)
    gradients, dx, first = within("output", output), np.zeros_like(dy), 0
    for name, own_run in zip(DIRECTIONS, cache.runs, strict=False):
        own, schedule = scope(parameters, name), own_run.schedule
        size = len(own["hidden.weight"])
        dstates = np.zeros_like(own_run.states)
        dstates[schedule.n_states :] = djoined[schedule.tokens, first : first + size]
        dinputs, dadded = _run_backward(own, dstates, own_run)
        gradients |= {
            f"{name}.hidden.weight": sum_of_outer_products(own_run.states[schedule.before], dadded),
            f"{name}.hidden.bias": sum_of_rows(dadded),
        }
        through, inner = linear.backward(scope(own, "input"), dinputs, own_run.input)
        dx[schedule.tokens] += through
        gradients |= within(f"{name}.input", inner)
        first += size
    return dx, gradients


class States:
    """The projection of the states of one direction, packed once, and the recurrence.

    Parameters
    ----------
    own : mapping
        ``hidden.weight`` and ``hidden.bias`` are read.
    """

    def __init__(self, own: Mapping[str, Floats]) -> None:
        self._weight, self._bias = own["hidden.weight"], own["hidden.bias"]
        if self._weight.dtype == np.float32:
            self._panels = pack(_padded(self._weight), pad_heads(self._bias, _GATES))

    def run(self, inputs: Floats, schedule: Schedule, start: Floats) -> tuple[Floats, Floats]:
        """Return the states after the tokens, and further values that the backward pass needs.

        Parameters
        ----------
        inputs : ndarray of shape (N, 3 H)
            The contributions of the tokens, in time order.
        schedule : Schedule
        start : ndarray of shape (n_states, H)

        Returns
        -------
        states : ndarray of shape (n_states + N, H)
            `start`, followed by the states after each token.
        kept : ndarray of shape (N, 4 H), or more columns
            Reset, update and candidate, and the contribution of the state to the candidate.
        """
        n, (_, size) = len(inputs), start.shape
        if start.dtype == np.float32:
            padded = pad_heads(start, 1)
            width = padded.shape[1]
            states, kept = empty((len(start) + n, width)), empty((n, _KEPT * width))
            states[: len(start)] = padded
            kernels.recur(
                pad_heads(inputs, _GATES).ravel(), self._panels, schedule.counts, width, states.ravel(), kept.ravel()
            )  # fmt: skip
            return cut_heads(states, 1, size), kept
        states, kept = np.concatenate([start, np.empty((n, size))]), np.empty((n, _KEPT * size))
        for rows, before, now in schedule.steps():
            added = states[before] @ self._weight + self._bias
            gates, _ = activate(inputs[rows, : 2 * size] + added[:, : 2 * size], "sigmoid")
            reset, update = gates[:, :size], gates[:, size:]
            from_state = added[:, 2 * size :]
            candidate = np.tanh(inputs[rows, 2 * size :] + reset * from_state)
            states[now] = (1 - update) * candidate + update * states[before]
            kept[rows] = np.concatenate([gates, candidate, from_state], axis=1)
        return states, kept


def _run_backward(own: Mapping[str, Floats], dstates: Floats, own_run: _Run) -> tuple[Floats, Floats]:
    """Return the gradients of the contributions of tokens and of states, shape (N, 3 H); dstates is overwritten."""
    schedule, _, states, kept = own_run
    weight, size = own["hidden.weight"], states.shape[1]
    n = len(kept)
    if states.dtype == np.float32:
        width = kept.shape[1] // _KEPT
        dinputs, dadded = empty((n, _GATES * width)), empty((n, _GATES * width))
        kernels.recur_backward(
            pad_heads(dstates, 1).ravel(), pad_heads(states, 1).ravel(), kept.ravel(),
            pack_transposed(_padded(weight)), schedule.counts, width, dinputs.ravel(), dadded.ravel(),
        )  # fmt: skip
        return cut_heads(dinputs, _GATES, _GATES * size), cut_heads(dadded, _GATES, _GATES * size)
    dinputs, dadded = np.empty((n, _GATES * size)), np.empty((n, _GATES * size))
    for rows, before, now in reversed(list(schedule.steps())):
        reset, update, candidate, from_state = np.split(kept[rows], _KEPT, axis=1)
        dstate = dstates[now]
        dcandidate = dstate * (1 - update) * (1 - candidate**2)  # s = (1 − z) n + z s', n = tanh(…)
        dupdate = dstate * (states[before] - candidate) * update * (1 - update)
        dreset = dcandidate * from_state * reset * (1 - reset)  # n = tanh(x W_n + b_n + r (s' U_n + c_n))
        dinputs[rows] = np.concatenate([dreset, dupdate, dcandidate], axis=1)
        dadded[rows] = np.concatenate([dreset, dupdate, dcandidate * reset], axis=1)
        dstates[before] += dstate * update + dadded[rows] @ weight.T
    return dinputs, dadded


def _directions(causal: bool) -> tuple[str, ...]:
    return DIRECTIONS[:1] if causal else DIRECTIONS


def _padded(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the projection of states, padded with zeros for the columns by which states are padded."""
    return np.ascontiguousarray(pad_heads(pad_heads(weight, _GATES).T, 1).T)
