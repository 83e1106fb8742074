"""Baselines for any encoder, each in closed form: bag of words, mean, SIF, uSIF and a random network.

They are good choices if nothing is to be trained. Each has a method `encode`, like `SentenceEncoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.blocks import Blocks, HashedBag
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.lookup_kernels import scale_to_unit
from w2v.encoder.model.rows import BesideRows
from w2v.encoder.model.state import DEFAULT_A, sif_state
from w2v.encoder.model.weights import SENTENCE_LENGTH as SENTENCE_LENGTH
from w2v.encoder.model.weights import usif_weights, word_probabilities
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.vectors.embeddings import Embeddings

_BAG_COLUMNS = 8192
_ROWS_AT_ONCE = 1 << 14
_RANDOM_SCALE = 0.5  # length of the random network's updates, over the mean length of weighted word vectors


class Baseline(Protocol):
    """Computes the vectors of sentences."""

    def encode(self, sentences: Iterable[str]) -> NDArray[Any]:
        """Return the vectors of sentences, shape (S, d), of length 1 or 0."""


class BagOfWords:
    """A bag of words without word vectors: cosines measure the words two sentences share, rare ones weighing more.

    The weights, a / (a + p), are those of `sif_state`; a word that is not in `embeddings` has weight 1. Each spelling
    is hashed to a column and a sign; collisions within a pair of sentences are rare.
    """

    def __init__(self, embeddings: Embeddings, a: float = DEFAULT_A, columns: int = _BAG_COLUMNS) -> None:
        if columns < 1:
            raise ValueError(f"columns must be at least 1, not {columns}")
        state = sif_state(embeddings, a)
        self.columns = columns
        self._lookup = WordLookup(state.vocabulary, state.tokenizer)
        self._block = BesideRows(Blocks(HashedBag(columns, 1.0, a)), state.vocabulary)

    def encode(self, sentences: Iterable[str]) -> NDArray[np.float32]:
        """Return the vectors of sentences, shape (S, columns), float32."""
        found = self._lookup.find(list(sentences), with_unknown=True)
        vectors = np.empty((len(found), self.columns), np.float32)
        self._block.join(found, vectors, normalize=True)
        return vectors


class UnweightedSif:
    """uSIF: weights without a hyperparameter, and partial removal of the directions common to all sentences.

    Notes
    -----
    Deviation: the paper computes the common directions from the sentences being compared, so a vector depends on the
    others. Here they are those of random sentences: for n words drawn by their probabilities, E[s sᵀ] = n C + n² m mᵀ,
    where m and C are the mean and the covariance of the weighted word vectors.

    References
    ----------
    .. [1] Ethayarajh 2018, Unsupervised random walk sentence embeddings, RepL4NLP, sections 3 and 4.
    """

    def __init__(self, embeddings: Embeddings, n_components: int = 5, sentence_length: int = SENTENCE_LENGTH) -> None:
        if not 0 <= n_components <= embeddings.vector_size:
            raise ValueError(f"n_components must be between 0 and {embeddings.vector_size}, not {n_components}")
        probabilities = word_probabilities(embeddings.vocabulary)
        state = sif_state(embeddings)
        state.word_weights[:] = usif_weights(probabilities, sentence_length)
        self._encoder = SentenceEncoder(state, normalize=False)
        moments = sentence_moments(state.table, state.gains, probabilities, sentence_length)
        squares, directions = np.linalg.eigh(moments)
        largest = squares[::-1][:n_components]
        self.components = np.ascontiguousarray(directions.T[::-1][:n_components])
        self.shares = largest / max(largest.sum(), np.finfo(float).tiny)

    def encode(self, sentences: Iterable[str]) -> NDArray[np.float32]:
        """Return the vectors of sentences, shape (S, d), float32."""
        sums = self._encoder.encode(sentences).astype(np.float64)
        for component, share in zip(self.components, self.shares, strict=True):
            sums -= share * np.outer((sums * component).sum(axis=1), component)
        vectors: NDArray[np.float32] = sums.astype(np.float32)
        scale_to_unit(vectors.reshape(-1), vectors.shape[1])
        return vectors


def sentence_moments(
    table: NDArray[np.float32], gains: NDArray[np.float32], probabilities: NDArray[np.float64], n_words: int
) -> NDArray[np.float64]:
    """Return E[s sᵀ] for sums of `n_words` independently drawn, weighted words, shape (d, d), float64."""
    second = np.zeros((table.shape[1], table.shape[1]))
    mean = np.zeros(table.shape[1])
    for first in range(0, len(table), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        rows = table[part] * gains[part, None].astype(np.float64)
        second += rows.T @ (rows * probabilities[part, None])
        mean += probabilities[part] @ rows
    covariance = second - np.outer(mean, mean)
    moments: NDArray[np.float64] = n_words * covariance + n_words**2 * np.outer(mean, mean)
    return moments


def random_network(embeddings: Embeddings, *, layers: int = 1, random_state: int = 0) -> SentenceEncoder:
    """Return an encoder with an untrained random network on words weighted as in SIF.

    References
    ----------
    .. [1] Wieting and Kiela 2019, No training required: exploring random encoders for sentence classification, ICLR.
    """
    encoder = SentenceEncoder(embeddings, "attention", layers=layers, random_state=random_state)
    state = encoder.state
    assert state.parameters is not None
    lengths = state.gains * np.linalg.norm(state.table, axis=1)
    length = _RANDOM_SCALE * float(word_probabilities(state.vocabulary) @ lengths)
    rng = np.random.default_rng([random_state, layers])
    weight = state.parameters["output.weight"]
    weight[...] = length * rng.standard_normal(weight.shape) / np.sqrt(weight.shape[0] * state.width)
    weight[:, -1] = 0  # the gate: vectors keep their lengths
    return SentenceEncoder(state, "attention")


BASELINES: dict[str, Callable[[Embeddings], Baseline]] = {
    "bag-of-words": BagOfWords,
    "mean": lambda embeddings: SentenceEncoder(embeddings, a=np.inf),
    "sif": SentenceEncoder,
    "usif": UnweightedSif,
    "random-network": random_network,
}
"""Names accepted by `get_baseline`."""


def get_baseline(name: str, embeddings: Embeddings) -> Baseline:
    """Return the baseline with a name in `BASELINES`.

    Raises
    ------
    ValueError
        If there is no such baseline.
    """
    if name not in BASELINES:
        raise ValueError(f"there is no baseline {name!r:.80}; known are {', '.join(BASELINES)}")
    return BASELINES[name](embeddings)
