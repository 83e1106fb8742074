"""Results as notebooks show them: tables in which every word is text, whatever it is."""

from __future__ import annotations

import html.parser
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings, Word2Vec
from w2v.corpora import TextReader
from w2v.display.html import Html, escape, html_bar, html_curve, html_table
from w2v.display.wording import printable
from w2v.encoder import SentenceEncoder
from w2v.encoder.evaluation.reports import AccuracyReport, Difference, StsReport
from w2v.encoder.retrieval import SentenceIndex, cluster_sentences, similar_sentences
from w2v.evaluation import AnalogyReport, AnalogySection, PairsReport

HOSTILE = ["<script>alert(1)</script>", '" onload="x', "a&b", "new\nline", "\u202eesrever", "\x1b[31m", "</td><td>"]
ALLOWED = {"table", "caption", "thead", "tbody", "tr", "th", "td", "b", "svg", "rect", "polyline"}


class Checker(html.parser.HTMLParser):
    """Collects what text a reader sees, and fails on any element that is not expected."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("rect", "polyline"):
            return
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(shown: str) -> list[str]:
    """Return the texts of some HTML whose elements are all closed and expected."""
    checker = Checker()
    checker.feed(shown)
    checker.close()
    assert checker.open == []
    return checker.text


@pytest.fixture
def hostile() -> Embeddings:
    return Embeddings(HOSTILE, np.eye(len(HOSTILE), dtype=np.float32) + 0.1)


@pytest.mark.parametrize("word", HOSTILE)
def test_escape_shows_any_word_as_text(word: str) -> None:
    assert "".join(read(f"<b>{escape(word)}</b>")) == printable(word)
    assert not set('<>"') & set(escape(word))


def test_escape_leaves_html_as_it_is() -> None:
    assert escape(escape("<b>")) == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("a\tb", "a\\tb"),
        ("\u202e", "\\u202e"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2,
        ("naïve",) * 2,
    ],
)
def test_printable_writes_out_what_cannot_be_seen(word: str, shown: str) -> None:
    assert printable(word) == shown


def test_html_table_cuts_long_results() -> None:
    shown = html_table(("n",), [(number,) for number in range(10)], most_rows=3)
    assert read(shown)[-2:] == ["2", "… and 7 more"]


def test_html_table_refuses_rows_of_another_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        html_table(("a", "b"), [("only one",)])


def test_html_bar_is_as_long_as_the_share() -> None:
    assert 'width="40.0"' in html_bar(0.5)
    assert [html_bar(share) for share in (0.0, -0.2, 1.5, math.nan)] == [""] * 4


def test_html_curve_needs_two_numbers() -> None:
    assert html_curve([1.0, math.nan], "loss") == Html("")
    assert 'points="2.0,2.0 118.0,22.0"' in html_curve([2.0, 1.0], "loss")


def test_embeddings_show_sizes_and_words(hostile: Embeddings) -> None:
    shown = "".join(read(hostile._repr_html_()))
    assert "<script>alert(1)</script>" in shown
    assert "7 of float32" in shown


def test_neighbors_are_a_list_that_shows_itself(hostile: Embeddings) -> None:
    found = hostile.neighbors("a&b", top_n=3)
    assert isinstance(found, list)
    assert found == list(found)
    assert found[0][0] in read(found._repr_html_())  # type: ignore[attr-defined]


def test_neighbors_batch_shows_its_queries(hostile: Embeddings) -> None:
    found = hostile.neighbors_batch(["a&b", hostile["a&b"]], top_n=2)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    shown = read(again._repr_html_())
    assert "a&b" in shown
    assert "a vector" in shown


@pytest.mark.parametrize(
    "result",
    [
        AnalogyReport((AnalogySection("<i>", 1, 2, 3),), AnalogySection("total", 0, 0, 0)),
        PairsReport(math.nan, 0.5, 10, 1),
        StsReport(np.array([0.1, 0.2, 0.4]), np.array([1.0, 2.0, 3.0])),
        AccuracyReport(np.array([True, False]), 2, 0.5),
        Difference(0.1, -0.1, 0.3, 0.2),
    ],
    ids=lambda result: type(result).__name__,
)
def test_results_show_themselves(result: object) -> None:
    assert len(read(result._repr_html_())) > 3  # type: ignore[attr-defined]


def test_sentences_that_are_found_show_themselves(tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_embeddings())
    texts = [f"river {word} {tag}" for word in ("x", "42") for tag in HOSTILE]
    index = SentenceIndex.build(encoder, texts, tmp_path / "my.index")
    found = [
        index.search("the river", top_n=20),
        similar_sentences(encoder.inference, "a river", TextReader(write_lines(tmp_path, texts)), top_n=20),
        cluster_sentences(index, n_clusters=2),
    ]
    for result in found:
        shown = read(result._repr_html_())  # type: ignore[attr-defined]
        assert any(text.startswith("river") for text in shown)


def write_lines(folder: Path, texts: list[str]) -> Path:
    path = folder / "texts.txt"
    path.write_text("\n".join(text.replace("\n", " ") for text in texts), encoding="utf-8")
    return path


def test_word2vec_shows_whether_it_is_fitted() -> None:
    model = Word2Vec(min_count=1, vector_size=4, epochs=2, random_state=1)
    assert "Word2Vec, not fitted" in read(model._repr_html_())
    model.fit([HOSTILE * 20] * 50)
    shown = model._repr_mimebundle_()
    assert shown["text/plain"] == repr(model)
    assert "Word2Vec" in read(shown["text/html"])
    assert "polyline" in shown["text/html"]


def test_sentence_encoder_shows_what_it_is_made_of() -> None:
    shown = read(SentenceEncoder(make_embeddings())._repr_mimebundle_()["text/html"])
    assert "Sentence encoder" in shown
    assert "20" in shown
    assert "Sentence encoder, without word vectors" in read(SentenceEncoder()._repr_html_())
