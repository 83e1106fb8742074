"""Bilingual dictionaries, from files and from identical spelling."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.inputs import CorpusError, display_name
from w2v.corpora.readers import TextReader

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings


def read_dictionary(files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[tuple[str, str]]:
    r"""Read pairs of a word and its translation, in the format of MUSE and xling-eval.

    Parameters
    ----------
    files : path or sequence of paths
        Lines of two words, separated by a tab (further columns are ignored) or by spaces; UTF-8, possibly compressed. A
        word may have several lines.

    Returns
    -------
    list of (str, str)
        In the order of the files.

    Raises
    ------
    CorpusError
        If a line is not a pair of words (the message names file and line), there are no pairs, or a file cannot be
        read.
    """
    reader, pairs = TextReader(files), []
    for path, number, line in reader.numbered_lines():
        if not line.strip():
            continue
        words = [word.strip() for word in line.split("\t")] if "\t" in line else line.split()
        if not all(words[:2]) or len(words) < 2 or ("\t" not in line and len(words) > 2):
            raise CorpusError(
                f"{display_name(path)}, line {number}: expected a word, a tab and its translation, not {line!r:.60}"
            )
        pairs.append((words[0], words[1]))
    if not pairs:
        names = ", ".join(map(display_name, reader.paths))
        raise CorpusError(f"{names}: no pair of words; expected lines of a word, a tab and its translation")
    return pairs


def known_pairs(source: Embeddings, target: Embeddings, pairs: Iterable[tuple[str, str]]) -> NDArray[np.int64]:
    """Return the rows of the pairs with two known words, without duplicates, in order; shape (p, 2), int64."""
    rows = ((source.get_index(word, -1), target.get_index(other, -1)) for word, other in pairs)
    known = dict.fromkeys(pair for pair in rows if min(pair) >= 0)
    return np.array(list(known), np.int64).reshape(-1, 2)


def identical_pairs(source: Embeddings, target: Embeddings) -> NDArray[np.int64]:
    """Return the rows of words spelled alike in both languages, such as names and numbers; shape (p, 2), int64."""
    of_target = target.key_to_index
    found = [(row, of_target[word]) for row, word in enumerate(source) if word in of_target]
    return np.array(found, np.int64).reshape(-1, 2)
