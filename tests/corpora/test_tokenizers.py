"""Tokenizers: the reference definition, the table of code points, names and configuration."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import ROOT
from w2v.corpora.tokenizers import (
    CallableTokenizer,
    CharactersTokenizer,
    JiebaTokenizer,
    TabsTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
    code_point_table,
    get_tokenizer,
    tokenizer_from_config,
)
from w2v.corpora.tokenizers.characters import DROPPED, JOINER, MARK, N_CODE_POINTS, SINGLE, UNSETTLED, UNSPACED_RANGES
from w2v.corpora.tokenizers.jieba import _load_jieba

TRICKY = "aZ09_' \u2019'\n\r\t-.ßẞİıΣσςÅéÉ\u0301\u0308नमस्ते한中文Ⅷ½²٣\u00a0\u200b\u200d\ufeff\x00"
TRICKY += "日本タワーい々〇ไทยน้ำ๑๒\ufe00\u3000，。"
TRICKY += "\u200c\u2060\u00ad\ufe0f\u20e3\u180e\u200f❤\U0001f1e9ـשָ\u0dcaරක්ษ\u1100\u1161K\u0344j\u030c"
TRICKY += "\U0001f600\U00010400\U0001e8d0"  # beyond 16 bits: a picture, a capital letter and a mark
texts = st.text(st.one_of(st.sampled_from(TRICKY), st.characters(codec="utf-8")), max_size=40)


JOINERS = "\u180e\u200c\u200d\u2060"
DIVIDING = "\u200b\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M") and character not in "\ufe0e\ufe0f"


def is_dropped(character: str) -> bool:
    is_format = unicodedata.category(character) == "Cf" and character not in JOINERS + DIVIDING
    return is_format or character in "\ufe0e\ufe0f"


def lower_each(text: str) -> str:
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def naive_words(text: str, lowercase: bool) -> list[str]:
    """Return the words of `text` by the definition, one character at a time."""
    text = unicodedata.normalize("NFC", "".join(character for character in text if not is_dropped(character)))
    if lowercase:
        text = unicodedata.normalize("NFC", lower_each(text))
    words, current, inside = [], "", ""
    for character in text + " ":
        if character.isalnum() or (current and is_mark(character)):
            current += inside + character
            inside = ""
        elif current and character in JOINERS:
            inside += character
        elif current and character in "'\u2019" and "'" not in inside:
            inside += "'"
        elif not is_mark(character) or current:
            if current:
                words.append(current)
            current = inside = ""
    return words


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
        ("e\u0301te\u0301", ["été"]),
        ("❤️ love❤️you \ufe0f \u0301x", ["love", "you", "x"]),
        ("👩\u200d🚀you 🇩🇪 👍🏽ok", ["you", "ok"]),
        ("می\u200cخواهم می\u200c خواهم", ["می\u200cخواهم", "می", "خواهم"]),
        ("ශ\u0dca\u200dරී", ["ශ\u0dca\u200dරී"]),
        ("co\u00adoperate co\u00ad- a\u2060b \ufeffend\u200fs", ["cooperate", "co", "a\u2060b", "ends"]),
        ("l\u2019\u200camour l\u200c'amour a\u200c", ["l'\u200camour", "l\u200c'amour", "a"]),
        ("e\u00ad\u0301 \u212a J\u030c", ["é", "k", "ǰ"]),
        ("\u1112\u1161\u11ab", ["한"]),
        ("الكتــاب שָׁלוֹם สวัสดี", ["الكتــاب", "ש\u05b8\u05c1לו\u05b9ם", "สวัสดี"]),
        ("中文，文本", ["中文", "文本"]),
        ("a\u200bb\u00a0c\ufeffd", ["a", "b", "cd"]),
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


@given(texts)
def test_words_of_words_are_the_same_words(text: str) -> None:
    words = WordsTokenizer()(text)
    assert WordsTokenizer()(" ".join(words)) == words


@pytest.mark.parametrize("lowercase", [True, False])
def test_code_point_table_holds_every_code_point_as_defined(lowercase: bool) -> None:
    expected = np.zeros(N_CODE_POINTS, dtype=np.int32)
    for code_point, character in enumerate(map(chr, range(N_CODE_POINTS))):
        if character.isalnum() or is_mark(character):
            lower = character.lower()
            expected[code_point] = ord(lower) if lowercase and len(lower) == 1 else code_point
            expected[code_point] |= MARK * is_mark(character)
        elif is_dropped(character):
            expected[code_point] = DROPPED
        elif character in JOINERS:
            expected[code_point] = JOINER
    expected[[ord("'"), 0x2019]] = -1
    table = code_point_table(WordsTokenizer(lowercase))
    assert table.dtype == np.int32
    unsettled = (table > 0) & (table & UNSETTLED != 0)
    np.testing.assert_array_equal(np.where(unsettled, table - UNSETTLED, table), expected)
    for code_point in np.flatnonzero((table > 0) & ~unsettled & ((table < 0xD800) | (table > 0xDFFF))).tolist():
        for before in "aक각":
            assert unicodedata.is_normalized("NFC", before + chr(code_point))


def test_code_point_table_is_made_once_and_read_only() -> None:
    table = code_point_table(WordsTokenizer())
    assert code_point_table(WordsTokenizer()) is table
    with pytest.raises(ValueError, match="read-only"):
        table[65] = 0


@pytest.mark.parametrize("tokenizer", [WhitespaceTokenizer(), CallableTokenizer(str.split)])
def test_code_point_table_refuses_other_tokenizers(tokenizer: Tokenizer) -> None:
    with pytest.raises(TypeError, match="words"):
        code_point_table(tokenizer)


def is_single(character: str) -> bool:
    unspaced = any(start <= ord(character) < stop for start, stop in UNSPACED_RANGES)
    return unspaced and character.isalnum() and not character.isdecimal()


def stripped_piece(piece: str) -> str:
    """Return a piece of a word without what can stand only inside of one."""
    while piece and not piece[0].isalnum():
        piece = piece[1:]
    return piece.rstrip("'" + JOINERS)


def naive_characters(text: str, lowercase: bool) -> list[str]:
    """Return the tokens of `characters` by the definition: words, cut around the characters of unspaced scripts."""
    tokens = []
    for word in naive_words(text, lowercase):
        pieces: list[str] = []
        for character in word:
            if pieces and (
                is_mark(character) or character in JOINERS or not (is_single(character) or is_single(pieces[-1][0]))
            ):
                pieces[-1] += character
            else:
                pieces.append(character)
        tokens += [stripped for piece in pieces if (stripped := stripped_piece(piece))]
    return tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("The CAT's 3.14", ["the", "cat's", "3", "14"]),
        ("我在2023年学Python语言。", ["我", "在", "2023", "年", "学", "python", "语", "言"]),
        ("東京タワーへ行く", ["東", "京", "タ", "ワ", "ー", "へ", "行", "く"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("น้ำ ๑๒๓", ["น้", "ำ", "๑๒๓"]),
        ("中'文 a'中 中'a", ["中", "文", "a", "中", "中", "a"]),
        ("中\ufe00文", ["中\ufe00", "文"]),
        ("Ⅷ〇々\U00020000", ["ⅷ", "〇", "々", "\U00020000"]),
        ("Москва北京", ["москва", "北", "京"]),
    ],
)
def test_characters_splits_as_defined(text: str, tokens: list[str]) -> None:
    assert CharactersTokenizer()(text) == tokens


def test_characters_keeps_case_when_asked() -> None:
    assert CharactersTokenizer(lowercase=False)("用Python") == ["用", "Python"]


@given(texts, st.booleans())
def test_characters_agrees_with_the_naive_definition(text: str, lowercase: bool) -> None:
    assert CharactersTokenizer(lowercase)(text) == naive_characters(text, lowercase)


@given(texts, st.sampled_from([WordsTokenizer(), WordsTokenizer(lowercase=False), CharactersTokenizer()]))
def test_composed_and_decomposed_letters_are_the_same(text: str, tokenizer: Tokenizer) -> None:
    text = text.replace("\u0130", "I")  # lower-casing knows no capital I with a dot
    assert tokenizer(unicodedata.normalize("NFD", text)) == tokenizer(unicodedata.normalize("NFC", text))


@given(texts)
def test_characters_of_a_token_are_the_token(text: str) -> None:
    for token in CharactersTokenizer()(text):
        assert CharactersTokenizer()(token) == [token]


@pytest.mark.parametrize("lowercase", [True, False])
def test_code_point_table_of_characters_adds_a_flag(lowercase: bool) -> None:
    words, table = (code_point_table(kind(lowercase)) for kind in (WordsTokenizer, CharactersTokenizer))
    flags = np.zeros(N_CODE_POINTS, dtype=np.int32)
    for code_point in np.flatnonzero(words > 0).tolist():
        character = chr(code_point)
        if is_single(character):
            flags[code_point] = SINGLE
    np.testing.assert_array_equal(table, words + flags)


@pytest.mark.parametrize("character", "中㐀𠀀々あアｱㄅㆠ문กກမខꀀ")
def test_unspaced_scripts_hold_what_they_say(character: str) -> None:
    assert is_single(character) == (character != "문")


def test_tabs_splits_items_and_keeps_their_spaces() -> None:
    assert TabsTokenizer()(" New York\tO'Hare \t\t  \tparis\r\nRome\vBonn\fKyōto\u00a0 ") == [
        "New York", "O'Hare", "paris", "Rome", "Bonn", "Kyōto\u00a0",
    ]  # fmt: skip


@pytest.fixture
def jieba() -> JiebaTokenizer:
    pytest.importorskip("rjieba")
    return JiebaTokenizer()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("No Chinese: don't Ünïcode!", ["no", "chinese", "don't", "ünïcode"]),
        ("我来到北京清华大学", ["我", "来到", "北京", "清华大学"]),
        ("2015年5月23日在北京", ["2015", "年", "5", "月", "23", "日", "在", "北京"]),
        ("北京\n上海，广州", ["北京", "上海", "广州"]),
        ("東京タワー Москва北京한국", ["東京", "タワー", "москва", "北京", "한국"]),
        ("他穿T恤, don't说", ["他", "穿", "t恤", "don", "t", "说"]),
    ],
)
def test_jieba_divides_chinese_and_leaves_the_rest_to_words(jieba: JiebaTokenizer, text: str, words: list[str]) -> None:
    assert jieba(text) == words


def test_jieba_takes_its_options() -> None:
    pytest.importorskip("rjieba")
    assert JiebaTokenizer(lowercase=False)("学习Python语言") == ["学习", "Python", "语言"]
    assert JiebaTokenizer(hmm=True)("杭研大厦") == ["杭研", "大厦"]
    assert JiebaTokenizer(hmm=False)("杭研大厦") == ["杭", "研", "大厦"]


@given(texts)
def test_jieba_changes_nothing_but_where_words_end(text: str) -> None:
    pytest.importorskip("rjieba")
    tokens = JiebaTokenizer()(text)
    assert "".join(tokens).replace("'", "") == "".join(WordsTokenizer()(text)).replace("'", "")
    assert all(WordsTokenizer()(token) == [token] for token in tokens)


def test_jieba_divides_many_runs_as_it_divides_each(jieba: JiebaTokenizer) -> None:
    lines = ["我们在北京大学学习自然语言处理", "中华人民共和国", "a", "", "他说的确实在理", "12月 三国演义"]
    assert jieba("\n".join(lines)) == [word for line in lines for word in jieba(line)]


def test_jieba_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _load_jieba.cache_clear()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    assert JiebaTokenizer()("no Chinese needs no jieba") == ["no", "chinese", "needs", "no", "jieba"]
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'w2v-toolkit\[jieba\]'"):
        JiebaTokenizer()("中文")


@pytest.mark.interop
@pytest.mark.filterwarnings("ignore")  # those of jieba's import
def test_jieba_divides_as_jieba_itself() -> None:
    """Where jieba is installed as well; text of Chinese characters, ASCII letters and digits only."""
    original, _ = pytest.importorskip("jieba"), pytest.importorskip("rjieba")
    original.setLogLevel(60)
    text = "他来到了网易杭研大厦。小明硕士毕业于中国科学院计算所，后在日本京都大学深造。工信处女干事每月经过下属科室"
    text += "都要亲口交代24口交换机等技术性器件的安装工作。結過婚的和尚未結過婚的。我不喜歡日本和服。乒乓球拍賣完了"
    expected = [word.lower() for part in text.split("。") for word in original.lcut(part) if word != "，"]
    assert JiebaTokenizer()(text) == expected


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


@pytest.mark.parametrize(
    "tokenizer",
    [
        WordsTokenizer(),
        WordsTokenizer(lowercase=False),
        WhitespaceTokenizer(),
        TabsTokenizer(),
        CharactersTokenizer(lowercase=False),
        JiebaTokenizer(hmm=False),
    ],
)
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
        ({}, "no tokenizer None; the names are 'words', 'whitespace'"),
        ({"name": "subwords"}, "'subwords'"),
        ({"name": ["words"]}, "no tokenizer"),
        ({"name": "words", "stem": True}, "no option 'stem'"),
        ({"name": "whitespace", "lowercase": True}, "no option 'lowercase'"),
    ],
)
def test_config_refuses_what_it_does_not_know(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tokenizer_from_config(config)


@pytest.mark.parametrize(("name", "option"), [("words", "lowercase"), ("characters", "lowercase"), ("jieba", "hmm")])
def test_config_refuses_a_wrong_type(name: str, option: str) -> None:
    with pytest.raises(TypeError, match=option):
        tokenizer_from_config({"name": name, option: "yes"})


def test_get_tokenizer_knows_names_tokenizers_and_callables() -> None:
    assert get_tokenizer("words") == WordsTokenizer()
    assert get_tokenizer("whitespace") == WhitespaceTokenizer()
    own = WordsTokenizer(lowercase=False)
    assert get_tokenizer(own) is own
    assert get_tokenizer(str.split) == CallableTokenizer(str.split)
    assert get_tokenizer(list)("ab") == ["a", "b"]


def test_get_tokenizer_lists_known_names() -> None:
    with pytest.raises(ValueError, match=r"'word' \(did you mean 'words'\?\); the names are 'words', 'whitespace'"):
        get_tokenizer("word")


@pytest.mark.parametrize("tokenizer", [None, 3, WordsTokenizer])
def test_get_tokenizer_refuses_what_is_none(tokenizer: object) -> None:
    with pytest.raises(TypeError):
        get_tokenizer(tokenizer)  # type: ignore[arg-type]


def test_corpora_imports_nothing_heavy() -> None:
    heavy = {"gensim", "numba", "numpy", "rjieba", "urllib.request", "zipfile"}
    code = (
        "import sys; before = set(sys.modules); import w2v.corpora; "
        f"print(sorted({heavy!r} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_config_without_rules_opens_and_one_of_later_rules_does_not() -> None:
    assert tokenizer_from_config({"name": "words", "lowercase": False}) == WordsTokenizer(lowercase=False)
    with pytest.raises(ValueError, match="version 3 of the rules"):
        tokenizer_from_config({"name": "characters", "rules": 3, "lowercase": True})
