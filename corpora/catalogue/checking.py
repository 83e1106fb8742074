"""Verifying files: by a published digest, by a recorded one, or at least by their format."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from w2v.corpora.inputs import CorpusError

NOTED = ".sha256"
"""Suffix of a file that records the digest of another, as ``sha256sum -c`` reads it."""
STEP = 1 << 20


def damage(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the exceptions of damaged archives, and the `others`."""
    import zipfile  # slow to import, and rarely needed

    return zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, *others


class Digests:
    """The SHA-256 of received data, and another digest if only that one is published."""

    def __init__(self, expected: str | None) -> None:
        self.expected = expected
        self._hashes: dict[str, Any] = {"sha256": hashlib.sha256()}
        if expected is not None and not expected.startswith("sha256:"):
            name = expected.partition(":")[0]
            self._hashes[name] = hashlib.new(name, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """Add data."""
        for one in self._hashes.values():
            one.update(data)

    @property
    def sha256(self) -> str:
        """The SHA-256 in hexadecimal."""
        return str(self._hashes["sha256"].hexdigest())

    @property
    def is_wrong(self) -> bool:
        """Whether the data differs from what is expected."""
        return self.expected is not None and self.found != self.expected

    @property
    def found(self) -> str:
        """The digest of the same kind as the expected one."""
        name = "sha256" if self.expected is None else self.expected.partition(":")[0]
        return f"{name}:{self._hashes[name].hexdigest()}"


def digests_of(path: Path, expected: str | None) -> Digests:
    """Return the digests of a file."""
    found = Digests(expected)
    with path.open("rb") as file:
        while data := file.read(STEP):
            found.update(data)
    return found


def note_digest(path: Path, sha256: str) -> None:
    """Write the SHA-256 of a file beside it."""
    path.with_name(path.name + NOTED).write_text(f"{sha256}  {path.name}\n", encoding="utf-8")


def noted_digest(path: Path) -> str | None:
    """Return the recorded digest of a file; None if there is none."""
    with suppress(OSError, UnicodeDecodeError):
        found = path.with_name(path.name + NOTED).read_text(encoding="utf-8").split()
        return f"sha256:{found[0]}" if found else None
    return None


def is_there(path: Path, size: int | None, digest: str | None) -> bool:
    """Return whether a file exists and is correct; raise CorpusError if another file has its name."""
    if not os.path.lexists(path):
        return False
    expected = digest or noted_digest(path)
    if path.is_file() and expected is not None and size in (None, path.stat().st_size):
        if not digests_of(path, expected).is_wrong:
            return True
    what = "is not the file of that name in the catalogue" if expected else "there is no digest to verify it"
    raise CorpusError(f"{path} exists, but {what}; move it away or choose another folder")


def check_format(path: Path, name: str) -> None:
    """Read an archive without a known digest completely; raise CorpusError if its own checksums are wrong."""
    try:
        if name.endswith(".zip"):
            import zipfile

            with zipfile.ZipFile(path) as archive:
                if (wrong := archive.testzip()) is not None:
                    raise EOFError(f"{wrong} is damaged")
        elif name.endswith(".gz"):
            with gzip.open(path) as stream:
                while stream.read(STEP):
                    pass
    except damage(OSError) as error:
        raise CorpusError(f"{name} was not downloaded completely: {error}; try again") from error
