"""What can be searched for the nearest sentences: an index, or several as one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import one_column
from w2v.encoder.model.inference import Output
from w2v.encoder.retrieval.hits import Hit
from w2v.encoder.retrieval.index.building import Makes
from w2v.encoder.retrieval.index.pictures import Maker, inference_of
from w2v.encoder.retrieval.index.searching import Where, unit_vectors
from w2v.settings.habits import Answering, also_called


class Searchable(Answering):
    """Sentences that are searched by what one encoder makes of a query."""

    def __init__(self, state: Maker, dimension: int, workers: int | None) -> None:
        self._state, self._dimension, self._workers = state, dimension, workers
        self._inference: Makes | None = None

    @property
    def state(self) -> Maker:
        """The encoder, or the classifier of pictures."""
        return self._state

    @property
    def inference(self) -> Makes:
        """What encodes queries and further sentences."""
        if self._inference is None:
            self._inference = inference_of(self._state, self._workers)
        return self._inference

    @overload
    def search(self, queries: str, *, top_n: int = ..., exact: bool = ..., where: Where | None = ...) -> list[Hit]: ...
    @overload
    def search(
        self, queries: list[str], *, top_n: int = ..., exact: bool = ..., where: Where | None = ...
    ) -> list[list[Hit]]: ...
    @also_called(top_k="top_n", topn="top_n", k="top_n", n_results="top_n", filter="where")
    def search(
        self, queries: str | list[str], *, top_n: int = 10, exact: bool = False, where: Where | None = None
    ) -> list[Hit] | list[list[Hit]]:
        """Find the sentences that are nearest to one query, or to each of many.

        Parameters
        ----------
        queries : str or list of str
        top_n : int, default 10
            How many to find; equal sentences come once, as the first of them.
        exact : bool, default False
            Look at every sentence even if there are graphs.
        where : str, sequence of bool, or callable, optional
            Search only some sentences: those of which a condition on their metadata is true, such as
            ``"year >= 2000 and lang in ('de', 'fr')"`` (see `w2v.encoder.retrieval.index.records.where`), one truth
            value for each sentence in their order, or a function of the dict of a sentence's id and metadata. Of up to
            a million such each is looked at, so that what is found is exact.

        Returns
        -------
        list of Hit, or a list of them for each query
            The nearest first. A query of many without a known word finds nothing.

        Raises
        ------
        ValueError
            If no word of a single query is known, `top_n` is below 1, or the condition cannot be understood.
        ModelError
            If the index is damaged.
        ImportError
            If there are graphs, usearch is not installed, and `exact` is False.
        """
        if isinstance(queries, str):
            [vector] = self.encode([queries])
            if not vector.any():
                raise ValueError(f"no word of the query {queries!r:.80} is known to the encoder")
            return self._find(vector[None], [queries], top_n, exact, where)[0]
        texts = list(one_column(queries))
        return self._find(self.encode(texts), texts, top_n, exact, where)

    def search_vectors(
        self, vectors: NDArray[Any], *, top_n: int = 10, exact: bool = False, where: Where | None = None
    ) -> list[list[Hit]]:
        """Find the sentences that are nearest to each vector, shape (Q, d), of any length but 0; see `search`.

        Raises
        ------
        TypeError
            If they are no numbers.
        ValueError
            If a vector has another width or is not finite.
        """
        return self._find(unit_vectors(vectors, self._dimension), None, top_n, exact, where)

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of sentences, shape (S, d), of length 1; zeros for those without a known word."""
        output = Output(truncate_dim=self._dimension)
        vectors: NDArray[np.float32] = self.inference.encode(list(one_column(sentences)), output)
        return vectors

    @abstractmethod
    def _find(
        self, units: NDArray[np.float32], texts: list[str] | None, top_n: int, exact: bool, where: Where | None
    ) -> list[list[Hit]]:
        """Find what is nearest to vectors of length 1, or 0, of texts if these are known."""
