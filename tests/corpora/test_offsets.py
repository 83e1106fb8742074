"""Where tokens stand in a text, whatever their tokenizer makes of them."""

from __future__ import annotations

import pytest

from w2v.corpora.offsets import token_spans
from w2v.corpora.tokenizers import CallableTokenizer, CharactersTokenizer, PennTokenizer, WordsTokenizer, get_tokenizer

TEXTS = (
    "Don\u2019t 'quote' GAUSS\u2019S nai\u0308ve co\u00adoperate e-mail no_2!",
    "\u0130stanbul STRASSE stra\u00dfe \u1e9e Ve\u0301ry",
    "2023\u5e74\uff0cPython\u8bed\u8a00",
    "Mr. Lee's U.S. car, it didn't cost $1,500...",
    "",
    " \t ",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["words", "characters", "whitespace", "tabs", "penn"])
def test_what_stands_there_makes_the_token_again(name: str, text: str) -> None:
    tokenizer = get_tokenizer(name)
    spans = token_spans(text, tokenizer)
    tokens = tokenizer(text)
    assert len(spans) == len(tokens)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
    if name in ("words", "characters"):
        assert [tokenizer(text[start:stop]) for start, stop in spans] == [[token] for token in tokens]
    else:
        assert [text[start:stop] for start, stop in spans] == tokens


def test_marks_and_soft_hyphens_belong_to_the_word() -> None:
    text = "a nai\u0308 co\u00adop"
    assert [text[a:b] for a, b in token_spans(text, WordsTokenizer())] == ["a", "nai\u0308", "co\u00adop"]


def test_tokens_that_the_text_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="the token 'cat' is not in the text"):
        token_spans("the dog", CallableTokenizer(lambda text: ["the", "cat"]))
    assert token_spans("aa a", CallableTokenizer(str.split)) == [(0, 2), (3, 4)]
    assert token_spans("\u5e74A", CharactersTokenizer()) == [(0, 1), (1, 2)]


def test_penn_divides_clitics_marks_and_keeps_addresses() -> None:
    divided = {
        "I can't; we'll see Ann's (old) car.": "I ca n't ; we 'll see Ann 's ( old ) car .",
        "see http://a.org/x?y=1. Mail a.b@c.org, @ann": "see http://a.org/x?y=1 . Mail a.b@c.org , @ann",
        "#go 3.5% 'so' U.K. Mr. Lee -- no...": "#go 3.5 % ' so ' U.K. Mr. Lee -- no ...",
    }
    assert [PennTokenizer()(text) for text in divided] == [expected.split() for expected in divided.values()]


def test_penn_keeps_what_belongs_to_a_character_beside_it() -> None:
    family, thumb, flag = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea"
    tokens = ["cafe\u0301", "co\u00adop", "\u0645\u06cc\u200c\u062e", family, thumb, flag, "\u2764\ufe0f", "x", "!!"]
    assert PennTokenizer()(" ".join(tokens)) == tokens
    assert PennTokenizer()("de\u0301ja\u0300-vu (e\u0301te\u0301), l'e\u0301te\u0301") == [
        "de\u0301ja\u0300-vu", "(", "e\u0301te\u0301", ")", ",", "l'e\u0301te\u0301"
    ]  # fmt: skip
    assert PennTokenizer()("\u0301 \U0001f600\U0001f600 \U0001f600\u200d") == [
        "\u0301", "\U0001f600\U0001f600", "\U0001f600\u200d"
    ]  # fmt: skip
    assert PennTokenizer()("Ann\u2019s caf\xe9 U.S.") == ["Ann", "\u2019s", "caf\xe9", "U.S."]
