"""What the catalogue says of a thing: where it is, how large, under which licence, and how to tell that it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

KINDS = ("corpus", "vectors", "encoder", "evaluation")
MEASURES = ("analogies", "pairs", "sts")
"""What test sets measure: the options of `w2v evaluate`."""


class Part(NamedTuple):
    """A file of an archive.

    Attributes
    ----------
    member : str
        Its name in the archive.
    name : str
        As which it is saved, below the folder.
    size : int or None
    digest : str or None
        Such as "sha256:…"; None where nobody publishes one. Then the archive's decides, or what was received is noted.
    """

    member: str
    name: str
    size: int | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Attributes
    ----------
    url : str
    name : str
        As which it is saved, below the folder.
    size : int or None
    digest : str or None
        As in `Part`: "sha256:…", or "md5:…" or "sha1:…" where only these are published.
    parts : tuple of Part
        What is wanted of an archive; without parts, the file itself is.
    is_kept : bool
        Whether the archive stays, because other entries take their parts from it.
    """

    url: str
    name: str
    size: int | None = None
    digest: str | None = None
    parts: tuple[Part, ...] = ()
    is_kept: bool = False

    @property
    def results(self) -> tuple[Part, ...]:
        """The files that are wanted in the end."""
        return self.parts or (Part("", self.name, self.size, self.digest),)


class Package(NamedTuple):
    """A package that ships a thing.

    Attributes
    ----------
    title : str
        What pip calls it.
    module : str
    path : str
        The file or folder in it; empty for a text that `bundled_corpus` makes.
    """

    title: str
    module: str
    path: str = ""


@dataclass(frozen=True)
class Entry:
    """A thing of the catalogue.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    about : str
    licence : str
        What its makers say; "not stated" where they say nothing.
    page : str
        Where they speak of it.
    files : tuple of Remote
    package : Package or None
        What ships it, so that nothing has to be fetched.
    folder : str
        The folder that its files make together; empty where they do not.
    measures : str
        Of a test set, one of `MEASURES`.
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
        """Bytes to fetch; None where that is not known beforehand, or nothing is fetched."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if sizes and len(sizes) == len(self.files) else None

    @property
    def results(self) -> tuple[Part, ...]:
        """The files that are wanted in the end."""
        return tuple(part for file in self.files for part in file.results)

    @property
    def checked_by(self) -> str:
        """Name the digest that tells whether the right thing came; empty where nobody publishes one."""
        known = {digest.partition(":")[0] for file in self.files for digest in _digests(file)}
        return next((name for name in ("sha256", "sha1", "md5") if name in known), "")


def _digests(file: Remote) -> list[str]:
    digests = [file.digest, *(part.digest for part in file.parts)]
    return [digest for digest in digests if digest is not None]
