"""A network in training, as `loop.Loop` takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.neural import models
from w2v.neural.models import Losses, Regularisation
from w2v.neural.optimizers.adam import Adam
from w2v.neural.optimizers.gradients import clip_by_norm, weight_decays
from w2v.neural.optimizers.muon import Muon
from w2v.neural.parameters import ParameterTable
from w2v.neural.persistence import Optimizer, optimizer_state, restore_arrays, restore_optimizers
from w2v.settings.environment import default_workers


class Sized(Protocol):
    """The batch of a training step."""

    @property
    def n_tokens(self) -> int:
        """Number of tokens or other items that have a loss."""
        ...


class Network(Protocol):
    """The losses of a kind of network: two functions, such as those of the module `w2v.neural.models`."""

    def add_gradients(
        self,
        config: Any,
        parameters: ParameterTable,
        batch: Any,
        totals: Sequence[ParameterTable],
        *,
        regularisation: Regularisation,
        seed: int,
        scale: float,
        most_tokens: int = ...,
    ) -> Losses:
        """Add the gradients of scale · Σ smoothed loss to totals[0]; see `models.add_gradients`."""
        ...

    def token_losses(
        self, config: Any, parameters: Any, batch: Any, *, workers: int = ..., most_tokens: int = ...
    ) -> NDArray[Any]:
        """Return the loss of every token, without dropout."""
        ...


@dataclass(frozen=True)
class LearningOptions:
    """How a network learns from its batches.

    Attributes
    ----------
    rate : float
        Peak learning rate.
    optimizer : {"muon", "adam"}
        Optimizer of the matrices of linear layers; Adam updates all other parameters.
    betas : (float, float)
        Betas of Adam.
    weight_decay : float
        Weight decay of tables and matrices.
    clip : float
        Maximum gradient norm.
    regularisation : Regularisation
    part : int
        Tokens that a thread processes at once before it accumulates gradients. This bounds memory and changes only the
        last bits of gradients.
    seed : int
    workers : int
        Number of threads, which share the sequences of a batch.
    """

    rate: float = 1e-3
    optimizer: str = "muon"
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.0
    clip: float = 1.0
    regularisation: Regularisation = Regularisation()
    part: int = 2048
    seed: int = 1
    workers: int = field(default_factory=default_workers)


class Trainable:
    """The parameters of a network while they are trained: a `loop.Model`.

    Parameters
    ----------
    config : dataclass
        Configuration of the network, such as a `CausalConfig`.
    parameters : ParameterTable
        Initial parameters, which are updated in place.
    batches : callable
        From the number of a step to its batch: the same number gives the same batch.
    held_out : Batch
        Held-out data of any size.
    options : LearningOptions
    network : Network
        Computes the loss of a batch; by default that of a model of `w2v.neural.models`.
    """

    losses = ("smoothed", "plain")

    def __init__(
        self,
        config: Any,
        parameters: ParameterTable,
        batches: Callable[[int], Sized],
        held_out: Sized,
        options: LearningOptions,
        network: Network = models,
    ) -> None:
        self.config, self.table, self.options, self.network = config, parameters, options, network
        self._batches, self._held_out = batches, held_out
        self._muon = Muon(parameters, weight_decay=options.weight_decay) if options.optimizer == "muon" else None
        decays: Any = 0.0
        if options.weight_decay:
            table = weight_decays(parameters, options.weight_decay)
            self._leave_to_adam(table)
            decays = table.flat
        self._adam = Adam(parameters.flat.shape, weight_decay=decays, betas=options.betas, dtype=parameters.dtype)
        self._totals = [parameters.zeros_like() for _ in range(options.workers)]

    def accumulate(self, step: int) -> tuple[float, float]:
        """Accumulate the gradients of a step; return the means of its smoothed and its plain losses."""
        batch, options = self._batches(step), self.options
        self._totals[0].flat[:] = 0
        losses = self.network.add_gradients(
            self.config, self.table, batch, self._totals, regularisation=options.regularisation,
            seed=(options.seed << 32) + step, scale=1 / batch.n_tokens, most_tokens=options.part,
        )  # fmt: skip
        return losses.smoothed / batch.n_tokens, losses.plain / batch.n_tokens

    def update(self, scale: float) -> None:
        """Clip the accumulated gradients and update the parameters."""
        gradients, rate = self._totals[0], self.options.rate * scale
        clip_by_norm([gradients.flat], self.options.clip)
        if self._muon is not None:
            self._muon.step(self.table, gradients, rate, workers=self.options.workers)
            self._leave_to_adam(gradients)
        self._adam.step(self.table.flat, gradients.flat, rate)

    def _leave_to_adam(self, table: ParameterTable) -> None:
        """Zero the gradients of Muon's parameters: Adam does not change parameters without gradient and decay."""
        if self._muon is not None:
            for name in self._muon.momentum:
                table[name][...] = 0

    def held_out_loss(self) -> float:
        """Return the mean of −log p over the held-out tokens; its exponential is the perplexity."""
        losses = self.network.token_losses(
            self.config, self.table, self._held_out, workers=self.options.workers, most_tokens=self.options.part
        )
        return float(losses.mean(dtype=np.float64))

    def all_finite(self) -> bool:
        """Return whether all parameters are finite."""
        return self.table.all_finite()

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return the parameters, not copied."""
        return {"network": self.table.flat}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return all arrays needed to resume training, not copied."""
        return self.parameters() | optimizer_state(self._optimizers)

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Restore the arrays of `tensors`.

        Raises
        ------
        ValueError
            If an array is missing or has another shape.
        """
        restore_arrays(self.parameters(), tensors)
        restore_optimizers(self._optimizers, tensors)

    @property
    def _optimizers(self) -> dict[str, Optimizer]:
        every: dict[str, Optimizer] = {"adam": self._adam}
        return every if self._muon is None else every | {"muon": self._muon}
