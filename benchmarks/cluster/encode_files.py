"""Encoding many files on a cluster, compared with one process: sentences per CPU second, and a restart.

    python benchmarks/cluster/encode_files.py my.encoder sentences.txt --lines 2000000

The sentences are repeated until there are enough, and split into files. One process with one thread and two workers
with one thread each take turns encoding all of them, `--rounds` times, after a warm-up. CPU seconds of the encoding
threads are compared, because wall times depend on other work on the machine. Those of whole processes are reported as
well: Dask samples a worker's stack a hundred times per second of wall time, which matters if the machine has other
work. Then `w2v encode --cluster` is killed with all of its processes, and started again.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import ROOT, write_results
from w2v import SentenceEncoder
from w2v.cluster.clients import open_client

PRECISION = "float16"
WORKERS = 2


def write_files(source: str, folder: Path, n_lines: int, n_files: int) -> list[Path]:
    """Write files with equal numbers of lines of a text, repeating it."""
    with open(source, encoding="utf-8") as file:
        lines = itertools.cycle(file.readlines())
    paths = [folder / f"{number:03d}.txt" for number in range(n_files)]
    for path in paths:
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(itertools.islice(lines, n_lines // n_files))
    return paths


def timed(encoder: SentenceEncoder, files: list[Path], folder: Path, client: Any = None) -> dict[str, float]:
    """Encode the files to a new folder; return CPU seconds of the encoders and of this process, and the wall time."""

    def cpu() -> tuple[float, float]:
        if client is None:
            return time.thread_time(), time.process_time()
        of_workers = client.run(cpu_of_worker).values()
        return sum(threads for threads, _ in of_workers), sum(process for _, process in of_workers)

    shutil.rmtree(folder, ignore_errors=True)
    before, own, start = cpu(), time.process_time(), time.perf_counter()
    encoded = encoder.encode_files(files, folder, client=client, precision=PRECISION)
    measured = {
        "cpu_seconds": cpu()[0] - before[0],
        "process_cpu_seconds": cpu()[1] - before[1],
        "client_cpu_seconds": time.process_time() - own,
        "wall_seconds": time.perf_counter() - start,
    }
    n_vectors = sum(encoded.written.values())
    return {**measured, "sentences_per_cpu_second": n_vectors / measured["cpu_seconds"]}


def cpu_of_worker() -> tuple[float, float]:
    """Return the CPU seconds of a worker's task threads, and of its process."""
    import threading

    import psutil

    tasks = {thread.native_id for thread in threading.enumerate() if "Dask-Default-Threads" in thread.name}
    seconds = sum(each.user_time + each.system_time for each in psutil.Process().threads() if each.id in tasks)
    return seconds, time.process_time()


def kill_and_restart(model: str, folder: Path) -> dict[str, int]:
    """Kill a run with all of its processes halfway, start it again; count what each has written."""
    command = [
        sys.executable, "-m", "cli", "encode", model, str(folder / "*.txt"), "--output", str(folder / "again"),
        "--cluster", f"local:{WORKERS}", "--dtype", PRECISION, "--workers", "1",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    n_files = len(list(folder.glob("*.txt")))
    while process.poll() is None and len(whole(folder / "again")) < n_files // 3:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = whole(folder / "again")
    unfinished = len(list((folder / "again").glob("*.part")))
    subprocess.run(command, cwd=ROOT, check=True)
    after = whole(folder / "again")
    same = sum((folder / "again" / name).read_bytes() == (folder / "one" / name).read_bytes() for name in after)
    return {
        "files": n_files,
        "whole_when_killed": len(before),
        "unfinished_when_killed": unfinished,
        "written_by_restart": sum(before.get(name) != stamp for name, stamp in after.items()),
        "unfinished_after_restart": len(list((folder / "again").glob("*.part"))),
        "same_bytes_as_one_process": same,
    }


def whole(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the complete files of vectors, with values that change if one is written again."""
    if not folder.is_dir():
        return {}
    found = [(path.name, path.stat()) for path in folder.glob("*.npy")]
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found}


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("sentences")
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    model = str(Path(a.model).resolve())
    runs: dict[str, list[dict[str, float]]] = {"one_process": [], "workers": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(a.sentences, folder, a.lines, a.files)
        encoder = SentenceEncoder.load(model).set_params(workers=1)
        with open_client(f"local:{WORKERS}") as client:
            for number, one in enumerate((None, client)):  # compile and map before measuring
                timed(encoder, files[: 2 * WORKERS], folder / f"warm{number}", one)
            for _ in range(a.rounds):
                runs["one_process"].append(timed(encoder, files, folder / "one"))
                runs["workers"].append(timed(encoder, files, folder / "two", client))
                print({who: each[-1] for who, each in runs.items()}, file=sys.stderr)
        shutil.rmtree(folder / "two")
        restart = kill_and_restart(model, folder)
    rates = {name: statistics.median(run["sentences_per_cpu_second"] for run in each) for name, each in runs.items()}
    results = {
        "model": model, "text": a.sentences, "sentences": a.lines, "precision": PRECISION, "workers": WORKERS,
        "runs": runs, "median_sentences_per_cpu_second": rates,
        "rate_of_a_worker": rates["workers"] / rates["one_process"], "restart": restart,
    }  # fmt: skip
    print(results["rate_of_a_worker"], restart)
    write_results(__file__, "encode_files", results)


if __name__ == "__main__":
    main()
