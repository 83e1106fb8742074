"""GloVe: its speed in counting and training, and the quality of its vectors compared with skip-gram.

    python benchmarks/training/glove.py CORPUS --words FOLDER [--stanford FOLDER]

CORPUS is text, such as Simple Wikipedia, and may be compressed. The FOLDER of --words contains questions-words.txt,
EN-WS-353-ALL.txt and EN-SIMLEX-999.txt. Both methods have the same vocabulary, width and window. Skip-gram is measured
with windows 10 and 5, since semantic analogies favour wide windows. The FOLDER of --stanford contains the authors' C
sources as in the package crucyble 0.1.0.dev4 (src/lib/glove); part of the text is then counted and trained on by both
programs, with one thread and one pass, and their counts are compared. ANCHOR has the times of the authors' programs on
all of Simple Wikipedia, measured earlier on such a machine. Times are CPU times.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from w2v import Embeddings
from w2v.corpora import TextReader, get_tokenizer
from w2v.encoding.stream import TokenStream, WorkFolder, encode_corpus
from w2v.encoding.vocabulary import Vocabulary
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
from w2v.settings.parameters import Parameters
from w2v.training.glove.cells import Cells, count_cells
from w2v.training.running.session import make_crew
from w2v.training.trainer import Crew, Trainer

ANCHOR = {
    "what": "GloVe of its authors, Simple Wikipedia of 17.7 M words, minimum count 5, window 10, D 100, one thread",
    "cells": 36_380_000, "vocabulary_seconds": 1.4, "counting_seconds": 12.0, "shuffling_seconds": 9.2,
    "million_cells_a_second": 0.675, "passes": 15, "analogies": 0.442, "semantic": 0.618, "syntactic": 0.330,
    "ws353": 0.484, "simlex": 0.157,
}  # fmt: skip
RESTRICT, WINDOW = 30_000, 10


def cpu_seconds(of: int = RUSAGE_SELF) -> float:
    """Return the CPU time used by this process or its children."""
    usage = getrusage(of)
    return usage.ru_utime + usage.ru_stime


def judge(embeddings: Embeddings, folder: Path) -> dict[str, float]:
    """Return accuracies of analogies and correlations of word pairs."""
    found = evaluate_analogies(embeddings, folder / "questions-words.txt", restrict_vocab=RESTRICT)
    groups = {"semantic": [0, 0], "syntactic": [0, 0]}
    for section in found.sections:
        group = groups["syntactic" if section.name.startswith("gram") else "semantic"]
        group[0] += section.correct
        group[1] += section.total
    return {
        "analogies": found.total.accuracy,
        **{name: correct / total for name, (correct, total) in groups.items()},
        "ws353": evaluate_word_pairs(embeddings, folder / "EN-WS-353-ALL.txt").spearman,
        "simlex": evaluate_word_pairs(embeddings, folder / "EN-SIMLEX-999.txt").spearman,
    }


def measure_glove(
    vocabulary: Vocabulary, stream: TokenStream, passes: list[int], words: Path, dim: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Count and train; return the figures of both, and the quality after some passes."""
    parameters = Parameters(objective="glove", vector_size=dim, window=WINDOW, epochs=passes[-1], sample=0.0)
    rows: list[dict[str, Any]] = []
    with WorkFolder() as folder:
        small = TokenStream(stream.tokens[:1_000], np.array([0, 1_000]), 1_000)
        count_cells(small, len(vocabulary), WINDOW, 1, folder=folder)  # compile
        began = cpu_seconds()
        cells = count_cells(stream, len(vocabulary), WINDOW, 1, folder=folder)
        figures: dict[str, Any] = {"counting_and_shuffling_seconds": cpu_seconds() - began}
        trainer = Trainer(parameters, vocabulary, cells, seed=1)
        trainer.compile()
        crew, taken = make_crew(trainer, 1), 0.0
        for number in range(1, passes[-1] + 1):
            began = cpu_seconds()
            train_pass(trainer, crew)
            taken += cpu_seconds() - began
            if number in passes:
                embeddings = Embeddings(vocabulary, trainer.tables.word_vectors)
                rows.append({"passes": number, "seconds": taken, "loss": trainer.history[-1].loss})
                rows[-1] |= judge(embeddings, words)
                print(rows[-1], flush=True)
    n_cells = trainer.history[0].pairs
    return figures | {"cells": n_cells, "million_cells_a_second": n_cells * passes[-1] / taken / 1e6}, rows


def measure_skipgram(
    vocabulary: Vocabulary, stream: TokenStream, window: int, epochs: int, words: Path, dim: int
) -> dict[str, Any]:
    """Return time and quality of skip-gram."""
    parameters = Parameters(vector_size=dim, window=window, epochs=epochs)
    trainer = Trainer(parameters, vocabulary, stream, seed=1)
    trainer.compile()
    crew, began = make_crew(trainer, 1), cpu_seconds()
    for _ in range(epochs):
        train_pass(trainer, crew)
    row = {"window": window, "epochs": epochs, "seconds": cpu_seconds() - began}
    row |= judge(Embeddings(vocabulary, trainer.tables.word_vectors), words)
    print(row, flush=True)
    return row


MAINS = {
    "vocab_count": "vocab_count(v[1], v[2], 0, 0, 1, v[3])",
    "cooccur": "cooccur(v[1], v[2], v[3], 0, 1, atoi(v[4]), v[5], 0.5, v[6])",
    "shuffle": "shuffle(v[1], v[2], v[3], 0, 2.0)",
    "glove": "(num_threads = 1, num_iter = atoi(v[3]), vector_size = atoi(v[4]), train(v[1], v[2], v[5], v[6], 1))",
}
"""Arguments of the authors' functions."""


class Authors:
    """The authors' programs, compiled from their sources."""

    def __init__(self, sources: Path, place: Path) -> None:
        self.place, self.seconds = place, dict[str, float]()
        for name, call in MAINS.items():
            quiet = "#define fprintf(...) 0\n" if name == "cooccur" else ""  # it keeps writing to a closed log
            source = f'#include <errno.h>\n#include <stdio.h>\n{quiet}#include "{sources.resolve()}/{name}.c"\n'
            (place / f"{name}.c").write_text(source + f"int main(int n, char **v) {{ return {call}; }}\n")
            options = ["-O3", "-march=native", "-funroll-loops", "-w", "-I", sources.resolve()]
            subprocess.run(["gcc", *options, "-o", place / name, place / f"{name}.c", "-lm", "-pthread"], check=True)

    def run(self, name: str, *options: object) -> str:
        """Run a program and record its time; return its output."""
        began = cpu_seconds(RUSAGE_CHILDREN)
        done = subprocess.run(
            [self.place / name, *map(str, options)], stderr=subprocess.PIPE, cwd=self.place, check=True
        )
        self.seconds[name] = cpu_seconds(RUSAGE_CHILDREN) - began
        return done.stderr.decode(errors="replace")


def measure_pass(vocabulary: Vocabulary, cells: Cells, dim: int) -> tuple[float, int, float]:
    """Train one pass; return its time, the number of cells in both directions and their mean cost."""
    parameters = Parameters(objective="glove", vector_size=dim, window=WINDOW, epochs=1, sample=0.0)
    trainer = Trainer(parameters, vocabulary, cells, seed=1)
    trainer.compile()
    began = cpu_seconds()
    train_pass(trainer, make_crew(trainer, 1))
    record = trainer.history[0]
    return cpu_seconds() - began, record.pairs, record.loss


def train_pass(trainer: Trainer, crew: Crew) -> None:
    """Train until the end of an epoch."""
    scratch, stats = trainer.objective.scratch(trainer.tables), np.zeros(3)
    while True:
        planned = crew.take()
        assert planned is not None
        stats[:] = 0
        text, segment = trainer.segment_of(planned)
        trainer.objective.step(text, trainer.tables, segment, scratch, stats)
        trainer.record(planned, stats, 0.0)
        if trainer.step % trainer.n_segments == 0:
            return


def measure_authors(sources: Path, vocabulary: Vocabulary, stream: TokenStream, dim: int) -> dict[str, Any]:
    """Count, shuffle and train one pass with the authors' programs, and with ours on the same tokens."""
    index = {word: i for i, word in enumerate(vocabulary.index_to_key)}
    with tempfile.TemporaryDirectory() as folder:
        authors, place = Authors(sources, Path(folder)), Path(folder)
        with open(place / "text", "w", encoding="utf-8") as file:
            for start, stop in zip(stream.offsets[:-1].tolist(), stream.offsets[1:].tolist(), strict=True):
                file.write(" ".join(vocabulary.index_to_key[i] for i in stream.tokens[start:stop].tolist()) + "\n")
        authors.run("vocab_count", "text", "words", "log")
        authors.run("cooccur", "text", "words", "counts", WINDOW, "overflow", "log")
        authors.run("shuffle", "counts", "shuffled", "temporary")
        said = authors.run("glove", "shuffled", "words", 1, dim, "vectors", "sums")
        ids = [index[line.split()[0]] for line in (place / "words").read_text(encoding="utf-8").splitlines()]
        found = np.fromfile(place / "counts", np.dtype([("i", "<i4"), ("j", "<i4"), ("x", "<f8")]))
    theirs, of = found["x"], np.array([0, *ids], np.int64)
    places = of[found["i"]] * len(index) + of[found["j"]]
    with WorkFolder() as folder:
        began = cpu_seconds()
        cells = count_cells(stream, len(vocabulary), WINDOW, 1, folder=folder)
        seconds = cpu_seconds() - began
    owners = np.repeat(cells.rows, np.diff(cells.offsets)).astype(np.int64)
    stored = np.concatenate([owners * len(index) + cells.tokens, cells.tokens * np.int64(len(index)) + owners])
    seconds_of_pass, n_trained, cost = measure_pass(vocabulary, cells, dim)
    order, (stored, first) = np.argsort(places), np.unique(stored, return_index=True)
    ours = np.tile(cells.counts, 2)[first]
    assert np.array_equal(stored, places[order]), "the cells are not the same"
    return {
        "tokens": len(stream), "cells": len(theirs), "seconds": authors.seconds,
        "million_cells_a_second": len(theirs) / authors.seconds["glove"] / 1e6,
        "costs": [float(one) for one in re.findall(r"cost: ([\d.]+)", said)],
        "ours": {
            "counting_and_shuffling_seconds": seconds, "glove": seconds_of_pass, "cost": cost,
            "million_cells_a_second": n_trained / seconds_of_pass / 1e6,
            "largest_relative_difference_of_counts": float(np.abs(ours / theirs[order] - 1).max()),
        },
    }  # fmt: skip


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--words", type=Path, required=True, help="folder of the test sets")
    parser.add_argument("--stanford", type=Path, help="folder of the sources of the authors")
    parser.add_argument(
        "--stanford-tokens", type=int, default=2_000_000, help="number of tokens for the authors' programs"
    )
    parser.add_argument("--passes", type=int, nargs="*", default=[5, 15, 25], help="none: only --stanford")
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5, help="of skip-gram")
    arguments = parser.parse_args()
    began = cpu_seconds()
    with WorkFolder() as folder:
        vocabulary, stream = encode_corpus(TextReader(arguments.corpus), get_tokenizer("words"), work_folder=folder)
        results: dict[str, Any] = {
            "anchor": ANCHOR, "tokens": len(stream), "words": len(vocabulary), "window": WINDOW,
            "vector_size": arguments.vector_size, "reading_seconds": cpu_seconds() - began,
        }  # fmt: skip
        if arguments.stanford:
            part = stream.excerpt(0, int(stream.split(arguments.stanford_tokens)[1]))
            results["authors"] = measure_authors(arguments.stanford, vocabulary, part, arguments.vector_size)
            print(results["authors"], flush=True)
            write_results(__file__, "glove", results)
        if not arguments.passes:
            return
        passes = sorted(arguments.passes)
        results["glove"], results["after"] = measure_glove(
            vocabulary, stream, passes, arguments.words, arguments.vector_size
        )
        write_results(__file__, "glove", results)
        results["skipgram"] = [
            measure_skipgram(vocabulary, stream, window, arguments.epochs, arguments.words, arguments.vector_size)
            for window in (5, WINDOW)
        ]
    write_results(__file__, "glove", results)


if __name__ == "__main__":
    main()
