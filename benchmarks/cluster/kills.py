"""Kill workers of a cluster (SIGKILL) in every phase of a training, or the client, and compare the results bit for bit.

    python benchmarks/cluster/kills.py --trainings 50 --clients 10

Two processes of one thread train on generated text, and a checkpoint is saved after every round, so that many kills
fall into a save. First `w2v train --cluster` is killed, as the client of a cluster that lives on, at random moments of
its whole duration, and resumed. Then, in each training on a cluster of its own, a worker kills itself while it runs a
task of the chosen phase: the nth such task, after a random part of the time that such a task takes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from distributed import WorkerPlugin

from benchmarks._common import run_killed, write_results
from w2v import Word2Vec
from w2v.cluster.clients import open_client
from w2v.training.cluster.workshop import kept_parts

SETTINGS: dict[str, Any] = {"vector_size": 50, "min_count": 1, "epochs": 2, "random_state": 1, "workers": 1}
ROUND_WORDS = 30_000
PHASES = {
    "scan": "count_words",
    "merge": "merge_counts",
    "vocabulary": "choose_vocabulary",
    "encode": "describe_part",
    "prepare": "prepare",
    "round": "train_round",
    "send": "delta_of",
    "combine": "step_of",
    "save": "cut",
}
"""The task of each phase."""
FIRST_ONLY = ("merge", "vocabulary")
"""Phases of the first worker alone."""


class Watch(WorkerPlugin):
    """Notes how long each task of a worker takes."""

    name = "watch"

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.began: dict[str, float] = {}

    def transition(self, key: Any, start: Any, finish: Any, **further: Any) -> None:
        """Note the time between start and end of a task."""
        if finish == "executing":
            self.began[key] = time.perf_counter()
        elif start == "executing":
            self.seconds[str(key).partition("-")[0]].append(time.perf_counter() - self.began.pop(key))


class Strike(WorkerPlugin):
    """Kills its worker a while after the start of the nth task of a kind."""

    name = "strike"

    def __init__(self, task: str, nth: int, delay: float) -> None:
        self.task, self.left, self.delay = task, nth, delay

    def transition(self, key: Any, start: Any, finish: Any, **further: Any) -> None:
        """Count tasks, and kill."""
        if finish == "executing" and str(key).partition("-")[0] == self.task:
            self.left -= 1
            if self.left == 0:
                threading.Timer(self.delay, os.kill, [os.getpid(), signal.SIGKILL]).start()


def add_plugin(plugin: WorkerPlugin, dask_worker: Any) -> None:
    """Give a worker process a plugin, which a process that replaces it does not have."""
    dask_worker.plugins[plugin.name] = plugin


def watched(dask_worker: Any) -> dict[str, list[float]]:
    """Return what `Watch` has noted, and end it."""
    seconds: dict[str, list[float]] = dask_worker.plugins.pop("watch").seconds
    return seconds


def train(client: Any, text: Path, folder: Path) -> tuple[Word2Vec, float]:
    """Train, with a checkpoint after every round; return the result and the time."""
    began = time.perf_counter()
    model = Word2Vec(**SETTINGS).fit(
        text, client=client, round_words=ROUND_WORDS, checkpoint=folder, checkpoint_every=1e-9, overwrite=True
    )
    return model, time.perf_counter() - began


def is_same(found: Word2Vec, whole: Word2Vec) -> bool:
    """Return whether two trainings have the same result."""
    return all(np.array_equal(getattr(found, name), getattr(whole, name)) for name in ("vectors_", "output_vectors_"))


def usual_seconds(text: Path, folder: Path) -> dict[str, list[float]]:
    """Train, and return the times of each kind of task of the first worker."""
    with open_client("local:2") as client:
        client.run(add_plugin, Watch())
        train(client, text, folder)
        found = client.run(watched)
    seconds: dict[str, list[float]] = found[min(found)]
    return seconds


def kill_worker(text: Path, folder: Path, whole: Word2Vec, phase: str, usual: list[float]) -> dict[str, Any]:
    """Train with a kill in a phase; return the findings."""
    with open_client("local:2") as client:
        pids = client.run(os.getpid)
        victim = min(pids) if phase in FIRST_ONLY else random.choice(sorted(pids))
        nth, delay = random.randint(1, len(usual)), random.uniform(0, statistics.median(usual))
        client.run(add_plugin, Strike(PHASES[phase], nth, delay), workers=[victim])
        found, took = train(client, text, folder)
        return {
            "phase": phase, "nth": nth, "delay": delay, "seconds": took,
            "killed": victim not in client.nthreads() or is_gone(pids[victim]),
            "same_bits": is_same(found, whole) and is_same(Word2Vec.load(folder), whole),
        }  # fmt: skip


def is_gone(pid: int) -> bool:
    """Return whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def kill_clients(client: Any, text: Path, folder: Path, whole: Word2Vec, n_kills: int) -> dict[str, Any]:
    """Kill `w2v train` at random moments, and resume it."""
    options = ["--cluster", client.scheduler.address, "--round-words", ROUND_WORDS, "--checkpoint-every", "0.000001s"]
    options += [option for name, value in SETTINGS.items() for option in (_option(name), value)]
    began = time.perf_counter()
    run_killed("train", text, "--output", folder / "whole", *options)
    duration, runs = time.perf_counter() - began, []
    for number in range(n_kills):
        output = folder / f"killed-{number}"
        killed = run_killed("train", text, "--output", output, *options, limit=random.uniform(0.2, 1) * duration)
        done = sum(epoch["words"] for epoch in Word2Vec.load(output).history_) if output.exists() else None
        if killed and done is not None and not Word2Vec.load(output).is_complete_:
            run_killed("train", "--cluster", client.scheduler.address, "--resume", output)
        elif killed:
            run_killed("train", text, "--output", output, *options, "--overwrite")
        runs.append({"killed": killed, "words_done": done, "same_bits": is_same(Word2Vec.load(output), whole)})
        print(number, runs[-1], flush=True)
    kept = sum(map(len, client.run(kept_parts).values()))
    return {"seconds_without": duration, "parts_kept_by_workers": kept, "runs": runs}


def _option(name: str) -> str:
    return "--seed" if name == "random_state" else "--" + name.replace("_", "-")


def main() -> None:
    """Train without a kill, then with one each time; print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=50)
    parser.add_argument("--clients", type=int, default=10)
    a = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = folder / "a text.txt"
        words = np.random.default_rng(1).zipf(1.3, 300_000) % 2_000
        text.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20)) + "\n")
        usual = usual_seconds(text, folder / "m")
        with open_client("local:2") as client:
            whole, seconds = train(client, text, folder / "m")
            found: dict[str, Any] = {"settings": SETTINGS, "seconds_without": seconds, "workers": []}
            found["clients"] = kill_clients(client, text, folder, whole, a.clients)
        write_results(__file__, "cluster-kills", found)
        for number in range(a.trainings):
            phase = list(PHASES)[number % len(PHASES)]
            found["workers"].append(kill_worker(text, folder / "m", whole, phase, usual[PHASES[phase]]))
            print(number, found["workers"][-1], flush=True)
            write_results(__file__, "cluster-kills", found)
    killed = [run for run in found["workers"] if run["killed"]]
    print(f"{len(killed)} workers killed, {sum(run['same_bits'] for run in killed)} trainings with the same bits: "
          f"{dict(Counter(run['phase'] for run in killed))}")  # fmt: skip
    killed = [run for run in found["clients"]["runs"] if run["killed"]]
    print(f"{len(killed)} clients killed, {sum(run['same_bits'] for run in killed)} resumed to the same bits; "
          f"the workers keep {found['clients']['parts_kept_by_workers']} parts of their trainings")  # fmt: skip


if __name__ == "__main__":
    main()
