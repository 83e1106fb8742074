"""The logits of a trained classifier, whatever its network, and the contributions of words.

The logits of a mixture are the weighted sum of its members' logits. So its probabilities are proportional to the
product of theirs, each to the power of its weight: p_k ~ Π_m p_mk ** w_m. If all members are linear, so is the mixture,
and the contributions of words are the same weighted sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.bags import Linear
from w2v.neural.parameters import scope
from w2v.neural.tasks.labels.classification.contributions import Contributions, linear_contributions
from w2v.neural.tasks.labels.classification.folder import BUCKETS_FILE, ROWS_FILE, TREE_FILE
from w2v.neural.tasks.labels.classification.layered import layered_logits
from w2v.neural.tasks.labels.classification.mixture import MixedConfig, further_of
from w2v.neural.tasks.labels.classification.network import LayeredConfig
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures, checked_numbers
from w2v.neural.tasks.labels.classification.ngrams.linear import (
    TABLE,
    LinearConfig,
    linear_logits,
    linear_of,
    rows_of_small,
    tree_log_probabilities,
    tree_of,
)
from w2v.neural.tasks.labels.classification.words import TextWords
from w2v.neural.tasks.labels.vectors import given_table
from w2v.training.huffman import HuffmanTree

Arrays = Mapping[str, NDArray[Any]]


class Answers(Protocol):
    """The logits of a network for texts."""

    @property
    def is_exact(self) -> bool:
        """Whether the logits are a sum over words, so that there are `contributions`."""
        ...

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the logits of texts, shape (S, K)."""
        ...

    def contributions(self, text: str, temperature: float) -> Contributions | None:
        """Return the contribution of each word to the logits, divided by the temperature; None unless `is_exact`."""
        ...


@dataclass(frozen=True)
class LinearAnswers:
    """The logits of a network without layers."""

    features: BagFeatures
    linear: Linear
    tree: HuffmanTree | None
    is_sum: bool

    @property
    def is_exact(self) -> bool:
        """Whether the logits are a sum over features; those of a hierarchical softmax are not."""
        return self.tree is None

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the logits of texts, shape (S, K); log p for a hierarchical softmax."""
        z = linear_logits(self.linear, self.features.find(texts), is_sum=self.is_sum)
        return z if self.tree is None else tree_log_probabilities(z, self.tree)

    def contributions(self, text: str, temperature: float) -> Contributions | None:
        """Return the contribution of each word to the logits."""
        if not self.is_exact:
            return None
        return linear_contributions(self.features, self.linear, text, temperature, is_sum=self.is_sum)


@dataclass(frozen=True)
class LayeredAnswers:
    """The logits of a network with layers."""

    config: LayeredConfig
    parameters: Arrays
    words: TextWords
    vectors: NDArray[Any]

    is_exact = False

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the logits of texts."""
        return layered_logits(self.config, self.parameters, self.words, self.vectors, texts, workers)

    def contributions(self, text: str, temperature: float) -> None:
        """Return None: with layers, logits are not a sum over words."""


@dataclass(frozen=True)
class MixedAnswers:
    """The logits of a mixture of networks."""

    members: tuple[Answers, ...]
    weights: tuple[float, ...]

    @property
    def is_exact(self) -> bool:
        """Whether the logits of every member are a sum over words."""
        return all(member.is_exact for member in self.members)

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the weighted sum of the members' logits."""
        each = zip(self.members, self.weights, strict=True)
        found: NDArray[Any] = np.add.reduce([weight * member.logits(texts, workers) for member, weight in each])
        return found

    def contributions(self, text: str, temperature: float) -> Contributions | None:
        """Return the weighted sum of each word's contributions to the members' logits."""
        each = list[Contributions]()
        for member, weight in zip(self.members, self.weights, strict=True):
            own = member.contributions(text, temperature / weight)
            if own is None:
                return None
            each.append(own)
        values, rest = (np.add.reduce([getattr(own, name) for own in each]) for name in ("values", "rest"))
        return Contributions(each[0].words, values, rest, True)


def answers_of(config: Any, parameters: Arrays, features: Any, further: Mapping[str, Arrays]) -> Answers:
    """Return the answers of a network; ValueError if its parts are inconsistent.

    Parameters
    ----------
    config : LinearConfig, LayeredConfig or MixedConfig
    parameters : mapping of str to ndarray
    features : BagFeatures, TextWords or MixedFeatures
    further : mapping of str to (mapping of str to ndarray)
        Arrays stored with the network.
    """
    if isinstance(config, MixedConfig):
        members = tuple(
            answers_of(own, scope(parameters, name), features.members[i], further_of(further, own, i))
            for i, (name, own) in enumerate(config.named_members())
        )
        return MixedAnswers(members, config.weights)
    if isinstance(config, LayeredConfig):
        return LayeredAnswers(config, parameters, features, given_table(further))
    return opened_linear(config, parameters, features, further)


def opened_linear(
    config: LinearConfig, parameters: Arrays, features: BagFeatures, further: Mapping[str, Arrays]
) -> LinearAnswers:
    """Return the answers of a network without layers; ValueError if its parts are inconsistent."""
    own = replace(features, numbers=checked_numbers(further[BUCKETS_FILE].get("numbers")))
    if own.n_rows != config.n_rows:
        raise ValueError(f"there are {own.n_rows} features, but the network has {config.n_rows}")
    tables = dict(parameters)
    if config.is_small:
        tables[TABLE] = rows_of_small(further[ROWS_FILE], config)
    tree = tree_of(further[TREE_FILE], config.n_classes) if config.is_tree else None
    return LinearAnswers(own, linear_of(tables), tree, config.is_sum)
