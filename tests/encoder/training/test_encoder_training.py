"""Training of encoders: planted structure is found, the best state is kept, and an interruption changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.clock import Clock
from w2v.corpora.readers import CorpusError
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.encoder.model.state import EncoderState
from w2v.encoder.training.batches import PackedSentences, pack_sentences
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.tasks import OrderTask, PairTask, Task, TeacherTask
from w2v.encoder.training.trainable import Rates, Trainable
from w2v.encoder.training.training import Fitted, fit_encoder
from w2v.encoding.vocabulary import Vocabulary
from w2v.neural.layers import dropout
from w2v.neural.layers.positions import KINDS
from w2v.neural.losses import info_nce
from w2v.neural.optimizers.muon import SCALE, is_of_linear_layer
from w2v.neural.progress import FitProgress
from w2v.training.trainer import DivergenceError

N_TOPICS, N_WORDS, WIDTH = 6, 10, 16
WORDS = [f"t{topic}w{word}" for topic in range(N_TOPICS) for word in range(N_WORDS)]
TOPICS = [topic for topic in range(N_TOPICS) for _ in range(N_WORDS)]
QUICK = FitOptions(steps=60, batch_size=32, evaluate_every=20, warmup=5, workers=1, learning_rate=0.02, order_share=0.0)


def start(rng: np.random.Generator, *, attention: bool = False) -> EncoderState:
    """Random rows: nothing says yet which words belong together."""
    table = (rng.normal(size=(len(WORDS), WIDTH)) / WIDTH**0.5).astype(np.float32)
    state = EncoderState(Vocabulary(WORDS), WordsTokenizer(), table, np.zeros(len(WORDS), np.float32))
    return with_network(state) if attention else state


def with_network(state: EncoderState, **options: Any) -> EncoderState:
    config = NetworkConfig(WIDTH, dim=8, heads=2, positions="relative", **options)
    return replace(state, network=config, parameters=Network(config, 1).initialise(0))


def sentence(rng: np.random.Generator, topic: int) -> str:
    return " ".join(f"t{topic}w{word}" for word in rng.choice(N_WORDS, 5, replace=False)).capitalize() + "."


def paragraphs(rng: np.random.Generator, n: int = 150) -> list[str]:
    """Return paragraphs, each of one topic."""
    return [" ".join(sentence(rng, i % N_TOPICS) for _ in range(4)) for i in range(n)]


def topics_of(state: EncoderState) -> list[int]:
    """Return for each word the topic to whose other words it is nearest on average."""
    units = state.table / np.linalg.norm(state.table, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, np.nan)
    means = np.nanmean(cosines.reshape(len(WORDS), N_TOPICS, N_WORDS), axis=2)
    nearest: list[int] = means.argmax(axis=1).tolist()
    return nearest


def pack(state: EncoderState, sentences: list[str]) -> PackedSentences:
    return pack_sentences(WordLookup(state.vocabulary, state.tokenizer), sentences)


# one step


def take_step(model: Trainable, batches: Any, rates: Rates, **options: Any) -> list[float]:
    """Move all parameters once."""
    losses = model.accumulate(batches, **options)
    model.update(rates)
    return losses


def two_columns(rng: np.random.Generator, state: EncoderState, n: int = 40) -> list[PackedSentences]:
    return [pack(state, [sentence(rng, i % N_TOPICS) for i in range(n)]) for _ in range(2)]


def test_first_step_goes_against_the_gradient_of_every_row(rng: np.random.Generator) -> None:
    """Adam's first step is the rate times the sign of the gradient, here written out in float64."""
    state = replace(start(rng), word_weights=rng.uniform(-1, 0, len(WORDS)).astype(np.float32))
    task = PairTask(two_columns(rng, state), batch_size=8, temperature=0.2, seed=0)
    model, batch = Trainable(state, [task]), task.draw(0)
    bags = np.zeros((16, len(WORDS)))
    for row in range(16):
        tokens = batch.sentences[row : row + 1].tokens
        np.add.at(bags[row], tokens, np.exp(state.word_weights[tokens].astype(np.float64)))
    table = state.table.astype(np.float64)
    vectors = bags @ table
    loss, d_first, d_second, _ = info_nce(vectors[:8], vectors[8:], temperature=0.2)
    gradient = bags.T @ np.concatenate([d_first, d_second])
    d_weights = (gradient * table).sum(axis=1)
    assert take_step(model, [(0, 1.0, batch)], Rates(1e-4, 1e-5), seed=0) == pytest.approx([loss], rel=1e-5)
    large = np.abs(gradient) > 1e-4
    assert large.sum() > 100
    np.testing.assert_allclose((model.table - table)[large], -1e-4 * np.sign(gradient[large]), rtol=0.02)
    assert np.array_equal(model.table[gradient.any(axis=1) == 0], state.table[gradient.any(axis=1) == 0])
    sure = np.abs(d_weights) > 1e-4
    moved = (model.word_weights - state.word_weights)[sure]
    np.testing.assert_allclose(moved, -1e-5 * np.sign(d_weights[sure]), rtol=0.05)


def test_first_step_of_a_network_goes_against_its_gradient(rng: np.random.Generator) -> None:
    """Of the weighted sum of two tasks, of vectors and of tokens, here in float64 by the network's own backward."""
    state = with_network(start(rng), feed_forward=1.0)
    assert state.network is not None and state.parameters is not None
    state.parameters.flat[...] += 0.3 * rng.normal(size=state.parameters.flat.shape)
    packs = two_columns(rng, state)
    tasks: list[Task] = [
        PairTask(packs, batch_size=8, temperature=0.2, seed=0), OrderTask(packs[0], WIDTH, batch_size=8, seed=0)
    ]  # fmt: skip
    batches = [(0, 1.0, tasks[0].draw(0)), (1, 0.3, tasks[1].draw(0))]
    network, parameters = Network(state.network, 1), state.parameters.astype(np.float64)
    table = state.table.astype(float)
    d_parameters, d_table, losses = parameters.zeros_like(), np.zeros_like(table), []
    for _, weight, batch in batches:
        tokens, offsets = batch.sentences.tokens, batch.sentences.offsets
        y, cache = network.forward(parameters, table[tokens], offsets)
        found = batch.loss(y, slice(0, len(y))) if batch.is_of_tokens else batch.loss(np.add.reduceat(y, offsets[:-1]))
        d_y = found.d_outputs if batch.is_of_tokens else np.repeat(found.d_outputs, np.diff(offsets), axis=0)
        dx, gradients = network.backward(parameters, weight * d_y, cache)
        d_parameters.flat += gradients.flat
        np.add.at(d_table, tokens, dx)
        losses.append(found.value)
    model = Trainable(state, tasks, weight_decay=0.0, clip=1e9, workers=1)
    assert take_step(model, batches, Rates(1e-4, network=1e-4), seed=0) == pytest.approx(losses, rel=1e-4)
    assert model.parameters is not None
    moved = model.parameters.flat - state.parameters.flat
    for movement, gradient in ((moved, d_parameters.flat), (model.table - state.table, d_table)):
        large = np.abs(gradient) > 1e-3 * np.abs(gradient).max()
        assert large.sum() > 100
        np.testing.assert_allclose(movement[large], -1e-4 * np.sign(gradient[large]), rtol=0.03)


@pytest.mark.parametrize("clip", [1e-3, 1e9])
def test_gradient_of_a_network_is_clipped_to_its_length(rng: np.random.Generator, clip: float) -> None:
    state = start(rng, attention=True)
    task = PairTask(two_columns(rng, state), batch_size=8, temperature=0.2, seed=0)
    model = Trainable(state, [task], clip=clip, workers=1)
    take_step(model, [(0, 1.0, task.draw(0))], Rates(0.0, network=1e-4), seed=0)
    length = np.linalg.norm(model.tensors()["network.adam.first"]) / 0.1  # the mean of one gradient
    assert length == pytest.approx(1e-3, rel=1e-4) if clip == 1e-3 else length > 1e-2


def test_muon_moves_the_matrices_of_linear_layers_and_adam_the_rest(rng: np.random.Generator) -> None:
    """Muon's first step is a matrix with singular values of about 1, times its rate; Adam's steps are as without it."""
    state = start(rng, attention=True)
    task = PairTask(two_columns(rng, state), batch_size=8, temperature=0.2, seed=0)
    moved: dict[str, dict[str, NDArray[np.float64]]] = {}
    for optimizer in ("adam", "muon"):
        model = Trainable(state, [task], weight_decay=0.0, optimizer=optimizer, workers=1)
        take_step(model, [(0, 1.0, task.draw(0))], Rates(0.0, network=1e-3), seed=0)
        assert model.parameters is not None and state.parameters is not None
        names = state.parameters.shapes
        moved[optimizer] = {n: model.parameters[n].astype(np.float64) - state.parameters[n] for n in names}
    matrices = {name for name, shape in names.items() if is_of_linear_layer(name, shape)}
    assert len(matrices) > 4 and len(names) > len(matrices)
    assert sum(bool(moved["muon"][name].any()) for name in matrices) > 0  # the others have no gradient at the start
    for name, step in moved["muon"].items():
        if name not in matrices:
            np.testing.assert_array_equal(step, moved["adam"][name])
            continue
        lengths = np.linalg.svd(step / (1e-3 * 4 * SCALE * max(step.shape) ** 0.5), compute_uv=False)
        assert not step.any() or 0.6 < lengths.max() < 1.3
        assert np.sum(step * moved["adam"][name]) >= 0  # both go down


def test_a_training_with_muon_resumes_with_the_same_bits(rng: np.random.Generator) -> None:
    state = start(rng, attention=True)
    task = PairTask(two_columns(rng, state), batch_size=8, temperature=0.2, seed=0)

    def steps(model: Trainable, numbers: range) -> Trainable:
        for number in numbers:
            take_step(model, [(0, 1.0, task.draw(number))], Rates(1e-3, network=1e-3), seed=number)
        return model

    whole, first, second = (Trainable(state, [task], optimizer="muon", workers=1) for _ in range(3))
    steps(first, range(3))
    second.restore({name: array.copy() for name, array in first.tensors().items()})
    steps(second, range(3, 6))
    steps(whole, range(6))
    assert whole.tensors()["network.muon.momentum"].any()
    for name, array in whole.tensors().items():
        np.testing.assert_array_equal(array, second.tensors()[name], err_msg=name)
    with pytest.raises(ValueError, match=re.escape("no array 'network.muon.momentum'")):
        second.restore(Trainable(state, [task], workers=1).tensors())


def test_vectors_with_a_network_start_at_those_without(rng: np.random.Generator) -> None:
    state = start(rng)
    sentences = pack(state, [*paragraphs(rng, 7), ""])
    plain = Trainable(state, []).vectors(sentences)
    np.testing.assert_array_equal(Trainable(with_network(state), [], workers=1).vectors(sentences, chunk=3), plain)


def test_first_step_goes_against_the_gradient_of_hard_negatives(rng: np.random.Generator) -> None:
    state = start(rng)
    negatives = pack(state, [sentence(rng, (i + 1) % N_TOPICS) for i in range(40)])
    task = PairTask(two_columns(rng, state), batch_size=8, temperature=0.2, seed=0, negatives=negatives)
    model, batch = Trainable(state, [task]), task.draw(0)
    bags = np.zeros((24, len(WORDS)))
    for row in range(24):
        np.add.at(bags[row], batch.sentences[row : row + 1].tokens, 1)
    vectors = bags @ state.table.astype(np.float64)
    loss, *gradients = info_nce(vectors[:8], vectors[8:16], temperature=0.2, negatives=vectors[16:])
    gradient = bags.T @ np.concatenate([part for part in gradients if part is not None])
    assert take_step(model, [(0, 1.0, batch)], Rates(1e-4), seed=0) == pytest.approx([loss], rel=1e-5)
    large = np.abs(gradient) > 1e-4
    assert large.sum() > 100
    np.testing.assert_allclose((model.table - state.table)[large], -1e-4 * np.sign(gradient[large]), rtol=0.02)


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("chunk", [1, 5, 12])
def test_gradient_caching_changes_no_step(rng: np.random.Generator, chunk: int, rate: float) -> None:
    """With dropout too: a part of a batch drops what the whole batch drops there."""
    state = with_network(start(rng), dropout=rate)
    sentences, teacher = two_columns(rng, state)[0], rng.normal(size=(40, 5))

    def trained(size: int | None) -> NDArray[np.float32]:
        tasks: list[Task] = [
            TeacherTask(sentences, teacher, WIDTH, batch_size=12, temperature=0.2, seed=1),
            OrderTask(sentences, WIDTH, batch_size=12, seed=1),
        ]
        model = Trainable(state, tasks, workers=1)
        for step in range(3):
            batches = [(i, 1.0, task.draw(step)) for i, task in enumerate(tasks)]
            take_step(model, batches, Rates(1e-2, 1e-2, 1e-2), seed=step, chunk=size)
        return model.table

    whole = trained(None)
    assert np.abs(whole - state.table).max() > 1e-2
    np.testing.assert_allclose(trained(chunk), whole, atol=2e-4)


def test_masks_of_dropout_differ_by_step_and_by_part(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    state = with_network(start(rng), dropout=0.3, layers=2)
    seen: list[tuple[int, int]] = []

    def noting(drop: Any) -> Any:
        def noted(*given: Any) -> NDArray[Any]:
            *_, x, mask = given
            if mask is not None:
                seen.extend((mask.seed, mask.first_row + row) for row in range(len(x)))
            dropped: NDArray[Any] = drop(*given)
            return dropped

        return noted

    for name in ("forward", "add"):
        monkeypatch.setattr(dropout, name, noting(getattr(dropout, name)))
    task = TeacherTask(
        two_columns(rng, state)[0], rng.normal(size=(40, 5)), WIDTH, batch_size=12, temperature=1, seed=1
    )
    model = Trainable(state, [task], workers=1)
    for step in range(4):
        batch = task.draw(step)
        model.accumulate([(0, 1.0, batch)], seed=(7 << 20) + step, chunk=5)
    # each part goes forward twice and back once, with one mask, for every row and place
    counts = Counter(seen)
    assert set(counts.values()) == {3}
    assert len({seed for seed, _ in counts}) == 4 * (1 + 2 * 2)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", KINDS)
def test_weight_decay_spares_biases_and_gains(rng: np.random.Generator, norm: str, positions: str) -> None:
    """Every parameter of the network, by its name: two steps that differ by the decay alone."""
    state = start(rng)
    config = NetworkConfig(WIDTH, dim=8, heads=2, norm=norm, positions=positions)
    parameters = Network(config, 1).initialise(0)
    parameters.flat[...] = rng.normal(size=parameters.flat.shape)
    state = replace(state, network=config, parameters=parameters)
    task = PairTask(two_columns(rng, state), batch_size=8, temperature=0.2, seed=0)
    moved = []
    for decay in (0.0, 0.5):
        model = Trainable(state, [task], weight_decay=decay, workers=1)
        take_step(model, [(0, 1.0, task.draw(0))], Rates(0.0, network=0.1), seed=0)
        assert model.parameters is not None
        moved.append(model.parameters)
    decaying = {name for name in parameters if name.endswith((".weight", ".table", ".distances"))}
    for name, array in parameters.items():
        if name in decaying:
            np.testing.assert_allclose(moved[1][name], moved[0][name] - 0.05 * array, atol=1e-6, err_msg=name)
        else:
            assert name.endswith((".bias", ".gain", ".direction")) or name == "token_type"
            assert np.array_equal(moved[1][name], moved[0][name]), name
            assert not np.array_equal(moved[0][name], array) or not name.endswith(("gain", "token_type")), name
    assert 0 < len(decaying) < len(parameters)


def test_relative_positions_start_by_looking_at_the_neighbors(rng: np.random.Generator) -> None:
    state = start(rng, attention=True)
    assert state.network is not None and state.parameters is not None
    x = 0.01 * rng.normal(size=(7, WIDTH)).astype(np.float32)
    attention: list[list[NDArray[Any]]] = []
    Network(state.network, 1).forward(state.parameters, x, np.array([0, 7]), attention=attention)
    before, behind = attention[0][0][:2]
    assert np.diagonal(before, -1).mean() > 0.7
    assert np.diagonal(behind, 1).mean() > 0.7


# training


def test_corpus_without_labels_brings_topics_together(rng: np.random.Generator) -> None:
    state = start(rng)
    fitted = fit_encoder(state, paragraphs(rng), options=replace(QUICK, steps=120))
    assert topics_of(state) != TOPICS == topics_of(fitted.state)
    assert fitted.history[0]["step"] == 0 and fitted.history[-1]["step"] == 120
    assert fitted.history[-1]["held_out_loss"] < fitted.history[0]["held_out_loss"]
    assert not fitted.interrupted


def test_pairs_without_labels_but_sets_bring_topics_together(rng: np.random.Generator) -> None:
    sets = [[sentence(rng, i % N_TOPICS) for _ in range(3)] for i in range(200)]
    fitted = fit_encoder(start(rng), pairs=sets, options=replace(QUICK, weight_rate=0.01))
    assert topics_of(fitted.state) == TOPICS
    assert fitted.state.word_weights.any()


def test_hard_negatives_are_pushed_away(rng: np.random.Generator, tmp_path: Path) -> None:
    """The negatives share all words but one with the pair; only that word can tell."""
    lines = []
    for _ in range(300):
        words = rng.choice(N_WORDS, 4, replace=False)
        same = " ".join(f"t0w{word}" for word in words)
        lines.append(f"{same} t1w0\t{same} t1w0\t{same} t2w0")
    path = tmp_path / "hard.tsv"
    path.write_text("\n".join(lines))
    state = start(rng)
    fitted = fit_encoder(state, pairs=path, options=replace(QUICK, hard_negatives=True))
    ids = [WORDS.index("t1w0"), WORDS.index("t2w0")]
    cosine = [float(np.atleast_2d(np.corrcoef(s.table[ids]))[0, 1]) for s in (state, fitted.state)]
    assert cosine[1] < cosine[0] - 0.2


def test_teacher_is_followed(rng: np.random.Generator) -> None:
    state = start(rng)
    topics = np.linalg.qr(rng.normal(size=(9, N_TOPICS)))[0].T

    def teach(texts: list[str]) -> NDArray[np.float64]:
        return topics[[int(text[1]) for text in texts]]

    sentences = [sentence(rng, i % N_TOPICS) for i in range(400)]
    fitted = fit_encoder(state, sentences, teacher=teach, options=replace(QUICK, steps=120))
    assert topics_of(fitted.state) == TOPICS


def test_network_learns_the_order_of_words(rng: np.random.Generator) -> None:
    """Words of two kinds take turns; exchanged ones, next to one of their own kind, are found. A table could not."""
    state = start(rng)
    table = state.table + np.where(np.arange(len(WORDS)) % 2, 0.5, -0.5)[:, None].astype(np.float32)
    state = with_network(replace(state, table=table), feed_forward=4.0)
    turns = [" ".join(WORDS[2 * rng.integers(30) + i % 2] for i in range(6)) for _ in range(600)]
    options = replace(QUICK, steps=200, evaluate_every=100, order_share=1.0, network_rate=1e-2, learning_rate=0.0)
    fitted = fit_encoder(state, turns, teacher=rng.normal(size=(600, 3)), options=options)
    assert fitted.history[-1]["order_loss"] < 0.75  # 1 is guessing


def test_start_is_kept_where_training_only_harms(rng: np.random.Generator) -> None:
    state = fit_encoder(start(rng), paragraphs(rng), options=QUICK).state
    harmed = fit_encoder(state, paragraphs(rng), options=replace(QUICK, learning_rate=50.0, steps=20))
    assert harmed.state is state
    assert [entry["best"] for entry in harmed.history] == [True, False]


def test_rate_of_zero_leaves_rows_alone(rng: np.random.Generator) -> None:
    state = start(rng, attention=True)
    fitted = fit_encoder(state, paragraphs(rng), options=replace(QUICK, learning_rate=0.0, network_rate=1e-2))
    assert np.array_equal(fitted.state.table, state.table)
    assert not np.array_equal(fitted.state.parameters.flat, state.parameters.flat)  # type: ignore[union-attr]


def test_max_time_ends_training(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, update, rates = Clock(monkeypatch), Trainable.update, []

    def take_a_second(self: Trainable, rate: Rates) -> None:
        clock.advance(1)
        rates.append(rate.table)
        update(self, rate)

    monkeypatch.setattr(Trainable, "update", take_a_second)
    fitted = fit_encoder(start(rng), paragraphs(rng), options=replace(QUICK, steps=1000, max_time=25.0))
    assert (fitted.history[-1]["step"], fitted.history[-1]["seconds"]) == (25, 25)
    assert rates[QUICK.warmup :] == pytest.approx([0.02 * (1 - second / 25) for second in range(QUICK.warmup, 25)])


@pytest.mark.parametrize("attention", [False, True])
def test_compiling_is_said_before_the_clock_runs_and_moves_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, attention: bool
) -> None:
    clock, accumulate, told = Clock(monkeypatch), Trainable.accumulate, list[str]()

    def compile_for_a_minute(self: Trainable, *arguments: Any, **options: Any) -> list[float]:
        clock.advance(60 * (told[-1] == "compiling"))
        return accumulate(self, *arguments, **options)

    monkeypatch.setattr(Trainable, "accumulate", compile_for_a_minute)
    state, corpus = start(rng, attention=attention), paragraphs(rng)
    fitted = fit_encoder(state, corpus, options=QUICK, progress=lambda seen: told.append(seen.phase))
    assert [phase for phase in dict.fromkeys(told) if phase != "reading"] == ["compiling", "measuring", "training"]
    assert fitted.history[-1]["seconds"] == 0
    monkeypatch.setattr("w2v.encoder.training.training.Stage.rehearse", lambda stage: None)
    assert np.array_equal(fitted.state.table, fit_encoder(state, corpus, options=QUICK).state.table)


def interrupted_at(step: int) -> Any:
    def progress(seen: FitProgress) -> None:
        if seen.phase == "training" and seen.step == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("attention", [False, True])
def test_interrupted_training_goes_on_as_if_it_had_not_been(rng: np.random.Generator, attention: bool) -> None:
    state = start(rng, attention=attention)
    if attention:
        state = with_network(state, dropout=0.1)
    corpus, sets = paragraphs(rng), [[sentence(rng, i % N_TOPICS) for _ in range(2)] for i in range(200)]
    options = replace(QUICK, steps=30, evaluate_every=10, order_share=0.5)
    whole = fit_encoder(state, corpus, pairs=sets, options=options)
    half = fit_encoder(state, corpus, pairs=sets, options=options, progress=interrupted_at(20))
    assert half.interrupted and half.training is not None
    assert [entry["step"] for entry in half.history] == [0, 10, 20]
    saved = {name: np.array(array) for name, array in half.training.items()}
    resumed = fit_encoder(state, corpus, pairs=sets, options=options, resume=saved)
    assert not resumed.interrupted
    assert same(resumed, whole)
    assert not same(half, whole)


def same(a: Fitted, b: Fitted) -> bool:
    if a.state.parameters is not None and b.state.parameters is not None:
        if not np.array_equal(a.state.parameters.flat, b.state.parameters.flat):
            return False
    return np.array_equal(a.state.table, b.state.table) and np.array_equal(a.state.word_weights, b.state.word_weights)


def test_resuming_another_training_is_refused(rng: np.random.Generator) -> None:
    state, corpus = start(rng), paragraphs(rng)
    half = fit_encoder(state, corpus, options=QUICK, progress=interrupted_at(20))
    with pytest.raises(ValueError, match="began with other options: seed was 1, not 2"):
        fit_encoder(state, corpus, options=replace(QUICK, seed=2), resume=half.training)
    with pytest.raises(ValueError, match="began with other sentences"):
        fit_encoder(state, corpus[:80], options=QUICK, resume=half.training)
    changed = [corpus[0].replace(corpus[0].split()[1], corpus[0].split()[2]), *corpus[1:]]  # as many words as before
    with pytest.raises(ValueError, match="began with other sentences"):
        fit_encoder(state, changed, options=QUICK, resume=half.training)
    with pytest.raises(ValueError, match="began with other sentences"):
        fit_encoder(state, pairs=[["t0w1", "t0w2"]] * 60, options=QUICK, resume=half.training)
    with pytest.raises(ValueError, match="does not belong to this kind of training"):
        fit_encoder(state, corpus, options=QUICK, resume={"stage": np.array([7])})


# bad input


def test_nothing_to_train_on_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        fit_encoder(start(rng))
    with pytest.raises(ValueError, match="a teacher needs a corpus"):
        fit_encoder(start(rng), pairs=[["a", "b"]], teacher=np.ones((1, 2)))
    with pytest.raises(ValueError, match="0 pairs of adjacent sentences"):
        fit_encoder(start(rng), ["no known word here at all. None here either."])
    with pytest.raises(ValueError, match="too little training data: 0 pairs"):
        fit_encoder(start(rng), pairs=[["none", "known"]] * 9)
    with pytest.raises(ValueError, match="groups of two"):
        fit_encoder(start(rng), pairs=[["t0w0"]] * 9)
    with pytest.raises(TypeError, match="strings, not int"):
        fit_encoder(start(rng), [1, 2])


@pytest.mark.parametrize(
    "vectors, message",
    [
        (np.ones((9, 4)), "shape \\(9, 4\\), but there are 10 sentences"),
        (np.ones(10), "shape \\(10,\\)"),
        (np.ones((10, 4), int), "floating-point"),
        (np.where(np.arange(40).reshape(10, 4) == 13, np.nan, 1.0), "the vector of sentence 4 is not finite"),
    ],
)
def test_teachers_vectors_that_do_not_fit_are_refused(
    rng: np.random.Generator, tmp_path: Path, vectors: NDArray[Any], message: str
) -> None:
    sentences = [sentence(rng, 0) for _ in range(10)]
    with pytest.raises(ValueError, match=message):
        fit_encoder(start(rng), sentences, teacher=vectors)
    path = tmp_path / "teacher.npy"
    np.save(path, vectors)
    with pytest.raises(ValueError, match=message):
        fit_encoder(start(rng), sentences, teacher=path)
    with pytest.raises(ValueError, match="returned an array of shape|shape|finite|floating"):
        fit_encoder(start(rng), sentences, teacher=lambda texts: vectors)


def test_files_that_are_no_arrays_are_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    path = tmp_path / "teacher.npy"
    with pytest.raises(ValueError, match="cannot be read"):
        fit_encoder(start(rng), ["t0w0"], teacher=path)
    path.write_text("1 2 3")
    with pytest.raises(ValueError, match=r"not a \.npy file"):
        fit_encoder(start(rng), ["t0w0"], teacher=path)
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"not a \.npy file"):
        fit_encoder(start(rng), ["t0w0"], teacher=path)


def test_files_of_pairs_name_the_wrong_line(rng: np.random.Generator, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\nc\n")
    with pytest.raises(CorpusError, match=r"pairs\.tsv, line 2"):
        fit_encoder(start(rng), pairs=path)


def test_loss_that_is_not_finite_ends_training(rng: np.random.Generator) -> None:
    state = start(rng)
    state = replace(state, table=state.table * np.float32(3e38 / np.abs(state.table).max()))  # their sums are infinite
    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match="lower learning rate"):
        fit_encoder(state, paragraphs(rng), options=QUICK)


@pytest.mark.parametrize(
    "option",
    [
        {"steps": 0}, {"batch_size": 1}, {"learning_rate": -1.0}, {"temperature": 0.0}, {"clip": 0.0},
        {"max_time": -1.0}, {"chunk": 0}, {"evaluate_every": 0}, {"network_rate": float("nan")}, {"min_tokens": 0},
        {"max_tokens": 4}, {"seed": -1}, {"workers": 0}, {"order_share": -0.1}, {"word_dropout": 1.0},
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be"):
        FitOptions(**option)
