"""`SentenceEncoder`: its contract with users and with scikit-learn, and what a vector may depend on."""

from __future__ import annotations

import doctest
import pickle
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils import estimator_checks

from tests.helpers.examples.encoder_examples import COUNTS, SENTENCES, WORDS, make_embeddings
from tests.helpers.twins import naive_encoder
from w2v import Embeddings, ModelError
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import SentenceEncoder, sentence_encoder
from w2v.encoder.formats import write_encoder
from w2v.encoder.model.inference import Encoded, Output
from w2v.encoder.model.network import Network
from w2v.encoder.model.state import sif_state
from w2v.neural.names import POSITIONS


def unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    result: np.ndarray = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return result


def naive_vectors(embeddings: Embeddings, a: float) -> np.ndarray:
    """Return the SIF vectors of `SENTENCES` in plain Python."""
    share = dict(zip(WORDS, COUNTS / COUNTS.sum(), strict=True))
    vectors = dict(zip(WORDS, embeddings.vectors.astype(np.float64), strict=True))
    tokenizer = WordsTokenizer()
    return unit(np.stack([naive_encoder.sif_sum(tokenizer(s), vectors, share, a) for s in SENTENCES]))


def test_encoder_starts_at_sif() -> None:
    embeddings = make_embeddings()
    found = SentenceEncoder(embeddings, a=1e-2).encode(SENTENCES)
    np.testing.assert_allclose(found, naive_vectors(embeddings, 1e-2), atol=1e-6)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(SentenceEncoder(embeddings, a=1e-2).fit().transform(SENTENCES), found)


def test_sentences_without_a_known_word_are_zero() -> None:
    for normalize in (True, False):
        found = SentenceEncoder(make_embeddings(), normalize=normalize).encode(["", "unheard", " ", "the"])
        assert not found[:3].any() and found[3].any()
    assert SentenceEncoder(make_embeddings()).encode([]).shape == (0, 20)


@settings(derandomize=True)
@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 3))
def test_a_vector_depends_on_its_sentence_alone(sentences: list[str], batch_size: int, workers: int) -> None:
    encoder = SentenceEncoder(EMBEDDINGS, workers=workers)
    alone = {sentence: encoder.encode([sentence]).tobytes() for sentence in set(sentences)}
    together = encoder.encode(sentences, batch_size=batch_size)
    assert [row.tobytes() for row in together] == [alone[sentence] for sentence in sentences]


EMBEDDINGS = make_embeddings(33)


def test_the_order_of_words_and_the_case_of_letters_do_not_count() -> None:
    encoder = SentenceEncoder(make_embeddings())
    found = encoder.encode(["the river don't", "RIVER The don\u2019t!"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_long_sentences_count_to_the_end() -> None:
    encoder = SentenceEncoder(make_embeddings(), normalize=False)
    long = encoder.encode(["the " * 9_999 + "river"])
    parts = encoder.encode(["the", "river"]).astype(np.float64)
    np.testing.assert_allclose(long[0], 9_999 * parts[0] + parts[1], rtol=1e-4, atol=1e-4)
    assert len(encoder.inference.rows.find(["the " * 9_999 + "river"]).ids) == 10_000


def test_normalize_truncate_and_precision() -> None:
    encoder = SentenceEncoder(make_embeddings())
    raw = encoder.encode(SENTENCES, normalize=False)
    np.testing.assert_allclose(encoder.encode(SENTENCES), unit(raw), atol=1e-6)
    short = encoder.encode(SENTENCES, truncate_dim=7)
    np.testing.assert_allclose(short, unit(raw[:, :7]), atol=1e-6)
    assert short.flags.c_contiguous
    half = encoder.encode(SENTENCES, precision="float16")
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, unit(raw), atol=1e-3)
    small = encoder.encode(SENTENCES, precision="int8")
    assert small.dtype == np.int8 and not small[2].any()
    np.testing.assert_array_equal(np.abs(small[[0, 1, 4]]).max(axis=1), 127)
    np.testing.assert_allclose(unit(small.astype(np.float64)), unit(raw), atol=0.02)


def test_constructor_options_are_those_of_encode() -> None:
    embeddings = make_embeddings()
    one = SentenceEncoder(embeddings, normalize=False, truncate_dim=5, batch_size=2, workers=2)
    other = SentenceEncoder(embeddings).encode(SENTENCES, normalize=False, truncate_dim=5)
    np.testing.assert_array_equal(one.transform(SENTENCES), other)
    assert one.dimension == 5
    assert one.get_feature_names_out().tolist() == [f"sentenceencoder{i}" for i in range(5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 to"),
        ({"truncate_dim": 0}, "truncate_dim must be a whole number from 1 to"),
        ({"truncate_dim": 21}, "the vectors have only 20 columns"),
        ({"precision": "int4"}, "precision must be 'float32' or 'float16' or 'int8', got 'int4'"),
        ({"return_attention": True}, "a static encoder has no attention"),
    ],
)
def test_encode_refuses_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentenceEncoder(make_embeddings()).encode(SENTENCES, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"architecture": "magic"}, ValueError, "architecture must be 'static' or 'attention' or 'recurrent' or"),
        ({"embeddings": None}, ValueError, "needs word vectors to start from"),
        ({"embeddings": 3}, TypeError, "embeddings must be Embeddings, an EncoderState or a folder, not int"),
        ({"a": -1.0}, ValueError, "a must be a number above 0, got -1.0"),
        ({"workers": 0}, ValueError, "workers must be a whole number from 1 to 1024 or None, got 0"),
    ],
)
def test_constructor_options_are_checked_when_they_are_used(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    encoder = SentenceEncoder(**{"embeddings": make_embeddings(), **options})
    with pytest.raises(error, match=message):
        encoder.encode(["the"])


def test_encode_refuses_what_is_no_list_of_sentences() -> None:
    encoder = SentenceEncoder(make_embeddings())
    with pytest.raises(TypeError, match="a list of sentences, not one string"):
        encoder.transform("the river")
    with pytest.raises(TypeError, match="sentence 1 is not text but NoneType"):
        encoder.encode(["the", None])  # type: ignore[list-item]


def test_encode_says_that_a_model_is_damaged_rather_than_return_nan() -> None:
    state = sif_state(make_embeddings())
    state.table[2, 5] = np.nan
    encoder = SentenceEncoder(state)
    assert encoder.encode(["the"]).any()
    with pytest.raises(ValueError, match="not finite: the model is damaged"):
        encoder.encode(["the river"])


def test_encode_takes_any_iterable_of_text() -> None:
    encoder = SentenceEncoder(make_embeddings())
    expected = encoder.encode(SENTENCES)
    for sentences in (tuple(SENTENCES), iter(SENTENCES), np.array(SENTENCES), np.array(SENTENCES, object)):
        np.testing.assert_array_equal(encoder.encode(sentences), expected)


def test_progress_counts_sentences() -> None:
    calls: list[tuple[int, int]] = []
    encoder = SentenceEncoder(make_embeddings(), workers=2)
    encoder.encode(SENTENCES, batch_size=3, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(3, 8), (6, 8), (8, 8)]


def test_return_tokens_gives_the_rows_that_make_a_vector() -> None:
    encoder = SentenceEncoder(make_embeddings(), identity_scale=0.3)
    found = encoder.encode(SENTENCES, return_tokens=True)
    assert isinstance(found, Encoded) and found.attention is None
    tokenizer = WordsTokenizer()
    assert found.tokens == [tokenizer(sentence) for sentence in SENTENCES]
    np.testing.assert_allclose(found.vectors, encoder.encode(SENTENCES), atol=5e-6)
    sums = np.stack([rows.sum(axis=0) for rows in found.token_vectors])
    np.testing.assert_allclose(unit(sums), found.vectors, atol=1e-6)
    truncated = encoder.encode(SENTENCES, return_tokens=True, truncate_dim=4)
    assert isinstance(truncated, Encoded)
    assert truncated.vectors.shape == (8, 4) and truncated.token_vectors[0].shape == (4, 4)


@pytest.mark.parametrize("workers", [1, 2])
def test_encode_blocks_gives_every_line_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    lines = ["the river", "", "a " * 60 + "42", "unheard", "日本 x", "don't"] * 3
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    encoder = SentenceEncoder(make_embeddings(), workers=workers)
    expected = encoder.encode(lines)
    for block_size in (16, 50, 1 << 20):
        reader = TextReader(tmp_path / "text", block_size=block_size)
        pieces = list(encoder.inference.encode_blocks(reader, Output(), 2))
        assert b"".join(piece for piece, _ in pieces).decode() == "\n".join(lines)
        np.testing.assert_array_equal(np.concatenate([rows for _, rows in pieces]), expected)
        assert len(pieces) > 3


def test_a_fitted_encoder_is_a_start_for_another() -> None:
    fitted = SentenceEncoder(make_embeddings(), a=1e-2, identity_scale=0.2).fit()
    again = SentenceEncoder(fitted.state_)
    np.testing.assert_array_equal(again.encode(SENTENCES), fitted.encode(SENTENCES))


def test_changing_a_parameter_before_fit_counts() -> None:
    encoder = SentenceEncoder(make_embeddings())
    before = encoder.encode(SENTENCES)
    encoder.set_params(a=1.0)
    assert np.abs(encoder.encode(SENTENCES) - before).max() > 0.01
    np.testing.assert_array_equal(
        encoder.encode(SENTENCES), SentenceEncoder(make_embeddings(), a=1.0).encode(SENTENCES)
    )


def test_encoder_survives_pickling_and_cloning() -> None:
    encoder = SentenceEncoder(make_embeddings(), a=1e-2).fit()
    expected = encoder.encode(SENTENCES)
    data = pickle.dumps(encoder)
    np.testing.assert_array_equal(pickle.loads(data).encode(SENTENCES), expected)
    assert len(data) < 20_000  # nothing that can be made again
    copy = clone(encoder)
    assert not hasattr(copy, "state_") and copy.a == 1e-2
    np.testing.assert_array_equal(copy.encode(SENTENCES), expected)


def test_encoder_works_in_a_pipeline() -> None:
    texts = ["the river river", "river a", "a river the", "naïve 42", "42 x naïve", "naïve the"] * 3
    labels = [0, 0, 0, 1, 1, 1] * 3
    pipeline = make_pipeline(SentenceEncoder(make_embeddings(), frozen=True), LogisticRegression()).fit(texts, labels)
    assert pipeline.score(texts, labels) == 1.0
    assert pipeline[:-1].get_feature_names_out().shape == (20,)


GENERAL_CHECKS = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]


@pytest.mark.parametrize("check", GENERAL_CHECKS, ids=lambda check: str(check.__name__))
def test_encoder_is_a_scikit_learn_estimator(check: Any) -> None:
    check("SentenceEncoder", SentenceEncoder(make_embeddings(4)))


def test_encoder_passes_the_checks_that_scikit_learn_finds_applicable() -> None:
    with warnings.catch_warnings():  # that those are left out which need arrays of numbers
        warnings.simplefilter("ignore", SkipTestWarning)
        estimator_checks.check_estimator(SentenceEncoder(make_embeddings(4)))


def test_clones_share_the_vectors() -> None:
    embeddings = make_embeddings()
    assert clone(SentenceEncoder(embeddings)).embeddings is embeddings
    state = sif_state(embeddings)
    assert clone(SentenceEncoder(state)).embeddings is state


others = pytest.mark.parametrize("architecture", ["recurrent", "convolution"])
ATTENTION: dict[str, Any] = {"architecture": "attention", "layers": 2, "heads": 2, "dim": 8, "random_state": 3}


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", POSITIONS)
def test_attention_starts_at_sif(norm: str, positions: str) -> None:
    embeddings = make_embeddings()
    encoder = SentenceEncoder(embeddings, a=1e-2, norm=norm, positions=positions, **ATTENTION)
    found = encoder.encode(SENTENCES)
    np.testing.assert_allclose(found, naive_vectors(embeddings, 1e-2), atol=1e-6)
    assert encoder.state.network is not None and encoder.state.network.layers == 2
    assert SentenceEncoder(encoder.state, architecture="attention").state.network is encoder.state.network


@others
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_other_architectures_start_at_sif(architecture: str, norm: str) -> None:
    embeddings = make_embeddings()
    encoder = SentenceEncoder(embeddings, architecture, a=1e-2, norm=norm, layers=2, dim=8, random_state=3)
    np.testing.assert_allclose(encoder.encode(SENTENCES), naive_vectors(embeddings, 1e-2), atol=1e-6)
    assert encoder.state.architecture == architecture
    with pytest.raises(ValueError, match=f"has the architecture {architecture}: pass"):
        SentenceEncoder(encoder.state, "attention").encode(["the"])
    with pytest.raises(ValueError, match=f"a {architecture} encoder has no attention"):
        encoder.encode(SENTENCES, return_attention=True)


@others
def test_other_architectures_start_nearly_at_sif_behind_a_carrier(architecture: str) -> None:
    embeddings = make_embeddings()
    encoder = SentenceEncoder(
        embeddings, architecture, a=1e-2, norm="post", head="linear", positions="none", dim=32, random_state=3
    )
    np.testing.assert_allclose(encoder.encode(SENTENCES), naive_vectors(embeddings, 1e-2), atol=1e-2)


@others
@pytest.mark.parametrize("workers", [1, 2])
def test_a_vector_of_other_architectures_depends_on_its_sentence_alone(
    architecture: str, workers: int, tmp_path: Path
) -> None:
    encoder = trained_like(SentenceEncoder(EMBEDDINGS, architecture, layers=2, dim=8, workers=workers, random_state=3))
    alone = [encoder.encode([sentence]).tobytes() for sentence in SENTENCES]
    assert [row.tobytes() for row in encoder.encode(SENTENCES, batch_size=3)] == alone
    assert np.abs(encoder.encode(SENTENCES) - SentenceEncoder(EMBEDDINGS).encode(SENTENCES)).max() > 0.01
    encoder.save(tmp_path / "e")
    assert SentenceEncoder.load(tmp_path / "e").encode(SENTENCES).tobytes() == b"".join(alone)
    with pytest.raises(ModelError, match=f"static or have attention, not {architecture}"):
        write_encoder(encoder.state, tmp_path / "f", format="onnx")


def trained_like(encoder: SentenceEncoder) -> SentenceEncoder:
    """Return an encoder whose network does something: random numbers in place of those at the start."""
    state = encoder.state
    assert state.network is not None and state.parameters is not None
    parameters = Network(state.network).initialise(1)
    parameters.flat[:] += 0.3 * np.random.default_rng(5).normal(size=parameters.flat.shape)
    return SentenceEncoder(replace(state, parameters=parameters), workers=encoder.workers)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_vector_with_attention_depends_on_its_sentence_alone(batch_size: int, workers: int) -> None:
    encoder = trained_like(SentenceEncoder(EMBEDDINGS, workers=workers, **ATTENTION))
    alone = [encoder.encode([sentence]).tobytes() for sentence in SENTENCES]
    assert [row.tobytes() for row in encoder.encode(SENTENCES, batch_size=batch_size)] == alone
    assert np.abs(encoder.encode(SENTENCES) - SentenceEncoder(EMBEDDINGS).encode(SENTENCES)).max() > 0.01


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_compressed_encoder_computes_in_int8_wherever_it_goes(norm: str, tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_embeddings(), "attention", layers=2, heads=2, dim=16, norm=norm, random_state=1)
    assert encoder.state.parameters is not None
    encoder.state.parameters.flat[:] += 0.3 * np.random.default_rng(5).normal(size=encoder.state.parameters.flat.shape)
    before, small = encoder.encode(SENTENCES), encoder.compress()
    found = small.encode(SENTENCES)
    assert np.array_equal(encoder.encode(SENTENCES), before)
    is_text = before.any(axis=1)
    assert not np.array_equal(found, before) and not found[~is_text].any()
    assert ((found * before).sum(axis=1)[is_text] > 0.99).all()
    alone = np.vstack([small.encode([sentence]) for sentence in SENTENCES])
    assert np.array_equal(alone, found)
    small.save(tmp_path / "small")
    opened = SentenceEncoder.load(tmp_path / "small")
    assert np.array_equal(opened.encode(SENTENCES), found)
    assert np.array_equal(opened.by_path().encode(SENTENCES), found)
    assert np.array_equal(pickle.loads(pickle.dumps(opened)).encode(SENTENCES), found)
    with pytest.raises(ValueError, match="computes in int8 already"):
        opened.compress()


@pytest.mark.filterwarnings("error")
def test_a_compressed_encoder_says_that_it_is_damaged() -> None:
    encoder = SentenceEncoder(make_embeddings(), "attention", layers=2, heads=2, dim=16, random_state=1)
    assert encoder.state.parameters is not None
    encoder.state.parameters["layers.0.feed_forward.inner.weight"][3, 2] = np.nan
    with pytest.raises(ValueError, match="not finite: the model is damaged"):
        encoder.compress().encode(["the river"])


def test_only_attention_is_compressed() -> None:
    with pytest.raises(ValueError, match="only encoders with attention compute in int8, and this one is static"):
        SentenceEncoder(make_embeddings()).compress()


def test_return_attention_gives_weights_that_sum_to_one() -> None:
    encoder = trained_like(SentenceEncoder(make_embeddings(), **ATTENTION))
    found = encoder.encode(SENTENCES, return_attention=True)
    assert isinstance(found, Encoded) and found.attention is not None
    assert [weights.shape for weights in found.attention] == [(2, 2, len(t), len(t)) for t in found.tokens]
    for weights in found.attention:
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(found.vectors, encoder.encode(SENTENCES), atol=5e-6)
    sums = np.stack([rows.sum(axis=0) for rows in found.token_vectors])
    np.testing.assert_allclose(unit(sums), found.vectors, atol=1e-5)


def test_an_encoder_with_attention_is_not_taken_for_a_static_one() -> None:
    state = SentenceEncoder(make_embeddings(), **ATTENTION).state
    with pytest.raises(ValueError, match="has the architecture attention: pass architecture='attention'"):
        SentenceEncoder(state, "static").encode(["the"])
    np.testing.assert_array_equal(
        SentenceEncoder(state).encode(SENTENCES), SentenceEncoder(state, "attention").encode(SENTENCES)
    )


def test_options_of_the_network_are_checked() -> None:
    with pytest.raises(ValueError, match="dim must be a multiple of heads"):
        SentenceEncoder(make_embeddings(), "attention", dim=10, heads=3).encode(["the"])


def test_features_of_two_encoders_are_joined() -> None:
    union = make_union(
        SentenceEncoder(make_embeddings(), frozen=True), SentenceEncoder(make_embeddings(), a=np.inf, frozen=True)
    )
    found = union.fit_transform(SENTENCES)
    assert found.shape == (8, 40)
    np.testing.assert_array_equal(found[:, 20:], SentenceEncoder(make_embeddings(), a=np.inf).encode(SENTENCES))
    assert union.get_feature_names_out()[20] == "sentenceencoder-2__sentenceencoder0"


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_words_that_the_network_saw_before_make_the_same_vectors(norm: str) -> None:
    encoder = trained_like(SentenceEncoder(EMBEDDINGS, norm=norm, identity_scale=0.3, workers=2, **ATTENTION))
    first = encoder.encode(["the river", "unheard of"])
    early = encoder.inference._projected
    assert len(SENTENCES[5].split()) > len(WORDS)
    encoder.encode(SENTENCES * 3, batch_size=2)
    assert early is None and encoder.inference._projected is not None
    assert encoder.encode(["the river", "unheard of"]).tobytes() == first.tobytes()


def test_the_example_of_the_documentation_is_true() -> None:
    results = doctest.testmod(sentence_encoder)
    assert results.attempted == 3 and not results.failed
