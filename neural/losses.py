"""Losses of vectors and hidden states, with exact gradients.

Every function takes a batch and returns the mean loss in nats and its gradient for each input, in its dtype. Arguments
are never modified. For the derivations see docs/derivations/objectives.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def info_nce(
    first: Floats, second: Floats, *, temperature: float, negatives: Floats | None = None
) -> tuple[float, Floats, Floats, Floats | None]:
    """Identify the partner of each vector among those of the others in the batch, in both directions.

    Parameters
    ----------
    first, second : ndarray of shape (B, d)
        Row i of `first` and row i of `second` belong together.
    temperature : float
        Divisor of the cosines.
    negatives : ndarray of shape (N, d), optional
        Hard negatives: further rows that match none of `first`.

    Returns
    -------
    loss : float
        Half the sum of two mean cross-entropies: of finding second[i] from first[i], among all of `second` and
        `negatives`, and of finding first[i] from second[i], among all of `first`.
    d_first, d_second, d_negatives : ndarray
        Its gradients; the last is None without negatives. The gradient of a zero row, whose cosine is 0, is zero.

    References
    ----------
    .. [1] van den Oord et al. 2018, arXiv:1807.03748, eq. 4.
    .. [2] Henderson et al. 2017, arXiv:1705.00652, section 4 (in-batch negatives).
    """
    a, a_norms = _normalised(first)
    b, b_norms = _normalised(second)
    n_pairs = len(a)
    logits = a @ b.T / temperature
    backwards, backwards_loss = _cross_entropy(logits.T, np.arange(n_pairs))
    if negatives is None:
        forwards, loss = _cross_entropy(logits, np.arange(n_pairs))
    else:
        c, c_norms = _normalised(negatives)
        forwards, loss = _cross_entropy(np.hstack([logits, a @ c.T / temperature]), np.arange(n_pairs))
    scale = 0.5 / (n_pairs * temperature)
    d_cosines = (forwards[:, :n_pairs] + backwards.T) * scale
    d_a, d_b = d_cosines @ b, d_cosines.T @ a
    d_negatives = None
    if negatives is not None:
        d_hard = forwards[:, n_pairs:] * scale
        d_a += d_hard @ c
        d_negatives = _through_norm(d_hard.T @ a, c, c_norms)
    total = 0.5 * (loss + backwards_loss)
    return total, _through_norm(d_a, a, a_norms), _through_norm(d_b, b, b_norms), d_negatives


def listwise_distillation(
    student: Floats, teacher: Floats, *, temperature: float, teacher_temperature: float | None = None
) -> tuple[float, Floats]:
    """Rank the others of the batch by similarity as a teacher does.

    Parameters
    ----------
    student : ndarray of shape (B, d)
    teacher : ndarray of shape (B, t)
        The teacher's vectors of the same items.
    temperature, teacher_temperature : float
        Divisors of the cosines; that of the teacher defaults to that of the student.

    Returns
    -------
    loss : float
        Mean over i of the Kullback-Leibler divergence of the student's softmax over all j ≠ i from the teacher's.
    d_student : ndarray of shape (B, d)

    Raises
    ------
    ValueError
        If there are fewer than two vectors.

    References
    ----------
    .. [1] Cao et al. 2007, Learning to rank: from pairwise approach to listwise approach, ICML, section 4.
    .. [2] Hinton, Vinyals and Dean 2015, arXiv:1503.02531, section 2.
    """
    if len(student) < 2:
        raise ValueError("at least two vectors are needed for a ranking")
    s, norms = _normalised(student)
    t, _ = _normalised(teacher)
    target = _log_softmax_of_others(t @ t.T / (teacher_temperature or temperature))
    found = _log_softmax_of_others(s @ s.T / temperature)
    probabilities = np.exp(target)
    loss = float(np.einsum("ij,ij->", probabilities, target - found, dtype=np.float64)) / len(s)
    d_cosines = (np.exp(found) - probabilities) / (len(s) * temperature)
    return loss, _through_norm((d_cosines + d_cosines.T) @ s, s, norms)


def vector_distillation(student: Floats, teacher: Floats, projection: Floats) -> tuple[float, Floats, Floats]:
    """Match the directions of a teacher's vectors through a linear projection.

    Parameters
    ----------
    student : ndarray of shape (B, d)
    teacher : ndarray of shape (B, t)
    projection : ndarray of shape (d, t)

    Returns
    -------
    loss : float
        Mean of 1 - cosine between student @ projection and the teacher's vectors.
    d_student, d_projection : ndarray
    """
    unit, student_norms = _normalised(student)
    mapped, norms = _normalised(unit @ projection)
    target, _ = _normalised(teacher)
    loss = 1 - float(np.einsum("ij,ij->", mapped, target, dtype=np.float64)) / len(unit)
    d_mapped = _through_norm(-target / len(unit), mapped, norms)
    return loss, _through_norm(d_mapped @ projection.T, unit, student_norms), unit.T @ d_mapped


def sampled_softmax(
    hidden: Floats,
    targets: Floats,
    noise: Floats,
    *,
    target_log_q: Floats,
    noise_log_q: Floats,
    is_target: NDArray[np.bool_],
) -> tuple[float, Floats, Floats, Floats]:
    """Approximate a softmax over all classes by one over the right class and noise classes.

    Parameters
    ----------
    hidden : ndarray of shape (M, d)
        Hidden state of each place to predict.
    targets : ndarray of shape (M, d)
        Embedding of the right class of each place.
    noise : ndarray of shape (K, d)
        Embeddings of classes drawn with replacement, shared by all places.
    target_log_q : ndarray of shape (M,)
        Log-probability of drawing each target as noise. It is subtracted from the logit.
    noise_log_q : ndarray of shape (K,)
        The same for each noise class.
    is_target : ndarray of shape (M, K), bool
        Where a noise class is the target; it is left out there.

    Returns
    -------
    loss : float
        Mean cross-entropy.
    d_hidden, d_targets, d_noise : ndarray

    References
    ----------
    .. [1] Bengio and Senécal 2008, Adaptive importance sampling to accelerate training of a neural probabilistic
       language model, eq. 11.
    .. [2] Jean et al. 2015, arXiv:1412.2007, section 3.
    """
    right = np.einsum("ij,ij->i", hidden, targets) - target_log_q
    wrong = hidden @ noise.T - noise_log_q
    wrong[is_target] = -np.inf
    d_logits, loss = _cross_entropy(np.hstack([right[:, None], wrong]), np.zeros(len(hidden), np.intp))
    d_logits /= len(hidden)
    d_right, d_wrong = d_logits[:, :1], d_logits[:, 1:]
    return loss, d_right * targets + d_wrong @ noise, d_right * hidden, d_wrong.T @ hidden


def cached_gradients(
    n: int,
    chunk: int,
    forward: Callable[[slice], tuple[Floats, Any]],
    backward: Callable[[Floats, Any], object],
    objective: Callable[[Floats], tuple[float, Floats]],
) -> float:
    """Compute the gradient of a whole batch's loss while holding only part of the network's activations in memory.

    Every part passes through the network twice: once to compute its vectors, from which the loss of the whole batch and
    its gradient are computed, and once more to backpropagate that gradient. A single part passes once.

    Parameters
    ----------
    n : int
        Number of sequences in the batch.
    chunk : int
        Number of sequences to process at once.
    forward : callable
        Maps a slice of the batch to its vectors and the values that `backward` needs. Must be deterministic.
    backward : callable
        Takes the gradient of some vectors and the values from `forward`, and accumulates the parameters' gradients.
    objective : callable
        Maps all vectors to the loss and its gradient.

    Returns
    -------
    float
        The loss.

    References
    ----------
    .. [1] Gao et al. 2021, arXiv:2101.06983, section 3.
    """
    parts = [slice(start, min(start + chunk, n)) for start in range(0, n, chunk)]
    if len(parts) == 1:
        vectors, kept = forward(parts[0])
        loss, d_vectors = objective(vectors)
        backward(d_vectors, kept)
        return loss
    loss, d_vectors = objective(np.concatenate([forward(part)[0] for part in parts]))
    for part in parts:
        backward(d_vectors[part], forward(part)[1])
    return loss


def _cross_entropy(logits: Floats, targets: NDArray[np.intp]) -> tuple[Floats, float]:
    """Return softmax minus one-hot by row, not divided by their number, and the mean cross-entropy."""
    rows = np.arange(len(logits))
    probabilities = logits - logits.max(axis=1, keepdims=True)
    right = probabilities[rows, targets].astype(np.float64)
    np.exp(probabilities, out=probabilities)
    totals = probabilities.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(totals[:, 0].astype(np.float64)) - right))
    probabilities /= totals
    probabilities[rows, targets] -= 1
    return probabilities, loss


def _log_softmax_of_others(logits: Floats) -> Floats:
    """Return the log of the softmax of each row without its diagonal entry, which is a large negative number."""
    others = logits.copy()
    # not -inf, because 0 times the difference of two of them must be 0
    np.fill_diagonal(others, -1e4)
    others -= others.max(axis=1, keepdims=True)
    others -= np.log(np.exp(others).sum(axis=1, keepdims=True))
    return others


def _normalised(rows: Floats) -> tuple[Floats, Floats]:
    """Return the rows scaled to length 1, zero rows unchanged, and a column of lengths, infinite for zero rows."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    norms[norms == 0] = np.inf
    return rows / norms, norms


def _through_norm(d_unit: Floats, unit: Floats, norms: Floats) -> Floats:
    """Return the gradient with respect to the input of `_normalised`, given that of its output."""
    along = np.einsum("ij,ij->i", d_unit, unit)[:, None]
    gradient: Floats = (d_unit - along * unit) / norms
    return gradient
