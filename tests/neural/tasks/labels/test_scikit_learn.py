"""`TextClassifier` and `Tagger` among scikit-learn's estimators.

Left out are the checks that hand arrays of numbers to `fit`: both read texts and words. scikit-learn leaves them out by
itself, as the tags say so, with a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks, get_tags

from tests.helpers.examples.label_examples import topic_texts
from tests.helpers.examples.tag_models import TINY, named_sentences, without_columns
from w2v import Tagger, TextClassifier

ESTIMATORS: dict[str, Callable[[], Any]] = {
    "TextClassifier": lambda: TextClassifier(epochs=1),
    "Tagger": lambda: Tagger(**TINY),
}
CHECKS = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
@pytest.mark.parametrize("name", ESTIMATORS)
def test_checks_that_need_no_arrays_pass(name: str, check: Any) -> None:
    check(name, ESTIMATORS[name]())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_those_that_scikit_learn_finds_applicable_pass(name: str) -> None:
    estimator = ESTIMATORS[name]()
    assert not get_tags(estimator).input_tags.two_d_array and get_tags(estimator).target_tags.required
    with warnings.catch_warnings():  # that those are left out which need arrays of numbers
        warnings.simplefilter("ignore", SkipTestWarning)
        estimator_checks.check_estimator(estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fit_returns_the_estimator_and_leaves_its_parameters(name: str) -> None:
    given = topic_texts() if name == "TextClassifier" else _lists()
    estimator = ESTIMATORS[name]()
    with pytest.raises(NotFittedError):
        estimator.predict(given[0])
    before = estimator.get_params()
    assert estimator.fit(*given) is estimator and estimator.get_params() == before
    assert len(estimator.predict(given[0])) == len(given[0])


def test_taggers_are_searched() -> None:
    search = GridSearchCV(Tagger(**TINY), {"epochs": [1, 6]}, cv=2).fit(*_lists())
    assert search.best_params_ == {"epochs": 6}


def _lists() -> tuple[list[list[str]], list[list[str]]]:
    tagged = without_columns(named_sentences(40))
    return tagged.sentences, tagged.tags
