"""What the estimators share: parameters are given by name, and what only `fit` makes says so before."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, cast

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

_P = ParamSpec("_P")

GENSIM_NAMES = {
    "sentences": "sentences go to fit",
    "corpus_file": "files go to fit",
    "corpus_iterable": "sentences go to fit",
    "size": "it is vector_size",
    "iter": "it is epochs",
    "sg": "it is algorithm, 'skipgram' or 'cbow'",
    "hs": "it is objective, 'hs' or 'negative'",
    "seed": "it is random_state",
    "max_final_vocab": "it is max_vocab",
    "common_terms": "it is connector_words",
    "max_vocab_size": "it is max_pairs",
    "bucket": "it is buckets",
}
"""Parameters of gensim's models, and what takes their place."""


def by_name(init: Callable[_P, None]) -> Callable[_P, None]:
    """Let a constructor whose parameters are all keywords say where a corpus belongs, and what gensim's names are here.

    Parameters
    ----------
    init : function
        ``__init__``; scikit-learn goes on seeing its signature.
    """
    known: Mapping[str, Any] = inspect.signature(init).parameters

    @functools.wraps(init)
    def checked(self: object, *misplaced: object, **parameters: object) -> None:
        name = type(self).__name__
        if misplaced:
            raise TypeError(f"{name} takes its parameters by name, and sentences go to fit: {name}(...).fit(sentences)")
        for unknown in [given for given in parameters if given not in known]:
            hint = f"; {GENSIM_NAMES[unknown]}" if unknown in GENSIM_NAMES else ""
            raise TypeError(f"{name} has no parameter {unknown!r:.80}{hint}")
        cast("Callable[..., None]", init)(self, **parameters)

    return cast("Callable[_P, None]", checked)


class Estimator(BaseEstimator):  # type: ignore[misc]
    """An estimator whose fitted attributes, asked for too early, name `fit`."""

    def __getattr__(self, name: str) -> Any:
        """Raise `NotFittedError`, which is an AttributeError, for what `fit` would have made."""
        if isinstance(found := getattr(type(self), name, None), property):
            return found.__get__(self)  # its own error: an AttributeError in a property leads here
        is_fitted = any(_is_made_by_fit(made) for made in vars(self))
        if _is_made_by_fit(name) and not is_fitted:
            raise NotFittedError(f"this {type(self).__name__} has no {name} yet: call fit first")
        raise AttributeError(f"{type(self).__name__!r:.80} object has no attribute {name!r:.80}", name=name, obj=self)


def _is_made_by_fit(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")
