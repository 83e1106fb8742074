"""The commands info, evaluate and compare on vectors of words."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.royals import save_royals, write_numbers, write_questions, write_scored_pairs

SMALL = ["--vector-size", "8", "--epochs", "2", "--workers", "1", "--seed", "1"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_royals(tmp_path)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write_questions(tmp_path)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_scored_pairs(tmp_path)


@pytest.fixture
def corpus(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write_numbers(tmp_path, rng)


def test_info_prints_sizes_parameters_and_history(model: Path) -> None:
    described = json.loads(run("info", model, "--json").stdout)
    assert described["vocabulary_size"] == 8
    assert described["vector_size"] == 3
    assert described["counted_words"] == 360
    assert described["most_frequent"][0] == "man"
    assert described["parameters"]["window"] == 5
    table = run("info", model).stdout
    assert ["vector", "size", "3"] in [line.split() for line in table.splitlines()]
    assert ["seed", "123456789"] in [line.split() for line in table.splitlines()]
    assert ["1", "2.5", "0.025", "360", "0.5"] in [line.split() for line in table.splitlines()]


def test_evaluate_reports_accuracy_correlation_and_coverage(model: Path, questions: Path, pairs: Path) -> None:
    result = run("evaluate", model, "--analogies", questions, "--word-pairs", pairs, "--json")
    reports = json.loads(result.stdout)
    total = reports["analogies"][str(questions)]["total"]
    assert (total["correct"], total["total"], total["skipped"]) == (1, 1, 1)
    assert reports["pairs"][str(pairs)]["spearman"] == pytest.approx(1)


def test_evaluate_prints_tables(model: Path, questions: Path, pairs: Path) -> None:
    result = run("evaluate", model, "--analogies", questions, "--word-pairs", pairs)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "royal 1 1 100.0 % 50.0 %".split() in lines
    assert [str(pairs), "3", "100.0", "%", "1.000"] in [line[:5] for line in lines]


def test_evaluate_without_files_is_a_usage_error(model: Path) -> None:
    assert_mistake(run("evaluate", model), 2, "--analogies", "--word-pairs")


@pytest.mark.parametrize("option", ["--analogies", "--word-pairs"])
@pytest.mark.parametrize("content", [None, "one two\n", ""], ids=["missing", "malformed", "empty"])
def test_evaluate_names_a_bad_file(model: Path, tmp_path: Path, option: str, content: str | None) -> None:
    path = tmp_path / "bad.txt"
    if content is not None:
        path.write_text(content * 2, encoding="utf-8")
    assert_mistake(run("evaluate", model, option, path), 1, str(path))


@pytest.mark.interop
def test_compare_prints_both_side_by_side(corpus: Path, pairs: Path) -> None:
    pytest.importorskip("gensim")
    pairs.write_text("one\ttwo\t3\none\tfour\t2\n", encoding="utf-8")
    result = run("compare", corpus, *SMALL, "--word-pairs", pairs)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    header, *rows = [line.split() for line in result.stdout.splitlines()]
    assert header[0] == "w2v"
    assert "gensim" in header
    assert any(row[:1] == ["training,"] for row in rows)


@pytest.mark.interop
def test_compare_reports_as_json(corpus: Path, pairs: Path) -> None:
    pytest.importorskip("gensim")
    pairs.write_text("one\ttwo\t3\none\tfour\t2\n", encoding="utf-8")
    compared = json.loads(run("compare", corpus, *SMALL, "--word-pairs", pairs, "--json").stdout)
    assert compared["n_words"] == 2400
    assert compared["w2v"]["vocabulary_size"] == compared["gensim"]["vocabulary_size"] == 8


def test_compare_without_gensim_says_what_to_install(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    assert_mistake(run("compare", corpus, *SMALL), 1, "pip install gensim")
