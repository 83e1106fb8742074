"""Character classes: word characters, marks, and scripts without spaces between words."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

APOSTROPHE = -1
"""Entry of `character_table` for the two apostrophes that a word may contain, ``'`` and U+2019."""

DROPPED = -2
"""Entry of `character_table` for a character that is ignored."""

JOINER = -3
"""Entry of `character_table` for an invisible character that is kept inside words."""

SEPARATOR = 0
"""Entry of `character_table` for a character that separates words."""

SINGLE = 1 << 21
"""Added, in the table of `characters`, to a character that is a token by itself."""

MARK = 1 << 22
"""Added to a mark, which belongs to the character before it and cannot begin a word."""

UNSETTLED = 1 << 23
"""Added to a word character that NFC may compose with the one before it, reorder or replace."""

# the non-joiner and the joiner, the word joiner, the Mongolian vowel separator
JOINERS = "\u180e\u200c\u200d\u2060"
"""Invisible characters that are part of a word's spelling: they are kept if the word continues after them."""

# the zero width space separates words; the others are visible and precede numbers and verses
_FORMATS_THAT_DIVIDE = "\u200b\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"

# these only determine whether the character before is drawn as text or as a picture
_PRESENTATION = (0xFE0E, 0xFE0F)

N_CODE_POINTS = 0x110000

# the rest are ideographs, Korean syllables, private or unassigned; looking each up would take most of the time
_SOUGHT = ((0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x20000), (0x2F800, 0x2FA20), (0xE0000, 0xE1000))
_LETTERS_END = 0x40000

HAN_RANGES = (
    (0x2E80, 0x2FE0),  # radicals
    (0x3005, 0x3008),  # repetition, closing mark, zero
    (0x3021, 0x302A),
    (0x3038, 0x303C),
    (0x3400, 0x4DC0),
    (0x4E00, 0xA000),
    (0xF900, 0xFB00),
    (0x20000, 0x3FFFE),
)
"""Chinese characters: ranges [start, stop)."""

UNSPACED_RANGES = (
    *HAN_RANGES,
    (0x0E00, 0x0E80),  # Thai
    (0x0E80, 0x0F00),  # Lao
    (0x1000, 0x10A0),  # Myanmar
    (0x1780, 0x1800),  # Khmer
    (0x1950, 0x1980),  # Tai Le
    (0x1980, 0x19E0),  # New Tai Lue
    (0x1A20, 0x1AB0),  # Tai Tham
    (0x3031, 0x3036),  # repetition of kana
    (0x3041, 0x3100),  # Hiragana, Katakana
    (0x3100, 0x3130),  # Bopomofo
    (0x31A0, 0x31C0),
    (0x31F0, 0x3200),  # more Katakana
    (0xA000, 0xA4D0),  # Yi
    (0xA9E0, 0xAA00),  # more Myanmar
    (0xAA60, 0xAA80),
    (0xAA80, 0xAAE0),  # Tai Viet
    (0xFF66, 0xFFA0),  # half-width Katakana
    (0x116D0, 0x11700),  # more Myanmar
    (0x11700, 0x11750),  # Ahom
    (0x16FE0, 0x18D90),  # Tangut, Khitan
    (0x1AFF0, 0x1B300),  # historic kana, Nushu
)
"""Scripts without spaces between words, including Chinese: ranges [start, stop)."""


@functools.lru_cache(maxsize=4)
def character_table(lowercase: bool, singles: bool) -> NDArray[np.int32]:
    """Return the entry for each character; see `w2v.corpora.tokenizers.code_point_table`."""
    import numpy as np

    characters = np.arange(_LETTERS_END, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    becomes = lowercased(characters) if lowercase else characters
    code_points = np.arange(N_CODE_POINTS, dtype=np.int32)
    code_points[:_LETTERS_END] = np.frombuffer(becomes.encode("utf-32-le", "surrogatepass"), dtype="<i4")
    table = np.full(N_CODE_POINTS, SEPARATOR, dtype=np.int32)
    for run in re.finditer(r"[^\W_]+", characters):
        table[run.start() : run.end()] = code_points[run.start() : run.end()]
    if singles:
        is_single = np.zeros(N_CODE_POINTS, dtype=np.bool_)
        for start, stop in UNSPACED_RANGES:
            is_single[start:stop] = table[start:stop] > 0
        is_single[[digit.start() for digit in re.finditer(r"\d", characters)]] = False
        table[is_single] |= SINGLE
    for start, stop in mark_ranges():
        table[start:stop] = code_points[start:stop] | MARK
    unsettled = np.array(sorted(_unsettled()))
    table[unsettled[table[unsettled] > 0]] |= UNSETTLED
    for start, stop in dropped_ranges():
        table[start:stop] = DROPPED
    table[[ord(joiner) for joiner in JOINERS]] = JOINER
    table[[ord("'"), 0x2019]] = APOSTROPHE
    table.setflags(write=False)
    return table


@functools.cache
def word_pattern() -> re.Pattern[str]:
    r"""Return the pattern of a word in text without underscores, which ``\w`` would include."""
    return re.compile(pattern_of_words(r"\w", pattern_of(mark_ranges())))


@functools.cache
def single_pattern() -> re.Pattern[str]:
    """Return the pattern of a character of an unspaced script, with its marks, or of another piece of a word."""
    return re.compile(pattern_of_singles(r"\w", pattern_of(mark_ranges()), r"\d", pattern_of(UNSPACED_RANGES)))


def pattern_of_words(letters: str, marks: str) -> str:
    """Return the pattern of a word, given the bracket contents for letters (with numbers) and for marks.

    A word begins with a letter. Between letters, one apostrophe and any number of joiners are allowed.
    """
    return rf"[{letters}][{letters}{marks}]*(?:{_INSIDE}[{letters}{marks}]+)*"


def pattern_of_singles(letters: str, marks: str, digits: str, unspaced: str) -> str:
    """Return the pattern of a token of `characters`: a letter of an unspaced script, or of another piece of a word."""
    single = rf"(?=[{unspaced}])(?![{digits}{marks}])[{letters}]"
    first, more = rf"(?!{single})[{letters}]", rf"(?:(?!{single})[{letters}{marks}])"
    return rf"{single}(?:[{JOINERS}]*[{marks}]+)*|{first}{more}*(?:{_INSIDE}{more}+)*"


_INSIDE = rf"(?:[{JOINERS}]+(?:'[{JOINERS}]*)?|'[{JOINERS}]*)"


@functools.cache
def chinese_pattern() -> re.Pattern[str]:
    """Return the pattern, one group, of a run of Chinese characters with the ASCII letters and digits at it."""
    han = pattern_of(HAN_RANGES)
    return re.compile(rf"([A-Za-z0-9]*[{han}][A-Za-z0-9{han}]*)")


@functools.cache
def mark_ranges() -> tuple[tuple[int, int], ...]:
    """Return the ranges [start, stop) of the code points that are marks: of category Mn, Mc or Me."""
    return _ranges(code for code in _codes_of("M.") if code not in _PRESENTATION)


@functools.cache
def dropped_ranges() -> tuple[tuple[int, int], ...]:
    """Return the ranges [start, stop) of ignored characters: formats (Cf) and variation selectors."""
    return _ranges(sorted({*_codes_of("Cf"), *_PRESENTATION} - {*map(ord, _FORMATS_THAT_DIVIDE), *map(ord, JOINERS)}))


def _ranges(codes: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return ascending code points as ranges [start, stop)."""
    ranges: list[tuple[int, int]] = []
    for code in codes:
        start = ranges.pop()[0] if ranges and ranges[-1][1] == code else code
        ranges.append((start, code + 1))
    return tuple(ranges)


def _codes_of(category: str) -> list[int]:
    """Return the code points whose category, such as Cf, matches a pattern."""
    return [first + found.start() // 2 for first, names in _categories() for found in re.finditer(category, names)]


@functools.cache
def _categories() -> list[tuple[int, str]]:
    """Return the start of each range in `_SOUGHT` and its characters' categories, two letters each."""
    return [(start, "".join(map(unicodedata.category, map(chr, range(start, stop))))) for start, stop in _SOUGHT]


@functools.cache
def _dropped_pattern() -> re.Pattern[str]:
    return re.compile(f"[{pattern_of(dropped_ranges())}]+")


def _unsettled() -> set[int]:
    """Return the code points that NFC may change, reorder, or compose with the one before."""
    found = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # the later parts of Korean syllables
    found |= {code for code in _codes_of("M.") if unicodedata.combining(chr(code))}
    for start, stop in _SOUGHT:
        for code, decomposed in enumerate(map(unicodedata.decomposition, map(chr, range(start, stop))), start):
            if decomposed and decomposed[0] != "<":
                found.update(int(part, 16) for part in decomposed.split()[1:])
                if not unicodedata.is_normalized("NFC", chr(code)):
                    found.add(code)
    return found


def settled(text: str, lowercase: bool) -> str:
    """Return a text without ignored characters, in NFC, and optionally lower-cased."""
    if text.isascii():
        return text.lower() if lowercase else text
    text = unicodedata.normalize("NFC", _dropped_pattern().sub("", text))
    # some lower-case letters compose with marks although their capitals do not
    return unicodedata.normalize("NFC", lowercased(text)) if lowercase else text


def lowercased(text: str) -> str:
    """Lower-case each character by itself; a character with a lower case of several characters is kept."""
    if text.isascii():
        return text.lower()
    # str.lower considers the context of a capital sigma, and only U+0130 becomes two characters
    return "\u0130".join(part.lower() for part in text.replace("\u03a3", "\u03c3").split("\u0130"))


def pattern_of(ranges: tuple[tuple[int, int], ...]) -> str:
    """Return the bracket contents for the characters in ranges [start, stop)."""
    return "".join(f"\\U{start:08x}-\\U{stop - 1:08x}" for start, stop in ranges)
