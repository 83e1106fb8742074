"""Which parameters a trained network actually uses; see `w2v.settings.applying`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from w2v.neural.names import INSIDE_ATTENTION
from w2v.neural.tasks.parameters import AUTO
from w2v.settings.applying import Rule, used, why_unused

_WITHOUT_LAYERS = (0, AUTO)

_OF_NETWORKS: tuple[Rule, ...] = (
    (
        "window",
        lambda given: given.get("architecture") == "convolution",
        "is the width of a convolution: give architecture convolution as well",
    ),
    (
        "heads",
        lambda given: given.get("architecture") == "attention" or "memory" in given,  # decoders attend always
        "is for attention: give architecture attention as well",
    ),
    (
        "positions",
        lambda given: (
            given.get("architecture") in (None, "attention") or given.get("positions") not in INSIDE_ATTENTION
        ),
        "has no effect with this value: only attention uses relative and rotary positions",
    ),
    (
        "architecture window heads feed_forward activation",
        lambda given: given.get("layers") != 0,
        "is for blocks: give layers as well",
    ),
)
_OF_CLASSIFIERS: tuple[Rule, ...] = (
    (
        "positions norm smoothing optimizer warmup weight_decay clip averaged evaluate_every patience batch_tokens "
        "pooling word_dropout max_words workers",
        lambda given: given.get("layers") != 0,
        "is for layers: give layers as well",
    ),
    (
        "word_ngrams min_n max_n buckets",
        lambda given: given.get("layers") in _WITHOUT_LAYERS,
        "is for classifiers without layers: leave it out, or layers",
    ),
    ("min_n", lambda given: bool(given.get("max_n")), "is for n-grams of characters: give max_n as well"),
)


def used_of_network(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters of a network that are used."""
    return used(parameters, _rules_for(parameters))


def why_unused_of_network(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters, as a user gives them, that have no effect, and of each why, as `why_unused` does.

    The number of threads is always left out: models that train with one answer with several.
    """
    given = dict(parameters)
    if given.get("layers") == AUTO and given.get("max_time") is None:
        given["layers"] = 0
    reasons = why_unused(given, _rules_for(given))
    reasons.pop("workers", None)
    return reasons


def _rules_for(parameters: Mapping[str, Any]) -> tuple[Rule, ...]:
    return (*_OF_NETWORKS, *_OF_CLASSIFIERS) if "word_ngrams" in parameters else _OF_NETWORKS
