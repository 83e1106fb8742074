"""A tagger's results on held-out sentences: scores, confusion matrix, calibration and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.labels.tagged import Tagged
from w2v.neural.tasks.examples import LONGEST_SENTENCE, Examples, chosen
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.answers import Reader
from w2v.neural.tasks.labels.spans import label_of, score_tags
from w2v.neural.tasks.labels.tagging_data import Labels, rewritten
from w2v.neural.tasks.reliability import calibration_error_of, reliability
from w2v.storage.json_values import finite

_MOST_LABELS = 100
"""Maximum number of labels for which a confusion matrix is stored."""


def labels_of(tags: Sequence[str], of_spans: bool) -> list[str]:
    """Return the label of each tag: that of its span, ``O`` outside of spans; or else the tag itself."""
    return [label_of(tag) for tag in tags] if of_spans else list(tags)


def label_probabilities(names: Sequence[str], p: NDArray[Any]) -> tuple[list[str], NDArray[np.float64]]:
    """Return the distinct labels, and their probabilities, given those of the tags, shape (N, K)."""
    different = list(dict.fromkeys(names))
    sums = np.zeros((len(p), len(different)))
    for column, name in enumerate(names):
        sums[:, different.index(name)] += p[:, column]
    return different, np.minimum(sums, 1.0)


def probable_labels(names: Sequence[str], p: NDArray[Any]) -> list[list[tuple[str, float]]]:
    """Return all labels of each word with their probabilities, most probable first."""
    different, sums = label_probabilities(names, p)
    orders = np.argsort(-sums, axis=1, kind="stable").tolist()
    return [[(different[k], float(own[k])) for k in order] for own, order in zip(sums, orders, strict=True)]


def concluded(network: TextNetwork, held_out: Tagged, most: int, workers: int) -> TextNetwork:
    """Return a trained network with its results on held-out sentences, and at most `most` of these as examples."""
    labels: Labels = network.units["text"]
    reader, of_spans = Reader(network, network.parameters), labels.scheme is not None
    found = reader.tags(held_out.sentences, held_out.columns, workers)
    different, p = label_probabilities(
        labels_of(labels.tags, of_spans),
        np.concatenate(reader.probabilities(held_out.sentences, held_out.columns, workers)),
    )
    wanted, answered = (labels_of(list(chain.from_iterable(tags)), of_spans) for tags in (held_out.tags, found))
    rows = {name: row for row, name in enumerate(different)}
    confidence = p[np.arange(len(p)), [rows[name] for name in answered]]
    right = np.array([one == other for one, other in zip(wanted, answered, strict=True)])
    bins = reliability(confidence, right)
    report = {
        **score_tags(rewritten(held_out.tags, labels.scheme), found).to_dict(),
        "sentences": len(held_out), "reliability": bins,
        "calibration_error": calibration_error_of(bins), **_confusion(wanted, answered),
    }  # fmt: skip
    metadata = {**network.metadata, "training": {**network.metadata["training"], "report": finite(report)}}
    examples = _examples(held_out, found, confidence, most) if most else None
    return replace(network, metadata=metadata, examples=examples)


def _confusion(wanted: Sequence[str], found: Sequence[str]) -> dict[str, Any]:
    """Return the labels, and the confusion matrix of words: true labels by row, predicted labels by column."""
    names = sorted({*wanted, *found})
    if len(names) > _MOST_LABELS:
        return {}
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, ([place[name] for name in wanted], [place[name] for name in found]), 1)
    return {"classes": names, "confusion": counts.tolist()}


def _examples(held_out: Tagged, found: Sequence[Sequence[str]], confidence: NDArray[np.float64], most: int) -> Examples:
    """Return some sentences; mistakes rank by the confidence of a wrong tag, others by their least confident tag."""
    offsets = np.cumsum([0, *map(len, found)])
    sureness, right = np.zeros(len(found)), np.zeros(len(found), np.bool_)
    for i, (wanted, answered) in enumerate(zip(held_out.tags, found, strict=True)):
        own = confidence[offsets[i] : offsets[i + 1]]
        wrong = np.array([one != other for one, other in zip(wanted, answered, strict=True)], np.bool_)
        right[i] = not wrong.any()
        sureness[i] = own.min(initial=1.0) if right[i] else own[wrong].max()
    kept = []
    for i in chosen(right, sureness, most).tolist():
        words, tags, answer = (part[i][:LONGEST_SENTENCE] for part in (held_out.sentences, held_out.tags, found))
        kept.append(
            {"words": list(words), "tags": list(tags), "answer": list(answer), "probability": float(sureness[i])}
        )
    return Examples(len(found), int((~right).sum()), kept)
