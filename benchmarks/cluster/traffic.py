"""Traffic through the scheduler and the client in a round of cluster training, which should not include the tables.

    python benchmarks/cluster/traffic.py

A cluster of two processes trains on generated text with vectors of several widths. Scheduler and client are in this
process, so all bytes through its sockets between two rounds are theirs; workers exchange the tables among themselves.
"""

from __future__ import annotations

import argparse
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

WORDS, TOKENS = 2_000, 60_000


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


def measure(client: Any, text: Path, vector_size: int, count: list[int]) -> dict[str, Any]:
    """Train once; return the median number of bytes per round."""
    seen: list[int] = []

    def note(state: Any) -> None:
        if state.phase == "training":
            seen.append(count[0])

    model = Word2Vec(vector_size=vector_size, min_count=1, epochs=2, random_state=1)
    model.fit(text, client=client, round_words=4_000, progress=note)
    rounds = np.diff(seen).tolist()
    return {
        "vector_size": vector_size,
        "rounds": len(seen),
        "bytes_a_round": statistics.median(rounds),
        "bytes_of_tables": 2 * model.vectors_.nbytes,
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 512])
    a = parser.parse_args()
    count, runs = counting(), []
    with tempfile.TemporaryDirectory() as folder, open_client("local:2") as client:
        text = Path(folder, "text.txt")
        words = np.random.default_rng(1).zipf(1.3, TOKENS) % WORDS
        text.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20)) + "\n")
        for vector_size in a.sizes:
            runs.append(measure(client, text, vector_size, count))
            print("{vector_size:4} columns: {bytes_a_round:,.0f} bytes per round through scheduler and client, "
                  "tables of {bytes_of_tables:,} bytes".format(**runs[-1]))  # fmt: skip
    write_results(__file__, "cluster-traffic", {"workers": 2, "runs": runs})


if __name__ == "__main__":
    main()
