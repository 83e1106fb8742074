r"""A translator trained from scratch: BLEU on a test set and over the epochs, and the cost of training and decoding.

    python benchmarks/networks/translating.py TRAIN.de TRAIN.en --validation VAL.de VAL.en --test TEST.de TEST.en \
        --name multi30k

Files may be compressed. `w2v fit-translator` and `w2v translate` run as separate processes, with their defaults unless
`--options` is given. CPU seconds, over all threads, are the figure to compare on a machine with other work.

`--hold-out 1000` uses this many pairs of a table for validation, and as many for the test, and trains on none of their
translations; `--more FILE` is additional training data, and `--sentence TEXT` is translated at the end:

    python benchmarks/networks/translating.py cmn.txt --columns 2 1 --hold-out 1000 --name tatoeba-zh-en \
        --sentence 好久不见

`--tokenized SOURCE TARGET` follows the protocol of papers on Multi30k: every file is tokenized by Moses' rules for
these languages and lower-cased (`pip install sacremoses`), and BLEU uses those tokens.

`--initial SOURCE.model TARGET.model` measures the gain from initial word vectors; the network must have their width:
`--options --hidden-size N`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import ROOT, write_results
from w2v.corpora import TextReader
from w2v.corpora.parallel import read_pairs, split_pairs
from w2v.neural.tasks.text.bleu import bleu


def run(*arguments: object) -> tuple[str, dict[str, float]]:
    """Run a `w2v` command; return its output, its wall and CPU seconds, and its peak memory in megabytes."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cost = {"seconds": time.perf_counter() - start, "cpu_seconds": used.ru_utime + used.ru_stime}
    return printed, {name: round(value, 1) for name, value in cost.items()} | {"peak_mb": used.ru_maxrss >> 10}


def divided(given: argparse.Namespace, folder: Path) -> argparse.Namespace:
    """Return the arguments with one table split into files for training, validation and test in a folder."""
    trained, test = split_pairs(read_pairs(given.pairs, columns=given.columns), given.hold_out, seed=0)
    trained, validation = split_pairs(trained, given.hold_out, seed=1)
    written = {"train": trained, "validation": validation, "test": test}
    if given.more:
        written["more"] = read_pairs(given.more, columns=given.columns)
    for name, pairs in written.items():
        for side, texts in (("source", pairs.sources), ("target", pairs.targets)):
            (folder / f"{name}.{side}").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        rows = zip(pairs.sources, pairs.targets, strict=True)
        (folder / f"{name}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")
    return argparse.Namespace(**{
        **vars(given),
        "pairs": [folder / f"{name}.tsv" for name in ("train", "more") if name in written],
        "validation": [folder / "validation.tsv"],
        "test": [folder / "test.source", folder / "test.target"],
    })  # fmt: skip


def tokenized(given: argparse.Namespace, folder: Path) -> argparse.Namespace:
    """Return the arguments with every file tokenized, lower-cased and written to a folder."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    names = [given.pairs, given.validation, given.test]
    if any(len(files) != 2 for files in names):
        raise SystemExit("--tokenized takes two files of pairs, SOURCE TARGET, for training, validation and test.")
    made = []
    for kind, files in zip(("train", "validation", "test"), names, strict=True):
        made.append([folder / f"{kind}.{language}" for language in given.tokenized])
        for language, file, path in zip(given.tokenized, files, made[-1], strict=True):
            normalize, tokenize = MosesPunctNormalizer(language).normalize, MosesTokenizer(language).tokenize
            lines = (
                tokenize(normalize(line.strip()), return_str=True, escape=False) for line in TextReader(file).lines()
            )
            path.write_text("".join(f"{line.lower()}\n" for line in lines), encoding="utf-8")
    pairs, validation, test = made
    return argparse.Namespace(**{**vars(given), "pairs": pairs, "validation": validation, "test": test})


def measure(given: argparse.Namespace, *options: object) -> dict[str, Any]:
    """Train, and translate the test set greedily and with beams."""
    tokenize = "none" if given.tokenized else None
    wanted = [line.strip() for line in TextReader(given.test[1]).lines()]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "model") if given.model is None else given.model.resolve()
        apart = [part for file in given.validation for part in ("--validation", file.resolve())]
        files = [file.resolve() for file in given.pairs]
        if given.model is None:
            printed, cost = run(
                "fit-translator", *files, *apart, "--output", folder, "--json", *options, *given.options
            )
        else:
            printed, cost = run("info", folder, "--json")[0], {}
        trained: dict[str, Any] = json.loads(printed)
        scores = {}
        for beam in (1, 5):
            translated, took = run("translate", folder, given.test[0].resolve(), "--beam", beam)
            result = bleu(translated.splitlines(), wanted, tokenize=tokenize)
            lower = bleu(translated.splitlines(), wanted, tokenize=tokenize, lowercase=True)
            scores[str(beam)] = {"bleu": result.score, "signature": result.signature, "lower_cased": lower.score} | took
        asked = Path(work, "asked.txt")
        asked.write_text("".join(f"{text}\n" for text in given.sentence), encoding="utf-8")
        answers = run("translate", folder, asked)[0].splitlines() if given.sentence else []
    for name in ("output", "path", "training"):  # paths
        trained.pop(name, None)
    return {
        "training": trained | cost,
        "test_by_beam": scores,
        "sentences": dict(zip(given.sentence, answers, strict=True)),
    }


def main() -> None:
    """Measure one translator, or also one that starts from word vectors, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path)
    parser.add_argument("--validation", nargs="+", type=Path)
    parser.add_argument("--test", nargs=2, type=Path)
    parser.add_argument("--hold-out", type=int, metavar="N", help="split the pairs, instead of --validation and --test")
    parser.add_argument("--columns", nargs=2, type=int, default=(1, 2))
    parser.add_argument("--more", nargs="+", type=Path, help="additional tables of training pairs")
    parser.add_argument("--sentence", action="append", default=[], help="translate this at the end; may be repeated")
    parser.add_argument("--name", required=True)
    parser.add_argument("--model", type=Path, help="measure this trained translator")
    parser.add_argument("--tokenized", nargs=2, metavar=("SOURCE", "TARGET"), help="language codes, such as: en fr")
    parser.add_argument(
        "--initial", nargs=2, type=Path, metavar=("SOURCE", "TARGET"),
        help="word vectors of both languages: train twice without a joint vocabulary, without them and from them",
    )  # fmt: skip
    parser.add_argument(
        "--options", nargs=argparse.REMAINDER, default=[], help="options of `w2v fit-translator`; must come last"
    )
    given = parser.parse_args()
    if (given.hold_out is None) == (given.validation is None or given.test is None):
        parser.error("give --validation and --test, or --hold-out")
    if given.tokenized or given.hold_out:
        with tempfile.TemporaryDirectory() as folder:
            made = (tokenized if given.tokenized else divided)(given, Path(folder))
            results = {"tokenized": given.tokenized, "held_out": given.hold_out, **measure(made)}
    elif given.initial is None:
        results = measure(given)
    else:
        source, target = (model.resolve() for model in given.initial)
        results = {
            "from_nothing": measure(given, "--no-joint"),
            "from_words": measure(given, "--no-joint", "--initial-source", source, "--initial-target", target),
        }
    write_results(__file__, f"translating-{given.name}", {"options": given.options, **results})


if __name__ == "__main__":
    main()
