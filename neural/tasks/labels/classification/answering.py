"""What a trained classifier answers, whatever its network is: logits, and where they come from.

A mixture answers with the weighted sum of its members' logits. Softmax makes of it the product of their probabilities,
each to the power of its weight, over what these add up to: p_k ~ Π_m p_mk ** w_m. Where all members are linear, so is
the mixture, and what words contribute to its logits is the same sum of what they contribute to those of each member.
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
    """What a network says of texts."""

    @property
    def is_exact(self) -> bool:
        """Whether `contributions` knows them."""
        ...

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the logits of texts, shape (S, K)."""
        ...

    def contributions(self, text: str, temperature: float) -> Contributions:
        """Return what each word of a text adds to the logits over the temperature; only where `is_exact`."""
        ...


@dataclass(frozen=True)
class LinearAnswers:
    """Those of a network without layers."""

    features: BagFeatures
    linear: Linear
    tree: HuffmanTree | None
    is_sum: bool

    @property
    def is_exact(self) -> bool:
        """Whether the logits are a sum over features: those of a tree are not."""
        return self.tree is None

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the logits of texts; of a tree log p."""
        z = linear_logits(self.linear, self.features.find(texts), is_sum=self.is_sum)
        return z if self.tree is None else tree_log_probabilities(z, self.tree)

    def contributions(self, text: str, temperature: float) -> Contributions:
        """Return what each word adds."""
        return linear_contributions(self.features, self.linear, text, temperature, is_sum=self.is_sum)


@dataclass(frozen=True)
class LayeredAnswers:
    """Those of a network with layers."""

    config: LayeredConfig
    parameters: Arrays
    words: TextWords
    vectors: NDArray[Any]

    is_exact = False

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the logits of texts."""
        return layered_logits(self.config, self.parameters, self.words, self.vectors, texts, workers)

    def contributions(self, text: str, temperature: float) -> Contributions:
        """Raise NotImplementedError: no word has a part of its own."""
        raise NotImplementedError("words are left out of a network with layers")


@dataclass(frozen=True)
class MixedAnswers:
    """Those of several networks together."""

    members: tuple[Answers, ...]
    weights: tuple[float, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every member is."""
        return all(member.is_exact for member in self.members)

    def logits(self, texts: Sequence[str], workers: int) -> NDArray[Any]:
        """Return the weighted sum of the members' logits."""
        each = zip(self.members, self.weights, strict=True)
        found: NDArray[Any] = np.add.reduce([weight * member.logits(texts, workers) for member, weight in each])
        return found

    def contributions(self, text: str, temperature: float) -> Contributions:
        """Return the weighted sum of what each word adds to the members' logits."""
        each = [
            member.contributions(text, temperature / weight)
            for member, weight in zip(self.members, self.weights, strict=True)
        ]
        values, rest = (np.add.reduce([getattr(own, name) for own in each]) for name in ("values", "rest"))
        return Contributions(each[0].words, values, rest, True)


def answers_of(config: Any, parameters: Arrays, features: Any, further: Mapping[str, Arrays]) -> Answers:
    """Return what a network answers; ValueError if its parts do not belong together.

    Parameters
    ----------
    config : LinearConfig, LayeredConfig or MixedConfig
    parameters : mapping of str to ndarray
    features : BagFeatures, TextWords or MixedFeatures
    further : mapping of str to (mapping of str to ndarray)
        Arrays that stand beside the network.
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
    """Return what a network without layers answers; ValueError if its parts do not belong together."""
    own = replace(features, numbers=checked_numbers(further[BUCKETS_FILE].get("numbers")))
    if own.n_rows != config.n_rows:
        raise ValueError(f"there are {own.n_rows} features, but the network has {config.n_rows}")
    tables = dict(parameters)
    if config.is_small:
        tables[TABLE] = rows_of_small(further[ROWS_FILE], config)
    tree = tree_of(further[TREE_FILE], config.n_classes) if config.is_tree else None
    return LinearAnswers(own, linear_of(tables), tree, config.is_sum)
