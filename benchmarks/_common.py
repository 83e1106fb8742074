"""What the benchmarks share: the machine, the commit, processes of their own for every run, and result files."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parent.parent


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, versions and commit."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next((x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "numba", "llvmlite", "gensim", "scipy")},
        "commit": _git("rev-parse", "HEAD") + ("-dirty" if _git("status", "--porcelain", "-uno") else ""),
        "date": time.strftime("%Y-%m-%d"),
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def run_python(script: Path, *arguments: str) -> dict[str, Any]:
    """Run a script in a fresh process; return the JSON object it prints, with its wall and CPU time and peak memory.

    CPU time, of all threads, is what to compare on a machine that has other work as well.
    """
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(script), *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{script.name} {' '.join(arguments)} failed")
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result | {
        "process_seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def median(runs: list[dict[str, Any]], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(run[name] for run in runs)


def write_results(name: str, results: dict[str, Any]) -> None:
    """Write `results/NAME.json`, with the machine."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": describe_machine(), **results}, indent=1) + "\n")
    print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


def run_killed(*arguments: object, limit: float | None = None) -> bool:
    """Run a command of `w2v`; with a limit, kill it (SIGKILL) after so many seconds. Say whether it was killed."""
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
    if code:
        raise SystemExit(f"w2v {' '.join(map(str, arguments))} failed")
    return False
