"""Sentences per second of the static encoder, compared with model2vec on the same table.

    pip install '.[bench]'
    python benchmarks/sentences/encode_static.py my.model sentences.txt --runs 5

The encoder is exported as a static-embedding folder, with weights folded into the table, which model2vec opens. Both
get the same list of sentences and return unit vectors; the largest difference between them is shown. Runs take turns in
one process. model2vec's tokenizer may use its own threads, as by default, and is timed on the first part of the
sentences, since it is slower. Loading and compiling are not timed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v.encoder import SentenceEncoder

SAME_TO = 1e-5


def open_model2vec(encoder: SentenceEncoder, folder: Path) -> Any:
    """Return the same table, with weights folded in, as a model2vec model."""
    from model2vec import StaticModel

    encoder.export(folder, format="model2vec")
    return StaticModel.from_pretrained(folder)


def rate(encode: Any, sentences: list[str]) -> float:
    """Return sentences per second."""
    start = time.perf_counter()
    encode(sentences)
    return len(sentences) / (time.perf_counter() - start)


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("sentences")
    parser.add_argument("--limit", type=int, default=200_000)
    parser.add_argument("--slow-limit", type=int, default=20_000, help="number of sentences for model2vec")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    a = parser.parse_args()
    with open(a.sentences, encoding="utf-8") as file:
        sentences = [line.rstrip("\n") for line, _ in zip(file, range(a.limit), strict=False)]
    few = sentences[: a.slow_limit]
    encoder = SentenceEncoder.load(a.model)
    encoder.set_params(workers=a.workers)
    one = SentenceEncoder.load(a.model)
    one.set_params(workers=1)
    with tempfile.TemporaryDirectory() as folder:
        model = open_model2vec(encoder, Path(folder) / "static")
        difference = float(np.abs(encoder.encode(few) - model.encode(few)).max())
        if difference > SAME_TO:
            raise SystemExit(f"the vectors differ by {difference}")
        ours, single, theirs = [], [], []
        one.encode(few)
        for _ in range(a.runs):
            ours.append(rate(encoder.encode, sentences))
            single.append(rate(one.encode, sentences))
            theirs.append(rate(model.encode, few))
    ratio = statistics.median(x / y for x, y in zip(ours, theirs, strict=True))
    print(f"w2v {statistics.median(ours):,.0f}/s ({a.workers} threads), {statistics.median(single):,.0f}/s (1 thread)")
    print(f"model2vec {statistics.median(theirs):,.0f}/s, {ratio:.1f}x slower; largest difference {difference:.1e}")
    write_results(
        __file__, "encode-static",
        {"sentences": len(sentences), "words_each": statistics.mean(len(s.split()) for s in few),
         "dimension": encoder.dimension, "workers": a.workers, "largest_difference": difference,
         "w2v_sentences_per_second": statistics.median(ours), "w2v_one_thread": statistics.median(single),
         "model2vec_sentences_per_second": statistics.median(theirs), "median_of_ratios": ratio,
         "runs": {"w2v": ours, "w2v_one_thread": single, "model2vec": theirs}},
    )  # fmt: skip


if __name__ == "__main__":
    main()
