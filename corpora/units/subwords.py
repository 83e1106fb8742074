"""Subwords by byte-pair encoding: any text can be encoded."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.units.protocol import REPLACEMENT, SPECIAL

_SUBWORDS = 8000


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
            special_tokens=list(SPECIAL),
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
        if tuple(pieces[: len(SPECIAL)]) != SPECIAL:
            raise ValueError(f"a vocabulary of subwords must begin with {', '.join(SPECIAL)}")
        try:
            learned = [bytes(of_character[c] for c in piece) for piece in pieces[len(SPECIAL) :]]
        except KeyError as error:
            raise ValueError(f"a vocabulary of subwords must consist of bytes; {error} is not one") from error
        return [REPLACEMENT.encode(), b"", b"", *learned]

    @cached_property
    def pieces(self) -> list[str]:
        """The unit of each id; a piece that begins a word has a leading space."""
        return [*SPECIAL, *(piece.decode(errors="replace") for piece in self._bytes[len(SPECIAL) :])]

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


@functools.cache
def _bytes_of_characters() -> dict[str, int]:
    """Return the byte for each of the 256 characters that represent bytes in pieces."""
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + i): byte for i, byte in enumerate(hidden)}
