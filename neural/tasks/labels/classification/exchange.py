"""Compress classifiers without layers, and convert those of fastText."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.labels.labelled import PREFIX
from w2v.corpora.tokenizers import get_tokenizer
from w2v.formats.fasttext_classifiers import read_fasttext_classifier
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification.folder import BUCKETS_FILE, CLASSIFIERS, ROWS_FILE, TREE_FILE
from w2v.neural.tasks.labels.classification.measures import Calibration
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures
from w2v.neural.tasks.labels.classification.ngrams.linear import OUTPUT, TABLE, LinearConfig, small_rows
from w2v.neural.tasks.labels.classification.parameters import BagSettings, ClassifierParameters
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import encode_json

SMALL_BYTES = 2_000_000
"""Default maximum size in bytes of a compressed classifier's folder."""
_JSON_LINE, _HEADERS = 9, 4096


def made_small(network: TextNetwork, features: BagFeatures, most_bytes: int) -> TextNetwork:
    """Return a compressed classifier, with one byte per value and without weak features, whose folder size is limited.

    Features with the longest rows are kept: short rows hardly change the mean. ValueError if not even one fits.
    """
    config, table = network.config, network.parameters[TABLE]
    order = np.argsort(-np.linalg.norm(table, axis=1), kind="stable")
    fixed = network.parameters[OUTPUT].nbytes + len(encode_json(network.metadata)) + _HEADERS
    n_kept = int(np.searchsorted(np.cumsum(_row_bytes(features, config.dim)[order]), most_bytes - fixed, side="right"))
    if not n_kept:
        raise ValueError(
            f"a classifier with {config.n_classes} classes and {config.dim} columns does not fit in {most_bytes} bytes"
        )
    return _small(network, features, np.sort(order[:n_kept]))


def _small(network: TextNetwork, features: BagFeatures, kept: NDArray[np.int64]) -> TextNetwork:
    config = replace(network.config, n_rows=len(kept), is_small=True)
    parameters = ParameterTable.from_dict({OUTPUT: network.parameters[OUTPUT]})
    own = features.take(kept)
    further = network.further | {
        BUCKETS_FILE: {"numbers": own.numbers.astype(np.int32)},
        ROWS_FILE: small_rows(network.parameters[TABLE][kept]),
    }
    metadata = {name: value for name, value in network.metadata.items() if name not in ("history", "tried")}
    return replace(
        network, config=config, parameters=parameters, units={"features": own}, metadata=metadata, further=further,
        examples=None,
    )  # fmt: skip


def _row_bytes(features: BagFeatures, dim: int) -> NDArray[np.int64]:
    """Return the approximate size in bytes of each feature in a folder: its values, a scale, its word or bucket."""
    words = (len(word.encode()) + word.count("\\") + word.count('"') + _JSON_LINE for word in features.words)
    names = np.fromiter(words, np.int64, len(features.words))
    return np.concatenate([names, np.full(len(features.numbers), 4)]) + dim + 2


def from_fasttext(path: str | os.PathLike[str]) -> TextNetwork:
    """Read a supervised model of fastText; see `read_fasttext_classifier`."""
    read = read_fasttext_classifier(path)
    settings = read.settings
    own = BagSettings(
        min(settings["minCount"], 1 << 20), max(1, settings["wordNgrams"]) if len(read.buckets) else 1,
        max(1, settings["bucket"]), max(1, settings["minn"]), settings["maxn"],
    )  # fmt: skip
    labels = [label.removeprefix(PREFIX) for label in read.labels]
    try:
        features = BagFeatures(tuple(read.words), get_tokenizer("whitespace"), own, read.buckets)
        if len(set(labels)) != len(labels):
            raise ValueError("a label is repeated")
    except ValueError as error:
        raise ModelError(f"{os.fspath(path)} is damaged: {error}") from error
    order = np.argsort(labels, kind="stable")  # classes are sorted
    config = LinearConfig(
        len(read.table), settings["dim"], len(labels), read.one_of_many, is_tree=read.tree is not None
    )  # fmt: skip
    parameters = ClassifierParameters(
        layers=0, dim=settings["dim"], tokenizer="whitespace", dropout=0.0, min_count=own.min_count,
        word_ngrams=own.word_ngrams, buckets=own.buckets, min_n=own.min_n, max_n=own.max_n, held_out=0.0,
        epochs=max(1, settings["epoch"]), multi_label=not read.one_of_many,
    )  # fmt: skip
    metadata = {
        "labels": [labels[row] for row in order], "matrix": False, "texts": None, "calibration": asdict(Calibration()),
        "parameters": parameters.to_dict(), "history": [], "training": {"complete": True}, "fasttext": settings,
    }  # fmt: skip
    further: dict[str, dict[str, NDArray[Any]]] = {BUCKETS_FILE: {"numbers": features.numbers}}
    if read.tree is not None:
        tree = read.tree.take(order)
        further[TREE_FILE] = {"offsets": tree.offsets, "nodes": tree.nodes, "codes": tree.codes}
    table = ParameterTable.from_dict({TABLE: read.table, OUTPUT: read.output if read.tree else read.output[order]})
    return TextNetwork(CLASSIFIERS, config, table, {"features": features}, metadata, further=further)
