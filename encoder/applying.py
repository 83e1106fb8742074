"""Which options of an encoder and its training have an effect; see `w2v.settings.applying`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from w2v.neural.names import INSIDE_ATTENTION
from w2v.settings.applying import Rule, used, why_unused

_HAS_NETWORK = "is for a network: give architecture attention, recurrent or convolution as well"

_OF_NETWORK: tuple[Rule, ...] = (
    (
        "window layers heads dim positions feed_forward norm head dropout",
        lambda given: given.get("architecture") != "static",
        _HAS_NETWORK,
    ),
    (
        "window",
        lambda given: given.get("architecture") == "convolution",
        "is the width of a convolution: give architecture convolution as well",
    ),
    (
        "heads",
        lambda given: given.get("architecture") == "attention",
        "is for attention: give architecture attention as well",
    ),
    (
        "positions",
        lambda given: given.get("architecture") == "attention" or given.get("positions") not in INSIDE_ATTENTION,
        "has no effect with this value: only attention uses relative and rotary positions",
    ),
)
_OF_TRAINING: tuple[Rule, ...] = (
    *_OF_NETWORK,
    (
        "weight_decay clip optimizer chunk order_share table_first",
        lambda given: given["architecture"] != "static",
        _HAS_NETWORK,
    ),
    (
        "network_rate",
        lambda given: given["architecture"] != "static" or given["teacher"],  # of the map to the teacher's vectors
        "is for a network or a teacher: give architecture attention, recurrent or convolution as well",
    ),
    (
        "table_first",
        lambda given: not given["has_network"] and given["objective"] != "masked",
        "is for a new network that learns neighbouring sentences, titles or a teacher's vectors",
    ),
    (
        "order_share",
        lambda given: given["objective"] != "masked" or given["pairs"],
        "weighs swapped words, which the objective masked does not detect",
    ),
    (
        "a identity_scale identity_columns",
        lambda given: not given["is_encoder"],
        "is for a MODEL of word vectors, but this one is an encoder already",
    ),
    ("a", lambda given: given["objective"] != "masked", "weighs words, but the objective masked weighs all alike"),
    (
        "mask_fraction noise_words",
        lambda given: given["objective"] == "masked",
        "is for masked words: give objective masked as well",
    ),
    ("word_dropout pair_weights hard_negatives", lambda given: given["pairs"], "is for pairs: give them with --pairs"),
    (
        "corpus_share",
        lambda given: (
            given["objective"] == "titles" or (given["pairs"] and given["corpus"] and given["objective"] != "masked")
        ),
        "weighs a corpus beside pairs, or neighbours beside titles: give CORPUS and --pairs, or objective titles",
    ),
    (
        "min_tokens max_tokens",
        lambda given: given["corpus"] and not given["teacher"],
        "selects sentences of a corpus: all sentences of pairs and of a teacher are used",
    ),
    (
        "objective",
        lambda given: (given["corpus"] and not given["teacher"]) or given["objective"] != "neighbors",
        "is what a corpus teaches without a teacher: give CORPUS and no --teacher",
    ),
)


def used_of_encoder(parameters: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """Return those parameters of an encoder of some architecture that are used."""
    given = used({**parameters, "architecture": architecture}, _OF_NETWORK)
    return {name: given[name] for name in parameters if name in given}


def why_unused_in_training(
    options: Mapping[str, Any],
    *,
    architecture: str,
    is_encoder: bool,
    has_network: bool,
    corpus: bool,
    pairs: bool,
    teacher: bool,
) -> dict[str, str]:
    """Return the options of a training that have no effect, and of each why, as `why_unused` does.

    Parameters
    ----------
    options : mapping of str to object
        Those of `EncoderParameters` and `FitOptions`.
    architecture : str
        That of the trained encoder.
    is_encoder, has_network : bool
        Whether training starts from an encoder rather than from word vectors, and whether that has a network.
    corpus, pairs, teacher : bool
        The training data.
    """
    facts = {
        "architecture": architecture, "is_encoder": is_encoder, "has_network": has_network, "corpus": corpus,
        "pairs": pairs, "teacher": teacher,
    }  # fmt: skip
    return why_unused({**options, **facts}, _OF_TRAINING)
