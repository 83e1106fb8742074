"""`TextClassifier`: what it learns from, what it says, and what is kept of it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split

from tests.helpers.examples.label_examples import topic_classifier, topic_sets, topic_texts
from w2v import Embeddings, ModelError, Tagger, TextClassifier, TrainingInterrupted
from w2v.corpora import CorpusError
from w2v.corpora.labels.labelled import TableColumns
from w2v.neural.tasks.labels.classification.data import LabelData
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.neural.tasks.text.pairs import LeftOutWarning

TEXTS, LABELS = topic_texts()
UNSEEN = topic_texts(40, 7)


def write_table(path: Path, texts: list[str], labels: list[Any]) -> Path:
    path.write_text("".join(f"{y}\t{x}\n" for x, y in zip(texts, labels, strict=True)), encoding="utf-8")
    return path


def test_learns_topics_and_is_kept(tmp_path: Path) -> None:
    model = topic_classifier()
    assert model.classes_.tolist() == ["metal", "water"] and model.score(*UNSEEN) > 0.95
    p = model.predict_proba(UNSEEN[0])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (model.classes_[p.argmax(axis=1)] == model.predict(UNSEEN[0])).all()
    assert [one["epoch"] for one in model.history_] == list(range(1, 11)) and model.history_[-1]["best"]
    assert model.history_[-1]["held_out_loss"] < model.history_[0]["held_out_loss"]
    assert model.validation_["n_texts"] == 8 and model.calibration_.error is not None
    model.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert np.array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert loaded.history_ == model.history_ and loaded.calibration_ == model.calibration_
    assert loaded.classes_.dtype == model.classes_.dtype and loaded.network_.config.dim == 10
    loaded.save(tmp_path / "m", overwrite=True)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(TEXTS), model.predict(TEXTS))


def test_a_seed_decides_everything_and_neither_company_nor_order_a_prediction() -> None:
    model = topic_classifier()
    again = TextClassifier().fit(TEXTS, LABELS)
    assert np.array_equal(again.network_.parameters.flat, model.network_.parameters.flat)
    other = TextClassifier(random_state=2).fit(TEXTS, LABELS)
    assert not np.array_equal(other.network_.parameters.flat, model.network_.parameters.flat)
    together = model.predict_proba(TEXTS)
    assert np.array_equal(np.concatenate([model.predict_proba([text]) for text in TEXTS]), together)


def test_files_and_lists_teach_the_same(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.tsv", TEXTS, LABELS)
    csv = tmp_path / "t.csv"
    csv.write_text("topic,body\n" + "".join(f"{y},{x}\n" for x, y in zip(TEXTS, LABELS, strict=True)), encoding="utf-8")
    expected = topic_classifier().predict_proba(UNSEEN[0])
    for model in (
        TextClassifier().fit(table),
        TextClassifier().fit([csv], columns=TableColumns(("body",), "topic")),
        TextClassifier().fit(np.array(TEXTS), np.array(LABELS)),
    ):
        assert np.array_equal(model.predict_proba(UNSEEN[0]), expected)
    assert TextClassifier().fit(csv, columns=TableColumns(("body",), "topic")).evaluate(csv).accuracy > 0.9
    assert topic_classifier().score(table) == topic_classifier().score(TEXTS, LABELS)


@pytest.mark.parametrize("apart", [None, UNSEEN])
def test_what_was_learned_when_ctrl_c_came_is_kept(tmp_path: Path, apart: Any) -> None:
    complete = TextClassifier().fit(TEXTS, LABELS, validation=apart)
    model, table = TextClassifier(), write_table(tmp_path / "t.tsv", TEXTS, LABELS)

    def interrupt(state: Any) -> None:
        if state.done == 0.3:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted, match="starts it again"):
        model.fit(table, validation=apart, checkpoint=tmp_path / "m", progress=interrupt)
    loaded = TextClassifier.load(tmp_path / "m")
    assert not loaded.is_complete_ and len(loaded.history_) == 3 and loaded.score(*UNSEEN) > 0.6
    assert np.array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))
    with pytest.raises(ValueError, match="began with another text"):
        TextClassifier.load(tmp_path / "m").resume(TEXTS[1:], LABELS[1:], validation=apart)
    loaded.resume(validation=apart, checkpoint=tmp_path / "m")
    for found in (loaded, TextClassifier.load(tmp_path / "m")):
        assert found.is_complete_
        assert np.array_equal(found.network_.parameters.flat, complete.network_.parameters.flat)


def test_words_start_with_vectors(tmp_path: Path, rng: np.random.Generator) -> None:
    vectors = Embeddings(["river", "Gold"], rng.standard_normal((2, 6)).astype(np.float32))
    vectors.save(tmp_path / "v.model")
    still = TextClassifier(learning_rate=0.0, epochs=1).fit(TEXTS, LABELS, vectors=vectors)
    words = still.network_.units["features"].words
    table = still.network_.parameters["features.table"]
    for word, name in (("river", "river"), ("gold", "Gold")):
        expected = vectors[name] / np.linalg.norm(vectors[name])
        np.testing.assert_allclose(table[words.index(word)], expected, rtol=1e-6)
    assert np.abs(table[words.index("ship")]).max() <= 1
    model = TextClassifier().fit(TEXTS, LABELS, vectors=tmp_path / "v.model")
    assert model.network_.config.dim == 6 and model.score(*UNSEEN) > 0.95
    with pytest.raises(ValueError, match="have 6 columns, but dim is 10"):
        TextClassifier(dim=10).fit(TEXTS, LABELS, vectors=vectors)
    with pytest.raises(ValueError, match="no word of the texts has a vector"):
        TextClassifier().fit(TEXTS, LABELS, vectors=Embeddings(["zebra"], np.ones((1, 6), np.float32)))


def test_what_words_started_with_is_known_when_training_goes_on(tmp_path: Path, rng: np.random.Generator) -> None:
    vectors = Embeddings(["river", "gold"], rng.standard_normal((2, 6)).astype(np.float32))
    vectors.save(tmp_path / "v.model")
    whole = TextClassifier().fit(TEXTS, LABELS, vectors=vectors)

    def interrupt(state: Any) -> None:
        if state.done == 0.3:
            raise KeyboardInterrupt

    for given in (vectors, tmp_path / "v.model"):
        model = TextClassifier()
        with pytest.raises(TrainingInterrupted):
            model.fit(TEXTS, LABELS, vectors=given, progress=interrupt)
        if given is vectors:
            with pytest.raises(ValueError, match="were not in a folder: train again"):
                model.resume(TEXTS, LABELS)
    model.resume(TEXTS, LABELS)
    assert np.array_equal(model.network_.parameters.flat, whole.network_.parameters.flat)


def test_nothing_is_kept_of_less_than_an_epoch(tmp_path: Path) -> None:
    def interrupt(state: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        TextClassifier().fit(TEXTS, LABELS, checkpoint=tmp_path / "m", progress=interrupt)
    assert not isinstance(caught.value, TrainingInterrupted) and not (tmp_path / "m").exists()


def test_texts_to_measure_by_may_be_given(tmp_path: Path) -> None:
    apart = write_table(tmp_path / "v.tsv", *UNSEEN)
    first = TextClassifier().fit(TEXTS, LABELS, validation=UNSEEN)
    second = TextClassifier().fit(TEXTS, LABELS, validation=apart)
    assert first.validation_ == second.validation_ and first.validation_["n_texts"] == 40
    assert second.network_.metadata["training"]["validation"] == [str(apart)]
    with pytest.warns(LeftOutWarning, match="1 validation texts have labels .* such as 'wood'"):
        model = TextClassifier().fit(TEXTS, LABELS, validation=([*UNSEEN[0], "oak"], [*UNSEEN[1], "wood"]))
    assert model.validation_["n_texts"] == 40
    none = TextClassifier(held_out=0).fit(TEXTS, LABELS)
    assert none.validation_ is None and none.calibration_.temperature == 1 and none.score(*UNSEEN) > 0.95


def test_classes_are_held_out_in_proportion(rng: np.random.Generator) -> None:
    labels = rng.permutation(np.repeat(["a", "b", "c", "odd"], [300, 90, 17, 1]))
    texts = [f"text {i}" for i in range(len(labels))]

    def held_out(seed: int) -> list[int]:
        parameters = ClassifierParameters(random_state=seed, held_out=0.2)
        data = LabelData.of(texts, labels.tolist(), None, parameters, TableColumns())
        assert sorted(data.trained.texts + data.held_out.texts) == sorted(texts)
        return [texts.index(text) for text in data.held_out.texts]

    found = held_out(1)
    assert len(found) == 81 and found == held_out(1) != held_out(2)
    counts = dict(zip(*np.unique(labels[found], return_counts=True), strict=True))
    known = labels != "odd"  # scikit-learn refuses a class of one
    _, expected = train_test_split(labels[known], test_size=81, stratify=labels[known], random_state=1)
    assert set(counts) == {"a", "b", "c"}
    assert all(abs(n - (expected == label).sum()) <= 1 for label, n in counts.items())


def phrases(n: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return sentences of six words each with its two halves, and labels."""
    sentences = [[f"w{rng.integers(500)}" for _ in range(6)] for _ in range(n)]
    texts = [" ".join(words) for own in sentences for words in (own, own[:3], own[3:])]
    return texts, ["a" if i // 3 % 2 else "b" for i in range(3 * n)]


def test_parts_of_held_out_texts_are_not_trained_on(rng: np.random.Generator) -> None:
    texts, labels = phrases(100, rng)
    parameters = ClassifierParameters(held_out=0.2)
    data = LabelData.of(texts, labels, None, parameters, TableColumns())
    assert len(data.held_out) == 20 and all(len(text.split()) == 6 for text in data.held_out.texts)
    assert not any(f" {text} " in f" {whole} " for whole in data.held_out.texts for text in data.trained.texts)
    assert len(data.parts) >= 40 and sorted(data.every.texts) == sorted(texts)
    by_text = dict(zip(texts, labels, strict=True))
    rows = zip(data.parts.texts, data.classes[data.parts.classes].tolist(), strict=True)
    assert all(by_text[text] == label for text, label in rows)
    few = [*texts[::3], texts[1]]  # one part is a text of its own
    data = LabelData.of(few, labels[: len(few)], None, parameters, TableColumns())
    assert not len(data.parts) and len(data.held_out) == 20 and len(data.trained) == 81


def test_parts_of_held_out_texts_are_trained_on_in_the_end(rng: np.random.Generator) -> None:
    texts, labels = phrases(100, rng)
    model = TextClassifier(held_out=0.2, min_count=1).fit(texts, labels)
    assert model.network_.metadata["texts"] == 300 and model.validation_["n_texts"] == 20
    assert set(model.network_.units["features"].words) >= {word for text in texts for word in text.split()}


def test_several_labels_or_none() -> None:
    texts, labels = topic_sets(200)
    model = TextClassifier(epochs=30).fit(texts, labels)
    unseen, wanted = topic_sets(50, 7)
    assert model.score(unseen, wanted) > 0.9
    assert model.predict(["ship and iron", "of the"]) == [("metal", "water"), ()]
    assert (model.predict_proba(["ship and iron"]) > 0.5).all()
    matrix = np.array([[name in own for name in ("metal", "water")] for own in labels]).astype(int)
    second = TextClassifier(epochs=30).fit(texts, matrix)
    assert second.classes_.tolist() == [0, 1]
    assert second.predict(["ship and iron", "of the"]).tolist() == [[1, 1], [0, 0]]
    third = TextClassifier(multi_label=True).fit(TEXTS, LABELS)
    assert third.network_.config.one_of_many is False and third.predict(["river"]) == [("water",)]
    with pytest.raises(ValueError, match="text 1 has several labels or none, but with multi_label=False"):
        TextClassifier(multi_label=False).fit(["a", "b"], [["x", "y"], ["x"]])


def test_labels_may_be_numbers(tmp_path: Path) -> None:
    numbers = [int(label == "water") for label in LABELS]
    model = TextClassifier().fit(TEXTS, numbers)
    assert model.classes_.tolist() == [0, 1] and model.predict(["river"]).tolist() == [1]
    model.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert loaded.classes_.dtype == np.array(numbers).dtype and loaded.score(TEXTS, numbers) > 0.95
    assert loaded.score(write_table(tmp_path / "t", TEXTS, numbers)) > 0.95


def test_a_label_that_is_not_held_out_has_no_figures_and_is_kept(tmp_path: Path) -> None:
    model = TextClassifier().fit([*TEXTS, "one of its kind"], [*LABELS, "odd"])
    model.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    [odd] = [one for one in loaded.validation_["by_class"] if one["label"] == "odd"]
    assert odd["texts"] == 0 and odd["recall"] is None and loaded.validation_ == model.validation_


def test_weights_let_rare_classes_count() -> None:
    texts = ["x common"] * 95 + ["x rare"] * 5
    labels = ["many"] * 95 + ["few"] * 5
    plain, balanced = (
        TextClassifier(class_weight=name, epochs=2, held_out=0).fit(texts, labels).predict_proba(["x"])[0, 0]
        for name in ("none", "balanced")
    )
    assert balanced > plain


def test_empty_and_unknown_texts_have_labels() -> None:
    model = topic_classifier()
    p = model.predict_proba(["", " \n", "zzz"])
    assert p.shape == (3, 2) and (p[0] == p[1]).all() and model.predict([]).tolist() == []
    assert model.explain(["the river"])[0].labels == ("water",)
    assert TextClassifier().fit([*TEXTS, ""], [*LABELS, "water"]).predict([""]).shape == (1,)


def test_words_speak_for_labels() -> None:
    model = topic_classifier()
    found = dict(model.contributions("the river of gold"))
    assert list(found) == ["the", "river", "of", "gold"]
    water = dict(model.contributions("the river of gold", "water"))
    assert water["river"] > 1 and water["gold"] < -1 and abs(water["of"]) < water["river"]
    metal = dict(model.contributions("the river of gold", "metal"))
    assert metal == pytest.approx({word: -x for word, x in water.items()}) and model.contributions("") == []
    with pytest.raises(ValueError, match="'wood' is not a label"):
        model.contributions("a", "wood")


def test_unknown_labels_when_measured() -> None:
    report = topic_classifier().evaluate(["river", "gold", "oak"], ["water", "metal", "wood"])
    assert report.unknown == {"wood": 1} and report.accuracy == pytest.approx(2 / 3)


def test_is_a_classifier_of_scikit_learn() -> None:
    model = TextClassifier(epochs=5)
    assert is_classifier(model) and clone(model).get_params() == model.get_params()
    assert cross_val_score(model, TEXTS, LABELS, cv=3).min() > 0.8
    search = GridSearchCV(TextClassifier(), {"epochs": [1, 10], "layers": [0]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_params_["epochs"] == 10
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)
    with pytest.raises(TypeError, match="takes its parameters by name"):
        TextClassifier(10)  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], ["x"], "2 texts but 1 labels"),
        (["a", "b"], ["x", "x"], "all texts have the label 'x': nothing to distinguish"),
        (["a", "b"], ["x", None], "text 2 has the label None"),
        (["a", "b"], ["x", float("nan")], "text 2 has the label nan"),
        (["a", "b"], ["x", 1], "all texts or all numbers"),
        ([], [], "no text to train on"),
        (["a", "b"], [[], []], "no text has a label"),
        (["a", "b"], [["x", "y"], ["y", "x"]], "every text has every label"),
        (["a", "b"], np.array([[2, 0], [0, 1]]), "must contain only 0 and 1"),
    ],
)
def test_labels_that_cannot_be_learned(texts: list[str], labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextClassifier().fit(texts, labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "many"}, "layers must be 'auto' or a whole number from 0"),
        ({"layers": -1}, "layers must be 'auto' or"),
        ({"held_out": 0.6}, "held_out must be"),
        ({"class_weight": "rare"}, "class_weight must be 'none' or 'balanced'"),
        ({"tokenizer": str.split}, "cannot be saved with the model"),
        ({"min_count": 1000, "word_ngrams": 1}, "no word occurs min_count times, 1000"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextClassifier(**options).fit(TEXTS, LABELS)


def test_bad_texts(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="files of labels and texts, or texts and their labels"):
        TextClassifier().fit([1, 2])
    for one in (TextClassifier().fit, topic_classifier().predict, topic_classifier().explain, Tagger().tag):
        with pytest.raises(TypeError, match=r"a list of texts is needed, not one: write \['a text'\]"):
            one(*(["a text", ["x"]] if one.__name__ == "fit" else ["a text"]))
    with pytest.raises(CorpusError, match="none of the 2 files exists, such as 'a text'; if these are texts, give"):
        TextClassifier().fit(["a text", "another"])
    with pytest.raises(TypeError, match=r"columns must be TableColumns, such as .* not \{'text': 'a'\}"):
        TextClassifier().fit("a.csv", columns={"text": "a"})  # type: ignore[arg-type]
    for missing in (None, float("nan"), pd.NA, pd.NaT):
        with pytest.raises(ValueError, match="text 2 has the label .*, but labels must be"):
            TextClassifier().fit(["a", "b"], ["x", missing])
    with pytest.raises(TypeError, match="text 2 is not a str"):
        topic_classifier().predict(["a", 1])
    with pytest.raises(ValueError, match="half a surrogate"):
        topic_classifier().predict(["\ud800"])
    with pytest.raises(CorpusError, match="does not exist|missing"):
        TextClassifier().fit(tmp_path / "missing")


def damage(folder: Path, change: Any) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(config)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["labels"].pop(),
        lambda config: config.update(labels=["a", "a"]),
        lambda config: config.update(labels=[["a"], "b"]),
        lambda config: config.update(calibration=None),
        lambda config: config["calibration"].update(temperature=-1),
        lambda config: config["calibration"].update(further=1),
        lambda config: config["network"].update(n_rows=10**12),
        lambda config: config["network"].update(n_rows=3),
        lambda config: config["network"].pop("dim"),
        lambda config: config["parameters"].update(pooling="sum"),
    ],
)
def test_damaged_folders_are_refused(tmp_path: Path, change: Any) -> None:
    topic_classifier().save(tmp_path / "m")
    damage(tmp_path / "m", change)
    with pytest.raises(ModelError, match="damaged|the network needs"):
        TextClassifier.load(tmp_path / "m")


def test_damaged_features_are_refused(tmp_path: Path) -> None:
    topic_classifier().save(tmp_path / "m")
    (tmp_path / "m" / "buckets.safetensors").unlink()
    with pytest.raises(ModelError, match="buckets"):
        TextClassifier.load(tmp_path / "m")


def test_a_matrix_of_one_label_a_text_is_answered_by_a_matrix() -> None:
    model = TextClassifier(epochs=5, held_out=0).fit(
        TEXTS, np.eye(2, dtype=int)[[int(label == "metal") for label in LABELS]]
    )
    assert model.predict(TEXTS).shape == (len(TEXTS), 2) and model.score(TEXTS, model.predict(TEXTS)) == 1.0
