"""Compounds: account names, hashtags, and words written together without a space or hyphen.

`BBCNews_UK` is split where letters end and where capitals begin: BBC, News, UK. Unknown pieces, such as `redsox`, are
split into the most probable known words, by Viterbi. The rank r of a word stands for its probability, which falls about
as 1 / r (Zipf): a split costs the sum of log r and a constant for each word, so that few and frequent words win.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

_PIECES = re.compile(r"[^\W\d_]+|\d+")
_CAPITALS = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")
_ADDRESS = re.compile(r"https?://|www\.", re.IGNORECASE)
_LONGEST_PIECE, _LONGEST_WORD, _SHORTEST_WORD = 32, 16, 2
_MOST_FREQUENT = {2: 500, 3: 20_000}
_WORD, _SKIPPED = 4.0, 7.0
"""Cost of each word besides its rank, and of each letter outside of words."""
_LEAST_KNOWN = 2 / 3
"""Fraction of the letters that known words must cover."""


def compound(word: str, ranks: Mapping[str, int], rank_of: Callable[[str], int]) -> list[int]:
    """Return the ranks of the known words that make up a word; none if too much of it is unknown.

    Parameters
    ----------
    word : str
    ranks : mapping of str to int
        Known words, the most frequent first, from 1 on.
    rank_of : callable
        Returns the rank of a word in any of its spellings, 0 for unknown ones.
    """
    if _ADDRESS.match(word):
        return []
    pieces = [piece for run in _PIECES.findall(word) for piece in _CAPITALS.split(run)]
    found, known = list[int](), 0
    for piece in pieces:
        rank = rank_of(piece)
        own, letters = ([rank], len(piece)) if rank else _cut(piece.lower(), ranks)
        found, known = found + own, known + letters
    return found if _LEAST_KNOWN * len("".join(pieces)) <= known else []


def _cut(piece: str, ranks: Mapping[str, int]) -> tuple[list[int], int]:
    """Return the ranks of the most probable words of a piece, and how many of its letters they cover."""
    n = len(piece)
    if n > _LONGEST_PIECE or piece.isdigit():
        return [], 0
    costs, words, known = [0.0] * (n + 1), [list[int]()] * (n + 1), [0] * (n + 1)
    for stop in range(1, n + 1):
        costs[stop], words[stop], known[stop] = costs[stop - 1] + _SKIPPED, words[stop - 1], known[stop - 1]
        for start in range(max(0, stop - _LONGEST_WORD), stop - _SHORTEST_WORD + 1):
            rank = ranks.get(piece[start:stop], 0)
            if not 0 < rank <= _MOST_FREQUENT.get(stop - start, rank):
                continue
            cost = costs[start] + _WORD + math.log(rank)
            if cost < costs[stop]:
                costs[stop], words[stop], known[stop] = cost, [*words[start], rank], known[start] + stop - start
    return words[n], known[n]
