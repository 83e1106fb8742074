"""The tables of an encoder's parameters: what is typed there stands nowhere else, and everything is made of it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

import click
import numpy as np
import pytest

from tests.helpers.examples.topic_examples import OPTIONS, make_paragraphs, make_words
from w2v.commands.sentences.encode import encode
from w2v.commands.sentences.fit_encoder import fit_encoder
from w2v.commands.shared.parameters import ParameterOption
from w2v.encoder import FitOptions, SentenceEncoder, sif_state
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.network import NetworkConfig
from w2v.encoder.parameters import OF_START, EncoderParameters
from w2v.encoder.training.batches import pack_neighbors
from w2v.encoder.training.trainable import Trainable
from w2v.settings.tables import constraints_of

TABLES = [EncoderParameters, FitOptions]


def defaults_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the defaults of the parameters that are in one of the tables, too."""
    found = inspect.signature(function).parameters.values()
    return {one.name: one.default for one in found if one.default is not inspect.Parameter.empty}


def test_constructor_has_the_parameters_of_the_table_and_their_defaults() -> None:
    own = {"embeddings": None, "training": None}
    table = {one.name: one.default for one in fields(EncoderParameters)}
    assert defaults_of(SentenceEncoder) == table | own
    assert list(OF_START) == [name for name in table if name in OF_START]
    for one in fields(EncoderParameters):
        assert getattr(SentenceEncoder(), one.name) is one.default


@pytest.mark.parametrize("table", TABLES)
def test_defaults_are_allowed_and_described(table: type[Any]) -> None:
    for one in fields(table):
        constraint = constraints_of(table)[one.name]
        assert constraint.help.endswith(".") and len(constraint.help.splitlines()) == 1
        assert constraint.optional == (one.default is None)
        assert one.default is None or constraint.allows(one.default)
        assert not constraint.allows(object())


@pytest.mark.parametrize(
    ("function", "left_out"),
    [
        (NetworkConfig, {"positions", "dropout"}),  # what files that do not name them mean
        (sif_state, set()),
        (Inference.encode, set()),
        (Output, {"normalize"}),  # the estimator's depends on the encoder
        (Trainable, set()),
        (pack_neighbors, set()),
    ],
)
def test_what_is_called_with_parameters_has_their_defaults(function: Callable[..., Any], left_out: set[str]) -> None:
    table = FitOptions if function in (Trainable, pack_neighbors) else EncoderParameters
    found = {name: value for name, value in defaults_of(function).items() if name in constraints_of(table)}
    assert found.keys() - left_out
    for name in found.keys() - left_out:
        assert found[name] == getattr(table, name), name


@pytest.mark.parametrize(
    ("command", "table", "names"),
    [
        (fit_encoder, EncoderParameters, set(OF_START)),
        (fit_encoder, FitOptions, {one.name for one in fields(FitOptions)}),
        (encode, EncoderParameters, {"normalize", "truncate_dim", "batch_size", "workers"}),
    ],
)
def test_options_are_made_of_the_table(command: click.Command, table: type[Any], names: set[str]) -> None:
    options = {option.name: option for option in command.params if option.name in names}
    assert options.keys() == names
    context = click.Context(command)
    for name, option in options.items():
        assert isinstance(option, ParameterOption)
        described = next(one for one in fields(table) if one.name == name)
        constraint = described.metadata["constraint"]
        assert option.constraint is constraint and option.help == constraint.help
        assert option.get_default(context) == described.default
        choices = getattr(constraint, "choices", ())
        assert [item.value for item in option.type.shell_complete(context, option, "")] == list(choices)
        record = option.get_help_record(context)
        shown = constraint.unset if described.default is None else str(described.default or "")
        assert record is not None and (not shown or f"[default: {shown}" in record[1])


@pytest.mark.parametrize(("described", "table"), [(SentenceEncoder, EncoderParameters), (FitOptions, FitOptions)])
def test_documentation_is_made_of_the_table(described: type[Any], table: type[Any]) -> None:
    page = inspect.getdoc(described)
    assert page is not None and "{parameters}" not in page
    for one in fields(table):
        default = "optional" if one.default is None else f"default {one.default!r}"
        entry = page[page.index(f"\n{one.name} : ") :].splitlines()
        assert entry[1].endswith(f", {default}")
        assert entry[2].startswith(f"    {constraints_of(table)[one.name].help}")


def test_table_is_read_without_numpy() -> None:
    code = (
        "import w2v.commands.sentences.fit_encoder, sys; sys.exit('numpy' in sys.modules or 'click' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_numbers_of_numpy_train_and_are_kept_as_those_of_python() -> None:
    few: dict[str, Any] = {"steps": np.int64(2), "learning_rate": np.float32(0.5)}
    options = replace(OPTIONS, **few)
    assert asdict(options)["steps"].__class__ is int and options.learning_rate.__class__ is float
    numbers: dict[str, Any] = {"dim": np.int64(8), "heads": np.int32(2), "dropout": np.float32(0.5)}
    encoder = SentenceEncoder(make_words(), "attention", training=options, **numbers).fit(make_paragraphs())
    kept = encoder.state_.metadata["parameters"]
    assert (kept["dim"], kept["heads"], kept["dropout"]) == (8, 2, 0.5)
    assert {type(kept[name]) for name in numbers} == {int, float}


@pytest.mark.parametrize("value", [np.random.default_rng(3), np.random.RandomState(3)])
def test_seeds_are_drawn_from_generators(value: Any) -> None:
    drawn = {FitOptions().with_own(value, None).seed for _ in range(3)}
    assert len(drawn) == 3 and all(type(seed) is int for seed in drawn)
    assert FitOptions(seed=4).with_own(None, 2) == FitOptions(seed=4, workers=2)
