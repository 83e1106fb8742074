"""Shared by the benchmarks: machine and commit, a fresh process for every run, and result files."""

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

ROOT = Path(__file__).parent.parent


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, versions, commit, and how many processes wanted a core in the last minute."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next((x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "numba", "llvmlite", "gensim", "scipy")},
        "commit": commit_of(ROOT),
        "date": time.strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
    }


def commit_of(checkout: Path) -> str:
    """Return the commit of a checkout, marked if files have been changed since."""
    return _git(checkout, "rev-parse", "HEAD") + ("-dirty" if _git(checkout, "status", "--porcelain", "-uno") else "")


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True, check=False).stdout.strip()


def run_python(script: Path, *arguments: str) -> dict[str, Any]:
    """Run a script in a fresh process; return the JSON object it prints, with what `run_measured` measures."""
    printed, measured = run_measured([str(script), *arguments])
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result | measured


def run_measured(arguments: list[str], checkout: Path = ROOT) -> tuple[str, dict[str, float]]:
    """Run Python in a checkout; return what it prints, and its wall and CPU time and peak memory.

    CPU time, over all threads, is the figure to compare on a machine with other work.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=checkout, env=environment()
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return printed, {
        "process_seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def environment() -> dict[str, str]:
    """Return the environment, but let Python cache our bytecode, as installation does for other packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def median(runs: list[dict[str, Any]], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(run[name] for run in runs)


def results_folder(script: str) -> Path:
    """Return where the results of a script are: `results/` has the same folders as the scripts."""
    return ROOT / "benchmarks" / "results" / Path(script).resolve().parent.name


def write_results(script: str, name: str, results: dict[str, Any]) -> None:
    """Write `NAME.json` into the folder of a script's results, with the machine.

    File paths in it are shortened to their last part.
    """
    path = results_folder(script) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": describe_machine(), **_without_folders(results)}, indent=1) + "\n")
    print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_folders(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_folders(part) for part in value]
    if isinstance(value, (str, Path)) and Path(value).is_absolute():
        return Path(value).name
    return value


def run_killed(*arguments: object, limit: float | None = None) -> bool:
    """Run a `w2v` command; with a limit, kill it (SIGKILL) after that many seconds. Return whether it was killed."""
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
