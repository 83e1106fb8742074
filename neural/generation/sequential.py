"""Greedy decoding and sampling: one token after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.generation.state import TOKENS_ONLY, Hypothesis, Limits, State, Wanted
from w2v.neural.generation.trace import Trace, best, log_probabilities
from w2v.neural.kernels import choosing as kernels
from w2v.settings.constraints import MAX_SEED, Integer, Number
from w2v.settings.tables import MANY, check_parameters, documented, parameter

OnToken = Callable[["Chosen"], Any]
"""Called with each token of a sequence as soon as it is chosen."""
Choose = Callable[[NDArray[np.float32], NDArray[np.int64], int], NDArray[np.int32]]


class Chosen(NamedTuple):
    """A token of a sequence, possibly the end token, and the further outputs requested by `Wanted`, or None."""

    line: int
    token: int
    log_probability: float | None
    alternatives: tuple[NDArray[np.int32], NDArray[np.float64]] | None


@documented()
@dataclass(frozen=True)
class Sampling:
    """How tokens are sampled.

    Attributes
    ----------
    {parameters}

    Raises
    ------
    ValueError
        If a value is not allowed.

    References
    ----------
    Holtzman et al. 2020, The curious case of neural text degeneration, arXiv:1904.09751 (top_p).
    """

    temperature: float = parameter(
        1.0, Number("Softmax temperature; below 1, probable tokens are drawn more often.", above=0)
    )
    top_k: int | None = parameter(None, Integer("Sample from the N most probable tokens.", 1, MANY), "all")
    top_p: float = parameter(
        1.0,
        Number("Sample from the fewest of these with at least this total probability; 1 keeps all.", above=0, high=1),
    )
    seed: int = parameter(
        1, Integer("Random seed; a draw depends only on it, the number of the sequence, and the position.", 0, MAX_SEED)
    )

    def __post_init__(self) -> None:
        check_parameters(self)


def greedy(
    state: State,
    starts: NDArray[np.int32],
    limits: Limits,
    wanted: Wanted = TOKENS_ONLY,
    on_token: OnToken | None = None,
) -> list[Hypothesis]:
    """Continue every row with its most probable token until it ends.

    Parameters
    ----------
    state : State
        Is modified; do not use it again.
    starts : ndarray of shape (n_rows,), int32
        The first token of each row: START, or the last token of a prompt whose others the state has processed.
    limits : Limits
    wanted : Wanted, optional
    on_token : callable, optional
        Called with each token and the number of its row.

    Returns
    -------
    list of Hypothesis
        One per row, in order.
    """

    def choose(logits: NDArray[np.float32], lines: NDArray[np.int64], length: int) -> NDArray[np.int32]:
        return best(logits, 1, normalise=False)[0][:, 0]

    return _continue(state, starts, limits, choose, wanted, on_token)


def sample(
    state: State,
    starts: NDArray[np.int32],
    limits: Limits,
    sampling: Sampling,
    wanted: Wanted = TOKENS_ONLY,
    on_token: OnToken | None = None,
    lines: NDArray[np.int64] | None = None,
) -> list[Hypothesis]:
    """Continue every row with sampled tokens until it ends.

    Parameters
    ----------
    state, starts, limits, wanted, on_token
        See `greedy`. Log-probabilities are those of the network, whatever the temperature.
    sampling : Sampling
    lines : ndarray of shape (n_rows,), int64, optional
        The sequence numbers that draws depend on; 0 … n_rows − 1 by default.

    Returns
    -------
    list of Hypothesis
    """
    numbers = np.arange(state.n_rows) if lines is None else lines

    def choose(logits: NDArray[np.float32], rows: NDArray[np.int64], length: int) -> NDArray[np.int32]:
        tokens, size = np.empty(len(rows), np.int32), logits.shape[1]
        top_k = min(sampling.top_k or size, size)
        kernels.draw(  # ints would be compiled as a second version
            logits, numbers[rows], length, sampling.seed, float(sampling.temperature), top_k, float(sampling.top_p),
            tokens,
        )  # fmt: skip
        return tokens

    return _continue(state, starts, limits, choose, wanted, on_token)


def _continue(
    state: State,
    starts: NDArray[np.int32],
    limits: Limits,
    choose: Choose,
    wanted: Wanted,
    on_token: OnToken | None,
) -> list[Hypothesis]:
    trace, most = Trace(wanted), limits.of(state.n_rows)
    found: list[Hypothesis | None] = [None] * state.n_rows
    lines = before = np.arange(state.n_rows)
    tokens, length = starts, 0
    while len(lines):
        logits = limits.apply(state.step(tokens), length)
        trace.look(state, logits)
        tokens = choose(logits, lines, length)
        scores = log_probabilities(logits, tokens) if wanted.scores else None
        trace.choose(before, np.arange(len(lines)), tokens, scores)
        length += 1
        ended = np.zeros(len(lines), np.bool_) if limits.end is None else tokens == limits.end
        if on_token is not None:
            for row, (line, token) in enumerate(zip(lines.tolist(), tokens.tolist(), strict=True)):
                score = None if scores is None else float(scores[row])
                on_token(Chosen(line, token, score, trace.alternatives(row)))
        leaves = ended | (length >= most[lines])
        before = np.flatnonzero(~leaves)
        if len(before) < len(lines):
            for row in np.flatnonzero(leaves).tolist():
                found[lines[row]] = trace.read(row, ended=bool(ended[row]))
            lines, tokens = lines[before], tokens[before]
            if len(lines):
                state.select(before)
    return [hypothesis for hypothesis in found if hypothesis is not None]
