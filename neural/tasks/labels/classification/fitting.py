"""The training of text classifiers without layers, and the record of the result."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import get_tokenizer
from w2v.neural.kernels.bags import Bags, Linear
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import FitProgress
from w2v.neural.tasks.examples import LONGEST_TEXT, Examples, chosen
from w2v.neural.tasks.fitting import Told
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification.data import LabelData
from w2v.neural.tasks.labels.classification.folder import BUCKETS_FILE, CLASSIFIERS
from w2v.neural.tasks.labels.classification.measures import (
    Calibration,
    ClassificationReport,
    classified,
    decide,
    mean_loss,
    probabilities,
)
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures
from w2v.neural.tasks.labels.classification.ngrams.linear import (
    TABLE,
    LinearConfig,
    LinearOptions,
    begin_with,
    linear_logits,
    linear_of,
    train_linear,
)
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.neural.tasks.starting import open_vectors


class Fitted(NamedTuple):
    """A trained classifier.

    Attributes
    ----------
    network : TextNetwork
    held_out : ndarray of shape (S, K)
        Logits of the held-out texts, by a network that was not trained on them.
    interrupt : KeyboardInterrupt or None
        The interrupt that ended the training early.
    """

    network: TextNetwork
    held_out: NDArray[Any]
    interrupt: KeyboardInterrupt | None = None


class DividedBags(NamedTuple):
    """Bags of features of texts.

    Attributes
    ----------
    features : BagFeatures
    every, trained, held_out : Bags
        Of all texts the final model may be trained on, of the training texts, and of the held-out texts.
    """

    features: BagFeatures
    every: Bags
    trained: Bags
    held_out: Bags

    @classmethod
    def of(cls, data: LabelData, parameters: ClassifierParameters) -> DividedBags:
        """Find the features of texts; ValueError if there are none."""
        tokenizer = get_tokenizer(parameters.tokenizer)
        features, bags = BagFeatures.learn(data.every.texts, tokenizer, parameters.bag_settings)
        if not features.n_rows:
            raise ValueError(f"no word occurs min_count times, {parameters.min_count}: there is nothing to learn from")
        if data.is_apart:
            return cls(features, bags, bags, features.find(data.held_out.texts))
        n = len(data.trained)
        return cls(features, bags, first_bags(bags, n), known_bags(bags, n, len(data.held_out)))


def fit_linear(data: LabelData, parameters: ClassifierParameters, told: Told | None, vectors: Any = None) -> Fitted:
    """Train a classifier without layers; if texts are held out, once without and once with them.

    After Ctrl-C it is the best so far, and not complete. Words are initialised with `vectors`, if given.
    """
    given = None if vectors is None else open_vectors(vectors)
    if given is not None and parameters.dim is None:
        parameters = replace(parameters, dim=given.vector_size)
    parameters = parameters.resolved(0)
    bags = DividedBags.of(data, parameters)
    assert parameters.dim is not None and parameters.learning_rate is not None and parameters.epochs is not None
    n_classes, n_trained, one_of_many = len(data.classes), len(data.trained), data.one_of_many
    n_trainings = 1 if data.is_apart or not len(data.held_out) else 2
    config = LinearConfig(bags.features.n_rows, parameters.dim, n_classes, one_of_many)
    options = LinearOptions(
        parameters.epochs, parameters.learning_rate, parameters.dropout, parameters.random_state,
        math.inf if parameters.max_time is None else parameters.max_time / n_trainings,
    )  # fmt: skip
    start = ParameterTable.initialise(config.tensors(), options.seed)
    if given is not None:
        begin_with(start[TABLE], bags.features.words, given)
    history: list[dict[str, Any]] = []

    def measure(epoch: int, seconds: float, loss: float, network: Linear) -> None:
        entry: dict[str, Any] = {"step": epoch * n_trained, "epoch": epoch, "seconds": seconds, "loss": loss}
        entry |= measured(data, linear_logits(network, bags.held_out))
        history.append(entry | {"best": epoch == options.epochs})
        if told is not None:
            told(
                FitProgress(
                    "training", epoch / options.epochs, entry["step"], loss, entry.get("held_out_loss"), seconds
                )
            )

    targets = data.trained.targets(n_classes, parameters.class_weight)
    table, interrupt = train_linear(config, bags.trained, targets, options, measure, start)
    history[-1]["best"] = True
    logits = linear_logits(linear_of(table), bags.held_out)
    if n_trainings == 2 and interrupt is None:
        targets = data.every.targets(n_classes, parameters.class_weight)
        try:
            whole, interrupt = train_linear(config, bags.every, targets, options, start=start)
        except KeyboardInterrupt as caught:
            interrupt = caught
        table = whole if interrupt is None else table
    network = linear_network(config, table, bags.features, data, parameters, history, interrupt is None)
    network.metadata["training"]["vectors"] = _name_of(vectors)
    return Fitted(concluded(network, data, logits), logits, interrupt)


def linear_network(
    config: LinearConfig,
    table: ParameterTable,
    features: BagFeatures,
    data: LabelData,
    parameters: ClassifierParameters,
    history: list[dict[str, Any]],
    complete: bool = True,
) -> TextNetwork:
    """Return a classifier without layers, with its metadata."""
    metadata = described(data, parameters) | {
        "history": history, "training": trained(data, parameters, complete),
    }  # fmt: skip
    return TextNetwork(
        CLASSIFIERS, config, table, {"features": features}, metadata,
        None if complete else {"epochs": np.array([len(history)])}, {BUCKETS_FILE: {"numbers": features.numbers}},
    )  # fmt: skip


def measured(data: LabelData, logits: NDArray[Any]) -> dict[str, float]:
    """Return the figures on the held-out texts, given their logits; empty if there are none."""
    wanted, one_of_many = data.held_out.wanted(len(data.classes)), data.one_of_many
    if not len(wanted):
        return {}
    p = probabilities(logits, one_of_many=one_of_many)
    right = (decide(p, one_of_many=one_of_many) == wanted).all(axis=1)
    return {"held_out_loss": mean_loss(p, wanted, one_of_many=one_of_many), "accuracy": float(right.mean())}


def _name_of(vectors: Any) -> str | None:
    """Return the folder of word vectors, an empty name for vectors in memory, None for none."""
    if vectors is None:
        return None
    return os.path.abspath(vectors) if isinstance(vectors, (str, os.PathLike)) else ""


def began_with(began: TextNetwork) -> str | None:
    """Return the folder of the initial word vectors of a training; ValueError if they were not in a folder."""
    vectors: str | None = began.metadata["training"].get("vectors")
    if vectors == "":
        raise ValueError(
            "the initial word vectors were not in a folder: train again in Python, with fit(texts, y, vectors=…)"
        )
    return vectors


def described(data: LabelData, parameters: ClassifierParameters) -> dict[str, Any]:
    """Return the metadata of a classifier, whatever its network."""
    return {
        "labels": data.classes.tolist(),
        "matrix": data.is_matrix,
        "calibration": asdict(Calibration()),
        "texts": len(data.every),
        "parameters": parameters.to_dict(),
    }


def trained(data: LabelData, parameters: ClassifierParameters, complete: bool) -> dict[str, Any]:
    """Return the metadata of a training."""
    return {
        "seed": parameters.random_state,
        "text": data.digest(),
        "files": data.files,
        "validation": data.validation_files,
        "columns": data.columns,
        "complete": complete,
    }


def concluded(network: TextNetwork, data: LabelData, logits: NDArray[Any]) -> TextNetwork:
    """Return a network with its calibration on the held-out texts, the report on them, and some as examples."""
    wanted, one_of_many = data.held_out.wanted(len(data.classes)), data.one_of_many
    metadata = network.metadata
    calibration = Calibration.of(logits, wanted, one_of_many=one_of_many)
    if len(wanted):
        p = probabilities(logits, one_of_many=one_of_many, temperature=calibration.temperature)
        labels = [data.classes[own].tolist() for own in wanted]
        report = ClassificationReport.of(data.classes.tolist(), p, labels, one_of_many=one_of_many)
        metadata = metadata | {"training": {**metadata["training"], "report": report.to_dict()}}
        network = replace(network, examples=_examples(data, p, labels, metadata["parameters"]["examples"]))
    return replace(network, metadata=metadata | {"calibration": asdict(calibration)})


def _examples(data: LabelData, p: NDArray[Any], labels: list[list[Any]], most: int) -> Examples | None:
    """Return some of the held-out texts with their predictions; None if none are to be stored."""
    if not most:
        return None
    answers = classified(data.classes.tolist(), p, one_of_many=data.one_of_many)
    right = np.array([list(one.labels) == own for one, own in zip(answers, labels, strict=True)])
    kept = chosen(right, np.array([one.probability for one in answers]), most)
    return Examples(
        len(right), int((~right).sum()),
        [{"text": data.held_out.texts[i][:LONGEST_TEXT], "labels": labels[i], "answer": list(answers[i].labels),
          "probability": answers[i].probability} for i in kept.tolist()],
    )  # fmt: skip


def first_bags(bags: Bags, n: int) -> Bags:
    """Return the bags of the first n texts."""
    return Bags(bags.features[: bags.starts[n]], bags.starts[: n + 1])


def known_bags(bags: Bags, first: int, n: int) -> Bags:
    """Return the bags of n texts from `first` on, restricted to features that earlier texts have."""
    border, end = bags.starts[first], bags.starts[first + n]
    seen = np.zeros(int(bags.features.max(initial=-1)) + 1, np.bool_)
    seen[bags.features[:border]] = True
    own = bags.features[border:end]
    kept = seen[own]
    counts = np.concatenate([[0], np.cumsum(kept)])
    return Bags(own[kept], counts[bags.starts[first : first + n + 1] - border])
