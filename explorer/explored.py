"""Word vectors or an encoder behind the page: its description, nearest words, and comparisons of sentences."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.contributions import token_shares
from w2v.encoder.model.state import sif_state
from w2v.encoder.opening import open_start
from w2v.explorer.completions import Completions
from w2v.explorer.guard import MOST_BODY_BYTES
from w2v.explorer.word_map import DEFAULT_WORDS, WordMap
from w2v.vectors.embeddings import Embeddings, Neighbor

if TYPE_CHECKING:
    from w2v.encoder.model.inference import Encoded, Inference
    from w2v.encoder.model.state import EncoderState

LONGEST_WORD = 200
LONGEST_SENTENCE = 4_000
MOST_NEIGHBORS = 100
_SIGN = re.compile(r"\s+([+-])\s+(?=\S)")
MOST_TOKENS = 64
"""Maximum number of words of a sentence in the table of pairs."""


class ExploredModel:
    """Answers the requests of the page in JSON types; its methods are thread-safe.

    Parameters
    ----------
    path : str or path-like
        The folder of word vectors or of a sentence encoder.
    n_words : int, default 100,000
        Number of words on the map.
    cache : path, optional
        Folder for finished maps.

    Attributes
    ----------
    embeddings : Embeddings
        The word vectors; for an encoder, the rows of its table.
    word_map : WordMap
    page : str
        The file that the browser opens.

    Raises
    ------
    ModelError
        If the folder is missing, not a model, or damaged.
    ValueError
        If there is nothing to show.
    """

    page = "index.html"
    most_bytes = MOST_BODY_BYTES

    def __init__(
        self, path: str | os.PathLike[str], *, n_words: int = DEFAULT_WORDS, cache: Path | None = None
    ) -> None:
        self.path = Path(path)
        opened = open_start(path)
        self._state = None if isinstance(opened, Embeddings) else opened
        self.embeddings = opened if isinstance(opened, Embeddings) else _word_rows(opened)
        self.word_map = WordMap(self.embeddings, n_words, cache)
        self._inference: Inference | None = None
        self._completions: Completions | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start computing the map."""
        self.word_map.start()

    def stop(self) -> None:
        """Stop computing the map."""
        self.word_map.stop()

    def describe(self) -> dict[str, Any]:
        """Return the description of the model for the page, and its layers and heads of attention."""
        network = None if self._state is None else self._state.attention
        counts = self.embeddings.vocabulary.counts
        return {
            "name": self.path.resolve().name,
            "kind": "word vectors" if self._state is None else "sentence encoder",
            "words": len(self.embeddings),
            "columns": self.embeddings.vector_size,
            "tokens": None if counts is None else int(counts.sum()),
            "onMap": len(self.word_map.rows),
            "layers": 0 if network is None else network.layers,
            "heads": 0 if network is None else network.heads,
            "limits": {"word": LONGEST_WORD, "sentence": LONGEST_SENTENCE, "tokens": MOST_TOKENS},
        }

    def map_words(self) -> list[str]:
        """Return the words of the map, the most frequent first."""
        words = self.embeddings.index_to_key
        return [words[row] for row in self.word_map.rows.tolist()]

    def complete(self, prefix: str, n: int = 8) -> list[str]:
        """Return frequent words that begin with `prefix`, or similarly spelled words if there are none."""
        _check_word(prefix)
        _check_number(n)
        if not prefix:
            return []
        with self._lock:
            if self._completions is None:
                self._completions = Completions(self.embeddings.index_to_key)
        return self._completions.find(prefix, n) or self.embeddings.suggest(prefix, min(n, 5))

    def neighbors(self, word: str, n: int = 20) -> dict[str, Any]:
        """Return a word as the model spells it and its nearest words, or the words nearest to a sum of words.

        A sum is written with spaces around its signs, as in "king - man + woman"; the answer has its words as
        ``terms``. Several known words that are not one word of the model, as in "new york", are searched by their mean;
        the answer has ``terms``, and ``mean`` is True.

        Raises
        ------
        UnknownWordError
            If the model has no vector for it.
        ValueError
            If it is too long, its vector is not finite, or `n` is out of range.
        """
        _check_word(word)
        _check_number(n)
        plus, minus = ([word], []) if word in self.embeddings.key_to_index else _terms(word)
        is_mean = len(plus) == 1 and not minus and self._are_several(word)
        if is_mean:
            plus = word.split()
        near = self.embeddings.neighbors(plus, minus, top_n=n)
        described = self._word(word)
        if len(plus) + len(minus) > 1:
            described["terms"] = [self._word(term) for term in (*plus, *minus)]
        if is_mean:
            described["mean"] = True
        return {**described, "neighbors": self._scored(near)}

    def analogy(self, a: str, b: str, c: str, *, method: str = "add", n: int = 10) -> dict[str, Any]:
        """Return the words that are to `c` as `b` is to `a`, and the places of the given words.

        Raises
        ------
        UnknownWordError
            If the model has no vector for a word.
        ValueError
            If a word is too long, or `method` or `n` is out of range.
        """
        for word in (a, b, c):
            _check_word(word)
        _check_number(n)
        chosen: Literal["add", "mul"] = method  # type: ignore[assignment]  # which it checks
        answers = self.embeddings.analogy(a, b, c, method=chosen, top_n=n)
        return {"given": [self._word(word) for word in (a, b, c)], "answers": self._scored(answers)}

    def compare(self, first: str, second: str, layer: int | None = None, head: int | None = None) -> dict[str, Any]:
        """Return the similarity of two sentences, the contribution of each word, and attention.

        Parameters
        ----------
        first, second : str
        layer, head : int, optional
            Layer and head whose attention to show, from 1; by default the last layer and the mean of all heads.

        Returns
        -------
        dict
            ``similarity``, None if a sentence has no known word; ``pairs``, the cosines of the words of the first with
            those of the second; ``sentences``, each with ``words``, ``shares`` and, for an encoder with attention,
            ``attention``, row by row. Long sentences have only their first 64 words, and the ``count`` of all.

        Raises
        ------
        ValueError
            If a sentence is too long, the model has no such layer or head, or a vector is not finite.
        """
        for sentence in (first, second):
            check_text(sentence, LONGEST_SENTENCE, "a sentence")
        inference = self._encoder()
        network = inference.state.attention
        if network is None and (layer is not None or head is not None):
            raise ValueError("this model has no attention: leave out layer and head")
        if network is not None:
            _check_part("layer", layer, network.layers)
            _check_part("head", head, network.heads)
        from w2v.encoder.model.inference import Output

        encoded = inference.explain([first, second], Output(), with_attention=network is not None)
        known = [bool(vector.any()) for vector in encoded.vectors]
        rows = [_unit_rows(vectors[:MOST_TOKENS]) for vectors in encoded.token_vectors]
        cosine = float(np.clip(encoded.vectors[0] @ encoded.vectors[1], -1, 1))
        return {
            "similarity": cosine if all(known) else None,
            "pairs": _rounded(rows[0] @ rows[1].T),
            "sentences": [self._sentence(encoded, i, layer, head) for i in range(2)],
        }

    def _sentence(self, encoded: Encoded, i: int, layer: int | None, head: int | None) -> dict[str, Any]:
        """Return the words of a sentence, their contributions to its vector, and their attention."""
        shares = token_shares(encoded.token_vectors[i])
        described = {
            "words": encoded.tokens[i][:MOST_TOKENS],
            "count": len(encoded.tokens[i]),
            "shares": _rounded(shares[:MOST_TOKENS]),
        }
        if encoded.attention is not None:
            weights = encoded.attention[i][(layer or 0) - 1]
            chosen = weights.mean(axis=0) if head is None else weights[head - 1]
            described["attention"] = _rounded(chosen[:MOST_TOKENS, :MOST_TOKENS])
        return described

    def _encoder(self) -> Inference:
        """Return the encoder of sentences, which is created on first use."""
        with self._lock:
            if self._inference is None:
                from w2v.encoder.model.inference import Inference

                self._inference = Inference(self._state or sif_state(self.embeddings), 1)
            return self._inference

    def _are_several(self, text: str) -> bool:
        """Return whether a text is not a word of the model, but consists of several of its words."""
        words = text.split()
        rows = [self.embeddings.get_index(word, -1) for word in (text, *words)]
        return len(words) > 1 and rows[0] < 0 and min(rows[1:]) >= 0

    def _word(self, word: str) -> dict[str, Any]:
        """Return a word as the model spells it, its count, and its place on the map."""
        row = self.embeddings.get_index(word, -1)
        if row < 0:
            return {"word": word, "count": None, "rank": None, "place": None}
        counts = self.embeddings.vocabulary.counts
        return {
            "word": self.embeddings.index_to_key[row],
            "count": None if counts is None else int(counts[row]),
            "rank": row + 1,
            "place": self.word_map.place_of(row),
        }

    def _scored(self, near: Sequence[Neighbor]) -> list[dict[str, Any]]:
        rows = self.embeddings.key_to_index
        return [
            {"word": word, "score": round(float(score), 4), "place": self.word_map.place_of(rows[word])}
            for word, score in near
        ]


def _terms(text: str) -> tuple[list[str], list[str]]:
    """Return the words to add and to subtract; a single word is a sum of one."""
    first, *rest = _SIGN.split(text)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    return [first, *(word for sign, word in pairs if sign == "+")], [word for sign, word in pairs if sign == "-"]


def _word_rows(state: EncoderState) -> Embeddings:
    """Return the rows of an encoder's table as word vectors; weights do not change directions and are left out."""
    subwords = state.subwords
    if subwords is not None and subwords.ngram_vectors.shape[1] != state.width:
        subwords = None  # the other columns of an unknown word come from its spelling
    return Embeddings(state.vocabulary, state.table, tokenizer=state.tokenizer, subwords=subwords)


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), 1e-12)
    return unit


def _rounded(numbers: NDArray[np.floating[Any]]) -> list[Any]:
    rounded: list[Any] = np.round(numbers.astype(np.float64), 4).tolist()
    return rounded


def _check_word(word: str) -> None:
    check_text(word, LONGEST_WORD, "a word")


def check_text(text: str, longest: int, what: str) -> None:
    """Raise ValueError if a text has more than `longest` characters; `what` names it in the message."""
    if len(text) > longest:
        raise ValueError(f"{what} may have at most {longest:,} characters here, but this one has {len(text):,}")


def _check_number(n: int) -> None:
    if not 1 <= n <= MOST_NEIGHBORS:
        raise ValueError(f"the number of words must be from 1 to {MOST_NEIGHBORS}, not {n}")


def _check_part(name: str, number: int | None, n: int) -> None:
    if number is not None and not 1 <= number <= n:
        raise ValueError(f"there is no {name} {number}: the model has {name}s 1 to {n}")
