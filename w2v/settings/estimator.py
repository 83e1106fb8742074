"""What the estimators share, without importing scikit-learn, which takes longer than many a training.

`clone`, pipelines and searches can work with them, and what only `fit` makes says so before.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from w2v.settings.habits import Answering, missing_attribute

_P = ParamSpec("_P")
_Self = TypeVar("_Self", bound="Estimator")

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
    """Make a constructor that keeps its parameters, all keywords, as attributes; of `init` only the signature counts.

    It says where a corpus belongs, and what gensim's names are here.
    """
    return cast("Callable[_P, None]", _keeping(init, inspect.signature(init)))


def of_table(table: Callable[_P, Any]) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, _P], None]]:
    """Make a constructor as `by_name` does, whose parameters are those of a table, a dataclass of keywords.

    Type checkers and editors know them by its fields; of the method that is decorated nothing counts.
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
    """Return a constructor of this signature that keeps its parameters."""
    defaults = {name: parameter.default for name, parameter in list(signature.parameters.items())[1:]}

    @functools.wraps(init)
    def keep(self: object, *misplaced: object, **parameters: object) -> None:
        name = type(self).__name__
        if misplaced:
            raise TypeError(f"{name} takes its parameters by name, and sentences go to fit: {name}(...).fit(sentences)")
        for unknown in [given for given in parameters if given not in defaults]:
            hint = f"; {GENSIM_NAMES[unknown]}" if unknown in GENSIM_NAMES else ""
            raise TypeError(f"{name} has no parameter {unknown!r:.80}{hint}")
        vars(self).update(defaults | parameters)

    vars(keep)["__signature__"] = signature
    return keep


class FitFirst(Answering):
    """An estimator that names `fit` where what it makes is asked for too early."""

    def __getattr__(self, name: str) -> Any:
        """Raise `NotFittedError`, which is an AttributeError, for what `fit` would have made."""
        if isinstance(found := getattr(type(self), name, None), property):
            return found.__get__(self)  # its own error: an AttributeError in a property leads here
        if _is_made_by_fit(name):
            self._check_fitted(f"this {type(self).__name__} has no {name} yet: call fit first")
        raise missing_attribute(self, name)

    def _check_fitted(self, message: str = "") -> None:
        """Raise `sklearn.exceptions.NotFittedError` before `fit`."""
        if not any(_is_made_by_fit(name) for name in vars(self)):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(message or f"This {type(self).__name__} instance is not fitted yet: call fit first.")


class Estimator(FitFirst):
    """Keeps the constructor's arguments as parameters, as scikit-learn's BaseEstimator does."""

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        arguments = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {argument.name: argument.default for argument in arguments}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` is for scikit-learn: no parameter is an estimator itself."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self: _Self, **params: Any) -> _Self:
        """Set parameters and return the estimator; a name that is none of them is a ValueError."""
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r:.80} for {type(self).__name__}; there are: {', '.join(known)}"
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
