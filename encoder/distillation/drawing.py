"""Sample distinct sentences from a text, all with equal probability, in one pass and little memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from hashlib import blake2b

from w2v.corpora.sentences import split_sentences
from w2v.corpora.tokenizers import Tokenizer

FEWEST, MOST = 4, 40
"""Least and greatest number of words of a sampled sentence; longer ones are slow, shorter ones carry little meaning."""


def draw_sentences(
    lines: Iterable[str], n: int, tokenizer: Tokenizer, seed: int, tell: Callable[[int], None] = lambda n_lines: None
) -> list[str]:
    """Sample sentences from paragraphs.

    The n sentences with the smallest digests are chosen, so repeated sentences count once. They are returned in the
    order of their digests, which is random, so any leading part is a fair sample as well.

    Parameters
    ----------
    lines : iterable of str
        Paragraphs, or sentences.
    n : int
        Maximum number of sentences.
    tokenizer : Tokenizer
        Splits sentences into words, of which there must be `FEWEST` to `MOST`.
    seed : int
        Seed of the digests.
    tell : callable, optional
        Called with the number of lines read, from time to time.

    Returns
    -------
    list of str
        White space is normalised to single spaces.
    """
    key = seed.to_bytes(8, "little")
    kept: dict[int, str] = {}
    largest: list[int] = []  # a heap of negated digests, with the largest digest on top
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
