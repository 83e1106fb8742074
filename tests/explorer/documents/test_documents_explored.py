"""What the page of an index is answered, against brute force, and what it is refused."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.document_examples import N_SENTENCES, topic_sentences, write_index
from tests.helpers.examples.explorer_examples import TOPICS, make_embeddings, save_model
from tests.helpers.explorer_client import Answer, Client
from w2v import SentenceIndex
from w2v.explorer.documents.document_map import DocumentMap
from w2v.explorer.documents.explored import LONGEST_QUERY, ExploredIndex
from w2v.explorer.layout import find_basis, fit_to_map, reduce_rows

pytest.importorskip("starlette")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def client(index: Path) -> Client:
    return Client(index, metadata=index.parent / "small.csv", color="topic")


def unpacked(answer: Answer) -> dict[str, Any]:
    """Read a packed answer as the page does."""
    assert answer.headers["content-type"] == "application/octet-stream"
    size = int.from_bytes(answer.body[:4], "little")
    found: dict[str, Any] = json.loads(answer.body[4 : 4 + size])
    start = 4 + size + -(4 + size) % 8
    for name, dtype, n in found["arrays"]:
        found[name] = np.frombuffer(answer.body, dtype, n, start)
        start += found[name].nbytes + -found[name].nbytes % 8
    assert start == len(answer.body)
    return found


def bits(places: list[int]) -> str:
    chosen = np.zeros(N_SENTENCES, np.uint8)
    chosen[places] = 1
    return base64.b64encode(np.packbits(chosen, bitorder="little").tobytes()).decode()


def place_of(client: Client, row: int) -> int:
    return int(np.flatnonzero(client.model.map.rows == row)[0])


def nearest(index: Path, unit: np.ndarray) -> np.ndarray:
    """Return all rows, the nearest to a vector first, by brute force."""
    scores = SentenceIndex(index).table.rows(np.arange(N_SENTENCES)).astype(np.float64) @ unit
    return np.argsort(-scores, kind="stable")


def test_page_and_its_parts_are_answered(client: Client) -> None:
    assert client.ask("/").headers["content-type"] == "text/html; charset=utf-8"
    parts = client.parts_of_page()
    assert "/page/documents/scatter.js" in parts
    assert {client.ask(part).status for part in parts} == {200}


def test_index_is_described(client: Client) -> None:
    described = client.ask("/api/model").json
    assert (described["name"], described["sentences"], described["onMap"]) == ("small.index", 240, 240)
    assert (described["metadata"], described["color"]) == (["topic", "year", "weight"], "topic")


def test_points_come_once_and_keep_topics_together(client: Client) -> None:
    found = unpacked(client.post("/api/points"))
    assert found["stage"] == "final"
    assert unpacked(client.post("/api/points", after=found["version"]))["arrays"] == []
    points, rows = found["points"].reshape(-1, 2), client.model.map.rows
    assert sorted(rows.tolist()) == list(range(N_SENTENCES))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    near = rows[np.argsort(distances, axis=1)[:, :5]] % len(TOPICS)
    assert (near == (rows % len(TOPICS))[:, None]).mean() > 0.97


def test_regions_are_named_by_their_words(client: Client) -> None:
    found = unpacked(client.post("/api/regions"))
    last = found["levels"][-1]
    assert sorted(np.bincount(found["labels"])) == sorted(region["size"] for region in last)
    rows = client.model.map.rows
    for label, region in enumerate(last):
        topics = np.bincount(rows[found["labels"] == label] % len(TOPICS), minlength=len(TOPICS))
        if topics.max() == topics.sum():  # all of one topic
            assert set(region["words"]) <= set(list(TOPICS.values())[topics.argmax()])
        assert region["words"]


def test_columns_and_codes_are_those_of_the_metadata(client: Client) -> None:
    columns = {column["name"]: column for column in client.post("/api/columns").json["columns"]}
    assert list(columns) == ["topic", "year", "weight", "length"]
    codes = unpacked(client.post("/api/codes", name="topic"))["codes"]
    expected = [list(TOPICS)[row % len(TOPICS)] for row in client.model.map.rows]
    assert [columns["topic"]["bins"][code] for code in codes] == expected
    answer = client.post("/api/codes", name="none")
    assert (answer.status, "no column 'none'; there are: topic, year" in answer.json["error"]) == (400, True)


def test_search_finds_what_a_full_search_does(client: Client, index: Path) -> None:
    query = "red green blue"
    hits = client.post("/api/search", query=query, n=25).json["hits"]
    [unit] = SentenceIndex(index).encode([query])
    assert [client.model.map.rows[hit["place"]] for hit in hits] == nearest(index, unit)[:25].tolist()
    assert hits[0]["sentence"] == topic_sentences()[client.model.map.rows[hits[0]["place"]]]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_document_is_a_sentence_with_what_is_known_of_it(client: Client, index: Path) -> None:
    found = client.post("/api/document", place=place_of(client, 7)).json
    assert (found["sentence"], found["line"], Path(found["file"]).name) == (topic_sentences()[7], 8, "lines.txt")
    assert found["metadata"] == {"topic": "colours", "year": 1997, "weight": 0.7}
    unit = SentenceIndex(index).table.rows(np.array([7]))[0]
    expected = [row for row in nearest(index, unit).tolist() if topic_sentences()[row] != topic_sentences()[7]]
    assert [client.model.map.rows[hit["place"]] for hit in found["neighbors"]] == expected[:12]
    assert len(found["regions"]) == len(client.model.map.regions.levels)


def test_table_and_files_hold_what_is_selected(client: Client) -> None:
    rows = [3, 8, 0, 120]
    selected = bits([place_of(client, row) for row in rows])
    table = client.post("/api/table", selected=selected, start=1, n=2).json
    assert table["total"] == 4
    assert [row["sentence"] for row in table["rows"]] == [topic_sentences()[row] for row in (3, 8)]
    text = client.post("/api/save", selected=selected, form="txt").body.decode()
    assert text == "".join(topic_sentences()[row] + "\n" for row in sorted(rows))
    saved = list(csv.DictReader(io.StringIO(client.post("/api/save", selected=selected, form="csv").body.decode())))
    lines = [json.loads(x) for x in client.post("/api/save", selected=selected, form="jsonl").body.splitlines()]
    for entries in (saved, lines):
        assert [(row["sentence"], int(row["line"]), int(row["year"])) for row in entries] == [
            (topic_sentences()[row], row + 1, 1990 + row % 20) for row in sorted(rows)
        ]
    assert client.post("/api/texts", places=[place_of(client, 5)]).json["sentences"] == [topic_sentences()[5]]


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("search", {"query": "zzz"}, "no word of the query is known"),
        ("search", {"query": "x" * (LONGEST_QUERY + 1)}, "4,000 characters"),
        ("search", {"query": "cat", "n": 0}, "must be from 1 to 2,000"),
        ("document", {"place": 240}, "240 points, but none with number 240"),
        ("texts", {"places": [-1]}, "none with number -1"),
        ("texts", {"places": [True]}, "places (whole numbers)"),
        ("texts", {"places": [0] * 201}, "at most 200 sentences"),
        ("table", {"selected": "??"}, "bits in base64"),
        ("table", {"selected": "AAAA"}, "a bit for each of 240 points, but this one has 24"),
        ("table", {"selected": bits([]), "n": 500}, "at most 200"),
        ("save", {"selected": bits([]), "form": "exe"}, "csv, jsonl, txt"),
    ],
)
def test_wrong_questions_are_named(name: str, asked: dict[str, Any], message: str, client: Client) -> None:
    answer = client.post(f"/api/{name}", **asked)
    assert answer.status == 400
    assert message in answer.json["error"]


def test_map_is_the_same_every_time_and_kept(index: Path, tmp_path: Path, client: Client) -> None:
    made = DocumentMap(SentenceIndex(index), tmp_path)
    made.start()
    made._thread.join(60)
    first, second = client.model.map, made
    np.testing.assert_array_equal(first.state().layout.points, second.state().layout.points)
    kept = DocumentMap(SentenceIndex(index), tmp_path)
    kept.start()
    assert kept.state().version == 1
    assert kept.state().layout.stage == "final"
    kept._thread.join(60)
    assert kept.regions is not None
    assert made.regions is not None
    assert kept.regions.described() == made.regions.described()
    np.testing.assert_array_equal(kept.regions.labels, first.regions.labels)


def test_map_keeps_more_neighbours_than_the_principal_plane(client: Client) -> None:
    document_map = client.model.map
    table, rows = client.model.index.table, document_map.rows
    reduced = reduce_rows(table, rows, find_basis(table, rows))
    true = np.argsort(-(table.rows(rows) @ table.rows(rows).T), axis=1, kind="stable")[:, 1:11]

    def recall(points: np.ndarray) -> float:
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        found = np.argsort(distances, axis=1)[:, :10]
        return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)]))

    plane = fit_to_map(np.ascontiguousarray(reduced[:, :2]))
    assert recall(document_map.state().layout.points) > 1.5 * recall(plane)


def test_damaged_map_is_made_again(index: Path, tmp_path: Path) -> None:
    from w2v.storage.tensors import read_tensors, write_tensors

    made = DocumentMap(SentenceIndex(index), tmp_path)
    made._make()
    [file] = tmp_path.glob("*.safetensors")
    tensors = {key: value.copy() for key, value in read_tensors(file, mmap=False).items()}
    damages = {name: tensors[name][:-1] for name in ("names", "labels", "spots0", "points")}
    for name, damaged in {**damages, "parents0": tensors["parents0"] + 7}.items():
        write_tensors(file, {**tensors, name: damaged})
        assert not DocumentMap(SentenceIndex(index), tmp_path)._read()
    write_tensors(file, tensors)
    assert DocumentMap(SentenceIndex(index), tmp_path)._read()


def test_metadata_may_be_columns(index: Path) -> None:
    explored = ExploredIndex(index, metadata={"row": range(N_SENTENCES)}, color="row")
    assert explored.metadata["row"][5] == 5
    with pytest.raises(ValueError, match="has 3 rows, but the index has 240 sentences; give one row"):
        ExploredIndex(index, metadata={"row": [1, 2, 3]})


def test_metadata_of_the_index_and_removed_sentences(index: Path, tmp_path: Path) -> None:
    records = {"id": [f"s{i}" for i in range(9)], "kind": list("abcabcabc")}
    built = SentenceIndex.build(make_embeddings(), topic_sentences()[:9], tmp_path / "ids.index", metadata=records)
    built.remove(["s0", "s4"])
    explored = ExploredIndex(tmp_path / "ids.index")
    explored.start()
    explored.map._thread.join(60)
    assert sorted(explored.map.rows.tolist()) == [1, 2, 3, 5, 6, 7, 8]
    for place, row in enumerate(explored.map.rows.tolist()):
        found = explored.document(place)
        assert (found["sentence"], found["metadata"]["kind"]) == (topic_sentences()[row], "abc"[row % 3])
        assert {hit["sentence"] for hit in found["neighbors"]} == {
            topic_sentences()[other] for other in explored.map.rows.tolist() if other != row
        }
    lines = explored.save(base64.b64encode(b"\x7f").decode(), "txt").decode().splitlines()
    assert lines == [topic_sentences()[row] for row in (1, 2, 3, 5, 6, 7, 8)]


def test_explore_serves_while_the_program_goes_on(index: Path) -> None:
    pytest.importorskip("uvicorn")
    import urllib.request

    with SentenceIndex(index).explore(port=0, opens_browser=False) as exploring:
        assert exploring.address in repr(exploring)
        with urllib.request.urlopen(exploring.address, timeout=10) as answer:
            assert b"Map of sentences" in answer.read()


def test_command_names_what_is_wrong(index: Path, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("x\n1\n", encoding="utf-8")
    assert_mistake(
        run("explore", index, "--metadata", tmp_path / "short.csv"),
        1,
        "short.csv has 1 rows, but the index has 240 sentences",
    )
    assert_mistake(run("explore", index, "--color", "speaker"), 1, "no column 'speaker' to colour by")
    model = save_model(tmp_path)
    assert_mistake(run("explore", model, "--color", "speaker"), 1, "metadata and colours are only for a sentence index")
