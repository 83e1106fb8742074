"""How well texts are classified, against scikit-learn, and how probabilities are calibrated."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from tests.helpers.examples.label_examples import LAYERS
from w2v import TextClassifier
from w2v.neural.tasks.labels.classification.measures import (
    Calibration,
    ClassificationReport,
    best_temperature,
    calibration_error,
    classified,
    mean_loss,
    probabilities,
)

CLASSES = ["a", "b", "c"]


def drawn(rng: np.random.Generator, n: int, scale: float = 1.0) -> tuple[Any, Any]:
    """Return logits and what is wanted, drawn with the probabilities of the logits divided by `scale`."""
    logits = 2 * scale * rng.standard_normal((n, 3))
    p = probabilities(logits / scale, one_of_many=True)
    rows = np.array([rng.choice(3, p=own) for own in p])
    return logits, np.arange(3) == rows[:, None]


def test_one_label_a_text_is_measured_as_scikit_learn_does(rng: np.random.Generator) -> None:
    logits, wanted = drawn(rng, 200)
    p = probabilities(logits, one_of_many=True)
    right, found = np.array(CLASSES)[wanted.argmax(axis=1)], np.array(CLASSES)[p.argmax(axis=1)]
    report = ClassificationReport.of(CLASSES, p, [[label] for label in right], one_of_many=True)
    assert report.accuracy == metrics.accuracy_score(right, found) == report.figure and len(report) == 200
    assert report.macro_f1 == pytest.approx(metrics.f1_score(right, found, average="macro"))
    assert report.micro_f1 == pytest.approx(report.accuracy)
    assert report.loss == pytest.approx(metrics.log_loss(right, p))
    np.testing.assert_array_equal(report.confusion, metrics.confusion_matrix(right, found))
    expected = metrics.precision_recall_fscore_support(right, found)
    for one, *figures in zip(report.by_class, *expected, strict=True):
        assert (one.precision, one.recall, one.f1, one.texts) == pytest.approx(tuple(figures))
    assert json.loads(json.dumps(report.to_dict()))["classes"] == CLASSES


def test_several_labels_are_measured_as_scikit_learn_does(rng: np.random.Generator) -> None:
    p, wanted = rng.random((50, 3)), rng.random((50, 3)) < 0.4
    labels = [[CLASSES[k] for k in np.flatnonzero(own)] for own in wanted]
    report = ClassificationReport.of(CLASSES, p, labels, one_of_many=False)
    assert report.accuracy == metrics.accuracy_score(wanted, p >= 0.5)
    assert report.micro_f1 == pytest.approx(metrics.f1_score(wanted, p >= 0.5, average="micro"))
    assert report.macro_f1 == pytest.approx(metrics.f1_score(wanted, p >= 0.5, average="macro"))
    assert report.confusion is None
    assert report.loss == pytest.approx(-np.log(np.where(wanted, p, 1 - p)).sum() / 50)


def test_unknown_labels_count_as_wrong() -> None:
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    report = ClassificationReport.of(["a", "b"], p, [["a"], ["x"], ["b"]], one_of_many=True)
    assert report.accuracy == pytest.approx(2 / 3) and report.unknown == {"x": 1}
    assert report.confusion is not None and report.confusion.tolist() == [[1, 0], [0, 1]]
    assert report.macro_f1 == pytest.approx(metrics.f1_score(["a", "x", "b"], ["a", "a", "b"], average="macro"))
    assert report.by_class[0].precision == 0.5 and report.micro_f1 == pytest.approx(2 / 3)
    nothing = ClassificationReport.of(["a", "b"], np.empty((0, 2)), [], one_of_many=True)
    assert math.isnan(nothing.accuracy) and math.isnan(nothing.loss) and math.isnan(nothing.calibration_error)


def test_a_class_that_is_never_answered_has_no_precision_and_is_kept_so(tmp_path: Path) -> None:
    report = ClassificationReport.of(["a", "b"], np.array([[0.9, 0.1], [0.8, 0.2]]), [["a"], ["b"]], one_of_many=True)
    assert math.isnan(report.by_class[1].precision)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["by_class"][1]["precision"] is None
    settings = LAYERS | {"epochs": 1, "learning_rate": 0.0, "evaluate_every": 1}
    model = TextClassifier(**settings).fit(["sea", "gold"] * 10, ["a", "b"] * 10, validation=(["sea"] * 4, ["a"] * 4))
    assert None in [one["precision"] for one in model.validation_["by_class"]]
    model.save(tmp_path / "m")
    assert TextClassifier.load(tmp_path / "m").validation_ == model.validation_


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_the_temperature_is_found_that_logits_were_made_with(rng: np.random.Generator, scale: float) -> None:
    logits, wanted = drawn(rng, 4000, scale)
    assert best_temperature(logits, wanted, one_of_many=True) == pytest.approx(scale, rel=0.08)
    found = Calibration.of(logits, wanted, one_of_many=True)
    assert found.error is not None and found.error_before is not None and found.error < 0.03
    assert found.error_before > 0.1 or scale == 1.0
    few = best_temperature(logits[:1], np.arange(3) == logits[:1].argmax(axis=1)[:, None], one_of_many=True)
    assert 0.3 < few < 1
    assert Calibration.of(logits[:1], wanted[:1], one_of_many=True) == Calibration()
    assert best_temperature(logits[:0], wanted[:0], one_of_many=True) == 1


def test_temperature_of_several_labels(rng: np.random.Generator) -> None:
    logits = rng.standard_normal((4000, 2)) * 6
    wanted = rng.random(logits.shape) < probabilities(logits / 3, one_of_many=False)
    assert best_temperature(logits, wanted, one_of_many=False) == pytest.approx(3, rel=0.1)
    found = Calibration.of(logits, wanted, one_of_many=False)
    assert found.error is not None and found.error < 0.02


def test_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    p = np.array([[0.95, 0.05]] * 4 + [[0.6, 0.4]] * 2)
    wanted = np.array([[True, False]] * 2 + [[False, True]] * 2 + [[True, False]] * 2)
    assert calibration_error(p, wanted, one_of_many=True) == pytest.approx((4 * 0.45 + 2 * 0.4) / 6)
    assert calibration_error(p[:, :1], wanted[:, :1], one_of_many=False) == pytest.approx((4 * 0.45 + 2 * 0.4) / 6)


def test_losses_and_probabilities_of_extremes() -> None:
    p = probabilities(np.array([[1e4, -1e4], [0.0, 0.0]]), one_of_many=True)
    assert p.tolist() == [[1, 0], [0.5, 0.5]]
    assert probabilities(np.array([[1e4, -1e4]]), one_of_many=False)[0, 0] == 1
    assert np.isfinite(mean_loss(p, np.array([[False, True], [True, False]]), one_of_many=True))


def test_what_is_said_of_a_text() -> None:
    one, two = classified(CLASSES, np.array([[0.2, 0.7, 0.1], [0.4, 0.35, 0.25]]), one_of_many=True)
    assert one.labels == ("b",) and one.probability == 0.7 and two.labels == ("a",)
    assert one.probable(2) == [("b", 0.7), ("a", 0.2)]
    [both] = classified(CLASSES, np.array([[0.9, 0.6, 0.1]]), one_of_many=False)
    assert both.labels == ("a", "b") and both.probability == pytest.approx(0.9 * 0.6 * 0.9)
    [none] = classified(CLASSES, np.array([[0.1, 0.2, 0.3]]), one_of_many=False)
    assert none.labels == ()
