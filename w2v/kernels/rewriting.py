"""Rewriting bytes of text in Numba, so that ASCII white space separates the tokens of a tokenizer.

`words_to_spaces` rewrites a block for the tokenizers `words` and `characters`, and `items_to_nuls` for `tabs`.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.scanner import SEPARATOR

APOSTROPHE, DROPPED, JOINER = -1, -2, -3
"""Entries of a code point table for characters that are not letters (see `w2v.corpora.tokenizers.code_point_table`)."""

SINGLE, MARK, UNSETTLED = 1 << 21, 1 << 22, 1 << 23
"""Flags in the table for a character that is a token by itself, for a mark, and for one that may require NFC."""

MAX_GROWTH = 2
"""Most bytes that `words_to_spaces` writes per byte read: some lower-case letters are longer."""


@compiled
def _write_utf8(code, out, n):
    """Write a code point as UTF-8 at out[n:]; return the new n."""
    if code < 0x80:
        out[n] = code
        return n + 1
    if code < 0x800:
        out[n] = 0xC0 | code >> 6
        out[n + 1] = 0x80 | code & 0x3F
        return n + 2
    if code < 0x10000:
        out[n] = 0xE0 | code >> 12
        out[n + 1] = 0x80 | code >> 6 & 0x3F
        out[n + 2] = 0x80 | code & 0x3F
        return n + 3
    out[n] = 0xF0 | code >> 18
    out[n + 1] = 0x80 | code >> 12 & 0x3F
    out[n + 2] = 0x80 | code >> 6 & 0x3F
    out[n + 3] = 0x80 | code & 0x3F
    return n + 4


@compiled
def words_to_spaces(data, i, code_points, out, n, settled):
    """Rewrite text so that single spaces separate the words of a tokenizer; keep line feeds.

    `data` is valid UTF-8, read from `i` on, which must be outside words. `code_points`, int32 of shape (0x110000,), is
    a result of `w2v.corpora.tokenizers.code_point_table`: what to write for each code point. `out` is overwritten from
    `n` on, and must have room for MAX_GROWTH * (n_bytes - i) + 4 more bytes. `settled` text is known to be in NFC, also
    after lower-casing; with other text, rewriting stops at the first character that may not be.

    Returns (i, n), the bytes read and written. If i is not the end, the word that follows must be normalised to NFC.
    """
    in_word = in_single = apostrophe = False
    end = n  # of the last word; bytes written beyond it stay only if the word continues
    free, free_n = i, n  # the last positions outside words
    while i < data.size:
        byte = np.int64(data[i])
        if byte < 0x80:
            code = byte
            i += 1
        elif byte < 0xE0:
            code = (byte & 0x1F) << 6 | data[i + 1] & 0x3F
            i += 2
        elif byte < 0xF0:
            code = (byte & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | data[i + 2] & 0x3F
            i += 3
        else:
            code = (byte & 0x07) << 18 | (np.int64(data[i + 1]) & 0x3F) << 12
            code |= (np.int64(data[i + 2]) & 0x3F) << 6 | data[i + 3] & 0x3F
            i += 4
        letter = np.int64(code_points[code])
        if letter > 0:
            if letter >= SINGLE or in_single:
                if letter & UNSETTLED and not settled:
                    return free, free_n
                if letter & MARK:
                    if not in_word:
                        continue
                else:
                    if in_word and (in_single or letter & SINGLE):
                        out[end] = 32
                        n = end + 1
                        in_single = apostrophe = False
                    in_single = letter & SINGLE != 0
                letter &= SINGLE - 1
            apostrophe = False
            if letter < 0x80:
                out[n] = letter
                n += 1
            else:
                n = _write_utf8(letter, out, n)
            in_word, end = True, n
        elif letter == APOSTROPHE and in_word and not apostrophe and not in_single:
            out[n] = 39
            n += 1
            apostrophe = True  # part of the word only if it continues
        elif letter == JOINER and in_word:
            n = _write_utf8(code, out, n)
        elif letter != DROPPED:
            if in_word:
                out[end] = 32
                n = end + 1
            in_word = in_single = apostrophe = False
            if code == 10:
                out[n] = 10
                n += 1
            free, free_n = i, n
    return i, end if in_word else n


@compiled
def items_to_nuls(data, out):
    """Rewrite text so that the items of the tokenizer `tabs` contain no white space: NUL replaces spaces inside.

    `data` is text without NUL, and `out` at least as long; spaces around an item are removed. Returns the number of
    bytes written.
    """
    n = spaces = 0
    in_item = False
    for i in range(data.size):
        byte = data[i]
        if byte == 32:
            spaces += in_item
        elif SEPARATOR[byte]:
            in_item, spaces = False, 0
            out[n] = byte
            n += 1
        else:
            for _ in range(spaces):
                out[n] = 0
                n += 1
            in_item, spaces = True, 0
            out[n] = byte
            n += 1
    return n
