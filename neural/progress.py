"""How far the training of a network is, and how that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from w2v.display.progress import clock, mode_of, name_of, show_progress
from w2v.neural.names import FIGURES


@dataclass(frozen=True)
class FitProgress:
    """Where a training stands.

    Attributes
    ----------
    phase : str
        "reading", "teaching" (the teacher is asked), "compiling", "training", or "measuring"; or what else is done.
    done : float or None
        Fraction of the phase, if known.
    step : int
    loss : float or None
        Recent mean of the training loss.
    held_out_loss : float or None
        The last one measured.
    seconds : float
        Since training began.
    figures : dict of str to float
        What else was measured last, by the names of `FIGURES`.
    """

    phase: str
    done: float | None = None
    step: int = 0
    loss: float | None = None
    held_out_loss: float | None = None
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    def facts(self) -> str:
        """Return step, losses and the time that is left, for people."""
        facts = [f"step {self.step:,}"] if self.step else []
        losses = (("loss", self.loss), ("held out", self.held_out_loss))
        facts += [f"{name} {loss:.3f}" for name, loss in losses if loss is not None]
        facts += [FIGURES[name].format(value) for name, value in self.figures.items()]
        if self.done and self.phase == "training":
            facts.append(f"{clock(self.seconds * (1 / self.done - 1))} left")
        return ", ".join(facts)


@contextmanager
def show_fitting(
    progress: Callable[[FitProgress], None] | bool | str | None, source: object
) -> Iterator[Callable[[FitProgress], None] | None]:
    """Show how far the training of a network is, as `w2v.display.progress.show_training` does for words."""
    if callable(progress):
        yield progress
        return
    reading = "reading" if source is None else f"reading {name_of(source)}"
    with show_progress(mode_of(progress), reading) as update:

        def tell(state: FitProgress) -> None:
            assert update is not None
            what = {"reading": reading, "compiling": "compiling, once"}.get(state.phase, state.phase)
            update(what, state.done, None if state.done is None else 1.0, state.facts(), bar="training")

        yield None if update is None else tell


ProgressOption = Callable[[FitProgress], None] | bool | str | None
"""What estimators take as `progress`: True shows how far it is, "bar" and "log" choose how, a function is told."""
