"""Kill training at random moments, resume, and compare the vectors with those of an uninterrupted training.

    python benchmarks/training/resume.py corpus.txt --kills 50

Every trial starts `w2v train` with one worker, kills it (SIGKILL) at a random moment of its whole duration, including
startup and saving, checks the files on disk, and completes the training with `w2v train --resume`; words, counts and
both tables of the result are compared bit for bit. Trials alternate between three settings: occasional checkpoints;
checkpoints after every segment, so that many kills hit a save; and the same over a complete model, which must stay
intact until the end. Finally, the cost of a checkpoint is measured: the seconds that training waits, by table size.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import run_killed, write_results
from w2v import Embeddings, Vocabulary
from w2v.settings.parameters import Parameters
from w2v.training.checkpoints import checkpoint_beside, interrupted_seed
from w2v.training.state import TrainingState
from w2v.training.tables import Tables
from w2v.training.word2vec import Word2Vec

SETTINGS = {"now and then": ("0.2s", False), "every segment": ("0.000001s", False), "over a model": ("0.000001s", True)}
SIZES = [(10_000, 100), (80_000, 100), (400_000, 300)]


def train(*arguments: object, limit: float | None = None) -> bool:
    """Run `w2v train`; with a limit, kill it after that many seconds. Return whether it was killed."""
    return run_killed("train", *arguments, limit=limit)


def fingerprint(folder: Path) -> str:
    """Return a digest of words, counts and both tables of vectors."""
    found, digest = Word2Vec.load(folder), hashlib.sha256()
    words = "\n".join(found.vocabulary_).encode()
    assert found.vocabulary_.counts is not None
    for part in (words, found.vocabulary_.counts, found.vectors_, found.output_vectors_):
        digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
    return digest.hexdigest()


def kill_once(
    corpus: str, options: list[str], folder: Path, setting: str, moment: float, old: Path, expected: str
) -> dict[str, Any]:
    """Start a training, kill it at a moment, check the disk, resume; return the findings."""
    every, over_model = SETTINGS[setting]
    output = folder / "out"
    arguments: list[object] = [corpus, "--output", output, *options, "--checkpoint-every", every]
    before = None
    if over_model:
        shutil.copytree(old, output)
        before = fingerprint(output)
        arguments.append("--overwrite")
    killed = train(*arguments, limit=moment)
    checkpoint = checkpoint_beside(output) if over_model else output
    during_save = any(name.name.endswith(".tmp") for name in folder.iterdir())
    resumable = interrupted_seed(checkpoint) is not None
    words_done = 0
    if resumable:  # it opens and is completely readable
        found = Word2Vec.load(checkpoint)
        words_done = sum(record["words"] for record in found.history_)
        found.embeddings_.neighbors(found.vocabulary_.index_to_key[0])
    # a process killed at its very end has already replaced the old model by the new one
    old_is_whole = (
        before is None or not killed or fingerprint(output) in ((before,) if resumable else (before, expected))
    )
    if killed:
        if resumable:
            train("--resume", output)
        else:  # nothing was saved yet, or training was complete already: start again
            train(*arguments, *([] if over_model or not output.exists() else ["--overwrite"]))
    return {
        "setting": setting,
        "moment": moment,
        "killed": killed,
        "during_save": during_save,
        "resumed": killed and resumable,
        "words_done": words_done,
        "old_model_whole": old_is_whole,
        "exact": fingerprint(output) == expected,
        "leftovers": sorted(entry.name for entry in folder.iterdir() if entry != output),
    }


def measure_price(n_words: int, vector_size: int, folder: Path) -> dict[str, Any]:
    """Return the seconds to write a checkpoint of a given size to disk: the median of five."""
    tables = Tables.random(n_words, vector_size, 1)
    vocabulary = Vocabulary([f"word{i}" for i in range(n_words)], np.arange(n_words, 0, -1))
    parameters = Parameters(vector_size=vector_size)
    metadata = {"parameters": {"vector_size": vector_size}, "history": []}
    state = TrainingState(
        Embeddings(vocabulary, tables.input_vectors, metadata=metadata), tables, parameters, 1, False, 1, []
    )
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        state.save(folder / "price", overwrite=True)
        seconds.append(time.perf_counter() - start)
    size = sum(file.stat().st_size for file in (folder / "price").iterdir())
    shutil.rmtree(folder / "price")
    return {"words": n_words, "vector_size": vector_size, "mb": size / 1e6, "seconds": sorted(seconds)[2]}


def main() -> None:
    """Run, print the findings, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--kills", type=int, default=50, help="number of kills that leave a checkpoint to resume from")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--vector-size", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments")
    a = parser.parse_args()
    options = ["--workers", "1", "--seed", "1", "--epochs", str(a.epochs), "--vector-size", str(a.vector_size)]
    moments, trials = random.Random(a.seed), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(a.corpus, "--output", folder / "old", *options[:2], "--seed", "2", *options[4:])
        durations = {}
        for setting, (every, _) in SETTINGS.items():
            shutil.rmtree(folder / "whole", ignore_errors=True)
            start = time.perf_counter()
            train(a.corpus, "--output", folder / "whole", *options, "--checkpoint-every", every)
            durations[setting] = time.perf_counter() - start
        expected = fingerprint(folder / "whole")
        while sum(trial["resumed"] for trial in trials) < a.kills:
            setting = list(SETTINGS)[len(trials) % len(SETTINGS)]
            moment = moments.uniform(0.0, durations[setting])
            (folder / "trial").mkdir()
            found = kill_once(a.corpus, options, folder / "trial", setting, moment, folder / "old", expected)
            trials.append(found)
            print(json.dumps(found), file=sys.stderr, flush=True)
            shutil.rmtree(folder / "trial")
        price = [measure_price(*size, folder) for size in SIZES]
    killed = [trial for trial in trials if trial["killed"]]
    summary = {
        "kills": len(killed),
        "kills_before_the_first_checkpoint_or_after_the_end": sum(not trial["resumed"] for trial in killed),
        "continuations": sum(trial["resumed"] for trial in killed),
        "exact_continuations": sum(trial["resumed"] and trial["exact"] for trial in killed),
        "killed_during_a_save": sum(trial["during_save"] for trial in killed),
        "old_model_whole": sum(trial["old_model_whole"] for trial in killed if trial["setting"] == "over a model"),
        "kills_over_a_model": Counter(trial["setting"] for trial in killed)["over a model"],
        "folders_with_leftovers_at_the_end": sum(bool(trial["leftovers"]) for trial in killed),
    }
    print(json.dumps({"summary": summary, "price": price}, indent=1))
    parameters = {"epochs": a.epochs, "vector_size": a.vector_size, "workers": 1}
    corpus = {"bytes": Path(a.corpus).stat().st_size}
    write_results(
        __file__, "resume",
        {"parameters": parameters, "corpus": corpus, "seconds_uninterrupted": durations, "summary": summary,
         "checkpoint_price": price, "trials": trials},
    )  # fmt: skip


if __name__ == "__main__":
    main()
