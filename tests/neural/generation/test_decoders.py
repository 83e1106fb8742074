"""Greedy decoding, sampling and beams on networks that are functions of what stands before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.helpers.twins.naive_decoding import PrefixState, beam_search, every_sequence, log_softmax, random_logits
from w2v.neural.configs import END, START
from w2v.neural.generation.beam import BeamOptions, beam
from w2v.neural.generation.sequential import Chosen, Sampling, greedy, sample
from w2v.neural.generation.state import Limits, Wanted

N_ROWS, N_TOKENS = 7, 6
EVERYTHING = Wanted(scores=True, alternatives=3, alignments=True)


def starts(n: int = N_ROWS) -> Any:
    return np.full(n, START, np.int32)


def test_greedy_takes_the_most_probable_token_until_the_end() -> None:
    logits_of = random_logits(N_TOKENS)
    lengths = np.array([1, 9, 9, 2, 9, 9, 30])
    state = PrefixState(N_ROWS, logits_of)
    for line, found in enumerate(greedy(state, starts(), Limits(lengths), EVERYTHING)):
        row: tuple[int, ...] = (START,)
        total, scores = 0.0, log_softmax(logits_of(line, row))
        for place in range(lengths[line]):
            scores = logits_of(line, row)
            scores[START] = -np.inf
            scores = log_softmax(scores)
            token = int(scores.argmax())
            total += scores[token]
            if token == END:
                break
            assert found.alternatives is not None and found.alignment is not None
            ids, probabilities = found.alternatives[place]
            assert ids.tolist() == np.argsort(-scores, kind="stable")[:3].tolist()
            np.testing.assert_allclose(probabilities, scores[ids], atol=1e-6)
            assert found.alignment[place].tolist() == [len(row)] * (line + 1)
            row = (*row, token)
        assert found.tokens.tolist() == list(row[1:]) and found.finished == (token == END)
        assert found.score == pytest.approx(total, abs=1e-5)
        assert found.log_probabilities is not None and len(found.log_probabilities) == len(row) - 1 + found.finished
    assert state.sizes[0] == N_ROWS and state.sizes[-1] < N_ROWS  # who has ended leaves


def test_limits() -> None:
    logits_of = random_logits(N_TOKENS)

    def decode(limits: Limits) -> list[Any]:
        return greedy(PrefixState(N_ROWS, logits_of), starts(), limits)

    assert any(len(found.tokens) < 3 for found in decode(Limits(9)))
    assert all(len(found.tokens) >= 3 for found in decode(Limits(9, min_length=3)))
    assert all(len(found.tokens) == 9 and not found.finished for found in decode(Limits(9, end=None)))
    assert not any(5 in found.tokens or 4 in found.tokens for found in decode(Limits(9, banned=(4, 5))))
    with pytest.raises(ValueError, match="max_length must be at least 1"):
        Limits(0)
    with pytest.raises(ValueError, match="min_length"):
        Limits(3, min_length=-1)


def test_tokens_are_told_as_they_come() -> None:
    told: list[Chosen] = []
    state, wanted = PrefixState(2, random_logits(N_TOKENS)), Wanted(scores=True, alternatives=2)
    found = greedy(state, starts(2), Limits(5), wanted, told.append)
    for line, one in enumerate(found):
        own = [chosen for chosen in told if chosen.line == line]
        assert [chosen.token for chosen in own] == [*one.tokens, *[END] * one.finished]
        assert one.log_probabilities is not None and one.alternatives is not None
        assert [chosen.log_probability for chosen in own] == one.log_probabilities.tolist()
        for chosen in own:
            assert chosen.alternatives is not None
            tokens, scores = chosen.alternatives
            assert tokens[0] == chosen.token and scores[0] == pytest.approx(chosen.log_probability)
        assert [chosen.alternatives[0].tolist() for chosen in own[: len(one.tokens)] if chosen.alternatives] == [
            tokens.tolist() for tokens, _ in one.alternatives
        ]


def test_tokens_are_told_without_what_nobody_asked_for() -> None:
    told: list[Chosen] = []
    greedy(PrefixState(1, random_logits(N_TOKENS)), starts(1), Limits(3), on_token=told.append)
    assert told and all(chosen[2:] == (None, None) for chosen in told)


def test_beam_of_one_is_greedy() -> None:
    for alpha in (0.0, 0.6, 1.0):
        limits, logits_of = Limits(8), random_logits(N_TOKENS, 5)
        one_by_one = greedy(PrefixState(N_ROWS, logits_of), starts(), limits, Wanted(scores=True))
        found = beam(PrefixState(N_ROWS, logits_of), starts(), limits, BeamOptions(1, alpha))
        for expected, (own,) in zip(one_by_one, found, strict=True):
            assert own.tokens.tolist() == expected.tokens.tolist() and own.finished == expected.finished
            assert np.array_equal(own.log_probabilities, expected.log_probabilities)  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_beam_that_holds_everything_is_exhaustive(alpha: float) -> None:
    n_tokens, max_length, logits_of = 4, 3, random_logits(4, 2, 2.0)
    size = n_tokens**max_length
    limits = Limits(max_length, banned=())
    found = beam(PrefixState(3, logits_of), starts(3), limits, BeamOptions(size, alpha, n_best=size))
    for line in range(3):
        every = every_sequence(logits_of, line, START, END, n_tokens, max_length)
        expected = [
            (not ended, -total / ((5 + len(tokens) + ended) / 6) ** alpha, tokens) for tokens, ended, total in every
        ]
        expected.sort()
        assert [tuple(one.tokens.tolist()) for one in found[line]] == [tokens for _, _, tokens in expected]
        assert [one.score for one in found[line]] == pytest.approx([-x for _, x, _ in expected], abs=1e-5)


def test_a_beam_of_the_vocabulary_is_exhaustive_on_two_tokens() -> None:
    limits = Limits(2, end=None, banned=())
    for seed in range(20):
        logits_of = random_logits(5, seed, 2.0)
        found = beam(PrefixState(1, logits_of), starts(1), limits, BeamOptions(5, n_best=5))[0]
        every = {
            (a, b): log_softmax(logits_of(0, (START,)))[a] + log_softmax(logits_of(0, (START, a)))[b]
            for a in range(5)
            for b in range(5)
        }
        expected = sorted(every, key=lambda tokens: -every[tokens])[:5]
        assert [tuple(one.tokens.tolist()) for one in found] == expected


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5, -0.5])
def test_beams_are_those_of_the_naive_search(size: int, alpha: float) -> None:
    """The early end changes nothing: the naive search has none."""
    for seed in range(8):
        logits_of = random_logits(N_TOKENS, seed, 1.5)
        n_best = max(1, size - 1)
        options, limits = BeamOptions(size, alpha, n_best), Limits(7, banned=())
        state = PrefixState(N_ROWS, logits_of)
        found = beam(state, starts(), limits, options, EVERYTHING)
        for line in range(N_ROWS):
            expected = beam_search(logits_of, line, START, END, size=size, max_length=7, alpha=alpha)[:n_best]
            assert [tuple(one.tokens.tolist()) for one in found[line]] == [tokens for tokens, _, _ in expected]
            assert [one.finished for one in found[line]] == [ended for _, ended, _ in expected]
            assert [one.score for one in found[line]] == pytest.approx([score for _, _, score in expected], abs=1e-5)
            for one in found[line]:
                check_extras(one, line, logits_of)


def check_extras(found: Any, line: int, logits_of: Any) -> None:
    """Compare what is told of a sequence with what stood before each of its places."""
    row: tuple[int, ...] = (START,)
    for place, token in enumerate([*found.tokens.tolist(), *[END] * found.finished]):
        scores = log_softmax(logits_of(line, row))
        assert found.log_probabilities[place] == pytest.approx(scores[token], abs=1e-5)
        if place < len(found.tokens):
            assert found.alternatives[place][0].tolist() == np.argsort(-scores, kind="stable")[:3].tolist()
            assert found.alignment[place].tolist() == [len(row)] * (line + 1)
        row = (*row, token)


def test_beams_end_early() -> None:
    def logits_of(line: int, prefix: tuple[int, ...]) -> Any:
        return np.array([0, 0, 5.0, 0, 0], np.float32)

    state = PrefixState(1, logits_of)
    beam(state, starts(1), Limits(50), BeamOptions(4, 0.0))
    assert len(state.sizes) == 1  # what goes on has lost more than what ended
    state = PrefixState(1, logits_of)
    beam(state, starts(1), Limits(50), BeamOptions(4, 0.0, n_best=2))
    assert 1 < len(state.sizes) < 50


def test_beams_do_not_end_before_the_penalty_is_done_with() -> None:
    """The end is more probable than what goes on, until the penalty of a long sequence has grown."""

    def logits_of(line: int, prefix: tuple[int, ...]) -> Any:
        told = {1: [0, 0, 0.5, 0.4, 0.1], 8: [0, 0, 1, 0, 0]}.get(len(prefix), [0, 0, 0, 1, 0])
        return np.log(np.array(told, np.float32) + np.float32(1e-9))

    found = beam(PrefixState(1, logits_of), starts(1), Limits(9), BeamOptions(3, 1.5))[0][0]
    assert found.finished and found.tokens.tolist() == [3] * 7


def test_options_are_checked() -> None:
    for options, what in (
        ({"beam": 0}, "beam must be"), ({"beam": 1001}, "beam must be a whole number from 1 to 1000"),
        ({"beam": 1.5}, "beam must be"), ({"n_best": 6}, "n_best must be"),
        ({"length_penalty": np.nan}, "penalty"), ({"length_penalty": 1e9}, "penalty"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=what):
            BeamOptions(**options)
    for options, what in (
        ({"temperature": 0.0}, "temp"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 2.5}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"seed": 2.5}, "seed"),
    ):
        with pytest.raises(ValueError, match=what):
            Sampling(**options)


def test_a_draw_depends_on_seed_line_and_place_alone() -> None:
    def logits_of(line: int, prefix: tuple[int, ...]) -> Any:
        return random_logits(N_TOKENS, 3, 0.3)(0, prefix)

    limits = Limits(12, end=None)
    found = sample(PrefixState(N_ROWS, logits_of), starts(), limits, Sampling(seed=4))
    again = sample(PrefixState(N_ROWS, logits_of), starts(), limits, Sampling(seed=4))
    others = sample(PrefixState(N_ROWS, logits_of), starts(), limits, Sampling(seed=5))
    every = [one.tokens.tolist() for one in found]
    assert every == [one.tokens.tolist() for one in again] != [one.tokens.tolist() for one in others]
    assert len({tuple(tokens) for tokens in every}) == N_ROWS
    lines = np.array([6, 2])
    some = sample(PrefixState(2, logits_of), starts(2), limits, Sampling(seed=4), lines=lines)
    assert [one.tokens.tolist() for one in some] == [every[6], every[2]]


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [(Sampling(seed=7), 6), (Sampling(2.0, seed=8), 6), (Sampling(0.7, top_k=3), 3), (Sampling(top_p=0.8), None)],
)
def test_draws_have_the_frequencies_of_the_distribution(sampling: Sampling, kept: int | None) -> None:
    logits = np.array([0.3, 1.2, -0.4, 1.1, 0.0, -2.0], np.float32)
    n = 20_000
    found = sample(
        PrefixState(n, lambda line, prefix: logits.copy()), starts(n), Limits(1, end=None, banned=()), sampling
    )
    p = np.exp(log_softmax(logits / sampling.temperature))
    order = np.argsort(-p)
    kept = int(np.searchsorted(np.cumsum(p[order]), sampling.top_p)) + 1 if kept is None else kept
    p[order[kept:]] = 0
    p /= p.sum()
    counts = np.bincount([one.tokens[0] for one in found], minlength=6)
    assert not counts[p == 0].any()
    assert stats.chisquare(counts[p > 0], n * p[p > 0]).pvalue > 0.01
