"""Slow, obvious twins of decoding: a network that is a function of the prefix, and searches without a cache."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Prefix = tuple[int, ...]
LogitsOf = Callable[[int, Prefix], NDArray[Any]]


class PrefixState:
    """Rows whose next logits depend only on the row's number and its tokens."""

    def __init__(self, n_rows: int, logits_of: LogitsOf) -> None:
        self._rows: list[tuple[int, Prefix]] = [(i, ()) for i in range(n_rows)]
        self._logits_of = logits_of
        self.sizes: list[int] = []

    @property
    def n_rows(self) -> int:
        return len(self._rows)

    def step(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        assert len(tokens) == self.n_rows
        self.sizes.append(self.n_rows)
        self._rows = [(line, (*row, token)) for (line, row), token in zip(self._rows, tokens.tolist(), strict=True)]
        return np.array([self._logits_of(line, row) for line, row in self._rows], np.float32)

    def select(self, rows: NDArray[np.int64]) -> None:
        self._rows = [self._rows[i] for i in rows.tolist()]

    def alignment(self) -> list[NDArray[np.float32]]:
        return [np.full(line + 1, len(row), np.float32) for line, row in self._rows]


def random_logits(n_tokens: int, seed: int = 1, scale: float = 1.0) -> LogitsOf:
    """Return a function that gives random logits, always the same for the same tokens."""

    def logits_of(line: int, prefix: Prefix) -> NDArray[Any]:
        rng = np.random.default_rng([seed, line, *prefix])
        return (scale * rng.standard_normal(n_tokens)).astype(np.float32)

    return logits_of


def log_softmax(x: NDArray[Any]) -> NDArray[np.float64]:
    x = x.astype(np.float64)
    top = x.max()
    shifted: NDArray[np.float64] = x - top - np.log(np.exp(x - top).sum())
    return shifted


def every_sequence(
    logits_of: LogitsOf, line: int, start: int, end: int, n_tokens: int, max_length: int
) -> list[tuple[Prefix, bool, float]]:
    """Return every possible sequence, whether it ended, and its log-probability."""
    found = []
    inner = [token for token in range(n_tokens) if token != end]
    for length in range(max_length + 1):
        for tokens in itertools.product(inner, repeat=length):
            total = 0.0
            for i, token in enumerate(tokens):
                total += log_softmax(logits_of(line, (start, *tokens[:i])))[token]
            if length == max_length:
                found.append((tokens, False, total))
            else:
                ended = total + log_softmax(logits_of(line, (start, *tokens)))[end]
                found.append((tokens, True, float(ended)))
    return found


def beam_search(
    logits_of: LogitsOf, line: int, start: int, end: int, *, size: int, max_length: int, alpha: float
) -> list[tuple[Prefix, bool, float]]:
    """Return the hypotheses of one beam search, best first; it runs on until `size` sequences have ended."""
    live: list[tuple[float, Prefix]] = [(0.0, ())]
    ended: list[tuple[float, Prefix]] = []
    penalty = 1.0
    for length in range(1, max_length + 1):
        penalty = ((5 + length) / 6) ** alpha
        following = [
            (total + gain, (*tokens, token))
            for total, tokens in live
            for token, gain in enumerate(log_softmax(logits_of(line, (start, *tokens))).tolist())
        ]
        following.sort(key=lambda pair: -pair[0])
        ended += [(total / penalty, tokens[:-1]) for total, tokens in following[:size] if tokens[-1] == end]
        live = [pair for pair in following if pair[1][-1] != end][:size]
        if len(ended) >= size:
            break
    ended.sort(key=lambda pair: -pair[0])
    return [(tokens, True, score) for score, tokens in ended] + [
        (tokens, False, total / penalty) for total, tokens in live
    ]
