"""Words that show what a model knows, grouped by topic, and their positions on a map."""

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
    """Words of a topic, by decreasing frequency: the most frequent of the half nearest to the group's centre.

    `telling` are up to three of them, those nearest to the centre.
    """

    words: tuple[str, ...]
    telling: tuple[str, ...]


def find_groups(embeddings: Embeddings, *, n_words: int = N_WORDS, n_groups: int = N_GROUPS) -> list[Group]:
    """Return groups of frequent words: the largest topics of a vocabulary.

    Groups are in order of the frequency of their first words, and contain at most `n_words` in total; there are none if
    fewer than three words are usable.

    The 4,000 most frequent words are clustered by k-means of their unit vectors. In natural text, the hundred most
    frequent words are skipped, since nearly all are function words. So are single letters, subwords and special tokens
    such as ``##ing`` and ``[CLS]``, and, if most words have letters, words without any. Words whose vectors are zero or
    not finite are left out.
    """
    words, units = _pool(embeddings)
    if len(words) < _FEWEST_WORDS or n_words < _FEWEST_WORDS:
        return []
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    k = max(1, min(n_groups, len(words) // _FEWEST_A_GROUP, n_words // _FEWEST_WORDS, len(np.unique(units, axis=0))))
    with threadpool_limits(1):  # the last bits of the result depend on the number of threads
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
    """Return a map of the words of some groups, or None if there are fewer than three; see `w2v.plots.plot_words`."""
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
    """Return the words to choose from, by decreasing frequency, and their unit vectors."""
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
    """Return whether a word is a letter, a subword or a special token; Chinese characters are words."""
    is_letter = len(word) == 1 and word.isalpha() and unicodedata.east_asian_width(word) not in "WF"
    return is_letter or word.startswith("##") or (word.startswith("[") and word.endswith("]"))


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows scaled to length 1; rows that are zero or not finite become zero."""
    return to_units(np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0)).astype(np.float32)


def _words(words: list[str], places: list[int]) -> tuple[str, ...]:
    """Return the words at the given places."""
    return tuple(words[place] for place in places)
