r"""Sentences of several kinds for a teacher to encode, one per line, without those of the evaluation sets.

    python benchmarks/sentences/teacher_text.py --data DATA --output sentences.txt

DATA is a folder with simplewiki.txt.xz, enwiki.txt.xz, sentences/ (multi30k-captions.tsv.xz, snli-dev-test.tsv.xz, and
the STS and SICK files, which are left out), parallel/ (Tatoeba), and labels/ (AG News, UD EWT, CoNLL-2000).

All kinds are mixed, so that the first lines are a fair sample. *Varied* sentences are captions and sentences of SNLI
with one change: a negation, two swapped words, a missing word. How that changes the meaning is up to the teacher. If
one caption of a picture is in an evaluation set, all its captions are left out.
"""

from __future__ import annotations

import argparse
import csv
import io
import lzma
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v.corpora.readers import TextReader
from w2v.corpora.sentences import SentenceSets, read_sentence_sets, split_sentences, without_overlap
from w2v.encoder.evaluation.files import read_scored_pairs

EVALUATED = ("sts-dev.csv", "sts-train.csv", "SICK_trial.txt", "SICK_train.txt")
LIMITS = {"simple": 150_000, "english": 200_000, "tatoeba": 90_000, "varied": 160_000}
VARIED_FIRST = 40_000
FEWEST, MOST = 4, 32
_VERBS = {"is", "are", "was", "were", "can", "will"}


def wikipedia(path: Path) -> Iterator[str]:
    """Yield the sentences of a Wikipedia."""
    for paragraph in TextReader(path).lines():
        yield from split_sentences(paragraph)


def tatoeba(path: Path) -> Iterator[str]:
    """Yield the English sentences."""
    for line in TextReader(path).lines():
        yield line.split("\t")[0]


def news(path: Path) -> Iterator[str]:
    """Yield headlines, and the sentences of the articles."""
    text = lzma.open(path, "rt", encoding="utf-8").read()
    for _, title, story in csv.reader(io.StringIO(text)):
        yield title.replace("\\", " ")
        yield from split_sentences(story.replace("\\", " "))


def journal(path: Path) -> Iterator[str]:
    """Yield the sentences of a file with one token a line."""
    words: list[str] = []
    for line in TextReader(path).lines():
        if line.strip():
            words.append(line.split(" ")[0])
        else:
            yield " ".join(words)
            words = []


def web(path: Path) -> Iterator[str]:
    """Yield the sentences of a CoNLL-U file."""
    for line in TextReader(path).lines():
        if line.startswith("# text = "):
            yield line.removeprefix("# text = ")


def fair(sentences: Iterable[str]) -> list[str]:
    """Return the distinct sentences of moderate length, with normalised white space."""
    kept: dict[str, None] = {}
    for sentence in sentences:
        words = sentence.split()
        if FEWEST <= len(words) <= MOST:
            kept[" ".join(words)] = None
    return list(kept)


def varied(sentences: list[str], rng: np.random.Generator, limit: int) -> list[str]:
    """Return sentences with one change each."""
    made = []
    for row in rng.permutation(len(sentences))[:limit]:
        words = sentences[row].split()
        way = rng.integers(3)
        places = [i for i, word in enumerate(words) if word.lower() in _VERBS]
        if way == 0 and places:
            words.insert(places[0] + 1, "not")
        elif way == 1:
            one, other = rng.choice(len(words), 2, replace=False)
            words[one], words[other] = words[other], words[one]
        else:
            del words[rng.integers(len(words))]
        made.append(" ".join(words))
    return made


def gather(data: Path, seed: int) -> tuple[dict[str, list[str]], dict[str, object]]:
    """Return the sentences of each kind, and the numbers left out."""
    rng = np.random.default_rng(seed)
    files = [read_scored_pairs(data / "sentences" / name) for name in EVALUATED]
    evaluated = [sentence for pairs in files for sentence in (*pairs.first, *pairs.second)]
    captions, touched = without_overlap(read_sentence_sets(data / "sentences" / "multi30k-captions.tsv.xz"), evaluated)
    labels = data / "labels"
    found: dict[str, list[str]] = {
        "captions": fair(caption for captions_of_one in captions.sets for caption in captions_of_one),
        "snli": fair(
            sentence
            for line in TextReader(data / "sentences" / "snli-dev-test.tsv.xz").lines()
            for sentence in line.split("\t")[1:]
        ),
        "news": fair(news(labels / "ag-news-test" / "test.csv.xz")),
        "journal": fair(journal(labels / "conll2000" / "train.txt.xz")),
        "web": fair(web(labels / "ud-ewt" / "en_ewt-ud-train.conllu.xz")),
        "tatoeba": fair(tatoeba(data / "parallel" / "tatoeba-en-de" / "deu.txt.xz")),
        "simple": fair(wikipedia(data / "simplewiki.txt.xz")),
        "english": fair(wikipedia(data / "enwiki.txt.xz")),
    }
    described = found["captions"] + found["snli"]
    found["varied"] = varied(described, rng, VARIED_FIRST)  # rng is then where it was with the smaller limits before
    found["varied"] += varied(described, np.random.default_rng([seed, 1]), LIMITS["varied"] - VARIED_FIRST)
    told: dict[str, object] = {"pictures left out": len(touched.touched)}
    seen: set[str] = set()
    for kind, sentences in found.items():
        if kind in LIMITS:
            rows = rng.permutation(len(sentences))[: LIMITS[kind]]
            sentences = [sentences[row] for row in np.sort(rows)]
        left, overlap = without_overlap(SentenceSets([(sentence,) for sentence in sentences]), evaluated)
        found[kind] = [sentence for (sentence,) in left.sets if sentence not in seen]
        seen.update(found[kind])
        told[kind] = {"sentences": len(found[kind]), "left out": len(overlap.touched)}
    return found, told


def main() -> None:
    """Write the sentences, and their number by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    found, told = gather(a.data, a.seed)
    every = [sentence for sentences in found.values() for sentence in sentences]
    order = np.random.default_rng(a.seed).permutation(len(every))
    a.output.write_text("".join(f"{every[row]}\n" for row in order), encoding="utf-8")
    print(told, len(every), flush=True)
    write_results(__file__, "teacher-text", {"kinds": told, "sentences": len(every)})


if __name__ == "__main__":
    main()
