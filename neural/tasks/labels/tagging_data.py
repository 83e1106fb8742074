"""Training and held-out sentences of a tagger, and its vocabulary of words, column values and tags."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text
from w2v.corpora.labels.tagged import Tagged, read_tagged
from w2v.neural.tasks.fitting import DataWarning
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.crf import Constraints
from w2v.neural.tasks.labels.parameters import MOST_HELD_OUT, TaggerParameters
from w2v.neural.tasks.labels.spans import (
    SCHEMES,
    are_of_spans,
    constraints_of,
    find_scheme,
    spans_of,
    written,
)
from w2v.neural.tasks.labels.spelling.cases import N_SENTENCES, sentence_cases
from w2v.neural.tasks.labels.words import Columns, Lexicon, Tokens, WordVocabulary, checked_names
from w2v.vectors.subwords import Subwords

_INSIDE = "BIOES"
"""The span notation used inside the network."""


class BrokenTagsWarning(DataWarning):
    """Some spans violate their notation; the message gives their number and how they are read."""


@dataclass(frozen=True)
class ColumnNumbers:
    """The columns of words and tags in files, and error handling; see `w2v.corpora.labels.tagged.read_tagged`."""

    word: int | None = None
    tag: int | None = None
    given: tuple[int, ...] = ()
    errors: str = "strict"

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values."""
        return {"word": self.word, "tag": self.tag, "given": list(self.given), "errors": self.errors}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> ColumnNumbers:
        """Return the object described by `to_dict`; ValueError if the input is invalid."""
        errors = described.get("errors", "strict")
        numbers = [described.get("word"), described.get("tag"), *described.get("given", ())]
        if any(number is not None and (type(number) is not int or number < 1) for number in numbers):
            raise ValueError("columns must be numbers from 1")
        if errors not in ("strict", "replace"):
            raise ValueError(f"errors must be strict or replace, not {errors!r:.80}")
        return cls(numbers[0], numbers[1], tuple(numbers[2:]), errors)

    def read(self, files: Any, *, tags: bool = True) -> Tagged:
        """Read files."""
        return read_tagged(
            files, word_column=self.word, tag_column=self.tag, columns=self.given, tags=tags, errors=self.errors
        )


@dataclass(frozen=True)
class Labels:
    """The vocabulary of a tagger: words, values of given columns, tags, and the notation of spans.

    Attributes
    ----------
    words : WordVocabulary
    columns : Columns
    tags : tuple of str
        The tags of the network; for spans, in BIOES.
    scheme : str or None
        The notation of spans in answers; None if tags are not spans.
    sentence_case : bool
        Whether the last column is the case of the sentence; see `sentence_cases`.
    """

    words: WordVocabulary
    columns: Columns
    tags: tuple[str, ...]
    scheme: str | None
    sentence_case: bool = False

    kind = "words"

    @property
    def pieces(self) -> Sequence[str]:
        """The words with rows of their own."""
        return self.words.words

    @classmethod
    def learn(cls, tagged: Tagged, parameters: TaggerParameters, given: Sequence[str], *, by_spelling: bool) -> Labels:
        """Collect the words, column values and tags of sentences."""
        rows = list(chain.from_iterable(tagged.columns))
        scheme = scheme_of(tagged.tags)
        tags = sorted({tag for own in inside(tagged.tags, scheme) for tag in own})
        words = WordVocabulary.learn(
            chain.from_iterable(tagged.sentences),
            min_count=parameters.min_count,
            given=given,
            subwords=Subwords(parameters.min_n, parameters.max_n, parameters.buckets),
            by_spelling=by_spelling,
        )
        return cls(words, Columns.learn(rows, len(rows[0])), tuple(tags), scheme, True)

    @property
    def column_sizes(self) -> tuple[int, ...]:
        """Number of values of each column, including the unknown value; that of sentence cases is last."""
        return *(len(values) + 1 for values in self.columns.values), *((N_SENTENCES,) if self.sentence_case else ())

    def with_sentence_case(
        self, columns: NDArray[np.int64], cases: NDArray[np.int64], offsets: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the given columns of tokens, shape (N, C), with that of sentence cases added; `cases` are by token."""
        return np.column_stack([columns, sentence_cases(cases, offsets)]) if self.sentence_case else columns

    @cached_property
    def constraints(self) -> Constraints:
        """Which tags may follow each other."""
        return Constraints.none(len(self.tags)) if self.scheme is None else constraints_of(self.tags)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {tag: row for row, tag in enumerate(self.tags)}

    def encode_tags(self, sentences: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        """Return the indices of tags; a tag not seen in training gets an arbitrary one and never counts as correct."""
        flat = chain.from_iterable(inside(sentences, self.scheme))
        return np.array([self._rows.get(tag, 0) for tag in flat], np.int64)

    @cached_property
    def _answered(self) -> list[str]:
        """Each tag in the notation of answers, except for IOB1, in which it depends on the preceding tag."""
        renamed = {"E": "I", "S": "B"} if self.scheme == "IOB2" else {}
        return [renamed.get(tag[0], tag[0]) + tag[1:] if renamed else tag for tag in self.tags]

    def decode(self, rows: NDArray[np.int64], offsets: NDArray[np.int64]) -> list[list[str]]:
        """Return the tags of sentences, with spans in the notation of the training sentences."""
        names, flat, borders = self._answered, rows.tolist(), offsets.tolist()
        found = [[names[row] for row in flat[first:last]] for first, last in pairwise(borders)]
        return found if self.scheme != "IOB1" else [written(spans_of(tags), len(tags), "IOB1") for tags in found]

    def to_config(self) -> dict[str, Any]:
        """Return the object as JSON values for `from_config`."""
        return {
            "words": self.words.to_config(), "columns": [list(own) for own in self.columns.values],
            "tags": list(self.tags), "scheme": self.scheme, "sentence_case": self.sentence_case,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Labels:
        """Return the object described by `to_config`; ValueError or TypeError if the input is invalid."""
        words, columns, scheme = config.get("words"), config.get("columns"), config.get("scheme")
        of_sentences = config.get("sentence_case", False)
        if (
            type(of_sentences) is not bool
            or not isinstance(words, dict)
            or not isinstance(columns, list)
            or scheme not in (None, *SCHEMES)
        ):
            raise ValueError("it must contain words, columns, tags and the scheme of spans")
        tags = checked_names(config.get("tags"))
        if scheme is not None and not are_of_spans(tags):
            raise ValueError(f"its tags are not spans in {scheme}")
        return cls(
            WordVocabulary.from_config(words), Columns(tuple(map(checked_names, columns))), tags, scheme, of_sentences
        )


def scheme_of(sentences: Sequence[Sequence[str]]) -> str | None:
    """Return the notation of spans, None if tags are not spans; warn about spans that violate it."""
    if not are_of_spans({tag for tags in sentences for tag in tags}):
        return None
    scheme, n_broken = find_scheme(sentences)
    if n_broken:
        warnings.warn(
            BrokenTagsWarning(
                f"{n_broken:,} spans violate {scheme}, such as I- after O: each is read as a "
                "separate span, as by conlleval"
            ),
            stacklevel=4,
        )
    return scheme


def rewritten(sentences: Sequence[Sequence[str]], scheme: str | None) -> Sequence[Sequence[str]]:
    """Return tags with their spans in the given notation, as answers have them; unchanged if they are not spans."""
    if scheme is None or not are_of_spans({tag for tags in sentences for tag in tags}):
        return sentences
    return [written(spans_of(tags), len(tags), scheme) for tags in sentences]


def inside(sentences: Sequence[Sequence[str]], scheme: str | None) -> Iterable[Sequence[str]]:
    """Return tags as the network learns them, with spans in BIOES."""
    if scheme is None:
        return sentences
    return (written(spans_of(tags), len(tags), _INSIDE) for tags in sentences)


@dataclass(frozen=True)
class TagData:
    """Training and held-out sentences, and their files."""

    trained: Tagged
    held_out: Tagged
    numbers: ColumnNumbers
    validation_files: list[str] | None

    @classmethod
    def of(
        cls, given: Tagged, validation: Tagged | None, numbers: ColumnNumbers, parameters: TaggerParameters
    ) -> TagData:
        """Return the sentences from the input of `Tagger.fit`; ValueError if there are too few."""
        if validation is not None:
            return cls(given, validation, numbers, validation.files)
        n = min(round(0.1 * len(given)), MOST_HELD_OUT)
        if parameters.held_out is not None:
            n = round(parameters.held_out * len(given))
        n = max(1, n)
        if n >= len(given):
            raise ValueError(
                "one sentence is not enough: give more, or sentences for validation (in files, a blank line ends a "
                "sentence)"
            )
        order = np.random.default_rng(parameters.random_state).permutation(len(given))
        apart, trained = given.take(sorted(order[:n].tolist())), given.take(sorted(order[n:].tolist()))
        return cls(Tagged(trained.sentences, trained.tags, trained.columns, given.files), apart, numbers, None)

    @classmethod
    def again(cls, began: TextNetwork, given: Any, validation: Any, parameters: TaggerParameters) -> TagData:
        """Return the sentences of a resumed training: those given, or else read from their files."""
        numbers = ColumnNumbers.from_dict(began.metadata["training"].get("columns") or {})
        given, validation = began.trained_on(
            given, validation, "sentences", "Tagger.load(…).resume(sentences, tags)", read=numbers.read
        )
        return cls.of(given, validation, numbers, parameters)


def tagged_of(sentences: Any, tags: Any, columns: Any, numbers: ColumnNumbers) -> Tagged:
    """Return tagged sentences from files or lists; ValueError or TypeError if they do not match."""
    found = _given(sentences, tags, columns, numbers)
    if not any(found.sentences):
        raise ValueError("the sentences have no words")
    return found


def validation_of(validation: Any, numbers: ColumnNumbers) -> Tagged | None:
    """Return the sentences to hold out: a file, tagged sentences, or (sentences, tags) with or without columns."""
    if validation is None or isinstance(validation, Tagged):
        return validation
    if isinstance(validation, Sequence) and not isinstance(validation, str) and 2 <= len(validation) <= 3:
        sentences, tags, *columns = validation
        if not isinstance(sentences, (str, os.PathLike)):
            return tagged_of(sentences, tags, columns[0] if columns else None, numbers)
    return tagged_of(validation, None, None, numbers)


def _given(sentences: Any, tags: Any, columns: Any, numbers: ColumnNumbers) -> Tagged:
    if isinstance(sentences, Tagged):
        return sentences
    if isinstance(sentences, (str, os.PathLike)) or (
        tags is None
        and isinstance(sentences, (list, tuple))
        and all(isinstance(x, (str, os.PathLike)) for x in sentences)
    ):
        return numbers.read(sentences)
    if tags is None:
        raise ValueError("tags are missing: pass a list of tags for each sentence, or files with words and tags")
    words, given = checked_sentences(sentences, "word"), columns_of(sentences, columns)
    found = checked_sentences(tags, "tag")
    _check_lengths(words, found, "tags")
    return Tagged(words, found, given)


def words_of(sentences: Any, columns: Any) -> tuple[list[list[str]], list[list[tuple[str, ...]]]]:
    """Return the words of sentences and their column values."""
    if isinstance(sentences, Tagged):
        return sentences.sentences, sentences.columns
    words = checked_sentences(sentences)
    return words, columns_of(words, columns)


def checked_sentences(sentences: Any, what: str = "word") -> list[list[str]]:
    """Return sentences as lists of words or tags; TypeError if one is not."""
    if not isinstance(sentences, Iterable):
        raise TypeError(f"a list of {what}s for each sentence is needed, not {type(sentences).__name__}")
    found = []
    for number, sentence in enumerate(sentences, 1):
        if not isinstance(sentence, Iterable):
            raise TypeError(f"sentence {number} must be a list of {what}s, not {type(sentence).__name__}")
        if isinstance(sentence, str):
            raise TypeError(
                f"sentence {number} is a text: pass a list of {what}s for each sentence, such as text.split()"
                + ("; `tag` takes texts" if what == "word" else "")
            )
        try:
            found.append([checked_text(text, place) for place, text in enumerate(sentence, 1)])
        except (TypeError, ValueError) as error:
            raise type(error)(f"sentence {number}: {str(error).replace('text', what, 1)}") from None
        if not all(found[-1]):
            raise ValueError(f"sentence {number} has an empty {what}")
    return found


def columns_of(sentences: Any, columns: Any) -> list[list[tuple[str, ...]]]:
    """Return the column values of each word, as tuples; empty tuples if there are none."""
    if columns is None:
        return [[()] * len(sentence) for sentence in sentences]
    found = [[(value,) if isinstance(value, str) else tuple(value) for value in own] for own in columns]
    _check_lengths(sentences, found, "given columns")
    if len({len(values) for own in found for values in own}) > 1:
        raise ValueError("every word must have the same number of column values as the first")
    return found


def _check_lengths(words: Sequence[Any], others: Sequence[Any], what: str) -> None:
    if len(words) != len(others):
        raise ValueError(f"there are {len(words)} sentences, but {what} for {len(others)}; give them for each sentence")
    for number, (sentence, other) in enumerate(zip(words, others, strict=True), 1):
        if len(sentence) != len(other):
            raise ValueError(
                f"sentence {number} has {len(sentence)} words, but {len(other)} {what}: give one for each word"
            )


def encode(tagged: Tagged, labels: Labels, vectors: NDArray[Any]) -> tuple[Lexicon, Tokens]:
    """Return the words of sentences as input of the network."""
    rows: dict[str, int] = {}
    ids = np.array([rows.setdefault(word, len(rows)) for own in tagged.sentences for word in own], np.int64)
    offsets = np.cumsum([0, *map(len, tagged.sentences)], dtype=np.int64)
    lexicon = labels.words.lexicon(list(rows), vectors)
    values = labels.columns.encode(list(chain.from_iterable(tagged.columns)))
    return lexicon, Tokens(ids, offsets, labels.with_sentence_case(values, lexicon.cases[ids], offsets))
