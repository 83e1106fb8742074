"""The network of a tagger: exact gradients, whatever the output and the layers; parts and threads change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.twins.gradient_checks import assert_directions
from w2v.neural.models import Regularisation
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.labels import tagging_network
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.spans import constraints_of
from w2v.neural.tasks.labels.tagging_network import TagBatch, TaggerConfig
from w2v.neural.tasks.labels.words import Columns, Tokens, WordVocabulary
from w2v.vectors.subwords import Subwords

TAGS = ["O", "B-X", "E-X", "S-X"]
WORDS = ["a", "Bee", "see", "dee", "1984"]
INPUTS = InputConfig(5, 3, 13, 2, 3, 2, (3,), 8)
RECURRENT = StackConfig(8, 2, 1, 8, positions="none", mixer="recurrent")
ATTENTION = StackConfig(8, 2, 2, 8, positions="rotary")
REGULARISED = Regularisation(0.3, 0.0, 0.4)


def batch() -> TagBatch:
    vocabulary = WordVocabulary.learn(["a", "a", "bee", "see", "dee"], given=("a", "see"), subwords=Subwords(2, 3, 13))
    vectors = np.array([[0, 0], [1, -1], [0.5, 2]], np.float16)
    columns = Columns.learn([("DT",), ("NN",)], 1)
    values = columns.encode([("DT",), ("NN",), ("NN",), ("X",), ("DT",), ("NN",), ("NN",)])
    tokens = Tokens(np.array([0, 1, 2, 3, 0, 4, 2]), np.array([0, 3, 3, 4, 7]), values)
    return TagBatch(vocabulary.lexicon(WORDS, vectors), tokens, np.array([1, 2, 0, 3, 0, 1, 2]), constraints_of(TAGS))


def config(stack: StackConfig, output: str) -> TaggerConfig:
    return TaggerConfig(INPUTS, stack, len(TAGS), output)


@pytest.mark.parametrize("output", ["crf", "softmax"])
@pytest.mark.parametrize("stack", [RECURRENT, ATTENTION, replace(RECURRENT, layers=0)])
def test_gradients_are_exact(stack: StackConfig, output: str, rng: np.random.Generator) -> None:
    made, data = config(stack, output), batch()
    parameters = ParameterTable.initialise(made.tensors(), 1, np.float64)
    regularisation = REGULARISED._replace(smoothing=0.1 if output == "softmax" else 0.0)

    def losses(totals: list[ParameterTable]) -> float:
        found = tagging_network.add_gradients(
            made, parameters, data, totals, regularisation=regularisation, seed=3, scale=0.5
        )
        return 0.5 * found.smoothed

    total = parameters.zeros_like()
    losses([total])
    assert_directions(lambda: losses([parameters.zeros_like()]), dict(parameters), dict(total), rng)


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_parts_and_threads_change_nothing(output: str) -> None:
    made, data = config(RECURRENT, output), batch()
    parameters = ParameterTable.initialise(made.tensors(), 1, np.float64)
    found = []
    for n_threads, most in ((1, 1 << 30), (1, 1), (3, 2)):
        totals = [parameters.zeros_like() for _ in range(n_threads)]
        losses = tagging_network.add_gradients(
            made, parameters, data, totals, regularisation=REGULARISED, seed=3, scale=1.0, most_tokens=most
        )
        assert not any(other.flat.any() for other in totals[1:])
        plain = tagging_network.token_losses(made, parameters, data, workers=n_threads, most_tokens=most)
        found.append(np.concatenate([losses, totals[0].flat, plain]))
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)
    np.testing.assert_allclose(found[2], found[0], atol=1e-12)


def test_losses_of_a_field_are_those_of_its_sentences() -> None:
    made, data = config(RECURRENT, "crf"), batch()
    parameters = ParameterTable.initialise(made.tensors(), 1, np.float64)
    plain = tagging_network.token_losses(made, parameters, data)
    nothing = Regularisation(0.0, 0.0)
    totals = [parameters.zeros_like()]
    losses = tagging_network.add_gradients(made, parameters, data, totals, regularisation=nothing, seed=1, scale=1.0)
    assert plain.sum() == pytest.approx(losses.plain) and np.ptp(plain[:3]) == 0


def test_float32_is_near_float64() -> None:
    made, data = config(ATTENTION, "crf"), batch()
    exact = ParameterTable.initialise(made.tensors(), 1, np.float64)
    found = []
    for parameters in (exact, exact.astype(np.float32)):
        total = parameters.zeros_like()
        tagging_network.add_gradients(made, parameters, data, [total], regularisation=REGULARISED, seed=3, scale=1.0)
        found.append(total.flat)
    assert np.linalg.norm(found[1] - found[0]) < 1e-4 * np.linalg.norm(found[0])


def test_smallest_network_does_what_the_large_one_does() -> None:
    made, data = tagging_network.smallest(config(ATTENTION, "softmax"))
    assert made.encoder.layers == 1 and made.inputs.given_size == 2
    parameters = ParameterTable.initialise(made.tensors(), 1)
    assert np.isfinite(tagging_network.token_losses(made, parameters, data)).all()


@pytest.mark.parametrize(
    "broken",
    [
        {"encoder": replace(RECURRENT, causal=True)}, {"encoder": replace(RECURRENT, dim=6, heads=2)}, {"tags": 0},
        {"output": "hmm"},
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|output"):
        replace(config(RECURRENT, "crf"), **broken)  # type: ignore[arg-type]
