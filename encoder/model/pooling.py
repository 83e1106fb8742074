"""Pooling: from the hidden states of a sentence's tokens to its vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = ("sum", "mean", "first", "max")
NO_ACTIVATION = "none"
_ACTIVATIONS = (NO_ACTIVATION, "gelu", "relu", "tanh")


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer on a sentence's vector: activation(s W + b).

    Attributes
    ----------
    weight : ndarray of shape (n_inputs, n_outputs), float32, C-contiguous
        W.
    bias : ndarray of shape (n_outputs,), float32
        b.
    activation : {"none", "gelu", "relu", "tanh"}
        The activations that sentence-transformers names.

    Raises
    ------
    TypeError
        If an array has the wrong type.
    ValueError
        If an array has the wrong shape or is not finite, or the activation is unknown.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: str = NO_ACTIVATION

    def __post_init__(self) -> None:
        for name, array in (("weight", self.weight), ("bias", self.bias)):
            if array.dtype != np.float32:
                raise TypeError(f"the {name} of a dense map must be float32, not {array.dtype}")
            if not np.isfinite(array).all():
                raise ValueError(f"the {name} of a dense map is not finite")
        if self.weight.ndim != 2 or 0 in self.weight.shape or self.bias.shape != self.weight.shape[1:]:
            raise ValueError(f"a dense map cannot have weights {self.weight.shape} and biases {self.bias.shape}")
        if self.activation not in _ACTIVATIONS:
            raise ValueError(f"the activation must be one of {', '.join(_ACTIVATIONS)}, not {self.activation!r:.80}")

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output for rows x of shape (S, n_inputs); row i depends on x[i] only, bit for bit."""
        from w2v.neural.layers import activations
        from w2v.neural.layers.matmul import product

        y = product(np.ascontiguousarray(x), self.weight, self.bias)
        return y if self.activation == NO_ACTIVATION else activations.forward(y, self.activation)[0]


@dataclass(frozen=True, eq=False)
class Pooling:
    """How the hidden states of a sentence's tokens become its vector.

    Attributes
    ----------
    kind : {"sum", "mean", "first", "max"}
        Encoders trained here use the sum, imported ones the pooling of their training.
    dense : tuple of Dense
        Dense layers that follow, in order. A sentence without tokens always has the zero vector.
    normalize : bool
        Whether vectors are scaled to unit length by default.
    kept : int, optional
        Keep only the first columns. This follows `normalize`, and the result is not normalized again, as for
        `truncate_dim` of sentence-transformers.

    Raises
    ------
    ValueError
        If the kind is unknown, the widths of the dense layers do not match, or `kept` is less than 1.
    """

    kind: str = "sum"
    dense: tuple[Dense, ...] = ()
    normalize: bool = True
    kept: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"the pooling must be one of {', '.join(KINDS)}, not {self.kind!r:.80}")
        for before, after in zip(self.dense, self.dense[1:], strict=False):
            if after.weight.shape[0] != before.weight.shape[1]:
                raise ValueError("the dense maps do not fit each other")
        if self.kept is not None and (type(self.kept) is not int or self.kept < 1):
            raise ValueError(f"the number of columns that are kept must be at least 1, not {self.kept!r}")

    @property
    def is_plain(self) -> bool:
        """Whether this is the pooling of encoders trained here."""
        return self.kind == "sum" and not self.dense and self.normalize and self.kept is None

    @property
    def is_linear(self) -> bool:
        """Whether the vector has the direction of a sum of hidden states, which training requires."""
        return self.kind in ("sum", "mean") and not self.dense and self.kept is None

    @property
    def ends_at_unit_length(self) -> bool:
        """Whether vectors have unit length by default."""
        return self.normalize and self.kept is None

    def columns(self, width: int) -> int:
        """Return the width of the vectors for hidden states of this width."""
        whole = int(self.dense[-1].weight.shape[1]) if self.dense else width
        return whole if self.kept is None else min(self.kept, whole)

    def pool(self, rows: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the pooled vectors of sentences, shape (S, E), from hidden states of shape (N, E)."""
        if self.kind == "sum":
            return sum_sentences(rows, offsets)
        from w2v.neural.layers import pooling

        return pooling.forward(rows, offsets, self.kind)[0]

    def finish(self, pooled: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of sentences from the output of `pool`; `offsets` says which have tokens."""
        if self.dense:
            for dense in self.dense:
                pooled = dense(pooled)
            pooled[np.diff(offsets) == 0] = 0
        if self.kept is None or self.kept >= pooled.shape[1]:
            return pooled
        if self.normalize:
            lengths = np.sqrt(np.einsum("sd,sd->s", pooled, pooled, dtype=np.float64))
            pooled = pooled * (1 / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)[:, None]
        return np.ascontiguousarray(pooled[:, : self.kept])

    def contributions(self, rows: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return vectors whose sum over a sentence is the pooled vector, after the leading linear dense layers."""
        if self.kind != "sum":
            rows = rows * self._weights(rows, offsets)
        lengths = np.diff(offsets)
        fraction = np.repeat(1 / np.maximum(lengths, 1), lengths)[:, None].astype(np.float32)
        for dense in self.dense:
            if dense.activation != NO_ACTIVATION:
                break
            rows = rows @ dense.weight + dense.bias * fraction
        return rows[:, : self.kept]

    def _weights(self, rows: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the weights of the hidden states in the pooled vector, shape (N, 1), or (N, E) for the maximum."""
        from w2v.neural.layers import pooling

        _, cache = pooling.forward(rows, offsets, self.kind)
        if cache.weights is not None:
            return cache.weights[:, None]
        assert cache.where is not None
        factors = np.zeros_like(rows)
        sentences, columns = np.nonzero(cache.where >= 0)
        factors[cache.where[sentences, columns], columns] = 1
        return factors

    def to_config(self) -> dict[str, Any]:
        """Return the configuration for `from_config`, which also takes `tensors`."""
        config = {"kind": self.kind, "dense": [dense.activation for dense in self.dense], "normalize": self.normalize}
        return config if self.kept is None else config | {"kept": self.kept}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the dense layers by name."""
        named: dict[str, NDArray[Any]] = {}
        for number, dense in enumerate(self.dense):
            named |= {f"dense.{number}.weight": dense.weight, f"dense.{number}.bias": dense.bias}
        return named

    @classmethod
    def from_config(cls, config: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Pooling:
        """Return the pooling that `to_config` and `tensors` described; the input may be untrusted.

        Raises
        ------
        TypeError, ValueError
            If something is missing, unknown or of a wrong type or shape.
        """
        if set(config) - {"kept"} != {"kind", "dense", "normalize"}:
            raise ValueError("pooling must contain kind, dense and normalize")
        kind, listed, normalize = config["kind"], config["dense"], config["normalize"]
        if not isinstance(kind, str) or not isinstance(listed, list) or not isinstance(normalize, bool):
            raise TypeError("pooling must hold a name, a list and true or false")
        dense = []
        for number, activation in enumerate(listed):
            names = [f"dense.{number}.{array}" for array in ("weight", "bias")]
            if missing := [name for name in names if name not in tensors]:
                raise ValueError(f"the array {missing[0]!r:.80} is missing")
            weight, bias = (np.ascontiguousarray(tensors[name]) for name in names)
            dense.append(Dense(weight, bias, activation))
        return cls(kind, tuple(dense), normalize, config.get("kept"))


SUM = Pooling()
"""The pooling of encoders trained here."""


def sum_sentences(rows: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the sum of the hidden states of each sentence, shape (S, E), in their order; `rows` has shape (N, E)."""
    from w2v.encoder.model.lookup_kernels import sum_rows

    sums = np.empty((len(offsets) - 1, rows.shape[1]), np.float32)
    order, ones = np.arange(len(rows), dtype=np.int32), np.ones(len(rows), np.float32)
    arrays = [array.view() for array in (ones, rows.reshape(-1), rows[:0].reshape(-1))]
    for array in arrays:
        array.setflags(write=False)
    sum_rows(order, offsets, *arrays, rows.shape[1], sums.reshape(-1))
    return sums
