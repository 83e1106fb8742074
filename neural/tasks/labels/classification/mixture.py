"""Several classifiers together: the weighted sum of their logits, with the weights that suit held-out texts best.

Each knows what the others do not: n-grams of characters know the stems of rare words, word vectors what is near to
what, and layers the order of words. The loss is convex in the weights. Which classifiers take part is decided greedily,
by the loss of each half of the held-out texts with weights that were found on the other: so one that adds nothing but
chance is left out.

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
"""The fraction of the loss that another member must take away."""
_LARGEST = 20.0

Floats = NDArray[np.floating[Any]]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class MixedConfig:
    """Which networks are together.

    Attributes
    ----------
    members : tuple of LinearConfig or LayeredConfig
        Two or more, of the same classes.
    weights : tuple of float
        Of their logits; above 0.

    Raises
    ------
    ValueError
        If they do not go together.
    """

    members: tuple[LinearConfig | LayeredConfig, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))  # JSON has lists
        if len({(own.n_classes, own.one_of_many) for own in self.members}) != 1:
            raise ValueError("classifiers that are together must have the same classes")
        if not 2 <= len(self.members) == len(self.weights) <= MOST_MEMBERS:
            raise ValueError(f"there must be 2 to {MOST_MEMBERS} classifiers, each with a weight")
        if any(type(weight) is not float or not 0 < weight <= _LARGEST for weight in self.weights):
            raise ValueError(f"the weights of classifiers must be numbers above 0, up to {_LARGEST:g}")

    @property
    def n_classes(self) -> int:
        """K."""
        return self.members[0].n_classes

    @property
    def one_of_many(self) -> bool:
        """Whether every text has exactly one label."""
        return self.members[0].one_of_many

    @property
    def vocabulary_size(self) -> int:
        """Features of the first."""
        return self.members[0].vocabulary_size

    def named_members(self) -> Iterator[tuple[str, LinearConfig | LayeredConfig]]:
        """Yield the members, with what the names of their parameters begin with."""
        return ((f"members.{i}", own) for i, own in enumerate(self.members))

    def tensors(self) -> dict[str, Tensor]:
        """Return every array, its shape beside how it starts."""
        return {name: tensor for at, own in self.named_members() for name, tensor in within(at, own.tensors()).items()}


@dataclass(frozen=True)
class MixedFeatures:
    """What texts are made of for each member."""

    members: tuple[BagFeatures | TextWords, ...]

    kind = "words"

    @property
    def pieces(self) -> tuple[str, ...]:
        """Words with a row of their own in the first."""
        return self.members[0].pieces

    def to_config(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"kind": "mixture", "members": [own.to_config() for own in self.members]}


def mixed(networks: Sequence[TextNetwork], weights: Sequence[float]) -> TextNetwork:
    """Return classifiers of the same texts and classes as one; what its folder says is what the first one's does.

    Word vectors that they read as they are, the same of all, are kept once.
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
    """Return what a file of a member's arrays is called in the folder of all."""
    return name if isinstance(config, LayeredConfig) and name == VECTORS_FILE else f"{name}-{number}"


def further_of(further: Mapping[str, Arrays], config: LinearConfig | LayeredConfig, number: int) -> dict[str, Arrays]:
    """Return the arrays that stand beside a member, by the names that it knows them by."""
    if isinstance(config, LayeredConfig):
        return {name: found for name, found in further.items() if name == VECTORS_FILE}
    end = f"-{number}"
    return {name.removesuffix(end): found for name, found in further.items() if name.endswith(end)}


def best_weights(logits: Sequence[Floats], wanted: NDArray[np.bool_], *, one_of_many: bool) -> list[float]:
    """Return the weights, 0 or more, with which what was wanted is most probable.

    Parameters
    ----------
    logits : sequence of ndarray of shape (S, K)
        Of each member; S > 0.
    wanted : ndarray of shape (S, K), bool
    one_of_many : bool
        Softmax over the classes; else a sigmoid for each.
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
    """Return the mixture's logits, shape (S, K), of every other text with weights that the rest of them decided."""
    z = np.empty(wanted.shape)
    for half in (0, 1):
        own, other = slice(half, None, 2), slice(1 - half, None, 2)
        weights = best_weights([one[other] for one in logits], wanted[other], one_of_many=one_of_many)
        z[own] = np.tensordot(weights, np.array([one[own] for one in logits], np.float64), 1)
    return z


def choose_members(logits: Sequence[Floats], wanted: NDArray[np.bool_], *, one_of_many: bool) -> list[int]:
    """Return which classifiers are better together, the best of them first; perhaps one only."""
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
