"""Rewriting text for the scanner, so that ASCII white space separates the tokens of any built-in tokenizer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import (
    CharactersTokenizer,
    JiebaTokenizer,
    TabsTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
    code_point_table,
)
from w2v.corpora.tokenizers.characters import settled
from w2v.kernels.rewriting import MAX_GROWTH as _MAX_CASE_GROWTH
from w2v.kernels.rewriting import items_to_nuls, words_to_spaces
from w2v.kernels.scanner import Table

__all__ = ["MAX_GROWTH", "Rewriter", "can_rewrite"]

MAX_GROWTH = 3 * _MAX_CASE_GROWTH
"""Most bytes that a `Rewriter` writes per byte: NFC expands some characters to three."""

_SETTLED_AT_ONCE = 4096


def can_rewrite(tokenizer: Tokenizer) -> bool:
    """Return whether rewriting and scanning any text finds the tokens of a tokenizer.

    It also finds those of `tabs`, but only in files, which contain no NUL.
    """
    return isinstance(tokenizer, (WordsTokenizer, WhitespaceTokenizer, CharactersTokenizer, JiebaTokenizer))


class Rewriter:
    """Rewrites blocks of text for the scanner. It keeps a buffer, so every thread needs its own.

    The tokenizer is one that `can_rewrite` accepts, or a TabsTokenizer.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._table: NDArray[np.int32] | None = None
        self._lowercase = False
        if isinstance(tokenizer, JiebaTokenizer):
            tokenizer = WordsTokenizer(tokenizer.lowercase)
        if isinstance(tokenizer, (WordsTokenizer, CharactersTokenizer)):
            self._table, self._lowercase = code_point_table(tokenizer), tokenizer.lowercase
        self._out = np.empty(0, np.uint8)

    def __call__(self, text: bytes) -> NDArray[np.uint8]:
        """Return a block's tokens separated by white space, line feeds kept: uint8, valid until the next call.

        The block must be valid UTF-8 and hold whole tokens; for `tabs` it must contain no NUL. The result has at most
        MAX_GROWTH * len(text) + 1 bytes.
        """
        if isinstance(self.tokenizer, JiebaTokenizer):
            text = self.tokenizer.divide(text.decode()).encode()
        data = np.frombuffer(text, np.uint8)
        if self._table is not None:
            data = self._words(text, data, self._table)
        elif isinstance(self.tokenizer, TabsTokenizer):
            out = self._reserve(len(data))
            data = out[: items_to_nuls(data, out)]
        data.flags.writeable = False  # like text that is not rewritten, so the scanner is compiled for one type only
        return data

    def _words(self, text: bytes, data: NDArray[np.uint8], table: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Rewrite a block; the few lines that may not be in NFC are normalised first."""
        out = self._reserve(MAX_GROWTH * len(data) + 4)
        at, n = words_to_spaces(data, 0, table, out, 0, False)
        while at < len(data):
            stop = text.find(b"\n", at + _SETTLED_AT_ONCE) + 1 or len(text)
            piece = np.frombuffer(settled(text[at:stop].decode(), self._lowercase).encode(), np.uint8)
            _, n = words_to_spaces(piece, 0, table, out, n, True)
            at, n = words_to_spaces(data, stop, table, out, n, False)
        return out[:n]

    def words_of(self, table: Table) -> Callable[[NDArray[np.int64]], list[str]]:
        """Return a function from entries of a table, int64, to their words, in the tokenizer's spelling."""
        if isinstance(self.tokenizer, TabsTokenizer):
            return lambda order: [word.replace("\0", " ") for word in table.words(order)]
        return table.words

    def _reserve(self, n_bytes: int) -> NDArray[np.uint8]:
        if len(self._out) < n_bytes:
            self._out = np.empty(n_bytes, np.uint8)
        return self._out
