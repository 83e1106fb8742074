"""How closely negative sampling and hierarchical softmax approximate the full softmax, and the cost of each.

    python benchmarks/training/softmax.py CORPUS [--words 1000000] [--vocabulary 2000]

Skip-gram is trained in three ways on the first words of CORPUS, without rare words and with some sentences held out.
The measure is the mean of -ln of the probability of a neighbour in these, in nats: for the full softmax, over the
scores; for negative sampling, over the scores plus the logarithm of the noise distribution, to which they are relative;
for the hierarchical softmax, its own. The value for word frequencies alone is included.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from benchmarks.training.glove import cpu_seconds
from w2v import Word2Vec
from w2v.corpora import TextReader, get_tokenizer
from w2v.training.huffman import HuffmanTree
from w2v.vectors.inverses import measure_inverses

Pairs = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
WINDOW = 5


def read(corpus: Path, n_words: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return the first sentences of a corpus, with every twentieth separated."""
    tokenizer = get_tokenizer("words")
    trained, held, n = list[list[str]](), list[list[str]](), 0
    for number, line in enumerate(TextReader(corpus).lines()):
        words = list(tokenizer(line))
        (trained if number % 20 else held).append(words)
        n += len(words)
        if n >= n_words:
            break
    return trained, held


def pairs_of(sentences: list[list[str]], model: Word2Vec, rng: np.random.Generator) -> Pairs:
    """Return ids of words and of their neighbours, in windows with a uniformly random radius, as in training."""
    index = model.embeddings_.key_to_index
    words, neighbours = [], []
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for i, radius in enumerate(rng.integers(1, WINDOW + 1, len(ids)).tolist()):
            near = ids[max(0, i - radius) : i] + ids[i + 1 : i + 1 + radius]
            words += [ids[i]] * len(near)
            neighbours += near
    return np.array(words), np.array(neighbours)


def nats(scores: np.ndarray[Any, Any], pairs: Pairs) -> float:
    """Return the mean of -ln softmax(scores[word])[neighbour]; `scores` has a row for each word."""
    peak = scores.max(axis=1, keepdims=True)
    normaliser = np.log(np.exp(scores - peak).sum(axis=1)) + peak[:, 0]
    return float((normaliser[pairs[0]] - scores[pairs]).mean())


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--vocabulary", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    trained, held = read(arguments.corpus, arguments.words)
    rows: list[dict[str, Any]] = []
    for objective in ("softmax", "negative", "hs"):
        model = Word2Vec(
            objective=objective, vector_size=50, window=WINDOW, max_vocab=arguments.vocabulary, epochs=arguments.epochs,
            sample=0, workers=1, random_state=1,
        )  # fmt: skip
        model.fit([["a", "b"] * 10] * 10)  # compile
        began = cpu_seconds()
        model.fit(trained)
        row: dict[str, Any] = {"objective": objective, "seconds": cpu_seconds() - began}
        pairs = pairs_of(held, model, np.random.default_rng(1))
        counts = model.vocabulary_.counts
        assert counts is not None
        logs = np.log(counts.astype(np.float64))
        row["nats_of_counts_alone"] = nats(np.broadcast_to(logs, (len(logs), len(logs))), pairs)
        if objective == "hs":
            row["nats"] = hs_nats(model, pairs)
        else:
            scores = model.vectors_.astype(np.float64) @ model.output_vectors_.astype(np.float64).T
            row["nats"] = nats(scores if objective == "softmax" else scores + 0.75 * logs, pairs)
            row["inverses"] = measure_inverses(model.vectors_, model.output_vectors_)._asdict()
        rows.append(row)
        print(row, flush=True)
    write_results(
        __file__, "softmax", {"arguments": {**vars(arguments), "corpus": arguments.corpus.name}, "rows": rows}
    )


def hs_nats(model: Word2Vec, pairs: Pairs) -> float:
    """Return the mean of -ln of the probability that the hierarchical softmax gives to neighbours."""
    assert model.vocabulary_.counts is not None
    tree = HuffmanTree.from_counts(model.vocabulary_.counts)
    scores = model.vectors_.astype(np.float64) @ model.output_vectors_.astype(np.float64).T  # of words and inner nodes
    costs = np.zeros((len(scores), len(scores)))
    for word, (first, last) in enumerate(zip(tree.offsets[:-1], tree.offsets[1:], strict=True)):
        signs = 1.0 - 2.0 * tree.codes[first:last]
        costs[:, word] = np.log1p(np.exp(-signs * scores[:, tree.nodes[first:last]])).sum(axis=1)
    return float(costs[pairs].mean())


if __name__ == "__main__":
    main()
