"""Find the sentences of a text nearest to one sentence, while the text is being read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text
from w2v.corpora.readers import Block
from w2v.display.frames import frame_of
from w2v.display.html import html_table
from w2v.encoder.model.inference import Inference, Output, cut_lines
from w2v.encoder.model.lookup_kernels import scale_to_unit
from w2v.encoder.retrieval.index.texts import BATCH_SENTENCES
from w2v.encoding.corpus import open_corpus
from w2v.settings.constraints import whole_number

if TYPE_CHECKING:
    from pandas import DataFrame


class SimilarSentence(NamedTuple):
    """A line of a text and its similarity to a query.

    Attributes
    ----------
    sentence : str
    similarity : float
        Cosine of its vector with the query's.
    line : int
        Its number, from 1, counted over all files. For equal lines, that of the first.
    """

    sentence: str
    similarity: float
    line: int


class SimilarSentences(list[SimilarSentence]):
    """The lines nearest to a sentence, nearest first: a list that notebooks show as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `SimilarSentence` as columns; ImportError without pandas."""
        return frame_of(self, SimilarSentence._fields)

    def _repr_html_(self) -> str:
        rows = [(f"{found.similarity:.3f}", found.sentence, f"{found.line:,}") for found in self]
        return html_table((">similarity", "sentence", ">line"), rows)


def similar_sentences(
    inference: Inference,
    query: str,
    texts: Any,
    *,
    top_n: int = 10,
    vectors: NDArray[Any] | None = None,
) -> list[SimilarSentence]:
    """Return the lines nearest to a sentence, nearest first; memory does not grow with the text.

    Parameters
    ----------
    inference : Inference
    query : str
    texts : path, list of path-like, TextReader, iterable of Block or of str
        Files with one sentence per line, or sentences. Those without a known word are skipped, and so is the query
        itself.
    top_n : int, default 10
    vectors : ndarray of shape (number of lines, d), optional
        The lines' vectors, of any length, if they have been computed before.

    Returns
    -------
    list of SimilarSentence
        At most `top_n`; equal lines appear once.

    Raises
    ------
    ValueError
        If no word of the query is known, the text has no lines, `top_n` is below 1, or the number of rows of `vectors`
        differs from that of lines.
    """
    top_n = whole_number("top_n", top_n, 1)
    [vector] = inference.encode([query], Output())
    if not vector.any():
        raise ValueError(f"no word of the sentence {query!r:.80} is known to the encoder")
    blocks = as_blocks(open_corpus(texts))
    pieces = inference.encode_blocks(blocks, Output()) if vectors is None else _with_vectors(blocks, vectors)
    best: list[SimilarSentence] = []
    n_lines = 0
    for lines, rows in pieces:
        best = _merged(best, lines, rows @ vector, n_lines, top_n, query.strip())
        n_lines += len(rows)
    if not n_lines:
        raise ValueError("the text has no lines, so there is nothing to search")
    if vectors is not None and n_lines != len(vectors):
        raise ValueError(f"there are {len(vectors):,} vectors for {n_lines:,} lines; they must come from another text")
    return SimilarSentences(best)


def as_blocks(texts: Iterable[Any]) -> Iterator[Block]:
    """Yield blocks of a text unchanged, and sentences joined to blocks, one per line.

    TypeError or ValueError, with the sentence's number from 1, if a sentence is not text.
    """
    lines: list[str] = []
    for number, text in enumerate(texts, 1):
        if isinstance(text, Block):
            yield text
            continue
        lines.append(checked_text(text, number).replace("\0", " ").replace("\n", " "))
        if len(lines) == BATCH_SENTENCES:
            yield Block("\n".join([*lines, ""]).encode(), "", 0, True)
            lines.clear()
    if lines:
        yield Block("\n".join([*lines, ""]).encode(), "", 0, True)


def _with_vectors(blocks: Iterable[Block], vectors: NDArray[Any]) -> Iterator[tuple[bytes, NDArray[np.float32]]]:
    """Yield whole lines with their vectors, scaled to length 1."""
    start = 0
    for lines in cut_lines(blocks, 1 << 14):
        n_lines = lines.count(b"\n") + (not lines.endswith(b"\n"))
        rows = vectors[start : start + n_lines].astype(np.float32)
        if len(rows) < n_lines:
            raise ValueError(f"there are only {len(vectors):,} vectors for the lines; they must come from another text")
        scale_to_unit(rows.reshape(-1), rows.shape[1])
        start += n_lines
        yield lines, rows


def _merged(
    best: list[SimilarSentence], lines: bytes, scores: NDArray[np.float32], n_before: int, top_n: int, query: str
) -> list[SimilarSentence]:
    """Return the nearest lines among those found so far and further ones."""
    least = best[-1].similarity if len(best) == top_n else -np.inf
    candidates = np.flatnonzero((scores > least) & (scores != 0))  # a line without known words scores exactly 0
    if not candidates.size:
        return best
    sentences = lines.decode().split("\n")
    texts = {found.sentence for found in best} | {query}
    added: list[SimilarSentence] = []
    for row in candidates[np.argsort(-scores[candidates], kind="stable")].tolist():
        sentence = sentences[row].strip()
        if sentence and sentence not in texts:
            texts.add(sentence)
            added.append(SimilarSentence(sentence, float(scores[row]), n_before + row + 1))
            if len(added) == top_n:
                break
    return sorted([*best, *added], key=lambda found: (-found.similarity, found.line))[:top_n]
