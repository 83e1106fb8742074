"""Learning rate schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass

SCHEDULES = ("linear", "inverse-sqrt", "constant")
LONGEST_WARMUP = 0.25
"""Maximum fraction of a time limit for the warm-up, whatever the number of steps."""


@dataclass(frozen=True)
class Schedule:
    """A learning rate that rises linearly to its peak and then decreases.

    Parameters
    ----------
    peak : float
        The highest learning rate.
    steps : int
        The step at which a linear schedule reaches zero.
    warmup : int, default 100
        Steps until the peak.
    kind : {"linear", "inverse-sqrt", "constant"}
        How the learning rate decreases: linearly to zero, with the inverse square root of the number of steps, which
        need not be known in advance, or not at all.

    Raises
    ------
    ValueError
        If the kind is unknown, the peak is negative or not finite, or a number of steps is out of range.

    References
    ----------
    .. [1] Vaswani et al. 2017, arXiv:1706.03762, equation 3 (inverse square root).
    """

    peak: float
    steps: int
    warmup: int = 100
    kind: str = "linear"

    def __post_init__(self) -> None:
        if not 0 <= self.peak < math.inf:
            raise ValueError(f"a learning rate must be finite and at least 0, not {self.peak}")
        if self.steps < 1 or self.warmup < 0:
            raise ValueError(f"steps must be at least 1 and warmup at least 0, not {self.steps} and {self.warmup}")
        if self.kind not in SCHEDULES:
            raise ValueError(f"a schedule must be one of {', '.join(SCHEDULES)}, not {self.kind!r}")

    def rate(self, step: int, done: float | None = None, spent: float = 0.0) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            From 0.
        done : float, optional
            Completed fraction of the training, if time and not steps limit it.
        spent : float, default 0
            Fraction of the time limit used up; the warm-up ends at `LONGEST_WARMUP` of it.
        """
        rise, fall = 1.0, 1.0
        if self.warmup:
            rise = min(1.0, max((step + 1) / self.warmup, spent / LONGEST_WARMUP))
        if self.kind == "linear":
            fall = max(0.0, 1.0 - (step / self.steps if done is None else done))
        elif self.kind == "inverse-sqrt":
            fall = math.sqrt(max(self.warmup, 1) / max(self.warmup, step + 1))
        return self.peak * rise * fall
