r"""The gain from unlabelled pairs: pivots and mined pairs, alone or combined, after training on neighbours.

    w2v pivots deu.txt cmn.txt --output pivots.tsv
    w2v mine simplewiki.txt enwiki.txt --model my.encoder --split-sentences --output mined.tsv
    python benchmarks/sentences/pairs.py my.model --data DATA --corpus simplewiki.txt enwiki.txt \
        --pivots pivots.tsv --mined mined.tsv --work WORK

DATA is a folder with sts-dev.csv, sts-train.csv, SICK_trial.txt and SICK_train.txt. Figures are Spearman x 100 of
cosines, of the vectors alone and of the vectors with a bag of words as a second block, both at unit length with weights
1 and .5; "mean" is that of sts-train and sts-dev, by which the recipes were chosen. Trained encoders are kept in WORK,
so that an interrupted benchmark resumes. Differences have 95 % intervals from 500 paired bootstrap resamples.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v import Embeddings
from w2v.corpora import TextReader, read_sentence_sets
from w2v.corpora.sentences import SentenceSets, without_overlap
from w2v.encoder.evaluation.baselines import get_baseline
from w2v.encoder.evaluation.files import ScoredPairs, read_scored_pairs
from w2v.encoder.evaluation.reports import StsReport, compare
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.encoder.training.batches import Neighbors, PackedSentences, pack_neighbors
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.planning import PlannedStage
from w2v.encoder.training.sources import pair_tasks
from w2v.encoder.training.tasks import NeighborTask, Task
from w2v.encoder.training.trainable import Trainable
from w2v.encoder.training.training import Stage

FILES = {"dev": "sts-dev.csv", "train": "sts-train.csv", "SICK": "SICK_trial.txt", "SICK-train": "SICK_train.txt"}
BESIDE = 0.5**2
"""Weight of the cosine of a block with weight .5 relative to that of a block with weight 1."""

RESAMPLES = 500

NEIGHBORS: dict[str, Any] = {"steps": 1000, "batch_size": 512, "temperature": 0.05, "learning_rate": 2e-3}
HARSH: dict[str, Any] = {"steps": 400, "batch_size": 1024, "learning_rate": 3e-3, "weight_rate": 2e-2}
GENTLE: dict[str, Any] = {"steps": 150, "batch_size": 512, "learning_rate": 1e-3, "weight_rate": 3e-3}
LONG: dict[str, Any] = {"steps": 400, "batch_size": 1024, "learning_rate": 3e-3, "weight_rate": 3e-3}
SHIPPED: dict[str, Any] = {"steps": 200, "batch_size": 512, "learning_rate": 2e-3, "weight_rate": 0.0}

Row = dict[str, StsReport]


class Bench:
    """Trainings with one seed after another, and their results."""

    def __init__(self, a: argparse.Namespace) -> None:
        self.a = a
        embeddings = Embeddings.load(a.model)
        self.start = sif_state(embeddings, identity_scale=0.5)
        self.pairs = {name: read_scored_pairs(a.data / file) for name, file in FILES.items()}
        self.genres = [line.split("\t")[1] for name in ("dev", "train") for line in _lines(a.data / FILES[name])]
        self.encode_bag = get_baseline("bag-of-words", embeddings).encode
        self.bag = {name: _cosines(self.encode_bag, pairs) for name, pairs in self.pairs.items()}
        self.neighbors = self._read_neighbors()
        evaluated = [s for pairs in self.pairs.values() for s in (*pairs.first, *pairs.second)]
        self.sets = {}
        self.overlap = {}
        for name in ("pivots", "mined", *(["captions"] if a.captions else [])):
            found, overlap = without_overlap(read_sentence_sets(getattr(a, name)), evaluated)
            self.sets[name], self.overlap[name] = found, overlap.to_dict() | {"left": len(found)}
        self.rows: dict[str, tuple[Row, Row]] = {}
        self.results: dict[str, Any] = {}

    def _read_neighbors(self) -> Neighbors:
        """Read adjacent sentences, once."""
        kept = self.a.work / "neighbors.npz"
        if not kept.exists():
            lookup = WordLookup(self.start.vocabulary, self.start.tokenizer)
            found = pack_neighbors(lookup, itertools.chain.from_iterable(map(self._head, self.a.corpus)))
            np.savez(kept, t=found.sentences.tokens, o=found.sentences.offsets, f=found.firsts)
        with np.load(kept) as arrays:
            return Neighbors(PackedSentences(arrays["t"], arrays["o"]), arrays["f"])

    def _head(self, path: Path) -> Any:
        """Yield the first lines of a file."""
        n = 0
        for line in TextReader(path).lines():
            n += len(line)
            if n > self.a.characters:
                return
            yield line

    def measure(self, name: str, encode: Callable[[list[str]], Any], seconds: float | None = None) -> None:
        """Evaluate an encoder, alone and combined with a bag of words."""
        rows: tuple[Row, Row] = ({}, {})
        for file, pairs in self.pairs.items():
            cosines = _cosines(encode, pairs)
            for row, values in zip(rows, (cosines, cosines + BESIDE * self.bag[file]), strict=True):
                row[file] = StsReport(values, pairs.scores)
        self.rows[name] = rows
        self.results[name] = {"seconds": seconds, "alone": self._figures(rows[0]), "bag beside": self._figures(rows[1])}
        print(name, {how: found["mean"] for how, found in list(self.results[name].items())[1:]}, flush=True)

    def _figures(self, row: Row) -> dict[str, Any]:
        shown: dict[str, Any] = {name: round(100 * report.spearman, 2) for name, report in row.items()}
        shown["mean"] = round(50 * (row["dev"].spearman + row["train"].spearman), 2)
        cosines, scores = (
            np.concatenate([getattr(row[n], of) for n in ("dev", "train")]) for of in ("cosines", "scores")
        )
        genres = np.array(self.genres)
        chosen = {name: genres == name for name in sorted(set(self.genres))}
        shown["genres"] = {n: round(100 * StsReport(cosines[i], scores[i]).spearman, 1) for n, i in chosen.items()}
        return shown

    def trained(
        self, name: str, start: EncoderState, make: Callable[[], list[Task]], options: FitOptions
    ) -> EncoderState:
        """Train an encoder unless it exists, and evaluate it."""
        folder, seconds = self.a.work / f"{name}.encoder", None
        if not folder.exists():
            began = time.process_time()
            place, part = np.array([0, 1]), PlannedStage("pairs", options)
            stage = Stage(place, start, part, make(), lambda _: None, [], None, np.zeros(1, np.uint8))
            stage.loop.run()
            seconds = round(time.process_time() - began, 1)
            SentenceEncoder(stage.best, "static").save(folder)
        encoder = SentenceEncoder.load(folder)
        self.measure(name, encoder.transform, seconds)
        self.results[name]["held-out losses"] = self.losses(encoder.state, int(name.rpartition("-")[2]))
        return encoder.state

    def losses(self, state: EncoderState, seed: int) -> dict[str, float]:
        """Return the losses on the held-out neighbours and pivots of the first or the second stage."""
        options = FitOptions(seed=seed, **SHIPPED).filled("pairs")
        tasks: list[Task] = [self.beside(seed), *self.of_pairs(["pivots"], options)]
        trainable = Trainable(state, tasks)
        return {task.name: round(trainable.loss(task.held_out()), 3) for task in tasks}

    def beside(self, seed: int) -> NeighborTask:
        """Return the task of neighbours for a seed."""
        batch_size, temperature = NEIGHBORS["batch_size"], NEIGHBORS["temperature"]
        return NeighborTask(self.neighbors, batch_size=batch_size, temperature=temperature, seed=seed)

    def of_pairs(self, names: list[str], options: FitOptions) -> list[Task]:
        """Return the tasks of some sources of pairs."""
        lookup = WordLookup(self.start.vocabulary, self.start.tokenizer)
        sets: list[SentenceSets] = [self.sets[name] for name in names]
        return pair_tasks(self.start, lookup, sets, options, lambda _: None)

    def run(self, seed: int, *, everything: bool) -> None:
        """Train and evaluate the rows of a seed."""
        options = FitOptions(seed=seed, evaluate_every=500, weight_rate=0.0, **NEIGHBORS)
        base = self.trained(f"neighbors-{seed}", self.start, lambda: [self.beside(seed)], options)
        rows: dict[str, tuple[dict[str, Any], list[str], bool]] = {
            "pivots beside neighbors": (SHIPPED, ["pivots"], True),
            "pivots and mined beside neighbors": (SHIPPED, ["pivots", "mined"], True),
            "pivots, harsh rates": (HARSH, ["pivots"], False),
            "pivots, gentle rates": (GENTLE, ["pivots"], False),
            "mined beside neighbors": (SHIPPED, ["mined"], True),
            "pivots alone": (SHIPPED, ["pivots"], False),
            "pivots beside neighbors, longer": (LONG, ["pivots"], True),
        }
        if self.a.captions is not None:
            rows |= {
                "captions, harsh rates": (HARSH, ["captions"], False),
                "captions beside neighbors": (SHIPPED, ["captions"], True),
                "captions beside neighbors, longer": (LONG, ["captions"], True),
            }
        for name, (how, sources, is_beside) in list(rows.items())[: None if everything else 2]:
            filled = FitOptions(seed=seed, evaluate_every=50, **how).filled("pairs")

            def tasks(
                filled: FitOptions = filled, sources: list[str] = sources, with_it: bool = is_beside
            ) -> list[Task]:
                return [*self.of_pairs(sources, filled), *([self.beside(seed + 50)] if with_it else [])]

            self.trained(f"{name}-{seed}", base, tasks, filled)

    def difference(self, first: str, second: str, *, with_bag: bool = False) -> dict[str, Any]:
        """Compare the means over train and dev of two encoders, the first optionally combined with a bag of words."""
        one, other = self.rows[first][with_bag], self.rows[second][0]
        pairs = [one["dev"], one["train"]], [other["dev"], other["train"]]
        return compare(*pairs, n_resamples=RESAMPLES).to_dict()


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _cosines(encode: Callable[[list[str]], Any], pairs: ScoredPairs) -> Any:
    return np.einsum("ij,ij->i", encode(list(pairs.first)), encode(list(pairs.second)))


def main() -> None:
    """Train, measure, compare and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True)
    parser.add_argument(
        "--characters", type=int, default=10**9, help="maximum number of characters per file of the corpus"
    )
    parser.add_argument("--pivots", type=Path, required=True)
    parser.add_argument("--mined", type=Path, required=True)
    parser.add_argument(
        "--captions", type=Path, help="captions of the same picture, to measure the effect of learning rates on them"
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(a)
    bench.measure("bag of words", bench.encode_bag)
    bench.measure("sif", SentenceEncoder(bench.start).transform)
    for seed in range(1, a.seeds + 1):
        bench.run(seed, everything=seed == 1)
    differences = {}
    for name in bench.rows:
        kind, _, seed_of = name.rpartition("-")
        if kind.startswith("pivots"):
            of = f"neighbors-{seed_of}"
            differences[f"{name} - {of}"] = bench.difference(name, of)
            differences[f"{name}, bag of words beside - {of}"] = bench.difference(name, of, with_bag=True)
    described = {"neighbors": len(bench.neighbors.firsts), "pairs": bench.overlap}
    write_results(__file__, "pairs", {**described, "results": bench.results, "differences": differences})


if __name__ == "__main__":
    main()
