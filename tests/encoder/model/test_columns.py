"""Texts in tables: one column is its texts, whatever takes sentences, and what has none in order is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Phrases, Word2Vec
from w2v.corpora.columns import one_column, row_tuples
from w2v.encoder import FitOptions, SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex, cluster_sentences, group_duplicates, mine_duplicates, similar_sentences

TEXTS = ["the river", "a 42", "straße 日本", "the river 42", "x naïve", "a straße"] * 6
PARAGRAPHS = ["The river a 42 x. A 42 river the x. The x river 42 a."] * 30


class Frame:
    """What pandas, polars and pyarrow have in common of a data frame, where none of them is installed."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self._columns = columns
        self.columns = list(columns)
        self.shape = (len(next(iter(columns.values()))), len(columns))

    def __getitem__(self, name: str) -> Any:
        return np.array(self._columns[name], dtype=object)

    def __iter__(self) -> Any:
        return iter(self.columns)


def _libraries() -> dict[str, Callable[[dict[str, list[Any]]], Any]]:
    """Return what makes a table of columns, of each library that is installed."""
    found: dict[str, Callable[[dict[str, list[Any]]], Any]] = {"stand-in": Frame}
    for name, attribute in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")):
        try:
            found[name] = getattr(__import__(name), attribute)
        except ImportError:
            continue
    return found


TABLES = _libraries()


def encoder(**options: Any) -> SentenceEncoder:
    return SentenceEncoder(make_embeddings(), **options)


def results(texts: Any, folder: Path) -> dict[str, Any]:
    """Return what each entry point makes of texts."""
    folder.mkdir()
    index = SentenceIndex.build(make_embeddings(), texts, folder / "index")
    grown = SentenceIndex.build(make_embeddings(), ["x"], folder / "grown")
    words = Word2Vec(vector_size=4, min_count=1, epochs=1, sample=0, workers=1, random_state=1).fit(texts)
    return {
        "encode": encoder().encode(texts).tolist(),
        "transform": encoder().transform(texts).tolist(),
        "build": list(index),
        "add": (grown.add(texts), list(grown)),
        "search": index.search(texts),
        "similar": similar_sentences(encoder().inference, "the river", texts),
        "cluster": [one.size for one in cluster_sentences(texts, make_embeddings(), n_clusters=2).clusters],
        "duplicates": list(mine_duplicates(texts, threshold=0.8)),
        "groups": group_duplicates(texts, make_embeddings(), threshold=0.8),
        "words": words.embeddings_.vectors.tolist(),
        "phrases": list(Phrases(min_count=1, threshold=0.1).fit(texts).phrase_list_),
    }


def trained(texts: Any) -> Any:
    options = FitOptions(steps=2, batch_size=4, workers=1)
    return encoder(training=options).fit(texts).state_.table.tolist()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return results(TEXTS, tmp_path_factory.mktemp("columns") / "list")


@pytest.mark.parametrize("library", TABLES)
def test_table_of_one_column_is_its_texts_everywhere(library: str, expected: dict[str, Any], tmp_path: Path) -> None:
    assert results(TABLES[library]({"text": TEXTS}), tmp_path / "table") == expected
    assert trained(TABLES[library]({"text": PARAGRAPHS})) == trained(PARAGRAPHS)


@pytest.mark.parametrize("dtype", [object, str])
def test_array_of_one_column_is_its_texts_everywhere(dtype: type, expected: dict[str, Any], tmp_path: Path) -> None:
    assert results(np.array(TEXTS, dtype=dtype)[:, None], tmp_path / "array") == expected


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_series_is_its_texts_everywhere(name: str, expected: dict[str, Any], tmp_path: Path) -> None:
    library = pytest.importorskip(name)
    assert results(library.Series(TEXTS), tmp_path / "series") == expected


ENTRIES: dict[str, Callable[[Any, Path], Any]] = {
    "encode": lambda texts, _: encoder().encode(texts),
    "transform": lambda texts, _: encoder().transform(texts),
    "fit": lambda texts, _: encoder().fit(texts),
    "build": lambda texts, path: SentenceIndex.build(make_embeddings(), texts, path / "new"),
    "search": lambda texts, path: SentenceIndex.build(make_embeddings(), TEXTS, path / "new").search(texts),
    "add": lambda texts, path: SentenceIndex.build(make_embeddings(), TEXTS, path / "new").add(texts),
    "similar": lambda texts, _: similar_sentences(encoder().inference, "the river", texts),
    "cluster": lambda texts, _: cluster_sentences(texts, make_embeddings()),
    "duplicates": lambda texts, _: list(mine_duplicates(texts)),
    "groups": lambda texts, _: group_duplicates(texts),
    "Word2Vec": lambda texts, _: Word2Vec(min_count=1, sample=0).fit(texts),
    "Phrases": lambda texts, _: Phrases(min_count=1).fit(texts),
    "pairs": lambda texts, _: encoder().fit(pairs=texts),
}


@pytest.mark.parametrize("entry", [name for name in ENTRIES if name != "pairs"])
@pytest.mark.parametrize("library", TABLES)
def test_table_of_several_columns_is_refused_with_what_to_write(entry: str, library: str, tmp_path: Path) -> None:
    table = TABLES[library]({"text": TEXTS, "label": TEXTS})
    with pytest.raises(TypeError, match=r"table of 2 columns \('text', 'label'\).*df\['text'\]"):
        ENTRIES[entry](table, tmp_path)


@pytest.mark.parametrize("entry", ENTRIES)
def test_dicts_and_sets_are_refused_with_what_to_write(entry: str, tmp_path: Path) -> None:
    for i, (wrong, remedy) in enumerate([({"text": TEXTS}, "values()"), (set(TEXTS), "sorted(texts)")]):
        (tmp_path / str(i)).mkdir()
        with pytest.raises(TypeError, match=re.escape(remedy)):
            ENTRIES[entry](wrong, tmp_path / str(i))
        assert entry != "build" or not (tmp_path / str(i) / "new").exists()


def test_array_of_several_columns_is_texts_of_nobody_but_tokens_of_words() -> None:
    table = np.array([["the", "river"], ["a", "42"]])
    with pytest.raises(TypeError, match=r"shape \(2, 2\).*array\[:, 0\]"):
        encoder().encode(table)
    words = Word2Vec(vector_size=4, min_count=1, epochs=1, sample=0).fit(np.repeat(table, 20, axis=0)).embeddings_
    assert set(words.vocabulary) == {"the", "river", "a", "42"}
    with pytest.raises(TypeError, match="shape"):
        one_column(np.array("the river"))


@pytest.mark.parametrize("library", TABLES)
def test_pairs_of_a_table_are_its_rows(library: str) -> None:
    columns = {"one": TEXTS[:12], "other": TEXTS[1:13]}
    options = FitOptions(steps=2, batch_size=4, workers=1)
    fits = [
        encoder(training=options).fit(pairs=pairs).state_.table
        for pairs in (list(zip(*columns.values(), strict=True)), TABLES[library](columns))
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert row_tuples(TABLES[library](columns))[0] == ("the river", "a 42")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("the river", "a 42"), "x y"], "pair 2 is 'x y'; it must be a tuple"),
        ([("the river", "a 42"), {"one": "x", "other": "y"}], "pair 2 is {'one'"),
        ([("the river", "a 42"), {"x", "y"}], "pair 2 is {'"),
        ([("the river", "a 42")] * 9 + [("x", None)], "pair 10 must contain only str, not NoneType"),
    ],
)
def test_pairs_that_would_be_taken_apart_are_refused(pairs: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encoder().fit(pairs=pairs)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_go_through_pipelines(library: str) -> None:
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"text": TEXTS, "length": [len(text) for text in TEXTS]})
    labels = ["river" in text for text in TEXTS]
    expected = encoder().encode(TEXTS)
    for columns in ("text", ["text"]):
        np.testing.assert_array_equal(
            ColumnTransformer([("text", encoder(), columns)]).fit_transform(frame, labels), expected
        )
    pipeline = make_pipeline(encoder(), LogisticRegression()).fit(frame[["text"]], labels)
    assert len(pipeline.predict(frame[["text"]])) == len(TEXTS)
    both = ColumnTransformer([("text", encoder(), ["text"]), ("length", "passthrough", ["length"])])
    assert both.fit_transform(frame, labels).shape == (len(TEXTS), expected.shape[1] + 1)


def test_missing_values_are_named_by_their_place() -> None:
    with pytest.raises(TypeError, match="sentence 2000 is not text but NoneType"):
        encoder().encode([*["the river"] * 2000, None])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="sentence 5000 is not text but float: nan"):
        encoder(batch_size=7).encode(Frame({"text": ["the river"] * 5000 + [float("nan")]}))
    with pytest.raises(ValueError, match="sentence 3000 contains half a surrogate pair"):
        encoder().encode(["the river"] * 3000 + ["\ud800"])


@pytest.mark.parametrize("wrong", [{"steps": 2}, "steps=2", 5])
def test_training_that_is_no_options_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"training must be FitOptions, such as FitOptions\(steps=500\), not"):
        encoder(training=wrong).fit(["the river"])


@pytest.mark.parametrize(("wrong", "what"), [(None, "NoneType: None"), (5, "int: 5"), (b"x", "bytes: b'x'")])
def test_what_is_no_list_of_sentences_is_refused(wrong: Any, what: str) -> None:
    for method in (encoder().encode, encoder().transform):
        with pytest.raises(TypeError, match=f"a list of sentences is needed, not {what}"):
            method(wrong)


N_BEFORE = 20_000


@pytest.mark.parametrize("entry", ["fit", "build", "add", "similar", "cluster", "duplicates", "Word2Vec", "Phrases"])
@pytest.mark.parametrize(("wrong", "error"), [(None, TypeError), ("\ud800 x", ValueError)])
def test_errors_name_the_text_not_its_place_in_a_chunk(
    entry: str, wrong: Any, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error, match=rf"text {N_BEFORE + 1}\b"):
        ENTRIES[entry](["the river"] * N_BEFORE + [wrong], tmp_path)


def test_errors_name_the_text_of_token_lists() -> None:
    for wrong in (["a", 3], 7):
        with pytest.raises(TypeError, match=r"text 31\b"):
            Word2Vec(min_count=1).fit([["a", "b"]] * 30 + [wrong])
