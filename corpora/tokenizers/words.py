"""Tokenizers by character class: words, and single characters in scripts without spaces."""

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

    A word begins with a letter, a digit or another number (`str.isalnum`), and continues with these and with marks
    (Unicode category M), which are vowels in many scripts. Between such characters it may contain an apostrophe, ``'``
    or U+2019, which becomes ``'``, and joiners (U+200C, U+200D, U+2060, U+180E), which are kept. Soft hyphens, other
    format characters (category Cf), and U+FE0E and U+FE0F, which select how an emoji is drawn, are ignored, as in UAX
    #29. Everything else separates words, including emoji, which are not words. Words are in NFC, so composed and
    decomposed letters are equal.

    Parameters
    ----------
    lowercase : bool, default True
        Lower-case each character by itself: a final sigma is not distinguished, and U+0130, the only character whose
        lower case is two characters, is kept.

    Raises
    ------
    TypeError
        If `lowercase` is not a bool.

    Notes
    -----
    `code_point_table` is the same as an array, and the two agree for every text. Which characters are letters depends
    on the Unicode version of the running Python.

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
    """Words as in `WordsTokenizer`, but single characters in scripts without spaces between words.

    Such scripts are Chinese, Japanese (with kana), Thai, Lao, Khmer, Myanmar and a few more, but not Korean, which has
    spaces. Marks, which are vowels and tones in some of them, belong to the character before. Decimal digits form
    numbers in every script.

    Parameters
    ----------
    lowercase : bool, default True
        As in `WordsTokenizer`.

    Raises
    ------
    TypeError
        If `lowercase` is not a bool.

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
    """Return an array of how `WordsTokenizer` or `CharactersTokenizer` treats every character.

    Parameters
    ----------
    tokenizer : WordsTokenizer or CharactersTokenizer
        The tokenizer. Each table is computed only once.

    Returns
    -------
    ndarray of shape (0x110000,), int32, read-only
        For each code point: the resulting code point (lower-cased if the tokenizer does so) for a word character;
        APOSTROPHE (-1) for ``'`` and U+2019; DROPPED (-2) if it is ignored; JOINER (-3) if it is kept inside words;
        SEPARATOR (0) for all others. MARK is added to a mark, which can continue a token but not begin one, and
        UNSETTLED to characters that indicate that a text may not be in NFC. In the table of `characters`, SINGLE is
        added to a character that is a token by itself.

    Raises
    ------
    TypeError
        If `tokenizer` is neither of these.
    """
    if not isinstance(tokenizer, (WordsTokenizer, CharactersTokenizer)):
        raise TypeError(
            f"only the tokenizers 'words' and 'characters' have a table of code points, not {tokenizer!r:.80}"
        )
    return character_table(tokenizer.lowercase, isinstance(tokenizer, CharactersTokenizer))


def _find(text: str, lowercase: bool, pattern: Callable[[], re.Pattern[str]]) -> list[str]:
    """Return the matches of a pattern in `text`, with ASCII apostrophes; ASCII text has its own, faster pattern."""
    text = settled(text, lowercase).replace("\u2019", "'")
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return pattern().findall(text.replace("_", " "))
