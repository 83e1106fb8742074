"""Training over the whole allowed range of parameters on a small corpus.

    python benchmarks/training/stability.py corpus.txt --data WORDS_FOLDER --gensim

CORPUS is tokenised text of about a million words. Every parameter is set to both ends of its range, at the default
alpha and at the largest one allowed, for both algorithms. WORDS_FOLDER contains EN-WS-353-ALL.txt and
questions-words.txt. `--gensim` also trains gensim with one thread on the values of alpha. A run counts as diverged if
it raised DivergenceError or its loss ended above that before training; then the benchmark ends with an error.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from w2v import Embeddings, Word2Vec
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
from w2v.settings.parameters import Parameters
from w2v.training.trainer import DivergenceError

ALPHAS = (0.005, 0.025, 0.05, 0.1, 0.175, 0.25)
ENDS: list[dict[str, Any]] = [
    {"negative": 1},
    {"negative": 15},
    {"negative": 50},
    {"window": 1},
    {"window": 15},
    {"window": 50},
    {"window": 50, "negative": 50, "epochs": 1},
    {"window": 50, "shrink_windows": False, "epochs": 1},
    {"max_vocab": 2},
    {"max_vocab": 10},
    {"max_vocab": 100},
    {"sample": 0.0},
    {"vector_size": 1},
    {"vector_size": 1000, "epochs": 1},
]


def cases(algorithm: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (group, settings that differ from the defaults)."""
    base: dict[str, Any] = {"algorithm": algorithm, "epochs": 3}
    largest = Parameters(**base).max_alpha
    for alpha in sorted({min(alpha, largest) for alpha in ALPHAS}):
        yield "alpha", {**base, "alpha": alpha}
    for end in ENDS:
        settings = {**base, "vector_size": 50, "epochs": 2, **end}
        yield "ends", settings
        yield "ends", {**settings, "alpha": Parameters(**settings).max_alpha}


def evaluate(embeddings: Embeddings, data: Path | None) -> dict[str, float]:
    """Return the figures possible for a small corpus; none for few words, or for one dimension (all cosines are 1)."""
    if data is None or len(embeddings) < 1000 or embeddings.vector_size == 1:
        return {}
    return {
        "wordsim353": evaluate_word_pairs(embeddings, data / "EN-WS-353-ALL.txt").spearman,
        "analogies": evaluate_analogies(embeddings, data / "questions-words.txt", restrict_vocab=30_000).total.accuracy,
    }


def run_here(corpus: Path, settings: dict[str, Any], data: Path | None) -> dict[str, Any]:
    """Train and evaluate."""
    start = time.perf_counter()
    model = Word2Vec(**settings, workers=os.cpu_count(), random_state=1, tokenizer="whitespace")
    try:
        model.fit(corpus)
    except DivergenceError as error:
        return {"diverged": True, "error": str(error)}
    losses = [epoch["loss"] for epoch in model.history_]
    return {
        "diverged": not losses[-1] < (1 + model.negative) * math.log(2),
        "alpha_used": model.embeddings_.metadata["parameters"]["alpha"],
        "losses": losses,
        "largest_norm": float((model.vectors_**2).sum(axis=1).max() ** 0.5),
        "seconds": time.perf_counter() - start,
        **evaluate(model.embeddings_, data),
    }


def run_gensim(corpus: Path, settings: dict[str, Any], data: Path | None) -> dict[str, float]:
    """Train the same with gensim and evaluate."""
    from gensim.models import Word2Vec as Gensim

    options = {name: value for name, value in settings.items() if name != "algorithm"}
    model = Gensim(corpus_file=str(corpus), sg=int(settings["algorithm"] == "skipgram"), workers=1, seed=1, **options)
    return evaluate(Embeddings(model.wv.index_to_key, model.wv.vectors), data)


def name_of(settings: dict[str, Any]) -> str:
    """Return the differences from the defaults, such as ``cbow window=50 alpha=0.25``."""
    differing = {
        n: v for n, v in settings.items() if n not in ("algorithm", "epochs") and v != getattr(Parameters(), n)
    }
    return " ".join([settings["algorithm"], *(f"{n}={v:.4g}" for n, v in differing.items())])


def print_run(name: str, result: dict[str, Any]) -> None:
    """Print a line."""
    figures = [f"{x:.3f}" for x in result.get("losses", [])]
    for metric in ("wordsim353", "analogies"):
        for label, run in (("", result), ("gensim ", result.get("gensim", {}))):
            if metric in run:
                figures.append(f"{label}{metric} {run[metric]:.3f}")
    print(f"{name:56} {'DIVERGED ' if result['diverged'] else ''}{'  '.join(figures)}", flush=True)


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--gensim", action="store_true")
    a = parser.parse_args()
    runs = []
    for algorithm in ("skipgram", "cbow"):
        for group, settings in cases(algorithm):
            replace(Parameters(), **settings).validate()
            result = run_here(a.corpus, settings, a.data)
            if a.gensim and group == "alpha":
                result["gensim"] = run_gensim(a.corpus, settings, a.data)
            print_run(name_of(settings), result)
            runs.append({"settings": settings, **result})
    n_diverged = sum(run["diverged"] for run in runs)
    write_results(
        __file__, "stability", {"corpus_bytes": a.corpus.stat().st_size, "diverged": n_diverged, "runs": runs}
    )
    if n_diverged:
        raise SystemExit(f"{n_diverged} of {len(runs)} runs diverged")


if __name__ == "__main__":
    main()
