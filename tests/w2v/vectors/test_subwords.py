"""Character n-grams: cut and hashed one word at a time, many at once, and by fastText itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.vectors.subwords import Subwords

WORDS = ["where", "a", "", "</s>", "Straße", "日本語", "x" * 50, "🙂ok", "<>", "naïve", "</s", "I'm", "e\u0301te\u0301"]
SETTINGS = [(3, 6, 2_000_000), (1, 1, 7), (1, 3, 100), (2, 2, 1), (5, 5, 2**31 - 1), (4, 40, 1000)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("where", ["<wh", "<whe", "whe", "wher", "her", "here", "ere", "ere>", "re>"]),
        ("é", ["<é>"]),
        ("", []),
        ("</s>", []),
    ],
)
def test_ngrams_run_over_code_points_between_the_borders(word: str, expected: list[str]) -> None:
    assert Subwords(min_n=3, max_n=4).ngrams(word) == expected


def test_ngrams_of_one_character_leave_out_the_borders() -> None:
    assert Subwords(min_n=1, max_n=2).ngrams("ab") == ["<a", "a", "ab", "b", "b>"]


def test_rows_are_signed_fnv_hashes() -> None:
    # 32-bit FNV-1a of "<a>", computed from its definition; 0xC3A9 are the bytes of "é", extended by their sign
    def fnv(codes: list[int]) -> int:
        hashed = 0x811C9DC5
        for code in codes:
            hashed = ((hashed ^ code) * 0x01000193) % 2**32
        return hashed

    subwords = Subwords(3, 3, 2**31 - 1)
    assert subwords.rows("a").tolist() == [fnv([0x3C, 0x61, 0x3E]) % (2**31 - 1)]
    assert subwords.rows("é").tolist() == [fnv([0x3C, 0xFFFFFFC3, 0xFFFFFFA9, 0x3E]) % (2**31 - 1)]


@pytest.mark.parametrize(("min_n", "max_n", "buckets"), SETTINGS)
def test_table_equals_rows_of_each_word(min_n: int, max_n: int, buckets: int) -> None:
    subwords = Subwords(min_n, max_n, buckets)
    offsets, rows = subwords.table(WORDS)
    assert offsets.dtype == rows.dtype == np.int64
    assert offsets[0] == 0 and offsets[-1] == len(rows)
    for index, word in enumerate(WORDS):
        expected = subwords.rows(word)
        assert len(expected) == len(subwords.ngrams(word))
        np.testing.assert_array_equal(rows[offsets[index] : offsets[index + 1]], expected, err_msg=word)


@given(words=st.lists(st.text(max_size=12), max_size=8), min_n=st.integers(1, 4), more=st.integers(0, 4))
def test_table_equals_rows_for_any_text(words: list[str], min_n: int, more: int) -> None:
    subwords = Subwords(min_n, min_n + more, 12345)
    offsets, rows = subwords.table(words)
    each = [subwords.rows(word) for word in words]
    np.testing.assert_array_equal(rows, np.concatenate([np.empty(0, np.int64), *each]))
    np.testing.assert_array_equal(np.diff(offsets), [len(found) for found in each])


def test_table_takes_bytes_that_are_not_text() -> None:
    # fastText's rule: a byte 10xxxxxx belongs to the character before it, whatever that is
    subwords = Subwords(1, 2, 2**31 - 1)
    cut = [b"\xe6\x97", b"\x80a"]
    offsets, rows = subwords.table([*cut, "日".encode(), b"</s>"])
    assert np.diff(offsets).tolist() == [3, 3, 3, 0]
    np.testing.assert_array_equal(rows[offsets[2] : offsets[3]], subwords.rows("日"))


def test_table_of_no_words_is_empty() -> None:
    offsets, rows = Subwords().table([])
    assert offsets.tolist() == [0] and len(rows) == 0


@pytest.mark.parametrize(("min_n", "max_n", "buckets"), [(0, 3, 9), (4, 3, 9), (3, 6, 0), (3, 6, 2**31), (-1, -1, 9)])
def test_subwords_refuses_impossible_settings(min_n: int, max_n: int, buckets: int) -> None:
    with pytest.raises(ValueError, match="min_n|buckets"):
        Subwords(min_n, max_n, buckets)


def test_rows_need_no_compiler() -> None:
    code = (
        "import sys; from w2v.vectors.subwords import Subwords; "
        "Subwords().rows('where'); assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.interop
@pytest.mark.parametrize(("min_n", "max_n", "buckets"), [(3, 6, 5000), (1, 3, 100), (2, 5, 77)])
def test_rows_equal_those_of_fasttext(tmp_path: Path, min_n: int, max_n: int, buckets: int) -> None:
    fasttext = pytest.importorskip("fasttext")
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("where is the river\nthe river is here\n" * 5, encoding="utf-8")
    model = fasttext.train_unsupervised(
        str(corpus), dim=2, epoch=1, minCount=1, minn=min_n, maxn=max_n, bucket=buckets, thread=1, verbose=0
    )
    subwords = Subwords(min_n, max_n, buckets)
    n_words = len(model.get_words())
    for word in [*model.get_words(), *WORDS]:
        ngrams, ids = model.get_subwords(word)
        known = model.get_word_id(word) >= 0
        assert ngrams[known:] == subwords.ngrams(word)
        assert (ids[known:] - n_words).tolist() == subwords.rows(word).tolist()
