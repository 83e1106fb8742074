"""Hierarchical softmax: the Huffman tree, the kernels against their twins, and training with it."""

from __future__ import annotations

import dataclasses
import heapq
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.examples.trainer_examples import make_trainer, run
from tests.helpers.twins import naive_hierarchical, naive_w2v
from tests.helpers.twins.kernel_checks import (
    Case,
    assert_agree,
    padded,
    paths_of,
    run_kernel,
    run_twin,
    train_kernel,
)
from w2v import Word2Vec
from w2v.kernels.arguments import BUFFER, LOSS
from w2v.kernels.composition import NO_MEMBERS, Members
from w2v.kernels.hierarchical import INPUTS
from w2v.kernels.simd import LANES
from w2v.settings.parameters import Parameters
from w2v.training.huffman import HuffmanTree
from w2v.training.monitor import CallbackError
from w2v.training.tables import Tables

both = pytest.mark.parametrize("algorithm", ["skipgram hs", "cbow hs"])
of_models = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])


# The tree.

COUNTS = {
    "one word": [7],
    "two words": [5, 5],
    "zipf": [1000 // n for n in range(1, 60)],
    "all equal": [3] * 21,
    "powers of two": [2**n for n in range(40)][::-1],
    "words that never occur": [4, 2, 1, 0, 0, 0],
    "pairs of ties": [8, 8, 4, 4, 2, 2, 1, 1, 1, 1],
    "inner nodes that tie with words": [6, 6, 3, 3, 3, 3],
}
trees = pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())


def word2vec_paths(counts: list[int]) -> list[naive_hierarchical.Path]:
    """Return the paths as the loop of word2vec.c makes them: one array of leaves and inner nodes, two places in it."""
    n = len(counts)
    count, parent, binary = counts + [10**15] * n, [0] * (2 * n), [0] * (2 * n)
    first, second = n - 1, n
    for node in range(n, 2 * n - 1):
        children = []
        for branch in (0, 1):
            if first >= 0 and count[first] < count[second]:
                child, first = first, first - 1
            else:
                child, second = second, second + 1
            parent[child], binary[child] = node, branch
            children.append(child)
        count[node] = sum(count[child] for child in children)  # held the guard up to here, so it was not chosen
    paths = []
    for word in range(n):
        path, node = naive_hierarchical.Path(), word
        while node != 2 * n - 2:
            path.codes.insert(0, binary[node])
            path.nodes.insert(0, parent[node] - n)
            node = parent[node]
        paths.append(path)
    return paths


@trees
def test_tree_equals_its_twin(counts: list[int]) -> None:
    tree = HuffmanTree.from_counts(np.array(counts))
    assert paths_of(tree) == naive_hierarchical.build_paths(counts)
    assert tree.offsets.dtype == np.int64 and tree.nodes.dtype == np.int32 and tree.codes.dtype == np.uint8


@trees
def test_tree_breaks_ties_as_word2vec_does(counts: list[int]) -> None:
    assert paths_of(HuffmanTree.from_counts(np.array(counts))) == word2vec_paths(counts)


@trees
def test_tree_is_as_short_as_any(counts: list[int]) -> None:
    tree = HuffmanTree.from_counts(np.array(counts))
    heap, least = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        least += merged
        heapq.heappush(heap, merged)
    assert tree.lengths @ np.array(counts) == least
    assert tree.mean_length(np.array(counts, float)) == pytest.approx(least / sum(counts))


@trees
def test_paths_are_codes_without_prefixes_that_share_their_nodes(counts: list[int]) -> None:
    paths = paths_of(HuffmanTree.from_counts(np.array(counts)))
    nodes: dict[tuple[int, ...], int] = {(): len(counts) - 2} if len(counts) > 1 else {}
    for path in paths:
        for i, node in enumerate(path.nodes):
            assert nodes.setdefault(tuple(path.codes[:i]), node) == node
    assert sorted(nodes.values()) == list(range(len(counts) - 1))
    assert sum(2.0 ** -len(path.codes) for path in paths) == 1.0


def test_tree_of_counts_in_any_order_is_that_of_falling_counts(rng: np.random.Generator) -> None:
    counts = np.sort(rng.integers(1, 50, 80))[::-1]
    order = rng.permutation(80)
    falling, mixed = paths_of(HuffmanTree.from_counts(counts)), paths_of(HuffmanTree.from_counts(counts[order]))
    assert [len(path.nodes) for path in mixed] == pytest.approx(
        [len(naive_hierarchical.build_paths(counts[order].tolist())[i].nodes) for i in range(80)], abs=1
    )
    lengths = sum(len(path.nodes) * int(n) for path, n in zip(falling, counts, strict=True))
    assert lengths == sum(len(path.nodes) * int(n) for path, n in zip(mixed, counts[order], strict=True))


def test_steps_hold_nodes_and_codes() -> None:
    tree = HuffmanTree.from_counts(np.array(COUNTS["zipf"]))
    steps = tree.steps(5)
    assert steps.dtype == np.int32 and not steps[-5:].any()
    assert np.array_equal(steps[:-5] < 0, tree.codes == 1)
    assert np.array_equal(np.where(steps < 0, ~steps, steps)[:-5], tree.nodes)


@pytest.mark.parametrize("counts", [[], [5]])
def test_tree_of_no_choice_has_no_nodes(counts: list[int]) -> None:
    tree = HuffmanTree.from_counts(np.array(counts, np.int64))
    assert tree.longest == len(tree.nodes) == 0 and len(tree.offsets) == len(counts) + 1


# The kernels.


def tree_of(case: Case) -> HuffmanTree:
    assert case.tree is not None
    return case.tree


def check(case: Case) -> naive_w2v.Trained:
    twin = run_twin(case)
    assert_agree(case, run_kernel(case), twin)
    return twin


@both
@pytest.mark.parametrize("n_words", [1, 2, 3, 70])
def test_kernel_equals_its_twin_for_short_and_long_paths(algorithm: str, n_words: int) -> None:
    case = Case(algorithm, n_words=n_words, n_targets=5, alpha_start=0.01, scale=0.5)
    assert (tree_of(case).longest > 2 * LANES) == (n_words == 70 and LANES < 16)
    check(case)


@both
def test_kernel_equals_its_twin_beyond_a_buffer(algorithm: str) -> None:
    case = Case(algorithm, lengths=(BUFFER - 1, 2, 300), keep=1.0, vector_size=7, window=2, n_words=50)
    twin = check(dataclasses.replace(case, alpha_start=0.02))
    assert twin.kept == sum(case.lengths) > BUFFER


@both
def test_kernel_measures_without_moving_at_a_rate_of_zero(algorithm: str) -> None:
    case = Case(algorithm, alpha_start=0.0, alpha_end=0.0)
    outcome = run_kernel(case)
    assert np.array_equal(outcome.w_in[:-1, :16], case.vectors[0])
    assert np.array_equal(outcome.w_out[:-1, :16], case.vectors[1])
    assert outcome.stats[LOSS] > 0


@both
def test_kernel_does_not_touch_the_row_that_is_no_node(algorithm: str) -> None:
    case = Case(algorithm)
    assert np.array_equal(run_kernel(case).w_out[-2, :16], case.vectors[1][-1])


@both
def test_loss_starts_at_the_length_of_the_paths_times_ln_2(algorithm: str) -> None:
    case = Case(algorithm, scale=0.0, keep=1.0)
    loss, pairs, _ = run_kernel(dataclasses.replace(case, alpha_start=1e-12, alpha_end=1e-12)).stats
    lengths = tree_of(case).lengths
    assert lengths.min() * math.log(2) < loss / pairs < lengths.max() * math.log(2)
    if algorithm == "cbow":
        words = [word for word in naive_words(case) if word is not None]
        assert loss == pytest.approx(sum(lengths[words]) * math.log(2), rel=1e-6)


def naive_words(case: Case) -> list[int | None]:
    """Return the words that have a context, all being kept."""
    parts = np.split(case.tokens, case.offsets[1:-1])
    return [int(word) if len(part) > 1 else None for part in parts for word in part]


@both
def test_training_to_the_end_gives_the_frequencies_of_branches(algorithm: str) -> None:
    """With one input everywhere, the likelihood of a word is its frequency."""
    case = Case(algorithm, lengths=(2,) * 4000, n_words=3, keep=1.0, window=1, alpha_start=0.3, alpha_end=0.005)
    tokens = case.tokens
    tokens[::2] = 0  # the context of the targets that are looked at
    tokens[1::2] = case.rng(9).choice([1, 2], size=4000, p=[0.8, 0.2])
    outcome = run_kernel(case)
    path = paths_of(tree_of(case))
    x = outcome.w_in[0].astype(float)
    likelihoods = [
        math.exp(-naive_hierarchical.loss_of(x, outcome.w_out[p.nodes].astype(float), naive_hierarchical.signs_of(p)))
        for p in path
    ]
    assert sum(likelihoods) == pytest.approx(1, abs=1e-6)
    assert likelihoods[1] == pytest.approx(0.8, abs=0.06) and likelihoods[2] == pytest.approx(0.2, abs=0.06)


# The twin: is it the gradient?


@pytest.mark.parametrize("n_nodes", [1, 6])
def test_twins_step_is_the_gradient(n_nodes: int, rng: np.random.Generator) -> None:
    x, y, signs = rng.normal(size=8), rng.normal(size=(n_nodes, 8)), rng.choice([-1.0, 1.0], n_nodes)
    g, h = naive_hierarchical.steps_of(x, y, signs), 6e-6
    quotient = np.empty_like(y)
    for at in np.ndindex(y.shape):
        moved = [y.copy(), y.copy()]
        moved[0][at] += h
        moved[1][at] -= h
        forward, backward = (naive_hierarchical.loss_of(x, rows, signs) for rows in moved)
        quotient[at] = (forward - backward) / (2 * h)
    assert np.linalg.norm(-np.outer(g, x) - quotient) < 1e-7 * np.linalg.norm(quotient)
    quotient = np.empty_like(x)
    for i, e in enumerate(h * np.eye(8)):
        forward, backward = (naive_hierarchical.loss_of(x + step, y, signs) for step in (e, -e))
        quotient[i] = (forward - backward) / (2 * h)
    assert np.linalg.norm(-g @ y - quotient) < 1e-7 * np.linalg.norm(quotient)


# The checks bite.

MISTAKES: dict[str, tuple[Any, str, Any]] = {
    "codes the other way round": (naive_hierarchical, "signs_of", lambda path: 2.0 * np.array(path.codes) - 1),
    "the sign of the step": (
        naive_hierarchical,
        "steps_of",
        lambda x, y, signs: signs * (naive_w2v.sigmoid(signs * (y @ x)) - 1),
    ),
    "another clamp": (naive_w2v, "LIMIT", 0.3),
    "groups of another size": (naive_hierarchical, "INPUTS", 2 * INPUTS),
}


@both
@pytest.mark.parametrize("mistake", MISTAKES)
def test_comparison_rejects_a_wrong_twin(algorithm: str, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(algorithm)
    assert naive_hierarchical.INPUTS == INPUTS
    check(case)
    if algorithm == "cbow hs" and mistake == "groups of another size":
        pytest.skip("CBOW has one input")
    monkeypatch.setattr(*MISTAKES[mistake])
    with pytest.raises(AssertionError):
        check(case)


def test_comparison_rejects_cbow_chunks_of_another_size() -> None:
    case = Case("cbow hs")
    with pytest.raises(AssertionError, match="w_in"):
        assert_agree(case, run_kernel(case), run_twin(dataclasses.replace(case, n_targets=1)))


# Words of several rows, frozen rows and weights.


def own_rows(case: Case, row_size: int, frozen: NDArray[np.uint8] = NO_MEMBERS.frozen) -> Members:
    return Members(np.arange(case.n_words + 2), np.arange(case.n_words + 1) * row_size, frozen)


@both
def test_words_of_one_row_train_as_without_composition(algorithm: str) -> None:
    case = Case(algorithm, n_words=1000)
    case.tokens[:] = case.rng(9).permutation(1000)[: len(case.tokens)]  # a chunk's copies of a word would differ
    plain, composed = run_kernel(case), run_kernel(case, members=own_rows(case, 16))
    assert np.allclose(plain.w_in, composed.w_in, rtol=0, atol=2e-6)
    assert np.allclose(plain.w_out, composed.w_out, rtol=0, atol=2e-6)
    assert plain.stats == pytest.approx(composed.stats, rel=1e-6)


@both
def test_frozen_rows_do_not_move(algorithm: str) -> None:
    case = Case(algorithm)
    frozen = (np.arange(case.n_words + 1) % 3 == 0).astype(np.uint8)
    outcome = run_kernel(case, members=own_rows(case, 16, frozen))
    still = np.all(outcome.w_in[:-1, :16] == case.vectors[0], axis=1)
    assert np.array_equal(still, frozen[:-1] == 1)


@both
def test_step_of_a_word_goes_to_each_of_its_rows(algorithm: str) -> None:
    case = Case(algorithm, alpha_start=0.02)
    w_in, w_out = map(padded, case.vectors)
    half = np.concatenate([w_in[:-1] + 1, w_in[:-1] - 1, np.zeros_like(w_in[:1])])  # the means are the vectors
    half[: case.n_words, case.vector_size :] = half[case.n_words : -1, case.vector_size :] = 0
    member_rows = np.stack([np.arange(case.n_words), np.arange(case.n_words) + case.n_words], axis=1).ravel()
    members = np.append(np.arange(case.n_words + 1) * 2, 2 * case.n_words + 1)
    stats = np.zeros(3)
    composed = Members(members, np.append(member_rows, 2 * case.n_words) * 16)
    train_kernel(case, case.arrays(half, w_out), stats, composed)
    whole = run_kernel(case, members=own_rows(case, 16))
    assert np.allclose((half[: case.n_words] + half[case.n_words : -1]) / 2, whole.w_in[:-1], rtol=0, atol=1e-5)
    assert not half[-1].any()


@both
def test_weight_of_a_sentence_multiplies_its_steps_and_losses(algorithm: str) -> None:
    case = Case(algorithm, lengths=(60,), keep=1.0, n_targets=60)
    plain = run_kernel(case)
    double = run_kernel(
        dataclasses.replace(case, alpha_start=case.alpha_start / 2, alpha_end=case.alpha_end / 2),
        weights=np.array([2.0], np.float32),
    )
    assert np.allclose(plain.w_in, double.w_in, rtol=0, atol=1e-6)
    assert np.allclose(plain.w_out, double.w_out, rtol=0, atol=1e-6)
    assert double.stats[:2] == pytest.approx(2 * plain.stats[:2], rel=1e-5)


@both
def test_sentences_without_weight_are_passed_over(algorithm: str) -> None:
    case = Case(algorithm, lengths=(20, 20), keep=1.0)
    weights = np.array([1.0, 0.0], np.float32)
    both_sentences, first = run_kernel(case, weights=weights), run_kernel(dataclasses.replace(case, stop=20))
    # the learning rate of a buffer depends on where it begins only
    assert np.allclose(both_sentences.w_in, first.w_in, rtol=0, atol=1e-6)
    assert both_sentences.stats[:2] == pytest.approx(first.stats[:2], rel=1e-6)


# Training.


@of_models
def test_epoch_equals_the_twins(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, objective="hs", n_tokens=3000, epochs=1, sample=0.0)
    tree = HuffmanTree.from_counts(np.bincount(training.stream.tokens))
    start = Tables.random(40, 8, 5)
    w_in, w_out = start.input_vectors.astype(float), start.output_vectors.astype(float)
    borders = training.stream.split(1000).tolist()
    loss, pairs, done = 0.0, 0, 0
    for segment in np.random.default_rng([5, 1, 0]).permutation(len(borders) - 1).tolist():
        first, last = borders[segment], borders[segment + 1]
        alphas = [training.alpha - (training.alpha - 1e-4) * tokens / 3000 for tokens in (done, done + last - first)]
        done += last - first
        twin = naive_hierarchical.train(
            algorithm, training.stream.tokens.tolist(), training.stream.offsets.tolist(), first, last, [1.0] * 40,
            paths_of(tree), w_in, w_out, window=3, shrink=3, n_targets=training.objective.chunk.n_targets,
            alpha_start=alphas[0], alpha_end=alphas[1],
            state=int(np.random.SeedSequence([5, 2, segment + 1]).generate_state(1, np.uint64)[0]),
        )  # fmt: skip
        w_in, w_out, loss, pairs = twin.w_in, twin.w_out, loss + twin.loss, pairs + twin.pairs
    run(training, 1)
    assert training.history[0].pairs == pairs
    assert training.history[0].loss == pytest.approx(loss / pairs, rel=3e-6)
    assert np.allclose(training.tables.input_vectors, w_in, rtol=0, atol=4e-6)
    assert np.allclose(training.tables.output_vectors, w_out, rtol=0, atol=4e-6)


@of_models
def test_training_starts_at_the_loss_that_divergence_is_measured_by(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, objective="hs", alpha=1e-6, min_alpha=0.0, epochs=1, sample=0.0)
    run(training, 1)
    assert training.history[0].loss == pytest.approx(training.objective.loss_at_start, rel=0.02)


@of_models
def test_input_rows_of_a_chunk_take_no_long_steps(algorithm: str) -> None:
    few = make_trainer(algorithm=algorithm, objective="hs", n_words=3, alpha=0.1, sample=0.0, window=50).objective
    many = make_trainer(algorithm=algorithm, objective="hs", n_words=4000, n_tokens=50_000).objective
    assert few.chunk.n_targets < many.chunk.n_targets == 24


@of_models
@pytest.mark.parametrize("options", [{}, {"subwords": True, "buckets": 500}, {"holdout": 0.2}], ids=str)
def test_model_learns_what_goes_together(algorithm: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    topics = [[f"{letter}{n}" for n in range(8)] for letter in "ab"]
    sentences = [list(rng.choice(topics[i % 2], 8)) for i in range(1500)]
    chosen: dict[str, Any] = {"vector_size": 16, "min_count": 1, "epochs": 5, "workers": 1, "random_state": 1}
    model = Word2Vec(algorithm=algorithm, objective="hs", **chosen | options)
    embeddings = model.fit(sentences).embeddings_
    for word in topics[0][:3]:
        assert {found for found, _ in embeddings.neighbors(word, top_n=7)} == set(topics[0]) - {word}
    losses = [record["loss"] for record in model.history_]
    assert losses[-1] < losses[0]


def test_training_goes_on_exactly_after_an_interruption(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sentences = [[f"w{n}" for n in rng.zipf(1.5, 10) % 30] for _ in range(800)]
    options: dict[str, Any] = {"objective": "hs", "vector_size": 8, "min_count": 1, "epochs": 3, "workers": 1}
    whole = Word2Vec(**options, random_state=1).fit(sentences)

    def stop(view: Any) -> None:
        raise RuntimeError("enough")

    interrupted = Word2Vec(**options, random_state=1)
    with pytest.raises(CallbackError):
        interrupted.fit(sentences, callbacks=[stop])
    interrupted.save(tmp_path / "m")
    resumed = Word2Vec.load(tmp_path / "m").resume(sentences)
    assert np.array_equal(resumed.vectors_, whole.vectors_)
    assert np.array_equal(resumed.output_vectors_, whole.output_vectors_)


def test_model_cannot_be_continued_on_another_text() -> None:
    model = Word2Vec(objective="hs", vector_size=4, min_count=1, epochs=1, sample=0, random_state=1)
    model.fit([["a", "b", "c"]] * 9)
    with pytest.raises(ValueError, match="only negative sampling can continue"):
        model.continue_fit([["a", "d"]] * 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"negative": 7}, "negative is for negative sampling"),
        ({"ns_exponent": 0.5}, "ns_exponent is for negative sampling"),
        ({"algorithm": "cbow", "position_weights": True}, "position_weights needs negative sampling"),
        ({"deterministic": True}, "deterministic needs negative sampling"),
        ({"lines": "pairs"}, "leave out algorithm, objective and subwords"),
        ({"alpha": 0.11}, "alpha must be at most 0.1"),
    ],
    ids=str,
)
def test_what_cannot_go_with_it_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(**{"objective": "hs", **options}).validate()
