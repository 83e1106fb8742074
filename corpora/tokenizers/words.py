"""Tokenizers that tell by each character what it belongs to: words, and characters of scripts without spaces."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from w2v.corpora.tokenizers.characters import character_table, settled, single_pattern, word_pattern
from w2v.corpora.tokenizers.protocol import ByRules, Tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class WordsTokenizer(ByRules):
    """Words of any script, with apostrophes inside, and numbers.

    A word begins with a letter, a digit or another number (`str.isalnum`), and goes on with these and with marks
    (Unicode category M), which many scripts write vowels with. Inside it, between such characters, an apostrophe may
    stand, ``'`` or U+2019, which is written ``'``, and joiners (U+200C, U+200D, U+2060, U+180E), which stay. Soft
    hyphens, other format characters (category Cf) and U+FE0E and U+FE0F, which say how an emoji is drawn, are passed
    over, as UAX #29 has it. Everything else separates words, emoji too: they are no words. Composed and decomposed
    letters are the same: words are in NFC.

    Parameters
    ----------
    lowercase : bool, default True
        Lower-case each character by itself: a final sigma is not told from another, and the one character whose lower
        case is two (U+0130) stays.

    Raises
    ------
    TypeError
        If `lowercase` is no bool.

    Notes
    -----
    `code_point_table` says the same as an array; the two agree for every text. Which characters are letters is what
    the running Python's version of Unicode says.

    Examples
    --------
    >>> WordsTokenizer()("Don't 'quote' GAUSS\u2019S naïve e-mail no_2!")
    ["don't", 'quote', "gauss's", 'naïve', 'e', 'mail', 'no', '2']
    """

    name: ClassVar[str] = "words"

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return _find(text, self.lowercase, word_pattern)


@dataclass(frozen=True)
class CharactersTokenizer(ByRules):
    """Words, as `WordsTokenizer` finds them, but single characters where a script sets no spaces between words.

    Such scripts are Chinese, Japanese (kana too), Thai, Lao, Khmer, Myanmar and a few more; Korean, which has spaces,
    is none. Marks, which some of them write vowels and tones with, stay with the character before them. Decimal
    digits make numbers in every script.

    Parameters
    ----------
    lowercase : bool, default True
        As in `WordsTokenizer`.

    Raises
    ------
    TypeError
        If `lowercase` is no bool.

    Examples
    --------
    >>> CharactersTokenizer()("2023年，Python语言")
    ['2023', '年', 'python', '语', '言']
    """

    name: ClassVar[str] = "characters"

    def __call__(self, text: str) -> list[str]:
        """Return the words and characters of `text`."""
        return _find(text, self.lowercase, single_pattern)


def code_point_table(tokenizer: Tokenizer) -> NDArray[np.int32]:
    """Return what `WordsTokenizer` or `CharactersTokenizer` makes of every character, as an array.

    Parameters
    ----------
    tokenizer : WordsTokenizer or CharactersTokenizer
        Whose table. Each is made once.

    Returns
    -------
    ndarray of shape (0x110000,), int32, read-only
        At a code point: the code point that it becomes (lower-cased, if the tokenizer does so) if it is a word
        character; APOSTROPHE (-1) for ``'`` and U+2019; DROPPED (-2) if it is passed over; JOINER (-3) if it stays
        inside words; SEPARATOR (0) for all else. MARK is added to a mark, which continues a token and begins none,
        and UNSETTLED to characters that show that a text may not be in NFC. In the table of `characters`, SINGLE is
        added to a character that is a token by itself.

    Raises
    ------
    TypeError
        If `tokenizer` is neither: no other one decides by character.
    """
    if not isinstance(tokenizer, (WordsTokenizer, CharactersTokenizer)):
        raise TypeError(
            f"only the tokenizers 'words' and 'characters' have a table of code points, not {tokenizer!r:.80}"
        )
    return character_table(tokenizer.lowercase, isinstance(tokenizer, CharactersTokenizer))


def _find(text: str, lowercase: bool, pattern: Callable[[], re.Pattern[str]]) -> list[str]:
    """Return what a pattern finds in `text`, whose apostrophes become ASCII; ASCII text needs no pattern of Unicode."""
    text = settled(text, lowercase).replace("\u2019", "'")
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return pattern().findall(text.replace("_", " "))
