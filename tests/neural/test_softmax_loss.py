"""The output softmax: exact gradients, the kernel against its float64 twin, bounded memory, independent tokens."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_gradients
from w2v.neural.kernels.softmax_loss import CLASSES, PIECE
from w2v.neural.layers.softmax_loss import Gradients, TokenLosses, token_losses

Array = NDArray[Any]


def case(n: int, n_classes: int, dim: int, dtype: Any = np.float64) -> tuple[Array, Array, Array, Array]:
    """Return hidden states, table, bias and targets; the same values in every dtype."""
    rng = np.random.default_rng([n, n_classes, dim])
    arrays = (rng.standard_normal(shape).astype(np.float32) for shape in ((n, dim), (n_classes, dim), n_classes))
    hidden, table, bias = (array.astype(dtype) for array in arrays)
    return hidden, table, bias, rng.integers(n_classes, size=n)


def with_gradients(arrays: tuple[Array, Array, Array, Array], smoothing: float, scale: float) -> tuple[Array, ...]:
    """Return smoothed and plain losses, and the gradients of hidden states, table and bias."""
    gradients = Gradients(np.zeros_like(arrays[1]), np.zeros_like(arrays[2]))
    losses = token_losses(*arrays, smoothing=smoothing, scale=scale, gradients=gradients)
    assert losses.dhidden is not None
    return losses.smoothed, losses.plain, losses.dhidden, *gradients


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_losses_follow_their_definition(smoothing: float) -> None:
    hidden, table, bias, targets = case(4, 5, 3)
    losses = token_losses(hidden, table, bias, targets, smoothing=smoothing)
    for i, target in enumerate(targets):
        exp = np.exp(table @ hidden[i] + bias)
        log_p = np.log(exp / exp.sum())
        assert losses.plain[i] == pytest.approx(-log_p[target], rel=1e-12)
        expected = -(1 - smoothing) * log_p[target] - smoothing * log_p.mean()
        assert losses.smoothed[i] == pytest.approx(expected, rel=1e-12)
    assert losses.dhidden is None


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradients_are_exact(smoothing: float) -> None:
    hidden, table, bias, targets = case(5, 7, 3)
    _, _, dhidden, dtable, dbias = with_gradients((hidden, table, bias, targets), smoothing, 0.3)
    assert_gradients(
        lambda: 0.3 * float(token_losses(hidden, table, bias, targets, smoothing=smoothing).smoothed.sum()),
        {"hidden": hidden, "table": table, "bias": bias}, {"hidden": dhidden, "table": dtable, "bias": dbias},
    )  # fmt: skip


@pytest.mark.parametrize(
    "n, n_classes, dim",
    [(1, 3, 1), (5, 7, 4), (PIECE, CLASSES, 32), (PIECE + 1, CLASSES + 3, 48), (2 * PIECE - 5, 777, 33)],
)
def test_kernel_agrees_with_float64(n: int, n_classes: int, dim: int) -> None:
    exact = with_gradients(case(n, n_classes, dim), 0.1, 0.5)
    single = with_gradients(case(n, n_classes, dim, np.float32), 0.1, 0.5)
    for name, a, b in zip(("smoothed", "plain", "dhidden", "dtable", "dbias"), exact, single, strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(b, a, atol=3e-6 * max(1, np.abs(a).max()), err_msg=name)


def test_logits_far_apart_do_no_harm() -> None:
    hidden, table, bias, targets = case(3, 300, 4, np.float32)
    bias[:] = -1000
    bias[[7, 299]] = 2000, 1990
    losses = token_losses(hidden, table, bias, np.array([7, 299, 3]))
    wide = [array.astype(np.float64) for array in (hidden, table, bias)]
    exact = token_losses(wide[0], wide[1], wide[2], np.array([7, 299, 3]))
    np.testing.assert_allclose(losses.plain, exact.plain, rtol=1e-4, atol=1e-3)


def test_a_token_does_not_depend_on_the_others() -> None:
    hidden, table, bias, targets = case(PIECE + 40, 500, 48, np.float32)
    whole: TokenLosses = token_losses(hidden, table, bias, targets, gradients=Gradients(table * 0, bias * 0))
    for part in (slice(0, 1), slice(90, 101), slice(40, None)):
        gradients = Gradients(table * 0, bias * 0)
        alone = token_losses(hidden[part], table, bias, targets[part], gradients=gradients)
        assert whole.dhidden is not None and alone.dhidden is not None
        for a, b in ((alone.plain, whole.plain), (alone.smoothed, whole.smoothed), (alone.dhidden, whole.dhidden)):
            assert np.array_equal(a, b[part])


def test_gradients_are_added_up() -> None:
    arrays = case(7, 9, 5, np.float32)
    gradients = Gradients(np.ones_like(arrays[1]), np.ones_like(arrays[2]))
    token_losses(*arrays, gradients=gradients)
    _, _, _, dtable, dbias = with_gradients(arrays, 0.0, 1.0)
    np.testing.assert_allclose(gradients.table, 1 + dtable, rtol=1e-6)
    np.testing.assert_allclose(gradients.bias, 1 + dbias, rtol=1e-6)


def test_float64_holds_no_more_than_a_piece_of_the_logits() -> None:
    hidden, table, bias, targets = case(3000, 1000, 4)
    tracemalloc.start()
    token_losses(hidden, table, bias, targets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(hidden) * len(table) * 8 / 2
