"""Training data for search from articles: which title belongs to which paragraph."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from w2v.corpora.articles import article_pairs
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.training.batches import PackedSentences

_PAIRS_AT_ONCE = 1 << 15


def pack_articles(
    lookup: WordLookup, lines: Iterable[str], *, min_tokens: int, max_tokens: int
) -> list[PackedSentences]:
    """Return pairs of titles and paragraphs; of a paragraph, the first `max_tokens` known words count.

    Paragraphs with fewer than `min_tokens` known words are left out, and so are titles without any. The text is read
    in pieces.
    """
    parts: tuple[list[PackedSentences], list[PackedSentences]] = [], []
    pairs = article_pairs(lines)
    while some := list(islice(pairs, _PAIRS_AT_ONCE)):
        found = [lookup.find([pair[side] for pair in some]) for side in (0, 1)]
        titles, paragraphs = (PackedSentences(one.ids, one.offsets) for one in found)
        kept = np.flatnonzero((titles.lengths > 0) & (paragraphs.lengths >= min_tokens))
        parts[0].append(titles.take(kept))
        parts[1].append(_heads(paragraphs.take(kept), max_tokens))
    return [PackedSentences.join(part) for part in parts]


def _heads(sentences: PackedSentences, n: int) -> PackedSentences:
    """Return at most the first n words of each sentence."""
    places = np.arange(len(sentences.tokens)) - np.repeat(sentences.offsets[:-1], sentences.lengths)
    offsets = np.concatenate([[0], np.cumsum(np.minimum(sentences.lengths, n))]).astype(np.int64)
    return PackedSentences(sentences.tokens[places < n], offsets)
