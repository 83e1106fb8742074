"""Plot the attention between the words of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.plots import check_picture_path, save_figure
from w2v.plots.figures import COLORS, INK, QUIET, new_figure, require_matplotlib, style
from w2v.plots.writing import shown, text_size, widest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_picture_path", "plot_attention", "save_figure"]

_CELL = 0.3
_BARS = 1.6
_MARGIN = 0.25
_NAME_SIZE = 9.0
_HEADING = "share of the vector"


def plot_attention(
    tokens: Sequence[str], shares: NDArray[np.float64], weights: NDArray[np.float32] | None = None
) -> Figure:
    """Draw how much each token (row) attends to each (column), and the tokens' contributions to the sentence vector.

    `shares`, shape (T,), are from `w2v.encoder.model.contributions.token_shares`. `weights`, shape (T, T), is None for
    an encoder without attention.

    Raises
    ------
    ImportError
        If matplotlib or textalloc is not installed.
    """
    require_matplotlib()
    with style(tokens):
        return _draw([shown(token) for token in tokens], shares, weights)


def _draw(labels: list[str], shares: NDArray[np.float64], weights: NDArray[np.float32] | None) -> Figure:
    names = _MARGIN + widest(labels, _NAME_SIZE) + 0.06
    bars_width = max(_BARS, text_size(_HEADING, _NAME_SIZE)[0])
    side = _CELL * len(labels)
    map_width = 0.0 if weights is None else side + _MARGIN
    above = _MARGIN + 0.3 if weights is None else max(names, _MARGIN + 0.3)
    width, height = names + map_width + bars_width + _MARGIN, above + side + _MARGIN
    figure = new_figure(width, height)
    bottom = _MARGIN / height
    rows = range(len(labels))
    if weights is not None:
        axes = figure.add_axes((names / width, bottom, side / width, side / height))
        axes.imshow(weights, cmap=_color_map(), vmin=0, aspect="auto")
        axes.set_xticks(list(rows), labels, rotation=90, parse_math=False)
        axes.xaxis.tick_top()
        axes.set_yticks(list(rows), labels, parse_math=False)
        _bare(axes)
    bars = figure.add_axes(((names + map_width) / width, bottom, bars_width / width, side / height))
    bars.barh(list(rows), shares, color=COLORS[0], height=0.7)
    bars.set_ylim(len(labels) - 0.5, -0.5)
    bars.set_yticks(list(rows), labels if weights is None else [""] * len(labels), parse_math=False)
    bars.axvline(0, color=QUIET, linewidth=0.8)
    bars.set_xticks([])
    bars.set_title(_HEADING, fontsize=_NAME_SIZE, color=INK, loc="left")
    _bare(bars)
    return figure


def _color_map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("attention", ["white", COLORS[0]])


def _bare(axes: Any) -> None:
    """Remove the frame and the tick marks."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, colors=INK)
