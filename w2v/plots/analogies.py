"""Analogies as arrows: from the first to the second word of each pair, in the plane where the pairs differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.plots.figures import COLORS, INK, lighter, require_matplotlib, style
from w2v.plots.layout import Label, Points, grow, new_map, place_labels, principal_plane
from w2v.plots.words import unit_vectors
from w2v.plots.writing import shown
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.lookup import to_units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_PAIRS = 100


def plot_analogies(
    embeddings: Embeddings,
    pairs: Sequence[tuple[str, str]],
    *,
    title: str | None = None,
    width: float | None = None,
) -> Figure:
    """Draw word pairs with the same relation as arrows, such as from man to king and from woman to queen.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    pairs : sequence of (str, str)
        Two pairs or more.
    title : str, optional
        Title above the picture.
    width : float, default 7.5
        Initial width in inches, 2 to 60; it grows until the labels fit.

    Returns
    -------
    matplotlib.figure.Figure
        The unit vectors in their principal plane; the caption states how parallel the arrows are in all dimensions.

    Raises
    ------
    ImportError
        If matplotlib or textalloc is not installed.
    UnknownWordError
        If words are not in the vocabulary; it names all of them.
    ValueError
        If there are fewer than 2 or more than 100 pairs, the words of a pair are equal, or a vector is not finite.
    """
    require_matplotlib()
    wanted = list(dict.fromkeys((first, second) for first, second in pairs))
    if not 2 <= len(wanted) <= _MOST_PAIRS:
        raise ValueError(f"a picture of analogies takes 2 to {_MOST_PAIRS} different pairs, got {len(wanted)}")
    for first, second in wanted:
        if first == second:
            raise ValueError(f"a pair needs two different words, not {first!r:.80} twice")
    words = list(dict.fromkeys(word for pair in wanted for word in pair))
    vectors = unit_vectors(embeddings, words)
    row = {word: index for index, word in enumerate(words)}
    arrows = [(row[first], row[second]) for first, second in wanted]
    points, held = principal_plane(vectors)
    points *= np.where(
        sum(points[end] - points[start] for start, end in arrows) < 0, -1, 1
    )  # point arrows up and right
    parallel = _mean_cosine(np.array([vectors[end] - vectors[start] for start, end in arrows], dtype=np.float64))
    caption = (
        f"PCA: the two axes explain {held:.0%} of the variance between these words.\n"
        f"Mean cosine of two arrows in all {embeddings.vector_size} dimensions: {parallel:.2f}"
    )
    with style([*words, title or ""]):
        return grow(lambda inches: _draw(words, arrows, points, inches, caption, title), width)


def _mean_cosine(offsets: NDArray[np.float64]) -> float:
    """Return the mean cosine over all pairs of offsets, shape (n, D); cosines with a zero offset are 0."""
    units = to_units(offsets)
    cosines = units @ units.T
    return float(cosines[np.triu_indices(len(units), 1)].mean())


def _draw(
    words: list[str], arrows: list[tuple[int, int]], points: Points, width: float, caption: str, title: str | None
) -> Figure | None:
    """Draw the arrows at a given width; return None if the labels do not fit."""
    figure, axes = new_map(points, width, title, caption)
    ends = {end for _, end in arrows}
    color = COLORS[0]
    for start, end in arrows:
        axes.annotate(
            "", points[end], points[start],
            arrowprops={
                "arrowstyle": "-|>,head_length=0.55,head_width=0.22", "color": lighter(color, 0.35), "linewidth": 1.5,
                "shrinkA": 4, "shrinkB": 4, "joinstyle": "miter", "capstyle": "butt",
            },
            zorder=2,
        )  # fmt: skip
    for index, (x, y) in enumerate(points):
        face = color if index in ends else "white"
        axes.scatter(x, y, s=30, color=[face], edgecolors=[color], linewidths=1.3, zorder=6)
    labels = [
        Label(point, shown(word), 10.5, color if index in ends else INK, index in ends)
        for index, (word, point) in enumerate(zip(words, points.tolist(), strict=True))
    ]
    lines = [(points[[start, end], 0].tolist(), points[[start, end], 1].tolist()) for start, end in arrows]
    return figure if place_labels(axes, labels, lines) else None
