"""The training tasks of an encoder: neighbouring sentences, paraphrases, a teacher's vectors, word order.

A task draws the sentences of a step and computes the loss of their vectors with its gradient. It never draws its
held-out sentences; their loss, which needs no labels, decides which state of the training is best.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.training.batches import Neighbors, PackedSentences, Shuffled, ShuffledRuns, digest
from w2v.encoder.training.teachers import Vectors, near_groups, scaled_to_unit
from w2v.neural.losses import info_nce, listwise_distillation, vector_distillation

Floats = NDArray[np.floating[Any]]

_MIN_ORDERED = 4
_MIN_SENTENCES = 4
_MAPPED = 8192  # sentences that initialise the map of `TeacherTask`
_RIDGE = 0.1
_POINTING = 3.0
"""Weight of the teacher's vectors beside the order of their cosines in the loss of `TeacherTask`."""
_RUN = 16
"""Sentences near each other that `TeacherTask` draws together."""
_DIRECTION = 0.3  # length of the initial map of `OrderTask`; a zero map has no gradient

SWAPPED = 0.12
"""Fraction of adjacent word pairs that `OrderTask` swaps."""

HELD_OUT = 1000
"""Number of held-out sentences or pairs, at most a tenth of all."""


class Loss(NamedTuple):
    """The loss of a batch and its gradients, of its input, of the task's own parameters, and of words.

    `d_rows` has distinct words and the gradients of their table rows, if the loss depends on the table.
    """

    value: float
    d_outputs: Floats
    d_own: list[Floats]
    d_rows: tuple[NDArray[np.int64], Floats] | None = None


class Batch(NamedTuple):
    """Sentences, and the loss of their vectors.

    Attributes
    ----------
    sentences : PackedSentences
    loss : callable
        Takes the vectors of all sentences, shape (B, d); or, with `is_of_tokens`, the hidden states of some consecutive
        tokens and their indices in the batch. The losses of parts sum to the total.
    is_of_tokens : bool
    hidden : ndarray of int64, or None
        Sorted indices of tokens that are read as zeros. If it is given, `loss` takes the word table as well.
    figures : dict of str to float, or None
        Further measures, computed with the loss.
    """

    sentences: PackedSentences
    loss: Callable[..., Loss]
    is_of_tokens: bool = False
    hidden: NDArray[np.int64] | None = None
    figures: dict[str, float] | None = None


class Task(Protocol):
    """A training task.

    Attributes
    ----------
    name : str
        Name in the history.
    own : list of ndarray
        Parameters of the task, which are trained with the encoder but do not belong to it.
    """

    name: str
    own: list[NDArray[np.float32]]

    def draw(self, step: int) -> Batch:
        """Return the sentences of a step, which depend on it and the task's seed only."""
        ...

    def held_out(self) -> Batch:
        """Return the sentences that are never drawn."""
        ...

    def digest(self) -> str:
        """Return what changes if the sentences do, or what they are to be like."""
        ...


class Drawing(ABC):
    """The base of tasks: some items are held out, and each step draws from the others.

    A task sets its seed and the inputs of `digest`, and builds the batch of some items in `_batch`; the step is -1 for
    held-out items.
    """

    _seed: int
    _digested: Sequence[Vectors]

    def __init__(self, name: str, items: NDArray[Any], what: str, batch_size: int, rng: np.random.Generator) -> None:
        self.name = name
        self.own: list[NDArray[np.float32]] = []
        self._held, self._items = hold_out(rng.permutation(items), what)
        self._shuffled = Shuffled(len(self._items), min(batch_size, len(self._items)), self._seed)

    def draw(self, step: int) -> Batch:
        """Return the sentences of a step, which depend on it and the task's seed only."""
        return self._batch(self._items[self._shuffled.batch(step)], step)

    def held_out(self) -> Batch:
        """Return the sentences that are never drawn."""
        return self._batch(self._held, -1)

    def digest(self) -> str:
        """Return what changes if the sentences do, or what they are to be like."""
        return digest(*self._digested)

    @abstractmethod
    def _batch(self, items: NDArray[np.int64], step: int) -> Batch: ...


class PairTask(Drawing):
    """Find the paraphrase of a sentence among those of the others; see `info_nce`.

    Each step draws two sentences of each of some sets. Held-out sets use their first two, with all words.

    Parameters
    ----------
    sets : list of PackedSentences
        k packs of n sentences each: sentence i of all packs belong together.
    negatives : PackedSentences, optional
        The hard negative of each set.
    batch_size, seed : int
    temperature : float
    word_dropout : float, default 0
        Fraction of the words that each step drops at random; see `drop_words`.
    name : str
    """

    def __init__(
        self,
        sets: list[PackedSentences],
        negatives: PackedSentences | None = None,
        *,
        batch_size: int,
        temperature: float,
        seed: int,
        word_dropout: float = 0.0,
        name: str = "pairs",
    ) -> None:
        self._sets, self._negatives, self._temperature, self._seed = sets, negatives, temperature, seed
        self._word_dropout = word_dropout
        packs = [*sets, *([] if negatives is None else [negatives])]
        self._digested = [array for pack in packs for array in (pack.tokens, pack.offsets)]
        usable = np.all([pack.lengths > 0 for pack in sets], axis=0)
        super().__init__(name, np.flatnonzero(usable), "pairs", batch_size, np.random.default_rng([seed, 1]))

    def _batch(self, items: NDArray[np.int64], step: int) -> Batch:
        if step < 0:
            return self._pair(items, np.broadcast_to([0, 1], (len(items), 2)))
        rng = np.random.default_rng([self._seed, 2, step])
        batch = self._pair(items, np.argsort(rng.random((len(items), len(self._sets))), axis=1)[:, :2])
        return batch._replace(sentences=drop_words(batch.sentences, self._word_dropout, rng))

    def _pair(self, rows: NDArray[np.int64], chosen: NDArray[np.intp]) -> Batch:
        """Return two sentences of each set, from the `chosen` columns, and its negative."""
        n = len(rows)
        packs = [_choose(self._sets, rows, chosen[:, side]) for side in (0, 1)]
        if self._negatives is not None:
            packs.append(self._negatives.take(rows))

        def loss(vectors: Floats) -> Loss:
            hard = vectors[2 * n :] if len(vectors) > 2 * n else None
            value, *gradients = info_nce(vectors[:n], vectors[n : 2 * n], temperature=self._temperature, negatives=hard)
            return Loss(value, np.concatenate([part for part in gradients if part is not None]), [])

        return Batch(PackedSentences.join(packs), loss)


class NeighborTask(Drawing):
    """Find the next sentence among those that follow other sentences; see `info_nce`."""

    def __init__(self, neighbors: Neighbors, *, batch_size: int, temperature: float, seed: int) -> None:
        self._sentences, self._temperature, self._seed = neighbors.sentences, temperature, seed
        rng = np.random.default_rng([seed, 1])
        super().__init__("neighbors", neighbors.firsts, "neighbouring sentences", batch_size, rng)
        self._digested = [self._sentences.tokens, self._sentences.offsets, self._held, self._items]

    def _batch(self, items: NDArray[np.int64], step: int) -> Batch:
        n = len(items)

        def loss(vectors: Floats) -> Loss:
            value, d_first, d_second, _ = info_nce(vectors[:n], vectors[n:], temperature=self._temperature)
            return Loss(value, np.concatenate([d_first, d_second]), [])

        return Batch(self._sentences.take(np.concatenate([items, items + 1])), loss)


class TeacherTask(Drawing):
    """Imitate a teacher: rank the other sentences as it does, and predict its vectors with a linear map.

    The loss is `listwise_distillation` plus three times `vector_distillation`. The map belongs to the task and is
    discarded; `start_at` initialises it. A batch consists of runs of sentences that are near each other for the
    teacher, because random sentences are so far apart that their topics tell their order.

    Parameters
    ----------
        sentences : PackedSentences
            n of them.
        vectors : ndarray of shape (n, t), or KeptVectors
            The teacher's, of any float type, perhaps memory-mapped.
        dimension : int
            d, the width of the encoder's vectors.
        batch_size, seed : int
        temperature : float
    """

    def __init__(
        self,
        sentences: PackedSentences,
        vectors: Vectors,
        dimension: int,
        *,
        batch_size: int,
        temperature: float,
        seed: int,
    ) -> None:
        self._sentences, self._vectors, self._temperature, self._seed = sentences, vectors, temperature, seed
        self._digested = [sentences.tokens, sentences.offsets, vectors]
        rng = np.random.default_rng([seed, 1])
        projection = (rng.normal(size=(dimension, vectors.shape[1])) / dimension**0.5).astype(np.float32)
        super().__init__("teacher", np.flatnonzero(sentences.lengths > 0), "sentences", batch_size, rng)
        self._shuffled = ShuffledRuns(near_groups(vectors, seed)[self._items], _RUN, self._shuffled.batch_size, seed)
        self.own = [projection]

    def start_at(self, vectors_of: Callable[[PackedSentences], Floats]) -> None:
        """Initialise the linear map by ridge regression on the encoder's current vectors.

        With a random map, the first steps would adapt the vectors to that map.
        """
        rows = np.sort(self._items[:_MAPPED])
        own, goal = (
            scaled_to_unit(np.asarray(vectors, np.float64))
            for vectors in (vectors_of(self._sentences.take(rows)), self._vectors[rows])
        )
        products = own.T @ own
        products[np.diag_indices_from(products)] += _RIDGE * len(rows) / len(products)
        self.own[0][...] = np.linalg.solve(products, own.T @ goal)

    def _batch(self, items: NDArray[np.int64], step: int) -> Batch:
        rows = np.sort(items)  # reading a mapped file in order is faster

        def loss(vectors: Floats) -> Loss:
            goal = np.asarray(self._vectors[rows], vectors.dtype)
            (projection,) = self.own
            listwise, d_listwise = listwise_distillation(vectors, goal, temperature=self._temperature)
            pointing, d_pointing, d_projection = vector_distillation(vectors, goal, projection)
            d_vectors = d_listwise + _POINTING * d_pointing
            return Loss(listwise + _POINTING * pointing, d_vectors, [_POINTING * d_projection])

        return Batch(self._sentences.take(rows), loss)


class OrderTask(Drawing):
    """Find the words that were swapped with a neighbour from their hidden states; this needs a network.

    A linear map of a token's hidden state predicts 1 if the token was swapped and 0 if not. A sentence's vector is the
    sum of its hidden states, so the same map of it counts the misplaced words. The loss is the mean square error,
    divided by that of always predicting the mean. The map belongs to the task and is discarded.

    Parameters
    ----------
    sentences : PackedSentences
        Sentences of fewer than four words are left out.
    dimension : int
        d, the width of the hidden states.
    batch_size, seed : int
    share : float, default 0.12
        Fraction of adjacent word pairs to swap; no word moves twice.
    """

    def __init__(
        self, sentences: PackedSentences, dimension: int, *, batch_size: int, seed: int, share: float = SWAPPED
    ) -> None:
        self._sentences, self._seed, self._share = sentences, seed, share
        self._digested = [sentences.tokens, sentences.offsets]
        rng = np.random.default_rng([seed, 1])
        direction = rng.normal(size=dimension + 1) * (_DIRECTION / dimension**0.5)
        direction[-1] = 0
        items = np.flatnonzero(sentences.lengths >= _MIN_ORDERED)
        super().__init__("order", items, "sentences of four words", batch_size, rng)
        self.own = [direction.astype(np.float32)]

    @staticmethod
    def can_use(sentences: PackedSentences) -> bool:
        """Return whether there are enough sentences of four words or more."""
        return int((sentences.lengths >= _MIN_ORDERED).sum()) >= _MIN_SENTENCES

    def _batch(self, items: NDArray[np.int64], step: int) -> Batch:
        rng = np.random.default_rng([self._seed, 2, step + 1])
        sentences, is_moved = swap_neighbors(self._sentences.take(items), self._share, rng)
        share = is_moved.mean()
        scale = 1 / (len(is_moved) * max(share * (1 - share), 1e-6))

        def loss(states: Floats, tokens: slice) -> Loss:
            (direction,) = self.own
            errors = states @ direction[:-1] + direction[-1] - is_moved[tokens]
            d_errors = (2 * scale * errors).astype(states.dtype)
            value = scale * float(np.einsum("i,i->", errors, errors, dtype=np.float64))
            return Loss(value, d_errors[:, None] * direction[:-1], [np.append(d_errors @ states, d_errors.sum())])

        return Batch(sentences, loss, True)


def drop_words(sentences: PackedSentences, share: float, rng: np.random.Generator) -> PackedSentences:
    """Drop a random fraction of the words; if that would empty a sentence, its first word stays."""
    if not share:
        return sentences
    is_kept = rng.random(len(sentences.tokens)) >= share
    n_before = np.concatenate([[0], np.cumsum(is_kept)])
    is_lost = (np.diff(n_before[sentences.offsets]) == 0) & (sentences.lengths > 0)
    is_kept[sentences.offsets[:-1][is_lost]] = True
    offsets = np.concatenate([[0], np.cumsum(is_kept)])[sentences.offsets].astype(np.int64)
    return PackedSentences(sentences.tokens[is_kept], offsets)


def swap_neighbors(
    sentences: PackedSentences, share: float, rng: np.random.Generator
) -> tuple[PackedSentences, NDArray[np.bool_]]:
    """Swap neighbouring words at some places; return the sentences, and which tokens were swapped, shape (N,).

    A fraction `share` of adjacent pairs is tried. A pair is skipped if its first word was already swapped, or if its
    two words are the same.
    """
    tokens = sentences.tokens
    is_place = rng.random(len(tokens)) < share
    is_place[-1:] = False
    is_place[sentences.offsets[1:-1] - 1] = False  # the last word of a sentence has no right neighbour
    is_place[:-1] &= tokens[:-1] != tokens[1:]
    runs = np.flatnonzero(is_place)
    # of consecutive places, take the first, the third and so on
    begins = np.concatenate([[True], np.diff(runs) > 1])
    first_of_run = np.maximum.accumulate(np.where(begins, np.arange(len(runs)), 0))
    places = runs[(np.arange(len(runs)) - first_of_run) % 2 == 0] if len(runs) else runs
    moved = np.zeros(len(tokens), bool)
    moved[places] = moved[places + 1] = True
    swapped = tokens.copy()
    swapped[places], swapped[places + 1] = tokens[places + 1], tokens[places]
    return PackedSentences(swapped, sentences.offsets), moved


def hold_out(rows: NDArray[np.int64], what: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide shuffled items into held-out and training items; ValueError if there are fewer than four."""
    if len(rows) < _MIN_SENTENCES:
        raise ValueError(f"there is too little training data: {len(rows)} {what} with known words")
    n_held = max(2, min(HELD_OUT, len(rows) // 10))
    return rows[:n_held], rows[n_held:]


def _choose(packs: list[PackedSentences], rows: NDArray[np.int64], which: NDArray[np.intp]) -> PackedSentences:
    """Return sentence rows[i] of pack which[i]."""
    joined = PackedSentences.join([pack.take(rows) for pack in packs])
    return joined.take(which * len(rows) + np.arange(len(rows)))
