"""Pictures of reports as SVG, generated without libraries or scripts: light and dark, and sharp in print.

Colours come from the classes in `STYLE`, so that pictures follow the theme of the page; `standalone` makes a file that
includes them.
"""

from __future__ import annotations

import base64
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from w2v.display.html import Html, escape
from w2v.display.wording import shortened
from w2v.plots.figures import COLORS, FAINT, INK, QUIET
from w2v.reports.blocks import Curves, MapPoint, Matrix, Tiles, WordMap

N_COLORS = 8

_DARK = ("#6cb6ff", "#ffa657", "#4ec9a0", "#f08cc8", "#dcb84a", "#b5a8ff", "#ff8f8f", "#adbac7")
_WIDTH = 960
_MARGIN = 26
_FLATTEST, _TALLEST = 0.5, 0.72
_SIZE, _LARGE_SIZE = 12.5, 14.5
_MOST_LETTERS = 32
_CURVE_HEIGHT = 300
_LEFT, _RIGHT, _ABOVE, _BELOW = 62, 24, 44, 44
_CELL, _LONGEST_NAME, _TILE, _UNDER = 44.0, 24, 96.0, 36.0
_HEADINGS = 7.2  # pixels per letter in the names of curves


def _variables(colors: Sequence[str], ink: str, quiet: str, faint: str, paper: str) -> str:
    """Return colours as CSS variables."""
    listed = "".join(f"--c{number}:{color};" for number, color in enumerate(colors))
    return f"{listed}--ink:{ink};--quiet:{quiet};--faint:{faint};--paper:{paper};"


LIGHT = _variables(COLORS, INK, QUIET, FAINT, "#ffffff")
"""Colours on white, as CSS variables."""
DARK = _variables(_DARK, "#e6edf3", "#9aa7b4", "#39424d", "#14181d")
"""The same hues on nearly black."""

_COLORED = "".join(
    f".f{number}{{fill:var(--c{number})}}.s{number}{{stroke:var(--c{number})}}" for number in range(N_COLORS)
)
STYLE = (
    "svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;fill:var(--ink);"
    f"font-size:{_SIZE}px}}"
    "svg .quiet{fill:var(--quiet)}svg .strong{font-weight:650}"
    f"svg .large{{font-size:{_LARGE_SIZE}px;font-weight:650}}"
    "svg .grid{stroke:var(--faint);stroke-width:1}svg .curve{fill:none;stroke-width:2.2;stroke-linejoin:round}"
    "svg .later{stroke-dasharray:6 4}svg .dot{stroke:var(--paper);stroke-width:1}"
    "svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}"
    "svg .ring{fill:none;stroke-width:2}svg .cell{stroke:var(--paper);stroke-width:2}svg .over{fill:var(--paper)}"
    "svg image{image-rendering:pixelated}" + _COLORED.replace(".f", "svg .f").replace(".s", "svg .s")
)
"""The style sheet of the pictures."""


def standalone(picture: Html) -> str:
    """Return a picture as the content of an SVG file, which follows the reader's light or dark theme."""
    style = f"svg{{{LIGHT}background:var(--paper)}}@media (prefers-color-scheme:dark){{svg{{{DARK}}}}}{STYLE}"
    opened = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    end = opened.index(">") + 1
    return f"{opened[:end]}<style>{style}</style>{opened[end:]}\n"


def draw_curves(curves: Curves) -> Html:
    """Return curves with a pair of axes."""
    xs = [x for series in curves.series for x, _ in series.points]
    ys = [y for series in curves.series for _, y in series.points]
    x_ticks, y_ticks = ticks(min(xs), max(xs), 10, whole=True), ticks(min(ys), max(ys), 5)
    x_low, x_high = min(xs), max(xs)
    y_low, y_high = min([*y_ticks, *ys]), max([*y_ticks, *ys])
    right, bottom = _WIDTH - _RIGHT, _CURVE_HEIGHT - _BELOW

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        up = (y - y_low) / (y_high - y_low) if y_high > y_low else 0.5
        return _LEFT + across * (right - _LEFT), bottom - up * (bottom - _ABOVE)

    parts = [_opening(_WIDTH, _CURVE_HEIGHT, f"{curves.title}: {curves.y_label} by {curves.x_label}")]
    parts.append(_text(_LEFT, 18, curves.y_label, "quiet"))
    end = float(right)
    for number, series in reversed(list(enumerate(curves.series))):
        if len(curves.series) > 1:
            parts.append(_text(end, 18, series.name, f"strong f{number % N_COLORS}", "end"))
            end -= _HEADINGS * len(series.name) + 22
    for tick in y_ticks:
        _, y = place(x_low, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 10, y + 4, _number(tick), "quiet", "end"))
    for tick in x_ticks:
        parts.append(_text(place(tick, y_low)[0], bottom + 20, _number(tick), "quiet", "middle"))
    parts.append(_text(right, _CURVE_HEIGHT - 6, curves.x_label, "quiet", "end"))
    for number, series in enumerate(curves.series):
        placed = [place(*point) for point in series.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        later = " later" if number % 2 else ""
        parts.append(f'<polyline class="curve s{number % N_COLORS}{later}" points="{path}"/>')
        for (x, y), point in zip(placed, series.points, strict=True):
            hint = escape(f"{series.name}, {curves.x_label} {_number(point[0])}: {point[1]:.4g}")
            radius = 3.2 if len(placed) <= 60 else 1.6
            parts.append(
                f'<circle class="dot f{number % N_COLORS}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">'
                f"<title>{hint}</title></circle>"
            )
    for point in curves.best:
        x, y = place(*point)
        parts.append(f'<circle class="ring s{_series_of(curves, point)}" cx="{x:.1f}" cy="{y:.1f}" r="8"/>')
    return Html("".join(parts) + "</svg>")


def draw_matrix(matrix: Matrix) -> Html:
    """Return a matrix of counts, each coloured by its fraction of its row."""
    n = len(matrix.labels)
    names = [shortened(label, _LONGEST_NAME) for label in matrix.labels]
    room = max(text_width(name) for name in names) * _SIZE + 12
    side = min(_CELL, (_WIDTH - room - 2) / n)
    parts = [_opening(_WIDTH, room + n * side + 2, f"{matrix.title}: true labels by row, predicted ones by column")]
    for i, name in enumerate(names):
        x, y = room + (i + 0.5) * side, room + (i + 0.5) * side + 4
        parts.append(_text(room - 8, y, name, "quiet", "end"))
        upright = _text(0, 0, name, "quiet")
        parts.append(f'<g transform="translate({x + 4:.1f} {room - 8:.1f}) rotate(-90)">{upright}</g>')
    for i, row in enumerate(matrix.counts):
        total = max(sum(row), 1)
        for j, count in enumerate(row):
            x, y, part = room + j * side, room + i * side, count / total
            strength = 0.06 + 0.94 * part if count else 0.04
            hint = escape(f"{matrix.labels[i]} predicted as {matrix.labels[j]}: {count:,} of {sum(row):,}")
            parts.append(
                f'<rect class="cell f{0 if i == j else 1}" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" '
                f'height="{side:.1f}" fill-opacity="{strength:.3f}"><title>{hint}</title></rect>'
            )
            if count and text_width(f"{count:,}") * _SIZE < side:
                kind = "over" if part > 0.55 else ""
                parts.append(_text(x + side / 2, y + side / 2 + 4, f"{count:,}", kind, "middle"))
    return Html("".join(parts) + "</svg>")


def draw_tiles(tiles: Tiles) -> Html:
    """Return small pictures in rows, each with its caption."""
    across = int(_WIDTH // _TILE)
    rows = -(-len(tiles.pictures) // across)
    parts = [_opening(_WIDTH, rows * (_TILE + _UNDER), tiles.title)]
    for number, (png, words) in enumerate(tiles.pictures):
        x, y = number % across * _TILE, number // across * (_TILE + _UNDER)
        data, inner = base64.b64encode(png).decode(), _TILE - 10
        parts.append(
            f'<image x="{x:.0f}" y="{y:.0f}" width="{inner:.0f}" height="{inner:.0f}" '
            f'href="data:image/png;base64,{data}"><title>{escape(words)}</title></image>'
        )
        for line, part in enumerate(words.split("\n")):
            shown = shortened(part, int(_TILE / 7))
            parts.append(_text(x, y + _TILE + 6 + 15 * line, shown, "quiet" if line else ""))
    return Html("".join(parts) + "</svg>")


def draw_map(word_map: WordMap) -> Html:
    """Return a map of words: a dot for each, labelled if there is room; the others show their word on hover."""
    points, height = _fitted(word_map.points)
    parts = [_opening(_WIDTH, height, f"{word_map.title} of the model on the plane, in {len(word_map.groups)} groups")]
    labels = _place_labels(points, height)
    for point in points:
        is_labelled = point.word in labels
        parts.append(
            f'<circle class="dot f{point.group % N_COLORS}" cx="{point.x:.1f}" cy="{point.y:.1f}" '
            f'r="{3.6 if is_labelled else 2.6}"><title>{escape(shortened(point.word, _MOST_LETTERS))}</title></circle>'
        )
    for point in points:
        if point.word in labels:
            x, y, anchor = labels[point.word]
            large = " large" if point.weight > 0 else ""
            kind = f"halo f{point.group % N_COLORS}{large}"
            parts.append(_text(x, y, shortened(point.word, _MOST_LETTERS), kind, anchor))
    return Html("".join(parts) + "</svg>")


def ticks(low: float, high: float, n: int, *, whole: bool = False) -> list[float]:
    """Return about `n` round numbers in and around a range, in ascending order; at least one.

    With `whole`, only whole numbers within the range. `low` and `high` must be finite.
    """
    if high <= low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / n))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= n)
    if whole:
        step = max(1.0, step)
        first, last = math.ceil(low / step), math.floor(high / step)
        return [number * step for number in range(first, last + 1)] or [low]
    return [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _series_of(curves: Curves, point: tuple[float, float]) -> int:
    """Return the colour of the series that contains a point."""
    return next((number for number, series in enumerate(curves.series) if point in series.points), 0) % N_COLORS


def _number(value: float) -> str:
    """Format the value of a tick."""
    return f"{value:,.0f}" if value == round(value) and abs(value) >= 1 else f"{value:.4g}"


def _opening(width: float, height: float, name: str) -> str:
    """Return the start tag of a picture."""
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(name)}">'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    """Return a text element."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _fitted(points: Sequence[MapPoint]) -> tuple[list[MapPoint], float]:
    """Return the points in pixels, with y downwards and equal scales, and the height of the picture."""
    xs, ys = [point.x for point in points], [point.y for point in points]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    height = _WIDTH * min(max(high / wide if wide > 0 else 1.0, _FLATTEST), _TALLEST)
    room = (_WIDTH - 4 * _MARGIN, height - 2 * _MARGIN)
    scale = min(room[0] / wide if wide > 0 else math.inf, room[1] / high if high > 0 else math.inf)
    scale = scale if math.isfinite(scale) else 1.0
    middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    fitted = [
        replace(point, x=_WIDTH / 2 + (point.x - middle[0]) * scale, y=height / 2 - (point.y - middle[1]) * scale)
        for point in points
    ]
    return fitted, height


Box = tuple[float, float, float, float]


def _place_labels(points: Sequence[MapPoint], height: float) -> dict[str, tuple[float, float, str]]:
    """Return the positions of labels, as (x, y, anchor), without overlaps with labels or dots; some are left out."""
    taken: list[Box] = [(point.x - 3, point.y - 3, point.x + 3, point.y + 3) for point in points]
    own = {point.word: box for point, box in zip(points, taken, strict=True)}
    grid = _Grid(taken)
    labels = {}
    for point in sorted(points, key=lambda point: -point.weight):
        size = _LARGE_SIZE if point.weight > 0 else _SIZE
        width = text_width(shortened(point.word, _MOST_LETTERS)) * size
        for dx, dy, anchor in (
            (6, 0.34, "start"), (-6, 0.34, "end"), (0, -0.55, "middle"), (0, 1.15, "middle"),
            (5, -0.25, "start"), (5, 0.9, "start"), (-5, -0.25, "end"), (-5, 0.9, "end"),
        ):  # fmt: skip
            x, y = point.x + dx, point.y + dy * size
            left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = (left - 1, y - 0.8 * size, left + width + 1, y + 0.25 * size)
            is_inside = box[0] > 2 and box[1] > 2 and box[2] < _WIDTH - 2 and box[3] < height - 2
            if is_inside and not grid.meets(box, own[point.word]):
                grid.add(box)
                labels[point.word] = x, y, anchor
                break
    return labels


def text_width(text: str) -> float:
    """Return the approximate width of a text relative to its font size, without access to the font."""
    width = 0.0
    for character in text:
        if unicodedata.combining(character):
            continue
        if unicodedata.east_asian_width(character) in "WF":
            width += 1.0
        elif character in "iljtfr.,'|! ":
            width += 0.36
        elif character in "mwMW@%":
            width += 0.92
        else:
            width += 0.66 if character.isupper() else 0.59
    return width


class _Grid:
    """Boxes in a grid, for fast overlap tests."""

    _CELL = 40

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._cells: dict[tuple[int, int], list[Box]] = {}
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        for cell in self._cells_of(box):
            self._cells.setdefault(cell, []).append(box)

    def meets(self, box: Box, other_than: Box) -> bool:
        return any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for cell in self._cells_of(box)
            for other in self._cells.get(cell, ())
            if other is not other_than
        )

    def _cells_of(self, box: Box) -> list[tuple[int, int]]:
        left, top, right, bottom = (math.floor(edge / self._CELL) for edge in box)
        return [(column, row) for column in range(left, right + 1) for row in range(top, bottom + 1)]


def draw(block: Curves | WordMap | Matrix | Tiles) -> Html:
    """Return the picture of any block that has one."""
    match block:
        case Curves():
            return draw_curves(block)
        case WordMap():
            return draw_map(block)
        case Matrix():
            return draw_matrix(block)
        case Tiles():
            return draw_tiles(block)
