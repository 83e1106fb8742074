"""Optimisers against their published formulae in float64, and what they leave alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.neural.layers.matmul import product, product_transposed
from w2v.neural.optimizers.adam import Adam, LazyAdam
from w2v.neural.optimizers.gradients import clip_by_norm
from w2v.neural.optimizers.muon import MOMENTUM, SCALE, Muon, orthogonal
from w2v.neural.optimizers.schedule import Schedule
from w2v.neural.parameters import ParameterTable


def published_adam(gradients: list[NDArray[np.float64]], rate: float, decay: float) -> NDArray[np.float64]:
    """Algorithm 2 of Loshchilov and Hutter with decoupled decay, from ones."""
    values = np.ones_like(gradients[0])
    m, v = np.zeros_like(values), np.zeros_like(values)
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        values = values - rate * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) + decay * values)
    return values


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_follows_the_published_algorithm(rng: np.random.Generator, decay: float) -> None:
    gradients = [rng.normal(size=(3, 4)) for _ in range(20)]
    values, adam = np.ones((3, 4)), Adam((3, 4), weight_decay=decay, dtype=np.float64)
    for gradient in gradients:
        adam.step(values, gradient, 0.01)
    np.testing.assert_allclose(values, published_adam(gradients, 0.01, decay), rtol=1e-12)


def test_adam_decays_where_it_is_told_to(rng: np.random.Generator) -> None:
    adam = Adam((4,), weight_decay=np.array([0.0, 1.0, 0.0, 1.0]), dtype=np.float64)
    values = np.ones(4)
    adam.step(values, np.zeros(4), 0.1)
    np.testing.assert_allclose(values, [1, 0.9, 1, 0.9])


def test_lazy_adam_with_all_rows_is_adam(rng: np.random.Generator) -> None:
    gradients = [rng.normal(size=(5, 3)) for _ in range(20)]
    table, adam = np.ones((5, 3), np.float32), LazyAdam((5, 3))
    for gradient in gradients:
        order = rng.permutation(5)
        adam.step(table, order, gradient[order].astype(np.float32), 0.01)
    np.testing.assert_allclose(table, published_adam(gradients, 0.01, 0.0), rtol=2e-6)


def test_lazy_adam_leaves_other_rows_alone(rng: np.random.Generator) -> None:
    table = rng.normal(size=(6, 3)).astype(np.float32)
    before, adam = table.copy(), LazyAdam((6, 3))
    adam.step(table, np.array([4, 1]), np.ones((2, 3), np.float32), 0.1)
    changed = (table != before).any(axis=1)
    assert changed.tolist() == [False, True, False, False, True, False]
    assert not adam.second[[0, 2, 3, 5]].any() and adam.second[[1, 4]].all()


def test_lazy_adam_counts_the_steps_of_the_table(rng: np.random.Generator) -> None:
    """A row that is first met late is corrected as the table is: its first step is larger than the rate."""
    table, adam = np.zeros((2, 1), np.float32), LazyAdam((2, 1))
    for _ in range(50):
        adam.step(table, np.array([0]), np.ones((1, 1), np.float32), 0.01)
    adam.step(table, np.array([1]), np.ones((1, 1), np.float32), 0.01)
    correction = math.sqrt(1 - 0.999**51) / (1 - 0.9**51)
    assert table[1, 0] == pytest.approx(-0.01 * correction * 0.1 / math.sqrt(0.001), rel=1e-4)


def test_schedule_rises_and_falls_in_straight_lines() -> None:
    schedule = Schedule(2.0, steps=10, warmup=4)
    assert [schedule.rate(step) for step in (0, 1, 3, 5, 10)] == pytest.approx([0.5, 0.9, 1.4, 1.0, 0])
    assert schedule.rate(100, done=0.25) == pytest.approx(1.5)
    assert schedule.rate(100, done=1.5) == 0
    assert Schedule(2.0, steps=10, warmup=0).rate(0) == 2


def test_warm_up_ends_with_a_quarter_of_the_time() -> None:
    schedule = Schedule(2.0, steps=10**6, warmup=400)
    found = [schedule.rate(step, spent, spent) for step, spent in ((0, 0.0), (3, 0.125), (6, 0.25), (9, 0.5))]
    assert found == pytest.approx([2 / 400, 2 * 0.5 * 0.875, 2 * 0.75, 1.0])
    assert schedule.rate(399, 0.1, 0.1) == pytest.approx(1.8)  # or with its steps, if they are done before


def test_schedules_fall_as_they_are_told_to() -> None:
    root, constant = (Schedule(2.0, steps=10, warmup=4, kind=kind) for kind in ("inverse-sqrt", "constant"))
    assert [root.rate(step) for step in (0, 1, 3, 15, 99)] == pytest.approx([0.5, 1, 2, 1, 0.4])
    assert [constant.rate(step, done=0.9) for step in (0, 1, 3, 15)] == pytest.approx([0.5, 1, 2, 2])
    assert Schedule(2.0, steps=10, warmup=0, kind="inverse-sqrt").rate(3) == 1
    with pytest.raises(ValueError, match="must be one of linear, inverse-sqrt, constant"):
        Schedule(1.0, 10, kind="cosine")


def numpys_adam(adam: Adam, values: NDArray[np.float32], gradient: NDArray[np.float32], rate: float) -> None:
    """One NumPy operation after the other, as the kernel must round."""
    adam.n_steps += 1
    beta_1, beta_2 = adam.betas
    adam.first += (1 - beta_1) * (gradient - adam.first)
    adam.second += (1 - beta_2) * (gradient * gradient - adam.second)
    deviation = np.sqrt(adam.second / (1 - beta_2**adam.n_steps)) + adam.epsilon
    values *= 1 - rate * adam.weight_decay
    values -= rate / (1 - beta_1**adam.n_steps) * adam.first / deviation


def test_adam_in_one_pass_is_numpys_bit_for_bit(rng: np.random.Generator) -> None:
    """Trained encoders, and trainings that were saved, depend on it."""
    decays = (rng.random(1003) * (rng.random(1003) < 0.5)).astype(np.float32)
    ours, numpys = Adam((1003,), weight_decay=decays), Adam((1003,), weight_decay=decays)
    values = rng.standard_normal(1003).astype(np.float32)
    expected = values.copy()
    for step in range(6):
        gradient = (rng.standard_normal(1003) * 10.0 ** rng.uniform(-8, 3, 1003)).astype(np.float32)
        ours.step(values, gradient, 0.1 / (step + 1))
        numpys_adam(numpys, expected, gradient, 0.1 / (step + 1))
        assert np.array_equal(values, expected)
        assert np.array_equal(ours.first, numpys.first) and np.array_equal(ours.second, numpys.second)


@pytest.mark.parametrize("peak, steps, warmup", [(-1, 10, 0), (math.inf, 10, 0), (1, 0, 0), (1, 10, -1)])
def test_schedule_refuses_what_is_out_of_range(peak: float, steps: int, warmup: int) -> None:
    with pytest.raises(ValueError, match="must"):
        Schedule(peak, steps, warmup)


def numpys_muon(momentum: NDArray[np.float32], values: NDArray[np.float32], gradient: NDArray[np.float32]) -> None:
    """One NumPy operation after the other, as the kernels must round."""
    momentum *= MOMENTUM
    momentum += gradient
    step = orthogonal(gradient + np.float32(MOMENTUM) * momentum)
    values *= 1 - 0.01 * 0.1
    values -= np.float32(0.01 * SCALE * max(values.shape) ** 0.5) * step


def test_muon_is_numpys_bit_for_bit(rng: np.random.Generator) -> None:
    """Trainings that were saved depend on it."""
    table = ParameterTable({"wide.weight": (5, 20), "tall.weight": (33, 7)})
    table.flat[:] = rng.standard_normal(table.flat.size)
    expected, momenta, muon = table.copy(), table.zeros_like(), Muon(table, weight_decay=0.1)
    for _ in range(3):
        gradients = table.zeros_like()
        gradients.flat[:] = rng.standard_normal(table.flat.size)
        muon.step(table, gradients, 0.01)
        for name in table:
            numpys_muon(momenta[name], expected[name], gradients[name])
            assert np.array_equal(table[name], expected[name])
            assert np.array_equal(muon.momentum[name], momenta[name])


def test_clip_by_norm_adds_up_in_float64(rng: np.random.Generator) -> None:
    gradient = rng.standard_normal(100_003).astype(np.float32)
    exact = float(np.linalg.norm(gradient.astype(np.float64)))
    assert clip_by_norm([gradient.copy()], 1.0) == pytest.approx(exact, rel=1e-13)


def test_clip_by_norm_scales_all_gradients_together() -> None:
    gradients = [np.array([3.0, 0.0]), np.array([[4.0]])]
    assert clip_by_norm(gradients, 10) == 5
    assert gradients[0].tolist() == [3, 0]
    assert clip_by_norm(gradients, 1) == 5
    np.testing.assert_allclose(np.concatenate([g.reshape(-1) for g in gradients]), [0.6, 0, 0.8])


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e25])
def test_clip_by_norm_is_exact_for_long_gradients(rng: np.random.Generator, scale: float) -> None:
    gradient = (scale * rng.standard_normal(20_001)).astype(np.float32)
    expected = np.linalg.norm(gradient.astype(np.float64))
    assert clip_by_norm([gradient], 1e30) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(6, 6), (4, 24), (24, 4), (1, 5)])
def test_orthogonal_keeps_the_directions_of_a_matrix_and_makes_their_lengths_alike(
    rng: np.random.Generator, shape: tuple[int, int]
) -> None:
    matrix = rng.normal(size=shape)
    u, lengths, v = np.linalg.svd(matrix, full_matrices=False)
    # the polynomial acts on the singular values alone
    expected = lengths / np.linalg.norm(matrix)
    for _ in range(5):
        expected = 3.4445 * expected - 4.7750 * expected**3 + 2.0315 * expected**5
    np.testing.assert_allclose(orthogonal(matrix), u @ np.diag(expected) @ v, atol=1e-6)
    assert expected.min() > 0.6 and expected.max() < 1.25
    np.testing.assert_allclose(orthogonal(matrix.astype(np.float32)), orthogonal(matrix), atol=2e-5)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 128), (70, 33)])
def test_orthogonal_in_one_call_is_numpys_bit_for_bit(rng: np.random.Generator, shape: tuple[int, int]) -> None:
    """Trainings that were saved depend on it."""
    matrix = rng.standard_normal(shape).astype(np.float32)
    x = np.ascontiguousarray(matrix.T if shape[0] > shape[1] else matrix)
    x = x * np.float32(1 / (np.linalg.norm(x) + 1e-7))
    a, b, c = (np.float32(coefficient) for coefficient in (3.4445, -4.7750, 2.0315))
    for _ in range(5):
        s = product_transposed(x, x)
        x = a * x + product(b * s + c * product(s, s), x)
    assert np.array_equal(orthogonal(matrix), x.T if shape[0] > shape[1] else x)


def test_orthogonal_of_zeros_is_zeros() -> None:
    assert not orthogonal(np.zeros((3, 4), np.float32)).any()


@pytest.mark.parametrize("workers", [1, 3])
def test_muon_moves_matrices_of_linear_layers_only(rng: np.random.Generator, workers: int) -> None:
    shapes = {"a.weight": (3, 5), "a.bias": (5,), "embedding.table": (4, 3), "b.weight": (6, 2), "distances": (2, 3)}
    table = ParameterTable(shapes, np.float64)
    table.flat[:] = rng.normal(size=table.flat.shape)
    before, muon = table.copy(), Muon(table, weight_decay=0.1)
    first, second = (table.zeros_like() for _ in range(2))
    for gradients in (first, second):
        gradients.flat[:] = rng.normal(size=table.flat.shape)
        muon.step(table, gradients, 0.01, workers=workers)
    assert muon.n_steps == 2 and sorted(muon.momentum) == ["a.weight", "b.weight"]
    for name in ("a.bias", "embedding.table", "distances"):
        assert np.array_equal(table[name], before[name])
    for name in ("a.weight", "b.weight"):
        values, momentum = before[name], np.zeros(before[name].shape)
        for gradient in (first[name], second[name]):
            momentum = MOMENTUM * momentum + gradient
            factor = 0.01 * SCALE * max(values.shape) ** 0.5
            values = 0.999 * values - factor * orthogonal(gradient + MOMENTUM * momentum)
        np.testing.assert_allclose(table[name], values, rtol=1e-12)


def test_a_step_of_muon_is_as_long_as_one_of_adam(rng: np.random.Generator) -> None:
    table = ParameterTable({"weight": (64, 128)})
    gradients = table.zeros_like()
    gradients.flat[:] = rng.normal(size=table.flat.shape)
    Muon(table).step(table, gradients, 1.0)
    assert float(np.square(table["weight"]).mean()) ** 0.5 == pytest.approx(SCALE, rel=0.2)
