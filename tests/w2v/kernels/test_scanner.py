"""The byte scanner against plain Python, and its tokenizer against `WordsTokenizer`."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from w2v.corpora.tokenizers import CharactersTokenizer, TabsTokenizer, Tokenizer, WhitespaceTokenizer, WordsTokenizer
from w2v.encoding.rewriting import MAX_GROWTH as REWRITTEN_GROWTH
from w2v.encoding.rewriting import Rewriter
from w2v.kernels.rewriting import items_to_nuls
from w2v.kernels.scanner import COUNT, FIRST, Table, encode_block, find_slot, hash_bytes, merge_tables

steady = settings(derandomize=True)

pieces = st.one_of(
    st.sampled_from(["a", "b", "the", "don't", "\n", "\n\n", "\r\n", " ", "  ", "\t", "\v\f", "\x00", "\x1c", "\x85"]),
    st.sampled_from(["é", "naïve", "中文", "😀", "\u2028", "\u00a0", "x" * 8, "x" * 9, "x" * 7 + "\x00", "y" * 5000]),
    st.text(max_size=12),
)
texts = st.lists(pieces, max_size=40).map("".join)


def sentences_of(text: str) -> list[list[str]]:
    return [tokens for tokens in map(WhitespaceTokenizer(), text.split("\n")) if tokens]


def scan(table: Table, text: bytes, position: int = 0) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    return table.scan(np.frombuffer(text, np.uint8), position)


def scanned_sentences(table: Table, text: bytes) -> list[list[str]]:
    """Return the sentences that the scanner finds, from entries and ends."""
    found, ends = scan(table, text)
    words = table.words(found.astype(np.int64))
    borders = [0, *ends.tolist(), len(words)]
    return [words[start:stop] for start, stop in zip(borders, borders[1:], strict=False) if stop > start]


@steady
@given(texts)
def test_scan_splits_as_python_does(text: str) -> None:
    table = Table(4)
    assert scanned_sentences(table, text.encode()) == sentences_of(text)
    counted = Counter(WhitespaceTokenizer()(text))
    words = table.words(np.arange(table.size))
    assert len(words) == len(set(words))
    assert dict(zip(words, table.entries[: table.size, COUNT].tolist(), strict=True)) == counted


@steady
@given(texts)
def test_scan_notes_where_a_word_is_first(text: str) -> None:
    table, data = Table(4), text.encode()
    scan(table, data, 1000)
    for word, first in zip(table.words(np.arange(table.size)), table.entries[: table.size, FIRST], strict=True):
        assert data[first - 1000 :].startswith(word.encode())
        # nothing before it is the same token
        assert word not in WhitespaceTokenizer()(data[: first - 1000].decode())


@steady
@given(st.lists(texts, min_size=1, max_size=5), st.integers(1, 3))
def test_merged_tables_count_what_one_table_counts(blocks: list[str], n_tables: int) -> None:
    whole, parts = Table(4), [Table(4) for _ in range(n_tables)]
    position, found = 0, []
    for i, block in enumerate(blocks):
        scan(whole, block.encode(), position)
        found.append(scan(parts[i % n_tables], block.encode(), position)[0])
        position += len(block.encode()) + 1
    expected = {
        word: tuple(row)
        for word, row in zip(
            whole.words(np.arange(whole.size)), whole.entries[: whole.size, COUNT:].tolist(), strict=True
        )
    }
    joint, maps = merge_tables(parts)
    words = joint.words(np.arange(joint.size))
    assert {
        word: tuple(row) for word, row in zip(words, joint.entries[: joint.size, COUNT:].tolist(), strict=True)
    } == expected
    for i, block in enumerate(blocks):
        assert [words[e] for e in maps[i % n_tables][found[i]]] == WhitespaceTokenizer()(block)


def test_scan_grows_a_full_table_and_a_full_arena() -> None:
    words = [f"word{i}" for i in range(5000)] + ["x" * n for n in range(1, 400)]
    table = Table(2)
    found, _ = scan(table, " ".join(words * 2).encode())
    assert table.size == len(words) and table.words(np.arange(table.size)) == words
    assert found.tolist() == list(range(len(words))) * 2
    assert set(table.entries[: table.size, COUNT].tolist()) == {2}
    n_slots = len(table.slots)
    assert n_slots & (n_slots - 1) == 0 and n_slots >= 2 * table.size
    assert sorted(e for e in table.slots.tolist() if e >= 0) == list(range(table.size))


@pytest.mark.parametrize("line", [1, 7, 128, 129, 1000])
def test_scan_of_many_batches_keeps_sentences_while_the_table_grows(line: int) -> None:
    rng = np.random.default_rng(line)
    words = [f"{'long' * (n % 5)}{n}" for n in (rng.zipf(1.3, 6000) % 2000).tolist()]
    text = "".join(word + ("\n\n" if i % line == 0 else " ") for i, word in enumerate(words))
    table = Table(2)
    assert scanned_sentences(table, text.encode()) == sentences_of(text)
    counts = table.entries[: table.size, COUNT].tolist()
    assert dict(zip(table.words(np.arange(table.size)), counts, strict=True)) == Counter(words)


def test_scan_tells_apart_tokens_that_differ_late_or_in_a_nul() -> None:
    words = ["a", "a\x00", "a\x00\x00", "x" * 8, "x" * 9, "x" * 8 + "y", "x" * 100 + "a", "x" * 100 + "b", "\x00"]
    assert scanned_sentences(Table(), " ".join(words).encode()) == [words]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (b"", []),
        (b"\n", [0]),
        (b"\n\n\n", [0]),
        (b"a", []),
        (b"a\n", [1]),
        (b"a\n\n\nb c\n", [1, 3]),
        (b"\na\n\n", [0, 1]),
    ],
)
def test_scan_leaves_out_empty_lines_but_the_first(text: bytes, ends: list[int]) -> None:
    assert scan(Table(), text)[1].tolist() == ends


def test_hash_is_one_to_one_up_to_eight_bytes_and_does_not_read_beyond() -> None:
    def value(data: bytes, start: int, end: int) -> int:
        return int(hash_bytes(np.frombuffer(data, np.uint8), start, end))

    short = {value(bytes([a, b]), 0, 2) for a in range(256) for b in range(256)}
    assert len(short) == 65536
    # what follows the token, and where it stands, does not matter
    assert value(b"token", 0, 5) == value(b"a token and more", 2, 7) == value(b"a token", 2, 7)
    assert value(b"longer than eight", 0, 17) == value(b" longer than eight.", 1, 18)


@pytest.mark.parametrize("ends", [(b"1", b"2"), (b"-of-many-bytes", b"-of-more-bytes")])
def test_find_slot_compares_words_beyond_eight_bytes_whose_hashes_collide(ends: tuple[bytes, bytes]) -> None:
    table = Table(4)
    scan(table, b"the-word" + ends[0])
    h = np.uint64(table.entries[0, 0])
    for end, entry in zip(ends, (0, -1), strict=True):
        word = np.frombuffer(b"the-word" + end, np.uint8)
        assert table.slots[find_slot(word, 0, len(word), h, table.slots, table.entries, table.arena)] == entry


def spaced(text: str, tokenizer: Tokenizer) -> str:
    rewritten = Rewriter(tokenizer)(text.encode())
    assert len(rewritten) <= REWRITTEN_GROWTH * len(text.encode()) + 1
    return rewritten.tobytes().decode()


@steady
@given(texts, st.booleans(), st.sampled_from([WordsTokenizer, CharactersTokenizer]))
def test_words_to_spaces_agrees_with_the_tokenizer(
    text: str, lowercase: bool, kind: type[WordsTokenizer] | type[CharactersTokenizer]
) -> None:
    tokenizer = kind(lowercase)
    lines = spaced(text, tokenizer).split("\n")
    assert list(map(WhitespaceTokenizer(), lines)) == list(map(tokenizer, text.split("\n")))


@steady
@given(
    st.text(
        st.sampled_from("aB'’\n -é\u0301\u0328Σ中い7\u0e19\u0e49\u0e57\u200c\u200d\u00ad\ufe0f❤K\u09c7\u09be"),
        max_size=30,
    ),
    st.sampled_from([WordsTokenizer(), CharactersTokenizer()]),
)
def test_words_to_spaces_agrees_about_apostrophes_and_marks(
    text: str, tokenizer: WordsTokenizer | CharactersTokenizer
) -> None:
    expected = [tokenizer(line) for line in text.split("\n")]
    assert list(map(WhitespaceTokenizer(), spaced(text, tokenizer).split("\n"))) == expected


@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), CharactersTokenizer()])
def test_words_to_spaces_agrees_for_every_character(tokenizer: WordsTokenizer | CharactersTokenizer) -> None:
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and c != 10]
    for context in ("{}", "a{}b"):
        text = "\n".join(context.format(c) for c in characters[:0x3000] + characters[0x1F000:0x20000])
        lines = spaced(text, tokenizer).split("\n")
        assert list(map(WhitespaceTokenizer(), lines)) == list(map(tokenizer, text.split("\n")))
    joined = " ".join(characters)
    assert WhitespaceTokenizer()(spaced(joined, tokenizer)) == tokenizer(joined)


@pytest.mark.parametrize("tokenizer", [WordsTokenizer(), CharactersTokenizer()])
def test_words_to_spaces_never_writes_more_than_its_bound(tokenizer: WordsTokenizer | CharactersTokenizer) -> None:
    longer = [chr(c) for c in range(0x80, 0x3000) if len(chr(c).lower().encode()) > len(chr(c).encode())]
    assert longer  # some lower-case letters need more bytes
    for text in ("a\n" * 50, "\u023a\n" * 50, "a'" * 50, "\u023a" * 50, "".join(longer), "\n".join(longer), "a中" * 50):
        assert list(map(WhitespaceTokenizer(), spaced(text, tokenizer).split("\n"))) == list(
            map(tokenizer, text.split("\n"))
        )


@steady
@given(st.text(st.sampled_from("ab é中 \t\n\r\v\f"), max_size=40))
def test_items_to_nuls_agrees_with_the_tokenizer(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    out = np.full(len(data), 255, np.uint8)
    lines = out[: items_to_nuls(data, out)].tobytes().decode().split("\n")
    items = [[item.replace("\0", " ") for item in WhitespaceTokenizer()(line)] for line in lines]
    assert items == list(map(TabsTokenizer(), text.split("\n")))


def test_encode_block_joins_sentences_across_blocks_and_drops_words() -> None:
    ids = np.array([0, -1, 1], np.int32)
    tokens, offsets = np.full(10, 9, np.int32), np.zeros(10, np.int64)
    n_tokens, n_sentences = 0, 0
    blocks = [([0, 1, 2], [], False), ([2, 1], [1], False), ([], [0], True), ([1, 1], [1], True), ([0], [], False)]
    blocks += [([2], [], True), ([0], [], False)]  # without a line feed, the end of a block may end its last sentence
    for found, ends, closes in blocks:
        n_tokens, n_sentences = encode_block(
            np.array(found, np.int32), np.array(ends, np.int64), closes, ids, tokens, n_tokens, offsets, n_sentences
        )
    assert tokens[:n_tokens].tolist() == [0, 1, 1, 0, 1, 0]
    assert offsets[: n_sentences + 1].tolist() == [0, 3, 5] and n_sentences == 2  # the last sentence is still open
