"""What was said of held-out texts and pictures: which of it is kept, how much, and how it is read from strangers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.examples.label_examples import LAYERS, topic_classifier, topic_sets, topic_texts
from tests.helpers.examples.pictures import bars
from tests.helpers.examples.tag_models import TINY, name_tagger, named_sentences, without_columns
from w2v import ImageClassifier, Tagger, TextClassifier
from w2v.neural.tasks.estimator import TextEstimator
from w2v.neural.tasks.examples import Examples, ExamplesWarning, chosen
from w2v.neural.tasks.reliability import calibration_error_of, reliability
from w2v.storage.tensors import write_tensors


def confusing_texts(n: int = 120) -> tuple[list[str], list[str]]:
    """Return texts of which every fifth has the other label."""
    texts, labels = topic_texts(n)
    other = {"water": "metal", "metal": "water"}
    return texts, [other[label] if i % 5 == 0 else label for i, label in enumerate(labels)]


def test_surest_mistakes_come_first_and_right_answers_fill_up() -> None:
    right = np.array([True, False, True, False, False, True, True])
    sureness = np.array([0.9, 0.6, 0.8, 0.95, 0.7, 0.5, 0.4])
    assert chosen(right, sureness, 2).tolist() == [3, 4]
    assert chosen(right, sureness, 3).tolist() == [3, 4, 1]
    assert chosen(right, sureness, 5).tolist() == [3, 4, 1, 0, 6]
    assert chosen(right, sureness, 50).tolist() == [3, 4, 1, 0, 2, 5, 6]
    assert chosen(right, sureness, 0).tolist() == []


def test_reliability_counts_what_is_right_by_confidence() -> None:
    bins = reliability(np.array([0.1, 0.11, 0.9, 1.0]), np.array([False, True, True, True]))
    assert [n for n, _, _ in bins] == [2, 1, 1]
    assert bins[0] == pytest.approx((2, 0.105, 0.5))
    assert bins[-1] == (1, 1.0, 1.0)
    assert calibration_error_of(bins) == pytest.approx((2 * 0.395 + 0.1) / 4)
    assert np.isnan(calibration_error_of([]))


def test_classifier_keeps_its_mistakes() -> None:
    texts, labels = confusing_texts()
    apart = texts[80:], labels[80:]
    model = TextClassifier(examples=6).fit(texts[:80], labels[:80], validation=apart)
    found, examples = model.explain(apart[0]), model.network_.examples
    assert examples is not None and examples.n == 40
    wrong = [(one.probability, text, label) for one, text, label in zip(found, *apart, strict=True)
             if one.labels != (label,)]  # fmt: skip
    assert examples.n_wrong == len(wrong) >= 6
    assert [one["text"] for one in examples.kept] == [text for _, text, _ in sorted(wrong, key=lambda x: -x[0])[:6]]
    for one in examples.mistakes:
        assert (one["text"], one["labels"][0]) in set(zip(*apart, strict=True))
        assert one["answer"] != one["labels"]
    assert model.validation_["reliability"] == list(map(list, model.evaluate(*apart).reliability))


@pytest.mark.parametrize("options", [{}, LAYERS])
def test_private_texts_are_not_kept(options: dict[str, Any], tmp_path: Path) -> None:
    model = TextClassifier(**{**options, "epochs": 2}, examples=0).fit(*topic_texts())
    assert model.network_.examples is None and model.validation_ is not None
    model.save(tmp_path / "m")
    assert not (tmp_path / "m" / "examples.json").exists()


def test_long_texts_are_cut_and_several_labels_kept() -> None:
    texts, labels = topic_sets(60)
    long = TextClassifier(epochs=2).fit([f"{text} {'of ' * 300}" for text in texts], labels).network_.examples
    assert long is not None and {len(one["text"]) for one in long.kept} == {500}
    assert all(isinstance(one["labels"], list) for one in long.kept)


def test_tagger_keeps_its_mistakes_and_what_was_taken_for_what() -> None:
    data, test = (without_columns(named_sentences(n, seed)) for n, seed in ((60, 1), (40, 2)))
    tagger = Tagger(**{**TINY, "epochs": 1, "learning_rate": 0.001, "examples": 5}).fit(data, validation=test)
    examples, report = tagger.network_.examples, tagger.validation_
    found = tagger.predict(test)
    assert examples is not None and (examples.n, len(examples.kept)) == (40, 5)
    assert examples.n_wrong == sum(tags != own for tags, own in zip(test.tags, found, strict=True)) >= 5
    answers = {tuple(words): (tags, own) for words, tags, own in zip(test.sentences, test.tags, found, strict=True)}
    for one in examples.kept:
        assert (one["tags"], one["answer"]) == answers[tuple(one["words"])]
    sure = [one["probability"] for one in examples.mistakes]
    assert sure == sorted(sure, reverse=True)
    assert report["f1"] == tagger.evaluate(test).main
    assert report["classes"] == sorted({"O", "PER", "LOC"})
    confusion = np.array(report["confusion"])
    assert confusion.sum() == report["words"]
    rows = {name: i for i, name in enumerate(report["classes"])}
    expected = np.zeros((3, 3), int)
    for tags, own in zip(test.tags, found, strict=True):
        for tag, answer in zip(tags, own, strict=True):
            expected[rows[tag[2:] or "O"], rows[answer[2:] or "O"]] += 1
    assert_array_equal(confusion, expected)
    assert sum(n for n, _, _ in report["reliability"]) == report["words"]


def test_tagger_says_how_probable_labels_are() -> None:
    tagger = name_tagger()
    [found, nothing] = tagger.explain(["we met Anna Lee in Rome .", ""])
    assert found.probable is not None and nothing.probable == []
    [p] = tagger.predict_proba([[word.text for word in found.words]])
    for own, row in zip(found.probable, p, strict=True):
        assert [p for _, p in own] == sorted((p for _, p in own), reverse=True)
        for label, probability in own:
            columns = [k for k, tag in enumerate(tagger.tags_) if (tag[2:] or "O") == label]
            assert probability == pytest.approx(row[columns].sum(), abs=1e-6)
    assert [own[0][0] for own in found.probable] == ["O", "O", "PER", "PER", "O", "LOC", "O"]


def test_pictures_are_kept_with_what_was_said_of_them(tmp_path: Path) -> None:
    pixels, labels = bars(60)
    apart = bars(30, seed=2)
    model = ImageClassifier(layers=1, dim=8, heads=2, epochs=1, workers=1, examples=7).fit(
        pixels, labels, validation=apart
    )
    examples, found = model.network_.examples, model.predict(apart[0])
    assert examples is not None and (examples.n, examples.n_wrong) == (30, int((found != apart[1]).sum()))
    assert model.validation_["accuracy"] == pytest.approx(model.score(*apart))
    model.save(tmp_path / "m")
    opened = ImageClassifier.load(tmp_path / "m")
    kept = opened.examples_
    assert len(kept) == len(examples.kept) == 7 and opened.network_.examples == examples
    assert [one["answer"] for one in examples.kept] == opened.predict(kept).tolist()
    for picture, one in zip(kept.pixels, examples.kept, strict=True):
        [place] = np.flatnonzero((apart[0] == picture[..., 0]).all(axis=(1, 2)))
        assert apart[1][place] == one["label"]
    (tmp_path / "m" / "examples.json").unlink()
    assert len(ImageClassifier.load(tmp_path / "m").examples_) == 0


def test_pictures_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.neural.tasks.images.concluding.MOST_BYTES", 3 * 64 + 1)
    model = ImageClassifier(layers=1, dim=8, heads=2, epochs=1, workers=1).fit(*bars(60))
    assert len(model.examples_) == 3


def test_examples_are_saved_with_the_model_and_may_be_deleted(tmp_path: Path) -> None:
    model = topic_classifier()
    model.save(tmp_path / "m")
    assert TextClassifier.load(tmp_path / "m").network_.examples == model.network_.examples
    (tmp_path / "m" / "examples.json").unlink()
    assert TextClassifier.load(tmp_path / "m").network_.examples is None
    small = model.compress()
    assert small.network_.examples is None


def test_reports_of_labels_that_are_never_answered_can_be_saved(tmp_path: Path) -> None:
    texts, labels = topic_texts()
    model = TextClassifier().fit([*texts, "odd"], [*labels, "other"], validation=(texts, labels))
    [other] = [one for one in model.validation_["by_class"] if one["label"] == "other"]
    assert other == {"label": "other", "precision": None, "recall": None, "f1": None, "texts": 0}
    model.save(tmp_path / "m")
    assert TextClassifier.load(tmp_path / "m").validation_ == model.validation_


GOOD = {"text": "a", "labels": ["x"], "answer": ["y"], "probability": 0.5}


@pytest.mark.parametrize(
    "described",
    [
        [],
        {},
        {"held_out": 1, "wrong": 2, "examples": []},
        {"held_out": -1, "wrong": -1, "examples": []},
        {"held_out": "1", "wrong": 0, "examples": []},
        {"held_out": 0, "wrong": 0, "examples": [GOOD]},
        {"held_out": 1, "wrong": 1, "examples": [{**GOOD, "more": 1}]},
        {"held_out": 1, "wrong": 1, "examples": [{**GOOD, "text": 1}]},
        {"held_out": 1, "wrong": 1, "examples": [{**GOOD, "labels": [["x"]]}]},
        {"held_out": 1, "wrong": 1, "examples": [{**GOOD, "answer": [None]}]},
        {"held_out": 1, "wrong": 1, "examples": [{**GOOD, "probability": 1.5}]},
        {"held_out": 1, "wrong": 1, "examples": ["text"]},
        {"held_out": 5000, "wrong": 1, "examples": [GOOD] * 1001},
    ],
)
def test_model_opens_without_damaged_examples(described: Any, tmp_path: Path) -> None:
    topic_classifier().save(tmp_path / "m")
    (tmp_path / "m" / "examples.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.warns(
        ExamplesWarning, match=r"examples\.json is damaged: .*; the model is opened without it, and it may"
    ):
        assert TextClassifier.load(tmp_path / "m").network_.examples is None


@pytest.mark.parametrize("model", [topic_classifier, name_tagger])
def test_model_opens_without_examples_that_are_cut_short(
    model: Callable[[], TextEstimator[Any]], tmp_path: Path
) -> None:
    model().save(tmp_path / "m")
    file = tmp_path / "m" / "examples.json"
    whole = file.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 2):
        file.write_bytes(whole[:length])
        with pytest.warns(ExamplesWarning, match=r"examples\.json is damaged"):
            assert type(model()).load(tmp_path / "m").network_.examples is None


def test_model_opens_without_damaged_pictures(tmp_path: Path) -> None:
    ImageClassifier(layers=1, dim=8, heads=2, epochs=1, workers=1, examples=3).fit(*bars(60)).save(tmp_path / "m")
    file = tmp_path / "m" / "examples.safetensors"
    for pixels in (np.zeros((3, 8, 9, 1), np.uint8), np.zeros((3, 8, 8, 1), np.int64),
                   np.full((3, 8, 8, 1), np.nan, np.float32)):  # fmt: skip
        write_tensors(file, {"pixels": pixels})
        with pytest.warns(ExamplesWarning, match=r"examples\.safetensors is damaged"):
            assert len(ImageClassifier.load(tmp_path / "m").examples_) == 0
    write_tensors(file, {"pixels": np.zeros((2, 8, 8, 1), np.uint8)})  # those of another model
    assert len(ImageClassifier.load(tmp_path / "m").examples_) == 0
    file.unlink()
    opened = ImageClassifier.load(tmp_path / "m")
    assert len(opened.examples_) == 0 and opened.network_.examples is None


def test_mistakes_are_those_of_all_that_were_kept() -> None:
    assert Examples(9, 2, [{"text": "a"}, {"text": "b"}, {"text": "c"}]).mistakes == [{"text": "a"}, {"text": "b"}]
