"""The table of training parameters."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from w2v import Word2Vec
from w2v.settings.descriptions import CONSTRAINTS
from w2v.settings.parameters import Parameters


def with_value(name: str, value: Any) -> Parameters:
    changed: dict[str, Any] = {name: value}
    return replace(Parameters(), **changed)


NAMES = [parameter.name for parameter in fields(Parameters)]

NUMERIC_LIMITS = [
    ("vector_size", 1, 10_000, 0, 10_001),
    ("window", 1, 10_000, 0, 10_001),
    ("negative", 1, 1_000, 0, 1_001),
    ("min_count", 1, 2**31 - 1, 0, 2**31),
    ("max_vocab", 1, 2**31 - 1, 0, 2**31),
    ("sample", 0, 1.0, -1e-9, 1.1),
    ("ns_exponent", -5, 5.0, -5.1, 5.1),
    ("alpha", 1e-9, 0.1, 0.0, 0.11),
    ("min_alpha", 0.0, 1.0, -1e-9, 1.1),
    ("alpha_hold", 0.0, 0.999, -1e-9, 1.0),
    ("epochs", 1, 100_000, 0, 100_001),
    ("max_time", 1e-3, 1e9, 0.0, -1.0),
    ("holdout", 1e-9, 0.5, 0.0, 0.51),
    ("workers", 1, 1024, 0, 1025),
    ("random_state", 0, 2**32 - 1, -1, 2**32),
]
INTEGERS = ["vector_size", "window", "negative", "min_count", "max_vocab", "epochs", "workers", "random_state"]
NUMBERS = ["sample", "ns_exponent", "alpha", "min_alpha", "alpha_hold", "max_time", "holdout"]
WATCHING = ["holdout", "eval_analogies", "eval_pairs", "patience", "monitor"]
CHOSEN = ["window", "sample", "alpha_hold", "epochs"]
OPTIONAL = [
    "max_vocab", "alpha", "min_alpha", "max_time", "workers", "random_state", "phrase_threshold", "languages",
    *WATCHING, *CHOSEN,
]  # fmt: skip


def test_validate_accepts_the_defaults() -> None:
    Parameters().validate()


def test_constraints_describe_exactly_the_fields() -> None:
    assert list(CONSTRAINTS) == NAMES
    for constraint in CONSTRAINTS.values():
        assert constraint.help.endswith(".")


@pytest.mark.parametrize(("name", "low", "high", "too_low", "too_high"), NUMERIC_LIMITS)
def test_validate_keeps_to_the_limits(name: str, low: float, high: float, too_low: float, too_high: float) -> None:
    for value in (low, high):
        with_value(name, value).validate()
    for value in (too_low, too_high):
        with pytest.raises(ValueError, match=rf"^{name} must be .*, got {value!r}\.$"):
            with_value(name, value).validate()


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("value", [True, 5.0, "5", np.float64(5), np.bool_(True), [5], float("nan"), float("inf")])
def test_integers_reject_other_types(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be a whole number from"):
        CONSTRAINTS[name].check(name, value)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [True, "0.5", 0.5j, np.bool_(True), [0.5], float("nan"), float("inf"), 10**400])
def test_numbers_reject_other_types_and_non_finite_values(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be a .*number"):
        CONSTRAINTS[name].check(name, value)


@pytest.mark.parametrize("name", NAMES)
def test_none_is_allowed_only_where_it_means_choose_for_me(name: str) -> None:
    if name in OPTIONAL:
        CONSTRAINTS[name].check(name, None)
    else:
        with pytest.raises(ValueError, match=f"^{name} must be .*, got None"):
            CONSTRAINTS[name].check(name, None)


def test_numpy_scalars_are_numbers() -> None:
    for name, value in (("window", np.int32(3)), ("alpha", np.float32(0.05)), ("random_state", np.int64(7))):
        with_value(name, value).validate()


def test_random_state_may_be_a_generator() -> None:
    for random_state in (np.random.default_rng(1), np.random.RandomState(1)):  # noqa: NPY002 - scikit-learn's convention
        CONSTRAINTS["random_state"].check("random_state", random_state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithm", "glove"),
        ("algorithm", 1),
        ("shrink_windows", 1),
        ("shrink_windows", "yes"),
        ("monitor", "loss"),
        ("eval_pairs", ""),
        ("eval_analogies", 3),
        ("deterministic", 1),
        ("tokenizer", ""),
        ("tokenizer", 3),
    ],
)
def test_choices_reject_anything_else(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be "):
        with_value(name, value).validate()


def test_tokenizer_may_be_a_callable() -> None:
    Parameters(tokenizer=str.split).validate()


def test_min_alpha_may_not_exceed_alpha() -> None:
    Parameters(alpha=0.05, min_alpha=0.05).validate()
    with pytest.raises(ValueError, match=r"min_alpha must not be above alpha \(0\.05\), got 0\.1"):
        Parameters(alpha=0.05, min_alpha=0.1).validate()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 2}, "^patience needs something to watch"),
        ({"monitor": "holdout", "holdout": 0.1}, "^monitor selects what patience watches"),
        ({"patience": 2, "monitor": "pairs", "holdout": 0.1}, "^monitor='pairs' needs eval_pairs"),
        ({"patience": 0, "holdout": 0.1}, "^patience must be a whole number from 1 to 100000 or None, got 0"),
        ({"patience": 2.5, "holdout": 0.1}, "^patience must be a whole number"),
    ],
)
def test_patience_needs_something_to_look_at(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(**options).validate()
    Parameters(patience=1, eval_pairs="pairs.tsv").validate()
    Parameters(patience=1, holdout=0.01, eval_pairs="pairs.tsv", monitor="pairs").validate()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phrases": 1}, "^phrases must be True or False"),
        ({"phrase_passes": 2}, "^phrase_passes affects how phrases are found: give phrases as well"),
        ({"phrases": True, "phrase_scoring": "npmi", "phrase_threshold": 10}, "^phrase_threshold must be .* for npmi"),
        ({"phrases": True, "phrase_threshold": 0}, "^phrase_threshold must be above 0 for the default scoring, got 0"),
        ({"phrases": True, "phrase_threshold": float("nan")}, "^phrase_threshold must be a finite number or None"),
        ({"phrases": True, "phrase_passes": 21}, "^phrase_passes must be a whole number from 1 to 20"),
        ({"phrases": True, "phrase_connectors": ["of"]}, "^phrase_connectors must be 'none' or 'english'"),
    ],
)
def test_phrases_are_asked_for_and_in_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(**options).validate()
    Parameters(phrases=True, phrase_scoring="npmi", phrase_threshold=-1, phrase_passes=20).validate()


def test_word2vec_takes_these_names_and_defaults() -> None:
    models = pytest.importorskip("w2v.training.word2vec")
    signature = inspect.signature(models.Word2Vec)
    defaults = Parameters()
    for name in NAMES:
        assert signature.parameters[name].default == getattr(defaults, name), name


def test_importing_parameters_imports_nothing_heavy() -> None:
    code = (
        "import sys, w2v.settings.parameters; print(sorted({'numpy', 'numba', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
@pytest.mark.parametrize(("window", "negative"), [(1, 1), (5, 5), (10, 15), (50, 50)])
def test_alpha_has_a_limit_that_follows_window_and_negative(algorithm: str, window: int, negative: int) -> None:
    parameters = Parameters(algorithm=algorithm, window=window, negative=negative)
    limit = parameters.max_alpha
    assert 0 < parameters.start_alpha <= limit
    replace(parameters, alpha=limit).validate()
    with pytest.raises(ValueError, match="^alpha must be .*at most"):
        replace(parameters, alpha=1.01 * limit).validate()


def test_default_alpha_is_lowered_only_where_it_must_be() -> None:
    assert Parameters().start_alpha == 0.025
    assert Parameters(algorithm="cbow").start_alpha == 0.1
    assert Parameters(window=50, negative=50).start_alpha == Parameters(window=50, negative=50).max_alpha < 0.01


@pytest.mark.parametrize("objective", [{"sample": 0}, {"objective": "glove"}])
def test_narrow_numbers_of_numpy_train_as_those_of_python(objective: dict[str, Any]) -> None:
    """Window and length in uint8 wrapped around at the first word."""
    sentences = [["a", "b", "c", "d"], ["b", "d", "a", "c", "b"]] * 5
    options = objective | {"min_count": 1, "workers": 1, "random_state": 3}
    plain = Word2Vec(window=3, vector_size=5, epochs=2, **options).fit(sentences).embeddings_.vectors
    numbers: dict[str, Any] = {"window": np.uint8(3), "vector_size": np.int8(5), "epochs": np.uint8(2)}
    narrow = Word2Vec(**numbers, **options)
    assert (narrow.fit(sentences).embeddings_.vectors == plain).all()
    assert isinstance(narrow.window, np.uint8)
