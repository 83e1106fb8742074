"""The encoded corpus: an int32 id for every kept token and an int64 offset for every sentence.

Text is read once. The scan stores blocks of provisional ids, in memory up to a limit and in a temporary file beyond it.
When all words are counted, a second pass turns the blocks into the final stream. Training reads only that stream.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import TabsTokenizer, Tokenizer
from w2v.encoding.corpus import Corpus, TokenLists, is_wrong_sentence, reported, wrong_sentence
from w2v.encoding.rewriting import MAX_GROWTH, Rewriter, can_rewrite
from w2v.encoding.spool import Kept, Spool, allocate
from w2v.encoding.spool import WorkFolder as WorkFolder
from w2v.encoding.spool import default_max_memory as default_max_memory
from w2v.encoding.vocabulary import Vocabulary, choose_words, words_of_list
from w2v.kernels.scanner import Table, encode_block, merge_tables

_BLOCK_CHARACTERS = 1 << 20
_NAMED_FILES = 5


class EmptyVocabularyError(ValueError):
    """No word of the corpus is frequent enough to train."""


@dataclass(frozen=True)
class TokenStream:
    """The kept tokens of a corpus."""

    tokens: NDArray[np.int32]  # word ids, shape (n_tokens,); in memory or memory-mapped
    offsets: NDArray[np.int64]
    """Sentence s is tokens[offsets[s]:offsets[s + 1]], never empty: shape (n_sentences + 1,)."""
    n_words: int  # tokens of the text, dropped words included
    weights: NDArray[np.float32] | None = None
    """Weight of each sentence, shape (n_sentences,); None means 1 for all."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def n_tokens(self) -> int:
        """Number of kept tokens, those of one epoch."""
        return len(self)

    @property
    def n_sentences(self) -> int:
        """Number of sentences with at least one kept token."""
        return len(self.offsets) - 1

    def sentence_of(self, token: int) -> int:
        """Return the index of the sentence that holds the token at a position."""
        return int(np.searchsorted(self.offsets, token, side="right")) - 1

    def sentence_starts(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the start of the sentence that holds each position; same shape as `places`, int64."""
        return self.offsets[np.searchsorted(self.offsets, places, side="right") - 1]

    def excerpt(self, start: int, stop: int) -> TokenStream:
        """Return the tokens from `start` to `stop` as a stream of their own."""
        first = int(np.searchsorted(self.offsets, start, side="right")) - 1
        last = int(np.searchsorted(self.offsets, stop, side="left"))
        offsets = np.clip(self.offsets[first : last + 1], start, stop) - start
        weights = None if self.weights is None else self.weights[first:last]
        return TokenStream(np.asarray(self.tokens)[start:stop], offsets, self.n_words, weights)

    def locate(self, start: int, stop: int) -> tuple[TokenStream, int]:
        """Return a stream that holds the tokens from `start` to `stop`, and the position of `start` in it."""
        return self, start

    def split(self, n_tokens: int) -> NDArray[np.int64]:
        """Return borders 0 = b[0] < b[1] < … = len(self), about `n_tokens` apart; int64.

        A border falls at the start of a sentence, unless that sentence is longer than `n_tokens`.
        """
        aims = np.arange(n_tokens, len(self), n_tokens)
        starts = self.sentence_starts(aims)
        borders = np.where(aims - starts < n_tokens, starts, aims)
        return np.unique(np.concatenate([[0], borders, [len(self)]])).astype(np.int64)


class _Blocks:
    """Holds scanned blocks in order."""

    def __init__(self, folder: WorkFolder, max_memory: int) -> None:
        self.spool, self.n_ends = Spool(folder, max_memory), 0
        self._blocks: dict[int, tuple[int, bool, Kept, Kept]] = {}
        self._lock = threading.Lock()

    def put(self, index: int, worker: int, closes: bool, found: NDArray[np.int32], ends: NDArray[np.int64]) -> None:
        """Keep a copy of block `index`: provisional ids from one worker's table, and sentence ends.

        Thread-safe.
        """
        self._blocks[index] = worker, closes, self.spool.keep(found), self.spool.keep(ends)
        with self._lock:
            self.n_ends += len(ends) + 1

    def drain(self) -> Iterator[tuple[int, bool, NDArray[np.int32], NDArray[np.int64]]]:
        """Yield (worker, closes, found, ends) of each block in order, and forget it."""
        for index in sorted(self._blocks):
            worker, closes, found, ends = self._blocks.pop(index)
            yield worker, closes, self.spool.fetch(found), self.spool.fetch(ends)
        self.spool.close()


def encode_corpus(
    corpus: Corpus,
    tokenizer: Tokenizer,
    *,
    min_count: int = 5,
    max_vocab: int | None = None,
    workers: int = 1,
    max_memory: int | None = None,
    work_folder: WorkFolder,
    known: Vocabulary | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[Vocabulary, TokenStream]:
    """Count the words of an opened corpus and encode it, in one reading.

    `corpus` is a result of `open_corpus`. `tokenizer` splits text; lists of tokens bypass it. For `min_count`,
    `max_vocab` and `known` see `choose_words`. `workers` is the number of threads for built-in tokenizers; the result
    does not depend on it. Ids of more than `max_memory` bytes go to memory-mapped files in `work_folder`, which must
    outlive the stream. `progress` is called with the bytes read so far and the total bytes, or None if the total is
    unknown.

    Raises EmptyVocabularyError if no word reaches `min_count` or there are no words, CorpusError if a file cannot be
    read, and TypeError if a sentence is neither text nor tokens.
    """
    with closing(scan_corpus(reported(corpus, progress), tokenizer, workers, max_memory, work_folder)) as scanned:
        counts = scanned.counts
        vocabulary, ids = choose_words(scanned.words_of, counts, scanned.first, min_count, max_vocab, known)
        if not counts[ids >= 0].any():
            raise EmptyVocabularyError(why_empty(corpus, counts, min_count))
        return vocabulary, scanned.encode(ids)


class ScannedCorpus:
    """A corpus after its one reading: words are counted, and the text is stored as provisional ids.

    `words_of`, `counts` and `first` are the arguments of `choose_words`; the arrays have shape (n_entries,), int64.
    """

    def __init__(self, counted: _Counted, blocks: _Blocks) -> None:
        self.words_of, self.counts, self.first, self._maps = counted
        self._blocks = blocks

    def encode(self, ids: NDArray[np.int32]) -> TokenStream:
        """Return the stream; `ids`, shape (n_entries,), is the word id of each entry, -1 to drop it. Call it once."""
        del self.words_of  # frees the table of all words before the stream is allocated
        n_tokens, maps = int(self.counts[ids >= 0].sum()), [ids[entries] for entries in self._maps]
        return TokenStream(*_encode(self._blocks, maps, n_tokens), int(self.counts.sum()))

    def close(self) -> None:
        """Remove the temporary file."""
        self._blocks.spool.close()


def scan_corpus(
    corpus: Corpus, tokenizer: Tokenizer, workers: int, max_memory: int | None, work_folder: WorkFolder
) -> ScannedCorpus:
    """Read a corpus and count its words; arguments and errors are those of `encode_corpus`."""
    blocks = _Blocks(work_folder, default_max_memory() if max_memory is None else max_memory)
    try:
        return ScannedCorpus(_scan(corpus, tokenizer, workers, blocks), blocks)
    except BaseException:
        blocks.spool.close()
        raise


def why_empty(corpus: Corpus, counts: NDArray[np.int64], min_count: int) -> str:
    """Return why no word is left of a corpus with these word counts, shape (n,)."""
    files = None
    if isinstance(corpus, TextReader):
        more = len(corpus.paths) - _NAMED_FILES
        files = ", ".join(corpus.paths[:_NAMED_FILES]) + (f" and {more:,} more" if more > 0 else "")
    if not len(counts):
        return f"{files or 'the corpus'} has no words: check the input and the tokenizer"
    return (
        f"{files + ': ' if files else ''}no word occurs {min_count} times (min_count): the most frequent of "
        f"{len(counts):,} words occurs {counts.max():,} times; give more text or a smaller min_count"
    )


_Counted = tuple[
    Callable[[NDArray[np.int64]], list[str]], NDArray[np.int64], NDArray[np.int64], list[NDArray[np.int32]]
]


def _scan(corpus: Corpus, tokenizer: Tokenizer, workers: int, spool: _Blocks) -> _Counted:
    """Fill the spool and return (words of entries, counts, first positions, entry map of each worker)."""
    if isinstance(corpus, TextReader):
        blocks = ((block.data, block.ends_sentence) for block in corpus)
        if isinstance(tokenizer, TabsTokenizer):
            return _scan_bytes(_whole_items(blocks), tokenizer, workers, spool)
        if can_rewrite(tokenizer):
            return _scan_bytes(blocks, tokenizer, workers, spool)
        corpus = corpus.lines()
    elif can_rewrite(tokenizer) and not isinstance(corpus, TokenLists):
        sentences = iter(corpus)
        first = next(sentences, "")
        if isinstance(first, str):
            return _scan_bytes(_sentence_blocks(first, sentences), tokenizer, workers, spool)
        corpus = chain([first], sentences)
    return _scan_tokens(_token_lists(corpus, tokenizer), spool)


def _whole_items(blocks: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    """End blocks that stop inside a line at a tab instead: items may contain spaces."""
    rest = b""
    for text, closes in blocks:
        text = rest + text
        end = len(text) if closes else text.rfind(b"\t") + 1
        rest = text[end:]
        if end:
            yield text[:end], closes


def _sentence_blocks(first: str, sentences: Iterator[str]) -> Iterator[tuple[bytes, bool]]:
    """Join sentences into blocks, one sentence a line."""
    lines, size = [_one_line(first, 1)], len(first)
    for number, sentence in enumerate(sentences, 2):
        lines.append(_one_line(sentence, number))
        size += len(sentence)
        if size > _BLOCK_CHARACTERS:
            yield "\n".join(lines).encode(), True
            lines, size = [], 0
    yield "\n".join(lines).encode(), True


def _one_line(sentence: object, number: int) -> str:
    if not isinstance(sentence, str):
        raise wrong_sentence(sentence, number)
    return checked_text(sentence, number).replace("\n", " ")


def _scan_bytes(blocks: Iterator[tuple[bytes, bool]], tokenizer: Tokenizer, workers: int, spool: _Blocks) -> _Counted:
    """Scan blocks of text, with a table for each thread."""
    tables = [Table() for _ in range(workers)]
    source = enumerate(blocks)
    lock = threading.Lock()
    failures: list[BaseException] = []
    position = 0

    def work(worker: int) -> None:
        nonlocal position
        rewrite = Rewriter(tokenizer)
        while not failures:
            with lock:
                index, (text, closes) = next(source, (-1, (b"", True)))
                start, position = position, position + MAX_GROWTH * len(text) + 4
            if index < 0:
                return
            spool.put(index, worker, closes, *tables[worker].scan(rewrite(text), start))

    run_threads(work, workers, failures)
    table, maps = merge_tables(tables)
    entries = table.entries[: table.size]
    return Rewriter(tokenizer).words_of(table), entries[:, 3].copy(), entries[:, 4].copy(), maps


def run_threads(work: Callable[[int], None], workers: int, failures: list[BaseException] | None = None) -> None:
    """Run work(0) … work(workers - 1), each in its own thread, and raise the first failure.

    Exceptions of `work`, and the KeyboardInterrupt of Ctrl-C, are appended to `failures`; `work` must return soon after
    it sees one there.
    """
    failures = [] if failures is None else failures
    ended, news = set[int](), threading.Event()

    def run(worker: int) -> None:
        try:
            work(worker)
        except BaseException as failure:
            failures.append(failure)
        finally:
            ended.add(worker)
            news.set()

    threads = [threading.Thread(target=run, args=(worker,), daemon=True) for worker in range(workers)]
    while len(ended) < workers:  # `is_alive` is unreliable after an interrupted `join`
        try:
            for thread in threads:
                if thread.ident is None:
                    thread.start()
            news.wait(0.1)
            news.clear()
        except KeyboardInterrupt as interrupt:
            failures.append(interrupt)
            time.sleep(0.05)  # gives a thread that was being started time to set its `ident`
    if failures:
        raise failures[0]


def _token_lists(corpus: Corpus, tokenizer: Tokenizer) -> Iterator[Iterable[str]]:
    is_text = None
    for number, sentence in enumerate(corpus, 1):
        is_text = isinstance(sentence, str) if is_text is None else is_text
        if is_wrong_sentence(sentence) or isinstance(sentence, str) != is_text:
            raise wrong_sentence(sentence, number)
        yield tokenizer(sentence) if is_text else sentence


def _scan_tokens(sentences: Iterator[Iterable[str]], spool: _Blocks) -> _Counted:
    """Count the tokens of lists of str."""
    entry_of: dict[str, int] = {}
    found: list[int] = []
    ends: list[int] = []
    counts = np.zeros(0, np.int64)
    n_blocks = 0

    def flush() -> None:
        nonlocal counts, n_blocks
        block = np.array(found, np.int32)
        counts = np.pad(counts, (0, len(entry_of) - len(counts))) + np.bincount(block, minlength=len(entry_of))
        spool.put(n_blocks, 0, True, block, np.array(ends, np.int64))
        n_blocks += 1
        found.clear()
        ends.clear()

    for number, sentence in enumerate(sentences, 1):
        for token in sentence:
            if not isinstance(token, str):
                raise TypeError(f"text {number}: a token must be a str, not {type(token).__name__}: {token!r:.60}")
            found.append(entry_of.setdefault(token, len(entry_of)))
        ends.append(len(found))
        if len(found) > _BLOCK_CHARACTERS:
            flush()
    flush()
    words = list(entry_of)
    identity = np.arange(len(words), dtype=np.int32)
    return words_of_list(words), counts, identity.astype(np.int64), [identity]


def _encode(
    blocks: _Blocks, ids: list[NDArray[np.int32]], n_tokens: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Turn the spooled blocks into tokens and offsets."""
    place = blocks.spool.max_memory, blocks.spool.folder
    tokens = allocate(np.int32, n_tokens, *place)
    offsets = allocate(np.int64, blocks.n_ends + 1, *place)
    offsets[0] = n = n_sentences = 0
    for worker, closes, found, ends in blocks.drain():
        n, n_sentences = encode_block(found, ends, closes, ids[worker], tokens, n, offsets, n_sentences)
    if n > offsets[n_sentences]:
        n_sentences += 1
        offsets[n_sentences] = n
    return tokens, offsets[: n_sentences + 1]
