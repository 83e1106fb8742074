"""fastText's classifier without layers: the mean of the rows of a text's features, and a linear map."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.simd import LANES
from w2v.monitoring.pauses import DivergenceError
from w2v.neural.kernels.bags import Bags, Linear, Targets, bag_logits, train_bags
from w2v.neural.parameters import ParameterTable, Tensor
from w2v.neural.tasks.labels.words import spellings
from w2v.training.huffman import HuffmanTree
from w2v.vectors.embeddings import Embeddings

TABLE, OUTPUT = "features.table", "output.table"


@dataclass(frozen=True)
class LinearConfig:
    """The configuration of the network.

    Attributes
    ----------
    n_rows : int
        Number of features.
    dim : int
    n_classes : int
    one_of_many : bool
        Use softmax over the classes; otherwise a sigmoid for each.
    is_small : bool
        Whether the table of features is stored separately, as the bytes of `small_rows`.
    is_tree : bool
        Whether the output is a hierarchical softmax: its rows belong to the inner nodes of a Huffman tree, plus an
        unused one. Only models of fastText have it.
    is_sum : bool
        Whether the rows of a text are summed instead of averaged.
    """

    n_rows: int
    dim: int
    n_classes: int
    one_of_many: bool = True
    is_small: bool = False
    is_tree: bool = False
    is_sum: bool = False

    def __post_init__(self) -> None:
        if any(type(size) is not int or not 1 <= size < 1 << 31 for size in (self.n_rows, self.dim, self.n_classes)):
            raise ValueError("a classifier must have features, columns and classes")

    @property
    def vocabulary_size(self) -> int:
        """Number of features."""
        return self.n_rows

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array, with the deviation of fastText's uniform draws."""
        output = {OUTPUT: Tensor((self.n_classes, self.dim))}
        return output if self.is_small else {TABLE: Tensor((self.n_rows, self.dim), 3**-0.5 / self.dim)} | output


@dataclass(frozen=True)
class LinearOptions:
    """Training options of the network.

    Attributes
    ----------
    epochs : int
    rate : float
        Initial learning rate, which decreases linearly to 0.
    dropout : float
        Probability that a step drops a feature.
    seed : int
    seconds : float
        Seconds after which no new epoch starts.
    """

    epochs: int
    rate: float
    dropout: float = 0.0
    seed: int = 1
    seconds: float = float("inf")


def train_linear(
    config: LinearConfig,
    bags: Bags,
    targets: Targets,
    options: LinearOptions,
    told: Callable[[int, float, float, Linear], Any] = lambda *given: None,
    start: ParameterTable | None = None,
) -> tuple[ParameterTable, KeyboardInterrupt | None]:
    """Train a network; return its parameters, and the interrupt that ended training early, if any.

    Parameters
    ----------
    config : LinearConfig
    bags : Bags
    targets : Targets
    options : LinearOptions
    told : callable
        Called after each epoch with the number of epochs, the seconds, the mean loss of the epoch, and the network.
    start : ParameterTable, optional
        Initial parameters, which are not changed; by default random.

    Raises
    ------
    DivergenceError
        If a parameter is not finite.
    """
    learned = ParameterTable.initialise(config.tensors(), options.seed) if start is None else start.copy()
    network = linear_of(learned)
    rng = np.random.default_rng(options.seed)
    n_texts, began = len(bags.starts) - 1, time.perf_counter()
    done, interrupt = 0, None
    try:
        for epoch in range(options.epochs):
            rates = tuple(options.rate * (1 - (epoch + i) / options.epochs) for i in (0, 1))
            seed = np.uint64(rng.integers(1 << 63))
            order = rng.permutation(n_texts)
            loss = train_bags(bags, targets, order, network, config.one_of_many, rates, options.dropout, seed)
            seconds = time.perf_counter() - began
            told(epoch + 1, seconds, loss / n_texts, network)
            done = epoch + 1
            if seconds > options.seconds:
                break
    except KeyboardInterrupt as caught:
        if not done:
            raise
        interrupt = caught
    for name, flat in ((TABLE, network.table), (OUTPUT, network.output)):
        learned[name][...] = flat.reshape(-1, network.width)[:, : config.dim]
    if not learned.all_finite():
        raise DivergenceError(f"a parameter is not finite; train with a lower learning_rate than {options.rate:g}")
    return learned, interrupt


def begin_with(table: NDArray[np.float32], words: Sequence[str], vectors: Embeddings) -> None:
    """Initialise the rows of words with their vectors, scaled to length 1; ValueError if none fits.

    Parameters
    ----------
    table : ndarray of shape (R, dim), float32
        The first rows are those of `words`.
    words : sequence of str
    vectors : Embeddings
    """
    if vectors.vector_size != table.shape[1]:
        raise ValueError(
            f"the word vectors have {vectors.vector_size} columns, but dim is {table.shape[1]}: leave dim out"
        )
    known = vectors.key_to_index
    spelled = ((row, next((one for one in spellings(word) if one in known), None)) for row, word in enumerate(words))
    found = {row: known[one] for row, one in spelled if one is not None}
    if not found:
        raise ValueError("no word of the texts has a vector: do they have the same language and the same tokenizer?")
    own = np.array(vectors.rows(np.array(list(found.values()))), np.float32)
    table[list(found)] = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12)


def linear_of(parameters: Any) -> Linear:
    """Return the arrays in the format of the kernels: copies whose rows are whole SIMD vectors."""
    dim = parameters[TABLE].shape[1]
    width = -(-dim // LANES) * LANES
    table, output = (np.zeros((len(parameters[name]), width), np.float32) for name in (TABLE, OUTPUT))
    table[:, :dim], output[:, :dim] = parameters[TABLE], parameters[OUTPUT]
    return Linear(table.reshape(-1), output.reshape(-1), width)


def small_rows(table: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return rows as bytes, with a largest absolute value of 127 each, and the scale of each row."""
    scales = (np.abs(table).max(axis=1) / 127).astype(np.float16)
    divisors = np.where(scales > 0, scales, 1).astype(np.float32)[:, None]
    return {"values": np.clip(np.rint(table / divisors), -127, 127).astype(np.int8), "scales": scales}


def rows_of_small(arrays: Any, config: LinearConfig) -> NDArray[np.float32]:
    """Return the rows from the bytes of `small_rows`; ValueError if they do not match the network."""
    values, scales = arrays.get("values"), arrays.get("scales")
    shapes = (config.n_rows, config.dim), (config.n_rows,)
    if values is None or scales is None or (values.shape, scales.shape) != shapes:
        raise ValueError(f"the bytes of {config.n_rows} features are missing or have another shape")
    if values.dtype != np.int8 or scales.dtype != np.float16 or not np.isfinite(scales).all():
        raise ValueError("features must be bytes with finite scales")
    rows: NDArray[np.float32] = values.astype(np.float32) * scales.astype(np.float32)[:, None]
    return rows


def linear_logits(network: Linear, bags: Bags, *, is_sum: bool = False) -> NDArray[np.float32]:
    """Return the logits of texts, shape (S, K), from the mean or the sum of their rows."""
    logits = np.empty((len(bags.starts) - 1, len(network.output) // network.width), np.float32)
    bag_logits(bags, network, logits)
    if is_sum:
        logits *= np.diff(bags.starts).astype(np.float32)[:, None]
    return logits


def tree_log_probabilities(z: NDArray[np.float32], tree: HuffmanTree) -> NDArray[np.float32]:
    """Return log p of every class, shape (S, K), from the logits of inner nodes, by the products along each path."""
    if not len(tree.nodes):
        return np.zeros_like(z)
    branches = z[:, tree.nodes] * np.where(tree.codes, np.float32(1), np.float32(-1))
    return -np.add.reduceat(np.logaddexp(np.float32(0), -branches), tree.offsets[:-1], axis=1)


def tree_of(arrays: Mapping[str, NDArray[Any]], n_classes: int) -> HuffmanTree:
    """Return the tree read from a folder; ValueError unless it is a tree of `n_classes` classes."""
    try:
        tree = HuffmanTree(arrays["offsets"], arrays["nodes"], arrays["codes"])
    except KeyError as error:
        raise ValueError(f"the tree of its classes does not contain {error}") from error
    dtypes = [array.dtype.name for array in (tree.offsets, tree.nodes, tree.codes)]
    if dtypes != ["int64", "int32", "uint8"] or tree.offsets.shape != (n_classes + 1,):
        raise ValueError(f"the tree does not have {n_classes} classes")
    whole = tree.offsets[0] == 0 and tree.offsets[-1] == len(tree.nodes) == len(tree.codes)
    if not whole or (np.diff(tree.offsets) < min(1, n_classes - 1)).any():
        raise ValueError("the paths of its tree are not consecutive")
    if len(tree.nodes) and not 0 <= tree.nodes.min() <= tree.nodes.max() < n_classes:
        raise ValueError("a node of its tree has no row")
    return tree
