"""Indexes of sentences: what is found, that adding is all or nothing, and that damage is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings, ModelError
from w2v.corpora.readers import TextReader
from w2v.encoder import SentenceEncoder
from w2v.encoder.model.state import sif_state
from w2v.encoder.retrieval import Hit, SentenceIndex
from w2v.encoder.retrieval.index import graphs, searching, sentence_index, storage
from w2v.encoder.retrieval.index.storage import graph_file
from w2v.storage.files import lock_folder
from w2v.storage.tensors import read_tensors
from w2v.vectors.index import NeighborIndex
from w2v.vectors.table import DTYPES, DType, VectorTable

SENTENCES = ["the river", "River, a river!", "", "don't 42", "unheard", "naïve river", "日本 x", "a river", "the river"]
N_MANY = 1500


@pytest.fixture(scope="module")
def words() -> Embeddings:
    """Return words around sixty centres, so that sentences of two have near neighbours."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(60, 16))
    vectors = centres[rng.integers(0, 60, 400)] + 0.4 * rng.normal(size=(400, 16))
    return Embeddings([f"w{i}" for i in range(400)], vectors.astype(np.float32))


@pytest.fixture(scope="module")
def many() -> list[str]:
    rng = np.random.default_rng(4)
    return [f"w{a} w{b}" for a, b in rng.integers(0, 400, (N_MANY, 2)).tolist()]


@pytest.fixture(scope="module")
def saved(words: Embeddings, many: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "many.index"
    SentenceIndex.build(words, many, path)
    return path


@pytest.fixture
def many_index(saved: Path, tmp_path: Path) -> Path:
    """Return a copy of an index that a test may change."""
    shutil.copytree(saved, tmp_path / "many.index")
    return tmp_path / "many.index"


def nearest(encoder: SentenceEncoder, query: str, sentences: list[str], n: int) -> list[tuple[str, float]]:
    """Return the distinct sentences of the highest cosines, computed in float64."""
    cosines = encoder.encode(sentences).astype(np.float64) @ encoder.encode([query])[0]
    best: dict[str, float] = {}
    for i in np.argsort(-cosines, kind="stable"):
        best.setdefault(sentences[i], float(cosines[i]))
    return list(best.items())[:n]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("top_n", [1, 40])
def test_search_finds_the_highest_cosines(
    words: Embeddings, many: list[str], tmp_path: Path, dtype: DType, top_n: int
) -> None:
    built = SentenceIndex.build(words, many, tmp_path / "my.index", dtype=dtype)
    found = built.search("w3 w14", top_n=top_n)
    expected = nearest(SentenceEncoder(words), "w3 w14", many, len(many))
    np.testing.assert_allclose([hit.similarity for hit in found], [cosine for _, cosine in expected[:top_n]], atol=0.02)
    np.testing.assert_allclose(
        [hit.similarity for hit in found], [dict(expected)[hit.sentence] for hit in found], atol=0.02
    )
    if dtype == "float32":
        assert [hit.sentence for hit in found] == [sentence for sentence, _ in expected[:top_n]]
    assert built.dtype == dtype and len(built) == N_MANY


def test_search_tells_where_sentences_come_from_and_shows_equal_ones_once(tmp_path: Path) -> None:
    built = SentenceIndex.build(make_embeddings(), SENTENCES, tmp_path / "my.index")
    assert len(built) == 7  # the empty one and the one without a known word are left out
    assert list(built) == [SENTENCES[i] for i in (0, 1, 3, 5, 6, 7, 8)]
    hits = built.search("the river", top_n=20)
    assert [hit.line for hit in hits if hit.sentence == "the river"] == [1]
    assert {hit.sentence: hit.line for hit in hits} == {SENTENCES[i]: i + 1 for i in (0, 1, 3, 5, 6, 7)}
    assert hits[0].similarity == pytest.approx(1, abs=1e-3) and {hit.file for hit in hits} == {""}


def test_search_goes_on_until_it_has_enough_distinct_sentences(tmp_path: Path) -> None:
    sentences = ["the river"] * 300 + ["a river", "x"]
    built = SentenceIndex.build(make_embeddings(), sentences, tmp_path / "my.index")
    assert {hit.sentence for hit in built.search("the river", top_n=3)} == {"the river", "a river", "x"}


def test_search_answers_many_queries_as_one_at_a_time(saved: Path, many: list[str]) -> None:
    opened = SentenceIndex.open(saved)
    queries = [*many[:300], "unheard", "w7"]
    answers = opened.search(queries, top_n=3)
    assert answers[300] == []
    for place in (0, 255, 256, 301):
        one = opened.search(queries[place], top_n=3)
        assert [hit[:1] + hit[2:] for hit in answers[place]] == [hit[:1] + hit[2:] for hit in one]
    assert opened.search([]) == []


def test_search_of_more_than_there_are_finds_all(saved: Path, many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_RESULTS_AT_ONCE", 2000)
    answers = SentenceIndex.open(saved).search(many[:3], top_n=1 << 60)
    assert [len(answer) for answer in answers] == [len(set(many))] * 3


def test_search_rejects_what_it_cannot_do(saved: Path) -> None:
    opened = SentenceIndex.open(saved)
    with pytest.raises(ValueError, match="no word of the query 'unheard of' is known"):
        opened.search("unheard of")
    with pytest.raises(ValueError, match="top_n must be at least 1, not 0"):
        opened.search("w1", top_n=0)
    with pytest.raises(ValueError, match=r"vectors must have shape \(Q, 16\), not \(2, 3\)"):
        opened.search_vectors(np.ones((2, 3)))
    with pytest.raises(ValueError, match="contains NaN or infinity"):
        opened.search_vectors(np.full((1, 16), np.nan))


@pytest.mark.parametrize("top_n", ["3", 2.5, None])
def test_results_are_counted_in_whole_numbers(saved: Path, top_n: Any) -> None:
    opened = SentenceIndex.open(saved)
    message = f"top_n must be a whole number, not {top_n!r}"
    with pytest.raises(TypeError, match=message):
        opened.search("w1", top_n=top_n)
    with pytest.raises(TypeError, match=message):
        opened.search_vectors(np.ones((1, 16)), top_n=top_n)
    with pytest.raises(TypeError, match="candidates must be a whole number, not 2.5"):
        opened.search("w1", candidates=2.5)  # type: ignore[call-overload]
    two: Any = np.int64(2)
    assert opened.search("w1", top_n=two) == opened.search("w1", top_n=2)
    assert opened.search_vectors(np.ones((1, 16)), top_k=2) == opened.search_vectors(np.ones((1, 16)), top_n=2)  # type: ignore[call-arg]


def test_index_is_pickled_as_its_folder(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    for opened in (SentenceIndex.open(saved.name, workers=1), SentenceIndex.open([saved])):
        data = pickle.dumps(opened)
        assert len(data) < 1000
        monkeypatch.chdir(tmp_path)
        again = pickle.loads(data)
        assert type(again) is type(opened)
        assert again.search(["w1 w2", "w3"], top_n=5) == opened.search(["w1 w2", "w3"], top_n=5)
        monkeypatch.chdir(saved.parent)


def test_search_vectors_takes_vectors_of_any_length(saved: Path, words: Embeddings) -> None:
    opened = SentenceIndex.open(saved)
    vector = SentenceEncoder(words).encode(["w5 w6"])
    [scaled, nothing] = opened.search_vectors(np.concatenate([70 * vector, 0 * vector]), top_n=4)
    assert [hit.sentence for hit in scaled] == [hit.sentence for hit in opened.search("w5 w6", top_n=4)]
    assert nothing == []


def test_index_of_files_knows_files_and_lines(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("the river\n\n  42 \n", encoding="utf-8")
    second.write_text("unheard\nnaïve x\r\n", encoding="utf-8")
    built = SentenceIndex.build(make_embeddings(), [first, second], tmp_path / "my.index")
    assert [built.place(i) for i in range(3)] == [
        ("the river", 1, str(first)),
        ("42", 3, str(first)),
        ("naïve x", 2, str(second)),
    ]
    assert built[-1] == "naïve x"
    with pytest.raises(IndexError, match="has 3 sentences, so there is none with number 3"):
        built[3]
    assert built[1:] == ["42", "naïve x"] and built[::-2] == ["naïve x", "the river"] and built[5:] == []
    with pytest.raises(TypeError, match=r"numbered from 0, and 'a' is not a number: index.ids"):
        built["a"]  # type: ignore[call-overload]
    for wrong, what in ((None, "NoneType: None"), (5, "int: 5"), (b"x", "bytes: b'x'")):
        with pytest.raises(TypeError, match=f"a list of queries is needed, not {what}"):
            built.search(wrong)  # type: ignore[call-overload]


def test_index_splits_lines_into_sentences_and_remembers_to(tmp_path: Path) -> None:
    built = SentenceIndex.build(make_embeddings(), ["A river. The river!", "x"], tmp_path / "my.index", splits=True)
    built.add(["42. A naïve river."])
    assert [(built[i], built.place(i).line) for i in range(len(built))] == [
        ("A river.", 1), ("The river!", 1), ("x", 2), ("42.", 3), ("A naïve river.", 3),
    ]  # fmt: skip


def test_index_keeps_sentences_that_hold_line_feeds(tmp_path: Path) -> None:
    built = SentenceIndex.build(make_embeddings(), ["the\nriver", "x\r\n42"], tmp_path / "my.index")
    assert list(SentenceIndex.open(built.path)) == ["the\nriver", "x\r\n42"]


def test_index_is_whole_without_the_model_it_was_built_with(tmp_path: Path) -> None:
    make_embeddings().save(tmp_path / "my.model")
    SentenceIndex.build(tmp_path / "my.model", SENTENCES, tmp_path / "my.index")
    shutil.rmtree(tmp_path / "my.model")
    (tmp_path / "my.index").rename(tmp_path / "moved.index")
    opened = SentenceIndex.open(tmp_path / "moved.index")
    [hit] = opened.search("a river", top_n=1)
    assert hit == Hit("a river", hit.similarity, 8, "") and hit.similarity == pytest.approx(1, abs=1e-3)
    assert repr(opened) == f"SentenceIndex({str(tmp_path / 'moved.index')!r}, 7 sentences, float16, exact)"


def test_index_takes_every_kind_of_encoder(tmp_path: Path) -> None:
    attention = SentenceEncoder(make_embeddings(), "attention", dim=8, heads=2, random_state=1).fit()
    attention.save(tmp_path / "my.encoder")
    kinds: list[Any] = [attention, attention.state, tmp_path / "my.encoder", str(tmp_path / "my.encoder")]
    for number, encoder in enumerate(kinds):
        built = SentenceIndex.build(encoder, SENTENCES, tmp_path / f"{number}.index")
        [hit] = SentenceIndex.open(built.path).search("River, a river!", top_n=1)
        assert hit.line == 2 and hit.similarity == pytest.approx(1, abs=1e-3)
    with pytest.raises(ModelError, match="does not exist"):
        SentenceIndex.build(tmp_path / "no.encoder", SENTENCES, tmp_path / "my.index")


def test_index_truncates_vectors_to_what_the_encoder_or_the_caller_says(tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_embeddings(), truncate_dim=8)
    assert SentenceIndex.build(encoder, SENTENCES, tmp_path / "a.index").table.shape == (7, 8)
    built = SentenceIndex.build(encoder, SENTENCES, tmp_path / "b.index", truncate_dim=5)
    assert built.search("the river", top_n=1)[0].similarity == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match="truncate_dim is 21, but the vectors have only 20 columns"):
        SentenceIndex.build(encoder, SENTENCES, tmp_path / "c.index", truncate_dim=21)


# --- adding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_add_makes_the_index_that_building_at_once_makes(tmp_path: Path, dtype: DType) -> None:
    at_once = SentenceIndex.build(make_embeddings(), SENTENCES, tmp_path / "a.index", dtype=dtype)
    grown = SentenceIndex.build(make_embeddings(), SENTENCES[:4], tmp_path / "b.index", dtype=dtype)
    reader = SentenceIndex.open(tmp_path / "b.index")
    assert grown.add(SENTENCES[4:]) == 4
    assert len(reader) == 3  # what is open stays as it was
    for name in (storage.TEXT, storage.POSITIONS, storage.VECTORS, "config.json"):
        assert (tmp_path / "a.index" / name).read_bytes() == (tmp_path / "b.index" / name).read_bytes()
    assert grown.search("x", top_n=9) == at_once.search("x", top_n=9)


def test_add_that_is_interrupted_leaves_the_index_as_it_was(many_index: Path, many: list[str]) -> None:
    def sentences() -> Iterator[str]:
        yield from many * 8
        raise KeyboardInterrupt

    before = {file.name: file.read_bytes() for file in many_index.iterdir() if file.is_file()}
    opened = SentenceIndex.open(many_index)
    with pytest.raises(KeyboardInterrupt):
        opened.add(sentences())
    assert {file.name: file.read_bytes() for file in many_index.iterdir() if file.is_file()} == before
    assert opened.add(["w1 w2"]) == 1 and opened.search("w1 w2")[0].similarity > 0.99


def test_add_cuts_off_what_a_killed_process_has_left(many_index: Path) -> None:
    expected = SentenceIndex.open(many_index).search("w8", top_n=3)
    for name in (storage.TEXT, storage.POSITIONS, storage.VECTORS):
        with open(many_index / name, "ab") as file:
            file.write(b"\xff" * 1000)
    opened = SentenceIndex.open(many_index)
    assert opened.search("w8", top_n=3) == expected
    opened.add(["w8 w9"])
    assert SentenceIndex.open(many_index)[-1] == "w8 w9" == opened[-1]
    assert (many_index / storage.POSITIONS).stat().st_size == 16 * (N_MANY + 1)


def test_add_goes_by_what_is_on_the_disk(many_index: Path) -> None:
    first, second = SentenceIndex.open(many_index), SentenceIndex.open(many_index)
    first.add(["w1"])
    second.add(["w2"])
    assert len(first) == N_MANY + 1 and list(SentenceIndex.open(many_index))[-2:] == ["w1", "w2"]


def test_add_refuses_an_index_that_is_being_added_to(many_index: Path) -> None:
    with lock_folder(many_index) as is_mine:
        if is_mine is None:
            pytest.skip("folders cannot be locked here")
        with pytest.raises(ModelError, match="another process is changing .*many.index; try again"):
            SentenceIndex.open(many_index).add(["w1"])


def test_add_of_nothing_is_an_error_and_changes_nothing(many_index: Path) -> None:
    config = (many_index / "config.json").read_bytes()
    with pytest.raises(ValueError, match="no line has a word that the encoder knows, so there is nothing to add"):
        SentenceIndex.open(many_index).add(["unheard", ""])
    with pytest.raises(TypeError, match="text 2 is not a str but int: 7"):
        SentenceIndex.open(many_index).add(["w1", 7])
    assert len(SentenceIndex.open(many_index)) == N_MANY
    assert json.loads((many_index / "config.json").read_bytes())["sentences"] == json.loads(config)["sentences"]


@pytest.mark.slow
def test_index_is_whole_whenever_a_process_is_killed(tmp_path: Path, rng: np.random.Generator) -> None:
    """Kill processes that build and that add, at times from when they start writing to when they end."""
    make_embeddings().save(tmp_path / "my.model")
    lines = [f"the river {i} 42" for i in range(120_000)]
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    path, n_added, n_killed = tmp_path / "my.index", 0, 0
    cli = [sys.executable, str(ROOT / "cli.py"), "index"]
    build = [*cli, str(tmp_path / "my.model"), str(tmp_path / "text"), "--output", str(path), "--overwrite"]
    add = [*cli, str(path), str(tmp_path / "text"), "--append"]
    for kill in range(10):
        command = build if kill < 5 else add
        growing = [path.parent, *path.parent.glob(".my.index.*"), path]
        before = {folder: os.stat(folder).st_mtime_ns for folder in growing if folder.exists()}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not _is_writing(path, before):
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.8)))
        process.kill()
        n_killed += process.wait() != 0
        if path.exists():
            opened = SentenceIndex.open(path)
            assert len(opened) in (len(lines), n_added, n_added + len(lines)) and opened[-1] == lines[-1]
            assert opened.search("x", top_n=1)
            n_added = len(opened)
    assert n_killed >= 5
    assert subprocess.run(build, capture_output=True).returncode == 0
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []
    assert len(SentenceIndex.open(path)) == len(lines)


def _is_writing(path: Path, before: dict[Path, int]) -> bool:
    """Say whether a process has begun to write an index, or to add to it."""
    files = [*path.parent.glob(".my.index.*/vectors.bin"), path / "vectors.bin"]
    return any(file.exists() and file.stat().st_mtime_ns > max(before.values()) for file in files)


# --- building --------------------------------------------------------------------------------------------------------


def test_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"the river\n\xff\n")
    for sentences, error in ((TextReader(tmp_path / "text"), "not valid UTF-8"), (["unheard"], "nothing to index")):
        with pytest.raises(ValueError, match=error):
            SentenceIndex.build(make_embeddings(), sentences, tmp_path / "my.index")
    assert [entry.name for entry in tmp_path.iterdir()] == ["text"]


def test_build_replaces_only_an_index_and_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "my.index"
    SentenceIndex.build(make_embeddings(), ["x"], path)
    with pytest.raises(ModelError, match="exists already"):
        SentenceIndex.build(make_embeddings(), ["a river"], path)
    assert list(SentenceIndex.build(make_embeddings(), ["a river"], path, overwrite=True)) == ["a river"]
    (path / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="also contains 'notes.txt', not part of an index"):
        SentenceIndex.build(make_embeddings(), ["x"], path, overwrite=True)
    make_embeddings().save(tmp_path / "my.model")
    with pytest.raises(ModelError, match="is not an index of sentences, so it is not overwritten"):
        SentenceIndex.build(make_embeddings(), ["x"], tmp_path / "my.model", overwrite=True)
    assert list(SentenceIndex.build(make_embeddings(), ["a river"], tmp_path / "new" / "my.index")) == ["a river"]


def test_build_reports_progress(tmp_path: Path, many: list[str], words: Embeddings) -> None:
    told: list[tuple[str, int, int | None]] = []
    (tmp_path / "text").write_text("\n".join(many * 20), encoding="utf-8")
    SentenceIndex.build(
        words, TextReader(tmp_path / "text"), tmp_path / "a", progress=lambda *state: told.append(state)
    )
    size = (tmp_path / "text").stat().st_size
    assert len(told) == 4 and {(what, total) for what, _, total in told} == {("encoding", size)}
    told.clear()
    SentenceIndex.build(words, many * 20, tmp_path / "b", progress=lambda *state: told.append(state))
    assert told[0] == ("encoding", 8192, 20 * N_MANY)
    assert told[-1] == ("encoding", 20 * N_MANY, 20 * N_MANY)


# --- damage ----------------------------------------------------------------------------------------------------------


def test_open_refuses_what_is_no_index(tmp_path: Path) -> None:
    make_embeddings().save(tmp_path / "my.model")
    with pytest.raises(ModelError, match="is a model, not an index; build an index with: w2v index"):
        SentenceIndex.open(tmp_path / "my.model")
    with pytest.raises(ModelError, match="does not exist"):
        SentenceIndex.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 3}, "newer version of w2v"),
        ({"sentences": 0}, "sentences must be a positive integer"),
        ({"sentences": N_MANY + 1}, "the number of sentences in its sources differs"),
        (
            {"sentences": 10**15, "sources": [{"name": "", "sentences": 10**15, "lines": 1}]},
            "bytes instead of at least",
        ),
        ({"dimension": True}, "dimension must be a positive integer"),
        ({"dimension": 17}, "is damaged"),
        ({"dtype": "object"}, "dtype must be one of"),
        ({"splits": 1}, "splits true or false"),
        ({"text_bytes": -1}, "-1 is not a count"),
        ({"text_bytes": 1 << 40}, "sentences.txt is damaged: it has"),
        ({"sources": None}, "sources, graphs, records or text_bytes"),
        ({"sources": [{"name": 3, "sentences": N_MANY, "lines": N_MANY}]}, "3 is not a name"),
        ({"graphs": [[0, 5], [4, 9]]}, "graphs are not consecutive"),
        ({"graphs": [[0, N_MANY + 1]]}, "graphs are not consecutive"),
        ({"graphs": [[0]]}, "sources, graphs, records or text_bytes"),
    ],
)
def test_open_refuses_a_damaged_configuration(many_index: Path, changes: dict[str, Any], message: str) -> None:
    file = many_index / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(ModelError, match=message):
        SentenceIndex.open(many_index)


@pytest.mark.parametrize("name", [storage.TEXT, storage.POSITIONS, storage.VECTORS])
def test_open_refuses_files_that_are_missing_or_too_short(many_index: Path, name: str) -> None:
    (many_index / name).write_bytes((many_index / name).read_bytes()[:-1])
    with pytest.raises(ModelError, match=f"{name} is damaged: it has"):
        SentenceIndex.open(many_index)
    (many_index / name).unlink()
    with pytest.raises(ModelError, match=f"{name} does not exist"):
        SentenceIndex.open(many_index)


def test_damaged_positions_and_text_are_refused_when_they_are_read(many_index: Path) -> None:
    positions = np.fromfile(many_index / storage.POSITIONS, np.int64)
    wrong = positions.copy()
    wrong[20] = 1 << 60
    wrong.tofile(many_index / storage.POSITIONS)
    with pytest.raises(ModelError, match=r"positions.bin is damaged at sentence 11; build the index again"):
        SentenceIndex.open(many_index)[10]
    positions.tofile(many_index / storage.POSITIONS)
    with open(many_index / storage.TEXT, "r+b") as file:
        file.write(b"\xff")
    with pytest.raises(ModelError, match=r"sentences.txt is damaged at sentence 1; build the index again"):
        SentenceIndex.open(many_index)[0]


def test_damaged_scales_are_refused(words: Embeddings, tmp_path: Path) -> None:
    SentenceIndex.build(words, ["w1", "w2"], tmp_path / "my.index", dtype="int8")
    np.array([1, np.nan], np.float32).tofile(tmp_path / "my.index" / storage.SCALES)
    with pytest.raises(ModelError, match=r"scales.bin is damaged"):
        SentenceIndex.open(tmp_path / "my.index")


# --- graphs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few sentences be many."""
    pytest.importorskip("usearch", reason="the library that builds and searches graphs")
    monkeypatch.setattr(graphs, "GRAPH_ROWS", 600)
    monkeypatch.setattr(sentence_index, "LEAST_ROWS", 100)
    monkeypatch.setattr(sentence_index, "EXACT_LIMIT", 1000)


def test_graphs_find_nearly_all_with_exact_similarities(small_graphs: None, many_index: Path) -> None:
    opened = SentenceIndex.open(many_index, workers=1)
    assert opened.build_graphs() == N_MANY and opened.contents.graphs == ((0, 500), (500, 1000), (1000, 1500))
    assert opened.measure_recall() > 0.97
    again = SentenceIndex.open(many_index)
    assert again.is_approximate and again.build_graphs() == 0
    expected = again.search("w3 w8", top_n=8, exact=True)
    found = again.search("w3 w8", top_n=8)
    assert found[0] == expected[0] and len({hit.sentence for hit in found} & {hit.sentence for hit in expected}) >= 7
    assert [hit.similarity for hit in found] == sorted([hit.similarity for hit in found], reverse=True)


@pytest.mark.parametrize("options", [{}, {"connectivity": 4, "effort": 3}])
def test_graphs_are_searched_with_the_effort_that_they_were_built_with(
    small_graphs: None, many_index: Path, options: dict[str, Any]
) -> None:
    built = SentenceIndex.open(many_index, workers=1)
    built.build_graphs(**options)
    table, ranges = built.table, built.contents.graphs
    wanted = {"connectivity": graphs.CONNECTIVITY, "effort": graphs.EFFORT} | options
    twins = [NeighborIndex.build(table.take(slice(*own)), dtype="int8", workers=1, **wanted) for own in ranges]
    queries = table.unscaled(slice(0, 200)) * table.inverse_norms(slice(0, 200))[:, None]
    expected = graphs.SentenceGraphs(twins, ranges).search(queries, table, 5)
    for opened in (built, SentenceIndex.open(many_index, workers=1)):
        for found, twin in zip(opened.nearest(queries, 5), expected, strict=True):
            np.testing.assert_array_equal(found, twin)
    for own in ranges:
        assert read_tensors(graph_file(many_index, *own))["effort"].tolist() == [wanted["effort"]]


def test_of_rows_that_are_as_near_as_each_other_the_first_come_first(rng: np.random.Generator) -> None:
    signs = np.where(rng.integers(0, 2, (80, 16)), 0.25, -0.25).astype(np.float32)  # of which products are exact
    table = VectorTable(np.concatenate([signs] * 3), are_units=True)
    ranges = [(0, 80), (80, 160)]
    built = [NeighborIndex.build(table.take(slice(*own)), dtype="int8", workers=1) for own in ranges]
    scores, rows = graphs.SentenceGraphs(built, ranges).search(signs[:20], table, 40)
    assert (np.diff(scores) <= 0).all() and (np.diff(rows)[np.diff(scores) == 0] > 0).all()
    assert (rows[:, :3] == np.arange(20)[:, None] + [0, 80, 160]).all()  # those equal to the query


def test_graphs_are_passed_over_where_most_is_wanted(
    small_graphs: None, many_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SentenceIndex.open(many_index, workers=1)
    opened.build_graphs()
    monkeypatch.setattr(graphs, "_MOST_WANTED", 50)
    assert opened.search("w5", top_n=60) == opened.search("w5", top_n=60, exact=True)


def test_graphs_are_built_of_many_sentences_and_follow_when_some_are_added(
    small_graphs: None, words: Embeddings, many: list[str], tmp_path: Path
) -> None:
    few = SentenceIndex.build(words, many[:900], tmp_path / "few.index")
    assert not few.is_approximate
    built = SentenceIndex.build(words, many[:1100], tmp_path / "my.index", workers=1)
    assert list(built.contents.graphs) == [(0, 550), (550, 1100)]
    built.add(["w250 w251"])  # too few for a graph, and found all the same
    assert built.contents.in_graphs == 1100 and built.search("w250 w251", top_n=1)[0].line == 1101
    built.add(many[1101:])
    assert list(built.contents.graphs) == [(0, 550), (550, 1100), (1100, 1500)]
    exact = SentenceIndex.build(words, many, tmp_path / "exact.index", approximate=False)
    assert not exact.is_approximate


def test_graphs_that_are_interrupted_go_on_with_the_next(
    small_graphs: None, many_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SentenceIndex.open(many_index, workers=1)

    def stop(what: str, done: int, total: int | None) -> None:
        if done > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened.build_graphs(progress=stop)
    again = SentenceIndex.open(many_index, workers=1)
    assert again.contents.graphs == ((0, 500),)
    assert again.measure_recall() > 0.97
    assert again.build_graphs() == 1000 and again.measure_recall() > 0.97


def test_damaged_graph_is_refused_and_exact_search_goes_without(small_graphs: None, many_index: Path) -> None:
    SentenceIndex.open(many_index).build_graphs()
    graph = next(many_index.glob("graph-*"))
    graph.write_bytes(graph.read_bytes()[:100])
    opened = SentenceIndex.open(many_index)
    with pytest.raises(ModelError, match="graph-.* is damaged"):
        opened.search("w1")
    assert len(opened.search("w1", exact=True)) == 10
    for file in many_index.glob("graph-*"):
        file.unlink()
    with pytest.raises(ModelError, match="does not exist"):
        SentenceIndex.open(many_index).search("w1")


def test_graphs_without_their_library_say_what_to_install(
    many_index: Path, words: Embeddings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sentence_index, "EXACT_LIMIT", 1000)
    monkeypatch.setattr(sentence_index, "LEAST_ROWS", 100)
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(ImportError, match=r"pip install 'w2v-toolkit\[index\]'"):
        SentenceIndex.open(many_index).build_graphs()
    with pytest.raises(ImportError, match=r"pip install 'w2v-toolkit\[index\]'"):
        SentenceIndex.build(words, ["w1"], tmp_path / "my.index", approximate=True)
    SentenceIndex.open(many_index).add(["w1"])  # many, but nobody has asked for graphs


def test_open_takes_the_tokenizer_that_is_code(tmp_path: Path) -> None:
    from w2v.corpora.tokenizers import CallableTokenizer

    tokenizer = CallableTokenizer(str.split)
    state = sif_state(make_embeddings(tokenizer=tokenizer))
    SentenceIndex.build(state, ["the river"], tmp_path / "my.index")
    with pytest.raises(ModelError, match="pass it again"):
        SentenceIndex.open(tmp_path / "my.index")
    opened = SentenceIndex.open(tmp_path / "my.index", tokenizer=tokenizer)
    assert opened.search("river", top_n=1) == pickle.loads(pickle.dumps(opened)).search("river", top_n=1)
