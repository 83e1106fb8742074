"""Training speed of a cluster of two processes on this machine, compared with one process with two threads.

    python benchmarks/cluster/speed.py corpus.txt --data WORDS_FOLDER --repeats 3

Both train in turns, each time in a fresh process. Training is measured from the first progress report to the last:
words per second, and the CPU seconds of all processes per million words, which is the figure to compare on a machine
with other work. The total time, from files to vectors, and the startup time of the cluster are reported as well. Its
processes have one thread each. WORDS_FOLDER is that of `quality.py`; without it nothing is evaluated.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results
from benchmarks.training.quality import measure
from w2v import Word2Vec
from w2v.cluster.clients import open_client

KINDS = ("threads", "cluster")


class Mark(NamedTuple):
    """The state of a training at one moment."""

    done: float
    seconds: float
    cpu_seconds: float  # of the program, including the cluster's scheduler
    worker_cpu_seconds: float


def cpu_seconds() -> float:
    """Return the CPU seconds of this process so far."""
    return time.process_time()


def peak_mb() -> float:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_once(kind: str, corpus: list[Path], data: Path | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Train once, and return the costs."""
    marks: list[Mark] = []
    with ExitStack() as stack:
        began = time.perf_counter()
        client = stack.enter_context(open_client("local:2")) if kind == "cluster" else None
        start_seconds = time.perf_counter() - began

        def of_workers(function: Callable[[], float]) -> list[float]:
            return [0.0] if client is None else list(client.run(function).values())

        def mark(done: float) -> None:
            marks.append(Mark(done, time.perf_counter(), time.process_time(), sum(of_workers(cpu_seconds))))

        def note(state: Any) -> None:
            if state.phase == "training" and (len(marks) == 1 or state.done >= 1 - 1e-9):
                mark(state.done)

        mark(0.0)
        options: dict[str, Any] = {"workers": 2} if client is None else {"workers": 1}
        model = Word2Vec(**settings, **options).fit(corpus, client=client, progress=note)
        mark(1.0)
        worker_peaks = of_workers(peak_mb)
    whole, first, last = marks[0], marks[1], marks[-2] if kind == "cluster" else marks[-1]
    words = model.embeddings_.metadata["corpus"]["tokens"] * settings["epochs"] * (last.done - first.done)
    found: dict[str, Any] = {
        "kind": kind,
        "words": model.embeddings_.metadata["corpus"]["words"],
        "vocabulary": len(model.vocabulary_),
        "start_seconds": start_seconds,
        "fit_seconds": marks[-1].seconds - whole.seconds,
        "fit_cpu_seconds": marks[-1].cpu_seconds - whole.cpu_seconds,
        "fit_worker_cpu_seconds": marks[-1].worker_cpu_seconds - whole.worker_cpu_seconds,
        "words_per_second": words / (last.seconds - first.seconds),
        "cpu_seconds_per_million_words": 1e6 * (last.cpu_seconds - first.cpu_seconds) / words,
        "worker_cpu_seconds_per_million_words": 1e6 * (last.worker_cpu_seconds - first.worker_cpu_seconds) / words,
        "worker_peak_mb": max(worker_peaks),
        "rounds": model.embeddings_.metadata["schedule"].get("rounds"),
    }
    return found | ({} if data is None else measure(model.embeddings_, data))


def medians_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of each kind, and the cluster's speed relative to threads, by wall time and by CPU time."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        of_kind = [run for run in runs if run["kind"] == kind]
        found[kind] = {
            name: statistics.median(run[name] for run in of_kind)
            for name in of_kind[0]
            if name != "kind" and of_kind[0][name] is not None
        }
    cost = {
        kind: found[kind]["cpu_seconds_per_million_words"] + found[kind]["worker_cpu_seconds_per_million_words"]
        for kind in KINDS
    }
    fit = {kind: found[kind]["fit_cpu_seconds"] + found[kind]["fit_worker_cpu_seconds"] for kind in KINDS}
    found["training_speed"] = found["cluster"]["words_per_second"] / found["threads"]["words_per_second"]
    found["training_speed_by_cpu"] = cost["threads"] / cost["cluster"]
    found["fit_speed"] = found["threads"]["fit_seconds"] / found["cluster"]["fit_seconds"]
    found["fit_speed_by_cpu"] = fit["threads"] / fit["cluster"]
    return found


def main() -> None:
    """Measure in turn, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--name", default="cluster-speed", help="name of the result file")
    parser.add_argument("--once", choices=KINDS, help=argparse.SUPPRESS)
    a = parser.parse_args()
    settings = {"vector_size": a.vector_size, "epochs": a.epochs, "random_state": 1}
    if a.once:
        print(json.dumps(run_once(a.once, a.corpus, a.data, settings)))
        return
    options = ["--epochs", str(a.epochs), "--vector-size", str(a.vector_size)]
    options += [] if a.data is None else ["--data", str(a.data)]
    runs = []
    for _ in range(a.repeats):
        for kind in KINDS:
            found = run_python(Path(__file__), *map(str, a.corpus), *options, "--once", kind)
            runs.append(found)
            print("{kind:8} {words_per_second:12,.0f} words/s, {cpu_seconds_per_million_words:.3f} + "
                  "{worker_cpu_seconds_per_million_words:.3f} CPU seconds a million, {fit_seconds:.1f} s in all"
                  .format(**found), flush=True)  # fmt: skip
            medians = medians_of(runs) if {run["kind"] for run in runs} == set(KINDS) else None
            write_results(
                __file__, a.name, {"corpus": a.corpus, "settings": settings, "medians": medians, "runs": runs}
            )
    print(
        "The cluster reaches {training_speed:.2f} of the threads' speed in training, {training_speed_by_cpu:.2f} by "
        "CPU seconds;\nfrom files to vectors {fit_speed:.2f} and {fit_speed_by_cpu:.2f}".format(**medians_of(runs))
    )


if __name__ == "__main__":
    main()
