"""The words known to an encoder, and sentences of a text, nearest to a word, phrase or sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from w2v.display.frames import frame_of
from w2v.display.html import html_bar, html_table
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.retrieval.similar import similar_sentences
from w2v.settings.constraints import Integer
from w2v.settings.tables import MANY
from w2v.vectors.ranking import top_rows
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from pandas import DataFrame

_TOP_N = Integer("How many.", 1, MANY)


class NearText(NamedTuple):
    """A word or a sentence and its similarity to a query.

    Attributes
    ----------
    text : str
    similarity : float
        Cosine of its vector with the query's.
    line : int or None
        For a sentence, its number in the texts, from 1; None for a word.
    """

    text: str
    similarity: float
    line: int | None


class NearTexts(list[NearText]):
    """Words and sentences, nearest first: a list that notebooks show as a table.

    Attributes
    ----------
    unknown : list of str
        Words of the query that the encoder does not know; they were ignored.
    """

    def __init__(self, found: list[NearText], unknown: list[str]) -> None:
        super().__init__(found)
        self.unknown = unknown

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.unknown)

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `NearText` as columns; ImportError without pandas."""
        return frame_of(self, NearText._fields)

    def _repr_html_(self) -> str:
        rows = [(near.text, f"{near.similarity:.3f}", html_bar(near.similarity)) for near in self]
        return html_table(("text", ">similarity", ""), rows)


def nearest_texts(inference: Inference, query: str, *, top_n: int = 10, texts: Any = None) -> NearTexts:
    """Return the words nearest to a word, phrase or sentence, together with the sentences of a text, if given.

    Parameters
    ----------
    inference : Inference
    query : str
        It is encoded by the encoder: without a network, as the weighted sum of its word vectors.
    top_n : int, default 10
        At least 1.
    texts : path, list of path-like, TextReader or iterable of str, optional
        Sentences to search as well; see `w2v.encoder.retrieval.similar.similar_sentences`.

    Returns
    -------
    NearTexts
        Without the query and its words.

    Raises
    ------
    ValueError
        If no word of the query is known, `top_n` is not a whole number of at least 1, or the texts have no lines.
    TypeError
        If the query is not a str.
    """
    if not isinstance(query, str):
        raise TypeError(f"the query must be a str, not {type(query).__name__}: {query!r:.60}")
    _TOP_N.check("topn", top_n)
    state, lookup = inference.state, inference.rows.lookup
    found = lookup.find([query], with_unknown=True)
    vector = inference.encode([query], Output())
    if not vector.any():
        raise ValueError(f"no word of {query!r:.80} is known to the encoder")
    own = set(lookup.words_of(found)[0]) | {query}
    words = state.vocabulary.index_to_key
    if state.network is None and state.pooling.is_linear and not state.blocks:
        table = VectorTable(state.table)
    else:
        table = VectorTable(inference.encode(words, Output()))
    scores, rows = top_rows(vector, table, slice(0, len(words)), top_n + len(own))
    near = [
        NearText(words[row], score, None)
        for row, score in zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        if row >= 0 and words[row] not in own
    ]
    if texts is not None:
        lines = similar_sentences(inference, query, texts, top_n=top_n)
        near = sorted([*near, *(NearText(*line) for line in lines)], key=lambda each: -each.similarity)
    return NearTexts(near[:top_n], [] if state.has_unknown else found.unknown)
