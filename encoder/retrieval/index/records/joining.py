"""Match the ids and metadata given for texts to the sentences made from these texts."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.files import Records as GivenRecords
from w2v.corpora.tables.typed import IN_WORDS, Column, Kind
from w2v.encoder.retrieval.index.records.stored import Records, merged_kinds, write_records
from w2v.encoder.retrieval.index.storage import ID, Contents

if TYPE_CHECKING:
    from w2v.encoder.retrieval.index.appending import EncodedBatch

_SHOWN = 3


class Joining:
    """Keeps track of the text that each written row comes from, and writes the records at the end.

    Parameters
    ----------
    columns : mapping of str to Column
        One value per text; empty if there are no ids and no metadata.
    """

    def __init__(self, columns: Mapping[str, Column] | None = None) -> None:
        self.columns = columns or {}
        self._n_records = len(next(iter(self.columns.values()))) if self.columns else 0
        self._n_texts, self._texts = 0, list[NDArray[np.int64]]()

    def expect(self, texts: Any) -> None:
        """Raise ValueError if the number of texts is known in advance and differs from that of the records."""
        if self.columns and isinstance(texts, Sized) and len(texts) != self._n_records:
            raise self._mismatch(len(texts))

    def _mismatch(self, n_texts: int) -> ValueError:
        return ValueError(
            f"there are {self._n_records:,} records of metadata or ids for {n_texts:,} texts; give one for each text, "
            "including blank ones"
        )

    def follow(self, batch: EncodedBatch) -> None:
        """Take account of a batch that is written; ValueError if there are too few records for it."""
        self._n_texts += batch.n_lines
        if self.columns:
            self._texts.append(batch.texts)
            if self._n_texts > self._n_records:
                raise self._mismatch(self._n_texts)

    @property
    def texts(self) -> NDArray[np.int64]:
        """The number, from 0, of the text of each row, shape (n,), int64."""
        return np.concatenate(self._texts) if self._texts else np.empty(0, np.int64)

    def write(self, folder: Path, contents: Contents, *, is_whole: bool = True) -> Contents:
        """Write the records of the last rows of an index; return the contents with them.

        ValueError if all texts have been read (`is_whole`) and records are left over.
        """
        if not self.columns:
            return contents
        if is_whole and self._n_texts != self._n_records:
            raise self._mismatch(self._n_texts)
        rows = self.texts
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return write_records(folder, contents, columns, contents.sentences - len(rows))


def joining_of(given: GivenRecords | None, before: Records | None = None, *, live: Any = None) -> Joining:
    """Return an object that matches the given records to the sentences being built or added.

    Parameters
    ----------
    given : Records or None
    before : Records, optional
        Those of the index, if sentences are added.
    live : ndarray of bool, optional
        Which of its rows are not removed, shape (N,).

    Raises
    ------
    ValueError
        If types differ from those of the index, an id is missing, repeated or already used, or the index has ids and
        the new sentences have none.
    """
    kinds: dict[str, Kind] = {} if before is None else before.kinds
    if given is None or not given.names:
        if ID in kinds:
            raise ValueError("the index has ids, so new sentences need ids (ids=, or a column 'id')")
        return Joining()
    columns = given.typed(kinds)
    merged_kinds([kinds, {name: column.kind for name, column in columns.items()}])
    if ID in columns:
        check_ids(columns[ID], list(given.places()))
        values = columns[ID].tolist()
        rows = [] if before is None else before.find(values, live)
        taken = next((value for value, own in zip(values, rows, strict=False) if own.size), None)
        if taken is not None:
            raise ValueError(f"the id {taken!r:.60} is already in the index; replace its sentence, or use another id")
    elif ID in kinds:
        raise ValueError("the index has ids, so new sentences need ids (ids=, or a column 'id')")
    return Joining(columns)


def check_ids(column: Column, places: list[str]) -> None:
    """Raise ValueError unless the ids are text or integers, complete and unique."""
    if column.kind not in ("text", "integer", "missing"):
        raise ValueError(f"ids must be text or integers, not {IN_WORDS[column.kind]}")
    if column.missing.any():
        raise ValueError(f"{places[int(column.missing.argmax())]} has no id; give every text an id")
    seen: dict[Any, int] = {}
    for number, value in enumerate(column.tolist()):
        first = seen.setdefault(value, number)
        if first != number:
            raise ValueError(f"the id {value!r:.60} is given twice: {places[first]} and {places[number]}")


def rows_of_ids(records: Records, ids: list[Any], live: NDArray[np.bool_] | None, name: str) -> list[NDArray[np.intp]]:
    """Return the rows of each id; ValueError for an id that the index, called `name`, does not have."""
    if ID not in records.kinds:
        raise ValueError(f"{name} has no ids; build it with ids, or select sentences by a condition (where)")
    kind = records.kinds[ID]
    wrong = next((each for each in ids if type(each) is not (str if kind == "text" else int)), None)
    if wrong is not None:
        raise ValueError(f"the ids of {name} are {IN_WORDS[kind]}, so {wrong!r:.60} cannot be one")
    rows = records.find(ids, live)
    unknown = [each for each, own in zip(ids, rows, strict=True) if not own.size]
    if unknown:
        shown = ", ".join(f"{each!r:.60}" for each in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        raise ValueError(f"{name} has no sentence with the id {shown}{more}")
    if len(set(ids)) < len(ids):
        twice = next(each for number, each in enumerate(ids) if each in ids[:number])
        raise ValueError(f"the id {twice!r:.60} is given twice")
    return rows


def updated(records: Records, rows: list[NDArray[np.intp]], given: Mapping[str, Column]) -> dict[str, Column]:
    """Return the records of the first row of each id, updated with the given columns."""
    first = np.array([own[0] for own in rows], np.intp)
    kept = {name: records.column(name).take(first) for name in records.kinds}
    return kept | {name: column for name, column in given.items() if name != ID}
