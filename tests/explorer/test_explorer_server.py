"""What the explorer's server answers, and what it refuses."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.explorer_examples import HOSTILE, TOPICS, make_embeddings, save_attention, save_model
from tests.helpers.explorer_client import PORT, Client
from w2v.encoder import SentenceEncoder
from w2v.explorer import guard
from w2v.explorer.explored import LONGEST_SENTENCE, LONGEST_WORD, ExploredModel
from w2v.explorer.guard import is_own_host
from w2v.explorer.server import PortError, address_of, is_loopback, listen
from w2v.settings.environment import cache_folder

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(save_model(tmp_path_factory.mktemp("words")))


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(save_attention(tmp_path_factory.mktemp("sentences")))


# --- what it answers --------------------------------------------------------------------------------------------------


def test_page_and_its_parts_are_answered(words: Client) -> None:
    page = words.ask("/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    parts = words.parts_of_page()
    assert len(parts) > 10
    assert {words.ask(part).status for part in parts} == {200}


def test_page_loads_nothing_from_elsewhere(words: Client) -> None:
    folder = ROOT / "explorer" / "page"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".html", ".css", ".js", ".svg"}
    for file in files:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|innerHTML|outerHTML|insertAdjacentHTML|eval\(", text)


@pytest.mark.parametrize("name", ["..%2Fapp.py", "../app.py", "%2e%2e/app.py", "none.js", ""])
def test_page_has_no_other_files(name: str, words: Client) -> None:
    assert words.ask(f"/page/{name}").status == 404


def test_model_is_described(words: Client, sentences: Client) -> None:
    described = words.ask("/api/model").json
    assert described["name"] == "small.model"
    assert (described["kind"], described["words"], described["columns"]) == ("word vectors", 42, 24)
    assert (described["layers"], described["heads"]) == (0, 0)
    described = sentences.ask("/api/model").json
    assert (described["kind"], described["layers"], described["heads"]) == ("sentence encoder", 2, 2)


def test_words_come_in_the_order_of_the_map(words: Client) -> None:
    assert words.ask("/api/words").json == make_embeddings().index_to_key


def test_map_is_points_and_groups(words: Client) -> None:
    answer = words.ask("/api/map")
    assert (answer.headers["x-map-stage"], answer.headers["x-map-progress"]) == ("final", "1.00")
    state = words.model.word_map.state()
    points = np.frombuffer(answer.body[: 8 * 42], "<f4").reshape(42, 2)
    np.testing.assert_array_equal(points, state.layout.points)
    np.testing.assert_array_equal(np.frombuffer(answer.body[8 * 42 :], np.uint8), words.model.word_map.groups)
    newest = words.ask("/api/map", after=answer.headers["x-map-version"])
    assert (newest.status, newest.body) == (204, b"")


def test_complete_begins_words_or_corrects_them(words: Client) -> None:
    assert words.ask("/api/complete", prefix="F").json == {"words": ["fox", "four", "five"]}
    assert words.ask("/api/complete", prefix="hrose").json == {"words": ["horse"]}
    assert words.ask("/api/complete", prefix="").json == {"words": []}


def test_neighbors_are_those_of_the_model(words: Client) -> None:
    answer = words.ask("/api/neighbors", word="Dog", n=3).json
    expected = make_embeddings().neighbors("dog", top_n=3)
    assert (answer["word"], answer["rank"], answer["place"]) == ("dog", 2, 1)
    assert [near["word"] for near in answer["neighbors"]] == [word for word, _ in expected]
    assert [near["score"] for near in answer["neighbors"]] == pytest.approx([score for _, score in expected], abs=1e-4)
    assert all(make_embeddings().index_to_key[near["place"]] == near["word"] for near in answer["neighbors"])


def test_neighbors_of_a_sum_of_words(words: Client) -> None:
    answer = words.ask("/api/neighbors", word="cat - dog + Red", n=4).json
    expected = make_embeddings().neighbors(["cat", "red"], ["dog"], top_n=4)
    assert [near["word"] for near in answer["neighbors"]] == [word for word, _ in expected]
    assert [term["word"] for term in answer["terms"]] == ["cat", "red", "dog"]
    assert answer["place"] is None
    assert "'hrose'" in words.ask("/api/neighbors", word="cat + hrose").json["error"]
    for single in ("cat -", "- cat", "cat-dog"):
        assert "terms" not in words.ask("/api/neighbors", word=single).json


def test_neighbors_of_several_known_words_are_those_of_their_mean(words: Client) -> None:
    answer = words.ask("/api/neighbors", word="Red cat", n=4).json
    expected = make_embeddings().neighbors(["red", "cat"], top_n=4)
    assert [near["word"] for near in answer["neighbors"]] == [word for word, _ in expected]
    assert [term["word"] for term in answer["terms"]] == ["red", "cat"]
    assert (answer["word"], answer["place"], answer["mean"]) == ("Red cat", None, True)
    assert "mean" not in words.ask("/api/neighbors", word="red + cat").json
    assert "'red hrose' is not in the vocabulary" in words.ask("/api/neighbors", word="red hrose").json["error"]


def test_neighbors_of_unknown_words_come_with_suggestions(words: Client) -> None:
    answer = words.ask("/api/neighbors", word="hrose")
    assert answer.status == 200  # for a console without complaints while somebody types
    assert "'hrose' is not in the vocabulary" in answer.json["error"]
    assert answer.json["suggestions"] == {"hrose": ["horse"]}


@pytest.mark.parametrize("word", HOSTILE)
def test_neighbors_of_hostile_words_are_answered(word: str, words: Client) -> None:
    if len(word) > LONGEST_WORD:
        assert words.ask("/api/neighbors", word=word).status == 400
        return
    answer = words.ask("/api/neighbors", word=word)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["word"] == word


def test_words_off_the_map_have_no_place(tmp_path: Path) -> None:
    model = ExploredModel(save_model(tmp_path), n_words=5)
    assert model.neighbors("cat")["place"] == 0
    assert model.neighbors("ten")["place"] is None
    assert len(model.map_words()) == 5


def test_analogy_is_that_of_the_model(words: Client) -> None:
    methods: list[Literal["add", "mul"]] = ["add", "mul"]
    for method in methods:
        answer = words.ask("/api/analogy", a="cat", b="red", c="dog", method=method).json
        expected = make_embeddings().analogy("cat", "red", "dog", method=method, top_n=10)
        assert [near["word"] for near in answer["answers"]] == [word for word, _ in expected]
        assert [given["word"] for given in answer["given"]] == ["cat", "red", "dog"]


def test_compare_gives_similarity_shares_and_pairs(words: Client) -> None:
    answer = words.compare(first="A cat, two dogs and a dog.", second="red").json
    first, second = SentenceEncoder(make_embeddings()).encode(["A cat, two dogs and a dog.", "red"])
    assert answer["similarity"] == pytest.approx(float(first @ second), abs=1e-6)
    assert [sentence["words"] for sentence in answer["sentences"]] == [["cat", "two", "dog"], ["red"]]
    assert sum(answer["sentences"][0]["shares"]) == pytest.approx(1, abs=1e-3)
    assert answer["pairs"][2][0] == pytest.approx(make_embeddings().similarity("dog", "red"), abs=1e-4)
    assert "attention" not in answer["sentences"][0]


def test_compare_gives_the_attention_that_is_asked_for(sentences: Client) -> None:
    expected = SentenceEncoder.load(sentences.model.path).encode(["cat two dog"], return_attention=True)
    assert not isinstance(expected, np.ndarray) and expected.attention is not None
    weights = expected.attention[0]
    for asked, chosen in (
        ({}, weights[-1].mean(axis=0)),
        ({"layer": 1}, weights[0].mean(axis=0)),
        ({"layer": 2, "head": 1}, weights[1][0]),
        ({"layer": None, "head": 2}, weights[1][1]),
    ):
        answer = sentences.compare(first="cat two dog", second="red", **asked).json
        np.testing.assert_allclose(answer["sentences"][0]["attention"], chosen, atol=1e-4)


def test_compare_of_unknown_words_has_no_similarity(words: Client, sentences: Client) -> None:
    for client in (words, sentences):
        answer = client.compare(first="unheard of", second="red").json
        assert answer["similarity"] is None
        assert (answer["sentences"][0]["words"], answer["pairs"]) == ([], [])


def test_compare_shows_the_beginning_of_long_sentences(sentences: Client) -> None:
    answer = sentences.compare(first="cat dog " * 60, second="red").json
    assert answer["sentences"][0]["count"] == 120
    assert len(answer["sentences"][0]["words"]) == len(answer["pairs"]) == 64
    assert np.shape(answer["sentences"][0]["attention"]) == (64, 64)


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:80",
        f"127.0.0.1.evil.example:{PORT}",
        "",
        f"10.0.0.1:{PORT}",
    ],
)
def test_guard_refuses_foreign_hosts(host: str, words: Client) -> None:
    answer = words.ask("/api/model", headers={"Host": host})
    assert answer.status == 403
    assert "Host" in answer.json["error"]


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_guard_lets_own_names_in(host: str, words: Client) -> None:
    assert words.ask("/api/model", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://127.0.0.1:{PORT}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": f"http://localhost:{PORT}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    ],
)
def test_guard_refuses_other_sites(headers: dict[str, str], words: Client) -> None:
    assert words.ask("/api/model", headers=headers).status == 403


def test_guard_lets_its_page_ask_and_links_lead_to_it(words: Client) -> None:
    own = {"Origin": f"http://127.0.0.1:{PORT}", "Sec-Fetch-Site": "same-origin"}
    assert words.ask("/api/model", headers=own).status == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert words.ask("/", headers=link).status == 200
    assert words.ask("/", headers={**link, "Sec-Fetch-Dest": "iframe"}).status == 403


def test_guard_names_everybody_by_number_where_it_listens_everywhere() -> None:
    assert is_own_host("192.168.7.9:8000", "0.0.0.0", 8000)
    assert is_own_host(f"{socket.gethostname()}:8000", "0.0.0.0", 8000)
    assert is_own_host("[fe80::1]:8000", "::", 8000)
    assert not is_own_host("evil.example:8000", "0.0.0.0", 8000)
    assert not is_own_host("192.168.7.9:8000", "127.0.0.1", 8000)


def test_guard_gives_every_answer_its_headers(words: Client) -> None:
    for answer in (
        words.ask("/"),
        words.ask("/api/model"),
        words.ask("/none"),
        words.ask("/api/neighbors", word="unheard"),
        words.ask("/", headers={"Host": "evil.example"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_guard_refuses_other_methods(method: str, words: Client) -> None:
    assert words.ask("/api/model", method).status == 405


def test_guard_limits_sizes(words: Client) -> None:
    assert words.ask("/api/complete", prefix="x" * 9000).status == 414
    assert words.ask("/api/compare", "POST", body=b"x" * 70_000).status == 413
    assert words.ask("/api/compare", "POST", headers={"Content-Length": "70000"}).status == 413
    assert words.ask("/api/compare", "POST", headers={"Content-Length": "-1"}).status == 413


@pytest.mark.parametrize("n_hosts", [0, 2])
def test_guard_refuses_requests_without_one_host(words: Client, n_hosts: int) -> None:
    statuses = []

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": "/api/model", "raw_path": b"", "query_string": b"", "root_path": "",
        "headers": n_hosts * [(b"host", f"127.0.0.1:{PORT}".encode())],
    }  # fmt: skip
    asyncio.run(words.app(scope, receive, send))
    assert statuses == [403]


def test_guard_limits_how_often_is_asked(words: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    words_app = words.app
    monkeypatch.setattr(words, "app", guard.Guard(answer, host="127.0.0.1", port=PORT, clock=lambda: now[0]))
    statuses = [words.ask("/api/model").status for _ in range(guard.BURST + 5)]
    assert statuses == [200] * guard.BURST + [429] * 5
    assert words.ask("/").status == 200  # the page itself is no question
    assert words.ask("/api/model").headers["retry-after"] == "1"
    now[0] += 1
    assert [words.ask("/api/model").status for _ in range(61)].count(200) == 60
    now[0] += 1000  # who has been silent for long may not ask more at once
    assert [words.ask("/api/model").status for _ in range(guard.BURST + 5)].count(200) == guard.BURST
    assert words_app is not words.app


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/neighbors", {}),
        ("/api/neighbors", {"word": "x" * (LONGEST_WORD + 1)}),
        ("/api/neighbors", {"word": "cat", "n": "0"}),
        ("/api/neighbors", {"word": "cat", "n": "101"}),
        ("/api/neighbors", {"word": "cat", "n": "many"}),
        ("/api/neighbors", {"word": "cat", "n": "9" * 5000}),
        ("/api/complete", {"prefix": "x" * (LONGEST_WORD + 1)}),
        ("/api/analogy", {"a": "cat", "b": "dog"}),
        ("/api/analogy", {"a": "cat", "b": "dog", "c": "red", "method": "divide"}),
        ("/api/map", {"after": "-1"}),
    ],
)
def test_questions_that_make_no_sense_are_told_so(path: str, query: dict[str, Any], words: Client) -> None:
    answer = words.ask(path, **query)
    assert answer.status == 400
    assert answer.json["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 60_000,
        b'{"first": "cat"}',
        b'{"first": "cat", "second": 1}',
        b'{"first": "cat", "second": "dog", "other": 1}',
        b'{"first": "cat", "second": "dog", "layer": "1"}',
        b'{"first": "cat", "second": "dog", "layer": true}',
        b'{"first": "cat", "second": "dog", "layer": 3}',
        b'{"first": "cat", "second": "dog", "head": 0}',
        b'{"first": "\xff", "second": "dog"}',
        json.dumps({"first": "x" * (LONGEST_SENTENCE + 1), "second": "dog"}).encode(),
    ],
)
def test_comparisons_that_make_no_sense_are_told_so(body: bytes, sentences: Client) -> None:
    assert sentences.ask("/api/compare", "POST", body=body).status == 400


def test_comparison_of_half_a_surrogate_pair_is_told_so(words: Client) -> None:
    assert words.ask("/api/compare", "POST", body=rb'{"first": "\ud800", "second": "dog"}').status in (200, 400)


def test_static_model_has_no_layers(words: Client) -> None:
    assert "no attention" in words.compare(first="cat", second="dog", layer=1).json["error"]


def test_questions_wait_for_their_turn(words: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from w2v.explorer import app, questions

    running, most = 0, 0
    lock = threading.Lock()

    def slow(word: str, n: int) -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return {}

    monkeypatch.setattr(words.model, "neighbors", slow)
    monkeypatch.setattr(questions, "WAITING", 6)
    made = app.make_app(words.model, host="127.0.0.1", port=PORT)
    statuses = asyncio.run(_at_once(made, 10))
    assert most == 2
    assert sorted(statuses) == [200] * 6 + [503] * 4


async def _at_once(app: Any, n: int) -> list[int]:
    async def one() -> int:
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {
            "type": "http", "method": "GET", "path": "/api/neighbors", "raw_path": b"", "query_string": b"word=cat",
            "root_path": "", "headers": [(b"host", f"127.0.0.1:{PORT}".encode())],
        }  # fmt: skip
        await app(scope, receive, send)
        return status

    return list(await asyncio.gather(*(one() for _ in range(n))))


# --- where it listens, how it begins and ends -------------------------------------------------------------------------


def test_listen_takes_a_free_port_or_says_that_it_is_in_use() -> None:
    first = listen(port=0)
    try:
        taken = first.getsockname()[1]
        assert address_of(first) == f"http://127.0.0.1:{taken}/"
        with pytest.raises(PortError, match=f"port {taken} of 127.0.0.1 is in use; give another --port"):
            listen(port=taken)
    finally:
        first.close()


def test_listen_says_whether_others_can_reach_it() -> None:
    for host, expected in (("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)):
        listening = listen(host, 0)
        assert is_loopback(listening) == expected
        assert address_of(listening).startswith(("http://127.0.0.1:", "http://[::1]:"))
        listening.close()


def test_listen_passes_over_its_usual_port_where_that_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    first = listen(port=0)
    monkeypatch.setattr("w2v.explorer.server.PORT", first.getsockname()[1])
    second = listen()
    assert second.getsockname()[1] not in (0, first.getsockname()[1])
    first.close()
    second.close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "\udcff", "x" * 300])
def test_listen_refuses_addresses_of_others(host: str) -> None:
    with pytest.raises(PortError, match="is not an address of this machine"):
        listen(host, 0)


def test_explore_reports_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_mistake(run("explore", tmp_path / "none.model", "--no-browser"), 1, "none.model")
    taken = listen(port=0)
    result = run("explore", save_model(tmp_path), "--no-browser", "--port", taken.getsockname()[1])
    taken.close()
    assert_mistake(result, 1, "is in use; give another --port")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert_mistake(run("explore", tmp_path / "small.model"), 1, "pip install 'w2v-toolkit[explore]'")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start the command, and give its process and its port."""
    model = save_model(tmp_path)
    command = [sys.executable, "-m", "cli", "explore", str(model), "--no-browser", "--port", "0"]
    kernels = os.environ.get("NUMBA_CACHE_DIR", str(cache_folder() / "kernels"))  # else they were compiled anew
    environment = {**os.environ, "W2V_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": kernels}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
    assert found is not None
    try:
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()


def test_explore_serves_and_ends_quietly(served: tuple[subprocess.Popen[str], int]) -> None:
    process, port = served
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/api/neighbors?word=cat&n=3")
    answer = json.loads(connection.getresponse().read())
    assert {near["word"] for near in answer["neighbors"]} <= {*TOPICS["animals"], *HOSTILE}
    connection.request("GET", "/", headers={"Host": f"evil.example:{port}"})
    refused = connection.getresponse()
    assert (refused.status, refused.getheader("server")) == (403, None)
    refused.read()
    process.send_signal(signal.SIGINT)  # while the connection is still open
    out, err = process.communicate(timeout=20)
    connection.close()
    assert (process.returncode, out, err) == (0, "", "Ctrl-C ends it.\n")
