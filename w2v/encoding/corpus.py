"""Opening a corpus: its first item decides whether it is files, sentences or lists of tokens."""

from __future__ import annotations

import glob
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Any

import numpy as np

from w2v.corpora.columns import one_column, row_tuples
from w2v.corpora.readers import Block, CorpusError, TextReader
from w2v.corpora.tokenizers import Tokenizer, WhitespaceTokenizer, get_tokenizer

Corpus = Any
"""A path, paths, or an iterable of sentences or of lists of tokens; see `Word2Vec.fit`."""

IN_MEMORY, TOKENS_IN_MEMORY = "in memory: sentences", "in memory: lists of tokens"
"""What a model records as its input when the corpus is not a file."""

_DEFAULT_TOKENIZER = "words"
_LONGEST_NAME = 4096
_FILE_NAME = re.compile(
    r"\S*[^\s.]\.[A-Za-z][A-Za-z0-9]{0,5}|[A-Za-z0-9_.~-]*/[A-Za-z0-9_.~/-]+|"
    r"[^\n]*\.(?:txt|text|csv|tsv|jsonl?|gz|bz2|xz|zst)"
)
_PATTERN = re.compile(r"\S*[*?[]\S*")


class TokenLists:
    """Pre-tokenised sentences: lists of tokens, or (weight, tokens)."""

    def __init__(self, sentences: Iterable[Any]) -> None:
        self._sentences = sentences

    def __iter__(self) -> Iterator[Any]:
        return iter(self._sentences)


def open_corpus(corpus: Corpus, lines: str = "text") -> Corpus:
    """Return a TextReader for files, TokenLists for lists of tokens, or the sentences as an iterable of str.

    A table of one column counts as its texts. An iterable of str holds files if every item names a file or looks like a
    file name. With `lines` other than "text" (see `Parameters`), items that are not files are returned unchanged, as
    tuples or the rows of a table.

    Raises CorpusError if a file is missing or files and texts are mixed, and TypeError if `corpus` is none of these or
    mixes paths with strings.
    """
    if isinstance(corpus, (str, os.PathLike)):
        return TextReader(corpus)
    if isinstance(corpus, TextReader):
        return corpus
    corpus = one_column(corpus, rows_are_tokens=True) if lines == "text" else _rows(corpus)
    if isinstance(corpus, (bytes, Mapping)) or not isinstance(corpus, Iterable):
        raise TypeError(f"the corpus must be a path, paths, sentences or lists of tokens, not {type(corpus).__name__}")
    items, first = _peeked(corpus)
    if isinstance(first, os.PathLike):
        return TextReader(_paths(items))
    if isinstance(first, str):
        return _files_or_sentences(items)
    if lines in ("weighted", "parallel") and isinstance(first, Sequence) and len(first) == 2:
        first = first[1]
    is_text = isinstance(first, (str, bytes, Mapping, Set))
    return TokenLists(items) if lines != "pairs" and isinstance(first, Iterable) and not is_text else items


def tokenizer_for(corpus: Corpus, asked: str | Callable[[str], Iterable[str]]) -> Tokenizer:
    """Return the tokenizer for an opened corpus.

    Pre-tokenised text is split at white space, unless the caller names the tokenizer that made it.
    """
    if isinstance(corpus, TokenLists) and isinstance(asked, str) and asked == _DEFAULT_TOKENIZER:
        return WhitespaceTokenizer()
    return get_tokenizer(asked)


def inputs_of(corpus: Corpus) -> tuple[str, ...]:
    """Return the inputs of an opened corpus: absolute paths, "-" for a stream, or a note that it was in memory."""
    if isinstance(corpus, TextReader):
        return corpus.recorded
    return (TOKENS_IN_MEMORY if isinstance(corpus, TokenLists) else IN_MEMORY,)


def recorded_files(inputs: Iterable[str]) -> tuple[str, ...]:
    """Return the files among the results of `inputs_of`, "-" included."""
    return tuple(name for name in inputs if name not in (IN_MEMORY, TOKENS_IN_MEMORY))


class _Reported(TextReader):
    """A reader that reports its progress after each block."""

    def __init__(self, reader: TextReader, report: Callable[[int, int | None], None]) -> None:
        vars(self).update(vars(reader))
        self._report = report

    def __iter__(self) -> Iterator[Block]:
        for block in super().__iter__():
            yield block
            self._report(self.consumed_bytes, self.total_bytes)


def reported(corpus: Corpus, progress: Callable[[int, int | None], None] | None) -> Corpus:
    """Return a corpus that calls `progress` with the bytes read and the total bytes; only files report progress."""
    return _Reported(corpus, progress) if progress is not None and isinstance(corpus, TextReader) else corpus


def wrong_sentence(item: object, number: int) -> TypeError:
    """Return the error for item `number`, from 1, which is not a sentence or differs in kind from those before."""
    kind = type(item).__name__
    if item is None or kind in ("NAType", "NaTType") or (isinstance(item, float) and math.isnan(item)):
        return TypeError(f"text {number} is missing ({item}): leave it out, in a data frame with dropna()")
    if isinstance(item, Set):
        return TypeError(f"text {number} is a {kind}, whose words have no order; pass a list, such as sorted(words)")
    if is_wrong_sentence(item):
        return TypeError(f"text {number} must be a str or a list of tokens, not {kind}")
    return TypeError(f"sentences must all be text or all be lists of tokens; at text {number} got {kind}")


def _rows(corpus: Any) -> Any:
    """Return the rows of a table as tuples, such as pairs; leave anything else unchanged."""
    if isinstance(corpus, np.ndarray) and corpus.ndim == 2:
        return list(map(tuple, corpus.tolist()))
    return row_tuples(corpus) if isinstance(corpus, Iterable) or hasattr(corpus, "collect_schema") else corpus


def is_wrong_sentence(item: object) -> bool:
    """Tell whether something is neither text nor tokens in an order."""
    return isinstance(item, (bytes, Mapping, Set)) or not isinstance(item, Iterable)


def _peeked(corpus: Iterable[Any]) -> tuple[Iterable[Any], Any]:
    """Return the items, all of them, and the first one."""
    items = iter(corpus)
    first = next(items, None)
    if isinstance(corpus, Sequence) or (hasattr(corpus, "__len__") and hasattr(corpus, "__getitem__")):
        return corpus, first
    return (items if first is None else chain([first], items)), first


def _paths(items: Iterable[Any]) -> list[os.PathLike[str]]:
    paths = []
    for number, item in enumerate(items, 1):
        if not isinstance(item, os.PathLike):
            raise _mixture(number, item)
        paths.append(item)
    return paths


def _files_or_sentences(items: Iterable[Any]) -> Corpus:
    """Return a reader if all the strings name files, else the sentences."""
    is_list = isinstance(items, Sequence) or hasattr(items, "__getitem__")
    rest = iter(items)
    names: list[str] = []
    for item in rest:
        if isinstance(item, os.PathLike):
            raise _mixture(len(names) + 1, item)
        if not (isinstance(item, str) and (_looks_like_file(item) or _exists(item))):
            file = next((name for name in names if _looks_like_file(name) and _exists(name)), None)
            if file is not None and isinstance(item, str):
                raise CorpusError(
                    f"the corpus mixes files and text: {file} is a file, but item {len(names) + 1} is {item!r:.60}; "
                    "give either"
                )
            return items if is_list else chain(names, [item], rest)
        names.append(item)
    try:
        return TextReader(names)
    except CorpusError as error:
        raise CorpusError(f"{error}; strings that look like file names are read as files") from error


def _looks_like_file(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _FILE_NAME.fullmatch(text) is not None


def _exists(name: str) -> bool:
    if not name or len(name) > _LONGEST_NAME or "\0" in name or "\n" in name:
        return False
    return name == "-" or os.path.lexists(name) or bool(_PATTERN.fullmatch(name) and glob.glob(name, recursive=True))


def _mixture(number: int, item: object) -> TypeError:
    return TypeError(
        f"the corpus mixes paths and strings: item {number} is the {type(item).__name__} {str(item)!r:.60}; give files "
        "all as paths or all as strings, or sentences alone"
    )
