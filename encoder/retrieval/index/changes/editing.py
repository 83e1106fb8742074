"""Remove and replace sentences of an index: old ones are marked as removed, new ones appended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import one_column
from w2v.corpora.tables.files import Records as GivenRecords
from w2v.corpora.tables.files import TableTexts
from w2v.corpora.tables.typed import Kind
from w2v.encoder.retrieval.index.appending import appending
from w2v.encoder.retrieval.index.building import Makes, Progress, encode_texts
from w2v.encoder.retrieval.index.changes.rewriting import Stored
from w2v.encoder.retrieval.index.records.joining import Joining, check_ids, rows_of_ids, updated
from w2v.encoder.retrieval.index.records.stored import merged_kinds
from w2v.encoder.retrieval.index.storage import (
    ID,
    Contents,
    locked_for_adding,
    remove_obsolete,
    with_removed,
    write_contents,
)


def listed_ids(ids: Any) -> list[Any]:
    """Return ids as Python values, from a single id, a list, an array or a column."""
    if isinstance(ids, (str, int, np.integer)):
        ids = [ids]
    if isinstance(ids, Mapping) or not hasattr(ids, "__iter__"):
        raise TypeError(f"ids must be a list of strings or integers, not {type(ids).__name__}: {ids!r:.60}")
    values = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def check_known(folder: Path, ids: list[Any]) -> None:
    """Raise ValueError unless the index has each of the ids, and each is given once."""
    found = Stored.read(folder)
    rows_of_ids(found.records, ids, found.rows.live, str(folder))


def check_some_stay(folder: Path, ids: list[Any], chosen: NDArray[np.bool_] | None) -> None:
    """Raise ValueError if no sentence is left once those of some ids and the rows `chosen`, shape (N,), are removed."""
    found = Stored.read(folder)
    gone = np.zeros(found.contents.sentences, bool) if chosen is None else chosen.copy()
    for rows in rows_of_ids(found.records, ids, found.rows.live, str(folder)) if ids else ():
        gone[rows] = True
    if found.contents.live and np.count_nonzero(gone) == found.contents.live:
        raise ValueError(
            f"no sentence of {folder} would be left, and a compact index has at least one; remove them without "
            "compacting it, or delete the folder"
        )


def remove_sentences(
    folder: Path, ids: Any, chosen: Callable[[Stored], NDArray[np.bool_]] | None
) -> tuple[Contents, int]:
    """Remove the sentences with the given ids, or the chosen ones; return the new contents and the number removed."""
    with locked_for_adding(folder):
        found = Stored.read(folder)
        remove_obsolete(folder, found.contents)
        if chosen is not None:
            rows = np.flatnonzero(chosen(found))
        else:
            own = rows_of_ids(found.records, listed_ids(ids), found.rows.live, str(folder))
            rows = np.concatenate([np.empty(0, np.intp), *own])
        if not rows.size:
            return found.contents, 0
        contents = with_removed(folder, found.contents, _removed(found, rows))
        write_contents(folder, contents)
    return contents, len(rows)


def replace_sentences(
    folder: Path, inference: Makes, ids: Any, texts: Any, given: GivenRecords | None, progress: Progress | None
) -> tuple[Contents, int]:
    """Replace the sentences with the given ids; return the new contents and the number of new sentences."""
    wanted = listed_ids(ids)
    texts = texts if isinstance(texts, TableTexts) else list(_listed(texts))
    if len(texts) != len(wanted) or (given is not None and given.names and len(given) != len(wanted)):
        n = len(texts) if len(texts) != len(wanted) or given is None else len(given)
        raise ValueError(f"there are {len(wanted):,} ids but {n:,} texts or metadata records; give one for each id")
    with locked_for_adding(folder):
        found = Stored.read(folder)
        before = found.contents
        remove_obsolete(folder, before)
        rows = rows_of_ids(found.records, wanted, found.rows.live, str(folder))
        if not rows:
            return before, 0
        columns = {} if given is None else given.typed(found.records.kinds)
        merged_kinds([found.records.kinds, {name: column.kind for name, column in columns.items()}])
        joining = Joining(updated(found.records, rows, columns))
        with appending(folder, before) as appender:
            for batch in encode_texts(folder, before, inference, texts, progress):
                appender.append(batch)
                joining.follow(batch)
            lost = np.setdiff1d(np.arange(len(wanted)), joining.texts)
            if lost.size:
                raise ValueError(
                    f"the new text for the id {wanted[int(lost[0])]!r:.60} has no word that the encoder knows; remove "
                    "the id instead"
                )
            contents = joining.write(folder, appender.contents)
            appender.contents = with_removed(folder, contents, _removed(found, np.concatenate(rows)))
    return appender.contents, appender.contents.sentences - before.sentences


def ids_of(given: GivenRecords, kinds: Mapping[str, Kind]) -> list[Any]:
    """Return the id column of records, in the type of the index; ValueError if an id is missing or repeated."""
    if ID not in given.names:
        raise ValueError(f"there is no id column {ID!r}; columns are {', '.join(given.names) or 'none'}")
    column = given.typed(kinds)[ID]
    check_ids(column, list(given.places()))
    return column.tolist()


def _listed(texts: Any) -> Sequence[str]:
    if isinstance(texts, str):
        return [texts]
    found: Sequence[str] = one_column(texts)
    return found


def _removed(found: Stored, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return all removed rows, the given ones added."""
    before = [] if found.rows.live is None else [np.flatnonzero(~found.rows.live)]
    removed: NDArray[np.intp] = np.unique(np.concatenate([*before, rows]))
    return removed
