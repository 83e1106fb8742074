"""Readable twins for input vectors composed of several rows, and for position weights.

Written from the formulae in docs/derivations/subwords.md. They wrap or replace the chunks of `naive_w2v`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.helpers.twins import naive_w2v
from tests.helpers.twins.naive_w2v import Array, Buffer, Trained


@dataclass
class ComposedChunk:
    """A chunk of `naive_w2v` whose input vectors are means of rows; calling it updates the rows.

    Attributes
    ----------
    inner : callable
        The chunk to run, with the means as the words' own vectors.
    rows : ndarray of shape (R, D)
    members : list of lists of int
        Rows of each word.
    frozen : set of int
        Rows that are not updated.
    travel : ndarray of shape (R, D)
        The travel of the rows, as in `Trained`.
    """

    inner: object
    rows: Array
    members: list[list[int]]
    frozen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.travel = np.zeros(self.rows.shape)

    def __call__(
        self, result: Trained, buffer: Buffer, targets: range, noise: list[int], alpha: float, negative: int
    ) -> None:
        """Take one step."""
        before = self.means()
        result.w_in, result.travel_in = before.copy(), np.zeros(before.shape)
        self.inner(result, buffer, targets, noise, alpha, negative)  # type: ignore[operator]
        for word, members in enumerate(self.members):
            for row in members:
                if row not in self.frozen:
                    self.rows[row] += result.w_in[word] - before[word]
                    self.travel[row] += result.travel_in[word]
        result.w_in = self.means()

    def means(self) -> Array:
        """Return the input vectors, shape (V, D)."""
        return np.array([self.rows[members].mean(axis=0) for members in self.members])


@dataclass
class WeightedChunk:
    """CBOW whose hidden vector weights each position of the window with its own vector.

    Attributes
    ----------
    positions : ndarray of shape (2 * window + 1, D)
        Row window + p belongs to relative position p; row `window` is unused.
    window, n_targets : int
    step : ndarray of the shape of `positions`
        The last step of the weights, before scaling.
    """

    positions: Array
    window: int
    n_targets: int

    def __post_init__(self) -> None:
        self.travel, self.step = np.zeros(self.positions.shape), np.zeros(self.positions.shape)

    def __call__(
        self, result: Trained, buffer: Buffer, targets: range, noise: list[int], alpha: float, negative: int
    ) -> None:
        """Take one step."""
        x, steps = result.w_in[buffer.words], np.zeros(self.positions.shape)
        moved_in, moved_out = np.zeros(result.w_in.shape), np.zeros(result.w_out.shape)
        weight, z = negative / len(noise), result.w_out[noise]
        for i in targets:
            context = buffer.contexts[i]
            if not context:
                continue
            places = np.array(context) - i + self.window
            share = naive_w2v.context_share(len(context))
            h = share * (self.positions[places] * x[context]).sum(axis=0)
            y = result.w_out[buffer.words[i]]
            score, noise_scores = np.array(h @ y), z @ h
            e = alpha * naive_w2v.positive_step(score)
            g = alpha * weight * naive_w2v.noise_step(noise_scores)
            grad = share * (e * y + g @ z)
            for j, place in zip(context, places, strict=True):
                moved_in[buffer.words[j]] += self.positions[place] * grad
                steps[place] += x[j] * grad
            moved_out[buffer.words[i]] += e * h
            np.add.at(moved_out, noise, g[:, None] * h)

            reach = share * alpha * (abs(y) + weight * abs(z).sum(axis=0))
            for j, place in zip(context, places, strict=True):
                result.travel_in[buffer.words[j]] += abs(self.positions[place]) * reach
                self.travel[place] += abs(x[j]) * reach / self.n_targets
            result.travel_out[buffer.words[i]] += alpha * abs(h)
            np.add.at(result.travel_out, noise, alpha * weight * abs(h))
            result.loss += float(
                -np.log(naive_w2v.sigmoid(score)) - weight * np.log(naive_w2v.sigmoid(-noise_scores)).sum()
            )
            result.pairs += 1
        result.w_in += moved_in
        result.w_out += moved_out
        self.step = steps / self.n_targets
        self.positions += self.step
        used = np.delete(self.positions, self.window, axis=0)
        self.positions /= np.sqrt((used**2).mean())


def train_pairs(
    pairs: list[tuple[int, int]],
    weights: list[float],
    threshold: list[float],
    alias: list[int],
    w_in: Array,
    w_out: Array,
    *,
    negative: int,
    n_targets: int,
    n_noise: int,
    alpha_start: float,
    alpha_end: float,
    state: int,
) -> Trained:
    """Train on (input, target) pairs; the tables are not changed."""
    result = Trained(w_in.copy(), w_out.copy(), travel_in=np.zeros(w_in.shape), travel_out=np.zeros(w_out.shape))

    def draw_chunk_noise() -> list[int]:
        nonlocal state
        words = []
        for _ in range(n_noise):
            word, state = naive_w2v.draw_noise(threshold, alias, state)
            words.append(word)
        return words

    next_noise = draw_chunk_noise()
    for first in range(0, len(pairs), n_targets):
        alpha = alpha_start + (alpha_end - alpha_start) * first / len(pairs)
        noise, next_noise = next_noise, draw_chunk_noise()
        before_in, before_out = result.w_in.copy(), result.w_out.copy()
        for (i, t), v in list(zip(pairs, weights, strict=True))[first : first + n_targets]:
            x, y, z = before_in[i], before_out[t], before_out[noise]
            score, noise_scores = np.array(x @ y), z @ x
            e = alpha * v * naive_w2v.positive_step(score)
            g = alpha * v * negative / n_noise * naive_w2v.noise_step(noise_scores)
            result.w_in[i] += e * y + g @ z
            result.w_out[t] += e * x
            np.add.at(result.w_out, noise, g[:, None] * x)
            shared = negative / n_noise
            result.travel_in[i] += alpha * v * (abs(y) + shared * abs(z).sum(axis=0))
            result.travel_out[t] += alpha * v * abs(x)
            np.add.at(result.travel_out, noise, alpha * v * shared * abs(x))
            losses = np.log(naive_w2v.sigmoid(-noise_scores)).sum()
            result.loss -= v * float(np.log(naive_w2v.sigmoid(score)) + shared * losses)
        result.chunks += 1
    result.state = state
    return result
