"""Encoders and word vectors in scikit-learn's pipelines and searches: what is trained, and what is left as it is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from w2v import Embeddings, Word2Vec
from w2v.encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoding.stream import EmptyVocabularyError

WATER = ["river", "sea", "ship", "fish", "lake"]
METAL = ["gold", "silver", "brass", "iron", "crown"]
PER_LABEL = 30


@pytest.fixture
def texts(rng: np.random.Generator) -> list[str]:
    """Return texts about water and, every other one, about metal."""
    return [" ".join(rng.choice(words, 6)) for _ in range(PER_LABEL) for words in (WATER, METAL)]


@pytest.fixture
def labels() -> list[str]:
    return ["water", "metal"] * PER_LABEL


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    """Return vectors in which the two topics lie apart."""
    vectors = np.repeat(np.eye(2, 6), 5, axis=0) + 0.2 * rng.standard_normal((10, 6))
    return Embeddings([*WATER, *METAL], vectors)


def make_word2vec(**options: Any) -> Word2Vec:
    return Word2Vec(vector_size=8, min_count=1, epochs=2, workers=1, random_state=1, **options)


def test_pipeline_learns_from_labels_and_leaves_the_encoder_alone(
    embeddings: Embeddings, texts: list[str], labels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("w2v.encoder.sentence_encoder.train", lambda *_, **__: pytest.fail("the encoder was trained"))
    pipeline = make_pipeline(SentenceEncoder(embeddings), LogisticRegression()).fit(texts, labels)
    assert pipeline.predict(["a ship at sea", "a crown of gold"]).tolist() == ["water", "metal"]
    before = SentenceEncoder(embeddings).encode(texts)
    np.testing.assert_array_equal(pipeline[:1].transform(texts), before)


def test_fit_trains_without_labels_unless_frozen(embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[bool | None] = []

    def record(*_: Any, keep: Any, **__: Any) -> None:
        trained.append(keep.__self__.frozen)

    monkeypatch.setattr("w2v.encoder.sentence_encoder.train", record)
    SentenceEncoder(embeddings).fit(["a b"])
    SentenceEncoder(embeddings, frozen=False).fit(["a b"], [1])
    assert trained == [None, False]
    SentenceEncoder(embeddings, frozen=True).fit(["a b"])
    SentenceEncoder(embeddings).fit(["a b"], [1])
    assert len(trained) == 2


def test_fit_of_a_loaded_encoder_with_labels_keeps_what_it_learned(
    embeddings: Embeddings, texts: list[str], labels: list[str], tmp_path: Path
) -> None:
    SentenceEncoder(embeddings, a=0.1).save(tmp_path / "my.encoder")
    loaded = SentenceEncoder.load(tmp_path / "my.encoder")
    pipeline = clone(make_pipeline(loaded, LogisticRegression())).fit(texts, labels)
    np.testing.assert_array_equal(pipeline[:1].transform(texts), loaded.encode(texts))


def test_grid_search_tries_parameters_of_the_encoder(
    embeddings: Embeddings, texts: list[str], labels: list[str], tmp_path: Path
) -> None:
    embeddings.save(tmp_path / "words.model")
    noise = Embeddings(embeddings.vocabulary, np.random.default_rng(0).standard_normal((10, 6)) * 0 + 1)
    pipeline = Pipeline([("encoder", SentenceEncoder()), ("classifier", LogisticRegression())])
    grid = {"encoder__embeddings": [noise, str(tmp_path / "words.model")], "encoder__a": [np.inf, 1e-3]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(texts, labels)
    assert search.best_params_["encoder__embeddings"] == str(tmp_path / "words.model")
    assert search.best_score_ == 1
    assert len(search.cv_results_["params"]) == 4


def test_grid_search_trains_word_vectors_with_each_setting(texts: list[str], labels: list[str]) -> None:
    pipeline = make_pipeline(SentenceEncoder(make_word2vec()), LogisticRegression())
    search = GridSearchCV(pipeline, {"sentenceencoder__embeddings__vector_size": [4, 6]}, cv=2).fit(texts, labels)
    best = search.best_estimator_[0]
    assert best.dimension == search.best_params_["sentenceencoder__embeddings__vector_size"]
    assert search.predict(["ship sea river", "gold brass iron"]).tolist() == ["water", "metal"]


def test_word2vec_is_trained_on_the_texts_of_fit_only(texts: list[str], labels: list[str]) -> None:
    words = make_word2vec()
    encoder = SentenceEncoder(words).fit(texts[::2], labels[::2])
    assert set(encoder.state_.vocabulary) == set(WATER)
    assert not hasattr(words, "embeddings_")
    expected = make_word2vec().fit(texts[::2]).embeddings_
    np.testing.assert_array_equal(encoder.encode(texts), SentenceEncoder(expected).encode(texts))


def test_word2vec_to_start_from_must_be_trained_first(texts: list[str]) -> None:
    encoder = SentenceEncoder(make_word2vec())
    with pytest.raises(NotFittedError, match="call its fit with the texts first"):
        encoder.encode(texts)
    fitted = make_word2vec().fit(texts)
    np.testing.assert_array_equal(
        SentenceEncoder(fitted).encode(texts), SentenceEncoder(fitted.embeddings_).encode(texts)
    )


def test_word2vec_without_a_frequent_word_says_so(labels: list[str]) -> None:
    with pytest.raises(EmptyVocabularyError):
        SentenceEncoder(Word2Vec(min_count=100)).fit(["a b", "c d"], labels[:2])


def test_word2vec_and_the_encoder_are_trained_on_an_iterable_once_each() -> None:
    lines = ["the river runs to the sea and the ship sails on. The fish swims in the lake by the sea."] * 40
    encoder = SentenceEncoder(make_word2vec(), training=FitOptions(steps=2, batch_size=8)).fit(line for line in lines)
    assert encoder.history_[-1]["step"] == 2


def test_clone_copies_parameters_but_not_vectors(embeddings: Embeddings) -> None:
    encoder = SentenceEncoder(embeddings, a=0.5, truncate_dim=3)
    again = clone(encoder)
    assert again.embeddings is embeddings
    assert (again.a, again.truncate_dim) == (0.5, 3)
    nested = clone(SentenceEncoder(make_word2vec()))
    nested.set_params(embeddings__window=3)
    assert nested.embeddings.window == 3


def test_set_params_changes_the_vectors(embeddings: Embeddings, texts: list[str]) -> None:
    encoder = SentenceEncoder(embeddings)
    before = encoder.encode(texts)
    encoder.set_params(a=np.inf, truncate_dim=2)
    assert encoder.encode(texts).shape == (len(texts), 2)
    encoder.set_params(a=SentenceEncoder(embeddings).a, truncate_dim=None)
    np.testing.assert_array_equal(encoder.encode(texts), before)


@pytest.mark.parametrize("container", [list, tuple, np.array, lambda texts: np.array(texts, dtype=object)])
def test_texts_come_in_any_container(
    container: Any, embeddings: Embeddings, texts: list[str], labels: list[str]
) -> None:
    for start in (embeddings, make_word2vec()):
        pipeline = make_pipeline(SentenceEncoder(start), LogisticRegression())
        assert pipeline.fit(container(texts), labels).score(container(texts), labels) == 1


def test_pipelines_go_to_other_processes(embeddings: Embeddings, texts: list[str], labels: list[str]) -> None:
    pipeline = make_pipeline(SentenceEncoder(embeddings), LogisticRegression()).fit(texts, labels)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(texts), pipeline.predict_proba(texts))


def test_encoders_stand_side_by_side(embeddings: Embeddings, texts: list[str], labels: list[str]) -> None:
    features = make_union(SentenceEncoder(embeddings), SentenceEncoder(embeddings, a=np.inf, truncate_dim=2))
    pipeline = make_pipeline(features, LogisticRegression())
    assert (cross_val_predict(pipeline, texts, labels, cv=3) == labels).all()
    names = features.fit(texts, labels).get_feature_names_out()
    assert len(names) == 8
    assert names[0] == "sentenceencoder-1__sentenceencoder0"


def test_clusters_are_the_topics(embeddings: Embeddings, texts: list[str]) -> None:
    pipeline = make_pipeline(SentenceEncoder(embeddings, frozen=True), KMeans(2, n_init=2, random_state=0))
    found = pipeline.fit_predict(texts)
    assert len(set(found[::2])) == len(set(found[1::2])) == 1
    assert found[0] != found[1]


def test_nearest_neighbors_search_by_meaning(embeddings: Embeddings, texts: list[str]) -> None:
    encoder = SentenceEncoder(embeddings)
    finder = NearestNeighbors(n_neighbors=5, metric="cosine").fit(encoder.encode(texts))
    found = finder.kneighbors(encoder.encode(["gold and silver"]), return_distance=False)
    assert (found % 2 == 1).all()


def test_word2vec_ends_no_pipeline_but_is_an_estimator(texts: list[str]) -> None:
    model = make_word2vec()
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(window=3).window == 3
    assert "sea" in clone(model).fit(texts).embeddings_


PARAGRAPHS = ["The river sea ship fish lake. A ship fish lake river sea. Sea river lake ship fish."] * 20
FEW_STEPS = FitOptions(steps=3, batch_size=8, learning_rate=0.1, workers=1)


@pytest.mark.parametrize("start", ["fitted", "loaded", "path"])
@pytest.mark.parametrize("has_labels", [False, True])
def test_trained_encoder_stays_as_it_is_in_pipelines_and_their_clones(
    start: str, has_labels: bool, embeddings: Embeddings, texts: list[str], labels: list[str], tmp_path: Path
) -> None:
    encoder = SentenceEncoder(embeddings, training=FEW_STEPS).fit(PARAGRAPHS)
    encoder.save(tmp_path / "my.encoder")
    if start != "fitted":
        opened = SentenceEncoder.load if start == "loaded" else SentenceEncoder
        encoder = opened(tmp_path / "my.encoder")
    expected = encoder.encode(texts)
    y = labels if has_labels else None
    for one in (encoder, clone(encoder), pickle.loads(pickle.dumps(encoder))):
        pipeline = make_pipeline(one, KMeans(2, n_init=1, random_state=0))
        for fitted in (pipeline.fit(texts, y), clone(pipeline).fit(texts, y), pipeline.fit(texts, y)):
            np.testing.assert_array_equal(fitted[:1].transform(texts), expected)
    search = GridSearchCV(make_pipeline(encoder, LogisticRegression()), {"logisticregression__C": [1, 2]}, cv=2)
    np.testing.assert_array_equal(search.fit(texts, labels).best_estimator_[:1].transform(texts), expected)


def test_features_do_not_depend_on_labels(embeddings: Embeddings, texts: list[str], labels: list[str]) -> None:
    expected = SentenceEncoder(embeddings).encode(texts)
    for y in (None, labels):
        np.testing.assert_array_equal(SentenceEncoder(embeddings).fit_transform(texts, y), expected)
    words = [SentenceEncoder(make_word2vec()).fit_transform(texts, y) for y in (None, labels)]
    np.testing.assert_array_equal(words[0], words[1])


def test_fit_of_a_trained_encoder_trains_only_when_asked(embeddings: Embeddings, tmp_path: Path) -> None:
    encoder = SentenceEncoder(embeddings, training=FEW_STEPS).fit(PARAGRAPHS)
    encoder.save(tmp_path / "my.encoder")
    before = encoder.encode(WATER)
    np.testing.assert_array_equal(encoder.fit(PARAGRAPHS).encode(WATER), before)  # again, from the start
    changed = clone(encoder).set_params(a=np.inf)
    np.testing.assert_array_equal(changed.fit_transform(WATER), SentenceEncoder(embeddings, a=np.inf).encode(WATER))
    two = FitOptions(steps=2, batch_size=8, workers=1)
    opened = SentenceEncoder(tmp_path / "my.encoder", training=two)
    with pytest.warns(UserWarning, match="does not change it"):
        opened.fit(PARAGRAPHS)
    np.testing.assert_array_equal(opened.encode(WATER), before)
    (tmp_path / "corpus.txt").write_text("\n".join(PARAGRAPHS))
    further = (clone(opened).set_params(frozen=False).fit(PARAGRAPHS), clone(opened).fit(tmp_path / "corpus.txt"))
    assert [one.history_[-1]["step"] for one in (opened, *further)] == [3, 2, 2]
