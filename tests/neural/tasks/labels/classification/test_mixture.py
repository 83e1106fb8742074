"""Several classifiers together: their weights, who takes part, and the folder of all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.label_examples import layered_classifier, topic_classifier, topic_texts
from w2v import ModelError, TextClassifier
from w2v.corpora.labels.labelled import TableColumns
from w2v.neural.tasks.labels.classification import choosing
from w2v.neural.tasks.labels.classification.choosing import Choice
from w2v.neural.tasks.labels.classification.data import LabelData
from w2v.neural.tasks.labels.classification.fitting import fit_linear
from w2v.neural.tasks.labels.classification.mixture import (
    MixedConfig,
    best_weights,
    choose_members,
    crossed,
    mixed,
)
from w2v.neural.tasks.labels.classification.ngrams.linear import LinearConfig
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters

TEXTS, LABELS = topic_texts(60, 3)
WEIGHTS = (0.75, 0.5)


def log_p(z: Any) -> Any:
    """Return the log of softmax, in float64."""
    z = np.asarray(z, np.float64)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def opinions(rng: np.random.Generator, n: int = 400) -> tuple[list[Any], Any]:
    """Return the logits of two that each know something else, and of one that knows nothing; and what is right."""
    wanted = np.eye(3, dtype=np.bool_)[rng.integers(3, size=n)]
    knows = [2.0 * wanted + rng.normal(size=wanted.shape) * scale for scale in (1.0, 1.5)]
    return [*knows, rng.normal(size=wanted.shape)], wanted


def test_weights_are_the_best_of_a_grid(rng: np.random.Generator) -> None:
    logits, wanted = opinions(rng)

    def loss(*weights: float) -> float:
        z = sum(weight * own for weight, own in zip(weights, logits[:2], strict=True))
        return float(-log_p(z)[wanted].mean())

    found = best_weights(logits[:2], wanted, one_of_many=True)
    grid = np.linspace(0, 3, 61)
    assert loss(*found) <= min(loss(a, b) for a in grid for b in grid) + 1e-9
    assert loss(*found) < min(loss(a, 0) for a in grid) and loss(*found) < min(loss(0, b) for b in grid)


def test_weights_of_questions_of_their_own(rng: np.random.Generator) -> None:
    wanted = rng.random((600, 2)) < 0.5
    z = np.where(wanted, 1.0, -1.0) + rng.normal(size=wanted.shape)
    [weight] = best_weights([z], wanted, one_of_many=False)
    # the log-odds of a normal distribution with means ±1 are 2 z
    assert weight == pytest.approx(2.0, abs=0.35)
    assert best_weights([z, -z], wanted, one_of_many=False)[1] == 0


def test_each_half_is_told_by_weights_of_the_other(rng: np.random.Generator) -> None:
    logits, wanted = opinions(rng, 100)
    before = crossed(logits, wanted, one_of_many=True)
    changed = wanted.copy()
    changed[::2] = changed[::2][:, ::-1]
    after = crossed(logits, changed, one_of_many=True)
    assert np.array_equal(before[::2], after[::2]) and not np.allclose(before[1::2], after[1::2])


def test_who_knows_nothing_takes_no_part(rng: np.random.Generator) -> None:
    logits, wanted = opinions(rng)
    assert choose_members(logits, wanted, one_of_many=True) == [0, 1]
    assert choose_members([logits[2], logits[0], logits[0]], wanted, one_of_many=True) == [1]


def together(*models: TextClassifier) -> TextClassifier:
    """Return classifiers as one."""
    network = mixed([model.network_ for model in models], WEIGHTS)
    described = [{"classifier": "one", "weight": weight} for weight in WEIGHTS]
    model = TextClassifier()
    model._keep(replace(network, metadata=network.metadata | {"mixture": described}))
    return model


def test_answers_are_those_of_the_members(tmp_path: Path) -> None:
    members = (topic_classifier(), layered_classifier())
    model = together(*members)
    expected = sum(weight * own._logits(TEXTS) for own, weight in zip(members, WEIGHTS, strict=True))
    p = model.predict_proba(TEXTS)
    assert np.log(p) == pytest.approx(log_p(expected / model.calibration_.temperature), abs=1e-5)
    model.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert np.array_equal(loaded.predict_proba(TEXTS), p) and loaded.score(TEXTS, LABELS) > 0.9
    assert len(loaded.predict([])) == 0 and loaded.predict([""]).shape == (1,)
    assert not loaded.is_exact and not loaded.explain_words(TEXTS[0]).is_exact
    with pytest.raises(ValueError, match="is a mixture: only uncompressed ones without layers"):
        loaded.compress()


def test_contributions_of_linear_members_add_up() -> None:
    other = TextClassifier(min_n=3, max_n=4, epochs=3).fit(*topic_texts())
    model = together(topic_classifier(), other)
    text = "the ship of gold"
    told = model.explain_words(text)
    total = told.values.sum(axis=0) + told.rest
    [p] = model.predict_proba([text])
    assert model.is_exact and told.is_exact and told.words == text.split()
    assert total[1] - total[0] == pytest.approx(np.log(p[1] / p[0]), abs=1e-5)


def _without_file(folder: Path) -> None:
    (folder / "buckets-1.safetensors").unlink()


def _changed(change: Callable[[dict[str, Any]], Any], name: str = "config.json") -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        described = json.loads((folder / name).read_text(encoding="utf-8"))
        change(described)
        (folder / name).write_text(json.dumps(described), encoding="utf-8")

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _without_file,
        _changed(lambda it: it["network"].update(weights=[1.0])),
        _changed(lambda it: it["network"].update(weights=[1.0, -1.0])),
        _changed(lambda it: it["network"].update(members=it["network"]["members"][0])),
        _changed(lambda it: it["network"]["members"][0].update(n_classes=3)),
        _changed(lambda it: it["network"]["members"][0].update(members=[])),
        _changed(lambda it: it.update(mixture=[{"weight": 1.0}])),
        _changed(lambda it: it["members"].pop(), "features-units.json"),
        _changed(lambda it: it.update(kind="bags"), "features-units.json"),
        _changed(lambda it: it.update(members=3), "features-units.json"),
    ],
)
def test_damaged_folders_are_refused(damage: Callable[[Path], None], tmp_path: Path) -> None:
    model = together(topic_classifier(), topic_classifier())
    model.save(tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ModelError):
        TextClassifier.load(tmp_path / "m")


def test_networks_that_do_not_go_together() -> None:
    one, other = LinearConfig(3, 2, 2), LinearConfig(3, 2, 3)
    with pytest.raises(ValueError, match="the same classes"):
        MixedConfig((one, other), (1.0, 1.0))
    with pytest.raises(ValueError, match="2 to 4 classifiers"):
        MixedConfig((one,), (1.0,))
    assert MixedConfig((one, one), (1.0, 0.5)).tensors().keys() == {
        f"members.{i}.{name}" for i in (0, 1) for name in one.tensors()
    }
    assert asdict(MixedConfig((one, one), (1.0, 0.5)))["weights"] == (1.0, 0.5)


@pytest.mark.parametrize("n_wrong, is_chosen", [(0, True), (2, True), (20, False)])
def test_a_mixture_is_chosen_by_its_loss_unless_it_gets_fewer_right(
    monkeypatch: pytest.MonkeyPatch, n_wrong: int, is_chosen: bool
) -> None:
    parameters = ClassifierParameters(held_out=0.4, random_state=3)
    data = LabelData.of(TEXTS, LABELS, None, parameters, TableColumns())
    choice = Choice()
    for _ in range(2):
        choice.add("one", fit_linear(data, parameters, None), 0.0)
    assert choice.best == 0  # the second is no better
    right = np.where(data.held_out.wanted(2), 9.0, -9.0)
    choice.fitted = [one._replace(held_out=right) for one in choice.fitted]
    choice.tried[0]["accuracy"], choice.tried[1]["accuracy"] = 0.95, 0.9
    n = len(right)
    monkeypatch.setattr(choosing, "choose_members", lambda *given, **further: [0, 1])
    mistaken = right * np.where(np.arange(n) < n_wrong, -1, 1)[:, None]
    monkeypatch.setattr(choosing, "crossed", lambda *given, **further: mistaken)
    choice.mix(data)
    assert choice.tried[2]["accuracy"] == pytest.approx(1 - n_wrong / n)
    assert (choice.best == 2) is is_chosen
    told = {
        0: "most held-out texts right: mixture",
        2: "lowest held-out loss: mixture",
        20: "most held-out texts right: one",
    }
    assert choice.result.metadata["chosen"].startswith(told[n_wrong])
