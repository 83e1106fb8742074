"""The weight of words in groups of texts: class-based TF-IDF, and how much two words belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def class_tfidf(counts: csr_array) -> csr_array:
    """Return the weight of each word in each group by class-based TF-IDF [1]_, shape (G, V), float64.

    The weight is tf · log(1 + A / f), where tf is the word's fraction of the words in the group, f its count in all
    groups, and A the mean number of words in a group.

    Parameters
    ----------
    counts : sparse array of shape (G, V)
        Count of each word in each group.

    References
    ----------
    .. [1] Grootendorst 2022, BERTopic: neural topic modeling with a class-based TF-IDF procedure, arXiv:2203.05794,
       section 3.3; tf as in its program, which divides by the number of words in the group.
    """
    return weighed(counts, rarity(counts))


def rarity(counts: csr_array) -> NDArray[np.float64]:
    """Return log(1 + A / f) of each word, shape (V,), float64; see `class_tfidf`."""
    in_group, in_all = np.asarray(counts.sum(axis=1)), np.asarray(counts.sum(axis=0))
    rarities: NDArray[np.float64] = np.log1p(in_group.mean() / np.maximum(in_all, 1))
    return rarities


def weighed(counts: csr_array, rarities: NDArray[np.float64]) -> csr_array:
    """Return the weights of words, given their rarities; see `class_tfidf`."""
    from scipy.sparse import csr_array

    tf = counts.data / np.repeat(np.maximum(counts.sum(axis=1), 1), np.diff(counts.indptr))
    return csr_array((tf * rarities[counts.indices], counts.indices, counts.indptr), shape=counts.shape)


def heaviest(weights: csr_array, names: Sequence[str], n_words: int) -> list[list[str]]:
    """Return the names of the largest weights in each row, in descending order."""
    found = []
    for start, stop in zip(weights.indptr.tolist(), weights.indptr[1:].tolist(), strict=False):
        words, weight = weights.indices[start:stop], weights.data[start:stop]
        order = np.lexsort((words, -weight))[:n_words]
        found.append([names[word] for word in words[order].tolist()])
    return found


def mutual_information(
    codes: NDArray[np.int64], counts: NDArray[np.int64], ids: NDArray[np.int32], n_words: int
) -> NDArray[np.float64]:
    """Return how much more often pairs of words are adjacent than by chance, from -1 to 1, float64."""
    n = max(1, len(ids))
    p_word, p_pair = np.bincount(ids, minlength=n_words) / n, counts / n
    by_chance = p_word[codes // n_words] * p_word[codes % n_words]
    return np.log(p_pair / by_chance) / -np.log(np.minimum(p_pair, 0.999))
