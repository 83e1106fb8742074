"""Files of sentence vectors: NumPy reads what is written, and bad files are named."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from w2v import ModelError
from w2v.encoder.formats.vector_files import VectorFileError, json_lines, read_npy, write_npy


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize("sizes", [[3, 1, 4], [0, 2], [0], []])
def test_write_npy_writes_what_numpy_reads(
    tmp_path: Path, rng: np.random.Generator, dtype: str, sizes: list[int]
) -> None:
    blocks = [(100 * rng.normal(size=(n, 5))).clip(-99, 99).astype(dtype) for n in sizes]
    path = tmp_path / "v.npy"
    assert write_npy(path, iter(blocks), columns=5, dtype=dtype) == sum(sizes)
    loaded = np.load(path)
    assert loaded.dtype == dtype and loaded.shape == (sum(sizes), 5)
    np.testing.assert_array_equal(loaded, np.concatenate([np.empty((0, 5)), *blocks]))
    np.testing.assert_array_equal(read_npy(path, columns=5, rows=sum(sizes)), loaded)


def test_write_npy_takes_blocks_of_any_layout(tmp_path: Path) -> None:
    block = np.arange(20, dtype=np.float64).reshape(5, 4)[:, ::2]
    write_npy(tmp_path / "v.npy", [block], columns=2, dtype="float32")
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), block)


def test_write_npy_has_room_for_any_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from w2v.encoder.formats import vector_files

    headers = [vector_files.npy_header(n, 65536, "float32") for n in (0, 1, 10**15)]
    assert {len(header) for header in headers} == {128} and all(header.endswith(b"\n") for header in headers)


def test_write_npy_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 4\), not 5 columns"):
        write_npy(tmp_path / "v.npy", [np.zeros((3, 5)), np.zeros((2, 4))], columns=5, dtype="float32")
    assert not list(tmp_path.iterdir())


def test_write_npy_overwrites_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    write_npy(path, [np.zeros((1, 2))], columns=2, dtype="float32")
    with pytest.raises(ModelError, match="exists already"):
        write_npy(path, [np.ones((1, 2))], columns=2, dtype="float32")
    write_npy(path, [np.ones((1, 2))], columns=2, dtype="float32", overwrite=True)
    assert np.load(path).tolist() == [[1, 1]]
    with pytest.raises(VectorFileError, match=r"must end in \.npy"):
        write_npy(tmp_path / "v.bin", [], columns=2, dtype="float32")


def test_read_npy_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    np.save(path, np.zeros((3, 4), np.float32))
    with pytest.raises(VectorFileError, match=r"v\.npy contains 4 columns instead of 5"):
        read_npy(path, columns=5)
    with pytest.raises(VectorFileError, match="contains 3 rows instead of 1,000"):
        read_npy(path, rows=1000)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(VectorFileError, match="damaged"):
        read_npy(path)
    for wrong in (np.zeros(3, np.float32), np.zeros((2, 2)), np.array(["a"])):
        np.save(path, wrong)
        with pytest.raises(VectorFileError, match="expected rows of float32"):
            read_npy(path)
    for data in (b"", b"text", pickle.dumps([1, 2])):
        path.write_bytes(data)
        with pytest.raises(VectorFileError, match="is not a .npy file"):
            read_npy(path)
    with pytest.raises(VectorFileError, match="does not exist"):
        read_npy(tmp_path / "missing.npy")


def test_read_npy_runs_no_code(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(VectorFileError, match="damaged or not an array of numbers"):
        read_npy(tmp_path / "v.npy")


def test_json_lines_hold_each_line_and_its_vector() -> None:
    vectors = np.array([[0.1, -1 / 3], [0, 1e-9], [1, 2]], np.float32)
    lines = list(json_lines([('a "b"\r\n\nß'.encode(), vectors)]))
    parsed = [json.loads(line) for line in lines]
    assert [entry["sentence"] for entry in parsed] == ['a "b"', "", "ß"]
    np.testing.assert_allclose([entry["vector"] for entry in parsed], vectors, rtol=1e-6)
    [half] = json_lines([(b"x", np.array([[1 / 3, 1]], np.float16))])
    assert half == b'{"sentence": "x", "vector": [0.3333,1]}\n'
    [small] = json_lines([(b"x\n", np.array([[-127, 5]], np.int8))])
    assert small == b'{"sentence": "x", "vector": [-127,5]}\n'
