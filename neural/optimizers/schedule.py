"""How a learning rate rises and falls."""

from __future__ import annotations

import math
from dataclasses import dataclass

SCHEDULES = ("linear", "inverse-sqrt", "constant")
LONGEST_WARMUP = 0.25
"""Of a training that time ends: the fraction of the time at which the learning rate has risen, whatever the steps."""


@dataclass(frozen=True)
class Schedule:
    """A learning rate that rises to its peak in a straight line, and then falls.

    Parameters
    ----------
    peak : float
        The highest rate.
    steps : int
        At which a linear rate is zero.
    warmup : int, default 100
        Steps to the peak.
    kind : {"linear", "inverse-sqrt", "constant"}
        How it falls: to zero in a straight line, with the root of the steps since the start, whose number need not be
        known then, or not at all.

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
            raise ValueError(f"a rate must be a finite number, at least 0, not {self.peak}")
        if self.steps < 1 or self.warmup < 0:
            raise ValueError(f"there must be a step and no negative warm-up, not {self.steps} and {self.warmup}")
        if self.kind not in SCHEDULES:
            raise ValueError(f"a schedule must be one of {', '.join(SCHEDULES)}, not {self.kind!r}")

    def rate(self, step: int, done: float | None = None, spent: float = 0.0) -> float:
        """Return the rate of a step.

        Parameters
        ----------
        step : int
            From 0.
        done : float, optional
            Fraction of the training that is done, where time and not steps end it.
        spent : float, default 0
            Fraction of the time that is spent, if time is limited: the warm-up ends with `LONGEST_WARMUP` of it.
        """
        rise, fall = 1.0, 1.0
        if self.warmup:
            rise = min(1.0, max((step + 1) / self.warmup, spent / LONGEST_WARMUP))
        if self.kind == "linear":
            fall = max(0.0, 1.0 - (step / self.steps if done is None else done))
        elif self.kind == "inverse-sqrt":
            fall = math.sqrt(max(self.warmup, 1) / max(self.warmup, step + 1))
        return self.peak * rise * fall
