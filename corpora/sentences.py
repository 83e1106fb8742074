"""Splitting of paragraphs into sentences, neighbouring sentences, and files of paraphrases."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from w2v.corpora.inputs import CorpusError, display_name, shortened
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer

MIN_TOKENS, MAX_TOKENS = 5, 40
"""Training leaves out sentences with fewer tokens, such as headings, or more, such as lists."""

# abbreviations such as "e.g." are followed by a lower-case letter; names after "Mr." are cut off, but rarely
_BORDER = re.compile(r"(?<=[.!?])[\"'\u2019\u201d)\]]*\s+(?=[\"'\u2018\u201c(\[]*[^\W_a-z])")


def split_sentences(paragraph: str) -> list[str]:
    r"""Split a paragraph after ``.``, ``!`` or ``?`` before white space, unless a lower-case letter a-z follows.

    Closing quotation marks and brackets after the mark belong to the sentence before.

    Parameters
    ----------
    paragraph : str

    Returns
    -------
    list of str
        Sentences, stripped and not empty.

    Examples
    --------
    >>> split_sentences('It rained (e.g. in May). "Why?" Nobody knew. 2010 was dry')
    ['It rained (e.g. in May).', '"Why?"', 'Nobody knew.', '2010 was dry']
    """
    sentences, start = [], 0
    for border in _BORDER.finditer(paragraph):
        sentences.append(paragraph[start : border.end()].strip())
        start = border.end()
    sentences.append(paragraph[start:].strip())
    return [sentence for sentence in sentences if sentence]


def sentence_runs(
    paragraphs: Iterable[str],
    tokenizer: Tokenizer | None = None,
    *,
    min_tokens: int = MIN_TOKENS,
    max_tokens: int = MAX_TOKENS,
) -> Iterator[list[list[str]]]:
    """Read paragraphs as runs of consecutive sentences within limits of length.

    Parameters
    ----------
    paragraphs : iterable of str
        Such as `TextReader.lines`.
    tokenizer : Tokenizer, default WordsTokenizer()
    min_tokens, max_tokens : int
        A sentence with fewer or more tokens is left out and ends a run: the sentences around it are not neighbours.

    Yields
    ------
    list of list of str
        The tokens of the sentences of one run, at least one.

    Raises
    ------
    ValueError
        If `min_tokens` is less than 1 or more than `max_tokens`.
    """
    if not 1 <= min_tokens <= max_tokens:
        raise ValueError(f"min_tokens and max_tokens must be 1 <= {min_tokens} <= {max_tokens}")
    tokenize = WordsTokenizer() if tokenizer is None else tokenizer
    for paragraph in paragraphs:
        run: list[list[str]] = []
        for sentence in split_sentences(paragraph):
            tokens = tokenize(sentence)
            if min_tokens <= len(tokens) <= max_tokens:
                run.append(tokens)
            elif run:
                yield run
                run = []
        if run:
            yield run


@dataclass(frozen=True)
class SentenceSets:
    """Sets of paraphrases, optionally with hard negatives.

    Attributes
    ----------
    sets : list of tuple of str
        At least two sentences each.
    negatives : list of str, or None
        The hard negative of each set.
    path : str
        The file, for messages.
    """

    sets: list[tuple[str, ...]]
    negatives: list[str] | None = None
    path: str = ""

    def __len__(self) -> int:
        return len(self.sets)


def read_sentence_sets(path: str | os.PathLike[str] | TextReader, *, hard_negatives: bool = False) -> SentenceSets:
    """Read a file of paraphrases, one set of tab-separated sentences per line.

    Parameters
    ----------
    path : str, path-like or TextReader
        Text in UTF-8, compressed or not: pairs, captions of the same picture, translations. Blank lines are ignored. A
        reader sets how to handle other bytes.
    hard_negatives : bool, default False
        The last column is a similar sentence with another meaning.

    Returns
    -------
    SentenceSets

    Raises
    ------
    CorpusError
        If a line has another number of columns than the first, fewer than two (three with hard negatives) or an empty
        column, if there is no line, or if the file cannot be read.
    """
    reader = path if isinstance(path, TextReader) else TextReader(path)
    name = ", ".join(reader.paths)
    least = 3 if hard_negatives else 2
    sets: list[tuple[str, ...]] = []
    n_columns = 0
    for file, number, line in reader.numbered_lines():
        if not line.strip():
            continue
        columns = tuple(column.strip() for column in line.split("\t"))
        n_columns = n_columns or len(columns)
        problem = ""
        if len(columns) < least:
            wanted = "two sentences and a hard negative" if hard_negatives else "two sentences or more"
            problem = f"expected {wanted}, separated by tabs, not {shortened(line)}"
        elif len(columns) != n_columns:
            problem = f"{len(columns)} columns, but the first line has {n_columns}"
        elif not all(columns):
            problem = f"column {columns.index('') + 1} is empty"
        if problem:
            raise CorpusError(f"{display_name(file)}, line {number}: {problem}")
        sets.append(columns)
    if not sets:
        raise CorpusError(f"{display_name(name)} holds no sentences: expected lines of two or more, separated by tabs")
    if hard_negatives:
        return SentenceSets([columns[:-1] for columns in sets], [columns[-1] for columns in sets], name)
    return SentenceSets(sets, None, name)


@dataclass(frozen=True)
class Overlap:
    """The overlap of training sentences and evaluation sentences.

    Attributes
    ----------
    n_sets : int
        Number of sets that were compared.
    sentences : dict
        The count of each shared sentence, given as its tokens joined by spaces.
    touched : tuple of int
        Index of each set with a shared sentence.
    """

    n_sets: int
    sentences: dict[str, int]
    touched: tuple[int, ...]

    def to_dict(self) -> dict[str, int]:
        """Return the numbers of compared sets, of sets with shared sentences, and of shared sentences."""
        return {"sets": self.n_sets, "touched_sets": len(self.touched), "shared_sentences": len(self.sentences)}


def find_overlap(training: SentenceSets, evaluated: Iterable[str], tokenizer: Tokenizer | None = None) -> Overlap:
    """Find the sets with a sentence that is also evaluated, regardless of punctuation and case.

    Parameters
    ----------
    training : SentenceSets
    evaluated : iterable of str
        Sentences of evaluation files.
    tokenizer : Tokenizer, default WordsTokenizer()
        Two sentences are equal if their tokens are.

    Returns
    -------
    Overlap
    """
    tokenize = WordsTokenizer() if tokenizer is None else tokenizer
    known = {" ".join(tokenize(sentence)) for sentence in evaluated} - {""}
    shared: dict[str, int] = {}
    touched = []
    for index, sentences in enumerate(training.sets):
        extra = () if training.negatives is None else (training.negatives[index],)
        found = [key for sentence in (*sentences, *extra) if (key := " ".join(tokenize(sentence))) in known]
        for key in found:
            shared[key] = shared.get(key, 0) + 1
        if found:
            touched.append(index)
    return Overlap(len(training), shared, tuple(touched))


def without_overlap(
    training: SentenceSets, evaluated: Iterable[str], tokenizer: Tokenizer | None = None
) -> tuple[SentenceSets, Overlap]:
    """Leave out every set that `find_overlap` finds, completely: the other captions of a picture also give it away.

    Returns
    -------
    (SentenceSets, Overlap)
        The remaining sets, and the overlap.
    """
    overlap = find_overlap(training, evaluated, tokenizer)
    kept = sorted(set(range(len(training))).difference(overlap.touched))
    negatives = None if training.negatives is None else [training.negatives[index] for index in kept]
    return SentenceSets([training.sets[index] for index in kept], negatives, training.path), overlap
