"""fastText's binary models: written and read here, by fastText itself and by gensim."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats import source
from w2v.formats.fasttext import read_fasttext, write_fasttext
from w2v.formats.word2vec import read_word2vec, write_word2vec
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError
from w2v.vectors.subwords import Subwords, SubwordVectors

WORDS = ["the", "river", "</s>", "日本語", "Straße", "a"]
UNSEEN = ["rivers", "thee", "naïve", "日本", "x" * 30]


def assert_close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def make_embeddings(rng: np.random.Generator, buckets: int = 50, vector_size: int = 5) -> Embeddings:
    subwords = SubwordVectors(Subwords(3, 6, buckets), rng.normal(size=(buckets, vector_size)).astype(np.float32))
    vocabulary = Vocabulary(WORDS, np.arange(len(WORDS), 0, -1))
    vectors = rng.normal(size=(len(WORDS), vector_size)).astype(np.float32)
    return Embeddings(
        vocabulary, vectors, subwords=subwords, metadata={"parameters": {"window": 7, "algorithm": "cbow"}}
    )


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return make_embeddings(rng)


def ngram_vectors(embeddings: Embeddings) -> np.ndarray:
    assert embeddings.subwords is not None
    return embeddings.subwords.ngram_vectors


# round trips


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("block_bytes", [1, 100, 8 << 20])
def test_read_gives_back_what_write_wrote(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, block_bytes: int
) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", block_bytes)
    path = tmp_path / f"m.bin{suffix}"
    write_fasttext(embeddings, path)
    found = read_fasttext(path)
    assert found.index_to_key == WORDS
    assert found.vocabulary.counts is not None and found.vocabulary.counts.tolist() == [6, 5, 4, 3, 2, 1]
    assert_close(found.vectors, embeddings.vectors)
    np.testing.assert_array_equal(ngram_vectors(found), ngram_vectors(embeddings))
    assert found.subwords is not None and found.subwords.subwords == Subwords(3, 6, 50)
    for word in UNSEEN:
        np.testing.assert_array_equal(found[word], embeddings[word])
    assert found.metadata["fasttext"]["ws"] == 7 and found.metadata["fasttext"]["model"] == 1


def test_model_without_ngrams_comes_back_bit_for_bit(embeddings: Embeddings, tmp_path: Path) -> None:
    write_fasttext(Embeddings(WORDS, embeddings.vectors), tmp_path / "m.bin")
    found = read_fasttext(tmp_path / "m.bin")
    assert found.vectors.tobytes() == embeddings.vectors.tobytes()
    assert found.subwords is None and "rivers" not in found


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_limit_reads_the_first_words_and_all_ngrams(embeddings: Embeddings, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    write_fasttext(embeddings, path)
    found = read_fasttext(path, limit=2)
    assert found.index_to_key == WORDS[:2]
    assert_close(found.vectors, embeddings.vectors[:2])
    np.testing.assert_array_equal(found["rivers"], embeddings["rivers"])
    with pytest.raises(ValueError, match="limit"):
        read_fasttext(path, limit=0)


def test_imported_model_is_saved_with_its_ngrams(embeddings: Embeddings, tmp_path: Path) -> None:
    write_fasttext(embeddings, tmp_path / "m.bin")
    read_fasttext(tmp_path / "m.bin").save(tmp_path / "model")
    np.testing.assert_array_equal(Embeddings.load(tmp_path / "model")["rivers"], embeddings["rivers"])


@pytest.mark.parametrize("word", ["", " ", "a b", "a\tb", "a\0b"])
def test_words_with_white_space_are_written_but_none_with_a_zero_byte(
    embeddings: Embeddings, tmp_path: Path, word: str
) -> None:
    given = Embeddings(["ok", word], [[1] * 5, [2] * 5], subwords=embeddings.subwords)
    left_out = [word] * ("\0" in word)
    assert write_fasttext(given, tmp_path / "m.bin") == left_out
    found = read_fasttext(tmp_path / "m.bin")
    assert found.index_to_key == ["ok", word][: 2 - len(left_out)]
    assert_close(found.vectors, given.vectors[: len(found)])


# the other programs


def vector_in(model: Any, word: str) -> np.ndarray:
    """Return fastText's vector of a word; builds of it that return unit vectors are asked for what they are made of."""
    vector: np.ndarray = model.get_word_vector(word)
    if abs(np.linalg.norm(vector) - 1) < 1e-5:
        vector = np.mean([model.get_input_vector(row) for row in model.get_subwords(word)[1]], axis=0)
    return vector


@pytest.fixture(scope="module")
def fasttext() -> Any:
    return pytest.importorskip("fasttext")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("__label__a the river flows __label__b naïve 日本語 river banks\n" * 30, encoding="utf-8")
    return path


@pytest.mark.interop
@pytest.mark.parametrize(
    "settings",
    [
        {"model": "skipgram", "minn": 3, "maxn": 6, "bucket": 500},
        {"model": "cbow", "minn": 1, "maxn": 3, "bucket": 77, "loss": "hs"},
        {"model": "skipgram", "minn": 0, "maxn": 0},
        {"model": "supervised", "minn": 2, "maxn": 4, "bucket": 300},
        {"model": "supervised", "minn": 0, "maxn": 0, "wordNgrams": 2, "bucket": 100},
    ],
)
def test_models_of_fasttext_give_its_vectors_of_seen_and_unseen_words(
    fasttext: Any, corpus: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    common = {**settings, "dim": 9, "epoch": 2, "minCount": 1, "thread": 1, "verbose": 0}
    supervised = common.pop("model") == "supervised"
    train = fasttext.train_supervised if supervised else fasttext.train_unsupervised
    model = train(str(corpus), **common, **({} if supervised else {"model": settings["model"]}))
    model.save_model(str(tmp_path / "m.bin"))
    found = read_fasttext(tmp_path / "m.bin")
    words, counts = model.get_words(include_freq=True)
    assert found.index_to_key == words
    assert found.vocabulary.counts is not None and found.vocabulary.counts.tolist() == counts.tolist()
    for word in words:
        assert_close(found[word], vector_in(model, word))
    for word in UNSEEN if settings["maxn"] else []:
        assert_close(found[word], vector_in(model, word))


@pytest.mark.interop
@pytest.mark.parametrize("with_ngrams", [True, False])
def test_fasttext_opens_what_is_written_here(
    fasttext: Any, embeddings: Embeddings, tmp_path: Path, with_ngrams: bool
) -> None:
    if not with_ngrams:
        embeddings = Embeddings(embeddings.vocabulary, embeddings.vectors)
    write_fasttext(embeddings, tmp_path / "m.bin")
    model = fasttext.load_model(str(tmp_path / "m.bin"))
    assert model.get_words() == WORDS
    for word in WORDS + (UNSEEN if with_ngrams else []):
        assert_close(vector_in(model, word), embeddings[word])
    near = [(word, score) for score, word in model.get_nearest_neighbors("river", k=3)]
    assert [word for word, _ in near] == [word for word, _ in embeddings.neighbors("river", top_n=3)]


@pytest.mark.interop
def test_gensim_opens_what_is_written_here(embeddings: Embeddings, tmp_path: Path) -> None:
    gensim_fasttext = pytest.importorskip("gensim.models.fasttext")
    write_fasttext(embeddings, tmp_path / "m.bin")
    keyed = gensim_fasttext.load_facebook_vectors(str(tmp_path / "m.bin"))
    for word in [word for word in WORDS if word != "</s>"] + UNSEEN:  # gensim cuts the end of a sentence, too
        assert_close(keyed[word], embeddings[word])


@pytest.mark.interop
def test_fasttext_quantised_models_are_refused_with_the_reason(fasttext: Any, corpus: Path, tmp_path: Path) -> None:
    model = fasttext.train_supervised(str(corpus), dim=8, minCount=1, thread=1, verbose=0, minn=2, maxn=3, bucket=900)
    model.quantize(input=str(corpus), retrain=False)
    model.save_model(str(tmp_path / "m.ftz"))
    with pytest.raises(ModelError, match=r"m\.ftz.*(quantised|pruned).*read the \.bin model"):
        read_fasttext(tmp_path / "m.ftz")


@pytest.mark.interop
def test_fasttext_takes_vec_files_as_pretrained_vectors(
    fasttext: Any, corpus: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    words = ["the", "river", "日本語"]
    expected = Embeddings(words, rng.normal(size=(3, 4)).astype(np.float32))
    write_word2vec(expected, tmp_path / "m.vec", binary=False)
    model = fasttext.train_supervised(
        str(corpus), dim=4, pretrainedVectors=str(tmp_path / "m.vec"), lr=0.0, epoch=1, minCount=1, thread=1, verbose=0
    )
    assert_close([vector_in(model, word) for word in words], expected.vectors)
    assert read_word2vec(tmp_path / "m.vec").index_to_key == words


# files that lie, and other damage

HEADER_BYTES = 8 + 56
SIZES = struct.Struct("<3i2q")


def changed(content: bytes, at: int, layout: str, *values: float) -> bytes:
    return content[:at] + struct.pack(layout, *values) + content[at + struct.calcsize(layout) :]


@pytest.fixture
def content(embeddings: Embeddings, tmp_path: Path) -> bytes:
    write_fasttext(embeddings, tmp_path / "good.bin")
    return (tmp_path / "good.bin").read_bytes()


def matrix_at() -> int:
    return HEADER_BYTES + SIZES.size + sum(len(word.encode()) + 10 for word in WORDS)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("at", "layout", "values", "message"),
    [
        (0, "<i", (1,), "does not begin with fastText's magic number"),
        (4, "<i", (99,), "format 99"),
        (8, "<i", (0,), "byte 8: impossible settings: 0 dimensions"),
        (8, "<i", (-5,), "impossible settings"),
        (8, "<i", (6,), "does not fit"),
        (8 + 4 * 8, "<i", (51,), "does not fit 6 words, 51 buckets"),
        (8 + 4 * 8, "<i", (-1,), "impossible settings"),
        (8 + 4 * 10, "<i", (2**31 - 1,), "impossible settings"),
        (HEADER_BYTES, "<3i", (0, 0, 0), "byte 64: promises 0 entries"),
        (HEADER_BYTES, "<3i", (2**31 - 1, 2**31 - 1, 0), "promises 2147483647 entries"),
        (HEADER_BYTES, "<3i", (7, 6, 0), "promises 7 entries, 6 words"),
        (HEADER_BYTES, "<3i", (-1, -1, 0), "promises -1 entries"),
        (HEADER_BYTES, "<3i", (5, 5, 0), "byte 182: a matrix of .* does not fit 5 words|is quantised"),
        (HEADER_BYTES, "<3i", (7, 7, 0), "wrong kind|no end of entry 7|damaged|does not fit"),
        (HEADER_BYTES + 20, "<q", (5,), "pruned"),
        (HEADER_BYTES + SIZES.size + 4, "<q", (-7,), "the word b'the' has a negative count"),
        (HEADER_BYTES + SIZES.size + 12, "<b", (1,), "entry 1 is of the wrong kind"),
        (HEADER_BYTES + SIZES.size, "<3B", (0xE6, 0x97, 0x41), "word 1, .* is not UTF-8; .*errors='replace'"),
        (matrix_at(), "<?", (True,), "is quantised"),
        (matrix_at() + 1, "<q", (2**60,), "does not fit"),
        (matrix_at() + 17, "<f", (np.nan,), "the vector of word 1, b'the', holds NaN"),
        (matrix_at() + 17 + 6 * 20, "<f", (np.inf,), "an n-gram's vector holds NaN"),
        (matrix_at() + 17 + 56 * 20 + 1, "<q", (5,), "the file continues after the model"),
        (matrix_at() + 17 + 56 * 20 + 1, "<q", (-5,), "the output vectors are damaged"),
        (matrix_at() + 17 + 56 * 20 + 1, "<q", (2**60,), "the file ends within its vectors"),
    ],
)
def test_files_that_lie_are_refused(
    content: bytes, tmp_path: Path, at: int, layout: str, values: tuple[Any, ...], message: str, suffix: str
) -> None:
    path = tmp_path / f"bad.bin{suffix}"
    damaged = changed(content, at, layout, *values)
    path.write_bytes(gzip.compress(damaged) if suffix else damaged)
    with pytest.raises(ModelError, match=f"{path.name}.*({message})") as caught:
        read_fasttext(path)
    assert "\n" not in str(caught.value)


def test_every_truncation_is_noticed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    for length in [*range(0, matrix_at() + 40), *range(matrix_at() + 40, len(content), 37), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"cut\.bin"):
            read_fasttext(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(ModelError, match="file continues after"):
        read_fasttext(path)
    path = tmp_path / "cut.bin.gz"
    path.write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(ModelError, match="truncated|damaged"):
        read_fasttext(path)


def test_words_that_are_not_utf8_are_made_of_their_bytes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(content.replace("日本語".encode(), "日本".encode() + b"\xe8xx"))
    found = read_fasttext(path, errors="replace")
    assert found.index_to_key[3] == "日本\ufffdxx"
    assert found.vocabulary.counts is not None and found.vocabulary.counts[3] == 3


def test_repeated_words_are_refused_but_for_those_that_become_the_same(tmp_path: Path) -> None:
    expected = Embeddings(["aa", "ab", "c"], [[1.0], [2.0], [3.0]])
    write_fasttext(expected, tmp_path / "m.bin")
    content = (tmp_path / "m.bin").read_bytes()
    (tmp_path / "m.bin").write_bytes(content.replace(b"ab\0", b"aa\0"))
    with pytest.raises(ModelError, match="'aa' occurs more than once"):
        read_fasttext(tmp_path / "m.bin")
    (tmp_path / "m.bin").write_bytes(content.replace(b"aa\0", b"\xffa\0").replace(b"ab\0", b"\xfea\0"))
    found = read_fasttext(tmp_path / "m.bin", errors="replace")
    assert found.index_to_key == ["\ufffda", "c"]
    assert found.vectors.tolist() == [[1], [3]]
    assert found.metadata["duplicates_dropped"] == 1
