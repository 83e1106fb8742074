"""Training of encoders: planted structure is found, the best state is kept, and an interruption changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clock import Clock
from numpy.typing import NDArray

from corpora.readers import CorpusError
from corpora.tokenizers import WordsTokenizer
from encoder.batches import PackedSentences, pack_sentences
from encoder.fit_options import FitOptions, FitProgress
from encoder.lookup import WordLookup
from encoder.network import Network, NetworkConfig
from encoder.objectives import info_nce
from encoder.state import EncoderState
from encoder.tasks import OrderTask, PairTask, Task, TeacherTask
from encoder.trainable import Rates, Trainable
from encoder.training import Fitted, fit_encoder
from w2v.trainer import DivergenceError
from w2v.vocabulary import Vocabulary

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
    assert model.step([(0, 1.0, batch)], Rates(1e-4, 1e-5), seed=0) == pytest.approx([loss], rel=1e-5)
    large = np.abs(gradient) > 1e-4
    assert large.sum() > 100
    np.testing.assert_allclose((model.table - table)[large], -1e-4 * np.sign(gradient[large]), rtol=0.02)
    assert np.array_equal(model.table[gradient.any(axis=1) == 0], state.table[gradient.any(axis=1) == 0])
    sure = np.abs(d_weights) > 1e-4
    moved = (model.word_weights - state.word_weights)[sure]
    np.testing.assert_allclose(moved, -1e-5 * np.sign(d_weights[sure]), rtol=0.05)


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
    assert model.step([(0, 1.0, batch)], Rates(1e-4), seed=0) == pytest.approx([loss], rel=1e-5)
    large = np.abs(gradient) > 1e-4
    assert large.sum() > 100
    np.testing.assert_allclose((model.table - state.table)[large], -1e-4 * np.sign(gradient[large]), rtol=0.02)


@pytest.mark.parametrize("chunk", [1, 5, 12])
def test_gradient_caching_changes_no_step(rng: np.random.Generator, chunk: int) -> None:
    state = start(rng, attention=True)
    sentences, teacher = two_columns(rng, state)[0], rng.normal(size=(40, 5))

    def trained(size: int | None) -> NDArray[np.float32]:
        tasks: list[Task] = [
            TeacherTask(sentences, teacher, WIDTH, batch_size=12, temperature=0.2, seed=1),
            OrderTask(sentences, WIDTH, batch_size=12, seed=1),
        ]
        model = Trainable(state, tasks, workers=1)
        for step in range(3):
            batches = [(i, 1.0, task.draw(step)) for i, task in enumerate(tasks)]
            model.step(batches, Rates(1e-2, 1e-2, 1e-2), seed=step, chunk=size)
        return model.table

    whole = trained(None)
    assert np.abs(whole - state.table).max() > 1e-2
    np.testing.assert_allclose(trained(chunk), whole, atol=2e-4)


def test_relative_positions_start_by_looking_at_the_neighbors(rng: np.random.Generator) -> None:
    state = start(rng, attention=True)
    assert state.network is not None and state.parameters is not None
    x = 0.01 * rng.normal(size=(7, WIDTH)).astype(np.float32)
    attention = Network(state.network, 1).forward(state.parameters, x, np.array([0, 7]), return_attention=True)[2]
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
    fitted = fit_encoder(state, sentences, teacher=teach, options=QUICK)
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
    clock, step, rates = Clock(monkeypatch), Trainable.step, []

    def take_a_second(self: Trainable, batches: Any, rate: Rates, **options: Any) -> list[float]:
        clock.advance(1)
        rates.append(rate.table)
        return step(self, batches, rate, **options)

    monkeypatch.setattr(Trainable, "step", take_a_second)
    fitted = fit_encoder(start(rng), paragraphs(rng), options=replace(QUICK, steps=10**8, max_time=25.0))
    assert (fitted.history[-1]["step"], fitted.history[-1]["seconds"]) == (25, 25)
    assert rates[QUICK.warmup :] == pytest.approx([0.02 * (1 - second / 25) for second in range(QUICK.warmup, 25)])


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
    with pytest.raises(ValueError, match="other options, or other sentences"):
        fit_encoder(state, corpus, options=replace(QUICK, seed=1), resume=half.training)
    with pytest.raises(ValueError, match="other options, or other sentences"):
        fit_encoder(state, corpus[:80], options=QUICK, resume=half.training)
    with pytest.raises(ValueError, match="not the state"):
        fit_encoder(state, corpus, options=QUICK, resume={"stage": np.array([7])})


# bad input


def test_nothing_to_train_on_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        fit_encoder(start(rng))
    with pytest.raises(ValueError, match="a teacher needs a corpus"):
        fit_encoder(start(rng), pairs=[["a", "b"]], teacher=np.ones((1, 2)))
    with pytest.raises(ValueError, match="0 pairs of neighbouring sentences"):
        fit_encoder(start(rng), ["no known word here at all. None here either."])
    with pytest.raises(ValueError, match="too little to train on: 0 pairs"):
        fit_encoder(start(rng), pairs=[["none", "known"]] * 9)
    with pytest.raises(ValueError, match="sets of two"):
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
    with pytest.raises(ValueError, match="made an array of shape|shape|finite|floating"):
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
