"""Which parameters a model actually uses; reports and `w2v info` show only these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Rule = tuple[str, Callable[[Mapping[str, Any]], bool]]
"""Parameter names, separated by spaces, and a function of all parameters that returns whether these are used."""

_OF_WORDS: tuple[Rule, ...] = (
    ("negative ns_exponent", lambda given: given.get("objective") in (None, "negative")),
    ("x_max x_exponent", lambda given: given.get("objective") == "glove"),
    (
        "algorithm sample holdout shrink_windows min_alpha alpha_hold position_weights",
        lambda given: given.get("objective") != "glove",
    ),
    ("position_weights", lambda given: given.get("algorithm") == "cbow"),
    ("window shrink_windows", lambda given: given.get("lines") != "pairs"),
    ("min_n max_n buckets", lambda given: bool(given.get("subwords"))),
    ("languages", lambda given: given.get("lines") == "parallel"),
    ("monitor", lambda given: given.get("patience") is not None),
    (
        "phrase_scoring phrase_threshold phrase_passes phrase_connectors",
        lambda given: bool(given.get("phrases")),
    ),
)


def used(parameters: Mapping[str, Any], rules: tuple[Rule, ...] = _OF_WORDS) -> dict[str, Any]:
    """Return the parameters that are used; the default rules are those of word vectors."""
    unused = {name for names, is_used in rules if not is_used(parameters) for name in names.split()}
    return {name: value for name, value in parameters.items() if name not in unused}
