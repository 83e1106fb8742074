"""The network of a classifier with layers: exact gradients, whatever pools; parts and threads change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.twins.gradient_checks import assert_directions
from w2v.neural.models import Regularisation
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.labels.classification import network
from w2v.neural.tasks.labels.classification.network import LayeredConfig, TextBatch, class_losses
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.words import Tokens, WordVocabulary
from w2v.vectors.subwords import Subwords

INPUTS = InputConfig(5, 3, 13, 2, 3, 2, (), 8)
RECURRENT = StackConfig(8, 2, 1, 8, positions="none", mixer="recurrent")
CONVOLUTION = replace(RECURRENT, mixer="convolution")
ATTENTION = StackConfig(8, 2, 2, 8, positions="rotary")
REGULARISED = Regularisation(0.3, 0.1, 0.4)


def batch(one_of_many: bool) -> TextBatch:
    vocabulary = WordVocabulary.learn(["a", "a", "bee", "see", "dee"], given=("a", "see"), subwords=Subwords(2, 3, 13))
    vectors = np.array([[0, 0], [1, -1], [0.5, 2]], np.float16)
    tokens = Tokens(np.array([0, 1, 2, 3, 0, 4, 2]), np.array([0, 3, 4, 7]), np.zeros((7, 0), np.int64))
    wanted = np.array([[True, False, False], [False, False, True], [True, False, not one_of_many]])
    lexicon = vocabulary.lexicon(["a", "Bee", "see", "dee", "1984"], vectors)
    return TextBatch(lexicon, tokens, wanted, np.array([1, 2, 0.5], np.float32))


@pytest.mark.parametrize(
    ("stack", "pooling", "one_of_many"),
    [
        (RECURRENT, "max", True), (CONVOLUTION, "max", False), (ATTENTION, "mean", True), (ATTENTION, "first", False),
        (RECURRENT, "max+mean", True),
    ],
)  # fmt: skip
def test_gradients_are_exact(stack: StackConfig, pooling: str, one_of_many: bool, rng: np.random.Generator) -> None:
    made, data = LayeredConfig(INPUTS, stack, 3, one_of_many, pooling), batch(one_of_many)
    parameters = ParameterTable.initialise(made.tensors(), 1, np.float64)

    def losses(totals: list[ParameterTable]) -> float:
        found = network.add_gradients(made, parameters, data, totals, regularisation=REGULARISED, seed=3, scale=0.5)
        return 0.5 * found.smoothed

    total = parameters.zeros_like()
    losses([total])
    assert_directions(lambda: losses([parameters.zeros_like()]), dict(parameters), dict(total), rng)


@pytest.mark.parametrize("one_of_many", [True, False])
def test_parts_and_threads_change_nothing(one_of_many: bool) -> None:
    made, data = LayeredConfig(INPUTS, RECURRENT, 3, one_of_many), batch(one_of_many)
    parameters = ParameterTable.initialise(made.tensors(), 1, np.float64)
    found = []
    for n_threads, most in ((1, 1 << 30), (1, 1), (3, 2)):
        totals = [parameters.zeros_like() for _ in range(n_threads)]
        losses = network.add_gradients(
            made, parameters, data, totals, regularisation=REGULARISED, seed=3, scale=1.0, most_tokens=most
        )
        assert not any(other.flat.any() for other in totals[1:])
        plain = network.token_losses(made, parameters, data, workers=n_threads, most_tokens=most)
        found.append(np.concatenate([losses, totals[0].flat, plain]))
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)
    np.testing.assert_allclose(found[2], found[0], atol=1e-12)


@pytest.mark.parametrize("one_of_many", [True, False])
def test_losses_are_what_they_are_defined_as(one_of_many: bool, rng: np.random.Generator) -> None:
    z, wanted = 3 * rng.standard_normal((3, 3)), batch(one_of_many).wanted
    weights = np.array([1.0, 2.0, 0.5])
    plain, smoothed, _ = class_losses(z, wanted, weights, 0.2, one_of_many=one_of_many)
    for text in range(3):
        if one_of_many:
            p = np.exp(z[text]) / np.exp(z[text]).sum()
            assert plain[text] == pytest.approx(-np.log(p[wanted[text]]).sum())
            target = 0.8 * wanted[text] + 0.2 / 3
            assert smoothed[text] == pytest.approx(-(target * np.log(p)).sum() * weights[wanted[text].argmax()])
        else:
            p = 1 / (1 + np.exp(-z[text]))
            assert plain[text] == pytest.approx(-np.log(np.where(wanted[text], p, 1 - p)).sum())
            target = 0.8 * wanted[text] + 0.1
            assert smoothed[text] == pytest.approx(
                -(weights * (target * np.log(p) + (1 - target) * np.log(1 - p))).sum()
            )
    extremes: Any = class_losses(np.array([[1e4, -1e4, 0.0]]), wanted[1:2], weights, 0.0, one_of_many=one_of_many)
    assert all(np.isfinite(one).all() for one in extremes)


def test_smallest_network_does_what_the_large_one_does() -> None:
    made, data = network.smallest(LayeredConfig(INPUTS, ATTENTION, 3))
    assert made.encoder.layers == 1 and made.inputs.given_size == 2
    assert np.isfinite(network.token_losses(made, ParameterTable.initialise(made.tensors(), 1), data)).all()


@pytest.mark.parametrize(
    "broken",
    [
        {"encoder": replace(RECURRENT, causal=True)}, {"encoder": replace(RECURRENT, dim=6, heads=2)},
        {"n_classes": 0}, {"pooling": "sum"}, {"inputs": replace(INPUTS, columns=(3,))},
    ],
)  # fmt: skip
def test_configurations_that_do_not_go_together(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(LayeredConfig(INPUTS, RECURRENT, 3), **broken)
