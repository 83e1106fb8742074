"""The tokenizer of Chinese words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, cast

from w2v.corpora.tokenizers.characters import chinese_pattern, settled
from w2v.corpora.tokenizers.protocol import ByRules
from w2v.corpora.tokenizers.words import WordsTokenizer


@dataclass(frozen=True)
class JiebaTokenizer(ByRules):
    """Words, as `WordsTokenizer` finds them, but jieba's where the text is Chinese.

    jieba divides each run of Chinese characters, with the ASCII letters and digits that touch it, by its dictionary of
    simplified Chinese. Where such a run ends a word ends too. All other text is none of its business: jieba itself
    would tear words of other scripts to letters.

    Parameters
    ----------
    lowercase : bool, default True
        As in `WordsTokenizer`; jieba sees the text as it is.
    hmm : bool, default True
        Let jieba's hidden Markov model make words of characters that its dictionary leaves alone, names for example.

    Raises
    ------
    TypeError
        If an option is no bool.
    ModuleNotFoundError
        When first called, if the package rjieba is missing.

    Notes
    -----
    The divisions are made by rjieba, jieba's algorithm and data in Rust. Within such runs its words are those of jieba
    0.42.1, but for a few runs in a million. It reads and writes no file, downloads nothing and prints nothing. For a
    dictionary of your own pass a callable, ``tokenizer=jieba.lcut`` for example.

    Examples
    --------
    >>> JiebaTokenizer()("我来到北京清华大学，学习C语言。")
    ['我', '来到', '北京', '清华大学', '学习', 'c语言']
    """

    name: ClassVar[str] = "jieba"
    hmm: bool = True

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return WordsTokenizer(self.lowercase)(self.divide(text))

    def divide(self, text: str) -> str:
        """Return `text` with a space between any two Chinese words and around them."""
        parts = chinese_pattern().split(settled(text, lowercase=False))
        if len(parts) == 1:
            return parts[0]
        # one call for all runs: a line feed divides them, and stays a token of its own
        words = _load_jieba()("\n".join(parts[1::2]), self.hmm)
        parts[1::2] = " ".join(words).split(" \n ")
        return " ".join(parts)


@functools.cache
def _load_jieba() -> Callable[[str, bool], list[str]]:
    """Return the function that divides text. Its dictionary is ours alone, so nobody's added words change it."""
    try:
        import rjieba
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the tokenizer 'jieba' needs the package rjieba, jieba in Rust: pip install 'w2v-toolkit[jieba]'"
        ) from error
    return cast("Callable[[str, bool], list[str]]", rjieba.Jieba().cut)
