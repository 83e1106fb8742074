"""The training objectives by `Parameters.objective`: kernel, data and chunks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import TokenStream
from w2v.encoding.vocabulary import Vocabulary, noise_distribution
from w2v.kernels import cbow, hierarchical
from w2v.kernels import skipgram as _skipgram
from w2v.kernels.arguments import Chunk, Noise, Segment, Text
from w2v.kernels.hierarchical import Paths
from w2v.kernels.objectives import glove, softmax
from w2v.kernels.objectives.glove import Weighting
from w2v.kernels.objectives.softmax import Words
from w2v.kernels.pairs import train_pairs
from w2v.kernels.random import build_alias
from w2v.kernels.simd import LANES, TILE_ROWS
from w2v.settings.parameters import MAX_SOFTMAX_WORDS, Parameters
from w2v.training.glove.cells import Cells
from w2v.training.huffman import HuffmanTree
from w2v.training.tables import Tables

MAX_TARGETS = {"skipgram": 48, "cbow": 30}
"""Maximum number of targets in a chunk. Larger chunks exceed the first-level cache."""
MAX_TARGETS_HS = 24
"""The same for hierarchical softmax, whose chunks only share input rows (measured)."""
MAX_TARGETS_SOFTMAX = 48
"""The same for the full softmax, because the scores of a chunk must fit in a cache."""
LEAST_LOSS = 0.1
"""Added to GloVe's initial cost, which may be 0, in the check for divergence."""
MAX_NOISE_STEP = 1.2
"""Most that the pairs of one chunk may move a noise row at once: the sum of weights times alpha (measured)."""
MAX_WORD_STEP = 0.5
"""The same for a word's own rows: alpha times the expected pairs of the most frequent word in one chunk."""
UNIT_NOISE_ALPHA = 0.025
"""Up to this alpha, skip-gram draws enough noise words for each to weigh as much as in word2vec; beyond it, more."""
MOST_NOISE = 5_000
"""Maximum number of noise words of a chunk; fewer with windows of over 100 words, so the scores fit in memory."""
TILE_SLACK = 0.05
"""Fraction of its targets and of its variety of noise that skip-gram gives up to save a tile of noise rows."""
CBOW_SHARING = 10
"""Targets times `negative` for each noise row of a CBOW chunk."""


@dataclass(frozen=True)
class Objective:
    """An objective, which trains segments."""

    kernel: Callable[..., None]
    """Called with text, segment, `chunk`, `source`, arrays and members of the tables, scratch and stats; see
    `w2v.kernels.skipgram.train_skipgram`."""
    make_scratch: Callable[..., Any]
    """Called with `chunk`, `source`, arrays and members of the tables; allocates the kernel's scratch memory."""
    chunk: Chunk  # see `chunk_shape`
    source: Noise | Paths | Words | Weighting
    """The kernel's data: the noise distribution, paths through the tree, all words, or weighted cells."""
    alpha: float  # initial learning rate: as given, or smaller if the chunk requires it
    loss_at_start: float  # expected mean loss of a pair, in nats, while all output rows are zero

    @property
    def n_noise(self) -> int:
        """Number of noise words of a chunk; 0 without negative sampling."""
        return self.source.n_rows if isinstance(self.source, Noise) else 0

    def within(self, reach: int) -> Objective:
        """Return the objective for a text whose sentences allow windows of at most this radius."""
        return replace(self, chunk=self.chunk._replace(window=reach))

    def scratch(self, tables: Tables) -> Any:
        """Allocate the memory of one thread, which `step` overwrites."""
        return self.make_scratch(self.chunk, self.source, tables.arrays, tables.members)

    def step(self, text: Text, tables: Tables, segment: Segment, scratch: Any, stats: NDArray[np.float64]) -> None:
        """Train a segment: overwrite the tables, and add to `stats`, see `w2v.kernels.arguments.LOSS`."""
        self.kernel(text, segment, self.chunk, self.source, tables.arrays, tables.members, scratch, stats)


def choose_objective(
    parameters: Parameters, vocabulary: Vocabulary, keep: NDArray[np.float32], reach: int, stream: TokenStream
) -> Objective:
    """Return the objective of the parameters, for training on `stream`.

    A word with count 0 is never drawn as noise. `keep`, shape (V,), is the probability that subsampling keeps a token
    of each word; for `reach` see `Parameters.pairs_within`. Raises ValueError if there are too many words for the
    objective.
    """
    assert vocabulary.counts is not None
    if parameters.objective == "glove":
        assert isinstance(stream, Cells)
        return _glove(parameters, stream)
    make = {"negative": _negative_sampling, "hs": _hierarchical_softmax, "softmax": _softmax}[parameters.objective]
    return make(parameters, vocabulary.counts, keep, reach)


def _glove(parameters: Parameters, cells: Cells) -> Objective:
    x_max, exponent = float(parameters.x_max), float(parameters.x_exponent)
    return Objective(
        glove.train_glove,
        glove.make_scratch,
        Chunk(parameters.window, 0, 1),
        Weighting(cells.rows, cells.counts, x_max, exponent),
        parameters.start_alpha,
        loss_at_start=LEAST_LOSS + cells.cost_at_zero(x_max, exponent),
    )


def _softmax(parameters: Parameters, counts: NDArray[np.int64], keep: NDArray[np.float32], reach: int) -> Objective:
    """Choose a chunk whose steps are no larger than `chunk_shape` allows."""
    check_softmax(parameters, len(counts))
    kept = counts.astype(np.float64) * keep
    longest_step = parameters.start_alpha * parameters.pairs_within(reach) * kept.max() / kept.sum()
    n_targets = max(1, min(MAX_TARGETS_SOFTMAX, math.floor(MAX_WORD_STEP / longest_step)))
    is_skipgram = parameters.algorithm == "skipgram"
    return Objective(
        softmax.train_skipgram_softmax if is_skipgram else softmax.train_cbow_softmax,
        softmax.make_scratch,
        _chunk(parameters, reach, n_targets),
        Words(len(counts)),
        parameters.start_alpha,
        loss_at_start=math.log(len(counts)),
    )


def check_softmax(parameters: Parameters, n_words: int) -> None:
    """Raise ValueError if the objective is softmax and there are too many words."""
    if parameters.objective == "softmax" and n_words > MAX_SOFTMAX_WORDS:
        raise ValueError(
            f"objective='softmax' scores every word for every word of the text, so it takes at most "
            f"{MAX_SOFTMAX_WORDS:,} words, but there are {n_words:,}: give max_vocab={MAX_SOFTMAX_WORDS} or "
            "less, or objective='negative'"
        )


def _negative_sampling(
    parameters: Parameters, counts: NDArray[np.int64], keep: NDArray[np.float32], reach: int
) -> Objective:
    alpha = min(parameters.start_alpha, parameters.max_alpha_within(reach))
    n_targets, n_noise, alpha = chunk_shape(parameters, alpha, counts, keep, reach)
    is_skipgram = parameters.algorithm == "skipgram" and parameters.lines != "pairs"
    kernel = _skipgram.train_skipgram if is_skipgram else cbow.train_cbow
    return Objective(
        train_pairs if parameters.lines == "pairs" else kernel,
        _skipgram.make_scratch if is_skipgram else cbow.make_scratch,
        _chunk(parameters, reach, n_targets),
        Noise(*noise_table(counts, parameters.ns_exponent), parameters.negative, n_noise),
        alpha,
        loss_at_start=(1 + parameters.negative) * math.log(2),
    )


def _chunk(parameters: Parameters, reach: int, n_targets: int) -> Chunk:
    return Chunk(reach, parameters.window if parameters.shrink_windows else 0, n_targets)


def noise_table(counts: NDArray[np.int64], exponent: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return thresholds and aliases of the noise distribution, each (V,); see `w2v.kernels.random.build_alias`."""
    threshold, alias = np.empty(len(counts), np.float32), np.empty(len(counts), np.int32)
    build_alias(noise_distribution(counts, exponent), threshold, alias)
    absent = counts == 0  # rounding must not leave them a chance
    threshold[absent] = 0
    alias[absent & (alias == np.arange(len(counts)))] = counts.argmax()
    return threshold, alias


def _hierarchical_softmax(
    parameters: Parameters, counts: NDArray[np.int64], keep: NDArray[np.float32], reach: int
) -> Objective:
    """Build the tree, and choose a chunk whose steps of input rows are no larger than `chunk_shape` allows."""
    tree = HuffmanTree.from_counts(counts)
    kept = counts.astype(np.float64) * keep
    longest_step = parameters.start_alpha * parameters.pairs_within(reach) * kept.max() / kept.sum()
    n_targets = max(1, min(MAX_TARGETS_HS, math.floor(MAX_WORD_STEP / longest_step)))
    is_skipgram = parameters.algorithm == "skipgram"
    return Objective(
        hierarchical.train_skipgram_hs if is_skipgram else hierarchical.train_cbow_hs,
        hierarchical.make_skipgram_scratch if is_skipgram else hierarchical.make_cbow_scratch,
        _chunk(parameters, reach, n_targets),
        Paths(tree.offsets, tree.steps(LANES), tree.longest),
        parameters.start_alpha,
        loss_at_start=tree.mean_length(kept) * math.log(2),
    )


def chunk_shape(
    parameters: Parameters, alpha: float, counts: NDArray[np.int64], keep: NDArray[np.float32], reach: int
) -> tuple[int, int, float]:
    """Choose the numbers of targets T and of noise words N of a chunk so that no row takes too large a step at once.

    `counts` and `keep` have shape (V,). All pairs of a chunk use the rows from before it, so a row shared by many of
    them takes one large step where word2vec takes many small ones. With w̄ the mean number of pairs of a target, the
    steps are, in units of a row:

    - a noise row: alpha * T * w̄ * negative / N, at most MAX_NOISE_STEP;
    - the most frequent word, as noise in all its copies: alpha * T * w̄ * negative * q, at most MAX_NOISE_STEP;
    - the most frequent word at its own positions: alpha * T * p * w̄, at most MAX_WORD_STEP;
    - skip-gram only: alpha * T, at most MAX_NOISE_STEP;

    where q and p are its fractions of the noise distribution and of the tokens after subsampling. N is at least large
    enough to keep the noise as varied as word2vec's where that matters (measured: benchmarks/training/quality.py).

    If the last tile of noise rows would be nearly empty, as with a window of 4 or 10, skip-gram drops it and a few
    targets, within TILE_SLACK.

    Returns (T, N, alpha): T is from 1 to MAX_TARGETS[algorithm], and N is a positive multiple of the tile's rows. The
    initial learning rate is as given, or smaller if a tiny vocabulary would break the limits even with T = 1.
    """
    skipgram = parameters.algorithm == "skipgram" and parameters.lines != "pairs"
    pairs = parameters.pairs_within(reach)
    kept = counts * keep.astype(np.float64)
    p = kept.max() / kept.sum()
    q = noise_distribution(counts, parameters.ns_exponent).max()
    limits = [MAX_NOISE_STEP / (alpha * pairs * parameters.negative * q), MAX_WORD_STEP / (alpha * pairs * p)]
    least_noise = min(
        parameters.negative * pairs * max(1.0, alpha / UNIT_NOISE_ALPHA), MOST_NOISE / math.sqrt(max(1.0, pairs / 100))
    )
    if skipgram:
        limits.append(MAX_NOISE_STEP / alpha)
    alpha *= min(1.0, *limits)
    n_targets = max(1, math.floor(min(MAX_TARGETS["skipgram" if skipgram else "cbow"], *limits) + 1e-9))
    if not skipgram:
        least_noise = parameters.negative * n_targets / CBOW_SHARING
    n_noise = max(least_noise, alpha * n_targets * pairs * parameters.negative / MAX_NOISE_STEP)
    if skipgram:
        fewer = TILE_ROWS * math.floor(n_noise / TILE_ROWS + 1e-9)
        targets = math.floor(min(n_targets, fewer * MAX_NOISE_STEP / (alpha * pairs * parameters.negative)) + 1e-9)
        if fewer >= (1 - TILE_SLACK) * least_noise and targets >= (1 - TILE_SLACK) * n_targets:
            return targets, fewer, alpha
    return n_targets, TILE_ROWS * math.ceil(n_noise / TILE_ROWS - 1e-9), alpha
