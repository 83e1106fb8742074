"""Measures of text classification, including the calibration of probabilities.

References
----------
Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599 (temperature).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.tasks.reliability import Bins, calibration_error_of, reliability
from w2v.storage.json_values import finite

Floats = NDArray[np.floating[Any]]

_LOWEST, _HIGHEST = 0.05, 20.0
_GOLDEN = 0.6180339887498949
_TINY = 1e-12


def probabilities(logits: Floats, *, one_of_many: bool, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the probabilities of classes, shape (S, K): softmax of logits / temperature, or the sigmoid of each."""
    z = np.asarray(logits, np.float64) / temperature
    if not one_of_many:
        found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
        return found
    e = np.exp(z - z.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = e / e.sum(axis=1, keepdims=True)
    return shares


def mean_loss(p: Floats, wanted: NDArray[np.bool_], *, one_of_many: bool) -> float:
    """Return the mean over texts of −log p of the true labels, in nats; NaN without texts."""
    if not len(p):
        return float("nan")
    losses = -np.log(np.maximum(np.where(wanted, p, 1.0 if one_of_many else 1 - p), _TINY))
    return float(losses.sum(axis=1).mean())


def best_temperature(logits: Floats, wanted: NDArray[np.bool_], *, one_of_many: bool) -> float:
    """Return the temperature that makes the true labels most probable; with few texts it is shrunk towards 1."""
    if not len(logits):
        return 1.0

    def loss(log_temperature: float) -> float:
        p = probabilities(logits, one_of_many=one_of_many, temperature=float(np.exp(log_temperature)))
        return mean_loss(p, wanted, one_of_many=one_of_many) + log_temperature**2 / len(logits)

    low, high = float(np.log(_LOWEST)), float(np.log(_HIGHEST))
    while high - low > 1e-3:  # golden-section search: the loss is unimodal
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, second) if loss(first) <= loss(second) else (first, high)
    return float(np.exp((low + high) / 2))


def reliability_of(p: Floats, wanted: NDArray[np.bool_], *, one_of_many: bool) -> Bins:
    """Return the fraction of correct answers by confidence.

    With one label per text, the most probable class of each text counts. Otherwise every decision counts, with
    confidence p or 1 − p.
    """
    if not p.size:
        return []
    if one_of_many:
        top = p.argmax(axis=1)
        confidence, right = p[np.arange(len(p)), top], wanted[np.arange(len(p)), top]
    else:
        confidence, right = np.maximum(p, 1 - p).ravel(), ((p >= 0.5) == wanted).ravel()
    return reliability(confidence, right)


def calibration_error(p: Floats, wanted: NDArray[np.bool_], *, one_of_many: bool) -> float:
    """Return the expected calibration error, based on `reliability_of`."""
    return calibration_error_of(reliability_of(p, wanted, one_of_many=one_of_many))


@dataclass(frozen=True)
class Calibration:
    """The calibration of a classifier's probabilities.

    Attributes
    ----------
    temperature : float
        Divisor of the logits.
    error : float or None
        Expected calibration error, where the temperature for each half of the texts is fitted on the other half; None
        without texts.
    error_before : float or None
        The same for temperature 1.
    """

    temperature: float = 1.0
    error: float | None = None
    error_before: float | None = None

    @classmethod
    def of(cls, logits: Floats, wanted: NDArray[np.bool_], *, one_of_many: bool) -> Calibration:
        """Calibrate on held-out texts."""
        if len(logits) < 2:
            return cls()
        p = np.empty(logits.shape)
        for half in (0, 1):
            own, other = slice(half, None, 2), slice(1 - half, None, 2)
            found = best_temperature(logits[other], wanted[other], one_of_many=one_of_many)
            p[own] = probabilities(logits[own], one_of_many=one_of_many, temperature=found)
        plain = probabilities(logits, one_of_many=one_of_many)
        return cls(
            best_temperature(logits, wanted, one_of_many=one_of_many),
            calibration_error(p, wanted, one_of_many=one_of_many),
            calibration_error(plain, wanted, one_of_many=one_of_many),
        )


@dataclass(frozen=True)
class ClassReport:
    """Results for one class.

    Attributes
    ----------
    label : object
    precision, recall, f1 : float
        NaN if no text has, or is given, the label.
    texts : int
        Number of texts with the label.
    """

    label: Any
    precision: float
    recall: float
    f1: float
    texts: int


@dataclass(frozen=True)
class ClassificationReport:
    """The results of text classification.

    Attributes
    ----------
    classes : list of object
        The labels known to the model, in the order of the confusion matrix.
    n_texts : int
    accuracy : float
        Fraction of texts whose labels are all correct.
    macro_f1, micro_f1 : float
        F1 averaged over the classes that occur, unknown ones counting 0, and over all decisions.
    loss : float
        Mean of −log p of the true labels, in nats.
    calibration_error : float
    by_class : list of ClassReport
    confusion : ndarray of shape (K, K), int64, or None
        Number of texts of each true class (row) and predicted class (column); None if texts may have several labels.
    unknown : dict of object to int
        Labels unknown to the model, with their numbers of texts; such texts count as wrong.
    reliability : list of (int, float, float)
        For each bin of confidence: the number of answers, their mean confidence, and the fraction that is correct.
    """

    classes: list[Any]
    n_texts: int
    accuracy: float
    macro_f1: float
    micro_f1: float
    loss: float
    calibration_error: float
    by_class: list[ClassReport]
    confusion: NDArray[np.int64] | None = None
    unknown: dict[Any, int] = field(default_factory=dict)
    reliability: Bins = field(default_factory=list)

    @classmethod
    def of(
        cls, classes: Sequence[Any], p: Floats, labels: Sequence[Sequence[Any]], *, one_of_many: bool
    ) -> ClassificationReport:
        """Compare probabilities, shape (S, K), with the true labels of each text."""
        rows = {label: row for row, label in enumerate(classes)}
        wanted, is_known = np.zeros(p.shape, np.bool_), np.ones(len(p), np.bool_)
        unknown: Counter[Any] = Counter()
        for text, own in enumerate(labels):
            for label in own:
                if label in rows:
                    wanted[text, rows[label]] = True
                else:
                    unknown[label] += 1
                    is_known[text] = False
        decided = decide(p, one_of_many=one_of_many)
        right = (decided == wanted).all(axis=1) & is_known
        confusion = None
        if one_of_many:
            confusion = np.zeros((len(classes), len(classes)), np.int64)
            np.add.at(confusion, (wanted[is_known].argmax(axis=1), decided[is_known].argmax(axis=1)), 1)
        hits, n_decided, n_wanted = ((x.sum(axis=0)).astype(float) for x in (decided & wanted, decided, wanted))
        n_all = n_wanted.sum() + sum(unknown.values())
        by_class = [
            ClassReport(label, _ratio(hit, own), _ratio(hit, there), _ratio(2 * hit, own + there), int(there))
            for label, hit, own, there in zip(classes, hits, n_decided, n_wanted, strict=True)
        ]
        bins = reliability_of(p[is_known], wanted[is_known], one_of_many=one_of_many)
        met = [one.f1 for one in by_class if not np.isnan(one.f1)] + [0.0] * len(unknown)
        return cls(
            list(classes),
            len(p),
            _ratio(float(right.sum()), len(p)),
            float(np.mean(met)) if met else float("nan"),
            _ratio(2 * hits.sum(), n_decided.sum() + n_all),
            mean_loss(p[is_known], wanted[is_known], one_of_many=one_of_many),
            calibration_error_of(bins),
            by_class,
            confusion,
            dict(unknown),
            bins,
        )

    def __len__(self) -> int:
        return self.n_texts

    @property
    def figure(self) -> float:
        """The accuracy."""
        return self.accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, with None for NaN."""
        unknown = {str(label): count for label, count in self.unknown.items()}
        shown = {**vars(self), "by_class": [vars(one) for one in self.by_class], "unknown": unknown}
        return dict(finite(shown))


class Classified(NamedTuple):
    """The classification of a text.

    Attributes
    ----------
    labels : tuple of object
        One label, or all with a probability above 0.5 if texts may have several.
    probability : float
        Probability that exactly these labels are correct, assuming that labels are independent.
    classes : list of object
    probabilities : ndarray of shape (K,)
    """

    labels: tuple[Any, ...]
    probability: float
    classes: list[Any]
    probabilities: NDArray[np.float64]

    def probable(self, n: int) -> list[tuple[Any, float]]:
        """Return the n most probable labels, with their probabilities."""
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.classes[k], float(self.probabilities[k])) for k in order.tolist()]


def classified(classes: list[Any], p: NDArray[np.float64], *, one_of_many: bool) -> list[Classified]:
    """Return the classification of each text for probabilities of shape (S, K)."""
    decided = decide(p, one_of_many=one_of_many)
    sure = p.max(axis=1) if one_of_many else np.maximum(p, 1 - p).prod(axis=1)
    labels = [tuple(classes[k] for k in np.flatnonzero(own).tolist()) for own in decided]
    return [Classified(own, one, classes, row) for own, one, row in zip(labels, sure.tolist(), p, strict=True)]


def decide(p: Floats, *, one_of_many: bool) -> NDArray[np.bool_]:
    """Return which classes are assigned, shape (S, K): the most probable, or all with a probability above 0.5."""
    if not one_of_many:
        likely: NDArray[np.bool_] = p >= 0.5
        return likely
    decided = np.zeros(p.shape, np.bool_)
    decided[np.arange(len(p)), p.argmax(axis=1)] = True
    return decided


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
