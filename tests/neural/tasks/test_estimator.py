"""What the estimators of texts have in common: constructors that are made of their tables of parameters."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest
from sklearn.base import clone

from w2v import ImageClassifier, LanguageModel, Tagger, TextClassifier, Translator
from w2v.neural.tasks.parameters import LanguageModelParameters, NetworkParameters, TranslatorParameters


@pytest.mark.parametrize("estimator", [ImageClassifier, LanguageModel, Tagger, TextClassifier, Translator])
@pytest.mark.parametrize("method", ["fit", "resume"])
def test_what_is_said_of_all_trainings_is_said_of_each(estimator: Any, method: str) -> None:
    function = getattr(estimator, method)
    described = function.__doc__
    assert "{" not in described and f"\n        {estimator.__name__}\n" in described
    for name in list(inspect.signature(function).parameters)[1:]:
        assert f" {name}" in described
    assert "\n        TrainingInterrupted\n" in described


@pytest.mark.parametrize(
    ("estimator", "table"), [(Translator, TranslatorParameters), (LanguageModel, LanguageModelParameters)]
)
def test_constructor_takes_what_its_table_holds(estimator: Any, table: type[NetworkParameters]) -> None:
    expected = {one.name: one.default for one in fields(table)}
    found = inspect.signature(estimator).parameters.values()
    assert {one.name: one.default for one in found} == expected == estimator().get_params()
    assert {one.kind for one in found} == {inspect.Parameter.KEYWORD_ONLY}
    assert repr(clone(estimator(dim=64, dropout=0.5))) == f"{estimator.__name__}(dim=64, dropout=0.5)"
    assert estimator.__doc__ is not None and all(f"\n    {name} : " in estimator.__doc__ for name in expected)
    with pytest.raises(TypeError, match="takes its parameters by name, and sentences go to fit"):
        estimator(["a text"])
    with pytest.raises(TypeError, match="has no parameter 'seed'; it is random_state"):
        estimator(seed=3)
