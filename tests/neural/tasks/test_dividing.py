"""Divisions of examples: which texts are parts of others."""

from __future__ import annotations

import numpy as np

from w2v.neural.tasks.dividing import parts_of


def naive(texts: list[str], wholes: list[str]) -> list[bool]:
    split = [text.split() for text in wholes]
    return [
        any(
            len(own := text.split()) < len(words)
            and any(words[i : i + len(own)] == own for i in range(len(words) - len(own) + 1))
            for words in split
        )
        for text in texts
    ]


def test_parts_are_runs_of_whole_words() -> None:
    texts = ["a b c d", "b c", "c b", "a b c d", "d", "bc", "b c d", "a  b", "a b c d e"]
    assert parts_of(texts, texts).tolist() == [True, True, False, True, True, False, True, True, False]
    assert parts_of(["b c", "a b"], ["a b"]).tolist() == [False, False]
    assert parts_of([], ["a"]).tolist() == []


def test_parts_are_those_of_a_slow_search(rng: np.random.Generator) -> None:
    texts = [" ".join(rng.choice(["a", "b", "c"], size=rng.integers(1, 9))) for _ in range(200)]
    assert parts_of(texts, texts).tolist() == naive(texts, texts)
    assert parts_of(texts, texts[:20]).tolist() == naive(texts, texts[:20])
