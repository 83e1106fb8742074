"""Sentences that were found, and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from w2v.display.frames import data_frame
from w2v.display.html import html_table

if TYPE_CHECKING:
    from pandas import DataFrame

    from w2v.corpora.tables.typed import Value

_NEVER = object()
SCORES = ("bm25", "fused", "reranked")
"""Fields of a `Hit` that are scores beside its similarity, in the order in which searches make them."""
_SHOWN = ("sentence", "similarity", "line", "file", "metadata")


class Hit(NamedTuple):
    """A sentence that was found.

    Attributes
    ----------
    sentence : str
    similarity : float
        Cosine of its vector, as it is stored, with the query's.
    line : int
        Its line in the file, from 1; its place, from 1, among the texts that a program has added. Of equal sentences
        the first.
    file : str
        The file; empty for texts that a program has added.
    id : str, int or None
        Its id, if it has one.
    metadata : dict or None
        The values of its columns, None where they are missing; None if the index has no columns.
    shard : str
        The folder of the index, where several are searched as one.
    bm25 : float or None
        How much the words that it shares with the query weigh, in a search by words; see
        `w2v.encoder.retrieval.hybrid.words.WordIndex`.
    fused : float or None
        Both scores in one, in a search by vectors and words; see `w2v.encoder.retrieval.hybrid.fusion.fuse`.
    reranked : float or None
        The score of a cross-encoder, if one has read it together with the query.
    """

    sentence: str
    similarity: float
    line: int
    file: str
    id: str | int | None = None
    metadata: dict[str, Value] | None = None
    shard: str = ""
    bm25: float | None = None
    fused: float | None = None
    reranked: float | None = None

    def __repr__(self) -> str:
        return f"Hit({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def to_dict(self) -> dict[str, Any]:
        """Return its fields by their names, without those that it does not have."""
        optional = self._field_defaults
        return {name: value for name, value in self._asdict().items() if value != optional.get(name, _NEVER)}


def column_name(name: str) -> str:
    """Return what a column of metadata is called among the fields of hits."""
    return f"metadata.{name}" if name in Hit._fields else name


class Hits(list[Hit]):
    """What a query has found, the nearest first: a list, which a notebook shows as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame of the fields that hits have, and of the columns of their metadata.

        A column that is called as a field is ``metadata.NAME``. ImportError without pandas.
        """
        has = dict.fromkeys(name for hit in self for name in hit.to_dict()) or dict.fromkeys(Hit._fields[:4])
        frame = {name: [getattr(hit, name) for hit in self] for name in Hit._fields if name in has}
        frame.pop("metadata", None)
        for name in dict.fromkeys(name for hit in self for name in hit.metadata or {}):
            frame[column_name(name)] = [(hit.metadata or {}).get(name) for hit in self]
        return data_frame(frame)

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for hit in self for name in hit.to_dict() if name not in _SHOWN))
        columns = list(dict.fromkeys(name for hit in self for name in hit.metadata or {}))
        rows = [
            (
                f"{hit.similarity:.3f}", hit.sentence, f"{hit.line:,}", hit.file,
                *(in_cell(getattr(hit, name), is_score=name in SCORES) for name in names),
                *(in_cell((hit.metadata or {}).get(name)) for name in columns),
            )
            for hit in self
        ]  # fmt: skip
        return html_table((">similarity", "sentence", ">line", "file", *names, *columns), rows)


class Place(NamedTuple):
    """A sentence and where it came from; see `Hit`.

    Attributes
    ----------
    sentence : str
    line : int
    file : str
    """

    sentence: str
    line: int
    file: str


def in_cell(value: Value, *, is_score: bool = False) -> str:
    """Return a value of metadata, or a score, as a table shows it."""
    if is_score and isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
