"""What decoders know of a network, and what they are asked for and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.neural.models import END, START


class State(Protocol):
    """Sequences that are being made, one a row, and all that a network keeps of them."""

    @property
    def n_rows(self) -> int:
        """How many sequences there are."""
        ...

    def step(self, tokens: NDArray[np.int32]) -> NDArray[Any]:
        """Append a token to every row; return the logits of what follows, shape (n_rows, V), free to be changed."""
        ...

    def select(self, rows: NDArray[np.int64]) -> None:
        """Let row i be what row rows[i] was: others leave, and a row that is named twice goes on twice."""
        ...

    def alignment(self) -> list[NDArray[np.float32]]:
        """Return for every row how much its last step looked at each token of the source; empty without a source."""
        ...


@dataclass(frozen=True)
class Limits:
    """Where a sequence ends, and what it may not contain.

    Attributes
    ----------
    max_length : int or ndarray of shape (n,), integers
        Tokens at most, the end included; of all sequences, or of each.
    min_length : int
        Tokens at least, the end left out.
    end : int or None
        The token that ends a sequence; with None, only the length does.
    banned : tuple of int
        Tokens that are never chosen.
    """

    max_length: int | NDArray[np.integer[Any]] = 256
    min_length: int = 0
    end: int | None = END
    banned: tuple[int, ...] = (START,)

    def __post_init__(self) -> None:
        if np.min(self.max_length, initial=1) < 1:
            raise ValueError(f"max_length must be 1 or more, not {np.min(self.max_length)}")
        if self.min_length < 0:
            raise ValueError(f"min_length must be 0 or more, not {self.min_length}")

    def of(self, n: int) -> NDArray[np.int64]:
        """Return the largest length of each of n sequences."""
        return np.broadcast_to(np.asarray(self.max_length, np.int64), (n,))

    def apply(self, logits: NDArray[Any], length: int) -> NDArray[np.float32]:
        """Make what may not follow `length` tokens impossible, in place; return the logits as float32."""
        if self.banned:
            logits[:, list(self.banned)] = -np.inf
        if self.end is not None and length < self.min_length:
            logits[:, self.end] = -np.inf
        return np.ascontiguousarray(logits, np.float32)


class Wanted(NamedTuple):
    """What a decoder is to tell besides tokens.

    Attributes
    ----------
    scores : bool
        The log-probability of every token. Greedy decoding is faster without; beams need it anyway.
    alternatives : int
        So many of the most probable tokens at every place.
    alignments : bool
        Where each token looked in the source.
    """

    scores: bool = False
    alternatives: int = 0
    alignments: bool = False


TOKENS_ONLY = Wanted()


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A sequence that was made.

    Attributes
    ----------
    tokens : ndarray of shape (T,), int32
        Without start and end.
    finished : bool
        Whether it came to its end, rather than to the largest length.
    score : float or None
        What sequences are ranked by: the log-probability, the end's included; of beams divided by the length penalty.
    log_probabilities : ndarray of shape (T,) or (T + 1,), float64, or None
        Of every token, the end's included.
    alternatives : list of (ndarray of int32, ndarray of float64), or None
        The most probable tokens at each place, and their log-probabilities.
    alignment : ndarray of shape (T, S), float32, or None
        How much each token looked at each token of the source: the mean over heads of the last layer.
    """

    tokens: NDArray[np.int32]
    finished: bool
    score: float | None = None
    log_probabilities: NDArray[np.float64] | None = None
    alternatives: list[tuple[NDArray[np.int32], NDArray[np.float64]]] | None = None
    alignment: NDArray[np.float32] | None = None
