"""Input vectors made of several rows: a word's own row and those of its n-grams, as in fastText.

The input vector of word v is the mean of the rows ``rows[offsets[v] : offsets[v + 1]]`` of the input table. Word
V, which stands for positions beyond a border, has the zero row alone. A step of the word's vector is added to each of
its rows whole, as fastText does: the mean of the rows then moves by the step itself, however many rows there are
(docs/derivations/subwords.md).

The same scheme serves words whose rows must not move: with one row to each word, rows that are `frozen` are left out.

References
----------
Bojanowski et al. 2017, arXiv:1607.04606, section 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, load, load_vector, splat, store_vector

_float32 = np.float32


class Members(NamedTuple):
    """Which rows the input vectors are made of."""

    offsets: NDArray[np.int64]
    """Where the rows of each word begin in `rows`, shape (V + 2,)."""
    rows: NDArray[np.int64]
    """Offsets into `w_in`, which may have more rows than V + 1; its last is zero as well."""
    frozen: NDArray[np.uint8] | None
    """Rows that must not move: not 0."""
    positions: NDArray[np.float32] | None
    """CBOW only: weights of the positions of a window, shape ((2 w + 1) * S,); `w2v.kernels.positional` trains them."""


@compiled
def compose(w_in, members, rows, first, last, row_size, out):
    """Assign out[j * S :][:S] the input vector of the word whose output row is rows[j], first <= j < last."""
    offsets, member_rows = members.offsets, members.rows
    for j in range(first, last):
        word = load(rows, j) // row_size
        start, stop = load(offsets, word), load(offsets, word + 1)
        scale = splat(_float32(1) / _float32(stop - start))
        own = load(member_rows, start)
        for d in range(0, row_size, LANES):
            total = load_vector(w_in, own + d)
            for i in range(start + 1, stop):
                total = total + load_vector(w_in, load(member_rows, i) + d)
            store_vector(out, j * row_size + d, total * scale)


@compiled
def _is_frozen(frozen, row):
    if frozen is None:
        return False
    return load(frozen, row) != 0


@compiled
def spread(step, members, rows, last, zero_row, row_size, w_in):
    """Add step[j * S :][:S] to every row of the word whose output row is rows[j], j < last, but for frozen rows."""
    offsets, member_rows, frozen = members.offsets, members.rows, members.frozen
    for j in range(last):
        row = load(rows, j)
        if row == zero_row:
            continue
        word = row // row_size
        for i in range(load(offsets, word), load(offsets, word + 1)):
            member = load(member_rows, i)
            if _is_frozen(frozen, member // row_size):
                continue
            for d in range(0, row_size, LANES):
                store_vector(w_in, member + d, load_vector(w_in, member + d) + load_vector(step, j * row_size + d))


@compiled
def compose_all(w_in, members, row_size, vector_size, vectors):
    """Set vectors[v] to the input vector of each word v; vectors has shape (V, D)."""
    offsets, rows = members.offsets, members.rows
    for word in range(vectors.shape[0]):
        start, stop = offsets[word], offsets[word + 1]
        for d in range(vector_size):
            total = _float32(0)
            for i in range(start, stop):
                total += w_in[rows[i] + d]
            vectors[word, d] = total / _float32(stop - start)
