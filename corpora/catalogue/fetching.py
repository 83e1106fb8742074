"""Downloading a file from the internet or a mirror: resumed, verified, and renamed when correct."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from w2v.corpora.catalogue.checking import STEP, Digests, check_format, note_digest
from w2v.corpora.catalogue.entry import Remote
from w2v.corpora.files.durable import sync_folder
from w2v.corpora.inputs import CorpusError

Progress = Callable[[int, int | None], None]
"""The progress callback of a download: bytes received, and total bytes or None if unknown."""

_TIMEOUT = 60.0
_AGENT = "w2v-toolkit"
_PARTIAL, _OUT_OF_RANGE = 206, 416


@dataclass(frozen=True)
class _Incoming:
    """The data from a source: its first byte's offset, the total bytes, and the data."""

    start: int
    total: int | None
    pieces: Iterator[bytes]


def fetch(remote: Remote, target: Path, source: str | None, progress: Progress | None, *, further: int = 0) -> None:
    """Download a file to `target`, which appears only when it is complete and correct.

    Parameters
    ----------
    remote : Remote
    target : Path
    source : str or None
        Another source; see `w2v.corpora.download`.
    progress : callable, optional
    further : int
        Bytes needed on the disk in addition to the file.

    Raises
    ------
    CorpusError
        If it cannot be downloaded or is not the expected file. A partial download stays, and the next call resumes it.
    OSError
        If it cannot be written.
    """
    place, part = address_of(remote, source), part_of(target)
    try:
        digests = _receive(remote, place, target, progress, further)
    finally:
        if part.exists() and not part.stat().st_size:
            part.unlink()
    try:
        if digests.is_wrong:
            raise CorpusError(f"{place} is not the expected file: {digests.found}, not {digests.expected}")
        if remote.digest is None:
            check_format(part, remote.name)
    except CorpusError:
        part.unlink()
        raise
    os.replace(part, target)
    sync_folder(target.parent)
    if remote.digest is None and not remote.parts:
        note_digest(target, digests.sha256)


def _receive(remote: Remote, place: str, target: Path, progress: Progress | None, further: int) -> Digests:
    """Receive all bytes into the partial file."""
    part, digests = part_of(target), Digests(remote.digest)
    with open(part, "ab+") as file:
        size = _received_before(file, digests, remote.size)
        if size == 0:
            digests = Digests(remote.digest)
        if remote.size is None or size < remote.size:
            with _opened(place, size) as incoming:
                if incoming.start != size:  # the source cannot resume there
                    file.truncate(0)
                    size, digests = 0, Digests(remote.digest)
                total = incoming.total if remote.size is None else remote.size
                if incoming.total not in (None, total):
                    raise CorpusError(
                        f"{place} has {incoming.total:,} bytes, not the expected {total:,}: it is another file"
                    )
                check_room(target.parent, (total or 0) - size + further)
                size = _append(incoming.pieces, file, size, total, digests, progress)
                _check_size(place, part, size, total)
        file.flush()
        os.fsync(file.fileno())
    return digests


def part_of(path: Path) -> Path:
    """Return the name of a partial download."""
    return path.with_name(f".{path.name}.part")


def address_of(remote: Remote, source: str | None) -> str:
    """Return the location of a file: its own address, in a folder, or below or at another address."""
    if source is None:
        return remote.url
    own = remote.name.partition("/")[2] or Path(unquote(urlsplit(remote.url).path)).name
    if os.path.isdir(source):
        below = Path(source, remote.name)
        return str(below if below.exists() else Path(source, own))
    return source + own if source.endswith("/") else source


def check_room(folder: Path, needed: int) -> None:
    """Raise CorpusError if a disk has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CorpusError(
            f"{folder} has {free / 1e6:,.0f} MB free, but {needed / 1e6:,.0f} MB are needed; free some space"
        )


def _received_before(file: BinaryIO, digests: Digests, size: int | None) -> int:
    """Add the bytes received earlier to the digests, and return their number; discard them if they are too many."""
    file.seek(0)
    n = 0
    while data := file.read(STEP):
        digests.update(data)
        n += len(data)
    if size is not None and n > size:
        file.truncate(0)
        return 0
    return n


def _append(
    pieces: Iterator[bytes], file: BinaryIO, size: int, total: int | None, digests: Digests, progress: Progress | None
) -> int:
    """Write the received data, at most until it exceeds the expected size; return the size of the file."""
    for data in pieces:
        file.write(data)
        digests.update(data)
        size += len(data)
        if total is not None and size > total:
            break
        if progress is not None:
            progress(size, total)
    return size


def _check_size(place: str, part: Path, size: int, total: int | None) -> None:
    """Raise CorpusError unless exactly the expected bytes were received."""
    if total is None or size == total:
        return
    if size > total:
        part.unlink()
        raise CorpusError(f"{place} sent more than the expected {total:,} bytes: it is another file")
    raise CorpusError(
        f"{place} sent {size:,} of {total:,} bytes, then the connection broke; they are kept, and the same command "
        "resumes"
    )


@contextmanager
def _opened(place: str, start: int) -> Iterator[_Incoming]:
    """Open a file or an address at a byte offset."""
    local = _local_path(place)
    if local is None:
        with _requested(place, start) as (response, at, total):
            yield _Incoming(at, total, _read(place, response))
        return
    try:
        file = open(local, "rb")  # noqa: SIM115  # closed below; only what opening raises is meant
    except OSError as error:
        raise _cannot_fetch(place, error) from error
    with file:
        total = os.fstat(file.fileno()).st_size
        start = start if start <= total else 0
        file.seek(start)
        yield _Incoming(start, total, iter(lambda: file.read(STEP), b""))


@contextmanager
def _requested(place: str, start: int) -> Iterator[tuple[Any, int, int | None]]:
    """Request the bytes from `start` on; yield the response, its first byte's offset and the total bytes."""
    import urllib.error
    import urllib.request  # slow to import
    from http.client import HTTPException

    headers = {"User-Agent": _AGENT} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = urllib.request.Request(place, headers=headers)
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if start and error.code == _OUT_OF_RANGE:  # the earlier bytes are of another file
            error.close()
            with _requested(place, 0) as anew:
                yield anew
            return
        raise _cannot_fetch(place, error) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _cannot_fetch(place, error) from error
    with response:
        at = start if response.status == _PARTIAL else 0
        length = response.headers.get("Content-Length")
        yield response, at, at + int(length) if length and length.isdigit() else None


def _read(place: str, response: Any) -> Iterator[bytes]:
    from http.client import HTTPException, IncompleteRead

    try:
        while data := response.read(STEP):
            yield data
    except (OSError, HTTPException) as error:
        yield error.partial if isinstance(error, IncompleteRead) else b""
        raise _cannot_fetch(place, error) from error


def _cannot_fetch(place: str, error: Exception) -> CorpusError:
    reason = error if getattr(error, "code", None) else getattr(error, "reason", error)
    said = getattr(reason, "strerror", None) or reason
    return CorpusError(f"cannot fetch {place}: {said}; try again, or use another source (`--from`, `source=`)")


def _local_path(place: str) -> str | None:
    """Return the path of a local file; None for another address."""
    address = urlsplit(place)
    if address.scheme == "file":
        return unquote(address.path)
    return place if address.scheme not in ("http", "https", "ftp") else None
