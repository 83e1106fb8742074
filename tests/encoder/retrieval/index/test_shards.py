"""Indexes searched as one, and made one: the same is found as in an index of all sentences."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings, ModelError, SentenceIndex
from w2v.encoder.retrieval import ShardedIndex, merge_indexes
from w2v.encoder.retrieval.index import graphs, storage

BORDERS = [0, 130, 260, 300]


@pytest.fixture(scope="module")
def words() -> Embeddings:
    rng = np.random.default_rng(3)
    return Embeddings([f"w{i}" for i in range(60)], rng.normal(size=(60, 8)).astype(np.float32))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Return sentences of which some are in several parts."""
    rng = np.random.default_rng(4)
    return [f"w{a} w{b}" for a, b in rng.integers(0, 30, (300, 2)).tolist()]


@pytest.fixture(scope="module")
def parts(words: Embeddings, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return three indexes, the second without metadata, and one of all of it."""
    folder = tmp_path_factory.mktemp("shards")
    words.save(folder / "words")
    for number, (start, stop) in enumerate(zip(BORDERS, BORDERS[1:], strict=False)):
        known = {"metadata": [{"id": i, "year": 1900 + i} for i in range(start, stop)]} if number != 1 else {}
        SentenceIndex.build(folder / "words", texts[start:stop], folder / f"{number}.index", **known)  # type: ignore[arg-type]
    SentenceIndex.build(folder / "words", texts, folder / "all.index")
    return [*(folder / f"{number}.index" for number in range(3)), folder / "all.index"]


def found(index: SentenceIndex | ShardedIndex, query: Any, **how: Any) -> list[Any]:
    return [[(hit.sentence, round(hit.similarity, 5)) for hit in hits] for hits in index.search(query, **how)]


def test_shards_find_what_one_index_of_all_finds(parts: list[Path], texts: list[str]) -> None:
    shards, whole = SentenceIndex.open(parts[:3]), SentenceIndex(parts[3])
    queries = [*texts[::40], "w3", "unheard"]
    for top_n in (1, 7, 1000):
        assert found(shards, queries, top_n=top_n) == found(whole, queries, top_n=top_n)
    for hits in shards.search(queries, top_n=9):
        for hit in hits:
            shard = next(number for number in range(3) if hit.sentence in texts[BORDERS[number] : BORDERS[number + 1]])
            assert hit.shard == str(parts[shard])  # of equal ones the first
            assert texts[BORDERS[shard] + hit.line - 1] == hit.sentence
            assert hit.id == (None if shard == 1 else BORDERS[shard] + hit.line - 1)
    assert found(shards, ["w3"]) == [[hit[:2] for hit in found(shards, ["w3"])[0]]]
    assert shards.search("w3", top_n=1)[0].sentence == whole.search("w3", top_n=1)[0].sentence
    assert list(shards) == texts and len(shards) == 300
    assert list(shards.to_pandas()["shard"]) == [str(parts[0])] * 130 + [str(parts[1])] * 130 + [str(parts[2])] * 40
    assert "0.index" in repr(shards) and "130 sentences" in shards._repr_html_()


def test_shards_are_searched_where_a_condition_is_met(parts: list[Path], texts: list[str]) -> None:
    shards = SentenceIndex.open(tuple(parts[:3]))
    assert shards.count("year >= 1920") == 110 + 40 and shards.count("year is missing") == 130
    numbers = [hit.id for hit in shards.search("w1 w2", top_n=500, where="year >= 2190")]
    assert sorted({texts[number] for number in numbers if isinstance(number, int)}) == sorted(set(texts[290:]))
    mask = np.arange(300) % 50 == 0
    assert {hit.sentence for hit in shards.search("w1", top_n=500, where=mask)} == set(texts[::50])
    assert shards.count(lambda row: row.get("year", 0) > 2190) == 9
    with pytest.raises(ValueError, match="there is no column 'month'; columns are id, year"):
        shards.search("w1", where="month > 5")
    with pytest.raises(ValueError, match="one boolean for each of the 300 sentences"):
        shards.search("w1", where=[True])
    with pytest.raises(AttributeError, match=r"can only be searched; to change one, open it"):
        shards.add(["w1"])  # type: ignore[attr-defined]


def test_merge_makes_the_index_of_all(parts: list[Path], texts: list[str], tmp_path: Path) -> None:
    told: list[Any] = []
    place = merge_indexes(parts[:3], tmp_path / "merged", progress=lambda *state: told.append(state))
    merged, whole = SentenceIndex(place), SentenceIndex(parts[3])
    for name in (storage.TEXT, storage.POSITIONS, storage.VECTORS):
        assert (place / name).read_bytes() == (parts[3] / name).read_bytes()
    assert merged.contents.sources == whole.contents.sources and told[-1] == ("copying", 300, 300)
    assert merged.search(texts[:20], top_n=9) == [
        [hit._replace(id=merged.ids[hit.line - 1], metadata={"year": merged.metadata["year"][hit.line - 1]})  # type: ignore[index]
         for hit in hits] for hits in whole.search(texts[:20], top_n=9)
    ]  # fmt: skip
    assert merged.ids == [None if 130 <= i < 260 else i for i in range(300)]
    assert merged.metadata == {"year": [None if 130 <= i < 260 else 1900 + i for i in range(300)]}
    with pytest.raises(ModelError, match="merged exists already"):
        merge_indexes(parts[:2], tmp_path / "merged")
    assert len(SentenceIndex(merge_indexes(parts[1:3], tmp_path / "merged", overwrite=True))) == 170


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_merge_of_files_leaves_out_what_is_removed(tmp_path: Path, dtype: Any) -> None:
    (tmp_path / "a.txt").write_text("the river\n42\nx\n")
    (tmp_path / "b.txt").write_text("a river\nnaïve\n")
    one = SentenceIndex.build(make_embeddings(), tmp_path / "a.txt", tmp_path / "one", dtype=dtype, ids=["a", "b", "c"])
    two = SentenceIndex.build(make_embeddings(), tmp_path / "b.txt", tmp_path / "two", dtype=dtype, ids=["b", "d"])
    with pytest.raises(ValueError, match=r"the id 'b' is in .*one and in .*two; remove it from one"):
        merge_indexes([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    with pytest.raises(ValueError, match=r"link is given twice: its sentences would be found twice"):
        merge_indexes([tmp_path / "one", tmp_path / "link"], tmp_path / "both")
    one.remove("b")
    both = SentenceIndex(merge_indexes([tmp_path / "one", tmp_path / "two"], tmp_path / "both"))
    assert [both.place(i) for i in range(4)] == [one.place(0), one.place(1), two.place(0), two.place(1)]
    assert both.ids == ["a", "c", "b", "d"] and len(both) == 4
    np.testing.assert_array_equal(both.table.stored, np.concatenate([one.table.stored, two.table.stored]))
    both.add(["the x"], ids=["e"])
    assert both.place(4) == ("the x", 1, "")


def test_merge_brings_graphs_along(parts: list[Path], texts: list[str], tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("usearch", reason="the library that builds and searches graphs")
    monkeypatch.setattr(graphs, "GRAPH_ROWS", 70)
    for part in parts[:3]:
        shutil.copytree(part, tmp_path / part.name)
    folders = [tmp_path / part.name for part in parts[:3]]
    SentenceIndex(folders[0]).build_graphs()
    last = SentenceIndex(folders[2])
    last.build_graphs()
    last.add(["w1 w2", "w4 w5"], ids=[500, 501])
    merged = SentenceIndex(merge_indexes(folders, tmp_path / "merged"))
    assert list(merged.contents.graphs) == [(0, 65), (65, 130), (260, 300)] and len(merged) == 302
    assert b'"format_version": 2' in (merged.path / "config.json").read_bytes()
    assert merged.measure_recall() > 0.97
    assert [hits[0].sentence for hits in merged.search(texts, top_n=1)] == texts
    assert merged.search("w1 w2", top_n=1)[0].similarity == pytest.approx(1, abs=1e-3)
    assert merged.build_graphs() == 132 and merged.contents.in_graphs == 302
    assert list(merged.contents.graphs[2:]) == [(130, 195), (195, 260), (260, 300), (300, 302)]


def test_indexes_that_differ_are_not_put_together(parts: list[Path], words: Embeddings, tmp_path: Path) -> None:
    other = Embeddings(words.index_to_key, words.vectors[::-1].copy())
    SentenceIndex.build(other, ["w1"], tmp_path / "encoder")
    SentenceIndex.build(words, ["w1"], tmp_path / "narrow", truncate_dim=5)
    SentenceIndex.build(words, ["w1"], tmp_path / "int8", dtype="int8")
    SentenceIndex.build(words, ["w1"], tmp_path / "typed", metadata=[{"year": "MM"}])
    for name, message in (
        ("encoder", "0.index and .*encoder come from different encoders"),
        ("narrow", "have vectors of 8 and 5 columns"),
        ("typed", "column 'year' would hold integers and text"),
    ):
        with pytest.raises(ValueError, match=message):
            SentenceIndex.open([parts[0], tmp_path / name])
        with pytest.raises(ValueError, match=message):
            merge_indexes([parts[0], tmp_path / name], tmp_path / "merged")
    assert len(SentenceIndex.open([parts[0], tmp_path / "int8"])) == 131
    with pytest.raises(ModelError, match="have vectors of float16 and int8 numbers"):
        merge_indexes([parts[0], tmp_path / "int8"], tmp_path / "merged")
    with pytest.raises(ModelError, match="nowhere does not exist"):
        merge_indexes([parts[0], tmp_path / "nowhere"], tmp_path / "merged")
    for nothing in (lambda: SentenceIndex.open([]), lambda: merge_indexes([], tmp_path / "merged")):
        with pytest.raises(ValueError, match="give the folders of the indexes"):
            nothing()
    assert not (tmp_path / "merged").exists()


def test_digest_of_the_encoder_is_kept_or_computed(parts: list[Path], tmp_path: Path) -> None:
    shutil.copytree(parts[2], tmp_path / "old")
    contents = storage.read_contents(tmp_path / "old")
    assert len(contents.encoder_digest) == 64
    storage.write_contents(tmp_path / "old", replace(contents, encoder_digest=""))
    assert len(SentenceIndex.open([parts[0], tmp_path / "old"])) == 170
