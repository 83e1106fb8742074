"""Open vector files, plain, compressed or in a zip archive, as bytes or as text in any encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import mmap
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

from w2v.storage.files import ModelError, reading

BLOCK_BYTES = 8 << 20
MAX_DEFLATE_RATIO = 1032  # no gzip stream expands further than this
_MAX_RATIO = 1 << 20  # for the other methods; used only to check sizes
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_METHODS: tuple[tuple[re.Pattern[bytes], Callable[[BinaryIO], Any], int], ...] = (
    (re.compile(rb"\x1f\x8b"), lambda file: gzip.GzipFile(fileobj=file, mode="rb"), MAX_DEFLATE_RATIO),
    (re.compile(rb"BZh[1-9]"), bz2.BZ2File, _MAX_RATIO),
    (re.compile(rb"\xfd7zXZ\0"), lzma.LZMAFile, _MAX_RATIO),
)
_NOT_READ = ((b"7z\xbc\xaf\x27\x1c", "7z"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"Rar!", "rar"))
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second marks an empty archive


class _Stream(Protocol):
    def read(self, n_bytes: int, /) -> bytes: ...


@dataclass
class Source:
    """An open vector file: a buffer of bytes, and its offset in the (decompressed) file.

    A plain file is memory-mapped as a whole. Any other is read in blocks: `more` appends the next block and drops the
    bytes before `position`.
    """

    path: str
    data: bytes | mmap.mmap
    size: int  # bytes on the disk
    ratio: int = 1  # most times that size that the decompressed file can have
    stream: _Stream | None = None
    position: int = 0
    dropped: int = 0

    @property
    def offset(self) -> int:
        """Offset of `position` in the decompressed file."""
        return self.dropped + self.position

    @property
    def largest(self) -> int:
        """Upper limit on the size of the decompressed file, in bytes."""
        return self.size * self.ratio

    def ensure(self, n_bytes: int) -> bool:
        """Read blocks until `n_bytes` follow `position` or the file ends; return whether they do."""
        missing = n_bytes - (len(self.data) - self.position)
        if missing > 0 and self.stream is not None:
            blocks = [self.data[self.position :]]
            while missing > 0 and (block := self._read()):
                blocks.append(block)
                missing -= len(block)
            self.dropped += self.position
            self.data, self.position = b"".join(blocks), 0
        return missing <= 0

    def more(self) -> bool:
        """Read another block; return False at the end of the file."""
        return self.ensure(len(self.data) - self.position + 1)

    def _read(self) -> bytes:
        assert self.stream is not None
        try:
            return self.stream.read(BLOCK_BYTES)
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{self.path} is not {error.encoding} text: {error.reason}; name its encoding, or read with "
                "errors='replace'"
            ) from error
        except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise ModelError(f"{self.path} is damaged or truncated: {error}") from error

    def peek(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes` from `position` on, without moving it."""
        self.ensure(n_bytes)
        return bytes(self.data[self.position : self.position + n_bytes])

    def pass_mark(self) -> None:
        """Skip a UTF-8 byte-order mark at the start of a text; raise ModelError for one of UTF-16."""
        start = self.peek(3)
        if start[:2] in _UTF16_MARKS:
            raise ModelError(f"{self.path} is UTF-16 text, by its first bytes; name its encoding: utf-16")
        if start == codecs.BOM_UTF8:
            self.position += 3

    def line_blocks(self, errors: str, most: int | None = None) -> Iterator[list[str]]:
        """Yield the rest of the file, or its next `most` lines, decoded, as lists of lines without newlines.

        A byte-order mark at the start of the file is skipped.
        """
        if self.offset == 0:
            self.pass_mark()
        while (most is None or most > 0) and self.ensure(1):
            self.ensure(BLOCK_BYTES)
            stop = self.data.rfind(b"\n", self.position, self.position + BLOCK_BYTES) + 1
            while stop == 0:  # a line longer than a block, or the last one without a newline
                stop = self.data.find(b"\n", self.position) + 1
                if stop == 0 and not self.more():
                    stop = len(self.data)
            block = bytes(self.data[self.position : stop])
            try:
                lines = block.decode("utf-8", errors).split("\n")
            except UnicodeDecodeError as error:
                raise ModelError(
                    f"{self.path}, byte {self.offset + error.start}: not UTF-8; the file may be binary (then name "
                    "its format), have another encoding (then name it), or have words cut inside a character (then "
                    "read it with errors='replace')"
                ) from error
            self.position = stop
            lines = lines[: -1 if lines[-1] == "" else None][:most]
            yield lines
            most = None if most is None else most - len(lines)


@contextmanager
def open_source(path: str | os.PathLike[str], *, encoding: str = "utf-8", errors: str = "strict") -> Iterator[Source]:
    """Open a vector file: plain, compressed with gzip, bzip2 or xz, or the only file in a zip archive.

    Text in another encoding is converted to UTF-8; `errors` is how to handle bytes that do not decode. Raises
    ModelError if the file cannot be opened.
    """
    name = os.fspath(path)
    if os.path.isdir(path):
        raise ModelError(f"{name} is a folder, not a vector file; open a model folder directly")
    with reading(path) as file, ExitStack() as stack:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ModelError(f"{name} is empty")
        source = _decompressed(name, file, size, stack)
        if not is_utf8(encoding):
            source = source or Source(name, b"", size)
            source.stream = _Recoded(cast(BinaryIO, source.stream or file), encoding, errors)
        elif source is None:
            data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            source = Source(name, data, size)
        if source.peek(512)[257:262] == b"ustar":
            raise ModelError(f"{name} is a tar archive; unpack it and name the file of vectors")
        yield source


def is_zip(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a zip archive."""
    return start.startswith(_ZIP)


def is_utf8(encoding: str) -> bool:
    """Return whether an encoding is UTF-8, by any of its names; raise ValueError if it is not a text encoding."""
    try:
        name = codecs.lookup(encoding).name
        with suppress(UnicodeDecodeError):
            b"a".decode(encoding)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"there is no text encoding {encoding!r}; common ones are utf-8, latin-1, cp1252, utf-16"
        ) from error
    return name in ("utf-8", "utf-8-sig", "ascii")


def _decompressed(name: str, file: BinaryIO, size: int, stack: ExitStack) -> Source | None:
    """Return a compressed file as a source; None if it is not compressed."""
    start = file.read(8)
    file.seek(0)
    for pattern, opener, ratio in _METHODS:
        if pattern.match(start):
            return Source(name, b"", size, ratio, stack.enter_context(opener(file)))
    if is_zip(start):
        return _zip_member(name, file, stack)
    for mark, kind in _NOT_READ:
        if start.startswith(mark):
            raise ModelError(f"{name} is compressed with {kind}, which w2v does not read; unpack it first")
    if name.endswith(".gz"):
        raise ModelError(f"{name} is not compressed with gzip, despite its name")
    return None


def _zip_member(name: str, file: BinaryIO, stack: ExitStack) -> Source:
    """Return the only file in a zip archive; if there are several, the only one named like a vector file."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(file))
        members = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_aside(entry.filename)]
        if any(entry.filename.endswith("/data.pkl") for entry in members):
            raise ModelError(
                f"{name} is a pickle of PyTorch, which can run code when it is opened, so it is not read; if you trust "
                "it, save its vectors from PyTorch as .npy or .safetensors"
            )
        likely = [entry for entry in members if entry.filename.endswith((".txt", ".vec", ".bin"))]
        if len(likely) == 1:
            members = likely
        if len(members) != 1:
            listed = ", ".join(entry.filename for entry in members[:6])
            raise ModelError(
                f"{name} is a zip archive of {len(members)} files"
                + (f" ({listed}); unpack the one you want and give its name" if members else "")
            )
        stream = stack.enter_context(archive.open(members[0]))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ModelError(f"{name} is a zip archive that cannot be opened ({error}); unpack it first") from error
    ratio = MAX_DEFLATE_RATIO if members[0].compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else _MAX_RATIO
    return Source(f"{name}/{members[0].filename}", b"", members[0].compress_size, ratio, stream)


def _is_aside(member: str) -> bool:
    """Return whether a file in an archive cannot be vectors: files that macOS adds, and documentation."""
    name = member.rsplit("/", 1)[-1].lower()
    return member.startswith("__MACOSX/") or name.startswith((".", "readme", "license", "licence"))


class _Recoded:
    """Text in another encoding, converted to UTF-8."""

    def __init__(self, source: BinaryIO, encoding: str, errors: str) -> None:
        self._text = io.TextIOWrapper(source, encoding, errors, newline="")

    def read(self, n_characters: int, /) -> bytes:
        return self._text.read(n_characters).encode()
