"""What is left when near-duplicates are taken out: no two that are near, however they are compared."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.command_line import run
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings
from w2v.corpora.readers import TextReader
from w2v.encoder.retrieval import SentenceIndex, group_duplicates, mine_duplicates
from w2v.encoder.retrieval.mining import duplicates, joins, leaders
from w2v.encoder.retrieval.mining.duplicates import Comparison, near_rows
from w2v.encoder.retrieval.mining.leaders import find_leaders, groups_of, index_leaders
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.vectors.table import DTYPES, DType, VectorTable

FIRST = "a quick survey of what people in the small town by the river said about their new bridge"
FAMILY = [FIRST] + [" ".join([f"word{i}", *FIRST.split()[1:], *["the"] * i]) for i in range(30)]
"""A sentence and variants of it, whose ten nearest earlier lines are other variants."""


def bunches(rng: np.random.Generator, n: int, spread: float, n_centres: int = 40) -> NDArray[np.float32]:
    """Return rows of length 1 around some centres, some equal to others."""
    centres = rng.normal(size=(n_centres, 24))
    rows = centres[rng.integers(0, n_centres, n)] + spread * rng.normal(size=(n, 24))
    rows[n // 2 : n // 2 + 5] = rows[3]
    units: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def naive_leaders(vectors: NDArray[np.float32], threshold: float) -> list[int]:
    """Return the leader of each row, one row after another, in float64."""
    cosines = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    found: list[int] = []
    for row in range(len(vectors)):
        kept = [i for i in range(row) if found[i] == i and cosines[row, i] >= threshold]
        found.append(max(kept, key=lambda i: (cosines[row, i], -i), default=row))
    return found


@pytest.mark.parametrize("threshold", [0.3, 0.8, 0.97])
@pytest.mark.parametrize("spread", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("strip_rows", [64, 4096])
def test_find_leaders_is_the_naive_loop(
    threshold: float, spread: float, strip_rows: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (joins, leaders):
        monkeypatch.setattr(module, "STRIP_ROWS", strip_rows)
    monkeypatch.setattr(leaders, "_PART_ROWS", 17)
    vectors = bunches(rng, 500, spread)
    found = find_leaders(VectorTable(vectors, are_units=True), Comparison(threshold, exact=True, workers=2))
    assert found.tolist() == naive_leaders(vectors, threshold)


@pytest.mark.parametrize("exact", [True, False, None])
@pytest.mark.parametrize(
    ("spread", "dtype"), [*((spread, "float32") for spread in (0.1, 0.4, 0.8)), *((0.4, dtype) for dtype in DTYPES[1:])]
)
def test_rows_that_stay_have_no_near_ones_left(
    dtype: DType, exact: bool | None, spread: float, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "EXACT_ROWS", 300)  # with None the first round is approximate, later ones are not
    stored = VectorTable(bunches(rng, 600, spread)).astype(dtype)
    table = VectorTable(stored.stored, stored.scales, are_units=True)  # as an index has it
    found = find_leaders(table, Comparison(0.8, exact, workers=2))
    kept = np.flatnonzero(found == np.arange(600))
    assert (found[found] == found).all() and (found <= np.arange(600)).all() and 1 < len(kept) < 600
    rest = VectorTable(table.stored[kept], None if table.scales is None else table.scales[kept], are_units=True)
    for top_n in (1, 600):
        assert not sum(len(pairs.scores) for pairs in near_rows(rest, Comparison(0.8, exact), top_n=top_n))


def test_find_leaders_of_a_family_of_thousands_is_the_first(rng: np.random.Generator) -> None:
    vectors = np.repeat(rng.normal(size=(1, 16)), 9000, axis=0) + 0.01 * rng.normal(size=(9000, 16))
    units = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    assert not find_leaders(VectorTable(units, are_units=True), Comparison(0.9, exact=True)).any()


def test_find_leaders_of_one_row(rng: np.random.Generator) -> None:
    table = VectorTable(bunches(rng, 30, 0.1)[:1])
    assert find_leaders(table, Comparison(0.5)).tolist() == [0]


def test_groups_of_leaders_are_the_largest_first() -> None:
    found = np.array([0, 0, 2, 2, 4, 2])
    assert groups_of(found) == [[2, 3, 5], [0, 1]] and groups_of(found, 3) == [[2, 3, 5]]
    assert groups_of(found, 1)[-1] == [4]


def test_group_duplicates_puts_all_that_are_near_to_one_together() -> None:
    lines = ["the river", "a 42", "", "River, the!", "naïve 日本", "the river", "unheard", "the river, the", "a 42"]
    found = group_duplicates(lines, make_embeddings(), threshold=0.9)
    assert [[place.line for place in group] for group in found] == [[1, 4, 6, 8], [2, 9]]
    assert [len(group) for group in group_duplicates(lines, make_embeddings(), threshold=0.9, min_size=3)] == [4]


def families(seed: int, n_families: int = 12, most: int = 60) -> list[str]:
    """Return random sentences, each with variants: words left out, put in, doubled or replaced."""
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(300)] + ["the", "of", "and"] * 30
    lines = []
    for _ in range(n_families):
        first = draw.choices(words, k=draw.randint(4, 20))
        lines.append(" ".join(first))
        for _ in range(draw.randint(0, most)):
            variant = list(first)
            for _ in range(draw.randint(1, 4)):
                place = draw.randrange(len(variant))
                change = draw.choice(["out", "in", "double", "other"])
                if change == "out" and len(variant) > 2:
                    del variant[place]
                elif change == "other":
                    variant[place] = draw.choice(words)
                else:
                    variant.insert(place, variant[place] if change == "double" else draw.choice(words))
            lines.append(" ".join(variant))
    draw.shuffle(lines)
    return lines


def words_of(lines: list[str]) -> Embeddings:
    words = sorted({word for line in lines for word in line.split()})
    return Embeddings(words, np.random.default_rng(5).normal(size=(len(words), 16)))


@pytest.mark.parametrize("by_words", [True, False])
@pytest.mark.parametrize(
    ("exact", "seed"),
    [
        ("--exact", 5), ("--approximate", 2),
        *(pytest.param(how, seed, marks=pytest.mark.slow)
          for how, seed in (("--exact", 0), ("--exact", 2), ("--approximate", 0), ("--approximate", 5))),
    ],
)  # fmt: skip
def test_keep_leaves_nothing_that_duplicates_finds(seed: int, by_words: bool, exact: str, tmp_path: Path) -> None:
    lines = families(seed)
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    words_of(lines).save(tmp_path / "my.model")
    how = ["--threshold", 0.6 + 0.06 * seed, exact] + ([] if by_words else ["--model", tmp_path / "my.model"])
    kept = tmp_path / "kept.txt"
    result = run("duplicates", tmp_path / "lines.txt", "--keep", kept, *how)
    assert result.exit_code == 0, result.output
    for top in (1, 1000):
        again = run("duplicates", kept, "--top", top, *how)
        assert (again.exit_code, again.stdout) == (0, "")
    assert 3 < len(kept.read_text().splitlines()) < len(lines)


def test_keep_leaves_nothing_of_a_family_whose_leader_is_far_back(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("\n".join(FAMILY) + "\n")
    kept = tmp_path / "kept.txt"
    assert run("duplicates", tmp_path / "lines.txt", "--keep", kept, "--threshold", 0.8).exit_code == 0
    again = run("duplicates", kept, "--threshold", 0.8)
    assert (again.exit_code, again.stdout) == (0, "")


@pytest.mark.parametrize("source", ["list", "iterator", "reader", "index"])
def test_leaders_of_groups_are_not_near_to_each_other(source: str, tmp_path: Path) -> None:
    lines = families(11)
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    words_of(lines).save(tmp_path / "my.model")
    texts: dict[str, Any] = {"list": lines, "iterator": iter(lines), "reader": TextReader(tmp_path / "lines.txt")}
    if source == "index":
        texts["index"] = SentenceIndex.build(tmp_path / "my.model", lines, tmp_path / "my.index")
    groups = group_duplicates(texts[source], threshold=0.75, min_size=1)
    assert sum(map(len, groups)) == len(lines)
    encoder = tmp_path / "my.model" if source == "index" else None
    first = {group[0].line for group in groups}
    kept = [line for number, line in enumerate(lines, 1) if number in first]
    assert not list(mine_duplicates(kept, encoder, threshold=0.75))


def test_leaders_by_words_do_not_depend_on_line_feeds_within_texts() -> None:
    with opened_sentences(["a\nb c", "a b c", "d e f", "a\nb c"]) as index:
        assert index_leaders(index, Comparison(0.9)).tolist() == [0, 0, 2, 0]
