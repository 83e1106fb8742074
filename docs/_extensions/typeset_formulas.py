"""Formulas as drawings, set by Matplotlib when the pages are made: to read them takes no script, no font, no network.

Of LaTeX's environments there is ``aligned``: lines divided by a double backslash, lined up where an ampersand stands.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import Any, NamedTuple

import numpy as np
from docutils import nodes
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextToPath
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.writers.html5 import HTML5Translator

FONT = FontProperties(math_fontfamily="cm", size=12)
LETTER = 10.5
"""What one em of the page is in the units of `FONT`: letters of a formula are a little larger than those around it."""

_LINE, _GAP = 9.0, 20.0  # between lines, and before what is said of one
# sums, after which Matplotlib leaves no room
_SUM = re.compile(r"(\\sum(?:_\{[^}]*\}|_\\?\w+)?(?:\^\{[^}]*\}|\^\w)?) +(?!\\,)")
_COMMANDS = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C", Outline.CLOSEPOLY: "Z"}


class Piece(NamedTuple):
    """A formula on one line: its outline, and how far it reaches right, up and below the line."""

    outline: Outline
    width: float
    height: float
    depth: float


@cache
def _set(formula: str) -> Piece:
    try:
        width, height, depth, _, _ = MathTextParser("path").parse(f"${formula}$", 72, FONT)
        vertices, codes = TextToPath().get_text_path(FONT, f"${formula}$", ismath=True)
    except ValueError as error:
        raise SphinxError(f"this formula cannot be set: {formula}\n{error}") from error
    outline = Outline(np.asarray(vertices) * (FONT.get_size() / TextToPath.FONT_SCALE), codes)
    return Piece(outline, float(width), float(height - depth), float(depth))


def _commands(outline: Outline, x: float, y: float) -> str:
    steps = []
    for points, code in outline.iter_segments(curves=True, simplify=False):
        places = [f"{x + a:.2f} {y - b:.2f}" for a, b in zip(points[::2], points[1::2], strict=True)]
        steps.append(_COMMANDS[code] + ("" if code == Outline.CLOSEPOLY else " ".join(places)))
    return "".join(steps)


def draw(formula: str) -> tuple[str, float]:
    """Return a formula as SVG, and how far it reaches below the line, in ems.

    Parameters
    ----------
    formula : str
        As LaTeX has it, as far as Matplotlib knows it.
    """
    formula = re.sub(r"\\(?:begin|end)\{aligned\}", "", formula)
    formula = _SUM.sub(r"\1\\,", formula)
    lines = [[cell.strip() for cell in line.split("&")] for line in formula.split("\\\\") if line.strip()]
    # what follows the place where lines meet has an operator first, which wants something to stand before it
    rows = [[_set(("{}" if i == 1 else "") + cell) for i, cell in enumerate(line)] for line in lines]
    n_columns = max(map(len, rows))
    widths = [max((row[i].width for row in rows if i < len(row)), default=0.0) for i in range(n_columns)]
    y, path = 0.0, ""
    for number, row in enumerate(rows):
        y += max(piece.height for piece in row) + (_LINE if number else 0.0)
        x = 0.0
        for column, piece in enumerate(row):
            # the first of several columns ends where the second begins, as before an equals sign
            is_right = column == 0 and n_columns > 1
            path += _commands(piece.outline, x + (widths[0] - piece.width if is_right else 0.0), y)
            x += widths[column] + (_GAP if column else 0.0)
        depth = max(piece.depth for piece in row)
        y += depth
    width = sum(widths) + _GAP * max(0, n_columns - 2)
    size = f'width="{width / LETTER:.3f}em" height="{y / LETTER:.3f}em"'
    label = escape(" ".join(formula.split()), quote=True)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.2f} {y:.2f}" {size} role="img" '
        f'aria-label="{label}"><path d="{path}" fill="currentColor"/></svg>'
    )
    return svg, depth / LETTER


def _visit_inline(writer: HTML5Translator, node: nodes.math) -> None:
    svg, depth = draw(node.astext())
    writer.body.append(f'<span class="formula" style="vertical-align:{-depth:.3f}em">{svg}</span>')
    raise nodes.SkipNode


def _visit_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{draw(node.astext())[0]}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer, for `html_math_renderer = "drawn"`."""
    app.add_html_math_renderer("drawn", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
