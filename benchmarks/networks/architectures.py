r"""Attention, convolutions and recurrent layers as translators, compared on the same pairs and batches at equal size.

    python benchmarks/networks/architectures.py --train T.de.gz T.en.gz --validation V.de.gz V.en.gz \
        --test X.de.gz X.en.gz

Three have cross-attention; the fourth is the recurrent one with a decoder that sees only one vector per source. Their
numbers of parameters are within a tenth of that of attention (their feed-forward networks are narrower), and the seed
determines the vocabulary and every batch. BLEU is that of sacrebleu, also by sentence length. `--pairs N` uses only the
first pairs, for a quick check.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results
from w2v import Translator
from w2v.corpora.parallel import Pairs, read_pairs
from w2v.neural.configs import TranslatorConfig
from w2v.neural.names import MIXERS
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.text.bleu import bleu

LENGTHS = (0, 8, 11, 14, 18, 1 << 20)
"""Lengths of sources in words; each range is also measured separately."""
NETWORKS = {**{mixer: (mixer, "states") for mixer in MIXERS}, "recurrent, one vector": ("recurrent", "mean")}
"""The variants: the mixer, and what the decoder sees of a source."""
MOST = 1.1
"""Number of parameters, relative to attention."""


def n_parameters(mixer: str, options: argparse.Namespace, feed_forward: int) -> int:
    """Return the number of parameters of a translator."""
    shape: dict[str, Any] = {"dim": options.dim, "heads": 4, "layers": options.layers, "d_ff": feed_forward}
    encoder = StackConfig(**shape, mixer=mixer, positions="none")
    decoder = StackConfig(**shape, mixer=mixer, positions="none", causal=True, memory_size=options.dim)
    size = options.vocabulary_size
    return sum(int(np.prod(one.shape)) for one in TranslatorConfig(size, size, encoder, decoder).tensors().values())


def feed_forward_of(mixer: str, options: argparse.Namespace) -> int:
    """Return the largest width of the feed-forward network, at most 2 dim, within the limit of parameters."""
    most = MOST * n_parameters("attention", options, 2 * options.dim)
    return max(n for n in range(8, 2 * options.dim + 1, 8) if n_parameters(mixer, options, n) <= most)


def by_length(found: list[str], pairs: Pairs) -> dict[str, Any]:
    """Return BLEU and the number of sentences for each range of lengths."""
    lengths, results = np.array([len(source.split()) for source in pairs.sources]), {}
    for low, high in pairwise(LENGTHS):
        rows = np.flatnonzero((lengths >= low) & (lengths < high)).tolist()
        if rows:
            score = bleu([found[row] for row in rows], [pairs.targets[row] for row in rows]).score
            results[f"{low}-{high - 1}" if high < LENGTHS[-1] else f"{low} or more"] = {
                "sentences": len(rows),
                "bleu": round(score, 2),
            }
    return results


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train one translator and return its results."""
    mixer, memory = NETWORKS[name]
    trained, held_out, test = (read_pairs(files) for files in (options.train, options.validation, options.test))
    if options.pairs:
        trained, held_out, test = (one.take(range(min(len(one), options.pairs))) for one in (trained, held_out, test))
    feed_forward = feed_forward_of(mixer, options)
    translator = Translator(
        architecture=mixer, layers=options.layers, dim=options.dim, vocabulary_size=options.vocabulary_size,
        feed_forward=feed_forward / options.dim, memory=memory, epochs=options.epochs, workers=options.workers,
        random_state=options.seed,
    )  # fmt: skip
    translator.fit(trained, validation=held_out)
    network, history = translator.network_, translator.history_
    tokens = len(network.units["target"].encode(trained.targets)[0]) + len(trained)
    result: dict[str, Any] = {
        "network": name,
        "parameters": network.parameters.n_parameters,
        "feed_forward": feed_forward,
        "steps": history[-1]["step"],
        "seconds": round(history[-1]["seconds"], 1),
        "tokens_per_second": round(tokens * options.epochs / history[-1]["seconds"]),
        "held_out_perplexity": round(float(np.exp(min(entry["held_out_loss"] for entry in history))), 3),
    }
    for search, beam in (("greedy", 1), ("beam 5", 5)):
        start = time.perf_counter()
        found = translator.translate(test.sources, beam=beam, workers=options.workers)
        seconds = time.perf_counter() - start
        made = len(network.units["target"].encode(found)[0]) + len(found)
        score = bleu(found, test.targets)
        result[search] = {
            "bleu": round(score.score, 2),
            "signature": score.signature,
            "tokens_per_second": round(made / seconds),
            "by_length": by_length(found, test),
        }
    return result


def main() -> None:
    """Measure every network in a separate process, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("train", "validation", "test"):
        parser.add_argument(f"--{name}", nargs=2, required=True, metavar=("SOURCE", "TARGET"))
    for name, default in (("layers", 4), ("dim", 128), ("vocabulary-size", 8000), ("epochs", 25), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pairs", type=int, help="take the first N pairs of every file, and write no results")
    parser.add_argument("--network", choices=NETWORKS, help="print the results of this one only")
    options = parser.parse_args()
    if options.network:
        print(json.dumps(measure(options.network, options)))
        return
    results = []
    for name in NETWORKS:
        results.append(run_python(Path(__file__), *sys.argv[1:], "--network", name))
        print(json.dumps(results[-1], indent=1))
    if not options.pairs:
        shown = {name: value for name, value in vars(options).items() if name not in ("network", "pairs")}
        shown |= {name: [Path(file).name for file in shown[name]] for name in ("train", "validation", "test")}
        write_results(__file__, "networks", {"options": shown, "networks": results})


if __name__ == "__main__":
    main()
