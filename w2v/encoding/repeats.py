"""A stream that repeats sentences but holds each only once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import TokenStream

_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class RepeatedStream(TokenStream):
    """Sentences repeated `repeats` times each, in a row or, if all are pairs, spread evenly.

    `tokens`, `offsets` and `weights` hold each sentence once; `excerpt` repeats them.
    """

    repeats: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """How often each sentence occurs in the stream, at least 1: shape (sentences,)."""
    spread: bool = False
    """Spread the sentences, all of two words, evenly: position p of N holds repetition (p a) mod N, where a is about N
    times the golden ratio, so any stretch of the stream contains each sentence about in proportion to its repeats."""

    def __post_init__(self) -> None:
        borders = np.concatenate([[0], np.cumsum(np.diff(self.offsets) * self.repeats)]).astype(np.int64)
        object.__setattr__(self, "_borders", borders)

    @property
    def borders(self) -> NDArray[np.int64]:
        """Where the repetitions of each sentence begin, and the end: shape (sentences + 1,), int64."""
        found: NDArray[np.int64] = self._borders  # type: ignore[attr-defined]
        return found

    def __len__(self) -> int:
        return int(self.borders[-1])

    @property
    def n_sentences(self) -> int:
        """Number of sentences, repetitions included."""
        return int(self.repeats.sum())

    def sentence_starts(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the start of the sentence that holds each position; same shape as `places`, int64."""
        if self.spread:
            return places - places % 2
        rows = np.searchsorted(self.borders, places, side="right") - 1
        return places - (places - self.borders[rows]) % np.diff(self.offsets)[rows]

    def excerpt(self, start: int, stop: int) -> TokenStream:
        """Return the tokens from `start` to `stop` as a stream of their own."""
        before = start - int(self.sentence_starts(np.array([start]))[0])
        rows = self._spread_rows(start // 2, stop // 2) if self.spread else self._rows(start, stop)
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        offsets = np.clip(np.concatenate([[0], np.cumsum(lengths)]) - before, 0, stop - start).astype(np.int64)
        firsts = self.offsets[rows]
        firsts[:1] += before
        places = np.arange(offsets[-1]) + np.repeat(firsts - offsets[:-1], np.diff(offsets))
        return TokenStream(
            self.tokens[places], offsets, self.n_words, None if self.weights is None else self.weights[rows]
        )

    def locate(self, start: int, stop: int) -> tuple[TokenStream, int]:
        """Return a stream that holds the tokens from `start` to `stop`, and the position of `start` in it."""
        return self.excerpt(start, stop), 0

    def _rows(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the sentences between two positions, repetitions included."""
        first = int(np.searchsorted(self.borders, start, side="right")) - 1
        here = np.arange(first, int(np.searchsorted(self.borders, stop, side="left")))
        lengths, begin = self.offsets[here + 1] - self.offsets[here], self.borders[here]
        passed = np.maximum(0, start - begin) // lengths
        begun = -(-(np.minimum(stop, self.borders[here + 1]) - begin) // lengths)
        return np.repeat(here, begun - passed)

    def _spread_rows(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the sentences at positions `start` to `stop` of the spread order."""
        n = len(self) // 2
        step = max(1, round(n * _GOLDEN))
        while math.gcd(step, n) > 1:
            step += 1
        places = (start * step % n + np.arange(stop - start) * step) % n
        return np.searchsorted(self.borders // 2, places, side="right") - 1
