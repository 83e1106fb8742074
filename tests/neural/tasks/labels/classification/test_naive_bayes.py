"""Classifiers whose features count as naive Bayes has it: against dense arrays, and scikit-learn's other solver."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from tests.helpers.examples.label_examples import topic_sets, topic_texts
from w2v import TextClassifier
from w2v.corpora.labels.labelled import TableColumns
from w2v.neural.tasks.labels.classification.data import LabelData
from w2v.neural.tasks.labels.classification.fitting import DividedBags, Fitted
from w2v.neural.tasks.labels.classification.ngrams import naive_bayes
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.vectors.subwords import END_OF_SENTENCE

NO_NGRAMS: dict[str, Any] = {"min_n": 3, "max_n": 3}


def fitted(texts: list[str], labels: Any, **options: Any) -> tuple[Fitted, LabelData, ClassifierParameters]:
    """Train; return what was learned, from what."""
    parameters = ClassifierParameters(**{"random_state": 1, "layers": 0, **options})
    data = LabelData.of(texts, labels, None, parameters, TableColumns())
    found = naive_bayes.fit_naive_bayes(data, parameters, None)
    assert found is not None
    return found, data, parameters


def opened(found: Fitted, folder: Path) -> TextClassifier:
    """Return the classifier, by way of its folder."""
    found.network.save(folder)
    return TextClassifier.load(folder)


def test_ratios_are_those_of_naive_bayes() -> None:
    counts = csr_array(np.array([[2.0, 0, 1], [0, 1, 0], [1, 3, 0]]))
    ratios = naive_bayes.log_ratios(counts, np.array([True, False, True]))
    assert ratios == pytest.approx([log(4 / 10) - log(1 / 4), log(4 / 10) - log(2 / 4), log(2 / 10) - log(1 / 4)])


@pytest.mark.parametrize("classes", [2, 3])
def test_logits_are_those_of_a_regression_on_dense_arrays(classes: int, tmp_path: Path) -> None:
    texts, labels = topic_texts(60)
    if classes == 3:
        labels = ["other" if i % 5 == 0 else label for i, label in enumerate(labels)]
    found, data, parameters = fitted(texts, labels, held_out=0.0, **NO_NGRAMS)
    features = found.network.units["features"]
    bags = DividedBags.of(data, replace(parameters, **NO_NGRAMS)).every
    x = np.array([np.bincount(own, minlength=features.n_rows) for own in np.split(bags.features, bags.starts[1:-1])])
    end = features.words.index(END_OF_SENTENCE)
    assert (x[:, end] == 1).all()
    expected = np.zeros((len(texts), classes))
    for k, label in enumerate(data.classes.tolist()):
        is_own = np.array([one == label for one in labels])
        own, others = x[is_own].sum(axis=0) + 1, x[~is_own].sum(axis=0) + 1
        ratios = np.log(own / own.sum() * others.sum() / others)
        ratios[end] = 1.0
        model = LogisticRegression(C=16 * len(x) / x.sum(), fit_intercept=False, tol=1e-8, max_iter=2000)
        expected[:, k] = model.fit(x * ratios, is_own).decision_function(x * ratios)
    if classes == 2:
        expected /= 2
    classifier = opened(found, tmp_path / "m")
    assert classifier._logits(texts) == pytest.approx(expected, abs=0.02)


def test_parts_of_words_add_up_to_the_log_odds(tmp_path: Path) -> None:
    found, _, _ = fitted(*topic_texts())
    classifier = opened(found, tmp_path / "m")
    text = "the ship and the ship of gold is unknown"
    told = classifier.explain_words(text)
    assert told.is_exact and classifier.is_exact and told.words == text.split()
    total = told.values.sum(axis=0) + told.rest
    [p] = classifier.predict_proba([text])
    assert total[1] - total[0] == pytest.approx(log(p[1] / p[0]), abs=1e-5)


def test_it_learns_is_kept_and_made_small(tmp_path: Path) -> None:
    texts, labels = topic_texts()
    found, data, _ = fitted(texts, labels)
    again, _, _ = fitted(texts, labels)
    assert np.array_equal(again.network.parameters.flat, found.network.parameters.flat)
    assert found.held_out.shape == (len(data.held_out), 2) and found.network.metadata["history"][-1]["best"]
    classifier = opened(found, tmp_path / "m")
    assert classifier.score(*topic_texts(40, 7)) > 0.9
    small = classifier.compress()
    assert small.predict_proba(texts) == pytest.approx(classifier.predict_proba(texts), abs=0.02)
    small.save(tmp_path / "small")
    assert np.array_equal(TextClassifier.load(tmp_path / "small").predict_proba(texts), small.predict_proba(texts))


def test_several_labels_one_of_which_all_texts_have(tmp_path: Path) -> None:
    texts, sets = topic_sets(150)
    found, _, _ = fitted(texts, [[*own, "text"] for own in sets])
    classifier = opened(found, tmp_path / "m")
    assert classifier.predict(["ship and iron"]) == [("metal", "text", "water")]
    p = classifier.predict_proba(["", "zzz"])
    assert (p[:, 1] > 0.9).all() and (p[:, [0, 2]] < 0.9).all()


def test_weights_let_rare_classes_count(tmp_path: Path) -> None:
    texts = ["a b"] * 660
    labels = ["frequent"] * 600 + ["rare"] * 60
    rare = []
    for weight in ("none", "balanced"):
        found, _, _ = fitted(texts, labels, held_out=0.0, class_weight=weight)
        rare.append(opened(found, tmp_path / weight).predict_proba(["a b"])[0, 1])
    assert rare == pytest.approx([1 / 11, 1 / 2], abs=0.03)


def test_tables_that_are_too_large_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naive_bayes, "MOST_VALUES", 10)
    parameters = ClassifierParameters(random_state=1, layers=0)
    data = LabelData.of(*topic_texts(), None, parameters, TableColumns())
    assert naive_bayes.fit_naive_bayes(data, parameters, None) is None
