"""Beam search: finds sequences that are probable as a whole, even if their first tokens are not the most probable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.generation.state import TOKENS_ONLY, Hypothesis, Limits, State, Wanted
from w2v.neural.generation.trace import Trace, best
from w2v.neural.kernels import choosing as kernels
from w2v.settings.constraints import Integer, Number
from w2v.settings.tables import check_parameters, documented, parameter

Floats = NDArray[np.float64]

_PENALTY = 10.0
"""The largest α, and minus the smallest: beyond it, powers of lengths overflow."""

_WIDEST = 1000
"""The widest beam, also for `w2v translate --beam`: time and memory grow with it."""


@documented()
@dataclass(frozen=True)
class BeamOptions:
    """Options of beam search.

    Attributes
    ----------
    {parameters}

    Raises
    ------
    ValueError
        If a value is not allowed, or `n_best` is more than `beam`.

    References
    ----------
    Wu et al. 2016, Google's neural machine translation system, arXiv:1609.08144, equation 14.
    """

    beam: int = parameter(5, Integer("Number of hypotheses per sequence.", 1, _WIDEST))
    length_penalty: float = parameter(
        1.0,
        Number(
            "α: log-probabilities are divided by ((5 + n) / 6)^α for n tokens, the end included; with 0, by nothing, "
            "which favours short sequences.",
            low=-_PENALTY, high=_PENALTY,
        ),
    )  # fmt: skip
    n_best: int = parameter(1, Integer("Number of sequences to return, at most `beam`.", 1, _WIDEST))

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.n_best > self.beam:
            raise ValueError(f"n_best must be at most beam, {self.beam}, not {self.n_best}")

    def penalty(self, n: Any) -> Any:
        """Return the divisor of the log-probability of n tokens."""
        return ((5 + n) / 6) ** self.length_penalty


@dataclass
class _Ended:
    """The finished sequences of one beam: score, step and row of each."""

    found: list[tuple[float, int, int]] = field(default_factory=list)

    def worst_of(self, n: int) -> float:
        """Return the n-th best score, or −∞ if there are fewer."""
        return sorted(self.found, reverse=True)[n - 1][0] if len(self.found) >= n else -np.inf


def beam(
    state: State,
    starts: NDArray[np.int32],
    limits: Limits,
    options: BeamOptions,
    wanted: Wanted = TOKENS_ONLY,
) -> list[list[Hypothesis]]:
    """Search for the best continuations of every row.

    Each step continues the `beam` best sequences. A sequence is finished if its end token is among the `beam` best
    continuations. The search stops when `beam` sequences are finished, or when no unfinished one can still beat the
    `n_best` found: its log-probability only decreases, so its score never exceeds the current log-probability divided
    by the largest possible penalty.

    Parameters
    ----------
    state : State
        Is modified; do not use it again.
    starts : ndarray of shape (n_rows,), int32
        The first token of each row.
    limits : Limits
    options : BeamOptions
    wanted : Wanted, optional

    Returns
    -------
    list of list of Hypothesis
        The best of each row, best first: finished sequences, then those that reached the maximum length. There may be
        fewer than `n_best`.
    """
    trace, size = Trace(wanted._replace(scores=True)), options.beam
    most, ended = limits.of(state.n_rows), [_Ended() for _ in range(state.n_rows)]
    found: list[list[Hypothesis]] = [[] for _ in ended]
    lines, tokens, before, length = np.arange(len(ended)), starts, np.arange(len(ended)), 0
    scores = np.zeros((len(ended), 1))
    while len(lines):
        logits = limits.apply(state.step(tokens), length)
        trace.look(state, logits)
        length += 1
        step = _choose(logits, scores, size, limits.end)
        # finished continuations are recorded as well, so that they can be traced back
        trace.choose(
            before,
            np.concatenate([step.rows.ravel(), step.ended_rows]),
            np.concatenate([step.tokens.ravel(), np.full(len(step.ended_rows), limits.end or 0, np.int32)]),
            np.concatenate([step.gains.ravel(), step.ended_gains]),
        )
        penalty = options.penalty(length)
        for i, (beam_, score) in enumerate(zip(step.ended_beams.tolist(), step.ended_scores.tolist(), strict=True)):
            ended[lines[beam_]].found.append((score / penalty, length - 1, step.tokens.size + i))
        scores = step.scores
        stays = np.flatnonzero([
            not _is_over(ended[line], scores[i], length, int(most[line]), options)
            for i, line in enumerate(lines.tolist())
        ])  # fmt: skip
        for i in sorted(set(range(len(lines))) - set(stays.tolist())):
            found[lines[i]] = _read(trace, ended[lines[i]], scores[i] / penalty, i * size, length, options.n_best)
        before = (stays[:, None] * size + np.arange(size)).ravel()
        lines, scores, tokens = lines[stays], scores[stays], step.tokens.ravel()[before]
        if len(lines):
            state.select(step.rows.ravel()[before])
    return found


class _Step(NamedTuple):
    """The best continuations of every beam: unfinished ones, shape (n_beams, size), and finished ones."""

    rows: NDArray[np.int64]
    tokens: NDArray[np.int32]
    gains: Floats
    scores: Floats
    ended_beams: NDArray[np.int64]
    ended_rows: NDArray[np.int64]
    ended_gains: Floats
    ended_scores: Floats


def _choose(logits: NDArray[np.float32], scores: Floats, size: int, end: int | None) -> _Step:
    """Return the `size` best unfinished continuations, and the finished ones among the `size` best of all."""
    shape = len(scores), size
    going = np.empty(shape, np.int64), np.empty(shape, np.int32), np.empty(shape), np.empty(shape)
    n = len(scores) * size
    ended = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n), np.empty(n)
    ids, gains = best(logits, size + 1)
    n = kernels.continue_beams(ids, gains, scores, size, -1 if end is None else end, going, ended)
    return _Step(*going, ended[0][:n], ended[1][:n], ended[2][:n], ended[3][:n])


def _is_over(ended: _Ended, scores: Floats, length: int, most: int, options: BeamOptions) -> bool:
    if length >= most or len(ended.found) >= options.beam:
        return True
    highest = float(scores.max())
    reachable = highest / max(options.penalty(length + 1), options.penalty(most))
    return not highest > -np.inf or reachable <= ended.worst_of(options.n_best)


def _read(trace: Trace, ended: _Ended, scores: Floats, first_row: int, length: int, n_best: int) -> list[Hypothesis]:
    """Return the best sequences of one beam: finished ones, then unfinished ones."""
    done = sorted(ended.found, key=lambda entry: -entry[0])[:n_best]
    hypotheses = [trace.read(row, step=step, ended=True, score=score) for score, step, row in done]
    for i in np.argsort(-scores, kind="stable")[: n_best - len(done)].tolist():
        if scores[i] > -np.inf:
            hypotheses.append(trace.read(first_row + i, step=length - 1, ended=False, score=float(scores[i])))
    return hypotheses
