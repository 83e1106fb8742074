"""Starting a training from vectors that are given, such as those of a larger corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.settings.parameters import Parameters
from w2v.training.tables import Composition, Tables, layout
from w2v.vectors.embeddings import Embeddings

_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class InitialVectors:
    """Vectors that known words start from, and whether these stay as they are.

    Attributes
    ----------
    embeddings : Embeddings
        Of any origin. With `subwords` in the training, vectors of n-grams are taken over too if they are cut and
        numbered the same way; otherwise a word's own row starts from its vector, as in fastText.
    freeze : bool, default False
        Leave the rows of known words as they are and train those of the others, and the output vectors, around them.
    """

    embeddings: Embeddings
    freeze: bool = False

    def check(self, parameters: Parameters) -> None:
        """Raise ValueError if a training with these parameters cannot start from here."""
        if self.embeddings.vector_size != parameters.vector_size:
            raise ValueError(
                f"the initial vectors have {self.embeddings.vector_size} dimensions, not {parameters.vector_size}: "
                f"give vector_size={self.embeddings.vector_size}"
            )
        if self.freeze and parameters.subwords:
            raise ValueError("freeze and subwords exclude each other: n-grams move the vectors of all words")

    def start(self, parameters: Parameters, vocabulary: Vocabulary, seed: int) -> Tables:
        """Return the tables that training starts from.

        Raises
        ------
        ValueError
            If no word of the vocabulary has an initial vector.
        """
        rows = np.fromiter(
            (self.embeddings.key_to_index.get(word, -1) for word in vocabulary), np.int64, len(vocabulary)
        )
        known = np.flatnonzero(rows >= 0)
        if not len(known):
            raise ValueError("no word of the corpus has an initial vector: are the words written the same way?")
        tables = Tables.random(
            len(vocabulary),
            parameters.vector_size,
            seed,
            **layout(parameters, vocabulary, frozen=rows >= 0 if self.freeze else None),
        )
        for start in range(0, len(known), _ROWS_AT_ONCE):
            words = known[start : start + _ROWS_AT_ONCE]
            tables.input_rows[words] = self.embeddings.vectors[rows[words]]
        if parameters.subwords and tables.composition is not None:
            self._start_ngrams(parameters, tables, tables.composition, vocabulary, known)
        return tables

    def _start_ngrams(
        self,
        parameters: Parameters,
        tables: Tables,
        composition: Composition,
        vocabulary: Vocabulary,
        known: NDArray[np.int64],
    ) -> None:
        """Take over the vectors of n-grams, and set own rows so that known words have their vectors."""
        given = self.embeddings.subwords
        if given is None:
            return
        cut = given.subwords
        if (cut.min_n, cut.max_n, cut.buckets) != (parameters.min_n, parameters.max_n, parameters.buckets):
            return
        places = given.places(composition.buckets)
        tables.ngram_vectors[places >= 0] = given.ngram_vectors[places[places >= 0]]
        words = [vocabulary.index_to_key[row] for row in known.tolist()]
        tables.input_rows[known] = given.own_vectors(words, tables.input_rows[known])
