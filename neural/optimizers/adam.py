"""Adam with decoupled weight decay, and its lazy form for the rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.table_rows import adam_rows, adam_step

Floats = NDArray[np.floating[Any]]

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Adam with decoupled weight decay, for an array with dense gradients.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    weight_decay : float or ndarray of that shape, default 0
        Fraction of each entry that a step with learning rate 1 subtracts.
    betas : (float, float), default (0.9, 0.999)
    epsilon : float, default 1e-8
    dtype : default float32

    Attributes
    ----------
    first, second : ndarray
        Running means of the gradient and of the squared gradient.
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

    @property
    def arrays(self) -> dict[str, Floats]:
        """The arrays of the optimizer state; not copied."""
        return {"first": self.first, "second": self.second}

    def step(self, values: Floats, gradient: Floats, rate: float) -> None:
        """Update `values` in place."""
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
    """Adam for a table whose batches use few rows: all other rows, and their running means, stay unchanged.

    Bias correction uses the number of steps of the table, not of the row. Rare rows therefore take larger steps than
    under Adam, which helps to learn rare words.

    Parameters
    ----------
    shape : (int, int)
        Shape of the table, (V, d).
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

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays of the optimizer state; not copied."""
        return {"first": self.first, "second": self.second}

    def step(
        self, table: NDArray[np.float32], rows: NDArray[np.integer[Any]], gradient: NDArray[np.float32], rate: float
    ) -> None:
        """Update rows of `table` in place.

        Parameters
        ----------
        table : ndarray of shape (V, d), float32, C-contiguous
        rows : ndarray of shape (R,)
            Distinct, in [0, V).
        gradient : ndarray of shape (R, d), float32
        rate : float
        """
        self.n_steps += 1
        beta_1, beta_2 = self.betas
        adam_rows(
            table, self.first, self.second, rows.astype(np.int64, copy=False), np.ascontiguousarray(gradient),
            rate / (1 - beta_1**self.n_steps), 1 / (1 - beta_2**self.n_steps), beta_1, beta_2, self.epsilon,
        )  # fmt: skip
