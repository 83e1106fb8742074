"""Queries: near words, analogies and similarities, as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.royals import save_royals


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_royals(tmp_path)


def test_neighbors_prints_a_table_of_near_words(model: Path) -> None:
    result = run("neighbors", model, "king", "--top", 2)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["near", "king", "similarity"]
    assert [row[0] for row in rows[2:4]] == ["kings", "man"]


def test_neighbors_of_several_words_are_one_row_each(model: Path) -> None:
    result = run("neighbors", model, "king", "apple", "--top", 1)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[2:4] == [["king", "kings"], ["apple", "pear"]]


def test_neighbors_prints_only_json_for_programs(model: Path) -> None:
    result = run("neighbors", model, "king", "apple", "--top", 1, "--json")
    answers = json.loads(result.stdout)
    assert result.stderr == ""
    assert [answer["query"] for answer in answers] == ["king", "apple"]
    assert answers[1]["neighbors"][0]["word"] == "pear"
    assert answers[1]["neighbors"][0]["similarity"] == pytest.approx(0.997, abs=0.01)


def test_neighbors_minus_combines_all_words(model: Path) -> None:
    result = run("neighbors", model, "king", "woman", "--minus", "man", "--top", 1, "--json")
    (answer,) = json.loads(result.stdout)
    assert answer["query"] == "king woman -man"
    assert answer["neighbors"][0]["word"] == "queen"


def test_neighbors_restrict_vocab_leaves_rare_words_out(model: Path) -> None:
    result = run("neighbors", model, "king", "--restrict-vocab", 4, "--json")
    assert {near["word"] for near in json.loads(result.stdout)[0]["neighbors"]} == {"man", "woman", "queen"}


def test_neighbors_shows_control_characters_escaped(model: Path) -> None:
    result = run("neighbors", model, "king")
    assert "evil\\x1b[31m" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("method", ["add", "mul"])
def test_analogy_reads_a_is_to_b_as_c_is_to(model: Path, method: str) -> None:
    result = run("analogy", model, "man", "king", "woman", "--method", method, "--json")
    answered = json.loads(result.stdout)
    assert answered["answers"][0]["word"] == "queen"
    assert answered["method"] == method


def test_analogy_prints_a_table(model: Path) -> None:
    lines = run("analogy", model, "man", "king", "woman", "--top", 1).stdout.splitlines()
    assert lines[0].split() == "man : king = woman : ? score".split()
    assert lines[2].split()[0] == "queen"


def test_similarity_prints_the_cosine(model: Path) -> None:
    assert run("similarity", model, "king", "man").stdout == "0.7071\n"
    answered = json.loads(run("similarity", model, "king", "man", "--json").stdout)
    assert answered["words"] == ["king", "man"]
    assert answered["similarity"] == pytest.approx(0.5**0.5)


@pytest.mark.parametrize(
    "arguments",
    [["neighbors", "kingg"], ["analogy", "man", "kingg", "woman"], ["similarity", "man", "kingg"]],
    ids=lambda arguments: arguments[0],
)
def test_unknown_word_suggests_near_spellings(model: Path, arguments: Sequence[str]) -> None:
    result = run(arguments[0], model, *arguments[1:])
    assert_mistake(result, 1, "'kingg' is not in the vocabulary", "did you mean 'king'")
