"""Readable twins of GloVe: co-occurrences counted in a dict of fractions, and AdaGrad in float64 NumPy.

Written from the formulae in docs/derivations/glove.md. Nothing is imported from the package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def count(
    sentences: Iterable[Sequence[int]], window: int, weights: Iterable[float] | None = None
) -> dict[tuple[int, int], Fraction]:
    """Return X[i, j] for all i and j that co-occur within the window."""
    found: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    listed = list(sentences)
    for sentence, weight in zip(listed, weights or [1.0] * len(listed), strict=True):
        for p, word in enumerate(sentence):
            for q in range(max(0, p - window), min(len(sentence), p + window + 1)):
                if p != q:
                    found[word, sentence[q]] += Fraction(weight) / abs(p - q)
    return dict(found)


def weight_of(x: float, x_max: float, exponent: float) -> float:
    """Return f(x)."""
    return min(1.0, float((x / x_max) ** exponent))


@dataclass
class Model:
    """Vectors (V, D) and biases (V,) of both tables, with their sums of squared steps, which start at 1."""

    w: Array
    v: Array
    b: Array
    c: Array
    sums: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in "wvbc":
            self.sums.setdefault(name, np.ones_like(getattr(self, name)))

    def error(self, i: int, j: int, x: float) -> float:
        """Return the error of the prediction of ln x."""
        return float(self.w[i] @ self.v[j] + self.b[i] + self.c[j] - np.log(x))

    def cost(self, i: int, j: int, x: float, f: float) -> float:
        """Return the cost of a cell."""
        return f * self.error(i, j, x) ** 2 / 2

    def gradients(self, i: int, j: int, x: float, f: float) -> dict[str, Array]:
        """Return the derivatives of `cost` with respect to w[i], v[j], b[i] and c[j]."""
        e = f * self.error(i, j, x)
        return {"w": e * self.v[j], "v": e * self.w[i], "b": np.array(e), "c": np.array(e)}

    def train(self, i: int, j: int, x: float, f: float, alpha: float) -> float:
        """Take one cell's step; return its cost before the step."""
        cost = self.cost(i, j, x, f)
        for name, gradient in self.gradients(i, j, x, f).items():
            row, step = {"w": i, "b": i, "v": j, "c": j}[name], alpha * gradient
            getattr(self, name)[row] -= step / np.sqrt(self.sums[name][row])
            self.sums[name][row] += step**2
        return cost
