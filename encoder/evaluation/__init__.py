"""How good an encoder is: scored pairs, classification, word order, and the baselines it must beat."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v.encoder.evaluation.baselines import (
        SENTENCE_LENGTH,
        BagOfWords,
        Baseline,
        UnweightedSif,
        get_baseline,
        random_network,
        sentence_moments,
    )
    from w2v.encoder.evaluation.files import LabelledSentences, ScoredPairs, read_labelled, read_scored_pairs
    from w2v.encoder.evaluation.measures import (
        FOLDS,
        N_RESAMPLES,
        PROBE_FOLDS,
        AccuracyReport,
        Difference,
        StsReport,
        compare,
        evaluate_classification,
        evaluate_sts,
        probe_word_order,
        spearman,
        swapped_neighbors,
    )

_HOME = {
    "AccuracyReport": "measures",
    "BagOfWords": "baselines",
    "Baseline": "baselines",
    "Difference": "measures",
    "FOLDS": "measures",
    "LabelledSentences": "files",
    "N_RESAMPLES": "measures",
    "PROBE_FOLDS": "measures",
    "SENTENCE_LENGTH": "baselines",
    "ScoredPairs": "files",
    "StsReport": "measures",
    "UnweightedSif": "baselines",
    "compare": "measures",
    "evaluate_classification": "measures",
    "evaluate_sts": "measures",
    "get_baseline": "baselines",
    "probe_word_order": "measures",
    "random_network": "baselines",
    "read_labelled": "files",
    "read_scored_pairs": "files",
    "sentence_moments": "baselines",
    "spearman": "measures",
    "swapped_neighbors": "measures",
}

__all__ = [
    "AccuracyReport",
    "BagOfWords",
    "Baseline",
    "Difference",
    "FOLDS",
    "LabelledSentences",
    "N_RESAMPLES",
    "PROBE_FOLDS",
    "SENTENCE_LENGTH",
    "ScoredPairs",
    "StsReport",
    "UnweightedSif",
    "compare",
    "evaluate_classification",
    "evaluate_sts",
    "get_baseline",
    "probe_word_order",
    "random_network",
    "read_labelled",
    "read_scored_pairs",
    "sentence_moments",
    "spearman",
    "swapped_neighbors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
