"""Find pairs of sentences in two texts with nearly the same meaning, for training or as translations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from w2v.corpora.pivots import word_overlap
from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS
from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.encoder.retrieval.hits import Place
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.changes.rewriting import Stored, check_alike
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.index.storage import is_index
from w2v.encoder.retrieval.mining.duplicates import EXACT_ROWS, first_equal_rows, threads
from w2v.encoder.retrieval.mining.margins import margin_pairs, match_rows, nearest_both_ways, rows_by_cells
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.settings.constraints import DEFAULT_SEED, whole_number
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start


class MinedPair(NamedTuple):
    """Two matching sentences.

    Attributes
    ----------
    margin : float
        Their cosine divided by the mean cosine with their nearest sentences.
    similarity : float
        Their cosine.
    first, second : Place
    """

    margin: float
    similarity: float
    first: Place
    second: Place


def mine_pairs(
    first: Any,
    second: Any,
    encoder: SentenceEncoder | Start | None = None,
    *,
    threshold: float = 1.1,
    min_similarity: float = 0.6,
    max_overlap: float = 0.8,
    min_words: int = MIN_TOKENS,
    max_words: int = MAX_TOKENS,
    n_neighbors: int = 4,
    exact: bool | None = None,
    splits: bool = False,
    tokenizer: Tokenizer | None = None,
    workers: int | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> Iterator[MinedPair]:
    """Find pairs of sentences in two texts that are much nearer to each other than to others; see `mining.margins`.

    Parameters
    ----------
    first, second : SentenceIndex, path, list of path-like, TextReader or iterable of str
        Texts, or indexes of the same encoder; see `opened_sentences`.
    encoder : SentenceEncoder, EncoderState, Embeddings, str or path-like, optional
        Computes the vectors of texts; only for two texts, because an index brings its own.
    threshold : float, default 1.1
        Least margin of a pair.
    min_similarity : float, default 0.6
        Least cosine of a pair, above -1 and at most 1.
    max_overlap : float, default 0.8
        Leave out pairs with a larger `word_overlap`, which add little for training; 1 keeps them all.
    min_words, max_words : int, default 5 and 40
        Leave out pairs with a shorter or longer sentence.
    n_neighbors : int, default 4
        k of the margin. A pair is found if either sentence is among the k nearest of the other.
    exact : bool, optional
        Compare all sentences with each other, or only those near the same cluster centres, which misses a few; by
        default all, if both texts have at most `EXACT_ROWS` distinct sentences.
    splits, workers, progress
        See `opened_sentences`.
    tokenizer : Tokenizer, default WordsTokenizer()
        Splits sentences into words for `max_overlap`, `min_words` and `max_words`.
    seed : int, default 1
        Seed of the cluster centres.

    Yields
    ------
    MinedPair
        By decreasing margin. A sentence occurs in at most one pair; of equal sentences, only the first is used.

    Raises
    ------
    ValueError
        If a number is out of range, or the texts have vectors of different widths; also as for `opened_sentences`.
    CorpusError, ModelError
        As for `opened_sentences`; also if two indexes come from different encoders.

    Notes
    -----
    Memory is about 24 `n_neighbors` + 50 bytes per sentence. Vectors of texts are kept in the system's temporary
    folder.
    """
    _check(threshold, min_similarity, max_overlap, (1, min_words, max_words), n_neighbors)
    tokenize = WordsTokenizer() if tokenizer is None else tokenizer
    with ExitStack() as opened:
        how: dict[str, Any] = {"by_words": False, "workers": workers, "progress": progress}
        indexes = _open(opened, (first, second), encoder, {"splits": splits}, how)
        tables = [index.table for index in indexes]
        if tables[0].shape[1] != tables[1].shape[1]:
            raise ValueError(
                f"the two texts have vectors of {tables[0].shape[1]} and {tables[1].shape[1]} columns; encode both "
                "with the same encoder"
            )
        if _is_index(first) and _is_index(second):
            check_alike([Stored.read(index.path) for index in indexes], by_dtype=False)
        rows = [_distinct(table) for table in tables]
        if exact is None:
            exact = max(map(len, rows)) <= EXACT_ROWS
        parts = [(rows[0], rows[1])]
        if not exact:
            told = None if progress is None else partial(progress, "clustering")
            parts = rows_by_cells(tables[0], tables[1], rows[0], rows[1], seed, told)
        total = sum(len(own) * len(other) for own, other in parts)

        def tell(done: int) -> None:
            if progress is not None:
                progress("comparing", done, total)

        with threads(workers) as pool:
            nearest = nearest_both_ways(tables[0], tables[1], parts, n_neighbors, pool, tell)

        def is_wanted(*chosen: int) -> bool:
            words = [tokenize(index[row]) for index, row in zip(indexes, chosen, strict=True)]
            if not all(min_words <= len(one) <= max_words for one in words):
                return False
            return max_overlap == 1 or word_overlap(*words) <= max_overlap

        pairs = margin_pairs(*nearest, threshold=threshold, min_similarity=min_similarity)
        for one, other, cosine, margin in match_rows(pairs, is_wanted):
            yield MinedPair(margin, cosine, indexes[0].place(one), indexes[1].place(other))


def _open(
    opened: ExitStack, sources: tuple[Any, Any], encoder: Any, of_texts: dict[str, Any], how: dict[str, Any]
) -> list[SentenceIndex]:
    """Open two texts or indexes; if one is an index, its encoder encodes the other, if that is a text."""
    found = {
        place: opened.enter_context(opened_sentences(source, **how))
        for place, source in enumerate(sources)
        if _is_index(source)
    }
    columns = None
    for index in found.values():
        if encoder is not None:
            raise ValueError(
                f"{index.path} is an index with its own encoder, which encodes a text to compare with it as well; "
                "give no model"
            )
        columns = index.contents.dimension
    if len(found) == len(sources) and of_texts["splits"]:
        raise ValueError("both are indexes, whose sentences are split already; leave out splits")
    own = next((index.state for index in found.values()), encoder)
    for place in {0, 1} - found.keys():
        of_text = how | of_texts | {"encoder": own, "truncate_dim": columns}
        found[place] = opened.enter_context(opened_sentences(sources[place], **of_text))
    return [found[0], found[1]]


def _is_index(source: Any) -> bool:
    is_path = isinstance(source, (str, os.PathLike))
    return isinstance(source, SentenceIndex) or (is_path and os.path.isdir(source) and is_index(source))


def _distinct(table: VectorTable) -> np.ndarray[Any, np.dtype[np.int64]]:
    first = first_equal_rows(table)
    return np.flatnonzero(first == np.arange(len(first)))


def _check(
    threshold: float, min_similarity: float, max_overlap: float, words: tuple[int, ...], n_neighbors: int
) -> None:
    if not threshold > 0:
        raise ValueError(f"threshold must be above 0, not {threshold}")
    if not -1 < min_similarity <= 1:
        raise ValueError(f"min_similarity must be above -1 and at most 1, not {min_similarity}")
    if not 0 < max_overlap <= 1:
        raise ValueError(f"max_overlap must be above 0 and at most 1, not {max_overlap}")
    if list(words) != sorted(words):
        raise ValueError(f"min_words must be at least 1 and at most max_words, not {words[1]} and {words[2]}")
    whole_number("n_neighbors", n_neighbors, 1)
