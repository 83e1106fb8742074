"""Memory while encoding a million sentences to disk, compared with a tenth of them: it must not grow.

    python benchmarks/sentences/encode_memory.py my.model sentences.txt --lines 1000000

Each run is a separate process, `w2v encode`; the sentences are repeated until there are enough. Peak memory is what the
system charges the process with, including the mapped model file.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import ROOT, write_results


def write_lines(source: str, path: Path, n_lines: int) -> None:
    """Write lines of a text, repeating it."""
    with open(source, encoding="utf-8") as file, open(path, "w", encoding="utf-8") as out:
        out.writelines(itertools.islice(itertools.cycle(file.readlines()), n_lines))


def encode(model: str, path: Path, output: Path) -> dict[str, Any]:
    """Encode a file in a separate process; return its time and peak memory."""
    command = [sys.executable, str(ROOT / "cli.py"), "encode", model, str(path), "--output", str(output)]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("encoding failed")
    return {
        "seconds": time.perf_counter() - start,
        "peak_mb": usage.ru_maxrss / 1024,
        "output_mb": output.stat().st_size / 2**20,
    }


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("sentences")
    parser.add_argument("--lines", type=int, default=1_000_000)
    a = parser.parse_args()
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for n_lines in (a.lines // 10, a.lines // 2, a.lines):
            text, output = Path(folder) / "text", Path(folder) / "vectors.npy"
            write_lines(a.sentences, text, n_lines)
            runs[n_lines] = encode(a.model, text, output)
            output.unlink()
            print(
                f"{n_lines:,} lines: {runs[n_lines]['seconds']:.1f} s, peak {runs[n_lines]['peak_mb']:.0f} MB, "
                f"{runs[n_lines]['output_mb']:,.0f} MB written"
            )
    write_results(__file__, "encode-memory", {"model": Path(a.model).name, "runs": runs})


if __name__ == "__main__":
    main()
