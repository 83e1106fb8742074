"""What a language model tells of the pieces that it writes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.examples.text_models import character_model, counting_model
from w2v.neural.tasks.text.writing import Written


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("units", ["words", "characters"])
def test_what_is_explained_is_what_is_written(units: str, greedy: bool) -> None:
    model, told = character_model() if units == "characters" else counting_model(), list[Written]()
    for seed in range(4):
        told.clear()
        found = model.explain("one", seed=seed, greedy=greedy, max_tokens=70, on_piece=told.append)  # past the context
        text = model.write("one", seed=seed, greedy=greedy, max_tokens=70)
        pieces = [written.piece for written in found if written.piece != "</s>"]
        assert ("" if units == "characters" else " ").join(["one", *pieces]) == text
        assert told == found


def test_probabilities_are_those_that_texts_score() -> None:
    """But for what is never written, which a score counts and a continuation leaves out."""
    model = counting_model()
    for seed in range(4):
        found = model.explain("one", seed=seed)
        [scored] = model.score([" ".join(["one", *(written.piece for written in found[:-1])])])
        told = np.array([written.log_probability for written in found])
        assert found[-1].piece == "</s>"
        np.testing.assert_allclose(told, scored.log_probabilities[1:], atol=0.05)
        assert (told >= scored.log_probabilities[1:] - 1e-6).all()


def test_alternatives_are_the_most_probable_pieces() -> None:
    for written in counting_model().explain("two", seed=3, temperature=2.0, alternatives=4):
        probabilities = [p for _, p in written.alternatives]
        assert len(probabilities) == 4
        assert probabilities == sorted(probabilities, reverse=True)
        assert dict(written.alternatives).get(written.piece, written.log_probability) == pytest.approx(
            written.log_probability
        )
    with pytest.raises(ValueError, match="alternatives must be a whole number from 1"):
        counting_model().explain(alternatives=0)
    with pytest.raises(ValueError, match="max_tokens must be a whole number from 1"):
        counting_model().explain(max_tokens=0)
