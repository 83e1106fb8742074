"""Texts as bags of features: words, word n-grams and character n-grams, with fastText's row numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, tokenizer_from_config
from w2v.encoding.rewriting import Rewriter, can_rewrite
from w2v.encoding.vocabulary import choose_words
from w2v.kernels.scanner import COUNT, FIRST, LENGTH, START, Table
from w2v.kernels.subwords import hash_words
from w2v.neural.kernels.bags import Bags, TokenEntries, find_features
from w2v.neural.tasks.labels.classification.parameters import MOST_BUCKETS, BagSettings
from w2v.vectors.subwords import END_OF_SENTENCE, Subwords

_AT_ONCE = 1 << 16
_END_OF_LINE = f" {END_OF_SENTENCE}\n".encode()
_SPACES = {ord(space): "\0" for space in " \t\n\v\f\r"}
_NO_NUMBERS = np.empty(0, np.int64)


@dataclass(frozen=True)
class BagFeatures:
    """The features seen in training, and their rows.

    Parameters
    ----------
    words : tuple of str
        In the order of their rows, from 0.
    tokenizer : Tokenizer
    settings : BagSettings
    numbers : ndarray of shape (n,), int64
        The hash buckets that have rows, in order, after those of the words.

    Raises
    ------
    ValueError
        If a word is repeated, or `numbers` are not distinct buckets.
    """

    words: tuple[str, ...]
    tokenizer: Tokenizer
    settings: BagSettings = BagSettings()
    numbers: NDArray[np.int64] = field(default_factory=lambda: _NO_NUMBERS)

    def __post_init__(self) -> None:
        if len(self._rows) != len(self.words):
            raise ValueError("a word is repeated among the features")
        numbers = self.numbers
        if numbers.dtype != np.int64 or numbers.ndim != 1:
            raise ValueError("the buckets of features must be whole numbers")
        if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < self.settings.buckets:
            raise ValueError(f"the buckets of features must lie in [0, {self.settings.buckets})")
        if np.count_nonzero(self._places >= 0) != len(numbers):
            raise ValueError("a bucket is repeated among the features")

    @classmethod
    def learn(cls, texts: Sequence[str], tokenizer: Tokenizer, settings: BagSettings) -> tuple[BagFeatures, Bags]:
        """Return the features of texts, and their bags."""
        table, found, ends = _scan(texts, tokenizer)
        entries = table.entries[: table.size]
        vocabulary, rows = choose_words(table.words, entries[:, COUNT], entries[:, FIRST], settings.min_count, None)
        places = np.full(settings.buckets, -1, np.int32)
        tokens = _entries(table, found, ends, rows, settings)
        bags, n = _fill(tokens, settings, len(vocabulary), places, 0)
        numbers = np.empty(n, np.int64)
        seen = np.flatnonzero(places >= 0)
        numbers[places[seen]] = seen
        return cls(tuple(vocabulary.index_to_key), tokenizer, settings, numbers), bags

    @property
    def n_rows(self) -> int:
        """Number of rows of the table."""
        return len(self.words) + len(self.numbers)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The words."""
        return self.words

    kind = "words"

    def find(self, texts: Sequence[str]) -> Bags:
        """Return the bags of texts; features not seen in training are left out."""
        parts = [self._find(texts[first : first + _AT_ONCE]) for first in range(0, len(texts), _AT_ONCE)]
        if len(parts) == 1:
            return parts[0]
        sizes = np.cumsum([0, *(len(part.features) for part in parts)])
        starts = [part.starts[:-1] + size for part, size in zip(parts, sizes, strict=False)]
        return Bags(
            np.concatenate([np.empty(0, np.int32), *(part.features for part in parts)]),
            np.concatenate([*starts, sizes[-1:]]).astype(np.int64),
        )

    def runs(self, text: str) -> tuple[list[str], list[Bags]]:
        """Return the tokens of a text, including its end, and the bags of all runs of 1, 2, … tokens.

        The bag of a run of m ≤ `word_ngrams` tokens also contains the features of the shorter runs within it.
        """
        words, tokens = self._tokens([text])
        runs = []
        for m in range(1, min(self.settings.word_ngrams, len(tokens.found)) + 1):
            windows = np.lib.stride_tricks.sliding_window_view(tokens.found, m)
            own = tokens._replace(found=windows.reshape(-1).copy(), ends=np.arange(1, len(windows) + 1) * m)
            runs.append(self._bags(own))
        return [words[entry] for entry in tokens.found.tolist()], runs

    def _find(self, texts: Sequence[str]) -> Bags:
        return self._bags(self._tokens(texts)[1])

    def _tokens(self, texts: Sequence[str]) -> tuple[list[str], TokenEntries]:
        """Return the distinct words of texts, and the tokens."""
        table, found, ends = _scan(texts, self.tokenizer)
        known = self._rows
        words = table.words(np.arange(table.size))
        rows = np.array([known.get(word, -1) for word in words], np.int32)
        return words, _entries(table, found, ends, rows, self.settings, words)

    def _bags(self, tokens: TokenEntries) -> Bags:
        return _fill(tokens, self.settings, len(self.words), self._places, -1)[0]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        places = np.full(self.settings.buckets, -1, np.int32)
        places[self.numbers] = np.arange(len(self.numbers), dtype=np.int32)
        return places

    def __getstate__(self) -> dict[str, Any]:
        """Leave out caches."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def take(self, rows: NDArray[np.int64]) -> BagFeatures:
        """Return some of the features, renumbered in the given order."""
        n_words = len(self.words)
        kept = rows[rows < n_words]
        words = tuple(self.words[row] for row in kept.tolist())
        return replace(self, words=words, numbers=self.numbers[rows[len(kept) :] - n_words])

    def to_config(self) -> dict[str, Any]:
        """Return the features as JSON values; `numbers` have a separate file."""
        return {
            "kind": "bags",
            "words": list(self.words),
            "tokenizer": self.tokenizer.to_config(),
            **self.settings._asdict(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], numbers: NDArray[np.int64] = _NO_NUMBERS) -> BagFeatures:
        """Return the features described by `to_config`; ValueError or TypeError if the input is invalid."""
        words, tokenizer = config.get("words"), config.get("tokenizer")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("the words of features must be a list of texts")
        if not isinstance(tokenizer, dict):
            raise ValueError("the tokenizer of the features is missing")
        settings = BagSettings(*(config.get(name) for name in BagSettings._fields))  # type: ignore[arg-type]
        if any(type(value) is not int or not 0 <= value <= MOST_BUCKETS for value in settings):
            raise ValueError(f"the settings of features must be whole numbers up to {MOST_BUCKETS}")
        return cls(tuple(words), tokenizer_from_config(tokenizer), settings, numbers)


def checked_numbers(numbers: Any) -> NDArray[np.int64]:
    """Return the buckets read from a file as int64; ValueError unless they are whole numbers."""
    if numbers is None or numbers.ndim != 1 or numbers.dtype not in (np.int32, np.int64):
        raise ValueError("the buckets of features must be whole numbers")
    found: NDArray[np.int64] = numbers.astype(np.int64, copy=False)
    return found


def _scan(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[Table, NDArray[np.int32], NDArray[np.int64]]:
    """Return the distinct words of texts, the word index of each token, and each text's end, end tokens included."""
    if not can_rewrite(tokenizer):
        lines = "\n".join(" ".join(token.translate(_SPACES) for token in tokenizer(text)) for text in texts) + "\n"
        rewritten = lines.encode("utf-8", "surrogatepass")
    else:
        joined = "\n".join(texts)
        if joined.count("\n") >= len(texts):
            joined = "\n".join(text.replace("\n", " ") for text in texts)
        rewritten = Rewriter(tokenizer)(joined.encode() + b"\n").tobytes()
    data = np.frombuffer(rewritten.replace(b"\n", _END_OF_LINE) if len(texts) else b"", np.uint8)
    table = Table()
    found = table.scan(data, 0)
    return table, found.entries, found.ends


def _entries(
    table: Table,
    found: NDArray[np.int32],
    ends: NDArray[np.int64],
    rows: NDArray[np.int32],
    settings: BagSettings,
    words: Sequence[str] | None = None,
) -> TokenEntries:
    entries = table.entries[: table.size]
    hashes = np.empty(table.size, np.int32)
    starts, lengths = (np.ascontiguousarray(entries[:, column]) for column in (START, LENGTH))
    hash_words(table.arena, starts, lengths, hashes)
    if not settings.max_n:
        return TokenEntries(found, ends, rows, hashes, np.zeros(table.size + 1, np.int64), _NO_NUMBERS)
    subwords = Subwords(settings.min_n, settings.max_n, settings.buckets)
    pieces = subwords.table(table.words(np.arange(table.size)) if words is None else words)
    return TokenEntries(found, ends, rows, hashes, *pieces)


def _fill(
    tokens: TokenEntries, settings: BagSettings, n_words: int, places: NDArray[np.int32], n_rows: int
) -> tuple[Bags, int]:
    """Return the bags, and the number of buckets with rows."""
    room = int(np.diff(tokens.starts)[tokens.found].sum()) + settings.word_ngrams * len(tokens.found)
    bags = Bags(np.empty(room, np.int32), np.empty(len(tokens.ends) + 1, np.int64))
    n = find_features(tokens, settings.word_ngrams, n_words, places, n_rows, bags)
    return Bags(bags.features[: bags.starts[-1]].copy(), bags.starts), n
