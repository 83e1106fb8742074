"""Plots of an image classifier: attention, similarity of positions, and confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v.neural.tasks.images.classifier import ImageClassifier
from w2v.plots.figures import COLORS, INK, QUIET, bare, new_figure, require_matplotlib, style
from w2v.plots.writing import shown, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE, _GAP, _MARGIN, _HEAD = 1.5, 0.15, 0.2, 0.3
MOST_DRAWN = 16
"""Maximum number of pictures drawn together."""
_CELL, _NAME_SIZE, _MOST_NUMBERS = 0.36, 9.0, 40


def plot_attention(classifier: ImageClassifier, X: Any, *, layer: int | None = None) -> Figure:  # noqa: N803
    """Draw pictures, and next to each the attention of every head of a layer, the mean of the heads first.

    Parameters
    ----------
    classifier : ImageClassifier
    X : array-like, Pictures, path-like or list of path-like
        At most 16 pictures.
    layer : int, optional
        Number of the layer, from 1; the last by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are too many pictures, no such layer, or no attention.
    ImportError
        If matplotlib or textalloc is not installed.
    """
    pictures = classifier.pictures(X)
    if len(pictures) > MOST_DRAWN:
        raise ValueError(f"{len(pictures):,} pictures are too many for one figure; give at most {MOST_DRAWN}")
    weights = classifier.attention(pictures, layer=layer)
    labels = classifier.predict(pictures)
    seen = np.concatenate([weights.mean(axis=1, keepdims=True), weights], axis=1)
    heads = ["mean of heads", *(f"head {i + 1}" for i in range(weights.shape[1]))]
    require_matplotlib()
    patch = classifier.network_.config.patch
    with style([*map(str, labels), *heads]):
        figure, axes = _grid(len(pictures), 1 + seen.shape[1])
        for row, pixels in enumerate(pictures.pixels):
            _show(axes[row][0], pixels)
            axes[row][0].set_title(shown(str(labels[row])), fontsize=_NAME_SIZE, color=INK, parse_math=False)
            for panel, map_, name in zip(axes[row][1:], seen[row], heads, strict=True):
                _show(panel, pixels, faint=True)
                spread = np.kron(map_, np.ones((patch, patch)))[: pixels.shape[0], : pixels.shape[1]]
                panel.imshow(_tinted(spread / max(float(spread.max()), 1e-12)), interpolation="nearest")
                if row == 0:
                    panel.set_title(name, fontsize=_NAME_SIZE, color=QUIET)
    return figure


def plot_positions(classifier: ImageClassifier) -> Figure:
    """Draw for each patch position the cosines of its learned embedding with those of all other positions.

    With enough pictures and patches, the initially random table becomes a map in which positions in the same row or
    column are similar.

    Raises
    ------
    ValueError
        If positions are not learned.
    ImportError
        If matplotlib or textalloc is not installed.
    """
    trained = classifier.network_
    grid, name = trained.config.grid, "encoder.positions.table"
    if name not in trained.parameters:
        raise ValueError(f"there are no learned positions to draw: positions are {trained.config.encoder.positions}")
    table = trained.parameters[name][int(trained.config.has_token) :].astype(np.float64)
    units = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    cosines = (units @ units.T).reshape(grid.rows, grid.columns, grid.rows, grid.columns)
    require_matplotlib()
    side = min(0.7, 8 / max(grid.rows, grid.columns))
    with style():
        figure, axes = _grid(grid.rows, grid.columns, side=side, gap=0.06, head=0.0)
        for row in range(grid.rows):
            for column in range(grid.columns):
                panel = axes[row][column]
                panel.imshow(cosines[row, column], cmap=_colors(), vmin=-1, vmax=1, interpolation="nearest")
                bare(panel)
    return figure


def plot_confusion(wanted: ArrayLike, found: ArrayLike, labels: Sequence[Any] | None = None) -> Figure:
    """Draw the confusion matrix: true labels by row, predicted labels by column; correct answers are on the diagonal.

    Parameters
    ----------
    wanted, found : array-like of shape (n,)
        True and predicted labels.
    labels : sequence, optional
        The labels to draw, in this order; by default all that occur.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is nothing to compare, or the lengths differ.
    ImportError
        If matplotlib or textalloc is not installed.
    """
    counts, names = confusion(wanted, found, labels)
    require_matplotlib()
    from matplotlib.colors import LinearSegmentedColormap

    texts = [shown(str(name)) for name in names]
    with style(texts):
        left = above = _MARGIN + widest(texts, _NAME_SIZE) + 0.08
        side = _CELL * len(texts)
        width, height = left + side + _MARGIN, above + side + _MARGIN
        figure = new_figure(width, height)
        axes = figure.add_axes((left / width, _MARGIN / height, side / width, side / height))
        fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        colors = LinearSegmentedColormap.from_list("confusion", ["white", COLORS[0]])
        axes.imshow(fractions, cmap=colors, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(texts)), texts, rotation=90, fontsize=_NAME_SIZE, parse_math=False)
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(texts)), texts, fontsize=_NAME_SIZE, parse_math=False)
        axes.set_frame_on(False)
        if len(texts) <= _MOST_NUMBERS:
            for row, column in zip(*np.nonzero(counts), strict=True):
                color = "white" if fractions[row, column] > 0.5 else INK
                axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=7, color=color)
    return figure


def confusion(
    wanted: ArrayLike, found: ArrayLike, labels: Sequence[Any] | None = None
) -> tuple[NDArray[np.int64], list[Any]]:
    """Return the confusion matrix, true labels by row, and the labels; see `plot_confusion`."""
    first, second = np.asarray(wanted), np.asarray(found)
    if len(first) != len(second) or not len(first):
        raise ValueError(f"labels and predictions must be equally many, not {len(first):,} and {len(second):,}")
    names = sorted({*first.tolist(), *second.tolist()}) if labels is None else list(labels)
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        if one in place and other in place:
            counts[place[one], place[other]] += 1
    return counts, names


def _grid(
    rows: int, columns: int, *, side: float = _SIDE, gap: float = _GAP, head: float = _HEAD
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of square panels."""
    width = 2 * _MARGIN + columns * side + (columns - 1) * gap
    height = 2 * _MARGIN + rows * (side + head) + (rows - 1) * gap
    figure = new_figure(width, height)
    axes = [
        [
            figure.add_axes((
                (_MARGIN + column * (side + gap)) / width,
                1 - (_MARGIN + row * (side + head + gap) + head + side) / height, side / width, side / height,
            ))
            for column in range(columns)
        ]
        for row in range(rows)
    ]  # fmt: skip
    return figure, axes


def _show(axes: Axes, pixels: NDArray[Any], *, faint: bool = False) -> None:
    """Draw a picture with its own range of values, or faintly as a background."""
    low, high = float(pixels.min()), float(pixels.max())
    brightness = (pixels.astype(np.float64) - low) / max(high - low, 1e-12)
    if faint:
        brightness = 1 - 0.35 * (1 - brightness.mean(axis=2, keepdims=True))
    if brightness.shape[2] != 3:
        brightness = np.repeat(brightness[..., :1], 3, axis=2)
    axes.imshow(brightness, interpolation="nearest")
    bare(axes)


def _tinted(strength: NDArray[Any]) -> NDArray[Any]:
    """Return a colour for each value from 0 to 1, more opaque for larger values."""
    from matplotlib.colors import to_rgb

    return np.dstack([np.broadcast_to(np.array(to_rgb(COLORS[1])), (*strength.shape, 3)), 0.85 * strength])


def _colors() -> Any:
    """Return a colour map from −1 to 1, white in the middle."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("cosines", [COLORS[1], "white", COLORS[0]])
