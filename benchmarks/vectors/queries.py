"""Nearest words in 400,000 x 300 vectors: one query, 1,000 at once, smaller dtypes, opening, and the approximate index.

    python benchmarks/vectors/queries.py

gensim's `most_similar` and plain NumPy answer the same queries in the same process, in turns within every round, with
the same BLAS and threads; figures are medians over the rounds. The vectors are random: a mixture of topics with a
decreasing spectrum, a common mean and varying lengths, like trained ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results

if TYPE_CHECKING:
    import numpy as np

    from w2v import Embeddings

VECTOR_SIZE, TOP_N, N_BATCH = 300, 10, 1000
N_GENSIM = 50
"""gensim has no batches: it answers only this many of the 1,000, and its time is extrapolated."""
N_PLAIN = 100
"""Batch size of plain NumPy; all at once would need 6 GB."""
DTYPES = ("float32", "float16", "int8")


def make_vectors(n_words: int) -> np.ndarray:
    """Return random vectors with the distribution of trained ones."""
    import numpy as np

    rng = np.random.default_rng(1)
    spectrum = np.geomspace(1, 0.15, VECTOR_SIZE, dtype=np.float32)
    topics = rng.standard_normal((2000, VECTOR_SIZE), dtype=np.float32)
    vectors = rng.standard_normal((n_words, VECTOR_SIZE), dtype=np.float32)
    vectors += topics[rng.integers(0, len(topics), n_words)]
    vectors *= spectrum
    vectors += np.float32(0.2)
    vectors *= rng.uniform(0.3, 3, (n_words, 1)).astype(np.float32)
    return vectors


def interleave(contenders: dict[str, Callable[[], Any]], n_rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the median seconds of each contender over rounds in which all take turns, and their answers."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    answers = {}
    for number in range(n_rounds + 1):  # the first round warms up
        for name, run in contenders.items():
            start = time.perf_counter()
            answers[name] = run()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(runs) for name, runs in seconds.items()}, answers


def compare(embeddings: Embeddings, words: list[str], n_rounds: int) -> dict[str, Any]:
    """Time one query and many, here, in gensim and in plain NumPy; check that the neighbours are equal."""
    import numpy as np

    keyed = embeddings.to_gensim()
    unit = keyed.vectors / np.linalg.norm(keyed.vectors, axis=1, keepdims=True)
    row_of = embeddings.key_to_index

    def plain(names: list[str]) -> list[list[str]]:
        scores = unit[[row_of[name] for name in names]] @ unit.T
        found = np.argpartition(-scores, TOP_N + 1, axis=1)[:, : TOP_N + 1]
        order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1)
        found = np.take_along_axis(found, order, axis=1)
        return [[embeddings.index_to_key[row] for row in near[1:]] for near in found]

    def sorted_whole(name: str) -> list[str]:
        scores = unit @ unit[row_of[name]]
        return [embeddings.index_to_key[row] for row in np.argsort(-scores)[1 : TOP_N + 1]]

    word = words[0]
    one, answers = interleave(
        {
            "w2v": lambda: embeddings.neighbors(word, top_n=TOP_N),
            "gensim": lambda: keyed.most_similar(word, topn=TOP_N),
            "numpy_argpartition": lambda: plain([word])[0],
            "numpy_argsort": lambda: sorted_whole(word),
        },
        5 * n_rounds,
    )
    assert [near for near, _ in answers["w2v"]] == [near for near, _ in answers["gensim"]] == answers["numpy_argsort"]
    batches = [words[start : start + N_PLAIN] for start in range(0, len(words), N_PLAIN)]
    many, answers = interleave(
        {
            "w2v": lambda: embeddings.neighbors_batch(words, top_n=TOP_N),
            "gensim": lambda: [keyed.most_similar(name, topn=TOP_N) for name in words[:N_GENSIM]],
            "numpy_argpartition": lambda: [near for batch in batches for near in plain(batch)],
        },
        n_rounds,
    )
    many["gensim"] *= len(words) / N_GENSIM
    ours = [[name for name, _ in near] for near in answers["w2v"]]
    theirs = [[name for name, _ in near] for near in answers["gensim"]]
    return {
        "one_query": ratios(one),
        f"{N_BATCH}_queries": ratios(many),
        "same_neighbors_as_gensim": overlap(ours[:N_GENSIM], theirs),
        "same_neighbors_as_numpy": overlap(ours, answers["numpy_argpartition"]),
    }


def ratios(seconds: dict[str, float]) -> dict[str, Any]:
    """Return the seconds, and the ratios of the others to ours."""
    others = {f"{name}_over_w2v": seconds[name] / seconds["w2v"] for name in seconds if name != "w2v"}
    return {"seconds": seconds, **others}


def overlap(ours: list[list[str]], theirs: list[list[str]]) -> float:
    """Return the fraction of neighbours that both found."""
    return sum(len(set(a) & set(b)) for a, b in zip(ours, theirs, strict=True)) / sum(map(len, theirs))


def compare_dtypes(folder: Path, words: list[str], n_rounds: int) -> dict[str, Any]:
    """Save the model in each dtype; time its memory-mapped queries, and measure the loss of accuracy."""
    from w2v import Embeddings
    from w2v.vectors.fidelity import measure_storage_loss

    original = Embeddings.load(folder / "float32")
    models = {"float32": original}
    for dtype in DTYPES[1:]:
        original.save(folder / dtype, dtype=dtype)  # type: ignore[arg-type]
        models[dtype] = Embeddings.load(folder / dtype)
    one, _ = interleave({d: lambda e=e: e.neighbors(words[0]) for d, e in models.items()}, 3 * n_rounds)
    many, _ = interleave({d: lambda e=e: e.neighbors_batch(words) for d, e in models.items()}, n_rounds)
    return {
        dtype: {
            "one_query_seconds": one[dtype],
            f"{N_BATCH}_queries_seconds": many[dtype],
            **measure_storage_loss(original.table, model.table).to_dict(),
        }
        for dtype, model in models.items()
    }


def measure_index(embeddings: Embeddings, words: list[str]) -> dict[str, Any]:
    """Build the index, and measure recall and queries per second, one by one, for several search widths."""
    from w2v.vectors.fidelity import measure_recall

    start = time.perf_counter()
    index = embeddings.build_index()
    built = time.perf_counter() - start
    widths = {}
    for effort in (32, 64, 128, 256, 512):
        index._graph.expansion_search = effort
        start = time.perf_counter()
        for word in words:
            embeddings.neighbors(word, top_n=TOP_N, approximate=True)
        rate = len(words) / (time.perf_counter() - start)
        recall = measure_recall(index, embeddings.table, top_n=TOP_N, n_sampled=len(words))
        widths[str(effort)] = {"queries_per_second": rate, "recall_at_10": recall}
    return {"usearch": version("usearch"), "build_seconds": built, "effort": widths}


def time_opening(folder: str) -> dict[str, float]:
    """Open a model, and answer one query (in a child process)."""
    from w2v import Embeddings

    before = resident_mb()
    start = time.perf_counter()
    embeddings = Embeddings.load(folder)
    opened = time.perf_counter() - start
    grown = resident_mb() - before
    start = time.perf_counter()
    embeddings["word7"]
    looked_up = time.perf_counter() - start
    start = time.perf_counter()
    embeddings.neighbors("word7")
    asked = time.perf_counter() - start
    return {
        "open_seconds": opened,
        "open_resident_mb": grown,
        "first_vector_seconds": looked_up,
        "first_query_seconds": asked,
    }


def resident_mb() -> float:
    """Return the current memory of the process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> None:
    """Measure, or run as the child process that opens a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="Where to put 900 MB; a temporary folder by default.")
    parser.add_argument("--open", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.open:
        print(json.dumps(time_opening(a.open)))
        return
    with tempfile.TemporaryDirectory(prefix="w2v-", dir=a.folder) as temporary:
        results = measure(Path(temporary), a.words, a.rounds)
    print(json.dumps(results, indent=1))
    write_results(__file__, "queries", results)


def measure(folder: Path, n_words: int, n_rounds: int) -> dict[str, Any]:
    """Run everything."""
    import numpy as np

    from w2v import Embeddings

    names = [f"word{i}" for i in range(n_words)]
    Embeddings(names, make_vectors(n_words)).save(folder / "float32")
    words = [names[row] for row in np.random.default_rng(2).choice(n_words, N_BATCH, replace=False)]
    opened = [run_python(Path(__file__), "--open", str(folder / "float32")) for _ in range(2 * n_rounds)]
    embeddings = Embeddings.load(folder / "float32")
    return {
        "words": n_words,
        "vector_size": VECTOR_SIZE,
        "rounds": n_rounds,
        "opening": {name: statistics.median(run[name] for run in opened) for name in opened[0]},
        **compare(embeddings, words, n_rounds),
        "dtypes": compare_dtypes(folder, words, n_rounds),
        "index": measure_index(embeddings, words),
    }


if __name__ == "__main__":
    main()
