"""Layers pretrained on masked words: the gain of taggers and classifiers from them, from word vectors, and from both.

    python benchmarks/networks/pretraining.py DATA --vectors MODEL [--encoder DIR] [--steps 3000] [--only btc-10 trec]

DATA is the folder with simplewiki.txt.xz, labels/ud-ewt, labels/ner/BTC, transfer/TREC and transfer/MR; MODEL contains
word vectors of the same text, tokenised as for the tagger (`w2v train simplewiki.txt.xz --tokenizer penn`).

One recurrent layer is trained on masked words and saved in `--encoder`, or read from there. Then every task is trained
four times with the same network: from scratch, with the word vectors, from the layer with its word vectors, and from
the layer with the word vectors beside it; EWT and BTC also with a tenth of the sentences. A tenth of the training data
selects the best step. Scores are those on other data: the development set of EWT, part h of BTC, the test questions of
TREC, and a tenth of MR. Each run is a separate process with one thread. CPU seconds are those of the whole process.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import results_folder, run_python, write_results
from benchmarks.networks.classifying import mr, trec
from w2v import SentenceEncoder, Tagger, TextClassifier
from w2v.corpora.labels.tagged import Tagged, read_tagged
from w2v.encoder.training.fit_options import FitOptions

NETWORK: dict[str, Any] = {
    "architecture": "recurrent",
    "layers": 1,
    "dim": 128,
    "feed_forward": 1.0,
    "positions": "none",
}
STARTS = ("nothing", "vectors", "layers", "both")
SEED = 1


class Task(NamedTuple):
    """A task: its name without the fraction, the fraction of the sentences, and the number of epochs."""

    name: str
    fraction: float
    epochs: int


TASKS = {
    "btc-10": Task("btc", 0.1, 40), "ewt-10": Task("ewt", 0.1, 30), "trec": Task("trec", 1.0, 10),
    "trec-10": Task("trec", 0.1, 60), "mr": Task("mr", 1.0, 5), "btc": Task("btc", 1.0, 6), "ewt": Task("ewt", 1.0, 4),
}  # fmt: skip


def pretrain(data: Path, vectors: Path, encoder: Path, steps: int, batch_size: int) -> None:
    """Train the layer on masked words."""
    options = FitOptions(
        objective="masked", steps=steps, batch_size=batch_size, evaluate_every=steps // 3, workers=1, seed=SEED
    )
    network = {name: value for name, value in NETWORK.items() if name != "architecture"}
    model = SentenceEncoder(vectors, NETWORK["architecture"], training=options, **network)
    model.fit([data / "simplewiki.txt.xz"])
    model.save(encoder, overwrite=True)


def described(encoder: Path) -> dict[str, Any]:
    """Return how a layer was trained."""
    metadata = SentenceEncoder.load(encoder).state.metadata
    options = {name: metadata["training"]["options"][name] for name in ("steps", "batch_size", "mask_fraction")}
    return options | {"history": metadata["history"]}


def _tagged(name: str, data: Path) -> tuple[Tagged, Tagged]:
    if name == "ewt":
        train, test = (data / f"labels/ud-ewt/en_ewt-ud-{part}.conllu.xz" for part in ("train", "dev"))
        return read_tagged(train), read_tagged(test)
    files = sorted((data / "labels/ner/BTC").glob("*.conll*"))
    test = [file for file in files if file.name.startswith("h")]
    return read_tagged([file for file in files if file not in test]), read_tagged(test)


def train_task(task: Task, data: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Train one of the tasks; return its score, and the CPU seconds of training after compilation."""
    further = {"epochs": task.epochs, "workers": 1, "random_state": SEED, "activation": "gelu", **NETWORK}
    rng = random.Random(SEED)
    if task.name in ("ewt", "btc"):
        train, test = _tagged(task.name, data)
        kept = sorted(rng.sample(range(len(train.sentences)), round(task.fraction * len(train.sentences))))
        sentences, tags = ([lists[i] for i in kept] for lists in (train.sentences, train.tags))
        began = time.process_time()
        tagger = Tagger(**further).fit(sentences, tags, **options)
        found = {"cpu_seconds_of_training": time.process_time() - began, "examples": len(kept)}
        return found | {"score": tagger.score(test.sentences, test.tags), "held_out": tagger.history_}
    rows, test_rows = {"trec": trec, "mr": mr}[task.name](data / "transfer")
    rows = rng.sample(rows, round(task.fraction * len(rows)))
    began = time.process_time()
    model = TextClassifier(tokenizer="penn", **further).fit([text for _, text in rows], [y for y, _ in rows], **options)
    cpu = time.process_time() - began
    score = float(model.score([text for _, text in test_rows], [y for y, _ in test_rows]))
    return {"cpu_seconds_of_training": cpu, "examples": len(rows), "score": score, "held_out": model.history_}


def main() -> None:
    """Train the layer unless it exists, then every task from each start; write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, help="folder of the layer: used if it exists, otherwise written")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--only", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--one", nargs=2, metavar=("TASK", "START"), help=argparse.SUPPRESS)
    parser.add_argument("--pretrain", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.pretrain:
        pretrain(given.data, given.vectors, given.encoder, given.steps, given.batch_size)
        print(json.dumps({}))
        return
    if given.one is not None:
        name, start = given.one
        options: dict[str, Any] = {"vectors": given.vectors} if start in ("vectors", "both") else {}
        if start in ("layers", "both"):
            options["start"] = SentenceEncoder.load(given.encoder)
        print(json.dumps(train_task(TASKS[name], given.data, options)))
        return
    with tempfile.TemporaryDirectory() as work:
        encoder = given.encoder or Path(work, "masked.encoder")
        shared = (given.data, "--vectors", given.vectors, "--encoder", encoder)
        measured = {}
        if not encoder.exists():
            measured = _run(*shared, "--steps", given.steps, "--batch-size", given.batch_size, "--pretrain")
        results = _results(described(encoder), measured)
        for name in given.only:
            task = TASKS[name]
            runs = {start: _run(*shared, "--one", name, start) for start in STARTS}
            results["tasks"][name] = {"fraction": task.fraction, "epochs": task.epochs, **runs}
            write_results(__file__, "pretraining", results)  # the results so far


def _results(layer: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """Return the results of earlier runs with the same layer, or none."""
    file = results_folder(__file__) / "pretraining.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    before = found.get("pretraining") or {}
    if before.get("history") == layer["history"]:
        return {"network": NETWORK, "pretraining": before, "tasks": found["tasks"]}
    return {"network": NETWORK, "pretraining": layer | measured, "tasks": {}}


def _run(*arguments: object) -> dict[str, Any]:
    return run_python(Path(__file__).resolve(), *map(str, arguments))


if __name__ == "__main__":
    main()
