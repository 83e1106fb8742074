"""The time of a round of cluster training on a slow network, compared with the arithmetic of docs/running/cluster.md.

    python benchmarks/cluster/network.py --workers 2 4 --rate 8 --delay 10

Runs as root on Linux. The scheduler with the client, and each worker, are in a network namespace of their own, with one
address. A switch in this process connects them: every namespace has a line of `--rate` Mb/s each way, and a packet
takes `--delay` ms from one to another, for which the kernel need not have netem. Tables and rate are small, since the
times depend on their ratio: 30,000 words of 100 columns at 8 Mb/s take about as long as a million of 300 at 1 Gb/s. The
same training without limits of the network gives the time of computing; on top of it, the arithmetic expects the bytes
that a worker sends, by the rate. How late the switch was is stored as well: on a machine with other work it may wait
for a core.
"""

from __future__ import annotations

import argparse
import fcntl
import heapq
import itertools
import json
import os
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import ROOT, write_results
from w2v import Word2Vec
from w2v.cluster.clients import open_client
from w2v.kernels.arguments import ROW_MULTIPLE
from w2v.kernels.training import to_multiple

PREFIX, NETWORK, PORT = "w2vnet", "10.213.77", 8786
MTU, N_ROUNDS = 1500, 8
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class Switch(threading.Thread):
    """Passes packets between tunnels, each with a line of limited rate in both directions."""

    def __init__(self, tunnels: list[int], rate: float, delay: float) -> None:
        super().__init__(daemon=True)
        self.tunnels, self.rate, self.delay = tunnels, rate, delay  # bytes per second, seconds
        self.sent = [0] * len(tunnels)  # bytes
        self.lateness: list[float] = []
        self.is_over = False

    def run(self) -> None:
        """Pass packets until it is over."""
        up, down = [0.0] * len(self.tunnels), [0.0] * len(self.tunnels)  # when each line is free
        waiting: list[tuple[float, int, int, bytes]] = []
        numbers = itertools.count()
        while not self.is_over:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.1
            readable, _, _ = select.select(self.tunnels, [], [], timeout)
            now = time.monotonic()
            for tunnel in readable:
                packet = os.read(tunnel, 1 << 16)
                source, target = self.tunnels.index(tunnel), packet[19] - 1  # the last byte of the IPv4 address
                if packet[0] >> 4 != 4 or not 0 <= target < len(self.tunnels):
                    continue
                self.sent[source] += len(packet)
                seconds = len(packet) / self.rate
                up[source] = max(now, up[source]) + seconds
                down[target] = max(up[source], down[target] + seconds)
                heapq.heappush(waiting, (down[target] + self.delay, next(numbers), target, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                due, _, target, packet = heapq.heappop(waiting)
                self.lateness.append(time.monotonic() - due)
                os.write(self.tunnels[target], packet)


def ip(*arguments: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def network(n_places: int, rate: float, delay: float) -> Iterator[Switch]:
    """Yield a switch between namespaces, which are removed at the end."""
    with ExitStack() as stack:
        tunnels = []
        for number in range(n_places):
            name = f"{PREFIX}{number}"
            tunnel = os.open("/dev/net/tun", os.O_RDWR)
            stack.callback(os.close, tunnel)
            fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ip("link", "set", name, "netns", name)
            ip("-n", name, "address", "add", f"{NETWORK}.{number + 1}/24", "dev", name)
            ip("-n", name, "link", "set", name, "mtu", str(MTU), "up")
            ip("-n", name, "link", "set", "lo", "up")
            tunnels.append(tunnel)
        switch = Switch(tunnels, rate, delay)
        switch.start()
        try:
            yield switch
        finally:
            switch.is_over = True
            switch.join()


def start(place: int, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Run Python in a namespace."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        ["ip", "netns", "exec", f"{PREFIX}{place}", sys.executable, *arguments], env=environment, text=True, **options
    )


def train_once(text: Path, n_workers: int, vector_size: int, rate: float, delay: float) -> dict[str, Any]:
    """Train on workers in namespaces; return the seconds of the rounds, and the bytes each worker sent in one."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack, network(n_workers + 1, rate, delay) as switch:
        address = f"tcp://{NETWORK}.1:{PORT}"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes = [
            start(0, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard", cwd=folder, **quiet)
        ]
        stack.callback(lambda: [(process.kill(), process.wait()) for process in processes])
        for number in range(1, n_workers + 1):
            place = Path(folder, f"{number}")
            place.mkdir()
            options = ["--host", f"{NETWORK}.{number + 1}", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            processes.append(
                start(number, "-m", "distributed.cli.dask_worker", address, *options, "--local-directory", str(place),
                      cwd=place, **quiet)
            )  # fmt: skip
        client = start(
            0, __file__, "--inside", address, "--text", str(text), "--workers", str(n_workers), "--columns",
            str(vector_size), stdout=subprocess.PIPE,
        )  # fmt: skip
        assert client.stdout is not None
        rounds, sent = [], []
        for line in client.stdout:  # a line a round
            rounds.append(json.loads(line))
            sent.append(list(switch.sent))
        if client.wait() or len(rounds) < 5:
            raise SystemExit("the training failed")
        lateness = np.array(switch.lateness or [0.0])
    steady = slice(1, None)  # the first round is short
    seconds = np.diff([each["at"] for each in rounds[:-1]])[steady]
    by_place = np.diff(np.array(sent[:-1]), axis=0)[steady]
    return {
        "rounds": len(seconds),
        "seconds_a_round": statistics.median(seconds.tolist()),
        "bytes_a_worker_sends": int(np.median(by_place[:, 1:])),
        "bytes_the_scheduler_sends": int(np.median(by_place[:, 0])),
        "words": rounds[-1]["words"],
        "switch_late_ms": {
            "median": 1e3 * float(np.median(lateness)),
            "99 %": 1e3 * float(np.quantile(lateness, 0.99)),
        },
    }


def inside(address: str, text: Path, n_workers: int, vector_size: int) -> None:
    """Train as the client, and print a line for every round."""
    from distributed import Client

    def note(state: Any) -> None:
        if state.phase == "training":
            print(json.dumps({"at": time.time()}), flush=True)

    with Client(address, timeout=60) as client:
        client.wait_for_workers(n_workers, timeout=120)
    words = sum(len(line.split()) for line in open(text))
    settings: dict[str, Any] = {"vector_size": vector_size, "min_count": 1, "epochs": 2, "random_state": 1}
    with open_client(address) as client:
        model = Word2Vec(**settings, workers=1).fit(
            text, client=client, round_words=2 * words // n_workers // N_ROUNDS, progress=note
        )
    print(json.dumps({"words": len(model.vocabulary_)}), flush=True)


def expected_bytes(words: int, vector_size: int, n_workers: int) -> float:
    """Return the bytes that a worker sends in a round: its changes, and the step of its block, both of 8 bits."""
    row = to_multiple(vector_size, ROW_MULTIPLE) + 4  # and a scale
    return 2 * (n_workers - 1) / n_workers * 2 * words * row


def main() -> None:
    """Measure with and without the limits of the network, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--rate", type=float, default=8, help="Mb/s")
    parser.add_argument("--delay", type=float, default=10, help="ms from one machine to another")
    parser.add_argument("--rows", type=int, default=30_000, help="words of the vocabulary")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--text", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.inside:
        inside(a.inside, a.text, a.workers[0], a.columns)
        return
    rate, delay, runs = a.rate * 1e6 / 8, a.delay / 1e3, []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        words = np.concatenate([np.arange(a.rows), np.random.default_rng(1).zipf(1.3, 3 * a.rows) % a.rows])
        np.random.default_rng(2).shuffle(words)
        text.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20)) + "\n")
        for n_workers in a.workers:
            alone = train_once(text, n_workers, a.columns, np.inf, 0.0)
            found = train_once(text, n_workers, a.columns, rate, delay)
            transfer = expected_bytes(found["words"], a.columns, n_workers) / rate
            runs.append(
                {"workers": n_workers, "without_limits": alone, "limited": found,
                 "expected_bytes": transfer * rate, "expected_seconds": alone["seconds_a_round"] + transfer,
                 "measured_by_expected": found["seconds_a_round"] / (alone["seconds_a_round"] + transfer)}
            )  # fmt: skip
            print(json.dumps(runs[-1], indent=1), flush=True)
            setting = {"rate_mb_per_second": a.rate / 8, "delay_ms": a.delay, "mtu": MTU}
            write_results(__file__, "cluster-network", setting | {"rows": a.rows, "columns": a.columns, "runs": runs})


if __name__ == "__main__":
    main()
