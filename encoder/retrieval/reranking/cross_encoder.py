"""`CrossEncoder`: scores pairs of texts with a network that reads both together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text, checked_texts, row_tuples
from w2v.display.html import html_facts
from w2v.display.progress import mode_of, show_progress
from w2v.encoder.formats.cross_folder import read_cross_encoder
from w2v.encoder.parameters import check_parameter
from w2v.neural.fused_inference import FusedNetwork
from w2v.settings.constraints import whole_number
from w2v.settings.environment import default_workers
from w2v.settings.habits import Answering, also_called

_ELSEWHERE = {
    "activation_fn": "the folder decides whether scores pass through a sigmoid; the order is the same",
    "apply_softmax": "there is one score per pair",
    "convert_to_tensor": "torch.from_numpy(model.predict(…)) is a tensor",
    "convert_to_numpy": "scores are always a NumPy array",
    "device": "it runs on the CPU; set the number of threads with workers",
    "num_workers": "set the number of threads with workers in the constructor",
    "prompt": "prepend it to the queries",
    "prompt_name": "prepend the prompt to the queries",
}


class CrossEncoder(Answering):
    """A cross-encoder [1]_ of sentence-transformers, run without PyTorch: it reads a query and a text together.

    Each pair takes a forward pass through the network. So it is suited to rerank the best hundred or so results of a
    search; see the option `rerank` of `SentenceIndex.search`.

    Parameters
    ----------
    path : str or path-like
        A transformers or sentence-transformers folder with a BERT model whose head is a linear layer with one output,
        such as cross-encoder/ms-marco-MiniLM. Nothing is downloaded.
    workers : int, optional
        Threads; all cores by default.

    Raises
    ------
    ModelError
        If the folder is missing or damaged, or contains another kind of model.
    ImportError
        If the package tokenizers is missing.

    Notes
    -----
    A pair becomes ``[CLS] query [SEP] text [SEP]``; the two texts have different token types. If a pair is too long,
    the longer text is truncated. Scores equal those of transformers up to rounding.

    References
    ----------
    .. [1] Nogueira and Cho 2019, Passage Re-ranking with BERT, arXiv:1901.04085.
    """

    habits = {  # noqa: RUF012
        "fit": "cross-encoders can be loaded, but not trained here",
        "save_pretrained": "its folder is not changed",
        "push_to_hub": "upload its folder with huggingface_hub",
        "max_length": "it is max_tokens, set by the folder",
        "max_seq_length": "it is max_tokens, set by the folder",
    }

    def __init__(self, path: str | os.PathLike[str], *, workers: int | None = None) -> None:
        check_parameter("workers", workers)
        self._path, self._workers = path, workers or default_workers()
        self._parts = read_cross_encoder(path)
        self._network = FusedNetwork(self._parts.network.stack, self._parts.parameters)

    def __repr__(self) -> str:
        return f"CrossEncoder({os.fspath(self._path)!r}, {self._parts.network.layers} layers, {self.max_tokens} tokens)"

    def _repr_html_(self) -> str:
        network = self._parts.network
        facts = [
            ("folder", self._path),
            ("network", f"{network.layers} layers of {network.dim:,} columns"),
            ("tokens per pair", f"at most {self.max_tokens:,}"),
            ("scores", "from 0 to 1" if self._parts.sigmoid else "any number"),
        ]
        return html_facts("Cross-encoder", facts)

    @property
    def max_tokens(self) -> int:
        """Maximum number of tokens of a pair that the network reads."""
        return self._parts.tokenizer.max_tokens or self._parts.network.max_positions

    @also_called(_ELSEWHERE, show_progress_bar="progress", sentences="pairs", inputs="pairs")
    def predict(
        self,
        pairs: Iterable[Sequence[str]] | Sequence[str],
        *,
        batch_size: int = 32,
        progress: Callable[[int, int], None] | bool | str | None = None,
    ) -> Any:
        """Return the score of each pair of texts.

        Parameters
        ----------
        pairs : iterable of (str, str), a data frame of two columns, or one (str, str)
        batch_size : int, default 32
            Pairs processed together. Scores do not depend on it, nor on the number of threads.
        progress : bool, str or callable, optional
            True, "bar" or "log" shows progress; a function is called with the number of pairs done and the total.

        Returns
        -------
        ndarray of shape (n,), float32; a float for a single pair
            The higher, the better the two texts match.

        Raises
        ------
        TypeError
            If an item is not a pair of texts; the message counts from 0.
        ValueError
            If `batch_size` is less than 1.
        """
        check_parameter("batch_size", batch_size)
        rows = row_tuples(pairs)
        listed = rows if isinstance(rows, list) else list(rows)
        if len(listed) == 2 and all(isinstance(text, str) for text in listed):
            return self._scores([listed[0]], [listed[1]])[0]
        firsts, seconds = _divided(listed)
        if callable(progress):
            return self._batches(firsts, seconds, batch_size, progress)
        with show_progress(mode_of(progress), "scoring") as update:
            told = None if update is None else partial(update, "scoring")
            return self._batches(firsts, seconds, batch_size, told)

    @also_called(_ELSEWHERE, show_progress_bar="progress", top_k="top_n")
    def rank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_n: int | None = None,
        return_documents: bool = False,
        batch_size: int = 32,
        progress: Callable[[int, int], None] | bool | str | None = None,
    ) -> list[dict[str, Any]]:
        """Return texts sorted by their scores with a query, best first.

        Parameters
        ----------
        query : str
        documents : iterable of str
        top_n : int, optional
            Number of results; all by default.
        return_documents : bool, default False
            Return the texts as well.
        batch_size, progress
            See `predict`.

        Returns
        -------
        list of dict
            In the format of sentence-transformers: ``corpus_id``, the position of the text, from 0; ``score``; and
            ``text``. Ties are in the order of positions.

        Raises
        ------
        TypeError
            If the query or a document is not a str.
        ValueError
            If `top_n` or `batch_size` is less than 1.
        """
        if top_n is not None:
            top_n = whole_number("top_n", top_n, 1)
        texts = checked_texts(documents)
        scores = self.predict([(query, text) for text in texts], batch_size=batch_size, progress=progress)
        order = np.argsort(-scores, kind="stable")[:top_n].tolist()
        ranked: list[dict[str, Any]] = [{"corpus_id": i, "score": float(scores[i])} for i in order]
        return [found | {"text": texts[found["corpus_id"]]} for found in ranked] if return_documents else ranked

    def _batches(
        self, firsts: list[str], seconds: list[str], size: int, progress: Callable[[int, int], None] | None
    ) -> NDArray[np.float32]:
        scores = np.empty(len(firsts), np.float32)
        for start in range(0, len(firsts), size):
            part = slice(start, start + size)
            scores[part] = self._scores(firsts[part], seconds[part])
            if progress is not None:
                progress(min(part.stop, len(firsts)), len(firsts))
        return scores

    def _scores(self, firsts: list[str], seconds: list[str]) -> NDArray[np.float32]:
        """Return the scores of pairs; each depends only on its own texts, bit for bit."""
        parts = self._parts
        numbers, types, offsets = parts.tokenizer.pairs(firsts, seconds)
        states = self._network.rows(parts.table[numbers] + parts.types[types], offsets, self._workers)
        scores = states[offsets[:-1]]
        for dense in parts.head:
            scores = dense(scores)
        flat = scores[:, 0]
        return np.exp(-np.logaddexp(np.float32(0), -flat)) if parts.sigmoid else flat


def _divided(pairs: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Return the first and the second texts of pairs; TypeError if an item is not two texts."""
    firsts, seconds = [], []
    for number, pair in enumerate(pairs):
        if isinstance(pair, (str, bytes)) or not isinstance(pair, Iterable) or len(listed := list(pair)) != 2:
            raise TypeError(f"pair {number} must be two texts, not {pair!r:.60}")
        if wrong := [text for text in listed if not isinstance(text, str)]:
            raise TypeError(f"pair {number} contains something that is not text: {wrong[0]!r:.60}")
        firsts.append(checked_text(listed[0], number))
        seconds.append(checked_text(listed[1], number))
    return firsts, seconds
