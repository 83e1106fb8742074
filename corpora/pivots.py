"""Paraphrases from translations: sentences with the same translation."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from w2v.corpora.inputs import CorpusError
from w2v.corpora.parallel import PathLike, folded, no_pairs, pair_rows
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer

__all__ = ["PivotCounts", "PivotPairs", "word_overlap"]

MAX_MEMORY = 1 << 28
_EXPANSION = 8  # grouped texts take this many times the bytes of their file
_MOST_PARTS = 128
_REPORT_EVERY = 10_000
_KEY_BYTES = 12


@dataclass
class PivotCounts:
    """The statistics of a pass over `PivotPairs`.

    Attributes
    ----------
    read : int
        Number of pairs of a text and its translation, without those with a blank side.
    short : int
        Texts left out because they have too few words.
    groups : int
        Translations that two or more distinct texts share.
    near_copies : int
        Pairs left out because they share too many words.
    pairs : int
        Remaining pairs.
    """

    read: int = 0
    short: int = 0
    groups: int = 0
    near_copies: int = 0
    pairs: int = 0


class PivotPairs:
    """Pairs of distinct texts with the same translation, a source of paraphrases [1]_ that needs no labels.

    Each iteration reads the files again. Texts are kept in the system's temporary folder meanwhile, grouped by a digest
    of their translations, so that memory use does not grow with the files.

    Parameters
    ----------
    files : str, path-like or sequence of these
        Pairs of texts; see `w2v.corpora.parallel.read_pairs`. Their languages may differ.
    columns : (int, int), default (1, 2)
        Columns of the texts to pair and of their translations, from 1.
    min_words : int, default 4
        Leave out texts of fewer words: short ones such as "Yes." translate texts with many meanings.
    max_overlap : float, default 0.9
        Leave out pairs with a larger `word_overlap`; 1 keeps all.
    most : int, default 10
        Maximum number of pairs per translation; if it is the number of texts, each text is in a pair.
    tokenizer : Tokenizer, default WordsTokenizer()
        Splits texts into words.
    errors : {"strict", "replace"}, default "strict"
        See `TextReader`.
    max_memory : int, default 256 MiB
        Approximate number of bytes in memory, at least 1/128 of the size of the files.
    progress : callable, optional
        Called with "reading" or "pairing", the amount done, and the total, or None if that is unknown.

    Attributes
    ----------
    counts : PivotCounts
        Statistics of the last pass so far.

    Raises
    ------
    ValueError
        If an option is out of range.
    CorpusError
        While iterating: as `read_pairs`.

    Notes
    -----
    Translations, and texts, are equal if they differ only in case, spaces and punctuation. The order of the pairs
    depends only on the files and on `max_memory`; each pair comes once.

    References
    ----------
    .. [1] Bannard and Callison-Burch 2005, Paraphrasing with Bilingual Parallel Corpora, ACL.

    Examples
    --------
    >>> for one, other in PivotPairs(["deu.txt", "cmn.txt"]):  # doctest: +SKIP
    ...     print(one, "|", other)
    I have to go now. | I must go now.
    """

    def __init__(
        self,
        files: PathLike | Sequence[PathLike],
        *,
        columns: tuple[int, int] = (1, 2),
        min_words: int = 4,
        max_overlap: float = 0.9,
        most: int = 10,
        tokenizer: Tokenizer | None = None,
        errors: str = "strict",
        max_memory: int = MAX_MEMORY,
        progress: Callable[[str, int, int | None], None] | None = None,
    ) -> None:
        for name, value in (("min_words", min_words), ("most", most), ("max_memory", max_memory)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if not 0 < max_overlap <= 1:
            raise ValueError(f"max_overlap must be above 0 and at most 1, not {max_overlap}")
        self._readers = [TextReader(path, errors=errors) for path in TextReader(files).paths]
        self._columns, self._min_words, self._max_overlap, self._most = columns, min_words, max_overlap, most
        self._tokenize = WordsTokenizer() if tokenizer is None else tokenizer
        self._max_memory, self._tell = max_memory, progress or (lambda *_: None)
        self.counts = PivotCounts()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self.counts = PivotCounts()
        with tempfile.TemporaryDirectory(prefix="w2v-pivots-") as folder:
            texts, pairs = (_Parts(Path(folder, name), self._n_parts) for name in ("texts", "pairs"))
            with texts:
                self._read(texts)
            with pairs:
                for number, part in enumerate(texts.read()):
                    self._tell("pairing", number, len(texts))
                    self._pair(part, pairs)
            for part in pairs.read():
                yield from self._distinct(part)

    @property
    def _total(self) -> int | None:
        """Bytes of all files; None if that is unknown."""
        sizes = [reader.total_bytes for reader in self._readers]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def _n_parts(self) -> int:
        total = self._total
        return _MOST_PARTS if total is None else min(_MOST_PARTS, 1 + _EXPANSION * total // self._max_memory)

    def _read(self, texts: _Parts) -> None:
        """Add the texts that are long enough to the parts of their translations; raise CorpusError without pairs."""
        counts, total = self.counts, self._total
        for text, translation in pair_rows(self._readers, self._columns):
            text, translation = " ".join(text.split()), translation.strip()
            if not text or not translation:
                continue
            if counts.read % _REPORT_EVERY == 0:
                self._tell("reading", sum(reader.consumed_bytes for reader in self._readers), total)
            counts.read += 1
            if len(self._tokenize(text)) < self._min_words:
                counts.short += 1
            else:
                texts.put(folded(translation), text)
        if not counts.read:
            raise CorpusError(no_pairs(path for reader in self._readers for path in reader.paths))

    def _pair(self, part: Iterator[list[str]], pairs: _Parts) -> None:
        """Add the pairs of texts with the same translation to parts, by the texts of the pair."""
        groups: dict[str, dict[str, str]] = {}
        for key, text in part:
            groups.setdefault(key, {}).setdefault(folded(text), text)
        for group in groups.values():
            self.counts.groups += len(group) > 1
            for one, other in _ring_pairs(len(group), self._most):
                keys, listed = list(group), list(group.values())
                pairs.put("\t".join(sorted((keys[one], keys[other]))), listed[one], listed[other])

    def _distinct(self, part: Iterator[list[str]]) -> Iterator[tuple[str, str]]:
        """Yield each pair once, without near copies."""
        seen = set()
        for key, one, other in part:
            if key in seen:
                continue
            seen.add(key)
            if self._max_overlap < 1 and word_overlap(self._tokenize(one), self._tokenize(other)) > self._max_overlap:
                self.counts.near_copies += 1
            else:
                self.counts.pairs += 1
                yield one, other


def word_overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the Jaccard index of the distinct words of two sentences; 0 if there are none."""
    first, second = set(one), set(other)
    return len(first & second) / max(1, len(first | second))


def _ring_pairs(n: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield a limited number of pairs of 0 … n - 1: neighbours on a ring, then those two apart, and so on."""
    left = most
    for step in range(1, n // 2 + 1):
        for first in range(n // 2 if 2 * step == n else n):
            if not left:
                return
            yield first, (first + step) % n
            left -= 1


class _Parts:
    """Lines distributed over several files, with all lines of a key in the same file and in order."""

    def __init__(self, folder: Path, n_parts: int) -> None:
        folder.mkdir()
        self._paths = [folder / str(number) for number in range(n_parts)]
        self._open = ExitStack()

    def __enter__(self) -> None:
        self._files = [self._open.enter_context(open(path, "wb")) for path in self._paths]

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __len__(self) -> int:
        return len(self._paths)

    def put(self, key: str, *texts: str) -> None:
        digest = hashlib.blake2b(key.encode(), digest_size=_KEY_BYTES)
        file = self._files[int.from_bytes(digest.digest()[:4], "little") % len(self._files)]
        file.write("\t".join([digest.hexdigest(), *texts]).encode() + b"\n")

    def read(self) -> Iterator[Iterator[list[str]]]:
        """Yield the lines of each file, as key and texts, and remove the file."""
        for path in self._paths:
            with open(path, encoding="utf-8", newline="\n") as file:
                yield (line.rstrip("\n").split("\t") for line in file)
            os.remove(path)
