"""Named arrays in a safetensors file, written in blocks of rows and read by memory mapping."""

from __future__ import annotations

import json
import math
import mmap as memory_map
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.storage.files import ModelError, atomic_file, reading

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
_ALIGNMENT = 64
_BLOCK_BYTES = 4 << 20


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays to a safetensors file, atomically and without copying a whole array.

    Arrays may have any shape, and a boolean, integer or floating dtype of 1 to 8 bytes. Non-contiguous ones (views of
    padded tables) are copied a few MiB at a time. `metadata` is free text in the header. An existing file is replaced.
    Raises TypeError for another dtype, and ModelError if the file cannot be written.
    """
    ordered = {name: np.asarray(tensors[name]) for name in tensors}
    names = sorted(ordered, key=lambda name: (-ordered[name].dtype.itemsize, name))  # so that each array is aligned
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in names:
        array = ordered[name]
        dtype = _NAMES.get(array.dtype.newbyteorder("<"))
        if dtype is None:
            raise TypeError(f"the array {name!r} has dtype {array.dtype}, which a safetensors file cannot hold")
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-(8 + len(encoded)) % _ALIGNMENT)
    with atomic_file(path) as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for name in names:
            _write_blocks(file, ordered[name])


def _write_blocks(file: BinaryIO, array: NDArray[Any]) -> None:
    rows = np.atleast_1d(array)
    little_endian = rows.dtype.newbyteorder("<")
    n_rows = max(1, _BLOCK_BYTES // max(1, rows.nbytes // max(1, len(rows))))
    for start in range(0, len(rows) if rows.size else 0, n_rows):
        block = np.ascontiguousarray(rows[start : start + n_rows], dtype=little_endian)
        file.write(block.view(np.uint8).data)


def read_tensors(path: str | os.PathLike[str], *, mmap: bool = True) -> dict[str, NDArray[Any]]:
    """Read the arrays, read-only, of a safetensors file, which may come from a stranger.

    The safetensors library checks the header before anything is allocated: its length, names, shapes and offsets
    against each other and against the file size. With `mmap` the file is memory-mapped, so only the data used is read.
    NumPy lacks bfloat16; such arrays become float32. Raises ModelError if the file is missing, truncated, not a
    safetensors file, or has another dtype that NumPy lacks.
    """
    from safetensors import SafetensorError, safe_open

    with reading(path) as file:
        try:
            with safe_open(os.fspath(path), framework="np"):
                pass
        except SafetensorError as error:
            raise ModelError(f"{path} is damaged or not a safetensors file: {error}") from error
        header_bytes = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(header_bytes))
            header.pop("__metadata__", None)
            if mmap:
                data = memoryview(memory_map.mmap(file.fileno(), 0, access=memory_map.ACCESS_READ))[8 + header_bytes :]
            else:
                data = memoryview(file.read())
            return {name: _view(entry, data, f"{path}: {name!r}") for name, entry in header.items()}
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{path} is damaged: its header cannot be understood ({error})") from error


def _view(entry: Mapping[str, Any], data: memoryview, what: str) -> NDArray[Any]:
    """Return the array described by a header entry, as a read-only view of `data`."""
    is_bfloat16 = entry["dtype"] == "BF16"
    if entry["dtype"] not in _DTYPES and not is_bfloat16:
        raise ModelError(f"{what} has the dtype {entry['dtype']}, which is not supported")
    dtype = np.dtype("<u2" if is_bfloat16 else _DTYPES[entry["dtype"]])
    shape = tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(data) or math.prod(shape) * dtype.itemsize != end - begin:
        raise ModelError(f"{what} does not fit the file: shape {shape}, bytes {begin} to {end}")
    array = np.frombuffer(data[begin:end], dtype=dtype) if end > begin else np.frombuffer(b"\0" * 8, dtype=dtype)[:0]
    if is_bfloat16:  # bfloat16 is the upper half of a float32
        array = (array.astype("<u4") << 16).view("<f4")
        array.setflags(write=False)
    return array.reshape(shape)
