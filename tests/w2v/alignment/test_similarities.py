"""Blocks of similarities against their float64 twins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins import naive_alignment as naive
from w2v.alignment import similarities
from w2v.alignment.procrustes import rotation_between
from w2v.alignment.similarities import Nearest, hub_means, nearest, nearest_by_csls, nearest_of_both

Table = NDArray[np.float32]


def table(rng: np.random.Generator, n: int, width: int = 12) -> Table:
    return naive.units(rng.standard_normal((n, width))).astype(np.float32)


@pytest.fixture(params=[(7, 11), (40, 33), (90, 80)], ids=["small blocks", "others", "large blocks"], autouse=True)
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small, so that a few words already make many blocks with odd borders."""
    monkeypatch.setattr(similarities, "_ROWS", request.param[0])
    monkeypatch.setattr(similarities, "_COLUMNS", request.param[1])


@pytest.mark.parametrize(("n", "m"), [(50, 97), (97, 50), (3, 70), (70, 3), (1, 1)])
def test_hub_means_are_those_of_all_pairs_at_once(rng: np.random.Generator, n: int, m: int) -> None:
    x, y = table(rng, n), table(rng, m)
    of_x, of_y = hub_means(x, y, 10)
    expected_x, expected_y = naive.hub_means(x, y, 10)
    np.testing.assert_allclose(of_x, expected_x, atol=2e-6)
    np.testing.assert_allclose(of_y, expected_y, atol=2e-6)


@pytest.mark.parametrize(("n", "m"), [(50, 97), (97, 50), (3, 70)])
def test_nearest_of_both_are_the_best_by_csls(rng: np.random.Generator, n: int, m: int) -> None:
    x, y = table(rng, n), table(rng, m)
    scores = naive.csls(x, y, 4)
    found = nearest_of_both(x, y, hub_means(x, y, 4))
    assert found.forward.tolist() == scores.argmax(axis=1).tolist()
    assert found.backward.tolist() == scores.argmax(axis=0).tolist()
    np.testing.assert_allclose(found.cosines, (x @ y.T)[np.arange(n), found.forward], atol=1e-6)
    expected = [[row, col] for row, col in enumerate(scores.argmax(axis=1)) if scores.argmax(axis=0)[col] == row]
    assert found.mutual().tolist() == expected


def in_one_pass(x: Table, y: Table, k: int) -> Nearest:
    means, found = nearest_by_csls(x, y, k)
    for one, other in zip(means, hub_means(x, y, k), strict=True):
        np.testing.assert_array_equal(one, other)
    return found


def assert_both_are_best(x: Table, y: Table, k: int) -> Nearest:
    """Compare with all pairs at once; return what was found."""
    scores, found = naive.csls(x, y, k), in_one_pass(x, y, k)
    assert found.forward.tolist() == scores.argmax(axis=1).tolist()
    assert found.backward.tolist() == scores.argmax(axis=0).tolist()
    np.testing.assert_allclose(found.cosines, (x @ y.T)[np.arange(len(x)), found.forward], atol=1e-6)
    return found


@pytest.mark.parametrize(("n", "m"), [(50, 97), (97, 50), (3, 70), (170, 230), (1, 1)])
@pytest.mark.parametrize("k", [1, 4, 10])
def test_one_pass_finds_the_best_by_csls(rng: np.random.Generator, n: int, m: int, k: int) -> None:
    assert_both_are_best(table(rng, n), table(rng, m), k)


@pytest.mark.parametrize("is_turned", [False, True])
def test_one_pass_finds_what_is_best_beyond_the_nearest(rng: np.random.Generator, is_turned: bool) -> None:
    hubs, x = 0.4 * rng.standard_normal((60, 12)), rng.standard_normal((100, 12))
    hubs[:, 0] = x[:, 0] = 2.0
    others = rng.standard_normal((40, 12))
    near, far = naive.units(x).astype(np.float32), naive.units(np.concatenate([hubs, others])).astype(np.float32)
    found = assert_both_are_best(far, near, 2) if is_turned else assert_both_are_best(near, far, 2)
    chosen = found.backward if is_turned else found.forward
    above = (near @ far.T > (near * far[chosen]).sum(axis=1)[:, None] + 1e-6).sum(axis=1)
    assert (above >= 2).any()


@pytest.mark.parametrize("n_best", [1, 5, 97, 200])
def test_nearest_are_the_best_in_order(rng: np.random.Generator, n_best: int) -> None:
    x, y = table(rng, 30), table(rng, 97)
    of_x, of_y = hub_means(x, y, 10)
    scores, rows = nearest(x, y, n_best, of_y)
    expected = naive.csls(x, y, 10)
    assert rows.tolist() == naive.best(expected, n_best).tolist()
    np.testing.assert_allclose(scores - of_x[:, None], -np.sort(-expected, axis=1)[:, :n_best], atol=4e-6)


def test_equal_words_come_in_order() -> None:
    y = np.repeat(np.eye(5, dtype=np.float32), 20, axis=0)
    _, rows = nearest(y[:1], y, 20, np.zeros(len(y), np.float32))
    assert rows[0].tolist() == list(range(20))
    found = nearest_of_both(y, y, (np.zeros(100, np.float32), np.zeros(100, np.float32)))
    assert found.forward.tolist() == [20 * (row // 20) for row in range(100)]
    assert found.backward.tolist() == found.forward.tolist()
    assert in_one_pass(y, y, 3).forward.tolist() == found.forward.tolist()


def test_rows_of_zeros_are_never_found(rng: np.random.Generator) -> None:
    x, y = -(table(rng, 20, 1) ** 2), table(rng, 30, 1) ** 2  # all cosines are -1
    y[4] = 0
    x[3] = 0
    for found in (nearest_of_both(x, y, hub_means(x, y, 3)), in_one_pass(x, y, 3)):
        assert 4 not in found.forward and found.backward[4] != 3
        assert 3 not in found.backward
    assert nearest(x[:1], y, 30, np.zeros(30, np.float32))[1][0].tolist().count(-1) == 1


def test_some_pairs_only_are_looked_at_and_the_seed_says_which(rng: np.random.Generator) -> None:
    x, y = table(rng, 60), table(rng, 80)
    means = hub_means(x, y, 5)

    def drawn(seed: int) -> list[int]:
        found = nearest_of_both(x, y, means, keep=0.3, rng=np.random.default_rng(seed))
        return [int(row) for row in found.forward]

    assert nearest_by_csls(x, y, 5, keep=0.3, rng=np.random.default_rng(1))[1].forward.tolist() == drawn(1)
    whole = nearest_of_both(x, y, means).forward
    assert drawn(1) == drawn(1) != drawn(2)
    assert 0 < np.mean(np.array(drawn(1)) == whole) < 0.7


def test_the_rotation_is_the_orthogonal_matrix_that_brings_pairs_nearest(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((40, 6)), rng.standard_normal((40, 6))
    found = rotation_between(x, y)
    np.testing.assert_allclose(found.T @ found, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(found, naive.rotation(x, y), atol=1e-9)
    least = np.linalg.norm(x @ found - y)
    for _ in range(200):
        other, _ = np.linalg.qr(found + 0.3 * rng.standard_normal((6, 6)))
        other *= np.sign(np.diag(other.T @ found))
        assert np.linalg.norm(x @ other - y) > least
