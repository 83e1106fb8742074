"""A small index of sentences about known topics, for the tests of its map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.helpers.examples.explorer_examples import TOPICS, make_embeddings
from w2v import SentenceIndex

N_SENTENCES = 240
HOSTILE_SENTENCE = "the cat <img src=x onerror=alert(1)> \u202egnp.exe dog"


def topic_sentences() -> list[str]:
    """Return sentences of four words from one topic each; the topics alternate, and one sentence is hostile."""
    rng = np.random.default_rng(8)
    topics = list(TOPICS.values())
    sentences = [" ".join(rng.permutation(topics[i % len(topics)])[:4]) for i in range(N_SENTENCES)]
    return [HOSTILE_SENTENCE, *sentences[1:]]


def write_index(folder: Path) -> Path:
    """Write an index of the sentences with metadata: topic, year and a number."""
    (folder / "lines.txt").write_text("\n".join(topic_sentences()), encoding="utf-8")
    SentenceIndex.build(make_embeddings(), folder / "lines.txt", folder / "small.index")
    rows = [f"{list(TOPICS)[i % len(TOPICS)]},{1990 + i % 20},{i / 10}" for i in range(N_SENTENCES)]
    (folder / "small.csv").write_text("topic,year,weight\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder / "small.index"
