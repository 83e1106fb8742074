"""Finding phrases, and joining them in the text, compared with gensim's `Phrases`; interleaved runs, each a process.

    python benchmarks/training/phrases.py corpus.txt --runs 3

The corpus has one sentence per line, with words separated by spaces (`python benchmarks/training/tokenise.py TEXT
corpus.txt`). Both read that file, find the phrases with the default score, and write the text with joined phrases.
gensim has no threads; ours is measured with one thread and with --workers. Our first run, which compiles, is not
counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import median, run_python, write_results

TOP = 1000


def find_here(a: argparse.Namespace) -> tuple[dict[str, float], dict[str, float]]:
    """Return the phrases found here, and our times."""
    from w2v.phrases.estimator import Phrases, join_corpus

    phrases = Phrases(tokenizer="whitespace", workers=a.workers, min_count=a.min_count, threshold=a.threshold)
    start = time.perf_counter()
    phrases.fit(Path(a.corpus))
    found = time.perf_counter()
    join_corpus(Path(a.corpus), phrases.phrase_list_, a.output, tokenizer="whitespace", workers=a.workers)
    return phrases.phrases_, {"find_seconds": found - start, "join_seconds": time.perf_counter() - found}


def find_gensim(a: argparse.Namespace) -> tuple[dict[str, float], dict[str, float]]:
    """Return the phrases found by gensim, and its times; `FrozenPhrases` joins, as its documentation recommends."""
    from gensim.models.phrases import Phrases
    from gensim.models.word2vec import LineSentence

    start = time.perf_counter()
    phrases = Phrases(LineSentence(a.corpus), min_count=a.min_count, threshold=a.threshold).freeze()
    found = time.perf_counter()
    with open(a.output, "w", encoding="utf-8") as file:
        file.writelines(" ".join(sentence) + "\n" for sentence in phrases[LineSentence(a.corpus)])
    return phrases.phrasegrams, {"find_seconds": found - start, "join_seconds": time.perf_counter() - found}


def best(phrases: dict[str, float]) -> tuple[set[str], set[str]]:
    """Return the phrases that score above rank TOP, and those that tie with it."""
    last = sorted(phrases.values(), reverse=True)[: min(TOP, len(phrases))][-1]
    above = {phrase for phrase, score in phrases.items() if score > last}
    return above, {phrase for phrase, score in phrases.items() if score == last}


def main() -> None:
    """Run, check, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--threshold", type=float, default=10.0)
    parser.add_argument("--once", choices=["w2v", "gensim"], help="one run, used by this script itself")
    parser.add_argument("--output", help="for --once: file of the joined text; the phrases are written next to it")
    a = parser.parse_args()
    if a.once:
        phrases, times = find_here(a) if a.once == "w2v" else find_gensim(a)
        Path(a.output + ".json").write_text(json.dumps(phrases))
        print(json.dumps(times))
        return
    options = ["--min-count", str(a.min_count), "--threshold", str(a.threshold)]
    programs = {
        "w2v": ["--once", "w2v", "--workers", str(a.workers)],
        "w2v_one_thread": ["--once", "w2v", "--workers", "1"],
        "gensim": ["--once", "gensim"],
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        run_python(Path(__file__), a.corpus, *programs["w2v"], *options, "--output", f"{folder}/first")
        for number in range(a.runs):
            for name, which in programs.items():
                output = f"{folder}/{name}{number}"
                runs[name].append(run_python(Path(__file__), a.corpus, *which, *options, "--output", output))
                figures = {key: round(value, 3) for key, value in runs[name][-1].items()}
                print(name, figures, file=sys.stderr, flush=True)
        found = {name: json.loads(Path(f"{folder}/{name}0.json").read_text()) for name in programs}
        texts = {Path(f"{folder}/{name}0").read_bytes() for name in programs}
    assert best(found["w2v"]) == best(found["gensim"]), "the best phrases differ"
    assert found["w2v"] == found["w2v_one_thread"] == found["gensim"], "the phrases or their scores differ"
    figures = ("find_seconds", "join_seconds", "process_seconds", "peak_mb")
    medians = {name: {figure: median(done, figure) for figure in figures} for name, done in runs.items()}
    ratios = {
        name: {
            figure: statistics.median(g[figure] / w[figure] for w, g in zip(runs[name], runs["gensim"], strict=True))
            for figure in figures
        }
        for name in ("w2v", "w2v_one_thread")
    }
    for figure in figures:
        line = "  ".join(f"{name} {medians[name][figure]:9.2f}" for name in programs)
        print(f"{figure:16} {line}  {ratios['w2v'][figure]:6.1f}x {ratios['w2v_one_thread'][figure]:6.1f}x")
    write_results(
        __file__, "phrases",
        {"parameters": {"min_count": a.min_count, "threshold": a.threshold, "workers": a.workers},
         "corpus": {"bytes": Path(a.corpus).stat().st_size}, "n_phrases": len(found["w2v"]),
         "same_best": TOP, "same_phrases_and_scores": True, "same_joined_text": len(texts) == 1,
         "medians": medians, "median_of_ratios": ratios, "runs": runs},
    )  # fmt: skip


if __name__ == "__main__":
    main()
