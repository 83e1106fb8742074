"""What a stage of training does with its options: rates, weights of losses, seeds, what is held out, time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.clock import Clock
from tests.helpers.examples.topic_examples import OPTIONS, make_paragraphs, make_words
from w2v.corpora.sentences import SentenceSets
from w2v.encoder import SentenceEncoder
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoder.training.batches import Neighbors, PackedSentences, pack_neighbors, pack_sentences
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.sources import pair_tasks
from w2v.encoder.training.tasks import NeighborTask, OrderTask, PairTask, Task, TeacherTask
from w2v.encoder.training.trainable import Rates, Trainable
from w2v.encoder.training.training import fit_encoder

SENTENCES = [sentence.strip() for text in make_paragraphs() for sentence in text.split(".") if sentence.strip()]
PAIRS: list[tuple[str, ...]] = list(zip(SENTENCES[::2], SENTENCES[1::2], strict=True))


def static() -> EncoderState:
    return sif_state(make_words())


def attentive(**options: Any) -> EncoderState:
    return SentenceEncoder(make_words(), "attention", dim=8, heads=2, **options).state


def packed(sentences: list[str] = SENTENCES) -> PackedSentences:
    state = static()
    return pack_sentences(WordLookup(state.vocabulary, state.tokenizer), sentences)


def listed(pack: PackedSentences) -> list[list[int]]:
    return [part.tolist() for part in np.split(pack.tokens, pack.offsets[1:-1])]


def test_rates_rise_in_the_warm_up_and_fall_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[Rates] = []
    monkeypatch.setattr(Trainable, "update", lambda _, given: rates.append(given))
    peaks: dict[str, Any] = {"learning_rate": 0.02, "weight_rate": 0.01, "network_rate": 0.03}
    fit_encoder(attentive(), make_paragraphs(), options=replace(OPTIONS, steps=10, warmup=4, **peaks))
    scales = [min(1, (step + 1) / 4) * (1 - step / 10) for step in range(10)]
    for name, peak in (("table", 0.02), ("weights", 0.01), ("network", 0.03)):
        assert [getattr(rate, name) for rate in rates] == pytest.approx([peak * scale for scale in scales])


def test_order_counts_as_much_as_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    weights: set[tuple[float, ...]] = set()
    accumulate = Trainable.accumulate

    def noting(model: Trainable, batches: Any, **options: Any) -> list[float]:
        weights.add(tuple(weight for _, weight, _ in batches))
        return accumulate(model, batches, **options)

    monkeypatch.setattr(Trainable, "accumulate", noting)
    held_out = []
    for share in (0.25, 0.5, 0.75):
        fitted = fit_encoder(attentive(), make_paragraphs(), options=replace(OPTIONS, steps=1, order_share=share))
        held_out.append(fitted.history[0]["held_out_loss"])
    assert weights == {(1.0, share) for share in (0.25, 0.5, 0.75)}
    assert held_out[2] - held_out[1] == pytest.approx(held_out[1] - held_out[0], rel=1e-4)
    assert held_out[1] - held_out[0] > 0.1


def test_stages_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, update = Clock(monkeypatch), Trainable.update

    def take_a_second(model: Trainable, rates: Rates) -> None:
        clock.advance(1)
        update(model, rates)

    monkeypatch.setattr(Trainable, "update", take_a_second)
    options = replace(OPTIONS, steps=1000, max_time=20.0)
    history = fit_encoder(static(), make_paragraphs(), pairs=PAIRS, options=options).history
    last = {entry["stage"]: entry["step"] for entry in history}
    assert last == {"corpus": 10, "pairs": 10}


MAKERS: list[Callable[[int], Task]] = [
    lambda seed: NeighborTask(Neighbors(packed(), np.arange(0, 200, 3)), batch_size=99, temperature=0.1, seed=seed),
    lambda seed: PairTask([packed(), packed()], batch_size=999, temperature=0.1, seed=seed),
    lambda seed: TeacherTask(packed(), np.ones((len(SENTENCES), 2)), 12, batch_size=999, temperature=0.1, seed=seed),
    lambda seed: OrderTask(packed(), 12, batch_size=999, seed=seed),
]


def contents(pack: PackedSentences) -> list[list[int]]:
    """Return the words of each sentence, whatever their order, and whatever the order of the sentences."""
    return sorted(sorted(sentence) for sentence in listed(pack))


@pytest.mark.parametrize("make", MAKERS)
def test_seed_decides_what_is_held_out(make: Callable[[int], Task]) -> None:
    one, same, other = make(1), make(1), make(2)
    assert contents(one.held_out().sentences) == contents(same.held_out().sentences)
    assert contents(one.held_out().sentences) != contents(other.held_out().sentences)


@pytest.mark.parametrize("make", MAKERS)
def test_a_batch_as_large_as_can_be_has_all_but_what_is_held_out(make: Callable[[int], Task]) -> None:
    task = make(1)
    drawn, held = (len(batch.sentences) for batch in (task.draw(0), task.held_out()))
    n_items = {"neighbors": 2 * 67, "pairs": 2 * len(SENTENCES)}.get(task.name, len(SENTENCES))
    assert drawn + held == n_items and 0.08 < held / n_items < 0.11


def test_words_are_exchanged_elsewhere_in_each_step() -> None:
    task = OrderTask(packed(), 12, batch_size=999, seed=1)
    first, same, later, held = (listed(task._batch(task._items, step).sentences) for step in (0, 0, 1, -1))
    assert first == same and len({str(sentences) for sentences in (first, later, held)}) == 3
    for other in (later, held):
        assert [sorted(sentence) for sentence in first] == [sorted(sentence) for sentence in other]


def test_files_of_pairs_are_drawn_apart() -> None:
    state = static()
    lookup = WordLookup(state.vocabulary, state.tokenizer)
    sets = SentenceSets(PAIRS)
    tasks = pair_tasks(state, lookup, [sets, sets], OPTIONS.filled("pairs"), lambda _: None)
    assert [task.name for task in tasks] == ["pairs", "pairs_2"]
    assert contents(tasks[0].held_out().sentences) != contents(tasks[1].held_out().sentences)


@pytest.mark.parametrize("make", [static, attentive])
def test_weights_that_moved_count_at_once_and_after_resuming(make: Callable[[], EncoderState]) -> None:
    task = PairTask([packed(), packed()], batch_size=16, temperature=0.1, seed=0)
    model, resumed = Trainable(make(), [task], workers=1), Trainable(make(), [task], workers=1)
    for step in range(3):
        model.accumulate([(0, 1.0, task.draw(step))], seed=step)
        model.update(Rates(0.0, 0.5, 0.0))
    resumed.restore({name: np.array(array) for name, array in model.tensors().items()})
    learned = Trainable(model.state_with(model.learned()), [], workers=1).vectors(packed())
    assert np.abs(learned - Trainable(make(), [], workers=1).vectors(packed())).max() > 0.01
    for trained in (model, resumed):
        np.testing.assert_allclose(trained.vectors(packed()), learned, rtol=1e-6)


def test_parameters_of_a_task_move_without_a_network_too() -> None:
    vectors = np.eye(3)[np.arange(len(SENTENCES)) % 3]
    task = TeacherTask(packed(), vectors, 12, batch_size=16, temperature=0.1, seed=0)
    before, model = task.own[0].copy(), Trainable(static(), [task])
    model.accumulate([(0, 1.0, task.draw(0))], seed=0)
    model.update(Rates(1e-2))
    assert np.abs(task.own[0] - before).max() == pytest.approx(1e-2, rel=0.01)


def test_seed_decides_where_a_network_starts() -> None:
    one, same, other = (attentive(random_state=seed).parameters for seed in (1, 1, 2))
    assert one is not None and same is not None and other is not None
    assert np.array_equal(one.flat, same.flat) and not np.array_equal(one.flat, other.flat)
    trained = attentive(training=FitOptions(seed=2)).parameters
    assert trained is not None and np.array_equal(trained.flat, other.flat)


def test_state_with_the_lowest_held_out_loss_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    losses, tables = iter([3.0, 1.0, 2.0]), []

    def loss(model: Trainable, *_: Any) -> float:
        tables.append(model.table.copy())
        return next(losses)

    monkeypatch.setattr(Trainable, "loss", loss)
    fitted = fit_encoder(static(), make_paragraphs(), options=replace(OPTIONS, steps=20, evaluate_every=10))
    assert [entry["best"] for entry in fitted.history] == [True, True, False]
    np.testing.assert_array_equal(fitted.state.table, tables[1])
    assert not np.array_equal(tables[0], tables[1]) and not np.array_equal(tables[1], tables[2])


def weights_of(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> list[tuple[float, ...]]:
    """Return how much the losses of a step count, in each stage."""
    weights: list[tuple[float, ...]] = []
    accumulate = Trainable.accumulate

    def noting(model: Trainable, batches: Any, **options: Any) -> list[float]:
        weights.append(tuple(weight for _, weight, _ in batches))
        return accumulate(model, batches, **options)

    monkeypatch.setattr(Trainable, "accumulate", noting)
    fit_encoder(static(), **arguments)
    return list(dict.fromkeys(weights))


def test_the_corpus_goes_on_beside_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    options = replace(OPTIONS, steps=1, corpus_share=0.25, pair_weights="2,.5")
    both: dict[str, Any] = {"corpus": make_paragraphs(), "pairs": [SentenceSets(PAIRS), SentenceSets(PAIRS)]}
    assert weights_of(monkeypatch, **both, options=options) == [(1.0,), (2.0, 0.5, 0.25)]
    history = fit_encoder(static(), **both, options=options).history
    assert {"pairs_loss", "pairs_2_loss", "neighbors_loss"} <= history[-1].keys()
    alone = replace(options, corpus_share=0.0)
    assert weights_of(monkeypatch, **both, options=alone) == [(1.0,), (2.0, 0.5)]
    assert weights_of(monkeypatch, pairs=both["pairs"], options=options) == [(2.0, 0.5)]
    taught = {"corpus": SENTENCES, "teacher": np.eye(len(SENTENCES), 3), "pairs": PAIRS}
    assert weights_of(monkeypatch, **taught, options=replace(OPTIONS, steps=1)) == [(1.0,), (1.0, 1.0)]


def test_what_neighbors_taught_is_not_forgotten() -> None:
    """Pairs of sentences that have nothing in common would undo it."""
    state = static()
    lookup = WordLookup(state.vocabulary, state.tokenizer)
    rng = np.random.default_rng(1)
    wrong = list(zip(SENTENCES, [SENTENCES[i] for i in rng.permutation(len(SENTENCES))], strict=True))
    task = NeighborTask(pack_neighbors(lookup, make_paragraphs()), batch_size=64, temperature=0.1, seed=0)
    losses = []
    for share in (1.0, 0.0):
        options = replace(OPTIONS, steps=60, learning_rate=0.02, corpus_share=share)
        fitted = fit_encoder(state, make_paragraphs(), pairs=wrong, options=options)
        losses.append(Trainable(fitted.state, [task]).loss(task.held_out()))
    assert losses[0] <= losses[1]


def test_weights_of_pairs_are_one_for_each_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Trainable, "accumulate")  # nothing is trained before that is found out
    with pytest.raises(ValueError, match="pair_weights has 2 numbers, 1,2, for 1 sources of pairs"):
        fit_encoder(static(), make_paragraphs(), pairs=PAIRS, options=replace(OPTIONS, pair_weights="1,2"))
    for wrong in ("", "1,", "0", "-1", "nan", "1;2", "1e999"):
        with pytest.raises(ValueError, match="pair_weights must be numbers above 0, separated by commas"):
            replace(OPTIONS, pair_weights=wrong)
