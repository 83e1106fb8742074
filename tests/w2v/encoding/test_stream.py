"""From a corpus to token ids: against plain Python, whatever the workers, the blocks and the memory."""

from __future__ import annotations

import _thread
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v.corpora.readers import CorpusError, TextReader
from w2v.corpora.tokenizers import (
    CallableTokenizer,
    CharactersTokenizer,
    JiebaTokenizer,
    TabsTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordsTokenizer,
)
from w2v.encoding.stream import (
    EmptyVocabularyError,
    TokenStream,
    WorkFolder,
    default_max_memory,
    encode_corpus,
    run_threads,
)
from w2v.encoding.vocabulary import Vocabulary

steady = settings(derandomize=True)

LINES = [
    f"The cat {n % 7} sat on mat{n % 13}, didn't it?\tNaïve 北京大学7月中文 {'long' * (n % 5)}" for n in range(300)
]
TEXT = "\n".join(LINES) + "\n"

words = st.sampled_from(["a", "b", "the", "é", "don't", "x" * 9, "中文"])
corpora_of_tokens = st.lists(st.lists(words, max_size=6), min_size=1, max_size=12).filter(lambda c: any(c))


def encode(corpus: Any, tokenizer: Tokenizer | None = None, **options: Any) -> tuple[Vocabulary, TokenStream]:
    options.setdefault("min_count", 1)
    with WorkFolder(options.pop("parent", None)) as folder:
        return encode_corpus(corpus, tokenizer or WhitespaceTokenizer(), work_folder=folder, **options)


def naive_encode(sentences: Iterable[list[str]], min_count: int, max_vocab: int | None) -> tuple[dict[str, int], Any]:
    """Return counts in the order of ids, and the sentences as kept words; Python's sort keeps the order of ties."""
    sentences = list(sentences)
    counts = Counter(word for sentence in sentences for word in sentence)
    ranked = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: -counts[word])[:max_vocab]
    kept = [[word for word in sentence if word in ranked] for sentence in sentences]
    return {word: counts[word] for word in ranked}, [sentence for sentence in kept if sentence]


def contents(vocabulary: Vocabulary, stream: TokenStream) -> tuple[dict[str, int], list[list[str]]]:
    assert vocabulary.counts is not None
    tokens, offsets = stream.tokens.tolist(), stream.offsets.tolist()
    sentences = [
        [vocabulary.index_to_key[t] for t in tokens[start:stop]]
        for start, stop in zip(offsets, offsets[1:], strict=False)
    ]
    return dict(zip(vocabulary, vocabulary.counts.tolist(), strict=True)), sentences


def assert_same(first: tuple[Vocabulary, TokenStream], second: tuple[Vocabulary, TokenStream]) -> None:
    assert first[0].index_to_key == second[0].index_to_key
    assert first[0].counts is not None and second[0].counts is not None
    assert np.array_equal(first[0].counts, second[0].counts)
    assert np.array_equal(first[1].tokens, second[1].tokens)
    assert np.array_equal(first[1].offsets, second[1].offsets)
    assert first[1].n_words == second[1].n_words


@steady
@given(corpora_of_tokens, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 4)))
def test_tokens_and_text_are_encoded_as_plain_python_does(
    sentences: list[list[str]], min_count: int, max_vocab: int | None
) -> None:
    expected = naive_encode(sentences, min_count, max_vocab)
    texts = [" ".join(sentence) for sentence in sentences]
    for corpus in (sentences, map(tuple, sentences), texts, iter(texts)):
        if not expected[0]:
            with pytest.raises(EmptyVocabularyError):
                encode(corpus, min_count=min_count)
            continue
        vocabulary, stream = encode(corpus, min_count=min_count, max_vocab=max_vocab)
        assert contents(vocabulary, stream) == expected
        assert stream.n_words == sum(map(len, sentences))
        assert stream.tokens.dtype == np.int32 and stream.offsets.dtype == np.int64
        assert len(stream) == stream.offsets[-1] and stream.n_sentences == len(expected[1])


@steady
@given(corpora_of_tokens, st.sampled_from(["\n", "\r\n", "\n\n", " \n"]), st.booleans(), st.integers(1, 40))
def test_files_are_encoded_as_plain_python_does(
    sentences: list[list[str]], line_end: str, ends_in_newline: bool, block_size: int
) -> None:
    text = line_end.join(map(" ".join, sentences)) + line_end * ends_in_newline
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        for workers in (1, 3):
            encoded = encode(TextReader(file.name, block_size=block_size), workers=workers)
            assert contents(*encoded) == naive_encode(sentences, 1, None)


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "text.txt")


needs_jieba = pytest.mark.skipif(find_spec("rjieba") is None, reason="rjieba is not installed")
tokenizers = pytest.mark.parametrize(
    "tokenizer",
    [
        WordsTokenizer(),
        WordsTokenizer(lowercase=False),
        WhitespaceTokenizer(),
        CharactersTokenizer(),
        TabsTokenizer(),
        pytest.param(JiebaTokenizer(), marks=needs_jieba),
    ],
)


@tokenizers
@pytest.mark.parametrize("block_size", [7, 1000, 1 << 20])
def test_result_does_not_depend_on_workers_and_blocks(file: str, tokenizer: Tokenizer, block_size: int) -> None:
    expected = encode([tokenizer(line) for line in LINES], min_count=3)
    for workers in (1, 5):
        assert_same(encode(TextReader(file, block_size=block_size), tokenizer, workers=workers, min_count=3), expected)


MARKED = (
    "می\u200cخواهم ශ\u0dca\u200dරී co\u00adop 中e\u0301 ❤\ufe0f "
    "love❤\ufe0fyou e\u0301 l\u2019\u200camour 한글 \u1112\u1161\u11ab \u212a"
)


@tokenizers
@pytest.mark.parametrize("shift", [0, 9, 20])
def test_joiners_and_marks_survive_every_border_of_a_block(tmp_path: Path, tokenizer: Tokenizer, shift: int) -> None:
    lines = ["x" * shift, *[f"{MARKED} {'y' * n} {MARKED[n:]}" for n in range(40)]]
    (tmp_path / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    expected = encode([tokenizer(line) for line in lines], min_count=1)
    for block_size in (1, 67, 256):
        reader = TextReader(tmp_path / "text.txt", block_size=block_size)
        assert_same(encode(reader, tokenizer, workers=2, min_count=1), expected)


@tokenizers
def test_result_does_not_depend_on_how_the_corpus_is_given(file: str, tokenizer: Tokenizer) -> None:
    expected = encode(TextReader(file), tokenizer)
    assert_same(encode(LINES, tokenizer), expected)
    assert_same(encode((line for line in LINES), tokenizer, workers=2), expected)
    assert_same(encode([tokenizer(line) for line in LINES], tokenizer), expected)
    assert_same(encode((tuple(tokenizer(line)) for line in LINES), tokenizer), expected)
    same_by_python = CallableTokenizer(tokenizer.__call__)
    assert_same(encode(TextReader(file), same_by_python), expected)
    assert_same(encode(LINES, same_by_python), expected)


@pytest.mark.parametrize("block_size", [1, 16, 20, 50])
def test_items_with_spaces_survive_blocks_that_end_inside_them(tmp_path: Path, block_size: int) -> None:
    rows = [["green tea", "sugar, 1 kg", "milk"], ["a name of very many words and spaces", "milk"], ["milk"] * 9]
    (tmp_path / "baskets.tsv").write_text("".join("\t".join(row) + " \r\n" for row in rows))
    for workers in (1, 3):
        reader = TextReader(tmp_path / "baskets.tsv", block_size=block_size)
        assert contents(*encode(reader, TabsTokenizer(), workers=workers))[1] == rows


def test_many_short_sentences_become_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = encode(LINES), encode([line.split() for line in LINES])
    monkeypatch.setattr("w2v.encoding.stream._BLOCK_CHARACTERS", 50)
    assert_same(encode(LINES, workers=3), expected[0])
    assert_same(encode([line.split() for line in LINES]), expected[1])


def test_newline_inside_a_sentence_does_not_end_it() -> None:
    assert contents(*encode(["a b\nc", "d"]))[1] == [["a", "b", "c"], ["d"]]
    assert contents(*encode(["a b\nc", "d"], CallableTokenizer(str.split)))[1] == [["a", "b", "c"], ["d"]]


def test_tokens_are_taken_as_they_are() -> None:
    sentences = [["New York", "", "a\nb", "z\x00"], ["New York"]]
    assert contents(*encode(sentences, WordsTokenizer()))[1] == sentences


@pytest.mark.parametrize("max_memory", [0, 100, 8000])
@pytest.mark.parametrize("workers", [1, 3])
def test_spooled_and_mapped_stream_is_the_same(file: str, tmp_path: Path, max_memory: int, workers: int) -> None:
    parent = tmp_path / "work"
    parent.mkdir()
    for corpus in (TextReader(file, block_size=200), [line.split() for line in LINES]):
        with WorkFolder(parent) as folder:
            vocabulary, stream = encode_corpus(
                corpus, WhitespaceTokenizer(), min_count=2, workers=workers, max_memory=max_memory, work_folder=folder
            )
            assert isinstance(stream.tokens, np.memmap)
            assert isinstance(stream.offsets, np.memmap) == (max_memory < 8000)
            assert not list(parent.iterdir())  # its files have no names, so that a killed run leaves none
            assert_same((vocabulary, stream), encode([line.split() for line in LINES], min_count=2))
        assert not list(parent.iterdir())


def test_stream_within_the_limit_touches_no_file(file: str, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    _, stream = encode(TextReader(file), parent=tmp_path / "work")
    assert type(stream.tokens) is np.ndarray
    with WorkFolder(tmp_path / "work"):
        pass
    assert not list((tmp_path / "work").iterdir())


def failing(sentences: list[Any]) -> Iterator[Any]:
    yield from sentences
    raise RuntimeError("the source broke")


@pytest.mark.parametrize(
    ("corpus", "error"),
    [
        (lambda: failing([["a"] * 99]), RuntimeError),
        (lambda: failing(["a " * 99]), RuntimeError),
        (lambda: [["a"] * 99, 3], TypeError),
    ],
)
def test_temporary_files_are_removed_on_errors(
    corpus: Callable[[], Any], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("w2v.encoding.stream._BLOCK_CHARACTERS", 10)
    with pytest.raises(error):
        encode(corpus(), parent=tmp_path, max_memory=0)
    assert not list(tmp_path.iterdir())


def test_temporary_files_are_removed_when_no_word_is_left(file: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(EmptyVocabularyError):
        encode(TextReader(file), min_count=10**6, max_memory=0, parent=work)
    assert not list(work.iterdir())


def test_temporary_files_are_removed_when_a_file_is_bad(tmp_path: Path) -> None:
    work, bad = tmp_path / "work", tmp_path / "bad.txt"
    work.mkdir()
    bad.write_bytes(b"fine text\n" * 100 + b"\xff\n")
    with pytest.raises(CorpusError, match=r"bad\.txt"):
        encode(TextReader(bad, block_size=64), max_memory=0, workers=2, parent=work)
    assert not list(work.iterdir())


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([3], "not int"),
        ([None], r"text 1 is missing \(None\)"),
        ([b"bytes"], "not bytes"),
        ([["a"], b"bytes"], "not bytes"),
        ([{"a": 1}], "not dict"),
        ([["a", 1]], "a token must be a str, not int: 1"),
        ([["a", None]], "a token must be a str, not NoneType"),
        (["text", ["a"]], "got list"),
        (["text", 3], "not int"),
    ],
    ids=repr,
)
def test_wrong_types_are_named(corpus: list[Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encode(corpus)


@pytest.mark.parametrize("corpus", [[], [""], ["", " \n\t "], [[]], [[], []], iter([]), ["", ""]])
def test_corpus_without_words_is_refused(corpus: Any) -> None:
    with pytest.raises(EmptyVocabularyError, match="the corpus has no words: check the input and the tokenizer"):
        encode(corpus)


def test_rare_words_are_refused_with_the_figures() -> None:
    with pytest.raises(EmptyVocabularyError) as caught:
        encode(["a b a c"] * 2, min_count=5)
    assert str(caught.value) == (
        "no word occurs 5 times (min_count): the most frequent of 3 words occurs 4 times; "
        "give more text or a smaller min_count"
    )


def test_words_that_occur_min_count_times_are_kept() -> None:
    assert list(encode(["a b a c b a"], min_count=2)[0]) == ["a", "b"]


@pytest.mark.parametrize("as_tokens", [True, False])
def test_ties_at_max_vocab_go_to_the_word_seen_first(as_tokens: bool) -> None:
    sentence = "d c b a e e a b c d f"
    corpus = [sentence.split()] if as_tokens else [sentence]
    vocabulary, stream = encode(corpus, max_vocab=3)
    assert list(vocabulary) == ["d", "c", "b"]
    assert stream.tokens.tolist() == [0, 1, 2, 2, 1, 0]
    assert stream.n_words == 11
    assert list(encode(corpus, max_vocab=99)[0]) == ["d", "c", "b", "a", "e", "f"]


def test_progress_reports_bytes_up_to_all_of_them(file: str) -> None:
    for tokenizer in (WhitespaceTokenizer(), CallableTokenizer(str.split)):
        seen: list[tuple[int, int | None]] = []
        encode(
            TextReader(file, block_size=1000),
            tokenizer,
            progress=lambda done, size, seen=seen: seen.append((done, size)),
        )
        sizes = [done for done, _ in seen]
        assert sizes == sorted(sizes) and {size for _, size in seen} == {len(TEXT.encode())}
    assert sizes[-1] <= len(TEXT.encode())


def stream_of(lengths: list[int]) -> TokenStream:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TokenStream(np.zeros(offsets[-1], np.int32), offsets, int(offsets[-1]))


@steady
@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 50))
def test_split_covers_the_stream_and_prefers_sentence_starts(lengths: list[int], n_tokens: int) -> None:
    stream = stream_of(lengths)
    borders = stream.split(n_tokens)
    assert borders[0] == 0 and borders[-1] == len(stream) and borders.dtype == np.int64
    assert np.all(np.diff(borders) > 0)
    assert np.all(np.diff(borders) < 3 * n_tokens)
    starts = set(stream.offsets.tolist())
    for border in borders[1:-1].tolist():
        sentence = int(np.searchsorted(stream.offsets, border, side="right")) - 1
        assert border in starts or lengths[sentence] > n_tokens


def test_split_is_even_for_short_sentences() -> None:
    assert stream_of([10] * 100).split(200).tolist() == [0, 200, 400, 600, 800, 1000]
    assert stream_of([1000]).split(300).tolist() == [0, 300, 600, 900, 1000]
    assert stream_of([7]).split(300).tolist() == [0, 7]


def test_run_threads_raises_the_first_failure() -> None:
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        if worker == 1:
            failures.append(RuntimeError("worker 1"))

    with pytest.raises(RuntimeError, match="worker 1"):
        run_threads(work, 3, failures)


def test_default_memory_is_a_share_of_the_machines() -> None:
    assert 1 << 27 < default_max_memory() < 1 << 45


def test_no_thread_goes_on_after_an_interrupt_however_early_it_comes() -> None:
    running: set[int] = set()

    def work(worker: int) -> None:
        running.add(worker)
        if worker == 0:
            _thread.interrupt_main()
        while not failures:
            time.sleep(0.001)
        time.sleep(0.02)
        running.discard(worker)

    for _ in range(20):
        failures: list[BaseException] = []
        with pytest.raises(KeyboardInterrupt):
            run_threads(work, 3, failures)
        assert not running
