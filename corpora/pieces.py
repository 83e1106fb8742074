"""Word pieces, from a tokenizer described in a file of the library tokenizers."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Encoding
    from tokenizers import Tokenizer as LibraryTokenizer

__all__ = ["PiecesTokenizer"]

_OPTIONS = ("special", "max_tokens", "max_characters", "keep_unknown")
_TRIAL = "a known word, and \u2603"
_MOST = 1 << 24
_SPARE = 1 << 16
_AT_ONCE = 1 << 21
"""Characters of text to encode at a time, because ids are Python integers meanwhile."""


def packed_in_parts(
    texts: Sequence[str], encode: Callable[[Sequence[str]], Sequence[Sequence[int]]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the ids of texts and their offsets, encoding some texts at a time to save memory.

    Parameters
    ----------
    texts : sequence of str, S of them
    encode : callable
        Function from some texts to the ids of each.

    Returns
    -------
    ids : ndarray of shape (N,), int32
    offsets : ndarray of shape (S + 1,), int64
    """
    offsets, parts, begin = np.zeros(len(texts) + 1, np.int64), [np.empty(0, np.int32)], 0
    while begin < len(texts):
        end, left = begin, _AT_ONCE
        while end < len(texts) and left > 0:
            left -= len(texts[end])
            end += 1
        ids, borders = _packed(encode(texts[begin:end]))
        parts.append(ids)
        offsets[begin + 1 : end + 1] = offsets[begin] + borders[1:]
        begin = end
    return np.concatenate(parts), offsets


@dataclass(frozen=True)
class PiecesTokenizer:
    """Word pieces as in BERT and model2vec: WordPiece, Unigram or BPE.

    Parameters
    ----------
    definition : str
        The text of a ``tokenizer.json``. Its settings for padding and truncation are ignored.
    special : bool, default True
        Add the special pieces of the definition around every text, such as [CLS] and [SEP].
    max_tokens : int, optional
        Truncate to this many pieces, special ones included.
    max_characters : int, optional
        Use only this many characters of a text.
    keep_unknown : bool, default True
        Keep the piece for unknown words.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If a number is out of range. When used: if the definition is invalid or incomplete.
    ModuleNotFoundError
        When first used, if the package tokenizers is missing.
    """

    name: ClassVar[str] = "pieces"
    definition: str = field(repr=False)
    special: bool = True
    max_tokens: int | None = None
    max_characters: int | None = None
    keep_unknown: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.definition, str):
            raise TypeError(f"the definition must be the text of a tokenizer.json, not {self.definition!r:.80}")
        for name in ("special", "keep_unknown"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be true or false, not {getattr(self, name)!r:.80}")
        for name in ("max_tokens", "max_characters"):
            value = getattr(self, name)
            if value is not None and type(value) is not int:
                raise TypeError(f"{name} must be an integer, not {value!r:.80}")
            if value is not None and not 1 <= value <= _MOST:
                raise ValueError(f"{name} must be from 1 to {_MOST}, not {value}")

    def __call__(self, text: str) -> list[str]:
        """Return the pieces of `text`."""
        pieces = self.pieces
        return [pieces[number] for number in self.numbers([text])[0].tolist()]

    def numbers(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the ids of the pieces of texts.

        Parameters
        ----------
        texts : sequence of str, S of them

        Returns
        -------
        numbers : ndarray of shape (N,), int32
            Indices of `pieces`.
        offsets : ndarray of shape (S + 1,), int64
            Text s has numbers[offsets[s]:offsets[s + 1]].
        """
        flat, offsets = packed_in_parts(texts, self._lists)
        if self.keep_unknown or self._built.unknown is None:
            return flat, offsets
        is_kept = flat != self._built.unknown
        return flat[is_kept], np.concatenate([[0], np.cumsum(is_kept)])[offsets]

    def _lists(self, texts: Sequence[str]) -> list[list[int]]:
        cut = [text[: self.max_characters] for text in texts]
        library = self._built.library
        with _understood("the word-piece tokenizer failed on a text"):
            encoded: list[Encoding] = library.encode_batch_fast(cut, add_special_tokens=self.special)
        return [encoding.ids for encoding in encoded]

    def pairs(
        self, firsts: Sequence[str], seconds: Sequence[str]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
        """Return the ids of the pieces of pairs of texts, each pair in one sequence, joined as in the definition.

        A pair with more than `max_tokens` pieces is truncated at the end of the longer text, then of both in turn.

        Parameters
        ----------
        firsts, seconds : sequences of str, S of each

        Returns
        -------
        numbers : ndarray of shape (N,), int32
            Indices of `pieces`.
        types : ndarray of shape (N,), int32
            Token type of each piece by the definition: 0 in the first text, usually 1 in the second.
        offsets : ndarray of shape (S + 1,), int64
            Pair s has numbers[offsets[s]:offsets[s + 1]].

        Raises
        ------
        ValueError
            If `max_tokens` is less than the number of special pieces of a pair.
        """
        library = self._built.library
        n_around = library.num_special_tokens_to_add(is_pair=True) if self.special else 0
        if self.max_tokens is not None and self.max_tokens < n_around:
            raise ValueError(f"max_tokens is {self.max_tokens}, but every pair has {n_around} special pieces")
        cut = [
            (first[: self.max_characters], second[: self.max_characters])
            for first, second in zip(firsts, seconds, strict=True)
        ]
        with _understood("the word-piece tokenizer failed on a pair of texts"):
            encoded: list[Encoding] = library.encode_batch_fast(cut, add_special_tokens=self.special)
        numbers, offsets = _packed([encoding.ids for encoding in encoded])
        types, _ = _packed([encoding.type_ids for encoding in encoded])
        return numbers, types, offsets

    @property
    def pieces(self) -> list[str]:
        """The piece of each id; ids without one have a placeholder. Do not modify."""
        return self._built.pieces

    @property
    def unknown(self) -> int | None:
        """The id of the piece for unknown words; None if there is none."""
        return self._built.unknown

    @property
    def _built(self) -> _Built:
        return _build(self.definition, self.max_tokens, self.special)

    def to_config(self) -> dict[str, Any]:
        """Return the name and the options; the definition is saved in a separate file."""
        return {"name": self.name, **{name: getattr(self, name) for name in _OPTIONS}}

    @classmethod
    def from_config(cls, config: dict[str, Any], definition: str) -> PiecesTokenizer:
        """Restore the tokenizer from a result of `to_config`.

        Raises
        ------
        TypeError, ValueError
            If an option is unknown or wrong, or the definition is invalid.
        ModuleNotFoundError
            If the package tokenizers is missing.
        """
        options = {name: value for name, value in config.items() if name != "name"}
        if unknown := sorted(set(options) - set(_OPTIONS)):
            raise ValueError(f"the tokenizer {cls.name!r:.80} has no option {', '.join(map(repr, unknown))}")
        tokenizer = cls(definition, **options)
        tokenizer.numbers([_TRIAL])
        return tokenizer


class _Built(NamedTuple):
    """The library's tokenizer for a definition, its pieces by id, and the id of the unknown piece."""

    library: LibraryTokenizer
    pieces: list[str]
    unknown: int | None


def _packed(lists: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Concatenate S lists, and return their offsets, shape (S + 1,)."""
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(numbers) for numbers in lists], out=offsets[1:])
    return np.fromiter(chain.from_iterable(lists), np.int32, int(offsets[-1])), offsets


@contextmanager
def _understood(what: str) -> Iterator[None]:
    """Turn the library's exceptions, which have no common class, and Rust panics into a `ValueError`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic is not an Exception
        raise ValueError(f"{what}: {error}") from error


@functools.lru_cache(maxsize=8)
def _build(definition: str, max_tokens: int | None, special: bool) -> _Built:
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the tokenizer 'pieces' needs the package tokenizers: pip install 'w2v-toolkit[bert]'"
        ) from error
    with _understood("the description of a tokenizer is invalid"):
        parsed = json.loads(definition)
        if not isinstance(parsed, dict):
            raise ValueError(f"it is a {type(parsed).__name__}, not a JSON object")
        library = Tokenizer.from_str(json.dumps(parsed | {"truncation": None, "padding": None}, ensure_ascii=False))
    if max_tokens is not None:
        n_around = library.num_special_tokens_to_add(is_pair=False) if special else 0
        if max_tokens < n_around:  # otherwise the library would not truncate at all
            raise ValueError(f"max_tokens is {max_tokens}, but every text has {n_around} special pieces")
        library.enable_truncation(max_tokens)
    numbers = library.get_vocab(with_added_tokens=True)
    highest = max(numbers.values(), default=0)
    if not numbers or highest > 4 * len(numbers) + _SPARE:
        raise ValueError(f"the description of a tokenizer has {len(numbers)} pieces but ids up to {highest}")
    pieces = [f"[unused {number}]" for number in range(highest + 1)]
    for piece, number in numbers.items():
        pieces[number] = piece
    model = parsed["model"]
    unknown = model.get("unk_id") if model.get("unk_token") is None else numbers.get(model["unk_token"])
    return _Built(library, pieces, unknown if isinstance(unknown, int) else None)
