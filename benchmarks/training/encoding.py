"""From text to vocabulary and ids, compared with gensim's `build_vocab`, which only builds the vocabulary.

    python benchmarks/training/encoding.py corpus.txt --runs 5

Interleaved in one process; loading our compiled code, once per process, is reported separately.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from gensim.models import Word2Vec

from benchmarks._common import write_results
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import WhitespaceTokenizer
from w2v.encoding.stream import WorkFolder, encode_corpus


def encode(path: str, workers: int) -> float:
    """Return the seconds it takes us."""
    start = time.perf_counter()
    with WorkFolder() as folder:
        encode_corpus(TextReader(path), WhitespaceTokenizer(), workers=workers, work_folder=folder)
    return time.perf_counter() - start


def build_vocabulary(path: str, workers: int) -> float:
    """Return the seconds it takes gensim."""
    model = Word2Vec(workers=workers)
    start = time.perf_counter()
    model.build_vocab(corpus_file=path)
    return time.perf_counter() - start


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    a = parser.parse_args()
    first = encode(a.corpus, a.workers)
    runs = [(encode(a.corpus, a.workers), build_vocabulary(a.corpus, a.workers)) for _ in range(a.runs)]
    ours, theirs = (statistics.median(times) for times in zip(*runs, strict=True))
    ratio = statistics.median(gensim / w2v for w2v, gensim in runs)
    print(f"w2v {ours:.3f} s (first call {first:.3f} s)  gensim {theirs:.3f} s  {ratio:.1f}x")
    write_results(
        __file__, "encoding",
        {"corpus_bytes": Path(a.corpus).stat().st_size, "workers": a.workers, "first_call": first,
         "w2v_seconds": ours, "gensim_seconds": theirs, "median_of_ratios": ratio, "runs": runs},
    )  # fmt: skip


if __name__ == "__main__":
    main()
