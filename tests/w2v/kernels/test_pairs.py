"""Training on given pairs and on weighted lines, against twins and through the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from tests.helpers.twins import naive_composed, naive_w2v
from tests.helpers.twins.kernel_checks import Case, Outcome, assert_close, padded, run_kernel, run_twin
from w2v import Embeddings, Word2Vec
from w2v.commands.main import main
from w2v.corpora.tokenizers import TabsTokenizer, WhitespaceTokenizer
from w2v.encoding.records import encode_records
from w2v.encoding.repeats import RepeatedStream
from w2v.encoding.stream import TokenStream, WorkFolder, encode_corpus
from w2v.kernels.arguments import NOT_WEIGHTED
from w2v.kernels.cbow import make_scratch
from w2v.kernels.composition import NO_MEMBERS
from w2v.kernels.pairs import train_pairs


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run_pairs(case: Case, weights: NDArray[np.float32] = NOT_WEIGHTED) -> tuple[Outcome, naive_w2v.Trained]:
    """Train on the tokens of the case, two and two, with the kernel and with the twin."""
    w_in, w_out = map(padded, case.vectors)
    stats, n = np.zeros(3), (case.end - case.position) // 2
    first = case.position // 2
    arrays, segment = case.arrays(w_in, w_out), case.segment._replace(sentence=first)
    scratch = make_scratch(case.chunk, case.noise, arrays, NO_MEMBERS)
    train_pairs(case.text(weights), segment, case.chunk, case.noise, arrays, NO_MEMBERS, scratch, stats)
    pairs = case.tokens[case.position : case.end].reshape(-1, 2).tolist()
    threshold, alias = case.alias_table
    twin = naive_composed.train_pairs(
        [(a, b) for a, b in pairs],
        weights[first : first + n].tolist() or [1.0] * n,
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
    weights = case.rng(9).random(101).astype(np.float32) if weighted else NOT_WEIGHTED
    outcome, twin = run_pairs(case, weights)
    assert_close(case, "w_in", outcome.w_in, twin.w_in, twin.travel_in, twin)
    assert_close(case, "w_out", outcome.w_out, twin.w_out, twin.travel_out, twin)
    assert outcome.stats[0] == pytest.approx(twin.loss, rel=1e-5)
    assert outcome.stats[1] == pytest.approx(weights[5:90].sum() if weighted else 85, rel=1e-6)
    assert not outcome.w_in[-1].any() and not outcome.w_out[-1].any()


def test_kernel_of_pairs_trains_nothing_without_pairs() -> None:
    case = Case("cbow", position=10, stop=10)
    outcome, _ = run_pairs(case)
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
            inner(part, buffer, chosen, noise, alpha, negative)  # type: ignore[arg-type]
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
    outcome, twin = run_kernel(case, weights=weights), run_twin(case, weighted_chunk(case, weights))
    assert_close(case, "w_in", outcome.w_in, twin.w_in, twin.travel_in, twin)
    assert_close(case, "w_out", outcome.w_out, twin.w_out, twin.travel_out, twin)
    assert outcome.stats[:2] == pytest.approx([twin.loss, twin.pairs], rel=1e-5)


# From lines to streams.


def test_pairs_are_held_as_often_as_they_weigh() -> None:
    pairs = [("a b", "c"), ("d", "c", 2.5), ("e", "c", 0.5), ("f", "g", 0)]
    vocabulary, stream = encode_records(pairs, "pairs", TabsTokenizer(), min_count=1)
    assert dict(zip(vocabulary, vocabulary.counts.tolist(), strict=True)) == {"c": 4, "d": 2, "a b": 1}  # type: ignore[union-attr]
    assert stream.weights is not None and stream.offsets.tolist() == [0, 2, 4, 6, 8]
    found = [tuple(vocabulary.index_to_key[i] for i in pair) for pair in stream.tokens.reshape(-1, 2).tolist()]
    assert sorted(found) == [("a b", "c"), ("d", "c"), ("d", "c"), ("d", "c")]
    assert sorted(stream.weights.tolist()) == pytest.approx([2.5 / 3] * 3 + [1])


def test_weighted_sentences_keep_their_order_and_rare_words_go() -> None:
    lines = [(2, "a b a"), (1.5, "a x"), (0, "a z"), (1, "y"), (0.25, "b")]
    vocabulary, stream = encode_records(lines, "weighted", WhitespaceTokenizer(), min_count=2)
    assert vocabulary.index_to_key == ["a", "b"]
    assert vocabulary.counts is not None and vocabulary.counts.tolist() == [6, 2]
    assert stream.weights is not None
    assert stream.weights.tolist() == [1, 1, 0.75, 0.75, 0.25]
    assert np.split(stream.tokens, stream.offsets[1:-1])[0].tolist() == [0, 1, 0]
    assert stream.offsets.tolist() == [0, 3, 6, 7, 8, 9]


def test_lines_of_weight_one_need_no_weights() -> None:
    _, weighted = encode_records([(1, "a b"), (2, "b c")], "weighted", WhitespaceTokenizer(), min_count=1)
    _, stream = encode_corpus(["a b", "b c", "b c"], WhitespaceTokenizer(), min_count=1, work_folder=WorkFolder())
    assert weighted.weights is None
    assert len(weighted) == len(stream) and np.array_equal(weighted.offsets, stream.offsets)


@pytest.mark.parametrize(
    ("lines", "item"),
    [("pairs", ("a",)), ("pairs", "ab"), ("pairs", ("a", 1)), ("pairs", ("a", "b", "c")), ("weighted", (-1, "a")),
     ("weighted", (float("nan"), "a")), ("weighted", ("a b",))],
)  # fmt: skip
def test_items_of_another_form_are_refused(lines: str, item: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_records([item], lines, WhitespaceTokenizer(), min_count=1)


@pytest.mark.parametrize("n_tokens", [1, 2, 3, 5, 8, 1000])
def test_repeated_sentences_are_those_written_out(rng: np.random.Generator, n_tokens: int) -> None:
    lengths, repeats = rng.integers(1, 7, 20), rng.integers(1, 9, 20)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.arange(offsets[-1], dtype=np.int32)
    gains = rng.random(20).astype(np.float32)
    rows = np.repeat(np.arange(20), repeats)
    whole = np.concatenate([tokens[offsets[row] : offsets[row + 1]] for row in rows])
    plain = TokenStream(whole, np.concatenate([[0], np.cumsum(lengths[rows])]), 0, gains[rows])
    repeated = RepeatedStream(tokens, offsets, 0, gains, repeats)
    assert len(repeated) == len(plain) and repeated.n_sentences == plain.n_sentences
    borders = plain.split(n_tokens).tolist()
    assert repeated.split(n_tokens).tolist() == borders
    for start, stop in zip(borders, borders[1:], strict=False):
        found, expected = repeated.excerpt(start, stop), plain.excerpt(start, stop)
        assert found.tokens.tolist() == expected.tokens.tolist() == whole[start:stop].tolist()
        assert found.offsets.tolist() == expected.offsets.tolist()
        assert found.weights is not None and expected.weights is not None
        assert found.weights.tolist() == expected.weights.tolist()


def test_rounding_of_a_sum_of_weights_leaves_no_word_out() -> None:
    vocabulary, _ = encode_records([(0.1, "a b")] * 10, "weighted", WhitespaceTokenizer(), min_count=1)
    assert sum([0.1] * 10) < 1 and list(vocabulary) == ["a", "b"]


def test_heavy_lines_cost_no_memory() -> None:
    _, sentences = encode_records(
        [(1e6, "a b c"), (2, "b c"), (9.5e5, "c d e")], "weighted", WhitespaceTokenizer(), min_count=1
    )
    assert len(sentences.tokens) == 8 and len(sentences) == 3 * 1_950_000 + 4
    pairs: list[Any] = [("a", "b", 1e6), ("c", "d", 3e6 / 4), ("e", "f", 1.5e6 / 2)]
    _, spread = encode_records(pairs, "pairs", TabsTokenizer(), min_count=1)
    assert len(spread.tokens) == 6 and len(spread) == 5_000_000
    counts = np.bincount(spread.excerpt(0, 10_000).tokens)
    assert counts == pytest.approx([2000, 2000, 1500, 1500, 1500, 1500], abs=5)
    parts = [np.bincount(spread.excerpt(at, at + 1_000_000).tokens) for at in range(0, 5_000_000, 1_000_000)]
    total = np.sum(parts, axis=0)
    assert total.tolist() == [1_000_000] * 2 + [750_000] * 4


def test_training_on_repeated_sentences_gives_the_bits_of_those_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [(40, "a b c d"), (7.5, "c d e"), (60, "e f a")] * 30
    model = Word2Vec(lines="weighted", tokenizer="whitespace", min_count=1, workers=1, random_state=1, vector_size=8)
    expected = model.fit(lines).vectors_.copy()
    monkeypatch.setattr("w2v.encoding.records._AT_ONCE", 1)
    monkeypatch.setattr("w2v.encoding.records._GROWTH", 0)
    assert np.array_equal(model.fit(lines).vectors_, expected)


# Through the estimator and the command line.


def test_pairs_bring_inputs_of_the_same_targets_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [(f"user {u}", f"item {i}") for u in range(40) for i in rng.integers(20, size=30) + 20 * (u % 2)]
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{u}\t{i}\n" for u, i in rows))
    output = tmp_path / "pairs.model"
    arguments = ["train", path, "--lines", "pairs", "--output", output, "--epochs", 40, "--vector-size", 16,
                 "--min-count", 1, "--workers", 1, "--seed", 1]  # fmt: skip
    assert run(*arguments).exit_code == 0
    nearest = [word for word, _ in Embeddings.load(output).neighbors("user 0", top_n=15) if word.startswith("user")]
    assert sum(int(word.split()[1]) % 2 == 0 for word in nearest[:10]) >= 9
    trained = Word2Vec(lines="pairs", epochs=40, vector_size=16, min_count=1, workers=1, random_state=1).fit(rows)
    assert np.array_equal(trained.vectors_, Embeddings.load(output).vectors)


def test_weighted_lines_count(tmp_path: Path) -> None:
    path = tmp_path / "baskets.tsv"
    path.write_text("3\tgreen tea\tsugar\n1\tcoffee\tsugar\n0.5\tcoffee\tmilk\n" * 10)
    output = tmp_path / "out.model"
    arguments = ["train", path, "--lines", "weighted", "--tokenizer", "tabs", "--output", output, "--vector-size", 4,
                 "--min-count", 1, "--workers", 1, "--sample", 0]  # fmt: skip
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    embeddings = Embeddings.load(output)
    assert embeddings.index_to_key == ["sugar", "green tea", "coffee", "milk"]
    assert embeddings.vocabulary.counts is not None and embeddings.vocabulary.counts.tolist() == [40, 30, 15, 5]


@pytest.mark.parametrize(
    ("lines", "text", "message"),
    [
        ("pairs", "a\tb\na b\n", "line 2: expected input<TAB>target"),
        ("pairs", "a\tb\tnan\n", "line 1: a weight is"),
        ("pairs", "a\t\n", "line 1: expected"),
        ("weighted", "1\ta\n\nx\ta\n", "line 3: a weight is"),
        ("weighted", "\n", "has no lines"),
        ("weighted", "1\ta b\n1e9\ta b c\n", "line 2: a weight is a number from 0 to 1,000,000"),
        ("pairs", "a\tb\t1e9\n", "line 1: a weight is a number from 0 to 1,000,000"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, lines: str, text: str, message: str) -> None:
    path = tmp_path / "lines.tsv"
    path.write_text(text)
    result = run("train", path, "--lines", lines, "--output", tmp_path / "out.model", "--min-count", 1)
    assert result.exit_code == 1 and message in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["lines.tsv"]


@pytest.mark.parametrize(
    "options", [["--algorithm", "cbow"], ["--subwords"], ["--phrases"], ["--held-out", 0.1], ["--lines", "words"]]
)
def test_options_that_do_not_go_with_pairs_are_refused(tmp_path: Path, options: list[Any]) -> None:
    path = tmp_path / "lines.tsv"
    path.write_text("a\tb\n")
    result = run("train", path, "--lines", "pairs", "--output", tmp_path / "out.model", *options)
    assert result.exit_code == 2 and "Traceback" not in result.stderr
