"""A comparison of programs as bars: speed, and quality file by file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from w2v.plots.figures import COLORS, INK, QUIET, lighter, new_figure, require_matplotlib, style
from w2v.plots.writing import cut, shown, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from w2v.comparison.figures import Comparison, Measure

_WIDTH, _ROW = 7.5, 0.34
_NAME_SIZE, _HEADING_SIZE, _UNIT_SIZE, _NUMBER_SIZE = 9.5, 9.5, 8.5, 9.0
_MOST_PANELS = 4
_OTHERS = "#8c959f"
_MOST_NAMES = 1.5
"""Inches of the width for program names; longer names make the picture wider."""


def plot_comparison(comparison: Comparison) -> Figure:
    """Draw the words per second and the first three quality measures of each program side by side.

    Parameters
    ----------
    comparison : Comparison
        The measurements. Error bars are one standard deviation of a run to either side.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib or textalloc is not installed.
    """
    require_matplotlib()
    measures = comparison.measures()
    chosen = [measure for measure in measures if measure.name == "words a second"]
    chosen += [
        measure
        for measure in measures
        if measure.is_quality and any(math.isfinite(measure.mean(key)) for key in comparison.titles)
    ]
    chosen = chosen[:_MOST_PANELS]
    with style([*comparison.titles.values(), *(measure.name for measure in chosen)]):
        return _draw(comparison, chosen)


def _draw(comparison: Comparison, measures: list[Measure]) -> Figure:
    """Draw a panel for each measure, with program names on the left."""
    keys = list(comparison.titles)
    above, below = 0.62, 0.18
    height = above + _ROW * len(keys) + below
    gap, edge = 0.28, 0.2
    names = {key: shown(comparison.titles[key]) for key in keys}
    left = 2 * edge + widest(list(names.values()), _NAME_SIZE, "bold")
    whole = _WIDTH + max(0.0, left - _MOST_NAMES)
    figure = new_figure(whole, height)
    width = (whole - left - edge - gap * (len(measures) - 1)) / len(measures)
    for index, measure in enumerate(measures):
        start = left + index * (width + gap)
        axes = figure.add_axes((start / whole, below / height, width / whole, _ROW * len(keys) / height))
        _draw_bars(axes, measure, keys, width)
        heading = measure.heading or measure.name
        unit = measure.name.rpartition(", ")[2] if measure.heading else "higher is better"
        title = cut(shown(heading), width, _HEADING_SIZE, "bold")
        figure.text(
            start / whole, 1 - 0.28 / height, title, size=_HEADING_SIZE, weight="bold", color=INK, va="center",
            parse_math=False,
        )  # fmt: skip
        unit = cut(unit, width, _UNIT_SIZE)
        figure.text(start / whole, 1 - 0.47 / height, unit, size=_UNIT_SIZE, color=QUIET, va="center", parse_math=False)
    for row, key in enumerate(keys):
        y = (below + _ROW * (len(keys) - row - 0.5)) / height
        color, weight = (COLORS[0], "bold") if key == "w2v" else (INK, "normal")
        figure.text(
            edge / whole, y, names[key], size=_NAME_SIZE, color=color, weight=weight, va="center", parse_math=False
        )
    return figure


def _draw_bars(axes: Axes, measure: Measure, keys: list[str], width: float) -> None:
    """Draw a bar for each program in axes `width` inches wide."""
    means = [measure.mean(key) if math.isfinite(measure.mean(key)) else 0.0 for key in keys]
    longest = max(means)
    for row, (key, mean) in enumerate(zip(keys, means, strict=True)):
        color = COLORS[0] if key == "w2v" else _OTHERS
        axes.barh(row, mean, height=0.56, color=lighter(color, 0.15))
        deviation = measure.deviation(key)
        end = mean
        if math.isfinite(deviation) and deviation > 0:
            axes.plot([mean - deviation, mean + deviation], [row, row], color=INK, linewidth=1.1)
            end = mean + deviation
            longest = max(longest, end)
        axes.annotate(
            _number(measure, key), (max(end, 0.0), row), xytext=(4, 0), textcoords="offset points",
            size=_NUMBER_SIZE, color=INK, va="center", annotation_clip=False,
        )  # fmt: skip
    low, high = min(0.0, *means), max(longest, 0.0) or 1.0
    numbers = widest([_number(measure, key) for key in keys], _NUMBER_SIZE) + 0.1
    axes.set_xlim(low, high + (high - low) * numbers / (width - numbers))
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["bottom"]].set_visible(False)
    axes.spines["left"].set_position(("data", 0))


def _number(measure: Measure, key: str) -> str:
    """Format a program's mean in a few characters."""
    mean = measure.mean(key)
    if not math.isfinite(mean):
        return "-"
    if measure.kind == "fraction":
        return f"{100 * mean:.1f} %"
    if measure.kind == "correlation":
        return f"{mean:.3f}"
    if mean >= 1e6:
        return f"{mean / 1e6:.2f} M"
    return f"{mean / 1e3:.0f} k" if mean >= 1e4 else f"{mean:.0f}"
