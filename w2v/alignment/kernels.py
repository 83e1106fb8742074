"""Numba kernels that scan a block of similarities between two languages.

A block is read once for both languages. Few of its values exceed those kept already. So the loops compare LANES values
at a time without a branch, and look closer only if one is larger.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from w2v.kernels.jit import compiled

LANES = 32

_One = np.float32(1)
_None = np.float32(0)


@partial(compiled, forceinline=True, in_any_order=True)
def _is_any_above(scores, bound, bounds):
    """Return whether any score exceeds the bound or its own entry of `bounds`; all float32."""
    above = _None
    for j in range(len(scores)):
        above += _One if scores[j] > min(bound, bounds[j]) else _None
    return above > _None


@partial(compiled, forceinline=True, in_any_order=True)
def _is_any_better(scores, penalties, bound, penalty, bounds):
    """Like `_is_any_above`, less penalties: each score's own for `bound`, and `penalty` for `bounds`."""
    better = _None
    for j in range(len(scores)):
        is_better = (scores[j] - penalties[j] > bound) | (scores[j] - penalty > bounds[j])
        better += _One if is_better else _None
    return better > _None


@compiled
def _insert(kept, ids, value, number):
    """Insert a value and its number into the ascending highest values, in place of the lowest."""
    place = 0
    while place + 1 < len(kept) and kept[place + 1] < value:
        kept[place], ids[place] = kept[place + 1], ids[place + 1]
        place += 1
    kept[place], ids[place] = value, number


@compiled
def _insert_with_id(kept, ids, value, number):
    """Insert a value and its id into the descending highest values, after equal ones."""
    place = len(kept) - 1
    while place > 0 and kept[place - 1] < value:
        kept[place], ids[place] = kept[place - 1], ids[place - 1]
        place -= 1
    kept[place], ids[place] = value, number


@compiled
def keep_highest(scores, first, of_rows, ids_of_rows, of_columns, ids_of_columns, least):
    """Update the k highest similarities of each row and each column with a block.

    Parameters
    ----------
    scores : ndarray of shape (n, m), float32
        A block.
    first : tuple of int
        Numbers of its first row and column.
    of_rows, ids_of_rows : ndarray of shape (n, k), float32 and int64
        The highest of each row so far, ascending, and their columns. Overwritten.
    of_columns, ids_of_columns : ndarray of shape (m, k), float32 and int64
        The highest of each column so far, ascending, and their rows. Overwritten.
    least : ndarray of shape (m,), float32
        The lowest of each row of `of_columns`. Overwritten.
    """
    n, m = scores.shape
    first_row, first_column = first
    for i in range(n):
        row, kept, ids = scores[i], of_rows[i], ids_of_rows[i]
        bound = kept[0]
        for start in range(0, m, LANES):
            stop = min(start + LANES, m)
            if _is_any_above(row[start:stop], bound, least[start:stop]):
                for j in range(start, stop):
                    value = row[j]
                    if value <= min(bound, least[j]):
                        continue
                    if value > bound:
                        _insert(kept, ids, value, first_column + j)
                        bound = kept[0]
                    if value > least[j]:
                        _insert(of_columns[j], ids_of_columns[j], value, first_row + i)
                        least[j] = of_columns[j, 0]


@compiled
def keep_nearest(scores, first, penalties, kept, ids):
    """Update the n highest scores of each row, less a penalty for each column, with a block.

    Parameters
    ----------
    scores : ndarray of shape (Q, m), float32
        A block.
    first : int
        Index of its first column.
    penalties : ndarray of shape (m,), float32
        Penalty of each column.
    kept : ndarray of shape (Q, n), float32
        The highest so far, descending. Overwritten.
    ids : ndarray of shape (Q, n), int64
        Their columns. Overwritten.
    """
    n, m = scores.shape
    last = kept.shape[1] - 1
    unreachable = np.full(LANES, np.inf, np.float32)
    for i in range(n):
        row = scores[i]
        for start in range(0, m, LANES):
            stop = min(start + LANES, m)
            of_chunk = penalties[start:stop]
            if _is_any_better(row[start:stop], of_chunk, kept[i, last], _None, unreachable[: stop - start]):
                for j in range(start, stop):
                    value = row[j] - penalties[j]
                    if value > kept[i, last]:
                        _insert_with_id(kept[i], ids[i], value, first + j)


@compiled
def keep_best(scores, first, of_rows, of_columns, best, ids, best_of_columns, ids_of_columns):
    """Update the best of each row and each column, less the penalties of the other side, with a block.

    Parameters
    ----------
    scores : ndarray of shape (n, m), float32
        A block.
    first : tuple of int
        Indices of its first row and column.
    of_rows : ndarray of shape (n,), float32
        Penalties of the rows, for the best of each column.
    of_columns : ndarray of shape (m,), float32
        Penalties of the columns, for the best of each row.
    best, ids : ndarray of shape (n,), float32 and int64
        The best of each row so far, and its column. Overwritten.
    best_of_columns, ids_of_columns : ndarray of shape (m,), float32 and int64
        The best of each column so far, and its row. Overwritten.
    """
    n, m = scores.shape
    first_row, first_column = first
    for i in range(n):
        row = scores[i]
        own = of_rows[i]
        for start in range(0, m, LANES):
            stop = min(start + LANES, m)
            of_chunk = of_columns[start:stop]
            if _is_any_better(row[start:stop], of_chunk, best[i], own, best_of_columns[start:stop]):
                for j in range(start, stop):
                    if row[j] - of_columns[j] > best[i]:
                        best[i], ids[i] = row[j] - of_columns[j], first_column + j
                    if row[j] - own > best_of_columns[j]:
                        best_of_columns[j], ids_of_columns[j] = row[j] - own, first_row + i
