"""From sentences to word ids: tokenizer and vocabulary in one pass over the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.tokenizers import TabsTokenizer, Tokenizer
from w2v.encoder.model.lookup_kernels import find_words, index_words
from w2v.encoding.rewriting import Rewriter, can_rewrite
from w2v.encoding.vocabulary import Vocabulary


@dataclass(frozen=True)
class FoundWords:
    """The tokens of S sentences.

    Attributes
    ----------
    ids : ndarray of shape (N,), int32
        Rows of the vocabulary; -1 - k stands for ``unknown[k]``.
    offsets : ndarray of shape (S + 1,), int64
        Sentence s has the tokens ids[offsets[s]:offsets[s + 1]], perhaps none.
    unknown : list of str
        Distinct unknown words; empty if they were left out.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    unknown: list[str]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def known(self) -> FoundWords:
        """Return only the tokens that are in the vocabulary."""
        if not self.unknown:
            return self
        return _only(self.ids, self.offsets, self.ids >= 0)


class WordLookup:
    """Finds the words of sentences in a vocabulary. Its methods are thread-safe.

    The tokens are those of the tokenizer, whether or not compiled code does its work.
    """

    def __init__(self, vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self._has_items = isinstance(tokenizer, TabsTokenizer)
        self._is_compiled = self._has_items or can_rewrite(tokenizer)
        if self._is_compiled:
            self._arena, self._slots, self._entries = _index(vocabulary.index_to_key, self._has_items)
        if isinstance(tokenizer, PiecesTokenizer):
            rows = vocabulary.key_to_index
            self._row_of_piece = np.array([rows.get(piece, -1) for piece in tokenizer.pieces], np.int32)

    def find(self, sentences: Sequence[str], *, with_unknown: bool = False, first: int = 0) -> FoundWords:
        """Look up the words of sentences; a line feed in a sentence only separates words.

        Unknown words are left out unless `with_unknown`. `first` is the number of the first sentence, for messages.

        Raises
        ------
        TypeError
            If a sentence is not a str.
        ValueError
            If a sentence is not valid text, such as half a surrogate pair.
        """
        if not len(sentences):
            return FoundWords(np.empty(0, np.int32), np.zeros(1, np.int64), [])
        text = _joined(sentences, first)
        if isinstance(self.tokenizer, PiecesTokenizer):
            _encoded(text, sentences, first)
            return self._find_pieces(self.tokenizer, sentences)
        if not self._is_compiled or (self._has_items and "\0" in text):
            return self._find_tokens(map(self.tokenizer, sentences), with_unknown)
        return self._find_bytes(_encoded(text, sentences, first), len(sentences), with_unknown)

    def find_lines(self, data: bytes, *, with_unknown: bool = False) -> FoundWords:
        """Look up the words of the lines of a text in UTF-8 without NUL, as `corpora.TextReader` yields it.

        Every line is a sentence, also an empty one; the last line may lack its line feed.
        """
        if not data:
            return FoundWords(np.empty(0, np.int32), np.zeros(1, np.int64), [])
        if not data.endswith(b"\n"):
            data += b"\n"
        if self._is_compiled:
            return self._find_bytes(data, data.count(b"\n"), with_unknown)
        lines = data.decode().split("\n")[:-1]
        if isinstance(self.tokenizer, PiecesTokenizer):
            return self._find_pieces(self.tokenizer, lines)
        return self._find_tokens(map(self.tokenizer, lines), with_unknown)

    def words_of(self, found: FoundWords) -> list[list[str]]:
        """Return the words of each sentence."""
        known = self.vocabulary.index_to_key
        words = [known[word] if word >= 0 else found.unknown[-1 - word] for word in found.ids.tolist()]
        borders = found.offsets.tolist()
        return [words[start:stop] for start, stop in zip(borders, borders[1:], strict=False)]

    def _find_bytes(self, data: bytes, n_lines: int, with_unknown: bool) -> FoundWords:
        rewritten = Rewriter(self.tokenizer)(data)
        room = len(rewritten) // 2 + 1
        ids, offsets = np.empty(room, np.int32), np.zeros(n_lines + 1, np.int64)
        spans = np.empty((room if with_unknown else 0, 2), np.int64)
        rewritten.setflags(write=False)  # so that compiled code sees one type of array
        n, n_unknown = find_words(rewritten, self._slots, self._entries, self._arena, ids, offsets, spans)
        if not n_unknown:
            return FoundWords(ids[:n], offsets, [])
        raw = rewritten.tobytes()
        spelled = [raw[start:stop] for start, stop in spans[:n_unknown].tolist()]
        numbers = {word: number for number, word in enumerate(dict.fromkeys(spelled))}
        places = np.flatnonzero(ids[:n] < 0)
        ids[places] = [-1 - numbers[word] for word in spelled]
        space = b"\0" if self._has_items else b" "
        return FoundWords(ids[:n], offsets, [word.replace(space, b" ").decode() for word in numbers])

    def _find_pieces(self, tokenizer: PiecesTokenizer, sentences: Sequence[str]) -> FoundWords:
        """Do the same for subwords, which have their own ids; those without a row are left out."""
        numbers, offsets = tokenizer.numbers(sentences)
        ids = self._row_of_piece[numbers]
        is_known = ids >= 0
        return FoundWords(ids, offsets, []) if is_known.all() else _only(ids, offsets, is_known)

    def _find_tokens(self, sentences: Iterable[Sequence[str]], with_unknown: bool) -> FoundWords:
        """Do the same for tokens that are Python objects."""
        rows = self.vocabulary.key_to_index
        ids: list[int] = []
        ends = [0]
        numbers: dict[str, int] = {}
        for tokens in sentences:
            for token in tokens:
                row = rows.get(token)
                if row is not None:
                    ids.append(row)
                elif with_unknown:
                    ids.append(-1 - numbers.setdefault(token, len(numbers)))
            ends.append(len(ids))
        return FoundWords(np.array(ids, np.int32), np.array(ends, np.int64), list(numbers))


def _only(ids: NDArray[np.int32], offsets: NDArray[np.int64], wanted: NDArray[np.bool_]) -> FoundWords:
    """Return the selected tokens, all of which are in the vocabulary."""
    return FoundWords(ids[wanted], np.concatenate([[0], np.cumsum(wanted)])[offsets], [])


def encode_words(words: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the concatenated words in UTF-8 and the end of each, as compiled code reads them."""
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def _index(words: Sequence[str], has_items: bool) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int64]]:
    """Return the hash table of a vocabulary: arena, slots and entries of `find_words`."""
    arena, ends = encode_words([word.replace(" ", "\0") for word in words] if has_items else words)
    slots = np.full(1 << (2 * len(words)).bit_length(), -1, np.int32)
    entries = np.empty((len(words), 3), np.int64)
    index_words(arena, ends, slots, entries)
    return arena, slots, entries


def _joined(sentences: Sequence[Any], first: int) -> str:
    """Return the sentences, one per line."""
    try:
        text = "\n".join(sentences)
    except TypeError:
        place, wrong = next((i, s) for i, s in enumerate(sentences) if not isinstance(s, str))
        raise TypeError(f"sentence {first + place} is not text but {type(wrong).__name__}: {wrong!r:.60}") from None
    if text.count("\n") != len(sentences) - 1:  # a tab separates both words and items
        text = "\n".join(sentence.replace("\n", "\t") for sentence in sentences)
    return text


def _encoded(text: str, sentences: Sequence[str], first: int) -> bytes:
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        place = next(i for i, sentence in enumerate(sentences) if not _is_text(sentence))
        raise ValueError(
            f"sentence {first + place} contains half a surrogate pair and is not valid text: {sentences[place]!r:.60}"
        ) from None


def _is_text(sentence: str) -> bool:
    try:
        sentence.encode()
    except UnicodeEncodeError:
        return False
    return True
