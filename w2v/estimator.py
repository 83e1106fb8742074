"""What scikit-learn asks of an estimator, without importing scikit-learn, which takes longer than many a training."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

_Self = TypeVar("_Self", bound="Estimator")


class Estimator:
    """Keeps the constructor's arguments as parameters: `clone`, pipelines and searches can work with it."""

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        arguments = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {argument.name: argument.default for argument in arguments}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool
            For scikit-learn: no parameter is an estimator itself.
        """
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self: _Self, **params: Any) -> _Self:
        """Set parameters and return the estimator.

        Raises
        ------
        ValueError
            If there is no parameter of a name.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ValueError(f"Invalid parameter {name!r} for {type(self).__name__}; there are: {', '.join(known)}")
        vars(self).update(params)
        return self

    def __repr__(self) -> str:
        changed = [f"{name}={getattr(self, name)!r}" for name, default in self._defaults().items()
                   if getattr(self, name) is not default and getattr(self, name) != default]  # fmt: skip
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()

    def _check_fitted(self) -> None:
        """Raise `sklearn.exceptions.NotFittedError` before `fit`."""
        if not any(name.endswith("_") and not name.startswith("_") for name in vars(self)):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet: call fit first.")
