"""Pairs of sentences per second in training, compared with the same network, loss and optimizer in PyTorch.

    pip install torch
    python benchmarks/sentences/train_network.py

A step processes B pairs of sentences: forward pass, sums of hidden states, all pairwise cosines divided by a
temperature, symmetric cross-entropy, backward pass, Adam. Both start from the same parameters and see the same batches,
so their losses are equal; ours processes packed sentences, PyTorch's are padded to the longest in the batch. Runs take
turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._common import write_results
from benchmarks.sentences._torch_network import TorchNetwork, padded
from w2v.encoder.model.network import Network, NetworkConfig

TEMPERATURE, LEARNING_RATE, BETAS, EPSILON = 0.05, 1e-3, (0.9, 0.999), 1e-8
V = 50_000
NETWORKS = {
    "one layer": NetworkConfig(300, dim=128, heads=4, layers=1, feed_forward=2.0, positions="learned"),
    "two layers": NetworkConfig(300, dim=128, heads=4, layers=2, feed_forward=2.0, positions="learned"),
    "four layers of 256": NetworkConfig(300, dim=256, heads=4, layers=4, feed_forward=4.0, positions="learned"),
}
Sentences = list[NDArray[np.int64]]
Step = Callable[[Sentences], float]


def contrast(vectors: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
    """Return the symmetric loss of pairs (i, i + B) and the gradient of the vectors, shape (2 B, d)."""
    half = len(vectors) // 2
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / lengths
    scores = units[:half] @ units[half:].T / TEMPERATURE
    dscores = np.zeros_like(scores)
    loss = 0.0
    for axis in (0, 1):
        e = np.exp(scores - scores.max(axis=axis, keepdims=True))
        shares = e / e.sum(axis=axis, keepdims=True)
        loss -= float(np.log(np.diagonal(shares)).mean()) / 2
        dscores += shares / (2 * half)
    dscores[np.arange(half), np.arange(half)] -= 1 / half
    dscores /= TEMPERATURE
    dunits = np.concatenate([dscores @ units[half:], dscores.T @ units[:half]])
    return loss, (dunits - units * (dunits * units).sum(axis=1, keepdims=True)) / lengths


def ours(config: NetworkConfig, parameters: Any, table: NDArray[np.float32], threads: int) -> Step:
    """Return our step."""
    network = Network(config, threads)
    first, second = parameters.zeros_like(), parameters.zeros_like()
    done = 0

    def step(sentences: Sentences) -> float:
        nonlocal done
        done += 1
        offsets = np.concatenate([[0], np.cumsum([len(own) for own in sentences])]).astype(np.int64)
        x = table.take(np.concatenate(sentences), axis=0)
        y, cache = network.forward(parameters, x, offsets)
        loss, dvectors = contrast(np.add.reduceat(y, offsets[:-1]))
        dy = np.repeat(dvectors, np.diff(offsets), axis=0)
        _, gradients = network.backward(parameters, dy, cache)
        for moment, beta, value in ((first, BETAS[0], gradients.flat), (second, BETAS[1], gradients.flat**2)):
            moment.flat *= beta
            moment.flat += (1 - beta) * value
        rate = LEARNING_RATE / (1 - BETAS[0] ** done)
        parameters.flat -= rate * first.flat / (np.sqrt(second.flat / (1 - BETAS[1] ** done)) + EPSILON)
        return loss

    return step


def in_torch(config: NetworkConfig, parameters: Any, table: NDArray[np.float32]) -> Step:
    """Return PyTorch's step."""
    network = TorchNetwork(config, parameters.copy())
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE, BETAS, EPSILON)
    rows = torch.from_numpy(np.concatenate([table, np.zeros((1, table.shape[1]), np.float32)]))

    def step(sentences: Sentences) -> float:
        tokens = torch.from_numpy(padded(sentences, len(table)))
        vectors = network(rows[tokens], tokens != len(table))
        units = torch.nn.functional.normalize(vectors)
        half = len(sentences) // 2
        scores = units[:half] @ units[half:].T / TEMPERATURE
        own = torch.arange(half)
        loss = (torch.nn.functional.cross_entropy(scores, own) + torch.nn.functional.cross_entropy(scores.T, own)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def draw_batch(rng: np.random.Generator, n_pairs: int) -> Sentences:
    """Return sentences with realistic lengths and Zipf-distributed words; paired sentences share words."""
    lengths = np.clip(rng.lognormal(2.7, 0.45, n_pairs), 5, 40).astype(int)
    left = [np.minimum(rng.zipf(1.2, length) - 1, V - 1).astype(np.int64) for length in lengths]
    right = [np.where(rng.random(len(own)) < 0.5, own, rng.integers(0, V, len(own))) for own in left]
    return left + [
        own[: max(5, round(len(own) * share))] for own, share in zip(right, rng.random(n_pairs), strict=True)
    ]


def measure(config: NetworkConfig, n_pairs: int, steps: int, runs: int, threads: int) -> dict[str, Any]:
    """Return pairs per second of both, and the differences of their losses."""
    rng = np.random.default_rng(1)
    table = rng.standard_normal((V, config.input_size), dtype=np.float32) / np.float32(config.input_size**0.5)
    parameters = Network(config).initialise(1)
    batches = [draw_batch(rng, n_pairs) for _ in range(steps)]
    stepper = {"torch": in_torch(config, parameters, table), "ours": ours(config, parameters, table, threads)}
    losses: dict[str, list[float]] = {name: [] for name in stepper}
    seconds: dict[str, list[float]] = {name: [] for name in stepper}
    for run in range(runs + 1):  # the first compiles and warms up
        for name, step in stepper.items():
            start = time.perf_counter()
            losses[name] += [step(batch) for batch in batches]
            if run:
                seconds[name].append(time.perf_counter() - start)
    pairs = steps * n_pairs
    return {
        "config": config.to_dict(),
        "pairs_in_a_step": n_pairs,
        "steps_in_a_run": steps,
        "seconds": seconds,
        "pairs_per_second": {name: pairs / statistics.median(own) for name, own in seconds.items()},
        "median_of_ratios": statistics.median(a / b for a, b in zip(seconds["torch"], seconds["ours"], strict=True)),
        "first_losses": {name: own[:3] for name, own in losses.items()},
        "last_losses": {name: own[-1] for name, own in losses.items()},
    }


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=256, help="pairs per step")
    parser.add_argument("--steps", type=int, default=5, help="steps per run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    results: dict[str, Any] = {"threads": a.threads, "networks": {}, "torch": torch.__version__}
    for name in a.networks:
        result = results["networks"][name] = measure(NETWORKS[name], a.pairs, a.steps, a.runs, a.threads)
        rates = "  ".join(f"{who} {rate:,.0f} pairs/s" for who, rate in result["pairs_per_second"].items())
        print(f"{name:20} {rates}  {result['median_of_ratios']:.2f}x  {result['first_losses']}", flush=True)
    if len(a.networks) == len(NETWORKS):
        write_results(__file__, "train-network", results)


if __name__ == "__main__":
    main()
