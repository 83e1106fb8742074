"""Sentences per second of a network with attention, compared with the same weights in PyTorch and ONNX Runtime.

    pip install torch onnx onnxscript onnxruntime
    python benchmarks/sentences/encode_attention.py --text simplewiki.txt

Networks: small ones as trained by `w2v fit-encoder --architecture attention`, and one with the size and architecture of
MiniLM-L6 (post-norm, six layers of width 384). All start from token ids and return one vector per sentence. The others
get batches of sentences of similar length, padded to the longest, at the best batch size of each; runs take turns.
One-time costs are not timed: reading a graph, packing matrices, and projecting all words of the table to the width of
the network, whose time is reported separately.
"""

from __future__ import annotations

import argparse
import io
import re
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from benchmarks._common import write_results
from benchmarks.sentences._torch_network import FromTokens, TorchNetwork, padded
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.neural.fused_inference import FusedNetwork

NETWORKS = {
    "small": NetworkConfig(300, dim=128, heads=4, layers=1, feed_forward=2.0, positions="learned"),
    "two layers": NetworkConfig(300, dim=128, heads=4, layers=2, feed_forward=2.0, positions="learned"),
    "MiniLM-L6": NetworkConfig(
        384, dim=384, heads=12, layers=6, feed_forward=4.0, norm="post", positions="learned", head="none", epsilon=1e-12
    ),
}
V = 50_000
Encode = Callable[[list[NDArray[np.int64]]], NDArray[np.float32]]


def read_lengths(path: Path | None, n: int) -> list[int]:
    """Return the lengths of real sentences, or, without a text, random lengths with a similar distribution."""
    if path is None:
        return np.clip(np.random.default_rng(1).lognormal(2.7, 0.5, n), 3, 80).astype(int).tolist()
    lengths: list[int] = []
    for line in path.open(encoding="utf-8"):
        lengths += [len(sentence.split()) for sentence in re.split(r"(?<=[.!?])\s+", line.strip())]
        if len(lengths) > 10 * n:
            break
    return [length for length in lengths if 3 <= length <= 128][:n]


def ours(ready: FusedNetwork, table: NDArray[np.float32], threads: int, batch_size: int) -> Encode:
    """Return our encoder: batches in the original order, without padding."""
    gains = np.ones(len(table), np.float32)
    projected = ready.project(table, gains)

    def encode(tokens: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        def work(first: int) -> NDArray[np.float32]:
            own = tokens[first : first + batch_size]
            offsets = np.concatenate([[0], np.cumsum([len(sentence) for sentence in own])]).astype(np.int64)
            return ready.table_sums(np.concatenate(own).astype(np.int32), offsets, gains, table, projected)

        with ThreadPoolExecutor(threads) as pool:
            return np.concatenate(list(pool.map(work, range(0, len(tokens), batch_size))))

    return encode


def theirs(run: Callable[[NDArray[np.int64]], NDArray[np.float32]], batch_size: int) -> Encode:
    """Return an encoder of padded batches of sentences of similar length."""

    def encode(tokens: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        parts = [
            run(padded([tokens[i] for i in order[first : first + batch_size]], V))
            for first in range(0, len(tokens), batch_size)
        ]
        vectors = np.concatenate(parts)
        result = np.empty_like(vectors)
        result[order] = vectors
        return result

    return encode


def in_torch(module: FromTokens) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Return a function that runs the module."""

    def run(batch: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            vectors: NDArray[np.float32] = module(torch.from_numpy(batch)).numpy()
            return vectors

    return run


def in_onnx(module: FromTokens, threads: int) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Return a function that runs the module in ONNX Runtime, with all optimisations."""
    sample = torch.from_numpy(np.array([[1, 2, 3, 4], [1, 2, V, V]]))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = str(Path(folder) / "network.onnx")
        sizes = {0: torch.export.Dim("sentences", min=1), 1: torch.export.Dim("length", min=2, max=500)}
        sys.stdout, before = io.StringIO(), sys.stdout
        try:
            torch.onnx.export(module, (sample,), path, dynamo=True, dynamic_shapes=(sizes,), verbose=False)
        finally:
            sys.stdout = before
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: NDArray[np.int64]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = session.run(None, {name: batch})[0]
        return vectors

    return run


def best_batch(run: Any, tokens: list[NDArray[np.int64]], sizes: tuple[int, ...]) -> int:
    """Return the fastest batch size of a library."""
    seconds = {}
    for size in sizes:
        encode = theirs(run, size)
        encode(tokens[:size])
        start = time.perf_counter()
        encode(tokens)
        seconds[size] = time.perf_counter() - start
    return min(seconds, key=lambda size: seconds[size])


def measure(config: NetworkConfig, lengths: list[int], threads: int, runs: int) -> dict[str, Any]:
    """Return sentences per second of all three, and the differences of their results."""
    rng = np.random.default_rng(1)
    network = Network(config, threads)
    parameters = network.initialise(1)
    for array in parameters.values():  # away from the initial state, in which the branch adds nothing
        array += np.float32(0.02) * rng.standard_normal(array.shape, dtype=np.float32)
    table = rng.standard_normal((V, config.input_size), dtype=np.float32) / np.float32(config.input_size**0.5)
    ranks = np.minimum(rng.zipf(1.2, sum(lengths)) - 1, V - 1)
    tokens = [own.astype(np.int64) for own in np.split(ranks, np.cumsum(lengths)[:-1])]
    module = FromTokens(TorchNetwork(config, parameters), table).eval()
    runners = {"torch": in_torch(module), "ONNX Runtime": in_onnx(module, threads)}
    few = tokens[: len(tokens) // 4]
    batches = {name: best_batch(run, few, (16, 32, 64, 128, 256)) for name, run in runners.items()}
    ready = FusedNetwork(config.stack, parameters)
    start = time.perf_counter()
    ready.project(table)
    projecting = time.perf_counter() - start
    encoders = {"ours": ours(ready, table, threads, 256)}
    encoders |= {name: theirs(run, batches[name]) for name, run in runners.items()}
    vectors = {name: encode(tokens) for name, encode in encoders.items()}
    scale = float(np.abs(vectors["ours"]).max())
    differences = {name: float(np.abs(vectors[name] - vectors["ours"]).max()) / scale for name in runners}
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(runs):
        for name, encode in encoders.items():
            start = time.perf_counter()
            encode(tokens)
            seconds[name].append(time.perf_counter() - start)
    return {
        "config": config.to_dict(),
        "sentences": len(tokens),
        "tokens": sum(lengths),
        "batch_sizes": batches,
        "words_of_the_table": V,
        "seconds_to_map_the_table": projecting,
        "largest_relative_difference": differences,
        "seconds": seconds,
        "sentences_per_second": {name: len(tokens) / statistics.median(own) for name, own in seconds.items()},
        "median_of_ratios": {
            name: statistics.median(a / b for a, b in zip(seconds[name], seconds["ours"], strict=True))
            for name in runners
        },
    }


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    results: dict[str, Any] = {"threads": a.threads, "networks": {}}
    for name in a.networks:
        n = a.sentences if NETWORKS[name].dim < 256 else a.sentences // 10
        result = results["networks"][name] = measure(NETWORKS[name], read_lengths(a.text, n), a.threads, a.runs)
        rates = "  ".join(f"{who} {rate:,.0f}/s" for who, rate in result["sentences_per_second"].items())
        ratios = "  ".join(f"{ratio:.2f}x {who}" for who, ratio in result["median_of_ratios"].items())
        print(f"{name:12} {rates}  = {ratios}  {result['largest_relative_difference']}", flush=True)
    results["versions"] = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    if len(a.networks) == len(NETWORKS):
        write_results(__file__, "encode-attention", results)


if __name__ == "__main__":
    main()
