"""What each word contributes to the answer: exact without layers, by leaving words out with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.label_examples import layered_classifier, topic_classifier, topic_sets, topic_texts
from tests.helpers.twins.naive_bags import run_buckets
from w2v import TextClassifier

TEXTS = ["the river and the gold unheard", "sea", "", "of of of of", "Iron, crown and SEA!"]
KINDS: list[dict[str, Any]] = [{}, {"word_ngrams": 1}, {"word_ngrams": 4}, {"word_ngrams": 3, "min_n": 2, "max_n": 4}]


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_words_add_up_to_the_log_odds(kind: dict[str, Any]) -> None:
    model = TextClassifier(**kind, epochs=3).fit(*topic_texts())
    for text, p in zip(TEXTS, model.predict_proba(TEXTS), strict=True):
        found = model.explain_words(text)
        total = found.values.sum(axis=0) + found.rest
        assert found.is_exact
        assert total[0] - total[1] == pytest.approx(np.log(p[0] / p[1]), abs=1e-5)


def test_parts_add_up_where_texts_have_several_labels() -> None:
    model = TextClassifier(epochs=5).fit(*topic_sets())
    for text, p in zip(TEXTS, model.predict_proba(TEXTS), strict=True):
        found = model.explain_words(text)
        np.testing.assert_allclose(found.values.sum(axis=0) + found.rest, np.log(p / (1 - p)), atol=1e-5)


def test_each_word_has_its_own_features_and_its_part_of_runs() -> None:
    model = TextClassifier(epochs=3, word_ngrams=3).fit(*topic_texts())
    found = model.explain_words("the gold crown")
    assert found.words == ["the", "gold", "crown"]
    features = model.network_.units["features"]
    table, output = (model.network_.parameters[name].astype(np.float64) for name in ("features.table", "output.table"))
    tokens, parts, n = [*found.words, "</s>"], np.zeros((4, table.shape[1])), 0
    for length in (1, 2, 3):
        for first in range(4 - length + 1):
            run, rows = tokens[first : first + length], list[int]()
            if length == 1:
                rows = [i for i, word in enumerate(features.words) if word == run[0]]
            else:
                bucket = run_buckets(run, length, features.settings.buckets)[length - 2]
                rows = (len(features.words) + np.flatnonzero(features.numbers == bucket)).tolist()
            n += len(rows)
            parts[first : first + length] += table[rows].sum(axis=0) / length
    expected = parts @ output.T / n / model.calibration_.temperature
    np.testing.assert_allclose(found.values, expected[:3], atol=1e-6)
    np.testing.assert_allclose(found.rest, expected[3], atol=1e-6)


def test_words_are_left_out_of_a_network() -> None:
    model = layered_classifier()
    found = model.explain_words("the gold crown")
    assert not found.is_exact and not found.rest.any()
    p, without = model.predict_proba(["the gold crown", "the crown"])
    expected = np.log(p / (1 - p)) - np.log(without / (1 - without))
    np.testing.assert_allclose(found.values[1], expected, atol=1e-6)
    told = dict(model.contributions("the gold crown", "metal"))
    assert [told[word] for word in found.words] == pytest.approx(found.values[:, 0].tolist())


def test_words_that_speak_for_a_label_are_told() -> None:
    found = topic_classifier().explain_words("the gold of the river")
    metal = found.values[:, 0] - found.values[:, 1]
    assert found.words[int(metal.argmax())] == "gold" and found.words[int(metal.argmin())] == "river"
