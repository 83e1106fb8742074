"""What a round of cluster training sends through scheduler and client, and how much memory a worker needs.

    python benchmarks/cluster/traffic.py

A cluster of two processes trains on generated text with vectors of several widths. Scheduler and client are in this
process, so all bytes through its sockets between two rounds are theirs; workers exchange the tables among themselves.
Processes are new for each width, and their peak memory is compared with the size of the tables.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from tornado.iostream import IOStream

from benchmarks._common import write_results
from w2v import Word2Vec
from w2v.cluster.clients import open_client

WORDS, TOKENS = 100_000, 300_000


def counting() -> list[int]:
    """Make all sockets of this process count their bytes, and return the counter, a list of one entry."""
    count = [0]
    read, write = IOStream.read_from_fd, IOStream.write_to_fd

    def counted(original: Any) -> Any:
        def method(self: IOStream, data: Any) -> int | None:
            n_bytes: int | None = original(self, data)
            count[0] += n_bytes or 0
            return n_bytes

        return method

    IOStream.read_from_fd, IOStream.write_to_fd = counted(read), counted(write)  # type: ignore[method-assign]
    return count


def peak_bytes() -> int:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def measure(client: Any, text: Path, vector_size: int, count: list[int]) -> dict[str, Any]:
    """Train once; return the median number of bytes per round."""
    seen: list[int] = []

    def note(state: Any) -> None:
        if state.phase == "training":
            seen.append(count[0])

    model = Word2Vec(vector_size=vector_size, min_count=1, epochs=2, random_state=1)
    model.fit(text, client=client, round_words=30_000, progress=note)
    rounds = np.diff(seen).tolist()
    return {
        "vector_size": vector_size,
        "rounds": len(seen),
        "bytes_a_round": statistics.median(rounds),
        "bytes_of_tables": 2 * model.vectors_.nbytes,
        "worker_peak_bytes": max(client.run(peak_bytes).values()),
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 512])
    a = parser.parse_args()
    count, runs = counting(), []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        words = np.concatenate([np.arange(WORDS), np.random.default_rng(1).zipf(1.3, TOKENS - WORDS) % WORDS])
        np.random.default_rng(2).shuffle(words)
        text.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20)) + "\n")
        for vector_size in a.sizes:
            with open_client("local:2") as client:
                runs.append(measure(client, text, vector_size, count))
            print("{vector_size:4} columns: {bytes_a_round:,.0f} bytes per round through scheduler and client, "
                  "tables of {bytes_of_tables:,}, a worker of {worker_peak_bytes:,}".format(**runs[-1]))  # fmt: skip
    tables, peaks = ([run[name] for run in runs] for name in ("bytes_of_tables", "worker_peak_bytes"))
    more = (peaks[-1] - peaks[0]) / (tables[-1] - tables[0])
    print(f"A worker needs {more:.2f} times the tables")
    write_results(__file__, "cluster-traffic", {"workers": 2, "memory_by_tables": more, "runs": runs})


if __name__ == "__main__":
    main()
