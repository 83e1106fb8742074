"""Training on pairs of input and target, on weighted sentences, and on sentences with a translation.

A weight is how much a line counts: a line of weight 3 counts as much as three lines, one of 0.5 half as much. A line of
weight v > 1 is trained n = ceil(v) times, each with weight v / n, so no step is larger than that of an ordinary line.
All lines are held in memory, each of them once: see `RepeatedStream`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.inputs import display_name
from w2v.corpora.readers import CorpusError, TextReader
from w2v.corpora.tokenizers import Tokenizer
from w2v.corpora.weighted import MAX_WEIGHT, parse_weight, weighted_lines
from w2v.encoding.corpus import TokenLists, is_wrong_sentence, reported, wrong_sentence
from w2v.encoding.repeats import RepeatedStream
from w2v.encoding.stream import EmptyVocabularyError, TokenStream
from w2v.encoding.vocabulary import Vocabulary, choose_words, words_of_list
from w2v.settings.descriptions import DEFAULT_LANGUAGES

Record = tuple[float, list[str]]


_AT_ONCE, _GROWTH = 1 << 22, 4
# Up to this many tokens, or this many times the tokens of the text, are written out. Beyond that, `RepeatedStream`
# repeats them during training.


def encode_records(
    corpus: Any,
    lines: str,
    tokenizer: Tokenizer,
    *,
    min_count: int = 5,
    max_vocab: int | None = None,
    languages: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[Vocabulary, TokenStream]:
    """Count the words of a corpus of pairs, weighted or parallel sentences, and encode it.

    The corpus is files or an iterable of tuples: with `lines` "pairs" (input, target) or (input, target, weight), with
    "weighted" (weight, sentence or list of tokens), with "parallel" (sentence or list of tokens, its translation). The
    last two become one sentence: see `mixed_sentence`. `tokenizer` splits sentences; `languages` tags the words of
    parallel ones. Words whose lines weigh less than `min_count` in total are left out; a pair is left out if either
    word is. Counts are sums of weights, rounded to integers. The stream has weights unless all are 1. Pairs become
    sentences of two words, in a random order that is always the same.

    Raises CorpusError, with file and line, if a line does not have that form; TypeError or ValueError if an item of an
    iterable does not; EmptyVocabularyError if no word is frequent enough.
    """
    tags = (languages or DEFAULT_LANGUAGES).split(",")
    if isinstance(corpus, TextReader):
        read = reported(corpus, progress)
        if lines == "parallel":
            records = _parallel_of(read, tokenizer, tags)
        else:
            records = _pairs_of(read) if lines == "pairs" else weighted_lines(read, tokenizer)
    elif lines == "parallel":
        records = (
            _parallel_item(number, item, tokenizer, isinstance(corpus, TokenLists), tags)
            for number, item in enumerate(corpus, 1)
        )
    else:
        tokens_are_given = isinstance(corpus, TokenLists)
        records = (
            _record_of(number, item, lines, tokenizer, tokens_are_given) for number, item in enumerate(corpus, 1)
        )
    words, tokens, lengths, weights = _collect(records)
    repeats = np.ceil(weights).astype(np.int64)
    totals = np.bincount(tokens, np.repeat(weights, lengths), len(words))
    first = np.empty(len(words), np.int64)
    first[tokens[::-1]] = np.arange(len(tokens))[::-1]
    counts = np.where(totals < min_count - 1e-9, 0, np.rint(totals)).astype(np.int64)
    vocabulary, ids = choose_words(words_of_list(words), counts, first, 1, max_vocab)
    if not len(vocabulary):
        raise EmptyVocabularyError(
            f"none of {len(words):,} words reaches a total weight of {min_count} (min_count); give more lines or a "
            "smaller min_count" if words else "the corpus has no lines: check the input"
        )  # fmt: skip
    return vocabulary, _stream(ids[tokens], lengths, weights, repeats, in_pairs=lines == "pairs")


def _collect(records: Iterable[Record]) -> tuple[list[str], NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    """Return the words, a provisional id for each token, and the length and weight of each record."""
    entry_of: dict[str, int] = {}
    tokens, lengths, weights = array("i"), array("q"), array("d")
    for weight, words in records:
        if not (weight and words):
            continue
        tokens.extend([entry_of.setdefault(word, len(entry_of)) for word in words])
        lengths.append(len(words))
        weights.append(weight)
    return list(entry_of), np.array(tokens, np.int32), np.array(lengths, np.int64), np.array(weights, np.float64)


def _stream(
    tokens: NDArray[np.int32],
    lengths: NDArray[np.int64],
    weights: NDArray[np.float64],
    repeats: NDArray[np.int64],
    in_pairs: bool,
) -> TokenStream:
    """Repeat records by their weights and drop tokens without an id; a pair is dropped if either word has none."""
    n_words = int((lengths * repeats).sum())
    starts = np.cumsum(lengths) - lengths
    kept = tokens >= 0
    n_kept = np.add.reduceat(kept.astype(np.int64), starts) if len(starts) else lengths
    used = np.flatnonzero((n_kept == 2) if in_pairs else (n_kept > 0))
    if int((n_kept * repeats)[used].sum()) > max(_AT_ONCE, _GROWTH * len(tokens)):
        scales = (weights / repeats)[used].astype(np.float32)
        members = np.zeros(len(lengths), np.bool_)
        members[used] = True
        held = tokens[kept & np.repeat(members, lengths)]
        offsets = np.concatenate([[0], np.cumsum(n_kept[used])]).astype(np.int64)
        return RepeatedStream(held, offsets, n_words, scales, repeats[used], spread=in_pairs)
    chosen = np.repeat(used, repeats[used])
    if in_pairs:
        chosen = np.random.default_rng(0).permutation(chosen)
    compact = tokens[kept]
    firsts = np.cumsum(n_kept) - n_kept
    sizes = n_kept[chosen]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    places = np.arange(offsets[-1]) + np.repeat(firsts[chosen] - offsets[:-1], sizes)
    scales = (weights / repeats)[chosen].astype(np.float32)
    return TokenStream(compact[places], offsets, n_words, None if (scales == 1).all() else scales)


def _pairs_of(reader: TextReader) -> Iterator[Record]:
    r"""Read lines ``input<TAB>target`` or ``input<TAB>target<TAB>weight``; skip blank lines."""
    for path, number, line in reader.numbered_lines():
        if not line.strip():
            continue
        columns = [column.strip(" ") for column in line.split("\t")]
        if len(columns) not in (2, 3) or not (columns[0] and columns[1]):
            raise CorpusError(
                f"{path}, line {number}: expected input<TAB>target or input<TAB>target<TAB>weight, got {line[:60]!r}"
            )
        weight = parse_weight(columns[2]) if len(columns) == 3 else 1.0
        if weight is None:
            raise CorpusError(
                f"{path}, line {number}: a weight is a number from 0 to {MAX_WEIGHT:,.0f}, not {columns[2][:60]!r}"
            )
        if weight > 0:
            yield weight, columns[:2]


def mixed_sentence(source: Sequence[str], target: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Merge a sentence and its translation into one sentence, each word prefixed with the tag of its language.

    Words are sorted by their relative position, (i + ½) / n for word i of n. So words at about the same place in both
    sentences share a window, as far as the translation keeps the order.
    """
    places = [
        ((i + 0.5) / len(words), side, f"{tags[side]}:{word}")
        for side, words in enumerate((source, target))
        for i, word in enumerate(words)
    ]
    return [word for _, _, word in sorted(places, key=itemgetter(0, 1))]


def _parallel_of(reader: TextReader, tokenizer: Tokenizer, tags: Sequence[str]) -> Iterator[Record]:
    r"""Read lines ``sentence<TAB>translation``; ignore further columns, and skip lines where either has no words."""
    for path, number, line in reader.numbered_lines():
        if not line.strip():
            continue
        source, tab, target = line.partition("\t")
        if not tab:
            raise CorpusError(
                f"{display_name(path)}, line {number}: expected a sentence, a tab and its translation, not "
                f"{line[:60]!r}"
            )
        sides = tokenizer(source), tokenizer(target.partition("\t")[0])
        if all(sides):
            yield 1.0, mixed_sentence(*sides, tags)


def _parallel_item(number: int, item: Any, tokenizer: Tokenizer, tokens_are_given: bool, tags: Sequence[str]) -> Record:
    """Check a pair of sentences from an iterable."""
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise TypeError(
            f"item {number}: with lines='parallel' the corpus must be of (sentence or tokens, translation), not "
            f"{item!r:.60}"
        )
    for side in item:
        if isinstance(side, str) == tokens_are_given or is_wrong_sentence(side):
            raise wrong_sentence(side, number)
    source, target = (tokenizer(side) if isinstance(side, str) else list(side) for side in item)
    if not all(isinstance(word, str) for word in (*source, *target)):
        raise TypeError(f"item {number}: words must be str: {item!r:.60}")
    return 1.0, mixed_sentence(source, target, tags) if source and target else []


def _record_of(number: int, item: Any, lines: str, tokenizer: Tokenizer, tokens_are_given: bool) -> Record:
    """Check an item of an iterable."""
    form = "(input, target) or (input, target, weight)" if lines == "pairs" else "(weight, sentence or tokens)"
    if not isinstance(item, (tuple, list)) or len(item) not in ((2, 3) if lines == "pairs" else (2,)):
        raise TypeError(f"item {number}: with lines={lines!r:.80} the corpus must be of {form}, not {item!r:.60}")
    if lines == "pairs":
        weight, words = (item[2] if len(item) == 3 else 1.0), list(item[:2])
    else:
        if isinstance(item[1], str) == tokens_are_given or is_wrong_sentence(item[1]):
            raise wrong_sentence(item[1], number)
        weight, words = item[0], tokenizer(item[1]) if isinstance(item[1], str) else list(item[1])
    if not all(isinstance(word, str) for word in words):
        raise TypeError(f"item {number}: words must be str: {item!r:.60}")
    is_number = isinstance(weight, (int, float, np.integer, np.floating)) and not isinstance(weight, bool)
    if not is_number or not math.isfinite(weight) or not 0 <= weight <= MAX_WEIGHT:
        raise ValueError(f"item {number}: a weight is a number from 0 to {MAX_WEIGHT:,.0f}, not {weight!r:.60}")
    return float(weight), words
