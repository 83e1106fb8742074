"""What spelling tells: words made of words, how words are written mostly, and how sentences are."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.neural.tasks.labels.spelling.cases import (
    N_SENTENCES,
    N_USUAL,
    case_of,
    sentence_cases,
    usual_case,
)
from w2v.neural.tasks.labels.spelling.compounds import compound

GIVEN = ["the", "news", "red", "bbc", "sox", "rock", "rocks", "at", "xyz", "heat"]
RANKS = {word: rank for rank, word in enumerate(GIVEN, 1)}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("BBCNews", ["bbc", "news"]), ("bbcnews", ["bbc", "news"]), ("red_Sox", ["red", "sox"]),
        ("#RedRocks", ["red", "rocks"]),
        ("redrocks", ["red", "rocks"]),  # fewer words than rock and an s that is none
        ("theat", ["the", "at"]), ("theatxyz", ["the", "at", "xyz"]), ("qredsox", ["red", "sox"]),
        ("qqqqred", []), ("red7", ["red"]),
        ("http://t.co/red", []), ("WWW.red.com", []), ("zzz", []), ("12", []), ("...", []), ("", []), ("x" * 99, []),
        ("the" * 11, []),
    ],
)  # fmt: skip
def test_words_are_cut_into_words(word: str, expected: list[str]) -> None:
    found = compound(word, RANKS, lambda own: RANKS.get(own.lower(), 0))
    assert [GIVEN[rank - 1] for rank in found] == expected


def test_usual_case_tells_spelling_clearness_and_frequency() -> None:
    ranks = {"the": 1, "The": 40, "Anna": 900, "NATO": 20_000, "us": 70_000, "US": 60_000, "Us": 90_000, ",": 2}
    found = {word: usual_case(word, ranks) for word in ("the", "Anna", "NATO", "US", ",", "zzz")}
    assert found["zzz"] == 0 and usual_case("THE", ranks) == found["the"] and usual_case("anna", ranks) == found["Anna"]
    assert [(value - 1) // 12 for value in list(found.values())[:5]] == [0, 1, 2, 2, 0]  # lower, capital, capitals
    assert [(value - 1) % 12 // 4 for value in list(found.values())[:5]] == [2, 2, 2, 0, 2]
    assert [(value - 1) % 4 for value in list(found.values())[:5]] == [0, 0, 2, 3, 0]
    assert max(usual_case(word, ranks) for word in ranks) < N_USUAL


def test_sentence_case_is_told_of_every_token() -> None:
    sentences = [
        ["We", "met", "Anna", "."],
        [],
        ["GREAT", "FOOD", "!"],
        ["Visit", "New", "York", "in", "May"],
        ["?"],
        ["I"],
    ]
    cases = np.array([case_of(word) for own in sentences for word in own])
    assert cases.tolist() == [2, 1, 2, 0, 3, 3, 0, 2, 2, 2, 1, 2, 0, 2]
    offsets = np.cumsum([0, *map(len, sentences)])
    found = np.split(sentence_cases(cases, offsets), offsets[1:-1])
    # words with a capital behind the first: 1 of 2, 1 of 1, 3 of 4, none; in capitals: none, 2 of 2, none
    assert [own[0] for own in found if len(own)] == [8, 15, 8, 0, 0]
    assert all(len(set(own.tolist())) <= 1 for own in found) and max(map(max, filter(len, found))) < N_SENTENCES
    assert sentence_cases(np.empty(0, np.int64), np.zeros(1, np.int64)).shape == (0,)
