"""A translator's training step and the same network's in PyTorch: tokens per second, equal batches, Adam in both.

    python benchmarks/networks/train_translator.py --threads 2

4 + 4 blocks of width 128, 8,000 tokens with tied embeddings, dropout 0.3, label smoothing 0.1, batches of about 4,096
target tokens. The targets of a batch have equal length, so PyTorch only pads sources, by a few tokens. The two take
turns, each in a separate process. Needs torch.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import median, run_python, write_results
from w2v.neural.configs import TranslatorConfig
from w2v.neural.models import Batch, Regularisation
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.trainable import LearningOptions, Trainable

SIZE, DIM, LAYERS, HEADS, TOKENS = 8000, 128, 4, 4, 4096
WARM, STEPS, ROUNDS = 3, 12, 3
Pairs = tuple[list[NDArray[np.int64]], NDArray[np.int64]]


def batches() -> list[Pairs]:
    """Return sources and targets of every step."""
    rng, found = np.random.default_rng(0), []
    for _ in range(WARM + STEPS):
        length = int(rng.integers(8, 20))
        n = TOKENS // (length + 1)
        sources = [rng.integers(3, SIZE, int(own)) for own in rng.integers(length - 2, length + 4, size=n)]
        found.append((sources, rng.integers(3, SIZE, (n, length))))
    return found


def ours(threads: int) -> Callable[[int], object]:
    """Return a function that runs a training step of ours."""
    stack: dict[str, Any] = {"positions": "sinusoidal", "activation": "relu"}
    encoder = StackConfig(DIM, HEADS, LAYERS, 2 * DIM, **stack)
    decoder = StackConfig(DIM, HEADS, LAYERS, 2 * DIM, causal=True, memory_size=DIM, **stack)
    config = TranslatorConfig(SIZE, SIZE, encoder, decoder)
    every = [Batch.of(Packed.of(list(targets)), Packed.of(sources)) for sources, targets in batches()]
    options = LearningOptions(optimizer="adam", regularisation=Regularisation(0.3, 0.1), workers=threads)
    model = Trainable(config, ParameterTable.initialise(config.tensors(), 1), every.__getitem__, every[0], options)

    def step(number: int) -> None:
        model.accumulate(number)
        model.update(1.0)

    return step


def torchs(threads: int) -> Callable[[int], object]:
    """Return a function that runs a training step in PyTorch."""
    import torch
    from torch import nn

    from benchmarks.sentences._torch_network import padded

    torch.set_num_threads(threads)
    table, bias = nn.Embedding(SIZE, DIM), nn.Parameter(torch.zeros(SIZE))
    nn.init.normal_(table.weight, 0, DIM**-0.5)
    network = nn.Transformer(
        DIM, HEADS, LAYERS, LAYERS, 2 * DIM, dropout=0.3, activation="relu", batch_first=True, norm_first=True
    )
    place, column = torch.arange(64)[:, None], torch.arange(DIM)
    angles = place * 10000 ** (-(column // 2 * 2) / DIM)
    positions, drop = torch.where(column % 2 == 0, angles.sin(), angles.cos()), nn.Dropout(0.3)
    parameters = [*table.parameters(), bias, *network.parameters()]
    adam = torch.optim.Adam(parameters, 1e-3, betas=(0.9, 0.98))
    loss_of, every = nn.CrossEntropyLoss(label_smoothing=0.1), batches()

    def embed(ids: Any) -> Any:
        return drop(table(ids) * math.sqrt(DIM) + positions[: ids.shape[1]])

    def step(number: int) -> None:
        sources, targets = every[number]
        source = torch.from_numpy(padded(sources, 0))
        inputs, wanted = (
            torch.from_numpy(np.insert(targets, at, border, axis=1)) for at, border in ((0, 1), (targets.shape[1], 2))
        )
        adam.zero_grad()
        hidden = network(
            embed(source), embed(inputs), tgt_mask=nn.Transformer.generate_square_subsequent_mask(inputs.shape[1]),
            tgt_is_causal=True, src_key_padding_mask=source == 0, memory_key_padding_mask=source == 0,
        )  # fmt: skip
        logits = nn.functional.linear(hidden, table.weight, bias)
        loss_of(logits.reshape(-1, SIZE), wanted.reshape(-1)).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()

    return step


def measure(step: Callable[[int], object]) -> dict[str, float]:
    """Return the cost of steps."""
    for number in range(WARM):
        step(number)
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(WARM, WARM + STEPS):
        step(number)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    tokens = sum(targets.size + len(targets) for _, targets in batches()[WARM:])
    return {
        "cpu_seconds_a_step": round(cpu / STEPS, 4),
        "tokens_per_second": round(tokens / wall),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Run both in turns, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", choices=("ours", "torch"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure((ours if given.one == "ours" else torchs)(given.threads))))
        return
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "torch": []}
    for _ in range(ROUNDS):
        for name, found in runs.items():
            found.append(run_python(Path(__file__), "--threads", str(given.threads), "--one", name))
    ratio = median(runs["ours"], "tokens_per_second") / median(runs["torch"], "tokens_per_second")
    write_results(__file__, "train-translator", {"threads": given.threads, "times_as_fast": round(ratio, 2), **runs})


if __name__ == "__main__":
    main()
