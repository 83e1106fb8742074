"""The training kernels against their twins, and the sampler against its probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tests.helpers.twins import naive_w2v
from tests.helpers.twins.kernel_checks import Case, assert_agree, run_kernel, run_twin, train_kernel
from w2v.encoding.vocabulary import keep_probabilities, noise_distribution
from w2v.kernels import random, training, vector_math
from w2v.kernels.arguments import BUFFER, KEPT, LOSS, NOT_WEIGHTED, PAIRS, Text, make_sample
from w2v.kernels.simd import LANES, TILE_ROWS

RARE = 1e-3  # a chi-square test with a fixed seed passes above this p-value

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
all_four = pytest.mark.parametrize("algorithm", ["skipgram", "cbow", "skipgram hs", "cbow hs"])


def check(case: Case) -> naive_w2v.Trained:
    twin = run_twin(case)
    assert_agree(case, run_kernel(case), twin)
    return twin


@all_four
@pytest.mark.parametrize(
    ("vector_size", "n_targets"),
    [(1, 1), (1, 48), (7, 5), (7, 36), (16, 1), (16, 36), (33, 5), (33, 48), (100, 1), (100, 48)],
)
def test_kernel_equals_its_twin_for_odd_sizes(algorithm: str, vector_size: int, n_targets: int) -> None:
    twin = check(Case(algorithm, vector_size=vector_size, n_targets=n_targets, seed=vector_size))
    assert twin.pairs > 100 and (algorithm.endswith("hs") or twin.chunks >= 150 // n_targets)
    assert abs(twin.w_in).max() < 4


@both
def test_kernel_equals_its_twin_where_radii_are_cut(algorithm: str) -> None:
    check(Case(algorithm, window=4, drawn_from=9, n_targets=12, alpha_start=0.02, n_words=200))


@all_four
@pytest.mark.parametrize("shrink", [True, False])
@pytest.mark.parametrize("window", [1, 2, 5, 50])
def test_kernel_equals_its_twin_for_every_window(algorithm: str, window: int, shrink: bool) -> None:
    # a path is stepped along once for each target: below this, what is rounded each time would outgrow the steps
    alpha = 0.05 if algorithm.endswith("hs") else 0.1 / window
    check(Case(algorithm, window=window, shrink=shrink, n_targets=48, alpha_start=alpha, n_words=200))


@both
@pytest.mark.parametrize(
    ("negative", "n_noise"), [(1, TILE_ROWS), (1, 10 * TILE_ROWS), (5, TILE_ROWS), (20, 7 * TILE_ROWS), (50, 60)]
)
def test_kernel_equals_its_twin_for_any_noise(algorithm: str, negative: int, n_noise: int) -> None:
    check(Case(algorithm, negative=negative, n_noise=n_noise, alpha_start=0.01, n_words=200))


@both
@pytest.mark.parametrize("n_words", [1, 2, 3])
def test_kernel_equals_its_twin_where_words_repeat_in_a_chunk(algorithm: str, n_words: int) -> None:
    case = Case(algorithm, n_words=n_words, n_targets=5, alpha_start=0.01, scale=0.5)
    twin = check(case)
    assert len(set(case.tokens[:5].tolist())) < 5 and twin.pairs > 0


@both
def test_kernel_takes_one_chunk_at_the_values_before_it(algorithm: str) -> None:
    case = Case(algorithm, lengths=(20,), n_words=4, n_targets=48, keep=1.0, alpha_start=0.02)
    twin = check(case)
    assert twin.chunks == 1


@all_four
@pytest.mark.parametrize(
    "lengths",
    [(1,), (1, 1, 1), (2,), (1, 2, 1), (3, 1, 1, 40, 1), (5,) * 30, (35, 1, 36, 37, 1, 72)],
    ids=str,
)
def test_kernel_equals_its_twin_at_sentence_borders(algorithm: str, lengths: tuple[int, ...]) -> None:
    check(Case(algorithm, lengths=lengths, keep=1.0))


@all_four
def test_kernel_leaves_tables_alone_without_pairs(algorithm: str) -> None:
    case = Case(algorithm, lengths=(1,) * 50, keep=1.0)
    outcome = run_kernel(case)
    assert np.array_equal(outcome.w_in[:-1, :16], case.vectors[0])
    assert np.array_equal(outcome.w_out[:-1, :16], case.vectors[1])
    assert outcome.stats.tolist() == [0, 0, 50]


@all_four
@pytest.mark.parametrize(("position", "stop"), [(0, 0), (50, 50), (3, 20), (40, 48), (41, 42), (60, 150), (100, 202)])
def test_kernel_trains_from_and_to_mid_sentence(algorithm: str, position: int, stop: int) -> None:
    twin = check(Case(algorithm, position=position, stop=stop, keep=1.0))
    assert twin.kept == stop - position


@both
def test_kernel_keeps_few_tokens(algorithm: str) -> None:
    twin = check(Case(algorithm, lengths=(30,) * 30, keep=0.0))
    assert 0 < twin.kept < 0.3 * 900


@both
@pytest.mark.parametrize("lengths", [(BUFFER + 500,), (BUFFER - 1, 2, 60), (700,) * 13], ids=str)
def test_kernel_equals_its_twin_beyond_a_buffer(algorithm: str, lengths: tuple[int, ...]) -> None:
    case = Case(algorithm, lengths=lengths, keep=1.0, vector_size=7, window=2, n_targets=48, n_words=300)
    twin = check(case)
    assert twin.kept == sum(lengths) > BUFFER


@all_four
def test_kernel_leaves_the_zero_rows_alone(algorithm: str) -> None:
    outcome = run_kernel(Case(algorithm))
    assert not outcome.w_in[-1].any()
    assert not outcome.w_out[-1].any()


@all_four
def test_kernel_clamps_large_scores(algorithm: str) -> None:
    case = Case(algorithm, scale=8.0, alpha_start=1e-3, alpha_end=1e-3)
    w_in, w_out = case.vectors
    assert abs(w_in @ w_out.T).max() > 25
    check(case)


@all_four
def test_kernel_is_bit_for_bit_the_same_again(algorithm: str) -> None:
    first, second = run_kernel(Case(algorithm)), run_kernel(Case(algorithm))
    assert np.array_equal(first.w_in, second.w_in) and np.array_equal(first.w_out, second.w_out)
    assert np.array_equal(first.stats, second.stats)


@both
def test_kernel_adds_to_stats(algorithm: str) -> None:
    case = Case(algorithm, lengths=(40,), keep=1.0)
    w_in = np.zeros((31, 16), np.float32)
    sums = np.array([1.5, 2.0, 3.0])
    train_kernel(case, case.arrays(w_in, w_in.copy()), sums)
    assert sums[KEPT] == 43 and sums[PAIRS] > 40
    loss, pairs = sums[LOSS] - 1.5, sums[PAIRS] - 2
    assert loss == pytest.approx(6 * pairs * np.log(2), rel=1e-5)  # all scores are zero, for noise and for all else


# Random numbers.


def states(n: int, seed: int) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(2**64, size=n, dtype=np.uint64)


def test_generator_equals_integers_modulo_two_to_the_64() -> None:
    for state in states(50, 0).tolist() + [0, 2**64 - 1]:
        assert int(random.next_random(np.uint64(state))) == naive_w2v.advance(state)
        assert float(random.uniform(np.uint64(state))) == naive_w2v.as_uniform(state) < 1
        for n in (1, 2, 5, 1000, 2**31 - 1):
            assert int(random.below(np.uint64(state), n)) == naive_w2v.as_integer(state, n) < n


@pytest.mark.parametrize("shrink", [True, False])
@pytest.mark.parametrize("keep", [0.0, 0.4, 1.0])
def test_sampler_equals_its_twin(keep: float, shrink: bool) -> None:
    case = Case("skipgram", lengths=(1, 9, 300, 2, 1, 40), keep=keep, shrink=shrink)
    sample = make_sample(100)
    position, state, sentence = 3, case.state, 1
    while position < case.end:
        twin, twin_position, twin_state = naive_w2v.sample_tokens(
            case.tokens.tolist(), case.offsets.tolist(), position, case.end, case.keep_table.tolist(), case.window,
            case.drawn, state, size=100,
        )  # fmt: skip
        n, position, sentence, next_state = training.sample_tokens(
            case.text(), position, case.end, sentence, case.window, case.drawn, sample, np.uint64(state)
        )
        state = int(next_state)
        assert (position, state) == (twin_position, twin_state)
        assert sample.words[:n].tolist() == twin.words
        contexts = [[j for j in range(sample.left[i], sample.right[i]) if j != i] for i in range(n)]
        assert contexts == twin.contexts
        assert sample.pairs[:n].tolist() == [twin.n_pairs[i] for i in range(n)]
    assert position == case.end


def test_subsampling_keeps_each_word_as_often_as_it_should() -> None:
    counts = np.array([60_000, 20_000, 10_000, 6_000, 3_000, 1_000])
    keep = keep_probabilities(counts, 0.01)
    assert keep.min() < 0.2 and keep.max() == 1
    tokens = np.random.default_rng(3).permutation(np.repeat(np.arange(6, dtype=np.int32), counts))
    kept = np.bincount(_sample(tokens, np.array([0, len(tokens)]), keep, 5)[0], minlength=6)
    assert kept[keep == 1].tolist() == counts[keep == 1].tolist()
    thinned = keep < 1
    expected, seen = counts[thinned] * keep[thinned].astype(float), kept[thinned]
    chi_square = ((seen - expected) ** 2 / (expected * (1 - keep[thinned]))).sum()
    assert stats.chi2.sf(chi_square, thinned.sum()) > RARE


@pytest.mark.parametrize("window", [2, 5, 50])
def test_radii_are_uniform_from_one_to_window(window: int) -> None:
    n = 40_000
    _, left, right = _sample(np.zeros(n, np.int32), np.array([0, n]), np.ones(1, np.float32), window)
    inner = np.arange(n) % BUFFER
    inside = (inner >= window) & (inner < BUFFER - window) & (np.arange(n) < n - window)
    radius = (inner - left)[inside]
    assert np.array_equal(radius, (right - inner - 1)[inside])
    frequencies = np.bincount(radius, minlength=window + 1)
    assert frequencies[0] == 0 and len(frequencies) == window + 1
    assert stats.chisquare(frequencies[1:]).pvalue > RARE


def test_noise_follows_its_distribution() -> None:
    counts = np.array([5000, 900, 900, 300, 50, 20, 3, 1])
    expected = noise_distribution(counts, 0.75)
    threshold, alias = np.empty(8, np.float32), np.empty(8, np.int32)
    random.build_alias(expected.copy(), threshold, alias)
    n, state = 200_000, np.uint64(12345)
    drawn = np.zeros(8, int)
    for _ in range(n):
        word, state = random.draw_noise(threshold, alias, state)
        drawn[word] += 1
        state = np.uint64(state)
    assert stats.chisquare(drawn, n * expected).pvalue > RARE


@pytest.mark.parametrize("n_words", [1, 2, 3, 1000])
@pytest.mark.parametrize("ns_exponent", [0.75, 0.0, -1.0, 5.0])
def test_alias_table_holds_the_distribution(n_words: int, ns_exponent: float) -> None:
    counts = np.sort(np.random.default_rng(n_words).zipf(1.5, n_words).clip(max=10**6))[::-1]
    expected = noise_distribution(counts, ns_exponent)
    threshold, alias = np.empty(n_words, np.float32), np.empty(n_words, np.int32)
    random.build_alias(expected.copy(), threshold, alias)
    assert threshold.min() >= 0 and threshold.max() <= 1
    implied = (threshold + np.bincount(alias, 1 - threshold.astype(float), minlength=n_words)) / n_words
    assert np.allclose(implied, expected, rtol=0, atol=1e-6 / n_words * max(1, n_words * expected.max()))


def _sample(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64], keep: NDArray[np.float32], window: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (words, left, right) of all buffers, one after another."""
    parts = []
    position, sentence, state = 0, 0, np.uint64(7)
    while position < len(tokens):
        sample = make_sample()
        n, position, sentence, state = training.sample_tokens(
            Text(tokens, offsets, keep, NOT_WEIGHTED), position, len(tokens), sentence, window, window, sample, state
        )
        state = np.uint64(state)
        parts.append([array[:n] for array in sample[:3]])
    words, left, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    return words, left, right


# Functions of vectors are in test_simd.py; products:


@pytest.mark.parametrize("vector_size", [1, 16, 40])
@pytest.mark.parametrize("n_columns", [LANES, 3 * LANES])
def test_score_is_a_matrix_product(vector_size: int, n_columns: int, rng: np.random.Generator) -> None:
    n_rows, row_size = 2 * TILE_ROWS, 48
    left, right = rng.normal(size=(20, row_size)).astype(np.float32), rng.normal(size=(row_size, n_columns))
    rows = rng.integers(20, size=n_rows + 1)
    scores = np.full((n_rows + 1, n_columns), 7, np.float32)
    vector_math.score(
        left.ravel(), rows * row_size, 0, n_rows, right.astype(np.float32).ravel(), n_columns, 0, n_columns,
        vector_size, scores.ravel(),
    )  # fmt: skip
    expected = left[rows[:-1], :vector_size] @ right[:vector_size]
    assert np.allclose(scores[:-1], expected, rtol=0, atol=1e-5)
    assert np.all(scores[-1] == 7)


def test_accumulate_adds_a_matrix_product_also_to_a_row_named_twice(rng: np.random.Generator) -> None:
    row_size, n_source = 3 * 16, 9
    table, source = (rng.normal(size=(10, row_size)).astype(np.float32) for _ in range(2))
    g = rng.normal(size=(TILE_ROWS, n_source)).astype(np.float32)
    targets = np.array([3, 1, 3, 3, 0, 9][:TILE_ROWS])
    sources = rng.integers(10, size=n_source)
    expected = table.astype(float)
    chosen = [1, 2, 6, 7]
    np.add.at(expected, targets, g[:, chosen].astype(float) @ source[sources[chosen]])
    vector_math.accumulate(
        table.ravel(), targets * row_size, 0, g.ravel(), n_source, 1, source.ravel(), sources * row_size, 1, 3, 6, 8,
        row_size,
    )  # fmt: skip
    assert np.allclose(table, expected, rtol=0, atol=1e-5)
