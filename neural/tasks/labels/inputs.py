"""Input embeddings of taggers and classifiers: word, character n-grams, shape, given vectors and columns of each token.

::

    f = [ E[word] ; Σ N[n-gram] / √n ; S[shape] ; U[usual case] ; given vectors ]     for every distinct word
    x = f W + b + Σ_c C_c[value of column c]                                          for every token

E, N, S, U, C, W and b are trained. Given vectors stay fixed, so that words not seen in training keep their similarity
to those that were. During training, a word's row of E is randomly replaced by that of unknown words, more often for
rare words. This trains the unknown row, and the rest of f learns to do without E. Derivation:
docs/derivations/tagging.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.table_rows import add_table_rows, scatter_bags, sum_bags
from w2v.neural.layers import linear
from w2v.neural.parameters import Tensor, add, scope, within
from w2v.neural.tasks.labels.words import N_SHAPES, UNKNOWN, WORD_DEVIATION, Bags, Lexicon, Tokens

Floats = NDArray[Any]

SHAPE_SIZE = 16
"""Width of the table of shapes."""


@dataclass(frozen=True)
class InputConfig:
    """The configuration of the embeddings that a stack reads.

    Attributes
    ----------
    words : int
        Rows of the word table, including that of unknown words.
    word_size : int
        Width of the word table.
    buckets, ngram_size : int
        Rows and width of the n-gram table.
    given, given_size : int
        Rows of the given vectors, including that of zeros, and their width; 1 and 0 for none.
    columns : tuple of int
        Number of values of each given column, including the unknown value.
    dim : int
        Width of the embeddings.
    spellings : int
        Number of given vectors per word: 2 if that of the lower-case word is read as well.
    usual_cases : int
        Rows of the table of usual cases; 0 for none.
    """

    words: int
    word_size: int
    buckets: int
    ngram_size: int
    given: int
    given_size: int
    columns: tuple[int, ...]
    dim: int
    spellings: int = 1
    usual_cases: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))  # JSON has lists
        sizes = (
            self.words,
            self.word_size,
            self.buckets,
            self.ngram_size,
            self.given,
            *self.columns,
            self.dim,
            self.given_size + 1,
            self.spellings,
            self.usual_cases + 1,
        )
        if any(type(size) is not int or not 1 <= size < 1 << 31 for size in sizes):
            raise ValueError("tables must have at least one row and one column")

    @property
    def borders(self) -> list[int]:
        """The start of each part of f: words, n-grams, shapes, usual cases, given vectors; and the end."""
        usual, given = SHAPE_SIZE * (self.usual_cases > 0), self.spellings * self.given_size
        sizes = (0, self.word_size, self.ngram_size, SHAPE_SIZE, usual, given)
        return list(accumulate(sizes))

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array."""
        arrays = {
            "words.table": Tensor((self.words, self.word_size), WORD_DEVIATION),
            "ngrams.table": Tensor((self.buckets, self.ngram_size), 0.3),
            "shapes.table": Tensor((N_SHAPES, SHAPE_SIZE), 0.3),
            **({"usual.table": Tensor((self.usual_cases, SHAPE_SIZE), 0.3)} if self.usual_cases else {}),
            **within("projection", linear.tensors(self.borders[-1], self.dim)),
        }
        for number, size in enumerate(self.columns):
            arrays[f"columns.{number}.table"] = Tensor((size, self.dim), 0.3)
        return arrays


class WordDropout(NamedTuple):
    """Which tokens of a training step are replaced by the unknown word.

    Attributes
    ----------
    rare : float
        A word seen n times is dropped with probability rare / (rare + n), in addition to `rate`.
    rate : float
    seed : int
        Distinct for each step.
    first_row : int
        Index of the first token within the whole batch.
    """

    rare: float
    rate: float
    seed: int
    first_row: int = 0

    def lost(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which tokens are dropped, given the counts of their words."""
        generator = np.random.PCG64(self.seed)
        generator.advance(self.first_row)
        drawn = np.random.Generator(generator).random(len(counts))
        keeps = (1 - self.rate) * counts / np.maximum(self.rare + counts, 1e-12)
        lost: NDArray[np.bool_] = drawn >= keeps
        return lost


class Cache(NamedTuple):
    """Values that `backward` needs."""

    tokens: Tokens
    places: NDArray[np.int64]
    own: NDArray[np.int64]
    ngrams: Bags
    shapes: NDArray[np.int64]
    usual: NDArray[np.int64]
    projection: linear.Cache


def forward(
    config: InputConfig,
    parameters: Mapping[str, Floats],
    lexicon: Lexicon,
    tokens: Tokens,
    dropped: WordDropout | None = None,
) -> tuple[Floats, Cache]:
    """Return the embeddings for a stack, shape (N, dim), and the values that `backward` needs."""
    lost = np.zeros(len(tokens.ids), np.bool_) if dropped is None else dropped.lost(lexicon.counts[tokens.ids])
    distinct, places = np.unique(2 * tokens.ids + lost, return_inverse=True)
    which, is_lost = np.divmod(distinct, 2)
    own = np.where(is_lost, UNKNOWN, lexicon.own[which])
    f, ngrams = _features(config, parameters, lexicon, which, own)
    y, projection = linear.forward(scope(parameters, "projection"), f)
    x = y[places]
    for number in range(len(config.columns)):
        x += parameters[f"columns.{number}.table"][tokens.columns[:, number]]
    return x, Cache(tokens, places, own, ngrams, lexicon.shapes[which], lexicon.usual[which], projection)


def word_embeddings(config: InputConfig, parameters: Mapping[str, Floats], lexicon: Lexicon) -> Floats:
    """Return the contribution of every word of a lexicon to the embeddings of its tokens, shape (T, dim)."""
    f, _ = _features(config, parameters, lexicon, np.arange(len(lexicon.own)), lexicon.own)
    return linear.forward(scope(parameters, "projection"), f)[0]


def _features(
    config: InputConfig,
    parameters: Mapping[str, Floats],
    lexicon: Lexicon,
    which: NDArray[np.int64],
    own: NDArray[np.int64],
) -> tuple[Floats, Bags]:
    """Return f for some words of a lexicon, and their n-grams."""
    table = parameters["ngrams.table"]
    ngrams = lexicon.ngrams.take(which)
    bags = np.empty((len(which), config.ngram_size), table.dtype)
    sum_bags(table, np.ones(len(table), table.dtype), *ngrams, bags)
    bags *= _scales(ngrams.offsets, table.dtype)
    parts = [
        parameters["words.table"][own],
        bags,
        parameters["shapes.table"][lexicon.shapes[which]],
        *([parameters["usual.table"][lexicon.usual[which]]] if config.usual_cases else []),
        *(own.take(which).means(lexicon.vectors, table.dtype) for own in lexicon.given),
    ]
    return np.concatenate(parts, axis=1), ngrams


def _scales(offsets: NDArray[np.int64], dtype: Any) -> Floats:
    """Return 1 / √n for the number n of each word's n-grams, shape (T, 1)."""
    scales: Floats = (1 / np.sqrt(np.maximum(np.diff(offsets), 1))).astype(dtype)[:, None]
    return scales


def backward(
    config: InputConfig, parameters: Mapping[str, Floats], dx: Floats, cache: Cache, total: Mapping[str, Floats]
) -> None:
    """Add the gradients of the parameters to `total`."""
    for number in range(len(config.columns)):  # x += C[value]
        values = np.ascontiguousarray(cache.tokens.columns[:, number])
        add_table_rows(dx, values, total[f"columns.{number}.table"])
    dy = np.zeros((len(cache.own), config.dim), dx.dtype)
    add_table_rows(dx, cache.places, dy)  # x += y[places]
    df, gradients = linear.backward(scope(parameters, "projection"), dy, cache.projection)
    add(total, within("projection", gradients))
    words, ngrams, shapes, usual, _ = (
        np.ascontiguousarray(df[:, first:last])
        for first, last in zip(config.borders[:-1], config.borders[1:], strict=True)
    )
    add_table_rows(words, cache.own, total["words.table"])
    add_table_rows(shapes, cache.shapes, total["shapes.table"])
    if config.usual_cases:
        add_table_rows(usual, cache.usual, total["usual.table"])
    ngrams *= _scales(cache.ngrams.offsets, dx.dtype)  # bag = Σ N[n-gram] / √n
    table = total["ngrams.table"]
    scatter_bags(ngrams, np.ones(len(table), table.dtype), *cache.ngrams, table)
