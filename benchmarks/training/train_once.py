"""Train once, here or in gensim, on a tokenised file, and print one JSON object; used as a process by `speed.py`.

python benchmarks/training/train_once.py w2v corpus.txt vectors --epochs 5 --workers 2
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=["w2v", "gensim"])
    parser.add_argument("corpus")
    parser.add_argument("output", help="where to save the vectors; - for nowhere")
    parser.add_argument("--algorithm", default="skipgram")
    parser.add_argument("--objective", default="negative", choices=["negative", "hs"])
    for name, default in (("vector-size", 100), ("window", 5), ("negative", 5), ("epochs", 5), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def train_gensim(a: argparse.Namespace) -> dict[str, float]:
    """Train with gensim's `corpus_file`, its fastest way."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=a.vector_size, window=a.window, sg=int(a.algorithm == "skipgram"), hs=int(a.objective == "hs"),
        negative=0 if a.objective == "hs" else a.negative, epochs=a.epochs, workers=a.workers, seed=a.seed,
    )  # fmt: skip
    start = time.perf_counter()
    model.build_vocab(corpus_file=a.corpus)
    middle = time.perf_counter()
    model.train(
        corpus_file=a.corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=a.epochs
    )
    end = time.perf_counter()
    if a.output != "-":
        model.wv.save(a.output)
    return {"vocabulary_seconds": middle - start, "training_seconds": end - middle}


def train_here(a: argparse.Namespace) -> dict[str, float]:
    """Train with compiled code from the cache, as every run except the first does."""
    from w2v import Word2Vec

    model = Word2Vec(
        algorithm=a.algorithm, vector_size=a.vector_size, window=a.window, objective=a.objective, negative=a.negative,
        epochs=a.epochs, workers=a.workers, random_state=a.seed, tokenizer="whitespace",
    )  # fmt: skip
    times: dict[str, float] = {}

    def note(progress: object) -> None:
        times.setdefault(progress.phase, time.perf_counter())  # type: ignore[attr-defined]

    start = time.perf_counter()
    model.fit(Path(a.corpus), progress=note)
    if a.output != "-":
        model.save(a.output, overwrite=True)
    return {
        "vocabulary_seconds": times["compiling"] - start,
        "training_seconds": model.history_[-1]["seconds"],
        "loss": model.history_[-1]["loss"],
    }


if __name__ == "__main__":
    arguments = parse_arguments()
    print(json.dumps(train_gensim(arguments) if arguments.program == "gensim" else train_here(arguments)))
