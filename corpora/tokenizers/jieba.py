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
    """Words as in `WordsTokenizer`, but jieba's for Chinese text.

    jieba segments each run of Chinese characters, with adjacent ASCII letters and digits, by its dictionary of
    simplified Chinese. A word ends where such a run ends. Other text does not go through jieba, which would split words
    of other scripts into letters.

    Parameters
    ----------
    lowercase : bool, default True
        As in `WordsTokenizer`; jieba gets the text before lower-casing.
    hmm : bool, default True
        Use jieba's hidden Markov model for words that are not in its dictionary, such as names.

    Raises
    ------
    TypeError
        If an option is not a bool.
    ModuleNotFoundError
        When first called, if the package rjieba is missing.

    Notes
    -----
    The segmentation is that of rjieba, jieba's algorithm and data in Rust. Its words equal those of jieba 0.42.1 except
    in a few runs in a million. It reads and writes no files, downloads nothing and prints nothing. To use your own
    dictionary, pass a callable, for example ``tokenizer=jieba.lcut``.

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
        """Return `text` with spaces between and around Chinese words."""
        parts = chinese_pattern().split(settled(text, lowercase=False))
        if len(parts) == 1:
            return parts[0]
        # one call for all runs, separated by line feeds, which remain separate tokens
        words = _load_jieba()("\n".join(parts[1::2]), self.hmm)
        parts[1::2] = " ".join(words).split(" \n ")
        return " ".join(parts)


@functools.cache
def _load_jieba() -> Callable[[str, bool], list[str]]:
    """Return the segmentation function. Its dictionary is private, so words added elsewhere do not change it."""
    try:
        import rjieba
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the tokenizer 'jieba' needs the package rjieba, jieba in Rust: pip install 'w2v-toolkit[jieba]'"
        ) from error
    return cast("Callable[[str, bool], list[str]]", rjieba.Jieba().cut)
