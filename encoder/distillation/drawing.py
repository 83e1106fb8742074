"""Sample distinct sentences from texts: as many from each text, all with equal probability, in one pass."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import count

from w2v.corpora.sentences import split_sentences
from w2v.corpora.tokenizers import Tokenizer

FEWEST, MOST = 4, 40
"""Least and greatest number of words of a sampled sentence; longer ones are slow, shorter ones carry little meaning."""


def draw_sentences(
    texts: Iterable[Iterable[str]],
    n: int,
    tokenizer: Tokenizer,
    seed: int,
    tell: Callable[[int], None] = lambda n_lines: None,
) -> list[str]:
    """Sample sentences from texts of different kinds, such as files.

    Each text gives as many sentences as any other, or all that it has. Those with the smallest digests are chosen, so
    repeated sentences count once. They are returned in the order of their digests, which is random, so any leading part
    is a fair sample as well.

    Parameters
    ----------
    texts : iterable of iterables of str
        The lines of each text: paragraphs, or sentences.
    n : int
        Maximum number of sentences of all texts.
    tokenizer : Tokenizer
        Splits sentences into words, of which there must be `FEWEST` to `MOST`.
    seed : int
        Seed of the digests.
    tell : callable, optional
        Called with the number of lines read, from time to time.

    Returns
    -------
    list of str
        White space is normalised to single spaces. A sentence of several texts counts for the first.
    """
    kept: list[dict[int, str]] = []
    taken: set[int] = set()
    numbers = count()
    for lines in texts:
        own = _smallest(_digested(_counted(lines, numbers, tell), seed), n, taken, tokenizer)
        kept.append(own)
        taken.update(own)
        if len(taken) > 2 * n:  # more texts only lower the share of each
            kept = _equalised(kept, n)
            taken = {place for own in kept for place in own}
    return [text for _, text in sorted(pair for own in _equalised(kept, n) for pair in own.items())]


def fair_shares(sizes: Sequence[int], n: int) -> list[int]:
    """Divide at most n among parts of some sizes: equally, except that no part gets more than its size.

    A remainder goes to the largest parts, and of equal ones to the first.
    """
    shares, left = [0] * len(sizes), n
    order = sorted(range(len(sizes)), key=lambda part: (sizes[part], -part))
    for done, part in enumerate(order):
        shares[part] = min(sizes[part], left // (len(order) - done))
        left -= shares[part]
    return shares


def _equalised(kept: list[dict[int, str]], n: int) -> list[dict[int, str]]:
    """Return the share of each text in n sentences: those with the smallest digests."""
    shares = fair_shares([len(own) for own in kept], n)
    return [
        own if share == len(own) else dict(sorted(own.items())[:share]) for own, share in zip(kept, shares, strict=True)
    ]


def _counted(lines: Iterable[str], numbers: Iterator[int], tell: Callable[[int], None]) -> Iterator[str]:
    for line, number in zip(lines, numbers, strict=False):
        if number % 10_000 == 0:
            tell(number)
        yield line


def _digested(lines: Iterable[str], seed: int) -> Iterator[tuple[int, str]]:
    """Yield the sentences of some lines with their digests."""
    key = seed.to_bytes(8, "little")
    for line in lines:
        for sentence in split_sentences(line):
            text = " ".join(sentence.split())
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
            yield int.from_bytes(digest), text


def _smallest(sentences: Iterable[tuple[int, str]], n: int, taken: set[int], tokenizer: Tokenizer) -> dict[int, str]:
    """Return the n sentences of a fair length with the smallest digests, without those `taken` from other texts."""
    kept: dict[int, str] = {}
    largest: list[int] = []  # a heap of negated digests, with the largest digest on top
    for place, text in sentences:
        if place in kept or (len(largest) == n and place > -largest[0]) or place in taken:
            continue
        if not FEWEST <= len(tokenizer(text)) <= MOST:
            continue
        kept[place] = text
        if len(largest) < n:
            heapq.heappush(largest, -place)
        else:
            del kept[-heapq.heappushpop(largest, -place)]
    return kept
