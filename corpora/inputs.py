"""From inputs to files, and how to open each: plain, compressed or standard input."""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, BinaryIO, Protocol, cast

from w2v.corpora.files.remote import expand_remote, is_remote, open_remote, remote_size

STDIN = "-"
"""The name that stands for standard input."""

ZSTD_STEP = 4096
"""Compressed bytes given to the zstd decoder at once. Small, because a hostile block of 4 bytes makes 128 KiB."""


class CorpusError(ValueError):
    """Text cannot be read; the message names the file, the byte if that helps, and the remedy."""


class ByteSource(Protocol):
    """A source of bytes that are read into the caller's memory."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the start of `buffer` and return how many bytes that were; 0 at the end."""


_LONGEST_ENCODED_READ = 16 << 10
"""Bytes of a compressed file to read at once."""


class CountedFile(io.RawIOBase):
    """An unbuffered file that counts in `n_bytes` what is read from it; the file is not closed with this object.

    A read returns at most `longest_read` bytes. Decoders read ahead, since Python 3.12 by 128 KiB, which would count as
    read long before it is decoded.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = cast(ByteSource, source)
        self.n_bytes = 0
        self.longest_read: int | None = None

    def readable(self) -> bool:
        """Return that this file is readable."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position in the file, if it is seekable."""
        return cast(BinaryIO, self._source).seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        """Fill the start of `buffer` and return how many bytes that were; 0 at the end."""
        n_bytes = self._source.readinto(memoryview(buffer)[: self.longest_read]) or 0
        self.n_bytes += n_bytes
        return n_bytes


class Excerpt(io.RawIOBase):
    """The bytes of a file from `start` to `stop`; the file is not closed with this object."""

    def __init__(self, source: BinaryIO, start: int, stop: int) -> None:
        source.seek(start)
        self._source, self._left = source, stop - start

    def readinto(self, buffer: Any, /) -> int:
        """Fill the start of `buffer` and return how many bytes that were; 0 at the end."""
        n_bytes = self._source.readinto(memoryview(buffer)[: self._left]) or 0  # type: ignore[attr-defined]
        self._left -= n_bytes
        return cast(int, n_bytes)


class _ZstdStream(io.RawIOBase):
    """Decoder of .zst that, unlike the package's own stream, notices a truncated file."""

    def __init__(self, source: io.RawIOBase) -> None:
        import zstandard

        # `zstd --long=31` is how the largest text collections are packed
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        self._source = source
        self._frame: Any = None
        self._encoded = b""
        self._decoded = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._decoded:
            self._decoded = memoryview(self._decode())
        n_bytes = min(len(buffer), len(self._decoded))
        buffer[:n_bytes] = self._decoded[:n_bytes]
        self._decoded = self._decoded[n_bytes:]
        return n_bytes

    def _decode(self) -> bytes:
        """Return the next decoded bytes, of any number; none at the end of the file."""
        while encoded := self._encoded or self._source.read(ZSTD_STEP) or b"":
            if self._frame is None:
                self._frame = self._decompressor.decompressobj()
            decoded = cast(bytes, self._frame.decompress(encoded))
            self._encoded = b""
            if self._frame.eof:
                self._encoded = self._frame.unused_data
                self._frame = None
            if decoded:
                return decoded
        if self._frame is not None:
            raise EOFError
        return b""


def _open_gzip(source: CountedFile) -> tuple[BinaryIO, type[Exception]]:
    import gzip

    return cast(BinaryIO, gzip.GzipFile(fileobj=cast(BinaryIO, source), mode="rb")), zlib.error


def _open_bzip2(source: CountedFile) -> tuple[BinaryIO, type[Exception]]:
    import bz2

    return cast(BinaryIO, bz2.BZ2File(cast(BinaryIO, source))), ValueError


def _open_xz(source: CountedFile) -> tuple[BinaryIO, type[Exception]]:
    import lzma

    return cast(BinaryIO, lzma.LZMAFile(cast(BinaryIO, source))), lzma.LZMAError


def _open_zstd(source: CountedFile) -> tuple[BinaryIO, type[Exception]]:
    import zstandard

    return cast(BinaryIO, _ZstdStream(source)), zstandard.ZstdError


_DECODERS = {
    ".gz": ("gzip", _open_gzip),
    ".bz2": ("bzip2", _open_bzip2),
    ".xz": ("xz", _open_xz),
    ".zst": ("zstd", _open_zstd),
}


def expand_inputs(inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the paths of `inputs`, at least one, in their order and sorted within a glob.

    An existing name is used unchanged, even if it has glob characters; in others, a leading ~ is the home folder. A
    name without a file raises CorpusError; input that is neither str nor path-like raises TypeError.
    """
    names = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    paths = [path for name in names for path in _expand(name)]
    if not paths:
        raise CorpusError(f"no input was given; name a text file, a glob, or {STDIN!r} for standard input")
    if paths.count(STDIN) > 1:
        raise CorpusError(f"standard input ({STDIN!r}) is named {paths.count(STDIN)} times; it can be read only once")
    return paths


def _expand(name: object) -> list[str]:
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(f"an input must be a str or a path, not {type(name).__name__}")
    path = in_home(os.fsdecode(name))
    if path == STDIN:
        return [path]
    if "\0" in path:
        raise CorpusError(f"{path!r:.80} is not a file name: it contains a null byte")
    if is_remote(path):
        with reading_errors(path):
            found = expand_remote(path)
        if not found:
            raise CorpusError(f"{path}: there is no such file, or no file matches")
        return found
    if os.path.isdir(path):
        raise CorpusError(f"{path} is a folder; name its files, for example {os.path.join(path, '*.txt')!r:.80}")
    if os.path.lexists(path):
        return [path]
    if not any(character in path for character in "*?["):
        raise CorpusError(f"{path or repr(path)}: there is no such file (looked from {os.getcwd()})")
    matches = sorted(match for match in glob.glob(path, recursive=True) if not os.path.isdir(match))
    if not matches:
        raise CorpusError(f"{path}: no file matches (looked from {os.getcwd()})")
    return matches


def in_home(path: str) -> str:
    """Return a path with a leading ~ expanded, unless it exists as it is; shells leave one in ``--output=~/x``."""
    return os.path.expanduser(path) if path.startswith("~") and not os.path.lexists(path) else path


def size_on_disk(path: str) -> int | None:
    """Return the size of a regular file in bytes; None for standard input, a pipe or a device."""
    if path == STDIN:
        return None
    with reading_errors(path):
        if is_remote(path):
            return remote_size(path)
        status = os.stat(path)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def shortened(text: str, length: int = 60) -> str:
    """Return a text, quoted for messages."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")


def display_name(path: str) -> str:
    """Return the name of the input `path` for messages."""
    return "standard input" if path == STDIN else path


def is_compressed(path: str) -> bool:
    """Return whether `path` has the suffix of a compressed file."""
    return _suffix(path) in _DECODERS


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


@contextmanager
def reading_errors(path: str, damage: type[Exception] = EOFError) -> Iterator[None]:
    """Convert errors while `path` is opened or read into a CorpusError.

    For damaged data, its decoder raises `damage`, EOFError or OSError.
    """
    name, kind = display_name(path), _DECODERS.get(_suffix(path), ("", None))[0]
    try:
        with _store_errors(path) if is_remote(path) else nullcontext():
            yield
    except EOFError as error:
        raise CorpusError(
            f"{name} is truncated: its {kind} data end in the middle; copy or download the file again"
        ) from error
    except FileNotFoundError as error:
        raise CorpusError(f"{name} cannot be read: the file has gone, or it is a link to nothing") from error
    except (OSError, damage) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise CorpusError(f"{name} cannot be read: {error.strerror}") from error
        raise CorpusError(
            f"{name} is not {kind} data, or is damaged ({error}); rename it if it is not compressed, "
            "else copy or download it again"
        ) from error


@contextmanager
def _store_errors(path: str) -> Iterator[None]:
    """Convert the errors of a store's package into a CorpusError."""
    kind = path.partition("://")[0]
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "fsspec":
            raise
        raise CorpusError(f"{path}: addresses need fsspec: pip install 'w2v-toolkit[remote]'") from error
    except ImportError as error:
        raise CorpusError(f"{path}: {kind}:// needs a package of its own: {error}") from error
    except (EOFError, OSError, CorpusError):
        raise
    except Exception as error:  # each store has its own
        raise CorpusError(f"{path} cannot be read: {str(error) or type(error).__name__}") from error


@contextmanager
def open_input(path: str) -> Iterator[tuple[BinaryIO, CountedFile, type[Exception]]]:
    """Open a path of `expand_inputs` and decompress it by its suffix; raise CorpusError if that fails.

    Yields
    ------
    stream : BinaryIO
        The decompressed bytes. Read it within `reading_errors(path, damage)`.
    counted : CountedFile
        The file below.
    damage : type of Exception
        See `reading_errors`.
    """
    with ExitStack() as stack:
        with reading_errors(path):
            counted = CountedFile(_standard_input() if path == STDIN else stack.enter_context(_open_file(path)))
        stream, damage = cast(BinaryIO, counted), cast("type[Exception]", EOFError)
        if is_compressed(path):
            stream, damage = _decode(path, counted)
            stack.enter_context(stream)
        yield stream, counted, damage


def _decode(path: str, counted: CountedFile) -> tuple[BinaryIO, type[Exception]]:
    kind, decoder = _DECODERS[_suffix(path)]
    counted.longest_read = _LONGEST_ENCODED_READ
    try:
        return decoder(counted)
    except ModuleNotFoundError as error:
        if kind == "zstd":
            raise CorpusError(
                f"{path} is compressed with zstd, which needs the package zstandard: pip install zstandard"
            ) from error
        raise CorpusError(f"{path} is {kind} data, which this Python cannot read ({error}); decompress it") from error


def _open_file(path: str) -> BinaryIO:
    return open_remote(path) if is_remote(path) else cast(BinaryIO, open(path, "rb", 0))


def _standard_input() -> BinaryIO:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise CorpusError("standard input is not open, or gives no bytes; name a file instead")
    return cast(BinaryIO, stream)
