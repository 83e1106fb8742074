"""Pieces of words by descriptions of the library tokenizers, good ones and a stranger's."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.bert_folders import PIECES, POST_PROCESSOR
from tests.helpers.examples.static_folders import wordpiece
from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.tokenizers import get_tokenizer, tokenizer_from_config

pytest.importorskip("tokenizers")
WITH_SPECIAL = wordpiece(PIECES, post_processor=POST_PROCESSOR)


def make(definition: dict[str, Any], **options: Any) -> PiecesTokenizer:
    return PiecesTokenizer(json.dumps(definition), **options)


def test_pieces_and_their_numbers_agree() -> None:
    tokenizer = make(WITH_SPECIAL)
    numbers, offsets = tokenizer.numbers(["The rivers", "", "zzz 日本"])
    assert offsets.tolist() == [0, 5, 7, 12] and numbers.dtype == np.int32 and offsets.dtype == np.int64
    assert [tokenizer.pieces[number] for number in numbers] == [
        "[CLS]", "the", "river", "##s", "[SEP]", "[CLS]", "[SEP]", "[CLS]", "[UNK]", "日", "本", "[SEP]",
    ]  # fmt: skip
    assert tokenizer("The rivers") == ["[CLS]", "the", "river", "##s", "[SEP]"]
    assert tokenizer.pieces[: len(PIECES)] == PIECES and tokenizer.unknown == 1


def test_options_leave_out_what_they_say() -> None:
    assert make(WITH_SPECIAL, special=False)("the river") == ["the", "river"]
    assert make(WITH_SPECIAL, max_tokens=3)("the river the") == ["[CLS]", "the", "[SEP]"]
    assert make(WITH_SPECIAL, max_characters=4)("the river") == ["[CLS]", "the", "[SEP]"]
    assert make(WITH_SPECIAL, keep_unknown=False)("zzz the") == ["[CLS]", "the", "[SEP]"]
    limited = wordpiece(truncation={"max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right"})
    assert make(limited)("the river") == ["the", "river"]  # the description's own limit is not used


def test_tokenizer_is_one_like_any_other() -> None:
    tokenizer = make(wordpiece(), max_tokens=5)
    assert get_tokenizer(tokenizer) is tokenizer
    assert PiecesTokenizer.from_config(tokenizer.to_config(), tokenizer.definition) == tokenizer
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer
    assert "river" not in repr(tokenizer)
    with pytest.raises(ValueError, match="there is no tokenizer 'pieces'"):
        tokenizer_from_config(tokenizer.to_config())


def test_numbers_without_a_piece_have_names_made_up() -> None:
    definition = wordpiece()
    definition["model"]["vocab"] = {"[UNK]": 0, "the": 3}
    assert make(definition).pieces == ["[UNK]", "[unused 1]", "[unused 2]", "the"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 0}, "max_tokens must be from 1"),
        ({"max_tokens": 1}, "max_tokens is 1, but every text has 2 special pieces"),
        ({"max_tokens": True}, "max_tokens must be an integer"),
        ({"max_characters": "x"}, "max_characters must be an integer"),
        ({"special": 1}, "special must be true or false"),
        ({"more": 1}, "has no option 'more'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        PiecesTokenizer.from_config(options, json.dumps(WITH_SPECIAL))


MODEL = wordpiece()["model"]


@pytest.mark.parametrize(
    "definition",
    [
        "", "[]", "{}", "\ud800", json.dumps(wordpiece([])),
        json.dumps(wordpiece()).replace('"the": 2', '"the": 999999999'),
        json.dumps(wordpiece(model=MODEL | {"unk_token": "[NO]"})),
        json.dumps(wordpiece(model={"type": "Unigram", "unk_id": None, "vocab": [["a", -1.0]]})),
        json.dumps(wordpiece(model={"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]})),
        json.dumps(wordpiece(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"})),  # Rust panics
        json.dumps(wordpiece(PIECES, post_processor=POST_PROCESSOR | {"special_tokens": {}})),  # here too
        json.dumps(wordpiece(pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}, "behavior": "Removed"})),
    ],
)  # fmt: skip
def test_damaged_descriptions_are_value_errors(definition: str) -> None:
    with pytest.raises(ValueError, match="the description of a tokenizer|the word-piece tokenizer failed on"):
        PiecesTokenizer.from_config({}, definition)
