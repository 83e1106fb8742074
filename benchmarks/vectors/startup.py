"""Waiting times before anything happens: `--help`, a first query, opening a model, the start of a training.

    python benchmarks/vectors/startup.py

Everything is in a temporary folder, including Numba's cache: the first training compiles, the others load the result.
Commands are timed as whole processes, including the interpreter's startup; figures are medians. On a machine with other
work, CPU time, over all threads, is more meaningful.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import median, run_measured, run_python, write_results

if TYPE_CHECKING:
    from w2v.monitoring.history import Progress

N_WORDS, VECTOR_SIZE = 100_000, 300
TRAINING_WORDS = 200_000
JOB_WORDS, JOB_EPOCHS = 1_000_000, 5
"""Number of words of the short job whose parts are timed."""


def make_model(folder: Path) -> None:
    """Save a model of random vectors."""
    import numpy as np

    from w2v import Embeddings

    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(N_WORDS)]
    Embeddings(words, rng.standard_normal((N_WORDS, VECTOR_SIZE), dtype=np.float32)).save(folder)


def make_corpus(path: Path, n_words: int = TRAINING_WORDS) -> None:
    """Write sentences of 20 random words."""
    import numpy as np

    words = np.minimum(np.random.default_rng(1).zipf(1.3, n_words), 10_000).astype(str).reshape(-1, 20)
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in words))


def time_opening(model: str) -> dict[str, float]:
    """Open a model, and look up one word (in a child process)."""
    from w2v import Embeddings

    start = time.perf_counter()
    embeddings = Embeddings.load(model)
    opened = time.perf_counter()
    embeddings["word7"]
    return {"open_seconds": opened - start, "first_vector_seconds": time.perf_counter() - opened}


def time_training_start(corpus: str, began: float) -> dict[str, Any]:
    """Train, and record when the first segment was done and how much was compiled (in a child process)."""
    from w2v import Word2Vec
    from w2v.kernels.skipgram import train_skipgram

    reached: dict[str, tuple[float, float]] = {}

    def note(progress: Progress) -> None:
        reached.setdefault(progress.phase, (time.time() - began, time.process_time()))

    Word2Vec(epochs=1, workers=2, tokenizer="whitespace", random_state=1).fit(Path(corpus), progress=note)
    kernel = train_skipgram.stats
    return {
        "start_seconds": reached["training"][0],
        "start_cpu_seconds": reached["training"][1],
        "cache_hits": sum(kernel.cache_hits.values()),
        "compiled": sum(kernel.cache_misses.values()),
    }


def time_job(corpus: str, output: str) -> dict[str, float]:
    """Train and save as `w2v train` does, and record when each part was done (in a child process).

    `process` is the whole of it, without the interpreter's startup and exit, which the parent adds.
    """
    began = time.perf_counter()
    reached: dict[str, float] = {}

    def mark(name: str) -> None:
        reached.setdefault(name, time.perf_counter() - began)

    from w2v import Word2Vec

    mark("imported")
    model = Word2Vec(epochs=JOB_EPOCHS, random_state=1)
    model.fit(Path(corpus), checkpoint=output, overwrite=True, progress=lambda progress: mark(progress.phase))
    mark("saved")
    training = model.history_[-1]["seconds"]
    return {
        "import_seconds": reached["imported"],
        "reading_seconds": reached["compiling"] - reached["imported"],
        "loading_and_saving_seconds": reached["saved"] - reached["compiling"] - training,
        "training_seconds": training,
        "start_seconds": reached["training"],
    }


def measure_job(n_runs: int, folder: Path) -> dict[str, float]:
    """Return the medians of the parts of a short job, and of its time besides training; the first run compiles."""
    corpus, runs = folder / "job.txt", []
    make_corpus(corpus, JOB_WORDS)
    for _ in range(n_runs + 1):
        start = time.perf_counter()
        parts = run_python(Path(__file__), "--job", str(corpus), "--output", str(folder / "job.model"))
        parts["beside_training_seconds"] = time.perf_counter() - start - parts["training_seconds"]
        runs.append(parts)
    return {name: median(runs[1:], name) for name in runs[0]}


def measure(n_runs: int) -> dict[str, Any]:
    """Run everything."""
    script = Path(__file__)
    with tempfile.TemporaryDirectory(prefix="w2v-") as folder:
        os.environ["NUMBA_CACHE_DIR"] = str(Path(folder, "cache"))
        model, corpus = str(Path(folder, "random.model")), str(Path(folder, "corpus.txt"))
        make_model(Path(model))
        make_corpus(Path(corpus))
        helps = [run_measured(["-m", "cli", "--help"])[1] for _ in range(n_runs)]
        query = ["-m", "cli", "neighbors", model, "word7", "word70"]
        queries = [run_measured(query)[1] for _ in range(n_runs)]
        opened = [run_python(script, "--open", model) for _ in range(n_runs)]
        starts = [run_python(script, "--train", corpus, "--began", repr(time.time())) for _ in range(n_runs + 1)]
        job = measure_job(n_runs, Path(folder))
    return {
        "runs": n_runs,
        "model": {"words": N_WORDS, "vector_size": VECTOR_SIZE},
        "short_job": {"words": JOB_WORDS, "epochs": JOB_EPOCHS} | job,
        "help_seconds": median(helps, "process_seconds"),
        "help_cpu_seconds": median(helps, "cpu_seconds"),
        "neighbors_seconds": median(queries, "process_seconds"),
        "neighbors_cpu_seconds": median(queries, "cpu_seconds"),
        "open_seconds": median(opened, "open_seconds"),
        "first_vector_seconds": median(opened, "first_vector_seconds"),
        "first_training_start_seconds": starts[0]["start_seconds"],
        "training_start_seconds": median(starts[1:], "start_seconds"),
        "training_start_cpu_seconds": median(starts[1:], "start_cpu_seconds"),
        "training_kernels_compiled": [run["compiled"] for run in starts],
        "training_kernels_from_cache": [run["cache_hits"] for run in starts],
    }


def main() -> None:
    """Measure, or run as one of the child processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--open", help=argparse.SUPPRESS)
    parser.add_argument("--train", help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.open:
        print(json.dumps(time_opening(a.open)))
    elif a.job:
        print(json.dumps(time_job(a.job, a.output)))
    elif a.train:
        print(json.dumps(time_training_start(a.train, a.began)))
    else:
        results = measure(a.runs)
        print(json.dumps(results, indent=1))
        write_results(__file__, "startup", results)


if __name__ == "__main__":
    main()
