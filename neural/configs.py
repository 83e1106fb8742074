"""The configurations of a language model and of a translator: their sizes, and the shape of every array."""

from __future__ import annotations

from dataclasses import dataclass

from w2v.neural.parameters import Tensor, within
from w2v.neural.stack import StackConfig

UNKNOWN, START, END = 0, 1, 2
"""Ids present in every vocabulary: of unknown tokens, and of the start and end of a sequence."""


@dataclass(frozen=True)
class CausalConfig:
    """The configuration of a language model: a decoder alone.

    Attributes
    ----------
    vocabulary_size : int
        Number of input and output tokens.
    decoder : StackConfig
        Must be causal and have no memory.

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    vocabulary_size: int
    decoder: StackConfig

    table = source_table = "embedding.table"
    encoder = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Size of each of its vocabularies."""
        return (self.vocabulary_size,)

    def __post_init__(self) -> None:
        _check_decoder(self.decoder, self.vocabulary_size)
        if self.decoder.memory_size is not None:
            raise ValueError("a language model has no memory: memory_size must be None")

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array.

        The names are ``embedding.table``, ``output.bias``, and ``decoder.…`` as in `StackConfig.tensors`.
        """
        return _decoder_tensors(self.table, self.vocabulary_size, self.decoder)


@dataclass(frozen=True)
class TranslatorConfig:
    """The configuration of a translator: an encoder of the source, and a decoder that attends to its output.

    Attributes
    ----------
    source_size, target_size : int
        Vocabulary sizes of the two languages.
    encoder : StackConfig
    decoder : StackConfig
        Must be causal, with the encoder's `dim` as its `memory_size`.
    joint : bool
        Whether both languages share one table and one vocabulary.
    summary : bool
        Whether the decoder only sees the mean of the source's hidden states: one vector, whatever the source's length.

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    source_size: int
    target_size: int
    encoder: StackConfig
    decoder: StackConfig
    joint: bool = True
    summary: bool = False

    def __post_init__(self) -> None:
        _check_decoder(self.decoder, self.target_size)
        _check_size(self.source_size)
        if self.encoder.causal or self.encoder.memory_size is not None:
            raise ValueError("the encoder must not be causal and must have no memory")
        if self.decoder.memory_size != self.encoder.dim:
            raise ValueError(f"memory_size must be the encoder's dim, {self.encoder.dim}")
        if self.joint and (self.source_size, self.encoder.dim) != (self.target_size, self.decoder.dim):
            raise ValueError("with a joint table both sides must have the same vocabulary and dim")

    @property
    def table(self) -> str:
        """Name of the target's embedding table."""
        return "embedding.table" if self.joint else "target.table"

    @property
    def source_table(self) -> str:
        """Name of the source's embedding table."""
        return "embedding.table" if self.joint else "source.table"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Size of each of its vocabularies."""
        return self.source_size, self.target_size

    @property
    def vocabulary_size(self) -> int:
        """Number of output tokens."""
        return self.target_size

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array.

        The names are ``embedding.table``, or ``source.table`` and ``target.table``, ``output.bias``, and ``encoder.…``
        and ``decoder.…`` as in `StackConfig.tensors`.
        """
        arrays = _decoder_tensors(self.table, self.target_size, self.decoder)
        arrays[self.source_table] = _embedding(self.source_size, self.encoder.dim)
        return arrays | within("encoder", self.encoder.tensors())


Config = CausalConfig | TranslatorConfig


def _check_decoder(decoder: StackConfig, vocabulary_size: int) -> None:
    if not decoder.causal:
        raise ValueError("the decoder must be causal: it must not see the tokens it predicts")
    _check_size(vocabulary_size)


def _check_size(vocabulary_size: int) -> None:
    if vocabulary_size <= END + 1:
        raise ValueError(f"a vocabulary must have more than {END + 1} tokens, not {vocabulary_size}")


def _embedding(vocabulary_size: int, dim: int) -> Tensor:
    return Tensor((vocabulary_size, dim), dim**-0.5)


def _decoder_tensors(table: str, vocabulary_size: int, decoder: StackConfig) -> dict[str, Tensor]:
    arrays = {table: _embedding(vocabulary_size, decoder.dim), "output.bias": Tensor((vocabulary_size,))}
    return arrays | within("decoder", decoder.tensors())
