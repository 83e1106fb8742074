"""Quality compared with gensim by seed, epochs, window, negatives and size: analogies, WordSim-353 and SimLex-999.

    python benchmarks/training/quality.py corpus.txt --data WORDS_FOLDER --program w2v gensim gensim-2

Every run is stored at once and never repeated, so an interrupted benchmark resumes. "gensim" trains with one thread, in
the order of the corpus; "gensim-2" with two, each on half of the corpus, which is slightly better after one epoch
because both halves are trained at high learning rates. Ours trains with two. WORDS_FOLDER contains questions-words.txt,
EN-WS-353-ALL.txt and EN-SIMLEX-999.txt. Analogies use the 30,000 most frequent words.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import results_folder, run_python, write_results
from w2v import Embeddings
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs

BASE = {"algorithm": "skipgram", "vector_size": 100, "window": 5, "negative": 5, "epochs": 1}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "negative": [
        {},
        {"epochs": 2},
        {"epochs": 5},
        {"window": 2},
        {"window": 10},
        {"negative": 15},
        {"vector_size": 300},
    ],
    "hs": [{}, {"epochs": 5}],
}
METRICS = ("analogies", "wordsim353", "simlex999")


def measure(embeddings: Embeddings, data: Path) -> dict[str, float]:
    """Return the three figures."""
    return {
        "analogies": evaluate_analogies(embeddings, data / "questions-words.txt", restrict_vocab=30_000).total.accuracy,
        "wordsim353": evaluate_word_pairs(embeddings, data / "EN-WS-353-ALL.txt").spearman,
        "simlex999": evaluate_word_pairs(embeddings, data / "EN-SIMLEX-999.txt").spearman,
    }


def name_of(settings: dict[str, Any]) -> str:
    """Return a short name such as ``skipgram-D100-w5-n5-e1``, with ``hs`` in place of the noise words."""
    objective = "hs" if settings["objective"] == "hs" else f"n{settings['negative']}"
    return "{algorithm}-D{vector_size}-w{window}-{0}-e{epochs}".format(objective, **settings)


def run(program: str, corpus: str, settings: dict[str, Any], seed: int, data: Path) -> dict[str, float]:
    """Train once in a separate process and evaluate."""
    script = Path(__file__).parent / "train_once.py"
    options = [text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    workers = "1" if program == "gensim" else "2"
    program = program.removesuffix("-2")
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder, "vectors"))
        run_python(script, program, corpus, output, *options, "--workers", workers, "--seed", str(seed))
        if program == "w2v":
            return measure(Embeddings.load(output, mmap=False), data)
        from gensim.models import KeyedVectors

        loaded = KeyedVectors.load(output)
        return measure(Embeddings(loaded.index_to_key, loaded.vectors), data)


def print_table(results: dict[str, Any]) -> None:
    """Print the mean of each setting, the largest deviation of a seed, and the number of seeds."""
    print(f"{'':26}{'':10}" + "".join(f"{metric:>18}" for metric in METRICS))
    for name, programs in results.items():
        for program, seeds in programs.items():
            line = f"{name:26}{program:10}"
            for metric in METRICS:
                values = [figures[metric] for figures in seeds.values()]
                mean = statistics.mean(values)
                line += f"{f'{mean:.3f} ±{max(abs(v - mean) for v in values):.3f} ({len(values)})':>18}"
            print(line)


def main() -> None:
    """Run missing settings and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--program", nargs="+", default=["w2v", "gensim", "gensim-2"])
    parser.add_argument("--algorithm", nargs="+", default=["skipgram", "cbow"])
    parser.add_argument("--objective", default="negative", choices=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=3)
    a = parser.parse_args()
    path = results_folder(__file__) / "quality.json"
    results: dict[str, Any] = json.loads(path.read_text())["results"] if path.exists() else {}
    for algorithm in a.algorithm:
        for variant in VARIANTS[a.objective]:
            settings = {**BASE, "algorithm": algorithm, "objective": a.objective, **variant}
            for program in a.program:
                done = results.setdefault(name_of(settings), {})
                for seed in range(1, a.seeds + 1):
                    if str(seed) not in done.get(program, {}):
                        done.setdefault(program, {})[str(seed)] = run(program, a.corpus, settings, seed, a.data)
                        write_results(
                            __file__, "quality", {"corpus_bytes": Path(a.corpus).stat().st_size, "results": results}
                        )
    print_table(results)


if __name__ == "__main__":
    main()
