"""Many pictures in one file: IDX files and .npz archives.

Files may come from strangers: nothing is unpickled, headers are checked before memory is allocated, and no more data is
read than they state.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.images.arrays import MOST_BYTES, Numbered, Pictures, as_labels, as_pictures
from w2v.corpora.inputs import CorpusError, open_input, reading_errors

IDX_NAMES = (("images-idx3", "labels-idx1"), ("images.idx3", "labels.idx1"))
"""Parts of the names of picture files, each with that of the file of labels."""

_PIECE = 1 << 20
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PICTURES = ("x_train", "train_images", "X", "x", "images", "pictures", "data", "arr_0")
_LABELS = ("y_train", "train_labels", "y", "labels", "target", "arr_1")


def _read_exactly(stream: IO[bytes], n_bytes: int, name: str) -> bytearray:
    """Read `n_bytes` piece by piece, so a file with a false size takes no more memory than it has data."""
    data = bytearray()
    while len(data) < n_bytes:
        piece = stream.read(min(_PIECE, n_bytes - len(data)))
        if not piece:
            raise CorpusError(
                f"{name} is truncated: its header promises {n_bytes:,} bytes, but only {len(data):,} follow; copy or "
                "download it again"
            )
        data += piece
    return data


def _check_size(shape: Sequence[int], item: int, name: str) -> int:
    n_bytes = math.prod(shape) * item
    if n_bytes > MOST_BYTES or min(shape, default=1) < 0:
        raise CorpusError(
            f"{name} claims to hold {' × '.join(map(str, shape))} values, {n_bytes:,} bytes: it is damaged, or "
            f"exceeds the limit of {MOST_BYTES >> 30} GiB"
        )
    return n_bytes


def _read_idx(path: str) -> NDArray[Any]:
    with open_input(path) as (stream, _, damage), reading_errors(path, damage):
        head = stream.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _IDX_TYPES or not head[3]:
            raise CorpusError(
                f"{path} contains no readable pictures: expected PNG, JPEG, .npz or IDX, such as "
                "train-images-idx3-ubyte"
            )
        dtype = np.dtype(_IDX_TYPES[head[2]])
        shape = np.frombuffer(_read_exactly(stream, 4 * head[3], path), ">u4").tolist()
        data = _read_exactly(stream, _check_size(shape, dtype.itemsize, path), path)
        if stream.read(1):
            raise CorpusError(
                f"{path} is damaged: it continues after the {' × '.join(map(str, shape))} values that it promises"
            )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def read_idx_files(given: list[str]) -> Pictures:
    """Return the pictures in an IDX file, with the labels from another file, given or found beside it."""
    arrays = {path: _read_idx(path) for path in given}
    pictures = [path for path in given if arrays[path].ndim > 1]
    labels = [path for path in given if arrays[path].ndim == 1]
    if len(pictures) != 1 or len(labels) > 1:
        raise CorpusError(f"{', '.join(given)}: expected one IDX file of pictures, and optionally one of labels")
    file = pictures[0]
    if not labels and (beside := _labels_beside(file)):
        arrays[beside], labels = _read_idx(beside), [beside]
    return _checked(arrays[file], arrays[labels[0]] if labels else None, file, [file, *labels])


def _labels_beside(path: str) -> str | None:
    folder, name = os.path.split(path)
    beside = [os.path.join(folder, name.replace(*names)) for names in IDX_NAMES if names[0] in name]
    stems = [candidate.removesuffix(".gz") for candidate in beside]
    return next((file for file in (*beside, *stems, *(f"{stem}.gz" for stem in stems)) if os.path.isfile(file)), None)


def _checked(pixels: NDArray[Any], labels: NDArray[Any] | None, file: str, files: list[str]) -> Pictures:
    try:
        pictures = as_pictures(pixels, name=file)
        checked = None if labels is None else as_labels(labels, len(pictures))
    except (TypeError, ValueError) as error:
        message = str(error) if file in str(error) else f"{file}: {error}"
        raise CorpusError(message) from error
    return Pictures(pictures, checked, Numbered(file, len(pictures)), [*map(os.path.abspath, files)])


@contextmanager
def _zip_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        if isinstance(error, CorpusError):
            raise
        raise CorpusError(f"{path} is not an .npz archive of arrays, or is damaged: {error}") from error


def read_npz(path: str) -> Pictures:
    """Return the pictures in an archive, and any labels."""
    with _zip_errors(path), zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        names = {name.removesuffix(".npy"): name for name in members}
        chosen = [next((name for name in wanted if name in names), None) for wanted in (_PICTURES, _LABELS)]
        if chosen[0] is None:
            raise CorpusError(
                f"{path} holds {', '.join(sorted(names)[:8]) or 'no arrays'}; expected pictures named "
                f"{', '.join(_PICTURES)}, and labels named {', '.join(_LABELS)}"
            )
        read = [None if name is None else _read_npy(archive, names[name], path) for name in chosen]
    assert read[0] is not None
    return _checked(read[0], read[1], path, [path])


def _read_npy(archive: zipfile.ZipFile, member: str, path: str) -> NDArray[Any]:
    """Return an array in an archive; raise CorpusError for Python objects, which would have to be unpickled."""
    headers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0,
    }  # fmt: skip
    name = f"{path}, {member}"
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in headers:
            raise CorpusError(f"{name} has an unsupported version of the format: {version}")
        shape, in_columns, dtype = headers[version](stream)
        if dtype.hasobject or dtype.kind not in "biufUS":
            raise CorpusError(f"{name} holds {dtype}, not numbers or text; Python objects are never unpickled")
        data = _read_exactly(stream, _check_size(shape, dtype.itemsize, name), name)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")
