"""Text in pictures, measured as drawn, so that it fits with any fonts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.display.wording import printable, shortened
from w2v.plots.figures import DPI, PNG_DPI, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_LABEL = 40
_SVG_DPI = 72
_TITLE_SIZE, _TITLE_LINES = 14.0, 3


def shown(word: str) -> str:
    """Return a word as a label: one line, no control characters, shortened if too long."""
    return shortened(printable(word), _MAX_LABEL)


def text_size(text: str, size: float, weight: str = "normal") -> tuple[float, float]:
    """Return the width and height of a text in inches. Call it within `style`, which chooses the fonts.

    Letters are aligned to pixels, so this is the maximum over the resolutions of screens and files.
    """
    figure = new_figure(1, 1)
    width = height = 0.0
    for dpi in (_SVG_DPI, DPI, PNG_DPI):
        figure.set_dpi(dpi)
        box = figure.text(0, 0, text, size=size, weight=weight, parse_math=False).get_window_extent()
        width, height = max(width, box.width / dpi), max(height, box.height / dpi)
    return width, height


def widest(texts: list[str], size: float, weight: str = "normal") -> float:
    """Return the width of the widest text in inches; 0 if there are none."""
    return max((text_size(text, size, weight)[0] for text in texts), default=0.0)


def cut(text: str, inches: float, size: float, weight: str = "normal") -> str:
    """Shorten a text that is wider than `inches`, with an ellipsis."""
    if text_size(text, size, weight)[0] <= inches:
        return text
    return text[: max(1, _fitting(text, inches, size, weight, "…"))] + "…"


def wrapped(text: str, inches: float, size: float, weight: str = "normal", most_lines: int = 3) -> str:
    """Break a text into lines at most `inches` wide, between words or within words that are too wide.

    An ellipsis replaces text beyond `most_lines`.
    """
    rest = text.strip()
    lines: list[str] = []
    while rest and len(lines) < most_lines - 1:
        end = _fitting(rest, inches, size, weight)
        if end < len(rest) and " " in rest[: end + 1].rstrip():
            end = rest.rindex(" ", 0, end + 1)
        lines.append(rest[: max(1, end)].rstrip())
        rest = rest[max(1, end) :].lstrip()
    return "\n".join([*lines, cut(rest, inches, size, weight)] if rest else lines)


def _fitting(text: str, inches: float, size: float, weight: str, mark: str = "") -> int:
    """Return how many letters of a text, followed by the mark, fit into `inches`."""
    fits, too_many = 0, len(text) + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if text_size(text[:middle] + mark, size, weight)[0] <= inches:
            fits = middle
        else:
            too_many = middle
    return fits


def caption_lines(caption: str, inches: float, size: float) -> str:
    """Join the lines of a caption if the result fits into `inches`; otherwise wrap each line."""
    one = caption.replace("\n", " ")
    if text_size(one, size)[0] <= inches:
        return one
    return "\n".join(wrapped(line, inches, size) for line in caption.split("\n"))


class Title:
    """A title wrapped to the width of a figure, in inches, and indented from the left; empty without a text."""

    def __init__(self, text: str | None, width: float, left: float) -> None:
        self._left = left
        plain = "".join(letter for letter in text or "" if letter.isprintable())
        self._text = wrapped(plain, width - 2 * left, _TITLE_SIZE, "bold", _TITLE_LINES)

    def height(self, with_one_line: float, without: float) -> float:
        """Return the inches to leave at the top, given those for a title of one line and for no title."""
        if not self._text:
            return without
        first, _, _ = self._text.partition("\n")
        heights = [text_size(text, _TITLE_SIZE, "bold")[1] for text in (self._text, first)]
        return with_one_line + heights[0] - heights[1]

    def write(self, figure: Figure) -> None:
        """Write the title at the top."""
        if self._text:
            width, height = figure.get_size_inches()
            figure.text(
                self._left / width, 1 - 0.18 / height, self._text, size=_TITLE_SIZE, weight="bold", ha="left", va="top",
                parse_math=False,
            )  # fmt: skip
