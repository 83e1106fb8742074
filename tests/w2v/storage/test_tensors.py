"""Files of tensors: what safetensors reads, whole or not at all, and safe to open from a stranger."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors, write_tensors


def listing(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_write_tensors_is_read_by_safetensors_and_the_reverse(tmp_path: Path, rng: np.random.Generator) -> None:
    tensors: dict[str, np.ndarray] = {
        "f4": rng.normal(size=(5, 3)).astype(np.float32),
        "f2": rng.normal(size=(2, 2, 2)).astype(np.float16),
        "f8": rng.normal(size=7),
        "i8": np.arange(4),
        "u1": np.arange(3, dtype=np.uint8),
        "flag": np.array([True, False]),
        "scalar": np.array(3.5),
        "empty": np.zeros((0, 4), dtype=np.float32),
    }
    write_tensors(tmp_path / "ours", tensors, {"note": "x"})
    safetensors.numpy.save_file(tensors, tmp_path / "theirs")
    theirs = safetensors.numpy.load_file(tmp_path / "ours")
    for mmap in (True, False):
        for ours in (read_tensors(tmp_path / "theirs", mmap=mmap), read_tensors(tmp_path / "ours", mmap=mmap)):
            assert set(ours) == set(theirs) == set(tensors)
            for name, expected in tensors.items():
                np.testing.assert_array_equal(ours[name], expected, strict=True)
                np.testing.assert_array_equal(theirs[name], expected, strict=True)
                assert not ours[name].flags.writeable


@pytest.mark.parametrize("block_bytes", [1, 100, 4 << 20])
def test_write_tensors_takes_any_memory_layout(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr("w2v.storage.tensors._BLOCK_BYTES", block_bytes)
    table = rng.normal(size=(9, 16)).astype(np.float32)
    tensors = {
        "padded": table[:, :5],
        "fortran": np.asfortranarray(table),
        "big": table.astype(">f4"),
        "r": table[::-1],
    }
    write_tensors(tmp_path / "t", tensors)
    loaded = read_tensors(tmp_path / "t")
    for name, expected in tensors.items():
        np.testing.assert_array_equal(loaded[name], expected)


def test_write_tensors_keeps_the_old_file_if_it_fails(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"a": np.arange(3)})
    with pytest.raises(TypeError, match="'b' has dtype complex128"):
        write_tensors(tmp_path / "t", {"a": np.arange(3), "b": np.ones(2, dtype=complex)})
    with pytest.raises(TypeError, match="'b' has dtype complex128"):
        write_tensors(tmp_path / "no" / "folder" / "t", {"b": np.ones(2, dtype=complex)})
    assert listing(tmp_path) == ["t"]
    write_tensors(tmp_path / "new" / "folder" / "t", {"a": np.arange(3)})
    assert read_tensors(tmp_path / "new" / "folder" / "t")["a"].tolist() == [0, 1, 2]
    assert read_tensors(tmp_path / "t")["a"].tolist() == [0, 1, 2]


def tensors_file(header: object, data: bytes = b"\0" * 8) -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


def entry(**changes: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        b"\xff" * 8,
        b"\xff" * 100,
        (2**40).to_bytes(8, "little") + b"{}",
        tensors_file(b"not json"),
        tensors_file(b"[1]"),
        tensors_file(b"[" * 50_000),
        tensors_file(b'{"a": NaN}'),
        tensors_file({"a": 3}),
        tensors_file({"a": {"dtype": "F32"}}),
        tensors_file(entry(), b""),
        tensors_file(entry(), b"\0" * 7),
        tensors_file(entry(), b"\0" * 9),
        tensors_file(entry(shape=[2**62, 2**62])),
        tensors_file(entry(shape=[2**63 - 1, 2])),
        tensors_file(entry(shape=[-2])),
        tensors_file(entry(shape=[2.0])),
        tensors_file(entry(shape="22")),
        tensors_file(entry(shape=[3])),
        tensors_file(entry(data_offsets=[8, 0])),
        tensors_file(entry(data_offsets=[-8, 0])),
        tensors_file(entry(data_offsets=[0, 10**30])),
        tensors_file(entry(data_offsets=[0])),
        tensors_file(entry(dtype="object")),
        tensors_file(entry(dtype="O")),
        tensors_file(entry(dtype=["F32"])),
        tensors_file(entry(dtype="F8_E4M3", shape=[8])),
        tensors_file(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'),
    ],
)  # fmt: skip
def test_read_tensors_rejects_hostile_files(tmp_path: Path, content: bytes, mmap: bool) -> None:
    (tmp_path / "t.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="t.safetensors"):
        read_tensors(tmp_path / "t.safetensors", mmap=mmap)


@pytest.mark.parametrize("mmap", [True, False])
def test_read_tensors_gives_bfloat16_as_float32(tmp_path: Path, mmap: bool) -> None:
    values = np.array([0.0, -1.5, 3.140625, np.inf], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    header = {"a": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}
    (tmp_path / "t").write_bytes(tensors_file(header, halves))
    found = read_tensors(tmp_path / "t", mmap=mmap)["a"]
    assert found.dtype == np.float32 and found.tolist() == values.reshape(2, 2).tolist() and not found.flags.writeable


def test_read_tensors_never_blocks_on_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="is a pipe or a device"):
        read_tensors(tmp_path / "pipe")


def test_read_tensors_does_not_use_names_as_paths(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"../../evil": np.arange(2)})
    assert list(read_tensors(tmp_path / "t")) == ["../../evil"]
    assert listing(tmp_path) == ["t"]
