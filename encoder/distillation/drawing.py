"""Sentences are drawn from a text, each distinct one with the same chance, in one pass and in little memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from hashlib import blake2b

from w2v.corpora.sentences import split_sentences
from w2v.corpora.tokenizers import Tokenizer

FEWEST, MOST = 4, 40
"""Words of a sentence that a teacher is asked about; longer ones take its time, and shorter ones say little."""


def draw_sentences(
    lines: Iterable[str], n: int, tokenizer: Tokenizer, seed: int, tell: Callable[[int], None] = lambda n_lines: None
) -> list[str]:
    """Draw sentences from paragraphs.

    A digest of each sentence decides, so that those that come again count once: the n smallest are kept. They come in
    the order of their digests, which is a random one, so that the first of them are a fair sample, too.

    Parameters
    ----------
    lines : iterable of str
        Paragraphs, or sentences.
    n : int
        How many to draw at most.
    tokenizer : Tokenizer
        What finds the words, of which there must be `FEWEST` to `MOST`.
    seed : int
        Decides the digests.
    tell : callable, optional
        Is given the number of lines so far, from time to time.

    Returns
    -------
    list of str
        White space is made one space.
    """
    key = seed.to_bytes(8, "little")
    kept: dict[int, str] = {}
    largest: list[int] = []  # a heap of the digests, negative, so that the largest comes first
    for number, line in enumerate(lines):
        if number % 10_000 == 0:
            tell(number)
        for sentence in split_sentences(line):
            text = " ".join(sentence.split())
            place = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest())
            if place in kept or (len(largest) == n and place > -largest[0]):
                continue
            if not FEWEST <= len(tokenizer(text)) <= MOST:
                continue
            kept[place] = text
            if len(largest) < n:
                heapq.heappush(largest, -place)
            else:
                del kept[-heapq.heappushpop(largest, -place)]
    return [kept[place] for place in sorted(kept)]
