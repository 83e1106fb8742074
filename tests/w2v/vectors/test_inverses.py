"""What two tables are to each other."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.vectors.inverses import measure_inverses

RNG = np.random.default_rng(1)
W = RNG.standard_normal((200, 8))


def test_a_pseudo_inverse_is_one_whatever_its_scale() -> None:
    found = measure_inverses(W, 3.5 * np.linalg.pinv(W).T)
    assert found.from_inverse == pytest.approx(0, abs=1e-12)
    assert found.from_identity == pytest.approx(0, abs=1e-12)
    assert found.linear_fit == pytest.approx(1)
    assert found.n_words == 200


def test_orthogonal_columns_are_their_own_inverse_and_others_are_not() -> None:
    orthogonal = np.linalg.qr(W)[0]
    assert measure_inverses(orthogonal, orthogonal).from_inverse == pytest.approx(0, abs=1e-12)
    scaled = W * np.array([9, 1, 1, 1, 1, 1, 1, 1])
    assert measure_inverses(scaled, scaled).from_inverse > 0.5
    assert measure_inverses(scaled, scaled).linear_fit == pytest.approx(1)


def test_tables_that_share_nothing_are_far_from_it() -> None:
    found = measure_inverses(W, RNG.standard_normal((200, 8)))
    assert found.from_inverse > 0.9
    assert found.from_identity > 0.9
    assert found.own_first < 0.1
    assert found.linear_fit < 0.2


def test_each_figure_is_what_it_says() -> None:
    inputs = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    outputs = np.array([[1.0, 0.0], [0.0, 1.0], [-3.0, -3.0]])
    found = measure_inverses(inputs, outputs)
    # products: [2 0 -6], [0 1 -3], [1 1 -6]
    assert found.own_first == pytest.approx(2 / 3)
    mean, mean_out = inputs.mean(axis=0), outputs.mean(axis=0)
    cosine = mean @ mean_out / np.linalg.norm(mean) / np.linalg.norm(mean_out)
    assert found.mean_cosine == pytest.approx(cosine)
    product = outputs.T @ inputs
    c = np.trace(product) / 2
    assert found.from_identity == pytest.approx(np.linalg.norm(product - c * np.eye(2)) / np.linalg.norm(product))
    assert measure_inverses(inputs, outputs, n_words=2).n_words == 2
    assert measure_inverses(inputs, outputs, n_words=2).own_first == 1


def test_opposed_means_are_seen() -> None:
    assert measure_inverses(W + 5, -W - 5).mean_cosine == pytest.approx(-1)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [(np.ones((3, 8)), "the same shape"), (np.zeros((200, 8)), "all zeros")],
)
def test_tables_that_say_nothing_are_refused(outputs: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure_inverses(W, outputs)
