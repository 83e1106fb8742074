"""Tokenizers of text whose tokens stand between separators already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from w2v.corpora.tokenizers.protocol import BuiltIn

_NOT_WHITE_SPACE = re.compile(r"[^ \t\n\r\v\f]+")
_NOT_BETWEEN_ITEMS = re.compile(r"[^\t\n\r\v\f]+")


@dataclass(frozen=True)
class WhitespaceTokenizer(BuiltIn):
    r"""Tokens between ASCII white space, as they are: for pre-tokenised text.

    Only space, ``\t``, ``\n``, ``\r``, ``\v`` and ``\f`` separate. Everything else stays, upper case, punctuation and
    a non-breaking space included.

    Examples
    --------
    >>> WhitespaceTokenizer()("New_York is  big .")
    ['New_York', 'is', 'big', '.']
    """

    name: ClassVar[str] = "whitespace"

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text`."""
        return _NOT_WHITE_SPACE.findall(text)


@dataclass(frozen=True)
class TabsTokenizer(BuiltIn):
    r"""Items between tabs, whose names may hold spaces: for sequences of products, users or places.

    ``\t``, ``\n``, ``\r``, ``\v`` and ``\f`` separate. Spaces around a name are dropped, and so are empty names.
    Everything else stays.

    Examples
    --------
    >>> TabsTokenizer()("Green Tea\tSugar, 1 kg\t\tMilk ")
    ['Green Tea', 'Sugar, 1 kg', 'Milk']
    """

    name: ClassVar[str] = "tabs"

    def __call__(self, text: str) -> list[str]:
        """Return the items of `text`."""
        return [item for part in _NOT_BETWEEN_ITEMS.findall(text) if (item := part.strip(" "))]
