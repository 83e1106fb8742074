"""Commands that change sentence indexes: `w2v edit-index` and `w2v merge-index`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.sentences.describing import bytes_of
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    errors_option,
    file_option,
    json_option,
    overwrite_option,
    progress_option,
    workers_option,
)
from w2v.commands.shared.output import decimals, print_result, show_work
from w2v.commands.shared.saving import saving
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader

if TYPE_CHECKING:
    from w2v.corpora.tables.files import Records, TableTexts
    from w2v.encoder.retrieval import SentenceIndex


@click.command(
    epilog="""\b
Examples:
  w2v edit-index my.index --remove a17 --remove a18
  w2v edit-index my.index --remove-file gone.txt --compact
  w2v edit-index my.index --remove-where "year < 2000"
  w2v edit-index my.index --replace changed.csv --text-column review""",
)
@click.argument("index", type=NamedPath())
@click.option(
    "--remove", "removed", metavar="ID", multiple=True, help="Remove the sentence with this id. May be repeated."
)
@click.option(
    "--remove-file", metavar="FILE", help="Remove the ids listed in FILE, one per line; - reads standard input."
)
@click.option(
    "--remove-where", metavar="CONDITION", help="Remove sentences that meet a condition; see `w2v search --help`."
)
@click.option(
    "--replace",
    metavar="FILE",
    help="Replace the texts that have the same ids as those in FILE, a CSV, TSV or JSON lines table. Its other columns "
    "update the metadata.",
)
@click.option("--text-column", metavar="NAME", default="text", show_default=True, help="Column of the texts in FILE.")
@click.option("--id-column", metavar="NAME", default="id", show_default=True, help="Column of the ids in FILE.")
@click.option("--compact", is_flag=True, help="Rewrite the index without removed sentences to free their space.")
@errors_option
@workers_option
@json_option
@progress_option
def edit_index(
    index: Path,
    removed: tuple[str, ...],
    remove_file: str | None,
    remove_where: str | None,
    replace: str | None,
    text_column: str,
    id_column: str,
    compact: bool,
    errors: str,
    workers: int | None,
    as_json: bool,
) -> None:
    """Remove or replace sentences of INDEX, or free the space of removed ones.

    Searches no longer find removed sentences, but these take space until --compact. The steps are: replace, remove,
    compact. An interruption leaves INDEX as it was before the current step.
    """
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.index.changes.editing import check_some_stay

    if not (removed or remove_file or remove_where or replace or compact):
        raise click.UsageError("Nothing to do: give --remove, --remove-file, --remove-where, --replace or --compact.")
    if replace is None:
        refuse_given(("text_column", "id_column"), "names a column of --replace FILE")
    if replace is None and remove_file is None:
        refuse_given(("errors",), "is for --replace FILE and --remove-file FILE")
    opened = SentenceIndex.open(index, workers=workers)
    start, facts = time.perf_counter(), {"removed": 0, "replaced": 0, "freed": 0}
    with saving(None), show_work("changing") as progress:
        # everything is read and checked before the first change
        listed = [] if remove_file is None else _listed_ids(opened, TextReader(remove_file, errors=errors).lines())
        ids = list(dict.fromkeys([*(_id(opened, each) for each in removed), *listed]))
        if remove_where is not None:
            opened.count(remove_where)
        changes = None if replace is None else _read_changes(opened, replace, text_column, id_column, errors, ids)
        if changes is not None:  # first, since a text may have no known word
            facts["replaced"] = opened.replace(*changes[:2], metadata=changes[2], progress=progress)
        if compact and (ids or remove_where is not None):
            check_some_stay(opened.path, ids, opened.chosen(remove_where))
        if ids:
            facts["removed"] += opened.remove(ids)
        if remove_where is not None:
            facts["removed"] += opened.remove(where=remove_where)
        if compact:
            facts["freed"] = opened.compact(progress=progress)
    _print_changed(opened, {**facts, "seconds": time.perf_counter() - start}, as_json)


def _has_integers(opened: SentenceIndex) -> bool:
    return dict(opened.contents.columns).get("id") == "integer"


def _id(opened: SentenceIndex, text: str) -> str | int:
    """Convert an id to the type of the index's ids."""
    return int(text) if _has_integers(opened) and re.fullmatch(r"\s*[+-]?\d{1,300}\s*", text) else text


def _listed_ids(opened: SentenceIndex, lines: Iterable[str]) -> list[str | int]:
    """Return the ids in the lines of a file; spaces around one are ignored unless they belong to an id."""
    filled = [line for line in lines if line.strip()]
    exact: set[str | int | None] = set()
    if not _has_integers(opened) and any(line != line.strip() for line in filled):
        exact = set(opened.ids or ())
    return [line if line in exact else _id(opened, line.strip()) for line in filled]


def _read_changes(
    opened: SentenceIndex, file: str, text_column: str, id_column: str, errors: str, removed: list[str | int]
) -> tuple[list[Any], TableTexts, Records]:
    """Return ids, their new texts and metadata; a ValueError if the index lacks an id, or it is to be removed."""
    from w2v.corpora.tables.files import read_texts
    from w2v.corpora.tables.given import given_records
    from w2v.encoder.retrieval.index.changes.editing import check_known, ids_of

    texts, records = read_texts(file, text_column, errors=errors)
    given = given_records(id_column, records)
    assert given is not None
    ids = ids_of(given, dict(opened.contents.columns))
    check_known(opened.path, [*removed, *ids])
    return ids, texts, given


def _print_changed(opened: SentenceIndex, facts: dict[str, Any], as_json: bool) -> None:
    described = {
        "index": str(opened.path),
        "sentences": len(opened),
        "removed_until_compacted": opened.contents.removed,
        "bytes": bytes_of(opened.path),
        **facts,
    }
    rows = [
        ("sentences", f"{len(opened):,}"),
        *((name, f"{facts[name]:,}") for name in ("removed", "replaced", "freed") if facts.get(name)),
        *([("removed, until --compact", f"{opened.contents.removed:,}")] if opened.contents.removed else []),
        ("bytes", f"{described['bytes']:,}"),
        ("seconds", decimals(facts["seconds"], 1)),
    ]
    print_result(described, ["index", f">{opened.path}"], rows, as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  w2v merge-index one.index two.index --output both.index""",
)
@click.argument("indexes", metavar="INDEX...", nargs=-1, required=True)
@file_option("-o", "--output", required=True, metavar="INDEX", help="The index folder to write.")
@overwrite_option
@json_option
@progress_option
def merge_index(indexes: tuple[str, ...], output: Path, overwrite: bool, as_json: bool) -> None:
    """Merge several indexes into one, in their order, without encoding anything again.

    All must come from the same encoder and have the same columns and data type. Ids, metadata and graphs are kept;
    removed sentences are left out. `w2v search` can also search several indexes at once.
    """
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.index.changes.rewriting import merge_indexes

    start = time.perf_counter()
    with saving(output, claims=False), show_work("copying") as progress:
        place = merge_indexes(indexes, output, overwrite=overwrite, progress=progress)
    _print_changed(SentenceIndex.open(place), {"seconds": time.perf_counter() - start}, as_json)
