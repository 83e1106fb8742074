"""Words that say nothing about a text: found in the text itself, listed in a file, or the English ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.readers import TextReader

if TYPE_CHECKING:
    from scipy.sparse import csc_array

StopWords = str | Iterable[str] | None
"""How to choose stop words; see `Terms.stop_words`."""

OWN, ENGLISH = "text", "english"

_FREQUENT = 1e-3  # of the words of the text
_VARIED, _RATHER_VARIED = 0.7, 0.55  # of the most varied word
_LEAST_WORDS = 1000  # different ones; in fewer, neighbours tell nothing
_SAMPLED = 2000  # occurrences of a word, enough to see its neighbours
_IN_GROUP, _LEAST_TEXTS, _EVERYWHERE = 0.01, 3, 0.8
_CONTRACTION = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")


def own_stop_words(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], in_groups: csc_array, sizes: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Return the stop words of a text, which the text itself shows: words that are frequent everywhere.

    A word is one if it is at least one of a thousand running words and stands beside almost any other: the entropies
    of the word before it and of the word after it [1]_, added up, are at least 0.7 of the highest such sum. Names and
    words of a topic may be as frequent, but keep company with a few others.

    A word is also one if it is in at least three texts, and in one of a hundred, of each of the groups that hold 0.8 of
    the texts together, and has 0.55 of the highest entropies.

    No list or grammar is needed, so the rule holds in any language whose words are told apart. In a text of fewer than
    1,000 different words neighbours tell nothing: only the second holds, without its entropies.

    Parameters
    ----------
    ids : ndarray of shape (N,), int32
        Words of all texts, one after another.
    offsets : ndarray of shape (S + 1,), int64
        Text s has the words ids[offsets[s]:offsets[s + 1]].
    in_groups : sparse array of shape (G, V)
        How many texts of each group each word is in.
    sizes : ndarray of shape (G,), int64
        Texts of each group. In a single group no word is everywhere.

    Returns
    -------
    ndarray of int
        Words, from 0 to V - 1, the most frequent first.

    References
    ----------
    .. [1] Jin and Tanaka-Ishii 2006, Unsupervised segmentation of Chinese text by use of branching entropy, COLING/ACL.
    """
    counts = np.bincount(ids, minlength=in_groups.shape[1])
    if (sizes > 0).sum() > 1:
        is_frequent = in_groups.data >= np.maximum(_LEAST_TEXTS, _IN_GROUP * sizes)[in_groups.indices]
        word = np.repeat(np.arange(len(counts)), np.diff(in_groups.indptr))
        texts = np.bincount(word, is_frequent * sizes[in_groups.indices], len(counts))
        is_everywhere = texts >= _EVERYWHERE * sizes.sum()
    else:
        is_everywhere = np.zeros(len(counts), bool)
    if len(counts) < _LEAST_WORDS:
        chosen = np.flatnonzero(is_everywhere)
    else:
        is_common = counts >= _FREQUENT * len(ids)
        asked = np.flatnonzero(is_common | is_everywhere)
        variety = _variety(ids, offsets, asked)
        is_rather = is_everywhere[asked] & (variety >= _RATHER_VARIED)
        chosen = asked[is_rather | (is_common[asked] & (variety >= _VARIED))]
    return chosen[np.argsort(-counts[chosen], kind="stable")]


def _variety(ids: NDArray[np.int32], offsets: NDArray[np.int64], words: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how varied the neighbours of words are, relative to the most varied of these words, 0 to 1."""
    is_first, is_last = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    filled = np.flatnonzero(np.diff(offsets))
    is_first[offsets[filled]], is_last[offsets[filled + 1] - 1] = True, True
    rank = np.full(ids.max(initial=0) + 1, -1, np.int32)
    rank[words] = np.arange(len(words))
    places = np.flatnonzero(rank[ids] >= 0)
    places = places[np.argsort(rank[ids[places]], kind="stable")]
    borders = np.searchsorted(rank[ids[places]], np.arange(len(words) + 1)).tolist()
    variety = np.zeros(len(words))
    for word, (start, stop) in enumerate(zip(borders, borders[1:], strict=False)):
        sample = places[start : stop : max(1, (stop - start) // _SAMPLED)]
        variety[word] = _entropy(ids[sample[~is_first[sample]] - 1]) + _entropy(ids[sample[~is_last[sample]] + 1])
    highest: np.float64 = variety.max(initial=1e-9)
    return variety / highest


def _entropy(words: NDArray[np.int32]) -> float:
    """Return the entropy of a sample of words, in bits."""
    counts = np.unique(words, return_counts=True)[1]
    p = counts / max(1, counts.sum())
    return float(-(p * np.log2(p)).sum())


def listed_stop_words(names: Iterable[str], stop_words: StopWords) -> set[str]:
    """Return those of some words that a list of stop words holds, in any case of their letters.

    Parameters
    ----------
    names : iterable of str
    stop_words : "english" or collection of str
        For English the list of scikit-learn, and its words contracted: "don't", "we'll".

    Raises
    ------
    ValueError, TypeError
        If it is another string, or one of the words is no str.
    """
    if stop_words is None or (isinstance(stop_words, str) and stop_words == OWN):
        return set()
    if isinstance(stop_words, str):
        if stop_words != ENGLISH:
            raise ValueError(f"stop_words is 'text', 'english', a collection of words or None, not {stop_words!r:.80}")
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return {name for name in names if _is_english(name.lower(), ENGLISH_STOP_WORDS)}
    words: list[Any] = list(stop_words)
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise TypeError(f"stop_words are words, and {wrong[0]!r:.60} is none")
    listed = {word.lower() for word in words}
    return {name for name in names if name.lower() in listed}


def _is_english(word: str, listed: frozenset[str]) -> bool:
    return word in listed or word.endswith("n't") or ("'" in word and _CONTRACTION.sub("", word) in listed)


def chosen_stop_words(asked: str) -> StopWords:
    """Return what a user asks for: "text", "english", "none", or the words of a file.

    Raises
    ------
    CorpusError
        If the file cannot be read or is no text.
    ValueError
        If it has no words.
    """
    if asked in (OWN, ENGLISH):
        return asked
    if asked == "none":
        return None
    words = [word for line in TextReader(asked).lines() for word in line.split()]
    if not words:
        raise ValueError(f"{asked} has no words; a list of stop words has one a line")
    return words
