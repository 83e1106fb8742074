"""Blocks beside the first: a hashed bag of words and the plain mean, in every way that sentences are encoded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.examples.encoder_examples import COUNTS, SENTENCES, WORDS, make_embeddings
from tests.helpers.twins import naive_encoder
from w2v import ModelError
from w2v.corpora.readers import Block
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import EncoderState, SentenceEncoder, sif_state
from w2v.encoder.evaluation.baselines import BagOfWords
from w2v.encoder.model.blocks import DEFAULT_BAG, NO_BLOCKS, Blocks, HashedBag, PlainMean
from w2v.encoder.model.contributions import token_shares
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.persistence import BLOCKS_FILE, load_encoder, save_encoder
from w2v.encoder.model.pooling import Pooling
from w2v.encoder.training.fit_options import FitOptions
from w2v.storage.tensors import write_tensors

TEXTS = [*SENTENCES, "unheard of", "the unheard river", "river river unheard unheard", "the a the a"]
A, COLUMNS, BAG, MEAN = 1e-3, 37, 0.5, 0.3
SHARE = {word: float(count / COUNTS.sum()) for word, count in zip(WORDS, COUNTS, strict=True)}


def make_blocks(*names: str) -> Blocks:
    bag = HashedBag(COLUMNS, BAG, A) if "bag" in names else None
    mean = PlainMean(np.ascontiguousarray(make_embeddings(9, seed=3).vectors), MEAN) if "mean" in names else None
    return Blocks(bag, mean)


def make_state(*names: str, **options: Any) -> EncoderState:
    return replace(sif_state(make_embeddings(), **options), blocks=make_blocks(*names))


def expected(state: EncoderState, first: NDArray[np.float64], text: str) -> NDArray[np.float64]:
    """Return the vector of a sentence whose first block is known, not brought to length 1."""
    tokens = WordsTokenizer()(text)
    parts = [(first, 1.0)]
    if state.blocks.bag is not None:
        parts.append((naive_encoder.hashed_bag(tokens, SHARE, A, COLUMNS), BAG))
    if state.blocks.mean is not None:
        vectors = dict(zip(WORDS, state.blocks.mean.vectors.astype(float), strict=True))
        parts.append((sum((vectors[token] for token in tokens if token in vectors), np.zeros(9)), MEAN))
    return naive_encoder.side_by_side(parts)


@pytest.mark.parametrize("names", [("bag",), ("mean",), ("bag", "mean")])
@pytest.mark.parametrize("options", [{}, {"identity_scale": 0.4}], ids=["plain", "identity"])
def test_blocks_of_a_static_encoder_are_those_of_their_twin(names: tuple[str, ...], options: dict[str, Any]) -> None:
    state = make_state(*names, **options)
    sums = Inference(replace(state, blocks=NO_BLOCKS), 1).encode(TEXTS, Output(normalize=False))
    found = Inference(state, 1).encode(TEXTS, Output(normalize=False))
    assert found.shape == (len(TEXTS), state.dimension)
    for text, first, vector in zip(TEXTS, sums, found, strict=True):
        np.testing.assert_allclose(vector, expected(state, first.astype(float), text), atol=2e-6)
    units = Inference(state, 2).encode(TEXTS, Output(), batch_size=2)
    lengths = np.linalg.norm(found.astype(float), axis=1, keepdims=True)
    np.testing.assert_allclose(units, found / np.where(lengths > 0, lengths, 1), atol=1e-6)
    if names == ("bag",) and not options:
        assert not sums[TEXTS.index("unheard of")].any() and units[TEXTS.index("unheard of")].any()


@pytest.mark.parametrize("architecture", ["attention", "convolution"])
def test_blocks_stand_beside_a_network_which_does_not_see_unknown_words(architecture: str) -> None:
    encoder = SentenceEncoder(make_embeddings(), architecture, heads=2, dim=8, random_state=3)
    parameters = encoder.state.parameters
    assert parameters is not None
    for array in parameters.values():
        array += np.random.default_rng(4).normal(size=array.shape).astype(np.float32) / 3
    state = replace(encoder.state, blocks=make_blocks("bag", "mean"))
    sums = Inference(encoder.state, 1).encode(TEXTS, Output(normalize=False))
    found = Inference(state, 1).encode(TEXTS, Output(normalize=False))
    for text, first, vector in zip(TEXTS, sums, found, strict=True):
        np.testing.assert_allclose(vector, expected(state, first.astype(float), text), atol=5e-6)


def test_attention_has_zeros_for_words_that_only_the_bag_knows() -> None:
    state = replace(SentenceEncoder(make_embeddings(), "attention", dim=8, heads=2).state, blocks=make_blocks("bag"))
    encoded = Inference(state, 1).explain(["the unheard river"], Output(), with_attention=True)
    assert encoded.tokens == [["the", "unheard", "river"]] and encoded.attention is not None
    [weights] = encoded.attention
    assert weights.shape == (1, 2, 3, 3)
    assert not weights[..., 1, :].any() and not weights[..., 1].any()
    np.testing.assert_allclose(weights[0, :, [0, 2]].sum(axis=-1), 1, atol=1e-6)
    assert token_shares(encoded.token_vectors[0])[1] > 0


@pytest.mark.parametrize("architecture", ["static", "attention"])
def test_contributions_of_words_add_up_to_the_vector(architecture: str) -> None:
    start = SentenceEncoder(make_embeddings(), architecture, dim=8, heads=2, random_state=1).state
    state = replace(start, blocks=make_blocks("bag", "mean"))
    encoded = Inference(state, 1).explain(TEXTS, Output(normalize=False))
    for vector, rows in zip(encoded.vectors, encoded.token_vectors, strict=True):
        np.testing.assert_allclose(rows.astype(float).sum(axis=0), vector, atol=5e-6)
        if vector.any():
            assert token_shares(rows).sum() == pytest.approx(1)
    whole = Inference(state, 1).encode(TEXTS, Output(normalize=False))
    np.testing.assert_allclose(encoded.vectors, whole, atol=1e-6)


def test_vectors_depend_on_no_other_sentence_and_on_no_way_to_ask() -> None:
    state = make_state("bag", "mean")
    encoder = SentenceEncoder(state, workers=2)
    together = encoder.encode(TEXTS)
    alone = np.vstack([encoder.encode([text], batch_size=1) for text in TEXTS])
    assert together.tobytes() == alone.tobytes()
    lines = [text for text in TEXTS if "\n" not in text]
    data = Block("\n".join([*lines, ""]).encode(), "", 0, True)
    [(_, streamed)] = Inference(state, 1).encode_blocks([data], Output())
    assert streamed.tobytes() == encoder.encode(lines).tobytes()
    assert encoder.encode(TEXTS, precision="float16").tobytes() == together.astype(np.float16).tobytes()
    first = SentenceEncoder(sif_state(make_embeddings())).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS, truncate_dim=20), first, atol=1e-6)


def test_a_vector_that_is_not_finite_is_refused() -> None:
    state = make_state("bag")
    state.table[2] = np.inf
    with pytest.raises(ValueError, match="not finite: the model is damaged"):
        SentenceEncoder(state).encode(["river"])


@pytest.mark.parametrize("prefix", [1, 3])
def test_words_of_one_beginning_are_one_word(prefix: int) -> None:
    state = replace(sif_state(make_embeddings()), blocks=Blocks(HashedBag(COLUMNS, BAG, np.inf, prefix)))
    first, second, third = Inference(state, 1).encode(["straße 日本語", "straps 日本語x", "strip 日本"], Output())[
        :, 20:
    ]
    cut = naive_encoder.hashed_bag(["straße"[:prefix], "日本語"[:prefix]], {}, A, COLUMNS)
    for bag in (first, second):
        np.testing.assert_allclose(bag / np.linalg.norm(bag), cut / np.linalg.norm(cut), atol=1e-6)
    same = first @ third / np.linalg.norm(first) / np.linalg.norm(third)
    assert same == pytest.approx(1, abs=1e-6) if prefix == 1 else same < 0.9


def test_the_baseline_is_such_a_block_alone() -> None:
    vectors = BagOfWords(make_embeddings(), A, COLUMNS).encode(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        bag = naive_encoder.hashed_bag(WordsTokenizer()(text), SHARE, A, COLUMNS)
        np.testing.assert_allclose(vector, naive_encoder.side_by_side([(bag, 1.0)]), atol=1e-6)


# parameters


def test_blocks_are_asked_for_by_parameters() -> None:
    embeddings = make_embeddings()
    encoder = SentenceEncoder(embeddings, bag_columns=COLUMNS, mean_weight=MEAN)
    blocks = encoder.state.blocks
    assert blocks.bag == replace(DEFAULT_BAG, columns=COLUMNS)
    assert blocks.mean is not None and blocks.mean.weight == MEAN
    assert blocks.mean.vectors.tobytes() == np.asarray(embeddings.vectors).tobytes()
    assert encoder.dimension == 20 + COLUMNS + 20
    assert not SentenceEncoder(embeddings).state.blocks


def test_blocks_of_the_encoder_to_start_from_stay_unless_others_are_asked_for() -> None:
    state = make_state("bag", "mean")
    assert SentenceEncoder(state).state.blocks.describe() == state.blocks.describe()
    assert SentenceEncoder(state, bag_columns=5).state.blocks.bag == HashedBag(5, BAG, A)
    assert SentenceEncoder(state, bag_prefix=3).state.blocks.bag == HashedBag(COLUMNS, BAG, A, 3)
    assert SentenceEncoder(state, bag_weight=2).state.blocks.bag == HashedBag(COLUMNS, 2, A)
    heavier = SentenceEncoder(state, mean_weight=2).state.blocks.mean
    assert heavier is not None and state.blocks.mean is not None and heavier.vectors is state.blocks.mean.vectors
    assert not SentenceEncoder(state, bag_columns=0, mean_weight=0).state.blocks


def test_training_on_a_corpus_alone_has_a_bag_beside_unless_something_is_said_of_it() -> None:
    texts = ["The river is a river. The straße is a straße. A river is the river." for _ in range(60)]
    options = FitOptions(steps=2, batch_size=4, min_tokens=1, warmup=1)
    embeddings = make_embeddings()
    fitted = SentenceEncoder(embeddings, training=options).fit(texts)
    assert fitted.state_.blocks.bag == DEFAULT_BAG
    assert fitted.state_.width == 20 and fitted.dimension == 20 + DEFAULT_BAG.columns
    alone = SentenceEncoder(embeddings, bag_columns=0, training=options).fit(texts)
    assert not alone.state_.blocks
    assert alone.state_.table.tobytes() == fitted.state_.table.tobytes()  # training does not look at it
    pairs = SentenceEncoder(embeddings, training=options).fit(pairs=[("the river", "a river")] * 9 + [("42", "x")] * 9)
    assert not pairs.state_.blocks
    again = SentenceEncoder(alone.state_, frozen=False, training=options).fit(texts)
    assert not again.state_.blocks


@pytest.mark.parametrize(
    "start, options, message",
    [
        ("words", {"bag_columns": -1}, "bag_columns must be a whole number from 0"),
        ("words", {"bag_columns": 0, "bag_weight": 0.5}, "but bag_columns=0 disables it"),
        ("words", {"bag_columns": 0, "bag_prefix": 5}, "but bag_columns=0 disables it"),
        ("words", {"bag_prefix": -1}, "bag_prefix must be a whole number from 0"),
        ("words", {"bag_weight": 0.0}, "bag_weight must be"),
        ("words", {"mean_weight": -1.0}, "mean_weight must be"),
        ("state", {"mean_weight": 1.0}, "mean_weight needs word vectors to start from"),
    ],
)
def test_parameters_of_blocks_are_checked(start: str, options: dict[str, Any], message: str) -> None:
    embeddings = make_embeddings() if start == "words" else sif_state(make_embeddings())
    with pytest.raises(ValueError, match=message):
        _ = SentenceEncoder(embeddings, **options).state


def test_a_state_refuses_blocks_that_do_not_fit() -> None:
    state = sif_state(make_embeddings())
    with pytest.raises(ValueError, match="10 words, but the mean is of 3 vectors"):
        replace(state, blocks=Blocks(mean=PlainMean(np.ones((3, 2), np.float32), 1.0)))
    with pytest.raises(ValueError, match="cannot have further blocks"):
        replace(state, pooling=Pooling(kept=5), blocks=make_blocks("bag"))
    with pytest.raises(TypeError, match="must be float32"):
        PlainMean(np.ones((10, 2)), 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot have the shape"):
        PlainMean(np.ones(10, np.float32), 1.0)
    with pytest.raises(ValueError, match="needs at least one column"):
        HashedBag(0, 1.0, A)


# folders


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("names", [("bag",), ("mean",), ("bag", "mean")])
def test_blocks_come_back_bit_for_bit(tmp_path: Path, names: tuple[str, ...], mmap: bool) -> None:
    state = make_state(*names)
    save_encoder(state, tmp_path / "m")
    loaded = load_encoder(tmp_path / "m", mmap=mmap)
    assert loaded.blocks.describe() == state.blocks.describe() and loaded.width == state.width
    assert (tmp_path / "m" / BLOCKS_FILE).exists() == ("mean" in names)
    assert SentenceEncoder(loaded).encode(TEXTS).tobytes() == SentenceEncoder(state).encode(TEXTS).tobytes()
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["format_version"] == 3 and config["dimension"] == state.dimension


def test_an_infinite_a_comes_back(tmp_path: Path) -> None:
    bag = HashedBag(5, 0.5, np.inf)
    save_encoder(replace(sif_state(make_embeddings()), blocks=Blocks(bag)), tmp_path / "m")
    assert load_encoder(tmp_path / "m").blocks.bag == bag


def config(**entries: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))

    return damage


BAG_ENTRIES = {"columns": COLUMNS, "weight": BAG, "a": A, "prefix": 0}
MEAN_ENTRIES = {"columns": 9, "weight": MEAN}


@pytest.mark.parametrize(
    "damage, message",
    [
        (config(blocks=[]), "blocks has the wrong type, list"),
        (config(blocks={}), "its blocks: blocks must contain a bag, a mean or both"),
        (config(blocks={"bag": BAG_ENTRIES, "import": "os"}), "and nothing else"),
        (config(blocks={"bag": []}), "the bag must contain a, columns, prefix, weight"),
        (config(blocks={"bag": {"columns": 5}}), "the bag must contain a, columns, prefix, weight"),
        (config(blocks={"bag": {**BAG_ENTRIES, "prefix": 1.5}}), "bag_prefix must be"),
        (config(blocks={"bag": {**BAG_ENTRIES, "columns": True}}), "bag_columns must be a whole number"),
        (config(blocks={"bag": {**BAG_ENTRIES, "columns": 10**9}}), "bag_columns must be a whole number"),
        (config(blocks={"bag": {**BAG_ENTRIES, "columns": None}}), "a block needs at least one column"),
        (config(blocks={"bag": {**BAG_ENTRIES, "columns": 38}, "mean": MEAN_ENTRIES}), "do not make up its dimension"),
        (config(blocks={"bag": {**BAG_ENTRIES, "weight": "1"}}), "bag_weight must be"),
        (config(blocks={"bag": {**BAG_ENTRIES, "weight": -1}}), "bag_weight must be"),
        (config(blocks={"bag": {**BAG_ENTRIES, "a": 0}}), "a must be"),
        (config(blocks={"bag": BAG_ENTRIES, "mean": {**MEAN_ENTRIES, "columns": 8}}), "the array of the mean has"),
        (config(blocks={"bag": BAG_ENTRIES, "mean": {**MEAN_ENTRIES, "weight": 0}}), "a weight above 0"),
        (config(blocks={"bag": BAG_ENTRIES, "mean": 5}), "the mean must contain columns, weight"),
        (config(table_columns=19), "'table' is float32|do not make up"),
        (config(table_columns="20"), "do not make up its dimension"),
        (config(dimension=20), "do not make up its dimension"),
        (lambda folder: (folder / BLOCKS_FILE).unlink(), "blocks.safetensors does not exist"),
        (lambda folder: (folder / BLOCKS_FILE).write_bytes(b"\0" * 9), "blocks.safetensors is damaged"),
        (lambda folder: write_tensors(folder / BLOCKS_FILE, {}), "the array of the mean is missing"),
        (
            lambda folder: write_tensors(folder / BLOCKS_FILE, {"mean": np.ones((9, 9), np.float32)}),
            "10 words, but the mean is of 9",
        ),
        (lambda folder: write_tensors(folder / BLOCKS_FILE, {"mean": np.ones((10, 9))}), "must be float32"),
    ],
)
def test_load_refuses_damaged_blocks(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    save_encoder(make_state("bag", "mean"), tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ModelError, match=message) as raised:
        load_encoder(tmp_path / "m")
    assert str(tmp_path / "m") in str(raised.value)
