"""Taggers from scratch: what they are worth on a test set, and what training and tagging cost.

    python benchmarks/tagging.py TRAIN... --test TEST --name chunks [--validation DEV] [--options --column 2 …]

`w2v fit-tagger`, `w2v evaluate --tags` and `w2v tag` are run as processes of their own, with their defaults unless
`--options` says otherwise. Raw text to tag is the words of the test set, ten times over, with spaces between; a tagger
with given columns tags none. CPU seconds are those of all threads: what to compare on a machine with other work.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks._common import write_results
from benchmarks.translating import run
from w2v import Tagger
from w2v.corpora.labels.tagged import Tagged

_TIMES = 10


def tag_text(tagger: Tagger, test: Tagged, workers: int) -> dict[str, Any]:
    """Return what it takes to tag raw text, once everything is compiled."""
    texts = [" ".join(words) for words in test.sentences] * _TIMES
    tagger.tag(texts[:100], workers=workers)
    start, cpu = time.perf_counter(), time.process_time()
    n_words = sum(len(found.tags) for found in tagger.tag(texts, workers=workers))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "workers": workers, "words": n_words, "words_per_second": round(n_words / seconds),
        "words_per_cpu_second": round(n_words / cpu),
    }  # fmt: skip


def main() -> None:
    """Train, evaluate, tag raw text, and write results/tagging-NAME.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--validation", type=Path)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="of `w2v fit-tagger`; the last")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "model")
        apart = [] if given.validation is None else ["--validation", given.validation.resolve()]
        files = [file.resolve() for file in given.files]
        printed, cost = run("fit-tagger", *files, *apart, "--output", folder, "--json", *given.options)
        trained: dict[str, Any] = json.loads(printed)
        printed, took = run("evaluate", folder, "--tags", given.test.resolve(), "--json")
        [score] = json.loads(printed)["tags"].values()
        tagger = Tagger.load(folder)
        numbers = tagger.column_numbers_
        speeds = [] if numbers.given else [tag_text(tagger, numbers.read(given.test), workers) for workers in (1, 2)]
    del trained["output"]
    write_results(
        f"tagging-{given.name}",
        {"options": given.options, "training": trained | cost, "test": score | took, "raw_text": speeds},
    )


if __name__ == "__main__":
    main()
