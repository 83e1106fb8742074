"""Whether a word seen a few times is near the word it is derived from, compared with gensim at its settings.

    python benchmarks/training/rare.py corpus.txt --program w2v gensim --seeds 3

CORPUS is tokenised (`benchmarks/training/tokenise.py`). Pairs come only from its vocabulary, so no program was fitted
on them: a word seen 5 to 50 times with a prefix or suffix (unhappy, kindness), and its stem, seen at least 100 times.
There are two figures. `auc` is the probability that a pair has a larger cosine than a random rare word and a random
frequent word of the pairs, which also tests whether cosines of different words are comparable. `mrr` is the mean of 1 /
rank of the right word among all frequent ones. Skip-gram, one thread, a process for every run; each is stored at once
and never repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import results_folder, run_python, write_results

RARE, FREQUENT, LEAST_STEM = range(5, 51), 100, 4
AFFIXES = {
    "": ("s", "es", "ed", "d", "ing", "ly", "ness", "er", "ers", "ment", "able", "less", "ful", "ity", "ism", "ist"),
    "e": ("ing", "able", "ity", "ion"),
    "y": ("ies", "ied", "ily"),
    "t": ("tion",),
}
"""Endings of stems that lose a letter, and the suffixes."""
PREFIXES = ("un", "re", "in", "im", "non", "mis", "over", "pre", "anti", "inter", "sub", "semi", "super", "under")


def stems(word: str) -> list[str]:
    """Return the possible stems of a word."""
    found = [word[: -len(suffix)] + end for end, suffixes in AFFIXES.items() for suffix in suffixes
             if word.endswith(suffix) and len(word) - len(suffix) >= LEAST_STEM]  # fmt: skip
    return found + [word.removeprefix(p) for p in PREFIXES if word.startswith(p) and len(word) - len(p) >= LEAST_STEM]


def find_pairs(words: list[str], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ids of rare words and of the most frequent possible stem of each, shape (n, 2)."""
    rows = {word: row for row, word in enumerate(words)}
    pairs = []
    for word, row in rows.items():
        known = [rows[stem] for stem in stems(word) if stem in rows and counts[rows[stem]] >= FREQUENT]
        if counts[row] in RARE and word.isalpha() and known:
            pairs.append((row, min(known)))
    return np.array(pairs)


def measure(words: list[str], counts: NDArray[np.int64], vectors: NDArray[np.float32]) -> dict[str, float]:
    """Return both figures and the number of pairs; words are sorted by decreasing count."""
    pairs = find_pairs(words, counts)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit[pairs[:, 0]] @ unit[counts >= FREQUENT].T
    own = cosines[np.arange(len(pairs)), pairs[:, 1]]
    ranks = 1 + (cosines > own[:, None]).sum(axis=1)
    others = np.sort(cosines[:, np.unique(pairs[:, 1])].ravel())
    auc = np.searchsorted(others, own).mean() / len(others)
    return {"pairs": len(pairs), "auc": float(auc), "mrr": float((1 / ranks).mean())}


def run(program: str, corpus: Path, epochs: int, seed: int) -> dict[str, float]:
    """Train once in a separate process and evaluate."""
    script = Path(__file__).parent / "train_once.py"
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "vectors")
        options = ("--epochs", str(epochs), "--workers", "1", "--seed", str(seed))
        spent = run_python(script, program, str(corpus), str(output), *options)["cpu_seconds"]
        if program == "w2v":
            from w2v import Embeddings

            embeddings = Embeddings.load(output)
            assert embeddings.vocabulary.counts is not None
            figures = measure(embeddings.index_to_key, embeddings.vocabulary.counts, embeddings.vectors)
        else:
            from gensim.models import KeyedVectors

            loaded = KeyedVectors.load(str(output))
            counts = np.array([loaded.get_vecattr(word, "count") for word in loaded.index_to_key])
            figures = measure(loaded.index_to_key, counts, loaded.vectors)
    return figures | {"cpu_seconds": spent}


def main() -> None:
    """Run missing settings and print means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--program", nargs="+", default=["w2v", "gensim"], choices=["w2v", "gensim"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    a = parser.parse_args()
    path = results_folder(__file__) / "rare.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    programs = results.setdefault(f"{round(a.corpus.stat().st_size / 1e6)} MB, {a.epochs} epochs", {})
    for seed in range(1, a.seeds + 1):
        for program in a.program:
            done = programs.setdefault(program, {})
            if str(seed) not in done:
                done[str(seed)] = run(program, a.corpus, a.epochs, seed)
                write_results(__file__, "rare", {"results": results})
    for text, measured in results.items():
        for program, seeds in measured.items():
            for name in ("auc", "mrr"):
                values = [figures[name] for figures in seeds.values()]
                mean = statistics.mean(values)
                print(f"{text}  {program:8}{name} {mean:.4f} ±{max(abs(v - mean) for v in values):.4f} ({len(values)})")


if __name__ == "__main__":
    main()
