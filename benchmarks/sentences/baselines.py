r"""Results of encoders compared with their baselines: every row for shipped ones in docs/how-it-works/experiments.md.

    python benchmarks/sentences/baselines.py my.model --data DATA --corpus simplewiki.txt enwiki.txt \
        --teacher-sentences lines.txt --teacher lines.npy --work WORK

DATA is a folder with sentences/ (sts-dev.csv, sts-train.csv, SICK_trial.txt, SICK_train.txt and
multi30k-captions.tsv.xz) and transfer/ (MR, TREC, SST2). lines.npy contains the teacher's vector of each line of
lines.txt; the number of these lines that are sentences of the STS and SICK files is stored. Every encoder is kept in
WORK, with its reports, and trained only once, so an interrupted benchmark resumes.

Figures are Spearman x 100 of cosines for sts-dev and SICK_trial, and accuracies of logistic regression: MR and TREC by
cross-validation, SST-2 on its dev half, word order on sentences of sts-train that the teacher has not encoded. Encoders
are compared by paired bootstrap, on the mean of sts-dev and SICK_trial and on that of the three classifications.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from benchmarks._common import write_results
from w2v import Embeddings
from w2v.corpora.sentences import SentenceSets, find_overlap, read_sentence_sets, without_overlap
from w2v.encoder.evaluation.baselines import BASELINES, get_baseline
from w2v.encoder.evaluation.files import LabelledSentences, read_labelled, read_scored_pairs
from w2v.encoder.evaluation.measures import evaluate_classification, evaluate_sts, probe_word_order
from w2v.encoder.evaluation.reports import Report, compare
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.training import fit_encoder

STS, LABELS = ("sts-dev", "SICK-trial"), ("MR", "TREC", "SST-2")
SST_SENTENCES = 12_000
PROBE_SENTENCES = 2_000
IDENTITY: dict[str, Any] = {"identity_scale": 0.5}
NETWORK: dict[str, Any] = {"layers": 1, "positions": "relative", "dropout": 0.1}
ORDER_SHARE = 0.3
CAPTIONS: dict[str, Any] = {"steps": 400, "batch_size": 1024, "learning_rate": 3e-3, "weight_rate": 2e-2}
"""The best settings for captions; they would harm other pairs."""

Encode = Callable[[Sequence[str]], Any]


class Data:
    """The evaluation files."""

    def __init__(self, folder: Path) -> None:
        sentences, transfer = folder / "sentences", folder / "transfer"
        self.pairs = {
            "sts-dev": read_scored_pairs(sentences / "sts-dev.csv"),
            "SICK-trial": read_scored_pairs(sentences / "SICK_trial.txt"),
        }
        others = [read_scored_pairs(sentences / name) for name in ("sts-train.csv", "SICK_train.txt")]
        self.probe = sorted(set(others[0].first))[:PROBE_SENTENCES]
        every = [*self.pairs.values(), *others]
        self.sentences = [sentence for pairs in every for sentence in (*pairs.first, *pairs.second)]
        self.captions = read_sentence_sets(sentences / "multi30k-captions.tsv.xz")
        halves = {"1": "rt-polarity.pos", "0": "rt-polarity.neg"}
        reviews = [
            (line.strip(), label)
            for label, name in halves.items()
            for line in (transfer / "MR" / name).read_text("utf-8", "replace").splitlines()
            if line.strip()
        ]
        self.labelled = {
            "MR": (LabelledSentences(*map(tuple, zip(*reviews, strict=True))), None),  # type: ignore[arg-type]
            "TREC": (read_labelled(transfer / "TREC" / "train_5500.label"), None),
            "SST-2": (
                some_of(read_labelled(transfer / "SST2" / "sentiment-train")),
                read_labelled(transfer / "SST2" / "sentiment-dev"),
            ),  # fmt: skip  # noqa: E501
        }

    def check_teacher(self, path: Path) -> dict[str, int]:
        """Remove the sentences encoded by the teacher from the probe; return their number in each file."""
        with path.open(encoding="utf-8") as file:
            spoken = SentenceSets([(line,) for line in file])
        probe = SentenceSets([(sentence,) for sentence in self.probe])
        touched = set(find_overlap(probe, (line for (line,) in spoken.sets)).touched)
        self.probe = [sentence for row, sentence in enumerate(self.probe) if row not in touched]
        counted = {
            name: len(find_overlap(spoken, (*pairs.first, *pairs.second)).touched) for name, pairs in self.pairs.items()
        }
        return {**counted, "taken out of the probe": len(touched)}


def some_of(labelled: LabelledSentences) -> LabelledSentences:
    """Return the part of the training sentences used for the classifier."""
    rows = np.random.default_rng(0).choice(len(labelled), min(SST_SENTENCES, len(labelled)), replace=False)
    return LabelledSentences(
        tuple(labelled.sentences[row] for row in rows), tuple(labelled.labels[row] for row in rows), labelled.path
    )


def measure(encode: Encode, data: Data, *, labels: bool, beside: Encode | None = None) -> dict[str, Report]:
    """Return all reports of an encoder, or only STS; classification also with another's vectors concatenated."""
    reports: dict[str, Report] = {name: evaluate_sts(encode, pairs) for name, pairs in data.pairs.items()}
    if not labels:
        return reports
    for name, (labelled, held_out) in data.labelled.items():
        reports[name] = evaluate_classification(encode, labelled, held_out=held_out)
        if beside is not None:
            joint = joined(encode, beside)
            reports[f"{name} +mean"] = evaluate_classification(joint, labelled, held_out=held_out)
    reports["word order"] = probe_word_order(encode, data.probe)
    return reports


def joined(first: Encode, second: Encode) -> Encode:
    """Return an encoder with the concatenated vectors of two encoders."""
    return lambda sentences: np.hstack([first(sentences), second(sentences)])


def figures(reports: dict[str, Report]) -> dict[str, float]:
    """Return all figures x 100, and the means of the three classifications."""
    shown = {name: round(100 * report.figure, 2) for name, report in reports.items()}
    for suffix in ("", " +mean"):
        values = [shown[name + suffix] for name in LABELS if name + suffix in shown]
        if values:
            shown[f"mean of labels{suffix}"] = round(float(np.mean(values)), 2)
    return shown


class Bench:
    """The encoders, each trained once."""

    def __init__(self, arguments: argparse.Namespace, data: Data) -> None:
        self.a, self.data = arguments, data
        self.embeddings = Embeddings.load(arguments.model)
        self.results: dict[str, Any] = {}
        self.reports: dict[str, dict[str, Report]] = {}
        self.mean = get_baseline("mean", self.embeddings)

    def baseline(self, name: str) -> None:
        """Evaluate one of the baselines."""
        self._measure(name, lambda: get_baseline(name, self.embeddings).encode, None, labels=name in ("mean", "sif"))

    def trained(self, name: str, train: Callable[[], EncoderState], *, labels: bool) -> EncoderState:
        """Train an encoder, unless it exists, and evaluate it."""
        folder, seconds = self.a.work / f"{name}.encoder", None
        if not folder.exists():
            start = time.perf_counter()
            state = train()
            seconds = round(time.perf_counter() - start, 1)
            SentenceEncoder(state, "static" if state.network is None else "attention").save(folder)
        encoder = SentenceEncoder.load(folder)
        self._measure(name, lambda: encoder.transform, seconds, labels=labels)
        return encoder.state

    def _measure(self, name: str, make: Callable[[], Encode], seconds: float | None, *, labels: bool) -> None:
        stored = self.a.work / f"{name}.reports"  # only written and read by this benchmark
        reports: dict[str, Report] = {}
        if stored.exists():
            seconds, reports = pickle.loads(stored.read_bytes())
        if not reports or (labels and self.data.labelled and LABELS[0] not in reports):
            beside = None if name == "mean" or not name.endswith("-1") else self.mean.encode
            reports = measure(make(), self.data, labels=labels, beside=beside)
            stored.write_bytes(pickle.dumps((seconds, reports)))
        self.reports[name] = reports
        self.results[name] = {"seconds": seconds, **figures(reports)}
        print(name, self.results[name], flush=True)

    def differences(self, first: str, second: str) -> dict[str, Any]:
        """Compare two encoders by paired bootstrap."""
        groups = {
            "STS": STS,
            "sts-dev": STS[:1],
            "labels": LABELS,
            "labels +mean": tuple(f"{name} +mean" for name in LABELS),
            "word order": ("word order",),
        }
        one, other = self.reports[first], self.reports[second]
        found = {
            group: compare([one[name] for name in names], [other[name] for name in names]).to_dict()
            for group, names in groups.items()
            if all(name in one and name in other for name in names)
        }
        shown = {group: " ".join(f"{100 * value:+.2f}" for value in list(d.values())[:3]) for group, d in found.items()}
        print(f"{first} - {second}", shown, flush=True)
        return found


def with_network(state: EncoderState, seed: int) -> EncoderState:
    """Return the state with a network in its initial state, which changes no vector."""
    config = NetworkConfig(state.width, **NETWORK)
    return replace(state, network=config, parameters=Network(config).initialise(seed))


def main() -> None:
    """Train, measure, compare and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--teacher-sentences", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", choices=["all", "baselines", "no-teacher", "teacher"], default="all")
    a = parser.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    data = Data(a.data)
    captions, overlap = without_overlap(data.captions, data.sentences)
    left = find_overlap(captions, data.sentences)
    check = {"captions": overlap.to_dict(), "captions_left": left.to_dict()}
    if a.teacher_sentences is not None:
        check["teacher"] = data.check_teacher(a.teacher_sentences)
    print(check, flush=True)
    bench = Bench(a, data)
    differences = {}
    if a.part != "teacher":
        for name in BASELINES:
            bench.baseline(name)
    for seed in range(1, a.seeds + 1):
        if a.part in ("all", "no-teacher"):
            differences |= without_labels(bench, seed, captions)
        if a.part in ("all", "teacher") and a.teacher is not None:
            differences |= taught(bench, seed)
    if a.part == "all":
        write_results(__file__, "sentences", {"check": check, "results": bench.results, "differences": differences})


def without_labels(bench: Bench, seed: int, captions: SentenceSets) -> dict[str, Any]:
    """Train on neighbours, and then on captions."""
    start = sif_state(bench.embeddings, **IDENTITY)
    options = FitOptions(seed=seed)
    neighbors = bench.trained(
        f"neighbors-{seed}",
        lambda: fit_encoder(start, list(bench.a.corpus), options=options).state,
        labels=seed == 1,
    )
    found = {f"neighbors-{seed} - {name}": bench.differences(f"neighbors-{seed}", name) for name in BASELINES}
    of_captions = FitOptions(seed=seed, **CAPTIONS)
    bench.trained(
        f"captions-{seed}", lambda: fit_encoder(neighbors, pairs=captions, options=of_captions).state, labels=seed == 1
    )
    found[f"captions-{seed} - neighbors-{seed}"] = bench.differences(f"captions-{seed}", f"neighbors-{seed}")
    return found


def taught(bench: Bench, seed: int) -> dict[str, Any]:
    """Train with a teacher: a table alone, and the same with attention."""
    start = sif_state(bench.embeddings, **IDENTITY)
    a = bench.a
    options = FitOptions(seed=seed, order_share=ORDER_SHARE)
    names = {"table": start, "attention": with_network(start, seed)}
    for name, state in names.items():
        bench.trained(
            f"teacher-{name}-{seed}",
            lambda state=state: fit_encoder(state, a.teacher_sentences, teacher=a.teacher, options=options).state,  # type: ignore[misc]
            labels=True,
        )
    first, second = f"teacher-attention-{seed}", f"teacher-table-{seed}"
    return {f"{first} - {second}": bench.differences(first, second)}


if __name__ == "__main__":
    main()
