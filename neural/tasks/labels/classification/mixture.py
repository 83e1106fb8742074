"""Mixtures of classifiers: the weighted sum of their logits, with the weights that have the lowest held-out loss.

The members complement one another: character n-grams know the stems of rare words, word vectors know which words are
similar, and layers know the order of words. The loss is convex in the weights. Members are chosen greedily, by the loss
on each half of the held-out texts with weights fitted on the other half, so that none is added by chance.

References
----------
Caruana et al. 2004, Ensemble selection from libraries of models. Hinton 2002, Training products of experts by
minimizing contrastive divergence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.parameters import ParameterTable, Tensor, within
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification.measures import mean_loss, probabilities
from w2v.neural.tasks.labels.classification.network import LayeredConfig
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures
from w2v.neural.tasks.labels.classification.ngrams.linear import LinearConfig
from w2v.neural.tasks.labels.classification.words import TextWords
from w2v.neural.tasks.labels.vectors import VECTORS_FILE

MOST_MEMBERS = 4
_LEAST_GAIN = 0.005
"""Minimum relative decrease of the loss by each further member."""
_LARGEST = 20.0

Floats = NDArray[np.floating[Any]]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class MixedConfig:
    """The networks of a mixture.

    Attributes
    ----------
    members : tuple of LinearConfig or LayeredConfig
        Two or more, of the same classes.
    weights : tuple of float
        Weights of their logits; above 0.

    Raises
    ------
    ValueError
        If they cannot be mixed.
    """

    members: tuple[LinearConfig | LayeredConfig, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))  # JSON has lists
        if len({(own.n_classes, own.one_of_many) for own in self.members}) != 1:
            raise ValueError("the classifiers of a mixture must have the same classes")
        if not 2 <= len(self.members) == len(self.weights) <= MOST_MEMBERS:
            raise ValueError(f"a mixture must have 2 to {MOST_MEMBERS} classifiers, each with a weight")
        if any(type(weight) is not float or not 0 < weight <= _LARGEST for weight in self.weights):
            raise ValueError(f"the weights of a mixture must be numbers above 0 and at most {_LARGEST:g}")

    @property
    def n_classes(self) -> int:
        """K, the number of classes."""
        return self.members[0].n_classes

    @property
    def one_of_many(self) -> bool:
        """Whether every text has exactly one label."""
        return self.members[0].one_of_many

    @property
    def vocabulary_size(self) -> int:
        """Number of features of the first member."""
        return self.members[0].vocabulary_size

    def named_members(self) -> Iterator[tuple[str, LinearConfig | LayeredConfig]]:
        """Yield the members with the prefixes of their parameters' names."""
        return ((f"members.{i}", own) for i, own in enumerate(self.members))

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array."""
        return {name: tensor for at, own in self.named_members() for name, tensor in within(at, own.tensors()).items()}


@dataclass(frozen=True)
class MixedFeatures:
    """The features of texts for each member."""

    members: tuple[BagFeatures | TextWords, ...]

    kind = "words"

    @property
    def pieces(self) -> tuple[str, ...]:
        """The words of the first member."""
        return self.members[0].pieces

    def to_config(self) -> dict[str, Any]:
        """Return the features as JSON values."""
        return {"kind": "mixture", "members": [own.to_config() for own in self.members]}


def mixed(networks: Sequence[TextNetwork], weights: Sequence[float]) -> TextNetwork:
    """Return the mixture of classifiers of the same texts and classes, with the metadata of the first.

    Word vectors that several of them use are stored once.
    """
    config = MixedConfig(tuple(one.config for one in networks), tuple(weights))
    arrays: dict[str, NDArray[Any]] = {}
    further: dict[str, dict[str, NDArray[Any]]] = {}
    for i, ((name, own), one) in enumerate(zip(config.named_members(), networks, strict=True)):
        arrays |= within(name, dict(one.parameters))
        further |= {file_of(file, own, i): found for file, found in one.further.items()}
    features = MixedFeatures(tuple(one.units["features"] for one in networks))
    first = networks[0]
    return TextNetwork(
        first.kind, config, ParameterTable.from_dict(arrays), {"features": features}, first.metadata, further=further
    )


def file_of(name: str, config: LinearConfig | LayeredConfig, number: int) -> str:
    """Return the name of a member's array file in the folder of the mixture."""
    return name if isinstance(config, LayeredConfig) and name == VECTORS_FILE else f"{name}-{number}"


def further_of(further: Mapping[str, Arrays], config: LinearConfig | LayeredConfig, number: int) -> dict[str, Arrays]:
    """Return a member's further arrays, under the names they have outside the mixture."""
    if isinstance(config, LayeredConfig):
        return {name: found for name, found in further.items() if name == VECTORS_FILE}
    end = f"-{number}"
    return {name.removesuffix(end): found for name, found in further.items() if name.endswith(end)}


def best_weights(logits: Sequence[Floats], wanted: NDArray[np.bool_], *, one_of_many: bool) -> list[float]:
    """Return the non-negative weights with the lowest loss.

    Parameters
    ----------
    logits : sequence of ndarray of shape (S, K)
        The logits of each member; S > 0.
    wanted : ndarray of shape (S, K), bool
    one_of_many : bool
        Use softmax over the classes; otherwise a sigmoid for each.
    """
    from scipy.optimize import minimize

    z = np.array(logits, np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        p = probabilities(np.tensordot(weights, z, 1), one_of_many=one_of_many)
        slopes = np.einsum("msk,sk->m", z, p - wanted) / len(wanted)
        return mean_loss(p, wanted, one_of_many=one_of_many), slopes

    start = np.full(len(z), 1 / len(z))
    found = minimize(loss, start, jac=True, bounds=[(0.0, _LARGEST)] * len(z), method="L-BFGS-B")
    return [float(weight) for weight in found.x]


def crossed(logits: Sequence[Floats], wanted: NDArray[np.bool_], *, one_of_many: bool) -> Floats:
    """Return the mixture's logits, shape (S, K), of each half of the texts with weights fitted on the other half."""
    z = np.empty(wanted.shape)
    for half in (0, 1):
        own, other = slice(half, None, 2), slice(1 - half, None, 2)
        weights = best_weights([one[other] for one in logits], wanted[other], one_of_many=one_of_many)
        z[own] = np.tensordot(weights, np.array([one[own] for one in logits], np.float64), 1)
    return z


def choose_members(logits: Sequence[Floats], wanted: NDArray[np.bool_], *, one_of_many: bool) -> list[int]:
    """Return the classifiers whose mixture has the lowest loss, the best one first; possibly a single one."""
    chosen: list[int] = []
    lowest = float("inf")
    while len(chosen) < MOST_MEMBERS:
        losses = {}
        for i in range(len(logits)):
            if i not in chosen:
                z = crossed([logits[j] for j in [*chosen, i]], wanted, one_of_many=one_of_many)
                losses[i] = mean_loss(probabilities(z, one_of_many=one_of_many), wanted, one_of_many=one_of_many)
        best = min(losses, key=losses.__getitem__, default=-1)
        if best < 0 or losses[best] > lowest * (1 - _LEAST_GAIN):
            break
        lowest = losses[best]
        chosen.append(best)
    return chosen
