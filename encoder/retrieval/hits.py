"""Sentences found by a search, and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from w2v.display.frames import data_frame
from w2v.display.html import html_table

if TYPE_CHECKING:
    from pandas import DataFrame

    from w2v.corpora.tables.typed import Value

_NEVER = object()
SCORES = ("bm25", "fused", "reranked")
"""Fields of a `Hit` with scores other than the similarity, in the order in which a search computes them."""
_SHOWN = ("sentence", "similarity", "line", "file", "metadata")


class Hit(NamedTuple):
    """A sentence found by a search.

    Attributes
    ----------
    sentence : str
    similarity : float
        Cosine of its stored vector with the query's vector.
    line : int
        Its line in the file, from 1; for texts added by a program, its position among them, from 1. For equal
        sentences, the line of the first.
    file : str
        The file; empty for texts added by a program.
    id : str, int or None
        Its id; None if it has none.
    metadata : dict or None
        The values of its columns, None for missing values; None if the index has no columns.
    shard : str
        The folder of its index, if several indexes are searched together.
    bm25 : float or None
        BM25 score of the words it shares with the query, in a search by words; see
        `w2v.encoder.retrieval.hybrid.words.WordIndex`.
    fused : float or None
        Both scores combined, in a search by vectors and words; see `w2v.encoder.retrieval.hybrid.fusion.fuse`.
    reranked : float or None
        Score from a cross-encoder, if the search used one to rerank.
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
        """Return its fields as a dict, without the unset ones."""
        optional = self._field_defaults
        return {name: value for name, value in self._asdict().items() if value != optional.get(name, _NEVER)}


def column_name(name: str) -> str:
    """Return the name of a metadata column among the fields of hits."""
    return f"metadata.{name}" if name in Hit._fields else name


class Hits(list[Hit]):
    """The results of a query, nearest first: a list that notebooks show as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame of the fields that the hits have and of their metadata columns.

        A column with the name of a field is called ``metadata.NAME``. ImportError without pandas.
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
    """A sentence and its source; see `Hit`.

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
    """Format a metadata value, or a score, for a table."""
    if is_score and isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
