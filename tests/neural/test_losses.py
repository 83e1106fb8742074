"""Losses against formulae written out by hand, and their gradients against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.neural.losses import cached_gradients, info_nce, listwise_distillation, sampled_softmax, vector_distillation

Array = NDArray[np.float64]
STEP = 6e-6


def check_gradients(function: Callable[..., tuple[Any, ...]], arrays: Sequence[Array]) -> None:
    """Compare the gradient for each array, in order behind the loss, with central differences."""
    gradients = function(*arrays)[1:]
    for index, array in enumerate(arrays):
        measured = np.empty_like(array)
        for place in np.ndindex(array.shape):
            changed = [other.copy() for other in arrays]
            changed[index][place] += STEP
            above = function(*changed)[0]
            changed[index][place] -= 2 * STEP
            measured[place] = (above - function(*changed)[0]) / (2 * STEP)
        assert np.linalg.norm(measured) > 0
        assert np.linalg.norm(gradients[index] - measured) < 1e-7 * max(1.0, float(np.linalg.norm(measured)))


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def entropy_of_first(logits: Sequence[float], right: int) -> float:
    return float(np.log(np.sum(np.exp(logits))) - logits[right])


@pytest.mark.parametrize("n_negatives", [0, 3, 7])
def test_info_nce_is_the_mean_of_both_cross_entropies(rng: np.random.Generator, n_negatives: int) -> None:
    first, second = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    hard = rng.normal(size=(n_negatives, 4))
    expected = 0.0
    for i in range(5):
        forwards = [cosine(first[i], other) / 0.3 for other in (*second, *hard)]
        backwards = [cosine(second[i], other) / 0.3 for other in first]
        expected += (entropy_of_first(forwards, i) + entropy_of_first(backwards, i)) / 10
    loss = info_nce(first, second, temperature=0.3, negatives=hard if n_negatives else None)[0]
    assert loss == pytest.approx(expected, rel=1e-12)


def test_info_nce_gradients_are_exact(rng: np.random.Generator) -> None:
    first, second, hard = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    check_gradients(lambda a, b: info_nce(a, b, temperature=0.1)[:3], [first, second])
    check_gradients(lambda a, b, c: info_nce(a, b, temperature=0.1, negatives=c), [first, second, hard])


def test_info_nce_of_a_zero_row_has_no_gradient(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    first[2] = 0
    loss, d_first, d_second, _ = info_nce(first, second, temperature=0.05)
    assert np.isfinite(loss)
    assert not d_first[2].any()
    assert np.isfinite(d_second).all() and d_second.any()


def test_info_nce_depends_on_directions_only(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    lengths = rng.uniform(0.1, 10, size=(4, 1))
    expected = info_nce(first, second, temperature=0.2)[0]
    assert info_nce(first * lengths, second, temperature=0.2)[0] == pytest.approx(expected, rel=1e-12)


def test_listwise_distillation_is_the_mean_divergence(rng: np.random.Generator) -> None:
    student, teacher = rng.normal(size=(5, 3)), rng.normal(size=(5, 7))
    expected = 0.0
    for i in range(5):
        others = [j for j in range(5) if j != i]
        p = np.exp([cosine(teacher[i], teacher[j]) / 0.2 for j in others])
        q = np.exp([cosine(student[i], student[j]) / 0.5 for j in others])
        p, q = p / p.sum(), q / q.sum()
        expected += float(np.sum(p * np.log(p / q))) / 5
    loss, _ = listwise_distillation(student, teacher, temperature=0.5, teacher_temperature=0.2)
    assert loss == pytest.approx(expected, rel=1e-10)


def test_listwise_distillation_gradient_is_exact(rng: np.random.Generator) -> None:
    teacher = rng.normal(size=(6, 5))
    check_gradients(lambda s: listwise_distillation(s, teacher, temperature=0.1), [rng.normal(size=(6, 4))])


def test_listwise_distillation_of_a_rotated_teacher_is_nothing(rng: np.random.Generator) -> None:
    teacher = rng.normal(size=(6, 5))
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    loss, gradient = listwise_distillation(3 * teacher @ rotation, teacher, temperature=0.1)
    assert loss == pytest.approx(0, abs=1e-12)
    assert np.abs(gradient).max() < 1e-12


def test_listwise_distillation_needs_two_sentences() -> None:
    with pytest.raises(ValueError, match="at least two"):
        listwise_distillation(np.ones((1, 3)), np.ones((1, 3)), temperature=0.1)


def test_vector_distillation_is_one_minus_the_cosine_and_its_gradients_exact(rng: np.random.Generator) -> None:
    student, teacher, projection = rng.normal(size=(4, 3)), rng.normal(size=(4, 5)), rng.normal(size=(3, 5))
    expected = np.mean([1 - cosine(row @ projection, goal) for row, goal in zip(student, teacher, strict=True)])
    assert vector_distillation(student, teacher, projection)[0] == pytest.approx(expected, rel=1e-12)
    check_gradients(lambda s, w: vector_distillation(s, teacher, w), [student, projection])


def sampled(
    rng: np.random.Generator, vocabulary: Array, targets: Sequence[int], noise: Sequence[int]
) -> dict[str, Any]:
    q = rng.dirichlet(np.ones(len(vocabulary)))
    ids, drawn = np.array(targets), np.array(noise)
    return {
        "target_log_q": np.log(q[ids]),
        "noise_log_q": np.log(q[drawn]),
        "is_target": ids[:, None] == drawn[None],
    }


def test_sampled_softmax_gradients_are_exact(rng: np.random.Generator) -> None:
    vocabulary = rng.normal(size=(9, 4))
    ids, noise = [1, 5, 5], [0, 5, 8, 8, 2]
    about = sampled(rng, vocabulary, ids, noise)
    check_gradients(
        lambda h, t, n: sampled_softmax(h, t, n, **about), [rng.normal(size=(3, 4)), vocabulary[ids], vocabulary[noise]]
    )


def test_sampled_softmax_leaves_out_the_target_among_the_noise(rng: np.random.Generator) -> None:
    hidden, vocabulary = rng.normal(size=(2, 4)), rng.normal(size=(6, 4))
    ids, noise = [1, 3], [1, 2]
    about = sampled(rng, vocabulary, ids, noise)
    d_noise = sampled_softmax(hidden, vocabulary[ids], vocabulary[noise], **about)[3]
    # only the second place sees the first noise word, which is the first place's target
    assert abs(np.linalg.matrix_rank(d_noise[:1]) - 1) == 0
    assert abs(cosine(d_noise[0], hidden[1])) == pytest.approx(1, rel=1e-12)


def test_sampled_softmax_approaches_the_whole_softmax(rng: np.random.Generator) -> None:
    """With every other word as noise once and no correction it is the softmax itself."""
    hidden, vocabulary = rng.normal(size=(1, 4)), rng.normal(size=(30, 4))
    logits = vocabulary @ hidden[0]
    others = [word for word in range(30) if word != 7]
    loss = sampled_softmax(
        hidden,
        vocabulary[[7]],
        vocabulary[others],
        target_log_q=np.zeros(1),
        noise_log_q=np.zeros(29),
        is_target=np.zeros((1, 29), bool),
    )[0]
    assert loss == pytest.approx(entropy_of_first(logits.tolist(), 7), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_keep_dtype_and_arguments(rng: np.random.Generator, dtype: type) -> None:
    first: NDArray[Any] = rng.normal(size=(4, 3)).astype(dtype)
    second: NDArray[Any] = rng.normal(size=(4, 3)).astype(dtype)
    before = first.copy(), second.copy()
    results = [
        info_nce(first, second, temperature=0.1, negatives=second)[1:],
        listwise_distillation(first, second, temperature=0.1)[1:],
        vector_distillation(first, second, second[:3])[1:],
    ]
    assert {array.dtype for arrays in results for array in arrays if array is not None} == {np.dtype(dtype)}
    assert np.array_equal(first, before[0]) and np.array_equal(second, before[1])


# gradient caching


@pytest.mark.parametrize("chunk", [1, 3, 4, 7, 100])
def test_cached_gradients_are_those_of_the_whole_batch(rng: np.random.Generator, chunk: int) -> None:
    inputs, weight, teacher = rng.normal(size=(7, 3)), rng.normal(size=(3, 4)), rng.normal(size=(7, 5))
    kept: list[int] = []

    def forward(part: slice) -> tuple[Array, Array]:
        kept.append(len(inputs[part]))
        return np.tanh(inputs[part] @ weight), inputs[part]

    def backward(d_vectors: NDArray[Any], x: Array) -> Array:
        gradient: Array = x.T @ (d_vectors * (1 - np.tanh(x @ weight) ** 2))
        return gradient

    def objective(vectors: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        return listwise_distillation(vectors, teacher, temperature=0.1)

    vectors, cache = forward(slice(0, 7))
    loss, d_vectors = objective(vectors)
    expected = backward(d_vectors, cache)
    kept.clear()
    total = np.zeros_like(weight)
    found = cached_gradients(7, chunk, forward, lambda d, x: np.add(total, backward(d, x), out=total), objective)
    assert found == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(total, expected, rtol=1e-10)
    assert max(kept) <= chunk
    assert sum(kept) == (7 if chunk >= 7 else 14)  # a batch in one part passes once
