"""Converting texts to ids and back, for networks that generate text: characters, subwords or words.

Every vocabulary begins with `UNKNOWN`, `START` and `END`. Encoding a text never produces `START` or `END`, so a user's
input cannot stop a network.
"""

from __future__ import annotations

import functools
import json
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer, packed_in_parts
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer, tokenizer_from_config

__all__ = [
    "END", "KINDS", "START", "UNKNOWN", "Characters", "Subwords", "Units", "Words", "learn_units", "units_from_config",
]  # fmt: skip

UNKNOWN, START, END = 0, 1, 2
_SPECIAL = ("<unk>", "<s>", "</s>")
_REPLACEMENT = "\ufffd"
_MOST = 1 << 20
_SUBWORDS = 8000

_V = TypeVar("_V", bound="_Listed")


class Units(Protocol):
    """A vocabulary of units that texts consist of.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    pieces : list of str
        The readable unit of each id; do not modify.
    """

    kind: ClassVar[str]

    @property
    def pieces(self) -> Sequence[str]:
        """The readable unit of each id."""
        ...

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the ids of texts.

        Parameters
        ----------
        texts : sequence of str, S of them

        Returns
        -------
        ids : ndarray of shape (N,), int32
        offsets : ndarray of shape (S + 1,), int64
            Text s has ids[offsets[s]:offsets[s + 1]], which may be empty.
        """
        ...

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text of ids, shape (n,); `START` and `END` become empty, and `UNKNOWN` becomes U+FFFD."""
        ...

    def joined(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Like `decode`, but for ids in the middle of a text: keep the space before a word."""
        ...

    def to_config(self) -> dict[str, Any]:
        """Return a JSON-compatible description for `units_from_config`."""
        ...


@dataclass(frozen=True)
class _Listed(ABC):
    """Units from a list; anything else is unknown."""

    learned: tuple[str, ...]

    kind: ClassVar[str]
    _between: ClassVar[str] = ""

    @cached_property
    def pieces(self) -> list[str]:
        """The readable unit of each id."""
        return [*_SPECIAL, *self.learned]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.learned, len(_SPECIAL))}

    @abstractmethod
    def _split(self, text: str) -> Iterable[str]: ...

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the ids of texts; see `Units.encode`."""
        find = self._ids.get
        return packed_in_parts(
            texts, lambda some: [[find(piece, UNKNOWN) for piece in self._split(text)] for text in some]
        )

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text of ids; see `Units.decode`."""
        return self._between.join(self._shown(ids))

    def joined(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text of ids; see `Units.joined`."""
        return "".join(self._between + piece for piece in self._shown(ids))

    def _shown(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> Iterable[str]:
        for number in map(int, ids):
            if number not in (START, END):
                yield _REPLACEMENT if number == UNKNOWN else self.learned[number - len(_SPECIAL)]

    @classmethod
    def _checked(cls: type[_V], config: Mapping[str, Any], **options: Any) -> _V:
        learned = config.get("pieces")
        if not isinstance(learned, list) or not all(isinstance(piece, str) and piece for piece in learned):
            raise ValueError("the pieces of a vocabulary must be a list of non-empty texts")
        if len(set(learned)) != len(learned) or not 1 <= len(learned) <= _MOST:
            raise ValueError(f"a vocabulary must have from 1 to {_MOST} pieces, all of them different")
        return cls(tuple(learned), **options)


@dataclass(frozen=True)
class Characters(_Listed):
    """Every character is a unit, including spaces and line feeds. Texts are normalised to NFC.

    Parameters
    ----------
    learned : tuple of str
        The characters, most frequent first.
    """

    kind: ClassVar[str] = "characters"

    @classmethod
    def learn(cls, texts: Iterable[str], size: int | None = None, min_count: int = 1) -> Characters:
        """Collect the characters of texts; see `learn_units`."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_composed(text))
        return cls(_most_frequent(counts, size, min_count))

    def _split(self, text: str) -> Iterable[str]:
        return _composed(text)

    def to_config(self) -> dict[str, Any]:
        """Return the kind and the characters."""
        return {"kind": self.kind, "pieces": list(self.learned)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Characters:
        """Restore the units from a result of `to_config`; raise ValueError if it is invalid."""
        found = cls._checked(config)
        if any(len(piece) != 1 for piece in found.learned):
            raise ValueError("a vocabulary of characters must hold single characters")
        return found


@dataclass(frozen=True)
class Words(_Listed):
    """Every token of a tokenizer is a unit. White space, and characters that the tokenizer drops, are not restored.

    Parameters
    ----------
    learned : tuple of str
        The words, most frequent first.
    tokenizer : Tokenizer
    """

    tokenizer: Tokenizer

    kind: ClassVar[str] = "words"
    _between: ClassVar[str] = " "

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        size: int | None = None,
        min_count: int = 1,
        tokenizer: str | Tokenizer = "whitespace",
    ) -> Words:
        """Collect the words of texts; see `learn_units`."""
        found = get_tokenizer(tokenizer)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(found(text))
        return cls(_most_frequent(counts, size, min_count), found)

    def _split(self, text: str) -> Iterable[str]:
        return self.tokenizer(text)

    def to_config(self) -> dict[str, Any]:
        """Return the kind, the words and the tokenizer."""
        return {"kind": self.kind, "tokenizer": self.tokenizer.to_config(), "pieces": list(self.learned)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Words:
        """Restore the units from a result of `to_config`; raise ValueError if it is invalid."""
        tokenizer = config.get("tokenizer")
        if not isinstance(tokenizer, Mapping):
            raise ValueError("a vocabulary of words must name its tokenizer")
        return cls._checked(config, tokenizer=tokenizer_from_config(tokenizer))


@dataclass(frozen=True)
class Subwords:
    """Subwords by byte-pair encoding. Any text can be encoded; decoding restores it in NFC, without a leading space.

    Parameters
    ----------
    definition : str
        The text of a ``tokenizer.json`` of the library tokenizers, such as from `learn`.

    Raises
    ------
    ValueError
        When used, if the definition is not a byte-pair encoding that begins with `UNKNOWN`, `START` and `END`.
    ModuleNotFoundError
        When used, if the package tokenizers is missing.

    References
    ----------
    .. [1] Sennrich, Haddow and Birch 2016, arXiv:1508.07909 (byte-pair encoding).
    .. [2] Radford et al. 2019, Language models are unsupervised multitask learners, section 2.2 (of bytes).
    """

    definition: str

    kind: ClassVar[str] = "subwords"

    @classmethod
    def learn(cls, texts: Iterable[str], size: int | None = None, min_count: int = 2) -> Subwords:
        """Merge the most frequent pairs of pieces in texts; see `learn_units`."""
        try:
            from tokenizers import Tokenizer as Library
            from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "subwords need the package tokenizers: pip install 'w2v-toolkit[translate]'"
            ) from error
        found = Library(models.BPE())
        found.normalizer = normalizers.NFC()
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        found.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=_SUBWORDS if size is None else size,
            min_frequency=min_count,
            special_tokens=list(_SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        found.train_from_iterator(texts, trainer)
        described = json.loads(found.to_str())
        described["added_tokens"] = []  # "<s>" in a text is just three characters
        return cls(json.dumps(described, ensure_ascii=False))

    @cached_property
    def _tokenizer(self) -> PiecesTokenizer:
        return PiecesTokenizer(self.definition, special=False)

    @cached_property
    def _bytes(self) -> list[bytes]:
        """The bytes of each id."""
        pieces, of_character = self._tokenizer.pieces, _bytes_of_characters()
        if tuple(pieces[: len(_SPECIAL)]) != _SPECIAL:
            raise ValueError(f"a vocabulary of subwords must begin with {', '.join(_SPECIAL)}")
        try:
            learned = [bytes(of_character[c] for c in piece) for piece in pieces[len(_SPECIAL) :]]
        except KeyError as error:
            raise ValueError(f"a vocabulary of subwords must consist of bytes; {error} is not one") from error
        return [_REPLACEMENT.encode(), b"", b"", *learned]

    @cached_property
    def pieces(self) -> list[str]:
        """The unit of each id; a piece that begins a word has a leading space."""
        return [*_SPECIAL, *(piece.decode(errors="replace") for piece in self._bytes[len(_SPECIAL) :])]

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the ids of texts; see `Units.encode`."""
        return self._tokenizer.numbers(texts)

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text of ids; see `Units.decode`."""
        return self.joined(ids).removeprefix(" ")

    def joined(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text of ids; see `Units.joined`."""
        return b"".join(self._bytes[number] for number in map(int, ids)).decode(errors="replace")

    def to_config(self) -> dict[str, Any]:
        """Return the kind and the definition."""
        return {"kind": self.kind, "definition": json.loads(self.definition)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Subwords:
        """Restore the units from a result of `to_config`; raise ValueError if it is invalid."""
        definition = config.get("definition")
        if not isinstance(definition, dict):
            raise ValueError("a vocabulary of subwords must hold the definition of a tokenizer")
        found = cls(json.dumps(definition, ensure_ascii=False))
        found.decode(found.encode(["a"])[0])
        return found


_KINDS: dict[str, type[Characters] | type[Words] | type[Subwords]] = {
    units.kind: units for units in (Characters, Subwords, Words)
}
KINDS = tuple(_KINDS)
"""The names of all kinds of units."""


def learn_units(
    kind: str, texts: Iterable[str], *, size: int | None = None, min_count: int | None = None, **options: Any
) -> Units:
    """Learn a vocabulary.

    Parameters
    ----------
    kind : {"characters", "subwords", "words"}
    texts : iterable of str
    size : int, optional
        Maximum number of units, including the three special ones; by default all characters or words, or 8,000
        subwords.
    min_count : int, optional
        Characters, words or merges that occur less often are left out; by default 1, and 2 for merges.
    **options
        For words: ``tokenizer``.

    Returns
    -------
    Units

    Raises
    ------
    ValueError
        If the kind is unknown, the size is out of range, or the texts are empty.
    ModuleNotFoundError
        For subwords, if the package tokenizers is missing.

    Examples
    --------
    >>> units = learn_units("characters", ["abba"])
    >>> ids, offsets = units.encode(["bad"])
    >>> ids.tolist(), units.decode(ids)
    ([4, 3, 0], 'ba�')
    """
    if kind not in _KINDS:
        raise ValueError(f"units must be one of {', '.join(KINDS)}, not {kind!r:.80}")
    least = len(_SPECIAL) + (256 if kind == Subwords.kind else 1)
    if size is not None and not least <= size <= _MOST:
        raise ValueError(f"a vocabulary of {kind} must have from {least} to {_MOST} units, not {size}")
    chosen: dict[str, Any] = {} if min_count is None else {"min_count": min_count}
    return _KINDS[kind].learn(texts, size, **chosen, **options)


def units_from_config(config: Mapping[str, Any]) -> Units:
    """Restore units from a result of `to_config`.

    Raises
    ------
    ValueError
        If the description is invalid.
    ModuleNotFoundError
        If a package that they need is missing.
    """
    kind = config.get("kind")
    if kind not in KINDS:
        raise ValueError(f"units must be one of {', '.join(KINDS)}, not {kind!r:.80}")
    return _KINDS[kind].from_config(config)


def _most_frequent(counts: Counter[str], size: int | None, min_count: int) -> tuple[str, ...]:
    kept = sorted((-count, piece) for piece, count in counts.items() if count >= min_count)
    if not kept:
        raise ValueError("the texts contain nothing to build a vocabulary from")
    return tuple(piece for _, piece in kept[: None if size is None else size - len(_SPECIAL)])


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@functools.cache
def _bytes_of_characters() -> dict[str, int]:
    """Return the byte for each of the 256 characters that represent bytes in pieces."""
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + i): byte for i, byte in enumerate(hidden)}
