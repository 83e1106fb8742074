"""The trained tables of vectors in the layout of the kernels, and their initial values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.kernels.arguments import ROW_MULTIPLE, TableArrays, aligned_zeros
from w2v.kernels.composition import NO_MEMBERS, Members, compose_all
from w2v.kernels.training import to_multiple
from w2v.settings.parameters import Parameters
from w2v.vectors.subwords import Subwords

_ROWS_AT_ONCE = 1 << 12
_NEVER_MOVES = 1e30  # a sum of squares that makes every step negligible


@dataclass(frozen=True)
class Composition:
    """The rows of the input table whose mean is the input vector of each word.

    Rows 0 … V - 1 belong to words, rows V … R - 1 to n-grams; row R is zero.
    """

    members: NDArray[np.int64]
    """Rows of word v are rows[members[v]:members[v + 1]], its own first; the dummy word V has row R. Shape (V + 2,)."""
    rows: NDArray[np.int64]
    buckets: NDArray[np.int64]
    """The n-gram bucket (see `Subwords`) of each row from V on, ascending, shape (R - V,); unused ones have no row."""
    frozen: NDArray[np.uint8] | None = None
    """Nonzero for fixed rows. Shape (R + 1,)."""

    @classmethod
    def of_words(cls, n_words: int, frozen: NDArray[np.bool_] | None = None) -> Composition:
        """Return the composition of words that have only their own row; `frozen` has shape (V,)."""
        padded = None if frozen is None else np.append(frozen, False).astype(np.uint8)
        return cls(np.arange(n_words + 2), np.arange(n_words + 1), np.empty(0, np.int64), padded)

    @classmethod
    def of_ngrams(cls, words: Sequence[str], subwords: Subwords) -> Composition:
        """Return the composition of words that have their own row and those of their n-grams."""
        n_words = len(words)
        offsets, found = subwords.table(words)
        buckets, numbers = np.unique(found, return_inverse=True)
        members = np.empty(n_words + 2, np.int64)
        members[: n_words + 1] = offsets + np.arange(n_words + 1)
        members[n_words + 1] = members[n_words] + 1
        rows = np.empty(members[-1], np.int64)
        own = members[:n_words]
        is_ngram = np.ones(len(rows), bool)
        is_ngram[own] = is_ngram[-1] = False
        rows[own], rows[is_ngram], rows[-1] = np.arange(n_words), numbers + n_words, n_words + len(buckets)
        return cls(members, rows, buckets)

    @property
    def n_rows(self) -> int:
        """R."""
        return len(self.members) - 2 + len(self.buckets)


@dataclass(frozen=True)
class Tables:
    """The two tables of vectors, padded for the kernels: rows of S floats whose first D are the vector."""

    w_in: NDArray[np.float32]
    """Shape ((R + 1) * S,), aligned to a cache line; row R is zero. R is V without a composition."""
    w_out: NDArray[np.float32]
    """Shape ((V + 1) * S,), aligned to a cache line; row V is zero."""
    n_words: int  # V
    vector_size: int  # D
    row_size: int  # S
    composition: Composition | None = None  # None: every input vector is the row of its word
    positions: NDArray[np.float32] | None = None
    """For CBOW with position weights, see `w2v.kernels.composition`: shape ((2 * window + 1) * S,)."""
    has_sums: bool = False
    """Whether rows also hold biases and sums of squares, see `w2v.kernels.objectives.glove`."""

    @classmethod
    def zeros(
        cls,
        n_words: int,
        vector_size: int,
        *,
        composition: Composition | None = None,
        window: int | None = None,
        has_sums: bool = False,
    ) -> Tables:
        """Allocate the tables; with `window`, also position weights, which start at 1."""
        row_size = to_multiple(vector_size, ROW_MULTIPLE)
        if has_sums:
            row_size = 2 * to_multiple(vector_size + 2, ROW_MULTIPLE)
        n_rows = n_words if composition is None else composition.n_rows
        positions = None
        if window is not None:
            positions = aligned_zeros((2 * window + 1) * row_size)
            weights = positions.reshape(-1, row_size)
            weights[:, :vector_size] = 1
            weights[window] = 0  # the target's own position
        w_in, w_out = aligned_zeros((n_rows + 1) * row_size), aligned_zeros((n_words + 1) * row_size)
        tables = cls(w_in, w_out, n_words, vector_size, row_size, composition, positions, has_sums)
        if has_sums:
            for table, one in ((tables.w_in, vector_size + 1), (tables.w_out, vector_size)):
                rows, half = table.reshape(-1, row_size), row_size // 2
                rows[:, one], rows[:, half:], rows[:, half + one] = 1, 1, _NEVER_MOVES
        return tables

    @classmethod
    def random(cls, n_words: int, vector_size: int, seed: int, **further: Any) -> Tables:
        """Return initial tables: input rows uniform in ±1/D, as in gensim 4 and fastText, the rest as from `zeros`.

        With sums of squares, rows of both tables are uniform in ±1/2D, as in the original GloVe.
        """
        tables = cls.zeros(n_words, vector_size, **further)
        generator = np.random.default_rng([seed, 0])
        drawn = np.empty((_ROWS_AT_ONCE, vector_size), np.float32)
        for table in (tables.input_rows, tables.output_vectors) if tables.has_sums else (tables.input_rows,):
            for first in range(0, len(table), _ROWS_AT_ONCE):
                rows = table[first : first + _ROWS_AT_ONCE]
                part = generator.random(dtype=np.float32, out=drawn[: len(rows)])
                part *= 2
                part -= 1
                part /= vector_size
                if tables.has_sums:
                    part /= 2
                rows[:] = part
        return tables

    @classmethod
    def start(
        cls, parameters: Parameters, vocabulary: Vocabulary, seed: int, frozen: NDArray[np.bool_] | None = None
    ) -> Tables:
        """Return the tables that a training with these parameters starts from; for `frozen` see `layout`."""
        return cls.random(len(vocabulary), parameters.vector_size, seed, **layout(parameters, vocabulary, frozen))

    @property
    def input_rows(self) -> NDArray[np.float32]:
        """View of shape (R, D)."""
        return self.w_in.reshape(-1, self.row_size)[:-1, : self.vector_size]

    @property
    def input_vectors(self) -> NDArray[np.float32]:
        """Shape (V, D): a view or, if words have several rows, newly computed means of these."""
        if self.composition is None or not len(self.composition.buckets):
            return self.input_rows
        vectors = np.empty((self.n_words, self.vector_size), np.float32)
        compose_all(self.w_in, self.members, self.row_size, self.vector_size, vectors)
        return vectors

    @property
    def word_vectors(self) -> NDArray[np.float32]:
        """The result of training, shape (V, D): `input_vectors`, or with GloVe a newly computed sum of both tables."""
        return self.input_vectors + self.output_vectors if self.has_sums else self.input_vectors

    @property
    def sums(self) -> dict[str, NDArray[np.float32]]:
        """What rows hold besides vectors, if anything: views of shape (V, S - D) by name."""
        found = {"input_sums": self.w_in, "output_sums": self.w_out} if self.has_sums else {}
        return {name: table.reshape(-1, self.row_size)[:-1, self.vector_size :] for name, table in found.items()}

    @property
    def ngram_vectors(self) -> NDArray[np.float32]:
        """View of shape (R - V, D)."""
        return self.input_rows[self.n_words :]

    @property
    def output_vectors(self) -> NDArray[np.float32]:
        """View of shape (V, D)."""
        return self.w_out.reshape(-1, self.row_size)[: self.n_words, : self.vector_size]

    @property
    def position_weights(self) -> NDArray[np.float32] | None:
        """View of shape (2 * window + 1, D), or None."""
        return None if self.positions is None else self.positions.reshape(-1, self.row_size)[:, : self.vector_size]

    @property
    def frozen_words(self) -> NDArray[np.uint8] | None:
        """Shape (V,): nonzero for words with fixed rows; None if no row is fixed."""
        if self.composition is None or self.composition.frozen is None:
            return None
        return self.composition.frozen[: self.n_words]

    @cached_property
    def arrays(self) -> TableArrays:
        """The kernels' argument for the tables."""
        return TableArrays(self.w_in, self.w_out, self.row_size, self.vector_size)

    @cached_property
    def members(self) -> Members:
        """The kernels' argument for the composition."""
        found = self.composition
        if found is None:
            return NO_MEMBERS
        return Members(
            found.members,
            found.rows * self.row_size,
            NO_MEMBERS.frozen if found.frozen is None else found.frozen,
            NO_MEMBERS.positions if self.positions is None else self.positions,
        )

    def copy(self, place: Tables | None = None) -> Tables:
        """Return a copy, in the memory of `place` if given."""
        window = None if self.positions is None else len(self.positions) // self.row_size // 2
        if place is None:
            place = Tables.zeros(
                self.n_words, self.vector_size, composition=self.composition, window=window, has_sums=self.has_sums
            )
        place.w_in[:], place.w_out[:] = self.w_in, self.w_out
        if place.positions is not None:
            place.positions[:] = self.positions
        return place

    def with_spare_rows(self, n_rows: int) -> tuple[Tables, Tables]:
        """Return a copy at the start of larger tables, and the larger tables, with `n_rows` more rows and a zero row.

        Words must not have several rows.
        """
        more = (n_rows + 1) * self.row_size
        w_in, w_out = aligned_zeros(len(self.w_in) + more), aligned_zeros(len(self.w_out) + more)
        larger = replace(self, w_in=w_in, w_out=w_out)
        return self.copy(replace(self, w_in=w_in[: len(self.w_in)], w_out=w_out[: len(self.w_out)])), larger

    def all_finite(self) -> bool:
        """Return whether all entries are finite."""
        size = _ROWS_AT_ONCE * self.row_size
        return all(
            bool(np.isfinite(table[first : first + size]).all())
            for table in (self.w_in, self.w_out, self.positions)
            if table is not None
            for first in range(0, len(table), size)
        )


def copy_rows(old: NDArray[np.float32], rows: NDArray[np.int64], new: NDArray[np.float32]) -> None:
    """Copy old row rows[i] to row i of `new`, except where it is -1; `rows` has shape (n,)."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        wanted = rows[start : start + _ROWS_AT_ONCE]
        new[start + np.flatnonzero(wanted >= 0)] = old[wanted[wanted >= 0]]


def layout(parameters: Parameters, vocabulary: Vocabulary, frozen: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """Return the options of `Tables.zeros` for these parameters; `frozen`, shape (V,), excludes subwords."""
    window = parameters.window if parameters.position_weights else None
    if parameters.subwords:
        subwords = Subwords(parameters.min_n, parameters.max_n, parameters.buckets)
        return {"composition": Composition.of_ngrams(vocabulary.index_to_key, subwords), "window": window}
    if window is not None or frozen is not None:
        return {"composition": Composition.of_words(len(vocabulary), frozen), "window": window}
    return {"has_sums": True} if parameters.objective == "glove" else {}
