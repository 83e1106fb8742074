"""A small model with hostile words, shared by the tests of the explorer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from w2v import Embeddings, Vocabulary
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import SentenceEncoder
from w2v.encoder.model.network import Network
from w2v.encoder.model.persistence import save_encoder

TOPICS = {
    "animals": ["cat", "dog", "horse", "cow", "sheep", "goat", "pig", "mouse", "fox", "wolf"],
    "colours": ["red", "green", "blue", "yellow", "white", "black", "brown", "grey", "pink", "orange"],
    "numbers": ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
}
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>document.title='taken'</script>",
    "javascript:alert(1)",
    '"><svg onload=alert(1)>',
    "{{7*7}}",
    "\u202egnp.exe",
    "a\nb\tc\x00d",
    " ",
    "x" * 5000,
    "👩\u200d💻",
    "שלום",
    "__proto__",
]


def make_embeddings(n_fillers: int = 0) -> Embeddings:
    """Return vectors in which words of the same topic are close; the hostile words are close to the animals."""
    rng = np.random.default_rng(3)
    words, vectors = [], []
    centers = rng.normal(size=(len(TOPICS), 24))
    for center, topic in zip(centers, TOPICS.values(), strict=True):
        words += topic
        vectors += [center + 0.3 * rng.normal(size=24) for _ in topic]
    words += HOSTILE
    vectors += [centers[0] + 0.3 * rng.normal(size=24) for _ in HOSTILE]
    words += [f"filler{number}" for number in range(n_fillers)]
    vectors += list(rng.normal(size=(n_fillers, 24)))
    counts = 10_000 // np.arange(1, len(words) + 1) + 1
    return Embeddings(Vocabulary(words, counts), np.array(vectors), tokenizer=WordsTokenizer())


def save_model(folder: Path, n_fillers: int = 0) -> Path:
    """Write a folder with word vectors."""
    make_embeddings(n_fillers).save(folder / "small.model")
    return folder / "small.model"


def save_attention(folder: Path) -> Path:
    """Write a folder with an encoder of two layers with two heads each."""
    state = SentenceEncoder(make_embeddings(), "attention", layers=2, heads=2, dim=8, random_state=1).state
    assert state.network is not None
    parameters = Network(state.network).initialise(1)
    parameters.flat[:] += 0.5 * np.random.default_rng(5).normal(size=parameters.flat.shape)
    save_encoder(replace(state, parameters=parameters), folder / "small.encoder")
    return folder / "small.encoder"
