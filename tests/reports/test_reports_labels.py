"""Cards of classifiers and taggers: what they say of the held-out texts and pictures, and what they refuse."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.label_examples import layered_classifier, mistaken_classifier, topic_sets, topic_texts
from tests.helpers.examples.pictures import bar_classifier
from tests.helpers.examples.tag_models import TINY, kind_tagger, name_tagger, named_sentences, without_columns
from w2v import Tagger, TextClassifier
from w2v.neural.tasks.examples import Examples
from w2v.reports import Card, CardOptions, Evaluations, model_card, save_report, to_html, to_markdown
from w2v.reports.blocks import Curves, Matrix, Paragraph, Section, Table, Tiles
from w2v.reports.labels import MOST_LABELS, png
from w2v.reports.pictures import draw_matrix


def sections(card: Card) -> dict[str, Section]:
    return {section.title: section for section in card.sections}


def blocks(card: Card, title: str, kind: type) -> list[Any]:
    return [block for block in sections(card)[title].blocks if isinstance(block, kind)]


def mistaken_tagger() -> Tagger:
    return Tagger(**{**TINY, "epochs": 1, "learning_rate": 0.001}).fit(without_columns(named_sentences(60)))


def test_card_says_what_a_classifier_is_and_how_good(tmp_path: Path) -> None:
    model = mistaken_classifier()
    model.save(tmp_path / "topics.classifier")
    card = model_card(tmp_path / "topics.classifier", options=CardOptions(tags=["t"]))
    facts, report = dict(card.facts), model.validation_
    assert (card.title, card.kind, card.pipeline_tag) == ("topics", "Text classifier", "text-classification")
    assert (facts["labels"], facts["architecture"]) == ("2", "no layers")
    assert facts["held-out accuracy"] == f"{100 * report['accuracy']:.1f} %"
    assert facts["calibration error"] == f"{100 * report['calibration_error']:.1f} %"
    assert list(sections(card)) == [
        "How to use it", "How good it is", "Calibration", "Mistakes", "Training", "Settings", "Limits"
    ]  # fmt: skip
    [table, *_] = blocks(card, "How good it is", Table)
    for row, one in zip(table.rows, report["by_class"], strict=True):
        figures = [f"{100 * one[name]:.1f} %" for name in ("precision", "recall", "f1")]
        assert row == (one["label"], *figures, str(one["texts"]))
    [matrix] = blocks(card, "How good it is", Matrix)
    assert (matrix.labels, [list(row) for row in matrix.counts]) == (("metal", "water"), report["confusion"])
    [curves] = blocks(card, "Calibration", Curves)
    points = tuple((100 * p, 100 * right) for _, p, right in report["reliability"])
    assert curves.series[0].points == points
    assert f"temperature of {model.calibration_.temperature:.3g}" in to_html(card)


def test_mistakes_are_listed_the_surest_first() -> None:
    model = mistaken_classifier()
    [table] = blocks(model_card(model), "Mistakes", Table)
    examples = model.network_.examples
    assert examples is not None and len(table.rows) == len(examples.mistakes) > 3
    for row, one in zip(table.rows, examples.mistakes, strict=True):
        assert row == (one["answer"][0], one["labels"][0], f"{100 * one['probability']:.1f} %", one["text"])
    page = to_html(model_card(model))
    assert "&lt;script&gt;alert(1)" in page and "<script" not in page


def test_private_texts_are_not_in_the_report() -> None:
    model = TextClassifier(epochs=2, examples=0).fit(*topic_texts())
    assert "Mistakes" not in sections(model_card(model))
    perfect = replace(model.network_, examples=Examples(8, 0, []))
    model._keep(perfect)
    [told] = blocks(model_card(model), "Mistakes", Paragraph)
    assert told.text == "0 of 8 held-out texts were predicted wrongly."


@pytest.mark.parametrize("model", [layered_classifier, name_tagger, kind_tagger, bar_classifier])
def test_cards_of_all_kinds_are_written(model: Any, tmp_path: Path) -> None:
    card = model_card(model())
    assert {"How good it is", "Training", "Settings", "Limits"} <= {*sections(card)}
    written = save_report(card, tmp_path / "README.md")
    document = written[0].read_text(encoding="utf-8")
    assert all(f"](<{path.name}>)" in document for path in written[1:])
    assert "README-confusion.svg" in {path.name for path in written}
    assert "<svg" in to_html(card)


def test_classifiers_of_several_labels_have_no_confusions() -> None:
    card = model_card(TextClassifier(epochs=3).fit(*topic_sets(80)))
    assert blocks(card, "How good it is", Matrix) == []
    assert len(blocks(card, "How good it is", Table)) == 1


def test_card_of_a_tagger_tells_spans_and_wrong_words() -> None:
    tagger = mistaken_tagger()
    card, report = model_card(tagger), tagger.validation_
    facts = dict(card.facts)
    assert (card.kind, card.pipeline_tag) == ("Tagger", "token-classification")
    assert facts["held-out F1"] == f"{100 * report['f1']:.1f} %"
    [table, *_] = blocks(card, "How good it is", Table)
    assert [row[0] for row in table.rows] == [*report["labels"]]
    [mistakes] = blocks(card, "Mistakes", Table)
    examples = tagger.network_.examples
    assert examples is not None
    for row, one in zip(mistakes.rows, examples.mistakes, strict=True):
        wrong = [(word, tag, own) for word, tag, own in zip(one["words"], one["tags"], one["answer"], strict=True)
                 if tag != own]  # fmt: skip
        assert row[0] == ", ".join(f"{word} {own}" for word, _, own in wrong)
        assert row[1] == ", ".join(f"{word} {tag}" for word, tag, _ in wrong)
        assert row[3] == " ".join(one["words"])


def test_mistaken_pictures_are_shown_as_they_are(tmp_path: Path) -> None:
    from PIL import Image

    model = bar_classifier()
    card = model_card(model)
    examples = model.network_.examples
    [tiles] = blocks(card, "Mistakes", Tiles)
    assert examples is not None and len(tiles.pictures) == len(examples.mistakes) > 0
    for (data, words), one, pixels in zip(tiles.pictures, examples.mistakes, model.examples_.pixels, strict=False):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels[..., 0])
        assert words.startswith(f"{one['answer']}, not {one['label']}")
    page = to_html(card)
    assert "img-src data:" in page and "img-src" not in to_html(model_card(mistaken_classifier()))
    found = re.findall(r'href="data:image/png;base64,([^"]+)"', page)
    assert [base64.b64decode(one) for one in found] == [data for data, _ in tiles.pictures]
    names = {path.name for path in save_report(card, tmp_path / "c.md")}
    assert "c-mistakes.svg" in names


def test_pictures_become_png_in_grey_and_colours() -> None:
    from PIL import Image

    pixels = np.arange(2 * 5 * 3).reshape(2, 5, 3).astype(np.float64)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)
    grey = Image.open(io.BytesIO(png(pixels[..., :1] + 250)))
    assert grey.mode == "L"
    np.testing.assert_array_equal(np.asarray(grey), np.minimum(pixels[..., 0] + 250, 255))


def test_texts_with_labels_are_measured(tmp_path: Path) -> None:
    texts, labels = topic_texts(30, seed=5)
    file = tmp_path / "test.tsv"
    file.write_text("".join(f"{label}\t{text}\n" for text, label in zip(texts, labels, strict=True)), encoding="utf-8")
    model = mistaken_classifier()
    card = model_card(model, evaluations=Evaluations(classify=[file]))
    [table] = blocks(card, "Evaluation", Table)
    report = model.evaluate(file)
    majority = max(labels.count("water"), labels.count("metal")) / 30
    assert table.rows == ((
        "test.tsv", "30", f"{100 * report.accuracy:.1f} %", f"{100 * report.macro_f1:.1f} %", f"{report.loss:.3f}",
        f"{100 * majority:.1f} %",
    ),)  # fmt: skip
    [result] = card.results
    assert (result.dataset, result.metric) == ("test", "accuracy")
    assert result.value == pytest.approx(report.accuracy)


@pytest.mark.parametrize(
    ("model", "asked", "message"),
    [
        (
            mistaken_classifier,
            {"evaluations": Evaluations(pairs=["a"])},
            "pairs of texts are for translators, but this is a text classifier; a report takes labelled texts$",
        ),
        (
            name_tagger,
            {"evaluations": Evaluations(classify=["a"])},
            "but this is a tagger; a report takes no files",
        ),
        (bar_classifier, {"evaluations": Evaluations(sts=["a"])}, "scored pairs .* but this is an image classifier"),
        (name_tagger, {"options": CardOptions(words=["a"])}, "nearest words are for word vectors"),
        (name_tagger, {"options": CardOptions(sentences="a")}, "example sentences are for"),
        (mistaken_classifier, {"evaluations": Evaluations(classify=["a"], against="b")}, "another model is for"),
        (bar_classifier, {"options": CardOptions(map_words=9)}, "a map of words is for .* but this is an image"),
    ],
)
def test_cards_are_not_asked_what_they_cannot_answer(model: Any, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_card(model(), **asked)


REPORTS: list[Any] = [
    "<b>",
    {"by_class": "<b>", "labels": "<b>", "classes": "<b>", "confusion": "<b>", "reliability": "<b>"},
    {"by_class": [{"label": "<b>", "precision": "<b>", "texts": "<b>"}], "classes": ["<b>"], "confusion": [["<b>"]]},
    {"classes": ["a", "b"], "confusion": [[1, 2], [3]], "reliability": [[1, "<b>", 2], "<b>"], "accuracy": "<b>"},
    {"classes": ["a", "b"], "confusion": [[1, -2], [3, 1]], "by_class": [7], "n_texts": "<b>"},
    {"classes": ["a"], "confusion": [[1e400]], "reliability": [[1, 0.5, 0.5], [1, 0.9, None]]},
    {"by_class": [{"label": "a", "precision": None}], "classes": ["a"], "confusion": [[10**30]]},
]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("kind", [mistaken_classifier, name_tagger, bar_classifier])
def test_cards_of_hostile_models_are_harmless(kind: Any, report: Any) -> None:
    made = kind()
    other = type(made)(**made.get_params())
    metadata = made.network_.metadata | {"history": [{"step": "<b>", "<i>": "<script>", "best": True}, "none"]}
    metadata["training"] = {**metadata["training"], "report": report, "files": ["/home/me/<script>.tsv"]}
    other._keep(replace(made.network_, metadata=metadata))
    card = model_card(other)
    page = to_html(card)
    assert not re.search(r"<script|<b>|<i>|onload=|/home", page)
    assert "<script" not in to_markdown(card).replace("\\<script", "")


def test_many_labels_are_shown_by_their_mistakes() -> None:
    labels = [f"label {i}" for i in range(40)]
    counts = np.diag(np.full(40, 5))
    counts[30, 7] = 9
    model = mistaken_classifier()
    other = TextClassifier(**model.get_params())
    report = {**model.validation_, "classes": labels, "confusion": counts.tolist()}
    training = {**model.network_.metadata["training"], "report": report}
    other._keep(replace(model.network_, metadata={**model.network_.metadata, "training": training}))
    card = model_card(other)
    [matrix] = blocks(card, "How good it is", Matrix)
    assert len(matrix.labels) == MOST_LABELS and {"label 7", "label 30"} <= {*matrix.labels}
    [_, confused] = blocks(card, "How good it is", Table)
    assert confused.rows == (("label 30", "label 7", "9", "64.3 %"),)


def test_matrix_has_a_cell_for_each_count() -> None:
    drawn = draw_matrix(Matrix("confusion", "t", ("a<b>", "b"), ((3, 1), (0, 4))))
    assert drawn.count("<rect") == 4 and "<b>" not in drawn
    assert "a&lt;b&gt; predicted as b: 1 of 4" in drawn


def test_command_writes_reports_on_labels(tmp_path: Path) -> None:
    mistaken_classifier().save(tmp_path / "my.classifier")
    result = run("report", tmp_path / "my.classifier", "-o", tmp_path / "r.html")
    assert result.exit_code == 0, result.output
    assert "Confusion matrix" in (tmp_path / "r.html").read_text(encoding="utf-8")
    result = run("report", tmp_path / "my.classifier", "-o", tmp_path / "no.html", "--text", tmp_path / "r.html")
    assert_mistake(result, 1, "texts are for language models, but this is a text classifier")
    assert not (tmp_path / "no.html").exists()


def test_models_that_learned_without_held_out_texts_have_a_card() -> None:
    card = model_card(TextClassifier(epochs=2, held_out=0.0).fit(*topic_texts()))
    assert not {"How good it is", "Mistakes", "Calibration"} & {*sections(card)}
