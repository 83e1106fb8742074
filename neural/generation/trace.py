"""The choices of each decoding step, from which sequences are traced back from their last token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.generation.state import Hypothesis, State, Wanted
from w2v.neural.kernels import choosing as kernels


def best(
    logits: NDArray[np.float32], k: int, *, normalise: bool = True
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the k best tokens of each row, best first, and their log-probabilities, or without `normalise` logits."""
    k = min(k, logits.shape[1])
    ids, scores = np.empty((len(logits), k), np.int32), np.empty((len(logits), k), np.float64)
    kernels.best(logits, k, normalise, ids, scores)
    return ids, scores


def log_probabilities(logits: NDArray[np.float32], tokens: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the log-probability of one token in each row."""
    scores = np.empty(len(tokens), np.float64)
    kernels.score(logits, tokens, scores)
    return scores


class _Step(NamedTuple):
    """The choices of a step: the row of each choice, and the previous step's choice behind each row."""

    before: NDArray[np.int64]
    rows: NDArray[np.int64]
    tokens: NDArray[np.int32]
    scores: NDArray[np.float64] | None


class Trace:
    """The choices of all steps."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._steps: list[_Step] = []
        self._alternatives: list[tuple[NDArray[np.int32], NDArray[np.float64]]] = []
        self._alignments: list[list[NDArray[np.float32]]] = []

    def choose(
        self,
        before: NDArray[np.int64],
        rows: NDArray[np.int64],
        tokens: NDArray[np.int32],
        scores: NDArray[np.float64] | None = None,
    ) -> None:
        """Record the choices of a step.

        Parameters
        ----------
        before : ndarray of shape (n_rows,), int64
            The choice in the previous step that each row of the state comes from.
        rows : ndarray of shape (n_choices,), int64
            The row that each choice continues.
        tokens : ndarray of shape (n_choices,), int32
        scores : ndarray of shape (n_choices,), float64, optional
            Their log-probabilities.
        """
        self._steps.append(_Step(before, rows, tokens, scores))

    def look(self, state: State, logits: NDArray[np.float32]) -> None:
        """Record the further outputs requested."""
        if self._wanted.alternatives:
            self._alternatives.append(best(logits, self._wanted.alternatives))
        if self._wanted.alignments:
            self._alignments.append(state.alignment())

    def alternatives(self, row: int, step: int = -1) -> tuple[NDArray[np.int32], NDArray[np.float64]] | None:
        """Return the most probable tokens of a row in a step, and their log-probabilities, if requested."""
        return (self._alternatives[step][0][row], self._alternatives[step][1][row]) if self._alternatives else None

    def read(self, choice: int, *, step: int = -1, ended: bool, score: float | None = None) -> Hypothesis:
        """Return the sequence that ends with a choice of a step; if it has `ended`, that last token is left out."""
        path: list[tuple[int, int, int]] = []
        for i in range(step % len(self._steps), -1, -1):
            row = int(self._steps[i].rows[choice])
            path.append((i, row, choice))
            choice = int(self._steps[i].before[row])
        path.reverse()
        told = path[: len(path) - ended]
        scores = alternatives = alignment = None
        if self._steps[0].scores is not None:
            scores = np.array([self._steps[i].scores[k] for i, _, k in path])  # type: ignore[index]
            score = float(scores.sum()) if score is None else score
        if self._wanted.alternatives:
            alternatives = [found for i, row, _ in told if (found := self.alternatives(row, i)) is not None]
        if self._wanted.alignments:
            weights = [self._alignments[i][row] for i, row, _ in path]
            alignment = np.array(weights, np.float32)[: len(told)]
        tokens = np.array([self._steps[i].tokens[k] for i, _, k in told], np.int32)
        return Hypothesis(tokens, ended, score, scores, alternatives, alignment)
