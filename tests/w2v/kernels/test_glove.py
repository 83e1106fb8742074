"""GloVe's kernel against its float64 twin, and the twin's gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.twins import naive_glove
from tests.helpers.twins.gradient_checks import assert_gradients
from w2v.encoding.vocabulary import Vocabulary
from w2v.kernels.arguments import LOSS, NOT_WEIGHTED, PAIRS, Chunk, Segment, Text
from w2v.kernels.objectives import glove
from w2v.settings.parameters import Parameters
from w2v.training.glove.cells import Cells
from w2v.training.tables import Tables

X_MAX, EXPONENT, ALPHA = 8.0, 0.75, 0.3


def cells_of(rng: np.random.Generator, n_words: int = 20, n_runs: int = 30, longest: int = 32) -> Cells:
    rows = rng.integers(n_words, size=n_runs).astype(np.int32)
    lengths = rng.integers(1, longest + 1, n_runs)
    columns = np.concatenate([rng.integers(row + 1, size=n) for row, n in zip(rows, lengths, strict=True)]).astype(
        np.int32
    )
    counts = np.exp(rng.normal(1, 1.5, len(columns))).astype(np.float32)
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    return Cells(columns, offsets, 100, None, rows, counts, 100)


def started(vector_size: int, n_words: int = 20) -> tuple[Tables, naive_glove.Model]:
    """Return tables in the middle of a training, and the twin's."""
    parameters = Parameters(objective="glove", vector_size=vector_size)
    tables = Tables.start(parameters, Vocabulary([f"w{i}" for i in range(n_words)], np.ones(n_words, np.int64)), 1)
    rng = np.random.default_rng(2)
    w, v = tables.input_rows, tables.output_vectors
    b, c = (tables.sums[name][:, k] for name, k in (("input_sums", 0), ("output_sums", 1)))
    for array, scale in ((w, vector_size**-0.5), (v, vector_size**-0.5), (b, 0.5), (c, 0.5)):
        array[:] = rng.normal(0, scale, array.shape)
    copies = [array.astype(np.float64) for array in (w, v, b, c)]
    return tables, naive_glove.Model(copies[0], copies[1], copies[2], copies[3])


def train(cells: Cells, tables: Tables, start: int = 0, stop: int | None = None) -> np.ndarray:
    source = glove.Weighting(cells.rows, cells.counts, X_MAX, EXPONENT)
    chunk, stats = Chunk(5, 0, 1), np.zeros(3)
    text = Text(cells.tokens, cells.offsets, np.ones(1, np.float32), NOT_WEIGHTED)
    segment = Segment(start, len(cells) if stop is None else stop, cells.sentence_of(start), ALPHA, ALPHA, np.uint64(1))
    scratch = glove.make_scratch(chunk, source, tables.arrays, tables.members)
    glove.train_glove(text, segment, chunk, source, tables.arrays, tables.members, scratch, stats)
    return stats


def train_twin(cells: Cells, model: naive_glove.Model, start: int = 0, stop: int | None = None) -> tuple[float, int]:
    cost, n = 0.0, 0
    owners = np.repeat(cells.rows, np.diff(cells.offsets)).tolist()
    for i, j, x in list(zip(owners, cells.tokens.tolist(), cells.counts.tolist(), strict=True))[start:stop]:
        f = naive_glove.weight_of(x, X_MAX, EXPONENT)
        for a, b in [(i, j), (j, i)][: 1 if i == j else 2]:
            cost += model.train(a, b, x, f, ALPHA)
            n += 1
    return cost, n


@pytest.mark.parametrize("vector_size", [1, 14, 15, 16, 30, 31, 100])
def test_kernel_equals_its_twin(vector_size: int, rng: np.random.Generator) -> None:
    cells, (tables, model) = cells_of(rng), started(vector_size)
    stats, (cost, n) = train(cells, tables), train_twin(cells, model)
    assert stats[PAIRS] == n and stats[LOSS] == pytest.approx(cost, rel=1e-4)
    half = tables.row_size // 2
    for table, vectors, bias, one, names in (
        (tables.w_in, model.w, model.b, 1, "wb"),
        (tables.w_out, model.v, model.c, 0, "vc"),
    ):
        rows, at = table.reshape(-1, tables.row_size)[:-1], vector_size + 1 - one
        expected = np.column_stack([vectors, bias])
        sums = np.column_stack([model.sums[name] for name in names])
        assert np.abs(rows[:, [*range(vector_size), at]] - expected).max() < 2e-4
        assert np.abs(rows[:, [*range(half, half + vector_size), half + at]] / sums - 1).max() < 2e-4
        assert (rows[:, vector_size + one] == 1).all(), "what stands beside the other table's bias does not move"
        assert not rows[:, vector_size + 2 : half].any()
        assert np.abs(expected - np.column_stack([started(vector_size)[1].__dict__[n] for n in names])).max() > 0.1


def test_parts_of_the_cells_are_trained_alike(rng: np.random.Generator) -> None:
    cells, (whole, _), (parts, _) = cells_of(rng), started(20), started(20)
    train(cells, whole)
    borders = cells.split(60)
    for first, last in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        train(cells, parts, first, last)
    assert len(borders) > 4 and np.array_equal(whole.w_in, parts.w_in) and np.array_equal(whole.w_out, parts.w_out)


def test_gradient_of_a_cell_is_that_of_differences(rng: np.random.Generator) -> None:
    model = naive_glove.Model(rng.normal(size=(3, 5)), rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=3))
    f = naive_glove.weight_of(2.5, X_MAX, EXPONENT)
    gradients = {name: np.zeros_like(getattr(model, name)) for name in "wvbc"}
    for name, row in (("w", 1), ("v", 2), ("b", 1), ("c", 2)):
        gradients[name][row] = model.gradients(1, 2, 2.5, f)[name]
    assert_gradients(lambda: model.cost(1, 2, 2.5, f), {name: getattr(model, name) for name in "wvbc"}, gradients)


def test_cost_at_zero_is_the_mean_over_cells(rng: np.random.Generator) -> None:
    cells = cells_of(rng)
    x = cells.counts.astype(np.float64)
    f = np.minimum(1, (x / X_MAX) ** EXPONENT)
    assert cells.cost_at_zero(X_MAX, EXPONENT) == pytest.approx((f * np.log(x) ** 2 / 2).mean())
