"""The stages of a training: one for each source of training data, and up to three for the first source.

If the word vectors are trained alone first, a network joins in a second stage. To compare the two, the network is tried
between these stages on top of fixed word vectors, so that any gain comes from the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.state import EncoderState
from w2v.encoder.training.fit_options import FitOptions

_TRIED = " tried"
_PART = 4
"""Fraction of a source's time for the word vectors alone; a trial gets the same, and that fraction of the steps."""


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a training.

    Attributes
    ----------
    kind : str
        Kind of training data.
    options : FitOptions
    table_alone : bool
        Train only the word vectors, even if there is a network.
    above : str or None
        The architecture of a network that joins word vectors trained in an earlier stage.
    is_trial : bool
        Keep the network only if it lowers the loss.
    """

    kind: str
    options: FitOptions
    table_alone: bool = False
    above: str | None = None
    is_trial: bool = False

    @property
    def label(self) -> str:
        """The name of the stage in the history."""
        name = self.kind if self.above is None else f"{self.kind}, {self.above}"
        return f"{name}{_TRIED}" if self.is_trial else name


class Comparison(NamedTuple):
    """Held-out losses of the word vectors alone and of the best network on top; the lower one is kept."""

    table: float
    network: float

    @property
    def gain(self) -> float:
        """The relative decrease of the loss by the network."""
        return 1 - self.network / self.table


def plan_stages(
    state: EncoderState, every: Mapping[str, FitOptions], resume: Mapping[str, NDArray[Any]] | None
) -> list[PlannedStage]:
    """Return the stages of a training.

    A network that is already trained continues to train together with its word vectors.

    Parameters
    ----------
    state : EncoderState
        Initial or resumed state.
    every : mapping of str to FitOptions
        The options of each source.
    resume : mapping of str to ndarray, optional
        Saved state of an interrupted training.

    Raises
    ------
    ValueError
        If a comparison with the network is not possible, or `resume` does not match the training.
    """
    kinds = list(every)
    first = kinds[0]
    stages = [PlannedStage(kind, options) for kind, options in every.items()]
    if (time := every[first].max_time) is not None:
        stages = [replace(stage, options=replace(stage.options, max_time=time / len(kinds))) for stage in stages]
    is_split = bool(every[first].table_first) and first != "masked" and is_idle(state)
    if resume is not None:
        is_split = _n_resumed(resume, len(kinds)) > len(kinds)
    elif every[first].choose and not is_split:
        raise ValueError(
            "choose compares an untrained network with the word vectors alone: pass "
            "architecture='attention' or another network, and no objective but neighbors"
        )
    if not is_split:
        return stages
    own = stages[0].options
    part = None if own.max_time is None else own.max_time / _PART
    alone = PlannedStage(first, replace(own, max_time=part), table_alone=True)
    joined = PlannedStage(first, own, above=state.architecture)
    if not own.choose:
        return [alone, _shorter(joined, part), *stages[1:]]
    few = replace(own, learning_rate=0.0, weight_rate=0.0, steps=max((own.steps or 1) // _PART, 1), max_time=part)
    tried = PlannedStage(first, few, above=state.architecture, is_trial=True)
    return [alone, tried, _shorter(joined, part and 2 * part), *stages[1:]]


def _shorter(stage: PlannedStage, by: float | None) -> PlannedStage:
    """Return a stage with less time, if time is limited."""
    time = stage.options.max_time
    return stage if by is None or time is None else replace(stage, options=replace(stage.options, max_time=time - by))


def comparison(history: Sequence[Mapping[str, Any]]) -> Comparison | None:
    """Return the comparison of a tried network with its word vectors from the history; None if none was tried."""
    losses = [entry["held_out_loss"] for entry in history if entry["stage"].endswith(_TRIED)]
    return Comparison(losses[0], min(losses)) if losses else None


def is_idle(state: EncoderState) -> bool:
    """Return whether there is a network that adds nothing yet to the word vectors."""
    if state.network is None or state.parameters is None or state.network.head != "branch":
        return False
    return not any(state.parameters[f"output.{name}"].any() for name in ("weight", "bias"))


def _n_resumed(resume: Mapping[str, NDArray[Any]], n_kinds: int) -> int:
    """Return the number of stages of the resumed training; ValueError if it is a different training."""
    stage = resume.get("stage")
    if stage is not None and stage.shape == (1,):  # written by a version that did not train the table first
        stage = np.append(stage, n_kinds)
    if stage is None or stage.shape != (2,) or stage[1] - n_kinds not in (0, 1, 2) or not 0 <= stage[0] < stage[1]:
        raise ValueError("the saved state to resume does not belong to this kind of training")
    return int(stage[1])
