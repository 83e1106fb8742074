"""Muon compared with Adam: the loss of a character language model after equal steps, and the cost of a step.

    python benchmarks/networks/optimizers.py SHAKESPEARE.txt.xz

Each trains the same network on the same batches for an epoch, at several learning rates, because an optimizer should be
judged at its best one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results
from w2v import LanguageModel

RATES = {"adam": (1.5e-3, 3e-3, 6e-3, 1.2e-2), "muon": (3e-3, 6e-3, 1.2e-2)}


def measure(file: Path, optimizer: str, rate: float) -> dict[str, Any]:
    """Train a language model and return its results."""
    model = LanguageModel(
        units="characters", held_out=0.1, optimizer=optimizer, learning_rate=rate, epochs=1, warmup=100, workers=1
    )
    start = time.process_time()
    model.fit(file)
    last = model.history_[-1]
    return {
        "optimizer": optimizer,
        "learning_rate": rate,
        "steps": last["step"],
        "cpu_seconds": round(time.process_time() - start, 1),
        "held_out_loss": round(last["held_out_loss"], 4),
    }


def main() -> None:
    """Measure every learning rate in a separate process, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.file, given.one[0], float(given.one[1]))))
        return
    results = []
    for optimizer, rates in RATES.items():
        for rate in rates:
            results.append(run_python(Path(__file__), str(given.file), "--one", optimizer, str(rate)))
            print(json.dumps(results[-1]))
    write_results(__file__, "optimizers", {"runs": results})


if __name__ == "__main__":
    main()
