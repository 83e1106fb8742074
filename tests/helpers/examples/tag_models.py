"""A named-entity tagger and a part-of-speech tagger, trained in a second or two, shared by tests."""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import Any

import numpy as np

from w2v import Embeddings, Tagger
from w2v.corpora.labels.tagged import Tagged

_FIRST, _LAST, _PLACES = ["Anna", "Ben", "Carla", "Dev"], ["Lee", "Stone", "Marsh"], ["Rome", "Oslo", "Lima"]
_KINDS = {"met": "VERB", "saw": "VERB", "we": "PRON", "they": "PRON", "in": "ADP", "today": "NOUN", ".": "PUNCT"}
NETWORK: dict[str, Any] = {
    "dim": 16, "heads": 2, "word_size": 8, "ngram_size": 8, "buckets": 64, "dropout": 0.1, "warmup": 10,
    "learning_rate": 0.02, "workers": 1, "averaged": 1, "batch_tokens": 128,
}  # fmt: skip
TINY: dict[str, Any] = {**NETWORK, "epochs": 6, "evaluate_every": 4, "averaged": 2}
"""Options for a training that is interrupted; little is learned."""


def named_sentences(n: int, seed: int = 1) -> Tagged:
    """Return sentences about people and places, with the kind of each word as a given column."""
    draw, found = random.Random(seed), Tagged([], [], [])
    for _ in range(n):
        words = [draw.choice(["we", "they"]), draw.choice(["met", "saw"])]
        tags = ["O", "O"]
        person = [draw.choice(_FIRST), *([draw.choice(_LAST)] if draw.random() < 0.5 else [])]
        words += person
        tags += ["B-PER", "I-PER"][: len(person)]
        if draw.random() < 0.7:
            words += ["in", draw.choice(_PLACES)]
            tags += ["O", "B-LOC"]
        words.append(draw.choice([".", "today"]))
        tags.append("O")
        found.sentences.append(words)
        found.tags.append(tags)
        found.columns.append([(_KINDS.get(word, "PROPN"),) for word in words])
    return found


def without_columns(tagged: Tagged) -> Tagged:
    """Return the same sentences with only words and tags."""
    return Tagged(tagged.sentences, tagged.tags, [[()] * len(own) for own in tagged.sentences])


def write_tagged(path: Path, tagged: Tagged) -> Path:
    """Write sentences as columns: the word, its given columns, and its tag."""
    lines = []
    for words, tags, columns in zip(tagged.sentences, tagged.tags, tagged.columns, strict=True):
        rows = zip(words, columns, tags, strict=True)
        lines.append("".join("\t".join((word, *given, tag)) + "\n" for word, given, tag in rows) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@functools.cache
def name_tagger() -> Tagger:
    """Return a tagger of names; callers must not change it."""
    data, test = (without_columns(named_sentences(n, seed)) for n, seed in ((200, 1), (40, 2)))
    vectors = Embeddings(["anna", "rome", "zed"], np.eye(3, 2, dtype=np.float32))
    return Tagger(**NETWORK, epochs=12).fit(data, validation=test, vectors=vectors)


@functools.cache
def kind_tagger() -> Tagger:
    """Return a tagger of kinds of words with a softmax and convolutions; callers must not change it."""
    data = named_sentences(200)
    kinds = [[kind for (kind,) in own] for own in data.columns]
    tagger = Tagger(**NETWORK, epochs=8, output_layer="softmax", architecture="convolution")
    return tagger.fit(data.sentences, kinds)
