"""Small embeddings shared by the tests of encoders."""

from __future__ import annotations

import numpy as np

from w2v import Embeddings, Vocabulary
from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.vectors.subwords import Subwords, SubwordVectors

WORDS = ["the", "a", "river", "don't", "straße", "日本", "naïve", "internationalisation", "42", "x"]
COUNTS = np.array([5000, 3000, 200, 90, 40, 30, 20, 10, 5, 1])

SENTENCES = [
    "The river; the RIVER!",
    "Don\u2019t go to Straße 42",
    "",
    "nothing known here",
    "日本 naïve\tinternationalisation",
    "a " * 300 + "river",
    "the",
    "x\ny the\r\n42",
]


def make_embeddings(
    vector_size: int = 20, *, tokenizer: Tokenizer | None = None, with_subwords: bool = False, seed: int = 7
) -> Embeddings:
    """Return random vectors for `WORDS`."""
    rng = np.random.default_rng(seed)
    subwords = None
    if with_subwords:
        ngrams = rng.normal(size=(50, vector_size)).astype(np.float32)
        numbers = np.sort(rng.choice(97, 50, replace=False)).astype(np.int64)
        subwords = SubwordVectors(Subwords(2, 4, 97), ngrams, numbers)
    vectors = rng.normal(size=(len(WORDS), vector_size))
    return Embeddings(Vocabulary(WORDS, COUNTS), vectors, tokenizer=tokenizer or WordsTokenizer(), subwords=subwords)
