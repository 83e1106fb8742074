r"""Training with subwords, compared with gensim's and Facebook's fastText: speed, analogies, rare and unseen words.

    python benchmarks/training/subwords.py corpus.txt --analogies questions-words.txt --pairs EN-SIMLEX-999.txt \
        --epochs 5

CORPUS is tokenised. All three train on a copy of it without most occurrences of the words in the pairs files: the first
half of these words (by name) keeps eight occurrences each, the others none. So the pairs measure rare and unseen words,
which depend on n-grams; analogies are not affected unless they contain these words. All have the same parameters and
threads, and a process each. fastText's training time is that of its training call minus that of reading, measured by a
training of no epochs, which its process time includes as well.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import median, run_python, write_results

PROGRAMS = ("w2v", "gensim", "fasttext")
MIN_COUNT, RARE, BUCKETS, ALPHA = 5, 8, 2_000_000, 0.025


def words_of_pairs(paths: list[str], keep: set[str]) -> list[str]:
    """Return the words in the pairs files that are not in `keep`, sorted."""
    words = set()
    for path in paths:
        for line in Path(path).read_text().splitlines():
            words.update(field.lower() for field in re.split(r"[\t,; ]", line)[:2] if field.isalpha())
    return sorted(words - keep)


def thin(corpus: str, path: Path, rare: set[str], unseen: set[str]) -> None:
    """Copy the corpus with RARE occurrences of each rare word, evenly spaced, and none of the unseen ones."""
    counts = dict.fromkeys(rare, 0)
    with open(corpus, encoding="utf-8") as lines:
        for line in lines:
            for word in line.split():
                if word in counts:
                    counts[word] += 1
    seen = dict.fromkeys(rare, 0)
    with open(corpus, encoding="utf-8") as lines, path.open("w", encoding="utf-8") as out:
        for line in lines:
            kept = []
            for word in line.split():
                if word in seen:
                    seen[word] += 1
                    step = max(1, counts[word] // RARE)
                    if seen[word] % step or seen[word] // step > RARE:
                        continue
                elif word in unseen:
                    continue
                kept.append(word)
            out.write(" ".join(kept) + "\n")


def train(program: str, corpus: str, output: str, algorithm: str, epochs: int, seed: int) -> dict[str, float]:
    """Train in this process and save files for `evaluate`."""
    if program == "w2v":
        from w2v import Word2Vec

        model = Word2Vec(
            algorithm, subwords=True, buckets=BUCKETS, epochs=epochs, workers=2, random_state=seed,
            tokenizer="whitespace", alpha=ALPHA if algorithm == "skipgram" else None,
        )  # fmt: skip
        model.fit(Path(corpus))
        model.save(output, overwrite=True)
        return {"training_seconds": model.history_[-1]["seconds"]}
    if program == "gensim":
        from gensim.models import FastText

        other = FastText(
            sg=int(algorithm == "skipgram"), bucket=BUCKETS, epochs=epochs, workers=2, seed=seed, alpha=ALPHA
        )
        other.build_vocab(corpus_file=corpus)
        start = time.perf_counter()
        other.train(
            corpus_file=corpus, total_examples=other.corpus_count, total_words=other.corpus_total_words, epochs=epochs
        )
        seconds = time.perf_counter() - start
        other.wv.save(output)
        return {"training_seconds": seconds}
    import fasttext

    options: dict[str, Any] = {
        "model": algorithm, "dim": 100, "ws": 5, "neg": 5, "minCount": MIN_COUNT, "minn": 3, "maxn": 6,
        "bucket": BUCKETS, "thread": 2, "lr": ALPHA, "t": 1e-3, "verbose": 0,
    }  # fmt: skip
    start = time.perf_counter()
    fasttext.train_unsupervised(corpus, **options, epoch=0)
    middle = time.perf_counter()
    fast = fasttext.train_unsupervised(corpus, **options, epoch=epochs)
    end = time.perf_counter()
    fast.save_model(output)
    return {"training_seconds": end - middle - (middle - start)}


def evaluate(program: str, path: str, analogies: str, pairs: list[str], rare: set[str]) -> dict[str, float]:
    """Return the accuracy on analogies, and Spearman's rho on pairs with two rare words, or with an unseen one."""
    from scipy.stats import spearmanr

    from w2v import Embeddings
    from w2v.evaluation import evaluate_analogies

    if program == "w2v":
        embeddings = Embeddings.load(path)
        vector_of = embeddings.__getitem__
    elif program == "gensim":
        from gensim.models.fasttext import FastTextKeyedVectors

        loaded = FastTextKeyedVectors.load(path)
        vector_of = loaded.get_vector
        embeddings = Embeddings(loaded.index_to_key, loaded.vectors)
    else:
        import fasttext

        fast = fasttext.load_model(path)
        vector_of = fast.get_word_vector
        words = [word for word in fast.get_words() if word != "</s>"]
        embeddings = Embeddings(words, np.array([fast.get_word_vector(word) for word in words]))
    result = {"analogies": evaluate_analogies(embeddings, analogies, restrict_vocab=30_000).total.accuracy}
    for kind in ("rare", "unseen"):
        for file in pairs:
            scores, human = [], []
            for line in Path(file).read_text().splitlines():
                fields = re.split(r"[\t,; ]", line)
                if not (fields[0].isalpha() and fields[1].isalpha()):
                    continue
                a, b = fields[0].lower(), fields[1].lower()
                if ((a in rare and b in rare) if kind == "rare" else not (a in rare and b in rare)) is False:
                    continue
                try:
                    x, y = vector_of(a), vector_of(b)
                    human.append(float(fields[2]))
                except (KeyError, ValueError):
                    continue
                scores.append(float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y) + 1e-9)))
            result[f"{kind} {Path(file).stem}"] = float(spearmanr(scores, human).statistic)
    return result


def main() -> None:
    """Run, print, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--analogies")
    parser.add_argument("--pairs", action="append", default=[])
    parser.add_argument("--algorithm", default="skipgram")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--name", default="subwords")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.child:
        program, output, seed = a.child
        print(json.dumps(train(program, a.corpus, output, a.algorithm, a.epochs, int(seed))))
        return
    asked = {word.lower() for line in Path(a.analogies).read_text().splitlines() for word in line.split()}
    words = words_of_pairs(a.pairs, asked)
    rare, unseen = set(words[: len(words) // 2]), set(words[len(words) // 2 :])
    runs: dict[str, list[dict[str, Any]]] = {program: [] for program in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus.txt")
        thin(a.corpus, corpus, rare, unseen)
        options = [str(corpus), "--algorithm", a.algorithm]
        run_python(Path(__file__), *options, "--epochs", "1", "--child", "w2v", str(Path(folder, "w2v")), "1")
        for seed in range(1, a.runs + 1):
            for program in PROGRAMS:
                output = str(Path(folder, program))
                done = run_python(
                    Path(__file__), *options, "--epochs", str(a.epochs), "--child", program, output, str(seed)
                )
                runs[program].append(done | evaluate(program, output, a.analogies, a.pairs, rare))
                print(program, {k: round(v, 3) for k, v in runs[program][-1].items()}, file=sys.stderr, flush=True)
    medians = {program: {name: median(done, name) for name in done[0]} for program, done in runs.items()}
    ratios = {
        name: {program: medians[program][name] / medians["w2v"][name] for program in PROGRAMS[1:]}
        for name in ("training_seconds", "process_seconds", "cpu_seconds")
    }
    for program, figures in medians.items():
        print(f"{program:9}", "  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    for name, by_program in ratios.items():
        print(f"{name}, times ours:", {program: round(ratio, 1) for program, ratio in by_program.items()})
    write_results(
        __file__, a.name,
        {"algorithm": a.algorithm, "epochs": a.epochs, "rare_words": len(rare), "unseen_words": len(unseen),
         "medians": medians, "ratios": ratios, "runs": runs},
    )  # fmt: skip


if __name__ == "__main__":
    main()
