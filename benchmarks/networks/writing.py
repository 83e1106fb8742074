"""Language models on Tiny Shakespeare and Simple Wikipedia, compared with Kneser-Ney n-grams of the same text.

    python benchmarks/networks/writing.py characters SHAKESPEARE.txt.xz --name shakespeare-10m --options --max-time 10m
    python benchmarks/networks/writing.py words SIMPLEWIKI.txt.xz --name simplewiki-1h --options --max-time 1h

`characters` holds out the last tenth of the text. Its held-out loss is that of adjacent windows, as usually measured;
`test` is the result of `LanguageModel.score` for the same tenth, where every character but the first has at least half
a window of context, as an n-gram has all it needs. It is scored by the network, by the n-grams, and by their mixture,
whose weight was fitted on this tenth. `words` uses the lower-cased words of every line, replaces those that occur fewer
than five times by one symbol, and holds out every hundredth line; its network reads subwords, and its perplexity is per
word or end of line, with the log-probabilities of a word's subwords summed. `w2v fit-lm` and `w2v score` run as
separate processes. CPU seconds are those of all threads.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from benchmarks.networks.ngrams import HELD_OUT, MIN_COUNT
from benchmarks.networks.translating import run
from w2v import LanguageModel
from w2v.neural.names import JUDGES

RARE = "§"
TENTH = 0.1
VALIDATION = 500
"""Lines that select the best parameters; used for neither training nor testing."""


def write_words(file: Path, work: Path) -> tuple[list[Path], int]:
    """Write training, validation and test lines; return their files, and the number of test words and line ends."""
    lines = [re.findall(r"[^\W\d_]+", line.lower()) for line in lzma.open(file, "rt", encoding="utf-8")]
    kept = [line for i, line in enumerate(lines) if i % HELD_OUT and line]
    test = [line for line in lines[::HELD_OUT] if line]
    counts = Counter(word for line in kept for word in line)
    files = []
    parts = {"train": kept[VALIDATION:], "validation": kept[:VALIDATION], "test": test}
    for name, part in parts.items():
        files.append(work / f"{name}.txt")
        with files[-1].open("w", encoding="utf-8") as out:
            for line in part:
                print(*(word if counts[word] >= MIN_COUNT else RARE for word in line), file=out)
    return files, sum(map(len, test)) + len(test)


def rounded(values: Mapping[str, float], digits: int) -> dict[str, float]:
    """Return rounded values for display."""
    return {name: round(value, digits) for name, value in values.items()}


def main() -> None:
    """Train, score the held-out text, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("characters", "words"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument(
        "--options", nargs=argparse.REMAINDER, default=[], help="options of `w2v fit-lm`; must come last"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        model = Path(work, "model")
        arguments: list[object] = [
            given.file.resolve(),
            "--units",
            "characters",
            "--held-out",
            TENTH,
            "--order",
            7,
        ]
        if given.kind == "words":
            (train, validation, test), n_words = write_words(given.file, Path(work))
            arguments = [train, "--validation", validation, "--units", "subwords"]
        printed, cost = run("fit-lm", *arguments, "--output", model, "--json", *given.options)
        trained: dict[str, Any] = json.loads(printed)
        del trained["output"]
        results: dict[str, Any] = {"options": given.options, "training": trained | cost}
        if given.kind == "characters":
            text = lzma.open(given.file, "rt", encoding="utf-8").read()
            held_out = text[-round(len(text) * TENTH) :]
            opened = LanguageModel.load(model)
            nats = {by: -opened.score([held_out], by=by)[0].log_probability / len(held_out) for by in JUDGES}
            results["test"] = {"nats": rounded(nats, 4), "characters": len(held_out)}
        else:
            perplexities, took = {}, {}
            for by in JUDGES:
                found, took[by] = run("score", model, test, "--by", by, "--json")
                total = -sum(json.loads(line)["log_probability"] for line in found.splitlines())
                perplexities[by] = math.exp(total / n_words)
            results["test"] = {"words_and_ends": n_words, "perplexity": rounded(perplexities, 2), "cost": took}
    write_results(__file__, f"writing-{given.name}", results)


if __name__ == "__main__":
    main()
