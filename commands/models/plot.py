"""`w2v plot`: pictures of words, of analogies and of training, as PNG or SVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from w2v.commands.shared.options import (
    model_argument,
    number_option,
    overwrite_option,
    progress_option,
    restrict_option,
)
from w2v.commands.shared.output import note_missing_glyphs, show_work
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import LazyChoice, NamedPath
from w2v.settings.constraints import MAX_SEED

Command = TypeVar("Command", bound=Callable[..., Any])


def _methods() -> tuple[str, ...]:
    from w2v.plots import METHODS

    return METHODS


def _picture_options(name: str) -> Callable[[Command], Command]:
    """Return what adds the options of all pictures, of which `name` is the usual file."""
    output = click.option(
        "-o",
        "--output",
        type=NamedPath(),
        default=Path(name),
        show_default=True,
        metavar="FILE",
        callback=_check_picture,
        help="The picture to write; its name ends in .png or .svg.",
    )
    title = click.option("--title", metavar="TEXT", help="Written above the picture.")
    dark = click.option("--dark", is_flag=True, help="Light lines on a dark ground.")
    dpi = number_option("--dpi", least=30, most=1200, default=200, help="Pixels an inch of a PNG.")
    return lambda command: title(output(dark(dpi(overwrite_option(progress_option(command))))))


_width_option = click.option(
    "--width",
    type=click.FloatRange(2, 60),
    default=7.5,
    show_default=True,
    metavar="INCHES",
    help="How wide it is at least; it grows until the labels have room.",
)


def _check_picture(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
    if path.suffix.lower() not in (".png", ".svg"):
        raise click.BadParameter(f"{str(path)!r:.80} ends in neither .png nor .svg.", context, parameter)
    return path


def _draw(draw: Callable[[], Any], output: Path, overwrite: bool, dark: bool, dpi: int) -> None:
    """Draw a picture, write it, and print where it is."""
    from w2v.plots import check_picture_path, save_figure

    check_picture_path(output, overwrite)
    with note_missing_glyphs(), show_work("drawing"):
        figure = draw()

    def write(path: Path) -> None:
        save_figure(figure, path, overwrite=overwrite and path == output, dark=dark, dpi=dpi)

    with saving(output):
        click.echo(keep(write, output))


@click.group(
    epilog="""\b
Examples:
  w2v plot words my.model bread river music doctor --neighbors 8 --method tsne
  w2v plot analogy my.model man king woman queen
  w2v plot history my.model""",
)
def plot() -> None:
    """Draw words, analogies or training curves as PNG or SVG.

    Needs the extra `plot`.
    """


@plot.command(
    epilog="""\b
Examples:
  w2v plot words my.model king queen man woman prince princess
  w2v plot words my.model bread river music doctor --neighbors 8 --method tsne --output map.svg""",
)
@model_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option(
    "--neighbors",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    metavar="N",
    help="Show the N nearest words of each WORD too, in its colour.",
)
@click.option(
    "--method",
    type=LazyChoice(_methods),
    default="pca",
    show_default=True,
    help="How vectors come to the plane: the directions of largest variance, or what is near kept near.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of t-SNE and UMAP; the same seed gives the same picture.",
)
@restrict_option
@_width_option
@_picture_options("words.png")
def words(
    model: Path,
    words: tuple[str, ...],
    neighbors: int,
    method: str,
    seed: int,
    restrict_vocab: int | None,
    width: float,
    title: str | None,
    output: Path,
    dark: bool,
    dpi: int,
    overwrite: bool,
) -> None:
    """Draw a map of WORDs."""
    from w2v.plots import plot_words
    from w2v.vectors.embeddings import Embeddings

    how: dict[str, Any] = {
        "neighbors": neighbors,
        "method": method,
        "random_state": seed,
        "restrict_vocab": restrict_vocab,
        "title": title,
        "width": width,
    }
    _draw(lambda: plot_words(Embeddings.load(model), words, **how), output, overwrite, dark, dpi)


@plot.command(
    epilog="""\b
Examples:
  w2v plot analogy my.model man king woman queen
  w2v plot analogy my.model france paris japan tokyo italy rome --output capitals.svg""",
)
@model_argument
@click.argument("words", metavar="A B C D...", nargs=-1, required=True)
@_width_option
@_picture_options("analogy.png")
def analogy(
    model: Path,
    words: tuple[str, ...],
    width: float,
    title: str | None,
    output: Path,
    dark: bool,
    dpi: int,
    overwrite: bool,
) -> None:
    """Draw pairs of words as arrows: A to B, C to D, and so on."""
    if len(words) % 2 or len(words) < 4:
        raise click.UsageError(f"Words come in pairs, two pairs or more; these are {len(words)} words.")
    from w2v.plots import plot_analogies
    from w2v.vectors.embeddings import Embeddings

    pairs = list(zip(words[::2], words[1::2], strict=True))
    _draw(lambda: plot_analogies(Embeddings.load(model), pairs, title=title, width=width), output, overwrite, dark, dpi)


@plot.command(
    epilog="""\b
Examples:
  w2v plot history my.model
  w2v plot history small.model large.model --x-axis seconds --output compared.svg""",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=NamedPath())
@click.option(
    "--x-axis",
    type=click.Choice(["epoch", "seconds"]),
    default="epoch",
    show_default=True,
    help="What runs along the horizontal axis.",
)
@_picture_options("history.png")
def history(
    models: tuple[Path, ...],
    x_axis: Literal["epoch", "seconds"],
    title: str | None,
    output: Path,
    dark: bool,
    dpi: int,
    overwrite: bool,
) -> None:
    """Draw loss, measures and learning rate of one or more MODELs, as their folders record them for each epoch."""
    from w2v.plots import plot_history
    from w2v.vectors.persistence import read_config

    def draw() -> Any:
        different = list(dict.fromkeys(models))
        stems = [path.resolve().stem for path in different]
        names = stems if len(set(stems)) == len(stems) else list(map(str, different))
        histories = {name: _recorded_history(read_config(path)) for name, path in zip(names, different, strict=True)}
        return plot_history(histories, x_axis=x_axis, title=title)

    _draw(draw, output, overwrite, dark, dpi)


def _recorded_history(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [epoch for epoch in config.get("history", []) if isinstance(epoch, dict)]
