"""Kneser-Ney n-grams on Tiny Shakespeare and Simple Wikipedia: perplexity, seconds and memory.

    python benchmarks/networks/ngrams.py SHAKESPEARE.txt.xz SIMPLEWIKI.txt.xz

The results of KenLM on the same splits are included. `peak_mb` includes reading the text, which keeps all lines.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results
from w2v.neural.configs import END
from w2v.neural.ngrams import NgramModel
from w2v.neural.packing import Packed

KENLM = {"characters": {4: 1.719, 5: 1.561, 6: 1.523, 7: 1.517}, "words": {5: 150.6}}
MIN_COUNT, HELD_OUT = 5, 100


def characters(file: Path) -> tuple[Packed, Packed, int]:
    """Return the first nine tenths and the rest of a text, each as one sequence, and the size of the vocabulary."""
    every, ids = np.unique(list(lzma.open(file, "rt", encoding="utf-8").read()), return_inverse=True)
    ids, border = (ids + END + 1).astype(np.int32), int(len(ids) * 0.9)
    return Packed.of([ids[:border]]), Packed.of([ids[border:]]), len(every) + END + 1


def words(file: Path) -> tuple[Packed, Packed, int]:
    """Return the lower-cased words of 99 in 100 lines, those of the others, and the size of the vocabulary."""
    lines = [re.findall(r"[^\W\d_]+", line.lower()) for line in lzma.open(file, "rt", encoding="utf-8")]
    parts = [line for i, line in enumerate(lines) if i % HELD_OUT], lines[::HELD_OUT]
    counts = Counter(word for line in parts[0] for word in line)
    known = {word: i for i, word in enumerate((w for w, n in counts.items() if n >= MIN_COUNT), END + 1)}
    train, test = (Packed.of([[known.get(word, 0) for word in line] for line in part if line]) for part in parts)
    return train, test, len(known) + END + 1


def measure(kind: str, file: Path, order: int) -> dict[str, Any]:
    """Return cost and quality of one model."""
    train, test, n_tokens = {"characters": characters, "words": words}[kind](file)
    sentences = kind == "words"
    NgramModel.fit(test, order, n_tokens, sentences=sentences).log_probabilities(test)  # compiles
    start = time.process_time()
    model = NgramModel.fit(train, order, n_tokens, sentences=sentences)
    fitted = time.process_time()
    loss = -float(model.log_probabilities(test).mean())
    return {
        "order": order,
        "train_tokens": len(train.ids),
        "nats": round(loss, 4),
        "perplexity": round(float(np.exp(loss)), 2),
        "kenlm": KENLM[kind].get(order),
        "fit_cpu_seconds": round(fitted - start, 2),
        "score_cpu_seconds": round(time.process_time() - fitted, 2),
        "model_mb": sum(array.nbytes for array in model.arrays().values()) // 2**20,
        "n_grams": model.n_grams,
    }


def main() -> None:
    """Measure every model in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="Tiny Shakespeare and Simple Wikipedia, .txt.xz")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one[0], arguments.files[0], int(arguments.one[1]))))
        return
    results: dict[str, list[Any]] = {}
    for kind, file in zip(KENLM, arguments.files, strict=True):
        orders = map(str, KENLM[kind])
        results[kind] = [run_python(Path(__file__), str(file), "--one", kind, order) for order in orders]
    write_results(__file__, "ngrams", results)


if __name__ == "__main__":
    main()
