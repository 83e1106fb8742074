"""Ids and metadata of an index, searches by them, and sentences removed, replaced and compacted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers import ROOT
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings, ModelError, SentenceIndex
from w2v.corpora.readers import TextReader
from w2v.corpora.tables.typed import column_of
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval.index import exact, graphs, searching, sentence_index, storage
from w2v.encoder.retrieval.index.appending import EncodedBatch
from w2v.encoder.retrieval.index.records.joining import Joining
from w2v.storage.files import lock_folder
from w2v.vectors.table import VectorTable

N = 400
TEXTS = ["the river", "River, a river!", "", "don't 42", "unheard", "naïve river", "日本 x", "a river", "the river"]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def words() -> Embeddings:
    """Return words of which any two make a sentence of their own."""
    rng = np.random.default_rng(3)
    return Embeddings([f"w{i}" for i in range(200)], rng.normal(size=(200, 12)).astype(np.float32))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    rng = np.random.default_rng(4)
    return [f"w{a} w{b}" for a, b in rng.integers(0, 200, (N, 2)).tolist()]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    rng = np.random.default_rng(6)
    years, langs = rng.integers(1990, 2010, N).tolist(), rng.choice(["de", "en", "fr"], N).tolist()
    return [
        {"id": f"d{i}", "year": years[i], "lang": langs[i] if i % 7 else None, "ok": i % 3 == 0, "weight": i / 4}
        for i in range(N)
    ]


@pytest.fixture(scope="module")
def saved(words: Embeddings, texts: list[str], rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "my.index"
    SentenceIndex.build(words, texts, path, metadata=rows, dtype="float32")
    return path


@pytest.fixture
def index(saved: Path, tmp_path: Path) -> SentenceIndex:
    """Return a copy of an index that a test may change."""
    shutil.copytree(saved, tmp_path / "my.index")
    return SentenceIndex(tmp_path / "my.index")


def brute_force(
    words: Embeddings, query: str, texts: list[str], chosen: list[int], n: int
) -> list[tuple[str, int, float]]:
    """Return the nearest of some texts, equal ones once, by cosines in float64: the texts, their numbers, cosines."""
    encoder = SentenceEncoder(words)
    vectors = encoder.encode([texts[i] for i in chosen]).astype(np.float64)
    cosines = vectors @ encoder.encode([query])[0].astype(np.float64)
    best: dict[str, tuple[str, int, float]] = {}
    for place in np.argsort(-cosines, kind="stable").tolist():
        best.setdefault(texts[chosen[place]], (texts[chosen[place]], chosen[place], float(cosines[place])))
    return list(best.values())[:n]


def told(index: SentenceIndex, query: str, n: int = 30, **how: Any) -> list[Any]:
    return [
        (hit.sentence, round(hit.similarity, 5), hit.id, hit.metadata) for hit in index.search(query, top_n=n, **how)
    ]


# --- ids and metadata ------------------------------------------------------------------------------------------------


def test_hits_carry_ids_and_metadata_of_their_types(index: SentenceIndex, texts: list[str], rows: list[Row]) -> None:
    for hit in index.search("w1 w2", top_n=50):
        row = dict(rows[hit.line - 1])
        assert (hit.id, hit.sentence) == (row.pop("id"), texts[hit.line - 1])
        assert hit.metadata == row and {type(hit.metadata[name]) for name in row} <= {int, str, bool, float, type(None)}
    assert index.ids == [row["id"] for row in rows]
    assert index.metadata["weight"] == [row["weight"] for row in rows]
    frame = index.search("w1 w2", top_n=3).to_pandas()  # type: ignore[attr-defined]
    assert list(frame) == ["sentence", "similarity", "line", "file", "id", "year", "lang", "ok", "weight"]
    assert list(index.to_pandas()["year"]) == [row["year"] for row in rows]
    assert "metadata" in index._repr_html_() and "'d0'" not in repr(index)


def test_records_follow_the_texts_that_have_a_vector(tmp_path: Path) -> None:
    numbers = list(range(len(TEXTS)))
    built = SentenceIndex.build(make_embeddings(), TEXTS, tmp_path / "a", ids=numbers, metadata={"line": numbers})
    assert built.ids == [0, 1, 3, 5, 6, 7, 8] == built.metadata["line"]
    assert list(built.to_pandas()) == ["sentence", "line", "file", "id", "metadata.line"]
    (tmp_path / "text").write_text("A river. The river!\n\nx\n")
    split = SentenceIndex.build(
        make_embeddings(), TextReader(tmp_path / "text"), tmp_path / "b", splits=True, ids=["one", "two", "three"]
    )
    assert split.ids == ["one", "one", "three"] and split.remove("one") == 2 and list(split) == ["x"]


def test_metadata_is_read_from_files_and_tables_have_their_own(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("the river\nx\n")
    (tmp_path / "known.jsonl").write_text('{"key": "a", "n": 1}\n{"key": "b"}\n')
    (tmp_path / "table.csv").write_text("key,text,n\na,the river,1\nb,x,\n")
    one = SentenceIndex.build(
        make_embeddings(), tmp_path / "text", tmp_path / "one", ids="key", metadata=tmp_path / "known.jsonl"
    )
    two = SentenceIndex.build(
        make_embeddings(), tmp_path / "table.csv", tmp_path / "two", ids="key", text_column="text"
    )
    assert one.ids == two.ids == ["a", "b"] and one.metadata == two.metadata == {"n": [1, None]}
    assert two.place(1) == ("x", 3, str(tmp_path / "table.csv"))
    (tmp_path / "more.csv").write_text("id,text,n\n7,x 42,2\n")
    two.add(tmp_path / "more.csv", text_column="text")
    assert two.ids == ["a", "b", "7"] and two.metadata["n"] == [1, None, 2]


def test_columns_grow_with_what_is_added(tmp_path: Path) -> None:
    built = SentenceIndex.build(make_embeddings(), ["x"], tmp_path / "a", metadata=[{"n": 1, "lang": None}])
    built.add(["42"], metadata={"n": [2.5], "place": ["here"]})
    built.add(["a river"])
    built.add(["the river"] * 3, ids=["a", "b", "c"], metadata=pd.DataFrame({"lang": ["de", None, "fr"]}))
    for opened in (built, SentenceIndex(tmp_path / "a")):
        assert opened.metadata == {
            "n": [1.0, 2.5, None, None, None, None],
            "lang": [None, None, None, "de", None, "fr"],
            "place": [None, "here", None, None, None, None],
        }
        assert opened.ids == [None, None, None, "a", "b", "c"]
        assert opened.count("place is missing") == 5 and opened.count("n > 1 and lang != 'de'") == 1
        assert opened.search("x", top_n=1)[0].metadata == {"n": 1.0, "lang": None, "place": None}


def test_files_of_records_stay_few(tmp_path: Path) -> None:
    built = SentenceIndex.build(make_embeddings(), ["x"], tmp_path / "a", ids=[0])
    for number in range(1, 20):
        built.add([f"the {number}"], ids=[number])
    assert built.ids == list(range(20)) and len(built.contents.records) < 6
    assert len(list((tmp_path / "a").glob("records-*"))) <= len(built.contents.records) + 3
    assert built.compact() == 0 and len(built.contents.records) == 1  # one file, though nothing was removed
    assert SentenceIndex(tmp_path / "a").ids == list(range(20))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"ids": ["a", "b"]}, "there are 2 records of metadata or ids for 3 texts; give one for each text"),
        ({"metadata": [{"a": 1}] * 4}, "there are 4 records of metadata or ids for 3 texts"),
        ({"ids": ["a", "b", "a"]}, "the id 'a' is given twice: record 1 and record 3"),
        ({"ids": ["a", None, "b"]}, "record 2 has no id; give every text an id"),
        ({"ids": [1.5, 2.5, 3.5]}, "ids must be text or integers, not numbers"),
        ({"ids": ["a", 1, "b"]}, "column 'id' mixes types: record 1 has 'a', record 2 1"),
        ({"metadata": [{"a": 1}] * 3, "text_column": "a"}, "are the metadata, so give no others"),
    ],
)
def test_records_that_do_not_fit_leave_nothing(tmp_path: Path, how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentenceIndex.build(make_embeddings(), ["x", "42", "a"], tmp_path / "a", **how)
    if "text_column" not in how:
        (tmp_path / "text").write_text("x\n42\na\n")
        with pytest.raises(ValueError, match=message):
            SentenceIndex.build(make_embeddings(), TextReader(tmp_path / "text"), tmp_path / "a", **how)
    assert not (tmp_path / "a").exists()


def test_too_few_records_are_found_out_before_all_texts_are_encoded() -> None:
    joining = Joining({"a": column_of([1, 2], "a", str)})
    batch = EncodedBatch("", [b"x"] * 2, np.array([1, 3]), np.eye(2, dtype=np.float32), 3, np.array([0, 2]))
    with pytest.raises(ValueError, match="there are 2 records of metadata or ids for 3 texts"):
        joining.follow(batch)


def test_add_that_does_not_fit_leaves_the_index_as_it_was(index: SentenceIndex) -> None:
    before = {file.name: file.read_bytes() for file in index.path.iterdir() if file.is_file()}
    for how, message in (
        ({}, "the index has ids, so new sentences need ids"),
        ({"metadata": [{"year": 1}]}, "the index has ids, so new sentences need ids"),
        ({"ids": ["d7"]}, "the id 'd7' is already in the index; replace its sentence"),
        ({"ids": [7]}, "column 'id' would hold text and integers"),
        ({"ids": ["new"], "metadata": [{"year": "MMXX"}]}, "column 'year' would hold integers and text"),
        ({"ids": ["new", "newer"]}, "there are 2 records of metadata or ids for 1 texts"),
    ):
        with pytest.raises(ValueError, match=message):
            index.add(["w1 w2"], **how)
        with pytest.raises(ValueError, match=message):
            index.add(iter(["w1 w2"]), **how)
    assert {file.name: file.read_bytes() for file in index.path.iterdir() if file.is_file()} == before


def test_index_of_before_has_no_ids_and_gets_some(tmp_path: Path) -> None:
    built = SentenceIndex.build(make_embeddings(), ["x", "42"], tmp_path / "a")
    assert built.ids is None and built.metadata == {} and built.search("x")[0].metadata is None
    assert b'"format_version": 1' in (tmp_path / "a" / "config.json").read_bytes()
    with pytest.raises(ValueError, match="has no ids; build it with ids, or select sentences by a condition"):
        built.remove("x")
    with pytest.raises(ValueError, match="there is no column 'year'; columns are none: the index has no metadata"):
        built.search("x", where="year > 5")
    built.add(["a river"], ids=["r"])
    assert SentenceIndex(tmp_path / "a").ids == [None, None, "r"] and built.remove("r") == 1


def test_encoder_of_fewer_columns_is_refused(index: SentenceIndex, words: Embeddings) -> None:
    shutil.rmtree(index.path / storage.ENCODER)
    SentenceEncoder(Embeddings(words.index_to_key, words.vectors[:, :11])).save(index.path / storage.ENCODER)
    with pytest.raises(ModelError, match="its vectors have 12 columns, its encoder's 11"):
        SentenceIndex(index.path)


@pytest.mark.parametrize("change", ["values", "missing", "ends", "text"])
def test_damaged_records_are_refused(index: SentenceIndex, change: str) -> None:
    from w2v.storage.tensors import read_tensors, write_tensors

    [file] = index.path.glob("records-*")
    tensors = {name: array.copy() for name, array in read_tensors(file, mmap=False).items()}
    number = 2  # the column lang
    name = f"{number}.{change}"
    if change == "values":
        tensors[name][5] = 99
    elif change == "ends":
        tensors[name] = tensors[name][::-1].copy()
    else:
        tensors[name] = tensors[name][:-1].copy()
    write_tensors(file, tensors)
    with pytest.raises(ModelError, match=r"records-0-400.safetensors is damaged at its column 'lang'"):
        SentenceIndex(index.path).search("w1", where="lang == 'de'")
    file.unlink()
    with pytest.raises(ModelError, match="does not exist"):
        SentenceIndex(index.path)


# --- searches of some ------------------------------------------------------------------------------------------------

CONDITIONS: list[tuple[str, Callable[[Row], bool]]] = [
    ("year >= 2000 and lang == 'de'", lambda row: row["year"] >= 2000 and row["lang"] == "de"),
    ("ok and not lang in ('de', 'en')", lambda row: row["ok"] and row["lang"] not in ("de", "en")),
    ("id in ('d3', 'd7', 'd399')", lambda row: row["id"] in ("d3", "d7", "d399")),
    ("weight < 0", lambda row: False),
]


@pytest.mark.parametrize(("condition", "meets"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
@pytest.mark.parametrize("top_n", [3, 500])
def test_search_of_some_is_brute_force_over_them(
    index: SentenceIndex, words: Embeddings, texts: list[str], rows: list[Row], condition: str, meets: Any, top_n: int
) -> None:
    chosen = [i for i, row in enumerate(rows) if meets(row)]
    assert index.count(condition) == len(chosen)
    queries = ["w3 w14", "w159 w26", texts[7]]
    mask = np.array([meets(row) for row in rows])
    for where in (condition, mask, mask.tolist(), lambda row: meets(row)):
        for query, hits in zip(queries, index.search(queries, top_n=top_n, where=where), strict=True):
            expected = brute_force(words, query, texts, chosen, top_n)
            assert [hit.line - 1 for hit in hits] == [number for _, number, _ in expected]
            np.testing.assert_allclose(
                [hit.similarity for hit in hits], [cosine for _, _, cosine in expected], atol=1e-5
            )
    vector = index.encode(queries[:1])
    assert index.search_vectors(vector, top_n=top_n, where=condition) == [
        index.search(queries[0], top_n=top_n, where=condition)
    ]


@pytest.mark.parametrize(("n_queries", "sparse"), [(1, 5), (1, 1), (20, 5)])
def test_search_of_some_reads_blocks_of_any_size(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, n_queries: int, sparse: int
) -> None:
    """Whether rows are looked at where they are, or copied first: these are the best in float64."""
    monkeypatch.setattr(exact, "_ROWS_OF_A_BLOCK", 64)
    monkeypatch.setattr(exact, "_ROWS_OF_A_TASK", 16)
    monkeypatch.setattr(exact, "_SPARSE", sparse)
    vectors = rng.normal(size=(500, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table, queries = VectorTable(vectors, are_units=True), vectors[:n_queries]
    for fraction in (0.02, 0.4, 0.9):
        allowed = rng.random(500) < fraction
        allowed[64:128], allowed[128:192] = True, False
        cosines = np.where(allowed, queries.astype(np.float64) @ vectors.T, -np.inf)
        expected = np.argsort(-cosines, axis=1, kind="stable")[:, :30]
        scores, rows = exact.nearest_of(queries, table, slice(0, 500), 30, allowed)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(scores, np.take_along_axis(cosines, expected, axis=1), atol=1e-5)
    scores, rows = exact.nearest_of(queries, table, slice(0, 500), 3, np.arange(500) == 7)
    assert rows[:, 0].tolist() == [7] * n_queries and (rows[:, 1:] == -1).all() and (scores[:, 1:] == -np.inf).all()


def test_mask_of_another_length_is_refused(index: SentenceIndex) -> None:
    with pytest.raises(ValueError, match="one boolean for each of the 400 sentences, not bool of shape"):
        index.search("w1", where=[True])


def test_graphs_find_what_is_chosen_and_never_what_is_removed(
    index: SentenceIndex, words: Embeddings, texts: list[str], rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("usearch", reason="the library that builds and searches graphs")
    monkeypatch.setattr(graphs, "GRAPH_ROWS", 150)
    index.build_graphs()
    condition, meets = CONDITIONS[0]
    live = [i for i, row in enumerate(rows) if meets(row)]
    few = [hit.line - 1 for hit in index.search("w3 w14", top_n=9, where=condition)]
    assert few == [number for _, number, _ in brute_force(words, "w3 w14", texts, live, 9)]  # each is looked at
    monkeypatch.setattr(searching, "EXACT_LIMIT", 5)  # as if many more than a million met it
    hits = index.search(texts[:40], top_n=5, where=condition)
    assert all(meets(rows[hit.line - 1]) for found in hits for hit in found) and {len(found) for found in hits} == {5}
    index.remove([row["id"] for row in rows[:380]])
    answers = index.search(texts, top_n=4)
    assert all(hit.line > 380 for found in answers for hit in found) and {len(found) for found in answers} == {4}
    expected = brute_force(words, texts[390], texts, list(range(380, N)), 4)
    assert [hit.line - 1 for hit in answers[390]] == [number for _, number, _ in expected]
    assert index.measure_recall() > 0.9


# --- removing, replacing, compacting ---------------------------------------------------------------------------------


def test_what_is_removed_is_gone_everywhere(
    index: SentenceIndex, words: Embeddings, texts: list[str], rows: list[Row]
) -> None:
    gone = {3, 7, 100, 399}
    assert index.remove([f"d{i}" for i in sorted(gone)]) == 4 and index.remove(where="year < 1992") > 0
    old = {i for i, row in enumerate(rows) if row["year"] < 1992}
    live = [i for i in range(N) if i not in gone | old]
    for opened in (index, SentenceIndex(index.path)):
        assert len(opened) == len(live) == opened.count() and list(opened) == [texts[i] for i in live]
        assert opened.ids == [f"d{i}" for i in live] and opened[5] == texts[live[5]] and opened[-1] == texts[live[-1]]
        assert opened.place(7).line == live[7] + 1 and opened.sentences(2, 5) == [texts[i] for i in live[2:5]]
        assert opened.table.shape == (len(live), 12) and len(opened.to_pandas()) == len(live)
        for query in (texts[3], texts[7], "w5 w6"):
            expected = brute_force(words, query, texts, live, 20)
            assert [hit.line - 1 for hit in opened.search(query, top_n=20)] == [number for _, number, _ in expected]
        assert opened.search("w1", where="id == 'd3'") == []
    with pytest.raises(ValueError, match="has no sentence with the id 'd3', 'd7'"):
        index.remove(["d3", "d7"])
    index.add(["w1 w2"], ids=["d3"])
    assert index.ids is not None and index.ids[-1] == "d3"
    assert index.remove(where=[True] * len(index)) == len(live) + 1
    assert len(index) == 0 and index.search("w1") == [] and list(index) == []
    with pytest.raises(ValueError, match="all sentences of .*my.index are removed"):
        index.compact()


def test_replaced_texts_keep_what_is_not_given(index: SentenceIndex, rows: list[Row]) -> None:
    assert index.replace(["d5", "d9"], ["w1 w2 w3", "w199"], metadata={"lang": ["xx", None]}) == 2
    [hit] = index.search("w199", top_n=1)
    assert (hit.id, hit.metadata) == ("d9", {"year": rows[9]["year"], "lang": None, "ok": True, "weight": 2.25})
    assert index.ids == [row["id"] for row in rows if row["id"] not in ("d5", "d9")] + ["d5", "d9"]
    assert len(index) == N and index.replace("d5", "w7") == 1 and index[-1] == "w7" and index.contents.removed == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["d5", "dx", "dy"], ["w1", "w2", "w3"]), "has no sentence with the id 'dx', 'dy'"),
        ((["d5", "d5"], ["w1", "w2"]), "the id 'd5' is given twice"),
        ((["d5", "d6"], ["w1"]), "there are 2 ids but 1 texts or metadata records"),
        (([5], ["w1"]), "the ids of .* are text, so 5 cannot be one"),
        ((["d5", "d6"], ["w1", "unheard"]), "the new text for the id 'd6' has no word that the encoder knows"),
        (({"d5": 1}, ["w1"]), "ids must be a list of strings or integers, not dict"),
    ],
)
def test_replace_that_cannot_be_done_changes_nothing(index: SentenceIndex, arguments: Any, message: str) -> None:
    before = told(index, "w1 w2")
    with pytest.raises((TypeError, ValueError), match=message):
        index.replace(*arguments)
    assert told(SentenceIndex(index.path), "w1 w2") == before and index.contents.removed == 0
    with pytest.raises(ValueError, match="either ids or a condition"):
        index.remove()


def test_compact_makes_the_index_that_is_built_of_what_is_left(
    index: SentenceIndex, words: Embeddings, texts: list[str], rows: list[Row], tmp_path: Path
) -> None:
    index.remove(where="year < 2000")
    index.replace(["d9"] if rows[9]["year"] >= 2000 else [index.ids[0]], ["w8 w9"])  # type: ignore[index]
    index.add(["w4 w5", "w6"], ids=["n1", "n2"], metadata=[{"year": 3}, {"lang": "xx"}])
    left = {"id": index.ids, **index.metadata}
    built = SentenceIndex.build(words, list(index), tmp_path / "built.index", metadata=left, dtype="float32")
    before, reader = told(index, "w4 w5"), SentenceIndex(index.path)
    n_removed = index.contents.removed
    size = sum(file.stat().st_size for file in index.path.rglob("*"))
    assert index.compact() == n_removed and index.compact() == 0
    for name in (storage.TEXT, storage.VECTORS):
        assert (index.path / name).read_bytes() == (built.path / name).read_bytes()
    for opened in (index, SentenceIndex(index.path), built):
        assert opened.contents.removed == 0 and told(opened, "w4 w5") == before
        assert (opened.ids, opened.metadata) == (built.ids, built.metadata)
    assert told(reader, "w4 w5") == before  # what is open stays as it was
    assert sum(file.stat().st_size for file in index.path.rglob("*")) < size
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []
    reader.add(["w1"], ids=["later"])  # by what is on the disk
    assert SentenceIndex(index.path).ids == [*(built.ids or []), "later"]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_compact_keeps_files_lines_and_scales(tmp_path: Path, dtype: Any) -> None:
    (tmp_path / "a.txt").write_text("the river\n42\nx\n")
    (tmp_path / "b.txt").write_text("a river\nnaïve\n")
    built = SentenceIndex.build(
        make_embeddings(), [tmp_path / "a.txt", tmp_path / "b.txt"], tmp_path / "i", dtype=dtype
    )
    built.add(["the x"])
    places = [built.place(i) for i in (0, 2, 4, 5)]
    expected = [hit for hit in told(built, "x") if hit[0] not in ("42", "a river")]
    built.remove(where=[False, True, False, True, False, False])
    built.compact()
    assert [built.place(i) for i in range(4)] == places and told(built, "x") == expected
    built.add(["42"])
    assert built.place(4).line == 2


def test_compact_keeps_graphs_that_lost_nothing(
    index: SentenceIndex, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("usearch", reason="the library that builds and searches graphs")
    monkeypatch.setattr(graphs, "GRAPH_ROWS", 100)
    index.build_graphs()
    kept = (index.path / "graph-300-400.safetensors").read_bytes()
    index.remove(["d5", "d150"])
    monkeypatch.setattr(sentence_index, "has_usearch", lambda: False)
    index.compact()
    assert index.contents.graphs == ((198, 298), (298, 398))
    assert (index.path / "graph-298-398.safetensors").read_bytes() == kept
    assert SentenceIndex(index.path).search(texts[10], top_n=1)[0].sentence == texts[10]  # in no graph
    assert index.build_graphs() == 198 and index.contents.in_graphs == 398 and index.measure_recall() > 0.97


def test_compact_leaves_what_is_not_of_an_index(index: SentenceIndex) -> None:
    index.remove("d1")
    (index.path / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"also contains 'notes.txt', not part of an index"):
        index.compact()
    assert (index.path / "notes.txt").exists() and len(SentenceIndex(index.path)) == N - 1


def test_only_one_process_changes_an_index(index: SentenceIndex) -> None:
    changes: list[Callable[[], Any]] = [
        lambda: index.remove("d1"), lambda: index.replace("d1", "w1"), lambda: index.compact(),
    ]  # fmt: skip
    with lock_folder(index.path) as is_mine:
        if not is_mine:
            pytest.skip("folders cannot be locked here")
        for change in changes:
            with pytest.raises(ModelError, match="another process is changing .*my.index; try again"):
                change()
    assert index.remove("d1") == 1


@pytest.mark.parametrize("change", ["remove", "replace", "add", "compact"])
def test_change_that_stops_anywhere_is_done_or_not(
    index: SentenceIndex, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing fails at its first file that is put in place, then at its second, and so on, until it succeeds."""
    index.remove("d0")
    changes: dict[str, Callable[[SentenceIndex], Any]] = {
        "remove": lambda opened: opened.remove(["d1", "d2"]),
        "replace": lambda opened: opened.replace("d3", "w1 w5"),
        "add": lambda opened: opened.add(["w5 w1"], ids=["new"]),
        "compact": lambda opened: opened.compact(),
    }
    before, replace, failed = told(index, "w1 w5"), os.replace, 0
    while True:
        left = failed

        def stop(source: Any, target: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            replace(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", stop)
            opened = SentenceIndex(index.path)
            try:
                changes[change](opened)
            except KeyboardInterrupt:
                failed += 1
                assert told(SentenceIndex(index.path), "w1 w5") == told(opened, "w1 w5") == before
                continue
        break
    assert failed >= 2 - (change == "compact")
    after = told(opened, "w1 w5")
    assert (after == before) == (change == "compact") and told(SentenceIndex(index.path), "w1 w5") == after
    opened.remove("d9")
    assert {entry.name for entry in index.path.iterdir() if entry.name.startswith(("records", "removed"))} >= (
        opened.contents.file_names()
    )


CHANGING = """
import sys
from w2v import SentenceIndex
index = SentenceIndex(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    present = index.ids
    index.remove(present[:3])
    index.replace(present[5:9], ["w1 w2"] * 4)
    index.add(["w3 w4"] * 3, ids=[f"{present[0]}-{number}-{k}" for k in range(3)])
    if number % 3 == 0:
        index.compact()
"""


def test_what_a_killed_process_was_writing_is_cleared_away(index: SentenceIndex) -> None:
    left = [index.path / name for name in (".removed-3.bin.0123abcd.tmp", ".config.json.89abcdef.tmp")]
    for change in (partial(index.remove, ["d3"]), index.compact):
        for file in left:
            file.write_bytes(b"half")
        change()
        assert not any(file.exists() for file in left)
    foreign = index.path / ".notes.0123abcd.tmp"
    foreign.write_bytes(b"mine")
    index.remove(["d5"])
    with pytest.raises(ModelError, match=r"also contains '\.notes\.0123abcd\.tmp'"):
        index.compact()
    assert foreign.read_bytes() == b"mine"


@pytest.mark.slow
def test_index_is_whole_whenever_a_process_that_changes_it_is_killed(index: SentenceIndex) -> None:
    rng, n = np.random.default_rng(8), N
    for _ in range(12):
        command = [sys.executable, "-c", CHANGING, str(index.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(float(rng.uniform(0, 0.4)))
            process.send_signal(signal.SIGKILL)
        opened = SentenceIndex(index.path)
        assert opened.ids is not None and len(set(opened.ids)) == len(opened) == len(list(opened))
        assert (
            len(opened) in (n, n - 3) and None not in opened.ids
        )  # three were removed, and three others not yet added
        n = len(opened)
        assert len(opened.search("w1 w2", top_n=20)) == min(20, len(set(opened)))
    opened.remove(opened.ids[:1])  # type: ignore[index]
    opened.compact()
    assert [entry.name for entry in index.path.parent.iterdir() if entry.name.startswith(".")] == []
