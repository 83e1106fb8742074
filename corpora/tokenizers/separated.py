"""Tokenizers of text whose tokens are already separated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from w2v.corpora.tokenizers.protocol import BuiltIn

_NOT_WHITE_SPACE = re.compile(r"[^ \t\n\r\v\f]+")
_NOT_BETWEEN_ITEMS = re.compile(r"[^\t\n\r\v\f]+")


@dataclass(frozen=True)
class WhitespaceTokenizer(BuiltIn):
    r"""Tokens separated by ASCII white space, unchanged: for pre-tokenised text.

    Only space, ``\t``, ``\n``, ``\r``, ``\v`` and ``\f`` separate tokens. Everything else is kept, including upper
    case, punctuation and non-breaking spaces.

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
    r"""Items separated by tabs, whose names may contain spaces: for sequences of products, users or places.

    ``\t``, ``\n``, ``\r``, ``\v`` and ``\f`` separate items. Spaces around a name and empty names are dropped.
    Everything else is kept.

    Examples
    --------
    >>> TabsTokenizer()("Green Tea\tSugar, 1 kg\t\tMilk ")
    ['Green Tea', 'Sugar, 1 kg', 'Milk']
    """

    name: ClassVar[str] = "tabs"

    def __call__(self, text: str) -> list[str]:
        """Return the items of `text`."""
        return [item for part in _NOT_BETWEEN_ITEMS.findall(text) if (item := part.strip(" "))]
