"""Held-out texts and pictures with their predictions, stored with the model, mistakes first.

The sample is bounded in number and size, and has a file of its own, ``examples.json``, which may be deleted. With
``examples=0`` it is never written, for private texts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.settings.constraints import Integer
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import check_types, parse_json

MOST_EXAMPLES = 1000
LONGEST_TEXT, LONGEST_SENTENCE = 500, 100
"""Maximum number of characters of a text, and of words of a sentence."""
KEPT = 50
"""Default number of examples."""
KEPT_TEXTS = Integer(
    "Store up to N held-out texts and their predictions in the model folder, the most confident mistakes first; 0 for "
    "private texts.",
    0,
    MOST_EXAMPLES,
)
_LARGEST = 16 << 20


class ExamplesWarning(UserWarning):
    """The examples of a model cannot be read, so it is opened without them; the message says why."""


class Examples(NamedTuple):
    """Predictions for some of the held-out texts, sentences or pictures.

    Attributes
    ----------
    n, n_wrong : int
        Number of held-out examples, and of those predicted wrongly.
    kept : list of dict
        Some of them, the most confident mistakes first: the input, the true and the predicted labels, and the
        probability of the prediction.
    """

    n: int
    n_wrong: int
    kept: list[dict[str, Any]]

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        """The mistakes among the examples."""
        return self.kept[: self.n_wrong]

    def to_config(self) -> dict[str, Any]:
        """Return the examples in JSON types, for `read_examples`."""
        return {"held_out": self.n, "wrong": self.n_wrong, "examples": self.kept}


def chosen(right: NDArray[np.bool_], sureness: NDArray[np.floating[Any]], most: int) -> NDArray[np.int64]:
    """Return which of S predictions to keep, at most `most`: confident mistakes first, then some correct ones."""
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(-sureness[wrong], kind="stable")][:most]
    others = np.flatnonzero(right)
    n = min(most - len(wrong), len(others))
    evenly = others[np.linspace(0, len(others) - 1, n).astype(np.int64)] if n else others[:0]
    return np.concatenate([wrong, evenly])


def read_examples(file: Path, form: Mapping[str, type]) -> Examples | None:
    """Return the examples of a file, or None if there is no such file; `form` has the type of each entry.

    Models work without examples: if the file is damaged, this warns with `ExamplesWarning` and returns none.
    """
    if not form or not file.exists():
        return None
    try:
        return _read(file, form)
    except ModelError as error:
        warn_of(error)
        return None


def warn_of(error: ModelError) -> None:
    """Warn that a model is opened without its examples."""
    warnings.warn(ExamplesWarning(f"{error}; the model is opened without it, and it may be deleted"), stacklevel=2)


def _read(file: Path, form: Mapping[str, type]) -> Examples:
    described = parse_json(file, largest=_LARGEST)
    check_types(described, file, {"held_out": int, "wrong": int, "examples": list})
    n, n_wrong, kept = (described.get(name) for name in ("held_out", "wrong", "examples"))
    if n is None or n_wrong is None or kept is None or not 0 <= n_wrong <= n or len(kept) > min(n, MOST_EXAMPLES):
        raise ModelError(f"{file} is damaged: it does not contain the number of examples")
    for one in kept:
        if not isinstance(one, dict) or one.keys() != form.keys():
            raise ModelError(f"{file} is damaged: an example must have {', '.join(form)}")
        check_types(one, file, form)
        if not all(isinstance(part, (str, int, float)) for parts in one.values() for part in _parts(parts)):
            raise ModelError(f"{file} is damaged: an example contains something that is neither text nor a number")
        if not 0 <= one["probability"] <= 1:
            raise ModelError(f"{file} is damaged: a probability must be from 0 to 1, not {one['probability']!r:.80}")
    return Examples(n, n_wrong, kept)


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
