"""The cost of ids, metadata and conditions: searches in parts of 100,000 sentences and in all, with and without them.

    python benchmarks/retrieval/index_records.py

Sentences consist of random words with vectors of 300 columns. Two indexes have the same contents, one of them with ids
and four metadata columns. Queries alternate between all kinds of searches, one at a time, on one thread; figures are
medians of CPU time.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results

SENTENCES, QUERIES, WORDS, COLUMNS = 100_000, 60, 5_000, 300
WHERE = {
    "all": "part >= 0",
    "half": "part < 50",
    "tenth": "part < 10",
    "hundredth": "part == 7",
    "text": "lang == 'l3'",
}


def timed(work: Callable[[], Any]) -> float:
    """Return the CPU time of a function."""
    start = time.process_time()
    work()
    return time.process_time() - start


def build(folder: Path) -> dict[str, float]:
    """Build both indexes; return the seconds."""
    import numpy as np

    from w2v import Embeddings
    from w2v.encoder.retrieval import SentenceIndex

    rng = np.random.default_rng(1)
    model = Embeddings([f"w{i}" for i in range(WORDS)], rng.normal(size=(WORDS, COLUMNS)).astype(np.float32))
    texts = [" ".join(f"w{word}" for word in line) for line in rng.integers(0, WORDS, (SENTENCES, 8)).tolist()]
    known = {
        "id": [f"document-{i}" for i in range(SENTENCES)],
        "part": rng.integers(0, 100, SENTENCES).tolist(),
        "lang": [f"l{i}" for i in rng.integers(0, 20, SENTENCES).tolist()],
        "score": rng.normal(size=SENTENCES).tolist(),
        "title": [f"title {i}" for i in range(SENTENCES)],
    }
    return {
        name: timed(partial(SentenceIndex.build, model, texts, folder / f"{name}.index", workers=1, **how))
        for name, how in (("plain", {}), ("records", {"metadata": known}))
    }


def search(folder: Path) -> dict[str, float]:
    """Return the median milliseconds of each kind of search."""
    import numpy as np

    from w2v.encoder.retrieval import SentenceIndex

    plain, records = (SentenceIndex(folder / f"{name}.index", workers=1) for name in ("plain", "records"))
    removed = shutil.copytree(folder / "records.index", folder / "removed.index")
    some = SentenceIndex(removed, workers=1)
    some.remove(where="part == 7")
    units = plain.encode(list(plain.sentences(0, QUERIES)))
    kinds: dict[str, Callable[[Any], Any]] = {
        "plain": plain.search_vectors,
        "records": records.search_vectors,
        "a hundredth removed": some.search_vectors,
        **{name: partial(records.search_vectors, where=text) for name, text in WHERE.items()},
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(-5, QUERIES):
        for name, find in kinds.items():
            unit = np.ascontiguousarray(units[number : number + 1] if number >= 0 else units[:1])
            taken = timed(partial(find, unit))
            if number >= 0:
                seconds[name].append(taken)
    return {name: round(1000 * statistics.median(times), 3) for name, times in seconds.items()}


def change(folder: Path) -> dict[str, float]:
    """Return the seconds of changes."""
    from w2v.encoder.retrieval import SentenceIndex

    index = SentenceIndex(folder / "removed.index", workers=1)
    return {
        "remove a hundred ids": timed(lambda: index.remove([each for each in index.ids or [] if each][:100])),
        "compact": timed(index.compact),
    }


def main() -> None:
    """Measure, print and store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            "sentences": SENTENCES,
            "columns": COLUMNS,
            "build_seconds": build(folder),
            "search_milliseconds": search(folder),
            "change_seconds": change(folder),
        }
    print(json.dumps(found, indent=2))
    write_results(__file__, "index_records", found)


if __name__ == "__main__":
    main()
