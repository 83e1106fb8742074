"""Cards of translators and of language models: what they say, measure and draw, and what they refuse."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.text_models import character_model, counting_model, number_pairs, number_translator
from w2v import Embeddings, LanguageModel, ModelError, Translator
from w2v.corpora import CorpusError
from w2v.neural.names import JUDGES
from w2v.neural.tasks.text.bleu import bleu
from w2v.reports import Card, CardOptions, Evaluations, model_card, save_report, to_html, to_markdown
from w2v.reports.blocks import Curves, Section, Series, Table
from w2v.reports.history import pictures_of_text, training_section

PAIRS = number_pairs(30, 3)


def sections(card: Card) -> dict[str, Section]:
    return {section.title: section for section in card.sections}


def tables(card: Card, title: str) -> list[Table]:
    return [block for block in sections(card)[title].blocks if isinstance(block, Table)]


def curves(card: Card) -> dict[str, Curves]:
    return {block.name: block for block in sections(card)["Training"].blocks if isinstance(block, Curves)}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("one two three\n\nfive one foo\n", encoding="utf-8")
    return path


def test_card_says_what_a_translator_is(tmp_path: Path) -> None:
    number_translator().save(tmp_path / "numbers.translator")
    card = model_card(tmp_path / "numbers.translator", options=CardOptions(tags=["t"]))
    facts, history = dict(card.facts), number_translator().history_
    assert (card.title, card.kind, card.pipeline_tag, card.tags) == (
        "numbers", "Translator", "translation", ("translation", "t"),
    )  # fmt: skip
    assert facts["units"] == "9 words"
    assert (facts["architecture"], facts["layers × heads × width"]) == ("attention", "1 × 2 × 32")
    assert facts["parameters"] == f"{number_translator().network_.parameters.n_parameters:,}"
    [best] = [record for record in history if record["best"]][-1:]
    assert facts["held-out BLEU"] == f"{best['bleu']:.1f}"
    assert facts["held-out perplexity"] == f"{math.exp(best['held_out_loss']):.2f}"
    assert list(sections(card)) == ["How to use it", "Training", "Settings", "Limits"]
    settings = {row[0]: row[1:] for table in tables(card, "Settings") for row in table.rows}
    assert settings["dim"] == ("32", "changed")
    assert settings["norm"] == ("pre",)
    assert settings["source units"] == ("9 words",)


def test_card_says_what_a_language_model_is() -> None:
    card = model_card(counting_model())
    facts, metadata = dict(card.facts), counting_model().network_.metadata
    assert (card.kind, card.pipeline_tag) == ("Language model", "text-generation")
    assert facts["… of the n-grams"] == f"{math.exp(metadata['ngram_loss']):.2f}"
    assert facts["… of both together"] == f"{math.exp(metadata['mixture_loss']):.2f}"
    assert list(sections(card)) == ["How to use it", "Samples", "Training", "Settings", "Limits"]
    settings = {row[0]: row[1:] for table in tables(card, "Settings") for row in table.rows}
    assert settings["texts"] == ("separate lines",)
    assert settings["n-grams, by order"][0].count(",") >= 2


def test_cards_tell_no_folder_of_a_file(tmp_path: Path) -> None:
    network = number_translator().network_
    training = network.metadata["training"] | {"files": ["/home/me/a.de", "/home/me/a.en"]}
    translator = Translator(**number_translator().get_params())
    translator._keep(replace(network, metadata=network.metadata | {"training": training}))
    page = to_html(model_card(translator))
    assert "a.de, a.en" in page
    assert "/home" not in page


def test_translations_are_measured_and_shown(pairs: Path) -> None:
    card = model_card(number_translator(), evaluations=Evaluations(pairs=[pairs]))
    sources, targets = map(list, zip(*PAIRS, strict=True))
    found, greedy = (bleu(number_translator().translate(sources, beam=beam), targets) for beam in (5, 1))
    copied = bleu(sources, targets).score
    [table] = tables(card, "Evaluation")
    assert table.header[2:] == (">beam of 5", ">greedy", ">copied source")
    assert table.rows == (("pairs.tsv", "30", f"{found.score:.1f}", f"{greedy.score:.1f}", f"{copied:.1f}"),)
    assert found.signature in to_html(card)
    [result] = card.results
    assert (result.task, result.dataset, result.metric) == ("translation", "pairs", "bleu")
    assert result.value == pytest.approx(found.score)
    [examples] = tables(card, "Translations")
    assert len(examples.rows) == 8
    for source, made, wanted in examples.rows:
        assert (source, wanted) in PAIRS
        assert [made] == number_translator().translate([source])


def test_translations_of_two_files_stand_beside_another_translator(tmp_path: Path, pairs: Path) -> None:
    files = [tmp_path / "a.de", tmp_path / "a.en"]
    for file, side in zip(files, zip(*PAIRS, strict=True), strict=True):
        file.write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    number_translator().save(tmp_path / "other.translator")
    evaluations = Evaluations(pairs=files, against=tmp_path / "other.translator")
    card = model_card(number_translator(), evaluations=evaluations)
    [table] = tables(card, "Evaluation")
    assert table.header[4] == ">other.translator"
    [row] = table.rows
    assert row[0] == "a.de + a.en"
    assert row[2] == row[4]
    [same] = tables(model_card(number_translator(), evaluations=Evaluations(pairs=[pairs])), "Evaluation")
    assert row[2:4] == same.rows[0][2:4]


def test_lines_are_translated_without_an_answer(tmp_path: Path) -> None:
    (tmp_path / "lines.de").write_text("eins zwei\n\ndrei\n", encoding="utf-8")
    card = model_card(number_translator(), options=CardOptions(sentences=tmp_path / "lines.de"))
    [table] = tables(card, "Translations")
    assert table.header == ("source", "translation")
    assert table.rows == (("eins zwei", "two one"), ("drei", "three"))
    (tmp_path / "lines.de").write_text("\n \n", encoding="utf-8")
    with pytest.raises(CorpusError, match="lines.de: the file has no line to translate"):
        model_card(number_translator(), options=CardOptions(sentences=tmp_path / "lines.de"))


@pytest.mark.parametrize("units", ["words", "characters"])
def test_texts_are_measured_by_network_and_n_grams(units: str, text: Path, tmp_path: Path) -> None:
    model = counting_model() if units == "words" else character_model()
    model.save(tmp_path / "other.lm")
    card = model_card(model, evaluations=Evaluations(texts=[text], against=tmp_path / "other.lm"))
    [table] = tables(card, "Evaluation")
    network, ngrams, both, other = table.rows
    given = ["one two three", "five one foo"] if units == "words" else [text.read_text().rstrip("\n")]
    for row, by in ((network, JUDGES[0]), (ngrams, JUDGES[1]), (both, JUDGES[2])):
        perplexity = model.perplexity(given, by=by)
        n = sum(len(one.log_probabilities) for one in model.score(given))
        assert row[2] == f"{n:,}"
        assert float(row[4]) == pytest.approx(perplexity, abs=0.006)
        assert float(row[5]) == pytest.approx(math.log(perplexity), abs=0.0006)
        assert float(row[6]) == pytest.approx(n * math.log2(perplexity) / len(text.read_text()), abs=0.0006)
    assert network[3] == ("12.5 %" if units == "words" else "0.0 %")
    assert network[:2] == ("text.txt", "network")
    assert (ngrams[1], both[1], other[1]) == ("n-grams, order 3", "both together", "other.lm")
    assert network[2:] == other[2:]
    [result] = card.results
    assert (result.task, result.metric) == ("text-generation", "perplexity")


def test_samples_are_what_the_model_writes() -> None:
    model = counting_model()
    [table] = tables(model_card(model), "Samples")
    for seed, (text, network, ngrams) in enumerate(table.rows, 1):
        assert text == model.write(max_tokens=40, seed=seed)
        for shown, by in ((network, JUDGES[0]), (ngrams, JUDGES[1])):
            [scored] = model.score([text], by=by)
            assert float(shown) == pytest.approx(-scored.log_probabilities[:-1].mean(), abs=0.0006)


def test_curves_are_drawn_against_steps_and_time() -> None:
    history = number_translator().history_
    drawn = curves(model_card(number_translator()))
    assert list(drawn) == ["training", "quality", "training-time", "quality-time"]
    assert drawn["training"].series[1].points == tuple((entry["step"], entry["held_out_loss"]) for entry in history)
    measured = [entry for entry in history if "bleu" in entry]
    assert drawn["quality"].series[0].points == tuple((entry["step"], entry["bleu"]) for entry in measured)
    assert drawn["training-time"].x_label == "seconds"
    assert drawn["training-time"].series[1].points[-1][0] == history[-1]["seconds"]
    [best] = [entry for entry in history if entry["best"]][-1:]
    assert drawn["training"].best == ((best["step"], best["held_out_loss"]),)
    assert drawn["quality"].best == ((best["step"], best["bleu"]),)


def test_n_grams_are_a_line_beneath_the_curves() -> None:
    model = counting_model()
    drawn = curves(model_card(model))
    assert list(drawn) == ["training", "training-time"]
    floor, last = model.network_.metadata["ngram_loss"], model.history_[-1]["step"]
    assert drawn["training"].series[-1] == Series("n-grams", ((0, floor), (last, floor)))


def test_long_trainings_are_told_in_minutes() -> None:
    history = [{"step": 0, "seconds": 0.0, "held_out_loss": 4.0}, {"step": 9, "seconds": 600, "held_out_loss": 3.0}]
    section = training_section(history, "step", pictures_of_text(history, "no number"))
    assert section is not None
    drawn = {block.name: block for block in section.blocks if isinstance(block, Curves)}
    assert drawn["training-time"].x_label == "minutes"
    assert drawn["training-time"].series == (Series("held-out text", ((0.0, 4.0), (10.0, 3.0))),)
    assert pictures_of_text([], None)


def hostile(kind: str) -> Translator | LanguageModel:
    """Return a model whose records want to be more than text, and are not what is expected."""
    made: Any = number_translator() if kind == "translator" else counting_model()
    other = type(made)(**made.get_params())
    record = {"step": "<b>", "seconds": None, "held_out_loss": 1e400, "<i>": "<script>", "best": True}
    metadata = made.network_.metadata | {"history": [record, "none"], "parameters": {"context": 32, "<b>": "<b>"},
                                         "ngram_loss": "<b>", "training": {"files": ["<script>.txt"]}}  # fmt: skip
    other._keep(replace(made.network_, metadata=metadata))
    return other  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["translator", "model"])
def test_cards_of_hostile_models_are_harmless(kind: str) -> None:
    card = model_card(hostile(kind))
    page = to_html(card)
    assert not re.search(r"<script|<b>|<i>|onload=", page)
    assert "<script" not in to_markdown(card).replace("\\<script", "")


@pytest.mark.parametrize("kind", ["translator", "model"])
def test_pictures_stand_beside_markdown(kind: str, tmp_path: Path) -> None:
    card = model_card(number_translator() if kind == "translator" else counting_model())
    written = save_report(card, tmp_path / "README.md")
    expected = ["README.md", "README-training.svg", "README-training-time.svg"]
    expected += ["README-quality.svg", "README-quality-time.svg"] if kind == "translator" else []
    assert sorted(path.name for path in written) == sorted(expected)
    assert all(f"](<{name}>)" in written[0].read_text(encoding="utf-8") for name in expected[1:])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"evaluations": Evaluations(analogies=["a"])},
            "analogies are for word vectors, but this is a translator; a report takes pairs of texts, another",
        ),
        ({"evaluations": Evaluations(texts=["a"])}, "texts are for language models, but this is a translator"),
        ({"options": CardOptions(map_words=0)}, "a map of words is for word vectors and sentence encoders, but this"),
        ({"options": CardOptions(words=["one"])}, "nearest words are for word vectors and sentence encoders, but this"),
    ],
)
def test_translators_are_not_asked_what_they_cannot_answer(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_card(number_translator(), **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"evaluations": Evaluations(pairs=["a"])},
            "pairs of texts are for translators, but this is a language model; a report takes texts and another",
        ),
        (
            {"evaluations": Evaluations(sts=["a"])},
            "scored pairs of sentences are for word vectors and sentence enc",
        ),
        (
            {"options": CardOptions(sentences="a")},
            "example sentences are for word vectors, sentence encoders and",
        ),
        ({"options": CardOptions(words=["one"])}, "but this is a language model"),
    ],
)
def test_language_models_are_not_asked_what_they_cannot_answer(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_card(counting_model(), **asked)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (Evaluations(texts=["a"]), "texts are for language models, but these are word vectors"),
        (Evaluations(pairs=["a"]), "pairs of texts are for translators, but these are word vectors; a report takes"),
        (Evaluations(against="b"), "another model is compared on files, but there are none"),
    ],
)
def test_word_vectors_are_not_asked_what_they_cannot_answer(files: Evaluations, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_card(Embeddings(["a", "b"], [[1.0], [2.0]]), evaluations=files)


def test_texts_without_a_word_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "blank.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"blank\.txt: the file has no text"):
        model_card(counting_model(), evaluations=Evaluations(texts=[tmp_path / "blank.txt"]))


def test_other_kinds_of_models_are_no_comparison(tmp_path: Path, pairs: Path) -> None:
    counting_model().save(tmp_path / "lines.lm")
    with pytest.raises(ModelError, match="holds a model of the kind 'language-model', not 'translator'"):
        model_card(number_translator(), evaluations=Evaluations(pairs=[pairs], against=tmp_path / "lines.lm"))


def test_command_writes_reports_on_texts(tmp_path: Path, pairs: Path, text: Path) -> None:
    number_translator().save(tmp_path / "my.translator")
    counting_model().save(tmp_path / "my.lm")
    page = tmp_path / "translator.html"
    result = run("report", tmp_path / "my.translator", "-o", page, "--pairs", pairs, "--sentences", text)
    assert result.exit_code == 0, result.output
    assert "copied source" in page.read_text(encoding="utf-8")
    result = run("report", tmp_path / "my.lm", "-o", tmp_path / "lm.md", "--text", text)
    assert result.exit_code == 0, result.output
    assert "n-grams, order 3" in (tmp_path / "lm.md").read_text(encoding="utf-8")
    result = run("report", tmp_path / "my.lm", "-o", tmp_path / "no.html", "--pairs", pairs)
    assert_mistake(result, 1, "pairs of texts are for translators, but this is a language model; a report takes texts")
    assert not (tmp_path / "no.html").exists()
