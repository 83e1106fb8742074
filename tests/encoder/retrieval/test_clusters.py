"""Clusters of sentences: planted topics are found, named and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings, Vocabulary
from w2v.encoder.retrieval import SentenceIndex, Topics, cluster_sentences, mine_duplicates
from w2v.encoder.retrieval.mining.centroids import assign, fit_centroids
from w2v.encoder.retrieval.mining.clusters import cluster_index
from w2v.vectors.table import VectorTable

TOPICS = {
    "sea": ["ship", "sail", "wave", "harbour", "anchor"],
    "food": ["bread", "butter", "cheese", "oven", "soup"],
    "music": ["violin", "song", "choir", "melody", "drum"],
}


@pytest.fixture(scope="module")
def words() -> Embeddings:
    """Return words around the centres of three topics, and "the", which is in all sentences."""
    rng = np.random.default_rng(11)
    names, rows = ["the"], [rng.normal(size=20)]
    for topic in TOPICS.values():
        centre = rng.normal(size=20)
        names += topic
        rows += [centre + 0.3 * rng.normal(size=20) for _ in topic]
    counts = np.array([9000] + [100] * 15)
    return Embeddings(Vocabulary(names, counts), np.array(rows, np.float32))


@pytest.fixture(scope="module")
def planted() -> tuple[list[str], list[str]]:
    """Return sentences and their topics: many of the sea, fewer of food, few of music."""
    rng = np.random.default_rng(12)
    topics = rng.permutation(["sea"] * 300 + ["food"] * 200 + ["music"] * 100).tolist()
    return [" ".join(["the", *rng.choice(TOPICS[topic], 3)]) for topic in topics], topics


@pytest.fixture(scope="module")
def index(
    words: Embeddings, planted: tuple[list[str], list[str]], tmp_path_factory: pytest.TempPathFactory
) -> SentenceIndex:
    return SentenceIndex.build(words, planted[0], tmp_path_factory.mktemp("clusters") / "my.index")


@pytest.mark.parametrize("value", ["3", 2.5])
def test_numbers_of_clusters_topics_and_words_are_whole(value: Any) -> None:
    texts, encoder = ["the river", "a river", "naïve x"], make_embeddings()
    with pytest.raises(TypeError, match=f"n_clusters must be a whole number, not {value!r}"):
        cluster_sentences(texts, encoder, n_clusters=value)
    with pytest.raises(TypeError, match=f"n_words must be a whole number, not {value!r}"):
        cluster_sentences(texts, encoder, n_words=value)
    with pytest.raises(ValueError, match=f"n_clusters must be a whole number of at least 1, not {value!r}"):
        Topics(encoder=encoder, n_clusters=value).fit(texts)
    topics = Topics(encoder=encoder, n_clusters=2).fit(texts)
    with pytest.raises(TypeError, match=f"n_topics must be a whole number, not {value!r}"):
        topics.merged(value)
    with pytest.raises((TypeError, ValueError), match="bins must be"):
        topics.over_time([2001, 2002, 2003], bins=value)
    with pytest.raises(ValueError, match=f"the threshold must be above 0 and at most 1, not {value!r}"):
        list(mine_duplicates(texts, encoder, threshold=value))


def test_cluster_finds_and_names_planted_topics(
    index: SentenceIndex, words: Embeddings, planted: tuple[list[str], list[str]]
) -> None:
    found = cluster_sentences(planted[0], words, n_clusters=3, n_words=5)
    assert repr(found) == "Clustering(3 clusters of 600 sentences)"
    assert [(one.number, one.size) for one in found.clusters] == [(1, 300), (2, 200), (3, 100)]
    for one, topic in zip(found.clusters, TOPICS, strict=True):
        assert set(one.words) == set(TOPICS[topic])  # "the" tells nothing
        assert 0.5 < one.similarity <= 1
        assert len({place.sentence for place in one.typical}) == 5
        assert all(planted[1][place.line - 1] == topic for place in one.typical)
    assert [list(TOPICS)[label - 1] for label in found.labels] == planted[1]
    again = cluster_index(index, n_clusters=3)
    np.testing.assert_array_equal(again.labels, found.labels)


def test_cluster_members_are_all_sentences_in_their_order(
    index: SentenceIndex, planted: tuple[list[str], list[str]]
) -> None:
    found = cluster_index(index, n_clusters=4)
    members = list(found.members(index))
    assert [member.place.sentence for member in members] == planted[0]
    assert [member.place.line for member in members] == list(range(1, 601))
    cosines = [
        float(index.table.rows(np.array([row]))[0] @ found.centroids[m.cluster - 1]) for row, m in enumerate(members)
    ]
    np.testing.assert_allclose([member.similarity for member in members], cosines, atol=2e-3)
    every = np.array([index.table.rows(np.array([row]))[0] @ found.centroids.T for row in range(600)])
    np.testing.assert_allclose(cosines, every.max(axis=1), atol=1e-6)


def test_cluster_number_has_a_default_and_limits(index: SentenceIndex, words: Embeddings) -> None:
    assert len(cluster_index(index)) == 17
    assert len(cluster_index(index, n_clusters=1)) == 1
    for n_clusters in (0, 601):
        with pytest.raises(ValueError, match=f"600 sentences can form 1 to 600 clusters, not {n_clusters}"):
            cluster_index(index, n_clusters=n_clusters)
    few = cluster_sentences(["the ship", "the ship", "the soup"], words, n_clusters=3)
    assert sum(one.size for one in few.clusters) == 3 and all(one.size for one in few.clusters)
    with pytest.raises(ValueError, match="give a model, word vectors or a sentence encoder"):
        cluster_sentences(["the ship"])


def test_clusters_are_the_same_for_the_same_seed(index: SentenceIndex) -> None:
    first, second = (cluster_index(index, n_clusters=12, seed=5) for _ in range(2))
    assert first.clusters == second.clusters
    assert not np.array_equal(cluster_index(index, n_clusters=12, seed=6).labels, first.labels)


def test_cluster_shows_the_sentences_nearest_to_its_centre(index: SentenceIndex) -> None:
    found = cluster_index(index, n_clusters=3, n_words=0)
    for one in found.clusters:
        own = np.flatnonzero(found.labels == one.number).tolist()
        nearest = np.sort(found.similarities[own])[::-1]
        shown = [found.similarities[place.line - 1] for place in one.typical]
        assert shown == sorted(shown, reverse=True) and shown[0] == nearest[0]
        others = {index[row] for row in own} - {place.sentence for place in one.typical}
        assert not [row for row in own if index[row] in others and found.similarities[row] > shown[-1]]


def test_cluster_shows_short_sentences_before_long_ones(words: Embeddings, tmp_path: Path) -> None:
    sentences = ["the " * 60 + " ".join(TOPICS["sea"]), "ship sail wave", "anchor"]
    index = SentenceIndex.build(words, sentences, tmp_path / "my.index")
    [one] = cluster_index(index, n_clusters=1).clusters
    assert [place.line for place in one.typical][-1] == 1


def test_cluster_shows_sentences_with_telling_words_first(words: Embeddings, tmp_path: Path) -> None:
    sentences = ["ship the", "ship the", "the sail", "sail ship", "bread soup the", "oven the soup"]
    index = SentenceIndex.build(words, sentences, tmp_path / "my.index")
    [sea, _] = cluster_index(index, n_clusters=2, n_words=2).clusters
    assert sorted(sea.words) == ["sail", "ship"] and sea.typical[0].sentence == "sail ship"


def test_cluster_reports_progress(index: SentenceIndex) -> None:
    told: list[tuple[str, int, int | None]] = []
    cluster_index(index, n_clusters=3, progress=lambda *state: told.append(state))
    assert {what for what, _, _ in told} == {"clustering", "naming"} and told[-1] == ("naming", 600, 600)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from w2v.encoder.retrieval.keywords import terms
    from w2v.encoder.retrieval.mining import centroids

    monkeypatch.setattr(centroids, "_BLOCK_ROWS", 70)
    monkeypatch.setattr(terms, "_BLOCK_TEXTS", 70)
    yield


def test_cluster_does_not_depend_on_the_size_of_blocks(index: SentenceIndex, request: pytest.FixtureRequest) -> None:
    whole = cluster_index(index, n_clusters=3)
    request.getfixturevalue("small_blocks")
    assert cluster_index(index, n_clusters=3).clusters == whole.clusters


def test_assign_returns_the_nearest_centres(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(50, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    table = VectorTable(rows, are_units=True)
    centroids = fit_centroids(table, 9, n_batches=5)
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-6)
    [(block, labels, scores)] = assign(table, centroids, 3)
    assert (block.start, block.stop) == (0, 50)
    products = rows @ centroids.T
    np.testing.assert_array_equal(np.sort(labels, axis=1), np.sort(np.argsort(-products, axis=1)[:, :3], axis=1))
    np.testing.assert_allclose(scores, np.take_along_axis(products, labels, axis=1), atol=1e-6)
