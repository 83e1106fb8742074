"""Memory: training on a corpus larger than memory, and the peak of a normal run.

    python benchmarks/training/memory.py corpus.txt --words 250000000 --cap 850

CORPUS is tokenised text. It is repeated in a temporary file up to WORDS words, and used for training by processes whose
private memory is limited to CAP megabytes, less than the 4 bytes per token of the encoded corpus. The limit is
RLIMIT_DATA, which on Linux counts anonymous memory but not mapped files. One process keeps the encoded corpus in memory
and must fail; the other maps it (`max_memory`) and must succeed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results

MB = 1 << 20
IN_MEMORY, MAPPED = 1 << 50, 32 * MB
SMALL = {"vector_size": 16, "window": 2, "negative": 2, "epochs": 1}
NORMAL = {"vector_size": 100, "window": 5, "negative": 5, "epochs": 1}


def repeat_corpus(corpus: Path, n_words: int, path: Path) -> int:
    """Write `corpus` repeatedly until there are `n_words` words; return their number."""
    with corpus.open("rb") as file:
        per_copy = sum(len(line.split()) for line in file)
    n_copies = -(-n_words // per_copy)
    with path.open("wb") as out:
        for _ in range(n_copies):
            with corpus.open("rb") as file:
                while block := file.read(4 * MB):
                    out.write(block)
    return n_copies * per_copy


def peak_mb() -> float:
    """Return the largest resident size of this process so far."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def train(corpus: str, settings: dict[str, Any], max_memory: int, cap_mb: int | None, folder: str) -> dict[str, Any]:
    """Train with limited memory (in a child process)."""
    from w2v import Word2Vec

    if cap_mb is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (cap_mb * MB, cap_mb * MB))
    model = Word2Vec(**settings, workers=2, random_state=1, tokenizer="whitespace")
    try:
        model.fit(Path(corpus), max_memory=max_memory, work_folder=folder)
    except MemoryError as error:
        return {"trained": False, "error": f"{type(error).__name__}: {error}"}
    corpus_words = model.embeddings_.metadata["corpus"]
    return {
        "trained": True,
        "vocabulary_size": len(model.vocabulary_),
        **corpus_words,
        "loss": model.history_[-1]["loss"],
        "training_seconds": model.history_[-1]["seconds"],
        "peak_rss_mb": peak_mb(),
    }


def run_child(
    corpus: Path, settings: dict[str, Any], max_memory: int, cap_mb: int | None, folder: str
) -> dict[str, Any]:
    """Call `train` in a separate process."""
    arguments = json.dumps([str(corpus), settings, max_memory, cap_mb, folder])
    result = run_python(Path(__file__), "--child", arguments)
    del result["peak_mb"]  # at least that of the parent, so not meaningful
    return result


def measure_larger_than_memory(corpus: Path, n_words: int, cap_mb: int) -> dict[str, Any]:
    """Train on a corpus that does not fit into memory, kept in memory and mapped."""
    with tempfile.TemporaryDirectory(prefix="w2v-") as folder:
        large = Path(folder, "large.txt")
        n_words = repeat_corpus(corpus, n_words, large)
        if 4 * n_words <= cap_mb * MB:
            raise SystemExit("the cap must be less than 4 bytes a word: give more words or a smaller cap")
        return {
            "words": n_words,
            "file_mb": large.stat().st_size / MB,
            "ids_mb": 4 * n_words / MB,
            "cap_mb": cap_mb,
            "settings": SMALL,
            "in_memory": run_child(large, SMALL, IN_MEMORY, cap_mb, folder),
            "mapped": run_child(large, SMALL, MAPPED, cap_mb, folder),
        }


def measure_peak(corpus: Path) -> dict[str, Any]:
    """Train normally and compare the peak with two float32 tables + 4 bytes per token + 300 MB."""
    with tempfile.TemporaryDirectory(prefix="w2v-") as folder:
        result = run_child(corpus, NORMAL, IN_MEMORY, None, folder)
    tables_mb = 2 * 4 * result["vocabulary_size"] * NORMAL["vector_size"] / MB
    ids_mb = 4 * result["tokens"] / MB
    return {
        "settings": NORMAL,
        **result,
        "tables_mb": tables_mb,
        "ids_mb": ids_mb,
        "bound_mb": tables_mb + ids_mb + 300,
    }


def main() -> None:
    """Measure, or run as one of the child processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--words", type=int, default=250_000_000)
    parser.add_argument("--cap", type=int, default=850, help="megabytes")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.child:
        print(json.dumps(train(*json.loads(a.child))))
        return
    if a.corpus is None:
        parser.error("a corpus is needed")
    results = {"normal": measure_peak(a.corpus), "larger": measure_larger_than_memory(a.corpus, a.words, a.cap)}
    print(json.dumps(results, indent=1))
    write_results(__file__, "memory", results)
    if results["larger"]["in_memory"]["trained"] or not results["larger"]["mapped"]["trained"]:
        raise SystemExit("training must fail with the corpus in memory, and succeed with it mapped")


if __name__ == "__main__":
    main()
