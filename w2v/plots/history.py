"""Training curves: losses, evaluations and learning rate by epoch or step, for several models in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from w2v.display.wording import is_number
from w2v.plots.figures import INK, QUIET, lighter, new_figure, palette, require_matplotlib, style
from w2v.plots.writing import Title, shown, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Histories = Mapping[str, Sequence[Mapping[str, Any]]]

_MOST_MODELS = 12
_WIDTH = 7.5
_LEFT, _RIGHT, _BELOW, _GAP = 0.62, 0.3, 0.62, 0.62
_EDGE = 0.25
_MOST_NAMES = 2.0
"""Inches of the width for model names; longer names make the picture wider."""
_SAMPLE = 0.3
"""Inches of the line sample beside a name, for curves that end too early for labels at their ends."""
_MOST_MARKED = 40
_LABEL_SIZE = 9.5


@dataclass(frozen=True)
class _Panel:
    """One set of axes: the entries of an epoch that it shows, its height and its heading."""

    entries: tuple[str, ...]
    inches: float
    heading: str
    unit: str = ""
    percent: bool = False


_PANELS = (
    _Panel(("loss", "holdout_loss"), 2.5, "Loss", "mean, in nats"),
    _Panel(("accuracy",), 1.5, "Accuracy", "on what was held out", percent=True),
    _Panel(("f1",), 1.5, "F1", "on what was held out", percent=True),
    _Panel(("bleu",), 1.5, "BLEU", "on what was held out"),
    _Panel(("analogies",), 1.5, "Analogies", "answered correctly", percent=True),
    _Panel(("word_pairs",), 1.5, "Word pairs", "rank correlation with human scores"),
    _Panel(("alpha",), 1.1, "Learning rate", "at the end of the epoch"),
)


X_AXES = ("epoch", "step", "seconds")
"""What may be on the horizontal axis: word vectors record epochs, networks steps."""


def plot_history(
    histories: Histories, *, x_axis: Literal["epoch", "step", "seconds"] | None = None, title: str | None = None
) -> Figure:
    """Draw the history of one or more trainings.

    Parameters
    ----------
    histories : mapping of str to sequence of mappings
        Name to history, as in `history_` of an estimator or ``embeddings.metadata["history"]``. Losses, ``accuracy``,
        ``f1``, ``bleu``, ``analogies``, ``word_pairs`` and ``alpha`` of each record are drawn if present. Of a training
        in stages, the last is drawn, since each counts steps from 0.
    x_axis : {"epoch", "step", "seconds"}, optional
        The horizontal axis; by default epochs, or steps if a model has recorded no epochs.
    title : str, optional
        Title above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        One set of axes for the losses and one for each other entry that any of the models has.

    Raises
    ------
    ImportError
        If matplotlib or textalloc is not installed.
    ValueError
        If there are no histories or more than 12, or one has nothing to draw along the axis.
    """
    require_matplotlib()
    if x_axis not in (*X_AXES, None):
        raise ValueError(f"x_axis must be one of {', '.join(X_AXES)}, not {x_axis!r:.80}")
    if not 1 <= len(histories) <= _MOST_MODELS:
        raise ValueError(f"a picture shows the histories of 1 to {_MOST_MODELS} models, got {len(histories)}")
    along = x_axis or ("epoch" if all(_has(history, "epoch") for history in histories.values()) else "step")
    entries = {entry for panel in _PANELS for entry in panel.entries}
    drawn = {name: _in_common_names(history) for name, history in histories.items()}
    for name, history in drawn.items():
        if not any(_curve(history, along, entry)[0] for entry in entries):
            reason = (
                "only a training here records one" if not history else f"it records no {along}; choose another x axis"
            )
            raise ValueError(f"{name} has no training history to draw; {reason}")
    curves = {
        entry: {name: curve for name, history in drawn.items() if (curve := _curve(history, along, entry))[0]}
        for entry in entries
    }
    panels = [panel for panel in _PANELS if any(curves[entry] for entry in panel.entries)]
    with style([*histories, title or ""]):
        return _draw(list(histories), curves, panels, along, title)


def _has(history: Sequence[Mapping[str, Any]], entry: str) -> bool:
    return any(entry in record for record in history)


def _in_common_names(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return records of any kind of model with its losses named as those of word vectors.

    An encoder records a loss of each of its tasks, the main one first.
    """
    losses = dict.fromkeys(name for record in history for name in record if name.endswith("_loss"))
    tasks = [name for name in losses if name not in ("held_out_loss", "holdout_loss", "smoothed_loss", "plain_loss")]
    trained = next((name for name in ("loss", "plain_loss", *tasks) if _has(history, name)), "loss")
    names = {trained: "loss", "held_out_loss": "holdout_loss"}
    return [{names.get(name, name): value for name, value in record.items()} for record in history]


Curve = tuple[list[float], list[float]]


def _curve(history: Sequence[Mapping[str, Any]], x_axis: str, entry: str) -> Curve:
    """Return the points of an entry, without epochs where it or the x value is missing or not a finite number."""
    xs: list[float] = []
    ys: list[float] = []
    for epoch in history:
        x, y = epoch.get(x_axis), epoch.get(entry)
        if is_number(x) and is_number(y):
            if x_axis == "step" and xs and x <= xs[-1]:  # another stage
                xs.clear()
                ys.clear()
            xs.append(x)
            ys.append(y)
    return xs, ys


def _draw(
    names: list[str], curves: dict[str, dict[str, Curve]], panels: list[_Panel], x_axis: str, title: str | None
) -> Figure:
    """Draw the panels below each other, with names to the right of the first."""
    labels = _end_labels(names, curves)
    is_key = not _end_together(panels[0], labels, curves)
    text_width = widest(list(labels.values()), _LABEL_SIZE, "bold")
    width = _WIDTH + max(0.0, text_width - _MOST_NAMES)
    right = _RIGHT + text_width + 0.12 + (_SAMPLE if is_key else 0.0)
    heading = Title(title, width, _EDGE)
    above = heading.height(0.45, without=0.1) + _GAP * 0.85
    height = above + sum(panel.inches for panel in panels) + _GAP * (len(panels) - 1) + _BELOW
    figure = new_figure(width, height)
    heading.write(figure)
    top = height - above
    for panel in panels:
        axes = figure.add_axes(
            (_LEFT / width, (top - panel.inches) / height, 1 - (_LEFT + right) / width, panel.inches / height)
        )
        top -= panel.inches + _GAP
        _draw_panel(axes, panel, names, curves, both=bool(curves["holdout_loss"]))
        if panel is panels[0] and labels:
            if is_key:
                _write_key(axes, names, labels)
            else:
                _write_labels(axes, panel, names, curves, labels)
        is_last = panel is panels[-1]
        axes.tick_params(labelbottom=is_last)
        if is_last:
            axes.set_xlabel(x_axis, size=9)
    _make_room_for_ticks(figure)
    return figure


def _make_room_for_ticks(figure: Figure) -> None:
    """Move the left edge of all axes until the widest tick label fits into the picture."""
    boxes = [axes.yaxis.get_tightbbox() for axes in figure.axes]
    missing = _EDGE / 2 - min(box.x0 for box in boxes if box is not None) / figure.dpi
    if missing > 0:
        for axes in figure.axes:
            x0, y0, width, height = axes.get_position().bounds
            moved = missing / figure.get_figwidth()
            axes.set_position((x0 + moved, y0, width - moved, height))


def _draw_panel(axes: Axes, panel: _Panel, names: list[str], curves: dict[str, dict[str, Curve]], both: bool) -> None:
    """Draw the curves of one panel."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    for index, name in enumerate(names):
        color, marker = palette(index)
        for entry in panel.entries:
            xs, ys = curves[entry].get(name, ([], []))
            axes.plot(
                xs, ys, color=color, linewidth=1.8, linestyle="--" if entry == "holdout_loss" else "-",
                marker=marker if len(xs) <= _MOST_MARKED else None, markersize=4.5, markeredgecolor="white",
                markeredgewidth=0.7, clip_on=False, zorder=3,
            )  # fmt: skip
    axes.grid(axis="y")
    axes.spines[["left", "bottom"]].set_visible(False)
    all_xs = [x for entry in curves.values() for xs, _ in entry.values() for x in xs]
    first, last = min(all_xs), max(all_xs)
    slack = 0.03 * (last - first) or 0.5
    axes.set_xlim(first - slack, last + slack)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5 if panel.inches > 2 else 3, steps=[1, 2, 5, 10]))
    axes.margins(y=0.12)
    if panel.percent:
        low, high = axes.get_ylim()
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if high - low > 0.04 else None))
    if panel.entries == ("alpha",):
        axes.set_ylim(bottom=0)
    unit = panel.unit
    if both and "holdout_loss" in panel.entries and len(names) > 1:
        unit += "; dashed: held-out text"
    heading = axes.annotate(
        panel.heading, (0, 1), xytext=(-27, 10), xycoords="axes fraction", textcoords="offset points",
        size=10.5, weight="bold", color=INK, ha="left", va="bottom", annotation_clip=False,
    )  # fmt: skip
    axes.annotate(
        unit, (1, 0), xytext=(6, 0), xycoords=heading, textcoords="offset points",
        size=9, color=QUIET, ha="left", va="bottom", annotation_clip=False,
    )  # fmt: skip


def _end_labels(names: list[str], curves: dict[str, dict[str, Curve]]) -> dict[tuple[str, str], str]:
    """Return the labels at the ends of curves: model names, or for a single model the names of its losses."""
    if len(names) > 1:
        return {("name", name): shown(name) for name in names}
    if not curves["holdout_loss"]:
        return {}
    labels = {"loss": "training", "holdout_loss": "held-out"}
    return {(entry, names[0]): label for entry, label in labels.items() if curves[entry]}


def _end_together(panel: _Panel, labels: Mapping[tuple[str, str], str], curves: dict[str, dict[str, Curve]]) -> bool:
    """Return whether every label has a curve in the panel, and all curves end at the same x."""
    shown_names = {name for entry in panel.entries for name in curves[entry]}
    lasts = {xs[-1] for entry in panel.entries for xs, _ in curves[entry].values()}
    return len(lasts) == 1 and all(name in shown_names for _, name in labels)


def _write_key(axes: Axes, names: list[str], labels: Mapping[tuple[str, str], str]) -> None:
    """Write the labels to the right of the axes as a legend, each beside a sample of its line.

    This is for curves that end before others: a line from there to a label would look like data.
    """
    from matplotlib.lines import Line2D

    samples = []
    for entry, name in labels:
        color, marker = palette(names.index(name))
        samples.append(Line2D([], [], color=color, linewidth=1.8, marker=marker, markersize=4.5))
        samples[-1].set_linestyle("--" if entry == "holdout_loss" else "-")
    key = axes.legend(
        samples, list(labels.values()), loc="upper left", bbox_to_anchor=(1, 1), frameon=False, borderpad=0,
        borderaxespad=0.9, handlelength=1.5, handletextpad=0.6, labelspacing=0.3, labelcolor="linecolor",
        prop={"size": _LABEL_SIZE, "weight": "bold"},
    )  # fmt: skip
    for text in key.get_texts():
        text.set_parse_math(False)


def _write_labels(
    axes: Axes,
    panel: _Panel,
    names: list[str],
    curves: dict[str, dict[str, Curve]],
    labels: Mapping[tuple[str, str], str],
) -> None:
    """Write the labels to the right of the axes, level with the ends of their curves if they do not overlap."""
    bottom, top = axes.get_ylim()
    points = panel.inches * 72
    ends: list[tuple[float, float, str, str]] = []
    for (entry, name), text in labels.items():
        of_entries = panel.entries if entry == "name" else (entry,)
        xs, ys = next(curves[e][name] for e in of_entries if name in curves[e])
        ends.append(((ys[-1] - bottom) / (top - bottom) * points, xs[-1], palette(names.index(name))[0], text))
    ends.sort(key=lambda end: end[0])
    for (wish, x, color, text), place in zip(ends, spread([end[0] for end in ends], 1.35 * _LABEL_SIZE), strict=True):
        written = axes.annotate(
            text, (1, place / points), xytext=(11, 0), xycoords="axes fraction", textcoords="offset points",
            size=_LABEL_SIZE, weight="bold", color=color, ha="left", va="center", annotation_clip=False,
            parse_math=False,
        )  # fmt: skip
        if abs(wish - place) > 2:
            axes.annotate(
                "", (x, bottom + wish / points * (top - bottom)), xytext=(0, 0.5), textcoords=written,
                arrowprops={
                    "arrowstyle": "-", "color": lighter(color, 0.6), "linewidth": 0.8, "shrinkA": 2, "shrinkB": 3,
                },
                annotation_clip=False, zorder=2,
            )  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move ascending positions apart, as little as possible, until neighbours are at least `gap` apart.

    Positions that are too close form blocks, each centred on the mean of its original positions.
    """
    blocks: list[tuple[float, int]] = []  # sum of the starts that its members want, number of members
    for place in places:
        total, n = place, 1
        while blocks and blocks[-1][0] / blocks[-1][1] + gap * blocks[-1][1] > total / n:
            before, m = blocks.pop()
            total, n = before + total - gap * m * n, m + n
        blocks.append((total, n))
    return [total / n + gap * index for total, n in blocks for index in range(n)]
