"""Search for the nearest sentences, in one index or in several."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import listed
from w2v.corpora.tokenizers import CallableTokenizer
from w2v.encoder.model.inference import Output
from w2v.encoder.model.state import EncoderState
from w2v.encoder.retrieval.hits import Hit, Hits
from w2v.encoder.retrieval.hybrid.fusion import by_words, distinct, fuse
from w2v.encoder.retrieval.hybrid.searching import WAYS, By
from w2v.encoder.retrieval.index.building import Makes, Progress
from w2v.encoder.retrieval.index.pictures import Maker, inference_of
from w2v.encoder.retrieval.index.searching import Where, unit_vectors
from w2v.encoder.retrieval.reranking.cross_encoder import CrossEncoder
from w2v.encoder.retrieval.reranking.reordering import rerank as reordered
from w2v.settings.constraints import whole_number
from w2v.settings.habits import Answering, also_called


class Searchable(Answering):
    """Sentences that can be searched with the vectors that one encoder computes for queries."""

    def __init__(self, state: Maker, dimension: int, workers: int | None) -> None:
        self._state, self._dimension, self._workers = state, dimension, workers
        self._inference: Makes | None = None

    def _reopening(self) -> dict[str, Any]:
        """Return the keywords with which another process opens the same folder."""
        own = getattr(self._state, "tokenizer", None)
        return {"tokenizer": own if isinstance(own, CallableTokenizer) else None, "workers": self._workers}

    @property
    def state(self) -> Maker:
        """The encoder, or the image classifier."""
        return self._state

    @property
    def inference(self) -> Makes:
        """Encodes queries and further sentences."""
        if self._inference is None:
            self._inference = inference_of(self._state, self._workers)
        return self._inference

    @overload
    def search(
        self,
        queries: str,
        *,
        top_n: int = ...,
        exact: bool = ...,
        where: Where | None = ...,
        by: By = ...,
        rerank: CrossEncoder | str | os.PathLike[str] | None = ...,
        candidates: int = ...,
        progress: Progress | bool | str | None = ...,
    ) -> list[Hit]: ...
    @overload
    def search(
        self,
        queries: list[str],
        *,
        top_n: int = ...,
        exact: bool = ...,
        where: Where | None = ...,
        by: By = ...,
        rerank: CrossEncoder | str | os.PathLike[str] | None = ...,
        candidates: int = ...,
        progress: Progress | bool | str | None = ...,
    ) -> list[list[Hit]]: ...
    @also_called(
        top_k="top_n", topn="top_n", k="top_n", n_results="top_n", filter="where", show_progress_bar="progress"
    )
    def search(
        self,
        queries: str | list[str],
        *,
        top_n: int = 10,
        exact: bool = False,
        where: Where | None = None,
        by: By = "vectors",
        rerank: CrossEncoder | str | os.PathLike[str] | None = None,
        candidates: int = 100,
        progress: Progress | bool | str | None = None,
    ) -> list[Hit] | list[list[Hit]]:
        """Find the sentences nearest to a query, or to each of several queries.

        Parameters
        ----------
        queries : str or list of str
        top_n : int, default 10
            Number of results; equal sentences are returned once, as the first of them.
        exact : bool, default False
            Compare with every sentence, even if there are graphs.
        where : str, sequence of bool, or callable, optional
            Search only some of the sentences. Give a condition on their metadata, such as
            ``"year >= 2000 and lang in ('de', 'fr')"`` (see `w2v.encoder.retrieval.index.records.where`), one boolean
            per sentence in order, or a function of the dict with a sentence's id and metadata. If at most a million
            sentences are selected, each is compared, so that results are exact.
        by : {"vectors", "words", "both"}, default "vectors"
            Search by meaning, by the words of the query (BM25), or by both with one combined ranking; see
            `w2v.encoder.retrieval.hybrid`. The first search by words indexes the words of all sentences and saves that
            in the folder.
        rerank : CrossEncoder, str or path-like, optional
            Rerank the results with this cross-encoder. Open it once if you search often.
        candidates : int, default 100
            Number of results to combine for "both", or to rerank.
        progress : bool, str or callable, optional
            True, "bar" or "log" shows progress; for a function see `Progress`.

        Returns
        -------
        list of Hit, or a list of them for each query
            Best first: by similarity, or by `Hit.bm25`, `Hit.fused` or `Hit.reranked`. In a list of queries, one
            without any known word has no results.

        Raises
        ------
        TypeError
            If `rerank` has another type, or `top_n` or `candidates` is not a whole number.
        ValueError
            If no word of a single query is known, `top_n` or `candidates` is below 1, the condition is invalid, or an
            index of pictures is searched by words or reranked.
        ModelError
            If the index is damaged, or `rerank` is not a cross-encoder.
        ImportError
            If there are graphs, `exact` is False and usearch is not installed; if bm25s is not installed for a search
            by words.

        Warns
        -----
        WordsNotKeptWarning
            If the word index cannot be saved in the folder.
        """
        top_n, candidates = whole_number("top_n", top_n, 1), whole_number("candidates", candidates, 1)
        if by not in WAYS:
            raise ValueError(f"by must be one of {', '.join(WAYS)}, not {by!r:.80}")
        if not isinstance(self._state, EncoderState) and (by != "vectors" or rerank is not None):
            raise ValueError("the index contains pictures, which have no words: search it by vectors")
        model = CrossEncoder(rerank, workers=self._workers) if isinstance(rerank, (str, os.PathLike)) else rerank
        if not isinstance(model, CrossEncoder | None):
            raise TypeError(f"rerank must be a CrossEncoder of w2v.encoder.retrieval or its folder, not {model!r:.60}")
        texts = [queries] if isinstance(queries, str) else listed(queries, "queries")
        units = self.encode(texts)
        n_found = top_n if model is None else max(top_n, candidates)
        if by == "vectors":
            found = self._find(units, texts, n_found, exact, where)
        else:
            n = max(top_n, candidates) if by == "both" else n_found
            order = fuse if by == "both" else by_words
            unordered = self._candidates(texts, units, by, n, exact, where, progress)
            found = [distinct(order(hits), n_found) for hits in unordered]
        if model is not None:
            found = [Hits(hits[:top_n]) for hits in reordered(model, texts, found, progress)]
        if not isinstance(queries, str):
            return found
        if not found[0]:
            self._check_known(queries, units[0], by)
        return found[0]

    def _check_known(self, query: str, unit: NDArray[np.float32], by: By) -> None:
        """Raise ValueError if a query had no results because none of its words is known."""
        is_known = (by != "words" and unit.any()) or (by != "vectors" and self.has_words(query))
        if not is_known:
            where = {"vectors": "known to the encoder", "words": "in the index"}
            said = where.get(by, " or ".join(where.values()))
            raise ValueError(f"no word of the query {query!r:.80} is {said}")

    @also_called(top_k="top_n", topn="top_n", k="top_n", n_results="top_n", filter="where")
    def search_vectors(
        self, vectors: NDArray[Any], *, top_n: int = 10, exact: bool = False, where: Where | None = None
    ) -> list[list[Hit]]:
        """Find the sentences nearest to each vector, shape (Q, d), of any length but 0; see `search`.

        Raises
        ------
        TypeError
            If the vectors are not numbers.
        ValueError
            If a vector has a different width or is not finite.
        """
        return self._find(unit_vectors(vectors, self._dimension), None, top_n, exact, where)

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of sentences, shape (S, d), float32, of length 1; zeros for those without a known word."""
        output = Output(truncate_dim=self._dimension)
        vectors: NDArray[np.float32] = self.inference.encode(listed(sentences), output)
        return vectors

    @abstractmethod
    def _find(
        self, units: NDArray[np.float32], texts: list[str] | None, top_n: int, exact: bool, where: Where | None
    ) -> list[list[Hit]]:
        """Return the results for vectors of length 1 or 0; `texts` are their texts, if known."""

    @abstractmethod
    def _candidates(
        self,
        texts: list[str],
        units: NDArray[np.float32],
        by: By,
        n: int,
        exact: bool,
        where: Where | None,
        progress: Progress | bool | str | None,
    ) -> list[list[Hit]]:
        """Return sentences that contain words of the texts, and by "both" also the nearest ones, in any order.

        The best `n` of each kind, all with both scores; see `w2v.encoder.retrieval.hybrid.searching.find_candidates`.
        """

    @abstractmethod
    def has_words(self, query: str) -> bool:
        """Return whether any sentence contains a word of the query."""
