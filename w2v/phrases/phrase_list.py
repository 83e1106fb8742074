"""Learned phrases: joining them in tokens, and saving them to a file. Imports nothing heavy."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from w2v.corpora.tokenizers import Tokenizer
from w2v.storage.files import ModelError, atomic_file, reading

FORMAT = "w2v-phrases"
FORMAT_VERSION = 1
_MAX_BYTES = 1 << 30

ENGLISH_CONNECTOR_WORDS = frozenset("a an the for of with without at from to in on by and or".split())
"""Words that an English phrase may contain but neither begin nor end with; the same as gensim's."""


class Phrase(NamedTuple):
    """Words that belong together.

    Attributes
    ----------
    words : tuple of str
        Two words with any connector words between them. From the second pass on, a word may itself be a joined phrase.
    score : float
        How much more often they occur together than by chance; see `PhraseParameters.scoring`.
    occurrences : int
        How often they occur together in the text.
    """

    words: tuple[str, ...]
    score: float
    occurrences: int


class PhraseList:
    """The phrases that `Phrases` found, read-only. It joins them in any tokens.

    Parameters
    ----------
    passes : sequence of sequences of Phrase
        The phrases of each pass, by falling score.
    delimiter : str, default "_"
        Separator between the words of a joined phrase.
    connector_words : iterable of str, default ()
        Words that a phrase may contain but neither begin nor end with.
    parameters : dict, optional
        The parameters of the training, in JSON types; only stored.

    Attributes
    ----------
    scores : dict of str to float
        The joined phrases of all passes and their scores.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a phrase has fewer than two words, a score is not finite, or the delimiter is empty.
    """

    def __init__(
        self,
        passes: Sequence[Sequence[Phrase]],
        *,
        delimiter: str = "_",
        connector_words: Iterable[str] = (),
        parameters: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(delimiter, str):
            raise TypeError(f"the delimiter must be a str, not {type(delimiter).__name__}")
        if not delimiter:
            raise ValueError("the delimiter must not be empty")
        if isinstance(connector_words, str):
            raise TypeError("connector_words must be a collection of words, not one string")
        self.passes = [[_checked(phrase) for phrase in phrases] for phrases in passes]
        self.delimiter = delimiter
        self.connector_words = frozenset(connector_words)
        self.parameters = dict(parameters or {})
        if not all(isinstance(word, str) for word in self.connector_words):
            raise TypeError("connector_words must all be str")
        self.scores: dict[str, float] = {}
        for phrase in self:
            self.scores.setdefault(delimiter.join(phrase.words), phrase.score)

    @cached_property
    def _lookups(self) -> list[tuple[dict[tuple[str, ...], tuple[str, float]], set[str]]]:
        """For each pass: the joined phrases and scores by their words, and the words that begin a phrase."""
        join = self.delimiter.join
        return [
            ({p.words: (join(p.words), p.score) for p in reversed(phrases)}, {p.words[0] for p in phrases})
            for phrases in self.passes
        ]

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Phrase]:
        return (phrase for phrases in self.passes for phrase in phrases)

    def __repr__(self) -> str:
        return f"PhraseList({len(self)} phrases, passes={len(self.passes)})"

    def join(self, tokens: Iterable[str]) -> list[str]:
        """Return the tokens of one sentence with its phrases joined, from left to right."""
        joined = _as_tokens(tokens)
        for number in range(len(self.passes)):
            joined = [token for token, _ in self._analyze(joined, number)]
        return joined

    def transform(self, sentences: Iterable[Iterable[str]]) -> Iterator[list[str]]:
        """Yield each sentence, given as a list of tokens, with its phrases joined."""
        for tokens in sentences:
            yield self.join(tokens)

    def find(self, sentences: Iterable[Iterable[str]]) -> dict[str, float]:
        """Return the phrases that `join` would join in these sentences, and their scores, in order of appearance."""
        found: dict[str, float] = {}
        for tokens in sentences:
            joined = _as_tokens(tokens)
            for number in range(len(self.passes)):
                analyzed = self._analyze(joined, number)
                found.update((token, score) for token, score in analyzed if score is not None)
                joined = [token for token, _ in analyzed]
        return found

    def _analyze(self, tokens: list[str], number: int) -> list[tuple[str, float | None]]:
        """Return the tokens after one pass, each with its score if it is a phrase, else None."""
        phrases, begins = self._lookups[number]
        connectors = self.connector_words
        out: list[tuple[str, float | None]] = []
        open_at = -1  # start of the phrase that may end next
        for at, token in enumerate(tokens):
            if open_at >= 0:
                if token in connectors:
                    continue
                phrase = phrases.get(tuple(tokens[open_at : at + 1]))
                if phrase is not None:
                    out.append(phrase)
                    open_at = -1
                    continue
                out += [(waiting, None) for waiting in tokens[open_at:at]]
                open_at = -1
            if token in begins and token not in connectors:
                open_at = at
            else:
                out.append((token, None))
        if open_at >= 0:
            out += [(waiting, None) for waiting in tokens[open_at:]]
        return out

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a JSON file; raise ModelError if it cannot be written, or exists and `overwrite` is False."""
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "delimiter": self.delimiter,
            "connector_words": sorted(self.connector_words),
            "parameters": self.parameters,
            "passes": [
                {
                    "phrases": [list(phrase.words) for phrase in phrases],
                    "scores": [phrase.score for phrase in phrases],
                    "counts": [phrase.occurrences for phrase in phrases],
                }
                for phrases in self.passes
            ],
        }
        data = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        with atomic_file(path, overwrite=overwrite) as file:
            file.write(data + b"\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PhraseList:
        """Read a file that `save` wrote. It may come from a stranger, so all of it is checked.

        Raises ModelError if the file is missing, not a file of phrases, from a newer version, or damaged.
        """
        content = _parse(path)
        version = content.get("format_version")
        if content.get("format") != FORMAT or type(version) is not int or version < 1:
            raise ModelError(f"{path} is not a file of phrases; `w2v phrases --save` writes one")
        if version > FORMAT_VERSION:
            raise ModelError(f"{path} was written by a newer version of w2v; upgrade w2v to read it")
        try:
            passes = [
                [Phrase(tuple(words), score, count) for words, score, count in zip(*columns, strict=True)]
                for columns in ((part["phrases"], part["scores"], part["counts"]) for part in content["passes"])
            ]
            connectors = content["connector_words"]
            if not isinstance(connectors, list) or not isinstance(content["parameters"], dict):
                raise TypeError("connector_words must be a list, and parameters an object")
            return cls(
                passes, delimiter=content["delimiter"], connector_words=connectors, parameters=content["parameters"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path} is damaged: its phrases cannot be read ({error})") from error


def _as_tokens(tokens: Iterable[str]) -> list[str]:
    """Return the tokens of a sentence as a list; TypeError if they are a text, or one of them is not a str."""
    if isinstance(tokens, str):
        raise TypeError("join and find need the tokens of a sentence, not a text; split it first")
    listed = list(tokens)
    for token in listed:
        if not isinstance(token, str):
            raise TypeError(f"a token must be a str, not {type(token).__name__}: {token!r:.60}")
    return listed


def _checked(phrase: Any) -> Phrase:
    words, score, count = phrase
    if not isinstance(words, tuple) or len(words) < 2 or not all(isinstance(word, str) for word in words):
        raise ValueError(f"a phrase must be at least two words, not {words!r:.80}")
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not math.isfinite(score):
        raise ValueError(f"the score of {' '.join(words)!r:.80} must be a finite number, not {score!r:.80}")
    if type(count) is not int or count < 0:
        raise ValueError(f"the count of {' '.join(words)!r:.80} must be a whole number, not {count!r:.80}")
    return Phrase(words, score, count)


def _parse(path: str | os.PathLike[str]) -> dict[str, Any]:
    with reading(path) as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ModelError(f"{path} is not a file of phrases: it is larger than {_MAX_BYTES >> 30} GiB")
    try:
        parsed = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not a file of phrases, or damaged: {error}") from error
    if not isinstance(parsed, dict):
        raise ModelError(f"{path} is not a file of phrases: it holds a {type(parsed).__name__}, not a JSON object")
    return parsed


class PhraseTokenizer:
    """A tokenizer that joins phrases, so the query "New York" finds the word new_york.

    `base` splits text into tokens. `phrases` may be a file, which is read when first needed, so a model opens without
    it.
    """

    name: ClassVar[str] = "phrases"

    def __init__(self, base: Tokenizer, phrases: PhraseList | os.PathLike[str]) -> None:
        self.base = base
        self._phrases = phrases if isinstance(phrases, PhraseList) else Path(phrases)

    @property
    def phrases(self) -> PhraseList:
        """The phrases, read from their file if necessary."""
        if not isinstance(self._phrases, PhraseList):
            self._phrases = PhraseList.load(self._phrases)
        return self._phrases

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text`, phrases joined."""
        return self.phrases.join(self.base(text))

    def __reduce__(self) -> tuple[type[PhraseTokenizer], tuple[Tokenizer, PhraseList]]:
        return PhraseTokenizer, (self.base, self.phrases)  # another machine may not have the file

    def __repr__(self) -> str:
        return f"PhraseTokenizer({self.base!r}, {self._phrases!r})"

    def to_config(self) -> dict[str, Any]:
        """Return the name and the base tokenizer; the phrases are saved in a separate file."""
        return {"name": self.name, "base": self.base.to_config()}
