"""Kneser-Ney beside its naive twin, and on real text."""

from __future__ import annotations

import lzma
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.twins.naive_ngrams import NaiveKneserNey
from w2v.neural.configs import END, START
from w2v.neural.ngrams import FALLBACK, NgramModel
from w2v.neural.packing import Packed

N_TOKENS = 9
SHAKESPEARE = ROOT.parent / "shared/data/tinyshakespeare/input.txt.xz"


def texts(rng: np.random.Generator, lengths: tuple[int, ...]) -> Packed:
    """Return sequences in which what follows depends on the two tokens before."""
    found = []
    for n in lengths:
        tokens: list[int] = []
        for _ in range(n):
            last = sum(tokens[-2:])
            tokens.append([0, 3, 4, 5, 6, 7][int(last + rng.geometric(0.5)) % 6])
        found.append(tokens)
    return Packed.of(found)


def sequences(text: Packed, sentences: bool) -> list[list[int]]:
    every = [text.part(b, b + 1).ids.tolist() for b in range(text.n_sequences)]
    return [[START, *tokens, END] for tokens in every] if sentences else every


@pytest.mark.parametrize("sentences", [True, False])
@pytest.mark.parametrize("order", [1, 2, 3, 5, 7])
def test_probabilities_are_those_of_the_naive_twin(order: int, sentences: bool, rng: np.random.Generator) -> None:
    train, test = texts(rng, (150, 0, 40, 3, 1, 90, 2)), texts(rng, (20, 0, 1, 30))
    test.ids[5] = 8  # never seen
    model = NgramModel.fit(train, order, N_TOKENS, sentences=sentences)
    told = [token for token in range(N_TOKENS) if token != START and (token != END or sentences)]
    naive = NaiveKneserNey(sequences(train, sentences), order, told, START)
    assert model.n_grams[1:] == [len(naive.counts[n]) for n in range(2, order + 1)]
    np.testing.assert_allclose(model.discounts, [naive.discounts[n] for n in range(1, order + 1)], rtol=1e-12)
    expected = [
        np.log(naive.probability(tuple(tokens[:i]), tokens[i]))
        for tokens in sequences(test, sentences)
        for i in range(int(sentences), len(tokens))
    ]
    np.testing.assert_allclose(model.log_probabilities(test), expected, atol=1e-6)
    for tokens in sequences(test, sentences):
        for i in (1, 2, 9, len(tokens) - 1):
            context = tokens[:i]
            found = model.next_distribution(np.array(context, np.int32))
            assert found.sum() == pytest.approx(1, abs=1e-6) and found[START] == 0
            own = [naive.probability(tuple(context), token) for token in range(N_TOKENS)]
            np.testing.assert_allclose(found, own, atol=1e-6)


def test_little_text_has_the_fallback_discounts() -> None:
    model = NgramModel.fit(Packed.of([[3, 4, 3]]), 3, N_TOKENS)
    assert model.discounts.tolist() == [list(FALLBACK)] * 3
    assert np.isfinite(model.log_probabilities(Packed.of([[8], []]))).all()
    nothing = NgramModel.fit(Packed.of([]), 2, N_TOKENS)
    assert nothing.next_distribution(np.array([START]))[3] == pytest.approx(1 / (N_TOKENS - 1))
    assert not len(nothing.log_probabilities(Packed.of([])))


def test_a_sequence_is_told_alike_in_any_company(rng: np.random.Generator) -> None:
    model = NgramModel.fit(texts(rng, (200,)), 4, N_TOKENS)
    test = texts(rng, (5, 0, 8))
    alone = [model.log_probabilities(test.part(b, b + 1)) for b in range(3)]
    assert np.array_equal(model.log_probabilities(test), np.concatenate(alone))


def test_a_model_is_its_arrays(rng: np.random.Generator) -> None:
    model, test = NgramModel.fit(texts(rng, (200,)), 3, N_TOKENS, sentences=False), texts(rng, (30,))
    again = NgramModel.from_arrays({name: array.copy() for name, array in model.arrays().items()})
    assert again.order == 3 and not again.sentences and again.n_grams == model.n_grams
    assert np.array_equal(again.log_probabilities(test), model.log_probabilities(test))


@pytest.mark.parametrize(
    ("name", "place", "value", "what"),
    [
        ("words", 5, 9, "not in its vocabulary"), ("first", 3, 10**6, "positions of"), ("first", 1, 4, "different"),
        ("first", 0, 0, "positions of"), ("masses", 4, np.nan, "not finite"), ("backoffs", 0, np.inf, "not finite"),
        ("settings", 0, 8, "order"), ("settings", 0, 2, "order"),
    ],
)  # fmt: skip
def test_damaged_arrays_are_refused(name: str, place: int, value: float, what: str, rng: np.random.Generator) -> None:
    arrays = {key: array.copy() for key, array in NgramModel.fit(texts(rng, (99,)), 3, N_TOKENS).arrays().items()}
    arrays[name][place] = value
    with pytest.raises(ValueError, match=what):
        NgramModel.from_arrays(arrays)
    with pytest.raises(ValueError, match=f"{name}' has dtype"):
        NgramModel.from_arrays({**arrays, name: np.zeros(3, np.int8)})
    with pytest.raises(ValueError, match=f"{name}' is missing"):
        NgramModel.from_arrays({key: array for key, array in arrays.items() if key != name})
    with pytest.raises(ValueError, match="different sizes|continuations|three discounts|settings"):
        NgramModel.from_arrays({**arrays, name: arrays[name][:-1]})


def test_bad_input_is_refused() -> None:
    text = Packed.of([[3, 4]])
    for order in (0, 8):
        with pytest.raises(ValueError, match="order must be from 1 to 7"):
            NgramModel.fit(text, order, N_TOKENS)
    with pytest.raises(ValueError, match="tokens must be from 0 to 3"):
        NgramModel.fit(text, 2, 4)
    with pytest.raises(ValueError, match="more than 3 tokens"):
        NgramModel.fit(text, 2, 2)
    with pytest.raises(ValueError, match="START and END are added"):
        NgramModel.fit(Packed.of([[3, START]]), 2, N_TOKENS)
    with pytest.raises(ValueError, match="tokens must be from 0 to 8"):
        NgramModel.fit(text, 2, N_TOKENS).next_distribution(np.array([9]))


@pytest.mark.slow
@pytest.mark.skipif(not Path(SHAKESPEARE).exists(), reason="needs ../shared/data")
def test_characters_of_shakespeare() -> None:
    """KenLM has 1.517 nats on this split."""
    characters, ids = np.unique(list(lzma.open(SHAKESPEARE, "rt").read()), return_inverse=True)
    ids, border = (ids + END + 1).astype(np.int32), int(len(ids) * 0.9)
    train, test = Packed.of([ids[:border]]), Packed.of([ids[border:]])
    n_tokens = len(characters) + END + 1
    NgramModel.fit(test, 7, n_tokens, sentences=False)  # compiled here
    start = time.process_time()
    model = NgramModel.fit(train, 7, n_tokens, sentences=False)
    loss = -model.log_probabilities(test).mean()
    assert time.process_time() - start < 1 and loss == pytest.approx(1.517, abs=0.003)
