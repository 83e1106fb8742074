"""A million sentences: indexing, exact and approximate search, near-duplicates and clusters.

    python benchmarks/retrieval/million.py my.model simplewiki.txt enwiki.txt

Sentences are split from the paragraphs of the files; those after the first million are the queries. Every job is a
separate process, so that its peak memory is its own: what the system charges it with, including mapped files. Searches
take turns, one query at a time; exact ones use all cores, approximate ones use one. The equivalent functions of
sentence-transformers are run on the same vectors if the package is installed; they keep all vectors in memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import run_python, write_results

QUERIES, TOP_N, BATCH = 1000, 10, 256
THRESHOLD = 0.9


def sentences_of(texts: list[str]) -> Iterator[str]:
    """Yield the sentences of paragraphs, of 20 to 400 characters."""
    from w2v.corpora import TextReader, split_sentences

    for line in TextReader(texts).lines():
        for sentence in split_sentences(line):
            if 20 <= len(sentence) <= 400:
                yield sentence


def write_lines(texts: list[str], folder: Path, n: int) -> None:
    """Write the sentences to index, followed by the queries.

    Nothing is kept in memory, because child processes are charged with at least the memory of this one.
    """
    found = sentences_of(texts)
    for name, number in (("sentences.txt", n), ("queries.txt", QUERIES)):
        with open(folder / name, "w", encoding="utf-8") as file:
            missing = number - _copy(found, file, number)
        if missing:
            raise SystemExit(f"the texts have too few sentences: {missing:,} are missing")


def head(folder: Path, n: int) -> Path:
    """Return a file of the first sentences."""
    path = folder / f"sentences-{n}.txt"
    with open(folder / "sentences.txt", encoding="utf-8") as file, open(path, "w", encoding="utf-8") as out:
        _copy((line.rstrip("\n") for line in file), out, n)
    return path


def _copy(lines: Iterator[str], file: TextIO, n: int) -> int:
    """Write at most n lines; return their number."""
    return sum(1 for line in itertools.islice(lines, n) if file.write(f"{line}\n"))


# --- jobs, each in a process of its own ------------------------------------------------------------------------------


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return the result of a function, and its time."""
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"seconds": time.perf_counter() - start, "cpu_seconds_of_work": time.process_time() - cpu}


def build(model: str, path: str, text: str, dtype: str) -> dict[str, Any]:
    """Index sentences."""
    from w2v.encoder.retrieval import SentenceIndex

    index, times = timed(
        lambda: SentenceIndex.build(model, text, path, dtype=dtype, approximate=False, overwrite=True)  # type: ignore[arg-type]
    )
    n_bytes = sum(file.stat().st_size for file in Path(path).iterdir() if file.is_file())
    return {"sentences": len(index), **times, "bytes_without_encoder": n_bytes}


def add(path: str, text: str) -> dict[str, Any]:
    """Add sentences to an index."""
    from w2v.encoder.retrieval import SentenceIndex

    index = SentenceIndex.open(path)
    n_added, times = timed(lambda: index.add(Path(text), approximate=False))
    return {"added": n_added, **times}


def link(path: str) -> dict[str, Any]:
    """Build the graphs of an index."""
    from w2v.encoder.retrieval import SentenceIndex

    index = SentenceIndex.open(path)
    n, times = timed(index.build_graphs)
    n_bytes = sum(file.stat().st_size for file in Path(path).glob("graph-*"))
    return {"sentences": n, "graphs": len(index.contents.graphs), **times, "bytes": n_bytes}


def search(path: str, queries: str, is_alone: str) -> dict[str, Any]:
    """Search exactly and approximately, in turns; return medians and the recall of the approximate search."""
    import numpy as np

    from w2v.encoder.retrieval import SentenceIndex

    index = SentenceIndex.open(path)
    units = index.encode(Path(queries).read_text(encoding="utf-8").splitlines())
    units = units[units.any(axis=1)]
    for exact in (True, False):
        index.nearest(units[:BATCH], TOP_N, exact=exact)  # warms up pages and products
    seconds: dict[bool, list[float]] = {True: [], False: []}
    cpu: dict[bool, list[float]] = {True: [], False: []}
    found: dict[bool, list[set[int]]] = {True: [], False: []}
    for unit in units:
        for exact in (True, False):
            start, start_cpu = time.perf_counter(), time.process_time()
            _, rows = index.nearest(unit[None], TOP_N, exact=exact)
            seconds[exact].append(time.perf_counter() - start)
            cpu[exact].append(time.process_time() - start_cpu)
            found[exact].append(set(rows[0].tolist()))
    result: dict[str, Any] = {
        "queries": len(units),
        "recall_at_10": sum(len(a & b) for a, b in zip(found[True], found[False], strict=True)) / TOP_N / len(units),
        "exact_ms": 1000 * float(np.median(seconds[True])),
        "approximate_ms": 1000 * float(np.median(seconds[False])),
        "exact_cpu_ms": 1000 * float(np.median(cpu[True])),
        "approximate_cpu_ms": 1000 * float(np.median(cpu[False])),
    }
    for exact, name in ((True, "exact"), (False, "approximate")):
        _, times = timed(lambda exact=exact: index.nearest(units, TOP_N, exact=exact))  # type: ignore[misc]
        result[f"{name}_in_batches_ms"] = 1000 * times["seconds"] / len(units)
    result["speedup"] = result["exact_ms"] / result["approximate_ms"]
    result["speedup_in_cpu_time"] = result["exact_cpu_ms"] / result["approximate_cpu_ms"]
    if is_alone == "beside":
        result |= _semantic_search(index, units)
    return result


def _semantic_search(index: Any, units: Any) -> dict[str, Any]:
    """Search with sentence-transformers, all queries at once and one at a time."""
    import numpy as np
    from sentence_transformers.util import semantic_search

    rows = np.ascontiguousarray(index.table.rows(slice(None)))
    semantic_search(units[:8], rows, top_k=TOP_N)
    _, batches = timed(lambda: semantic_search(units, rows, top_k=TOP_N))
    _, single = timed(lambda: [semantic_search(unit[None], rows, top_k=TOP_N) for unit in units[:20]])
    return {
        "sentence_transformers_ms": 1000 * single["seconds"] / 20,
        "sentence_transformers_in_batches_ms": 1000 * batches["seconds"] / len(units),
    }


def pairs(path: str, how: str) -> dict[str, Any]:
    """Find near-duplicates; store the pairs next to the index."""
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.mining.duplicates import Comparison, near_rows

    index = SentenceIndex.open(path)
    parts, times = timed(lambda: list(near_rows(index.table, Comparison(THRESHOLD, exact=how == "exact"))))
    found = [[*pair] for part in parts for pair in zip(part.later.tolist(), part.earlier.tolist(), strict=True)]
    Path(f"{path}.{how}.json").write_text(json.dumps(found))
    return {"sentences": len(index), "pairs": len(found), **times}


def mining(path: str) -> dict[str, Any]:
    """Find near-duplicates with sentence-transformers."""
    import numpy as np
    import torch
    from sentence_transformers.util import paraphrase_mining_embeddings

    from w2v.encoder.retrieval import SentenceIndex

    rows = torch.from_numpy(np.ascontiguousarray(SentenceIndex.open(path).table.rows(slice(None))))
    found, times = timed(lambda: paraphrase_mining_embeddings(rows, top_k=TOP_N, max_pairs=10_000_000))
    return {"pairs_above_threshold": sum(score >= THRESHOLD for score, _, _ in found), **times}


def cluster(path: str) -> dict[str, Any]:
    """Cluster the sentences of an index into a hundred clusters."""
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.mining.clusters import cluster_index

    index = SentenceIndex.open(path)
    found, times = timed(lambda: cluster_index(index, n_clusters=100))
    return {"clusters": len(found), "largest": found.clusters[0].size, "names": found.clusters[0].words, **times}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    job.__name__: job for job in (build, add, link, search, pairs, mining, cluster)
}


def run(job: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """Run a job in a separate process."""
    result = run_python(Path(__file__), "--job", job.__name__, *map(str, arguments))
    print(job.__name__, *arguments, json.dumps(result), file=sys.stderr)
    return result


def recall_of_cells(path: Path) -> float:
    """Return the fraction of pairs from the exhaustive comparison that are also found within cells."""
    exact, cells = (
        {tuple(pair) for pair in json.loads(Path(f"{path}.{how}.json").read_text())} for how in ("exact", "cells")
    )
    return len(exact & cells) / max(1, len(exact))


def measure(a: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run all jobs."""
    write_lines(a.arguments[1:], folder, a.sentences)
    model, path = a.arguments[0], folder / "my.index"
    results: dict[str, Any] = {"threshold": THRESHOLD, "build": {}, "build_by_dtype": {}, "duplicates": {}}
    for n in (a.sentences // 8, a.sentences // 4, a.sentences // 2, a.sentences):
        results["build"][n] = run(build, model, path, head(folder, n), "float16")
    for dtype in ("float32", "int8"):
        results["build_by_dtype"][dtype] = run(build, model, folder / "other.index", folder / "sentences.txt", dtype)
    results["add"] = run(add, path, folder / "queries.txt")
    run(build, model, path, folder / "sentences.txt", "float16")
    results["link"] = run(link, path)
    results["search"] = run(search, path, folder / "queries.txt", "alone" if a.alone else "beside")
    results["cluster"] = run(cluster, path)
    results["duplicates"][a.sentences] = {"cells": run(pairs, path, "cells")}
    n = min(a.compared, a.sentences)
    run(build, model, folder / "few.index", head(folder, n), "float16")
    few = {how: run(pairs, folder / "few.index", how) for how in ("exact", "cells")}
    results["duplicates"][n] = {**few, "recall_of_cells": recall_of_cells(folder / "few.index")}
    if not a.alone:
        results["duplicates"][n]["sentence_transformers"] = run(mining, folder / "few.index")
    return results


def main() -> None:
    """Run, write results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arguments", nargs="+", metavar="MODEL TEXT...", help="word vectors or an encoder, and files")
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--compared", type=int, default=100_000, help="number of sentences for comparing all pairs")
    parser.add_argument("--alone", action="store_true", help="without sentence-transformers")
    parser.add_argument("--folder", type=Path, help="folder for 4 GB of temporary files")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.job:
        print(json.dumps(JOBS[a.job](*a.arguments)))
        return
    folder = Path(tempfile.mkdtemp(dir=a.folder))
    try:
        write_results(__file__, "retrieval", measure(a, folder))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
