"""A picture of a translator's cross-attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.neural.tasks.text.answers import Translation
from w2v.plots.figures import COLORS, new_figure, require_matplotlib, style
from w2v.plots.writing import shown, widest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL, _MARGIN, _NAME_SIZE = 0.3, 0.25, 9.0
_MOST_PIECES = 200


def plot_alignment(translation: Translation) -> Figure:
    """Draw the cross-attention of each piece of a translation (row) to each piece of the source (column).

    Parameters
    ----------
    translation : Translation
        With its alignment: the mean over the heads of the last cross-attention.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the translation is empty or too long to draw, or if its alignment was not requested.
    ImportError
        If matplotlib or textalloc is not installed.
    """
    longest = max(len(translation.source_pieces), len(translation.pieces))
    if longest > _MOST_PIECES:
        raise ValueError(
            f"{longest:,} pieces are too many to draw their attention; give a text of at most {_MOST_PIECES}"
        )
    if translation.alignment is None or not translation.alignment.size:
        raise ValueError("there is nothing to draw: the translation is empty, or its alignment was not requested")
    require_matplotlib()
    from matplotlib.colors import LinearSegmentedColormap

    sources, targets = ([shown(piece.strip() or "\u2423") for piece in pieces] for pieces in (
        translation.source_pieces, translation.pieces,
    ))  # fmt: skip
    with style([*sources, *targets]):
        left, above = (_MARGIN + widest(names, _NAME_SIZE) + 0.06 for names in (targets, sources))
        columns, rows = _CELL * len(sources), _CELL * len(targets)
        width, height = left + columns + _MARGIN, above + rows + _MARGIN
        figure = new_figure(width, height)
        axes = figure.add_axes((left / width, _MARGIN / height, columns / width, rows / height))
        colors = LinearSegmentedColormap.from_list("attention", ["white", COLORS[0]])
        axes.imshow(translation.alignment, cmap=colors, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(sources)), sources, rotation=90, fontsize=_NAME_SIZE, parse_math=False)
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(targets)), targets, fontsize=_NAME_SIZE, parse_math=False)
        axes.tick_params(length=0)
        axes.set_frame_on(False)
    return figure
