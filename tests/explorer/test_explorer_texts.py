"""What the explorer's server answers of translators and language models, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.explorer_examples import HOSTILE
from tests.helpers.examples.text_models import character_model, counting_model, number_translator
from tests.helpers.explorer_client import PORT, Client
from w2v import ModelError
from w2v.neural.names import JUDGES
from w2v.neural.tasks.text.writing import Written

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("translator") / "numbers.translator"
    number_translator().save(folder)
    return Client(folder)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("lines") / "lines.lm"
    counting_model().save(folder)
    return Client(folder)


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("characters") / "characters.lm"
    character_model().save(folder)
    return Client(folder)


def test_texts_have_a_page_of_their_own(translator: Client, lines: Client) -> None:
    for client in (translator, lines):
        page = client.ask("/").body.decode()
        assert "/page/texts/main.js" in page and "/page/main.js" not in page
        assert client.ask("/page/texts/main.js").status == 200
        assert client.ask("/api/words").status == client.ask("/api/map").status == 404


def test_page_of_texts_has_all_its_parts(lines: Client) -> None:
    parts = lines.parts_of_page()
    assert {"/page/texts/main.js", "/page/frame.js", "/page/dom.js", "/page/api.js", "/page/style.css"} <= {*parts}
    assert {lines.ask(part).status for part in parts} == {200}


def test_wide_beams_have_the_best_translations_only(translator: Client) -> None:
    [line] = translator.post("/api/translate", text="eins zwei drei", beam=20).json["lines"]
    expected = number_translator().explain(["eins zwei drei"], beam=20, n_best=8)
    assert [one["text"] for one in line["translations"]] == [one.text for one in expected[0]]
    assert len(line["translations"]) == 8


def test_texts_are_described(translator: Client, lines: Client) -> None:
    described = translator.ask("/api/model").json
    assert (described["name"], described["kind"]) == ("numbers.translator", "translator")
    assert (described["units"], described["layers"], described["columns"]) == ("9 words", 1, 32)
    assert described["architecture"] == "attention"
    assert described["parameters"] == number_translator().network_.parameters.n_parameters
    described = lines.ask("/api/model").json
    assert (described["kind"], described["order"], described["isSpaced"]) == ("language model", 3, True)


def test_translations_are_those_of_the_translator(translator: Client) -> None:
    answer = translator.post("/api/translate", text="eins zwei drei\n\n  <b> vier ", beam=3).json
    expected = number_translator().explain(["eins zwei drei", "<b> vier"], beam=3, n_best=3)
    assert [[one["text"] for one in line["translations"]] for line in answer["lines"]] == [
        [one.text for one in translations] for translations in expected
    ]
    best, known = answer["lines"][0]["translations"][0], expected[0][0]
    assert (best["text"], best["source"]) == ("three two one", ["eins", "zwei", "drei"])
    assert known.log_probabilities is not None and known.alignment is not None and known.alternatives is not None
    assert best["score"] == pytest.approx(known.score, abs=1e-4)
    told = [piece["probability"] for piece in best["pieces"]] + [best["end"]]
    np.testing.assert_allclose(told, np.exp(known.log_probabilities), atol=1e-4)
    np.testing.assert_allclose(best["alignment"], known.alignment, atol=1e-3)
    for piece, others in zip(best["pieces"], known.alternatives, strict=True):
        assert [other["piece"] for other in piece["alternatives"]] == [other for other, _ in others]
        assert piece["alternatives"][0]["probability"] == piece["probability"]


def test_translation_of_nothing_is_nothing(translator: Client) -> None:
    assert translator.post("/api/translate", text=" \n ").json == {"lines": []}


def test_attention_of_long_lines_is_that_of_their_beginning(translator: Client) -> None:
    [line] = translator.post("/api/translate", text="eins " * 90, beam=1).json["lines"]
    [found] = line["translations"]
    assert found["count"][0] == 90
    assert len(found["source"]) == 64 and {len(row) for row in found["alignment"]} == {64}
    assert len(found["alignment"]) == min(64, found["count"][1])


def test_pieces_are_written_one_by_one(lines: Client) -> None:
    answer = lines.post("/api/write", prompt="one", seed=5, temperature=0.9, pieces=7)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    expected = counting_model().explain("one", seed=5, temperature=0.9, max_tokens=7, alternatives=8)
    assert [line["piece"] for line in answer.lines] == [written.piece for written in expected]
    for line, written in zip(answer.lines, expected, strict=True):
        assert line["probability"] == pytest.approx(math.exp(written.log_probability), abs=1e-4)
        possible = [other for other, p in written.alternatives if p > -math.inf]
        assert [other["piece"] for other in line["alternatives"]] == possible
        assert not {"<unk>", "<s>"} & {*possible}
    assert answer.lines != lines.post("/api/write", prompt="one", seed=6, temperature=0.9, pieces=7).lines


def test_pieces_are_drawn_among_the_most_probable(lines: Client) -> None:
    for seed in range(5):
        for line in lines.post("/api/write", prompt="", seed=seed, temperature=5, top_k=1).lines:
            assert line["piece"] == line["alternatives"][0]["piece"]


def test_running_texts_are_written_to_the_last_piece(characters: Client) -> None:
    assert len(characters.post("/api/write", prompt="one\n", pieces=80).lines) == 80  # longer than the context


def test_writing_ends_when_nobody_listens(characters: Client) -> None:
    sent: list[bytes] = []
    asked = [{"type": "http.request", "body": b'{"prompt": "", "pieces": 500}', "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        if len(sent) < 4:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    scope = {
        "type": "http", "method": "POST", "path": "/api/write", "raw_path": b"", "query_string": b"", "root_path": "",
        "headers": [(b"host", f"127.0.0.1:{PORT}".encode())],
    }  # fmt: skip
    asyncio.run(characters.app(scope, receive, send))
    assert 4 <= len(sent) < 10


def test_mistakes_after_the_first_piece_are_the_last_line(lines: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def explain(prompt: str, *, on_piece: Any, **options: Any) -> None:
        on_piece(Written("one", -1.0, [("one", -1.0)]))
        on_piece(Written("two", math.nan, [("two", math.nan)]))

    monkeypatch.setattr(lines.model._model, "explain", explain)
    first, last = lines.post("/api/write", prompt="").lines
    assert first["piece"] == "one"
    assert last == {"error": "the model is damaged: a value that it computes is not finite"}


def test_scores_are_those_of_the_network_and_of_the_n_grams(lines: Client) -> None:
    text = "one two three\n\nfive one foo"
    answer = lines.post("/api/score", text=text).json
    model, given = counting_model(), ["one two three", "five one foo"]
    for which in (0, 1):
        expected = model.score(given, by=JUDGES[which])
        for line, scored in zip(answer["lines"], expected, strict=True):
            told = [piece["surprise"][which] for piece in line["pieces"]] + [line["end"][which]]
            np.testing.assert_allclose(told, -scored.log_probabilities, atol=1e-4)
        assert answer["perplexity"][which] == pytest.approx(model.perplexity(given, by=JUDGES[which]), rel=1e-4)
        assert answer["loss"][which] == pytest.approx(math.log(answer["perplexity"][which]))
    assert [piece["piece"] for piece in answer["lines"][0]["pieces"]] == ["one", "two", "three"]


def test_running_text_is_scored_as_one(characters: Client) -> None:
    answer = characters.post("/api/score", text="one two\nthree").json
    [line] = answer["lines"]
    assert "".join(piece["piece"] for piece in line["pieces"]) == "one two\nthree"
    assert line["end"] is None
    for client_text in ("", " "):
        assert characters.post("/api/score", text=client_text).status == 200
    assert characters.post("/api/score", text="").json["perplexity"] == [None, None]


def test_hostile_texts_are_answered(translator: Client, lines: Client, characters: Client) -> None:
    for text in (*HOSTILE, "a\x00b", "\ud83d", "x" * 3000, "__proto__"):
        for client, path, name in (
            (translator, "/api/translate", "text"), (lines, "/api/write", "prompt"), (lines, "/api/score", "text"),
            (characters, "/api/write", "prompt"), (characters, "/api/score", "text"),
        ):  # fmt: skip
            answer = client.post(path, **{name: text})
            assert answer.status in (200, 400)
            assert answer.lines is not None


@pytest.mark.parametrize(
    ("path", "asked", "message"),
    [
        ("/api/translate", {}, "must have text (text) and may have beam (whole number)"),
        ("/api/translate", {"text": 1}, "must have text"),
        ("/api/translate", {"text": "a", "beam": True}, "must have text"),
        ("/api/translate", {"text": "a", "beam": 0}, "beam must be from 1 to 20 here, not 0"),
        ("/api/translate", {"text": "a", "beam": 21}, "not 21"),
        ("/api/translate", {"text": "a", "model": "other"}, "must have text"),
        (
            "/api/translate",
            {"text": "x" * 4001},
            "a text may have at most 4,000 characters here, but this one has 4,001",
        ),
        ("/api/translate", {"text": "x\n" * 21}, "may have at most 20 lines here, but this one has 21"),
        ("/api/write", {"text": "a"}, "must have prompt (text)"),
        ("/api/write", {"prompt": "x" * 4001}, "a prompt may have at most 4,000 characters"),
        ("/api/write", {"prompt": "", "temperature": 0}, "temperature must be a finite number above 0"),
        ("/api/write", {"prompt": "", "temperature": math.nan}, "temperature must be a finite number above 0"),
        ("/api/write", {"prompt": "", "top_k": 0}, "top_k must be a whole number from 1"),
        ("/api/write", {"prompt": "", "top_k": 1.5}, "must have prompt"),
        ("/api/write", {"prompt": "", "seed": -1}, "seed must be from 0"),
        ("/api/write", {"prompt": "", "seed": 1 << 40}, "seed must be from 0"),
        ("/api/write", {"prompt": "", "pieces": 0}, "pieces must be from 1 to 500"),
        ("/api/write", {"prompt": "", "pieces": 501}, "pieces must be from 1 to 500"),
        ("/api/score", {"text": "x" * 4001}, "a text may have at most 4,000 characters"),
        ("/api/score", {"text": "a", "ngrams": True}, "must have text (text)"),
    ],
)
def test_questions_that_make_no_sense_are_told_so(
    path: str, asked: dict[str, Any], message: str, translator: Client, lines: Client
) -> None:
    answer = (translator if path == "/api/translate" else lines).post(path, **asked)
    assert answer.status == 400
    assert message in answer.json["error"]


def test_guard_stands_before_texts_too(translator: Client, lines: Client) -> None:
    for client, path in ((translator, "/api/translate"), (lines, "/api/write"), (lines, "/api/score")):
        body = json.dumps({"text": "eins"} if path != "/api/write" else {"prompt": "one"}).encode()
        foreign = client.ask(path, "POST", headers={"Origin": "http://evil.example"}, body=body)
        rebound = client.ask(path, "POST", headers={"Host": f"evil.example:{PORT}"}, body=body)
        assert foreign.status == rebound.status == 403
        assert client.ask(path).status == 405
        own = client.ask(path, "POST", headers={"Origin": f"http://127.0.0.1:{PORT}"}, body=body)
        assert own.status == 200
        assert "default-src 'none'" in own.headers["content-security-policy"]


def test_explore_reports_a_damaged_translator(tmp_path: Path) -> None:
    folder = tmp_path / "numbers.translator"
    number_translator().save(folder)
    (folder / "network.safetensors").write_bytes(b"")
    assert_mistake(run("explore", folder, "--no-browser"), 1, "network.safetensors")
    with pytest.raises(ModelError):
        Client(folder)
