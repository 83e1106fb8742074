"""Read texts for an index: lines of files, or texts from a program, whole or split into sentences."""

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
    """Consecutive sentences of one file.

    Attributes
    ----------
    name : str
        The file; empty for texts from a program.
    sentences : list of str
        None of them is blank.
    lines : list of int
        The line of each sentence, from 1.
    texts : list of int
        The number of each sentence's text, from 0, among all texts read.
    n_lines : int
        Number of lines read.
    read : int
        Amount read of all texts, at least up to the end of the batch: bytes of a reader, texts of an iterable.
    total : int or None
        The total amount, if known.
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
    """Read texts, from the lines of a reader or from an iterable, in batches; a batch may have no sentences.

    Parameters
    ----------
    texts : TextReader, TableTexts or iterable of str
    splits : bool, default False
        Split texts into sentences; see `corpora.split_sentences`. They all have the line of their text.
    size : int
        A batch ends after the text that reaches this number of sentences, or at the end of its file.
    lines_before : int, default 0
        Number of earlier texts of an iterable.

    Raises
    ------
    TypeError, ValueError
        If a text is not a str, or contains half a surrogate pair.
    CorpusError
        If a file cannot be read or is not text.
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
    """Yield for each text its file, its line number and the text."""
    if isinstance(texts, (TextReader, TableTexts)):
        yield from texts.numbered_lines()
        return
    for number, text in enumerate(texts, 1):
        yield "", lines_before + number, checked_text(text, number)


def _progress(texts: Texts, n_texts: int) -> tuple[int, int | None]:
    """Return the amount read and the total; see `Batch`."""
    if isinstance(texts, TextReader):
        return texts.consumed_bytes, texts.total_bytes
    return n_texts, len(texts) if isinstance(texts, Sized) else None
