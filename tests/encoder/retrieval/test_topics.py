"""Topics: found, merged, followed over time, saved and opened."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.manifold import SpectralEmbedding
from sklearn.neighbors import kneighbors_graph

from w2v import Embeddings, Vocabulary
from w2v.corpora import CorpusError
from w2v.encoder.retrieval import SentenceIndex, Topics, group_keywords, read_dates
from w2v.encoder.retrieval.topics.dates import as_time, binned
from w2v.encoder.retrieval.topics.grouping import reduced
from w2v.encoder.retrieval.topics.hierarchy import Linkage
from w2v.encoder.retrieval.topics.parts import Parts
from w2v.storage.files import ModelError

WORDS = {
    "sea": ["ship", "sail", "wave", "harbour", "anchor"],
    "food": ["bread", "butter", "cheese", "oven", "soup"],
    "music": ["violin", "song", "choir", "melody", "drum"],
}
ODD = ["zeugma", "quark", "fjord"]


@pytest.fixture(scope="module")
def words() -> Embeddings:
    """Return words around the centres of three topics, "the", which is in all sentences, and words far from all."""
    rng = np.random.default_rng(11)
    names, rows = ["the"], [rng.normal(size=20)]
    for topic in WORDS.values():
        centre = rng.normal(size=20)
        names += topic
        rows += [centre + 0.3 * rng.normal(size=20) for _ in topic]
    names += ODD
    rows += [5 * rng.normal(size=20) for _ in ODD]
    return Embeddings(Vocabulary(names, np.array([9000] + [100] * 18)), np.array(rows, np.float32))


@pytest.fixture(scope="module")
def planted() -> tuple[list[str], list[str]]:
    """Return sentences and their topics: many of the sea, fewer of food, few of music."""
    rng = np.random.default_rng(12)
    topics = rng.permutation(["sea"] * 150 + ["food"] * 100 + ["music"] * 50).tolist()
    return [" ".join(["the", *rng.choice(WORDS[topic], 3)]) for topic in topics], topics


@pytest.fixture(scope="module")
def topics(words: Embeddings, planted: tuple[list[str], list[str]]) -> Topics:
    return Topics(encoder=words, n_clusters=6).fit(planted[0])


def test_topics_are_those_planted(words: Embeddings, planted: tuple[list[str], list[str]]) -> None:
    found = Topics(encoder=words, n_clusters=3, n_words=5).fit(planted[0])
    assert [list(WORDS)[label] for label in found.labels_] == planted[1]
    assert [(row.topic, row.size) for row in found.info()] == [(0, 150), (1, 100), (2, 50)]
    for row, names in zip(found.info(), WORDS.values(), strict=True):
        assert set(row.keywords) == set(names) and row.name == ", ".join(row.keywords[:4])
        assert len(row.representative) == 5 and all(
            set(row.keywords) & set(text.split()) for text in row.representative
        )
    assert found.keywords_ == [words[:5] for words in group_keywords(planted[0], found.labels_)]
    assert found.predict(["ship sail", "the soup", "zzz"]).tolist() == [0, 1, -1]
    assert found.n_outliers_ == 0 and len(found) == 3
    columns = found.info().to_pandas()
    assert list(columns.columns) == ["topic", "size", "name", "keywords", "representative"] and len(columns) == 3


def test_topics_are_the_same_for_the_same_seed(words: Embeddings, planted: tuple[list[str], list[str]]) -> None:
    first, second = (Topics(encoder=words, n_clusters=9, random_state=4).fit(planted[0]) for _ in range(2))
    assert first.info() == second.info() and first.keywords_ == second.keywords_
    np.testing.assert_array_equal(first.labels_, second.labels_)
    other = Topics(encoder=words, n_clusters=9, random_state=5).fit_predict(planted[0])
    assert not np.array_equal(other, first.labels_)


def test_hdbscan_leaves_outliers(words: Embeddings, planted: tuple[list[str], list[str]], tmp_path: Path) -> None:
    texts = [*planted[0], *ODD, "zzz"]
    found = Topics(encoder=words, method="hdbscan", min_size=10, reduction="pca", dims=3, n_topics=3).fit(texts)
    assert len(found) == 3 and len(found.labels_) == 304
    for topic in WORDS:
        labels = {label for label, name in zip(found.labels_, planted[1], strict=False) if name == topic}
        assert len(labels - {-1}) == 1
    assert (found.labels_[300:] == -1).all() and found.info()[0][:3] == (-1, found.n_outliers_, "outliers")
    assert found.predict(["ship wave sail harbour anchor", "fjord"])[1] == -1
    assert sum(row.size for row in found.info()) == 304
    found.save(tmp_path / "my.topics")
    np.testing.assert_array_equal(Topics.open(tmp_path / "my.topics").predict(texts), found.predict(texts))


def test_rows_beyond_the_sample_join_the_dense_groups(
    words: Embeddings, planted: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from w2v.encoder.retrieval.topics import grouping

    monkeypatch.setattr(grouping, "MOST_DENSE", 120)
    found = Topics(encoder=words, method="hdbscan", min_size=10, reduction="pca", dims=3, n_topics=3).fit(planted[0])
    inside = found.labels_ >= 0
    assert inside.mean() > 0.5
    for topic in range(len(found)):
        assert len({name for name, label in zip(planted[1], found.labels_, strict=True) if label == topic}) == 1


def test_the_spectral_map_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(90, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    graph = kneighbors_graph(vectors, 15)
    expected = SpectralEmbedding(3, affinity="precomputed", random_state=0).fit_transform(0.5 * (graph + graph.T))
    found = reduced(vectors, "spectral", 3, 0)
    cosines = np.sum(found * expected, axis=0) / np.linalg.norm(found, axis=0) / np.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-4)
    np.testing.assert_array_equal(reduced(vectors, "spectral", 3, 0), found)
    far = np.repeat(np.eye(3, 8, dtype=np.float32), 30, axis=0) + 0.01 * vectors
    apart = reduced(far, "spectral", 2, 0).reshape(3, 30, 2)
    assert apart.std(axis=1).max() < 1e-3 * apart.mean(axis=1).std(axis=0).max()  # what is not linked, in one place


@pytest.mark.parametrize("method", ["ward", "average"])
def test_the_tree_is_that_of_scipy(topics: Topics, method: Linkage) -> None:
    tree = topics.hierarchy(method)
    expected = linkage(topics.centers_.astype(float), method, "euclidean" if method == "ward" else "cosine")
    np.testing.assert_allclose([(m.left, m.right, m.distance) for m in tree.merges], expected[:, :3])
    for n in (1, 2, 4, 6):
        ours, theirs = tree.cut(n), fcluster(expected, n, "maxclust")
        assert len(set(zip(ours, theirs, strict=True))) == len(set(theirs)) == n
        assert list(dict.fromkeys(ours.tolist())) == list(range(n))  # in the order of the topics
    assert tree.merges[-1].size == 300 and [merge.parent for merge in tree.merges] == list(range(6, 11))
    assert str(tree).startswith("all topics  (300)\n├─ ") and len(str(tree).split("\n")) == 11
    leaves = [f"({topic}: {size:,})" for topic, size in enumerate(topics.sizes_.tolist())]
    assert all(str(tree).count(leaf) == 1 for leaf in leaves)
    assert json.loads(json.dumps(tree.to_dict()))["size"] == 300
    with pytest.raises(ValueError, match="6 topics can be merged into 1 to 6, not 7"):
        tree.cut(7)


def test_merged_topics_are_those_of_fewer_clusters(
    topics: Topics, words: Embeddings, planted: tuple[list[str], list[str]]
) -> None:
    merged = topics.merged(3)
    assert [list(WORDS)[label] for label in merged.labels_] == planted[1]
    assert merged.sizes_.tolist() == [150, 100, 50] and len(topics) == 6
    assert {word for word, _ in merged.keywords_[2]} == set(WORDS["music"])
    assert [len(hits) for hits in merged.representative_] == [5, 5, 5]
    assert merged.predict(["ship sail", "violin song"]).tolist() == [0, 2]
    vectors = Topics(encoder=words, n_clusters=3).fit(planted[0]).centers_
    assert (np.sum(merged.centers_ * vectors, axis=1) > 0.99).all()
    at_once = Topics(encoder=words, n_clusters=6, n_topics=3).fit(planted[0])
    np.testing.assert_array_equal(at_once.labels_, merged.labels_)
    assert merged.merged(1).info()[0].size == 300


def test_the_centre_of_merged_topics_is_the_mean_of_their_sentences() -> None:
    centroids = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    parts = Parts(centroids, np.full(3, -1, np.float32), np.array([0, 0, 1]), np.array([0, 0, 1, 2, 1]))
    found = parts.centers(np.array([0, 0, 0, 1, -1], np.int32), np.array([0.5, 0.25, 0.25, 1, 0.75], np.float16))
    np.testing.assert_allclose(found, [[3 / 10**0.5, 1 / 10**0.5], [0.6, 0.8]], rtol=1e-6)  # the outlier has no part


def test_topics_that_are_alike_are_merged_first(tmp_path: Path) -> None:
    table = Embeddings(Vocabulary(["a", "b", "c"], np.array([9, 9, 9])), np.eye(3, dtype=np.float32))
    fitted = Topics(encoder=table, n_clusters=3).fit(["a"] * 5 + ["b"] * 4 + ["c"] * 3)
    fitted.centers_ = fitted.centers_[[0, 1, 1]]
    tree = fitted.hierarchy()
    assert tree.merges[0][1:4] == (1, 2, 0.0) and tree.cut(2).tolist() == [0, 1, 1]


def test_topics_over_time(topics: Topics, planted: tuple[list[str], list[str]]) -> None:
    merged = topics.merged(3)
    years = [1990 + row % 3 for row in range(300)]
    found = merged.over_time([*map(str, years[:-1]), ""], bins="year")
    assert found.n_undated == 1 and len(found) == 9
    for row in found:
        year = int(row.start[:4])
        inside = [r for r in range(299) if years[r] == year]
        of_topic = [r for r in inside if planted[1][r] == list(WORDS)[row.topic]]
        assert row.size == len(of_topic) and row.fraction == pytest.approx(len(of_topic) / len(inside))
        assert (row.start, row.stop) == (f"{year}-01-01", f"{year + 1}-01-01")
        assert set(row.keywords) <= set(WORDS[list(WORDS)[row.topic]])
    cells = merged.over_time(years, bins=3)
    assert [row.size for row in cells if row.topic == 0] == [row.size for row in merged.over_time(years, bins="year")][
        :3
    ]
    assert list(found.to_pandas().columns) == ["topic", "start", "stop", "size", "fraction", "keywords"]
    with pytest.raises(ValueError, match="there are 2 dates for 300 sentences: give one for each"):
        merged.over_time(["1990", "1991"])
    with pytest.raises(ValueError, match=r"date 2: 'soon' is not a date; write YYYY, YYYY-MM or YYYY-MM-DD"):
        merged.over_time(["1990", "soon"])
    with pytest.raises(ValueError, match="no sentence has a date"):
        merged.over_time([None] * 300)


def test_dates_of_lines_are_those_of_their_sentences(words: Embeddings, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the ship. The sail.\n\nthe wave\n")
    (tmp_path / "b.txt").write_text("soup\nzzz\nbread\n")
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    index = SentenceIndex.build(words, files, tmp_path / "my.index", splits=True)
    fitted = Topics(n_clusters=1).fit(index)
    assert len(fitted.labels_) == 5
    found = fitted.over_time(["2001", "2002", "2003", "2004", "2005", "2006"], bins="year")
    assert [row.size for row in found] == [2, 0, 1, 1, 0, 1]
    assert [row.size for row in fitted.over_time(["2001", "2002", "2003", "2004", "2005"], bins="year")] == [1] * 5
    with pytest.raises(ValueError, match="there are 4 dates for 5 sentences on 6 lines: give one for each"):
        fitted.over_time(["2001"] * 4)


def test_dates_are_read_in_many_forms() -> None:
    moment = np.datetime64("2004-05-06T10:20:30", "s")
    east = timezone(timedelta(hours=2))
    moments = "2004-05-06T10:20:30Z", "2004/05/06 12:20:30.5+0200", datetime(2004, 5, 6, 12, 20, 30, tzinfo=east)
    days = "2004-05", "2004.5.1", date(2004, 5, 1), np.datetime64("2004-05"), "2004-05-01 00:00"
    assert {as_time(value) for value in moments} == {moment}
    assert {as_time(value) for value in days} == {np.datetime64("2004-05-01", "s")}
    assert as_time(2004) == as_time("2004") and np.isnat(as_time(" ")) and np.isnat(as_time(None))
    for wrong in ("2004-13", "6.5.2004", "2004-02-30", "2004-01-01T25:00", 1.5, True, "20040506"):
        with pytest.raises(ValueError, match="is not a date"):
            as_time(wrong)


def test_bins_hold_all_moments() -> None:
    days = np.array(["2000-01-01", "2000-01-02", "NaT", "2000-12-31", "2000-06-30"], "datetime64[s]")
    places, borders = binned(days, 2)
    assert places.tolist() == [0, 0, -1, 1, 0] and len(borders) == 3 and borders[-1] > days[3]
    places, borders = binned(days, "month")
    assert places.tolist() == [0, 0, -1, 11, 5] and str(borders[-1])[:10] == "2001-01-01"
    assert binned(days[:1], 5)[0].tolist() == [0]
    for bins, message in ((0, "from 1 to 1,000"), ("week", "'day', 'month', 'year', not 'week'"), (True, "number")):
        with pytest.raises(ValueError, match=message):
            binned(days, bins)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bins of a day, over 1,000; use longer bins"):
        binned(np.array(["1990", "2000"], "datetime64[s]"), "day")


def test_dates_are_read_from_files_and_tables(tmp_path: Path) -> None:
    files = {
        "d.txt": "2001\n\n2003-01\n",
        "d.csv": 'text,when\n"a, b",2001\nc,\n"two\nlines",2003-01\n',
        "d.tsv": "when\ttext\n2001\ta\n\tb\n2003-01\tc\n",
        "d.jsonl": '{"when": 2001}\n{"who": "I"}\n{"when": "2003-01"}\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        times = read_dates(tmp_path / name, None if name == "d.txt" else "when")
        assert [str(time)[:10] for time in times] == ["2001-01-01", "NaT", "2003-01-01"]
    for name, text, column, message in (
        ("w.txt", "2001\n6 May\n", None, r"w\.txt, line 2: '6 May' is not a date"),
        ("w.csv", "when,x\n2001,1\n\nsoon\n", "when", r"w\.csv, line 4: 1 columns, but the first line names 2"),
        ("v.csv", "when,x\n2001,1\nsoon,2\n", "when", r"v\.csv, line 3: 'soon' is not a date"),
        ("u.csv", "a,b\n1,2\n", "when", r"u\.csv has no column 'when'; it has a, b"),
        ("w.jsonl", '{"when": 1}\n', "when", r"w\.jsonl, line 1: 1 is not a date"),
        ("v.jsonl", "[]\n", "when", r"v\.jsonl, line 1: each line must be a JSON object"),
        ("u.jsonl", '{"who": 1}\n', "when", r"u\.jsonl has no column 'when'; it has who"),
        ("w.dat", "when\n2001\n", "when", r"w\.dat cannot be read as a table"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(CorpusError, match=message):
            read_dates(tmp_path / name, column)


def test_saved_topics_open_as_they_were(topics: Topics, tmp_path: Path) -> None:
    merged = topics.merged(4)
    path = merged.save(tmp_path / "my.topics")
    opened = Topics.open(path)
    assert opened.info() == merged.info() and opened.keywords_ == merged.keywords_
    np.testing.assert_array_equal(opened.labels_, merged.labels_)
    np.testing.assert_array_equal(opened.centers_, merged.centers_)
    assert opened.predict(["ship sail", "zzz"]).tolist() == merged.predict(["ship sail", "zzz"]).tolist()
    assert str(opened.hierarchy()) == str(merged.hierarchy())
    assert opened.merged(2).info() == merged.merged(2).info()
    assert opened.over_time([2000] * 300) == merged.over_time([2000] * 300)
    assert opened.get_params()["n_clusters"] == 6
    with pytest.raises(ModelError, match="exists already"):
        merged.save(path)
    merged.save(path, overwrite=True)
    (tmp_path / "other").mkdir()
    with pytest.raises(ModelError, match="exists but is not a folder of topics"):
        merged.save(tmp_path / "other", overwrite=True)
    with pytest.raises(ModelError, match="open it with w2v topics, or Topics.open"):
        SentenceIndex.open(path)


def test_damaged_topics_are_refused(topics: Topics, tmp_path: Path) -> None:
    path = topics.save(tmp_path / "my.topics")
    config = json.loads((path / "config.json").read_text())
    for name, value, message in (
        ("topics", 5, "topics or words are inconsistent"),
        ("sentences", 299, "says int32 of shape"),
        ("lines", 299, "'lines' contains values out of range"),
        ("representative", [[{}]], "a representative sentence is incomplete"),
        ("parameters", [], "parameters has the wrong type"),
    ):
        (path / "config.json").write_text(json.dumps(config | {name: value}))
        with pytest.raises(ModelError, match=message):
            Topics.open(path)
    with pytest.raises(ModelError, match="does not exist"):
        Topics.open(tmp_path / "missing")


def test_what_cannot_be_is_said(words: Embeddings, planted: tuple[list[str], list[str]]) -> None:
    for parameters, texts, message in (
        ({"n_clusters": 4}, ["ship", "soup", "song"], "3 sentences can form 1 to 3 clusters, not 4"),
        ({}, ["zzz", "yyy"], "no line has a word that the encoder knows"),
        (
            {"method": "hdbscan"},
            ["ship"] * 8,
            "8 sentences make no topics of at least 15: give a min_size of at most 4",
        ),
        ({"method": "hdbscan", "min_size": 2}, ["ship"] * 3, "3 sentences are too few for HDBSCAN, which needs 4"),
        ({"method": "hdbscan", "n_clusters": 4}, ["ship"], "n_clusters is for k-means"),
        ({"method": "dbscan"}, ["ship"], "method must be 'kmeans' or 'hdbscan', not 'dbscan'"),
        ({"n_words": 0}, ["ship"], "n_words must be a whole number of at least 1, not 0"),
        ({"stop_words": "french"}, ["ship", "soup"], "stop_words must be 'text', 'english'"),
    ):
        with pytest.raises(ValueError, match=message):
            Topics(encoder=words, **parameters).fit(texts)
    with pytest.raises(ValueError, match="give a model, word vectors or a sentence encoder"):
        Topics().fit(["ship"])
    with pytest.raises(AttributeError, match=r"Topics has no get_topic_info; it is info\(\)"):
        _ = Topics().get_topic_info
    with pytest.raises(AttributeError, match="has no labels_ yet: call fit first"):
        _ = Topics().labels_
    with pytest.raises(ValueError, match="linkage must be 'ward' or 'average', not 'single'"):
        Topics(encoder=words, n_clusters=2).fit(planted[0][:40]).hierarchy("single")  # type: ignore[arg-type]


def test_copies_are_of_one_topic(words: Embeddings, planted: tuple[list[str], list[str]]) -> None:
    dense = Topics(encoder=words, method="hdbscan", min_size=4)
    assert dense.fit_predict(["ship harbour"] * 20).tolist() == [0] * 20
    assert dense.fit_predict(["ship harbour"] * 20 + ["soup bread"] * 12).tolist() == [0] * 20 + [1] * 12
    texts = [text for text in planted[0][:60] for _ in range(20)]
    labels = dense.fit_predict(texts).reshape(60, 20)
    assert (labels == labels[:, :1]).all() and len(dense) > 1


def test_predict_takes_what_other_doors_take(topics: Topics) -> None:
    texts = topics.representative_[1][0].sentence, topics.representative_[0][0].sentence
    expected = topics.predict(list(texts)).tolist()
    for given in (np.array(texts), iter(texts), np.array([[text] for text in texts])):
        assert topics.predict(given).tolist() == expected
    assert topics.predict([]).shape == (0,) and topics.predict([]).dtype == np.int32
    for wrong in ("ship", {"ship"}, {"ship": 1}, ["ship", None], np.array([texts])):
        with pytest.raises(TypeError):
            topics.predict(wrong)  # type: ignore[arg-type]


def test_parameters_may_be_those_of_numpy_and_pandas(
    words: Embeddings, planted: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    given: dict[str, Any] = {"n_words": np.int64(4), "stop_words": np.array(["the", "ship"])}
    listed = Topics(encoder=words, n_clusters=3, **given)
    assert "stop_words=array" in repr(listed)
    found = listed.fit(planted[0])
    assert {len(own) for own in found.keywords_} == {4} and "ship" not in found.names_[0]
    assert Topics.open(found.save(tmp_path / "t")).get_params()["n_words"] == 4
    for seed in (np.int64(4), np.random.default_rng(1), np.random.RandomState(1), None):
        drawn = Topics(encoder=words, n_clusters=3, random_state=seed).fit(planted[0])
        assert drawn.sizes_.tolist() == [150, 100, 50]
    drawn.save(tmp_path / "drawn")
    assert Topics.open(tmp_path / "drawn").random_state is None
    for wrong in (-1, "1", 1.5, True):
        with pytest.raises(ValueError, match="random_state must be a whole number from 0 to"):
            Topics(encoder=words, random_state=wrong).fit(planted[0])
    with pytest.raises(TypeError, match="stop_words are words, and None is none"):
        Topics(encoder=words, stop_words=["ship", None]).fit(planted[0])  # type: ignore[list-item]


def test_dates_come_from_data_frames(topics: Topics) -> None:
    years = [2000 + number % 4 for number in range(300)]
    expected = topics.over_time([None, *years[1:]], bins="year")
    missing = pd.Series([None, *years[1:]], dtype="float64")  # as pandas reads integers beside missing ones
    for given in (missing, missing.astype("Int64"), pd.DataFrame({"year": missing}), missing.to_numpy()):
        assert topics.over_time(given, bins="year") == expected and expected.n_undated == 1
    refused: list[Any] = ["2001", {"a": 2001}, pd.DataFrame({"a": years, "b": years})]
    for wrong in refused:
        with pytest.raises(TypeError):
            topics.over_time(wrong)
    with pytest.raises(ValueError, match=r"date 1: 2000.5 is not a date"):
        topics.over_time([2000.5] * 300)


def test_a_notebook_shows_topics(topics: Topics) -> None:
    card = topics._repr_html_()
    assert "Topics" in card and topics.info()[0].keywords[0] in card and "<script" not in card
    assert "not fitted" in Topics()._repr_html_()
    assert topics.hierarchy()._repr_html_().startswith("<pre>all topics")
    assert "2000" in topics.over_time([2000] * 300)._repr_html_()
