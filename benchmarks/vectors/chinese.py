"""Chinese: speed of the tokenizers, their agreement with jieba, and the gain from simplifying characters.

    pip install jieba opencc rjieba
    python benchmarks/vectors/chinese.py zhwiki.txt semantic.txt morphological.txt

Text is converted to ids with each built-in tokenizer and, for comparison, with the Python package jieba as a callable.
Then skip-gram is trained on the original and on the simplified text, and evaluated on analogies.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jieba
import opencc

from benchmarks._common import write_results
from w2v import Word2Vec
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import CallableTokenizer, CharactersTokenizer, JiebaTokenizer, Tokenizer, WordsTokenizer
from w2v.corpora.tokenizers.characters import chinese_pattern
from w2v.encoding.stream import WorkFolder, encode_corpus
from w2v.evaluation import evaluate_analogies


def encode(path: Path, tokenizer: Tokenizer, workers: int) -> float:
    """Return the seconds from the file to ids."""
    start = time.perf_counter()
    with WorkFolder() as folder:
        encode_corpus(TextReader(path), tokenizer, workers=workers, work_folder=folder)
    return time.perf_counter() - start


def compare_with_jieba(path: Path) -> dict[str, int]:
    """Return the number of runs of Chinese characters, and how many of them are split differently from jieba."""
    divide = JiebaTokenizer().divide
    runs = chinese_pattern().findall(path.read_text(encoding="utf-8"))
    return {"runs": len(runs), "different": sum(divide(run).split() != jieba.lcut(run) for run in runs)}


def answer(path: Path, questions: list[str], parameters: dict[str, Any], seeds: int) -> dict[str, Any]:
    """Return correct answers, as means over seeds, and the number of questions."""
    results: dict[str, Any] = {}
    for seed in range(1, seeds + 1):
        model = Word2Vec(**parameters, tokenizer="jieba", random_state=seed).fit(path)
        for file in questions:
            total = evaluate_analogies(model.embeddings_, file).total
            entry = results.setdefault(
                Path(file).stem, {"asked": total.total, "coverage": total.coverage, "correct": []}
            )
            entry["correct"].append(total.correct)
    for entry in results.values():
        entry["accuracy"] = statistics.mean(entry["correct"]) / entry["asked"]
    return results


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    a = parser.parse_args()
    jieba.setLogLevel(60)
    with tempfile.TemporaryDirectory() as folder:
        jieba.dt.tmp_dir = folder  # its cache, loaded before timing starts
        jieba.initialize()
        simplified = Path(folder) / "simplified.txt"
        text = a.corpus.read_text(encoding="utf-8")
        simplified.write_text(opencc.OpenCC("t2s").convert(text), encoding="utf-8")
        tokenizers: dict[str, Tokenizer] = {
            "words": WordsTokenizer(),
            "characters": CharactersTokenizer(),
            "jieba": JiebaTokenizer(),
            "jieba in Python": CallableTokenizer(jieba.lcut),
        }
        for tokenizer in list(tokenizers.values())[:3]:
            encode(simplified, tokenizer, a.workers)  # compiles
        seconds: dict[str, list[float]] = {name: [] for name in tokenizers}
        for _ in range(a.runs):
            for name, tokenizer in tokenizers.items():
                seconds[name].append(encode(simplified, tokenizer, a.workers))
        parameters = {"window": 10, "epochs": 15, "workers": a.workers}
        results = {
            "characters": len(text),
            "workers": a.workers,
            "seconds": seconds,
            "median_of_ratios": statistics.median(
                slow / fast for slow, fast in zip(seconds["jieba in Python"], seconds["jieba"], strict=True)
            ),
            "agreement": compare_with_jieba(a.corpus),
            "parameters": parameters,
            "analogies": {
                "as it is": answer(a.corpus, a.questions, parameters, a.seeds),
                "simplified": answer(simplified, a.questions, parameters, a.seeds),
            },
        }
    for name, times in seconds.items():
        print(f"{name:16} {statistics.median(times):7.2f} s")
    print(results["agreement"], results["analogies"])
    write_results(__file__, "chinese", results)


if __name__ == "__main__":
    main()
