"""`WordIndex`: finds the sentences that contain the words of a query, ranked by BM25 with the library bm25s.

Its arrays and its vocabulary are in a subfolder of the index, as .npy and JSON files. They can be derived from the
sentences, so anything missing, damaged or out of date is rebuilt.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.tokenizers import Tokenizer
from w2v.encoder.model.lookup import WordLookup
from w2v.encoding.vocabulary import Vocabulary
from w2v.lazy import load_optional
from w2v.storage.files import ModelError, atomic_folder, reading
from w2v.vectors.model_folder import encode_json, parse_json
from w2v.vectors.ranking import best_rows

K1, B = 1.5, 0.75
"""Saturation of repeated words, and strength of the length normalisation; the defaults of the library."""

_STAMP = "words.json"
_VERSION = 1
_ARRAYS = ("data", "indices", "indptr")
_PASSES = 4
"""Passes over all sentences: one by the tokenizer, then one each to measure, count and score."""

Progress = Callable[[str, int, "int | None"], None]


def import_bm25s() -> Any:
    """Return the library; the ImportError explains how to install it."""
    return load_optional("bm25s", "searching by words requires the package bm25s: pip install 'w2v-toolkit[search]'")


class WordIndex:
    """Scores sentences by the words they share with a query [1]_.

    The score of a sentence is the sum, over the words w of the query, of ::

        idf(w) · f / (f + K1 · (1 − B + B · length / mean length)),   idf(w) = ln(1 + (N − n + ½) / (n + ½))

    where f is the number of times w occurs in the sentence, n the number of sentences that contain w, N the number of
    sentences, and lengths are counted in words. This is the variant of Lucene [2]_.

    Parameters
    ----------
    lookup : WordLookup
        Splits queries into words, as it did the sentences.
    library : bm25s.BM25
        An index that has been built or loaded.

    References
    ----------
    .. [1] Robertson and Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond.
    .. [2] Kamphuis, de Vries, Boytsov and Lin 2020, Which BM25 Do You Mean? A Large-Scale Reproducibility Study of
       Scoring Variants, ECIR; Lù 2024, BM25S, arXiv:2407.03618, is the library.
    """

    def __init__(self, lookup: WordLookup, library: Any) -> None:
        self._lookup, self._library = lookup, library

    def __len__(self) -> int:
        return int(self._library.scores["num_docs"])

    @classmethod
    def build(
        cls,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        batches: Iterable[list[str]],
        n_sentences: int,
        progress: Progress | None = None,
    ) -> WordIndex:
        """Index sentences by their words.

        Parameters
        ----------
        vocabulary : Vocabulary
            The words with the fastest lookup; other words are indexed as well.
        tokenizer : Tokenizer
            Its special tokens are not indexed.
        batches : iterable of list of str
            All sentences, in batches.
        n_sentences : int
            N, the number of sentences.
        progress : callable, optional
            Called with the name of the step, the amount done and the total.

        Raises
        ------
        ImportError
            If bm25s is not installed.
        """
        library = import_bm25s().BM25(k1=K1, b=B, method="lucene", csc_backend="scipy")
        lookup = _lookup(vocabulary, tokenizer)
        told = None if progress is None else _Told(progress, _PASSES * n_sentences)
        texts = _read(lookup, batches, told)
        with np.errstate(invalid="ignore"):  # if no sentence has a word
            library.index(texts, create_empty_token=False, show_progress=False)
        return cls(lookup, library)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Return the score of every sentence, shape (N,), float32; 0 if it contains no word of the query."""
        ids = self._library.get_tokens_ids(self._words(query))
        if not ids:
            return np.zeros(len(self), np.float32)
        scores: NDArray[np.float32] = self._library.get_scores_from_ids(ids)
        return scores

    def best(
        self, query: str, n: int, chosen: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the best scores of sentences that contain a word of the query, in descending order, and their rows.

        Ties are in row order. `chosen`, shape (N,), selects the sentences to search; word weights are still those of
        all sentences.
        """
        scores = self.scores(query)
        is_found = scores > 0 if chosen is None else (scores > 0) & chosen
        rows = best_rows(np.where(is_found, scores, -np.inf).astype(np.float32), n)
        return scores[rows], rows

    def knows(self, query: str) -> bool:
        """Return whether any sentence contains a word of the query."""
        return bool(self._library.get_tokens_ids(self._words(query)))

    def _words(self, query: str) -> list[str]:
        [words] = self._lookup.words_of(self._lookup.find([query], with_unknown=True))
        return words

    def save(self, folder: Path, of: str) -> None:
        """Save the index, replacing a previous one; `of` identifies the indexed sentences.

        Raises ModelError or OSError if that fails.
        """
        folder.parent.mkdir(exist_ok=True)
        with atomic_folder(folder, replace=True) as new:
            self._library.save(new, allow_pickle=False, show_progress=False)
            (new / _STAMP).write_bytes(encode_json(_stamp(len(self), of)))
            for name in os.listdir(new):
                with reading(new / name) as file:
                    os.fsync(file.fileno())

    @classmethod
    def load(
        cls, folder: Path, vocabulary: Vocabulary, tokenizer: Tokenizer, n_sentences: int, of: str
    ) -> WordIndex | None:
        """Return the saved index, memory-mapped; None if there is none for these sentences, or it is damaged.

        Raises
        ------
        ImportError
            If bm25s is not installed.
        """
        library = import_bm25s()
        try:
            if parse_json(folder / _STAMP) != _stamp(n_sentences, of):
                return None
            loaded = library.BM25.load(folder, mmap=True, allow_pickle=False, show_progress=False)
            _check(loaded, n_sentences)
        except (ModelError, OSError, ValueError, TypeError, KeyError):  # the files may have been changed by hand
            return None
        return cls(_lookup(vocabulary, tokenizer), loaded)


def _stamp(n_sentences: int, of: str) -> dict[str, Any]:
    """Return the values that decide whether a saved index can be used."""
    return {"version": _VERSION, "sentences": n_sentences, "of": of, "k1": K1, "b": B}


def _check(library: Any, n_sentences: int) -> None:
    """Raise ValueError if loaded arrays are inconsistent."""
    data, indices, indptr = (library.scores[name] for name in _ARRAYS)
    ids = set(library.vocab_dict.values())
    is_whole = (
        library.scores["num_docs"] == n_sentences
        and data.dtype == np.float32
        and data.shape == indices.shape == (int(indptr[-1]),)
        and indptr[0] == 0
        and (np.diff(indptr) >= 0).all()
        and ids == set(range(len(indptr) - 1))
        and (not len(indices) or (indices.min() >= 0 and indices.max() < n_sentences))
    )
    if not is_whole:
        raise ValueError("the arrays do not fit together")


def _lookup(vocabulary: Vocabulary, tokenizer: Tokenizer) -> WordLookup:
    """Return the lookup that splits texts into words; subword tokens come without special ones or truncation."""
    if isinstance(tokenizer, PiecesTokenizer):
        tokenizer = replace(tokenizer, special=False, max_tokens=None, keep_unknown=False)
    return WordLookup(vocabulary, tokenizer)


@dataclass
class _Told:
    """Reports progress over the passes through the sentences."""

    progress: Progress
    total: int
    done: int = 0

    def add(self, n: int) -> None:
        self.done += n
        self.progress("indexing words", min(self.done, self.total), self.total)


@dataclass
class _Texts:
    """The sentences in the library's form: word numbers, kept in one array until they are iterated over."""

    flat: NDArray[np.int32]
    offsets: NDArray[np.int64]
    vocab: dict[str, int]
    told: _Told | None

    @property
    def ids(self) -> _Texts:
        return self

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, len(self), 1 << 12):
            borders = self.offsets[start : start + (1 << 12) + 1]
            numbers, ends = self.flat[borders[0] : borders[-1]].tolist(), (borders - borders[0]).tolist()
            for first, last in zip(ends, ends[1:], strict=False):
                yield numbers[first:last]
            if self.told is not None:
                self.told.add(len(ends) - 1)


def _read(lookup: WordLookup, batches: Iterable[list[str]], told: _Told | None) -> _Texts:
    """Return the words of all sentences as consecutive numbers, and the word for each number."""
    known = lookup.vocabulary.index_to_key
    further: dict[str, int] = {}
    parts: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    lengths: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    for batch in batches:
        found = lookup.find(batch, with_unknown=True)
        numbers = [further.setdefault(word, len(known) + len(further)) for word in found.unknown]
        ids = found.ids
        if numbers:
            ids = np.where(ids < 0, np.array(numbers, np.int32)[-1 - np.minimum(ids, -1)], ids)
        parts.append(ids)
        lengths.append(np.diff(found.offsets))
        if told is not None:
            told.add(len(batch))
    used, flat = np.unique(np.concatenate(parts), return_inverse=True)
    names = list(further)
    words = [known[number] if number < len(known) else names[number - len(known)] for number in used.tolist()]
    vocab = {word: number for number, word in enumerate(words)}
    return _Texts(flat.astype(np.int32), np.cumsum(np.concatenate(lengths)), vocab, told)
