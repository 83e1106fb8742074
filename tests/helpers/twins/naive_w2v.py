"""Readable twins of the training kernels: Python integers for random numbers, float64 NumPy for the rest.

Written from the formulae in docs/derivations/negative_sampling.md. Nothing is imported from the package, so the
twin cannot share a mistake with the code that it checks. The functions are small and call each other by name, so
that tests/w2v/kernels/test_oracles.py can replace one of them with a wrong one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BUFFER = 8192
LIMIT = 20.0


# Random numbers.


def advance(state: int) -> int:
    """Return the next state of Knuth's MMIX generator."""
    return (6364136223846793005 * state + 1442695040888963407) % 2**64


def as_uniform(state: int) -> float:
    """Return the upper 24 bits as a number in [0, 1)."""
    return (state >> 40) / 2**24


def as_integer(state: int, n: int) -> int:
    """Return the upper 32 bits as an integer in [0, n)."""
    return (state >> 32) * n // 2**32


def draw_noise(threshold: Sequence[float], alias: Sequence[int], state: int) -> tuple[int, int]:
    """Draw a word with the alias method; return (word, state)."""
    state = advance(state)
    word = as_integer(state, len(threshold))
    state = advance(state)
    return (word if as_uniform(state) < threshold[word] else alias[word]), state


def draw_radius(window: int, shrink: int, state: int) -> int:
    """Return the radius of a window: drawn from 1 to `window`, or always `window`."""
    return min(window, shrink - as_integer(state, shrink)) if shrink else window


# Sampling.


@dataclass
class Buffer:
    """The tokens kept, and the positions in the context of each."""

    words: list[int] = field(default_factory=list)
    contexts: list[list[int]] = field(default_factory=list)

    @cached_property
    def n_pairs(self) -> Counter[int]:
        """The number of contexts that contain each position."""
        return Counter(j for context in self.contexts for j in context)


def sample_tokens(
    tokens: Sequence[int],
    offsets: Sequence[int],
    position: int,
    stop: int,
    keep: Sequence[float],
    window: int,
    shrink: int,
    state: int,
    size: int = BUFFER,
) -> tuple[Buffer, int, int]:
    """Fill a buffer from tokens[position:stop]; return (buffer, position, state)."""
    buffer = Buffer()
    while position < stop and len(buffer.words) < size:
        first = len(buffer.words)
        end = min(stop, min(offset for offset in offsets if offset > position))
        while position < end and len(buffer.words) < size:
            state = advance(state)
            if as_uniform(state) < keep[tokens[position]]:
                buffer.words.append(tokens[position])
            position += 1
        last = len(buffer.words)
        for i in range(first, last):
            state = advance(state)
            radius = draw_radius(window, shrink, state)
            buffer.contexts.append([j for j in range(i - radius, i + radius + 1) if first <= j < last and j != i])
    return buffer, position, state


# Scores and steps.


def sigmoid(x: Array) -> Array:
    """Return the logistic function of x, clamped."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -LIMIT, LIMIT))))


def positive_step(scores: Array) -> Array:
    """Return the negative derivative of -ln sigmoid(score)."""
    return 1 - sigmoid(scores)


def noise_step(scores: Array) -> Array:
    """Return the negative derivative of -ln sigmoid(-score)."""
    return -sigmoid(scores)


def context_share(n: int) -> float:
    """Return the weight of one context word in the mean of n."""
    return 1 / n


# Training.


@dataclass
class Trained:
    """Tables and sums after training.

    `travel_in` and `travel_out` have the shapes of the tables. They sum, over all pairs, the largest possible length of
    a step; rounding errors are relative to it.
    """

    w_in: Array
    w_out: Array
    loss: float = 0.0
    pairs: int = 0
    kept: int = 0
    chunks: int = 0
    state: int = 0
    travel_in: Array = field(default_factory=lambda: np.zeros(0))
    travel_out: Array = field(default_factory=lambda: np.zeros(0))


def train(
    algorithm: str,
    tokens: Sequence[int],
    offsets: Sequence[int],
    position: int,
    stop: int,
    keep: Sequence[float],
    threshold: Sequence[float],
    alias: Sequence[int],
    w_in: Array,
    w_out: Array,
    *,
    window: int,
    shrink: int,
    negative: int,
    n_targets: int,
    n_noise: int,
    alpha_start: float,
    alpha_end: float,
    state: int,
    chunk: Callable[..., None] | None = None,
) -> Trained:
    """Train on tokens[position:stop]; the tables have shape (V, D) and are not changed.

    `chunk` replaces `skipgram_chunk` or `cbow_chunk`.
    """
    result = Trained(w_in.copy(), w_out.copy(), travel_in=np.zeros(w_in.shape), travel_out=np.zeros(w_out.shape))
    chunk = chunk or {"skipgram": skipgram_chunk, "cbow": cbow_chunk}[algorithm]

    def draw_chunk_noise() -> list[int]:
        nonlocal state
        words = []
        for _ in range(n_noise):
            word, state = draw_noise(threshold, alias, state)
            words.append(word)
        return words

    next_noise = draw_chunk_noise()
    begin = position
    while position < stop:
        alpha = alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin)
        buffer, position, state = sample_tokens(tokens, offsets, position, stop, keep, window, shrink, state)
        result.kept += len(buffer.words)
        for t in range(0, len(buffer.words), n_targets):
            noise, next_noise = next_noise, draw_chunk_noise()
            chunk(result, buffer, range(t, min(t + n_targets, len(buffer.words))), noise, alpha, negative)
            result.chunks += 1
    result.state = state
    return result


def skipgram_chunk(
    result: Trained, buffer: Buffer, targets: range, noise: list[int], alpha: float, negative: int
) -> None:
    """Take one step for a chunk: every context word predicts its target and the noise drawn for its position."""
    words = np.array(buffer.words)
    pairs = [(i, j) for i in targets for j in buffer.contexts[i]]
    target, context = np.array(pairs, dtype=int).reshape(-1, 2).T
    y, x = result.w_out[words[target]], result.w_in[words[context]]
    scores = np.sum(x * y, axis=1)
    g = alpha * positive_step(scores)[:, None]

    weight = np.array([buffer.n_pairs[i] for i in targets])[:, None] * negative / len(noise)
    core, z = result.w_in[words[targets]], result.w_out[noise]
    noise_scores = core @ z.T
    h = alpha * weight * noise_step(noise_scores)

    result.loss += float(-np.log(sigmoid(scores)).sum() - (weight * np.log(sigmoid(-noise_scores))).sum())
    result.pairs += len(pairs)
    np.add.at(result.w_in, words[context], g * y)
    np.add.at(result.w_out, words[target], g * x)
    np.add.at(result.w_in, words[targets], h @ z)
    np.add.at(result.w_out, noise, h.T @ core)

    np.add.at(result.travel_in, words[context], alpha * abs(y))
    np.add.at(result.travel_out, words[target], alpha * abs(x))
    np.add.at(result.travel_in, words[targets], alpha * weight * abs(z).sum(axis=0))
    np.add.at(result.travel_out, noise, alpha * (weight * abs(core)).sum(axis=0))


def cbow_chunk(result: Trained, buffer: Buffer, targets: range, noise: list[int], alpha: float, negative: int) -> None:
    """Take one step for a chunk: the mean of each context predicts its target and the noise."""
    words = np.array(buffer.words)
    active = [i for i in targets if buffer.contexts[i]]
    if not active:
        return
    h = np.array([result.w_in[words[buffer.contexts[i]]].mean(axis=0) for i in active])
    y, z = result.w_out[words[active]], result.w_out[noise]
    weight = negative / len(noise)
    scores, noise_scores = np.sum(h * y, axis=1), h @ z.T
    e = alpha * positive_step(scores)[:, None]
    g = alpha * weight * noise_step(noise_scores)
    grad_hidden = e * y + g @ z

    result.loss += float(-np.log(sigmoid(scores)).sum() - weight * np.log(sigmoid(-noise_scores)).sum())
    result.pairs += len(active)
    np.add.at(result.w_out, words[active], e * h)
    np.add.at(result.w_out, noise, g.T @ h)
    np.add.at(result.travel_out, words[active], alpha * abs(h))
    np.add.at(result.travel_out, noise, alpha * weight * abs(h).sum(axis=0))
    for k, i in enumerate(active):
        share = context_share(len(buffer.contexts[i]))
        np.add.at(result.w_in, words[buffer.contexts[i]], share * grad_hidden[k])
        reach = abs(y[k]) + weight * abs(z).sum(axis=0)
        np.add.at(result.travel_in, words[buffer.contexts[i]], share * alpha * reach)
