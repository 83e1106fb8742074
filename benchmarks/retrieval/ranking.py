r"""The gain from titles for search: nDCG@10 on articles that were not trained on.

    python benchmarks/retrieval/ranking.py my.model my.encoder simplewiki.txt enwiki.txt --sts sts-train.csv sts-dev.csv

The files contain articles separated by blank lines, with the title in the first line. One in 32 titles is held out.
Documents are paragraphs of the first file: those of held-out articles, and one in eight of the others. Queries are the
titles, and the first sentences of articles with the same title in the second file; only the former are like the
training data. my.encoder was trained on adjacent sentences; from it, titles are trained alone and together with
neighbours. The mean of Spearman's correlations on the files of --sts shows the cost.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v import Embeddings
from w2v.corpora import TextReader, split_sentences
from w2v.corpora.articles import article_pairs
from w2v.encoder.evaluation.baselines import BagOfWords
from w2v.encoder.evaluation.files import read_scored_pairs
from w2v.encoder.evaluation.measures import evaluate_sts
from w2v.encoder.evaluation.ranking import RankingReport, evaluate_ranking
from w2v.encoder.evaluation.reports import compare
from w2v.encoder.model.state import EncoderState
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.training import fit_encoder

LEAST = 30
"""Minimum number of characters of a paragraph; shorter ones are mostly fragments."""


def is_chosen(text: str, one_of: int) -> bool:
    """Return whether a text is in a random sample of one in `one_of`, ignoring case."""
    digest = hashlib.blake2b(text.lower().encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") % one_of == 0


def head(path: Path, characters: int) -> Iterator[str]:
    """Yield the first lines of a file."""
    n = 0
    for line in TextReader(path).lines():
        n += len(line)
        if n > characters:
            return
        yield line


class Asked(NamedTuple):
    """Queries, and the relevant documents of each."""

    texts: list[str]
    relevant: list[list[int]]


def gather(first: Path, second: Path, held: int = 32, others: int = 8) -> tuple[list[str], dict[str, Asked]]:
    """Return documents, and queries of both kinds.

    One in `held` titles is a query; one in `others` of the paragraphs of other articles is a document.
    """
    documents: list[str] = []
    answers: dict[str, list[int]] = {}
    for title, paragraph in article_pairs(TextReader(first).lines()):
        is_held = is_chosen(title, held)
        if len(paragraph) >= LEAST and (is_held or is_chosen(paragraph, others)):
            if is_held:
                answers.setdefault(title, []).append(len(documents))
            documents.append(paragraph)
    asked = {title.lower(): title for title in answers}
    sentences = {
        asked[title.lower()]: split_sentences(paragraph)[0]
        for title, paragraph in article_pairs(TextReader(second).lines(), most=1)
        if title.lower() in asked
    }
    return documents, {
        "titles": Asked(list(answers), list(answers.values())),
        "first sentences": Asked(list(sentences.values()), [answers[title] for title in sentences]),
    }


class Bench:
    """Queries, documents, and the results of encoders."""

    def __init__(self, a: argparse.Namespace) -> None:
        self.a = a
        self.documents, self.queries = gather(a.first, a.second)
        self.sts = [read_scored_pairs(path) for path in a.sts]
        self.reports: dict[str, dict[str, RankingReport]] = {}
        self.results: dict[str, Any] = {}

    def training_lines(self) -> Iterator[str]:
        """Yield the articles of both files that are not held out, separated by blank lines."""
        for path in (self.a.first, self.a.second):
            before = None
            for title, paragraph in article_pairs(head(path, self.a.characters)):
                if is_chosen(title, 32):
                    continue
                if title != before:
                    yield ""
                    yield title
                    before = title
                yield paragraph
            yield ""

    def measure(self, name: str, encode: Any, seconds: float | None = None) -> None:
        """Evaluate an encoder."""
        self.reports[name] = {
            kind: evaluate_ranking(encode, texts[: self.a.queries], self.documents, relevant[: self.a.queries])
            for kind, (texts, relevant) in self.queries.items()
        }
        found: dict[str, Any] = {kind: report.to_dict() for kind, report in self.reports[name].items()}
        sts = float(np.mean([evaluate_sts(encode, pairs).spearman for pairs in self.sts])) if self.sts else None
        self.results[name] = {"seconds": seconds, **found, "sts": sts}
        print(name, {kind: round(report.figure, 4) for kind, report in self.reports[name].items()}, sts, flush=True)

    def trained(self, name: str, start: EncoderState, *, with_neighbors: bool) -> None:
        """Train on titles, and evaluate."""
        options = FitOptions(
            objective="titles", seed=self.a.seed, evaluate_every=100, corpus_share=float(with_neighbors)
        )
        began = time.process_time()
        state = fit_encoder(start, self.training_lines(), options=options).state
        self.measure(name, SentenceEncoder(state, "static").transform, time.process_time() - began)


def main() -> None:
    """Measure, train, compare and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--sts", nargs="*", type=Path, default=[])
    parser.add_argument("--characters", type=int, default=10**9, help="maximum number of characters per training file")
    parser.add_argument("--queries", type=int, default=1000, help="maximum number of queries of each kind")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    bench = Bench(a)
    embeddings = Embeddings.load(a.model)
    bench.measure("bag-of-words", BagOfWords(embeddings, columns=1024).encode)
    bench.measure("sif", SentenceEncoder(embeddings).encode)
    start = SentenceEncoder.load(a.encoder).state
    bench.measure("neighbors", SentenceEncoder(start, "static").transform)
    bench.trained("titles", start, with_neighbors=False)
    bench.trained("titles beside neighbors", start, with_neighbors=True)
    differences = {
        f"{name} - neighbors, {kind}": compare([bench.reports[name][kind]], [report]).to_dict()
        for name in ("bag-of-words", "titles", "titles beside neighbors")
        for kind, report in bench.reports["neighbors"].items()
    }
    described = {"documents": len(bench.documents), "results": bench.results, "differences": differences}
    write_results(__file__, "ranking", described)


if __name__ == "__main__":
    main()
