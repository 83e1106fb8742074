"""Words that are made of other words: names of accounts, hashtags, and what is written without a space or hyphen.

`BBCNews_UK` is cut where letters end and where capitals begin: BBC, News, UK. What is unknown then, such as `redsox`,
is cut into the known words that are most probable together, by Viterbi. A word's rank r stands for its probability,
which falls about as 1 / r (Zipf): a cut costs the sum of log r, and a constant for each word, so that few and frequent
ones win.
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
"""What each word costs besides its rank, and each letter of what is no word."""
_LEAST_KNOWN = 2 / 3
"""The part of the letters of a word that words must be."""


def compound(word: str, ranks: Mapping[str, int], rank_of: Callable[[str], int]) -> list[int]:
    """Return the ranks of the known words that a word is made of; none if parts of it are unknown or it is one word.

    Parameters
    ----------
    word : str
    ranks : mapping of str to int
        Known words, the most frequent first, from 1 on.
    rank_of : callable
        Return the rank of a word however it is spelled, 0 of unknown ones.
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
    """Return the ranks of the most probable words that a piece is made of, and how many letters these have."""
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
