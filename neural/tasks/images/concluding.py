"""An image classifier's results on held-out pictures, and some of these as examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from w2v.neural.tasks.examples import Examples, chosen
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.images import network
from w2v.neural.tasks.images.data import PictureData
from w2v.neural.tasks.images.network import PictureBatch
from w2v.neural.tasks.labels.classification.measures import ClassificationReport, probabilities

EXAMPLES = "examples"
"""Name of the arrays of stored pictures."""
MOST_BYTES = 1 << 20
"""Maximum bytes of the pixels of all stored pictures."""


def concluded(learned: TextNetwork, data: PictureData, batch: PictureBatch, most: int, workers: int) -> TextNetwork:
    """Return a trained network with its results on held-out pictures, and at most `most` of these as examples."""

    def name(part: PictureBatch) -> NDArray[np.float32]:
        vectors, _ = network.encode(learned.config, learned.parameters, part)
        return network.logits(learned.parameters, vectors)

    logits = np.concatenate(network.over_parts(name, learned.config, batch, workers))
    p = probabilities(logits, one_of_many=True)
    wanted = [data.classes[k] for k in batch.wanted.tolist()]
    report = ClassificationReport.of(data.classes, p, [[label] for label in wanted], one_of_many=True)
    training = {**learned.metadata["training"], "report": report.to_dict()}
    learned = replace(learned, metadata={**learned.metadata, "training": training})
    one = batch.pictures[:1].nbytes
    most = min(most, MOST_BYTES // one)
    if not most:
        return learned
    answers, sureness = p.argmax(axis=1), p.max(axis=1)
    right = answers == batch.wanted
    kept = chosen(right, sureness, most)
    described = [
        {"label": wanted[i], "answer": data.classes[answers[i]], "probability": float(sureness[i])}
        for i in kept.tolist()
    ]
    pixels = np.ascontiguousarray(batch.pictures[batch.chosen[kept]])
    return replace(
        learned, examples=Examples(len(right), int((~right).sum()), described),
        further={**learned.further, EXAMPLES: {"pixels": pixels}},
    )  # fmt: skip
