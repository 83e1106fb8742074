"""Stop words: found in the text itself, listed in a file, or the English ones."""

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

_FREQUENT = 1e-3  # fraction of all running words
_VARIED, _RATHER_VARIED = 0.7, 0.55  # relative to the word with the most varied neighbours
_LEAST_WORDS = 1000  # distinct words; below this, neighbours are not informative
_SAMPLED = 2000  # occurrences of a word, enough to estimate the entropy of its neighbours
_IN_GROUP, _LEAST_TEXTS, _EVERYWHERE = 0.01, 3, 0.8
_CONTRACTION = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")


def own_stop_words(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], in_groups: csc_array, sizes: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Return the stop words of a text, as the text itself shows them: words that are frequent everywhere.

    A word is a stop word if at least one in a thousand running words is this word, and it occurs next to almost any
    other: the sum of the entropies of the word before it and of the word after it [1]_ is at least 0.7 of the highest
    such sum. Names and words of a topic may be as frequent, but they occur next to only a few others.

    A word is also a stop word if groups in which it is frequent together contain 0.8 of the texts, and its entropy sum
    is at least 0.55 of the highest. Frequent means in at least three texts, and in one in a hundred, of the group.

    The rule uses no list or grammar, so it works for any language with separable words. In a text with fewer than 1,000
    distinct words, neighbours are not informative: only the second criterion applies, without its entropies.

    Parameters
    ----------
    ids : ndarray of shape (N,), int32
        Words of all texts, concatenated.
    offsets : ndarray of shape (S + 1,), int64
        Text s consists of the words ids[offsets[s]:offsets[s + 1]].
    in_groups : sparse array of shape (G, V)
        Number of texts in each group that contain each word.
    sizes : ndarray of shape (G,), int64
        Number of texts in each group. With a single group, the second criterion does not apply.

    Returns
    -------
    ndarray of int
        Word numbers, from 0 to V - 1, the most frequent first.

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
    """Return how varied the neighbours of each word are, from 0 to 1, relative to the most varied of these words."""
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
    """Return which of the words are in a list of stop words, ignoring case.

    Parameters
    ----------
    names : iterable of str
    stop_words : "english" or collection of str
        "english" means the list of scikit-learn and contractions of its words: "don't", "we'll".

    Raises
    ------
    ValueError, TypeError
        If `stop_words` is another string, or a word is not a str.
    """
    if stop_words is None or (isinstance(stop_words, str) and stop_words == OWN):
        return set()
    if isinstance(stop_words, str):
        if stop_words != ENGLISH:
            raise ValueError(f"stop_words must be 'text', 'english', words or None, not {stop_words!r:.80}")
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
    """Return the stop words for a user's choice: "text", "english", "none", or the name of a file of words.

    Raises
    ------
    CorpusError
        If the file cannot be read or is not text.
    ValueError
        If it contains no words.
    """
    if asked in (OWN, ENGLISH):
        return asked
    if asked == "none":
        return None
    words = [word for line in TextReader(asked).lines() for word in line.split()]
    if not words:
        raise ValueError(f"{asked} contains no words; write one stop word per line")
    return words
