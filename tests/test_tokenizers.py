"""Tokenizers: the reference definition, the table of code points, names and configuration."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.tokenizers import (
    APOSTROPHE,
    N_CODE_POINTS,
    SEPARATOR,
    CallableTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
    code_point_table,
    get_tokenizer,
    tokenizer_from_config,
)

TRICKY = "aZ09_' \u2019'\n\r\t-.ßẞİıΣσςÅéÉ\u0301\u0308नमस्ते한中文Ⅷ½²٣\u00a0\u200b\u200d\ufeff\x00"
TRICKY += "\U0001f600\U00010400\U0001e8d0"  # beyond 16 bits: a picture, a capital letter and a mark
texts = st.text(st.one_of(st.sampled_from(TRICKY), st.characters(codec="utf-8")), max_size=40)


def is_word_character(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def naive_words(text: str, lowercase: bool) -> list[str]:
    """Return the words of `text` by the definition, one character at a time."""
    words, current = [], ""
    for position, character in enumerate(text):
        inside = 0 < position < len(text) - 1
        if is_word_character(character):
            lower = character.lower()
            current += lower if lowercase and len(lower) == 1 else character
        elif (
            character in "'\u2019"
            and inside
            and is_word_character(text[position - 1])
            and is_word_character(text[position + 1])
        ):
            current += "'"
        elif current:
            words.append(current)
            current = ""
    return [*words, current] if current else words


def words_by_table(text: str, table: np.ndarray) -> list[str]:
    """Return the words of `text` as a scanner finds them that knows nothing but the table."""
    codes = [int(table[ord(character)]) for character in text]
    padded = [SEPARATOR, *codes, SEPARATOR]
    out = ""
    for before, code, after in zip(padded, codes, padded[2:], strict=False):
        if code == APOSTROPHE:
            out += "'" if before > 0 and after > 0 else "\n"
        else:
            out += chr(code) if code > 0 else "\n"
    return [word for word in out.split("\n") if word]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t ", []),
        ("The cat, the CAT!", ["the", "cat", "the", "cat"]),
        ("don't rock'n'roll", ["don't", "rock'n'roll"]),
        ("don\u2019t", ["don't"]),
        ("'quoted' dogs' ''", ["quoted", "dogs"]),
        ("a''b", ["a", "b"]),
        ("snake_case e-mail 3.14 1990s", ["snake", "case", "e", "mail", "3", "14", "1990s"]),
        ("ΟΔΟΣ", ["οδοσ"]),
        ("İstanbul ISPARTA", ["İstanbul", "isparta"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("中文，文本", ["中文", "文本"]),
        ("a\u200bb\u00a0c\ufeffd", ["a", "b", "c", "d"]),
        ("😀smile😀", ["smile"]),
        ("x\x00y", ["x", "y"]),
    ],
)
def test_words_splits_as_defined(text: str, words: list[str]) -> None:
    assert WordsTokenizer()(text) == words


def test_words_keeps_case_when_asked() -> None:
    assert WordsTokenizer(lowercase=False)("The CAT\u2019s İ Σ") == ["The", "CAT's", "İ", "Σ"]


@given(texts, st.booleans())
def test_words_agrees_with_the_naive_definition(text: str, lowercase: bool) -> None:
    assert WordsTokenizer(lowercase)(text) == naive_words(text, lowercase)


@given(texts, st.booleans())
def test_words_agrees_with_the_table(text: str, lowercase: bool) -> None:
    tokenizer = WordsTokenizer(lowercase)
    assert tokenizer(text) == words_by_table(text, code_point_table(tokenizer))


@given(texts)
def test_words_of_words_are_the_same_words(text: str) -> None:
    words = WordsTokenizer()(text)
    assert WordsTokenizer()(" ".join(words)) == words


@pytest.mark.parametrize("lowercase", [True, False])
def test_code_point_table_holds_every_code_point_as_defined(lowercase: bool) -> None:
    expected = np.zeros(N_CODE_POINTS, dtype=np.int32)
    for code_point, character in enumerate(map(chr, range(N_CODE_POINTS))):
        if is_word_character(character):
            lower = character.lower()
            expected[code_point] = ord(lower) if lowercase and len(lower) == 1 else code_point
    expected[[ord("'"), 0x2019]] = -1
    table = code_point_table(WordsTokenizer(lowercase))
    assert table.dtype == np.int32
    np.testing.assert_array_equal(table, expected)


def test_code_point_table_is_made_once_and_read_only() -> None:
    table = code_point_table(WordsTokenizer())
    assert code_point_table(WordsTokenizer()) is table
    with pytest.raises(ValueError, match="read-only"):
        table[65] = 0


@pytest.mark.parametrize("tokenizer", [WhitespaceTokenizer(), CallableTokenizer(str.split)])
def test_code_point_table_refuses_other_tokenizers(tokenizer: Tokenizer) -> None:
    with pytest.raises(TypeError, match="words"):
        code_point_table(tokenizer)


def test_whitespace_splits_at_ascii_white_space_only() -> None:
    text = " New_York\tis\r\nBIG\v.\f'a' b\u00a0c d\u2028e f\x1cg h\x85i "
    assert WhitespaceTokenizer()(text) == [
        "New_York",
        "is",
        "BIG",
        ".",
        "'a'",
        "b\u00a0c",
        "d\u2028e",
        "f\x1cg",
        "h\x85i",
    ]


@given(texts)
def test_whitespace_agrees_with_splitting_bytes(text: str) -> None:
    assert WhitespaceTokenizer()(text) == [token.decode() for token in text.encode().split()]


@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), WhitespaceTokenizer()])
def test_tokenizers_take_very_long_tokens(tokenizer: Tokenizer) -> None:
    token = "x" * 3_000_000
    assert tokenizer(f"a {token} b") == ["a", token, "b"]


def character_bigrams(text: str) -> list[str]:
    return [text[start : start + 2] for start in range(len(text) - 1)]


def test_callable_makes_the_tokens() -> None:
    assert CallableTokenizer(character_bigrams)("abc") == ["ab", "bc"]
    assert CallableTokenizer(list)("abc") == ["a", "b", "c"]


def test_callable_may_return_any_iterable_and_loses_empty_tokens() -> None:
    assert CallableTokenizer(lambda text: iter(text.split(" ")))("a  b ") == ["a", "b"]


@pytest.mark.parametrize("result", ["a str", b"bytes", None, 3, ["a", 1], [b"a"]])
def test_callable_refuses_what_is_not_tokens(result: object) -> None:
    with pytest.raises(TypeError, match="must"):
        CallableTokenizer(lambda text: result)("text")  # type: ignore[arg-type, return-value]


class Splitter:
    """A callable object without a name of its own."""

    def __call__(self, text: str) -> list[str]:
        """Split at commas."""
        return text.split(",")


def test_callable_records_the_qualified_name() -> None:
    assert CallableTokenizer(character_bigrams).to_config() == {
        "name": "callable",
        "callable": f"{__name__}.character_bigrams",
    }
    assert CallableTokenizer(Splitter()).qualified_name == f"{__name__}.Splitter"
    assert CallableTokenizer(str.split).qualified_name.endswith("str.split")


@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), WordsTokenizer(lowercase=False), WhitespaceTokenizer()])
def test_config_makes_the_same_tokenizer_again(tokenizer: Tokenizer) -> None:
    config = json.loads(json.dumps(tokenizer.to_config()))
    assert tokenizer_from_config(config) == tokenizer
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer


def test_config_of_a_callable_demands_the_callable() -> None:
    with pytest.raises(ValueError, match=r"character_bigrams.*pass it again"):
        tokenizer_from_config(CallableTokenizer(character_bigrams).to_config())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no tokenizer None; known are 'words', 'whitespace'"),
        ({"name": "subwords"}, "'subwords'"),
        ({"name": ["words"]}, "no tokenizer"),
        ({"name": "words", "stem": True}, "no option 'stem'"),
        ({"name": "whitespace", "lowercase": True}, "no option 'lowercase'"),
    ],
)
def test_config_refuses_what_it_does_not_know(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tokenizer_from_config(config)


def test_config_refuses_a_wrong_type() -> None:
    with pytest.raises(TypeError, match="lowercase"):
        tokenizer_from_config({"name": "words", "lowercase": "yes"})


def test_get_tokenizer_knows_names_tokenizers_and_callables() -> None:
    assert get_tokenizer("words") == WordsTokenizer()
    assert get_tokenizer("whitespace") == WhitespaceTokenizer()
    own = WordsTokenizer(lowercase=False)
    assert get_tokenizer(own) is own
    assert get_tokenizer(str.split) == CallableTokenizer(str.split)
    assert get_tokenizer(list)("ab") == ["a", "b"]


def test_get_tokenizer_lists_known_names() -> None:
    with pytest.raises(ValueError, match=r"'word' \(did you mean 'words'\?\); known are 'words', 'whitespace'"):
        get_tokenizer("word")


@pytest.mark.parametrize("tokenizer", [None, 3, WordsTokenizer])
def test_get_tokenizer_refuses_what_is_none(tokenizer: object) -> None:
    with pytest.raises(TypeError):
        get_tokenizer(tokenizer)  # type: ignore[arg-type]


def test_corpora_imports_nothing_heavy() -> None:
    heavy = {"gensim", "numba", "numpy", "urllib.request", "zipfile"}
    code = (
        f"import sys; before = set(sys.modules); import corpora; print(sorted({heavy!r} & (set(sys.modules) - before)))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
