"""Finding the positions of tokens in their text, for any tokenizer."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from w2v.corpora.tokenizers import PennTokenizer, Tokenizer

__all__ = ["token_spans"]


def token_spans(text: str, tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Return the start and end of each token in `text`, in characters of the original text.

    Parameters
    ----------
    text : str
    tokenizer : Tokenizer
        It may lower-case and compose letters, unify apostrophes and drop characters; tokens must be in the order of the
        text.

    Raises
    ------
    ValueError
        If a token is not part of the text.
    """
    if isinstance(tokenizer, PennTokenizer):
        return tokenizer.spans(text)
    tokens, found, place = tokenizer(text), list[tuple[int, int]](), 0
    if text.isascii():
        for search in (text, text.lower()):
            found = _found(search, tokens)
            if len(found) == len(tokens):
                return found
    plain, origins = _plain(text)
    found = []
    for token in tokens:
        wanted, _ = _plain(token)
        first = plain.find(wanted, place)
        if first < 0 or not wanted:
            raise ValueError(f"the token {token!r:.60} is not in the text from character {place} on: {text!r:.60}")
        place = first + len(wanted)
        last = origins[place - 1]
        found.append((origins[first], last + 1 + _n_marks(text, last + 1)))
    return found


def _found(text: str, tokens: list[str]) -> list[tuple[int, int]]:
    found, place = list[tuple[int, int]](), 0
    find: Callable[[str, int], int] = text.find
    for token in tokens:
        first = find(token, place)
        if first < 0:
            break
        place = first + len(token)
        found.append((first, place))
    return found


def _plain(text: str) -> tuple[str, list[int]]:
    """Return the characters casefolded, without marks and format characters, and their positions in the text."""
    characters, origins = [], []
    for place, character in enumerate(text):
        for part in unicodedata.normalize("NFD", character).casefold().replace("\u2019", "'"):
            if unicodedata.category(part) not in ("Cf", "Mn"):
                characters.append(part)
                origins.append(place)
    return "".join(characters), origins


def _n_marks(text: str, place: int) -> int:
    """Return the number of marks from `place` on, which belong to the character before."""
    n = 0
    while place + n < len(text) and unicodedata.category(text[place + n]) == "Mn":
        n += 1
    return n
