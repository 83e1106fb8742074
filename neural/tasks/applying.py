"""Which parameters a trained network actually uses; see `w2v.settings.applying`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from w2v.settings.applying import Rule, used

_OF_NETWORKS: tuple[Rule, ...] = (
    ("window", lambda given: given.get("architecture") == "convolution"),
    ("heads", lambda given: given.get("architecture") == "attention" or "memory" in given),  # decoders always attend
    ("architecture window heads feed_forward activation", lambda given: given.get("layers") != 0),
)
_OF_CLASSIFIERS: tuple[Rule, ...] = (
    (
        "positions norm smoothing optimizer warmup weight_decay clip averaged evaluate_every patience batch_tokens "
        "pooling word_dropout max_words workers",
        lambda given: given.get("layers") != 0,
    ),
    ("word_ngrams min_n max_n buckets", lambda given: given.get("layers") == 0),
    ("min_n", lambda given: bool(given.get("max_n"))),
)


def used_of_network(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters of a network that are used."""
    rules = (*_OF_NETWORKS, *_OF_CLASSIFIERS) if "word_ngrams" in parameters else _OF_NETWORKS
    return used(parameters, rules)
