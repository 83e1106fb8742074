"""Muon: momentum with orthogonalised updates, for the matrices of linear layers.

An Adam update of a matrix has low effective rank: a few directions dominate. Muon keeps the directions of the momentum
and equalises their lengths::

    M = momentum * M + G        U = G + momentum * M        W -= rate * 0.4 * sqrt(max(K, N)) * orthogonal(U)

``orthogonal`` is approximately U V^T of the singular value decomposition U S V^T. Five steps of a polynomial in X X^T
bring the singular values of X to between 0.7 and 1.2, which is close enough, with matrix products only. The factor
makes the root mean square of an update 0.4 times the learning rate, whatever the shape. This is about that of Adam, so
one learning rate serves both.

References
----------
Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks (the polynomial). Liu et al. 2025, Muon is
scalable for LLM training, arXiv:2502.16982 (the factor, with 0.2 for 0.4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.products.matmul import add_momentum, orthogonalise, subtract_step
from w2v.neural.packing import in_threads
from w2v.neural.parameters import ParameterTable

Floats = NDArray[Any]

MOMENTUM = 0.95
SCALE = 0.4
_POLYNOMIAL = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_TINY = 1e-7


def orthogonal(matrix: Floats) -> Floats:
    """Return approximately U Vᵀ of the singular value decomposition U S Vᵀ of a matrix; zeros for zeros.

    Singular values between a hundredth of the matrix's norm and its norm become values between 0.6 and 1.25; smaller
    ones grow by a factor of about 485.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = np.ascontiguousarray(matrix.T if is_tall else matrix)
    x = x * x.dtype.type(1 / (np.linalg.norm(x) + _TINY))
    if x.dtype == np.float32:
        orthogonalise(x.ravel(), *x.shape, np.array(_POLYNOMIAL, np.float32), _ITERATIONS)
    else:
        a, b, c = _POLYNOMIAL
        for _ in range(_ITERATIONS):
            s = x @ x.T
            x = a * x + (b * s + c * (s @ s)) @ x
    found: Floats = x.T if is_tall else x
    return found


class Muon:
    """Updates the matrices of linear layers in a table of parameters; all others stay unchanged.

    Parameters
    ----------
    parameters : ParameterTable
        The parameters to update.
    weight_decay : float, default 0
        Fraction of each entry that a step with learning rate 1 subtracts.

    Attributes
    ----------
    momentum : ParameterTable
        Momentum of the updated matrices.
    n_steps : int
    """

    def __init__(self, parameters: ParameterTable, *, weight_decay: float = 0.0) -> None:
        self.weight_decay, self.n_steps = weight_decay, 0
        matrices = {name: shape for name, shape in parameters.shapes.items() if is_of_linear_layer(name, shape)}
        self.momentum = ParameterTable(matrices, parameters.dtype)
        # largest first, so that threads finish at about the same time
        self._order = sorted(matrices, key=lambda name: -matrices[name][0] * matrices[name][1])

    @property
    def arrays(self) -> dict[str, Floats]:
        """The arrays of the optimizer state; not copied."""
        return {"momentum": self.momentum.flat}

    def step(self, parameters: ParameterTable, gradients: ParameterTable, rate: float, *, workers: int = 1) -> None:
        """Update the matrices of `parameters` in place; the result does not depend on the number of threads."""
        self.n_steps += 1

        def move(worker: int) -> None:
            for name in self._order[worker::workers]:
                momentum, gradient, values = self.momentum[name], gradients[name], parameters[name]
                number, x = values.dtype.type, np.empty_like(values)
                add_momentum(momentum, gradient, number(MOMENTUM), x)
                kept, size = 1 - rate * self.weight_decay, rate * SCALE * max(values.shape) ** 0.5
                subtract_step(values, number(kept), number(size), np.ascontiguousarray(orthogonal(x)))

        in_threads(move, workers)


def is_of_linear_layer(name: str, shape: tuple[int, ...]) -> bool:
    """Return whether an array is the matrix of a linear layer; the rows of embedding tables are independent."""
    return len(shape) == 2 and name.rsplit(".", 1)[-1] == "weight"
