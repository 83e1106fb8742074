"""The output of a trained tagger: tags of words, and for raw text also positions and spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.offsets import token_spans
from w2v.corpora.tokenizers import Tokenizer
from w2v.neural.packing import divide, in_threads
from w2v.neural.parameters import ParameterTable, scope
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels import crf, inputs, tagging_network
from w2v.neural.tasks.labels.spans import spans_of
from w2v.neural.tasks.labels.tagging_data import Labels
from w2v.neural.tasks.labels.tagging_network import TaggerConfig

_AT_ONCE = 2048
"""Words that a thread tags at a time, few enough to stay in the caches."""
_MOST_KEPT = 1 << 18
"""Number of words whose embeddings are cached."""


class Word(NamedTuple):
    """A word of a text.

    Attributes
    ----------
    text : str
        As it occurs in the text.
    start, stop : int
        Its position, in characters.
    tag : str
    """

    text: str
    start: int
    stop: int
    tag: str


class TextSpan(NamedTuple):
    """A span of a text, such as a name.

    Attributes
    ----------
    text : str
        As it occurs in the text.
    start, stop : int
        Its position, in characters.
    label : str
    """

    text: str
    start: int
    stop: int
    label: str


@dataclass(frozen=True)
class TaggedText:
    """A text with the tags of its words.

    Attributes
    ----------
    text : str
        The text as given.
    places : list of (int, int)
        The start and end of each word, in characters.
    tags : list of str
        One tag per word.
    probable : list of list of (str, float), or None
        The possible labels of each word with their probabilities, most probable first: labels of spans and ``O``, or
        tags.
    """

    text: str
    places: list[tuple[int, int]]
    tags: list[str]
    probable: list[list[tuple[str, float]]] | None = None

    @property
    def words(self) -> list[Word]:
        """The words with their positions and tags."""
        text = self.text
        return [
            Word(text[start:stop], start, stop, tag) for (start, stop), tag in zip(self.places, self.tags, strict=True)
        ]

    @property
    def spans(self) -> list[TextSpan]:
        """The spans that the tags describe; empty if tags do not describe spans."""
        text, found = self.text, list[TextSpan]()
        for first, last, label in spans_of(self.tags):
            start, stop = self.places[first][0], self.places[last - 1][1]
            found.append(TextSpan(text[start:stop], start, stop, label))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values, with the names of spaCy's `Doc.to_json`."""
        return {
            "text": self.text,
            "tokens": [
                {"start": start, "end": stop, "tag": tag}
                for (start, stop), tag in zip(self.places, self.tags, strict=True)
            ],
            "ents": [{"start": span.start, "end": span.stop, "label": span.label} for span in self.spans],
        }


class Reader:
    """Tags sentences with a network, and caches the embeddings of words.

    Parameters
    ----------
    network : TextNetwork
    table : ParameterTable
        Its parameters.
    """

    def __init__(self, network: TextNetwork, table: ParameterTable) -> None:
        self.config: TaggerConfig = network.config
        self.labels: Labels = network.units["text"]
        self._table = table
        self._vectors = network.further.get("vectors", {}).get("table", np.zeros((1, 0), np.float16))
        nothing = np.empty((0, self.config.inputs.dim), table.dtype), np.empty(0, np.int64)
        self._known: tuple[dict[str, int], NDArray[Any], NDArray[np.int64]] = {}, *nothing
        self._scores = tagging_network.transition_scores(self.config, table, self.labels.constraints)

    def tags(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[Sequence[Sequence[str]]], workers: int
    ) -> list[list[str]]:
        """Return the tags of sentences."""
        offsets, found = self._answers(
            sentences, columns, workers, lambda z, borders: crf.best_tags(z, borders, self._scores)
        )
        return self.labels.decode(found, offsets)

    def probabilities(
        self, sentences: Sequence[Sequence[str]], columns: Sequence[Sequence[Sequence[str]]], workers: int
    ) -> list[NDArray[Any]]:
        """Return the probability of each tag of each word, over all valid tag sequences of a sentence."""
        offsets, found = self._answers(
            sentences, columns, workers, lambda z, borders: crf.probabilities(z, borders, self._scores)
        )
        return np.split(found, offsets[1:-1])[: len(sentences)]

    def _answers(
        self,
        sentences: Sequence[Sequence[str]],
        columns: Sequence[Sequence[Sequence[str]]],
        workers: int,
        answer: Callable[[NDArray[Any], NDArray[np.int64]], NDArray[Any]],
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the start of each sentence, and the result of `answer` for the emissions, one row per word."""
        offsets = np.cumsum([0, *map(len, sentences)], dtype=np.int64)
        values = self._values(list(chain.from_iterable(columns)))
        ids, embeddings, cases = self._ids(list(chain.from_iterable(sentences)))
        values = self.labels.with_sentence_case(values, cases[ids], offsets)
        parts = divide(offsets, max(workers, -(-int(offsets[-1]) // _AT_ONCE)))
        parameters = scope(self._table, "inputs")
        found: list[NDArray[Any]] = [np.empty(0)] * len(parts)

        def work(worker: int) -> None:
            for part in range(worker, len(parts), workers):
                first, last = parts[part]
                own = slice(offsets[first], offsets[last])
                x = embeddings[ids[own]]
                for number in range(values.shape[1]):
                    x += parameters[f"columns.{number}.table"][values[own, number]]
                borders = offsets[first : last + 1] - offsets[first]
                z = tagging_network.emissions(self.config, self._table, x, borders)
                found[part] = answer(z, borders)

        in_threads(work, min(workers, len(parts)))
        return offsets, np.concatenate(found or [np.empty(0, np.int64)])

    def _values(self, rows: list[Sequence[str]]) -> NDArray[np.int64]:
        known = len(self.labels.columns.values)
        if rows and len(rows[0]) != known:
            raise ValueError(
                f"the tagger was trained with {known} given columns, but there are {len(rows[0])}: give as many "
                "with each word (in Python with `columns`, for files with --column)"
            )
        return self.labels.columns.encode(rows)

    def _ids(self, words: list[str]) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
        """Return each word's index, and the embeddings and cases it refers to; these may differ in the next call."""
        rows, embeddings, cases = self._known
        new = [word for word in dict.fromkeys(words) if word not in rows]
        if len(rows) + len(new) > _MOST_KEPT:
            rows, embeddings, cases, new = {}, embeddings[:0], cases[:0], list(dict.fromkeys(words))
        if new:
            lexicon = self.labels.words.lexicon(new, self._vectors)
            made = inputs.word_embeddings(self.config.inputs, scope(self._table, "inputs"), lexicon)
            rows = {**rows, **dict(zip(new, range(len(rows), len(rows) + len(new)), strict=True))}
            embeddings, cases = np.concatenate([embeddings, made]), np.concatenate([cases, lexicon.cases])
            self._known = rows, embeddings, cases  # assigned together, because other threads may be tagging
        return np.fromiter(map(rows.__getitem__, words), np.int64, len(words)), embeddings, cases


def tagged_texts(reader: Reader, texts: Sequence[str], tokenizer: Tokenizer, workers: int) -> list[TaggedText]:
    """Return the words of texts with their tags and positions."""
    places = [token_spans(text, tokenizer) for text in texts]
    words = [[text[start:stop] for start, stop in own] for text, own in zip(texts, places, strict=True)]
    tags = reader.tags(words, [[()] * len(own) for own in words], workers)
    return [TaggedText(*answer) for answer in zip(texts, places, tags, strict=True)]
