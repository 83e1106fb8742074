"""Workers that take segments as they become free and share the tables without locks (Hogwild, arXiv:1106.5730)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from w2v.monitoring.history import Progress
from w2v.training.trainer import Crew, Pause, Planned, Trainer


class Hogwild(Crew):
    """Workers that do not wait for each other. Everything except `failures` is accessed only inside the gate."""

    def __init__(
        self, trainer: Trainer, progress: Callable[[Progress], None] | None = None, pauses: Sequence[Pause] = ()
    ) -> None:
        super().__init__(trainer, progress, pauses)
        self.gate, self.busy = threading.Condition(), 0

    def work(self, worker: int) -> None:
        """Train segments until none is left or something fails."""
        trainer, stats = self.trainer, np.zeros(3)
        scratch: Any = None
        while not self.failures:
            is_busy = False
            try:
                with self.gate:
                    planned = self._next_segment()
                    if planned is None:
                        return
                    is_busy = True
                    self.busy += 1
                scratch = scratch or trainer.objective.scratch(trainer.tables)
                stats[:] = 0
                text, segment = trainer.segment_of(planned)
                trainer.objective.step(text, trainer.tables, segment, scratch, stats)
                with self.gate:
                    self.note(planned, stats)
                    self.tell(planned)
            except BaseException as failure:
                self.failures.append(failure)
            finally:
                with self.gate:  # waiting workers must see the failure before they see that no worker is busy
                    self.busy -= is_busy
                    self.gate.notify_all()

    def _next_segment(self) -> Planned | None:
        """Return the next planned segment after the due pauses; None at the end."""
        while due := self.pauses_due():
            if self.busy:
                self.gate.wait()
            else:
                for pause in due:
                    pause.act(self.trainer)
        return self.take()
