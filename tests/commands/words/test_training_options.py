"""One bad value for every option of a training, and options that contradict each other."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v.commands.shared.option_names import OPTION_NAMES
from w2v.settings.parameters import Parameters

BAD_TRAINING_VALUES = [
    ("--algorithm", "glove"),
    ("--objective", "hinge"),
    ("--vector-size", "0"),
    ("--vector-size", "10001"),
    ("--vector-size", "ten"),
    ("--window", "0"),
    ("--window", "10001"),
    ("--negative", "-1"),
    ("--negative", "1001"),
    ("--min-count", "0"),
    ("--min-count", "99999999999999999999"),
    ("--max-vocab", "0"),
    ("--sample", "-1"),
    ("--sample", "nan"),
    ("--ns-exponent", "inf"),
    ("--shrink-windows=no", None),
    ("--learning-rate", "0"),
    ("--learning-rate", "nan"),
    ("--learning-rate", "-inf"),
    ("--min-learning-rate", "-0.1"),
    ("--min-learning-rate", "nan"),
    ("--epochs", "0"),
    ("--epochs", "1.5"),
    ("--max-time", "0"),
    ("--max-time", "nan"),
    ("--max-time", "inf"),
    ("--held-out", "0"),
    ("--held-out", "1"),
    ("--held-out", "nan"),
    ("--eval-analogies", "/nowhere/questions.txt"),
    ("--eval-pairs", "."),
    ("--patience", "0"),
    ("--patience", "soon"),
    ("--monitor", "loss"),
    ("--deterministic=yes", None),
    ("--workers", "0"),
    ("--workers", "1000000"),
    ("--seed", "-1"),
    ("--seed", "4294967296"),
    ("--tokenizer", ""),
    ("--tokenizer", "wordz"),
    ("--phrases=yes", None),
    ("--phrase-scoring", "pmi"),
    ("--phrase-threshold", "nan"),
    ("--phrase-threshold", "many"),
    ("--phrase-passes", "0"),
    ("--phrase-connectors", "german"),
    ("--subwords=yes", None),
    ("--min-n", "0"),
    ("--max-n", "51"),
    ("--buckets", "0"),
    ("--position-weights=1", None),
    ("--lines", "words"),
    ("--learning-rate-hold", "1"),
    ("--learning-rate-hold", "nan"),
    ("--recipe", "quick"),
    ("--languages", "en;de"),
    ("--objective", "tree"),
    ("--x-max", "0"),
    ("--x-exponent", "6"),
]


@pytest.mark.parametrize(("option", "value"), BAD_TRAINING_VALUES)
@pytest.mark.parametrize("command", ["train", "compare"])
def test_training_options_refuse_a_bad_value(tmp_path: Path, command: str, option: str, value: str | None) -> None:
    output = ["--output", tmp_path / "out"] if command == "train" else []
    result = run(command, tmp_path / "corpus.txt", *output, option, *([] if value is None else [value]))
    assert_mistake(result, 2, option.partition("=")[0])
    assert not (tmp_path / "out").exists()


def test_every_training_option_is_tried_with_a_bad_value() -> None:
    tried = {option.partition("=")[0].removeprefix("--").replace("-", "_") for option, _ in BAD_TRAINING_VALUES}
    assert tried == {OPTION_NAMES.get(parameter.name, parameter.name) for parameter in fields(Parameters)}


def test_train_refuses_options_that_contradict_each_other(tmp_path: Path) -> None:
    arguments = ["train", tmp_path / "c", "--output", tmp_path / "o"]
    rising = run(*arguments, "--learning-rate", "0.1", "--min-learning-rate", "0.2")
    assert_mistake(rising, 2, "--min-learning-rate must not be above --learning-rate (0.1), got 0.2")
    arguments = ["train", tmp_path / "c", "--output", tmp_path / "o", "--objective", "hs", "--negative", "3"]
    assert_mistake(run(*arguments), 2, "negative is for negative sampling")


def test_compare_refuses_max_time(tmp_path: Path) -> None:
    assert_mistake(run("compare", tmp_path / "c", "--max-time", 5), 2, "--max-time")
