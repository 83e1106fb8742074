"""Output that the commands share: JSON for programs, tables for people, notes on standard error."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from w2v.display.progress import show_progress
from w2v.display.wording import decimals as decimals  # `as` hands it on to the commands
from w2v.display.wording import (
    in_words,
    printable,
    printable_lines,
    seconds_in_words,
    size_in_words,
    tokenizer_in_words,
)
from w2v.display.wording import percent as percent
from w2v.storage.json_values import json_text as json_text

if TYPE_CHECKING:
    from w2v.evaluation import AnalogyReport, PairsReport
    from w2v.neural.tasks.folder import TextNetwork

PROGRESS = "w2v.commands.shared.output.progress"
"""Key of the value of `--progress` in a command's context."""


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output; a number that is not finite becomes null."""
    click.echo(json_text(value, indent=2))


_WIDEST_RULE = 100
"""Maximum width of the line under a header; rows written to a file may be as long as a sentence."""


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table on standard output.

    Parameters
    ----------
    header : sequence of str
        Column names. A column whose name starts with ">" is aligned to the right.
    rows : iterable of sequences of str
        The cells. Control characters, which may come from a query or a foreign model, are escaped here and in the
        header.
    title : str, optional
        A line above the table.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in header:
        shown = Text(printable(name.removeprefix(">")))
        table.add_column(shown, justify="right" if name.startswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # a pipe has no width: nothing is wrapped, so that each row stays on one line
    width = None if sys.stdout.isatty() else 10_000
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        if title is not None:
            console.print(printable(title), style="bold")
        console.print(table)
    for line in captured.get().splitlines():
        is_rule = not line.strip("─ ")
        click.echo((line[:_WIDEST_RULE] if is_rule else line).rstrip())


def print_result(value: Any, header: Sequence[str], rows: Iterable[Sequence[str]], *, as_json: bool) -> None:
    """Print a result as JSON for programs, or as a table for people."""
    print_json(value) if as_json else print_table(header, rows)


def note(message: str) -> None:
    """Print a message on standard error if that is a terminal."""
    if sys.stderr.isatty():
        say(message)


def say(message: str) -> None:
    """Print a message on standard error; control characters, which file names may contain, are escaped."""
    click.echo(printable_lines(message), err=True)


@contextmanager
def note_missing_glyphs() -> Iterator[None]:
    """Print one line that names the characters missing from all fonts, instead of Python's warning."""
    from w2v.plots import MissingGlyphWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MissingGlyphWarning)
        yield
    for warning in caught:
        if issubclass(warning.category, MissingGlyphWarning):
            say(f"Note: {warning.message}")


def progress_mode() -> str:
    """Return how to show progress: the value of `--progress`, or "none" for a command without the option."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(PROGRESS, "none")) if context else "none"


@contextmanager
def show_bytes(label: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show the progress of a transfer; yield a function that takes the bytes so far and the total, if known."""
    with show_progress(progress_mode(), label) as update:

        def tell(received: int, total: int | None) -> None:
            assert update is not None
            of = "" if total is None else f" of {size_in_words(total)}"
            update(label, received, total, size_in_words(received) + of)

        yield None if update is None else tell


@contextmanager
def show_work(start: str = "") -> Iterator[Callable[[str, int, int | None], None] | None]:
    """Show progress; yield a function that takes the current step, the amount done and the total.

    The total is None if it is unknown. `start` is the step shown before the first call.
    """
    with show_progress(progress_mode(), start) as update:
        yield update


def describe_units(network: TextNetwork) -> dict[str, str]:
    """Return the size and kind of each vocabulary of a network."""
    return {
        "units" if name == "text" else f"{name}_units": f"{len(units.pieces):,} {units.kind}"
        for name, units in network.units.items()
    }


def print_description(described: Mapping[str, Any]) -> None:
    """Print a model's description for `w2v info`: one row per fact, then the training history."""
    tables = {"parameters", "history", "training"}
    rows = [(name.replace("_", " "), _fact(name, value)) for name, value in described.items() if name not in tables]
    training, parameters = described.get("training"), described.get("parameters")
    if isinstance(training, dict):  # the rest is for programs
        rows += [(f"training {name}", in_words(training.get(name))) for name in ("complete", "inputs")]
    if isinstance(parameters, dict):
        seed = {"seed": str(parameters["seed"])} if "seed" in parameters else {}  # no number: without separators
        rows += [(name, in_words(value)) for name, value in (parameters | seed).items() if name not in described]
    print_table(["model", ""], rows)
    epochs = [epoch for epoch in described.get("history") or [] if isinstance(epoch, dict)]
    if epochs:
        names = list(dict.fromkeys(name for epoch in epochs for name in epoch))
        click.echo()
        header = [f">{name.replace('_', ' ')}" for name in names]
        print_table(header, [[in_words(epoch.get(name)) for name in names] for epoch in epochs])


def _fact(name: str, value: object) -> str:
    if name == "tokenizer":
        return tokenizer_in_words(value)
    if name == "output_vectors" and isinstance(value, dict):
        return (
            f"distance {value['from_inverse']:.2f} from the pseudo-inverse of the vectors, "
            f"R² {value['linear_fit']:.2f} of a linear map, cosine {value['mean_cosine']:.2f} between the means"
        )
    if name == "aligned_to" and isinstance(value, dict):  # the rest identifies the space
        value = value.get("model")
    if name == "schedule" and isinstance(value, dict):  # the sizes of chunks are for programs
        value = {key: entry for key, entry in value.items() if not key.startswith("chunk_")}
    return in_words(value)


def print_estimate(estimate: Mapping[str, Any]) -> None:
    """Print the estimated time, memory and disk space of a training."""
    share = estimate["sample_share"]
    text = f"{estimate['words']:,} words, {estimate['sentences']:,} sentences"
    rows = [
        *([("recipe", estimate["recipe"])] if estimate["recipe"] else []),
        ("text", f"{size_in_words(estimate['text_bytes'])}, {text}"),
        ("vocabulary", f"{estimate['vocabulary_size']:,} words, {estimate['tokens']:,} times in the text"),
        ("memory: tables", size_in_words(estimate["tables"])),
        ("memory: encoded text", size_in_words(estimate["encoded_text"])),
        *([("memory: co-occurrence counts", size_in_words(estimate["cells"]))] if estimate["cells"] else []),
        ("memory: vocabulary", size_in_words(estimate["vocabulary"])),
        ("memory: peak of the process", size_in_words(estimate["peak_memory"])),
        ("disk: model folder", size_in_words(estimate["model_folder"])),
        ("time: reading", seconds_in_words(estimate["reading_seconds"])),
        (
            "time: training",
            f"{seconds_in_words(estimate['training_seconds'])}, {estimate['words_per_second']:,.0f} words a second, "
            f"{estimate['workers']} {'thread' if estimate['workers'] == 1 else 'threads'}",
        ),
        ("time: in all", seconds_in_words(estimate["total_seconds"])),
    ]
    source = "counted in all of the text" if share >= 1 else f"estimated from {percent(share)} of the text"
    print_table(["estimate", source], rows)


def print_trained(summary: Mapping[str, Any]) -> None:
    """Print the summary of `w2v train`."""
    seconds, loss = summary["seconds"], summary["loss"]
    rows = [("recipe", summary["recipe"])] if summary["recipe"] else []
    rows += [
        ("words", f"{summary['vocabulary_size']:,}"),
        ("vector size", f"{summary['vector_size']:,}"),
        ("words of text", f"{summary['corpus_words']:,}"),
        ("epochs", f"{len(summary['history'])}"),
        ("training", f"{seconds:.1f} s, {summary['words_per_second']:,.0f} words a second"),
        ("loss", decimals(loss)),
    ]
    names = {"held_out_loss": "held-out loss", "analogies": "analogies, accuracy", "word_pairs": "pairs, Spearman"}
    best = summary["history"][(summary["best_epoch"] or 0) - 1]
    rows += [(shown, decimals(best[name])) for name, shown in names.items() if name in best]
    if summary["best_epoch"] is not None:
        rows.append(("best epoch, kept", f"{summary['best_epoch']}"))
    if summary["stopped"] is not None:
        rows.append(("stopped early", summary["stopped"]))
    print_table([str(summary["output"]), ""], rows)


def print_analogies(path: str, report: AnalogyReport) -> None:
    """Print the accuracy and coverage of each section of an analogy file."""
    header, rows = report.table()
    print_table(header, rows, title=path)


def print_pairs(reports: Mapping[str, PairsReport]) -> None:
    """Print how well a model's similarities agree with human scores, one row per file."""
    rows = [
        (path, f"{report.n_pairs:,}", percent(report.coverage), decimals(report.spearman), decimals(report.pearson))
        for path, report in reports.items()
    ]
    print_table(["pairs", ">number", ">coverage", ">Spearman", ">Pearson"], rows)


_SHADES = " ░▒▓█"


def print_heat_map(tokens: Sequence[str], weights: Any, shares: Any) -> None:
    """Print attention weights as shades, and each token's share of the sentence's vector.

    Row t of `weights`, shape (T, T), holds the weights with which token t attends to each token; the largest weight of
    all gets the darkest shade.
    """
    largest = float(weights.max())
    numbers = [f"{number:>3}" for number in range(1, len(tokens) + 1)]
    width = max(len(printable(token)) for token in tokens)
    click.echo(f"{'':4}{'':{width}} {''.join(numbers)}  share of the vector")
    for number, token, row, share in zip(numbers, tokens, weights, shares, strict=True):
        cells = "".join(" " + 2 * _SHADES[math.ceil(4 * float(weight) / largest - 0.5)] for weight in row)
        click.echo(f"{number} {printable(token):{width}} {cells}  {percent(float(share)):>7}")
    click.echo(f"The darkest shade is {percent(largest)} of a word's attention; rows attend to columns.")


def print_fitted(summary: Mapping[str, Any]) -> None:
    """Print the summary of `w2v fit-encoder`: one row per evaluation, of which the best is kept."""
    rows = [
        (
            str(entry["stage"]),
            f"{entry['step']:,}",
            f"{entry['seconds']:.1f}",
            decimals(entry["held_out_loss"], 4),
            f"{entry['accuracy']:.1%}" if "accuracy" in entry else "",
            "kept so far" if entry["best"] else "",
        )
        for entry in summary["history"]
    ]
    told = ">words predicted" if any("accuracy" in entry for entry in summary["history"]) else ""
    print_table(["trained on", ">step", ">seconds", ">held-out loss", told, ""], rows)
    click.echo()
    facts = [
        ("architecture", f"{summary['architecture']}, {summary['dimension']} columns"),
        ("training", f"{summary['steps']:,} steps, {summary['seconds']:.1f} s"),
        ("kept", f"step {summary['best_step']:,}, held-out loss {decimals(summary['held_out_loss'], 4)}"),
    ]
    if (compared := summary.get("comparison")) is not None:
        network, table = (decimals(compared[name], 4) for name in ("network", "table"))
        kept = "the word vectors alone" if summary["architecture"] == "static" else "the network"
        facts.append(
            ("chosen", f"{kept}: held-out loss {network} with a network, {table} without ({0 - compared['gain']:+.1%})")
        )
    print_table([str(summary["output"]), ""], facts)
