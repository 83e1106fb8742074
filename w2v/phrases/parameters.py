"""The parameters of `Phrases`: names, defaults, allowed values and help texts. Imports only the standard library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from w2v.settings.constraints import Constraint, Integer, TokenizerChoice, check_fields
from w2v.settings.parameters import MAX_VOCABULARY, SHARED_WITH_PHRASES, check_threshold

DEFAULT_THRESHOLD = {"default": 10.0, "npmi": 0.5}
"""What a score must exceed where `threshold` is None."""

ENGLISH = "english"
"""The name that stands for `phrase_list.ENGLISH_CONNECTOR_WORDS`."""


@dataclass(frozen=True)
class Delimiter(Constraint):
    """Text that can stand inside a word."""

    described = "text without white space"

    def _allows(self, value: object) -> bool:
        return isinstance(value, str) and value.split() == [value]


@dataclass(frozen=True)
class ConnectorWords(Constraint):
    """A collection of words, or the name of one; a text is not taken for its letters."""

    described = f"{ENGLISH!r} or a collection of words"

    def _allows(self, value: object) -> bool:
        if isinstance(value, str):
            return value == ENGLISH
        return isinstance(value, Iterable) and all(isinstance(word, str) for word in value)


@dataclass(frozen=True)
class PhraseParameters:
    """What decides which phrases are found. Holding values does not check them: call `validate`.

    Attributes
    ----------
    scoring : {"default", "npmi"}
        (n_ab - min_count) * n_distinct / (n_a * n_b), as in word2phrase and gensim, where n_distinct counts words and
        pairs; or normalised pointwise mutual information, from -1 to 1.
    threshold : float or None
        What a score must exceed; None is 10 for "default" and 0.5 for "npmi". The larger, the fewer phrases.
    min_count : int
        Pairs seen less often are no phrases, at least 1.
    passes : int
        After each pass its phrases are joined, and the next finds pairs of what there is then: with two passes phrases
        of up to four words, 1 to 20.
    connector_words : "english" or collection of str
        Words that may stand inside a phrase but neither begin nor end it ("bank of america").
    delimiter : str
        Stands between the words of a joined phrase; no white space.
    max_pairs : int
        Distinct pairs to hold at most, more or less; beyond it the rarest are forgotten, as word2vec does, and there is
        a `ForgottenPairsWarning`. A pair takes 16 bytes in a table that is at most three quarters full.
    workers : int or None
        Threads; None is all cores. The result does not depend on it.
    tokenizer : str or callable
        How text becomes words; not used on tokens.
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
        """Raise ValueError, which names value and limits, if a value is not allowed or does not go with another."""
        check_fields(self, PHRASE_CONSTRAINTS)
        check_threshold("threshold", self.threshold, self.scoring)

    @property
    def resolved_threshold(self) -> float:
        """`threshold`, or the scoring's own where that is None."""
        return DEFAULT_THRESHOLD[self.scoring] if self.threshold is None else float(self.threshold)


PHRASE_CONSTRAINTS: dict[str, Constraint] = {
    **SHARED_WITH_PHRASES,
    "min_count": Integer("Ignore pairs that occur less often.", 1, MAX_VOCABULARY),
    "connector_words": ConnectorWords("Words that may stand inside a phrase but neither begin nor end it."),
    "delimiter": Delimiter("Separator between the words of a joined phrase."),
    "max_pairs": Integer("Distinct pairs to hold at most; beyond it the rarest are forgotten.", 1, 2**40),
    "workers": Integer("Threads; left out, all cores.", 1, 1024, optional=True),
    "tokenizer": TokenizerChoice("Tokenizer; whitespace is for pre-tokenised text."),
}
"""What each field of `PhraseParameters` may hold."""
