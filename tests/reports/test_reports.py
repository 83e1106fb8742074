"""Reports on models: what they say, that nothing in them can act, and that they can be made of any model."""

from __future__ import annotations

import base64
import hashlib
import html
import html.parser
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v import Embeddings, ModelError, UnknownWordError, Vocabulary
from w2v.corpora import CorpusError
from w2v.encoder import SentenceEncoder
from w2v.encoder.evaluation import evaluate_sts, read_scored_pairs
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
from w2v.reports import Card, CardOptions, Evaluations, check_report_path, model_card, save_report, to_html, to_markdown
from w2v.reports.blocks import Curves, MapPoint, Section, Series, Table, WordMap
from w2v.reports.history import training_section
from w2v.reports.landscape import draw_map, find_groups
from w2v.reports.markdown import front_matter, render_pictures
from w2v.reports.pictures import _fitted, _place_labels, text_width, ticks

HOSTILE = [
    "<script>alert(1)</script>", '"onload="x', "a&b;", "</table>", "![x](http://e)", "|", "`", "---", "\u202eabc",
    "]]>",
]  # fmt: skip
HISTORY = [
    {"epoch": 1, "loss": 2.5, "alpha": 0.02, "seconds": 1.0, "holdout_loss": 2.6, "analogies": 0.1},
    {"epoch": 2, "loss": 2.2, "alpha": 0.01, "seconds": 2.0, "holdout_loss": 2.4, "analogies": 0.2},
]
TOPICS, A_TOPIC = 4, 12


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    """Return words of four topics, which lie together."""
    words = [f"topic{topic}{chr(97 + number)}" for number in range(A_TOPIC) for topic in range(TOPICS)]
    centres = np.eye(TOPICS, 8, dtype=np.float32)
    vectors = np.tile(centres, (A_TOPIC, 1)) + 0.1 * rng.standard_normal((len(words), 8)).astype(np.float32)
    counts = np.arange(len(words), 0, -1) * 10
    metadata = {
        "parameters": {"algorithm": "skipgram", "vector_size": 8, "epochs": 2, "alpha": None,
                       "eval_pairs": "/home/me/p.tsv"},
        "schedule": {"alpha": 0.025},
        "history": HISTORY,
        "corpus": {"words": 12345},
    }  # fmt: skip
    return Embeddings(Vocabulary(words, counts), vectors, metadata=metadata)


@pytest.fixture
def hostile(rng: np.random.Generator) -> Embeddings:
    """Return a model whose words and settings want to be more than text."""
    metadata = {
        "parameters": {word: word for word in HOSTILE},
        "history": [{"epoch": 1, "loss": "<b>", word: word} for word in HOSTILE] + HISTORY,
        "corpus": {"<i>": "<i>"},
    }
    return Embeddings(HOSTILE, rng.standard_normal((len(HOSTILE), 4)), metadata=metadata)


class Elements(html.parser.HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def sections(card: Card) -> dict[str, Section]:
    return {section.title: section for section in card.sections}


def tables(card: Card, title: str) -> list[Table]:
    return [block for block in sections(card)[title].blocks if isinstance(block, Table)]


def test_card_says_what_the_model_is(embeddings: Embeddings) -> None:
    card = model_card(embeddings, options=CardOptions(title="Mine", language="en", tags=["t"]))
    assert card.title == "Mine"
    assert dict(card.facts) == {
        "words": "48", "columns": "8", "words of text": "12,345", "epochs": "2", "training": "2.0 s",
    }  # fmt: skip
    assert list(sections(card)) == ["How to use it", "Nearest words", "Map", "Training", "Settings", "Limits"]
    assert card.tags == ("word2vec", "word-embeddings", "t")


def test_card_shows_words_of_each_topic_with_their_neighbours(embeddings: Embeddings) -> None:
    [table] = tables(model_card(embeddings), "Nearest words")
    for word, near, _ in table.rows:
        assert all(other.startswith(word[:6]) for other in near.split(", "))
    assert {row[0][:6] for row in table.rows} == {f"topic{number}" for number in range(TOPICS)}


def test_card_shows_the_words_asked_for(embeddings: Embeddings) -> None:
    options = CardOptions(words=["topic1b", "topic0a"], map_words=0)
    card = model_card(embeddings, options=options)
    [table] = tables(card, "Nearest words")
    assert [row[0] for row in table.rows] == ["topic1b", "topic0a"]
    assert "Map" not in sections(card)
    with pytest.raises(UnknownWordError, match="xyz"):
        model_card(embeddings, options=CardOptions(words=["xyz"]))


def test_card_tells_settings_but_not_where_files_lie(embeddings: Embeddings) -> None:
    card = model_card(embeddings)
    settings = {row[0]: row[1:] for table in tables(card, "Settings") for row in table.rows}
    assert settings["alpha"] == ("0.025", "")
    assert settings["epochs"] == ("2", "changed")
    assert settings["eval_pairs"] == ("p.tsv", "changed")
    assert "/home" not in to_html(card)


def test_curves_show_what_was_recorded(embeddings: Embeddings) -> None:
    loss, quality = (
        block for block in sections(model_card(embeddings))["Training"].blocks if isinstance(block, Curves)
    )
    assert loss.series == (Series("training", ((1, 2.5), (2, 2.2))), Series("held-out text", ((1, 2.6), (2, 2.4))))
    assert quality.series == (Series("analogies, accuracy", ((1, 0.1), (2, 0.2))),)


@pytest.mark.parametrize("n_words", [1, 2, 3, 7])
def test_card_is_made_of_few_words(n_words: int, rng: np.random.Generator) -> None:
    words = [f"word{chr(97 + number)}" for number in range(n_words)]
    card = model_card(Embeddings(words, rng.standard_normal((n_words, 3))))
    assert ("Map" in sections(card)) == (n_words >= 3)
    to_html(card)
    to_markdown(card)


def test_card_is_made_of_vectors_that_are_zero_or_not_finite(rng: np.random.Generator) -> None:
    vectors = rng.standard_normal((20, 3)).astype(np.float32)
    vectors[3], vectors[4, 1] = 0, np.nan
    words = [f"w{chr(97 + number)}" for number in range(20)]
    card = model_card(Embeddings(words, vectors))
    facts = {row[0]: row[1] for row in tables(card, "Settings")[-1].rows}
    assert facts["vectors that are zero or not finite"] == "2 of 20"
    [shown] = (block for block in sections(card)["Map"].blocks if isinstance(block, WordMap))
    assert {"wd", "we"}.isdisjoint(point.word for point in shown.points)


def test_card_is_made_of_equal_vectors() -> None:
    to_html(model_card(Embeddings([f"w{chr(97 + number)}" for number in range(20)], np.ones((20, 3), np.float32))))


@pytest.mark.parametrize(
    "history", ["x", [1, None], [{"epoch": "1", "loss": {}}], [{"epoch": 1, "loss": float("nan")}]]
)
def test_card_passes_over_a_history_that_is_none(history: Any) -> None:
    card = model_card(Embeddings(["a", "b"], np.eye(2, dtype=np.float32), metadata={"history": history}))
    assert not any(isinstance(block, Curves) for section in card.sections for block in section.blocks)


def test_groups_are_the_topics(embeddings: Embeddings) -> None:
    groups = find_groups(embeddings, n_groups=TOPICS)
    assert len(groups) == TOPICS
    for group in groups:
        assert len({word[:6] for word in group.words}) == 1
        assert set(group.telling) <= set(group.words)


def test_groups_pass_over_numbers_and_single_letters(rng: np.random.Generator) -> None:
    left_out = ["1990", "b", "ж", "...", "##ing", "[CLS]"]
    words = [*left_out, "水", *(f"word{chr(97 + number)}" for number in range(10))]
    groups = find_groups(Embeddings(words, rng.standard_normal((len(words), 4))))
    assert {word for group in groups for word in group.words} == set(words) - set(left_out)


def test_groups_take_numbers_where_they_are_all_there_is(rng: np.random.Generator) -> None:
    groups = find_groups(Embeddings([f"{number:05}" for number in range(30)], rng.standard_normal((30, 4))))
    assert sum(len(group.words) for group in groups) > 20


def test_map_labels_cover_neither_each_other_nor_other_dots(embeddings: Embeddings) -> None:
    shown = draw_map(embeddings, find_groups(embeddings))
    assert shown is not None
    points, height = _fitted(shown.points)
    labels = _place_labels(points, height)
    assert len(labels) > len(points) / 2
    size = {point.word: 14.5 if point.weight > 0 else 12.5 for point in points}
    boxes = {}
    for word, (x, y, anchor) in labels.items():
        width = text_width(word) * size[word]
        left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        boxes[word] = left, y - 0.7 * size[word], left + width, y + 0.2 * size[word]
    for word, (left, top, right, bottom) in boxes.items():
        for other, box in boxes.items():
            assert other == word or left >= box[2] or box[0] >= right or top >= box[3] or box[1] >= bottom
        for point in points:
            assert point.word == word or not (left < point.x < right and top < point.y < bottom)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_few_and_enclose_the_range(low: float, width: float, n: int) -> None:
    found = ticks(low, low + width, n)
    slack = 1e-6 * max(abs(low), width)
    assert found == sorted(found)
    assert len(found) <= n + 3
    assert found[0] <= low + slack
    assert found[-1] >= low + width - slack


def test_ticks_of_epochs_are_whole() -> None:
    assert ticks(1, 3, 10, whole=True) == [1, 2, 3]
    assert ticks(5, 5, 10, whole=True) == [5]


def test_page_loads_and_executes_nothing(hostile: Embeddings) -> None:
    page = to_html(model_card(hostile, options=CardOptions(title=HOSTILE[0], tags=HOSTILE, license=HOSTILE[1])))
    elements = Elements(page)
    assert not {"script", "img", "iframe", "link", "object", "form", "base", "image", "use"} & {
        tag for tag, _ in elements.found
    }
    for tag, attributes in elements.found:
        assert not any(name.startswith("on") or name in ("style", "src", "srcset", "xlink:href") for name in attributes)
        assert tag == "a" or "href" not in attributes
        assert re.fullmatch(r"#section-\d+", attributes.get("href") or "#section-1")
    text = "".join(elements.text)
    assert all(word in text for word in HOSTILE if word.isprintable())
    assert "\\u202eabc" in text


def test_page_allows_its_own_style_only(embeddings: Embeddings) -> None:
    page = to_html(model_card(embeddings))
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    [policy] = (a["content"] for tag, a in Elements(page).found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert len(style) == 1
    assert "url(" not in page


def test_page_is_the_same_for_the_same_model(embeddings: Embeddings) -> None:
    assert to_html(model_card(embeddings)) == to_html(model_card(embeddings))


def test_pictures_are_files_of_their_own(hostile: Embeddings) -> None:
    pictures = render_pictures(model_card(hostile))
    assert set(pictures) == {"map", "training", "quality"}
    for content in pictures.values():
        root = ElementTree.fromstring(content)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme:dark" in content


def test_front_matter_is_yaml_whatever_the_texts_hold() -> None:
    yaml = pytest.importorskip("yaml")
    options = CardOptions(
        title='a: "b" #c', language="no", license=HOSTILE[0], tags=[*HOSTILE, "naïve", "yes"], datasets=["d"]
    )
    model = Embeddings(["a", "b", "c"], np.eye(3, dtype=np.float32))
    card = model_card(model, options=options)
    found = yaml.safe_load(front_matter(card).strip("-"))
    assert found["language"] == "no"
    assert found["license"] == HOSTILE[0]
    assert found["tags"][:3] == ["w2v", "word2vec", "word-embeddings"]
    assert found["tags"][-2:] == ["naïve", "yes"]
    assert found["datasets"] == ["d"]
    assert found["pipeline_tag"] == "feature-extraction"


def test_front_matter_lists_results(embeddings: Embeddings, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("topic0a\ttopic0b\t9\ntopic0a\ttopic1a\t1\ntopic2a\ttopic2b\t8\n", encoding="utf-8")
    text = front_matter(model_card(embeddings, evaluations=Evaluations(word_pairs=[pairs])))
    spearman = evaluate_word_pairs(embeddings, pairs).spearman
    assert f'    - type: "spearman"\n      value: {spearman:.6f}' in text
    assert '      name: "pairs"' in text


def test_markdown_escapes_words(hostile: Embeddings) -> None:
    text = to_markdown(model_card(hostile), {"map": "m.svg"})
    body = text.split("---", 2)[2]
    assert not re.search(r"(?<!\\)<(?!m\.svg)", body)
    assert "!\\[x\\](http\\://e)" in body
    assert body.count("![") == 1
    for table in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_markdown_leaves_plain_text_as_it_is(embeddings: Embeddings) -> None:
    text = to_markdown(model_card(embeddings))
    assert "| words | columns | words of text | epochs | training |\n| --- |" in text
    assert "| 48 | 8 | 12,345 | 2 | 2.0 s |" in text
    assert "```python\nfrom w2v import Embeddings" in text


def test_evaluation_stands_beside_what_needs_no_model(embeddings: Embeddings, tmp_path: Path) -> None:
    questions = tmp_path / "questions.txt"
    lines = ["topic0a topic1a topic0b topic1b", "topic1a topic1b topic2c topic2d", "topic0a topic0b topic1c unknown"]
    questions.write_text(": one\n" + "\n".join(lines[:2]) + "\n: two\n" + lines[2] + "\n", encoding="utf-8")
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("topic0a\ttopic0b\t9\ntopic0a\ttopic1a\t1\ntopic2a\ttopic2b\t8\n", encoding="utf-8")
    other = tmp_path / "other.model"
    embeddings.save(other)
    files = Evaluations([questions], [pairs], against=other)
    of_analogies, by_section, of_pairs = tables(model_card(embeddings, evaluations=files), "Evaluation")
    assert of_analogies.header[-3:] == (">this model", ">other.model", ">nearest word")
    assert of_analogies.rows[0][:3] == ("questions.txt", "2", "66.7 %")
    assert of_analogies.rows[0][3] == of_analogies.rows[0][4]
    assert [row[0] for row in by_section.rows] == ["one", "two", "total"]
    assert of_pairs.rows[0][:3] == ("pairs.tsv", "3", "100.0 %")
    assert of_pairs.rows[0][3] == of_pairs.rows[0][4] == "1.000"


def test_evaluation_of_sentences_stands_beside_closed_forms(embeddings: Embeddings, tmp_path: Path) -> None:
    pairs = tmp_path / "sts.tsv"
    lines = [
        f"{5 - 4 * (a != b)}\ttopic{a}{chr(97 + n)} topic{a}c\ttopic{b}b topic{b}{chr(100 + n)}"
        for n in range(3) for a in range(4) for b in range(4)
    ]  # fmt: skip
    pairs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    labels = tmp_path / "labels.tsv"
    labelled = [f"label{topic}\ttopic{topic}{chr(97 + n)}" for n in range(12) for topic in range(2)]
    labels.write_text("\n".join(labelled), encoding="utf-8")
    folder = tmp_path / "words.model"
    embeddings.save(folder)
    files = Evaluations(sts=[pairs], classify=[labels], against=folder)
    card = model_card(SentenceEncoder(embeddings), evaluations=files)
    sts, classify = tables(card, "Evaluation")
    assert sts.header[3:] == (
        ">words.model", ">difference (95 % of draws)", ">bag of words", ">mean of vectors", ">uSIF",
    )  # fmt: skip
    assert sts.rows[0][2] == sts.rows[0][3]
    assert sts.rows[0][4] == "+0.000 (+0.000 … +0.000)"
    assert classify.rows[0][-1] == "50.0 %"
    assert {result.metric for result in card.results} == {"spearman_cosine", "accuracy"}


def test_evaluation_of_sentences_is_told_by_genre(embeddings: Embeddings, tmp_path: Path) -> None:
    pairs = tmp_path / "sts.csv"
    lines = [
        f"main-{'ab'[n % 2]}\tfile\t2012\t0\t{5 - 4 * (a != b)}\t"
        f"topic{a}{chr(97 + n)}\ttopic{b}b topic{b}{chr(100 + n)}\n"
        for n in range(4) for a in range(4) for b in range(4)
    ]  # fmt: skip
    pairs.write_text("".join(lines), encoding="utf-8")
    whole, by_genre = tables(
        model_card(SentenceEncoder(embeddings), evaluations=Evaluations(sts=[pairs])), "Evaluation"
    )
    assert by_genre.caption == "sts.csv by genre"
    assert by_genre.is_detail
    assert by_genre.header == ("genre", *whole.header[1:])
    assert [row[:2] for row in by_genre.rows] == [("main-a", "32"), ("main-b", "32")]
    parts = evaluate_sts(SentenceEncoder(embeddings).encode, read_scored_pairs(pairs)).by_genre
    assert [row[2] for row in by_genre.rows] == [f"{part.spearman:.3f}" for part in parts.values()]


def test_card_of_an_encoder_says_how_it_is_made(embeddings: Embeddings, tmp_path: Path) -> None:
    attentive = SentenceEncoder(embeddings, "attention", dim=8, heads=2, random_state=1)
    attentive.save(tmp_path / "my.encoder")
    card = model_card(tmp_path / "my.encoder")
    assert card.title == "my"
    assert dict(card.facts)["layers × heads"] == "1 × 2"
    assert card.pipeline_tag == "sentence-similarity"
    assert [row[0] for row in tables(card, "Weights")[0].rows] == ["most", "least"]
    assert "Word order makes no difference" not in to_html(card)
    assert "Word order makes no difference" in to_html(model_card(SentenceEncoder(embeddings)))


def test_card_of_an_encoder_marks_what_was_kept(embeddings: Embeddings) -> None:
    history = [
        {"stage": "corpus", "step": step, "seconds": 1.0, "neighbors_loss": None, "held_out_loss": loss, "best": best}
        for step, loss, best in [(0, 3.0, True), (10, 2.0, True), (20, 2.5, False)]
    ]
    state = SentenceEncoder(embeddings).state
    state.metadata["history"] = history
    [curves] = (b for b in sections(model_card(SentenceEncoder(state)))["Training"].blocks if isinstance(b, Curves))
    assert [*curves.best] == [(10, 2.0)]
    assert [*curves.series] == [Series("held-out sentences", ((0, 3.0), (10, 2.0), (20, 2.5)))]


def test_card_shows_sentences_with_those_nearest_to_them(embeddings: Embeddings, tmp_path: Path) -> None:
    file = tmp_path / "sentences.txt"
    lines = [f"topic{topic}{chr(97 + n)} topic{topic}{chr(98 + n)}" for topic in range(4) for n in range(8)]
    file.write_text("\n".join(["", *lines, lines[0], "nothing known", "<b>"]), encoding="utf-8")
    for model in (embeddings, SentenceEncoder(embeddings)):
        [table] = tables(model_card(model, options=CardOptions(sentences=file, map_words=0)), "Nearest sentences")
        example = ""
        for shown, cosine, near in table.rows:
            example = shown or example
            assert near[:6] == example[:6]
            assert near != example
            assert float(cosine) > 0.5
        assert len({row[0] for row in table.rows} - {""}) == 6


def test_card_says_when_no_sentence_is_known(embeddings: Embeddings, tmp_path: Path) -> None:
    file = tmp_path / "sentences.txt"
    file.write_text("nothing\nat all\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"sentences.txt: fewer than three sentences"):
        model_card(embeddings, options=CardOptions(sentences=file, map_words=0))


def test_card_asks_no_analogies_of_an_encoder(embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="this is a sentence encoder"):
        model_card(SentenceEncoder(embeddings), evaluations=Evaluations(analogies=["q.txt"]))


def test_save_report_writes_a_page(embeddings: Embeddings, tmp_path: Path) -> None:
    card = model_card(embeddings)
    assert save_report(card, tmp_path / "r.html") == [tmp_path / "r.html"]
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == to_html(card)
    with pytest.raises(ModelError, match="exists already"):
        save_report(card, tmp_path / "r.html")
    save_report(card, tmp_path / "r.html", overwrite=True)


def test_save_report_writes_pictures_beside_markdown(embeddings: Embeddings, tmp_path: Path) -> None:
    written = save_report(model_card(embeddings), tmp_path / "README.md")
    assert [path.name for path in written] == [
        "README.md",
        "README-map.svg",
        "README-training.svg",
        "README-quality.svg",
    ]
    text = written[0].read_text(encoding="utf-8")
    assert re.findall(r"\(<(.*?)>\)", text) == ["README-map.svg", "README-training.svg", "README-quality.svg"]
    assert text.startswith("---\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("report.pdf", "must end in .html"),
        ("card-map.svg/report.html", "card-map.svg is not a folder"),
        ("folder.html", "is a folder"),
        ("card.md", "card-map.svg exists already"),
    ],
)
def test_check_report_path_refuses_early(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "card-map.svg").touch()
    with pytest.raises(ModelError, match=message):
        check_report_path(tmp_path / name)


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="map_words must not be negative"):
        CardOptions(map_words=-1)


def test_map_of_points_in_one_place_is_drawn() -> None:
    points = tuple(MapPoint(f"w{number}", 1.0, 1.0, 0, -number) for number in range(4))
    card = Card("t", "k", "s", (), (Section("Map", (WordMap("map", "4 words", ("g",), points, "c"),)),), "p", ())
    assert to_html(card).count("<circle") == 5  # one is the key's


def test_analogies_by_the_nearest_word_ignore_the_first_two(embeddings: Embeddings, tmp_path: Path) -> None:
    questions = [("topic0a", "topic1a", "topic2a"), ("topic3a", "topic0b", "topic1c")]
    answers = []
    for a, b, c in questions:
        answers.append(next(word for word, _ in embeddings.neighbors(c) if word not in (a, b)))
    file = tmp_path / "q.txt"
    wrong = ("topic3a", "topic0b", "topic1c", "topic3l")
    rows = [*((*q, answer) for q, answer in zip(questions, answers, strict=True)), wrong]
    file.write_text("\n".join(map(" ".join, rows)), encoding="utf-8")
    report = evaluate_analogies(embeddings, file, method="nearest")
    assert (report.total.correct, report.total.total) == (2, 3)


def test_card_is_made_of_json_types_only(embeddings: Embeddings) -> None:
    """What a folder can hold is all that a card needs."""
    again = Embeddings(embeddings.vocabulary, embeddings.vectors, metadata=json.loads(json.dumps(embeddings.metadata)))
    assert to_html(model_card(again)) == to_html(model_card(embeddings))


def test_curves_of_several_stages_are_those_of_the_last() -> None:
    """The steps of each stage begin at 0, so that the others would run backwards."""
    steps = [("corpus", 0, 5.0), ("corpus", 40, 3.0), ("pairs", 0, 2.0), ("pairs", 20, 1.5)]
    section = training_section([{"stage": a, "step": b, "held_out_loss": c} for a, b, c in steps], "step")
    assert section is not None
    drawn = [block.series for block in section.blocks if isinstance(block, Curves)]
    assert drawn == [(Series("held-out sentences", ((0.0, 2.0), (20.0, 1.5))),)]
