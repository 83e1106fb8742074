"""A sentence index behind its page: map, regions, searches, columns and selections."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.given import given_records
from w2v.encoder.retrieval import SentenceIndex
from w2v.explorer.documents.columns import Column, make_column
from w2v.explorer.documents.document_map import DocumentMap
from w2v.explorer.explored import check_text
from w2v.explorer.guard import MOST_BODY_BYTES
from w2v.explorer.texts import Loaded, rounded
from w2v.storage.json_values import encodable

LONGEST_QUERY = 4_000
MOST_HITS, USUAL_HITS, HITS_WITH_TEXT = 2_000, 200, 40
MOST_TEXTS = 200
N_NEIGHBORS = 12
FORMS = ("csv", "jsonl", "txt")
_RESERVED = ("sentence", "line", "file", "region")


class ExploredIndex(Loaded):
    """Answers the requests of the page of an index; its methods are thread-safe.

    The page refers to a sentence by its place: its number among the points of the map.

    Parameters
    ----------
    path : str or path-like
        The folder of the index.
    cache : path, optional
        Folder for finished maps.
    metadata : path, data frame, dict of lists or list of dict, optional
        Further columns with a value for each sentence.
    color : str, optional
        Column that colours the map at first; by default the regions do.

    Raises
    ------
    ModelError
        If the folder is missing, not an index, or damaged.
    CorpusError
        If the metadata cannot be read.
    ValueError
        If there is no sentence, the metadata does not fit, or there is no column `color`.
    """

    questions = {  # noqa: RUF012
        "points": ({}, {"after": "whole number"}),
        "regions": ({}, {}),
        "columns": ({}, {}),
        "codes": ({"name": "text"}, {}),
        "search": ({"query": "text"}, {"n": "whole number"}),
        "document": ({"place": "whole number"}, {}),
        "texts": ({"places": "whole numbers"}, {}),
        "table": ({"selected": "text"}, {"start": "whole number", "n": "whole number"}),
        "save": ({"selected": "text", "form": "text"}, {}),
    }
    page = "documents/index.html"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        cache: Path | None = None,
        metadata: Any = None,
        color: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.index = SentenceIndex(path)
        self.map = DocumentMap(self.index, cache)
        self.most_bytes = MOST_BODY_BYTES + len(self.map.rows) // 4
        self.metadata: dict[str, list[Any]] = self.index.metadata | _columns_of(metadata, len(self.index))
        if color is not None and color not in self.metadata:
            known = ", ".join(self.metadata) or "none; give --metadata FILE"
            raise ValueError(f"there is no column {color!r:.80} to colour by; there are: {known}")
        self._color = color

    def start(self) -> None:
        """Start computing the map."""
        self.map.start()

    def stop(self) -> None:
        """Stop computing the map."""
        self.map.stop()

    def describe(self) -> dict[str, Any]:
        """Return the description of the index for the page."""
        return {
            "name": self.path.resolve().name,
            "kind": "index",
            "sentences": len(self.index),
            "columns": self.index.contents.dimension,
            "onMap": len(self.map.rows),
            "metadata": list(self.metadata),
            "color": self._color,
            "forms": list(FORMS),
            "limits": {"query": LONGEST_QUERY},
        }

    def points(self, after: int = 0) -> bytes:
        """Return the newest map, packed; without points if its version is not above `after`.

        The header has ``version``, ``stage`` and ``progress``; the arrays are ``points``, n pairs of float32, and
        ``groups``, n colours of uint8.
        """
        state = self.map.state()
        header = {"version": state.version, "stage": state.layout.stage, "progress": rounded(state.layout.progress, 2)}
        if state.version <= after:
            return packed(header)
        return packed(header, points=state.layout.points.reshape(-1), groups=self.map.groups)

    def regions(self) -> bytes:
        """Return the regions, packed: ``levels``, each with its regions, and ``labels``, uint16, of the last level.

        There are none before the map is complete.
        """
        regions = self.map.regions
        if regions is None:
            return packed({"levels": []})
        return packed({"levels": regions.described()}, labels=regions.labels)

    def columns(self) -> dict[str, Any]:
        """Return the columns of metadata: each with its ``name``, ``kind``, and ``bins`` by name."""
        return {"columns": [{"name": c.name, "kind": c.kind, "bins": c.bins} for c in self._columns.values()]}

    def codes(self, name: str) -> bytes:
        """Return the bin of each point in a column, packed as ``codes`` of uint8.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        if name not in self._columns:
            raise ValueError(f"there is no column {name!r:.80}; there are: {', '.join(self._columns)}")
        return packed({"name": name}, codes=self._columns[name].codes[self.map.numbers])

    def search(self, query: str, n: int = USUAL_HITS) -> dict[str, Any]:
        """Return the nearest sentences to a query: ``hits`` with place and score, the first with their texts.

        Raises
        ------
        ValueError
            If the query is too long or has no known word, or `n` is out of range.
        """
        check_text(query, LONGEST_QUERY, "a query")
        if not 1 <= n <= MOST_HITS:
            raise ValueError(f"the number of hits must be from 1 to {MOST_HITS:,}, not {n}")
        [unit] = self.index.encode([query])
        if not unit.any():
            raise ValueError("no word of the query is known to the encoder")
        return {"hits": self._near(unit, n)}

    def document(self, place: int) -> dict[str, Any]:
        """Return a sentence, its source, metadata, regions, and ``neighbors``.

        Raises
        ------
        ValueError
            If there is no such place.
        """
        [number] = self._numbers([place])
        found = self._described(number)
        [unit] = self.index.rows.table.rows(self.map.rows[place : place + 1])
        near = [hit for hit in self._near(unit, N_NEIGHBORS + 8) if hit["place"] != place]
        near = [hit for hit in near if hit.get("sentence") != found["sentence"]]
        return {"place": place, **found, "neighbors": near[:N_NEIGHBORS]}

    def texts(self, places: list[int]) -> dict[str, Any]:
        """Return some sentences, at most 200, as ``sentences``."""
        if len(places) > MOST_TEXTS:
            raise ValueError(f"at most {MOST_TEXTS} sentences can be asked for, not {len(places):,}")
        return {"sentences": [self.index[number] for number in self._numbers(places)]}

    def table(self, selected: str, start: int = 0, n: int = 50) -> dict[str, Any]:
        """Return some of the selected sentences, in the order of the index, as ``rows``, and ``total``.

        `selected` has a bit for each place, the lowest of a byte first, in base64.

        Raises
        ------
        ValueError
            If the selection is damaged, or `n` is out of range.
        """
        if not 0 <= n <= MOST_TEXTS or start < 0:
            raise ValueError(f"at most {MOST_TEXTS} sentences can be asked for")
        numbers = self._selected(selected)
        shown = numbers[start : start + n].tolist()
        places = [self.map.place_of(int(self.index.rows.live_rows[number])) for number in shown]
        rows = [{"place": place, **self._described(number)} for place, number in zip(places, shown, strict=True)]
        return {"total": len(numbers), "rows": rows}

    def save(self, selected: str, form: str) -> bytes:
        """Return the selected sentences as a file: CSV, JSON Lines, or the text alone; see `table`.

        Raises
        ------
        ValueError
            If the selection is damaged, or the format is unknown.
        """
        if form not in FORMS:
            raise ValueError(f"the form must be one of {', '.join(FORMS)}, not {form!r:.40}")
        entries = (self._entry(number) for number in self._selected(selected).tolist())
        if form == "csv":
            return "".join(_csv_lines([*_RESERVED, *self._own_names], entries)).encode(errors="backslashreplace")
        if form == "txt":
            return "".join(entry["sentence"] + "\n" for entry in entries).encode()
        return encodable("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)).encode()

    @cached_property
    def _columns(self) -> dict[str, Column]:
        """The columns of the page: metadata, length of a sentence, and its file."""
        found = {name: make_column(name, values) for name, values in self.metadata.items()}
        sources = self.index.contents.sources
        if len({source.name for source in sources}) > 1 and "file" not in found:
            names = [Path(source.name).name for source in sources]
            of_rows = np.repeat(names, [source.sentences for source in sources])
            found["file"] = make_column("file", of_rows[self.index.rows.live_rows])
        if "length" not in found:
            found["length"] = make_column("length", np.fromiter(map(len, self.index), np.int64, len(self.index)))
        return found

    @cached_property
    def _own_names(self) -> list[str]:
        return [f"metadata.{name}" if name in _RESERVED else name for name in self.metadata]

    def _entry(self, number: int) -> dict[str, Any]:
        """Return a row of an exported file."""
        values = [column[number] for column in self.metadata.values()]
        entry = {**self.index.place(number)._asdict(), "region": "".join(self._region_names(number)[-1:])}
        return entry | dict(zip(self._own_names, values, strict=True))

    def _described(self, number: int) -> dict[str, Any]:
        """Return the description of a sentence for the page."""
        known = {name: column[number] for name, column in self.metadata.items()}
        names = self._region_names(number)
        return {**self.index.place(number)._asdict(), "metadata": known, "regions": names}

    def _region_names(self, number: int) -> list[str]:
        """Return the names of a sentence's regions, the largest first."""
        regions, place = self.map.regions, self.map.place_of(int(self.index.rows.live_rows[number]))
        if regions is None or place is None:
            return []
        label, names = int(regions.labels[place]), list[str]()
        for level in regions.levels[::-1]:
            names.insert(0, ", ".join(level.names[label]))
            label = int(level.parents[label])
        return names

    def _near(self, unit: NDArray[np.float32], n: int) -> list[dict[str, Any]]:
        """Return the sentences that are nearest to a vector, the first of them with their texts."""
        scores, rows = self.index.nearest(unit[None], min(n, len(self.index)))
        found: list[dict[str, Any]] = []
        for score, row in zip(scores[0].tolist(), rows[0].tolist(), strict=True):
            if row < 0:
                continue
            hit: dict[str, Any] = {"place": self.map.place_of(row), "score": rounded(score, 4)}
            if len(found) < HITS_WITH_TEXT:
                file, line = self.index.rows.place(row)
                hit |= {"sentence": self.index.rows.sentence(row), "file": file, "line": line}
            found.append(hit)
        return found

    def _numbers(self, places: list[int]) -> list[int]:
        """Return the numbers of the sentences at some places."""
        n = len(self.map.rows)
        wrong = next((place for place in places if not 0 <= place < n), None)
        if wrong is not None:
            raise ValueError(f"the map has {n:,} points, but none with number {wrong}")
        return self.map.numbers[places].tolist() if places else []

    def _selected(self, selected: str) -> NDArray[np.intp]:
        """Return the numbers of the sentences selected by the bits, in ascending order."""
        n = len(self.map.rows)
        try:
            given = np.frombuffer(base64.b64decode(selected, validate=True), np.uint8)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the selection must be bits in base64") from error
        if len(given) != -(-n // 8):
            raise ValueError(f"a selection needs a bit for each of {n:,} points, but this one has {8 * len(given):,}")
        return np.sort(self.map.numbers[np.unpackbits(given, count=n, bitorder="little").view(bool)])


def _columns_of(metadata: Any, n: int) -> dict[str, list[Any]]:
    """Return columns of `n` values each."""
    records = given_records(None, metadata)
    if records is None:
        return {}
    if len(records) != n:
        what = f"{metadata} has" if isinstance(metadata, (str, os.PathLike)) else "the metadata has"
        raise ValueError(f"{what} {len(records):,} rows, but the index has {n:,} sentences; give one row for each")
    return {name: column.tolist() for name, column in records.typed({}).items()}


def _csv_lines(names: list[str], entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(entry)
    yield buffer.getvalue()


def packed(header: dict[str, Any], **arrays: NDArray[Any]) -> bytes:
    """Return a header in JSON and arrays as bytes: its length, the header, and each array at a multiple of 8 bytes.

    ``arrays`` in the header lists the name, dtype and number of items of each.
    """
    described = [[name, array.dtype.name, array.size] for name, array in arrays.items()]
    content = json.dumps({**header, "arrays": described}, ensure_ascii=False, separators=(",", ":"))
    text = encodable(content).encode()
    parts = [len(text).to_bytes(4, "little") + text]
    parts += [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for array in arrays.values()]
    return b"".join(part + bytes(-len(part) % 8) for part in parts)
