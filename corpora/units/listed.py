"""Units from a list, characters or words; anything else is unknown."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import packed_in_parts
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer, tokenizer_from_config
from w2v.corpora.units.protocol import END, MOST, REPLACEMENT, SPECIAL, START, UNKNOWN

_V = TypeVar("_V", bound="_Listed")


@dataclass(frozen=True)
class _Listed(ABC):
    """Units from a list; anything else is unknown."""

    learned: tuple[str, ...]

    kind: ClassVar[str]
    _between: ClassVar[str] = ""

    @cached_property
    def pieces(self) -> list[str]:
        """The readable unit of each id."""
        return [*SPECIAL, *self.learned]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.learned, len(SPECIAL))}

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
                yield REPLACEMENT if number == UNKNOWN else self.learned[number - len(SPECIAL)]

    @classmethod
    def _checked(cls: type[_V], config: Mapping[str, Any], **options: Any) -> _V:
        learned = config.get("pieces")
        if not isinstance(learned, list) or not all(isinstance(piece, str) and piece for piece in learned):
            raise ValueError("the pieces of a vocabulary must be a list of non-empty texts")
        if len(set(learned)) != len(learned) or not 1 <= len(learned) <= MOST:
            raise ValueError(f"a vocabulary must have from 1 to {MOST} pieces, all of them different")
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


def _most_frequent(counts: Counter[str], size: int | None, min_count: int) -> tuple[str, ...]:
    kept = sorted((-count, piece) for piece, count in counts.items() if count >= min_count)
    if not kept:
        raise ValueError("the texts contain nothing to build a vocabulary from")
    return tuple(piece for _, piece in kept[: None if size is None else size - len(SPECIAL)])


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
