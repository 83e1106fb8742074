"""Training on given pairs and on weighted lines, against twins and through the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import naive_composed
import naive_w2v
import numpy as np
import pytest
from kernel_checks import Case, Outcome, assert_close, padded, run_kernel, run_twin
from numpy.typing import NDArray

from w2v._pairs import train_pairs


def run_pairs(case: Case, weights: NDArray[np.float32] | None) -> tuple[Outcome, naive_w2v.Trained]:
    """Train on the tokens of the case, two and two, with the kernel and with the twin."""
    w_in, w_out = map(padded, case.vectors)
    stats, n = np.zeros(3), (case.end - case.position) // 2
    first = case.position // 2
    train_pairs(
        case.tokens, np.arange(0, len(case.tokens) + 1, 2), case.position, case.end, first, case.keep_table,
        *case.alias_table, w_in.reshape(-1), w_out.reshape(-1), w_in.shape[1], case.vector_size, case.window, True,
        case.negative, case.n_targets, case.n_noise, case.alpha_start, case.alpha_end, np.uint64(case.state), stats,
        None, None, None, weights,
    )  # fmt: skip
    pairs = case.tokens[case.position : case.end].reshape(-1, 2).tolist()
    threshold, alias = case.alias_table
    twin = naive_composed.train_pairs(
        [tuple(pair) for pair in pairs],
        [1.0] * n if weights is None else weights[first : first + n].tolist(),
        threshold.tolist(),
        alias.tolist(),
        *(vectors.astype(np.float64) for vectors in case.vectors),
        negative=case.negative,
        n_targets=case.n_targets,
        n_noise=case.n_noise,
        alpha_start=case.alpha_start,
        alpha_end=case.alpha_end,
        state=case.state,
    )
    return Outcome(w_in, w_out, stats), twin


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("vector_size", "n_targets"), [(1, 1), (16, 30), (33, 7), (100, 48)])
def test_kernel_trains_pairs_as_its_twin(vector_size: int, n_targets: int, weighted: bool) -> None:
    case = Case("cbow", vector_size=vector_size, n_targets=n_targets, position=10, stop=180)
    weights = case.rng(9).random(101).astype(np.float32) if weighted else None
    outcome, twin = run_pairs(case, weights)
    assert_close(case, "w_in", outcome.w_in, twin.w_in, twin.travel_in, twin)
    assert_close(case, "w_out", outcome.w_out, twin.w_out, twin.travel_out, twin)
    assert outcome.stats[0] == pytest.approx(twin.loss, rel=1e-5)
    assert outcome.stats[1] == pytest.approx(85 if weights is None else weights[5:90].sum(), rel=1e-6)
    assert not outcome.w_in[-1].any() and not outcome.w_out[-1].any()


def test_kernel_of_pairs_trains_nothing_without_pairs() -> None:
    case = Case("cbow", position=10, stop=10)
    outcome, _ = run_pairs(case, None)
    assert np.array_equal(outcome.w_in[:-1, :16], case.vectors[0]) and not outcome.stats.any()


# Weighted sentences.


def weighted_chunk(case: Case, weights: NDArray[np.float32]) -> Any:
    """Return a chunk that takes the steps of every target for itself, times the weight of its sentence."""
    inner = {"skipgram": naive_w2v.skipgram_chunk, "cbow": naive_w2v.cbow_chunk}[case.algorithm]
    sentence_of = np.repeat(np.arange(len(case.lengths)), case.lengths)

    def chunk(
        result: naive_w2v.Trained,
        buffer: naive_w2v.Buffer,
        targets: range,
        noise: list[int],
        alpha: float,
        negative: int,
    ) -> None:
        before = replace(result, w_in=result.w_in.copy(), w_out=result.w_out.copy())
        for weight in np.unique(weights):
            chosen = [i for i in targets if weights[sentence_of[i]] == weight]
            part = replace(
                before,
                w_in=before.w_in.copy(),
                w_out=before.w_out.copy(),
                loss=0.0,
                pairs=0,
                travel_in=np.zeros(before.w_in.shape),
                travel_out=np.zeros(before.w_out.shape),
            )
            inner(part, buffer, chosen, noise, alpha, negative)
            result.w_in += weight * (part.w_in - before.w_in)
            result.w_out += weight * (part.w_out - before.w_out)
            result.travel_in += weight * part.travel_in
            result.travel_out += weight * part.travel_out
            result.loss += float(weight) * part.loss
            result.pairs += weight * part.pairs

    return chunk


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
def test_kernel_weighs_sentences_as_its_twin(algorithm: str) -> None:
    case = Case(algorithm, keep=1.0, alpha_start=0.02)  # keeps every token, so that places are those of the stream
    case = replace(case, keep=1.0)
    weights = np.array([0.25, 1, 0.5, 1, 0.75, 0, 0.5, 0.25], np.float32)
    further = (None, None, None, weights, *([None] if algorithm == "cbow" else []))
    outcome, twin = run_kernel(case, None, further), run_twin(case, weighted_chunk(case, weights))
    assert_close(case, "w_in", outcome.w_in, twin.w_in, twin.travel_in, twin)
    assert_close(case, "w_out", outcome.w_out, twin.w_out, twin.travel_out, twin)
    assert outcome.stats[:2] == pytest.approx([twin.loss, twin.pairs], rel=1e-5)
