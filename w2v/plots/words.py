"""A map of words: points on the plane, labelled with their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.plots.figures import COLORS, INK, lighter, palette, require_matplotlib, style
from w2v.plots.layout import Label, Points, grow, new_map, place_labels, project
from w2v.plots.writing import shown
from w2v.settings.constraints import DEFAULT_SEED
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.lookup import to_units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST_POINTS, _MOST_POINTS = 3, 500


def plot_words(
    embeddings: Embeddings,
    words: Sequence[str],
    *,
    neighbors: int = 0,
    method: str = "pca",
    random_state: int = DEFAULT_SEED,
    restrict_vocab: int | None = None,
    title: str | None = None,
    width: float | None = None,
) -> Figure:
    """Draw a map of words, optionally each with its nearest words in the same colour.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    words : sequence of str
        The words to show. Duplicates are drawn once.
    neighbors : int, default 0
        Number of nearest words to show with each word. A word near several is drawn with the nearest of them.
    method : {"pca", "tsne", "umap"}, default "pca"
        How to project the unit vectors onto the plane.
    random_state : int, default 1
        Random seed of t-SNE and UMAP.
    restrict_vocab : int, optional
        Search for neighbours among this many of the most frequent words.
    title : str, optional
        Title above the picture.
    width : float, default 7.5
        Initial width in inches, 2 to 60; it grows until the labels fit.

    Returns
    -------
    matplotlib.figure.Figure
        As large as the labels need.

    Raises
    ------
    ImportError
        If matplotlib or textalloc, or for "umap" umap-learn, is not installed.
    UnknownWordError
        If words are not in the vocabulary; it names all of them.
    ValueError
        If there are fewer than 3 or more than 500 points, a vector is not finite, or an argument is out of range.
    """
    require_matplotlib()
    if isinstance(words, str):
        raise TypeError("plot_words needs a sequence of words, not one string")
    if neighbors < 0:
        raise ValueError(f"neighbors must not be negative, but is {neighbors}")
    names, groups = _groups(embeddings, list(words), neighbors, restrict_vocab)
    if not _LEAST_POINTS <= len(names) <= _MOST_POINTS:
        hint = "give more words, or neighbors" if len(names) < _LEAST_POINTS else "give fewer words, or fewer neighbors"
        raise ValueError(f"a map shows {_LEAST_POINTS} to {_MOST_POINTS} words, got {len(names)}; {hint}")
    points, caption = project(unit_vectors(embeddings, names), method, random_state)
    with style([*names, title or ""]):
        return grow(lambda inches: _draw(names, groups, points, neighbors > 0, inches, caption, title), width)


def unit_vectors(embeddings: Embeddings, words: Sequence[str]) -> NDArray[np.float32]:
    """Return the unit vectors of words, shape (n, D), float32; raise ValueError if one is not finite."""
    vectors = embeddings[list(words)]
    for word, vector in zip(words, vectors, strict=True):
        if not np.isfinite(vector).all():
            raise ValueError(f"the vector of {word!r:.80} cannot be drawn: it is not finite")
    return to_units(vectors).astype(np.float32)


def _groups(
    embeddings: Embeddings, words: list[str], neighbors: int, restrict_vocab: int | None
) -> tuple[list[str], list[int]]:
    """Return the words to draw, requested words first, and for each the index of the requested word it belongs to."""
    embeddings[words]  # raises an error that names all unknown words
    found = embeddings.neighbors_batch(words, top_n=neighbors, restrict_vocab=restrict_vocab) if neighbors else []
    asked: dict[str, int] = {}
    for word in words:
        asked.setdefault(word, len(asked))
    nearest: dict[str, tuple[float, int]] = {}
    for word, near in zip(words, found, strict=False):
        for other, score in near:
            if other not in asked and score > nearest.get(other, (-2.0, 0))[0]:
                nearest[other] = score, asked[word]
    return [*asked, *nearest], [*asked.values(), *(group for _, group in nearest.values())]


def _draw(
    names: list[str], groups: list[int], points: Points, grouped: bool, width: float, caption: str, title: str | None
) -> Figure | None:
    """Draw the map at a given width; return None if the labels do not fit."""
    figure, axes = new_map(points, width, title, caption)
    n_asked = max(groups) + 1
    for index, (x, y) in reversed(list(enumerate(points))):
        color, marker = palette(groups[index]) if grouped else (COLORS[0], "o")
        if index >= n_asked:
            start = points[groups[index]]
            axes.plot([start[0], x], [start[1], y], color=lighter(color, 0.72), linewidth=0.8, zorder=1)
        size = 52 if grouped and index < n_asked else 22
        face = color if index < n_asked else lighter(color, 0.35)
        axes.scatter(x, y, s=size, marker=marker, color=[face], edgecolors="white", linewidths=0.8, zorder=6)
    labels = []
    for index, (name, point) in enumerate(zip(names, points.tolist(), strict=True)):
        is_bold = grouped and index < n_asked
        color = palette(groups[index])[0] if grouped else INK
        labels.append(Label(point, shown(name), 11.5 if is_bold else 9.5 if grouped else 10.5, color, is_bold))
    return figure if place_labels(axes, labels) else None
