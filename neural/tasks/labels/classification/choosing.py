"""The choice of a classifier: held-out texts decide between those without layers, with layers, and mixtures of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from w2v.monitoring.history import TrainingInterrupted
from w2v.neural.names import MIXERS
from w2v.neural.progress import FitProgress
from w2v.neural.tasks.fitting import Told, Training
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification.data import LabelData
from w2v.neural.tasks.labels.classification.fitting import Fitted, concluded, fit_linear
from w2v.neural.tasks.labels.classification.layered import layered_held_out, start_layered, train_layered
from w2v.neural.tasks.labels.classification.mixture import best_weights, choose_members, crossed, mixed
from w2v.neural.tasks.labels.classification.ngrams.naive_bayes import NGRAMS, fit_naive_bayes
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters

_LEAST_SECONDS = 5.0
"""Minimum time, in seconds, to try layers."""
_NGRAMS_COST, _BAYES_COST = 8, 2
"""Training times relative to a classifier of words: with character n-grams, and naive Bayes."""
_TRIED, _REST = 0.1, 0.95
"""Fractions of the remaining time: for the trial of each architecture, and of what then remains for the best."""
_MOST_RUNS, _STEPS = 3, 900
"""Number of trainings of the best architecture, each from another start, and their number of steps."""


@dataclass
class Choice:
    """The classifiers that were tried, and the best so far.

    Attributes
    ----------
    best : int
        The place of the best in `tried`.
    tried : list of dict
        Name, seconds, held-out accuracy and held-out loss of each.
    fitted : list of Fitted
        The same classifiers, trained.
    why : str
        Reason why no more were tried.
    """

    best: int = 0
    tried: list[dict[str, Any]] = field(default_factory=list)
    fitted: list[Fitted] = field(default_factory=list)
    why: str = ""

    def add(self, name: str, fitted: Fitted, began: float, chance: float = 0.0) -> None:
        """Remember a classifier, as the best unless one before gets more texts right, by more than `chance`."""
        report = fitted.network.metadata["training"].get("report", {})
        self.tried.append(
            {
                "classifier": name,
                "seconds": time.perf_counter() - began,
                "accuracy": report.get("accuracy"),
                "held_out_loss": report.get("loss"),
            }
        )
        self.fitted.append(fitted)
        accuracy, loss = _merit(self.tried[-1])
        if (accuracy + chance, loss) > _merit(self.tried[self.best]):
            self.best = len(self.tried) - 1

    def mix(self, data: LabelData) -> None:
        """Try a mixture of the classifiers that have a lower loss together.

        It is the best unless one of them gets more texts right by more than a standard error: the loss, which counts
        how sure each answer is, is the surer sign where the number of right answers differs by chance.
        """
        wanted, one_of_many = data.held_out.wanted(len(data.classes)), data.one_of_many
        began, logits = time.perf_counter(), [one.held_out for one in self.fitted]
        members = choose_members(logits, wanted, one_of_many=one_of_many)
        own = [logits[i] for i in members]
        weights = best_weights(own, wanted, one_of_many=one_of_many)
        parts = [(i, weight) for i, weight in zip(members, weights, strict=True) if weight > 0]
        if len(parts) < 2:
            return
        described = [{"classifier": self.tried[i]["classifier"], "weight": weight} for i, weight in parts]
        network = mixed([self.fitted[i].network for i, _ in parts], [weight for _, weight in parts])
        network = replace(network, metadata=network.metadata | {"mixture": described})
        z = crossed(own, wanted, one_of_many=one_of_many)
        name = " and ".join(f"{one['classifier']} ({one['weight']:.2f})" for one in described)
        accuracy = self.tried[self.best]["accuracy"] or 0.0
        chance = (accuracy * (1 - accuracy) / len(wanted)) ** 0.5
        self.add(f"mixture of {name}", Fitted(concluded(network, data, z), z), began, chance)

    @property
    def result(self) -> TextNetwork:
        """The best classifier, and the reason for the choice."""
        best, why = self.tried[self.best], self.why
        ranked = sorted(self.tried, key=_merit, reverse=True)
        if len(ranked) > 1:
            first, second = (f"{one['classifier']}, {one['accuracy']:.1%}" for one in ranked[:2])
            told = f"most held-out texts right: {first}; then {second}"
            if best is not ranked[0]:
                own = f"{best['classifier']}, {best['accuracy']:.1%}"
                told = f"lowest held-out loss: {own}; {first}, gets more held-out texts right, but not beyond chance"
            why = told + (f". {why}" if why else "")
        network = self.fitted[self.best].network
        return replace(network, metadata=network.metadata | {"chosen": why, "tried": self.tried})


def _merit(tried: dict[str, Any]) -> tuple[float, float]:
    """Return what is compared, the higher the better: the accuracy, then the negative loss."""
    return tried["accuracy"] or 0.0, -(tried["held_out_loss"] or 0.0)


def choose(
    data: LabelData, parameters: ClassifierParameters, vectors: Any, told: Told | None
) -> tuple[TextNetwork, KeyboardInterrupt | None]:
    """Return the best classifier found within `max_time`, and the interrupt, if any, of the first one's training.

    Without `max_time` or held-out texts it has no layers. After Ctrl-C it is the best so far.

    Parameters
    ----------
    data : LabelData
    parameters : ClassifierParameters
    vectors : Embeddings, path-like or None
        Word vectors that initialise the embeddings, or that layers read.
    told : callable, optional
    """
    choice, began = Choice(), time.perf_counter()
    first = fit_linear(data, parameters, told, vectors)
    choice.add("no layers" if vectors is None else "no layers, from word vectors", first, began)
    if parameters.max_time is None or not len(data.held_out):
        lacking = "max_time is not given" if parameters.max_time is None else "no text is held out"
        choice.why = f"{lacking}: layers were not tried"
    elif first.interrupt is None:
        try:
            _try_linear(choice, data, parameters, vectors, told, began)
            _try_layers(choice, data, parameters.tried(), vectors, told, began)
        except (KeyboardInterrupt, TrainingInterrupted):
            choice.why = "It was interrupted before all had been tried"
        with suppress(KeyboardInterrupt):
            choice.mix(data)
    return choice.result, first.interrupt


def _try_linear(
    choice: Choice, data: LabelData, parameters: ClassifierParameters, vectors: Any, told: Told | None, began: float
) -> None:
    """Try the other classifiers without layers, each only if it is likely to finish in time."""
    assert parameters.max_time is not None
    end = began + parameters.max_time
    seconds = time.perf_counter() - began

    def attempt(name: str, cost: float, fit: Callable[[ClassifierParameters], Fitted | None], **own: Any) -> float:
        started = time.perf_counter()
        if started + cost > end:
            return cost
        fitted = fit(replace(parameters, max_time=end - started, **own))
        if fitted is not None:
            choice.add(name, fitted, started)
        return time.perf_counter() - started

    if vectors is not None:
        attempt("no layers", seconds, lambda own: fit_linear(data, own, told))
    if not parameters.max_n:
        min_n, max_n = NGRAMS
        seconds = attempt(
            "no layers, n-grams of characters", _NGRAMS_COST * seconds, lambda own: fit_linear(data, own, told),
            min_n=min_n, max_n=max_n,
        )  # fmt: skip
    attempt("no layers, naive Bayes", _BAYES_COST * seconds, lambda own: fit_naive_bayes(data, own, told))


def _try_layers(
    choice: Choice, data: LabelData, parameters: ClassifierParameters, vectors: Any, told: Told | None, began: float
) -> None:
    """Try every architecture for a short time, and train the best of them several times while there is time."""
    assert parameters.max_time is not None
    limit = parameters.max_time
    left = limit - (time.perf_counter() - began)
    if left < _LEAST_SECONDS:
        choice.why = (
            f"Layers were not tried: they need {_LEAST_SECONDS:.0f} seconds, but only "
            f"{max(left, 0.0):.1f} of max_time were left"
        )
        return
    trials = {
        mixer: _one(choice, data, replace(parameters, architecture=mixer, max_time=_TRIED * left), vectors, told)
        for mixer in MIXERS
    }
    best = max(trials, key=lambda mixer: _merit(trials[mixer]))
    for run in range(_MOST_RUNS):
        left = _REST * (limit - (time.perf_counter() - began))
        if left <= _TRIED * limit:
            return
        own = replace(parameters, architecture=best, max_time=left, random_state=parameters.random_state + run)
        _one(choice, data, own, vectors, told, _STEPS)


def _one(
    choice: Choice,
    data: LabelData,
    parameters: ClassifierParameters,
    vectors: Any,
    told: Told | None,
    steps: int | None = None,
) -> dict[str, Any]:
    """Train a network with layers, for about `steps` steps if time allows; return its entry of `tried`."""
    started, learned = time.perf_counter(), list[TextNetwork]()
    name = f"{parameters.layers} {'layer' if parameters.layers == 1 else 'layers'}, {parameters.architecture}"
    if told is not None:
        told(FitProgress(f"trying {name}"))
    train_layered(
        start_layered(data, parameters, vectors), data, Training(parameters, learned.append, told=told), steps
    )
    z = layered_held_out(learned[-1], data, parameters)
    choice.add(name, Fitted(learned[-1], z), started)
    return choice.tried[-1]
