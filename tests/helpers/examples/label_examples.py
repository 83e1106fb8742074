"""Small labelled texts, and classifiers trained on them, shared by tests."""

from __future__ import annotations

import functools
import random
from typing import Any

from w2v import TextClassifier

WATER = ["river", "sea", "ship", "fish", "lake"]
METAL = ["gold", "silver", "brass", "iron", "crown"]
OTHER = ["the", "of", "and", "is", "a"]


def topic_texts(n: int = 80, seed: int = 1) -> tuple[list[str], list[str]]:
    """Return texts about water or metal, and their labels."""
    draw = random.Random(seed)
    labels = [draw.choice(["water", "metal"]) for _ in range(n)]
    texts = [
        " ".join(draw.choices(WATER if label == "water" else METAL, k=2) + draw.choices(OTHER, k=3)) for label in labels
    ]
    return texts, labels


def topic_sets(n: int = 80, seed: int = 1) -> tuple[list[str], list[list[str]]]:
    """Return texts about water, metal, both or neither, and their sets of labels."""
    draw = random.Random(seed)
    labels = [[name for name in ("metal", "water") if draw.random() < 0.5] for _ in range(n)]
    words = {"water": WATER, "metal": METAL}
    texts = [" ".join([*(draw.choice(words[name]) for name in own), *draw.choices(OTHER, k=2)]) for own in labels]
    return texts, labels


@functools.cache
def topic_classifier() -> TextClassifier:
    """Return a classifier of topics; callers must not change it."""
    return TextClassifier().fit(*topic_texts())


LAYERS: dict[str, Any] = {
    "layers": 1, "dim": 16, "heads": 2, "architecture": "convolution", "dropout": 0.1, "warmup": 10, "workers": 1,
    "learning_rate": 0.01, "batch_tokens": 128, "averaged": 1, "epochs": 12,
}  # fmt: skip
"""A small network with layers."""


@functools.cache
def layered_classifier() -> TextClassifier:
    """Return a classifier of topics with layers; callers must not change it."""
    return TextClassifier(**LAYERS).fit(*topic_texts())


@functools.cache
def mistaken_classifier() -> TextClassifier:
    """Return a classifier of topics with some held-out texts mislabelled, one of them with mark-up in it."""
    texts, labels = topic_texts(120)
    other = {"water": "metal", "metal": "water"}
    apart = [other[label] if i % 3 == 0 else label for i, label in enumerate(labels[:30])]
    marked = [f"{texts[0]} <script>alert(1)</script> \u202eabc", *texts[1:30]]
    return TextClassifier(examples=20).fit(texts[30:], labels[30:], validation=(marked, apart))
