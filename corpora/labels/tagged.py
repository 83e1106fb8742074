"""Tagged sentences: files with one word per line and a blank line between sentences, and CoNLL-U."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from unicodedata import normalize

from w2v.corpora.inputs import CorpusError, display_name
from w2v.corpora.readers import TextReader

__all__ = ["Tagged", "read_tagged"]

PathLike = str | os.PathLike[str]

_DOCUMENT = "-DOCSTART-"
_CONLLU_ID = re.compile(r"\d+(?:([-.])\d+)?")
_CONLLU_COLUMNS, _FORM, _UPOS = 10, 2, 4
_UNTAGGED = "_"
_EMPTY = "\ufffd"


@dataclass(frozen=True)
class Tagged:
    """Sentences with tags and further columns of their words.

    Attributes
    ----------
    sentences : list of list of str
        Words.
    tags : list of list of str
        A tag for each word.
    columns : list of list of tuple of str
        Further features of each word, such as its part of speech; empty tuples without any.
    files : list of str, or None
        Absolute paths of the files.
    """

    sentences: list[list[str]]
    tags: list[list[str]]
    columns: list[list[tuple[str, ...]]]
    files: list[str] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.sentences)

    def take(self, rows: Iterable[int]) -> Tagged:
        """Return the given sentences in the given order."""
        chosen = list(rows)
        return Tagged(
            [self.sentences[i] for i in chosen], [self.tags[i] for i in chosen], [self.columns[i] for i in chosen]
        )


def read_tagged(
    files: PathLike | Sequence[PathLike],
    *,
    word_column: int | None = None,
    tag_column: int | None = None,
    columns: Sequence[int] = (),
    tags: bool = True,
    errors: str = "strict",
) -> Tagged:
    """Read sentences of words with tags.

    Parameters
    ----------
    files : str, path-like or sequence of these
        UTF-8, compressed or not. Each line has a word and its columns, separated by tabs or spaces; a blank line ends a
        sentence. Lines of ``-DOCSTART-`` are ignored. CoNLL-U is recognised by its ten columns and its word numbers;
        its comments and the lines of multiword tokens (``1-2``) and empty nodes (``1.1``) are ignored. An empty word,
        such as a lost emoji, is read as U+FFFD.
    word_column : int, optional
        From 1; by default the first, in CoNLL-U the second.
    tag_column : int, optional
        By default the last, in CoNLL-U the fourth, UPOS.
    columns : sequence of int
        Further columns to read with each word.
    tags : bool, default True
        Whether to read tags; otherwise, files need no column for them.
    errors : {"strict", "replace"}, default "strict"
        See `TextReader`.

    Returns
    -------
    Tagged

    Raises
    ------
    CorpusError
        If a line has another number of columns than those before or lacks a requested one, a tag is missing, there is
        no sentence, or a file cannot be read; the message names file and line.
    ValueError
        If a column is not a number from 1.
    """
    asked = [number for number in (word_column, tag_column, *columns) if number is not None]
    if any(number < 1 for number in asked):
        raise ValueError(f"columns are numbered from 1, not {min(asked)}")
    reader = TextReader(files, errors=errors)
    found = Tagged([], [], [], reader.files)
    choice = _Choice(word_column, tag_column, tuple(columns), tags)
    for sentence in _sentences(reader, choice):
        words, own_tags, given = zip(*sentence, strict=True)
        found.sentences.append(list(words))
        found.tags.append(list(own_tags))
        found.columns.append(list(given))
    if not len(found):
        names = ", ".join(map(display_name, reader.paths))
        raise CorpusError(f"{names}: no sentence; expected a word and its tag in each line, and blank lines between")
    return found


_Entry = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class _Choice:
    """The requested columns."""

    word: int | None
    tag: int | None
    given: tuple[int, ...]
    tags: bool


class _Layout:
    """The format of the lines of a file, detected from its first word."""

    def __init__(self, path: str, line: str, choice: _Choice) -> None:
        self.separator = "\t" if "\t" in line else None
        cells = line.split(self.separator)
        self.n_columns = len(cells)
        is_conllu = _CONLLU_ID.fullmatch(cells[0]) is not None and len(cells) == _CONLLU_COLUMNS
        self.is_conllu = is_conllu and self.separator is not None
        self.word = choice.word or (_FORM if self.is_conllu else 1)
        self.tag = (choice.tag or (_UPOS if self.is_conllu else self.n_columns)) if choice.tags else None
        self.given = choice.given
        highest = max(self.word, self.tag or 1, *self.given, 1)
        if highest > self.n_columns:
            raise CorpusError(f"{display_name(path)} has {self.n_columns} columns: there is no column {highest}")
        if self.tag == self.word:
            raise CorpusError(
                f"{display_name(path)}: column {self.word} would be both word and tag; expected lines of a word and "
                "its tag, with a tab or spaces between"
            )

    def entry(self, path: str, number: int, line: str) -> _Entry | None:
        """Return the entry of a line, or None for a line to ignore."""
        cells = line.split(self.separator)
        where = f"{display_name(path)}, line {number}"
        if len(cells) != self.n_columns:
            between = "tabs" if self.separator else "spaces"
            raise CorpusError(
                f"{where}: {len(cells)} columns, but the lines before have {self.n_columns}; give every line as many, "
                f"with {between} between them: {line!r:.60}"
            )
        if self.is_conllu:
            numbered = _CONLLU_ID.fullmatch(cells[0])
            if numbered is None:
                raise CorpusError(
                    f"{where}: a line of CoNLL-U begins with the number of its word, not {cells[0]!r:.40}"
                )
            if numbered[1]:
                return None
        word = cells[self.word - 1].strip()
        tag = "" if self.tag is None else normalize("NFC", cells[self.tag - 1].strip())
        if self.tag is not None and (not tag or (self.is_conllu and tag == _UNTAGGED)):
            raise CorpusError(f"{where}: the word {word!r:.40} has no tag in column {self.tag}")
        return word or _EMPTY, tag, tuple(cells[column - 1] for column in self.given)


def _sentences(reader: TextReader, choice: _Choice) -> Iterator[list[_Entry]]:
    """Yield the words of each sentence; a file ends one."""
    file = 0

    def file_of(entry: tuple[str, int, str]) -> int:
        nonlocal file
        file += entry[1] == 1
        return file

    for _, lines in groupby(reader.numbered_lines(), file_of):
        yield from _sentences_of_file(lines, choice)


def _sentences_of_file(lines: Iterator[tuple[str, int, str]], choice: _Choice) -> Iterator[list[_Entry]]:
    head = list[tuple[str, int, str]]()
    for one in lines:  # up to the first certain word, which shows what lines that begin with # are
        head.append(one)
        if one[2].strip() and not one[2].startswith(("#", _DOCUMENT)):
            break
    has_tabs = any("\t" in line for _, _, line in head)
    layout, entries = None, list[_Entry]()
    for path, number, line in chain(head, lines):
        if not line.strip() or line.startswith(_DOCUMENT):
            if entries:
                yield entries
            entries = []
        elif not _is_comment(line, has_tabs, layout is None):
            layout = layout or _Layout(path, line, choice)
            entry = layout.entry(path, number, line)
            entries += [] if entry is None else [entry]
    if entries:
        yield entries


def _is_comment(line: str, has_tabs: bool, is_first: bool) -> bool:
    """Tell whether a line is one of ``# text = …``: in files with tabs, what has none and begins so.

    In others the number sign is a word. Before the first word, it is one unless three cells or more follow it.
    """
    if not line.startswith("#") or "\t" in line:
        return False
    return has_tabs or (is_first and not _COLUMNS_OF_SPACES.fullmatch(line))


_COLUMNS_OF_SPACES = re.compile(r"# \S+(?: \S+)?")
