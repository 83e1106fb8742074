r"""Search by vectors, by words and by both: nDCG@10 and recall@10 for three kinds of queries.

    python benchmarks/retrieval/hybrid.py simplewiki.txt.xz enwiki.txt.xz captions.tsv.xz \
        my.model my.encoder minilm-folder

The first two files contain articles separated by blank lines. Documents are the paragraphs of the first; queries are
the titles of articles, and the first sentences of articles with the same title in the second file (see ranking.py). The
third file has tab-separated captions of one picture per line: the first is the query for the others, among those of all
pictures. There are no human relevance judgements, and encoders may have been trained on the documents, but not on the
queries. Each index is searched by `SentenceIndex.search`, exactly. For both, the weighted sum is measured at several
weights and compared with reciprocal rank fusion. Encoders with a network are only measured on captions, because
paragraphs would take minutes. --cross-encoder FOLDER also reranks the results of both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from benchmarks.retrieval.ranking import Asked, gather
from w2v import SentenceIndex
from w2v.corpora import TextReader
from w2v.encoder.evaluation.ranking import RankingReport, evaluate_ranked
from w2v.encoder.evaluation.reports import compare
from w2v.encoder.opening import open_encoder
from w2v.encoder.retrieval import CrossEncoder, Hit
from w2v.encoder.retrieval.hybrid import fusion

WEIGHTS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
RANK_CONSTANT = 60
"""Constant that Cormack, Clarke and Büttcher 2009 add to ranks."""


def unique(documents: list[str], asked: dict[str, Asked]) -> tuple[list[str], dict[str, Asked]]:
    """Return distinct documents, and the queries with their numbers."""
    numbers = {document: number for number, document in enumerate(dict.fromkeys(documents))}
    return list(numbers), {
        kind: Asked(texts, [sorted({numbers[documents[row]] for row in rows}) for rows in relevant])
        for kind, (texts, relevant) in asked.items()
    }


def captions(path: Path, pictures: int) -> tuple[list[str], dict[str, Asked]]:
    """Return documents and queries of a file of captions."""
    lines = [line.split("\t") for _, line in zip(range(pictures), TextReader(path).lines(), strict=False)]
    documents = [caption for line in lines for caption in line[1:]]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) - 1)
    relevant = [list(range(*ends)) for ends in zip(starts, starts[1:], strict=False)]
    return documents, {"captions": Asked([line[0] for line in lines], relevant)}


def by_ranks(lists: Sequence[Sequence[Hit]]) -> list[int]:
    """Return the documents of several lists by the sums of 1 / (constant + rank); ties keep their order."""
    sums: dict[int, float] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, 1):
            sums[hit.line - 1] = sums.get(hit.line - 1, 0.0) + 1 / (RANK_CONSTANT + rank)
    return sorted(sums, key=lambda row: -sums[row])


def numbers(found: Sequence[Sequence[Hit]]) -> list[list[int]]:
    """Return the document numbers of each query's hits."""
    return [[hit.line - 1 for hit in hits] for hits in found]


def measure(index: SentenceIndex, asked: Asked, model: CrossEncoder | None) -> dict[str, RankingReport]:
    """Return the quality of each way to search."""
    texts, relevant = asked
    near, words, both = (
        index.search(texts, by=by, top_n=n, exact=True)  # type: ignore[call-overload]
        for by, n in (("vectors", 100), ("words", 100), ("both", 200))
    )
    ranked = {
        "vectors": numbers(near),
        "words": numbers(words),
        "ranks": [by_ranks(pair) for pair in zip(near, words, strict=True)],
        "both": numbers(both),
    }
    chosen = fusion.VECTORS
    for weight in WEIGHTS:
        fusion.VECTORS = weight
        ranked[f"weight {weight}"] = numbers([fusion.fuse(hits) for hits in both])
    fusion.VECTORS = chosen
    if model is not None:
        ranked["reranked"] = numbers(index.search(texts, by="both", rerank=model, exact=True))
    return {name: evaluate_ranked(rows, relevant) for name, rows in ranked.items()}


def better(reports: dict[str, RankingReport]) -> RankingReport:
    """Return the better of the two single methods."""
    return max(reports["vectors"], reports["words"], key=lambda report: report.figure)


def main() -> None:
    """Index, search and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("first", "second", "captions"):
        parser.add_argument(name, type=Path)
    parser.add_argument("encoders", nargs="+", type=Path)
    parser.add_argument("--cross-encoder", type=Path)
    parser.add_argument("--queries", type=int, default=500, help="maximum number of queries of each kind")
    parser.add_argument("--pictures", type=int, default=1000)
    a = parser.parse_args()
    model = None if a.cross_encoder is None else CrossEncoder(a.cross_encoder)
    sets = [unique(*captions(a.captions, a.pictures)), unique(*gather(a.first, a.second, 64, 128))]
    results: dict[str, Any] = {}
    for folder in a.encoders:
        state = open_encoder(folder)
        for documents, kinds in sets if state.network is None else sets[:1]:
            with tempfile.TemporaryDirectory() as place:
                start = time.process_time()
                index = SentenceIndex.build(state, documents, Path(place, "index"))
                seconds = {"vectors": time.process_time() - start}
                start = time.process_time()
                index.build_words()
                seconds["words"] = time.process_time() - start
                for kind, asked in kinds.items():
                    some = Asked(asked.texts[: a.queries], asked.relevant[: a.queries])
                    reports = measure(index, some, model)
                    results[f"{folder.name}, {kind}"] = {
                        "documents": len(documents),
                        "seconds": seconds,
                        **{way: report.to_dict() for way, report in reports.items()},
                        "both - better of one": compare([reports["both"]], [better(reports)]).to_dict(),
                        "both - ranks": compare([reports["both"]], [reports["ranks"]]).to_dict(),
                    }
                    shown = {way: f"{r.figure:.3f}/{r.recall.mean():.3f}" for way, r in reports.items()}
                    print(folder.name, kind, len(some.texts), len(documents), shown, flush=True)
    write_results(
        __file__, "hybrid", {"weight": fusion.VECTORS, "results": results, "cpu_seconds": time.process_time()}
    )


if __name__ == "__main__":
    main()
