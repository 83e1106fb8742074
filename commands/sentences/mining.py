"""Commands that compare all sentences of a text: `w2v duplicates` and `w2v cluster`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
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
from w2v.commands.shared.output import decimals, json_text, print_result, print_table, show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.saving import keep as save_wherever
from w2v.commands.shared.saving import saving
from w2v.corpora.readers import TextReader
from w2v.display.progress import name_of
from w2v.display.wording import printable
from w2v.storage.files import atomic_file, check_output_file

if TYPE_CHECKING:
    from w2v.corpora.readers import TextReader
    from w2v.encoder.retrieval import Clustering, Duplicate, Place, SentenceIndex

_files_argument = click.argument("files", metavar="FILE...", nargs=-1, required=True)


@click.command(
    epilog="""\b
Examples:
  w2v duplicates sentences.txt
  w2v duplicates sentences.txt --model my.encoder --threshold 0.85 --jsonl > pairs.jsonl
  w2v duplicates corpus.txt --keep deduplicated.txt
  w2v duplicates questions.txt --model my.encoder --threshold 0.8 --groups
  w2v duplicates my.index""",
)
@_files_argument
@file_option(
    "--model",
    metavar="MODEL",
    help="Sentence encoder or word vectors to compare by meaning, instead of by shared words.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.9,
    show_default=True,
    metavar="X",
    help="Minimum similarity of duplicates.",
)
@number_option(
    "--top",
    default=10,
    help="Report at most N matches per sentence; --groups and --keep use all matches.",
)
@click.option(
    "--groups",
    is_flag=True,
    help="Print groups of duplicates, the largest first: tab-separated group number, line number and sentence.",
)
@file_option(
    "--keep",
    help="Print no pairs, but write the lines without near-duplicates of earlier ones to FILE.",
)
@click.option(
    "--exact/--approximate",
    default=None,
    cls=DescribedOption,
    unset="exact up to 262,144 distinct sentences",
    help="Compare all pairs, or only sentences near the same cluster centres, which finds nearly all.",
)
@split_option
@seed_option
@errors_option
@workers_option
@overwrite_option
@click.option("--jsonl", is_flag=True, help="Print one JSON object per line.")
@progress_option
def duplicates(
    files: tuple[str, ...],
    model: Path | None,
    threshold: float,
    top: int,
    groups: bool,
    keep: Path | None,
    exact: bool | None,
    split_sentences: bool,
    seed: int,
    errors: str,
    workers: int | None,
    overwrite: bool,
    jsonl: bool,
) -> None:
    """Find the lines of FILE, or the sentences of an index, that are near-duplicates of an earlier one.

    Without --model, sentences are compared by shared words, where rare words count more. Each output line is a pair:
    similarity, line number, earlier line number, sentence, earlier sentence, separated by tabs. The vectors of a text
    are kept in the system's temporary folder meanwhile (set TMPDIR to change it).
    """
    _check_ways(keep, groups, split_sentences, exact)
    import numpy as np

    from w2v.encoder.retrieval.mining.duplicates import Comparison, duplicates_of, near_rows
    from w2v.encoder.retrieval.mining.leaders import groups_of, index_leaders
    from w2v.encoder.retrieval.mining.sources import opened_sentences

    if keep is not None:
        check_output_file(keep, overwrite=overwrite)
    source = source_of(files, errors)
    with saving(keep), show_work(f"reading {name_of(source)}") as progress:
        with opened_sentences(source, model, splits=split_sentences, workers=workers, progress=progress) as index:
            how = Comparison(threshold, exact, workers, seed, progress)
            if groups:
                for number, rows in enumerate(groups_of(index_leaders(index, how)), 1):
                    places = [index.place(row) for row in rows]
                    click.echo(_group_as_json(places) if jsonl else _group_as_rows(number, places, len(files)))
                return
            if keep is None:
                for duplicate in duplicates_of(index, near_rows(index.table, how, top_n=top)):
                    click.echo(_as_json(duplicate) if jsonl else _as_row(duplicate, len(files)))
                return
            is_duplicate = index_leaders(index, how) != np.arange(len(index))
            n_lines, n_kept = _write_kept(keep, index, source, is_duplicate, overwrite)
    if jsonl:
        click.echo(json_text({"output": str(keep), "lines": n_lines, "kept": n_kept}))
    else:
        print_table([str(keep), ">lines"], [("read", f"{n_lines:,}"), ("kept", f"{n_kept:,}")])


def _check_ways(keep: Path | None, groups: bool, splits: bool, exact: bool | None) -> None:
    """Refuse options of `w2v duplicates` that contradict each other, or have no effect."""
    if keep is not None and groups:
        raise click.UsageError("--groups and --keep exclude each other.")
    if keep is not None or groups:
        refuse_given(("top",), "limits the pairs that are printed, but --groups and --keep use all matches")
    if keep is not None and splits:
        raise click.UsageError("--keep writes whole lines: it takes no --split-sentences.")
    if exact:
        refuse_given(("seed",), "draws cluster centres, but --exact compares all pairs")


def source_of(files: tuple[str, ...], errors: str) -> str | TextReader:
    """Return the folder of an index, or a reader of files; refuse the folder of a model."""
    from w2v.encoder.retrieval.index.storage import is_index
    from w2v.vectors.model_folder import is_kind
    from w2v.vectors.persistence import KIND as WORD_VECTORS

    if len(files) == 1 and is_index(files[0]):
        return files[0]
    if model := next((file for file in files if is_kind(file, WORD_VECTORS, "sentence-encoder")), None):
        raise click.UsageError(f"{model} is a model, not a text: give it with --model.")
    return TextReader(files, errors=errors)


def _as_json(duplicate: Duplicate) -> str:
    places = {"later": duplicate.later._asdict(), "earlier": duplicate.earlier._asdict()}
    return json_text({"similarity": duplicate.similarity, **places})


def _as_row(duplicate: Duplicate, n_files: int) -> str:
    later, earlier = duplicate.later, duplicate.earlier
    cells = [
        decimals(duplicate.similarity),
        _cell(written_place(later, n_files)),
        _cell(written_place(earlier, n_files)),
    ]
    return "\t".join([*cells, _cell(later.sentence), _cell(earlier.sentence)])


def _group_as_json(places: list[Place]) -> str:
    return json_text({"size": len(places), "sentences": [place._asdict() for place in places]})


def _group_as_rows(number: int, places: list[Place], n_files: int) -> str:
    return "\n".join(f"{number}\t{_cell(written_place(place, n_files))}\t{_cell(place.sentence)}" for place in places)


def written_place(place: Place, n_files: int) -> str:
    """Return the line of a sentence, and its file if there are several."""
    return str(place.line) if n_files == 1 else f"{place.file}:{place.line}"


def _cell(text: str) -> str:
    """Return text as one table cell, with control characters escaped for a terminal."""
    text = " ".join(text.split("\t"))
    return printable(text) if sys.stdout.isatty() else " ".join(text.splitlines())


def _write_kept(
    path: Path, index: SentenceIndex, source: str | TextReader, is_duplicate: Any, overwrite: bool
) -> tuple[int, int]:
    """Write the lines that are not duplicates; return the number of lines read and written."""
    n_lines = n_kept = 0
    with atomic_file(path, overwrite=overwrite) as file:
        for line, is_kept in _lines(index, source, is_duplicate):
            n_lines += 1
            if is_kept:
                file.write(f"{line}\n".encode())
                n_kept += 1
    return n_lines, n_kept


def _lines(index: SentenceIndex, source: str | TextReader, is_duplicate: Any) -> Iterator[tuple[str, bool]]:
    """Yield all lines, including those without a vector, and whether each is kept."""
    if isinstance(source, str):
        yield from zip(index, (~is_duplicate).tolist(), strict=True)
        return
    row = 0
    for file, number, line in source.numbered_lines():  # the rows follow the order of the lines
        if row < len(index) and index.place(row)[1:] == (number, file):
            yield line, not is_duplicate[row]
            row += 1
        else:
            yield line, True


@click.command(
    epilog="""\b
Examples:
  w2v cluster sentences.txt --model my.encoder
  w2v cluster my.index -k 20 --output clusters.tsv
  w2v cluster reviews.txt --model my.model -k 12 --keywords 5 --json""",
)
@_files_argument
@file_option(
    "--model",
    metavar="MODEL",
    help="Sentence encoder or word vectors; an index brings its own.",
)
@number_option("-k", "--clusters", most=10_000, unset="sqrt(sentences / 2), at most 100", help="Number of clusters.")
@number_option("--keywords", "words", most=100, default=8, help="Number of keywords per cluster.")
@stop_words_option
@file_option(
    "-o",
    "--output",
    help="Write the cluster of every sentence: FILE.jsonl, or another FILE for tab-separated cluster, similarity, line "
    "number and sentence.",
)
@split_option
@seed_option
@errors_option
@workers_option
@overwrite_option
@json_option
@progress_option
def cluster(
    files: tuple[str, ...],
    model: Path | None,
    clusters: int | None,
    words: int,
    stop_words: str,
    output: Path | None,
    split_sentences: bool,
    seed: int,
    errors: str,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Cluster the lines of FILE, or the sentences of an index, by similarity.

    The table shows the keywords of each cluster and a typical sentence. The vectors of a text are kept in the system's
    temporary folder meanwhile (set TMPDIR to change it).
    """
    from w2v.encoder.retrieval.keywords.stop_words import chosen_stop_words
    from w2v.encoder.retrieval.mining.clusters import cluster_index
    from w2v.encoder.retrieval.mining.sources import opened_sentences

    if output is not None:
        check_output_file(output, overwrite=overwrite)
    source, left_out = source_of(files, errors), chosen_stop_words(stop_words)
    with (
        saving(output),
        show_work(f"reading {name_of(source)}") as progress,
        opened_sentences(
            source, model, splits=split_sentences, by_words=False, workers=workers, progress=progress
        ) as index,
    ):
        found = cluster_index(
            index, n_clusters=clusters, n_words=words, stop_words=left_out, seed=seed, progress=progress
        )
        if output is not None:
            save_wherever(
                lambda path: _write_members(path, found, index, len(files), overwrite and path == output), output, files
            )
    value = [asdict(one) | {"typical": [place._asdict() for place in one.typical]} for one in found.clusters]
    rows = ((f"{one.number}", f"{one.size:,}", ", ".join(one.words), one.typical[0].sentence) for one in found.clusters)
    print_result(value, [">", ">sentences", "keywords", "example"], rows, as_json=as_json)


def _write_members(path: Path, found: Clustering, index: SentenceIndex, n_files: int, overwrite: bool) -> None:
    """Write the cluster of every sentence."""
    with atomic_file(path, overwrite=overwrite) as file:
        for cluster, similarity, place in found.members(index):
            if path.suffix == ".jsonl":
                entry = {"cluster": cluster, "similarity": round(similarity, 3), **place._asdict()}
                line = json_text(entry)
            else:
                sentence = " ".join(place.sentence.split())
                line = f"{cluster}\t{decimals(similarity)}\t{written_place(place, n_files)}\t{sentence}"
            file.write(f"{line}\n".encode())
