"""Taggers and classifiers that start from layers that were trained before: to the bit, and what is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.label_examples import topic_texts
from tests.helpers.examples.tag_models import named_sentences, without_columns
from tests.helpers.examples.topic_examples import stop_at
from w2v import Embeddings, LanguageModel, ModelError, SentenceEncoder, Tagger, TextClassifier, TrainingInterrupted
from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.training.fit_options import FitOptions
from w2v.neural import stack
from w2v.neural.parameters import scope
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels import inputs
from w2v.neural.tasks.labels.pretrained import start_of
from w2v.neural.tasks.labels.tagging_data import encode

NAMED = without_columns(named_sentences(60))
TEXTS, LABELS = topic_texts()
WORDS = sorted(
    {word.lower() for words in NAMED.sentences for word in words} | {w for text in TEXTS for w in text.split()}
)
QUICK: dict[str, Any] = {"workers": 1, "epochs": 2, "batch_tokens": 128, "averaged": 1, "evaluate_every": 2}
STILL: dict[str, Any] = QUICK | {"epochs": 1, "learning_rate": 0.0}


def vectors() -> Embeddings:
    return Embeddings(WORDS, np.random.default_rng(1).normal(size=(len(WORDS), 6)).astype(np.float32))


@functools.cache
def encoder(architecture: str = "attention", norm: str = "pre", head: str = "branch") -> SentenceEncoder:
    """Return an encoder whose layers masked words have trained a little; not to be changed."""
    options = FitOptions(
        objective="masked",
        steps=10,
        batch_size=16,
        evaluate_every=10,
        min_tokens=2,
        seed=1,
        workers=1,
        network_rate=0.01,
    )
    lines = [*(" ".join(words) for words in NAMED.sentences), *TEXTS]
    model = SentenceEncoder(
        vectors(), architecture, layers=2, dim=8, heads=2, norm=norm, head=head, feed_forward=1.5, training=options
    )
    return model.fit(lines)


def wide() -> Embeddings:
    """Return word vectors of another width, of some of the words and of others."""
    words = [*WORDS[::2], "Zanzibar", "zanzibar", "unheard"]
    return Embeddings(words, np.random.default_rng(2).normal(size=(len(words), 9)).astype(np.float32))


def tagged(start: Any, given: Embeddings | None = None, **options: Any) -> Tagger:
    return Tagger(**STILL | options).fit(NAMED.sentences, NAMED.tags, start=start, vectors=given)


def classified(start: Any, given: Embeddings | None = None, **options: Any) -> TextClassifier:
    return TextClassifier(**STILL | options).fit(TEXTS, LABELS, start=start, vectors=given)


FITS = pytest.mark.parametrize("fit", [tagged, classified])
GIVEN = pytest.mark.parametrize("given", [None, wide()], ids=["alone", "beside"])


@FITS
@GIVEN
@pytest.mark.parametrize(
    ("architecture", "norm", "head"),
    [("attention", "pre", "branch"), ("attention", "post", "linear"), ("recurrent", "pre", "branch"),
     ("convolution", "pre", "branch")],
)  # fmt: skip
def test_layers_are_the_pretrained_ones_to_the_bit(
    fit: Callable[..., Any], architecture: str, norm: str, head: str, given: Embeddings | None
) -> None:
    began = encoder(architecture, norm, head)
    network, config = fit(began, given).network_, began.state_.network
    assert config is not None and began.state_.parameters is not None
    assert network.config.encoder == config.stack
    own = scope(network.parameters, "encoder")
    assert set(own) == set(config.stack.tensors())
    for name, array in own.items():
        assert np.array_equal(array, began.state_.parameters[name]), name
    assert network.metadata["start"] == {"layers": 2, "words": network.metadata["start"]["words"]}


@GIVEN
def test_layers_read_what_they_read_before(given: Embeddings | None) -> None:
    """Without what a tagger reads besides, its hidden states are the encoder's, but for the vectors' float16."""
    began = encoder()
    state = began.state_
    tagger = tagged(began, given)
    network: TextNetwork = tagger.network_
    lexicon, tokens = encode(NAMED, network.units["text"], network.further["vectors"]["table"])
    read_as = dict(scope(network.parameters, "inputs"))
    besides = [name for name in read_as if name.endswith("table")]
    read_as |= {name: np.zeros_like(read_as[name]) for name in besides}
    config = network.config.inputs
    weight = read_as["projection.weight"] = read_as["projection.weight"].copy()
    width = 0 if given is None else given.vector_size
    assert config.given_size == width + 6 and config.spellings == 2
    of_given = weight[config.borders[-2] :].reshape(config.spellings, config.given_size, -1)
    assert of_given[:, :width].any() == (given is not None)
    of_given[:, :width] = 0
    x, _ = inputs.forward(network.config.inputs, read_as, lexicon, tokens)
    h, _ = stack.forward(network.config.encoder, scope(network.parameters, "encoder"), x, tokens.offsets)
    rows = {word: i for i, word in enumerate(state.vocabulary.index_to_key)}
    read = state.table[[rows[word.lower()] for words in NAMED.sentences for word in words]]
    assert state.parameters is not None and state.network is not None
    before = read @ state.parameters["input.weight"] + state.parameters["input.bias"]
    np.testing.assert_allclose(x, before, atol=3e-3)
    expected, _ = stack.forward(state.network.stack, state.parameters, before, tokens.offsets)
    np.testing.assert_allclose(h, expected, atol=2e-2)


@FITS
@GIVEN
def test_a_start_learns_is_kept_and_goes_on_to_the_same_bits(
    fit: Callable[..., Any], given: Embeddings | None, tmp_path: Path
) -> None:
    options = QUICK | {"learning_rate": 0.01}
    whole, again = fit(encoder(), given, **options), fit(encoder(), given, **options)
    assert np.array_equal(whole.network_.parameters.flat, again.network_.parameters.flat)
    kind = type(whole)
    still = fit(encoder(), given)
    assert not np.array_equal(whole.network_.parameters.flat, still.network_.parameters.flat)
    data = (NAMED.sentences, NAMED.tags) if kind is Tagger else (TEXTS, LABELS)
    model = kind(**options)
    with pytest.raises(TrainingInterrupted):
        model.fit(*data, start=encoder(), vectors=given, checkpoint=tmp_path / "m", progress=stop_at(2))
    loaded = kind.load(tmp_path / "m")
    assert loaded.network_.config.encoder.dim == 8 and loaded.network_.config.encoder.layers == 2
    for name in ("dim", "layers"):  # as they were given: a clone takes them from what it starts from
        assert getattr(loaded, name) == getattr(model, name)
    resumed = loaded.resume(*data, checkpoint=tmp_path / "m")
    for one in (resumed, kind.load(tmp_path / "m"), model.resume(*data)):
        assert np.array_equal(one.network_.parameters.flat, whole.network_.parameters.flat)
        assert list(one.predict(data[0][:3])) == list(whole.predict(data[0][:3]))


@FITS
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 16}, "trained with dim 8, not dim 16: leave dim out, or train other layers"),
        (
            {"layers": 3, "heads": 1},
            "trained with layers 2, heads 2, not layers 3, heads 1: leave layers and heads out",
        ),
        ({"layers": 0}, "trained with layers 2, not layers 0"),
        ({"architecture": "convolution"}, "trained with architecture attention, not architecture convolution"),
        ({"norm": "post"}, "trained with norm pre, not norm post"),
        ({"positions": "learned"}, "trained with positions relative, not positions learned"),
        ({"feed_forward": 4.0}, "trained with feed_forward 1.5, not feed_forward 4.0"),
        ({"activation": "tanh"}, "trained with activation gelu, not activation tanh"),
    ],
)
def test_a_network_that_does_not_fit_is_told(fit: Callable[..., Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(encoder(), **options)


@FITS
def test_parameters_that_are_what_the_layers_have_may_be_given(fit: Callable[..., Any]) -> None:
    given = fit(encoder(), dim=8, layers=2, heads=2, architecture="attention", positions="relative", feed_forward=1.5)
    assert np.array_equal(given.network_.parameters.flat, fit(encoder()).network_.parameters.flat)


@FITS
def test_what_is_no_start_is_told(fit: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="my.encoder does not exist"):
        fit("my.encoder")
    with pytest.raises(
        TypeError, match="start must be a SentenceEncoder with a network, or its folder, not a LanguageModel"
    ):
        fit(LanguageModel())
    with pytest.raises(ValueError, match="the encoder to start from has no layers: train some with"):
        fit(SentenceEncoder(vectors()))
    strangers = Embeddings([f"x{i}" for i in range(9)], np.ones((9, 6), np.float32))
    with pytest.raises(ValueError, match="the layers to start from know none of the words"):
        fit(SentenceEncoder(strangers, "attention", dim=8, heads=2, layers=2))


@FITS
def test_folder_of_an_encoder_is_a_start(fit: Callable[[Any], Any], tmp_path: Path) -> None:
    encoder().save(tmp_path / "my.encoder")
    expected = fit(encoder()).network_.parameters.flat
    for folder in (tmp_path / "my.encoder", str(tmp_path / "my.encoder")):
        assert np.array_equal(fit(folder).network_.parameters.flat, expected)


def test_a_word_has_the_vectors_of_each_that_knows_it() -> None:
    layers, given = encoder().pretrained_layers(), wide()
    began = start_of(layers, given, [*WORDS, "Zanzibar"], 100)
    rows = {word: row.astype(np.float32) for word, row in zip(began.given.words, began.given.table[1:], strict=True)}
    assert set(rows) == {*WORDS, *given.index_to_key} and began.width == 9 and not began.given.table[0].any()
    scale = np.sqrt(np.square(given.vectors).mean())
    for word, row in rows.items():
        left = given[word] / scale if word in given else np.zeros(9)
        right = layers.words[word] / began.given.scale if word in layers.words else np.zeros(6)
        np.testing.assert_allclose(row, np.concatenate([left, right]), atol=2e-3)
    cased = start_of(layers, Embeddings([WORDS[0].capitalize()], np.ones((1, 2), np.float32)), WORDS, 100)
    both = cased.given.table[cased.given.words.index(WORDS[0].capitalize()) + 1]
    assert both[:2].all() and both[2:].any()  # the layers know it in lower case


def test_words_that_only_given_vectors_know_are_told_apart() -> None:
    """The layers and the training have seen neither word, so that only their spelling could differ."""
    tagger = tagged(encoder(), wide())
    lexicon = tagger.network_.units["text"].words.lexicon(
        ["unheard", "unknown"], tagger.network_.further["vectors"]["table"]
    )
    table = lexicon.vectors.astype(np.float32)
    known, unknown = (table[lexicon.given[0].take(np.array([k])).rows] for k in (0, 1))
    assert known[:, :9].any() and not known[:, 9:].any() and not unknown.any()


def test_word_rows_of_a_classifier_begin_with_the_given_vectors() -> None:
    given = wide()
    network = classified(encoder(), given).network_
    vocabulary, rows = network.units["features"].vocabulary, network.parameters["inputs.words.table"]
    assert rows.shape[1] == 9
    scale = 0.3 / np.sqrt(np.square(given.vectors).mean())
    for row, word in zip(rows[1:], vocabulary.words, strict=True):
        if word in given:
            np.testing.assert_allclose(row, given[word] * scale, rtol=2e-3, atol=1e-4)
        assert row.any()


def test_pieces_of_words_are_no_start() -> None:
    state = replace(encoder().state_, tokenizer=PiecesTokenizer("{}"))
    with pytest.raises(ValueError, match="read pieces of words"):
        tagged(SentenceEncoder(state))
