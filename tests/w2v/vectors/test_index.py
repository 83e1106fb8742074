"""The approximate index: what it finds, that it is kept with its model, and that one of other vectors is refused."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v import Embeddings, ModelError
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.fidelity import measure_recall
from w2v.vectors.index import INDEX_FILE, NeighborIndex, fingerprint
from w2v.vectors.table import DTYPES, DType, VectorTable

pytest.importorskip("usearch", reason="the library that builds and searches the index")

N_WORDS = 3000
WORDS = [f"word{i}" for i in range(N_WORDS)]


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(60, 16))
    vectors = centres[rng.integers(0, 60, N_WORDS)] + rng.normal(size=(N_WORDS, 16)) * 0.5
    vectors[7] = 0
    return Embeddings(WORDS, vectors.astype(np.float32))


@pytest.fixture(scope="module")
def saved(embeddings: Embeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "my.model"
    embeddings.save(path)
    Embeddings.load(path).build_index(workers=1).save(path)
    return path


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """Return a copy of the model that a test may spoil."""
    subprocess.run(["cp", "-r", str(saved), str(tmp_path / "my.model")], check=True)
    return tmp_path / "my.model"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("index_dtype", ["float16", "int8"])
def test_index_finds_nearly_all_neighbors_with_exact_similarities(
    embeddings: Embeddings, dtype: DType, index_dtype: Any
) -> None:
    compact = embeddings.astype(dtype)
    assert measure_recall(compact.build_index(dtype=index_dtype, workers=1), compact.table) > 0.97
    exact = dict(compact.neighbors("word3", top_n=40))
    found = compact.neighbors("word3", top_n=10, approximate=True)
    assert len(found) == 10 and "word3" not in dict(found)
    assert [score for _, score in found] == sorted([score for _, score in found], reverse=True)
    np.testing.assert_allclose([score for _, score in found], [exact[word] for word, _ in found], atol=2e-6)


def test_recall_sees_an_index_that_finds_little(embeddings: Embeddings) -> None:
    index = embeddings.build_index(connectivity=2, effort=1, workers=1)
    assert measure_recall(index, embeddings.table) < 0.6


def test_effort_is_kept_with_the_index(embeddings: Embeddings, tmp_path: Path) -> None:
    table, file = embeddings.table, tmp_path / "i.safetensors"
    queries = table.unscaled(slice(0, 200)) * table.inverse_norms(slice(0, 200))[:, None]
    built = NeighborIndex.build(table, connectivity=4, effort=3, workers=1)
    built.write(file)
    for found, expected in zip(
        NeighborIndex.read(file, table, "").search(queries, table, 5), built.search(queries, table, 5), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    stored = dict(read_tensors(file))
    assert stored["effort"].tolist() == [3]
    write_tensors(file, stored | {"effort": np.array([300])})  # it is what is stored that a search uses
    more = NeighborIndex.read(file, table, "")
    assert measure_recall(more, table) > measure_recall(built, table)
    more.write(file)
    assert read_tensors(file)["effort"].tolist() == [300]


def test_index_leaves_out_rows_that_are_near_to_nothing(embeddings: Embeddings) -> None:
    vectors = embeddings.vectors.copy()
    vectors[100] = np.nan
    spoilt = Embeddings(WORDS, vectors)
    index = spoilt.build_index(workers=1)
    assert len(index) == N_WORDS - 2 and repr(index) == "NeighborIndex(2998 of 3000 rows)"
    found = spoilt.neighbors("word3", top_n=N_WORDS, approximate=True)
    assert not {"word7", "word100", "word3"} & {word for word, _ in found}
    assert len(found) <= N_WORDS - 3


def test_index_answers_batches_weights_and_vectors(embeddings: Embeddings) -> None:
    embeddings.build_index(workers=1)
    words = WORDS[10:40]
    batch = embeddings.neighbors_batch(words, top_n=5, approximate=True)
    assert batch == [embeddings.neighbors(word, top_n=5, approximate=True) for word in words]
    terms: list[Any] = [("word1", 2.0), embeddings["word2"]]
    found = embeddings.neighbors(terms, "word5", top_n=3, approximate=True)
    assert [word for word, _ in found] == [word for word, _ in embeddings.neighbors(terms, "word5", top_n=3)]
    assert embeddings.neighbors("word1", top_n=0, approximate=True) == []


def test_index_is_found_in_the_folder_that_the_model_is_loaded_from(saved: Path, embeddings: Embeddings) -> None:
    program = (
        "import sys, gc; from w2v import Embeddings\n"
        "embeddings = Embeddings.load(sys.argv[1]); embeddings.index; gc.collect()\n"
        "print(*[word for word, _ in embeddings.neighbors('word3', top_n=5, approximate=True)])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(saved)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [word for word, _ in embeddings.neighbors("word3", top_n=5)]


def test_index_is_as_before_after_it_was_saved_and_opened(saved: Path) -> None:
    loaded = Embeddings.load(saved)
    opened = loaded.neighbors_batch(WORDS[10:60], approximate=True)
    loaded.build_index(workers=1)
    assert loaded.neighbors_batch(WORDS[10:60], approximate=True) == opened


def test_index_is_opened_again_by_a_pickled_copy(saved: Path) -> None:
    loaded = Embeddings.load(saved)
    expected = loaded.neighbors("word3", approximate=True)
    assert pickle.loads(pickle.dumps(loaded)).neighbors("word3", approximate=True) == expected


def test_search_without_an_index_says_how_to_build_one(embeddings: Embeddings, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"call build_index\(\) first"):
        Embeddings(WORDS, embeddings.vectors).neighbors("word3", approximate=True)
    embeddings.save(tmp_path / "plain.model")
    with pytest.raises(ModelError, match="w2v index .*plain.model"):
        Embeddings.load(tmp_path / "plain.model").neighbors("word3", approximate=True)
    with pytest.raises(ValueError, match="restrict_vocab needs an exact search"):
        embeddings.neighbors("word3", restrict_vocab=10, approximate=True)


def test_index_of_other_vectors_is_refused(model: Path, embeddings: Embeddings) -> None:
    index = (model / INDEX_FILE).read_bytes()
    changed = embeddings.vectors.copy()
    changed[0] += 1
    Embeddings(WORDS, changed).save(model, overwrite=True)
    assert not (model / INDEX_FILE).exists()
    (model / INDEX_FILE).write_bytes(index)
    with pytest.raises(ModelError, match="built from vectors other than the model's; build it with"):
        Embeddings.load(model).neighbors("word3", approximate=True)
    with pytest.raises(ModelError, match="vectors other than the index was built from"):
        embeddings.build_index(workers=1).save(model)
    assert (model / INDEX_FILE).read_bytes() == index


def test_fingerprint_changes_with_shape_dtype_and_numbers(embeddings: Embeddings) -> None:
    tables = [embeddings.table, embeddings[:2000].table, embeddings.astype("float16").table]
    scaled = embeddings.astype("int8").table
    assert scaled.scales is not None
    tables += [scaled, VectorTable(scaled.stored, scaled.scales * np.float32(2))]
    assert len({fingerprint(table) for table in tables}) == 5
    assert fingerprint(Embeddings(WORDS, embeddings.vectors.copy()).table) == fingerprint(embeddings.table)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graph": np.zeros(1000, np.uint8)}, "is damaged"),
        ({"graph": None}, "is damaged"),
        ({"version": np.array([2])}, "not an index of this version"),
        ({"version": None}, "not an index of this version"),
        ({"fingerprint": None}, "vectors other"),
    ],
)
def test_damaged_index_is_refused(model: Path, changes: dict[str, Any], message: str) -> None:
    tensors = {**read_tensors(model / INDEX_FILE, mmap=False), **changes}
    write_tensors(model / INDEX_FILE, {name: array for name, array in tensors.items() if array is not None})
    with pytest.raises(ModelError, match=message):
        Embeddings.load(model).neighbors("word3", approximate=True)


def test_truncated_index_is_refused(model: Path) -> None:
    os.truncate(model / INDEX_FILE, (model / INDEX_FILE).stat().st_size // 2)
    with pytest.raises(ModelError, match="damaged or not a safetensors file"):
        Embeddings.load(model).neighbors("word3", approximate=True)


def test_index_of_a_model_of_fewer_words_is_refused(model: Path, embeddings: Embeddings) -> None:
    few = embeddings.head(50)
    tensors = dict(read_tensors(model / INDEX_FILE, mmap=False))
    tensors["fingerprint"] = np.frombuffer(fingerprint(few.table), np.uint8)
    write_tensors(model / INDEX_FILE, tensors)
    with pytest.raises(ModelError, match="its shape differs from that of the vectors"):
        NeighborIndex.open(model, few.table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connectivity": 1}, "connectivity must be between 2"),
        ({"effort": 0}, "effort between 1"),
        ({"dtype": "float32"}, "float16, int8, not 'float32'"),
    ],
)
def test_build_index_rejects_impossible_options(embeddings: Embeddings, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        embeddings.build_index(**options)


def test_index_without_its_library_says_what_to_install(
    embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(ImportError, match=r"pip install 'w2v-toolkit\[index\]'"):
        Embeddings(WORDS, embeddings.vectors).build_index()
