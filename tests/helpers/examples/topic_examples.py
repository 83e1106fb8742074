"""Paragraphs about planted topics, and word vectors that know nothing about them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from w2v import Embeddings, Vocabulary
from w2v.encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.neural.progress import FitProgress

N_TOPICS, WORDS_EACH = 6, 8
NAMES = [f"t{topic}w{i}" for topic in range(N_TOPICS) for i in range(WORDS_EACH)]
OPTIONS = FitOptions(
    steps=40, batch_size=16, learning_rate=2e-2, temperature=0.05, evaluate_every=10, warmup=5, seed=3, workers=1
)
"""Options that train on the paragraphs within a second."""


def make_words() -> Embeddings:
    """Return random vectors, which know nothing about the topics."""
    vectors = np.random.default_rng(2).normal(size=(len(NAMES), 12))
    return Embeddings(Vocabulary(NAMES, np.full(len(NAMES), 50)), vectors)


def make_paragraphs(n: int = 80) -> list[str]:
    """Return paragraphs of three sentences, each paragraph about one topic."""
    rng = np.random.default_rng(4)
    paragraphs = []
    for _ in range(n):
        topic = rng.integers(N_TOPICS)
        sentences = [
            " ".join(f"T{topic}w{i}" for i in rng.choice(WORDS_EACH, 5, replace=False)).capitalize() + "."
            for _ in range(3)
        ]
        paragraphs.append(" ".join(sentences))
    return paragraphs


def topic_margin(encoder: SentenceEncoder) -> float:
    """Return how much higher the cosine of sentences on the same topic is than the mean over all pairs."""
    first = [f"t{topic}w0 t{topic}w1 t{topic}w2" for topic in range(N_TOPICS)]
    second = [f"t{topic}w5 t{topic}w6 t{topic}w7" for topic in range(N_TOPICS)]
    cosines = encoder.encode(first) @ encoder.encode(second).T
    return float(np.diag(cosines).mean() - cosines.mean())


def nearest_topics(encoder: SentenceEncoder) -> list[int]:
    """Return, for one sentence of each topic, the topic of the nearest sentence with other words."""
    first = [f"t{topic}w0 t{topic}w1 t{topic}w2" for topic in range(N_TOPICS)]
    second = [f"t{topic}w5 t{topic}w6 t{topic}w7" for topic in range(N_TOPICS)]
    nearest: list[int] = (encoder.encode(first) @ encoder.encode(second).T).argmax(axis=1).tolist()
    return nearest


def stop_at(step: int) -> Callable[[FitProgress], None]:
    """Return a progress callback that interrupts like Ctrl-C at a step."""

    def report(state: FitProgress) -> None:
        if state.phase == "training" and state.step >= step:
            raise KeyboardInterrupt

    return report
