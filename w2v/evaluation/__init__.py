"""Evaluation of word vectors: analogies, human similarity scores, and translations."""

from __future__ import annotations

from w2v.evaluation.analogies import AnalogyReport, AnalogySection, count_known_questions, evaluate_analogies
from w2v.evaluation.correlations import correlation, or_none, ranks
from w2v.evaluation.files import EvaluationError
from w2v.evaluation.translations import TranslationReport, evaluate_translations
from w2v.evaluation.word_pairs import PairsReport, count_known_pairs, evaluate_spelling, evaluate_word_pairs

__all__ = [
    "AnalogyReport", "AnalogySection", "EvaluationError", "PairsReport", "TranslationReport", "correlation",
    "count_known_pairs", "count_known_questions", "evaluate_analogies", "evaluate_spelling", "evaluate_translations",
    "evaluate_word_pairs", "or_none", "ranks",
]  # fmt: skip
