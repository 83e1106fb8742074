"""Inference: from an encoder's state to sentence vectors, in batches, with several threads, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.readers import Block
from w2v.encoder.model.lookup import FoundWords
from w2v.encoder.model.lookup_kernels import LINE_FEED, scale_to_unit
from w2v.encoder.model.network import Network
from w2v.encoder.model.rows import WordRows, scale_sentences
from w2v.encoder.model.state import EncoderState
from w2v.encoder.parameters import PRECISION, EncoderParameters, check_parameter
from w2v.neural.fused_inference import FusedNetwork
from w2v.settings.environment import default_workers

Precision = Literal["float32", "float16", "int8"]
BATCH_SIZE = EncoderParameters.batch_size

_LARGEST_INT8 = 127
_NUMBERS_AT_ONCE = 1 << 29
"""Target for sentences of a batch times parameters of a network: a few tens of milliseconds for one thread."""
_LARGE_NETWORK = 1 << 20


class Encoded(NamedTuple):
    """Sentence vectors with their tokens, token vectors and attention weights.

    Attributes
    ----------
    vectors : ndarray of shape (S, d)
    tokens : list of S lists of str
        The tokens that contribute.
    token_vectors : list of S ndarray of shape (n_tokens, d), float32
        The vectors whose sum has the direction of the sentence's vector; before the dense layer if one with an
        activation follows.
    attention : list of S ndarray of shape (n_layers, n_heads, n_tokens, n_tokens), float32, or None
        How much each token (row) attends to each token (column), if requested.
    """

    vectors: NDArray[Any]
    tokens: list[list[str]]
    token_vectors: list[NDArray[np.float32]]
    attention: list[NDArray[np.float32]] | None


@dataclass(frozen=True)
class Output:
    """How to postprocess the pooled vectors of sentences.

    They are truncated first and then normalized; see `SentenceEncoder`. int8 scales each vector so that its largest
    value is 127: this keeps cosines, but not lengths. Raises ValueError if an option is out of range.
    """

    normalize: bool = True
    truncate_dim: int | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_parameter("truncate_dim", self.truncate_dim)
        PRECISION.check("precision", self.precision)

    def columns(self, dimension: int) -> int:
        """Return the number of columns after truncation; ValueError if `truncate_dim` exceeds `dimension`."""
        if self.truncate_dim is not None and self.truncate_dim > dimension:
            raise ValueError(f"truncate_dim is {self.truncate_dim}, but the vectors have only {dimension} columns")
        return self.truncate_dim or dimension

    def finish(self, sums: NDArray[np.float32], *, are_units: bool = False) -> NDArray[Any]:
        """Return the output for vectors of shape (S, d), which are overwritten; it may be the same array.

        `are_units` says that the vectors are finite, and normalized if they have to be. Raises ValueError if a value is
        not finite, which happens only with a damaged model.
        """
        rows = sums
        if self.truncate_dim is not None and self.truncate_dim < sums.shape[1]:
            rows, are_units = np.ascontiguousarray(sums[:, : self.truncate_dim]), False
        if not are_units:
            is_finite = scale_to_unit(rows.reshape(-1), rows.shape[1]) if self.normalize else np.isfinite(rows).all()
            check_finite(bool(is_finite))
        if self.precision == "int8":
            largest = np.abs(rows).max(axis=1, keepdims=True)
            return np.rint(rows * (_LARGEST_INT8 / np.where(largest > 0, largest, 1))).astype(np.int8)
        return rows.astype(self.precision, copy=False)


def check_finite(is_finite: bool) -> None:
    """Raise ValueError if a vector is not finite, which happens only with a damaged model."""
    if not is_finite:
        raise ValueError("the vector of a sentence is not finite: the model is damaged")


class Inference:
    """Encodes sentences with several threads, by default one per core; its methods are thread-safe."""

    def __init__(self, state: EncoderState, workers: int | None = None) -> None:
        check_parameter("workers", workers)
        self.state, self.rows = state, WordRows(state)
        self.workers = workers or default_workers()
        self._ready: FusedNetwork | None = None
        self._projected: NDArray[np.float32] | None = None
        self._n_tokens, self._lock = 0, Lock()
        network = state.attention
        if network is not None and state.parameters is not None:
            self._ready = FusedNetwork(network.stack, state.parameters, network.compute_type)

    def encode(
        self,
        sentences: Sequence[str],
        output: Output,
        batch_size: int = BATCH_SIZE,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[Any]:
        """Return the vectors of sentences, shape (S, d or `truncate_dim`); zero where no word is known.

        A vector does not depend on the other sentences, on `batch_size` or on the number of threads, bit for bit.
        """
        columns = output.columns(self.state.dimension)
        vectors = np.empty((len(sentences), columns), output.precision)
        batch_size = self._batch_size(batch_size, len(sentences))
        starts = range(0, len(sentences), batch_size)

        def work(start: int) -> int:
            batch = sentences[start : start + batch_size]
            part = vectors[start : start + len(batch)]
            in_place = part if part.dtype == np.float32 and columns == self.state.dimension else None
            finished = self._finished(self.rows.find(batch, first=start), output, in_place)
            if finished is not in_place:
                part[...] = finished
            return len(batch)

        done = 0
        for n in self._in_order(work, starts):
            done += n
            if progress is not None:
                progress(done, len(sentences))
        return vectors

    def encode_blocks(
        self, blocks: Iterable[Block], output: Output, batch_size: int = BATCH_SIZE
    ) -> Iterator[tuple[bytes, NDArray[Any]]]:
        """Yield pieces of a text, each of whole lines, with the vectors of their lines; empty lines have zero vectors.

        Memory does not grow with the text. See `corpora.TextReader` for the blocks.
        """
        output.columns(self.state.dimension)

        def work(lines: bytes) -> tuple[bytes, NDArray[Any]]:
            return lines, self._finished(self.rows.find_lines(lines), output)

        yield from self._in_order(work, cut_lines(blocks, self._batch_size(batch_size)))

    def explain(self, sentences: Sequence[str], output: Output, *, with_attention: bool = False) -> Encoded:
        """Return the vectors of sentences with their tokens, token vectors and, if requested, attention."""
        if with_attention and self.state.attention is None:
            raise ValueError(
                f"a {self.state.architecture} encoder has no attention; fit one with `w2v fit-encoder "
                "--architecture attention`, in Python architecture='attention'"
            )
        found = self.rows.find(list(sentences))
        seen = self._seen(found)
        rows, attention = self._hidden_states(seen, with_attention)
        pooling, columns = self.state.pooling, output.columns(self.state.dimension)
        first = pooling.finish(pooling.pool(rows, seen.offsets), seen.offsets)
        vectors, rows = self._beside(found, first, output), pooling.contributions(rows, seen.offsets)
        if self.rows.beside is not None:
            scale_sentences(rows, seen.offsets, 1.0)
            rows = np.hstack([_spread(rows, seen, found), self.rows.beside.gather(found)])
        if attention is not None and len(seen.ids) != len(found.ids):
            attention = [_spread_both(weights, found, s) for s, weights in enumerate(attention)]
        borders = list(zip(found.offsets, found.offsets[1:], strict=False))
        return Encoded(vectors, self.rows.lookup.words_of(found), [rows[a:b, :columns] for a, b in borders], attention)

    def _batch_size(self, most: int, n_sentences: int | None = None) -> int:
        """Return how many sentences a thread takes at once: fewer for a large network, so that all threads work."""
        parameters = self.state.parameters
        if parameters is None or parameters.n_parameters < _LARGE_NETWORK:
            return most
        fair = most if n_sentences is None else -(-n_sentences // self.workers)
        return max(1, min(most, fair, _NUMBERS_AT_ONCE // parameters.n_parameters))

    def _finished(self, found: FoundWords, output: Output, out: NDArray[np.float32] | None = None) -> NDArray[Any]:
        """Return the output for sentences, shape (S, columns), in `out` if that fits."""
        state, beside = self.state, self.rows.beside
        if beside is None:
            return output.finish(self._vectors(found, out if state.dimension == state.width else None))
        if state.network is not None or not state.pooling.is_linear:
            return self._beside(found, self._vectors(self._seen(found)), output, out)
        vectors = np.empty((len(found), state.dimension), np.float32) if out is None else out
        check_finite(self.rows.join(found, vectors, has_sums=False, normalize=output.normalize))
        return output.finish(vectors, are_units=True)

    def _beside(
        self, found: FoundWords, first: NDArray[np.float32], output: Output, out: NDArray[np.float32] | None = None
    ) -> NDArray[Any]:
        """Return the output for sentences whose first block is known, shape (S, columns)."""
        if self.rows.beside is None:
            return output.finish(first)
        vectors = np.empty((len(found), self.state.dimension), np.float32) if out is None else out
        vectors[:, : first.shape[1]] = first
        check_finite(self.rows.join(found, vectors, has_sums=True, normalize=output.normalize))
        return output.finish(vectors, are_units=True)

    def _seen(self, found: FoundWords) -> FoundWords:
        """Return the words that the first block is made of."""
        return found if self.rows.has_unknown else found.known()

    def _vectors(self, found: FoundWords, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the first block of sentences, shape (S, d), not normalized, in `out` if that fits."""
        pooling = self.state.pooling
        if pooling.kind in ("sum", "mean") and (self.state.network is None or self._ready is not None):
            pooled = self._sums(found, out)
            if pooling.kind == "mean":
                pooled *= (1 / np.maximum(np.diff(found.offsets), 1)).astype(np.float32)[:, None]
        else:
            pooled = pooling.pool(self._hidden_states(found, False)[0], found.offsets)
        return pooling.finish(pooled, found.offsets)

    def _sums(self, found: FoundWords, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the sums of the hidden states of each sentence, in `out` if that fits."""
        if self._ready is None:
            return self.rows.sums(found, out)
        projected = self._projected_words(len(found.ids))
        if projected is None:
            return self._ready.sums(self.rows.gather(found), found.offsets)
        state, extra = self.state, self.rows.unknown_rows(found.unknown)
        return self._ready.table_sums(found.ids, found.offsets, self.rows.gains, state.table, projected, extra)

    def _projected_words(self, n_tokens: int) -> NDArray[np.float32] | None:
        """Return the network's first projection of every word, once enough tokens came for that to pay off, or None."""
        if self._ready is None:
            return None
        with self._lock:
            self._n_tokens += n_tokens
            if self._projected is None and self._n_tokens > len(self.state.vocabulary):
                self._projected = self._ready.project(self.state.table, self.rows.gains)
        return self._projected

    def _hidden_states(
        self, found: FoundWords, with_attention: bool
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]] | None]:
        """Return the hidden states of all tokens, shape (N, d), and attention for each sentence."""
        rows = self.rows.gather(found)
        config, parameters = self.state.network, self.state.parameters
        if config is None or parameters is None:
            return rows, None
        if self._ready is not None and not with_attention:
            return self._ready.rows(rows, found.offsets), None
        network = Network(config, self.workers if with_attention else 1)
        if not with_attention:
            return network.forward(parameters, rows, found.offsets)[0], None
        layers: list[list[NDArray[np.float32]]] = []
        rows, _ = network.forward(parameters, rows, found.offsets, attention=layers)
        return rows, [np.stack(weights) for weights in zip(*layers, strict=True)]

    def _in_order(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield work(item) for each item, in order; a few run at the same time."""
        source = iter(items)
        first = next(source, None)
        second = next(source, None)
        if self.workers == 1 or second is None:
            for item in (first, second):
                if item is not None:
                    yield work(item)
            for item in source:
                yield work(item)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            pending: deque[Future[Any]] = deque([pool.submit(work, first), pool.submit(work, second)])
            try:
                for item in source:
                    if len(pending) > self.workers:
                        yield pending.popleft().result()
                    pending.append(pool.submit(work, item))
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()


def _spread(rows: NDArray[np.float32], seen: FoundWords, found: FoundWords) -> NDArray[np.float32]:
    """Return rows for all words: those of the words that were used, and zeros for the others."""
    if len(seen.ids) == len(found.ids):
        return rows
    spread = np.zeros((len(found.ids), rows.shape[1]), np.float32)
    spread[found.ids >= 0] = rows
    return spread


def _spread_both(weights: NDArray[np.float32], found: FoundWords, s: int) -> NDArray[np.float32]:
    """Return the attention between all words of sentence `s`; words that were not used have zeros."""
    known = np.flatnonzero(found.ids[found.offsets[s] : found.offsets[s + 1]] >= 0)
    n = int(found.offsets[s + 1] - found.offsets[s])
    spread = np.zeros((*weights.shape[:2], n, n), np.float32)
    spread[:, :, known[:, None], known] = weights
    return spread


def cut_lines(blocks: Iterable[Block], n_lines: int) -> Iterator[bytes]:
    """Cut blocks of text into pieces of at most this many lines; a line is never split."""
    started: list[bytes] = []
    for block in blocks:
        if not block.ends_sentence:
            started.append(block.data)
            continue
        data = b"".join([*started, block.data]) if started else block.data
        started.clear()
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == LINE_FEED)[n_lines - 1 :: n_lines] + 1
        start = 0
        for end in ends.tolist():
            yield data[start:end]
            start = end
        if start < len(data):
            yield data[start:]
