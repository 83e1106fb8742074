"""Searches by words, and by words and vectors: BM25 by its formula, one order of both, what is kept in the folder."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.bert_folders import make_arrays, write_bert, write_cross_encoder
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import CrossEncoder, Hit, SentenceIndex
from w2v.encoder.retrieval.hybrid.fusion import VECTORS, fuse
from w2v.encoder.retrieval.hybrid.searching import WordsNotKeptWarning
from w2v.encoder.retrieval.hybrid.words import K1, B, WordIndex

SENTENCES = [
    "The river!", "a river, a RIVER, the xj-900", "don't 42", "naïve river of XJ-900", "日本 x", "the river!",
    "42 x 42", "don't", "a straße", "a river",
]  # fmt: skip
QUERIES = ["the river", "XJ-900 in 日本", "river river 42", "x", "unheard of don't"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SentenceIndex:
    pytest.importorskip("bm25s")
    return SentenceIndex.build(make_embeddings(), SENTENCES, tmp_path_factory.mktemp("hybrid") / "my.index")


@pytest.fixture
def own(built: SentenceIndex, tmp_path: Path) -> SentenceIndex:
    """Return an index that a test may change."""
    return SentenceIndex.build(make_embeddings(), SENTENCES, tmp_path / "my.index")


def bm25(query: str, sentence: str) -> float:
    """Return the score of a sentence by the formula, in float64."""
    words = [WordsTokenizer()(text) for text in SENTENCES]
    mean = sum(map(len, words)) / len(words)
    its = WordsTokenizer()(sentence)
    total = 0.0
    for word in WordsTokenizer()(query):
        n, f = sum(word in text for text in words), its.count(word)
        idf = math.log(1 + (len(words) - n + 0.5) / (n + 0.5))
        total += idf * f / (f + K1 * (1 - B + B * len(its) / mean))
    return total


def scores(hits: list[Hit], name: str) -> np.ndarray:
    return np.array([getattr(hit, name) for hit in hits], np.float64)


def cosine(query: str, sentence: str) -> float:
    first, second = SentenceEncoder(make_embeddings()).encode([query, sentence]).astype(np.float64)
    return float(first @ second)


@pytest.mark.parametrize("query", QUERIES)
def test_words_are_scored_by_the_formula(built: SentenceIndex, query: str) -> None:
    expected = [bm25(query, sentence) for sentence in SENTENCES]
    assert max(expected) > 0.1
    np.testing.assert_allclose(built.build_words().scores(query), expected, rtol=1e-5)
    hits = built.search(query, by="words", top_n=20)
    order = sorted((i for i in range(len(SENTENCES)) if expected[i] > 0), key=lambda i: (-np.float32(expected[i]), i))
    assert [hit.line - 1 for hit in hits] == order
    np.testing.assert_allclose(scores(hits, "bm25"), [expected[i] for i in order], rtol=1e-5)
    np.testing.assert_allclose(
        [hit.similarity for hit in hits], [cosine(query, hit.sentence) for hit in hits], atol=1e-3
    )
    assert all(hit.fused is None and hit.reranked is None for hit in hits)


@pytest.mark.parametrize("query", QUERIES)
def test_both_is_the_weighted_sum_of_both_scores_of_all_sentences(built: SentenceIndex, query: str) -> None:
    hits = built.search(query, by="both", top_n=20)
    found = {sentence: (1 + cosine(query, sentence), bm25(query, sentence)) for sentence in SENTENCES}
    highest = [max(column) for column in zip(*found.values(), strict=True)]
    fused = {
        sentence: VECTORS * near / highest[0] + (1 - VECTORS) * words / highest[1]
        for sentence, (near, words) in found.items()
    }
    assert {hit.sentence for hit in hits} == set(SENTENCES)
    np.testing.assert_allclose(scores(hits, "fused"), sorted(fused.values(), reverse=True), atol=1e-3)
    np.testing.assert_allclose(scores(hits, "fused"), [fused[hit.sentence] for hit in hits], atol=1e-3)
    assert built.search([query], by="both", top_n=3) == [hits[:3]]


def test_fusing_ranks_equal_scores_by_the_cosine_then_as_they_came() -> None:
    hits = [Hit(name, near, 1, "", bm25=words) for name, near, words in (
        ("a", 0.5, 0.0), ("b", 0.25, 2.0), ("c", 0.5, 0.0), ("d", 1.0, 0.0), ("e", 1.0, 0.0),
    )]  # fmt: skip
    assert [hit.sentence for hit in fuse(hits)] == ["d", "e", "b", "a", "c"]
    even = [Hit("a", -1.0, 1, "", bm25=(VECTORS / (1 - VECTORS))), Hit("b", 1.0, 1, "", bm25=0.0)]
    assert [hit.fused for hit in fuse(even)] == pytest.approx([VECTORS, 1 - VECTORS])
    tied = fuse([Hit("a", 0.5, 1, "", bm25=1.0), Hit("b", 1.0, 1, "", bm25=0.0)])
    assert [(hit.sentence, hit.fused) for hit in tied] == [("b", 0.8), ("a", 0.8)]
    assert fuse([]) == [] and [hit.fused for hit in fuse([Hit("a", -1.0, 1, "", bm25=0.0)])] == [0.0]


def test_equal_sentences_come_once_and_equal_scores_in_their_order(tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    sentences = [*["the river"] * 60, "a river", "x river", "42 river"]
    index = SentenceIndex.build(make_embeddings(), sentences, tmp_path / "my.index")
    hits = index.search("river", by="words", top_n=3)
    assert [(hit.sentence, hit.line) for hit in hits] == [("the river", 1), ("a river", 61), ("x river", 62)]
    assert len({hit.bm25 for hit in hits}) == 1
    assert {hit.sentence for hit in index.search("river", by="both", candidates=4, top_n=4)} == set(sentences)


def test_candidates_say_how_many_of_each_way_are_looked_at(built: SentenceIndex) -> None:
    [nearest] = built.search("42 x", top_n=1)
    [best] = built.search("42 x", by="words", top_n=1)
    found = built.search("42 x", by="both", top_n=1, candidates=1)
    assert found[0].sentence in (nearest.sentence, best.sentence) and found[0].fused is not None


def test_a_choice_of_sentences_holds_for_words_too(built: SentenceIndex) -> None:
    chosen = [sentence.startswith("a") for sentence in SENTENCES]
    for by in ("words", "both"):
        hits = built.search("the river", by=by, where=chosen)
        assert hits and {hit.sentence for hit in hits} <= {s for s in SENTENCES if s.startswith("a")}
    assert built.search("XJ", by="words", where=[False] * len(SENTENCES)) == []


def test_the_words_are_kept_until_sentences_are_added(own: SentenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, ...]] = []
    expected = own.search("XJ", by="both", progress=lambda *at: told.append(at))
    assert told[-1] == ("indexing words", 4 * len(SENTENCES), 4 * len(SENTENCES))
    files = {file.suffix for file in own.part_folder("words").iterdir()}
    assert files == {".npy", ".json"}
    with monkeypatch.context() as patch:
        patch.setattr(WordIndex, "build", None)
        assert SentenceIndex(own.path).search("XJ", by="both") == expected
    own.add(["the unheard"])
    assert [hit.line for hit in own.search("unheard", by="words")] == [len(SENTENCES) + 1]
    assert len(SentenceIndex(own.path).build_words()) == len(SENTENCES) + 1


def test_removed_sentences_are_found_no_more(tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    index = SentenceIndex.build(make_embeddings(), SENTENCES, tmp_path / "my.index", ids=list(range(len(SENTENCES))))
    assert [hit.id for hit in index.search("XJ", by="words")] == [3, 1]
    index.remove([3, 0])
    for by in ("words", "both"):
        assert not {3, 0} & {hit.id for hit in index.search("the XJ", by=by, top_n=20)}
    assert [hit.id for hit in index.search("XJ", by="words", where="id != 5")] == [1]
    index.replace([1, 2], ["the xj of a river", "don't"])
    index.compact()  # to as many rows as there were when words were indexed first, but others
    index.add(["42 x", "x 42"], ids=[20, 21])
    assert len(index) == len(SENTENCES)
    assert [hit.id for hit in index.search("XJ", by="words")] == [1]
    assert {hit.id for hit in index.search("42", by="words")} == {6, 20, 21}


def test_words_of_other_sentences_are_not_taken(own: SentenceIndex, tmp_path: Path) -> None:
    own.build_words()
    other = SentenceIndex.build(make_embeddings(), ["the"] * len(SENTENCES), tmp_path / "other.index")
    own.part_folder("words").parent.rename(other.part_folder("words").parent)
    assert other.search(["XJ"], by="words") == [[]] and other.search("the", by="words")


def test_several_folders_are_searched_by_words_as_one(tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    paths = [tmp_path / "a.index", tmp_path / "b.index"]
    for path, sentences in zip(paths, (SENTENCES[:5], SENTENCES[5:]), strict=True):
        SentenceIndex.build(make_embeddings(), sentences, path)
    index = SentenceIndex.open(paths)
    hits = index.search("XJ 42", by="words", top_n=20)
    assert {(hit.shard, hit.line) for hit in hits} == {(str(paths[0]), line) for line in (2, 3, 4)} | {
        (str(paths[1]), 2)
    }
    assert [hit.bm25 for hit in hits] == sorted((hit.bm25 or 0 for hit in hits), reverse=True)
    found = index.search("the river", by="both", top_n=20)
    assert {hit.sentence for hit in found} == set(SENTENCES) and len(found) == len(set(SENTENCES))
    assert [hit.fused for hit in found] == sorted((hit.fused or 0 for hit in found), reverse=True)
    with pytest.raises(ValueError, match="no word of the query 'unheard' is in the index"):
        index.search("unheard", by="words")


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def with_rows_elsewhere(file: Path) -> None:
    array = np.load(file)
    array[-1] = len(SENTENCES)
    np.save(file, array)


def pickled(file: Path) -> None:
    np.save(file, np.array([{}, []], object), allow_pickle=True)


def renumbered(file: Path) -> None:
    vocabulary = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(dict.fromkeys(vocabulary, 10**6)), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("data.csc.index.npy", truncated),
        ("data.csc.index.npy", pickled),
        ("indices.csc.index.npy", with_rows_elsewhere),
        ("indptr.csc.index.npy", Path.unlink),
        ("vocab.index.json", renumbered),
        ("vocab.index.json", truncated),
        ("params.index.json", truncated),
        ("words.json", truncated),
    ],
)
def test_words_that_are_damaged_are_indexed_again(own: SentenceIndex, name: str, damage: Any) -> None:
    expected = own.search("the river XJ", by="words")
    damage(own.part_folder("words") / name)
    assert SentenceIndex(own.path).search("the river XJ", by="words") == expected


def test_words_that_cannot_be_kept_are_searched_all_the_same(own: SentenceIndex) -> None:
    own.part_folder("words").parent.write_text("in the way", encoding="utf-8")
    with pytest.warns(WordsNotKeptWarning, match=rf"cannot be saved in {own.path}.*the next search.*again") as told:
        hits = own.search("XJ", by="words")
    assert "Errno" not in str(told[0].message)
    assert [hit.line for hit in hits] == [4, 2]


def test_pieces_of_words_count_without_those_around_a_text(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("bm25s")
    pytest.importorskip("tokenizers")
    folder = write_bert(tmp_path / "bert", make_arrays(rng))
    index = SentenceIndex.build(
        SentenceEncoder(folder), ["the rivers", "the " * 30 + "日本", "☃"], tmp_path / "my.index"
    )
    words = index.build_words()
    assert [words.knows(text) for text in ("riverside rivers", "[CLS]", "☃", "日")] == [True, False, False, True]
    np.testing.assert_array_equal(words.scores("日") > 0, [False, True, False])  # behind what the network reads


def test_nothing_is_found_by_words_where_there_are_none(tmp_path: Path, rng: np.random.Generator) -> None:
    pytest.importorskip("bm25s")
    pytest.importorskip("tokenizers")
    folder = write_bert(tmp_path / "bert", make_arrays(rng))
    index = SentenceIndex.build(SentenceEncoder(folder), ["☃", "☃ ☃"], tmp_path / "my.index")
    assert index.search(["☃", "the"], by="words") == [[], []]
    with pytest.raises(ValueError, match="no word of the query 'the' is in the index"):  # though the encoder knows it
        index.search("the", by="words")
    assert len(index.search("the", by="both")) == 2


def test_bad_queries_are_one_sentence(built: SentenceIndex) -> None:
    for query, by, message in (
        ("unheard", "words", "no word of the query 'unheard' is in the index"),
        ("", "words", "no word of the query '' is in the index"),
        ("unheard", "both", "no word of the query 'unheard' is known to the encoder or in the index"),
        ("the", "meaning", "by must be one of vectors, words, both, not 'meaning'"),
    ):
        with pytest.raises(ValueError, match=message):
            built.search(query, by=by)  # type: ignore[call-overload]
    assert built.search(["unheard", "", "XJ"], by="words", top_n=1)[:2] == [[], []]
    [hit] = built.search("XJ", by="both", top_n=1)  # which the encoder does not know
    assert (hit.sentence, hit.similarity) == (SENTENCES[3], 0)
    limits: list[dict[str, Any]] = [{"top_n": 0}, {"candidates": 0}]
    for options in limits:
        with pytest.raises(ValueError, match=f"{next(iter(options))} must be at least 1, not 0"):
            built.search("the", by="both", **options)


def test_without_the_library_the_extra_is_named(own: SentenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(ImportError, match=r"bm25s: pip install 'w2v-toolkit\[search\]'"):
        own.search("the", by="both")
    assert own.search("the")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrossEncoder]:
    pytest.importorskip("tokenizers")
    yield CrossEncoder(write_cross_encoder(tmp_path_factory.mktemp("cross") / "cross", np.random.default_rng(5)))


@pytest.mark.parametrize("by", ["vectors", "words", "both"])
def test_reranking_orders_the_candidates_by_their_scores(built: SentenceIndex, model: CrossEncoder, by: Any) -> None:
    queries = ["the river", "unheard", "42 x"]
    before = built.search(queries, by=by, top_n=4)
    told: list[tuple[Any, ...]] = []
    found = built.search(queries, by=by, top_n=2, rerank=model, candidates=4, progress=lambda *at: told.append(at))
    assert found[1] == [] and len(found[0]) == len(found[2]) == 2 and told[-1][0] == "reranking"
    for query, hits, candidates in zip(queries, found, before, strict=True):
        scores = model.predict([(query, hit.sentence) for hit in candidates]).tolist()
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:2]
        assert hits == [candidates[i]._replace(reranked=scores[i]) for i in order]
