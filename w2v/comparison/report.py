"""A comparison as a Markdown report with a picture."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from w2v.comparison.contenders import PROGRAMS
from w2v.comparison.figures import Comparison, table
from w2v.plots import check_picture_path, save_figure
from w2v.plots.comparison import plot_comparison
from w2v.plots.figures import require_matplotlib
from w2v.settings.descriptions import DEFAULT_ALPHA
from w2v.storage.files import ModelError, atomic_file, check_output_file

_SUFFIXES = (".md", ".markdown")


def check_report_path(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Raise an error before hours of training if a report could not be saved at `path` with its picture.

    Raises
    ------
    ImportError
        If the packages that draw the picture are not installed.
    ModelError
        If the name does not end in .md, one of the two files exists and `overwrite` is False, or the folder does not
        exist.
    """
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise ModelError(f"{path}: a report is in Markdown, so its name must end in .md")
    require_matplotlib()
    check_output_file(path, overwrite=overwrite)
    check_picture_path(picture_path(path), overwrite)


def picture_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a report's picture: beside it, with the same name."""
    return Path(path).with_suffix(".svg")


def save_report(comparison: Comparison, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a comparison as Markdown, and a picture of speed and quality as SVG beside it.

    For the errors see `check_report_path`; `overwrite` replaces existing files.
    """
    check_report_path(path, overwrite)
    save_figure(plot_comparison(comparison), picture_path(path), overwrite=overwrite)
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(to_markdown(comparison, picture_path(path).name).encode())


def to_markdown(comparison: Comparison, picture: str | None = None) -> str:
    """Return the report, with the file `picture` below its table."""
    titles = list(comparison.titles.values())
    header, rows = table(comparison)
    n_plain = len(titles) + 1
    rows = [[*row[:n_plain], *(times.replace("x", "×") for times in row[n_plain:])] for row in rows]
    lines = [
        f"# {', '.join(titles[:-1])} and {titles[-1]}",
        "",
        _sentence(comparison),
        "",
        _row([name.removeprefix(">") for name in header]),
        _row(["---", *["---:"] * (len(header) - 1)]),
        *map(_row, rows),
    ]
    if picture is not None:
        lines += ["", f"![Speed and quality of {', '.join(titles)}](<{picture}>)"]
    lines += ["", *(f"- {note}" for note in _notes(comparison))]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    """Return a row of a table."""
    escaped = (text.replace("\\", "\\\\").replace("|", "\\|") for text in cells)
    return f"| {' | '.join(escaped)} |"


def _sentence(comparison: Comparison) -> str:
    """Return a sentence on the programs, the text and the runs."""
    parameters = comparison.parameters
    objective = ["objective"] if parameters.objective == "hs" else ["negative"]
    names = ["algorithm", "vector_size", "window", *objective, "min_count", "sample", "epochs"]
    names += ["subwords", "min_n", "max_n", "buckets"] if parameters.subwords else []
    listed = ", ".join(f"`{name}={getattr(parameters, name)}`" for name in names)
    n_workers = f"{parameters.workers} thread{'s' if parameters.workers != 1 else ''}"
    seeds = [str(seed) for seed in comparison.seeds if seed is not None]
    runs = f" with the seed {seeds[0]}" if len(seeds) == 1 else ""
    if len(seeds) > 1:
        runs = f" {len(seeds)} times, in turns, with the seeds {', '.join(seeds)}; means ± standard deviations"
    return (
        f"{comparison.n_words:,} words of text, the same for all, with {listed} and {n_workers}. "
        f"Each program was trained{runs or ' once'}."
    )


def _notes(comparison: Comparison) -> list[str]:
    """Return what readers need to know to judge the figures."""
    parameters = comparison.parameters
    notes = [PROGRAMS[key].note for key in comparison.titles if PROGRAMS[key].note]
    if parameters.alpha is None:
        own = f"here {DEFAULT_ALPHA[parameters.objective][parameters.algorithm]:g}"
        own += ", in gensim 0.025" if "gensim" in comparison.titles else ""
        own += ", in fastText 0.05" if "fasttext" in comparison.titles else ""
        notes.append(f"The learning rate at the start is each program's own: {own}.")
    if "fasttext" in comparison.titles:
        notes.append("fastText's vocabulary is timed by a call without epochs, which its training repeats.")
    notes.append(
        f"Compiling, once, took {comparison.compile_seconds:.1f} s here and is not counted. "
        f"Machine: {platform.machine()}, {platform.system()}, Python {platform.python_version()}."
    )
    return notes
