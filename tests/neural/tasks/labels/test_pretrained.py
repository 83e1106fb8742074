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


def tagged(start: Any, **options: Any) -> Tagger:
    return Tagger(**STILL | options).fit(NAMED.sentences, NAMED.tags, start=start)


def classified(start: Any, **options: Any) -> TextClassifier:
    return TextClassifier(**STILL | options).fit(TEXTS, LABELS, start=start)


FITS = pytest.mark.parametrize("fit", [tagged, classified])


@FITS
@pytest.mark.parametrize(
    ("architecture", "norm", "head"),
    [("attention", "pre", "branch"), ("attention", "post", "linear"), ("recurrent", "pre", "branch"),
     ("convolution", "pre", "branch")],
)  # fmt: skip
def test_layers_are_the_pretrained_ones_to_the_bit(
    fit: Callable[..., Any], architecture: str, norm: str, head: str
) -> None:
    began = encoder(architecture, norm, head)
    network, config = fit(began).network_, began.state_.network
    assert config is not None and began.state_.parameters is not None
    assert network.config.encoder == config.stack
    own = scope(network.parameters, "encoder")
    assert set(own) == set(config.stack.tensors())
    for name, array in own.items():
        assert np.array_equal(array, began.state_.parameters[name]), name
    assert network.metadata["start"] == {"layers": 2, "words": network.metadata["start"]["words"]}


def test_layers_read_what_they_read_before() -> None:
    """Without what a tagger reads besides, its hidden states are the encoder's, but for the vectors' float16."""
    began = encoder()
    state = began.state_
    tagger = tagged(began)
    network: TextNetwork = tagger.network_
    lexicon, tokens = encode(NAMED, network.units["text"], network.further["vectors"]["table"])
    read_as = dict(scope(network.parameters, "inputs"))
    besides = ("words.table", "ngrams.table", "shapes.table", "columns.0.table")
    read_as |= {name: np.zeros_like(read_as[name]) for name in besides}
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
def test_a_start_learns_is_kept_and_goes_on_to_the_same_bits(fit: Callable[..., Any], tmp_path: Path) -> None:
    options = QUICK | {"learning_rate": 0.01}
    whole, again = fit(encoder(), **options), fit(encoder(), **options)
    assert np.array_equal(whole.network_.parameters.flat, again.network_.parameters.flat)
    kind = type(whole)
    still = fit(encoder())
    assert not np.array_equal(whole.network_.parameters.flat, still.network_.parameters.flat)
    data = (NAMED.sentences, NAMED.tags) if kind is Tagger else (TEXTS, LABELS)
    model = kind(**options)
    with pytest.raises(TrainingInterrupted):
        model.fit(*data, start=encoder(), checkpoint=tmp_path / "m", progress=stop_at(2))
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


def test_vectors_are_not_for_a_start() -> None:
    with pytest.raises(ValueError, match="vectors cannot be combined with start"):
        Tagger(**STILL).fit(NAMED.sentences, NAMED.tags, start=encoder(), vectors=vectors())
    with pytest.raises(ValueError, match="vectors cannot be combined with start"):
        TextClassifier(**STILL).fit(TEXTS, LABELS, start=encoder(), vectors=vectors())


def test_pieces_of_words_are_no_start() -> None:
    state = replace(encoder().state_, tokenizer=PiecesTokenizer("{}"))
    with pytest.raises(ValueError, match="read pieces of words"):
        tagged(SentenceEncoder(state))
