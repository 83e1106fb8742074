"""Text classifiers on TREC-6, SST-2 (dev), MR (90/10) and AG News, compared with fastText: accuracy and seconds.

    python benchmarks/networks/classifying.py TRANSFER [--ag-news FILE] [--vectors MODEL] [--sets trec sst mr ag]

TRANSFER is the folder with TREC, SST2 and MR as published; FILE is the test file of AG News, of which 1,000 articles
are used for testing here and 6,600 for training. Every run is a separate process with one thread. CPU seconds are those
of training, including reading, after compilation; for fastText, those of `train_supervised`.

With --vectors, words are initialised with them, and networks of each architecture are trained, with their defaults
except for the epochs. Models are selected on held-out texts. `chosen` is the best of all that were tried, or a mixture
of them, within a limit of CPU seconds, so that other work on the machine does not count. Existing rows of the result
file that are not measured again are kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import results_folder, run_python, write_results
from w2v.neural.names import MIXERS

Rows = list[tuple[str, str]]
EPOCHS = {"trec": 10, "sst": 5, "mr": 10, "ag": 10}
LAYERED_EPOCHS = {"trec": 10, "sst": 4, "mr": 10, "ag": 5}
FASTTEXT = {"trec": (0.5, 5), "sst": (0.1, 5), "mr": (0.5, 25), "ag": (0.5, 5)}
"""Learning rate and epochs of fastText: for the first three, the most accurate of six settings tried."""
SEEDS = (1, 2, 3)


def trec(folder: Path) -> tuple[Rows, Rows]:
    """Return questions with their coarse labels."""

    def read(name: str) -> Rows:
        lines = (folder / "TREC" / name).read_text(encoding="latin-1").splitlines()
        return [(line.partition(":")[0], line.partition(" ")[2]) for line in lines]

    return read("train_5500.label"), read("TREC_10.label")


def sst(folder: Path) -> tuple[Rows, Rows]:
    """Return phrases, and the sentences of the development set."""

    def read(name: str) -> Rows:
        rows = (line.rsplit("\t", 1) for line in (folder / "SST2" / name).read_text(encoding="utf-8").splitlines())
        return [(label, text.strip()) for text, label in rows]

    return read("sentiment-train"), read("sentiment-dev")


def mr(folder: Path) -> tuple[Rows, Rows]:
    """Return nine tenths of the sentences from reviews, and the rest."""
    rows = [
        (name, line.strip())
        for name in ("neg", "pos")
        for line in (folder / "MR" / f"rt-polarity.{name}").read_text(encoding="latin-1").splitlines()
    ]
    random.Random(1).shuffle(rows)
    return rows[len(rows) // 10 :], rows[: len(rows) // 10]


def ag(folder: Path) -> tuple[Rows, Rows]:
    """Return 6,600 articles, title and description, and 1,000 others."""
    file = folder / "test.csv"
    data = file.read_bytes() if file.exists() else lzma.decompress((folder / "test.csv.xz").read_bytes())
    rows = [(label, f"{title} {text}") for label, title, text in csv.reader(data.decode("utf-8").splitlines())]
    random.Random(1).shuffle(rows)
    return rows[1000:], rows[:1000]


SETS: dict[str, Callable[[Path], tuple[Rows, Rows]]] = {"trec": trec, "sst": sst, "mr": mr, "ag": ag}


def count_seconds_of_the_processor() -> None:
    """Make `max_time` count the CPU time of this process, independent of other work on the machine."""
    time.perf_counter = time.process_time  # type: ignore[assignment]


def ours(name: str, folder: Path, seed: int, options: dict[str, Any], vectors: str | None) -> dict[str, Any]:
    """Train and evaluate one of our classifiers."""
    if "max_time" in options:
        count_seconds_of_the_processor()
    from w2v import TextClassifier

    train, test = SETS[name](folder)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "train.tsv")
        file.write_text("".join(f"{label}\t{text}\n" for label, text in train), encoding="utf-8")
        settings = {"random_state": seed, "workers": 1, **options}
        if options.get("layers") == 0:
            TextClassifier(**settings | {"epochs": 1}).fit(file)  # compiles
        started, wall = time.process_time(), time.perf_counter()
        model = TextClassifier(**settings).fit(file, vectors=vectors)
        seconds, wall = time.process_time() - started, time.perf_counter() - wall
    report = model.evaluate([text for _, text in test], [label for label, _ in test])
    return {
        "accuracy": round(report.accuracy, 4),
        "macro_f1": round(report.macro_f1, 4),
        "calibration_error": round(report.calibration_error, 4),
        "fit_cpu_seconds": round(seconds, 3),
        "fit_seconds": round(wall, 3),
        "steps": model.history_[-1]["step"],
        **{key: model.network_.metadata[key] for key in ("chosen", "tried") if "max_time" in options},
    }


def fasttexts(name: str, folder: Path, seed: int) -> dict[str, Any]:
    """Train and evaluate a fastText classifier: 10 columns, word bigrams."""
    import fasttext

    train, test = SETS[name](folder)
    rate, epochs = FASTTEXT[name]
    with tempfile.TemporaryDirectory() as place:
        for part, rows in (("train", train), ("test", test)):
            lines = "".join(f"__label__{label} {text}\n" for label, text in rows)
            Path(place, part).write_text(lines, encoding="utf-8")
        started = time.process_time()
        model = fasttext.train_supervised(
            str(Path(place, "train")), dim=10, wordNgrams=2, lr=rate, epoch=epochs, thread=1, seed=seed, verbose=0
        )
        seconds = time.process_time() - started
        _, accuracy, _ = model.test(str(Path(place, "test")))
    return {"accuracy": round(accuracy, 4), "fit_cpu_seconds": round(seconds, 3), "rate": rate, "epochs": epochs}


def mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean results of several seeds."""
    names = ("accuracy", "fit_cpu_seconds")
    return {name: round(sum(run[name] for run in runs) / len(runs), 4) for name in names} | {"runs": runs}


def main() -> None:
    """Measure every classifier in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transfer", type=Path, help="the folder with TREC, SST2 and MR")
    parser.add_argument("--ag-news", type=Path, help="the folder with test.csv, or test.csv.xz, of AG News")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--vectors", help="word vectors for layers; without them layers are not tried")
    parser.add_argument("--architectures", nargs="*", choices=MIXERS, default=list(MIXERS))
    parser.add_argument("--max-time", type=float, default=110.0, help="time limit of the choice, in seconds")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="seeds of `chosen`")
    parser.add_argument(
        "--without", nargs="*", default=[], help="rows to leave out: fasttext, no_layers, from_vectors, chosen"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, kind, seed, options = json.loads(given.one)
        folder = given.ag_news if name == "ag" else given.transfer
        if kind == "fasttext":
            print(json.dumps(fasttexts(name, folder, seed)))
        else:
            print(json.dumps(ours(name, folder, seed, options, given.vectors)))
        return

    def run(name: str, kind: str, seed: int, further: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
        place = ["--ag-news", str(given.ag_news)] if given.ag_news else []
        one = json.dumps([name, kind, seed, options])
        return run_python(Path(__file__), str(given.transfer), "--one", one, *place, *further)

    results = _before()
    for name in given.sets:
        if name == "ag" and not given.ag_news:
            continue
        rows = results.setdefault(name, {})
        vectors = ("--vectors", given.vectors) if given.vectors else ()
        plain = {"layers": 0, "tokenizer": "whitespace", "held_out": 0.0, "epochs": EPOCHS[name]}
        made: dict[str, tuple[Any, ...]] = {
            "fasttext": ("fasttext", {}, ()),
            "no_layers": ("ours", plain, ()),
            **({"from_vectors": ("ours", {"layers": 0, "tokenizer": "penn"}, vectors)} if vectors else {}),
        }
        for row, (kind, options, further) in made.items():
            if row not in given.without:
                rows[row] = mean([run(name, kind, seed, further, options) for seed in SEEDS])
        for architecture in given.architectures if vectors else ():
            options = {"layers": 1, "architecture": architecture, "tokenizer": "penn", "epochs": LAYERED_EPOCHS[name]}
            rows[architecture] = run(name, "ours", 1, vectors, options)
        if vectors and "chosen" not in given.without:
            options = {"tokenizer": "penn", "max_time": given.max_time}
            rows["chosen"] = mean([run(name, "ours", seed, vectors, options) for seed in given.seeds])
        write_results(__file__, "classifying", results)


def _before() -> dict[str, Any]:
    """Return earlier results, without the machine."""
    file = results_folder(__file__) / "classifying.json"
    measured: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: measured[name] for name in SETS if name in measured}


if __name__ == "__main__":
    main()
