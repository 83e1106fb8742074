"""The loss of quality when several workers train word vectors in rounds: 1, 2, 4 and 8 workers, simulated in sequence.

    python benchmarks/cluster/quality.py corpus.txt --data WORDS_FOLDER --workers 1 4 8 --seeds 1

The algorithm is that of `w2v train --cluster`, with the in-process engine. Every worker has its own part of the text
and its own tables, so a run takes the CPU time of one worker plus that of the rounds. Five epochs.
WORDS_FOLDER contains questions-words.txt, EN-WS-353-ALL.txt and EN-SIMLEX-999.txt; analogies use the 30,000 most
frequent words. Every run is stored at once and never repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import results_folder, run_python, write_results
from benchmarks.training.quality import measure
from w2v import Word2Vec
from w2v.cluster.engines import InProcess

SETTINGS = {"epochs": 5, "workers": 1}


def run_once(corpus: Path, data: Path, settings: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Train with simulated workers and evaluate."""
    began = time.process_time()
    model = Word2Vec(**settings, random_state=run["seed"])
    model.fit(corpus, client=InProcess(run["workers"]), round_words=run["round_words"], progress="log")
    seconds = time.process_time() - began
    return {
        **run,
        "rounds": model.embeddings_.metadata["schedule"]["rounds"],
        "loss": model.history_[-1]["loss"],
        "training_cpu_seconds": seconds,
        **measure(model.embeddings_, data),
    }


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--round-words", type=int)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--name", default="cluster", help="name of the result file")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    settings = {"vector_size": a.vector_size, **SETTINGS}
    if a.once:
        run = {"workers": a.workers[0], "seed": a.seeds[0], "round_words": a.round_words}
        print(json.dumps(run_once(a.corpus, a.data, settings, run)))
        return
    path = results_folder(__file__) / f"{a.name}.json"
    runs: list[dict[str, Any]] = json.loads(path.read_text())["runs"] if path.exists() else []
    for seed in a.seeds:
        for workers in a.workers:
            key = {"workers": workers, "seed": seed, "round_words": a.round_words}
            if any(key.items() <= run.items() for run in runs):
                continue
            options = [
                "--workers",
                workers,
                "--seeds",
                seed,
                "--data",
                a.data,
                "--vector-size",
                a.vector_size,
                "--once",
            ]
            options += [] if a.round_words is None else ["--round-words", a.round_words]
            runs.append(run_python(Path(__file__), str(a.corpus), *map(str, options)))
            write_results(
                __file__, a.name, {"corpus_bytes": a.corpus.stat().st_size, "settings": settings, "runs": runs}
            )
    for run in runs:
        print("{workers:2} workers, seed {seed}, {rounds:4} rounds: analogies {analogies:.3f}, "
              "WordSim {wordsim353:.3f}, SimLex {simlex999:.3f}, loss {loss:.3f}".format(**run))  # fmt: skip


if __name__ == "__main__":
    main()
