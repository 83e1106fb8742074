"""Are the two tables of a model pseudo-inverse to each other? Autoencoders and models that predict neighbours.

    python benchmarks/vectors/inverses.py CORPUS [--words FOLDER]

CORPUS is text, such as Simple Wikipedia, and may be compressed. Full-batch softmax networks and decompositions of PPMI
use its 1,000 most frequent words; skip-gram and CBOW are trained on all of it. FOLDER contains EN-WS-353-ALL.txt and
questions-words.txt, to evaluate vectors, output vectors, their sum and their pseudo-inverses as word vectors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from w2v import Embeddings, Word2Vec
from w2v.corpora import TextReader, get_tokenizer
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
from w2v.vectors.inverses import measure_inverses

Floats = NDArray[np.float64]

VOCABULARY, DIM, WINDOW = 1_000, 64, 5
STEPS, RATE = 1_500, 0.01
DECAYS = (0.0, 1e-3, 1e-1)
"""Weight decay of both tables, relative to the loss summed over the words."""


def cooccurrences(corpus: Path) -> Floats:
    """Return how often the most frequent words occur within `WINDOW` places of each other, shape (V, V)."""
    tokenizer, lines = get_tokenizer("words"), list(TextReader(corpus).lines())
    counts: dict[str, int] = {}
    tokens = [tokenizer(line) for line in lines]
    for line in tokens:
        for word in line:
            counts[word] = counts.get(word, 0) + 1
    ids = {word: i for i, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word))[:VOCABULARY])}
    text = np.array([ids.get(word, -1) for line in tokens for word in (*line, *[""] * WINDOW)])
    found = np.zeros((VOCABULARY, VOCABULARY))
    for distance in range(1, WINDOW + 1):
        a, b = text[:-distance], text[distance:]
        known = (a >= 0) & (b >= 0)
        found += np.bincount(a[known] * VOCABULARY + b[known], minlength=VOCABULARY**2).reshape(found.shape)
    return found + found.T


def softmax_tables(joint: Floats, decay: float) -> tuple[Floats, Floats]:
    """Train a softmax on the full distribution of (word, target word) at once; return W and W′."""
    rng = np.random.default_rng(1)
    tables = [rng.standard_normal((len(joint), DIM)) / DIM**0.5 for _ in range(2)]
    moments = [(np.zeros_like(table), np.zeros_like(table)) for table in tables]
    of_word = joint.sum(axis=1, keepdims=True)
    for step in range(1, STEPS + 1):
        logits = tables[0] @ tables[1].T
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        d_logits = p * of_word - joint
        gradients = d_logits @ tables[1], d_logits.T @ tables[0]
        for table, gradient, (first, second) in zip(tables, gradients, moments, strict=True):
            gradient = gradient * len(joint) + decay * table
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            size = RATE * min(1.0, 2 * (1 - step / STEPS))
            table -= size * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return tables[0], tables[1]


def ppmi_tables(joint: Floats, power: float) -> tuple[Floats, Floats]:
    """Return W and W′ from the positive pointwise mutual information: U |Λ|^power, and the same with the signs of Λ."""
    p = joint / joint.sum()
    words = p.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ppmi = np.maximum(np.nan_to_num(np.log(p / (words * words.T)), neginf=0.0), 0)
    values, vectors = np.linalg.eigh(ppmi)
    top = np.argsort(-np.abs(values))[:DIM]
    w = vectors[:, top] * np.abs(values[top]) ** power
    return w, w * np.sign(values[top])


def judged(embeddings: Embeddings, vectors: NDArray[Any], folder: Path) -> dict[str, float]:
    """Return the quality of some vectors as vectors of the words of `embeddings`."""
    own = Embeddings(embeddings.vocabulary, np.ascontiguousarray(vectors, np.float32), tokenizer=embeddings.tokenizer)
    analogies = evaluate_analogies(own, folder / "questions-words.txt", restrict_vocab=30_000)
    pairs = evaluate_word_pairs(own, folder / "EN-WS-353-ALL.txt")
    return {"analogies": analogies.total.accuracy, "ws353": pairs.spearman}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--words", type=Path, help="folder of the test sets")
    arguments = parser.parse_args()
    neighbours = cooccurrences(arguments.corpus)
    neighbours /= neighbours.sum()
    models: dict[str, Callable[[], tuple[Floats, Floats]]] = {
        f"softmax, {name}" + (f", weight decay {decay:g}" if decay else ""): partial(softmax_tables, joint, decay)
        for name, joint in (("itself", np.eye(VOCABULARY) / VOCABULARY), ("neighbours", neighbours))
        for decay in DECAYS
    }
    models["PPMI, square roots"] = partial(ppmi_tables, neighbours, 0.5)
    models["PPMI, no singular values"] = partial(ppmi_tables, neighbours, 0.0)
    rows: list[dict[str, Any]] = []

    def tell(name: str, w: Any, w_out: Any) -> None:
        rows.append({"model": name, **measure_inverses(w, w_out)._asdict()})
        print(rows[-1], flush=True)

    for name, tables in models.items():
        tell(name, *tables())
    quality: dict[str, dict[str, float]] = {}
    for algorithm in ("skipgram", "cbow"):
        model = Word2Vec(algorithm=algorithm, epochs=3, random_state=1, vector_size=100)
        model.fit(arguments.corpus, progress=False)
        w, w_out = model.embeddings_.vectors, model.output_vectors_
        tell(algorithm, w, w_out)
        if arguments.words and algorithm == "skipgram":
            wide = w.astype(np.float64), w_out.astype(np.float64)
            for name, vectors in (
                ("W", wide[0]), ("W + W′", wide[0] + wide[1]), ("W′", wide[1]),
                ("pinv(W)", np.linalg.pinv(wide[0]).T), ("pinv(W′)", np.linalg.pinv(wide[1]).T),
            ):  # fmt: skip
                quality[name] = judged(model.embeddings_, vectors, arguments.words)
                print(name, quality[name], flush=True)
    write_results(__file__, "inverses", {"models": rows, "as_vectors": quality})


if __name__ == "__main__":
    main()
