"""Shared by all pictures: colours, fonts, empty figures, and writing files."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from w2v.storage.files import ModelError, atomic_file, check_output_file

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
INK, QUIET, FAINT = "#1f2328", "#59636e", "#d1d9e0"
"""Colours of text, of secondary text, and of guide lines."""
COLORS = ("#0b62a4", "#c04a00", "#00795c", "#a8407f", "#8a6400", "#5b4db3", "#a1262f", "#47565f")
"""Hues that are distinct in every kind of colour vision, each dark enough for text on white (contrast of at least
4.5:1)."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
"""When all colours are used, they repeat with the next shape."""

_LATIN = ("Inter", "Source Sans 3", "Noto Sans", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
PNG_DPI = 200
DPI = 100
_HASH_SALT = "w2v"


class MissingGlyphWarning(UserWarning):
    """No installed font has some of the characters to draw."""


def require_matplotlib() -> None:
    """Raise ImportError, with the command to install them, unless matplotlib and textalloc are installed."""
    try:
        with quiet():  # it warns if the home folder is not writable, and when it lists the fonts
            import matplotlib.font_manager  # noqa: F401
            import textalloc  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"pictures need matplotlib and textalloc, and {error.name} is missing; "
            "install them with: pip install matplotlib textalloc"
        ) from error


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, sized in inches, without a window and without matplotlib's warnings about fonts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Canvas(FigureCanvasAgg):
        def draw(self) -> None:
            with quiet():
                super().draw()  # type: ignore[no-untyped-call]

        def print_figure(self, *arguments: Any, **options: Any) -> Any:
            with quiet():
                return super().print_figure(*arguments, **options)

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    Canvas(figure)
    return figure


def check_picture_path(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Raise an error before anything is computed if a picture could not be saved at `path`.

    Raises
    ------
    ModelError
        If the name ends in neither .png nor .svg, if it exists and `overwrite` is False, or if its folder does not
        exist.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ModelError(f"{path}: a picture's name must end in {' or '.join(SUFFIXES)}")
    check_output_file(path, overwrite=overwrite)


def save_figure(
    figure: Figure,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    dark: bool = False,
    dpi: int = PNG_DPI,
) -> None:
    """Write a picture as PNG or SVG, by its suffix; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    path : str or path-like
        Must end in .png or .svg. Text in an SVG is drawn as outlines, so it looks the same everywhere.
    overwrite : bool, default False
        Replace an existing file.
    dark : bool, default False
        Write light lines on a dark background; see `w2v.plots.dark`.
    dpi : int, default 200
        Pixels per inch of a PNG.

    Raises
    ------
    ModelError
        As for `check_picture_path`, or if writing fails. Then nothing is left behind, and an existing file is
        unchanged.
    """
    check_picture_path(path, overwrite)
    content = render(figure, "svg" if Path(path).suffix.lower() == ".svg" else "png", dark=dark, dpi=dpi)
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(content)


def render(figure: Figure, kind: Literal["png", "svg"], *, dark: bool = False, dpi: int = PNG_DPI) -> bytes:
    """Return a picture in the format `kind`, without a date or version."""
    metadata: dict[str, Any] = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    buffer = io.BytesIO()
    with _settings({"svg.hashsalt": _HASH_SALT, "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata, facecolor="white")
    if kind == "png":
        return _with_few_colors(buffer, dark, dpi)
    if not dark:
        return buffer.getvalue()
    from w2v.plots.dark import darkened_svg

    return darkened_svg(buffer.getvalue())


def _with_few_colors(png: io.BytesIO, dark: bool, dpi: int) -> bytes:
    """Return a PNG of 256 colours, which looks the same at a third of the size."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(png) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        palette = few.getpalette()
        if dark and palette is not None:
            from w2v.plots.dark import darkened_palette

            few.putpalette(darkened_palette(palette))
        few.save(buffer, format="png", optimize=True, dpi=(dpi, dpi))
    return buffer.getvalue()


@contextmanager
def _settings(settings: dict[str, Any]) -> Iterator[None]:
    """Use matplotlib's defaults with these settings instead of the user's, and restore the user's afterwards."""
    import matplotlib.style

    with matplotlib.style.context(["default", settings]):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Silence matplotlib's warnings about fonts, which come for every letter; `style` warns once instead.

    It also logs each font and weight that it did not find, and folders whose fonts it cannot list.
    """
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing from", category=UserWarning)
            yield
    finally:
        log.setLevel(level)


@contextmanager
def style(texts: Iterable[str] = ()) -> Iterator[None]:
    """Draw in this project's style, whatever the user's settings: matplotlib's defaults, and fonts for `texts`.

    Warns
    -----
    MissingGlyphWarning
        If no installed font has some of the characters, which are drawn as boxes.
    """
    with quiet():
        families, missing = fonts_for(texts)
    if missing:
        shown = "".join(sorted(missing)[:10])
        warnings.warn(
            f"no installed font has {shown!r:.80}{' and others' if len(missing) > 10 else ''}, drawn as boxes; "
            "install a font that does, such as Noto Sans CJK for Chinese, Japanese and Korean",
            MissingGlyphWarning,
            stacklevel=3,
        )
    settings: dict[str, Any] = {
        "font.family": families, "font.size": 10, "text.color": INK, "text.usetex": False,
        "axes.edgecolor": FAINT, "axes.labelcolor": QUIET, "axes.linewidth": 0.8, "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": False,
        "grid.color": FAINT, "grid.linewidth": 0.6, "xtick.color": QUIET, "ytick.color": QUIET,
        "xtick.labelsize": 9, "ytick.labelsize": 9, "xtick.major.size": 0, "ytick.major.size": 0,
        "lines.solid_capstyle": "round", "lines.dash_capstyle": "butt", "lines.dashed_pattern": (3, 2),
    }  # fmt: skip
    with _settings(settings), quiet():
        yield


def fonts_for(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return installed fonts for texts, in the order of preference, and the characters that none of them has."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    wanted = {ord(character) for text in texts for character in text if character.isprintable()}
    installed = {entry.name for entry in fontManager.ttflist}
    families = [next(name for name in _LATIN if name in installed), "DejaVu Sans"]
    missing = wanted - _characters(families[0]) - _characters("DejaVu Sans")
    if missing:
        families += _further_fonts(missing)
    if missing:  # looks for fonts installed after matplotlib made its list
        known = {entry.fname for entry in fontManager.ttflist}
        for file in sorted(set(findSystemFonts()) - known):
            with suppress(OSError, RuntimeError, ValueError):  # unreadable fonts are skipped
                fontManager.addfont(file)
        families += _further_fonts(missing)
    return list(dict.fromkeys(families)), {chr(code) for code in missing}


def _further_fonts(missing: set[int]) -> list[str]:
    """Return fonts with some of the `missing` characters, regular sans-serif first; remove those from the set."""
    from matplotlib.font_manager import fontManager

    def rank(entry: Any) -> tuple[bool, bool, bool, str, str]:
        unusual = entry.style != "normal" or entry.weight not in (400, "normal", "regular")
        return unusual, "Sans" not in entry.name, "Noto" not in entry.name, entry.name, entry.fname

    families = []
    for entry in sorted(fontManager.ttflist, key=rank):
        if not missing:
            break
        if "Last Resort" in entry.name or entry.name in families:
            continue
        found = missing & _characters(entry.name)
        if found:
            families.append(entry.name)
            missing -= found
    return families


def _characters(family: str) -> set[int]:
    """Return the code points of a font as matplotlib finds it; empty if the font cannot be read."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    try:
        return set(get_font(findfont(FontProperties(family=[family]), fallback_to_default=False)).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return set()


def palette(index: int) -> tuple[str, str]:
    """Return the colour and the marker of series `index`."""
    return COLORS[index % len(COLORS)], MARKERS[index // len(COLORS) % len(MARKERS)]


def lighter(color: str, whiteness: float) -> tuple[float, float, float]:
    """Mix a colour with white: a whiteness of 0 leaves it unchanged, 1 gives white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (channel + (1 - channel) * whiteness for channel in to_rgb(color))
    return red, green, blue


def bare(axes: Axes) -> None:
    """Remove the frame and ticks of axes on which distances have a meaning but coordinates do not."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def overlapping(artists: Iterable[Artist]) -> list[tuple[Artist, Artist]]:
    """Return the pairs of artists, such as labels, whose drawn boxes overlap."""
    boxes = [(artist, artist.get_window_extent()) for artist in artists]
    return [
        (first, second)
        for index, (first, box) in enumerate(boxes)
        for second, other in boxes[:index]
        if box.x0 < other.x1 and other.x0 < box.x1 and box.y0 < other.y1 and other.y0 < box.y1
    ]
