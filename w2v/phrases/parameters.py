"""The parameters of `Phrases`: names, defaults, allowed values and help texts. Imports only the standard library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from w2v.settings.constraints import Constraint, Integer, check_fields
from w2v.settings.descriptions import CONSTRAINTS, MAX_VOCABULARY, SHARED_WITH_PHRASES, check_threshold

DEFAULT_THRESHOLD = {"default": 10.0, "npmi": 0.5}
"""The default `threshold` of each scoring."""

ENGLISH = "english"
"""The value of `connector_words` that selects `phrase_list.ENGLISH_CONNECTOR_WORDS`."""


@dataclass(frozen=True)
class Delimiter(Constraint):
    """Text that a word may contain."""

    described = "text without white space"

    def _allows(self, value: object) -> bool:
        return isinstance(value, str) and value.split() == [value]


@dataclass(frozen=True)
class ConnectorWords(Constraint):
    """A collection of words, or the name of one; a string does not count as a collection of letters."""

    described = f"{ENGLISH!r} or a collection of words"

    def _allows(self, value: object) -> bool:
        if isinstance(value, str):
            return value == ENGLISH
        return isinstance(value, Iterable) and all(isinstance(word, str) for word in value)


@dataclass(frozen=True)
class PhraseParameters:
    """The parameters of `Phrases`. The constructor checks nothing: call `validate`.

    Attributes
    ----------
    scoring : {"default", "npmi"}
        (n_ab - min_count) * n_distinct / (n_a * n_b), as in word2phrase and gensim, where n_distinct counts words and
        pairs; or normalised pointwise mutual information, from -1 to 1.
    threshold : float or None
        What a score must exceed; None is 10 for "default" and 0.5 for "npmi". A larger threshold finds fewer phrases.
    min_count : int
        Pairs that occur less often are ignored; at least 1.
    passes : int
        Number of passes, 1 to 20. Each pass joins the phrases of the one before, so two passes find phrases of up to
        four words.
    connector_words : "english" or collection of str
        Words that a phrase may contain but neither begin nor end with ("bank of america").
    delimiter : str
        Separator between the words of a joined phrase; no white space.
    max_pairs : int
        Approximate limit on distinct pairs in memory. Beyond it the rarest are dropped, as word2vec does, with a
        `ForgottenPairsWarning`. A pair takes 16 bytes in a table that is at most three quarters full.
    workers : int or None
        Threads; None is all cores. The result does not depend on it.
    tokenizer : str or callable
        Splits text into words; lists of tokens bypass it.
    """

    scoring: str = "default"
    threshold: float | None = None
    min_count: int = 5
    passes: int = 1
    connector_words: str | Iterable[str] = ()
    delimiter: str = "_"
    max_pairs: int = 40_000_000
    workers: int | None = None
    tokenizer: str | Callable[[str], Iterable[str]] = "words"

    def validate(self) -> None:
        """Raise ValueError for a value that is not allowed or contradicts another; the message states the limits."""
        check_fields(self, PHRASE_CONSTRAINTS)
        check_threshold("threshold", self.threshold, self.scoring)

    @property
    def resolved_threshold(self) -> float:
        """`threshold`, or the default of the scoring."""
        return DEFAULT_THRESHOLD[self.scoring] if self.threshold is None else float(self.threshold)


PHRASE_CONSTRAINTS: dict[str, Constraint] = {
    **SHARED_WITH_PHRASES,
    "min_count": Integer("Ignore pairs that occur fewer than N times.", 1, MAX_VOCABULARY),
    "connector_words": ConnectorWords("Words that a phrase may contain but neither begin nor end with."),
    "delimiter": Delimiter("Separator between the words of a joined phrase."),
    "max_pairs": Integer("Hold at most N distinct pairs in memory, and drop the rarest beyond.", 1, 2**40),
    "workers": CONSTRAINTS["workers"],
    "tokenizer": CONSTRAINTS["tokenizer"],
}
"""The constraint of each field of `PhraseParameters`."""
