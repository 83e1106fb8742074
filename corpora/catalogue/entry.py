"""The data of a catalogue entry: location, size, licence, and how to verify it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

KINDS = ("corpus", "vectors", "encoder", "evaluation")
MEASURES = ("analogies", "pairs", "sts")
"""Kinds of test sets: the options of `w2v evaluate`."""


class Part(NamedTuple):
    """A file in an archive.

    Attributes
    ----------
    member : str
        Its name in the archive.
    name : str
        The name to save it under, relative to the folder.
    size : int or None
    digest : str or None
        Such as "sha256:…"; None if none is published. Then that of the archive is checked, or that of the download is
        recorded.
    """

    member: str
    name: str
    size: int | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Remote:
    """A file to download.

    Attributes
    ----------
    url : str
    name : str
        The name to save it under, relative to the folder.
    size : int or None
    digest : str or None
        As in `Part`: "sha256:…", or "md5:…" or "sha1:…" if only these are published.
    parts : tuple of Part
        The files to extract from an archive; without parts, the file itself is the result.
    is_kept : bool
        Whether to keep the archive, because other entries use other parts of it.
    """

    url: str
    name: str
    size: int | None = None
    digest: str | None = None
    parts: tuple[Part, ...] = ()
    is_kept: bool = False

    @property
    def results(self) -> tuple[Part, ...]:
        """The resulting files."""
        return self.parts or (Part("", self.name, self.size, self.digest),)


class Package(NamedTuple):
    """A package that ships an entry.

    Attributes
    ----------
    title : str
        Its name for pip.
    module : str
    path : str
        The file or folder in it; empty for a text from `bundled_corpus`.
    """

    title: str
    module: str
    path: str = ""


@dataclass(frozen=True)
class Entry:
    """An entry of the catalogue.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    about : str
    licence : str
        As stated by its authors; else "not stated".
    page : str
        Address of its web page.
    files : tuple of Remote
    package : Package or None
        A package that ships it, so no download is needed.
    folder : str
        The folder of its files; empty if there is none.
    measures : str
        For a test set, one of `MEASURES`.
    """

    name: str
    kind: str
    about: str
    licence: str
    page: str
    files: tuple[Remote, ...] = ()
    package: Package | None = None
    folder: str = ""
    measures: str = ""

    @property
    def size(self) -> int | None:
        """Bytes to download; None if unknown, or if there is no download."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if sizes and len(sizes) == len(self.files) else None

    @property
    def results(self) -> tuple[Part, ...]:
        """The resulting files."""
        return tuple(part for file in self.files for part in file.results)

    @property
    def checked_by(self) -> str:
        """The kind of digest that verifies it; empty if none is published."""
        known = {digest.partition(":")[0] for file in self.files for digest in _digests(file)}
        return next((name for name in ("sha256", "sha1", "md5") if name in known), "")


def _digests(file: Remote) -> list[str]:
    digests = [file.digest, *(part.digest for part in file.parts)]
    return [digest for digest in digests if digest is not None]
