"""Steps that make a loss smaller: Adam with decoupled weight decay, its lazy form for rows, and schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.table_rows import adam_rows, adam_step
from w2v.neural.parameters import ParameterTable

Floats = NDArray[np.floating[Any]]

BETAS = (0.9, 0.999)
EPSILON = 1e-8
DECAYING = ("weight", "table", "distances")
"""Arrays that weight decay is for, by the last part of their names; not ``bias``, ``gain`` and others."""


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


def clip_by_norm(gradients: list[Floats], limit: float) -> float:
    """Scale gradients, in place, so that their joint length is at most `limit`.

    Returns
    -------
    float
        The length before.
    """
    norm = math.sqrt(sum(float(np.einsum("i,i->", g.reshape(-1), g.reshape(-1), dtype=np.float64)) for g in gradients))
    if norm > limit:
        for gradient in gradients:
            gradient *= limit / norm
    return norm


def weight_decays(parameters: ParameterTable, weight_decay: float) -> ParameterTable:
    """Return the decay of each parameter: `weight_decay` for matrices and tables, none for biases and gains.

    What an array is, the last part of its name says.
    """
    decays = parameters.zeros_like()
    for name, array in decays.items():
        if name.rsplit(".", 1)[-1] in DECAYING:
            array[...] = weight_decay
    return decays


class Adam:
    """Adam with decoupled weight decay, for one array of which every entry has a gradient.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    weight_decay : float or ndarray of that shape, default 0
        Fraction of each entry that a step of rate 1 takes away.
    betas : (float, float), default (0.9, 0.999)
    epsilon : float, default 1e-8
    dtype : default float32

    Attributes
    ----------
    first, second : ndarray
        Running means of the gradient and of its square.
    n_steps : int

    References
    ----------
    .. [1] Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.
    .. [2] Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        weight_decay: float | Floats = 0.0,
        betas: tuple[float, float] = BETAS,
        epsilon: float = EPSILON,
        dtype: Any = np.float32,
    ) -> None:
        self.weight_decay, self.betas, self.epsilon = weight_decay, betas, epsilon
        self.first, self.second = np.zeros(shape, dtype), np.zeros(shape, dtype)
        self.n_steps = 0

    def step(self, values: Floats, gradient: Floats, rate: float) -> None:
        """Move `values`, in place."""
        self.n_steps += 1
        beta_1, beta_2 = self.betas
        decays = np.asarray(self.weight_decay, values.dtype).reshape(-1)
        adam_step(
            values.reshape(-1), self.first.reshape(-1), self.second.reshape(-1), gradient.reshape(-1), decays,
            *(values.dtype.type(x) for x in (
                1 - beta_1, 1 - beta_2, rate / (1 - beta_1**self.n_steps), 1 - beta_2**self.n_steps, self.epsilon, rate
            )),
        )  # fmt: skip


class LazyAdam:
    """Adam for a table of which a batch touches few rows: the others, and their running means, stay as they are.

    The means are corrected for the number of steps of the table, not of the row. Rows that are met seldom therefore
    take larger steps than under Adam, which is what makes it learn rare ones.

    Parameters
    ----------
    shape : (int, int)
        Of the table, (V, d).
    betas : (float, float), default (0.9, 0.999)
    epsilon : float, default 1e-8

    Attributes
    ----------
    first, second : ndarray of shape (V, d), float32
    n_steps : int
    """

    def __init__(self, shape: tuple[int, int], *, betas: tuple[float, float] = BETAS, epsilon: float = EPSILON) -> None:
        self.betas, self.epsilon = betas, epsilon
        self.first, self.second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.n_steps = 0

    def step(
        self, table: NDArray[np.float32], rows: NDArray[np.integer[Any]], gradient: NDArray[np.float32], rate: float
    ) -> None:
        """Move rows of `table`, in place.

        Parameters
        ----------
        table : ndarray of shape (V, d), float32, C-contiguous
        rows : ndarray of shape (R,)
            Each at most once, in [0, V).
        gradient : ndarray of shape (R, d), float32
        rate : float
        """
        self.n_steps += 1
        beta_1, beta_2 = self.betas
        adam_rows(
            table, self.first, self.second, rows.astype(np.int64, copy=False), np.ascontiguousarray(gradient),
            rate / (1 - beta_1**self.n_steps), 1 / (1 - beta_2**self.n_steps), beta_1, beta_2, self.epsilon,
        )  # fmt: skip
