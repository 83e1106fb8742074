"""The case of words and of sentences: how a word is usually written, by the ranks of its spellings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_RATIOS = (2.0, 16.0)
"""Borders of the ratio of the most frequent spelling to the next."""
_RANKS = (1_000, 10_000, 50_000)
"""Borders of the rank of the most frequent spelling."""
N_USUAL = 1 + 3 * (len(_RATIOS) + 1) * (len(_RANKS) + 1)
_SHARES = (0.0, 0.35, 0.75)
N_SENTENCES = (len(_SHARES) + 1) ** 2


def usual_case(word: str, ranks: Mapping[str, int]) -> int:
    """Return the class of a word's usual case, in [0, N_USUAL): 0 if none of its spellings is known.

    Spellings are lower case, capitalised, and in capitals. The class combines which of them is the most frequent, how
    clearly, and how frequent it is.

    Parameters
    ----------
    word : str
    ranks : mapping of str to int
        Words, the most frequent first, from 1 on.
    """
    spellings = (word.lower(), word.capitalize(), word.upper())
    found = sorted((ranks[one], kind) for kind, one in enumerate(spellings) if one in ranks)
    if not found:
        return 0
    rank, kind = found[0]
    ratio = found[1][0] / rank if len(found) > 1 and found[1][0] > rank else np.inf
    clearly, frequent = np.searchsorted(_RATIOS, ratio), np.searchsorted(_RANKS, rank)
    return 1 + (kind * (len(_RATIOS) + 1) + int(clearly)) * (len(_RANKS) + 1) + int(frequent)


def case_of(word: str) -> int:
    """Return the case of a word: 0 if it begins with no letter, 1 of lower case, 2 with a capital, 3 in capitals."""
    if not word[:1].isalpha():
        return 0
    if not word[0].isupper():
        return 1
    return 3 if len(word) > 1 and word.isupper() else 2


def sentence_cases(cases: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class of the case of each token's sentence, in [0, N_SENTENCES), shape (N,).

    The class combines the fraction of words with a capital, without the first token, and the fraction in capitals.

    Parameters
    ----------
    cases : ndarray of shape (N,), int64
        See `case_of`.
    offsets : ndarray of shape (B + 1,), int64
        Where each sentence begins; the last is N.
    """
    others = np.ones(len(cases), np.bool_)
    others[offsets[:-1][np.diff(offsets) > 0]] = False
    first = _share((cases > 1) & others, (cases > 0) & others, offsets)
    second = _share(cases == 3, cases > 0, offsets)
    own = np.searchsorted(_SHARES, first) * (len(_SHARES) + 1) + np.searchsorted(_SHARES, second)
    return np.repeat(own.astype(np.int64), np.diff(offsets))


def _share(some: NDArray[np.bool_], every: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each sentence the fraction of its tokens in `every` that are in `some`, 0 if it has none."""
    one, all_ = (np.diff(np.concatenate([[0], np.cumsum(own)])[offsets]) for own in (some, every))
    share: NDArray[np.float64] = one / np.maximum(all_, 1)
    return share
