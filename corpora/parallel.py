"""Pairs of texts in two languages: a table of two columns, or two parallel files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest

import numpy as np

from w2v.corpora.inputs import CorpusError, display_name
from w2v.corpora.readers import TextReader

__all__ = ["Pairs", "complete_pairs", "folded", "no_pairs", "pair_rows", "read_pairs", "split_pairs"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Pairs:
    """Texts and their translations.

    Attributes
    ----------
    sources, targets : list of str
        Target i is the translation of source i. Texts are stripped and not empty.
    n_incomplete : int
        Number of pairs left out because a side was empty.
    files : list of str, or None
        Absolute paths of the files; None if they can be read only once.
    """

    sources: list[str]
    targets: list[str]
    n_incomplete: int = 0
    files: list[str] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Iterable[int]) -> Pairs:
        """Return the given pairs in the given order."""
        chosen = list(rows)
        return Pairs([self.sources[i] for i in chosen], [self.targets[i] for i in chosen])


def read_pairs(
    files: PathLike | Sequence[PathLike], *, columns: tuple[int, int] = (1, 2), errors: str = "strict"
) -> Pairs:
    """Read pairs of texts.

    Parameters
    ----------
    files : str, path-like or sequence of these
        Tables of tab-separated texts; further columns, such as a licence, are ignored. Or two parallel files without a
        tab in their first lines, sources and translations. UTF-8, compressed or not; pipes and standard input work too.
    columns : (int, int), default (1, 2)
        Columns of the source and of the target, from 1. (2, 1) reverses the direction, also for two files.
    errors : {"strict", "replace"}, default "strict"
        See `TextReader`.

    Returns
    -------
    Pairs

    Raises
    ------
    CorpusError
        If a line has fewer columns, two files differ in their number of lines, no pair is complete, or a file cannot be
        read; the message names file and line.
    ValueError
        If the columns are not two different numbers from 1.
    """
    every = TextReader(files)
    pairs = complete_pairs(pair_rows([TextReader(path, errors=errors) for path in every.paths], columns))
    if not len(pairs):
        raise CorpusError(no_pairs(every.paths))
    return replace(pairs, files=every.files)


def no_pairs(paths: Iterable[str]) -> str:
    """Return the error message for files without any pair."""
    names = ", ".join(map(display_name, paths))
    return f"{names}: no pair of texts; expected lines of a text, a tab and its translation"


def pair_rows(readers: Sequence[TextReader], columns: tuple[int, int] = (1, 2)) -> Iterator[tuple[str, str]]:
    """Yield sources and targets as `read_pairs` reads them, including blank sides, without keeping them in memory.

    Parameters
    ----------
    readers : sequence of TextReader
        Of one file each.
    columns : (int, int), default (1, 2)

    Raises
    ------
    CorpusError, ValueError
        As `read_pairs`.
    """
    if len(set(columns)) != 2 or min(columns) < 1:
        raise ValueError(f"columns must be two different numbers from 1, such as (1, 2), not {columns}")
    paths = [path for reader in readers for path in reader.paths]
    texts = [reader.lines() for reader in readers]
    if len(texts) == 2:
        heads = [_head(lines) for lines in texts]
        texts = [chain(head, lines) for head, lines in zip(heads, texts, strict=True)]
        if not any("\t" in line for head in heads for line in head[-1:]):
            yield from _side_by_side(paths, texts, columns)
            return
    for path, lines in zip(paths, texts, strict=True):
        yield from _rows(path, lines, columns)


def complete_pairs(rows: Iterable[tuple[str, ...]]) -> Pairs:
    """Return the pairs without a blank side, and the number of the others."""
    pairs, n_incomplete = Pairs([], []), 0
    for row in rows:
        source, target = (text.strip() for text in row)
        if source and target:
            pairs.sources.append(source)
            pairs.targets.append(target)
        elif source or target:
            n_incomplete += 1
    return replace(pairs, n_incomplete=n_incomplete)


def split_pairs(pairs: Pairs, n_held_out: int, seed: int) -> tuple[Pairs, Pairs]:
    """Hold out some pairs so that training has none of their targets: near copies would give away the answers.

    Parameters
    ----------
    pairs : Pairs
    n_held_out : int
        Number of distinct targets to hold out, each with one of its sources. Their other pairs are in neither part.
    seed : int

    Returns
    -------
    trained, held_out : Pairs

    Raises
    ------
    ValueError
        If one of the parts would be empty.
    """
    of_target: dict[str, list[int]] = {}
    for i, target in enumerate(pairs.targets):
        of_target.setdefault(folded(target), []).append(i)
    if not 0 < n_held_out < len(of_target):
        raise ValueError(
            f"{n_held_out:,} of {len(of_target):,} different translations cannot be held out, since some must be left "
            "to train on; hold out fewer, or give more pairs, or others to measure by"
        )
    groups = list(of_target.values())
    chosen = np.random.default_rng(seed).permutation(len(groups))[:n_held_out]
    apart = {i for group in chosen for i in groups[group]}
    held_out = pairs.take(sorted(groups[group][0] for group in chosen))
    return pairs.take(i for i in range(len(pairs)) if i not in apart), held_out


def folded(text: str) -> str:
    """Return a text without differences of case, spaces and punctuation; never empty unless `text` is."""
    return "".join(character for character in text.casefold() if character.isalnum()) or text


def _rows(path: str, lines: Iterable[str], columns: tuple[int, int]) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) < max(columns):
            wanted = "expected a text, a tab and its translation"
            if len(cells) > 1:
                wanted = f"expected {max(columns)} columns between tabs"
            is_table = any(f".{kind}" in os.path.basename(path).lower() for kind in ("csv", "json"))
            remedy = "; write the table with tabs first, without its line of names" if is_table else ""
            raise CorpusError(f"{display_name(path)}, line {number}: {wanted}, not {line!r:.60}{remedy}")
        yield cells[columns[0] - 1], cells[columns[1] - 1]


def _head(lines: Iterator[str]) -> list[str]:
    """Take the first lines up to the first that is not blank."""
    head: list[str] = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    return head


def _side_by_side(
    paths: Sequence[str], texts: Sequence[Iterable[str]], columns: tuple[int, int]
) -> Iterator[tuple[str, str]]:
    counts = [0, 0]
    for first, second in zip_longest(*texts):
        counts = [counts[0] + (first is not None), counts[1] + (second is not None)]
        if counts[0] == counts[1]:
            yield (first, second) if columns[0] < columns[1] else (second, first)
    if counts[0] != counts[1]:
        told = " and ".join(f"{display_name(path)} has {count}" for path, count in zip(paths, counts, strict=True))
        raise CorpusError(f"line i of one file belongs to line i of the other, but {told} lines")
