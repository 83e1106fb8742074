"""Texts longer than what a translator has learned from: cut into parts, whose translations become one again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from w2v.corpora.sentences import split_sentences
from w2v.corpora.units import Units
from w2v.neural.generation.beam import BeamOptions
from w2v.neural.tasks.text.answers import Translation

_SENTENCES: tuple[Callable[[str], Sequence[str]], ...] = (split_sentences, re.compile(r"(?<=[。！？；])").split)


def in_parts(texts: Sequence[str], units: Units, most: int) -> list[list[str]]:
    """Return each text as parts of at most `most` tokens, cut between sentences, else words, else characters.

    Parameters
    ----------
    texts : sequence of str
    units : Units
        What tokens are.
    most : int
        At least 1.
    """
    return [
        [text] if n <= most else list(_cut(text, units, most))
        for text, n in zip(texts, _lengths(units, texts), strict=True)
    ]


def _cut(text: str, units: Units, most: int) -> Iterator[str]:
    """Yield the parts of a text that is too long: its sentences, or else as many words as fit."""
    for split in _SENTENCES:
        if len(sentences := [piece for piece in split(text) if piece]) > 1:
            for own in in_parts(sentences, units, most):
                yield from own
            return
    words = text.split()
    if len(words) > 1:
        yield from _together(words, units, most)
    elif len(text) > 1:
        for own in in_parts([text[: len(text) // 2], text[len(text) // 2 :]], units, most):
            yield from own
    else:  # one character of many tokens
        yield text


def _together(words: Sequence[str], units: Units, most: int) -> Iterator[str]:
    held: list[str] = []
    n_held = 0
    for word, n in zip(words, _lengths(units, words), strict=True):
        if held and n_held + n + 1 > most:  # one for the space
            yield " ".join(held)
            held, n_held = [], 0
        if n > most:
            yield from _cut(word, units, most)
        else:
            held.append(word)
            n_held += n + 1
    if held:
        yield " ".join(held)


def _lengths(units: Units, texts: Sequence[str]) -> list[int]:
    lengths: list[int] = np.diff(units.encode(texts)[1]).tolist()
    return lengths


def joined(parts: Sequence[Translation], options: BeamOptions) -> Translation:
    """Return the translation of a text of those of its parts, in their order; it has no alignment.

    Its score is that of one sequence as long and as probable as all of them.
    """
    if len(parts) == 1:
        return parts[0]
    texts = [part.text for part in parts if part.text]
    between = " " if any(" " in text for text in texts) else ""
    lengths = [len(part.pieces) + 1 for part in parts]
    scores = [part.score for part in parts]
    score = None
    if None not in scores:
        total = sum(score * options.penalty(n) for score, n in zip(scores, lengths, strict=True) if score is not None)
        score = float(total / options.penalty(sum(lengths)))
    last = parts[-1].log_probabilities
    end = None if last is None else last[len(parts[-1].pieces) :]
    return Translation(
        between.join(texts),
        score,
        list(chain.from_iterable(part.source_pieces for part in parts)),
        list(chain.from_iterable(part.pieces for part in parts)),
        None
        if end is None
        else [p for part in parts for p in (part.log_probabilities or [])[: len(part.pieces)]] + end,
        None if parts[0].alternatives is None else [a for part in parts for a in part.alternatives or []],
    )
