"""Which parameters a model actually uses: reports and `w2v info` show only these, and training refuses the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Rule = tuple[str, Callable[[Mapping[str, Any]], bool], str]
"""Parameter names, separated by spaces; a function of all parameters that returns whether these are used; and their
purpose, or why they are not used: the end of a sentence that begins with a name."""

_OF_WORDS: tuple[Rule, ...] = (
    (
        "negative ns_exponent",
        lambda given: given.get("objective") in (None, "negative"),
        "is for negative sampling: it cannot be combined with another objective",
    ),
    (
        "x_max x_exponent",
        lambda given: given.get("objective") == "glove",
        "weighs the counts of GloVe: give objective glove as well",
    ),
    (
        "algorithm holdout position_weights",
        lambda given: given.get("objective") != "glove",
        "is for objectives that train on the text itself, not for GloVe",
    ),
    (
        "sample",
        lambda given: given.get("objective") != "glove" or given.get("sample") == 0,
        "is for objectives that train on the text itself, but GloVe counts all of it",
    ),
    (
        "shrink_windows",
        lambda given: given.get("objective") != "glove" or given.get("shrink_windows") is False,
        "draws windows, but GloVe counts in the whole of each",
    ),
    (
        "min_alpha",
        lambda given: given.get("objective") != "glove" or given.get("min_alpha") is not None,
        "is the end of a falling learning rate, but that of GloVe is constant",
    ),
    (
        "alpha_hold",
        lambda given: given.get("objective") != "glove" or given.get("min_alpha") is not None,
        "says when the learning rate begins to fall, but that of GloVe is constant unless min_alpha is given",
    ),
    ("position_weights", lambda given: given.get("algorithm") == "cbow", "is for CBOW: give algorithm cbow as well"),
    (
        "window shrink_windows",
        lambda given: given.get("lines") != "pairs",
        "is for the words of a sentence: lines of pairs have no windows",
    ),
    (
        "tokenizer",
        lambda given: given.get("lines") != "pairs" or given.get("tokenizer") == "tabs",
        "finds the words of a sentence: those of pairs are taken as they are",
    ),
    ("min_n max_n buckets", lambda given: bool(given.get("subwords")), "is for n-grams: give subwords as well"),
    (
        "languages",
        lambda given: given.get("lines") == "parallel",
        "tags the words of parallel lines: give lines parallel as well",
    ),
    (
        "monitor",
        lambda given: given.get("patience") is not None,
        "selects what patience watches: give patience as well",
    ),
    (
        "phrase_scoring phrase_threshold phrase_passes phrase_connectors",
        lambda given: bool(given.get("phrases")),
        "affects how phrases are found: give phrases as well",
    ),
)


def used(parameters: Mapping[str, Any], rules: tuple[Rule, ...] = _OF_WORDS) -> dict[str, Any]:
    """Return the parameters that are used; the default rules are those of word vectors."""
    unused = why_unused(parameters, rules)
    return {name: value for name, value in parameters.items() if name not in unused}


def why_unused(parameters: Mapping[str, Any], rules: tuple[Rule, ...] = _OF_WORDS) -> dict[str, str]:
    """Return the parameters that are not used, and of each the end of a sentence that says why."""
    reasons: dict[str, str] = {}
    for names, is_used, reason in rules:
        for name in () if is_used(parameters) else names.split():
            reasons.setdefault(name, reason)
    return reasons


def refuse_unused(given: Iterable[str], parameters: Mapping[str, Any], rules: tuple[Rule, ...] = _OF_WORDS) -> None:
    """Raise ValueError for the first of the parameters that the user gave, but that would have no effect."""
    reasons = why_unused(parameters, rules)
    for name in given:
        if name in reasons:
            raise ValueError(f"{name} {reasons[name]}.")
