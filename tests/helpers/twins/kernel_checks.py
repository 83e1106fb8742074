"""The same training by the compiled kernel and by its twin, and the error allowed between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.helpers.twins import naive_hierarchical, naive_softmax, naive_w2v
from w2v.kernels import cbow, hierarchical, skipgram
from w2v.kernels.arguments import NOT_WEIGHTED, ROW_MULTIPLE, Chunk, Noise, Segment, TableArrays, Text
from w2v.kernels.composition import NO_MEMBERS, Members
from w2v.kernels.hierarchical import Paths
from w2v.kernels.objectives import softmax
from w2v.kernels.objectives.softmax import Words
from w2v.kernels.simd import LANES, TILE_ROWS
from w2v.training.huffman import HuffmanTree

ROUNDING = 2.0**-24
SIGMOID_ERROR = 1e-6


@dataclass(frozen=True)
class Case:
    """The training of one segment. `lengths` are those of the sentences; a `stop` of None is the end of the stream.

    The algorithm is skipgram or cbow, optionally with a softmax, as in "cbow hs" and "cbow softmax".
    """

    algorithm: str
    lengths: tuple[int, ...] = (40, 1, 7, 90, 1, 1, 2, 60)
    n_words: int = 30
    vector_size: int = 16
    window: int = 5
    shrink: bool = True
    drawn_from: int = 0
    """Upper bound of the radii drawn, if not `window`."""
    negative: int = 5
    n_targets: int = 36
    n_noise: int = 4 * TILE_ROWS
    position: int = 0
    stop: int | None = None
    keep: float = 0.8
    alpha_start: float = 0.05
    alpha_end: float = 0.02
    scale: float = 1.0
    seed: int = 1
    tokens: NDArray[np.int32] = field(init=False)
    offsets: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        tokens = self.rng(0).integers(self.n_words, size=offsets[-1]).astype(np.int32)
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "offsets", offsets)

    def rng(self, stream: int) -> np.random.Generator:
        """Return a generator determined by the seed and the stream."""
        return np.random.default_rng([self.seed, stream])

    @property
    def is_skipgram(self) -> bool:
        return self.algorithm.startswith("skipgram")

    @property
    def tree(self) -> HuffmanTree | None:
        """The tree for hierarchical softmax, over frequencies that give paths of many lengths."""
        if not self.algorithm.endswith("hs"):
            return None
        counts = (1000 * 0.8 ** np.arange(self.n_words)).astype(np.int64) + 1
        return HuffmanTree.from_counts(self.rng(5).permutation(counts))

    @property
    def end(self) -> int:
        """The end of the segment."""
        return int(self.offsets[-1]) if self.stop is None else self.stop

    @property
    def drawn(self) -> int:
        return (self.drawn_from or self.window) if self.shrink else 0

    @property
    def keep_table(self) -> NDArray[np.float32]:
        """Probabilities around `keep`, some of them 1."""
        return np.minimum(1, self.keep + 0.3 * self.rng(1).random(self.n_words)).astype(np.float32)

    @property
    def alias_table(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Thresholds and aliases such as a noise distribution might have, in random order."""
        rng = self.rng(2)
        return rng.random(self.n_words).astype(np.float32), rng.integers(
            self.n_words, size=self.n_words, dtype=np.int32
        )

    @property
    def chunk(self) -> Chunk:
        """The chunk, as passed to the kernels."""
        return Chunk(self.window, self.drawn, self.n_targets)

    @property
    def noise(self) -> Noise:
        """The noise, as passed to the kernels."""
        return Noise(*self.alias_table, self.negative, self.n_noise)

    @property
    def segment(self) -> Segment:
        """The segment, as passed to the kernels."""
        sentence = int(np.searchsorted(self.offsets, self.position, side="right")) - 1
        return Segment(self.position, self.end, sentence, self.alpha_start, self.alpha_end, np.uint64(self.state))

    def text(self, weights: NDArray[np.float32] = NOT_WEIGHTED) -> Text:
        """Return the text, as passed to the kernels."""
        return Text(self.tokens, self.offsets, self.keep_table, weights)

    def arrays(self, w_in: NDArray[np.float32], w_out: NDArray[np.float32]) -> TableArrays:
        """Return the tables, as passed to the kernels."""
        return TableArrays(w_in.reshape(-1), w_out.reshape(-1), w_out.shape[1], self.vector_size)

    @property
    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Input and output vectors of length about `scale`, as after some training."""
        rng, spread = self.rng(3), self.scale / np.sqrt(self.vector_size)
        draws = rng.normal(0, spread, (2, self.n_words, self.vector_size)).astype(np.float32)
        return draws[0], draws[1]

    @property
    def state(self) -> int:
        """The random state of the segment."""
        return int(self.rng(4).integers(2**64, dtype=np.uint64))


@dataclass
class Outcome:
    """The kernel's results: padded tables of V + 1 rows, and sums."""

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    stats: NDArray[np.float64]


def padded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the table with V + 1 rows, zero-padded to whole cache lines and aligned to one."""
    n_words, vector_size = vectors.shape
    row_size = -(-vector_size // ROW_MULTIPLE) * ROW_MULTIPLE
    raw = np.zeros((n_words + 1) * row_size + 16, np.float32)
    start = (-raw.ctypes.data // 4) % 16
    table = raw[start : start + (n_words + 1) * row_size].reshape(n_words + 1, row_size)
    table[:-1, :vector_size] = vectors
    return table


def run_kernel(
    case: Case,
    rows: NDArray[np.float32] | None = None,
    members: Members = NO_MEMBERS,
    weights: NDArray[np.float32] = NOT_WEIGHTED,
) -> Outcome:
    """Train with the compiled kernel; `rows`, if given, replace the input vectors."""
    w_in, w_out = map(padded, case.vectors)
    if rows is not None:
        w_in = padded(rows)
    stats = np.zeros(3)
    train_kernel(case, case.arrays(w_in, w_out), stats, members, weights)
    return Outcome(w_in, w_out, stats)


def train_kernel(
    case: Case,
    arrays: TableArrays,
    stats: NDArray[np.float64],
    members: Members = NO_MEMBERS,
    weights: NDArray[np.float32] = NOT_WEIGHTED,
) -> None:
    """Call the compiled kernel."""
    source, kernel, make_scratch = _kernel(case)
    scratch = make_scratch(case.chunk, source, arrays, members)
    kernel(case.text(weights), case.segment, case.chunk, source, arrays, members, scratch, stats)


def _kernel(case: Case) -> tuple[Noise | Paths | Words, Callable[..., None], Callable[..., Any]]:
    if case.algorithm.endswith("softmax"):
        kernel = softmax.train_skipgram_softmax if case.is_skipgram else softmax.train_cbow_softmax
        return Words(case.n_words), kernel, softmax.make_scratch
    if case.tree is None:
        module = skipgram if case.is_skipgram else cbow
        return case.noise, module.train_skipgram if case.is_skipgram else cbow.train_cbow, module.make_scratch
    paths = Paths(case.tree.offsets, case.tree.steps(LANES), case.tree.longest)
    if case.is_skipgram:
        return paths, hierarchical.train_skipgram_hs, hierarchical.make_skipgram_scratch
    return paths, hierarchical.train_cbow_hs, hierarchical.make_cbow_scratch


def paths_of(tree: HuffmanTree) -> list[naive_hierarchical.Path]:
    """Return paths, as passed to the twins."""
    borders = [slice(a, b) for a, b in zip(tree.offsets[:-1], tree.offsets[1:], strict=True)]
    return [naive_hierarchical.Path(tree.nodes[part].tolist(), tree.codes[part].tolist()) for part in borders]


def run_twin(case: Case, chunk: Callable[..., None] | None = None) -> naive_w2v.Trained:
    """Train with the twin."""
    stream = case.tokens.tolist(), case.offsets.tolist(), case.position, case.end, case.keep_table.tolist()
    w_in, w_out = (vectors.astype(np.float64) for vectors in case.vectors)
    options: dict[str, Any] = {
        "window": case.window, "shrink": case.drawn, "n_targets": case.n_targets, "state": case.state,
        "alpha_start": case.alpha_start, "alpha_end": case.alpha_end,
    }  # fmt: skip
    if case.tree is not None:
        algorithm = case.algorithm.removesuffix(" hs")
        return naive_hierarchical.train(algorithm, *stream, paths_of(case.tree), w_in, w_out, **options)
    if case.algorithm.endswith("softmax"):
        return naive_softmax.train(case.algorithm.removesuffix(" softmax"), *stream, w_in, w_out, **options)
    threshold, alias = (table.tolist() for table in case.alias_table)
    options |= {"negative": case.negative, "n_noise": case.n_noise, "chunk": chunk}
    return naive_w2v.train(case.algorithm, *stream, threshold, alias, w_in, w_out, **options)


def assert_agree(case: Case, kernel: Outcome, twin: naive_w2v.Trained) -> None:
    """Assert that tables and sums equal the twin's up to rounding, and that the padding is untouched.

    A step of the kernel inherits two errors: the sigmoid's documented error, and that of its score, a dot product of D
    rounded terms whose errors add up like a random walk. `travel` sums the lengths of all steps of an entry. Adding a
    step rounds the entry itself. CBOW computes its means from running sums over the H inputs of a chunk, each of them
    rounded. The tolerance is four times the sum of these; the errors observed are below half of it.
    """
    assert_close(case, "w_in", kernel.w_in, twin.w_in, twin.travel_in, twin)
    assert_close(case, "w_out", kernel.w_out, twin.w_out, twin.travel_out, twin)
    loss, pairs, kept = kernel.stats
    assert (pairs, kept) == (twin.pairs, twin.kept)
    # each pair has one positive and `negative` noise terms, or a term per node of its path; each is a logarithm
    if case.tree is None:
        terms, error = twin.pairs * (1 + case.negative), _score_error(case, twin)
    else:
        terms, error = twin.pairs * case.tree.longest, 4 * (SIGMOID_ERROR + ROUNDING * 16)
    assert abs(loss - twin.loss) <= 2e-6 * (twin.loss + terms) + error * terms


def assert_close(
    case: Case,
    name: str,
    padded_table: NDArray[np.float32],
    expected: NDArray[np.float64],
    travel: NDArray[np.float64],
    twin: naive_w2v.Trained,
) -> None:
    """Assert for one table what `assert_agree` does for all."""
    mean_error = ROUNDING * (case.n_targets + 2 * case.window) if not case.is_skipgram else 0
    error_of_step = SIGMOID_ERROR + _score_error(case, twin) + mean_error
    allowed = 4 * (error_of_step * travel + ROUNDING * abs(expected).max())
    error = abs(padded_table[:-1, : case.vector_size] - expected)
    worst = np.unravel_index(np.argmax(error - allowed), error.shape)
    assert np.all(error <= allowed), f"{name}{list(worst)} is off by {error[worst]:.2g}, allowed {allowed[worst]:.2g}"
    assert not padded_table[:, case.vector_size :].any(), f"the padding of {name} was written"


def _score_error(case: Case, twin: naive_w2v.Trained) -> float:
    return ROUNDING * float(case.vector_size**0.5) * _longest(twin.w_in) * _longest(twin.w_out)


def _longest(vectors: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(vectors, axis=1).max())
