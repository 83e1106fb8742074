"""Stratified splits: examples to train on, and held-out examples with the same proportions of classes.

Texts may be parts of one another, as the phrases of a treebank are parts of its sentences. A classifier that has seen
the phrases of a sentence with their labels has almost seen the sentence, so the two must not be on different sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_START = 3
"""Words by which texts are looked up; shorter texts are looked up whole."""


def stratified(
    wanted: NDArray[np.integer[Any]], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide n examples with the classes `wanted`, shape (n,); both parts are in ascending order.

    `count` examples are held out, or fewer, because one of each class stays. As with `stratify` of scikit-learn's
    `train_test_split`, the held-out part has the same proportions of classes, up to rounding.
    """
    n = len(wanted)
    order = rng.permutation(n)
    place = np.empty(n)  # position in a queue in which classes take turns
    for label in np.unique(wanted):
        own = order[wanted[order] == label]
        place[own] = np.where(np.arange(len(own)) < len(own) - 1, (np.arange(len(own)) + 0.5) / len(own), np.inf)
    apart = order[np.argsort(place[order], kind="stable")][:count]
    apart = np.sort(apart[np.isfinite(place[apart])])
    return np.setdiff1d(np.arange(n), apart), apart


def parts_of(texts: Sequence[str], wholes: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which texts are a run of the words of one of `wholes`, and shorter than it, shape (n,).

    A text is found by its first three words, so the time is proportional to the number of words, unless many texts
    start with the same three.
    """
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(tuple(text.split()), []).append(row)
    lengths: dict[tuple[str, ...], set[int]] = {}
    for words in rows:
        lengths.setdefault(words[:_START], set()).add(len(words))
    found: set[tuple[str, ...]] = set()
    for words in sorted({tuple(whole.split()) for whole in wholes}, key=len, reverse=True):
        if words not in found:  # else its own parts were found in the longer text
            found.update(run for run in _runs(words, lengths) if run in rows)
    is_part = np.zeros(len(texts), np.bool_)
    is_part[[row for words in found for row in rows[words]]] = True
    return is_part


def _runs(words: tuple[str, ...], lengths: Mapping[tuple[str, ...], set[int]]) -> Iterator[tuple[str, ...]]:
    """Yield the runs of words, shorter than all, that start as some text of their length does."""
    for first in range(len(words)):
        for n in range(1, _START + 1):
            for length in lengths.get(words[first : first + n], ()):
                if length < len(words) and first + length <= len(words):
                    yield words[first : first + length]
