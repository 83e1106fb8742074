"""The tokenizer for tagging, similar to that of the Penn Treebank."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import ClassVar

from w2v.corpora.tokenizers.characters import JOINERS, mark_ranges, pattern_of
from w2v.corpora.tokenizers.protocol import BuiltIn

_PARTS = (
    (("://", "www."), r"(?:https?://|www\.)\S*[^\s.,;:!?'\")\]}>]"),  # addresses, without trailing punctuation
    (("@",), r"[\w.+-]*\w@\w[\w-]*(?:\.\w+)+"),
    (("@", "#"), r"[@#]\w+"),
    ((".",), r"(?:[^\W\d_]\.){2,}"),  # U.S.
    (
        (".",),
        r"(?:Mrs?|Ms|Dr|Prof|[SJ]r|St|Inc|Corp|Co|Ltd|vs|Gen|Sen|Rep|Gov|Lt|Col|No|Jan|Feb|Mar|Apr|Aug|Sept|Oct|Nov|Dec)\.",
    ),
    (("annot",), r"[Cc]an(?=not\b)"),
    (("'", "\u2019"), r"\w+?(?=[nN]['\u2019][tT]\b)|[nN]['\u2019][tT]\b"),  # did, n't
    (("'", "\u2019"), r"['\u2019](?:[sSmMdD]|re|RE|ve|VE|ll|LL)\b"),
    (("",), r"\w+(?:(?:[-./]|,(?=\d))\w+|['\u2019](?!(?:[sSmMdDtT]|re|RE|ve|VE|ll|LL)\b)\w+)*"),
    (("",), r"([^\w\s])\1*"),
)
"""Patterns of tokens for `PennTokenizer`, of which the first match wins; each is used only if the text has its mark."""

_SOFT_HYPHEN = "\u00ad"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_DRAWN = "\ufe0e\ufe0f\U0001f3fb-\U0001f3ff"
"""Variation selectors and skin tones of emoji."""
_MARKS = tuple(dict.fromkeys(mark for marks, _ in _PARTS for mark in marks))


@functools.cache
def _pattern(found: tuple[bool, ...], *, is_ascii: bool) -> re.Pattern[str]:
    """Return the pattern of the tokens in a text; `found` is which of `_MARKS` it contains."""
    held = {mark for mark, is_found in zip(_MARKS, found, strict=True) if is_found}
    parts = [part for marks, part in _PARTS if held.intersection(marks)]
    if not is_ascii:
        more = pattern_of(mark_ranges()) + JOINERS + _SOFT_HYPHEN
        inside = rf"\w{more}"
        *parts, mark = [re.sub(r"(\[[^]]*?)?\\w", lambda found: _widened(found[1], inside), part) for part in parts]
        parts += [_FLAG, rf"{mark}(?:[{more}{_DRAWN}]|(?<=\u200d)[^\w\s])*"]
    return re.compile("|".join(parts))


def _widened(opened: str | None, inside: str) -> str:
    """Replace the class of letters in a pattern by the wider class `inside`, within brackets or alone."""
    return f"[{inside}]" if opened is None else opened + inside


@dataclass(frozen=True)
class PennTokenizer(BuiltIn):
    """Words and punctuation marks, similar to those of the Penn Treebank, for tagging; case is kept.

    Letters and digits form a word with the hyphens, apostrophes, points and commas between them. Abbreviations
    (``U.S.``), addresses, mentions and hashtags (``@anna``, ``#topic``), and runs of one mark (``...``, ``--``) are
    also tokens. English clitics (``n't``, ``'s``, ``'re``) are separate tokens. Combining marks, joiners and soft
    hyphens belong to the word around them. An emoji is one token together with its modifiers and joined emoji.

    Examples
    --------
    >>> PennTokenizer()("Mr. Lee's U.S. car didn't cost $1,500... see http://a.org/b?c=1.")
    ['Mr.', 'Lee', "'s", 'U.S.', 'car', 'did', "n't", 'cost', '$', '1,500', '...', 'see', 'http://a.org/b?c=1', '.']
    """

    name: ClassVar[str] = "penn"

    def __call__(self, text: str) -> list[str]:
        """Return the words and marks of `text`."""
        return [text[start:stop] for start, stop in self.spans(text)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the start and end of each token in `text`."""
        pattern = _pattern(tuple([mark in text for mark in _MARKS]), is_ascii=text.isascii())
        return [*map(re.Match.span, pattern.finditer(text))]
