"""Training from given initial vectors, such as those of a larger corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary, known_rows
from w2v.settings.parameters import Parameters
from w2v.training.tables import Tables, copy_rows
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.subwords import Subwords


@dataclass(frozen=True)
class InitialVectors:
    """Initial vectors of known words, and whether these stay fixed."""

    embeddings: Embeddings
    """Vectors from any source. With `subwords`, vectors of n-grams are also used if they have the same lengths and
    buckets; otherwise a word's own row starts from its vector, as in fastText."""
    freeze: bool = False
    """Keep the rows of known words fixed, and train the other rows and the output vectors."""

    def check(self, parameters: Parameters) -> None:
        """Raise ValueError if a training with these parameters cannot start from here."""
        if self.embeddings.vector_size != parameters.vector_size:
            raise ValueError(
                f"the initial vectors have {self.embeddings.vector_size} dimensions, not {parameters.vector_size}: "
                f"give vector_size={self.embeddings.vector_size}"
            )
        if parameters.objective == "glove":
            raise ValueError(
                "GloVe starts from random vectors: objective='glove' cannot be combined with initial vectors"
            )
        if self.freeze and parameters.subwords:
            raise ValueError("freeze and subwords exclude each other: n-grams move the vectors of all words")

    def start(self, parameters: Parameters, vocabulary: Vocabulary, seed: int) -> Tables:
        """Return the initial tables; raise ValueError if no word has an initial vector."""
        rows = known_rows(vocabulary.index_to_key, self.embeddings.key_to_index)
        if not (rows >= 0).any():
            raise ValueError("no word of the corpus has an initial vector: are the words written the same way?")
        tables = Tables.start(parameters, vocabulary, seed, frozen=rows >= 0 if self.freeze else None)
        copy_rows(self.embeddings.vectors, rows, tables.input_rows)
        cut = None if self.embeddings.subwords is None else self.embeddings.subwords.subwords
        if parameters.subwords and cut == Subwords(parameters.min_n, parameters.max_n, parameters.buckets):
            self._start_ngrams(tables, vocabulary, np.flatnonzero(rows >= 0))
        return tables

    def _start_ngrams(self, tables: Tables, vocabulary: Vocabulary, known: NDArray[np.int64]) -> None:
        """Copy the vectors of n-grams, and set the words' own rows so that known words have their vectors."""
        given = self.embeddings.subwords
        assert given is not None and tables.composition is not None
        copy_rows(given.ngram_vectors, given.places(tables.composition.buckets), tables.ngram_vectors)
        words = [vocabulary.index_to_key[row] for row in known.tolist()]
        tables.input_rows[known] = given.own_vectors(words, tables.input_rows[known])
