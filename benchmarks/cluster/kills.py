"""Kill workers of a cluster (SIGKILL) at random moments of a training, and compare the results bit for bit.

    python benchmarks/cluster/kills.py --trainings 20

Two processes on this machine repeatedly train on generated text, and in each training one of them is killed after a
random time, anywhere between reading the text and the end.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v import Word2Vec
from w2v.cluster.clients import open_client

SETTINGS = {"vector_size": 50, "min_count": 1, "epochs": 2, "random_state": 1}


def train(client: Any, text: Path, kill_after: float | None) -> dict[str, Any]:
    """Train, killing a worker after a number of seconds; return the result, the time, and the time of the kill."""
    phases: list[str] = ["starting"]
    kill: dict[str, Any] = {}

    def strike(victim: int) -> None:
        kill.update(at=phases[-1])
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    timer = None
    if kill_after is not None:
        victim = random.choice(sorted(client.run(os.getpid).values()))
        timer = threading.Timer(kill_after, strike, [victim])
        timer.start()
    began = time.perf_counter()
    model = Word2Vec(**SETTINGS).fit(
        text, client=client, round_words=6_000, progress=lambda state: phases.append(f"{state.phase} {state.done}")
    )
    if timer is not None:
        timer.cancel()
    return {"seconds": time.perf_counter() - began, "vectors": model.vectors_, **kill}


def main() -> None:
    """Train without a kill, then with one each time; print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=20)
    a = parser.parse_args()
    random.seed(1)
    runs = []
    with tempfile.TemporaryDirectory() as folder, open_client("local:2") as client:
        text = Path(folder, "text.txt")
        words = np.random.default_rng(1).zipf(1.3, 60_000) % 2_000
        text.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20)) + "\n")
        train(client, text, None)  # loads the compiled kernels
        whole = train(client, text, None)
        for number in range(a.trainings):
            client.wait_for_workers(2)
            found = train(client, text, random.uniform(0, whole["seconds"]))
            runs.append(
                {"killed_at": found.get("at"), "seconds": found["seconds"],
                 "same_bits": bool(np.array_equal(found["vectors"], whole["vectors"]))}
            )  # fmt: skip
            print(number, runs[-1], flush=True)
    write_results(__file__, "cluster-kills", {"settings": SETTINGS, "seconds_without": whole["seconds"], "runs": runs})
    killed = [run for run in runs if run["killed_at"]]
    print(f"{len(killed)} kills, {sum(run['same_bits'] for run in killed)} trainings with the same bits")


if __name__ == "__main__":
    main()
