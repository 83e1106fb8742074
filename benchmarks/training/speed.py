"""Training speed compared with gensim: same tokenised file, parameters and threads; interleaved runs, each a process.

    python benchmarks/training/speed.py corpus.txt --runs 3 --name skipgram-18M
    python benchmarks/training/speed.py corpus.txt --algorithm cbow --runs 3 --name cbow-18M
    python benchmarks/training/speed.py corpus.txt --objective hs --runs 3 --name skipgram-hs-18M

The corpus has one sentence per line, with words separated by spaces (`python benchmarks/training/tokenise.py TEXT
corpus.txt`). Our first run, which compiles, is not counted. With --analogies and --pairs, the vectors of the last runs
are evaluated.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import median, run_python, write_results
from w2v import Embeddings
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs

FIGURES = ("vocabulary_seconds", "training_seconds", "process_seconds", "cpu_seconds", "peak_mb")


def evaluate(folder: Path, analogies: str | None, pairs: list[str]) -> dict[str, Any]:
    """Evaluate both programs' last vectors."""
    from gensim.models import KeyedVectors

    loaded = KeyedVectors.load(str(folder / "gensim"))
    quality = {}
    for name, embeddings in (
        ("w2v", Embeddings.load(folder / "w2v")),
        ("gensim", Embeddings(loaded.index_to_key, loaded.vectors)),
    ):
        quality[name] = {Path(path).stem: evaluate_word_pairs(embeddings, path).spearman for path in pairs}
        if analogies:
            quality[name]["analogies"] = evaluate_analogies(embeddings, analogies, restrict_vocab=30_000).total.accuracy
    return quality


def main() -> None:
    """Run, print a table, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--name", required=True, help="name of the results file")
    parser.add_argument("--analogies")
    parser.add_argument("--pairs", action="append", default=[])
    parser.add_argument("--algorithm", default="skipgram")
    parser.add_argument("--objective", default="negative", choices=["negative", "hs"])
    for name, default in (("vector-size", 100), ("window", 5), ("negative", 5), ("epochs", 5), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    a = parser.parse_args()
    script = Path(__file__).parent / "train_once.py"
    names = ("algorithm", "vector_size", "window", "objective", "negative", "epochs", "workers")
    options = [text for name in names for text in (f"--{name.replace('_', '-')}", str(getattr(a, name)))]
    runs: dict[str, list[dict[str, Any]]] = {"w2v": [], "gensim": []}
    with tempfile.TemporaryDirectory() as folder:
        run_python(script, "w2v", a.corpus, "-", *options, "--epochs", "1")
        for number in range(a.runs):
            for program in runs:
                output = str(Path(folder, program))
                result = run_python(script, program, a.corpus, output, *options, "--seed", str(number + 1))
                runs[program].append(result)
                print(program, {name: round(value, 3) for name, value in result.items()}, file=sys.stderr, flush=True)
        quality = evaluate(Path(folder), a.analogies, a.pairs) if a.analogies or a.pairs else {}
    ratios = {
        name: statistics.median(g[name] / w[name] for w, g in zip(runs["w2v"], runs["gensim"], strict=True))
        for name in FIGURES
    }
    medians = {program: {name: median(done, name) for name in FIGURES} for program, done in runs.items()}
    for name in FIGURES:
        print(f"{name:20} w2v {medians['w2v'][name]:9.2f}  gensim {medians['gensim'][name]:9.2f}  {ratios[name]:6.2f}x")
    for program, figures in quality.items():
        print(program, {name: round(value, 4) for name, value in figures.items()})
    parameters = {name: getattr(a, name) for name in names}
    corpus = {"bytes": Path(a.corpus).stat().st_size}
    write_results(
        __file__, f"speed-{a.name}",
        {"parameters": parameters, "corpus": corpus, "medians": medians, "median_of_ratios": ratios,
         "quality": quality, "runs": runs},
    )  # fmt: skip


if __name__ == "__main__":
    main()
