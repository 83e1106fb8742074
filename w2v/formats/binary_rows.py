"""The rows of a binary vector file. A space ends each word, but the word itself may also contain spaces.

The first space is almost always the end, and stopping there takes a quarter of a microsecond a row. The result is then
checked for signs of a wrong split: values that no model has, words that are not text, a later space that would also
fit. If there is any sign, the file is read again, and each row is split where it fits best.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e12
"""No vector has values this large. Letters read as float32 are larger, and so are half of all random bytes."""

MAX_WORD_BYTES = 1 << 20
_MAX_SPACED_BYTES = 1 << 10
_CONTROL = rb"\x00-\x1f\x7f"
_TEXT = re.compile(rb"\n*[^" + _CONTROL + rb"]*")
_NEXT_WORD = re.compile(rb"\n*[^" + _CONTROL + rb" ]* ")
_LOOKED_AT = 16
"""Bytes after the first space to search for another; a space further off shows in the values before it."""
_TELLING = 8
"""Number of values to check; at a wrong position, one of them is almost always too large."""
_PER_BLOCK = 1 << 12
_FEW = 4
_BEYOND_SPREAD = 2.0**-60
_TINY = 2.0**-40

Bytes = bytes | mmap


def find_rows(data: Bytes, position: int, n_rows: int, row_bytes: int) -> tuple[list[bytes], list[int], int]:
    """Return the words of up to `n_rows` complete rows, each ending at its first space.

    The only Python loop over all rows: a quarter of a microsecond each.

    Returns
    -------
    words : list of bytes
    starts : list of int
        Byte offsets of their vectors.
    position : int
        End of the last of these rows.
    """
    words: list[bytes] = []
    starts: list[int] = []
    last = len(data) - row_bytes
    find, add_word, add_start = data.find, words.append, starts.append
    for _ in range(n_rows):
        space = find(b" ", position, position + MAX_WORD_BYTES)
        if space < 0 or space >= last:
            break
        add_word(data[position:space])
        add_start(space + 1)
        position = space + 1 + row_bytes
    return words, starts, position


def take_rows(
    data: Bytes, starts: NDArray[np.int64], vector_size: int
) -> tuple[NDArray[np.float32], tuple[int, str] | None, bool]:
    """Copy the vectors at these byte offsets, and check them while they are in the cache.

    Parameters
    ----------
    data : bytes or mmap
        The file.
    starts : ndarray of shape (n,), int64
    vector_size : int
        D.

    Returns
    -------
    table : ndarray of shape (n, D), float32, little-endian
    damage : (int, str) or None
        The first row that cannot be right, and the reason.
    is_doubtful : bool
        Whether a row may begin elsewhere: it cannot be right, or a later space would also fit.
    """
    table = np.empty((len(starts), vector_size), "<f4")
    items, flat = _items(data, vector_size), table.view(f"V{4 * vector_size}")[:, 0]
    doubtful = vector_size < _FEW
    damage = None
    for first in range(0, len(table), _PER_BLOCK):
        rows = slice(first, first + _PER_BLOCK)
        flat[rows] = items[starts[rows]]
        if damage is None and (found := _find_large(table[rows])):
            damage = first + found[0], found[1]
        if not (doubtful or damage):
            doubtful = _have_others(data, starts[rows], table[rows])
    damage = damage or _find_shift(data, starts, table)
    return table, damage, doubtful or damage is not None


def _items(data: Bytes, vector_size: int) -> NDArray[np.void]:
    """Return a view whose item i is the row that would begin at byte i of the file."""
    row_bytes = 4 * vector_size
    return np.ndarray((max(0, len(data) - row_bytes + 1),), f"V{row_bytes}", data, strides=(1,))


def _find_large(table: NDArray[np.float32]) -> tuple[int, str] | None:
    if table.max() < LARGEST and table.min() > -LARGEST:  # false if there is a NaN
        return None
    with np.errstate(invalid="ignore"):
        row = int(np.argmin((np.abs(table) < LARGEST).all(axis=1)))
    if not np.isfinite(table[row]).all():
        return row, "holds NaN or infinity"
    return row, f"holds {table[row, np.argmax(np.abs(table[row]))]:.2g}"


def _find_shift(data: Bytes, starts: NDArray[np.int64], table: NDArray[np.float32]) -> tuple[int, str] | None:
    """Return the first row that lacks a byte or has one too many, and the reason; None if there is none.

    Such a byte shifts the values after it, so the last ones are out of proportion, and the last byte of a value becomes
    the start of the next word.
    """
    if len(table) < _FEW:
        return None
    ends = starts[:-1] + 4 * table.shape[1]
    content = np.frombuffer(data, np.uint8)
    following = content[ends]
    is_newline = following == ord("\n")
    if is_newline.any():
        if not is_newline.all():
            usual = bool(is_newline.sum() * 2 > len(ends))
            return int(np.argmax(is_newline != usual)), f"is {'not ' * usual}followed by a newline, unlike the others"
        ends += 1
        following = content[ends]
    typical = float(np.median(np.abs(table[:_PER_BLOCK, -1])))
    is_odd = (following >= 0xBA) & (following <= 0xBF)
    for place in range(3):
        byte = content[ends + place]
        is_odd |= (byte < ord(" ")) | ((byte >= ord(":")) & (byte <= ord("?")))
    for row in np.flatnonzero(is_odd).tolist() if typical > 0 else ():
        sizes = np.abs(table[row, -_FEW:])
        if ((sizes > typical * 2.0**7) | ((sizes < typical * 2.0**-22) & (sizes > 0))).any():
            return row, f"ends in {table[row, -1]:.2g}, as if a byte were missing or too many before that"
    return None


def _have_others(data: Bytes, starts: NDArray[np.int64], table: NDArray[np.float32]) -> bool:
    """Return whether a space other than the first would also fit as the end of a word."""
    others = _other_starts(table, starts)
    others = others[others <= len(data) - 4 * table.shape[1]]
    for n_numbers in (_TELLING, table.shape[1]):  # the first check leaves hardly any
        found = _gathered(data, others, min(n_numbers, table.shape[1]))
        is_possible = (found.max(axis=1) < LARGEST) & (found.min(axis=1) > -LARGEST)
        others, found = others[is_possible], found[is_possible]
    return bool((_unlikely(found) == 0).any())


def _gathered(data: Bytes, starts: NDArray[np.int64], vector_size: int) -> NDArray[np.float32]:
    return _items(data, vector_size)[starts].view("<f4").reshape(len(starts), vector_size)


def _other_starts(table: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where vectors would begin if a later space ended the word, with only text before it; int64."""
    head = np.ascontiguousarray(table.view(np.uint8)[:, :_LOOKED_AT])
    rows, places = np.divmod(np.flatnonzero(head == ord(" ")), _LOOKED_AT)
    head = head[rows]
    is_odd = ((head < ord(" ")) | (head == 0x7F)) & (np.arange(_LOOKED_AT) < places[:, np.newaxis])
    others: NDArray[np.int64] = (starts[rows] + places + 1)[~is_odd.any(axis=1)]
    return others


def _unlikely(table: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count the implausible values of each row: too large, or out of proportion; shape (n,), int64."""
    with np.errstate(invalid="ignore"):
        sizes = np.abs(table)
        is_wrong = ~(sizes < LARGEST) | ((sizes < sizes.max(axis=1, keepdims=True) * _BEYOND_SPREAD) & (sizes > 0))
    is_wrong[:, :1] |= (sizes[:, :1] < _TINY) & (sizes[:, :1] > 0)  # text just before the values would look like this
    counts: NDArray[np.int64] = is_wrong.sum(axis=1)
    return counts


def _unusual(table: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count the values of each row outside the usual range of magnitudes; shape (n,), int64."""
    with np.errstate(invalid="ignore"):
        sizes = np.abs(table)
        counts: NDArray[np.int64] = (~((sizes >= 1e-7) & (sizes < 1e3)) & (sizes != 0)).sum(axis=1)
    return counts


def find_rows_carefully(
    data: Bytes, position: int, n_rows: int, vector_size: int, encoding: str
) -> tuple[list[bytes], list[int], int, tuple[int, str] | None]:
    """Like `find_rows`, but end each word at the space that best fits what follows, the first of equals.

    Also returns the first row that fits nowhere, and the reason.
    """
    damage: tuple[int, str] | None = None
    words: list[bytes] = []
    starts: list[int] = []
    row_bytes = 4 * vector_size
    for _ in range(n_rows):
        ends = [end for end in _word_ends(data, position) if end < len(data) - row_bytes]
        if not ends:
            break
        if len(ends) == 1:
            end = ends[0]
        else:
            table = _gathered(data, np.array(ends, np.int64) + 1, vector_size)
            unlikely = _unlikely(table)
            after = [_is_unlikely_word(data, end + 1 + row_bytes, encoding) for end in ends]
            best = int(np.argmin(unlikely + _unusual(table) + np.array(after) * (vector_size / 2)))
            end = ends[best]
            if unlikely[best] and damage is None:
                damage = len(words), "does not make sense after any space"
        words.append(data[position:end])
        starts.append(end + 1)
        position = end + 1 + row_bytes
    return words, starts, position, damage


def _word_ends(data: Bytes, position: int) -> Iterator[int]:
    """Yield the first space, and the later ones with only text before them."""
    first = data.find(b" ", position, position + MAX_WORD_BYTES)
    if first < 0:
        return
    yield first
    text = _TEXT.match(data, position, position + _MAX_SPACED_BYTES)
    assert text is not None  # it may be empty
    while (first := data.find(b" ", first + 1, text.end())) >= 0:
        yield first


def _is_unlikely_word(data: Bytes, position: int, encoding: str) -> bool:
    """Return whether neither a word with a space nor the end of the file is at `position`."""
    found = _NEXT_WORD.match(data, position)
    if found is None:
        return bool(data[position : position + 64].strip())
    try:
        found[0].decode(encoding)
    except UnicodeDecodeError:
        return True
    return False
