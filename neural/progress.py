"""The progress of a training, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from w2v.display.progress import clock, mode_of, name_of, show_progress
from w2v.neural.names import FIGURES


@dataclass(frozen=True)
class FitProgress:
    """The progress of a training.

    Attributes
    ----------
    phase : str
        "reading", "teaching" (the teacher encodes), "compiling", "training", "measuring", or another step.
    done : float or None
        Completed fraction of the phase, if known.
    step : int
    loss : float or None
        Recent mean of the training loss.
    held_out_loss : float or None
        The latest held-out loss.
    seconds : float
        Seconds since training began.
    figures : dict of str to float
        Further figures of the latest evaluation, by the names in `FIGURES`.
    """

    phase: str
    done: float | None = None
    step: int = 0
    loss: float | None = None
    held_out_loss: float | None = None
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    def facts(self) -> str:
        """Return step, losses and remaining time, for display."""
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
    """Show the progress of a network's training, as `w2v.display.progress.show_training` does for word vectors."""
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
"""The `progress` option of estimators: True shows progress, "bar" and "log" choose how, a function is called."""
