"""Phrases in a token stream: pairs of ids are counted, scored and joined; words appear only as input and output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import EmptyVocabularyError, TokenStream, run_threads
from w2v.encoding.vocabulary import Vocabulary, choose_words, words_of_list
from w2v.kernels import phrases as kernels
from w2v.kernels.scanner import encode_block
from w2v.phrases.parameters import PhraseParameters
from w2v.phrases.phrase_list import Phrase

ROUND = 1 << 22
"""Tokens to scan between checks of the number of pairs and of Ctrl-C."""

_MIN_ROUND = 1 << 16
_RANGE = 1 << 20
_MIN_ROWS = 1 << 10
_TOKENS_A_ROW = 4  # decides the initial size of a table


@dataclass(frozen=True)
class PairCounts:
    """The n frequent pairs of a stream."""

    words: NDArray[np.uint64]  # first word << 32 | last word, shape (n,)
    gaps: NDArray[np.int64]  # id of the gap (the connector words between them), shape (n,)
    counts: NDArray[np.int64]  # shape (n,)
    gap_keys: NDArray[np.uint64]  # shape (n_gaps,), see `w2v.kernels.phrases`
    n_pairs: int  # number of distinct pairs, rare ones included
    forgotten: int
    """Pairs with counts up to this were dropped because there were too many; 0 if none were dropped."""


class _Counter:
    """One worker's tables and the state of its scan."""

    def __init__(self, n_rows: int, n_gaps: int) -> None:
        self.rows = _empty_rows(n_rows)
        self.gap_slots = np.full(2 * n_gaps, -1, np.int32)
        self.gap_keys = np.empty(n_gaps, np.uint64)
        self.state = np.zeros(7, np.int64)
        self.state[kernels.FIRST] = -1

    def scan(self, corpus: kernels.Corpus, stop: int, worker: int, workers: int) -> None:
        """Count this worker's pairs up to `stop`."""
        while not kernels.count_pairs(
            corpus, stop, worker, workers, kernels.Pairs(self.rows, self.gap_slots, self.gap_keys), self.state
        ):
            if self.state[kernels.N_GAPS] == len(self.gap_keys):
                self.gap_keys = np.concatenate([self.gap_keys, np.empty_like(self.gap_keys)])
                self.gap_slots = kernels.rehash_gaps(self.gap_keys, self.state[kernels.N_GAPS], 2 * len(self.gap_slots))
            if 2 * self.state[kernels.SIZE] > len(self.rows):
                self.keep_above(0, 2 * len(self.rows))

    @property
    def n_pairs(self) -> int:
        """Number of distinct pairs held."""
        return int(self.state[kernels.SIZE])

    def keep_above(self, count: int, n_rows: int) -> None:
        """Drop the pairs with a count of at most `count`; the new table has `n_rows` rows."""
        kept = _empty_rows(n_rows)
        kernels.keep_above(self.rows, count, kept)
        self.rows = kept
        if count:
            self.state[kernels.SIZE] = kernels.count_above(kept, 0)


def _empty_rows(n_rows: int) -> NDArray[np.uint64]:
    return np.zeros((n_rows, 2), np.uint64)


def count_pairs(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    *,
    min_count: int,
    max_pairs: int,
    workers: int,
) -> PairCounts:
    """Return the pairs of a stream that occur at least `min_count` times; the same for any number of workers.

    `kinds`, shape (V,), is PLAIN, CONNECTOR or BREAK for every id. When there are more than `max_pairs` distinct pairs,
    the rarest are dropped, as in word2vec: first those seen once, the next time those seen up to twice, and so on.
    Between two checks the table grows by at most `max_pairs` or 65,536 pairs, whichever is larger.
    """
    n_rows = max(_MIN_ROWS, _power_of_two(min(len(tokens), max_pairs) // (_TOKENS_A_ROW * workers)))
    counters = [_Counter(n_rows, 64) for _ in range(workers)]
    corpus, step = kernels.Corpus(tokens, offsets, kinds), max(_MIN_ROUND, min(ROUND, max_pairs))
    forgotten = 0
    for start in range(0, len(tokens), step):
        stop = min(start + step, len(tokens))

        def scan(worker: int, stop: int = stop) -> None:
            counters[worker].scan(corpus, stop, worker, workers)

        run_threads(scan, workers)
        n_pairs = sum(counter.n_pairs for counter in counters)
        if n_pairs > max_pairs:
            while n_pairs > max_pairs:
                forgotten += 1
                n_pairs = sum(kernels.count_above(counter.rows, forgotten) for counter in counters)
            for counter in counters:
                counter.keep_above(forgotten, len(counter.rows))
    found = np.concatenate([_select(counter.rows, min_count) for counter in counters])
    gaps = (found[:, 1] >> np.uint64(kernels.VALUE_BITS)).astype(np.int64)
    order = np.lexsort((gaps, found[:, 0]))
    counts = (found[:, 1] & np.uint64((1 << kernels.VALUE_BITS) - 1)).astype(np.int64)
    gap_keys = counters[0].gap_keys[: counters[0].state[kernels.N_GAPS]]
    n_pairs = sum(counter.n_pairs for counter in counters)
    return PairCounts(found[order, 0], gaps[order], counts[order], gap_keys, n_pairs, forgotten)


def _select(rows: NDArray[np.uint64], min_count: int) -> NDArray[np.uint64]:
    out = np.empty((kernels.count_above(rows, min_count - 1), 2), np.uint64)
    kernels.select_rows(rows, min_count, out)
    return out


def _power_of_two(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


def score_default(
    first: NDArray[np.int64], last: NDArray[np.int64], pair: NDArray[np.int64], min_count: int, vocabulary_size: int
) -> NDArray[np.float64]:
    """Return word2phrase's score, (pair - min_count) * vocabulary_size / (first * last), of counts; shape (n,).

    `vocabulary_size` counts words and pairs, as in gensim. Computed in float64 and in gensim's order of operations, so
    the scores equal gensim's bit for bit.
    """
    score: NDArray[np.float64] = (pair - min_count) / (first.astype(np.float64) * last) * vocabulary_size
    return score


def score_npmi(
    first: NDArray[np.int64], last: NDArray[np.int64], pair: NDArray[np.int64], n_words: int
) -> NDArray[np.float64]:
    """Return the normalised pointwise mutual information of pairs, from -1 to 1; shape (n,), like the counts.

    Bouma 2009, "Normalized (Pointwise) Mutual Information in Collocation Extraction".
    """
    p_first, p_last, p_pair = first / n_words, last / n_words, pair / n_words
    score: NDArray[np.float64] = np.log(p_pair / (p_first * p_last)) / -np.log(p_pair)
    return score


class PhraseCorpus:
    """A corpus whose phrases are joined pass by pass; the result is the same for any number of workers.

    The vocabulary must hold all words of the text, whatever their count. `join` overwrites the stream, so it must not
    be used afterwards.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        stream: TokenStream,
        *,
        delimiter: str,
        connector_words: frozenset[str],
        workers: int,
    ) -> None:
        self.delimiter, self.connector_words, self.workers = delimiter, connector_words, workers
        self.words = list(vocabulary.index_to_key)  # by id; phrases come after the words of the text
        self.tokens, self.offsets = stream.tokens, stream.offsets
        self._ids = dict(vocabulary.key_to_index)
        self._kinds = np.full(len(self.words), kernels.PLAIN, np.uint8)
        self._kinds[[self._ids[word] for word in connector_words if word in self._ids]] = kernels.CONNECTOR
        self._count()

    def _count(self) -> None:
        """Count each id in the current stream, and find its first position."""
        self.counts = np.empty(len(self.words), np.int64)
        self.first_at = np.empty(len(self.words), np.int64)
        kernels.count_words(self.tokens, self.counts, self.first_at)

    def learn(self, parameters: PhraseParameters) -> tuple[list[Phrase], PairCounts]:
        """Find the phrases in the current corpus, by falling score and then by the frequency of their words."""
        kinds, scoring, min_count = self._kinds, parameters.scoring, parameters.min_count
        if scoring == "npmi":  # this score does not depend on the number of pairs, so pairs of rare words need no space
            kinds = np.where((self.counts < min_count) & (kinds == kernels.PLAIN), np.uint8(kernels.BREAK), kinds)
        pairs = count_pairs(
            self.tokens, self.offsets, kinds, min_count=min_count, max_pairs=parameters.max_pairs, workers=self.workers
        )
        first = (pairs.words >> np.uint64(32)).astype(np.int64)
        last = (pairs.words & np.uint64(0xFFFFFFFF)).astype(np.int64)
        counts = self.counts[first], self.counts[last], pairs.counts
        if scoring == "npmi":
            scores = score_npmi(*counts, len(self.tokens))
        else:
            n_words = np.count_nonzero(self.counts[self._kinds == kernels.PLAIN])
            scores = score_default(*counts, min_count, int(n_words) + pairs.n_pairs)
        chosen = np.flatnonzero(scores > parameters.resolved_threshold)
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
        between = _words_of_gaps(pairs.gaps[chosen], pairs.gap_keys, self.words)
        columns = [column[chosen].tolist() for column in (first, pairs.gaps, last, scores, pairs.counts)]
        phrases = [
            Phrase((self.words[a], *between[gap], self.words[b]), score, count)
            for a, gap, b, score, count in zip(*columns, strict=True)
        ]
        return phrases, pairs

    def join(self, phrases: Sequence[Phrase]) -> None:
        """Replace each phrase by one token, from left to right; phrases with unknown words are skipped."""
        pairs, begins = self._tables(phrases)
        corpus = kernels.Corpus(self.tokens, self.offsets, self._kinds)
        borders = self._sentence_borders()
        starts = self.offsets[borders]
        ends = np.empty(len(borders) - 1, np.int64)

        def work(worker: int) -> None:
            for part in range(worker, len(ends), self.workers):
                ends[part] = kernels.join_pairs(corpus, borders[part], borders[part + 1], starts[part], begins, pairs)

        run_threads(work, self.workers)
        n = 0
        for part, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=False)):
            if n < start:
                self.tokens[n : n + end - start] = self.tokens[start:end]
                self.offsets[borders[part] + 1 : borders[part + 1] + 1] -= start - n
            n += end - start
        self.tokens = self.tokens[:n]
        new = len(self.words) - len(self._kinds)
        self._kinds = np.concatenate([self._kinds, np.full(new, kernels.PLAIN, np.uint8)])
        self._count()

    def _tables(self, phrases: Sequence[Phrase]) -> tuple[kernels.Pairs, NDArray[np.bool_]]:
        """Return the phrases as a table of pairs, and which words begin a phrase, shape (V,), bool."""
        ids = self._ids
        known = [phrase.words for phrase in phrases if all(word in ids for word in phrase.words)]
        n_gaps = sum(len(words) - 2 for words in known)
        gap_slots = np.full(_power_of_two(2 * n_gaps + 1), -1, np.int32)
        gap_keys = np.empty(n_gaps, np.uint64)
        pairs = np.empty(len(known), np.uint64)
        gaps, values = np.zeros(len(known), np.int64), np.empty(len(known), np.int64)
        begins = np.zeros(len(self.words), np.bool_)
        n_gaps = 0
        for k, words in enumerate(known):
            for word in words[1:-1]:
                gaps[k], n_gaps = kernels.insert_gap(gap_slots, gap_keys, n_gaps, gaps[k], ids[word])
            pairs[k] = ids[words[0]] << 32 | ids[words[-1]]
            begins[ids[words[0]]] = True
        for k, words in enumerate(known):  # if the text has a word spelled like the joined phrase, they share an id
            values[k] = self._id_of(self.delimiter.join(words)) + 1
        begins &= self._kinds == kernels.PLAIN
        rows = _empty_rows(_power_of_two(2 * len(known) + 1))
        kernels.insert_pairs(rows, pairs, gaps, values)
        return kernels.Pairs(rows, gap_slots, gap_keys[:n_gaps]), begins

    def _id_of(self, word: str) -> int:
        number = self._ids.setdefault(word, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        return number

    def _sentence_borders(self) -> NDArray[np.int64]:
        """Return sentence borders 0 = b[0] < b[1] < … = S that divide the corpus about evenly; int64."""
        aims = np.arange(_RANGE, len(self.tokens), _RANGE)
        borders = np.searchsorted(self.offsets, aims)
        return np.unique(np.concatenate([[0], borders, [len(self.offsets) - 1]])).astype(np.int64)

    def finish(
        self, min_count: int, max_vocab: int | None, known: Vocabulary | None = None
    ) -> tuple[Vocabulary, TokenStream]:
        """Drop rare words and renumber the others, as `encode_corpus` does. The corpus cannot be used afterwards.

        `n_words` of the stream counts a phrase as one word. Raises EmptyVocabularyError if no word reaches `min_count`.
        """
        words_of = words_of_list(self.words)
        vocabulary, ids = choose_words(words_of, self.counts, self.first_at, min_count, max_vocab, known)
        if not self.counts[ids >= 0].any():
            raise EmptyVocabularyError(
                f"no word or phrase occurs {min_count} times (min_count): the most frequent of "
                f"{len(self.words):,} occurs {self.counts.max():,} times; give more text or a smaller min_count"
            )
        n_words = len(self.tokens)
        n, n_sentences = encode_block(self.tokens, self.offsets[1:], True, ids, self.tokens, 0, self.offsets, 0)
        return vocabulary, TokenStream(self.tokens[:n], self.offsets[: n_sentences + 1], n_words)

    def write(self, file: BinaryIO) -> None:
        """Write the sentences as UTF-8 text, one sentence a line, tokens separated by spaces."""
        encoded = [word.encode() for word in self.words]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        letters = np.frombuffer(b"".join(encoded), np.uint8)
        borders = self._sentence_borders().tolist()
        for first, last in zip(borders, borders[1:], strict=False):
            tokens = self.tokens[self.offsets[first] : self.offsets[last]]
            out = np.empty(int(lengths[tokens].sum()) + len(tokens), np.uint8)
            kernels.write_sentences(self.tokens, self.offsets, first, last, letters, starts, out)
            file.write(out.data)


def _words_of_gaps(gaps: NDArray[np.int64], gap_keys: NDArray[np.uint64], words: Sequence[str]) -> dict[int, list[str]]:
    """Return the connector words of each of these gaps, by gap id."""
    found: dict[int, list[str]] = {}
    for number in np.unique(gaps).tolist():
        gap, between = number, []
        while gap:
            key = int(gap_keys[gap - 1])
            between.append(words[key & 0xFFFFFFFF])
            gap = key >> 32
        found[number] = between[::-1]
    return found
