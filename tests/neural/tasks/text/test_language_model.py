"""`LanguageModel`: how probable texts are, what it writes, and how a training goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.clock import Clock
from tests.helpers.examples.text_models import (
    LINES,
    TINY,
    assert_same,
    character_model,
    counting_lines,
    counting_model,
    ticking,
    write_lines,
)
from tests.helpers.examples.topic_examples import stop_at
from w2v import Embeddings, LanguageModel, ModelError, TrainingInterrupted
from w2v.corpora import TextReader
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.neural import models
from w2v.neural.configs import END, START
from w2v.neural.models import Batch
from w2v.neural.names import JUDGES, Judge
from w2v.neural.packing import Packed

CORPUS = counting_lines(120)
SMALL = {**TINY, **LINES, "epochs": 4, "batch_tokens": 64}
LOADED: dict[str, Callable[[], LanguageModel]] = {"words": counting_model, "characters": character_model}
each_model = pytest.mark.parametrize("name", LOADED)


def small(**options: Any) -> LanguageModel:
    return LanguageModel(**{**SMALL, **options})


def losses(model: LanguageModel, text: str, *, ends: bool) -> Any:
    """Return log p of every token of a text that the network reads as a whole."""
    ids = model.network_.units["text"].encode([text])[0]
    inputs, wanted = [START, *ids], [*ids, END]
    batch = Batch(Packed.of([inputs]), np.array(wanted)) if ends else Batch(Packed.of([inputs[:-1]]), np.array(ids))
    return -models.token_losses(model.network_.config, model.network_.parameters, batch).astype(np.float64)


def test_learns_to_count(tmp_path: Path) -> None:
    model = counting_model()
    assert model.write("two", greedy=True).startswith("two three four")
    unseen = counting_lines(50, 7)
    assert model.perplexity(unseen) < 2 and model.perplexity(unseen, by="ngrams") < 2
    assert model.perplexity(unseen, by="mixture") < model.perplexity(unseen)
    assert model.score(["one two three"])[0].log_probability > model.score(["three one two"])[0].log_probability + 3
    model.save(tmp_path / "m")
    loaded = LanguageModel.load(tmp_path / "m")
    assert loaded.get_params() == model.get_params() and loaded.history_ == model.history_
    assert loaded.perplexity(unseen) == model.perplexity(unseen)
    assert loaded.perplexity(unseen, by="ngrams") == model.perplexity(unseen, by="ngrams")
    assert loaded.write("two", seed=3) == model.write("two", seed=3)


@each_model
def test_score_of_what_fits_the_context_is_that_of_a_whole_pass(name: str) -> None:
    model = LOADED[name]()
    texts = ["one two", "three four five", "one", "five four"] if name == "words" else ["one two\nth", "six", "fiv"]
    for text, scored in zip(texts, model.score(texts), strict=True):
        expected = losses(model, text, ends=name == "words")
        np.testing.assert_allclose(scored.log_probabilities, expected, rtol=1e-5, atol=1e-6)
        assert scored.log_probability == pytest.approx(expected.sum(), rel=1e-5)
        assert scored.perplexity == pytest.approx(math.exp(-expected.mean()), rel=1e-5)
        assert len(scored.pieces) + (name == "words") == len(expected)


@each_model
def test_windows_of_a_long_text_overlap_by_half_a_context(name: str) -> None:
    model, context = LOADED[name](), LINES["context"]
    text = "one two three four " * 12
    [scored] = model.score([text])
    ids = model.network_.units["text"].encode([text])[0]
    stream = [START, *ids, *[END] * (name == "words")]
    expected = []
    for i in range(len(stream) - 1):
        # windows begin every half context; a token is told by the first of them that reaches it
        start = 0 if i < context else (i - context) // (context // 2) * (context // 2) + context // 2
        batch = Batch(Packed.of([stream[start : i + 1]]), np.array(stream[start + 1 : i + 2]))
        expected.append(-models.token_losses(model.network_.config, model.network_.parameters, batch)[-1])
    np.testing.assert_allclose(scored.log_probabilities, expected, rtol=1e-4, atol=1e-5)


@each_model
def test_neither_company_nor_workers_change_a_score(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, texts = LOADED[name](), [*counting_lines(30, 5), "", "one two " * 40, "neunundneunzig"]
    alone = [model.score([text], workers=1)[0].log_probabilities for text in texts]
    monkeypatch.setattr("w2v.neural.tasks.text.answers._AT_ONCE", 50)
    for workers in (1, 3):
        for scored, expected in zip(model.score(texts, workers=workers), alone, strict=True):
            assert np.array_equal(scored.log_probabilities, expected)
    others: tuple[Judge, ...] = ("ngrams", "mixture")
    for by in others:
        for scored, text in zip(model.score(texts, by=by), texts, strict=True):
            assert np.array_equal(scored.log_probabilities, model.score([text], by=by)[0].log_probabilities)


def test_empty_texts_have_scores() -> None:
    [line] = counting_model().score([""])
    assert line.pieces == [] and len(line.log_probabilities) == 1 and line.to_dict()["end_log_probability"] < 0
    [running] = character_model().score([""])
    assert running.log_probability == 0 and math.isnan(running.perplexity)
    assert counting_model().score([]) == [] and math.isnan(character_model().perplexity([]))


def test_ngrams_know_the_text_and_are_the_floor() -> None:
    model = counting_model()
    [scored] = model.score(["one two three"], by="ngrams")
    assert len(scored.log_probabilities) == 4 and (scored.log_probabilities <= 0).all()
    floor = model.network_.metadata["ngram_loss"]
    assert 0 < floor < model.history_[0]["held_out_loss"]


@each_model
def test_the_mixture_is_that_of_both_with_the_best_weight_on_what_was_held_out(name: str) -> None:
    model, texts = LOADED[name](), counting_lines(20, 8)
    weight = model.network_.metadata["mixture_weight"]
    network, ngrams, mixture = (
        np.concatenate([one.log_probabilities for one in model.score(texts, by=by)]) for by in JUDGES
    )
    assert 0 < weight < 1
    np.testing.assert_allclose(np.exp(mixture), weight * np.exp(network) + (1 - weight) * np.exp(ngrams), rtol=1e-12)
    assert model.network_.metadata["mixture_loss"] < model.network_.metadata["ngram_loss"] + 1e-9


def test_who_may_be_asked() -> None:
    model = counting_model()
    with pytest.raises(ValueError, match="by must be one of network, ngrams, mixture, not 'both'"):
        model.score(["one"], by="both")  # type: ignore[arg-type]
    unfinished = LanguageModel(**model.get_params())
    metadata = {name: value for name, value in model.network_.metadata.items() if not name.startswith("mixture")}
    unfinished._keep(replace(model.network_, metadata=metadata))
    with pytest.raises(ValueError, match="only known after training"):
        unfinished.score(["one"], by="mixture")


@each_model
def test_writing_is_decided_by_its_options(name: str) -> None:
    model = LOADED[name]()
    greedy = model.write("one", greedy=True, max_tokens=40)
    assert greedy == model.write("one", greedy=True, max_tokens=40, seed=9)
    assert greedy == model.write("one", top_k=1, max_tokens=40)
    assert greedy == model.write("one", top_p=1e-9, max_tokens=40)
    assert greedy == model.write("one", temperature=1e-4, max_tokens=40)
    drawn = {model.write("o", temperature=3.0, max_tokens=30, seed=seed) for seed in range(5)}
    assert len(drawn) > 2 and model.write("o", temperature=3.0, max_tokens=30, seed=4) in drawn
    for prompt in ("", "one", "one "):
        told: list[str] = []
        written = model.write(prompt, max_tokens=20, on_piece=told.append)
        assert written == prompt + "".join(told)


def test_parts_of_a_character_are_told_together() -> None:
    pytest.importorskip("tokenizers")
    model = small(units="subwords", vocabulary_size=260, epochs=30).fit(["好久不见", "你好"] * 60)
    told: list[str] = []
    written = model.write("好", max_tokens=12, greedy=True, on_piece=told.append)
    assert written == "好" + "".join(told) and "久" in told and not any("\ufffd" in piece for piece in told)


def test_prompts_of_every_length() -> None:
    lines, running = counting_model(), character_model()
    assert lines.write("", greedy=True) and running.write("", max_tokens=7).__len__() == 7
    long = "one two three four " * 30
    assert running.write(long, max_tokens=50, greedy=True).startswith(long)
    assert len(running.write(long, max_tokens=50)) == len(long) + 50
    # of what is longer than its context, the last half is seen
    seen = "three four one two three four one two"
    assert len(seen.split()) == LINES["context"] // 2
    ways = [before + seen for before in (long, "six five " * 40)]
    added = {lines.write(way, max_tokens=3, greedy=True).removeprefix(way) for way in ways}
    assert len(added) == 1
    # a new window reads half a context, and goes on as if that were all
    tail = long[-LINES["context"] // 2 :]
    state, starts = running._generating().prompted(Packed.of([running.network_.units["text"].encode([tail])[0][1:]]), 0)
    assert len(running.write("x" * 15, max_tokens=40)) == 55 and state.n_rows == len(starts) == 1


def test_prompt_comes_back_as_it_was_given() -> None:
    assert counting_model().write("two  unknown\tthree ", greedy=True, max_tokens=1).startswith("two  unknown\tthree ")
    assert character_model().write("\U0001f600好", max_tokens=3, greedy=True).startswith("\U0001f600好")


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 0}, {"temperature": 0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}, {"seed": -1},
        {"seed": 2**32}, {"seed": 2.5}, {"max_tokens": 2.5}, {"max_tokens": np.nan}, {"top_k": 2.5},
        {"temperature": "1"},
    ],
)  # fmt: skip
def test_bad_options_of_writing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        counting_model().write("one", **options)


@pytest.mark.parametrize("workers", [-3, 0, 1.5])
def test_no_threads_score_nothing(workers: Any) -> None:
    with pytest.raises(ValueError, match="workers must be a whole number from 1 to 1024"):
        counting_model().score(["one"], workers=workers)


def test_a_text_is_no_list_of_texts() -> None:
    for ask in (counting_model().score, counting_model().perplexity):
        with pytest.raises(TypeError, match=r"a list of texts is needed, not one: write \['one two'\]"):
            ask("one two")


def test_corpus_is_told_as_of_word_vectors(tmp_path: Path) -> None:
    """Strings that name files are files; lists of tokens are no texts."""
    files = [str(write_lines(tmp_path / f"{i}.txt", CORPUS[i::2])) for i in range(2)]
    found = small(epochs=1).fit(files)
    assert found.network_.inputs == tuple(files) and "one" in found.network_.units["text"].pieces
    with pytest.raises(ValueError, match=r"missing\.txt: there is no such file"):
        small().fit([*files, str(tmp_path / "missing.txt")])
    with pytest.raises(TypeError, match="not on lists of tokens"):
        small().fit([line.split() for line in CORPUS])


def test_no_seed_draws_one() -> None:
    found = small(epochs=1, random_state=None).fit(CORPUS).network_
    assert found.seed is not None and isinstance(found.metadata["parameters"]["random_state"], int)


def test_the_largest_seed_writes_beyond_the_context() -> None:
    assert len(character_model().write(seed=2**32 - 1, max_tokens=40)) == 40


@pytest.mark.parametrize("limit", [{}, {"max_time": 30.0, "epochs": None}], ids=["epochs", "max_time"])
@pytest.mark.parametrize("units", ["words", "characters"])
def test_interrupted_training_ends_at_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any], units: str
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes("\n".join(CORPUS).encode() + b"\n\xff\n")
    reader, options = TextReader(corpus, errors="replace"), {"units": units, "epochs": 2, **limit}
    clock = Clock(monkeypatch)

    whole = small(**options).fit(reader, progress=ticking(clock))
    with pytest.raises(TrainingInterrupted):
        small(**options).fit(reader, progress=ticking(clock, 10), checkpoint=tmp_path / "out")
    loaded = LanguageModel.load(tmp_path / "out")
    assert not loaded.is_complete_ and loaded.write("one", max_tokens=3)
    assert_same(loaded.resume(checkpoint=tmp_path / "out", progress=ticking(clock)).network_, whole.network_)
    assert_same(LanguageModel.load(tmp_path / "out").network_, whole.network_)


def test_what_cannot_go_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted):
        small().fit(CORPUS, checkpoint=tmp_path / "out", progress=stop_at(10))
    with pytest.raises(ValueError, match="were not in files: pass them again, in Python: LanguageModel"):
        LanguageModel.load(tmp_path / "out").resume()
    with pytest.raises(ValueError, match="another text"):
        LanguageModel.load(tmp_path / "out").resume(CORPUS[1:])
    assert LanguageModel.load(tmp_path / "out").resume(CORPUS).is_complete_
    with pytest.raises(ValueError, match="training is complete"):
        counting_model().resume(CORPUS)


@pytest.mark.parametrize(
    ("options", "corpus", "message"),
    [
        ({}, ["", "  "], "there is no text"),
        ({}, ["one two"], "too short to hold out a part"),
        ({"units": "characters"}, ["a"], "too short to hold out a part"),
        ({"units": "subwords", "vocabulary_size": 10}, CORPUS, "must have from 259"),
        ({"dim": 30, "heads": 4}, CORPUS, "dim must be a multiple of heads: 30"),
        ({"epochs": 0}, CORPUS, "epochs must be"),
        ({"max_time": -1.0}, CORPUS, "max_time must be"),
        ({"positions": "fraction"}, CORPUS, "positions must be"),
        ({"order": 8}, CORPUS, "order must be"),
        ({"min_count": 1000}, CORPUS, "contain nothing to build a vocabulary from"),
        ({"tokenizer": "klingon"}, CORPUS, "klingon"),
        ({"tokenizer": str.split}, CORPUS, "cannot be saved with the model"),
    ],
)
def test_bad_input_is_told_in_a_sentence(options: dict[str, Any], corpus: list[str], message: str) -> None:
    with pytest.raises((ValueError, ModelError), match=message):
        small(**options).fit(corpus)


def test_vocabulary_larger_than_the_text_is_that_of_the_text() -> None:
    assert small(vocabulary_size=5000, epochs=1).fit(CORPUS).network_.config.vocabulary_size == 9
    found = small(vocabulary_size=5, epochs=1).fit(CORPUS)
    assert found.network_.config.vocabulary_size == 5
    assert "<unk>" in found.score(["one two three four"])[0].pieces


def test_tokenizers_come_back(tmp_path: Path) -> None:
    for tokenizer in ("words", WordsTokenizer(lowercase=False)):
        found = small(tokenizer=tokenizer, epochs=1).fit([line.title() for line in CORPUS])
        found.save(tmp_path / "m", overwrite=(tmp_path / "m").exists())
        loaded = LanguageModel.load(tmp_path / "m")
        assert loaded.tokenizer == tokenizer
        assert loaded.perplexity(["One, two!"]) == found.perplexity(["One, two!"])


def test_words_to_start_from() -> None:
    vectors = np.random.default_rng(1).normal(size=(2, 16)).astype(np.float32)
    plain, started = (
        small(learning_rate=0.0, epochs=1).fit(CORPUS, initial=initial).network_
        for initial in (None, Embeddings(["three", "sechs"], vectors))
    )
    before, after = (one.parameters["embedding.table"] for one in (plain, started))
    rows = np.flatnonzero((before != after).any(axis=1)).tolist()
    assert [started.units["text"].pieces[row] for row in rows] == ["three"]


@pytest.mark.parametrize(
    "options",
    [
        {"units": "subwords", "vocabulary_size": 300, "positions": "sinusoidal", "norm": "post"},
        {"units": "subwords", "vocabulary_size": 300, "separate_lines": False, "positions": "relative"},
        {"units": "characters", "separate_lines": True, "positions": "learned"},
        {"units": "words", "separate_lines": False, "positions": "index"},
    ],
)
def test_every_kind_of_units_and_network(options: dict[str, Any], tmp_path: Path) -> None:
    if options["units"] == "subwords":
        pytest.importorskip("tokenizers")
    model = small(epochs=1, **options).fit(CORPUS)
    model.save(tmp_path / "m")
    loaded = LanguageModel.load(tmp_path / "m")
    texts = ["one two " * 30, "好", "six"]
    for scored, same in zip(model.score(texts), loaded.score(texts), strict=True):
        assert np.array_equal(scored.log_probabilities, same.log_probabilities)
    assert loaded.write("one ", max_tokens=60) == model.write("one ", max_tokens=60)
    assert loaded.write("one ", max_tokens=60).startswith("one ")
