"""Base classes of the estimators. They do not import scikit-learn, which takes longer than some trainings.

`clone`, pipelines and parameter searches work with them. Before `fit`, fitted attributes raise `NotFittedError`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from w2v.settings.habits import Answering, missing_attribute

_P = ParamSpec("_P")
_Self = TypeVar("_Self", bound="Estimator")

OTHER_NAMES = {
    "sentences": "sentences go to fit",
    "corpus_file": "files go to fit",
    "corpus_iterable": "sentences go to fit",
    "input": "files go to fit",
    "size": "it is vector_size",
    "dim": "it is vector_size",
    "no_components": "it is vector_size",
    "iter": "it is epochs",
    "epoch": "it is epochs",
    "max_iter": "it is epochs",
    "sg": "it is algorithm, 'skipgram' or 'cbow'",
    "model": "it is algorithm, 'skipgram' or 'cbow'",
    "hs": "it is objective, 'hs' or 'negative'",
    "loss": "it is objective, 'negative', 'hs' or 'softmax'",
    "cbow_mean": "CBOW always takes the mean",
    "seed": "it is random_state",
    "lr": "it is alpha",
    "learning_rate": "it is alpha",
    "ws": "it is window",
    "neg": "it is negative",
    "t": "it is sample",
    "minCount": "it is min_count",
    "minn": "it is min_n",
    "maxn": "it is max_n",
    "max_final_vocab": "it is max_vocab",
    "common_terms": "it is connector_words",
    "max_vocab_size": "it is max_pairs",
    "bucket": "it is buckets",
    "thread": "it is workers",
    "n_jobs": "it is workers",
    "compute_loss": "history_ always has the loss",
    "callbacks": "callbacks go to fit",
    "verbose": "progress=True goes to fit",
    "trim_rule": "min_count and max_vocab choose words, or embeddings.restrict(words) afterwards",
    "batch_words": "it is not needed: text is streamed",
    "progress_per": "progress=True goes to fit",
    "pretrainedVectors": "initial= goes to fit",
    "max_count": "it is x_max",
}
"""Parameters of gensim, fastText and GloVe, and their replacements in an estimator that has them."""


def by_name(init: Callable[_P, None]) -> Callable[_P, None]:
    """Return a constructor that stores its keyword parameters as attributes; only the signature of `init` is used.

    Its errors explain where a corpus belongs and what gensim's parameters are called here.
    """
    return cast("Callable[_P, None]", _keeping(init, inspect.signature(init)))


def of_table(table: Callable[_P, Any]) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, _P], None]]:
    """Return a constructor like that of `by_name`, with the fields of a table, a dataclass, as its parameters.

    Type checkers and editors see those fields. Only the first parameter of the decorated method is used.
    """

    def make(init: Callable[..., None]) -> Callable[Concatenate[Any, _P], None]:
        own, others = (
            list(inspect.signature(init).parameters.values())[:1],
            inspect.signature(table).parameters.values(),
        )
        keep = _keeping(init, inspect.Signature([*own, *others], return_annotation="None"))
        return cast("Callable[Concatenate[Any, _P], None]", keep)

    return make


def _keeping(init: Callable[..., None], signature: inspect.Signature) -> Callable[..., None]:
    """Return a constructor with this signature that stores its parameters."""
    defaults = {name: parameter.default for name, parameter in list(signature.parameters.items())[1:]}

    @functools.wraps(init)
    def keep(self: object, *misplaced: object, **parameters: object) -> None:
        name = type(self).__name__
        if misplaced:
            raise TypeError(f"{name} takes its parameters by name, and sentences go to fit: {name}(...).fit(sentences)")
        for unknown in [given for given in parameters if given not in defaults]:
            raise TypeError(f"{name} has no parameter {unknown!r:.80}{_ours(unknown, defaults)}")
        vars(self).update(defaults | parameters)

    vars(keep)["__signature__"] = signature
    return keep


def _ours(unknown: str, known: Mapping[str, Any]) -> str:
    """Return what takes the place of another library's parameter, if this estimator has it."""
    hint = OTHER_NAMES.get(unknown, "")
    ours = re.match(r"it is (\w+)", hint)
    return f"; {hint}" if hint and (ours is None or ours[1] in (*known, "not")) else ""


class FitFirst(Answering):
    """An estimator whose fitted attributes raise an error that points to `fit` before it is fitted."""

    def __getattr__(self, name: str) -> Any:
        """Raise `NotFittedError`, an AttributeError, for a fitted attribute before `fit`."""
        if isinstance(found := getattr(type(self), name, None), property):
            return found.__get__(self)  # repeats the property's own AttributeError, which led here
        if _is_made_by_fit(name):
            self._check_fitted(f"this {type(self).__name__} has no {name} yet: call fit first")
        raise missing_attribute(self, name)

    def _check_fitted(self, message: str = "") -> None:
        """Raise `sklearn.exceptions.NotFittedError` before `fit`."""
        if not any(_is_made_by_fit(name) for name in vars(self)):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(message or f"This {type(self).__name__} instance is not fitted yet: call fit first.")


class Estimator(FitFirst):
    """Stores the constructor's arguments as parameters, like scikit-learn's BaseEstimator."""

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        arguments = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {argument.name: argument.default for argument in arguments}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name. `deep` is for scikit-learn and has no effect: no parameter is an estimator."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self: _Self, **params: Any) -> _Self:
        """Set parameters and return the estimator; raise ValueError for an unknown name."""
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r:.80} for {type(self).__name__}; the parameters are: {', '.join(known)}"
                )
        vars(self).update(params)
        return self

    def __repr__(self) -> str:
        changed = [f"{name}={getattr(self, name)!r:.80}" for name, default in self._defaults().items()
                   if _differ(getattr(self, name), default)]  # fmt: skip
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()


def _differ(value: object, default: object) -> bool:
    """Say whether a value is not the default; an array or a series, which compares its elements, is not."""
    try:
        return value is not default and bool(value != default)
    except ValueError:
        return True


def _is_made_by_fit(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")
