"""Texts as ids and back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.corpora.pieces import packed_in_parts
from w2v.corpora.units import END, START, UNKNOWN, Characters, Subwords, Words, learn_units, units_from_config

TEXTS = ["Ein Mann in blau steht.", "Zwei Männer stehen; zwei Frauen sitzen.", "好久不见", "long time no see"] * 3


def ids_of(units: Any, text: str) -> list[int]:
    return list(units.encode([text])[0].tolist())


@pytest.mark.parametrize("kind", ["characters", "words", "subwords"])
def test_texts_come_back(kind: str) -> None:
    if kind == "subwords":
        pytest.importorskip("tokenizers")
    units = learn_units(kind, TEXTS)
    ids, offsets = units.encode(TEXTS)
    assert [units.decode(ids[a:b]) for a, b in zip(offsets[:-1], offsets[1:], strict=True)] == TEXTS
    again = units_from_config(json.loads(json.dumps(units.to_config())))
    assert again == units
    assert again.encode(TEXTS)[0].tolist() == ids.tolist()
    assert units.pieces[:3] == ["<unk>", "<s>", "</s>"]
    assert ids.min() > END and ids.max() < len(units.pieces)


def test_ids_of_characters_and_words_are_by_frequency() -> None:
    assert Characters.learn(["abba", "b"]).learned == ("b", "a")
    assert Words.learn(["to be or not to be"]).learned == ("be", "to", "not", "or")
    assert Words.learn(["to be or not to be"], size=5).learned == ("be", "to")
    assert Words.learn(["to be or not to be"], min_count=2).learned == ("be", "to")
    assert learn_units("words", ["Ein Mann."], tokenizer="words").pieces[3:] == ["ein", "mann"]


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_texts_are_encoded_some_at_a_time(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr("w2v.corpora.pieces._AT_ONCE", at_once)
    asked: list[int] = []
    texts = ["abc", "", "de", "", "fghij"]

    def encode(some: Sequence[str]) -> list[list[int]]:
        asked.append(len(some))
        return [[ord(letter) for letter in text] for text in some]

    ids, offsets = packed_in_parts(texts, encode)
    assert bytes(ids.tolist()) == b"abcdefghij" and ids.dtype == np.int32
    assert offsets.tolist() == [0, 3, 3, 5, 5, 10] and offsets.dtype == np.int64
    assert asked == {1: [1, 2, 2], 7: [5], 1000: [5]}[at_once]
    none, borders = packed_in_parts([], encode)
    assert none.tolist() == [] and borders.tolist() == [0]


def test_what_is_unknown_is_one_unit() -> None:
    units = Characters.learn(["abba"])
    assert ids_of(units, "bad") == [4, 3, UNKNOWN]
    assert units.decode([4, 3, UNKNOWN, START, END]) == "ba\ufffd"
    assert ids_of(Words.learn(["to be"]), "to do") == [4, UNKNOWN]


def test_characters_are_composed() -> None:
    assert ids_of(Characters.learn(["ä"]), "a\u0308") == [3]


@given(st.text(max_size=20))
def test_subwords_give_back_any_text(text: str) -> None:
    pytest.importorskip("tokenizers")
    import unicodedata

    composed = unicodedata.normalize("NFC", text)
    units = _subwords()
    ids = ids_of(units, text)
    assert units.decode(ids) == composed.removeprefix(" ")
    assert not {UNKNOWN, START, END} & set(ids)


def _subwords(found: list[Subwords] = []) -> Subwords:  # noqa: B006
    if not found:
        found.append(Subwords.learn(TEXTS, size=330))
    return found[0]


def test_subwords_merge_what_is_frequent_and_show_spaces() -> None:
    pytest.importorskip("tokenizers")
    units = _subwords()
    assert len(units.pieces) <= 330
    assert [units.pieces[i] for i in ids_of(units, "Ein Mann")] == [" Ein", " Mann"]
    assert units == Subwords.learn(TEXTS, size=330)
    assert units.decode([*ids_of(units, "Mann"), UNKNOWN]) == "Mann\ufffd"


def test_special_units_cannot_be_typed() -> None:
    pytest.importorskip("tokenizers")
    units = Subwords.learn(["a </s> b"] * 3)
    ids = ids_of(units, "a </s> <unk> b")
    assert min(ids) > END
    assert units.decode(ids) == "a </s> <unk> b"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("letters", {}, "units must be one of characters, subwords, words, not 'letters'"),
        ("characters", {"size": 3}, "a vocabulary of characters must have from 4 to 1048576 units, not 3"),
        ("subwords", {"size": 258}, "a vocabulary of subwords must have from 259 to 1048576 units, not 258"),
        ("words", {"min_count": 9}, "the texts contain nothing to build a vocabulary from"),
    ],
)
def test_bad_options_are_named(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        learn_units(kind, TEXTS, **options)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "units must be one of"),
        ({"kind": "characters", "pieces": ["ab"]}, "must hold single characters"),
        ({"kind": "characters", "pieces": ["a", "a"]}, "all of them different"),
        ({"kind": "characters", "pieces": [1]}, "must be a list of non-empty texts"),
        ({"kind": "words", "pieces": ["a"]}, "must name its tokenizer"),
        ({"kind": "words", "pieces": ["a"], "tokenizer": {"name": "none"}}, "'none'"),
        ({"kind": "subwords", "definition": 3}, "the definition of a tokenizer"),
        ({"kind": "subwords", "definition": {"model": {}}}, "tokenizer is invalid"),
    ],
)
def test_descriptions_of_strangers_are_checked(config: dict[str, Any], message: str) -> None:
    if config.get("kind") == "subwords":
        pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match=message):
        units_from_config(config)


def test_subwords_of_another_program_are_refused() -> None:
    pytest.importorskip("tokenizers")
    described = _subwords().to_config()
    del described["definition"]["model"]["vocab"]["<s>"]
    described["definition"]["model"]["vocab"]["<S>"] = START
    with pytest.raises(ValueError, match="must begin with <unk>, <s>, </s>"):
        units_from_config(described)
