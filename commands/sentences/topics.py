"""`w2v topics`: the topics of a text, over time, and as a tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.sentences.mining import source_of, written_place
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import given_options, refuse_given
from w2v.commands.shared.options import (
    choice_option,
    errors_option,
    file_option,
    json_option,
    number_option,
    overwrite_option,
    progress_option,
    seed_option,
    split_option,
    stop_words_option,
    workers_option,
)
from w2v.commands.shared.output import decimals, json_text, percent, print_json, print_table, say, show_work
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import FILE_SUFFIXES
from w2v.display.progress import name_of
from w2v.display.wording import printable
from w2v.encoder.retrieval.keywords.stop_words import chosen_stop_words
from w2v.reports import check_report_path, save_report
from w2v.storage.files import atomic_file, check_output_file, refuse_existing

if TYPE_CHECKING:
    from w2v.encoder.retrieval import Periods, SentenceIndex, Topics

_LISTS, _PAGES = (".tsv", ".txt", ".jsonl"), (".html", ".htm", ".md", ".markdown")
_FITTED = ("clusters", "method", "min_size", "reduction", "dims", "words", "stop_words", "bigrams", "split_sentences")
_HEADER = (">topic", ">sentences", "keywords", "example")
_UNITS = ("day", "month", "year")


def _parse_bins(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    if value in _UNITS or (value.isdecimal() and 1 <= int(value) <= 1000):
        return value if value in _UNITS else int(value)
    raise click.BadParameter(f"{value!r:.80} is neither a number from 1 to 1000 nor day, month or year.")


@click.command(
    cls=LongCommand,
    first="model method clusters topics min-size keywords stop-words dates bins tree output json",
    epilog="""\b
Examples:
  w2v topics my.index -k 30
  w2v topics reviews.txt --model my.encoder --method hdbscan --topics 20 --output my.topics
  w2v topics news.txt --model my.model --dates news.csv --date-column published --bins month
  w2v topics my.topics --topics 10 --tree
  w2v topics my.topics --output topics.html""",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@file_option("--model", metavar="MODEL", help="Sentence encoder or word vectors; an index brings its own.")
@choice_option(
    "--method",
    choices=("kmeans", "hdbscan"),
    default="kmeans",
    help="Assign every sentence to one of k topics (kmeans), or find dense topics and outliers (hdbscan).",
)
@number_option(
    "-k", "--clusters", most=10_000, unset="sqrt(sentences / 2), at most 100", help="Number of topics for k-means."
)
@number_option("--topics", "n_topics", unset="no merging", help="Merge the nearest topics until N are left.")
@number_option("--min-size", least=2, default=15, help="Minimum number of sentences per topic for HDBSCAN.")
@choice_option(
    "--reduction",
    choices=("spectral", "umap", "pca", "none"),
    default="spectral",
    help="Dimensionality reduction before HDBSCAN; umap needs the extra `umap`.",
)
@number_option("--dims", default=5, help="Number of dimensions to reduce the vectors to for HDBSCAN.")
@number_option("--keywords", "words", most=100, default=8, help="Number of keywords per topic.")
@stop_words_option
@click.option("--bigrams", is_flag=True, help="Use pairs of words that belong together as keywords too.")
@file_option("--dates", help="File with a date per line of the text, or a table with a row per line (--date-column).")
@click.option("--date-column", metavar="NAME", help="With --dates: column of a .csv, .tsv or .jsonl table.")
@click.option(
    "--bins",
    default="10",
    show_default=True,
    callback=_parse_bins,
    metavar="N|day|month|year",
    help="With --dates: N periods of equal length, or one period per day, month or year.",
)
@click.option("--tree", is_flag=True, help="Print the hierarchy of topics as a tree.")
@choice_option("--linkage", choices=("ward", "average"), default="ward", help="Linkage for the tree and for merging.")
@file_option(
    "-o",
    "--output",
    metavar="FOLDER|FILE",
    help="Save the topics in a folder; or write a report to FILE.html or .md, or the topic of every sentence to "
    "FILE.jsonl, .tsv or .txt.",
)
@split_option
@seed_option
@errors_option
@workers_option
@overwrite_option
@json_option
@progress_option
def topics(files: tuple[str, ...], output: Path | None, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Find the topics of the lines of FILE, or of the sentences of an index.

    The table shows the keywords of each topic and a typical sentence. FILE may also be a folder of saved topics.
    """
    if options["dates"] is None:
        if options["date_column"] is not None:
            raise click.UsageError("--date-column names a column of a table: give the table with --dates.")
        refuse_given(("bins",), "divides dates into periods: give them with --dates")
    if options["method"] == "kmeans":
        refuse_given(("min_size", "reduction", "dims"), "is for HDBSCAN: give --method hdbscan")
    else:
        refuse_given(("clusters",), "is for k-means, but HDBSCAN finds the number of topics: --topics N merges them")
    if options["n_topics"] is None and not options["tree"]:
        refuse_given(("linkage",), "is for --topics and --tree: give one of them as well")
    from w2v.encoder.retrieval.topics.dates import read_dates

    _check_output(output, overwrite)
    dates = None if options["dates"] is None else read_dates(options["dates"], options["date_column"])
    with (
        saving(output),
        show_work(f"reading {name_of(files[0])}") as progress,
        _found(files, options, progress) as (found, index),
    ):
        over_time = None if dates is None else found.over_time(dates, bins=options["bins"])
        if output is not None:
            written = _Written(found, over_time, index, len(files))
            keep(lambda path: written.save(path, overwrite and path == output), output, files)
    if as_json:
        print_json(_as_json(found, over_time, options))
        return
    rows = ((str(row.topic), f"{row.size:,}", ", ".join(row.keywords), *row.representative[:1]) for row in found.info())
    print_table(_HEADER, ((*row, "")[: len(_HEADER)] for row in rows))
    if over_time is not None:
        click.echo()
        _print_periods(over_time)
    if options["tree"]:
        click.echo()
        click.echo("\n".join(map(printable, str(found.hierarchy(options["linkage"])).split("\n"))))


def _check_output(output: Path | None, overwrite: bool) -> None:
    """Refuse, before any work, an output that could not be written at the end."""
    if output is None:
        return
    if output.suffix.lower() in _PAGES:
        check_report_path(output, overwrite)
    elif output.suffix.lower() in _LISTS:
        check_output_file(output, overwrite=overwrite)
    elif output.suffix.lower() in FILE_SUFFIXES:
        raise click.BadParameter(
            f"{output} is the name of a file that topics cannot be written to: files end in "
            f"{', '.join((*_LISTS, *_PAGES))}, other names are folders.",
            param_hint="'--output'",
        )
    elif not overwrite:
        refuse_existing(output)


@contextmanager
def _found(files: tuple[str, ...], options: dict[str, Any], progress: Any) -> Iterator[tuple[Topics, Any]]:
    """Yield the topics and the index of their sentences, which is None for saved topics."""
    from w2v.encoder.retrieval.mining.sources import opened_sentences
    from w2v.encoder.retrieval.topics.folder import is_topics
    from w2v.encoder.retrieval.topics.topics import Topics

    n_topics, linkage = options["n_topics"], options["linkage"]
    if len(files) == 1 and is_topics(files[0]):
        if options["model"] is not None:
            raise click.UsageError(f"{files[0]} holds saved topics, which need no model; leave out --model.")
        if given := given_options(_FITTED):
            raise click.UsageError(
                f"{files[0]} holds saved topics, which stay as they are; leave out {', '.join(given)}, or give the "
                "text or the index."
            )
        opened = Topics.open(files[0])
        yield opened if n_topics is None else opened.merged(n_topics, linkage), None
        return
    model = Topics(
        method=options["method"],
        n_clusters=options["clusters"],
        min_size=options["min_size"],
        reduction=options["reduction"],
        dims=options["dims"],
        n_words=options["words"],
        stop_words=chosen_stop_words(options["stop_words"]),
        bigrams=options["bigrams"],
        workers=options["workers"],
        random_state=options["seed"],
    )
    with opened_sentences(
        source_of(files, options["errors"]),
        options["model"],
        splits=options["split_sentences"],
        by_words=False,
        workers=options["workers"],
        progress=progress,
    ) as index:
        model.fit(index, progress=progress)
        yield (model.merged(n_topics, linkage) if n_topics is not None and n_topics < len(model) else model), index


@dataclass(frozen=True)
class _Written:
    """The results that can be written to a file."""

    topics: Topics
    over_time: Periods | None
    index: SentenceIndex | None
    n_files: int

    def save(self, path: Path, overwrite: bool) -> None:
        """Write a report, a list of sentences or a folder, depending on the name."""
        suffix = path.suffix.lower()
        if suffix in _PAGES:
            from w2v.reports.topics.cards import card_of_topics

            save_report(card_of_topics(self.topics, self.over_time), path, overwrite=overwrite)
        elif suffix in _LISTS:
            self._save_list(path, overwrite)
        else:
            self.topics.save(path, overwrite=overwrite)

    def _save_list(self, path: Path, overwrite: bool) -> None:
        if self.index is None:
            raise click.UsageError("Saved topics do not contain their sentences: give the text or the index instead.")
        with atomic_file(path, overwrite=overwrite) as file:
            scored = zip(self.topics.labels_.tolist(), self.topics.similarities_.tolist(), strict=True)
            for row, (topic, similarity) in enumerate(scored):
                place = self.index.place(row)
                if path.suffix.lower() == ".jsonl":
                    line = json_text({"topic": topic, "similarity": round(similarity, 3), **place._asdict()})
                else:
                    sentence = " ".join(place.sentence.split())
                    line = f"{topic}\t{decimals(similarity)}\t{written_place(place, self.n_files)}\t{sentence}"
                file.write(f"{line}\n".encode())


def _as_json(found: Topics, over_time: Periods | None, options: dict[str, Any]) -> dict[str, Any]:
    rows = zip(found.info(), [None] * (found.n_outliers_ > 0) + list(found.keywords_), strict=True)
    value: dict[str, Any] = {
        "topics": [
            row._asdict() | {"keywords": [keyword._asdict() for keyword in keywords or []]} for row, keywords in rows
        ]
    }
    if over_time is not None:
        value |= {"over_time": [row._asdict() for row in over_time], "undated": over_time.n_undated}
    if options["tree"]:
        value["tree"] = found.hierarchy(options["linkage"]).to_dict()
    return value


def _print_periods(over_time: Periods) -> None:
    """Print a row per period and a column per topic: the topic's fraction of the period's sentences."""
    topics = list(dict.fromkeys(row.topic for row in over_time))
    starts = list(dict.fromkeys(row.start for row in over_time))
    fractions = {(row.topic, row.start): row.fraction for row in over_time}
    in_bin = Counter[str]()
    for row in over_time:
        in_bin[row.start] += row.size
    print_table(
        ["from", ">sentences", *(f">topic {topic}" for topic in topics)],
        ((start, f"{in_bin[start]:,}", *(percent(fractions[topic, start]) for topic in topics)) for start in starts),
    )
    if over_time.n_undated:
        say(f"{over_time.n_undated:,} sentences without a date are left out of this table.")
