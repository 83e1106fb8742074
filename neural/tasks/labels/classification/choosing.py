"""Which classifier it is to be: without layers, or with which; the held-out texts decide, as long as there is time."""

from __future__ import annotations

import time
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
"""With less time than this left, layers are not tried."""
_TRIED, _REST = 0.1, 0.95
"""Fractions of the time that is left: for the trial of each architecture, and of what is left then for the best."""
_MOST_RUNS, _STEPS = 3, 900
"""How often the best is trained, from another start each time, and for how many steps."""


@dataclass
class Choice:
    """The classifiers that were tried, and the best so far.

    Attributes
    ----------
    best : TextNetwork or None
    tried : list of dict
        What each was, its seconds, and how well it told the held-out texts.
    fitted : list of Fitted
        The same that were tried.
    why : str
        What speaks for the best, or why no more was tried.
    """

    best: TextNetwork | None = None
    tried: list[dict[str, Any]] = field(default_factory=list)
    fitted: list[Fitted] = field(default_factory=list)
    why: str = ""

    def add(self, name: str, fitted: Fitted, began: float) -> None:
        """Keep a classifier if it is better than those before."""
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
        if self.best is None or _merit(self.tried[-1]) > max(map(_merit, self.tried[:-1])):
            self.best = fitted.network

    def mix(self, data: LabelData) -> None:
        """Try those together that are better so."""
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
        self.add(f"together: {name}", Fitted(concluded(network, data, z), z), began)

    @property
    def result(self) -> TextNetwork:
        """The best, with why it was chosen."""
        assert self.best is not None
        ranked = sorted(self.tried, key=_merit, reverse=True)
        why = self.why
        if len(ranked) > 1:
            first, second = (f"{one['classifier']}, {one['accuracy']:.1%}" for one in ranked[:2])
            why = f"of the held-out texts it got most right: {first}; then {second}" + (f". {why}" if why else "")
        return replace(self.best, metadata=self.best.metadata | {"chosen": why, "tried": self.tried})


def _merit(tried: dict[str, Any]) -> tuple[float, float]:
    """Return what is to be high: how many are right, and for as many the likelihood."""
    return tried["accuracy"] or 0.0, -(tried["held_out_loss"] or 0.0)


def choose(
    data: LabelData, parameters: ClassifierParameters, vectors: Any, told: Told | None
) -> tuple[TextNetwork, KeyboardInterrupt | None]:
    """Return the best classifier that there is time for, and what interrupted the training of the first.

    Without `max_time`, or texts to choose by, it has no layers. After Ctrl-C it is the best so far.

    Parameters
    ----------
    data : LabelData
    parameters : ClassifierParameters
    vectors : Embeddings, path-like or None
        Word vectors that words start with, or that layers read.
    told : callable, optional
    """
    choice, began = Choice(), time.perf_counter()
    first = fit_linear(data, parameters, told, vectors)
    choice.add("no layers" if vectors is None else "no layers, from word vectors", first, began)
    if parameters.max_time is None or not len(data.held_out):
        lacking = "max_time is not given" if parameters.max_time is None else "no text is held out"
        choice.why = f"{lacking}: layers were not tried"
    elif first.interrupt is None:
        _try_others(choice, data, parameters, vectors, told, began)
        choice.mix(data)
    return choice.result, first.interrupt


def _try_others(
    choice: Choice, data: LabelData, parameters: ClassifierParameters, vectors: Any, told: Told | None, began: float
) -> None:
    """Try features of other kinds, and layers, until there is no time left, or Ctrl-C."""
    try:
        if vectors is not None:
            started = time.perf_counter()
            choice.add("no layers", fit_linear(data, parameters, told), started)
        if not parameters.max_n:
            started = time.perf_counter()
            min_n, max_n = NGRAMS
            fitted = fit_linear(data, replace(parameters, min_n=min_n, max_n=max_n), told)
            choice.add("no layers, n-grams of characters", fitted, started)
        started = time.perf_counter()
        weighed = fit_naive_bayes(data, parameters, told)
        if weighed is not None:
            choice.add("no layers, naive Bayes", weighed, started)
        _try_layers(choice, data, parameters.tried(), vectors, told, began)
    except (KeyboardInterrupt, TrainingInterrupted):
        choice.why = "It was interrupted before all had been tried"


def _try_layers(
    choice: Choice, data: LabelData, parameters: ClassifierParameters, vectors: Any, told: Told | None, began: float
) -> None:
    """Try every architecture for a moment, and the best of them, several times, for what time is left."""
    assert parameters.max_time is not None
    limit = parameters.max_time
    left = limit - (time.perf_counter() - began)
    if left < _LEAST_SECONDS:
        choice.why = (
            f"Layers were not tried: they need {_LEAST_SECONDS:.0f} seconds, and of max_time "
            f"{max(left, 0.0):.1f} were left"
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
    """Train one network with layers, for about so many steps if there is time; return how it did."""
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
