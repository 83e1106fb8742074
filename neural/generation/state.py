"""The interface between decoding algorithms and networks: states, limits, options and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.neural.configs import END, START


class State(Protocol):
    """Sequences being generated, one per row, with everything the network keeps about them."""

    @property
    def n_rows(self) -> int:
        """Number of sequences."""
        ...

    def step(self, tokens: NDArray[np.int32]) -> NDArray[Any]:
        """Append a token to every row; return the logits of the next token, shape (n_rows, V); may be modified."""
        ...

    def select(self, rows: NDArray[np.int64]) -> None:
        """Replace row i by the previous row rows[i], for all i; rows may be dropped or duplicated."""
        ...

    def alignment(self) -> list[NDArray[np.float32]]:
        """Return each row's attention from its last step to the tokens of the source; empty without a source."""
        ...


@dataclass(frozen=True)
class Limits:
    """When a sequence ends, and which tokens it must not contain.

    Attributes
    ----------
    max_length : int or ndarray of shape (n,), integers
        Maximum number of tokens, including the end token; for all sequences, or for each.
    min_length : int
        Minimum number of tokens, without the end token.
    end : int or None
        The end token; if None, only the length ends a sequence.
    banned : tuple of int
        Tokens that are never generated.
    """

    max_length: int | NDArray[np.integer[Any]] = 256
    min_length: int = 0
    end: int | None = END
    banned: tuple[int, ...] = (START,)

    def __post_init__(self) -> None:
        if np.min(self.max_length, initial=1) < 1:
            raise ValueError(f"max_length must be at least 1, not {np.min(self.max_length)}")
        if self.min_length < 0:
            raise ValueError(f"min_length must be at least 0, not {self.min_length}")

    def of(self, n: int) -> NDArray[np.int64]:
        """Return the maximum length of each of n sequences, int64."""
        return np.broadcast_to(np.asarray(self.max_length, np.int64), (n,))

    def apply(self, logits: NDArray[Any], length: int) -> NDArray[np.float32]:
        """Set the logits of tokens not allowed after `length` tokens to −∞, in place; return them as float32."""
        if self.banned:
            logits[:, list(self.banned)] = -np.inf
        if self.end is not None and length < self.min_length:
            logits[:, self.end] = -np.inf
        return np.ascontiguousarray(logits, np.float32)


class Wanted(NamedTuple):
    """Outputs of a decoder besides the tokens.

    Attributes
    ----------
    scores : bool
        The log-probability of every token. Greedy decoding is faster without; beam search needs it anyway.
    alternatives : int
        Number of the most probable tokens to return at every position.
    alignments : bool
        The attention of each token to the source.
    """

    scores: bool = False
    alternatives: int = 0
    alignments: bool = False


TOKENS_ONLY = Wanted()


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A generated sequence.

    Attributes
    ----------
    tokens : ndarray of shape (T,), int32
        Without start and end tokens.
    finished : bool
        Whether it ended with the end token, rather than at the maximum length.
    score : float or None
        The score that ranks sequences: the log-probability, including the end token; for beams, divided by the length
        penalty.
    log_probabilities : ndarray of shape (T,) or (T + 1,), float64, or None
        Of every token, including the end token.
    alternatives : list of (ndarray of int32, ndarray of float64), or None
        The most probable tokens at each position, and their log-probabilities.
    alignment : ndarray of shape (T, S), float32, or None
        Attention of each token to each token of the source, averaged over the heads of the last layer.
    """

    tokens: NDArray[np.int32]
    finished: bool
    score: float | None = None
    log_probabilities: NDArray[np.float64] | None = None
    alternatives: list[tuple[NDArray[np.int32], NDArray[np.float64]]] | None = None
    alignment: NDArray[np.float32] | None = None
