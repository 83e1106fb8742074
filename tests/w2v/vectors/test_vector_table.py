"""Vectors stored as float32, float16 and int8: what they keep, and that queries, files and cuts work with each."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v import Embeddings, ModelError, Vocabulary
from w2v.vectors.fidelity import measure_storage_loss
from w2v.vectors.persistence import LAYOUT, read_config, read_tensors, write_tensors
from w2v.vectors.table import DTYPES, DType, VectorTable

WORDS = [f"word{i}" for i in range(80)]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    lengths = rng.uniform(0.1, 10, size=(80, 1))
    vectors = (rng.normal(size=(80, 24)) * lengths).astype(np.float32)
    return Embeddings(Vocabulary(WORDS, np.arange(80, 0, -1)), vectors, metadata={"parameters": {"window": 5}})


def test_halves_are_widened_exactly_as_numpy_does() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)].reshape(-1, 8)
    np.testing.assert_array_equal(VectorTable(finite).unscaled(slice(None)), finite.astype(np.float32))
    everything = VectorTable(halves.reshape(-1, 8)).unscaled(slice(None))
    np.testing.assert_array_equal(everything, halves.reshape(-1, 8).astype(np.float32))


@pytest.mark.parametrize(("dtype", "relative"), [("float32", 0), ("float16", 2**-11), ("int8", 0.5 / 127)])
def test_astype_keeps_numbers_to_its_precision(embeddings: Embeddings, dtype: DType, relative: float) -> None:
    table = embeddings.table.astype(dtype)
    assert table.dtype == table.stored.dtype.name == dtype
    error = np.abs(table.rows(slice(None)) - embeddings.vectors)
    largest = np.abs(embeddings.vectors).max(axis=1, keepdims=True)
    bound = relative * (largest if dtype == "int8" else np.abs(embeddings.vectors))
    assert (error <= bound * (1 + 1e-5)).all()
    if dtype != "float32":
        assert error.max() > 0


@pytest.mark.parametrize(("dtype", "share"), [("float16", 0.5), ("int8", (24 + 4) / 96)])
def test_astype_takes_less_memory_and_its_loss_is_measured(embeddings: Embeddings, dtype: DType, share: float) -> None:
    loss = measure_storage_loss(embeddings.table, embeddings.table.astype(dtype))
    assert loss.bytes_after == loss.bytes_before * share
    assert loss.least_cosine > (0.999999 if dtype == "float16" else 0.9998)
    assert loss.neighbors_kept > (0.99 if dtype == "float16" else 0.93)
    unchanged = measure_storage_loss(embeddings.table, embeddings.table)
    assert unchanged.mean_cosine == pytest.approx(1) and unchanged.neighbors_kept == 1


def test_storage_loss_sees_damage(embeddings: Embeddings) -> None:
    damaged = VectorTable.from_numbers(np.roll(embeddings.vectors, 1, axis=0))
    loss = measure_storage_loss(embeddings.table, damaged)
    assert loss.mean_cosine < 0.5 and loss.neighbors_kept < 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_queries_with_any_dtype_equal_those_with_the_same_numbers_in_float32(
    embeddings: Embeddings, dtype: DType
) -> None:
    compact = embeddings.astype(dtype)
    plain = Embeddings(compact.vocabulary, compact.vectors)
    assert compact.dtype == dtype and plain.dtype == "float32"
    near, expected = ([word for word, _ in e.neighbors("word3", top_n=20)] for e in (compact, plain))
    assert near == expected
    answers, expected = ([word for word, _ in e.analogy("word1", "word2", "word3")] for e in (compact, plain))
    assert answers == expected
    np.testing.assert_allclose(compact.distances("word3"), plain.distances("word3"), atol=2e-6)
    np.testing.assert_array_equal(compact["word3"], plain["word3"])
    np.testing.assert_array_equal(compact[["word3", "word1"]], plain[["word3", "word1"]])
    np.testing.assert_allclose(compact.normalized_vectors, plain.normalized_vectors, atol=1e-6)
    batch = compact.neighbors_batch(["word1", "word9"])
    assert [near[0][0] for near in batch] == [compact.neighbors(word)[0][0] for word in ("word1", "word9")]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mmap", [True, False])
def test_save_and_load_keep_the_dtype(embeddings: Embeddings, tmp_path: Path, dtype: DType, mmap: bool) -> None:
    embeddings.save(tmp_path / "model", dtype=dtype)
    loaded = Embeddings.load(tmp_path / "model", mmap=mmap)
    expected = embeddings.astype(dtype)
    assert loaded.dtype == dtype
    assert loaded.table.stored.tobytes() == expected.table.stored.tobytes()
    assert loaded.neighbors("word5") == expected.neighbors("word5")
    assert read_config(tmp_path / "model")["format_version"] == (1 if dtype == "float32" else 2)
    with pytest.raises(ValueError, match="read-only"):
        loaded["word1"][0] = 1
    with pytest.raises(ValueError, match="read-only"):
        loaded.vectors[0] = 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_cuts_and_joins_keep_the_dtype(embeddings: Embeddings, dtype: DType) -> None:
    compact = embeddings.astype(dtype)
    assert compact[10:20].dtype == (compact | Embeddings(["new"], np.ones((1, 24)))).dtype == dtype
    grown = compact.add_vectors(["new", "word1"], np.ones((2, 24)), replace=True)
    assert grown.dtype == dtype
    np.testing.assert_allclose(grown["word1"], 1, rtol=1e-6)
    np.testing.assert_array_equal(grown["word2"], compact["word2"])
    assert pickle.loads(pickle.dumps(compact)).neighbors("word1") == compact.neighbors("word1")


def test_zero_rows_stay_zero_in_every_dtype() -> None:
    embeddings = Embeddings(["zero", "a", "b"], [[0, 0], [1, 2], [-2, 1]])
    for dtype in DTYPES:
        compact = embeddings.astype(dtype)
        assert compact["zero"].tolist() == [0, 0]
        assert compact.neighbors("a") == [("zero", 0.0), ("b", pytest.approx(0, abs=0.02))]


@pytest.mark.parametrize(
    ("row", "dtype", "message"),
    [
        ([np.nan, 1], "float16", "the word 'b' cannot be stored as float16: it holds NaN or infinity"),
        ([np.inf, 1], "int8", "the word 'b' cannot be stored as int8: it holds NaN or infinity"),
        ([1, -70000], "float16", "'b' .* holds 70000"),
        ([1e-6, 1e-7], "float16", "'b' .* holds 1e-06"),
        ([1, 1], "float64", "float32, float16, int8, not as 'float64'"),
    ],
)
def test_astype_refuses_what_it_cannot_keep(row: list[float], dtype: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Embeddings(["a", "b"], np.array([[1, 1], row])).astype(dtype)


@pytest.mark.parametrize(
    ("stored", "scales", "error", "message"),
    [
        (np.ones((2, 3), np.int8), None, TypeError, "need a scale"),
        (np.ones((2, 3), np.float16), np.ones(2, np.float32), TypeError, "no others"),
        (np.ones((2, 3), np.int8), np.ones(3, np.float32), ValueError, "scales must be float32"),
        (np.ones((2, 3), np.int16), None, TypeError, "not as int16"),
        (np.ones(3, np.float32), None, ValueError, "shape"),
    ],
)
def test_vector_table_rejects_what_does_not_fit(
    stored: np.ndarray, scales: np.ndarray | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        VectorTable(stored, scales)


@pytest.mark.parametrize(
    "tensors",
    [
        {"scales": None},
        {"scales": np.ones(79, np.float32)},
        {"scales": np.ones(80, np.float64)},
        {"scales": np.full(80, np.nan, np.float32)},
        {"scales": np.full(80, -1, np.float32)},
        {"vectors": np.ones((80, 24), np.int16)},
    ],
)
def test_load_rejects_damaged_int8_vectors(embeddings: Embeddings, tmp_path: Path, tensors: dict[str, Any]) -> None:
    embeddings.save(tmp_path / "model", dtype="int8")
    file = tmp_path / "model" / LAYOUT.vectors
    changed = {**read_tensors(file, mmap=False), **tensors}
    write_tensors(file, {name: array for name, array in changed.items() if array is not None})
    with pytest.raises(ModelError, match=r"vectors\.safetensors is damaged"):
        Embeddings.load(tmp_path / "model")


MEMORY_PROGRAM = """
import resource, sys
import numpy as np
from w2v import Embeddings
limit = 192 << 20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
embeddings = Embeddings.load(sys.argv[1])
assert embeddings.table.nbytes > 2 * limit or embeddings.dtype != "float32"
near = embeddings.neighbors("word7", top_n=3)
batch = embeddings.neighbors_batch([f"word{i}" for i in range(200)], top_n=3)
assert batch[7] == near or [w for w, _ in batch[7]] == [w for w, _ in near]
try:
    np.ones(limit // 4, dtype=np.float32)
except MemoryError:
    print("capped", near[0][0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts memory on Linux only")
@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors_larger_than_memory_are_queried(tmp_path: Path, rng: np.random.Generator, dtype: DType) -> None:
    n = 450_000
    vectors = rng.integers(-100, 100, (n, 300), dtype=np.int8)
    vectors[9] = vectors[7]
    stored = VectorTable(vectors, np.full(n, 0.01, np.float32)) if dtype == "int8" else vectors.astype(dtype)
    tables = stored if isinstance(stored, VectorTable) else VectorTable(stored)
    Embeddings([f"word{i}" for i in range(n)], tables).save(tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_PROGRAM, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "capped word9"


@pytest.mark.parametrize("index", [slice(2, 4), np.array([3, 0, 2])])
def test_rows_that_are_taken_keep_the_norms_that_are_known(rng: np.random.Generator, index: Any) -> None:
    table = VectorTable(rng.normal(size=(5, 3)).astype(np.float32) * np.arange(1, 6, dtype=np.float32)[:, None])
    table.inverse_norms()
    expected = 1 / np.linalg.norm(table.stored[index].astype(np.float64), axis=1)
    np.testing.assert_allclose(table.take(index).inverse_norms(), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_that_are_appended_keep_their_numbers(rng: np.random.Generator, dtype: DType) -> None:
    first, second = (
        VectorTable((rng.normal(size=(n, 3)) * size).astype(np.float32)).astype(dtype) for n, size in ((4, 1), (2, 50))
    )
    joined = first.append(second)
    assert joined.dtype == dtype
    everything = slice(None)
    np.testing.assert_array_equal(joined.rows(everything), [*first.rows(everything), *second.rows(everything)])
