"""What an encoder can be trained on: neighbouring sentences, sets that mean the same, a teacher's vectors, word order.

A task draws the sentences of a step, gives the loss of their vectors with its gradient, and knows some sentences that
it never draws: their loss, which needs no labels, says which state of the training is best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.training.batches import Neighbors, PackedSentences, Shuffled, digest
from w2v.neural.losses import info_nce, listwise_distillation, vector_distillation

Floats = NDArray[np.floating[Any]]

_MIN_ORDERED = 4
_MIN_SENTENCES = 4
_DIRECTION = 0.3  # length of the first map of `OrderTask`: from zero nothing would be learned

SWAPPED = 0.12
"""Share of the places between two words at which `OrderTask` exchanges them."""

HELD_OUT = 1000
"""Sentences or pairs that are never drawn; a tenth where there are not ten times as many."""


class Loss(NamedTuple):
    """The loss of a batch.

    Attributes
    ----------
    value : float
    d_outputs : ndarray
        Its gradient, of the shape of what the loss was taken of.
    d_own : list of ndarray
        The gradients of the task's own parameters.
    """

    value: float
    d_outputs: Floats
    d_own: list[Floats]


class Batch(NamedTuple):
    """Sentences, and the loss of what the encoder makes of them.

    Attributes
    ----------
    sentences : PackedSentences
    loss : callable
        Takes the vectors of all sentences, shape (B, d); or, where `is_of_tokens`, the rows that the network gives of
        some consecutive tokens, and which of the batch's tokens they are. Of parts, the losses add up.
    is_of_tokens : bool
    """

    sentences: PackedSentences
    loss: Callable[..., Loss]
    is_of_tokens: bool = False


class Task(Protocol):
    """One thing to be trained on.

    Attributes
    ----------
    name : str
        For the history.
    own : list of ndarray
        Parameters that belong to the task and not to the encoder. They are trained beside it.
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


class PairTask:
    """Find the partner of a sentence among those of the others; see `info_nce`.

    Parameters
    ----------
    sets : list of PackedSentences
        k packs of n sentences each: sentence i of all packs belong together.
    negatives : PackedSentences, optional
        The hard negative of each set.
    batch_size, seed : int
    temperature : float
    word_dropout : float, default 0
        Share of the words that each step leaves out, at random; see `drop_words`.
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
        self.name = name
        self.own: list[NDArray[np.float32]] = []
        self._sets, self._negatives, self._temperature, self._seed = sets, negatives, temperature, seed
        self._word_dropout = word_dropout
        usable = np.all([pack.lengths > 0 for pack in sets], axis=0)
        rows = np.random.default_rng([seed, 1]).permutation(np.flatnonzero(usable))
        self._held, self._rows = hold_out(rows, "pairs")
        self._shuffled = Shuffled(len(self._rows), min(batch_size, len(self._rows)), seed)

    def draw(self, step: int) -> Batch:
        """Return two sentences of each of some sets."""
        rng = np.random.default_rng([self._seed, 2, step])
        rows = self._rows[self._shuffled.batch(step)]
        chosen = np.argsort(rng.random((len(rows), len(self._sets))), axis=1)[:, :2]
        batch = self._batch(rows, chosen)
        return batch._replace(sentences=drop_words(batch.sentences, self._word_dropout, rng))

    def held_out(self) -> Batch:
        """Return the first two sentences of the sets that are kept back."""
        return self._batch(self._held, np.broadcast_to([0, 1], (len(self._held), 2)))

    def digest(self) -> str:
        """Return what changes if a sentence does."""
        packs = [*self._sets, *([] if self._negatives is None else [self._negatives])]
        return digest(*(array for pack in packs for array in (pack.tokens, pack.offsets)))

    def _batch(self, rows: NDArray[np.int64], chosen: NDArray[np.intp]) -> Batch:
        n = len(rows)
        packs = [_choose(self._sets, rows, chosen[:, side]) for side in (0, 1)]
        if self._negatives is not None:
            packs.append(self._negatives.take(rows))

        def loss(vectors: Floats) -> Loss:
            hard = vectors[2 * n :] if len(vectors) > 2 * n else None
            value, *gradients = info_nce(vectors[:n], vectors[n : 2 * n], temperature=self._temperature, negatives=hard)
            return Loss(value, np.concatenate([part for part in gradients if part is not None]), [])

        return Batch(PackedSentences.join(packs), loss)


class NeighborTask:
    """Find the sentence that follows among those that follow the others; see `info_nce`.

    Parameters
    ----------
    neighbors : Neighbors
    batch_size, seed : int
    temperature : float
    """

    def __init__(self, neighbors: Neighbors, *, batch_size: int, temperature: float, seed: int) -> None:
        self.name = "neighbors"
        self.own: list[NDArray[np.float32]] = []
        self._sentences, self._temperature = neighbors.sentences, temperature
        firsts = np.random.default_rng([seed, 1]).permutation(neighbors.firsts)
        self._held, self._firsts = hold_out(firsts, "neighbouring sentences")
        self._shuffled = Shuffled(len(self._firsts), min(batch_size, len(self._firsts)), seed)

    def draw(self, step: int) -> Batch:
        """Return pairs of neighbours."""
        return self._batch(self._firsts[self._shuffled.batch(step)])

    def held_out(self) -> Batch:
        """Return the pairs that are kept back."""
        return self._batch(self._held)

    def digest(self) -> str:
        """Return what changes if a sentence does, or what follows it."""
        return digest(self._sentences.tokens, self._sentences.offsets, self._held, self._firsts)

    def _batch(self, firsts: NDArray[np.int64]) -> Batch:
        n = len(firsts)

        def loss(vectors: Floats) -> Loss:
            value, d_first, d_second, _ = info_nce(vectors[:n], vectors[n:], temperature=self._temperature)
            return Loss(value, np.concatenate([d_first, d_second]), [])

        return Batch(self._sentences.take(np.concatenate([firsts, firsts + 1])), loss)


class TeacherTask:
    """Be like a teacher: order the others as it does, and point, through a linear map, where it points.

    The loss is `listwise_distillation` plus `vector_distillation`. The map is the task's own and is thrown away.

    Parameters
    ----------
    sentences : PackedSentences
        n of them.
    vectors : ndarray of shape (n, t)
        The teacher's, of any float type, perhaps memory-mapped.
    dimension : int
        d, the width of the encoder's vectors.
    batch_size, seed : int
    temperature : float
    """

    def __init__(
        self,
        sentences: PackedSentences,
        vectors: Floats,
        dimension: int,
        *,
        batch_size: int,
        temperature: float,
        seed: int,
    ) -> None:
        self.name = "teacher"
        self._sentences, self._vectors, self._temperature = sentences, vectors, temperature
        rng = np.random.default_rng([seed, 1])
        self.own = [(rng.normal(size=(dimension, vectors.shape[1])) / dimension**0.5).astype(np.float32)]
        self._held, self._rows = hold_out(rng.permutation(np.flatnonzero(sentences.lengths > 0)), "sentences")
        self._shuffled = Shuffled(len(self._rows), min(batch_size, len(self._rows)), seed)

    def draw(self, step: int) -> Batch:
        """Return some sentences; in the order of the file, which a mapped one is read faster in."""
        return self._batch(np.sort(self._rows[self._shuffled.batch(step)]))

    def held_out(self) -> Batch:
        """Return the sentences that are kept back."""
        return self._batch(np.sort(self._held))

    def digest(self) -> str:
        """Return what changes if a sentence does, or a vector of the teacher."""
        return digest(self._sentences.tokens, self._sentences.offsets, self._vectors)

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        def loss(vectors: Floats) -> Loss:
            goal = np.asarray(self._vectors[rows], vectors.dtype)
            (projection,) = self.own
            listwise, d_listwise = listwise_distillation(vectors, goal, temperature=self._temperature)
            pointing, d_pointing, d_projection = vector_distillation(vectors, goal, projection)
            return Loss(listwise + pointing, d_listwise + d_pointing, [d_projection])

        return Batch(self._sentences.take(rows), loss)


class OrderTask:
    """Find the words that were exchanged with a neighbour, from the rows that the network gives; it needs a network.

    A linear map of a token's row shall be 1 if the token was exchanged and 0 if not. A sentence's vector is the sum of
    these rows, so that the same map of it says how many words stand wrong. The loss is the mean square of the error,
    over that of always giving the mean. The map is the task's own and is thrown away.

    Parameters
    ----------
    sentences : PackedSentences
        Those of fewer than four words are left out.
    dimension : int
        d, the width of the rows.
    batch_size, seed : int
    share : float, default 0.12
        Of the places between two words, at which they are exchanged; no word moves twice.
    """

    def __init__(
        self, sentences: PackedSentences, dimension: int, *, batch_size: int, seed: int, share: float = SWAPPED
    ) -> None:
        self.name = "order"
        self._sentences, self._seed, self._share = sentences, seed, share
        rng = np.random.default_rng([seed, 1])
        direction = rng.normal(size=dimension + 1) * (_DIRECTION / dimension**0.5)
        direction[-1] = 0
        self.own = [direction.astype(np.float32)]
        rows = rng.permutation(np.flatnonzero(sentences.lengths >= _MIN_ORDERED))
        self._held, self._rows = hold_out(rows, "sentences of four words")
        self._shuffled = Shuffled(len(self._rows), min(batch_size, len(self._rows)), seed)

    @staticmethod
    def can_use(sentences: PackedSentences) -> bool:
        """Tell whether there are enough sentences of four words or more."""
        return int((sentences.lengths >= _MIN_ORDERED).sum()) >= _MIN_SENTENCES

    def draw(self, step: int) -> Batch:
        """Return sentences with some words exchanged."""
        return self._batch(self._rows[self._shuffled.batch(step)], step)

    def held_out(self) -> Batch:
        """Return the sentences that are kept back, with some words exchanged."""
        return self._batch(self._held, -1)

    def digest(self) -> str:
        """Return what changes if a sentence does."""
        return digest(self._sentences.tokens, self._sentences.offsets)

    def _batch(self, rows: NDArray[np.int64], step: int) -> Batch:
        rng = np.random.default_rng([self._seed, 2, step + 1])
        sentences, is_moved = swap_neighbors(self._sentences.take(rows), self._share, rng)
        share = is_moved.mean()
        scale = 1 / (len(is_moved) * max(share * (1 - share), 1e-6))

        def loss(rows: Floats, tokens: slice) -> Loss:
            (direction,) = self.own
            errors = rows @ direction[:-1] + direction[-1] - is_moved[tokens]
            d_errors = (2 * scale * errors).astype(rows.dtype)
            value = scale * float(np.einsum("i,i->", errors, errors, dtype=np.float64))
            return Loss(value, d_errors[:, None] * direction[:-1], [np.append(d_errors @ rows, d_errors.sum())])

        return Batch(sentences, loss, True)


def drop_words(sentences: PackedSentences, share: float, rng: np.random.Generator) -> PackedSentences:
    """Leave out a share of the words, at random, but all of no sentence: its first one stays then."""
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
    """Exchange neighbouring words at some places.

    Parameters
    ----------
    sentences : PackedSentences
    share : float
        Of the places between two words that are tried. A place is skipped if one before it was taken that shares a
        word with it, or if the two words are the same.
    rng : numpy.random.Generator

    Returns
    -------
    (PackedSentences, ndarray of shape (N,), bool)
        The sentences, and which tokens were exchanged.
    """
    tokens = sentences.tokens
    is_place = rng.random(len(tokens)) < share
    is_place[-1:] = False
    is_place[sentences.offsets[1:-1] - 1] = False  # a sentence's last word has no neighbour behind it
    is_place[:-1] &= tokens[:-1] != tokens[1:]
    runs = np.flatnonzero(is_place)
    # of consecutive places the first, the third and so on are taken
    begins = np.concatenate([[True], np.diff(runs) > 1])
    first_of_run = np.maximum.accumulate(np.where(begins, np.arange(len(runs)), 0))
    places = runs[(np.arange(len(runs)) - first_of_run) % 2 == 0] if len(runs) else runs
    moved = np.zeros(len(tokens), bool)
    moved[places] = moved[places + 1] = True
    swapped = tokens.copy()
    swapped[places], swapped[places + 1] = tokens[places + 1], tokens[places]
    return PackedSentences(swapped, sentences.offsets), moved


def hold_out(rows: NDArray[np.int64], what: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide shuffled items into those that are kept back and those that are drawn.

    Raises
    ------
    ValueError
        If there are fewer than four.
    """
    if len(rows) < _MIN_SENTENCES:
        raise ValueError(f"there is too little to train on: {len(rows)} {what} with words of the vocabulary")
    n_held = max(2, min(HELD_OUT, len(rows) // 10))
    return rows[:n_held], rows[n_held:]


def _choose(packs: list[PackedSentences], rows: NDArray[np.int64], which: NDArray[np.intp]) -> PackedSentences:
    """Return sentence rows[i] of pack which[i]."""
    joined = PackedSentences.join([pack.take(rows) for pack in packs])
    return joined.take(which * len(rows) + np.arange(len(rows)))
