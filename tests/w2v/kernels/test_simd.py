"""Each operation of the SIMD vector type against NumPy, and the accuracy of sigmoid and logarithm."""

# inside compiled functions Numba passes the typing context, which mypy misses
# mypy: disable-error-code="call-arg, var-annotated, unreachable"

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from tests.helpers import ROOT
from w2v.kernels import simd, vector_math
from w2v.kernels.simd import (
    LANES,
    TILE_COLUMNS,
    TILE_ROWS,
    add_tile,
    exponent_of,
    fma,
    fma_outer,
    load,
    load_vector,
    mantissa_of,
    power_of_two,
    prefetch,
    select_lanes,
    splat,
    steps,
    store_tile,
    store_vector,
    sum_lanes,
    take,
    transpose,
    zero_tile,
)

Floats = NDArray[np.float32]


def floats(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.normal(size=shape).astype(np.float32)


def test_lanes_are_a_width_that_processors_have() -> None:
    assert LANES in (4, 8, 16)


def test_load_and_store_move_one_vector_from_and_to_any_offset(rng: np.random.Generator) -> None:
    @njit
    def move(a: Any, i: Any, b: Any, j: Any) -> Any:
        prefetch(a, i)
        store_vector(b, j, load_vector(a, i))
        return load(a, i)

    a = floats(rng, 3 * LANES)
    for i, j in ((0, 0), (1, 3), (2 * LANES, LANES - 1)):
        b = np.zeros(3 * LANES, np.float32)
        assert move(a, i, b, j) == a[i]
        assert np.array_equal(b[j : j + LANES], a[i : i + LANES])
        assert np.count_nonzero(b) == LANES


def test_arithmetic_is_lane_by_lane(rng: np.random.Generator) -> None:
    @njit
    def compute(a: Any, b: Any, out: Any) -> Any:
        x, y = load_vector(a, 0), load_vector(b, 0)
        store_vector(out, 0, x + y)
        store_vector(out, LANES, x - y)
        store_vector(out, 2 * LANES, x * y)
        store_vector(out, 3 * LANES, x / y)
        store_vector(out, 4 * LANES, min(x, y))
        store_vector(out, 5 * LANES, max(x, y))
        store_vector(out, 6 * LANES, splat(np.float32(2.5)))

    a, b, out = floats(rng, LANES), floats(rng, LANES), np.empty(7 * LANES, np.float32)
    compute(a, b, out)
    expected = [a + b, a - b, a * b, a / b, np.minimum(a, b), np.maximum(a, b), np.full(LANES, 2.5)]
    assert np.array_equal(out.reshape(7, LANES), np.array(expected, np.float32))


def test_fma_multiplies_and_adds(rng: np.random.Generator) -> None:
    @njit
    def compute(a: Any, out: Any) -> Any:
        store_vector(out, 0, fma(load_vector(a, 0), load_vector(a, LANES), load_vector(a, 2 * LANES)))

    a, out = floats(rng, 3, LANES), np.empty(LANES, np.float32)
    compute(a.ravel(), out)
    x, y, z = a.astype(np.float64)
    assert np.allclose(out, x * y + z, rtol=0, atol=2**-24 * (abs(x * y) + abs(x * y + z)).max())


def test_sum_lanes_adds_all_lanes(rng: np.random.Generator) -> None:
    @njit
    def compute(a: Any) -> Any:
        return sum_lanes(load_vector(a, 0))

    a = floats(rng, LANES)
    assert compute(a) == pytest.approx(float(a.sum(dtype=np.float64)), abs=LANES * 2**-24 * float(abs(a).sum()))
    assert compute(np.arange(LANES, dtype=np.float32)) == LANES * (LANES - 1) // 2


def test_select_lanes_takes_a_range(rng: np.random.Generator) -> None:
    @njit
    def compute(a: Any, low: Any, high: Any, out: Any) -> Any:
        store_vector(out, 0, select_lanes(load_vector(a, 0), load_vector(a, LANES), low, high))

    a, out, lane = floats(rng, 2, LANES), np.empty(LANES, np.float32), np.arange(LANES)
    for low, high in ((0, LANES), (0, 0), (1, 3), (2, 1), (-5, 2), (LANES - 1, LANES + 9), (-90, -3), (40, 60)):
        compute(a.ravel(), low, high, out)
        assert np.array_equal(out, np.where((lane >= low) & (lane < high), a[0], a[1])), (low, high)


def test_powers_exponents_and_mantissas_are_exact() -> None:
    @njit
    def compute(a: Any, out: Any) -> Any:
        for i in range(0, a.size, LANES):
            store_vector(out, i, power_of_two(load_vector(a, i)))

    @njit
    def take_apart(a: Any, exponents: Any, mantissas: Any) -> Any:
        for i in range(0, a.size, LANES):
            store_vector(exponents, i, exponent_of(load_vector(a, i)))
            store_vector(mantissas, i, mantissa_of(load_vector(a, i)))

    whole = np.resize(np.arange(-126, 128), 256).astype(np.float32)
    powers = np.empty_like(whole)
    compute(whole, powers)
    assert np.array_equal(powers, np.ldexp(np.float32(1), whole.astype(int)))

    x = powers * np.linspace(1, 1.999, 256, dtype=np.float32)
    exponents, mantissas = np.empty_like(x), np.empty_like(x)
    take_apart(x, exponents, mantissas)
    m, e = np.frexp(x)
    assert np.array_equal(exponents, e - 1) and np.array_equal(mantissas, 2 * m)


def test_take_and_steps_make_tuples_of_offsets() -> None:
    @njit
    def offsets(array: Any) -> Any:
        return take(array, 2, 3), steps(5, 7, 4), steps(9, 1, 1)

    assert offsets(np.arange(10, 20)) == ((12, 13, 14), (5, 12, 19, 26), (9,))


@pytest.mark.parametrize("columns", [1, TILE_COLUMNS])
def test_tile_is_a_matrix_product(columns: int, rng: np.random.Generator) -> None:
    @njit
    def multiply(a: Any, a_rows: Any, b: Any, stride: Any, k_end: Any, c: Any, c_rows: Any, column: Any) -> Any:
        tile = zero_tile(TILE_ROWS, columns)
        rows = take(a_rows, 0, TILE_ROWS)
        for k in range(k_end):
            tile = fma_outer(tile, a, rows, k, b, k * stride)
        store_tile(tile, c, take(c_rows, 0, TILE_ROWS), column)
        add_tile(tile, c, take(c_rows, TILE_ROWS, TILE_ROWS), column)

    n, width = 11, columns * LANES
    a, b, c = floats(rng, 9, n), floats(rng, n, width + 3), floats(rng, 2 * TILE_ROWS, width + 5)
    a_rows = rng.integers(9, size=TILE_ROWS)
    c_rows = np.concatenate([np.arange(TILE_ROWS), np.full(TILE_ROWS, 2 * TILE_ROWS - 1)])  # one row gets all sums
    product = a[a_rows].astype(float) @ b[:, :width]
    expected = c.astype(float)
    expected[:TILE_ROWS, 2 : 2 + width] = product
    expected[-1, 2 : 2 + width] += product.sum(axis=0)
    multiply(a.ravel(), a_rows * n, b.ravel(), width + 3, n, c.ravel(), c_rows * (width + 5), 2)
    assert np.allclose(c, expected, rtol=0, atol=2**-24 * n * TILE_ROWS * 20)


def test_transpose_turns_rows_into_columns(rng: np.random.Generator) -> None:
    @njit
    def turn(a: Any, start: Any, step: Any, column: Any, b: Any, b_start: Any, stride: Any) -> Any:
        transpose(a, steps(start, step, LANES), column, b, b_start, stride)

    width, stride = 2 * LANES + 1, LANES + 3
    a, b = floats(rng, LANES + 1, width), np.zeros((LANES + 1) * stride, np.float32)
    turn(a.ravel(), width, width, 5, b, 2, stride)
    assert np.array_equal(b.reshape(-1, stride)[:LANES, 2 : 2 + LANES], a[1:, 5 : 5 + LANES].T)
    assert np.count_nonzero(b) == LANES * LANES


def lane_by_lane(function: Any) -> Any:
    @njit
    def apply(x: Any) -> Any:
        out = np.empty_like(x)
        for i in range(0, x.size, LANES):
            store_vector(out, i, function(load_vector(x, i)))
        return out

    return apply


def test_sigmoid_is_accurate() -> None:
    sigmoid = lane_by_lane(vector_math.sigmoid)
    x = np.linspace(-20, 20, 1 << 18, dtype=np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    assert abs(sigmoid(x) / exact - 1).max() < 1.5e-6


def test_sigmoid_is_clamped() -> None:
    sigmoid = lane_by_lane(vector_math.sigmoid)
    x = np.resize(np.array([-np.inf, -1e30, -21, -20, 20, 21, 1e30, np.inf], np.float32), 16)
    expected = 1 / (1 + np.exp([20.0, 20, 20, 20, -20, -20, -20, -20]))
    assert np.allclose(sigmoid(x), np.resize(expected, 16), rtol=1e-6, atol=0)


def test_logarithm_is_accurate() -> None:
    logarithm = lane_by_lane(vector_math.logarithm)
    near_one = np.linspace(0.5, 2, 1 << 17, dtype=np.float32)
    all_sizes = np.geomspace(np.finfo(np.float32).tiny, np.finfo(np.float32).max, 1 << 17).astype(np.float32)
    x = np.concatenate([near_one, all_sizes[1:-1], [np.float32(1)] * 2])
    exact = np.log(x.astype(np.float64))
    assert np.all(abs(logarithm(x) - exact) < 1.5e-6 * (1 + abs(exact)))


@pytest.mark.slow
@pytest.mark.parametrize("features", ["+sse2", "+avx,+avx2,+fma"])
def test_other_processors_pass_the_same_tests(features: str, tmp_path: Path) -> None:
    """Numba compiles for fewer features than this machine has: those that it has are tried by all other tests."""
    import llvmlite.binding as llvm

    host = llvm.get_host_cpu_features()
    if not all(host.get(feature[1:]) for feature in features.split(",")):
        pytest.skip(f"this machine cannot run {features}")
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features}
    environment["NUMBA_CACHE_DIR"] = str(tmp_path)
    tests = [str(Path(__file__).with_name(name)) for name in ("test_simd.py", "test_kernels.py")]
    tests.append(str(ROOT / "tests" / "neural" / "kernels" / "test_int8.py"))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
    lanes = subprocess.run(
        [sys.executable, "-c", "from w2v.kernels.simd import LANES; print(LANES)"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(lanes.stdout) == (8 if "avx" in features else 4)
    assert simd.LANES >= int(lanes.stdout)
