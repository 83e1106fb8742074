"""What the explorer's server answers of classifiers and taggers, and what it refuses."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.explorer_examples import HOSTILE
from tests.helpers.examples.label_examples import layered_classifier, mistaken_classifier, topic_classifier, topic_sets
from tests.helpers.examples.pictures import bar_classifier, bars
from tests.helpers.examples.tag_models import TINY, kind_tagger, name_tagger, named_sentences
from tests.helpers.explorer_client import PORT, Client
from w2v import ImageClassifier, ModelError, Tagger, TextClassifier
from w2v.explorer.labelled import cut

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def client_of(model: Any, folder: Path) -> Client:
    model.save(folder / "m")
    return Client(folder / "m")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return client_of(mistaken_classifier(), tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return client_of(name_tagger(), tmp_path_factory.mktemp("tagger"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return client_of(bar_classifier(), tmp_path_factory.mktemp("pictures"))


def test_models_of_labels_have_the_page_of_texts(classifier: Client, tagger: Client, pictures: Client) -> None:
    for client, kind in ((classifier, "text classifier"), (tagger, "tagger"), (pictures, "image classifier")):
        assert "/page/texts/main.js" in client.ask("/").body.decode()
        assert {client.ask(part).status for part in client.parts_of_page()} == {200}
        described = client.ask("/api/model").json
        assert (described["kind"], described["name"]) == (kind, "m")
        n_parameters = client.model._model if client is classifier else None
        assert n_parameters is None or f"{n_parameters.network_.parameters.n_parameters:,}" in described["facts"]


def test_words_add_up_to_what_is_said(classifier: Client) -> None:
    text = "The river,  and the gold 🜚 unheard"
    answer = classifier.post("/api/classify", text=text).json
    assert "".join(piece["piece"] for piece in answer["pieces"]) == text
    words = [piece["piece"] for piece in answer["pieces"] if "word" in piece]
    assert words == ["The", "river", "and", "the", "gold", "unheard"]
    [p] = mistaken_classifier().predict_proba([text])
    first, second = answer["labels"]
    assert [first["probability"], second["probability"]] == pytest.approx(sorted(p.tolist(), reverse=True), abs=1e-5)
    assert (first["said"], second["said"], first["against"]) == (True, False, second["label"])
    odds = np.log(first["probability"] / second["probability"])
    assert sum(first["words"]) + first["rest"] == pytest.approx(odds, abs=2e-3)
    assert second["words"] == [-value for value in first["words"]]


def test_words_are_left_out_of_a_network(tmp_path: Path) -> None:
    client = client_of(layered_classifier(), tmp_path)
    assert client.ask("/api/model").json["isExact"] is False
    answer = client.post("/api/classify", text="the gold crown").json
    found = layered_classifier().contributions("the gold crown", answer["labels"][0]["label"])
    assert answer["labels"][0]["words"] == pytest.approx([value for _, value in found], abs=1e-3)
    assert (answer["labels"][0]["against"], answer["labels"][0]["rest"]) == (None, 0)
    assert client.post("/api/classify", text="x" * 1001).status == 400


def test_several_labels_are_questions_of_their_own(tmp_path: Path) -> None:
    model = TextClassifier(epochs=5).fit(*topic_sets())
    client = client_of(model, tmp_path)
    assert client.ask("/api/model").json["oneOfMany"] is False
    for found in client.post("/api/classify", text="the river").json["labels"]:
        assert found["against"] is None
        p = found["probability"]
        assert sum(found["words"]) + found["rest"] == pytest.approx(np.log(p / (1 - p)), abs=2e-2)
        assert found["said"] == (p >= 0.5)


def test_mistakes_are_told_first(classifier: Client) -> None:
    answer = classifier.post("/api/examples").json
    examples = mistaken_classifier().network_.examples
    assert examples is not None
    assert (answer["heldOut"], answer["wrong"], len(answer["examples"])) == (30, examples.n_wrong, 20)
    for told, kept in zip(answer["examples"], examples.kept, strict=True):
        assert (told["text"], told["labels"], told["answer"]) == (kept["text"], *kept["labels"], *kept["answer"])


def test_models_without_examples_say_so(tmp_path: Path) -> None:
    client = client_of(TextClassifier(epochs=1, examples=0).fit(*topic_sets(30)), tmp_path)
    assert client.post("/api/examples").json == {"heldOut": None, "wrong": 0, "examples": []}


def test_tags_are_told_with_what_else_a_word_might_be(tagger: Client) -> None:
    answer = tagger.post("/api/tag", text="we met Anna Lee in Rome .\n\n Ben slept").json
    expected = name_tagger().explain(["we met Anna Lee in Rome .", "Ben slept"])
    for line, tagged in zip(answer["lines"], expected, strict=True):
        assert "".join(piece["piece"] for piece in line["pieces"]) == tagged.text
        assert [word["tag"] for word in line["words"]] == tagged.tags
        for word, probable in zip(line["words"], tagged.probable or [], strict=True):
            told = [(one["label"], one["probability"]) for one in word["alternatives"]]
            assert told == [(label, pytest.approx(p, abs=1e-4)) for label, p in probable]
            assert word["probability"] == pytest.approx(dict(probable)[word["label"]], abs=1e-4)
    described = tagger.ask("/api/model").json
    assert (described["labels"], described["outside"]) == (["LOC", "PER"], "O")


def test_tags_that_are_no_spans_are_labels_themselves(tmp_path: Path) -> None:
    client = client_of(kind_tagger(), tmp_path)
    described = client.ask("/api/model").json
    assert (described["labels"], described["outside"]) == (sorted(kind_tagger().tags_), None)
    [line] = client.post("/api/tag", text="we met Anna").json["lines"]
    assert [word["label"] for word in line["words"]] == kind_tagger().predict([["we", "met", "Anna"]])[0]


def test_words_that_need_columns_are_refused(tmp_path: Path) -> None:
    tagger = Tagger(**{**TINY, "epochs": 1}).fit(named_sentences(30))
    answer = client_of(tagger, tmp_path).post("/api/tag", text="we met Anna")
    assert answer.status == 400 and "given columns" in answer.json["error"]


def test_mistakes_of_a_tagger_show_words_and_tags(tmp_path: Path) -> None:
    tagger = Tagger(**{**TINY, "epochs": 1, "learning_rate": 0.001}).fit(named_sentences(40), validation=None)
    answer = client_of(tagger, tmp_path).post("/api/examples").json
    examples = tagger.network_.examples
    assert examples is not None and answer["wrong"] == examples.n_wrong > 0
    for told, kept in zip(answer["examples"], examples.kept, strict=True):
        rows = zip(kept["words"], kept["tags"], kept["answer"], strict=True)
        assert told["words"] == [{"word": word, "wanted": tag, "answer": own} for word, tag, own in rows]


def test_pictures_are_looked_at(pictures: Client) -> None:
    model, (pixels, _) = bar_classifier(), bars(3, seed=5)
    for picture in pixels:
        answer = pictures.post("/api/look", pixels=base64.b64encode(picture.tobytes()).decode(), layer=1).json
        [p], [weights] = model.predict_proba(picture[None]), model.attention(picture[None], layer=1)
        assert [one["probability"] for one in answer["labels"]] == pytest.approx(sorted(p, reverse=True), abs=1e-4)
        assert answer["labels"][0]["label"] == model.classes_[p.argmax()]
        np.testing.assert_allclose(answer["attention"][0], weights.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(answer["attention"][1:], weights, atol=1e-4)


def test_kept_pictures_are_shown_and_looked_at(pictures: Client) -> None:
    model, answer = bar_classifier(), pictures.post("/api/examples").json
    assert len(answer["examples"]) == 8
    for i, one in enumerate(answer["examples"]):
        shown = np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).reshape(8, 8)
        np.testing.assert_array_equal(shown, model.examples_.pixels[i, ..., 0])
        found = pictures.post("/api/look", example=i).json
        assert found["labels"][0]["label"] == one["answer"]
        assert found == pictures.post("/api/look", pixels=one["pixels"]).json


def test_pictures_in_other_ranges_are_brought_to_them(tmp_path: Path) -> None:
    pixels, labels = bars(60)
    model = ImageClassifier(layers=1, heads=2, dim=8, epochs=1, workers=1).fit(pixels / 255.0, labels)
    client = client_of(model, tmp_path)
    [example, *_] = client.post("/api/examples").json["examples"]
    found = [client.post("/api/look", **asked).json["labels"] for asked in
             ({"pixels": example["pixels"]}, {"example": 0})]  # fmt: skip
    assert [one["probability"] for one in found[0]] == pytest.approx([one["probability"] for one in found[1]], abs=0.01)


def test_networks_without_attention_show_none(tmp_path: Path) -> None:
    client = client_of(bar_classifier("convolution"), tmp_path)
    assert client.ask("/api/model").json["layers"] == 0
    answer = client.post("/api/look", example=0).json
    assert answer["attention"] == [] and len(answer["labels"]) == 2


def test_large_pictures_may_be_asked_about(tmp_path: Path) -> None:
    pixels, labels = bars(12, side=260)
    model = ImageClassifier(layers=1, heads=1, dim=4, epochs=1, patch=65, workers=1, examples=0).fit(pixels, labels)
    client = client_of(model, tmp_path)
    asked = json.dumps({"pixels": base64.b64encode(pixels[0].tobytes()).decode()}).encode()
    assert len(asked) > 64 << 10
    assert client.ask("/api/look", "POST", body=asked).status == 200
    refused = client.ask("/api/look", "POST", body=b" " * (1 << 20))
    assert refused.status == 413 and "135,200 bytes" in refused.json["error"]


def test_hostile_texts_are_answered(classifier: Client, tagger: Client) -> None:
    for text in (*HOSTILE, "a\x00b", "\ud83d", "x" * 3000, "__proto__", " ", ""):
        for client, path in ((classifier, "/api/classify"), (tagger, "/api/tag")):
            answer = client.post(path, text=text)
            is_text = len(text) <= 4000 and text != "\ud83d"
            assert answer.status == (200 if is_text else 400)
            assert (
                is_text
                or "may have at most 4,000 characters" in answer.json["error"]
                or "surrogate" in answer.json["error"]
            )


def test_texts_are_cut_at_their_words() -> None:
    assert cut("a  b", [(0, 1), (3, 4)]) == [{"piece": "a", "word": 0}, {"piece": "  "}, {"piece": "b", "word": 1}]
    assert cut("!a", [(1, 2)]) == [{"piece": "!"}, {"piece": "a", "word": 0}]
    assert cut("", []) == []
    assert cut("--", []) == [{"piece": "--"}]


@pytest.mark.parametrize(
    ("path", "asked", "message"),
    [
        ("/api/classify", {}, "must have text (text)"),
        ("/api/classify", {"text": 1}, "must have text (text)"),
        (
            "/api/classify",
            {"text": "x" * 4001},
            "a text may have at most 4,000 characters here, but this one has 4,001",
        ),
        ("/api/tag", {"text": "x\n" * 21}, "may have at most 20 lines here, but this one has 21"),
        ("/api/tag", {"text": "a", "lines": 1}, "must have text (text)"),
        ("/api/look", {}, "either pixels or the number of an example"),
        ("/api/look", {"pixels": "AA==", "example": 1}, "either pixels or the number of an example"),
        ("/api/look", {"pixels": "AA=="}, "a picture must have 64 values here, but this one has 1"),
        ("/api/look", {"pixels": "ß"}, "pixels must be bytes in base64"),
        ("/api/look", {"example": 8}, "there is no example 8, only 8 examples from 0"),
        ("/api/look", {"example": -1}, "no example -1"),
        ("/api/look", {"example": 0, "layer": 3}, "layer must be from 1 to 2"),
        ("/api/examples", {"n": 1}, "needs no entries"),
    ],
)
def test_questions_that_make_no_sense_are_told_so(
    path: str, asked: dict[str, Any], message: str, classifier: Client, tagger: Client, pictures: Client
) -> None:
    client = {"/api/tag": tagger, "/api/look": pictures}.get(path, classifier)
    answer = client.post(path, **asked)
    assert answer.status == 400
    assert message in answer.json["error"]


def test_guard_stands_before_labels_too(classifier: Client, tagger: Client, pictures: Client) -> None:
    for client, path, body in (
        (classifier, "/api/classify", b'{"text": "a"}'), (tagger, "/api/tag", b'{"text": "a"}'),
        (pictures, "/api/look", b'{"example": 0}'), (classifier, "/api/examples", b"{}"),
    ):  # fmt: skip
        foreign = client.ask(path, "POST", headers={"Origin": "http://evil.example"}, body=body)
        rebound = client.ask(path, "POST", headers={"Host": f"evil.example:{PORT}"}, body=body)
        assert foreign.status == rebound.status == 403
        assert client.ask(path).status == 405
        own = client.ask(path, "POST", headers={"Origin": f"http://127.0.0.1:{PORT}"}, body=body)
        assert own.status == 200


def test_damaged_models_are_reported(tmp_path: Path) -> None:
    topic_classifier().save(tmp_path / "m")
    (tmp_path / "m" / "network.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"network\.safetensors"):
        Client(tmp_path / "m")
