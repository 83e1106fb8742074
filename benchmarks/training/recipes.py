"""Quality for equal CPU time: gensim's settings compared with `--recipe best`, by seed, text and vector size.

    python benchmarks/training/recipes.py corpus.txt --data WORDS_FOLDER --vector-size 100 --seeds 3
    python benchmarks/training/recipes.py corpus.txt --cost 5

CORPUS is tokenised (`benchmarks/training/tokenise.py`). Every run is a separate process with one thread; recipes take
turns, and each run is stored at once and never repeated. CPU seconds are those of `fit`, including reading the file.
Other work on the machine increases them, so `--cost` compares them separately: the settings take turns on the first
words of the corpus in one process, the given number of times, and the median of the ratios is stored. WORDS_FOLDER is
that of `benchmarks/training/quality.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import results_folder, run_measured, write_results
from benchmarks.training.quality import METRICS, measure
from w2v import Word2Vec
from w2v.settings.descriptions import GENSIM
from w2v.settings.recipes import best_settings

RECIPES = ("none", "best")
COST_WORDS, BYTES_OF_A_WORD = 1_000_000, 6


def train(corpus: Path, vector_size: int, seed: int, **settings: Any) -> tuple[Word2Vec, float]:
    """Train with one thread; return the model and the CPU seconds from the file to the vectors."""
    started = time.process_time()
    fixed: dict[str, Any] = {"workers": 1, "random_state": seed, "tokenizer": "whitespace"}
    model = Word2Vec(vector_size=vector_size, **fixed, **settings).fit(corpus)
    return model, time.process_time() - started


def run(corpus: Path, recipe: str, vector_size: int, seed: int, data: Path) -> dict[str, Any]:
    """Train in a separate process and evaluate."""
    child = ["--child", recipe, "--vector-size", str(vector_size), "--seeds", str(seed), "--data", str(data)]
    printed, _ = run_measured([str(Path(__file__)), str(corpus), *child])
    figures: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return figures


def run_child(a: argparse.Namespace) -> None:
    """Train once and print a JSON object."""
    model, seconds = train(a.corpus, a.vector_size, a.seeds, recipe=a.child)
    parameters = model.embeddings_.metadata["parameters"]
    chosen = {name: parameters[name] for name in ("window", "sample", "alpha_hold", "epochs")}
    figures = measure(model.embeddings_, a.data)
    print(json.dumps(figures | {"cpu_seconds": seconds, "settings": chosen}))


def cost(corpus: Path, vector_size: int, turns: int) -> dict[str, Any]:
    """Return the CPU seconds of each recipe on the start of the corpus, and the median of their ratios."""
    settings = {"none": GENSIM, "best": best_settings(corpus.stat().st_size // BYTES_OF_A_WORD)}
    seconds: dict[str, list[float]] = {recipe: [] for recipe in RECIPES}
    with tempfile.TemporaryDirectory() as folder:
        beginning, n_words = Path(folder, "beginning.txt"), 0
        with corpus.open(encoding="utf-8") as lines, beginning.open("w", encoding="utf-8") as copy:
            for line in lines:
                n_words += len(line.split())
                copy.write(line)
                if n_words >= COST_WORDS:
                    break
        train(beginning, vector_size, 1)  # compiles
        for turn in range(turns):
            for recipe in RECIPES:
                seconds[recipe].append(train(beginning, vector_size, turn + 1, **settings[recipe])[1])
    ratios = [best / none for none, best in zip(seconds["none"], seconds["best"], strict=True)]
    return {"words": n_words, "cpu_seconds": seconds, "best_to_none": statistics.median(ratios)}


def print_table(results: dict[str, Any]) -> None:
    """Print means, the largest deviation of a seed, and the number of seeds."""
    for name, recipes in results.items():
        for recipe, seeds in recipes.items():
            line = f"{name:22}{recipe:6}"
            for metric in (*METRICS, "cpu_seconds"):
                values = [figures[metric] for figures in seeds.values()]
                mean = statistics.mean(values)
                line += f"  {metric} {mean:.3f} ±{max(abs(v - mean) for v in values):.3f} ({len(values)})"
            print(line)


def main() -> None:
    """Run missing settings and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--data", type=Path, help="folder of the test sets, to measure quality")
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", nargs="+", choices=RECIPES, default=RECIPES)
    parser.add_argument("--cost", type=int, default=0, help="compare CPU time in this many turns")
    parser.add_argument("--child", choices=RECIPES, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.child:
        run_child(a)
        return
    path = results_folder(__file__) / "recipes.json"
    stored: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"results": {}, "costs": {}}
    results, costs = stored["results"], stored["costs"]
    name = f"{round(a.corpus.stat().st_size / 1e6)} MB, D={a.vector_size}"
    if a.cost:
        costs[name] = cost(a.corpus, a.vector_size, a.cost)
        write_results(__file__, "recipes", {"results": results, "costs": costs})
    for seed in range(1, a.seeds + 1) if a.data else ():
        for recipe in a.recipe:
            done = results.setdefault(name, {}).setdefault(recipe, {})
            if str(seed) not in done:
                done[str(seed)] = run(a.corpus, recipe, a.vector_size, seed, a.data)
                write_results(__file__, "recipes", {"results": results, "costs": costs})
    print_table(results)
    for name, measured in costs.items():
        print(f"{name:22}CPU time of best: {measured['best_to_none']:.2f} times that of none")


if __name__ == "__main__":
    main()
