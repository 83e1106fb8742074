"""What each task draws, the gradients of its loss against central differences, and sentences as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from w2v.corpora.sentences import sentence_runs
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.training.batches import (
    Neighbors,
    PackedSentences,
    Shuffled,
    ShuffledRuns,
    pack_neighbors,
    pack_sentences,
)
from w2v.encoder.training.tasks import NeighborTask, OrderTask, PairTask, Task, TeacherTask, drop_words, swap_neighbors
from w2v.encoder.training.teachers import near_groups
from w2v.encoding.vocabulary import Vocabulary

WORDS = [f"w{i}" for i in range(30)]
STEP = 6e-6


@pytest.fixture
def lookup() -> WordLookup:
    return WordLookup(Vocabulary(WORDS), WordsTokenizer())


def listed(pack: PackedSentences) -> list[list[int]]:
    borders = pack.offsets.tolist()
    return [pack.tokens[a:b].tolist() for a, b in zip(borders, borders[1:], strict=False)]


def packed(sentences: list[list[int]]) -> PackedSentences:
    offsets = np.cumsum([0, *map(len, sentences)]).astype(np.int64)
    return PackedSentences(np.array(sum(sentences, []), np.int32), offsets)


def random_pack(rng: np.random.Generator, n: int, low: int = 4, high: int = 9) -> PackedSentences:
    return packed([rng.integers(0, 30, rng.integers(low, high)).tolist() for _ in range(n)])


# sentences as numbers


def test_packed_sentences_are_taken_sliced_and_joined() -> None:
    pack = packed([[1, 2], [], [3], [4, 5, 6]])
    assert listed(pack.take(np.array([3, 1, 0, 3]))) == [[4, 5, 6], [], [1, 2], [4, 5, 6]]
    assert listed(pack[1:3]) == [[], [3]]
    assert listed(pack[3:9]) == [[4, 5, 6]]
    assert listed(pack[4:]) == []
    assert listed(PackedSentences.join([pack[2:], pack[:1]])) == [[3], [4, 5, 6], [1, 2]]
    assert listed(PackedSentences.join([])) == []


def test_pack_sentences_leaves_unknown_words_out(lookup: WordLookup) -> None:
    assert listed(pack_sentences(lookup, iter(["W1 other w2!", "", "none", "w3"]))) == [[1, 2], [], [], [3]]


def test_pack_neighbors_agrees_with_sentence_runs(lookup: WordLookup, rng: np.random.Generator) -> None:
    paragraphs = [
        " ".join(" ".join(rng.choice(WORDS, rng.integers(1, 8))).capitalize() + "." for _ in range(rng.integers(0, 7)))
        for _ in range(60)
    ]
    found = pack_neighbors(lookup, paragraphs, min_tokens=2, max_tokens=5)
    runs = list(sentence_runs(paragraphs, min_tokens=2, max_tokens=5))
    rows = [[int(word[1:]) for word in tokens] for run in runs for tokens in run]
    pairs = [(a, b) for run in runs for a, b in zip(run, run[1:], strict=False)]
    assert listed(found.sentences) == rows
    assert [(rows[i], rows[i + 1]) for i in found.firsts.tolist()] == [
        ([int(w[1:]) for w in a], [int(w[1:]) for w in b]) for a, b in pairs
    ]
    assert len(pairs) > 20


def test_shuffled_gives_each_number_once_a_round_whatever_the_order_of_asking() -> None:
    shuffled, again = Shuffled(10, 3, seed=4), Shuffled(10, 3, seed=4)
    batches = [shuffled.batch(step).tolist() for step in range(6)]
    for first in (0, 3):
        assert len({row for batch in batches[first : first + 3] for row in batch}) == 9
    assert batches[:3] != batches[3:]
    assert [again.batch(step).tolist() for step in (5, 0, 4)] == [batches[5], batches[0], batches[4]]
    assert Shuffled(10, 3, seed=5).batch(0).tolist() != batches[0]


def test_shuffled_runs_are_of_one_group(rng: np.random.Generator) -> None:
    groups = rng.integers(0, 5, 400)
    shuffled, again = (ShuffledRuns(groups, 8, 40, seed=4) for _ in range(2))
    batches = [shuffled.batch(step) for step in range(20)]
    for first in (0, 10):
        assert sorted(np.concatenate(batches[first : first + 10]).tolist()) == list(range(400))
    assert np.array_equal(again.batch(13), batches[13])
    assert not np.array_equal(batches[0], batches[10])
    n_groups = [len(set(groups[run])) for batch in batches for run in batch.reshape(5, 8)]
    assert n_groups.count(1) >= 90 and max(n_groups) == 2  # a few runs go on into the next group
    assert len({tuple(sorted(set(groups[batch]))) for batch in batches}) > 1


def test_near_groups_are_those_of_the_nearest_vector_drawn(rng: np.random.Generator) -> None:
    centers = np.linalg.qr(rng.normal(size=(6, 6)))[0] * rng.uniform(0.1, 10, (6, 1))
    own = rng.integers(0, 6, 5000)
    vectors = (centers[own] * (1 + rng.random((5000, 1)))).astype(np.float16)
    groups = near_groups(vectors, seed=1)
    assert len(set(groups)) >= 6
    assert all(len(set(own[groups == group])) == 1 for group in set(groups))
    assert near_groups(vectors[:7], seed=1).tolist() == [0] * 7


# tasks


def check_gradient(task: Task, step: int, rng: np.random.Generator, width: int = 5) -> None:
    """Compare the gradients for the outputs and for the task's own numbers with central differences in float64."""
    batch = task.draw(step)
    rows = len(batch.sentences.tokens) if batch.is_of_tokens else len(batch.sentences)
    outputs = rng.normal(size=(rows, width))
    task.own[:] = [array.astype(np.float64) for array in task.own]
    arguments: tuple[Any, ...] = (slice(0, rows),) if batch.is_of_tokens else ()
    found = batch.loss(outputs, *arguments)
    arrays: list[NDArray[Any]] = [outputs, *task.own]
    for array, gradient in zip(arrays, [found.d_outputs, *found.d_own], strict=True):
        direction = rng.normal(size=array.shape)
        original = array.copy()
        array += STEP * direction
        above = batch.loss(outputs, *arguments).value
        array -= 2 * STEP * direction
        measured = (above - batch.loss(outputs, *arguments).value) / (2 * STEP)
        array[...] = original
        assert abs(measured) > 1e-4
        assert float(np.sum(gradient * direction)) == pytest.approx(measured, rel=1e-6)


def neighbors(rng: np.random.Generator) -> NeighborTask:
    pack = random_pack(rng, 80)
    return NeighborTask(Neighbors(pack, np.arange(0, 79)), batch_size=6, temperature=0.2, seed=1)


def pairs(rng: np.random.Generator) -> PairTask:
    packs = [random_pack(rng, 40) for _ in range(3)]
    return PairTask(packs, random_pack(rng, 40), batch_size=6, temperature=0.2, seed=1)


def teacher(rng: np.random.Generator) -> TeacherTask:
    return TeacherTask(random_pack(rng, 40), rng.normal(size=(40, 7)), 5, batch_size=6, temperature=0.2, seed=1)


def order(rng: np.random.Generator) -> OrderTask:
    return OrderTask(random_pack(rng, 40), 5, batch_size=6, seed=1, share=0.3)


@pytest.mark.parametrize("make", [neighbors, pairs, teacher, order])
def test_task_gradients_are_exact(make: Any, rng: np.random.Generator) -> None:
    check_gradient(make(rng), 3, rng)


@pytest.mark.parametrize("make", [neighbors, pairs, teacher, order])
def test_tasks_draw_by_step_and_seed_only_and_never_what_is_held_out(make: Any) -> None:
    one, other = make(np.random.default_rng(3)), make(np.random.default_rng(3))
    held = {tuple(sorted(sentence)) for sentence in listed(one.held_out().sentences)}
    later = listed(one.draw(7).sentences)
    for step in range(12):
        drawn = listed(one.draw(step).sentences)
        assert drawn == listed(other.draw(step).sentences)
        # of neighbours, a sentence may be in a pair that is held out and in one that is not
        assert isinstance(one, NeighborTask) or held.isdisjoint(tuple(sorted(sentence)) for sentence in drawn)
    assert listed(one.draw(7).sentences) == later != listed(one.draw(8).sentences)


def test_neighbor_task_draws_a_sentence_and_the_next() -> None:
    pack = packed([[i] * 4 for i in range(30)])
    task = NeighborTask(Neighbors(pack, np.array([0, 2, 4, 6, 8, 11, 20])), batch_size=3, temperature=0.1, seed=0)
    drawn = [sentence[0] for sentence in listed(task.draw(0).sentences)]
    assert [second - first for first, second in zip(drawn[:3], drawn[3:], strict=True)] == [1, 1, 1]


def test_pair_task_draws_two_different_columns_of_a_set_and_its_negative() -> None:
    packs = [packed([[10 * k + i % 10, i] for i in range(30)]) for k in range(3)]
    negatives = packed([[i, i, i] for i in range(30)])
    task = PairTask(packs, negatives, batch_size=8, temperature=0.1, seed=0)
    columns = set()
    for step in range(10):
        drawn = listed(task.draw(step).sentences)
        for first, second, hard in zip(drawn[:8], drawn[8:16], drawn[16:], strict=True):
            assert first[1] == second[1] == hard[0]
            assert first[0] != second[0]
            columns.add((first[0] // 10, second[0] // 10))
    assert columns == {(a, b) for a in range(3) for b in range(3) if a != b}


def test_teacher_task_holds_each_sentence_against_its_own_vector(rng: np.random.Generator) -> None:
    pack = random_pack(rng, 50)
    vectors = rng.normal(size=(50, 6))
    task = TeacherTask(pack, vectors, 6, batch_size=10, temperature=0.2, seed=1)
    task.own[0][...] = np.eye(6)
    own = {tuple(sentence): row for sentence, row in zip(listed(pack), vectors, strict=True)}
    for batch in (task.draw(0), task.draw(1), task.held_out()):
        right = np.array([own[tuple(sentence)] for sentence in listed(batch.sentences)])
        assert batch.loss(right).value == pytest.approx(0, abs=1e-6)
        assert batch.loss(np.roll(right, 1, axis=0)).value > 0.5


def test_teacher_task_weighs_directions_three_times(rng: np.random.Generator) -> None:
    """The divergence of the rankings plus three times 1 - cosine, written out."""
    pack, vectors, temperature = random_pack(rng, 50), rng.normal(size=(50, 6)), 0.2
    task = TeacherTask(pack, vectors, 5, batch_size=10, temperature=temperature, seed=1)
    batch, own = task.draw(0), {tuple(sentence): row for sentence, row in zip(listed(pack), vectors, strict=True)}
    goal = np.array([own[tuple(sentence)] for sentence in listed(batch.sentences)])
    found = rng.normal(size=(len(goal), 5))

    def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)  # type: ignore[no-any-return]

    def ranking(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        exponentials = np.exp(unit(rows) @ unit(rows).T / temperature) * (1 - np.eye(len(rows)))
        return exponentials / exponentials.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    right, own_ranking = (ranking(rows) + np.eye(len(goal)) for rows in (goal, found))
    divergence = (right * np.log(right / own_ranking)).sum() / len(goal)
    cosines = (unit(unit(found) @ task.own[0].astype(np.float64)) * unit(goal)).sum(axis=1)
    assert batch.loss(found).value == pytest.approx(divergence + 3 * (1 - cosines.mean()), rel=1e-6)


def test_teacher_task_draws_sentences_near_each_other(rng: np.random.Generator) -> None:
    own = rng.integers(0, 4, 1200)
    pack, vectors = packed([[kind] * 3 for kind in own.tolist()]), np.eye(4)[own] + 0.01 * rng.normal(size=(1200, 4))
    task = TeacherTask(pack, vectors, 6, batch_size=32, temperature=0.2, seed=1)
    kinds = [len({sentence[0] for sentence in listed(task.draw(step).sentences)}) for step in range(30)]
    assert np.mean(kinds) < 3  # two runs of sixteen; 32 random sentences are of four kinds
    assert len({sentence[0] for sentence in listed(task.held_out().sentences)}) == 4


def test_teacher_task_starts_with_the_map_of_a_ridge_regression(rng: np.random.Generator) -> None:
    """Of what is drawn only, each vector at length 1; scikit-learn's is the independent one."""
    pack, vectors, table = random_pack(rng, 60), rng.normal(size=(60, 4)), rng.normal(size=(len(WORDS), 5))
    task = TeacherTask(pack, vectors, 5, batch_size=50, temperature=0.2, seed=1)

    def encode(sentences: PackedSentences) -> NDArray[np.float64]:
        return np.stack([table[sentence].sum(axis=0) for sentence in listed(sentences)])

    task.start_at(encode)
    held = {tuple(sentence) for sentence in listed(task.held_out().sentences)}
    rows = [row for row, sentence in enumerate(listed(pack)) if tuple(sentence) not in held]
    x, y = (array / np.linalg.norm(array, axis=1, keepdims=True) for array in (encode(pack), vectors))
    expected = Ridge(0.1 * len(rows) / 5, fit_intercept=False).fit(x[rows], y[rows]).coef_.T
    np.testing.assert_allclose(task.own[0], expected, atol=1e-6)


def test_pair_task_leaves_out_sets_without_known_words() -> None:
    packs = [packed([[i] if i % 3 else [] for i in range(30)]), packed([[i] for i in range(30)])]
    task = PairTask(packs, batch_size=50, temperature=0.1, seed=0)
    rows = {s[0] for step in range(3) for s in listed(task.draw(step).sentences)}
    assert rows and not any(row % 3 == 0 for row in rows)


def test_tasks_need_something_to_train_on(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="too little training data: 3 pairs"):
        PairTask([random_pack(rng, 3), random_pack(rng, 3)], batch_size=2, temperature=0.1, seed=0)


def test_drop_words_leaves_out_a_share_and_no_whole_sentence(rng: np.random.Generator) -> None:
    pack = PackedSentences.join([random_pack(rng, 400, low=1), packed([[], [3]])])
    dropped = drop_words(pack, 0.5, np.random.default_rng(1))
    for before, after in zip(listed(pack), listed(dropped), strict=True):
        assert bool(before) == bool(after)
        rest = iter(before)
        assert all(word in rest for word in after)  # in their order
    assert 0.45 < len(dropped.tokens) / len(pack.tokens) < 0.62
    assert drop_words(pack, 0.0, rng) is pack


def test_pair_task_drops_words_of_what_it_draws_only(rng: np.random.Generator) -> None:
    packs = [random_pack(rng, 60, low=8, high=9) for _ in range(2)]
    task = PairTask(packs, batch_size=20, temperature=0.1, seed=0, word_dropout=0.5)
    assert len(task.draw(0).sentences.tokens) < 250 < 320
    assert (task.held_out().sentences.lengths == 8).all()


# word order


def test_swap_neighbors_moves_words_within_sentences_once(rng: np.random.Generator) -> None:
    pack = random_pack(rng, 300, low=1)
    swapped, moved = swap_neighbors(pack, 0.4, np.random.default_rng(1))
    for before, after, flags in zip(listed(pack), listed(swapped), np.split(moved, pack.offsets[1:-1]), strict=True):
        assert sorted(before) == sorted(after)
        assert [a != b for a, b in zip(before, after, strict=True)] == flags.tolist()
        starts = [i for i, flag in enumerate(flags) if flag and after[i] == before[min(i + 1, len(before) - 1)]]
        assert len(starts) * 2 >= flags.sum()
    assert 0.3 < moved.mean() < 0.7


def test_swap_neighbors_takes_every_other_of_consecutive_places() -> None:
    swapped, moved = swap_neighbors(packed([[1, 2, 3, 4, 5], [6, 6, 7]]), 1.0, np.random.default_rng(0))
    assert listed(swapped) == [[2, 1, 4, 3, 5], [6, 7, 6]]
    assert moved.tolist() == [True, True, True, True, False, False, True, True]


def test_swap_neighbors_of_nothing_is_nothing() -> None:
    swapped, moved = swap_neighbors(packed([]), 0.5, np.random.default_rng(0))
    assert len(swapped) == 0 and len(moved) == 0


def test_order_task_adds_up_over_parts(rng: np.random.Generator) -> None:
    task = order(rng)
    batch = task.draw(0)
    n = len(batch.sentences.tokens)
    rows = rng.normal(size=(n, 5))
    whole = batch.loss(rows, slice(0, n))
    parts = [batch.loss(rows[part], part) for part in (slice(0, 7), slice(7, n))]
    assert sum(part.value for part in parts) == pytest.approx(whole.value, rel=1e-12)
    np.testing.assert_allclose(np.concatenate([part.d_outputs for part in parts]), whole.d_outputs)
    np.testing.assert_allclose(sum(part.d_own[0] for part in parts), whole.d_own[0])
