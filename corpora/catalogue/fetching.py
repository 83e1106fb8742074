"""A file of the internet, or of a mirror, is brought to the disk: resumed, checked, and named when it is right."""

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
"""What a download tells how far it is: bytes received, and in all, None where nobody knows."""

_TIMEOUT = 60.0
_AGENT = "w2v-toolkit"
_PARTIAL, _OUT_OF_RANGE = 206, 416


@dataclass(frozen=True)
class _Incoming:
    """What a source gives: from which byte on, how many bytes there are in all, and the bytes."""

    start: int
    total: int | None
    pieces: Iterator[bytes]


def fetch(remote: Remote, target: Path, source: str | None, progress: Progress | None, *, further: int = 0) -> None:
    """Bring a file to `target`, which is there only when all of it is right.

    Parameters
    ----------
    remote : Remote
    target : Path
    source : str or None
        Another place to take it from; see `w2v.corpora.download`.
    progress : callable, optional
    further : int
        Bytes that are needed on the disk beside the file.

    Raises
    ------
    CorpusError
        If it cannot be fetched or is not right. What came of a file that broke off stays, and the next call goes on
        from there.
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
            raise CorpusError(f"{place} is not the file expected: {digests.found}, not {digests.expected}")
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
    """Bring all bytes to the name that a file has while it is not complete."""
    part, digests = part_of(target), Digests(remote.digest)
    with open(part, "ab+") as file:
        size = _received_before(file, digests, remote.size)
        if size == 0:
            digests = Digests(remote.digest)
        if remote.size is None or size < remote.size:
            with _opened(place, size) as incoming:
                if incoming.start != size:  # it cannot go on there
                    file.truncate(0)
                    size, digests = 0, Digests(remote.digest)
                total = incoming.total if remote.size is None else remote.size
                if incoming.total not in (None, total):
                    raise CorpusError(
                        f"{place} has {incoming.total:,} bytes, not the {total:,} expected: it is another file"
                    )
                check_room(target.parent, (total or 0) - size + further)
                size = _append(incoming.pieces, file, size, total, digests, progress)
                _check_size(place, part, size, total)
        file.flush()
        os.fsync(file.fileno())
    return digests


def part_of(path: Path) -> Path:
    """Return the name that a file has while it is not complete."""
    return path.with_name(f".{path.name}.part")


def address_of(remote: Remote, source: str | None) -> str:
    """Return where a file is to be had: at its own address, in a folder, or below or at another address."""
    if source is None:
        return remote.url
    own = remote.name.partition("/")[2] or Path(unquote(urlsplit(remote.url).path)).name
    if os.path.isdir(source):
        below = Path(source, remote.name)
        return str(below if below.exists() else Path(source, own))
    return source + own if source.endswith("/") else source


def check_room(folder: Path, needed: int) -> None:
    """Raise CorpusError if a disk has not so many bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CorpusError(f"{folder} has {free / 1e6:,.0f} MB free, but {needed / 1e6:,.0f} MB are needed; make room")


def _received_before(file: BinaryIO, digests: Digests, size: int | None) -> int:
    """Return how many bytes came earlier, having taken them into account; none if they are too many."""
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
    """Write what comes, until it is more than expected; return how many bytes there are then."""
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
    """Raise CorpusError unless all bytes came, and no more."""
    if total is None or size == total:
        return
    if size > total:
        part.unlink()
        raise CorpusError(f"{place} gave more than the {total:,} bytes expected: it is another file")
    raise CorpusError(
        f"{place} gave {size:,} of {total:,} bytes, then the connection broke; they are kept, and the same command "
        "goes on from there"
    )


@contextmanager
def _opened(place: str, start: int) -> Iterator[_Incoming]:
    """Open a file or an address at a byte."""
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
    """Ask a server for the bytes from `start` on; give its answer, where it begins and how many there are in all."""
    import urllib.error
    import urllib.request  # takes a while to import
    from http.client import HTTPException

    headers = {"User-Agent": _AGENT} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = urllib.request.Request(place, headers=headers)
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if start and error.code == _OUT_OF_RANGE:  # what came before is of another file
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
    return CorpusError(f"cannot fetch {place}: {said}; try again, or take it from elsewhere (`--from`, `source=`)")


def _local_path(place: str) -> str | None:
    """Return the path of a file on this machine; None for an address elsewhere."""
    address = urlsplit(place)
    if address.scheme == "file":
        return unquote(address.path)
    return place if address.scheme not in ("http", "https", "ftp") else None
