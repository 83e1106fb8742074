"""`w2v plot`: pictures of words, analogies and training curves, as PNG or SVG."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    json_option,
    model_argument,
    number_option,
    overwrite_option,
    progress_option,
    restrict_option,
)
from w2v.commands.shared.output import note_missing_glyphs, print_json, show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import LazyChoice, NamedPath
from w2v.settings.constraints import DEFAULT_SEED, MAX_SEED

Command = TypeVar("Command", bound=Callable[..., Any])


def _methods() -> tuple[str, ...]:
    from w2v.plots import METHODS

    return METHODS


def _picture_options(name: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of all pictures; `name` is the default file."""
    output = click.option(
        "-o",
        "--output",
        type=NamedPath(),
        default=Path(name),
        show_default=True,
        metavar="FILE",
        callback=_check_picture,
        help="Picture to write: FILE.png or FILE.svg.",
    )
    title = click.option(
        "--title", metavar="TEXT", cls=DescribedOption, unset="the name of MODEL", help="Title above the picture."
    )
    dark = click.option("--dark", is_flag=True, help="Use a dark background.")
    dpi = number_option("--dpi", least=30, most=1200, default=200, help="Resolution of a PNG in pixels per inch.")
    return lambda command: title(output(dark(dpi(overwrite_option(json_option(progress_option(command)))))))


_width_option = click.option(
    "--width",
    type=click.FloatRange(2, 60),
    default=7.5,
    show_default=True,
    metavar="INCHES",
    help="Minimum width of the picture; it grows until the labels fit.",
)


def _check_picture(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
    if path.suffix.lower() not in (".png", ".svg"):
        raise click.BadParameter(f"{str(path)!r:.80} ends in neither .png nor .svg.", context, parameter)
    return path


def _draw(
    draw: Callable[..., Any],
    models: Collection[Path],
    *,
    output: Path,
    overwrite: bool,
    dark: bool,
    dpi: int,
    as_json: bool,
    **how: Any,
) -> None:
    """Draw a picture with the options that are not of its file, write it, and print where it is.

    By default, a picture of one of the `models` has its name as the title; one of several names them all.
    """
    if how["title"] is None and len(set(models)) == 1:
        how["title"] = next(iter(models)).resolve().stem
    from w2v.plots import check_picture_path, save_figure

    if output.suffix.lower() == ".svg":
        refuse_given(("dpi",), "is for a PNG: an SVG has no pixels")
    check_picture_path(output, overwrite)
    with note_missing_glyphs(), show_work("drawing"):
        figure = draw(**how)

    def write(path: Path) -> None:
        save_figure(figure, path, overwrite=overwrite and path == output, dark=dark, dpi=dpi)

    with saving(output):
        path = keep(write, output)
    print_json({"output": str(path)}) if as_json else click.echo(path)


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
    help="Also show the N nearest words of each WORD, in its colour.",
)
@click.option(
    "--method",
    type=LazyChoice(_methods),
    default="pca",
    show_default=True,
    help="Projection to the plane: directions of largest variance (pca), or one that keeps neighbours near.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=DEFAULT_SEED,
    show_default=True,
    metavar="N",
    help="Random seed of t-SNE and UMAP; the same seed gives the same picture.",
)
@restrict_option
@_width_option
@_picture_options("words.png")
def words(model: Path, words: tuple[str, ...], seed: int, **options: Any) -> None:
    """Draw a map of words."""
    if options["method"] == "pca":
        refuse_given(("seed",), "is for --method tsne and umap: the directions of pca are not random")
    if not options["neighbors"]:
        refuse_given(("restrict_vocab",), "is for --neighbors N")
    from w2v.plots import plot_words
    from w2v.vectors.embeddings import Embeddings

    _draw(lambda **how: plot_words(Embeddings.load(model), words, random_state=seed, **how), [model], **options)


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
def analogy(model: Path, words: tuple[str, ...], **options: Any) -> None:
    """Draw pairs of words as arrows: A to B, C to D, and so on."""
    if len(words) % 2 or len(words) < 4:
        raise click.UsageError(f"Give two or more pairs of words; these are {len(words)} words.")
    from w2v.plots import plot_analogies
    from w2v.vectors.embeddings import Embeddings

    pairs = list(zip(words[::2], words[1::2], strict=True))
    _draw(lambda **how: plot_analogies(Embeddings.load(model), pairs, **how), [model], **options)


@plot.command(
    epilog="""\b
Examples:
  w2v plot history my.model
  w2v plot history small.model large.model --x-axis seconds --output compared.svg""",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=NamedPath())
@click.option(
    "--x-axis",
    type=click.Choice(["epoch", "step", "seconds"]),
    cls=DescribedOption,
    unset="epoch, or step for networks",
    help="Quantity on the horizontal axis.",
)
@_picture_options("history.png")
def history(models: tuple[Path, ...], **options: Any) -> None:
    """Draw the training curves of one or more MODELs of any kind: loss, measures and learning rate."""
    from w2v.plots import plot_history
    from w2v.vectors.model_folder import read_any

    def draw(**how: Any) -> Any:
        different = list(dict.fromkeys(models))
        stems = [path.resolve().stem for path in different]
        names = stems if len(set(stems)) == len(stems) else list(map(str, different))
        histories = {name: _recorded_history(read_any(path)) for name, path in zip(names, different, strict=True)}
        return plot_history(histories, **how)

    _draw(draw, models, **options)


def _recorded_history(config: dict[str, Any]) -> list[dict[str, Any]]:
    history = config.get("history", [])
    return [record for record in history if isinstance(record, dict)] if isinstance(history, list) else []
