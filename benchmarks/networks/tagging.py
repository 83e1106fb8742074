r"""Taggers trained from scratch: their scores on a test set, and the cost of training and tagging.

    python benchmarks/networks/tagging.py TRAIN... --test TEST --name chunks [--validation DEV] \
        [--seeds 3] [--options …]

`w2v fit-tagger`, `w2v evaluate --tags` and `w2v tag` run as separate processes, with their defaults unless `--options`
is given. Each seed trains a tagger; the mean of the scores on the test set is reported as well. The raw text to tag is
the words of the test set, ten times over, separated by spaces; a tagger with given columns tags none. CPU seconds, over
all threads, are the figure to compare on a machine with other work.

`--accounts` is for the Broad Twitter Corpus, which splits `@name` into two words. Parts e, f and g tag both, part b
only the second. With the option, the first gets the tag of the second in all training files; the test set is unchanged.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from benchmarks.networks.translating import run
from w2v import Tagger
from w2v.corpora.labels.tagged import Tagged

_TIMES = 10


def tag_text(tagger: Tagger, test: Tagged, workers: int) -> dict[str, Any]:
    """Return the cost of tagging raw text, after compilation."""
    texts = [" ".join(words) for words in test.sentences] * _TIMES
    tagger.tag(texts[:100], workers=workers)
    start, cpu = time.perf_counter(), time.process_time()
    n_words = sum(len(found.tags) for found in tagger.tag(texts, workers=workers))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "workers": workers, "words": n_words, "words_per_second": round(n_words / seconds),
        "words_per_cpu_second": round(n_words / cpu),
    }  # fmt: skip


def with_accounts(file: Path, folder: Path) -> Path:
    """Copy a file, giving each untagged account mark the tag of the following name; return the copy."""
    lines = file.read_text(encoding="utf-8").split("\n")
    for number, (line, following) in enumerate(pairwise(lines)):
        if line.split() == ["@", "O"] and following.split()[1:] and following.split()[1].startswith("B-"):
            lines[number] = f"@\t{following.split()[1]}"
    copy = folder / file.name
    copy.write_text("\n".join(lines), encoding="utf-8")
    return copy


def train_and_test(given: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """Train a tagger with a seed; return the results of training and test set, and their cost."""
    apart = [] if given.validation is None else ["--validation", given.validation.resolve()]
    files = [with_accounts(file, folder.parent) if given.accounts else file.resolve() for file in given.files]
    own = ["--seed", seed, "--overwrite", "--json"]
    printed, cost = run("fit-tagger", *files, *apart, "--output", folder, *own, *given.options)
    trained: dict[str, Any] = json.loads(printed)
    printed, took = run("evaluate", folder, "--tags", given.test.resolve(), "--json")
    [score] = json.loads(printed)["tags"].values()
    del trained["output"]
    return {"seed": seed, "training": trained | cost, "test": score | took}


def main() -> None:
    """Train, evaluate, tag raw text, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--validation", type=Path)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--accounts", action="store_true", help="tag account marks in training")
    parser.add_argument(
        "--options", nargs=argparse.REMAINDER, default=[], help="options of `w2v fit-tagger`; must come last"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "model")
        runs = [train_and_test(given, seed, folder) for seed in range(1, given.seeds + 1)]
        tagger = Tagger.load(folder)
        numbers = tagger.column_numbers_
        speeds = [] if numbers.given else [tag_text(tagger, numbers.read(given.test), workers) for workers in (1, 2)]
    scores = [own["test"].get("f1", own["test"]["accuracy"]) for own in runs]
    trained_on = [file.name for file in given.files]
    write_results(
        __file__, f"tagging-{given.name}",
        {
            "files": trained_on, "accounts": given.accounts, "options": given.options,
            "mean": statistics.mean(scores), "scores": scores, "runs": runs, "raw_text": speeds,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
