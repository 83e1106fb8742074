"""Kill the training of encoders at random moments, resume, and compare with an uninterrupted training.

    python benchmarks/sentences/resume_encoder.py --kills 30

Every trial starts `w2v fit-encoder` on a small corpus of generated topics, kills it (SIGKILL) at a random moment of its
whole duration, including startup and saving, checks the files on disk, and resumes with `w2v fit-encoder --resume`,
possibly to be killed again, until the end; the table, the word weights, the network and the history of the result are
compared bit for bit. Trials alternate between static encoders and attention, and between occasional checkpoints and
checkpoints after every step, so that many kills hit a save.
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
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import run_killed, write_results
from w2v import Embeddings, Vocabulary
from w2v.encoder import SentenceEncoder
from w2v.encoder.training.resuming import ENCODERS
from w2v.training.checkpoints import interrupted_seed

N_TOPICS, N_WORDS, COLUMNS, PARAGRAPHS = 12, 60, 48, 600
ARCHITECTURES: dict[str, list[object]] = {
    "static": ["--steps", 600],
    "attention": ["--architecture", "attention", "--hidden-size", 32, "--dropout", 0.2, "--steps", 100],
}
INTERVALS = ["0.2s", "0.000001s"]
OPTIONS: list[object] = ["--batch-size", 64, "--evaluate-every", 20, "--workers", 1, "--seed", 3]


def make_inputs(folder: Path) -> None:
    """Write random word vectors, a corpus whose paragraphs have one topic each, and pairs."""
    rng = np.random.default_rng(1)
    words = [f"t{topic}w{i}" for topic in range(N_TOPICS) for i in range(N_WORDS)]
    Embeddings(Vocabulary(words, np.full(len(words), 9)), rng.normal(size=(len(words), COLUMNS))).save(folder / "words")

    def sentence(topic: int) -> str:
        return " ".join(f"T{topic}w{i}" for i in rng.choice(N_WORDS, 7, replace=False)) + "."

    topics = rng.integers(N_TOPICS, size=PARAGRAPHS).tolist()
    (folder / "corpus.txt").write_text("".join(" ".join(sentence(t) for _ in range(4)) + "\n" for t in topics))
    (folder / "pairs.tsv").write_text("".join(f"{sentence(t)}\t{sentence(t)}\n" for t in topics))


def fingerprint(folder: Path) -> str:
    """Return a digest of everything learned and measured, except the seconds."""
    found, digest = SentenceEncoder.load(folder), hashlib.sha256()
    state = found.state
    arrays = [state.table, state.word_weights, *([] if state.parameters is None else [state.parameters.flat])]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    history = [{name: value for name, value in entry.items() if name != "seconds"} for entry in found.history_]
    digest.update(json.dumps([found.is_complete_, history]).encode())
    return digest.hexdigest()


def kill_once(
    arguments: list[object], output: Path, every: str, seconds: float, moments: random.Random
) -> dict[str, Any]:
    """Train, killed once and possibly twice; return the findings."""
    trial: dict[str, Any] = {"every": every, "kills": 0, "resumed": 0, "during_save": 0}
    own: list[object] = [*arguments, "--output", output]
    for _ in range(2):
        moment = moments.uniform(0, seconds)
        if not run_killed("fit-encoder", *own, "--checkpoint-every", every, limit=moment):
            return trial
        trial["kills"] += 1
        trial["during_save"] += any(entry.name.endswith(".tmp") for entry in output.parent.iterdir())
        if interrupted_seed(output, ENCODERS) is not None:
            SentenceEncoder.load(output).encode(["T1w1 t1w2."])  # intact and usable
            trial["resumed"] += 1
            own = ["--resume", output]
        elif output.exists():  # complete: the process was killed at its very end
            return trial
    run_killed("fit-encoder", *own)
    return trial


def main() -> None:
    """Run, print the findings, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30, help="number of kills that leave a checkpoint to resume from")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments")
    a = parser.parse_args()
    moments, trials = random.Random(a.seed), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        inputs: list[object] = [folder / "words", folder / "corpus.txt", "--pairs", folder / "pairs.tsv", *OPTIONS]
        expected, seconds = {}, {}
        for kind, options in ARCHITECTURES.items():
            start = time.perf_counter()
            run_killed("fit-encoder", *inputs, *options, "--output", folder / kind)
            expected[kind], seconds[kind] = fingerprint(folder / kind), time.perf_counter() - start
        while sum(trial["resumed"] for trial in trials) < a.kills:
            kind = list(ARCHITECTURES)[len(trials) % 2]
            every = INTERVALS[len(trials) // 2 % 2]
            place = folder / "trial"
            place.mkdir()
            arguments = [*inputs, *ARCHITECTURES[kind]]
            trial = kill_once(arguments, place / "out", every, seconds[kind], moments)
            trial |= {
                "architecture": kind,
                "exact": fingerprint(place / "out") == expected[kind],
                "leftovers": sorted(entry.name for entry in place.iterdir() if entry.name != "out"),
            }
            trials.append(trial)
            print(json.dumps(trial), file=sys.stderr, flush=True)
            shutil.rmtree(place)
    summary = {
        name: sum(trial[name] for trial in trials) for name in ("kills", "resumed", "during_save", "exact")
    } | {"trainings": len(trials), "with_leftovers": sum(bool(trial["leftovers"]) for trial in trials)}  # fmt: skip
    print(json.dumps(summary, indent=1))
    write_results(__file__, "resume-encoder", {"seconds_uninterrupted": seconds, "summary": summary, "trials": trials})


if __name__ == "__main__":
    main()
