r"""Compare two checkouts of this repository: `w2v --help` and `w2v train`, as whole processes that take turns.

    git worktree add ../before COMMIT
    python benchmarks/training/before_after.py corpus.txt --other ../before
    python benchmarks/training/before_after.py corpus.txt --other ../before --jobs skip-gram --workers 2 \
        --name before-after-2

Both run with this interpreter and its packages. The first run of each, which compiles, is not counted. Figures are
medians; ratios are those of the other checkout to this one, so more than 1 is better.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import ROOT, commit_of, run_measured, write_results

JOBS: dict[str, list[str]] = {
    "help": [],
    "skip-gram": ["--algorithm", "skipgram"],
    "cbow": ["--algorithm", "cbow"],
    "hierarchical softmax": ["--objective", "hs"],
    "subwords": ["--subwords", "--buckets", "200000"],
}


def run_help(checkout: Path) -> dict[str, float]:
    """Show the commands."""
    return run_measured(["-m", "cli", "--help"], checkout)[1]


def run_training(checkout: Path, corpus: str, output: str, options: list[str]) -> dict[str, float]:
    """Train and save; return the time of training and of everything else separately."""
    arguments = ["train", corpus, "--output", output, "--overwrite", "--seed", "1", "--json"]
    printed, measured = run_measured(["-m", "cli", *arguments, *options], checkout)
    training = json.loads(printed)["seconds"]
    return measured | {
        "training_seconds": training,
        "beside_training_seconds": measured["process_seconds"] - training,
    }


def compare(checkouts: dict[str, Path], corpus: str, options: list[str], n_runs: int) -> dict[str, dict[str, float]]:
    """Run one job in both checkouts in turns; return the medians of each and of the ratios."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory(prefix="w2v-") as folder:
        for number in range(n_runs + 1):
            for name in sorted(checkouts, reverse=bool(number % 2)):
                output = str(Path(folder, f"{name}.model"))
                checkout = checkouts[name]
                done = run_training(checkout, corpus, output, options) if options else run_help(checkout)
                runs[name].append(done)
    this, other = (runs[name][1:] for name in ("this", "other"))
    return {
        "this": {name: statistics.median(run[name] for run in this) for name in this[0]},
        "other": {name: statistics.median(run[name] for run in other) for name in this[0]},
        "ratio": {
            name: statistics.median(b[name] / a[name] for a, b in zip(this, other, strict=True)) for name in this[0]
        },
    }


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--other", type=Path, required=True, help="the checkout to compare with")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--name", default="before-after", help="name of the results file")
    a = parser.parse_args()
    os.environ["W2V_PROGRESS"] = "none"
    checkouts = {"this": ROOT, "other": a.other.resolve()}
    jobs = {}
    for job in a.jobs:
        options = JOBS[job] and [*JOBS[job], "--epochs", str(a.epochs), "--workers", str(a.workers)]
        jobs[job] = compare(checkouts, str(Path(a.corpus).resolve()), options, a.runs)
        for name, ratio in jobs[job]["ratio"].items():
            this, other = jobs[job]["this"][name], jobs[job]["other"][name]
            print(f"{job:21} {name:24} {this:9.3f}  before {other:9.3f}  {ratio:6.3f}x", flush=True)
    write_results(
        __file__, a.name,
        {"other": commit_of(checkouts["other"]), "corpus": {"bytes": Path(a.corpus).stat().st_size}, "runs": a.runs,
         "epochs": a.epochs, "workers": a.workers, "jobs": jobs},
    )  # fmt: skip


if __name__ == "__main__":
    main()
