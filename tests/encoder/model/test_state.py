"""The state of an encoder and its closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.examples.encoder_examples import COUNTS, WORDS, make_embeddings
from tests.helpers.twins import naive_encoder
from w2v import Embeddings, Vocabulary
from w2v.corpora.tokenizers import WhitespaceTokenizer, WordsTokenizer
from w2v.encoder.model.identity import Identity
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.pooling import Pooling
from w2v.encoder.model.state import EncoderState, sif_state, tokenizer_of
from w2v.encoder.model.weights import log_weights, row_scale, word_probabilities


def test_sif_state_has_the_published_weights_and_rows_of_mean_square_length_one() -> None:
    embeddings = make_embeddings()
    state = sif_state(embeddings, a=1e-2)
    shares = COUNTS / COUNTS.sum()
    np.testing.assert_allclose(state.gains, 1e-2 / (1e-2 + shares), rtol=1e-6)
    scale = naive_encoder.row_scale(embeddings.vectors.astype(np.float64), 20_000)
    np.testing.assert_allclose(state.table, embeddings.vectors * scale, rtol=1e-6)
    assert state.dimension == 20 and state.network is None and state.identity is None
    assert state.table.dtype == state.word_weights.dtype == np.float32


def test_row_scale_looks_at_the_frequent_words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = make_embeddings()
    monkeypatch.setattr("w2v.encoder.model.weights._N_FREQUENT", 3)
    assert row_scale(embeddings) == pytest.approx(naive_encoder.row_scale(embeddings.vectors.astype(np.float64), 3))


def test_row_scale_of_zeros_is_one() -> None:
    assert row_scale(Embeddings(["a", "b"], np.zeros((2, 3)))) == 1.0


def test_sif_state_without_weights_is_the_plain_sum() -> None:
    np.testing.assert_array_equal(sif_state(make_embeddings(), a=np.inf).gains, 1)


def test_word_probabilities_without_counts_fall_as_zipf_says() -> None:
    guessed = word_probabilities(Vocabulary([f"w{i}" for i in range(1000)]))
    assert guessed.sum() == pytest.approx(1)
    assert guessed[0] / guessed[9] == pytest.approx((10 + 2.7) / (1 + 2.7))
    assert (np.diff(guessed) < 0).all()
    np.testing.assert_array_equal(
        guessed, word_probabilities(Vocabulary([f"w{i}" for i in range(1000)], np.zeros(1000, int)))
    )


def test_log_weights_of_a_word_that_never_occurs_is_zero() -> None:
    np.testing.assert_allclose(log_weights(np.array([0.0, 3e-4]), 3e-4), [0, np.log(0.5)], rtol=1e-6)


@pytest.mark.parametrize("width", [1, 63, 64, 65, 300])
def test_identity_follows_its_definition(width: int) -> None:
    words = ["river", "日本", "", "a" * 100]
    found = Identity(0.5, start=3).directions(words, width + 3)
    expected = [naive_encoder.spelling_signs(word, width) for word in words]
    np.testing.assert_allclose(found, 0.5 / np.sqrt(width) * np.array(expected), rtol=1e-6)


def test_identity_directions_are_nearly_orthogonal_unit_vectors() -> None:
    found = Identity(1.0).directions([f"word{i}" for i in range(5000)], 300).astype(np.float64)
    cosines = (found @ found[:200].T)[np.tril_indices(5000, -1, 200)]
    assert abs(cosines.mean()) < 1e-3 and cosines.std() == pytest.approx(1 / np.sqrt(300), rel=0.02)


def test_sif_state_adds_the_identity_to_the_columns_or_behind_them() -> None:
    embeddings = make_embeddings()
    plain, added = sif_state(embeddings), sif_state(embeddings, identity_scale=0.3)
    behind = sif_state(embeddings, identity_scale=0.3, identity_columns=40)
    direction = Identity(0.3).directions(WORDS, 20)
    np.testing.assert_allclose(added.table, plain.table + direction, atol=1e-6)
    assert behind.table.shape == (len(WORDS), 60)
    np.testing.assert_array_equal(behind.table[:, :20], plain.table)
    np.testing.assert_allclose(np.linalg.norm(behind.table[:, 20:], axis=1), 0.3, rtol=1e-6)


def test_tokenizer_of_a_foreign_file_lowers_case_if_no_word_has_capitals() -> None:
    assert tokenizer_of(Embeddings(["a", "b"], np.eye(2))) == WordsTokenizer(lowercase=True)
    assert tokenizer_of(Embeddings(["a", "B"], np.eye(2))) == WordsTokenizer(lowercase=False)
    assert tokenizer_of(Embeddings(["a"], [[1.0]], tokenizer=WhitespaceTokenizer())) == WhitespaceTokenizer()


def test_tokenizer_of_a_callable_must_be_passed_again() -> None:
    embeddings = Embeddings(["a"], [[1.0]], metadata={"tokenizer": {"name": "callable", "callable": "my.split"}})
    with pytest.raises(ValueError, match=r"my\.split, which is not saved.*pass it again"):
        sif_state(embeddings)
    assert sif_state(embeddings, tokenizer=WhitespaceTokenizer()).tokenizer == WhitespaceTokenizer()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"a": 0}, "a must be a number above 0, got 0"),
        ({"a": float("nan")}, "a must be a number above 0, got nan"),
        ({"identity_scale": -1}, "identity_scale must be a finite number at least 0, got -1"),
        ({"identity_columns": 5}, "needs an identity_scale"),
    ],
)
def test_sif_state_refuses_bad_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sif_state(make_embeddings(), **options)  # type: ignore[arg-type]


def test_sif_state_names_the_word_whose_vector_is_not_finite() -> None:
    with pytest.raises(ValueError, match="the vector of the word 'b' is not finite"):
        sif_state(Embeddings(["a", "b"], [[1.0, 2.0], [np.nan, 1.0]]))


def test_state_refuses_what_does_not_fit_together() -> None:
    state = sif_state(make_embeddings())
    cases: list[tuple[type[Exception], str, dict[str, object]]] = [
        (TypeError, "table must be float32", {"table": state.table.astype(np.float64)}),
        (ValueError, r"must have shape \(10, d\)", {"table": state.table[:5]}),
        (ValueError, "weights of shape", {"word_weights": state.word_weights[:5]}),
        (ValueError, "weight is not finite", {"word_weights": np.full(10, np.nan, np.float32)}),
        (ValueError, "it needs a column", {"identity": Identity(1.0, 20)}),
        (ValueError, "needs its parameters", {"network": object()}),
    ]
    for error, message, change in cases:
        with pytest.raises(error, match=message):
            replace(state, **change)  # type: ignore[arg-type]
    assert isinstance(replace(state, metadata={"a": 1}), EncoderState)


def test_mean_pooling_divides_the_sum_by_the_number_of_tokens() -> None:
    state = sif_state(make_embeddings())
    sentences = ["the river", "the", "river the the", ""]
    sums = Inference(state, 1).encode(sentences, Output(normalize=False))
    means = Inference(replace(state, pooling=Pooling("mean", normalize=False)), 1).encode(sentences, Output(False))
    np.testing.assert_allclose(means, sums / np.array([[2], [1], [3], [1]]), rtol=1e-6)
    assert sums[:3].any(axis=1).all() and not sums[3].any()
