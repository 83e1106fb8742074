"""Which words show what a model knows, in groups of a topic each, and where they lie on a map."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v.plots.layout import project
from w2v.reports.blocks import MapPoint, WordMap
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.lookup import to_unit, to_units

N_GROUPS, N_WORDS = 8, 360
_POOL = 4000
_MOST_SKIPPED = 100
_FEWEST_WORDS = 3
_FEWEST_A_GROUP = 6
_SEED = 0


@dataclass(frozen=True)
class Group:
    """Words of a topic, by falling frequency: the most frequent of the half that is nearest to the group's centre.

    `telling` are up to three of them, those nearest to the centre.
    """

    words: tuple[str, ...]
    telling: tuple[str, ...]


def find_groups(embeddings: Embeddings, *, n_words: int = N_WORDS, n_groups: int = N_GROUPS) -> list[Group]:
    """Return groups of frequent words, the largest topics of a vocabulary.

    Groups come by falling frequency of their first words, and hold together `n_words` at most; there are none if fewer
    than three words can be used.

    The 4,000 most frequent words are divided by k-means of their unit vectors. Of a natural text the hundred most
    frequent, nearly all of them function words, are passed over, as are single letters of alphabets, what pieces of
    words and marks such as ``##ing`` and ``[CLS]`` are called and, where most words have letters, words without any.
    Words whose vectors are zero or not finite are left out.
    """
    words, units = _pool(embeddings)
    if len(words) < _FEWEST_WORDS or n_words < _FEWEST_WORDS:
        return []
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    k = max(1, min(n_groups, len(words) // _FEWEST_A_GROUP, n_words // _FEWEST_WORDS, len(np.unique(units, axis=0))))
    with threadpool_limits(1):  # the result depends on the number of threads, in its last bits
        found = KMeans(k, n_init=3, random_state=_SEED).fit(units)
    most = max(1, n_words // k)
    groups = []
    for number in range(k):
        members = np.flatnonzero(found.labels_ == number)
        centre = to_unit(found.cluster_centers_[number])
        by_closeness = members[np.argsort(-(units[members] @ centre), kind="stable")]
        shown = np.sort(by_closeness[: max(most, len(members) // 2)])[:most]
        telling = [place for place in by_closeness if place in shown][:3]
        groups.append((int(shown[0]), Group(_words(words, shown.tolist()), _words(words, telling))))
    return [group for _, group in sorted(groups, key=lambda pair: pair[0])]


def draw_map(embeddings: Embeddings, groups: list[Group], *, method: str = "tsne") -> WordMap | None:
    """Return a map of the words of some groups, or None if they are fewer than three; see `w2v.plots.plot_words`."""
    words = [word for group in groups for word in group.words]
    if len(words) < _FEWEST_WORDS:
        return None
    units = _units(embeddings[words])
    points, caption = project(units, method, _SEED)
    numbers = [number for number, group in enumerate(groups) for _ in group.words]
    telling = {word for group in groups for word in group.telling}
    return WordMap(
        "map",
        f"{len(words):,} words",
        tuple(" · ".join(group.telling) for group in groups),
        tuple(
            MapPoint(word, float(x), float(y), number, -embeddings.key_to_index[word] + (1e9 if word in telling else 0))
            for word, (x, y), number in zip(words, points.tolist(), numbers, strict=True)
        ),
        f"{caption}.",
    )


def _pool(embeddings: Embeddings) -> tuple[list[str], NDArray[np.float32]]:
    """Return the words to choose from, by falling frequency, and their unit vectors."""
    n_skipped = min(_MOST_SKIPPED, len(embeddings) // 20)
    counts = embeddings.vocabulary.counts
    order = np.arange(len(embeddings)) if counts is None else np.argsort(-counts, kind="stable")
    rows = order[n_skipped : n_skipped + _POOL]
    words = [embeddings.index_to_key[row] for row in rows.tolist()]
    has_letter = np.array([any(map(str.isalpha, word)) for word in words], dtype=bool)
    is_part = np.array([_is_part(word) for word in words], dtype=bool)
    units = _units(embeddings.rows(rows))
    kept = (np.linalg.norm(units, axis=1) > 0) & ~is_part
    if has_letter.mean() > 0.5:
        kept &= has_letter
    return [words[place] for place in np.flatnonzero(kept).tolist()], units[kept]


def _is_part(word: str) -> bool:
    """Tell whether something is a letter, a piece of a word or a mark; a Chinese character is a word."""
    is_letter = len(word) == 1 and word.isalpha() and unicodedata.east_asian_width(word) not in "WF"
    return is_letter or word.startswith("##") or (word.startswith("[") and word.endswith("]"))


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of length 1; those that are zero or not finite are zero."""
    return to_units(np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0)).astype(np.float32)


def _words(words: list[str], places: list[int]) -> tuple[str, ...]:
    """Return the words at some places."""
    return tuple(words[place] for place in places)
