"""`Tagger`: what it learns, answers and keeps; trainings that go on; each thing that does not go together."""

from __future__ import annotations

import functools
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.clock import Clock
from tests.helpers.examples.tag_models import (
    NETWORK,
    TINY,
    kind_tagger,
    name_tagger,
    named_sentences,
    without_columns,
    write_tagged,
)
from tests.helpers.examples.text_models import assert_same, ticking
from w2v import Embeddings, ModelError, Tagger, TrainingInterrupted
from w2v.corpora.labels.tagged import Tagged
from w2v.neural.tasks.labels.spans import find_scheme, spans_of, written
from w2v.neural.tasks.labels.tagging_data import BrokenTagsWarning, ColumnNumbers, Labels
from w2v.storage.tensors import write_tensors

NAMED = without_columns(named_sentences(60))
TEST = without_columns(named_sentences(40, 2))


def test_names_are_learned_and_found() -> None:
    tagger = name_tagger()
    assert tagger.score(TEST) == 1.0 and tagger.scheme_ == "IOB2"
    assert tagger.predict([["they", "saw", "Anna", "Marsh", "in", "Rome"], [], ["we"]]) == [
        ["O", "O", "B-PER", "I-PER", "O", "B-LOC"], [], ["O"]
    ]  # fmt: skip
    assert tagger.predict([]) == [] and tagger.predict_proba([]) == [] and tagger.tag([]) == []
    assert {"S-LOC", "B-PER", "E-PER", "S-PER", "O"} == set(tagger.tags_)
    assert tagger.history_[-1]["f1"] == 1.0 and tagger.is_complete_
    assert tagger.evaluate(TEST.sentences, TEST.tags).labels["LOC"].f1 == 1.0


def test_probabilities_are_those_of_ways_that_are_not_broken() -> None:
    tagger, sentences = name_tagger(), [["we", "saw", "Anna", "Lee"], [], ["Anna"]]
    found = tagger.predict_proba(sentences)
    assert [own.shape for own in found] == [(4, 5), (0, 5), (1, 5)]
    assert all(np.allclose(own.sum(axis=1), 1, atol=1e-5) for own in found)
    assert [tagger.tags_[row] for row in found[0].argmax(axis=1)] == ["O", "O", "B-PER", "E-PER"]
    assert found[2][0, tagger.tags_.index("B-PER")] < 1e-6  # a name of one word ends with it


def test_kinds_of_words_are_learned_by_a_softmax() -> None:
    tagger = kind_tagger()
    test = named_sentences(40, 2)
    kinds = [[kind for (kind,) in own] for own in test.columns]
    assert tagger.scheme_ is None and tagger.score(test.sentences, kinds) > 0.99
    assert tagger.history_[-1]["accuracy"] > 0.99


def test_raw_text_is_tagged_with_places() -> None:
    text = "we saw Anna Lee in Rome."
    found = name_tagger().tag([text, ""])[0]
    assert [word.text for word in found.words] == ["we", "saw", "Anna", "Lee", "in", "Rome", "."]
    assert [(span.text, span.label) for span in found.spans] == [("Anna Lee", "PER"), ("Rome", "LOC")]
    assert all(text[word.start : word.stop] == word.text for word in found.words)
    assert found.to_dict()["ents"] == [
        {"start": 7, "end": 15, "label": "PER"},
        {"start": 19, "end": 23, "label": "LOC"},
    ]
    assert name_tagger().tag(["we saw Ben-Lee"], tokenizer="whitespace")[0].words[2].text == "Ben-Lee"


def test_words_that_are_forgotten_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = name_tagger().predict(TEST)
    monkeypatch.setattr("w2v.neural.tasks.labels.answers._MOST_KEPT", 12)
    fresh = pickle.loads(pickle.dumps(name_tagger()))
    halves = [fresh.predict(TEST.take(rows)) for rows in (range(20), range(20, 40))]
    assert halves[0] + halves[1] == expected


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES"])
def test_spans_of_texts_are_those_that_their_tags_write(scheme: str) -> None:
    tags = [written(spans_of(own), len(own), scheme) for own in NAMED.tags]
    tagger = Tagger(**TINY).fit(NAMED.sentences, tags)
    found = tagger.tag([" ".join(own) for own in TEST.sentences], tokenizer="whitespace")
    assert [text.tags for text in found] == tagger.predict(TEST)
    for text in found:
        spans = [text.text[text.places[a][0] : text.places[b - 1][1]] for a, b, _ in spans_of(text.tags)]
        assert [(span.text, span.label) for span in text.spans] == list(
            zip(spans, (label for *_, label in spans_of(text.tags)), strict=True)
        )
    assert sum(len(text.spans) for text in found)


def test_answers_do_not_depend_on_company_or_threads() -> None:
    tagger = Tagger(**NETWORK).set_params(epochs=2).fit(NAMED, validation=TEST)
    alone = [tagger.predict([sentence])[0] for sentence in TEST.sentences]
    assert tagger.predict(TEST.sentences) == alone
    assert tagger.predict(TEST.sentences * 60, workers=3) == alone * 60
    fresh = pickle.loads(pickle.dumps(tagger))
    assert fresh.predict(TEST) == alone


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES"])
def test_schemes_are_understood_and_answered(scheme: str) -> None:
    def rewritten(tagged: Tagged) -> Tagged:
        tags = [written(spans_of(own), len(own), scheme) for own in tagged.tags]
        return Tagged(tagged.sentences, tags, tagged.columns)

    tagger = Tagger(**TINY).fit(rewritten(NAMED), validation=rewritten(TEST))
    assert tagger.scheme_ == scheme
    again = Tagger(**TINY).fit(NAMED, validation=TEST)
    assert np.array_equal(again.network_.parameters.flat, tagger.network_.parameters.flat)
    answers = tagger.predict(TEST)
    assert find_scheme(answers).n_broken == 0 or scheme == "IOB1"
    assert [spans_of(tags) for tags in answers] == [spans_of(tags) for tags in again.predict(TEST)]
    assert tagger.evaluate(TEST) == tagger.evaluate(rewritten(TEST)) == again.evaluate(TEST)


def test_letters_of_bilou_count_as_those_of_bioes() -> None:
    def lettered(tagged: Tagged, letters: dict[str, str]) -> Tagged:
        bioes = [written(spans_of(own), len(own), "BIOES") for own in tagged.tags]
        return Tagged(
            tagged.sentences, [[letters.get(tag[0], tag[0]) + tag[1:] for tag in own] for own in bioes], tagged.columns
        )

    bilou = {"E": "L", "S": "U"}
    ours = Tagger(**TINY).fit(lettered(NAMED, {}), validation=lettered(TEST, {}))
    theirs = Tagger(**TINY).fit(lettered(NAMED, bilou), validation=lettered(TEST, bilou))
    assert theirs.validation_ == ours.validation_
    assert theirs.validation_["accuracy"] == theirs.evaluate(TEST).accuracy
    assert theirs.evaluate(lettered(TEST, bilou)) == ours.evaluate(lettered(TEST, {})) == ours.evaluate(TEST)


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_no_answer_is_broken_however_little_was_learned(output: str) -> None:
    tagger = Tagger(**{**TINY, "epochs": 1, "output_layer": output}).fit(NAMED, validation=TEST)
    assert find_scheme(tagger.predict(TEST)).n_broken == 0


def test_broken_tags_are_read_with_a_warning() -> None:
    tags = [*NAMED.tags[1:], ["I-PER" if tag == "B-PER" else tag for tag in NAMED.tags[0]]]
    broken = Tagged([*NAMED.sentences[1:], NAMED.sentences[0]], tags, [*NAMED.columns[1:], NAMED.columns[0]])
    with pytest.warns(BrokenTagsWarning, match="1 spans violate IOB2"):
        tagger = Tagger(**TINY).fit(broken, validation=TEST)
    assert tagger.scheme_ == "IOB2"


def test_given_columns_are_read_and_wanted(tmp_path: Path) -> None:
    data = named_sentences(60)
    path = write_tagged(tmp_path / "a.conll", data)
    numbers = ColumnNumbers(given=(2,))
    tagger = Tagger(**TINY).fit(path, validation=data, column_numbers=numbers)
    by_hand = Tagger(**TINY).fit(data.sentences, data.tags, columns=data.columns, validation=data)
    assert_same(by_hand.network_, tagger.network_)
    kinds = [[kind for (kind,) in own] for own in data.columns]
    assert tagger.predict(data.sentences, columns=kinds) == tagger.predict(data)
    assert tagger.evaluate(path).main == tagger.evaluate(data).main
    with pytest.raises(ValueError, match="trained with 1 given columns, but there are 0"):
        tagger.predict(data.sentences)
    with pytest.raises(ValueError, match="trained with 1 given columns"):
        tagger.tag(["we saw Anna"])


def test_given_vectors_reach_words_that_training_never_saw(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kinds = {"PER": rng.standard_normal(8), "LOC": rng.standard_normal(8), "O": np.zeros(8)}
    seen = {word: tag[2:] or "O" for own in zip(NAMED.sentences, NAMED.tags, strict=True)
            for word, tag in zip(*own, strict=True) if tag != "I-PER"}  # fmt: skip
    words = {**seen, "Zed": "PER", "Kiev": "LOC"}
    vectors = Embeddings(list(words), np.array([kinds[kind] for kind in words.values()], np.float32))
    vectors.save(tmp_path / "v")
    options = {**NETWORK, "epochs": 12, "word_dropout": 0.5, "ngram_size": 1, "buckets": 1}
    tagger = Tagger(**options).fit(NAMED, validation=TEST, vectors=tmp_path / "v")
    sentences = [["we", "met", "Zed", "in", "Kiev", "."]]
    assert tagger.predict(sentences) == [["O", "O", "B-PER", "O", "B-LOC", "O"]]
    tagger.save(tmp_path / "m")
    assert Tagger.load(tmp_path / "m").predict(sentences) == tagger.predict(sentences)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_training_goes_on_to_the_same_bits(tmp_path: Path, clock: Clock) -> None:
    path = write_tagged(tmp_path / "a.conll", NAMED)
    whole = Tagger(**TINY).fit(path, validation=TEST)
    with pytest.raises(TrainingInterrupted):
        Tagger(**TINY).fit(path, validation=TEST, checkpoint=tmp_path / "m", progress=ticking(clock, 8))
    began = Tagger.load(tmp_path / "m")
    assert not began.is_complete_
    assert_same(began.resume(validation=TEST, checkpoint=tmp_path / "m").network_, whole.network_)
    assert_same(Tagger.load(tmp_path / "m").network_, whole.network_)
    with pytest.raises(ValueError, match="nothing to resume"):
        began.resume()


def test_training_goes_on_with_the_same_sentences_only(clock: Clock) -> None:
    tagger = Tagger(**TINY)
    with pytest.raises(TrainingInterrupted):
        tagger.fit(NAMED, validation=TEST, progress=ticking(clock, 8))
    with pytest.raises(ValueError, match="were not in files: pass them again"):
        tagger.resume()
    other = [["They", *own[1:]] for own in NAMED.sentences]
    with pytest.raises(ValueError, match="another text"):
        tagger.resume(other, NAMED.tags, validation=TEST)


@pytest.mark.parametrize(
    ("sentences", "tags", "options", "error", "message"),
    [
        (["we met"], [["O", "O"]], {}, TypeError, "sentence 1 is a text: pass a list of words"),
        ([["a"], 5], [["O"], ["O"]], {}, TypeError, "sentence 2 must be a list of words, not int"),
        (5, [["O"]], {}, TypeError, "a list of words for each sentence is needed, not int"),
        ([["we"]], ["O"], {}, TypeError, "pass a list of tags"),
        ([["we"]], None, {}, ValueError, "tags are missing"),
        ([["we"], ["met"]], [["O"]], {}, ValueError, "2 sentences, but tags for 1"),
        ([["we", "met"]], [["O"]], {}, ValueError, "sentence 1 has 2 words, but 1 tags"),
        ([["we"]], [["O"]], {}, ValueError, "one sentence is not enough.*a blank line ends a sentence"),
        ([[]], [[]], {}, ValueError, "the sentences have no words"),
        ([["we", ""]], [["O", "O"]], {}, ValueError, "sentence 1 has an empty word"),
        ([["we"], ["a", None]], [["O"]] * 2, {}, TypeError, "sentence 2: word 2 is not a str but NoneType"),
        ([["we"], ["a", "b"]], [["O"], ["O", 1]], {}, TypeError, "sentence 2: tag 2 is not a str but int"),
        ([["we"]], [["O"]], {"columns": [["X", "Y"]]}, ValueError, "but 2 given columns"),
        (
            [["a"], ["b"]],
            [["O"], ["O"]],
            {"columns": [["X"], [("X", "Y")]]},
            ValueError,
            "number of column values",
        ),
    ],
)
def test_what_does_not_go_together_is_told(
    sentences: Any, tags: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Tagger(**TINY).fit(sentences, tags, **options)


def test_one_tag_only_is_learned_and_unknown_tags_are_never_right() -> None:
    sentences, tags = [["a", "b"], ["c"]] * 5, [["X", "X"], ["X"]] * 5
    tagger = Tagger(**TINY).fit(sentences, tags)
    assert tagger.predict([["a"]]) == [["X"]]
    assert tagger.evaluate([["a", "b"]], [["X", "NEW"]]).accuracy == 0.5


def test_parameters_are_those_of_scikit_learn() -> None:
    from sklearn.base import clone

    tagger = Tagger(dim=32, tokenizer="whitespace")
    assert clone(tagger).get_params() == tagger.get_params() and "dim=32" in repr(tagger)
    with pytest.raises(ValueError, match="dim"):
        Tagger(dim=0).fit(NAMED)
    with pytest.raises(ValueError, match="output_layer"):
        Tagger(output_layer="hmm").fit(NAMED)
    with pytest.raises(AttributeError, match="call fit first"):
        _ = Tagger().network_


def test_vectors_of_another_shape_are_refused(tmp_path: Path) -> None:
    name_tagger().save(tmp_path / "m")
    table = name_tagger().network_.further["vectors"]["table"]
    for broken in (table[:-1], table.astype(np.float32), np.full_like(table, np.inf)):
        write_tensors(tmp_path / "m" / "vectors.safetensors", {"table": broken})
        with pytest.raises(ModelError, match="vectors.safetensors is damaged"):
            Tagger.load(tmp_path / "m")


def test_folders_from_before_spellings_were_read_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = Labels.learn

    def before(tagged: Tagged, parameters: Any, given: Any, *, by_spelling: bool) -> Labels:
        assert by_spelling
        return replace(learn(tagged, parameters, given, by_spelling=False), sentence_case=False)

    monkeypatch.setattr(Labels, "learn", before)
    vectors = Embeddings(["Anna", "Rome"], np.eye(2, dtype=np.float32))
    tagger = Tagger(**TINY).fit(NAMED, validation=TEST, vectors=vectors)
    tagger.save(tmp_path / "m")
    for name, places in (("text-units.json", ((), ("words",))), ("config.json", (("network", "inputs"),))):
        described = json.loads((tmp_path / "m" / name).read_text(encoding="utf-8"))
        for place in places:
            own = functools.reduce(dict.__getitem__, place, described)
            for key in {"sentence_case", "by_spelling", "spellings", "usual_cases"} & set(own):
                del own[key]
        (tmp_path / "m" / name).write_text(json.dumps(described), encoding="utf-8")
    opened = Tagger.load(tmp_path / "m")
    assert opened.network_.config == tagger.network_.config and opened.network_.config.inputs.spellings == 1
    assert opened.predict(TEST) == tagger.predict(TEST)


@pytest.mark.parametrize(
    ("name", "place", "key", "value", "message"),
    [
        ("text-units.json", (), "sentence_case", False, "values of columns"),
        ("text-units.json", (), "sentence_case", 1, "scheme of spans"),
        ("text-units.json", ("words",), "by_spelling", False, "spellings"),
        ("config.json", ("network", "inputs"), "usual_cases", 0, "."),
        ("config.json", ("network", "inputs"), "spellings", 3, "."),
    ],
)
def test_spellings_that_do_not_fit_the_network_are_refused(
    name: str, place: tuple[str, ...], key: str, value: Any, message: str, tmp_path: Path
) -> None:
    name_tagger().save(tmp_path / "m")
    described = json.loads((tmp_path / "m" / name).read_text(encoding="utf-8"))
    functools.reduce(dict.__getitem__, place, described)[key] = value
    (tmp_path / "m" / name).write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        Tagger.load(tmp_path / "m")


def test_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    name_tagger().save(tmp_path / "m")
    with pytest.raises(ModelError, match="w2v tag, or Tagger.load"):
        Embeddings.load(tmp_path / "m")
    with pytest.raises(ModelError, match="exists already"):
        name_tagger().save(tmp_path / "m")
