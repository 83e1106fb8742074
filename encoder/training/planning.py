"""The stages of a training: one for each source, and of the first up to three.

Where the table learns alone first, a network joins it in a second stage. Where the two are to be compared, the network
is tried between them, above a table that stays as it is: so what is gained there, the network has gained.
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
"""A quarter of the time of a source is the table's alone; a trial gets another, and a quarter of the steps."""


@dataclass(frozen=True)
class PlannedStage:
    """What a stage does.

    Attributes
    ----------
    kind : str
        What is trained on.
    options : FitOptions
    table_alone : bool
        The network, if there is one, takes no part.
    above : str or None
        The architecture of the network that joins a table which learned in a stage before.
    is_trial : bool
        The network is kept only if it gains.
    """

    kind: str
    options: FitOptions
    table_alone: bool = False
    above: str | None = None
    is_trial: bool = False

    @property
    def label(self) -> str:
        """What the history calls the stage."""
        name = self.kind if self.above is None else f"{self.kind}, {self.above}"
        return f"{name}{_TRIED}" if self.is_trial else name


class Comparison(NamedTuple):
    """Held-out losses of a table alone, and of the best network above it; what has the lower one is kept."""

    table: float
    network: float

    @property
    def gain(self) -> float:
        """How much lower the network's loss is, over the table's."""
        return 1 - self.network / self.table


def plan_stages(
    state: EncoderState, every: Mapping[str, FitOptions], resume: Mapping[str, NDArray[Any]] | None
) -> list[PlannedStage]:
    """Return the stages of a training.

    A network that has learned already is not left aside: it goes on with its table.

    Parameters
    ----------
    state : EncoderState
        Where it starts, or where it goes on.
    every : mapping of str to FitOptions
        The options of each source.
    resume : mapping of str to ndarray, optional
        What an interrupted training goes on with.

    Raises
    ------
    ValueError
        If a network is to be compared with its table and cannot be, or `resume` is not of such a training.
    """
    kinds = list(every)
    first = kinds[0]
    stages = [PlannedStage(kind, options) for kind, options in every.items()]
    if (time := every[first].max_time) is not None:
        stages = [replace(stage, options=replace(stage.options, max_time=time / len(kinds))) for stage in stages]
    is_split = bool(every[first].table_first) and first != "masked" and _is_idle(state)
    if resume is not None:
        is_split = _n_resumed(resume, len(kinds)) > len(kinds)
    elif every[first].choose and not is_split:
        raise ValueError(
            "choose compares a network that has learned nothing yet with the table alone: pass "
            "architecture='attention', 'recurrent' or 'convolution' and no objective but neighbors"
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
    """Return a stage with less time, if that is limited."""
    time = stage.options.max_time
    return stage if by is None or time is None else replace(stage, options=replace(stage.options, max_time=time - by))


def comparison(history: Sequence[Mapping[str, Any]]) -> Comparison | None:
    """Return how a network that was tried compares with its table, from what a training measured; None if none was."""
    losses = [entry["held_out_loss"] for entry in history if entry["stage"].endswith(_TRIED)]
    return Comparison(losses[0], min(losses)) if losses else None


def _is_idle(state: EncoderState) -> bool:
    """Say whether there is a network that adds nothing yet to the words' vectors."""
    if state.network is None or state.parameters is None or state.network.head != "branch":
        return False
    return not any(state.parameters[f"output.{name}"].any() for name in ("weight", "bias"))


def _n_resumed(resume: Mapping[str, NDArray[Any]], n_kinds: int) -> int:
    """Return how many stages the training that is resumed has; ValueError if it is another one."""
    stage = resume.get("stage")
    if stage is not None and stage.shape == (1,):  # of a version that had no table of its own first
        stage = np.append(stage, n_kinds)
    if stage is None or stage.shape != (2,) or stage[1] - n_kinds not in (0, 1, 2) or not 0 <= stage[0] < stage[1]:
        raise ValueError("what is to be resumed is not the state of such a training")
    return int(stage[1])
