"""A comparison in words: cells of a table, and a report in Markdown with a picture beside it."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path

from w2v.comparison.comparison import Comparison, Measure
from w2v.comparison.contenders import PROGRAMS
from w2v.settings.parameters import DEFAULT_ALPHA
from w2v.storage.files import ModelError, OutputTakenError, atomic_file

_SUFFIXES = (".md", ".markdown")


def cell(measure: Measure, program: str) -> str:
    """Write a program's mean, with the standard deviation where there are several seeds."""
    mean, deviation = measure.mean(program), measure.deviation(program)
    if not math.isfinite(mean):
        return "-"
    scale = 100 if measure.kind == "share" else 1
    style = {"seconds": ".2f", "count": ",.0f", "share": ".1f", "correlation": ".3f"}[measure.kind]
    is_spread = math.isfinite(deviation) and (deviation > 0 or measure.kind != "count")
    spread = f" ± {scale * deviation:{style}}" if is_spread else ""
    return f"{scale * mean:{style}}{spread}{' %' if measure.kind == 'share' else ''}"


def ratio(measure: Measure, program: str) -> str:
    """Write how many times as long as ours a program's time is; nothing for other measures."""
    times = measure.ratio(program)
    return f"{times:.1f}x" if measure.kind == "seconds" and math.isfinite(times) else ""


def table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, ">" before those that are aligned to the right, and the rows."""
    keys = list(comparison.titles)
    others = keys[1:]
    titles = [*comparison.titles.values(), *(f"{PROGRAMS[key].name} / w2v" for key in others)]
    rows = [
        [measure.name, *(cell(measure, key) for key in keys), *(ratio(measure, key) for key in others)]
        for measure in comparison.measures()
    ]
    return ["", *(f">{title}" for title in titles)], rows


def check_report_path(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Raise early, before hours of training, if a report could not be saved at `path` and its picture beside it.

    Raises
    ------
    ImportError
        If what draws the picture is not installed.
    ModelError
        If the name does not end in .md, if one of the two files exists and `overwrite` is False, or if the folder does
        not exist.
    """
    from w2v.plots import check_picture_path
    from w2v.plots.figures import require_matplotlib

    if Path(path).suffix.lower() not in _SUFFIXES:
        raise ModelError(f"{path}: a report is written in Markdown, and its name must end in .md")
    require_matplotlib()
    if os.path.lexists(path) and not overwrite:
        raise OutputTakenError(f"{path} exists already; choose another name, or ask to overwrite it")
    check_picture_path(picture_path(path), overwrite)


def picture_path(path: str | os.PathLike[str]) -> Path:
    """Return where the picture of a report is: beside it, with the same name."""
    return Path(path).with_suffix(".svg")


def save_report(comparison: Comparison, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a comparison as Markdown, and as SVG beside it a picture of speed and quality.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    path : str or path-like
        Ends in .md.
    overwrite : bool, default False
        Replace files that exist.

    Raises
    ------
    ImportError, ModelError
        As `check_report_path`, or if writing fails.
    """
    from w2v.plots import save_figure
    from w2v.plots.comparison import plot_comparison

    check_report_path(path, overwrite)
    save_figure(plot_comparison(comparison), picture_path(path), overwrite=overwrite)
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(to_markdown(comparison, picture_path(path).name).encode())


def to_markdown(comparison: Comparison, picture: str | None = None) -> str:
    """Return the report, which shows the file `picture` under its table."""
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
    escaped = (text.replace("\\", "\\\\").replace("|", "\\|") for text in cells)
    return f"| {' | '.join(escaped)} |"


def _sentence(comparison: Comparison) -> str:
    told = comparison.parameters
    objective = ["objective"] if told.objective == "hs" else ["negative"]
    names = ["algorithm", "vector_size", "window", *objective, "min_count", "sample", "epochs"]
    names += ["subwords", "min_n", "max_n", "buckets"] if told.subwords else []
    parameters = ", ".join(f"`{name}={getattr(told, name)}`" for name in names)
    n_workers = f"{told.workers} thread{'s' if told.workers != 1 else ''}"
    seeds = [str(seed) for seed in comparison.seeds if seed is not None]
    runs = f" with the seed {seeds[0]}" if len(seeds) == 1 else ""
    if len(seeds) > 1:
        runs = f" {len(seeds)} times, in turns, with the seeds {', '.join(seeds)}; means ± standard deviations"
    return (
        f"{comparison.n_words:,} words of text, the same for all, with {parameters} and {n_workers}. "
        f"Each program was trained{runs or ' once'}."
    )


def _notes(comparison: Comparison) -> list[str]:
    told = comparison.parameters
    notes = [PROGRAMS[key].note for key in comparison.titles if PROGRAMS[key].note]
    if told.alpha is None:
        own = f"here {DEFAULT_ALPHA[told.objective][told.algorithm]:g}"
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
