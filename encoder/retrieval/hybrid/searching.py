"""Search one index by words, alone or together with a search by vectors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from w2v.display.progress import mode_of, show_progress
from w2v.encoder.model.state import EncoderState
from w2v.encoder.retrieval.hits import Hit
from w2v.encoder.retrieval.hybrid.words import Progress, WordIndex
from w2v.storage.files import ModelError
from w2v.vectors.ranking import best_rows
from w2v.vectors.table import VectorTable

By = Literal["vectors", "words", "both"]
"""What a search ranks by."""
WAYS: tuple[By, ...] = get_args(By)

_REPEATS = 8  # expected number of equal sentences among the best


class Stored(Protocol):
    """The rows of an index; see `w2v.encoder.retrieval.index.rows.Rows`."""

    table: VectorTable
    positions: NDArray[np.int64]
    live: NDArray[np.bool_] | None

    def all(self) -> Iterator[tuple[int, list[str]]]:
        """Yield all sentences in batches, removed ones included, each batch with its first row."""

    def sentence(self, row: int) -> str:
        """Return the sentence of a row."""


class Searched(Protocol):
    """An index that can be searched by vectors; see `w2v.encoder.retrieval.index.searching.Searcher`."""

    @property
    def rows(self) -> Stored:
        """The sentences and their vectors."""

    def find_rows(
        self,
        units: NDArray[np.float32],
        texts: list[str] | None,
        top_n: int,
        exact: bool,
        chosen: NDArray[np.bool_] | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return for each vector the nearest rows and their cosines; equal sentences appear once."""

    def hit(self, row: int, score: float) -> Hit:
        """Return the hit for a row."""


class WordsNotKeptWarning(UserWarning):
    """The word index cannot be saved in its index's folder, so it has to be rebuilt for the next search."""


def open_words(
    folder: Path, state: EncoderState, rows: Stored, progress: Progress | bool | str | None = None
) -> WordIndex:
    """Return the word index of all rows: the saved one, or a new one, which is saved in the folder.

    ImportError if bm25s is missing; a `WordsNotKeptWarning` gives the reason if it could not be saved.
    """
    n_rows, of = len(rows.positions), blake2b(rows.positions.data, digest_size=16).hexdigest()
    found = WordIndex.load(folder, state.vocabulary, state.tokenizer, n_rows, of)
    if found is not None:
        return found
    batches = (sentences for _, sentences in rows.all())
    with _told(progress) as told:
        built = WordIndex.build(state.vocabulary, state.tokenizer, batches, n_rows, told)
    try:
        built.save(folder, of)
    except (ModelError, OSError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        message = f"the word index cannot be saved in {folder}, so the next search by words builds it again: {reason}"
        warnings.warn(WordsNotKeptWarning(message), stacklevel=2)
    return built


@contextmanager
def _told(progress: Progress | bool | str | None) -> Iterator[Progress | None]:
    """Show progress as the user has chosen; yield the function to call."""
    if callable(progress):
        yield progress
        return
    with show_progress(mode_of(progress), "indexing words") as update:
        yield update


def find_candidates(
    searcher: Searched,
    words: WordIndex,
    texts: list[str],
    units: NDArray[np.float32],
    by: By,
    n: int,
    *,
    exact: bool = False,
    chosen: NDArray[np.bool_] | None = None,
) -> list[list[Hit]]:
    """Return for each query its `n` best sentences by words and, by "both", its `n` nearest; equal sentences once.

    Every hit has both scores. `units`, shape (Q, d), are the vectors of the texts, of length 1; zero vectors find
    nothing. `exact` and `chosen` are as for `Searcher.find`.
    """
    near = searcher.find_rows(units, texts, n, exact, chosen) if by == "both" else [[] for _ in texts]
    allowed = searcher.rows.live if chosen is None else chosen
    return [
        _scored(searcher, words.scores(text), unit, its_near, n, allowed)
        for text, unit, its_near in zip(texts, units, near, strict=True)
    ]


def _scored(
    searcher: Searched,
    bm25: NDArray[np.float32],
    unit: NDArray[np.float32],
    near: Sequence[tuple[int, float]],
    n: int,
    allowed: NDArray[np.bool_] | None,
) -> list[Hit]:
    """Return the hits of a query, given its nearest rows with their cosines and the scores of all rows."""
    similarities = dict(near)
    further = [row for row in _best(searcher, bm25, n, allowed) if row not in similarities]
    cosines = searcher.rows.table.units(np.array(further, np.intp)) @ unit
    similarities |= dict(zip(further, np.clip(cosines, -1, 1).tolist(), strict=True))
    return [searcher.hit(row, similarity)._replace(bm25=float(bm25[row])) for row, similarity in similarities.items()]


def _best(searcher: Searched, bm25: NDArray[np.float32], n: int, allowed: NDArray[np.bool_] | None) -> list[int]:
    """Return the rows with the highest scores that contain a word of the query; of equal sentences, the first."""
    is_found = bm25 > 0 if allowed is None else (bm25 > 0) & allowed
    scores = np.where(is_found, bm25, np.float32(-np.inf))
    wanted = n + _REPEATS
    while True:
        rows = best_rows(scores, wanted).tolist()
        first: dict[str, int] = {}
        for row in rows:
            first.setdefault(searcher.rows.sentence(row), row)
        if len(first) >= n or len(rows) < wanted:
            return list(first.values())[:n]
        wanted *= 4
