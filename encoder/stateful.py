"""The initial and the trained state of an encoder, and what scikit-learn's clones and pickles keep of it."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from typing import Any

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _clone_parametrized

from w2v.encoder.encoding import EncodingMixin
from w2v.encoder.model.state import EncoderState
from w2v.encoder.parameters import OF_START, EncoderParameters
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.resuming import Interrupted
from w2v.encoder.training.start import Start, start_state
from w2v.training.word2vec import Word2Vec

_CACHED = ("_start", "_cached_inference")


class StatefulEncoder(EncodingMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The state of a `SentenceEncoder`, before and after it is fitted."""

    embeddings: Start | None
    random_state: Any
    training: FitOptions | None
    frozen: bool | None

    @property
    def state(self) -> EncoderState:
        """The trained state, or before `fit`, the initial state."""
        if hasattr(self, "state_"):
            return self.state_
        key = (*self._shape_key(), self.training, self.random_state)
        if self.__dict__.get("_start", (None,))[0] != key:
            self._start = key, self._start_state()
        return self._start[1]

    def _keeps_state(self) -> bool:
        """Return whether the trained state matches the parameters, so that a frozen encoder keeps it."""
        before: tuple[Any, ...] | None = self.__dict__.get("_fitted_key")
        if before is None or not hasattr(self, "state_") or isinstance(self.embeddings, Word2Vec):
            return False
        return all(one is other or _are_equal(one, other) for one, other in zip(before, self._shape_key(), strict=True))

    def __sklearn_clone__(self) -> StatefulEncoder:
        """Return a clone that keeps the state of a direct `fit`, as the clone of a loaded encoder does."""
        cloned: StatefulEncoder = _clone_parametrized(self)
        if getattr(self, "history_", []):
            if self.frozen is not False and self._keeps_state():
                cloned._keep(self.state_, getattr(self, "_interrupted", None))
        return cloned

    def _shape_key(self) -> tuple[Any, ...]:
        """Return the parameters that decide the network and the state."""
        return (self.embeddings, *(getattr(self, name) for name in OF_START))

    def _parameters(self) -> EncoderParameters:
        """Return the checked parameters."""
        return EncoderParameters(**{one.name: getattr(self, one.name) for one in fields(EncoderParameters)})

    def _start_state(self, start: Start | None = None) -> EncoderState:
        """Return the initial state; if a network is to be tried, it has attention."""
        parameters = self._parameters()
        if self._fit_options().choose and parameters.architecture is None:
            parameters = replace(parameters, architecture="attention")
        start = self.embeddings if start is None else start
        return start_state(start, parameters, lambda: self._fit_options().seed)

    def _keep(self, state: EncoderState, interrupted: Interrupted | None = None) -> None:
        """Store the trained state, and the training if it can be resumed."""
        self._forget()
        self.state_, self.is_complete_ = state, interrupted is None
        self.history_: list[dict[str, Any]] = list(state.metadata.get("history", []))
        self._fitted_key = self._shape_key()
        if interrupted is not None:
            self._interrupted = interrupted

    def _fit_options(self) -> FitOptions:
        """Return the options `training` with the seed and the threads of this encoder."""
        options = FitOptions() if self.training is None else self.training
        if not isinstance(options, FitOptions):
            raise TypeError(f"training must be FitOptions, such as FitOptions(steps=500), not {options!r:.60}")
        return options.with_own(self.random_state, self.workers)

    def _forget(self) -> None:
        for name in ("state_", "history_", "is_complete_", "_interrupted", "_fitted_key", "_folder", *_CACHED):
            self.__dict__.pop(name, None)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out caches, which are rebuilt on demand."""
        kept: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in kept.items() if name not in _CACHED}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "state_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.requires_fit = False
        return tags


def _are_equal(one: Any, other: Any) -> bool:
    plain = (str, int, float, os.PathLike)
    return isinstance(one, plain) and isinstance(other, plain) and one == other
