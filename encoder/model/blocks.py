"""The further blocks of a sentence vector: a hashed bag of words, and the plain mean of the word vectors.

The first block, s, comes from table, weights and network; see `w2v.encoder.model.state.EncoderState`. Each further
block is made of the same words, scaled to unit length and multiplied by its weight, so that it counts the same for
short and long sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.parameters import BAG_A, BAG_COLUMNS, BAG_PREFIX, BAG_WEIGHT, check_parameter

MEAN = "mean"
"""Name of the array of the vectors whose mean is a block."""


@dataclass(frozen=True)
class HashedBag:
    """A hashed bag of words: the prefix of each word decides the column that it counts in, and the sign.

    Parameters
    ----------
    columns : int
        Number of columns. Two prefixes collide with probability 1 / `columns`.
    weight : float
        Length of the block relative to the first block.
    a : float
        A word of probability p counts a / (a + p), an unknown word 1.
    prefix : int, default 0
        Code points of the prefix: with 4, "play", "plays" and "playing" are the same. 0 uses the whole word.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    With the output h of SplitMix64 for the FNV-1a hash of the beginning's UTF-8 bytes, as in
    `w2v.encoder.model.identity.Identity`, the column is ``(h >> 1) % columns``, and the sign is minus if the last bit
    of h is set. Saved encoders depend on this.

    References
    ----------
    .. [1] Weinberger, Dasgupta, Langford, Smola and Attenberg 2009, Feature hashing for large scale multitask learning,
       ICML, definition 1.
    .. [2] McNamee and Mayfield 2004, Character n-gram tokenization for European language text retrieval, Information
       Retrieval 7: words cut after their first letters, instead of a stemmer.
    """

    columns: int
    weight: float
    a: float
    prefix: int = 0

    def __post_init__(self) -> None:
        check_parameter("bag_columns", self.columns)
        check_parameter("bag_weight", self.weight)
        check_parameter("a", self.a)
        check_parameter("bag_prefix", self.prefix)
        if not self.columns or not self.weight:
            raise ValueError("a block needs at least one column, and a weight above 0")

    def beginnings(self, words: Sequence[str]) -> Sequence[str]:
        """Return the prefix of each word."""
        return [word[: self.prefix] for word in words] if self.prefix else words


DEFAULT_BAG = HashedBag(BAG_COLUMNS, BAG_WEIGHT, BAG_A, BAG_PREFIX)


@dataclass(frozen=True, eq=False)
class PlainMean:
    """The plain mean of the word vectors.

    Attributes
    ----------
    vectors : ndarray of shape (V, m), float32, C-contiguous
        The vectors of the vocabulary. Unknown words are left out.
    weight : float
        Length of the block relative to the first block.

    Raises
    ------
    TypeError
        If the array has another type.
    ValueError
        If it has another shape, or the weight is out of range.
    """

    vectors: NDArray[np.float32]
    weight: float

    def __post_init__(self) -> None:
        check_parameter("mean_weight", self.weight)
        if not self.weight:
            raise ValueError("a block needs a weight above 0")
        if self.vectors.dtype != np.float32:
            raise TypeError(f"the vectors of a mean must be float32, not {self.vectors.dtype}")
        if self.vectors.ndim != 2 or not self.vectors.shape[1]:
            raise ValueError(f"the vectors of a mean cannot have the shape {self.vectors.shape}")


@dataclass(frozen=True, eq=False)
class Blocks:
    """The further blocks in the order of their columns; None if the encoder lacks one."""

    bag: HashedBag | None = None
    mean: PlainMean | None = None

    def __bool__(self) -> bool:
        return self.bag is not None or self.mean is not None

    @property
    def columns(self) -> int:
        """The number of columns of all further blocks."""
        return (self.bag.columns if self.bag else 0) + (self.mean.vectors.shape[1] if self.mean else 0)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return the configuration for `from_config`, which also takes `tensors`; an infinite `a` is None."""
        described: dict[str, dict[str, Any]] = {}
        if self.bag is not None:
            a = self.bag.a if math.isfinite(self.bag.a) else None
            described["bag"] = {**vars(self.bag), "a": a}
        if self.mean is not None:
            described[MEAN] = {"columns": int(self.mean.vectors.shape[1]), "weight": self.mean.weight}
        return described

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {} if self.mean is None else {MEAN: self.mean.vectors}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Blocks:
        """Return the blocks that `describe` and `tensors` described; the input may be untrusted.

        Raises
        ------
        TypeError, ValueError
            If something is missing, unknown, out of range or of a wrong type or shape.
        """
        if not config or set(config) - {"bag", MEAN}:
            raise ValueError("blocks must contain a bag, a mean or both, and nothing else")
        bag = mean = None
        if "bag" in config:
            described = _entries(config, "bag", {"columns", "weight", "a", "prefix"})
            bag = HashedBag(**described | {"a": math.inf if described["a"] is None else described["a"]})
        if MEAN in config:
            described = _entries(config, MEAN, {"columns", "weight"})
            if MEAN not in tensors:
                raise ValueError("the array of the mean is missing")
            if tensors[MEAN].ndim != 2 or tensors[MEAN].shape[1] != described["columns"]:
                raise ValueError(f"the array of the mean has the shape {tensors[MEAN].shape}")
            mean = PlainMean(tensors[MEAN], described["weight"])
        return cls(bag, mean)


def _entries(config: Mapping[str, Any], name: str, wanted: set[str]) -> dict[str, Any]:
    """Return the entries of a block; ValueError if any is missing or unknown."""
    described = config[name]
    if not isinstance(described, dict) or set(described) != wanted:
        raise ValueError(f"the {name} must contain {', '.join(sorted(wanted))}")
    return described


NO_BLOCKS = Blocks()
