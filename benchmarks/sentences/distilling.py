r"""`w2v distill` in one command: MiniLM into a static table, or attention, from Wikipedia, captions and SNLI.

    python benchmarks/sentences/distilling.py --data DATA --work WORK

DATA is as for benchmarks/sentences/baselines.py. The text is Simple English Wikipedia, 18 million words, and captions
and sentences of SNLI unless --wikipedia-only is given. Sentences of the evaluation files, and all captions of their
pictures, are left out. WORK keeps the steps, so that an interrupted benchmark resumes; `seconds` in the result are then
those of the last start. --lines N uses only the first N paragraphs of Wikipedia.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from benchmarks.sentences.baselines import Data, figures, measure
from w2v.corpora.readers import TextReader
from w2v.corpora.sentences import SentenceSets, split_sentences, without_overlap
from w2v.encoder.distillation.distilling import run_distillation
from w2v.encoder.distillation.options import DistilOptions


def write_texts(a: argparse.Namespace, data: Data) -> dict[str, int]:
    """Write a file for each kind of text, without evaluation data; return the number of sentences left out."""
    captions, overlap = without_overlap(data.captions, data.sentences)
    snli = TextReader(a.data / "sentences" / "snli-dev-test.tsv.xz").lines()
    kinds = {
        "wikipedia": [
            sentence
            for paragraph in islice(TextReader(a.data / "simplewiki.txt.xz").lines(), a.lines)
            for sentence in split_sentences(paragraph)
        ],
        "captions": [caption for one in captions.sets for caption in one],
        "snli": [sentence for line in snli for sentence in line.split("\t")[1:]],
    }
    left_out = {"captions": len(overlap.touched)}
    for kind in ("wikipedia", "captions", "snli")[: 1 if a.wikipedia_only else 3]:
        left, touched = without_overlap(SentenceSets([(sentence,) for sentence in kinds[kind]]), data.sentences)
        left_out[kind] = left_out.get(kind, 0) + len(touched.touched)
        text = "".join(f"{sentence}\n" for (sentence,) in left.sets)
        (a.work / f"{kind}.txt").write_text(text, encoding="utf-8")
    return left_out


def main() -> None:
    """Distil, measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--teacher", default="all-MiniLM-L6-v2")
    parser.add_argument("--architecture", default="static")
    parser.add_argument("--sentences", type=int, default=DistilOptions.sentences)
    parser.add_argument("--vector-size", type=int, default=DistilOptions.vector_size)
    parser.add_argument("--steps", type=int, default=DistilOptions.steps)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int)
    parser.add_argument("--wikipedia-only", action="store_true")
    parser.add_argument("--name", default="distilling", help="name of the result file")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    data = Data(a.data)
    done = a.work / "left-out.txt"
    left_out = done.read_text() if done.exists() else repr(write_texts(a, data))
    done.write_text(left_out)
    options = DistilOptions(
        architecture=a.architecture, sentences=a.sentences, vector_size=a.vector_size, steps=a.steps, seed=a.seed
    )
    began = time.perf_counter()
    kinds = ("wikipedia",) if a.wikipedia_only else ("wikipedia", "captions", "snli")
    found = run_distillation(
        a.teacher, [a.work / f"{kind}.txt" for kind in kinds], options, work=a.work / "steps",
        teacher_cache=a.work / "vectors", progress="log",
    )  # fmt: skip
    seconds = round(time.perf_counter() - began, 1)
    found.encoder.save(a.work / f"{a.name}.encoder", overwrite=True)
    measured = figures(measure(found.encoder.transform, data, labels=False))
    print(measured, seconds, found.seconds, flush=True)
    recipe = {name: value for name, value in vars(a).items() if isinstance(value, (int, float, str))}
    write_results(
        __file__, a.name,
        {
            "recipe": recipe, "left out": left_out, "sentences": found.sentences, "seconds": seconds,
            "seconds of the steps": found.seconds, "results": measured,
            "words": len(found.encoder.state.vocabulary),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
