"""Similar spellings of a word that is not in the vocabulary."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from difflib import SequenceMatcher

_MAX_WORDS = 200_000
_MAX_COMPARED = 200
_MIN_RATIO = 0.65


def near_spellings(word: str, words: Sequence[str], n: int = 3) -> list[str]:
    """Return up to `n` words whose spelling is most similar to `word`, ignoring case, the most similar first.

    Only the first 200,000 of `words` are considered; among equally similar spellings the earlier one wins. Comparing
    every word by `difflib` would take seconds, so words of similar length that share most letters are selected first:
    30 ms for 100,000 words.
    """
    target = word.casefold()
    if not target or n < 1:
        return []
    letters = set(target)
    slack = 1 + len(target) // 4
    shortest, longest = len(target) - slack, len(target) + slack
    folded = (
        (candidate.casefold(), row) for row, candidate in enumerate(words[:_MAX_WORDS])
        if shortest <= len(candidate) <= longest
    )  # fmt: skip
    rough = (
        (len(letters.intersection(candidate)) * 2 - abs(len(candidate) - len(target)), -row, candidate)
        for candidate, row in folded
    )
    needed = len(letters)
    picked = heapq.nlargest(_MAX_COMPARED, (item for item in rough if item[0] >= needed))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(target)
    scored = []
    for _, negative_row, candidate in picked:
        matcher.set_seq1(candidate)
        if matcher.real_quick_ratio() >= _MIN_RATIO and matcher.quick_ratio() >= _MIN_RATIO:
            ratio = matcher.ratio()
            if ratio >= _MIN_RATIO:
                scored.append((ratio, negative_row))
    return [words[-negative_row] for _, negative_row in heapq.nlargest(n, scored)]
