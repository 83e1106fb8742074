"""Completions of a typed prefix, the most frequent words first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

MOST_WORDS = 500_000
"""Number of words to propose; sorting ten million would take a minute."""
_LAST = chr(0x10FFFF)


class Completions:
    """A case-insensitive sorted list of words.

    Parameters
    ----------
    words : sequence of str
        The most frequent first.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        folded = [word.casefold() for word in words[:MOST_WORDS]]
        order = sorted(range(len(folded)), key=folded.__getitem__)
        self._sorted = [folded[row] for row in order]
        self._rows = np.array(order, dtype=np.intp)

    def find(self, prefix: str, n: int) -> list[str]:
        """Return the `n` most frequent words that begin with `prefix`, ignoring case.

        Only the 500,000 most frequent words are proposed.
        """
        folded = prefix.casefold()
        first, last = bisect_left(self._sorted, folded), bisect_left(self._sorted, folded + _LAST)
        rows = self._rows[first:last]
        if len(rows) > n:
            rows = np.partition(rows, n)[:n]
        return [self._words[row] for row in np.sort(rows).tolist()]
