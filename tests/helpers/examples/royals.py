"""Files for commands on words: a model of eight words, questions, scored pairs and a text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from w2v.encoding.vocabulary import Vocabulary
from w2v.vectors.embeddings import Embeddings


def save_royals(folder: Path) -> Path:
    """Save eight words in a plane where man : king = woman : queen."""
    words = ["man", "woman", "king", "queen", "apple", "pear", "kings", "evil\x1b[31m"]
    vectors = [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [-1, -1, 0.1], [-1, -1, 0.2], [1, 0, 0.9], [0, 0, -1]]
    vocabulary = Vocabulary(words, np.arange(80, 0, -10))
    history = [{"epoch": 1, "loss": 2.5, "alpha": 0.025, "words": 360, "seconds": 0.5}]
    metadata = {"parameters": {"window": 5, "alpha": None, "random_state": 123456789}, "history": history}
    path = folder / "my.model"
    Embeddings(vocabulary, np.array(vectors, dtype=np.float32), metadata=metadata).save(path)
    return path


def write_questions(folder: Path) -> Path:
    """Write analogies, one of them with an unknown word."""
    path = folder / "questions.txt"
    path.write_text(": royal\nman king woman queen\nman king woman duchess\n", encoding="utf-8")
    return path


def write_scored_pairs(folder: Path) -> Path:
    """Write three pairs of words with their scores."""
    path = folder / "pairs.tsv"
    path.write_text("apple\tpear\t9\nking\tman\t5\nman\tapple\t1\n", encoding="utf-8")
    return path


def write_numbers(folder: Path, rng: np.random.Generator) -> Path:
    """Write 300 sentences of eight words."""
    words = np.array("one two three four five six seven eight".split())
    path = folder / "corpus.txt"
    path.write_text("".join(" ".join(words[rng.permutation(8)]) + "\n" for _ in range(300)), encoding="utf-8")
    return path


def edit_config(model: Path, **entries: object) -> Path:
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | entries), encoding="utf-8")
    return model
