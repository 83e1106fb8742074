"""What is read into an index: lines of files, or texts of a program, whole or cut into sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field

from w2v.corpora.columns import checked_text
from w2v.corpora.readers import TextReader
from w2v.corpora.sentences import split_sentences
from w2v.corpora.tables.files import TableTexts

BATCH_SENTENCES = 1 << 13

Texts = TextReader | TableTexts | Iterable[str]


@dataclass
class Batch:
    """Sentences that follow each other in one file.

    Attributes
    ----------
    name : str
        The file; empty for texts of a program.
    sentences : list of str
        None of them blank.
    lines : list of int
        The line that each is on, from 1.
    texts : list of int
        The number of the text that each is of, from 0, among all that are read.
    n_lines : int
        How many lines were read.
    read : int
        How much was read of all texts, up to the end of the batch at least: bytes of a reader, texts of an iterable.
    total : int or None
        How much there is, if that is known.
    """

    name: str
    sentences: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    texts: list[int] = field(default_factory=list)
    n_lines: int = 0
    read: int = 0
    total: int | None = None


def read_batches(
    texts: Texts,
    *,
    splits: bool = False,
    size: int = BATCH_SENTENCES,
    lines_before: int = 0,
) -> Iterator[Batch]:
    """Read texts, lines of a reader or an iterable's, some at a time; a batch may have no sentences.

    Parameters
    ----------
    texts : TextReader, TableTexts or iterable of str
    splits : bool, default False
        Cut texts into sentences; see `corpora.split_sentences`. All of them are on the line of their text.
    size : int
        A batch ends with the text that makes it so large, or with its file.
    lines_before : int, default 0
        How many texts of an iterable came before.

    Raises
    ------
    TypeError, ValueError
        If a text is not a str, or holds half a surrogate pair.
    CorpusError
        If a file cannot be read or is no text.
    """
    batch: Batch | None = None
    for ordinal, (name, number, text) in enumerate(_numbered(texts, lines_before)):
        if batch is None or batch.name != name or len(batch.sentences) >= size or batch.n_lines >= 4 * size:
            if batch is not None:
                batch.read, batch.total = _progress(texts, ordinal)
                yield batch
            batch = Batch(name)
        batch.n_lines += 1
        stripped = text.strip()
        if not stripped:
            continue
        found = split_sentences(stripped) if splits else [stripped]
        batch.sentences += found
        batch.lines += [number] * len(found)
        batch.texts += [ordinal] * len(found)
    if batch is not None:
        batch.read, batch.total = _progress(texts, ordinal + 1)
        yield batch


def _numbered(texts: Texts, lines_before: int) -> Iterator[tuple[str, int, str]]:
    """Yield the file, the number of the line in it and the text."""
    if isinstance(texts, (TextReader, TableTexts)):
        yield from texts.numbered_lines()
        return
    for number, text in enumerate(texts, 1):
        yield "", lines_before + number, checked_text(text, number)


def _progress(texts: Texts, n_texts: int) -> tuple[int, int | None]:
    """Return how much was read and how much there is; see `Batch`."""
    if isinstance(texts, TextReader):
        return texts.consumed_bytes, texts.total_bytes
    return n_texts, len(texts) if isinstance(texts, Sized) else None
