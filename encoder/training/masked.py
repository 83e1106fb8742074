"""Masked words: some words of a sentence are hidden, and the network predicts them from their context.

This pretraining needs neither labels nor pairs. It trains layers that represent words in context, from which encoders,
taggers and classifiers start.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.training.batches import PackedSentences, digest
from w2v.encoder.training.tasks import Batch, Drawing, Loss
from w2v.neural.kernels.table_rows import add_table_rows
from w2v.neural.losses import sampled_softmax

Floats = NDArray[Any]

_HIDDEN, _RANDOM = 0.8, 0.1
"""Fractions of the chosen words that are replaced by zeros, and by another word; the rest stays unchanged."""
_NOISE_POWER = 0.75
_LEAST = 1e-9
"""Minimum probability of a word, for words that another program's counts give as 0."""
_AT_ONCE = 64


class _Chosen(NamedTuple):
    """Words of a batch to predict: their places among its tokens, in order, and their ids."""

    places: NDArray[np.int64]
    words: NDArray[np.int64]

    def within(self, tokens: slice) -> _Chosen:
        """Return those within some consecutive tokens, with places relative to the first token."""
        own = slice(*np.searchsorted(self.places, [tokens.start, tokens.stop]).tolist())
        return _Chosen(self.places[own] - tokens.start, self.words[own])


class MaskedTask(Drawing):
    """Predict masked words from their context; this needs a network.

    The hidden state y of a masked token predicts its word: the logit of the word w is y · E_w / temperature + log p(w),
    with the input table E, and the probability p of w in the corpus that E was trained on. Training uses
    `sampled_softmax`; held-out words are predicted among the whole vocabulary.

    Parameters
    ----------
    sentences : PackedSentences
    probabilities : ndarray of shape (V,)
        p.
    fraction : float
        Fraction of words to mask. Of these, 80 % are hidden, 10 % are replaced by other words and 10 % stay, so that
        hidden states of visible words are trained as well; in held-out sentences all are hidden.
    noise : int
        Noise words per step, drawn in proportion to p^0.75; the whole vocabulary if that is not larger.
    batch_size, seed : int
    temperature : float

    References
    ----------
    Devlin et al. 2019, BERT, arXiv:1810.04805, section 3.1. Press and Wolf 2017, arXiv:1608.05859 (one table).
    """

    def __init__(
        self,
        sentences: PackedSentences,
        probabilities: NDArray[np.float64],
        *,
        fraction: float,
        noise: int,
        batch_size: int,
        temperature: float,
        seed: int,
    ) -> None:
        self._sentences, self._fraction, self._temperature, self._seed = sentences, fraction, temperature, seed
        p = np.maximum(probabilities, _LEAST)
        self._log_p = np.log(p).astype(np.float32)
        self._noise = min(noise, len(p))
        if self._noise == len(p):
            self._log_q = np.zeros_like(self._log_p)
        else:
            q = p**_NOISE_POWER / np.sum(p**_NOISE_POWER)
            self._log_q, self._up_to = np.log(q).astype(np.float32), np.cumsum(q)
        self._digested = [sentences.tokens, sentences.offsets, self._log_p]
        rng = np.random.default_rng([seed, 1])
        super().__init__("masked", np.flatnonzero(sentences.lengths > 1), "sentences of two words", batch_size, rng)

    def digest(self) -> str:
        """Return a digest of the sentences and the masking."""
        return digest(*self._digested, np.array([self._fraction, self._noise]))

    def _batch(self, items: NDArray[np.int64], step: int) -> Batch:
        rng = np.random.default_rng([self._seed, 2, step + 1])
        sentences = self._sentences.take(items)
        tokens = sentences.tokens.astype(np.int32)
        is_chosen = rng.random(len(tokens)) < self._fraction
        is_chosen[0] |= not is_chosen.any()
        places = np.flatnonzero(is_chosen)
        chosen = _Chosen(places, tokens[places].astype(np.int64))
        if step < 0:
            figures = {"accuracy": 0.0}
            return Batch(sentences, self._exactly(chosen, figures), True, places, figures)
        fate = rng.random(len(places))
        others = (fate >= _HIDDEN) & (fate < _HIDDEN + _RANDOM)
        tokens[places[others]] = self._draw_words(int(np.count_nonzero(others)), rng)
        is_exact = self._noise == len(self._log_p)
        noise = np.arange(self._noise) if is_exact else self._draw_words(self._noise, rng)
        sampled = self._from_noise(chosen, noise)
        return Batch(PackedSentences(tokens, sentences.offsets), sampled, True, places[fate < _HIDDEN])

    def _draw_words(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return drawn words, uniformly distributed if the whole vocabulary is noise."""
        if self._noise == len(self._log_p):
            return rng.integers(len(self._log_p), size=n)
        found: NDArray[np.int64] = np.searchsorted(self._up_to, rng.random(n) * self._up_to[-1], side="right")
        return np.minimum(found, len(self._log_p) - 1, out=found)

    def _from_noise(self, every: _Chosen, noise: NDArray[np.int64]) -> Any:
        """Return the loss of hidden states for predicting words among noise."""
        log_ratio = self._log_q - self._log_p
        noise_ratio = log_ratio[noise]

        def loss(states: Floats, tokens: slice, table: Floats) -> Loss:
            chosen, d_states = every.within(tokens), np.zeros_like(states)
            words = chosen.words
            if not len(words):
                return Loss(0.0, d_states, [])
            value, d_y, d_words, d_noise = sampled_softmax(
                states[chosen.places] / self._temperature, table[words], table[noise],
                target_log_q=log_ratio[words], noise_log_q=noise_ratio, is_target=words[:, None] == noise,
            )  # fmt: skip
            part = len(words) / len(every.words)
            d_states[chosen.places] = d_y * (part / self._temperature)
            rows, slots = np.unique(np.concatenate([words, noise]), return_inverse=True)
            d_rows = np.zeros((len(rows), table.shape[1]), table.dtype)
            add_table_rows(np.concatenate([d_words, d_noise]).astype(table.dtype), slots, d_rows)
            return Loss(part * value, d_states, [], (rows, d_rows * table.dtype.type(part)))

        return loss

    def _exactly(self, every: _Chosen, figures: dict[str, float]) -> Any:
        """Return the loss of hidden states for predicting words among all words; it also counts correct predictions."""

        def loss(states: Floats, tokens: slice, table: Floats) -> Loss:
            places, words = every.within(tokens)
            total = 0.0
            for first in range(0, len(words), _AT_ONCE):
                right = words[first : first + _AT_ONCE]
                logits = states[places[first : first + _AT_ONCE]] / self._temperature @ table.T + self._log_p
                top = logits.max(axis=1)
                wanted = logits[np.arange(len(right)), right]
                logits -= top[:, None]
                sums = np.exp(logits, out=logits).sum(axis=1, dtype=np.float64)
                total += float(np.sum(np.log(sums) + top - wanted, dtype=np.float64))
                figures["accuracy"] += float(np.count_nonzero(wanted == top)) / len(every.words)
            return Loss(total / len(every.words), np.zeros_like(states), [])

        return loss
