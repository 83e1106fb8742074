r"""The gain from blocks beside the trained table, without labels or a teacher: docs/how-it-works/experiments.md.

    python benchmarks/sentences/blocks.py my.model --data DATA --corpus simplewiki.txt --work WORK

DATA is a folder with sentences/ (sts-train.csv, sts-dev.csv, SICK_train.txt and SICK_trial.txt). For each seed, a table
is trained once on the adjacent sentences of the corpus and kept in WORK; blocks need no training. Recipes are compared
by the mean over the training and development parts of STS Benchmark, with equal weight, and by genre; SICK is a second
opinion. Figures are Spearman x 100. Differences are paired bootstraps, over the two parts and over each genre.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v import Embeddings
from w2v.encoder.evaluation.baselines import get_baseline
from w2v.encoder.evaluation.files import ScoredPairs, read_scored_pairs
from w2v.encoder.evaluation.measures import evaluate_sts
from w2v.encoder.evaluation.reports import StsReport, compare
from w2v.encoder.model.blocks import DEFAULT_BAG, NO_BLOCKS, Blocks, PlainMean
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.state import EncoderState
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions

SELECTING = ("sts-train", "sts-dev")
FILES = {
    "sts-train": "sts-train.csv",
    "sts-dev": "sts-dev.csv",
    "SICK-train": "SICK_train.txt",
    "SICK": "SICK_trial.txt",
}
CHOSEN, TABLE, BAG = "table + bag", "table", "bag-of-words"

Encode = Callable[[Sequence[str]], Any]
Reports = Mapping[str, StsReport]


def variants(state: EncoderState, embeddings: Embeddings, *, all_of_them: bool) -> dict[str, EncoderState]:
    """Return the table alone, with the default bag, and with others."""
    chosen = DEFAULT_BAG
    found = {TABLE: replace(state, blocks=NO_BLOCKS), CHOSEN: replace(state, blocks=Blocks(chosen))}
    if not all_of_them:
        return found
    others = {
        **{f"{n} columns": replace(chosen, columns=n) for n in (64, 128, 512, 1024)},
        **{f"{n} letters": replace(chosen, prefix=n) for n in (3, 5, 6)},
        "whole words": replace(chosen, prefix=0),
        **{f"weight {weight}": replace(chosen, weight=weight) for weight in (0.3, 0.5, 0.65, 1.0)},
        **{f"a {a:g}": replace(chosen, a=a) for a in (3e-4, 1e-3, 1e-2)},
    }
    found |= {f"{CHOSEN}, {name}": replace(state, blocks=Blocks(bag)) for name, bag in others.items()}
    mean = PlainMean(np.ascontiguousarray(embeddings.vectors), 0.3)
    found[f"{CHOSEN} + mean 0.3"] = replace(state, blocks=Blocks(chosen, mean))
    return found


def measure(encode: Encode, pairs: Mapping[str, ScoredPairs]) -> dict[str, StsReport]:
    """Return the reports of all files."""
    return {name: evaluate_sts(encode, own) for name, own in pairs.items()}


def figures(reports: Reports) -> dict[str, Any]:
    """Return Spearman x 100 of each file and genre, and the mean of the two files that recipes are chosen by."""
    shown: dict[str, Any] = {name: round(100 * report.spearman, 2) for name, report in reports.items()}
    shown["mean"] = round(100 * statistics.mean(reports[name].spearman for name in SELECTING), 2)
    genres = {name: reports[name].by_genre for name in SELECTING}
    shown["genres"] = {
        name: {genre: round(100 * part.spearman, 2) for genre, part in parts.items()} for name, parts in genres.items()
    }
    return shown


def differences(first: Reports, second: Reports) -> dict[str, Any]:
    """Compare two encoders by the mean over both parts and by genre."""
    found: dict[str, Any] = {
        "mean": compare([first[name] for name in SELECTING], [second[name] for name in SELECTING]).to_dict()
    }
    for name in SELECTING:
        other = second[name].by_genre
        found[name] = {genre: compare([part], [other[genre]]).to_dict() for genre, part in first[name].by_genre.items()}
    return found


def cost(state: EncoderState, pairs: Mapping[str, ScoredPairs], turns: int) -> dict[str, Any]:
    """Return the speed of one thread when encoding all sentences ten times, with and without the bag, in turns."""
    sentences = [one for own in pairs.values() for one in (*own.first, *own.second)] * 10
    names = {TABLE: replace(state, blocks=NO_BLOCKS), CHOSEN: replace(state, blocks=Blocks(DEFAULT_BAG))}
    inferences = {name: Inference(own, 1) for name, own in names.items()}
    seconds: dict[str, list[float]] = {name: [] for name in inferences}
    for turn in range(turns + 1):
        for name, inference in inferences.items():
            started = time.process_time()
            inference.encode(sentences, Output())
            if turn:  # the first one compiles
                seconds[name].append(time.process_time() - started)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    a_second = {name: round(len(sentences) / median) for name, median in medians.items()}
    ratio = round(medians[CHOSEN] / medians[TABLE], 3)
    return {"sentences": len(sentences), "sentences_a_cpu_second": a_second, "cpu_time_with_bag": ratio}


def trained(a: argparse.Namespace, seed: int) -> EncoderState:
    """Return the table of a seed, trained if it does not exist."""
    folder = a.work / f"neighbors-{seed}.encoder"
    if not folder.exists():
        options = FitOptions(steps=a.steps, seed=seed, workers=a.workers)
        encoder = SentenceEncoder(a.model, bag_columns=0, training=options)
        encoder.fit(list(a.corpus), progress="log").save(folder)
    return SentenceEncoder.load(folder).state


def main() -> None:
    """Train, measure, compare and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--turns", type=int, default=9, help="turns of the CPU time comparison")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    pairs = {name: read_scored_pairs(a.data / "sentences" / file) for name, file in FILES.items()}
    embeddings = Embeddings.load(a.model)
    bag = measure(get_baseline(BAG, embeddings).encode, pairs)
    results: dict[str, Any] = {BAG: figures(bag)}
    compared: dict[str, Any] = {}
    for seed in range(1, a.seeds + 1):
        reports = {}
        for name, state in variants(trained(a, seed), embeddings, all_of_them=seed == 1).items():
            reports[name] = measure(SentenceEncoder(state, workers=a.workers).encode, pairs)
            results[f"{name}, seed {seed}"] = shown = figures(reports[name])
            print(f"{name}, seed {seed}", {one: shown[one] for one in (*FILES, "mean")}, flush=True)
        chosen = reports[CHOSEN]
        compared |= {
            f"{CHOSEN} - {TABLE}, seed {seed}": differences(chosen, reports[TABLE]),
            f"{CHOSEN} - {BAG}, seed {seed}": differences(chosen, bag),
        }
    means = [results[f"{CHOSEN}, seed {seed}"]["mean"] for seed in range(1, a.seeds + 1)]
    settings = {"steps": a.steps, "bag": vars(DEFAULT_BAG)}
    summary = {"mean of the seeds": round(statistics.mean(means), 2), "seeds": means}
    speed = cost(trained(a, 1), pairs, a.turns)
    print(speed, flush=True)
    write_results(
        __file__,
        "blocks",
        {**settings, "summary": summary, "speed": speed, "results": results, "differences": compared},
    )


if __name__ == "__main__":
    main()
