"""`TextClassifier` with layers: what it learns, how a training goes on, and how it chooses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.label_examples import LAYERS, METAL, WATER, layered_classifier, topic_sets, topic_texts
from tests.helpers.examples.topic_examples import stop_at
from w2v import Embeddings, ModelError, TextClassifier, TrainingInterrupted
from w2v.corpora.labels.labelled import TableColumns
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.labels.classification import choosing
from w2v.neural.tasks.labels.classification.data import LabelData
from w2v.neural.tasks.labels.classification.layered import start_layered
from w2v.vectors.model_folder import LAYOUT

TEXTS, LABELS = topic_texts()
UNSEEN = topic_texts(40, 7)


def test_learns_topics_and_is_kept(tmp_path: Path) -> None:
    model = layered_classifier()
    assert model.score(*UNSEEN) > 0.9
    best = max(entry["accuracy"] for entry in model.history_ if "accuracy" in entry)
    assert model.validation_["accuracy"] == best and model.calibration_.error is not None
    model.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert np.array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert loaded.get_params()["layers"] == 1 and loaded.is_complete_
    together = model.predict_proba(TEXTS)
    assert np.array_equal(np.concatenate([model.predict_proba([text]) for text in TEXTS]), together)
    assert model.predict_proba(["", "zzz", "word " * 5000]).shape == (3, 2) and len(model.predict([])) == 0


def test_several_labels() -> None:
    texts, labels = topic_sets(200)
    model = TextClassifier(**LAYERS).fit(texts, labels)
    assert model.score(*topic_sets(50, 7)) > 0.8
    assert model.predict(["ship and iron"]) == [("metal", "water")]


def test_word_vectors_are_read_and_kept(tmp_path: Path, rng: np.random.Generator) -> None:
    """Words that training never saw are known by their vectors."""
    unseen = {"pond": "water", "tin": "metal"}
    words = [*WATER, *METAL, *unseen]
    signs = np.array([1.0 if word in WATER or unseen.get(word) == "water" else -1.0 for word in words])
    vectors = (signs[:, None] * np.ones(6) + 0.1 * rng.standard_normal((len(words), 6))).astype(np.float32)
    embeddings = Embeddings(words, vectors)
    embeddings.save(tmp_path / "v.model")
    model = TextClassifier(**LAYERS).fit(TEXTS, LABELS, vectors=embeddings)
    again = TextClassifier(**LAYERS).fit(TEXTS, LABELS, vectors=tmp_path / "v.model")
    assert np.array_equal(again.network_.parameters.flat, model.network_.parameters.flat)
    assert model.predict(["pond pond pond", "tin tin tin"]).tolist() == ["water", "metal"]
    model.save(tmp_path / "m")
    assert np.array_equal(TextClassifier.load(tmp_path / "m").predict_proba(TEXTS), model.predict_proba(TEXTS))
    (tmp_path / "m" / "vectors.safetensors").unlink()
    with pytest.raises(ModelError, match="vectors"):
        TextClassifier.load(tmp_path / "m")


def test_words_begin_with_their_vectors() -> None:
    """A word is found in lower case, and what has no vector is drawn as before; vectors are scaled to deviation 1."""
    vectors = np.array([[3.0, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 0]], np.float32)
    parameters = TextClassifier.table(**LAYERS | {"random_state": 1}).resolved(1)
    data = LabelData.of(["Sea gold", "gold zzz"], ["a", "b"], None, parameters, TableColumns())
    start = start_layered(data, parameters, Embeddings(["sea", "gold", "unmet", "zero"], vectors))
    drawn = ParameterTable.initialise(start.config.tensors(), 1)["inputs.words.table"]
    rows = dict(zip(start.units["features"].pieces, start.parameters["inputs.words.table"][1:], strict=True))
    scaled = 0.3 * vectors / np.sqrt(np.square(vectors).mean())
    np.testing.assert_allclose(rows["sea"], scaled[0], rtol=1e-3)
    np.testing.assert_allclose(rows["gold"], scaled[1], rtol=1e-3)
    place = 1 + start.units["features"].pieces.index("zzz")
    assert np.array_equal(rows["zzz"], drawn[place]) and not rows["sea"][1]


def test_a_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("".join(f"{y}\t{x}\n" for x, y in zip(TEXTS, LABELS, strict=True)), encoding="utf-8")
    options = LAYERS | {"epochs": 4, "evaluate_every": 4, "averaged": 2}
    whole = TextClassifier(**options).fit(table)
    for stop in (1, 6):
        model, folder = TextClassifier(**options), tmp_path / f"{stop}"
        with pytest.raises(TrainingInterrupted):
            model.fit(table, checkpoint=folder, progress=stop_at(stop))
        assert not model.is_complete_ and model.predict(["river"]).shape == (1,)
        resumed = TextClassifier.load(folder).resume(checkpoint=folder)
        for one in (resumed, TextClassifier.load(folder), model.resume()):
            assert one.is_complete_ and np.array_equal(one.network_.parameters.flat, whole.network_.parameters.flat)
            assert one.calibration_ == whole.calibration_ and one.validation_ == whole.validation_
    with pytest.raises(ValueError, match="nothing to resume"):
        whole.resume()


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    model = TextClassifier(**LAYERS)
    with pytest.raises(TrainingInterrupted):
        model.fit(TEXTS, LABELS, progress=stop_at(2))
    with pytest.raises(ValueError, match="were not in files: pass them again"):
        model.resume()
    with pytest.raises(ValueError, match="began with another text"):
        model.resume(TEXTS[:-1], LABELS[:-1])
    assert model.resume(TEXTS, LABELS).is_complete_


def test_layers_need_held_out_texts_and_fitting_sizes() -> None:
    with pytest.raises(ValueError, match="set held_out above 0"):
        TextClassifier(**LAYERS | {"held_out": 0.0}).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="multiple of heads"):
        TextClassifier(**LAYERS | {"dim": 15}).fit(TEXTS, LABELS)


def test_choosing_tries_what_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = TextClassifier().fit(TEXTS, LABELS)  # compiles what the others need
    assert alone.network_.metadata["chosen"] == "max_time is not given: layers were not tried"
    few = TextClassifier(max_time=4.9).fit(TEXTS, LABELS)  # more than the others take on a busy machine
    tried = [one["classifier"] for one in few.network_.metadata["tried"]]
    names = ["no layers", "no layers, n-grams of characters", "no layers, naive Bayes"]
    assert tried[:3] == names
    assert "Layers were not tried: they need 5 seconds, but only " in few.network_.metadata["chosen"]
    hurried = TextClassifier(max_time=1e-6).fit(TEXTS, LABELS)
    assert [one["classifier"] for one in hurried.network_.metadata["tried"]] == ["no layers"]
    assert TextClassifier(max_time=1.0, held_out=0).fit(TEXTS, LABELS).network_.metadata["chosen"].startswith("no text")
    monkeypatch.setattr(choosing, "_LEAST_SECONDS", 0.1)
    options = {name: value for name, value in LAYERS.items() if name not in ("layers", "epochs", "architecture")}
    model = TextClassifier(**options | {"max_time": 3.0}).fit(TEXTS, LABELS)
    metadata = model.network_.metadata
    names = [one["classifier"] for one in metadata["tried"]]
    assert names[3:6] == ["1 layer, attention", "1 layer, recurrent", "1 layer, convolution"]
    most = max(one["accuracy"] for one in metadata["tried"])
    right = [one for one in metadata["tried"] if one["accuracy"] == model.validation_["accuracy"]]
    assert any(one["classifier"] in metadata["chosen"] for one in right)
    assert model.validation_["accuracy"] == most or metadata["chosen"].startswith("lowest held-out loss: mixture")
    assert model.score(*UNSEEN) > 0.8


def test_choosing_ends_with_the_best_after_ctrl_c(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(choosing, "train_layered", interrupt)
    model = TextClassifier(max_time=60.0).fit(TEXTS, LABELS, checkpoint=tmp_path / "m")
    assert "It was interrupted before all had been tried" in model.network_.metadata["chosen"]
    assert TextClassifier.load(tmp_path / "m").is_complete_


def test_ctrl_c_while_mixing_keeps_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: Any, **further: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(choosing, "choose_members", interrupt)
    metadata = TextClassifier(max_time=1.0).fit(TEXTS, LABELS).network_.metadata
    assert metadata["chosen"].startswith("most held-out texts right: no layers")


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["network"].update(pooling="sum"),
        lambda config: config["network"].update(n_classes=5),
        lambda config: config["network"]["inputs"].update(words=5),
        lambda config: config["network"]["encoder"].update(layers=10**9),
        lambda config: config["network"].pop("inputs"),
    ],
)
def test_damaged_folders_are_refused(tmp_path: Path, change: Any) -> None:
    layered_classifier().save(tmp_path / "m")
    file = tmp_path / "m" / LAYOUT.config
    config = json.loads(file.read_text(encoding="utf-8"))
    change(config)
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="damaged"):
        TextClassifier.load(tmp_path / "m")
