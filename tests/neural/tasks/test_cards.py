"""Every estimator of a network shows itself in a notebook, before it is fitted and afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.examples.label_examples import mistaken_classifier
from tests.helpers.examples.pictures import bar_classifier
from tests.helpers.examples.tag_models import name_tagger
from tests.helpers.examples.text_models import counting_model, number_translator

MODELS: dict[str, Any] = {
    "LanguageModel": counting_model,
    "Translator": number_translator,
    "Tagger": name_tagger,
    "TextClassifier": mistaken_classifier,
    "ImageClassifier": bar_classifier,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_card_says_what_was_changed_and_what_was_learned(name: str) -> None:
    model = MODELS[name]()
    card = model._repr_html_()
    assert card.startswith("<table>") and f"<b>{name}</b>" in card
    assert f"{model.network_.parameters.n_parameters:,}" in card
    changed = [key for key, value in model.get_params().items() if value != model._defaults()[key]]
    assert all(f">{key}<" in card for key in changed if key != "random_state")
    fresh = type(model)()
    assert f"<b>{name}, not fitted</b>" in fresh._repr_html_()
    assert model._repr_mimebundle_()["text/html"] == card
