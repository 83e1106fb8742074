"""Extracting files from an archive: one at a time, verified, and renamed when correct."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from w2v.corpora.catalogue.checking import STEP, Digests, damage, note_digest
from w2v.corpora.catalogue.entry import Part
from w2v.corpora.catalogue.fetching import part_of
from w2v.corpora.files.durable import sync_folder
from w2v.corpora.inputs import CorpusError


def unpack(archive: Path, part: Part, target: Path) -> None:
    """Extract a file from an archive to `target`; raise CorpusError if it is missing or not the expected one."""
    unfinished, digests, size = part_of(target), Digests(part.digest), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(unfinished, "wb") as file:
            for data in _pieces(archive, part.member):
                file.write(data)
                digests.update(data)
                size += len(data)
                if part.size is not None and size > part.size:
                    break
            file.flush()
            os.fsync(file.fileno())
        if digests.is_wrong or part.size not in (None, size):
            reason = f"{digests.found}, not {digests.expected}" if digests.is_wrong else f"not {part.size:,} bytes"
            raise CorpusError(f"{part.member} in the archive is not the expected file: {reason}")
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(target.parent)
    if part.digest is None:
        note_digest(target, digests.sha256)


def _pieces(archive: Path, member: str) -> Iterator[bytes]:
    """Yield a file from an archive piece by piece."""
    try:
        with _member(archive, member) as source:
            while data := source.read(STEP):
                yield data
    except damage(tarfile.TarError) as error:
        raise CorpusError(f"{member} cannot be unpacked from {archive.name}: {error}; try again") from error


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """Open a file in an archive; raise KeyError if there is none of this name."""
    if archive.name.removesuffix(".part").endswith(".zip"):
        import zipfile

        with zipfile.ZipFile(archive) as zipped, zipped.open(member) as source:
            yield source
        return
    with tarfile.open(archive) as packed:
        found = packed.extractfile(member)
        if found is None:
            raise KeyError(f"{member} is not a file")
        yield found
