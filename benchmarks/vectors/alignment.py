"""Alignment of two languages with a dictionary, with identical names, with nothing, or trained jointly: quality, speed.

    python benchmarks/vectors/alignment.py PAIRS --train DICTIONARY --test DICTIONARY
    python benchmarks/vectors/alignment.py PAIRS --train DICTIONARY --test DICTIONARY --part without
    python benchmarks/vectors/alignment.py --part speed

PAIRS has lines with an English sentence, a tab and its German translation, such as Tatoeba's; it may be compressed.
English and German vectors are trained on the two columns separately, joint ones on both. The dictionaries have lines
with a word, a tab and its translation, such as those of xling-eval and MUSE; words of --test that are missing in one of
the models are skipped. All parts go into one result file. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from gensim.models.translation_matrix import TranslationMatrix
from numpy.typing import NDArray

from benchmarks._common import results_folder, write_results
from w2v import Embeddings, Word2Vec
from w2v.alignment import Aligner, WordTranslator, read_dictionary
from w2v.alignment.dictionary import known_pairs
from w2v.alignment.similarities import nearest_by_csls
from w2v.corpora import TextReader
from w2v.evaluation import evaluate_translations
from w2v.vectors.spaces.moving import centred, of_language

Table = NDArray[np.float32]

EPOCHS, MIN_COUNT, SEED = 10, 3, 1
SIZES = ((10_000, 100), (10_000, 300))
"""Words per language and columns in the speed comparison."""


def keep(**part: Any) -> None:
    """Add a part to the result file."""
    file = results_folder(__file__) / "alignment.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    before.pop("machine", None)
    write_results(__file__, "alignment", before | part)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the CPU seconds that it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def train(corpus: Any, **options: Any) -> tuple[Embeddings, dict[str, Any]]:
    """Train vectors of 100 columns."""
    model = Word2Vec(epochs=EPOCHS, min_count=MIN_COUNT, random_state=SEED, workers=1, **options)
    _, seconds = timed(lambda: model.fit(corpus))
    return model.embeddings_, {"cpu_seconds": seconds, "words": len(model.vocabulary_)}


def judged(source: Embeddings, target: Embeddings, test: Path, **facts: Any) -> dict[str, Any]:
    """Return the precision of translations, with facts about how the space was made."""
    report = facts | evaluate_translations(source, test, target).to_dict()
    print({name: report[name] for name in ("way", "asked", "precision")}, file=sys.stderr, flush=True)
    return report


def aligned(way: str, source: Embeddings, target: Embeddings, given: Any, test: Path, **options: Any) -> dict[str, Any]:
    """Align, and evaluate the result."""
    aligner, seconds = timed(lambda: Aligner(**options).fit(source, target, given))
    facts = {"way": way, "pairs": aligner.n_pairs_, "cpu_seconds": seconds, **options}
    return judged(aligner.transform(source), target, test, **facts)


# --- independent implementations --------------------------------------------------------------------------------------


def plain_top_mean(cosines: Table, k: int) -> Table:
    """Return the mean of the k highest values of each row, one after another, as in vecmap; overwrites the cosines."""
    total, rows = np.zeros(len(cosines), np.float32), np.arange(len(cosines))
    for _ in range(k):
        highest = cosines.argmax(axis=1)
        total += cosines[rows, highest]
        cosines[rows, highest] = -1
    return total / k


def plain_mutual(x: Table, y: Table, k: int = 10, block: int = 1000) -> tuple[list[Table], NDArray[np.int64]]:
    """Return r of both languages and the mutual nearest neighbours by CSLS, in blocks of plain NumPy."""
    sides = ((x, y), (y, x))
    means = [
        np.concatenate([plain_top_mean(a[i : i + block] @ b.T, k) for i in range(0, len(a), block)]) for a, b in sides
    ]
    chosen = [
        np.concatenate([(2 * (a[i : i + block] @ b.T) - r).argmax(axis=1) for i in range(0, len(a), block)])
        for (a, b), r in zip(sides, means[::-1], strict=True)
    ]
    rows = np.flatnonzero(chosen[1][chosen[0]] == np.arange(len(x)))
    return means, np.stack([rows, chosen[0][rows]], axis=1)


def exact_precision(source: Embeddings, target: Embeddings, rotation: Any, test: Path) -> dict[str, dict[str, float]]:
    """Return the precision in float64, with all cosines at once, fully sorted."""
    x, y = (table.astype(np.float64) for table in (source.normalized_vectors @ rotation, target.normalized_vectors))
    answers: dict[int, set[int]] = {}
    for row, right in known_pairs(source, target, read_dictionary(test)).tolist():
        answers.setdefault(row, set()).add(right)
    asked = x[list(answers)] @ y.T
    hubs = np.concatenate([np.sort(y[i : i + 500] @ x.T, axis=1)[:, -10:].mean(axis=1) for i in range(0, len(y), 500)])
    found: dict[str, dict[str, float]] = {}
    for name, scores in (("nearest", asked), ("csls", 2 * asked - hubs)):
        near = np.argsort(-scores, axis=1, kind="stable")[:, :10].tolist()
        hits = [[row in right for row in rows] for rows, right in zip(near, answers.values(), strict=True)]
        found[name] = {str(n): float(np.mean([any(hit[:n]) for hit in hits])) for n in (1, 5, 10)}
    return found


def gensim_precision(source: Embeddings, target: Embeddings, given: Any, test: Path) -> dict[str, Any]:
    """Return precision and time of gensim's translation matrix: least squares and nearest neighbours."""
    english, german = source.to_gensim(), target.to_gensim()
    pairs = [(source.index_to_key[a], target.index_to_key[b]) for a, b in known_pairs(source, target, given).tolist()]
    answers: dict[str, set[str]] = {}
    for a, b in known_pairs(source, target, read_dictionary(test)).tolist():
        answers.setdefault(source.index_to_key[a], set()).add(target.index_to_key[b])
    words = list(answers)

    def work() -> Any:
        matrix = TranslationMatrix(english, german, pairs)
        return matrix.translate(words, topn=10, source_lang_vec=english, target_lang_vec=german)

    found, seconds = timed(work)
    translator = WordTranslator(Aligner(refinements=0).fit(source, target, given).transform(source), target)
    _, ours = timed(lambda: translator.translate(words, method="nearest"))
    precision = {str(n): float(np.mean([bool(answers[w] & set(found[w][:n])) for w in words])) for n in (1, 5, 10)}
    return {"precision": {"nearest": precision}, "cpu_seconds": seconds, "ours_translating_cpu_seconds": ours}


def measure_speed(n: int, width: int, runs: int = 2) -> dict[str, Any]:
    """Compare mutual nearest neighbours by CSLS with plain NumPy, in turns; medians."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, width)).astype(np.float32)
    y = x + rng.standard_normal((n, width)).astype(np.float32)
    x, y = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in (x, y))
    small = x[:64], y[:64]
    nearest_by_csls(*small)  # compile before timing

    def ours() -> Any:
        means, nearest = nearest_by_csls(x, y)
        return means, nearest.mutual()

    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(runs):
        (means, pairs), a = timed(ours)
        (plain_means, plain_pairs), b = timed(lambda: plain_mutual(x, y))
        seconds["ours"].append(a)
        seconds["plain"].append(b)
    medians = {name: float(np.median(each)) for name, each in seconds.items()}
    return {
        "words": n,
        "columns": width,
        "cpu_seconds": medians,
        "times_as_fast": medians["plain"] / medians["ours"],
        "largest_difference_of_means": max(float(np.abs(a - b).max()) for a, b in zip(means, plain_means, strict=True)),
        "pairs": len(pairs),
        "same_pairs": len(set(map(tuple, pairs.tolist())) & set(map(tuple, plain_pairs.tolist()))),
    }


def main() -> None:
    """Train, align, evaluate, and write the results after each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="?")
    parser.add_argument("--train", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--part", choices=["ways", "without", "speed"], default="ways")
    a = parser.parse_args()
    if a.part == "speed":
        keep(speed=[measure_speed(*size) for size in SIZES])
        return
    if not (a.pairs and a.train and a.test):
        parser.error("PAIRS, --train and --test are required")
    lines = [line.split("\t") for line in TextReader(a.pairs).lines() if line.strip()]
    english, facts = train([line[0] for line in lines])
    german, of_german = train([line[1] for line in lines])
    if a.part == "without":
        keep(without=aligned("none", english, german, "none", a.test))
        return
    training = {"en": facts, "de": of_german}
    keep(sentences=len(lines), epochs=EPOCHS, min_count=MIN_COUNT, training=training)
    ways: list[dict[str, Any]] = []
    given = read_dictionary(a.train)
    ways.append(aligned("dictionary", english, german, given, a.test, refinements=0))
    rotation = Aligner(refinements=0).fit(english, german, given).rotation_
    ways[0]["independent_precision"] = exact_precision(english, german, rotation, a.test)
    ways.append(aligned("dictionary", english, german, given, a.test))
    ways.append(aligned("dictionary, centred", centred(english), centred(german), given, a.test, refinements=0))
    ways.append(aligned("identical", english, german, "identical", a.test, refinements=0))
    ways.append(aligned("identical", english, german, "identical", a.test))
    keep(ways=ways, gensim=gensim_precision(english, german, given, a.test))
    for window in (5, 10):
        options = {"lines": "parallel", "languages": "en,de", "window": window}
        joint, facts = train(((line[0], line[1]) for line in lines), **options)
        sides = of_language(joint, "en"), of_language(joint, "de")
        ways.append(judged(*sides, a.test, way="joint", window=window, **facts))
        keep(ways=ways)


if __name__ == "__main__":
    main()
