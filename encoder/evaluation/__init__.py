"""Evaluation of encoders: scored pairs, classification, word order, and the baselines they must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.lazy import offer

if TYPE_CHECKING:
    from w2v.encoder.evaluation.baselines import SENTENCE_LENGTH as SENTENCE_LENGTH
    from w2v.encoder.evaluation.baselines import BagOfWords as BagOfWords
    from w2v.encoder.evaluation.baselines import Baseline as Baseline
    from w2v.encoder.evaluation.baselines import UnweightedSif as UnweightedSif
    from w2v.encoder.evaluation.baselines import get_baseline as get_baseline
    from w2v.encoder.evaluation.baselines import random_network as random_network
    from w2v.encoder.evaluation.baselines import sentence_moments as sentence_moments
    from w2v.encoder.evaluation.files import LabelledSentences as LabelledSentences
    from w2v.encoder.evaluation.files import ScoredPairs as ScoredPairs
    from w2v.encoder.evaluation.files import read_labelled as read_labelled
    from w2v.encoder.evaluation.files import read_scored_pairs as read_scored_pairs
    from w2v.encoder.evaluation.measures import FOLDS as FOLDS
    from w2v.encoder.evaluation.measures import PROBE_FOLDS as PROBE_FOLDS
    from w2v.encoder.evaluation.measures import evaluate_classification as evaluate_classification
    from w2v.encoder.evaluation.measures import evaluate_sts as evaluate_sts
    from w2v.encoder.evaluation.measures import probe_word_order as probe_word_order
    from w2v.encoder.evaluation.measures import swapped_neighbors as swapped_neighbors
    from w2v.encoder.evaluation.reports import N_RESAMPLES as N_RESAMPLES
    from w2v.encoder.evaluation.reports import AccuracyReport as AccuracyReport
    from w2v.encoder.evaluation.reports import Difference as Difference
    from w2v.encoder.evaluation.reports import StsReport as StsReport
    from w2v.encoder.evaluation.reports import compare as compare
    from w2v.encoder.evaluation.reports import spearman as spearman

_HOME = {
    "AccuracyReport": "reports",
    "BagOfWords": "baselines",
    "Baseline": "baselines",
    "Difference": "reports",
    "FOLDS": "measures",
    "LabelledSentences": "files",
    "N_RESAMPLES": "reports",
    "PROBE_FOLDS": "measures",
    "SENTENCE_LENGTH": "baselines",
    "ScoredPairs": "files",
    "StsReport": "reports",
    "UnweightedSif": "baselines",
    "compare": "reports",
    "evaluate_classification": "measures",
    "evaluate_sts": "measures",
    "get_baseline": "baselines",
    "probe_word_order": "measures",
    "random_network": "baselines",
    "read_labelled": "files",
    "read_scored_pairs": "files",
    "sentence_moments": "baselines",
    "spearman": "reports",
    "swapped_neighbors": "measures",
}

offer(__name__, _HOME)
