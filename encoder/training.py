"""Training an encoder: without labels on the neighbours of sentences, on sets that mean the same, or after a teacher.

Training keeps the state whose loss on held-out sentences, which needs no labels, is lowest; the start is one of the
candidates, so that by this measure an encoder only gets better. It can be interrupted and resumed: what a step draws
depends on the seed and the number of the step only.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.readers import TextReader
from corpora.sentences import MAX_TOKENS, MIN_TOKENS, SentenceSets, read_sentence_sets
from encoder.batches import PackedSentences, pack_neighbors, pack_sentences
from encoder.lookup import WordLookup
from encoder.optimizers import Schedule
from encoder.state import EncoderState
from encoder.tasks import NeighborTask, OrderTask, PairTask, Task, TeacherTask
from encoder.trainable import Rates, Trainable
from w2v.stream import open_corpus
from w2v.trainer import DivergenceError

Teacher = Callable[[list[str]], NDArray[Any]] | NDArray[Any] | str | os.PathLike[str]
"""From a list of n texts to n rows; or the rows, or the .npy file of them, in the order of the sentences."""

Pairs = SentenceSets | str | os.PathLike[str] | Iterable[Sequence[str]]
"""Sentences that belong together; a file of them; or sequences of at least two."""

_TEACHER_BATCH = 256
_MAX_STEPS = 10**9


@dataclass(frozen=True)
class FitOptions:
    """How an encoder is trained. What is None is chosen by what it is trained on; see `DEFAULTS`.

    Attributes
    ----------
    steps : int or None
        At most so many.
    batch_size : int or None
        Sentences, or sets of them, in a step.
    learning_rate : float or None
        Of the rows of words, at its peak; 0 leaves them as they are.
    weight_rate : float or None
        Of the logarithms of words' weights.
    network_rate : float
        Of the network.
    temperature : float or None
        Cosines are divided by it.
    word_dropout : float or None
        Share of the words of pairs that each step leaves out.
    order_share : float
        How much the loss of telling swapped words counts beside the other one. Without a network it is left out.
    warmup : int
        Steps in which the rates rise to their peak; then they fall to zero.
    weight_decay, clip : float
        Of the matrices of the network, and the longest its gradient may be.
    chunk : int or None
        Sentences that the network holds at once; the batch may then be larger than memory allows.
    evaluate_every : int
        Steps from one measurement of the held-out loss to the next.
    max_time : float or None
        Seconds of training, after which it ends as if its steps had ended.
    min_tokens, max_tokens : int
        Sentences of a corpus with fewer or more known words are left out.
    hard_negatives : bool
        The last column of a file of pairs is a hard negative.
    workers : int or None
        Threads of the network; all cores by default.
    seed : int
        Decides everything random.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_rate: float | None = None
    network_rate: float = 2e-3
    temperature: float | None = None
    word_dropout: float | None = None
    order_share: float = 0.3
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    chunk: int | None = None
    evaluate_every: int = 200
    max_time: float | None = None
    min_tokens: int = MIN_TOKENS
    max_tokens: int = MAX_TOKENS
    hard_negatives: bool = False
    workers: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise ValueError(f"{name} must be at least {least:g} and finite, not {value}")
        for name in ("temperature", "clip"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, not {value}")
        if self.word_dropout is not None and not 0 <= self.word_dropout < 1:
            raise ValueError(f"word_dropout must be from 0 to below 1, not {self.word_dropout}")
        if self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens must be at least min_tokens, not {self.max_tokens} < {self.min_tokens}")

    def filled(self, kind: str) -> FitOptions:
        """Return the options with the defaults of what is trained on: "corpus", "pairs" or "teacher"."""
        return replace(self, **{name: value for name, value in DEFAULTS[kind].items() if getattr(self, name) is None})


_LEAST: dict[str, float] = {
    "steps": 1, "batch_size": 2, "learning_rate": 0, "weight_rate": 0, "network_rate": 0, "order_share": 0,
    "warmup": 0, "weight_decay": 0, "chunk": 1, "evaluate_every": 1, "max_time": 0, "min_tokens": 1, "max_tokens": 1,
    "workers": 1, "seed": 0,
}  # fmt: skip

DEFAULTS: dict[str, dict[str, Any]] = {
    "corpus": {"steps": 2500, "batch_size": 1024, "learning_rate": 2e-3, "weight_rate": 0.0, "temperature": 0.03},
    "pairs": {
        "steps": 400, "batch_size": 1024, "learning_rate": 3e-3, "weight_rate": 2e-2, "temperature": 0.06,
        "word_dropout": 0.15,
    },
    "teacher": {"steps": 2000, "batch_size": 512, "learning_rate": 3e-3, "weight_rate": 0.0, "temperature": 0.1},
}  # fmt: skip
"""Options that are None, by what is trained on; docs/experiments.md says where they come from."""


@dataclass(frozen=True)
class FitProgress:
    """Where a training stands.

    Attributes
    ----------
    phase : str
        "reading", "teaching" (the teacher is asked), "training", or "measuring".
    done : float or None
        Share of the phase, if known.
    step : int
    loss : float or None
        Recent mean of the training loss.
    held_out_loss : float or None
        The last one measured.
    seconds : float
        Since training began.
    """

    phase: str
    done: float | None = None
    step: int = 0
    loss: float | None = None
    held_out_loss: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Fitted:
    """What training gave.

    Attributes
    ----------
    state : EncoderState
        The best by the held-out loss.
    history : list of dict
        For each measurement: stage, step, seconds, losses by task, held_out_loss, and whether it was the best so far.
    interrupted : bool
        Whether Ctrl-C ended the training.
    training : dict of str to ndarray, or None
        What an interrupted training needs to go on: pass it to `fit_encoder` as `resume`.
    """

    state: EncoderState
    history: list[dict[str, Any]]
    interrupted: bool = False
    training: dict[str, NDArray[Any]] | None = None


def fit_encoder(
    state: EncoderState,
    corpus: Any = None,
    *,
    pairs: Pairs | Sequence[Pairs] | None = None,
    teacher: Teacher | None = None,
    options: FitOptions | None = None,
    progress: Callable[[FitProgress], None] | None = None,
    resume: Mapping[str, NDArray[Any]] | None = None,
) -> Fitted:
    """Train an encoder.

    Parameters
    ----------
    state : EncoderState
        Where to start; such as `sif_state`, or what another training gave.
    corpus : str, path-like, list of path-like, or iterable of str, optional
        Files or texts: one paragraph a line without a teacher, one sentence a line with it.
    pairs : SentenceSets, path, iterable of sequences of str, or a list of these, optional
        Sentences that mean the same. With a corpus they are trained on after it.
    teacher : callable, ndarray or path to .npy, optional
        What the encoder shall be like: makes (n, t) rows of the corpus' sentences, or holds one for each.
    options : FitOptions, optional
    progress : callable, optional
        Called from time to time.
    resume : mapping of str to ndarray, optional
        `Fitted.training` of an interrupted training with the same other arguments.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        If there is nothing to train on, or not enough of it; if the teacher's rows have the wrong number or shape or
        are not finite; if `resume` belongs to another training.
    CorpusError
        If a file cannot be read or is not what it should be.
    DivergenceError
        If a loss is not finite.
    """
    _check_sources(corpus, pairs, teacher)
    options = FitOptions() if options is None else options
    report = progress or (lambda _: None)
    lookup = WordLookup(state.vocabulary, state.tokenizer)
    stages: list[tuple[str, Callable[[FitOptions], list[Task]]]] = []
    if teacher is not None:
        stages.append(("teacher", lambda o: _teacher_tasks(state, lookup, corpus, teacher, o, report)))
    elif corpus is not None:
        stages.append(("corpus", lambda o: _corpus_tasks(state, lookup, corpus, o, report)))
    if pairs is not None:
        stages.append(("pairs", lambda o: _pair_tasks(state, lookup, pairs, o, report)))
    first = 0 if resume is None else _resumed_stage(resume, [kind for kind, _ in stages])
    history: list[dict[str, Any]] = []
    for number, (kind, make_tasks) in enumerate(stages):
        if number < first:
            continue
        filled = options.filled(kind)
        if options.max_time is not None:
            filled = replace(filled, max_time=options.max_time / len(stages))
        run = _Run(state, kind, make_tasks(filled), filled, report, history)
        if resume is not None and number == first:
            run.restore(resume)
        if not run.train():
            return Fitted(run.best, run.history, True, {"stage": np.array([number], np.int64), **run.tensors()})
        state, history = run.best, run.history
    return Fitted(state, history)


def _check_sources(corpus: Any, pairs: object, teacher: Teacher | None) -> None:
    if corpus is None and pairs is None:
        raise ValueError("there is nothing to train on: give a corpus, pairs, or a corpus and a teacher")
    if teacher is not None and corpus is None:
        raise ValueError("a teacher needs a corpus of sentences to speak about")


class _Run:
    """One stage of a training."""

    def __init__(
        self,
        state: EncoderState,
        kind: str,
        tasks: list[Task],
        options: FitOptions,
        report: Callable[[FitProgress], None],
        history: list[dict[str, Any]],
    ) -> None:
        self.kind, self.tasks, self.options, self.report = kind, tasks, options, report
        self.history = list(history)
        self.model = Trainable(
            state, tasks, weight_decay=options.weight_decay, clip=options.clip, workers=options.workers
        )
        self.best, self.best_loss = state, math.inf
        self.schedule = Schedule(1.0, options.steps or 1, options.warmup)
        self.step, self.seconds = 0, 0.0
        self.recent = [math.nan] * len(tasks)

    def train(self) -> bool:
        """Train to the end; return False if Ctrl-C came before."""
        began = time.perf_counter() - self.seconds
        try:
            if self.step == 0:
                self._measure()
            while (done := self._done()) < 1:
                self._step(done)
                self.seconds = time.perf_counter() - began
                if self.step % self.options.evaluate_every == 0 or self._done() >= 1:
                    self._measure()
                elif self.step % 10 == 0:
                    self._tell("training")
        except KeyboardInterrupt:
            return False
        return True

    def _done(self) -> float:
        share = self.step / (self.options.steps or 1)
        if self.options.max_time is not None:
            share = max(share, self.seconds / max(self.options.max_time, 1e-9))
        return share

    def _step(self, done: float) -> None:
        options = self.options
        share = self.schedule.rate(self.step, done)
        rates = Rates(
            share * (options.learning_rate or 0.0), share * (options.weight_rate or 0.0), share * options.network_rate
        )
        batches = [(i, self._share(task), task.draw(self.step)) for i, task in enumerate(self.tasks)]
        losses = self.model.step(batches, rates, seed=(options.seed << 20) + self.step, chunk=options.chunk)
        self.step += 1
        for i, loss in enumerate(losses):
            self.recent[i] = loss if math.isnan(self.recent[i]) else 0.98 * self.recent[i] + 0.02 * loss
        if not all(map(math.isfinite, losses)):
            raise DivergenceError(
                f"the loss of step {self.step} is not finite; train with a lower learning rate than "
                f"{options.learning_rate:g}, or network rate than {options.network_rate:g}"
            )

    def _share(self, task: Task) -> float:
        return self.options.order_share if task.name == "order" else 1.0

    def _measure(self) -> None:
        self._tell("measuring")
        loss = 0.0
        for task in self.tasks:
            loss += self._share(task) * self.model.loss(task.held_out())
        is_best = loss < self.best_loss
        if is_best:
            self.best, self.best_loss = self.model.state if self.step else self.best, loss
        losses = {task.name: recent for task, recent in zip(self.tasks, self.recent, strict=True)}
        self.history.append(
            {"stage": self.kind, "step": self.step, "seconds": self.seconds}
            | {f"{name}_loss": None if math.isnan(value) else value for name, value in losses.items()}
            | {"held_out_loss": loss, "best": is_best}
        )
        self._tell("training")

    def _tell(self, phase: str) -> None:
        held_out = self.history[-1]["held_out_loss"] if self.history else None
        loss = None if math.isnan(self.recent[0]) else self.recent[0]
        self.report(FitProgress(phase, min(1.0, self._done()), self.step, loss, held_out, self.seconds))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return what `restore` needs: the model, the best state, and where the run stands."""
        best = {"best.table": self.best.table, "best.word_weights": self.best.word_weights}
        if self.best.parameters is not None:
            best["best.network"] = self.best.parameters.flat
        place = np.array([self.step, self.seconds, self.best_loss, *self.recent])
        return {**self.model.tensors(), **best, "place": place, "fingerprint": self._fingerprint()}

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another run, of the same arguments, was."""
        if not np.array_equal(tensors.get("fingerprint", np.empty(0)), self._fingerprint()):
            raise ValueError("the training to resume had other options, or other sentences; start anew")
        self.model.restore(tensors)
        step, self.seconds, self.best_loss, *self.recent = tensors["place"].tolist()
        self.step = int(step)
        parameters = self.best.parameters
        if parameters is not None:
            parameters = parameters.copy()
            parameters.flat[...] = tensors["best.network"]
        self.best = replace(
            self.best,
            table=np.array(tensors["best.table"]),
            word_weights=np.array(tensors["best.word_weights"]),
            parameters=parameters,
        )

    def _fingerprint(self) -> NDArray[np.uint8]:
        """Return bytes that two trainings share only if they do the same."""
        sizes = [[len(task.held_out().sentences.tokens), len(task.draw(0).sentences.tokens)] for task in self.tasks]
        described = {name: value for name, value in asdict(self.options).items() if name not in ("max_time", "workers")}
        return np.frombuffer(repr((self.kind, sizes, described)).encode(), np.uint8)


def _resumed_stage(resume: Mapping[str, NDArray[Any]], kinds: list[str]) -> int:
    stage = resume.get("stage")
    if stage is None or stage.shape != (1,) or not 0 <= int(stage[0]) < len(kinds):
        raise ValueError("what is to be resumed is not the state of such a training")
    return int(stage[0])


def _corpus_tasks(
    state: EncoderState, lookup: WordLookup, corpus: Any, options: FitOptions, report: Callable[[FitProgress], None]
) -> list[Task]:
    neighbors = pack_neighbors(
        lookup, _lines(corpus, report), min_tokens=options.min_tokens, max_tokens=options.max_tokens
    )
    if len(neighbors.firsts) < 4:
        raise ValueError(
            f"the corpus has {len(neighbors.firsts)} pairs of neighbouring sentences of {options.min_tokens} to "
            f"{options.max_tokens} known words; it needs paragraphs, one a line"
        )
    task = NeighborTask(
        neighbors,
        batch_size=options.batch_size or 2,
        temperature=options.temperature or 1.0,
        seed=options.seed,
    )
    return [task, *_order_tasks(state, neighbors.sentences, options)]


def _teacher_tasks(
    state: EncoderState,
    lookup: WordLookup,
    corpus: Any,
    teacher: Teacher,
    options: FitOptions,
    report: Callable[[FitProgress], None],
) -> list[Task]:
    sentences = list(_lines(corpus, report))
    vectors = _teacher_vectors(teacher, sentences, report)
    packed = pack_sentences(lookup, sentences)
    task = TeacherTask(
        packed,
        vectors,
        state.dimension,
        batch_size=options.batch_size or 2,
        temperature=options.temperature or 1.0,
        seed=options.seed,
    )
    return [task, *_order_tasks(state, packed, options)]


def _pair_tasks(
    state: EncoderState,
    lookup: WordLookup,
    pairs: Pairs | Sequence[Pairs],
    options: FitOptions,
    report: Callable[[FitProgress], None],
) -> list[Task]:
    tasks: list[Task] = []
    for place, given in enumerate(_listed(pairs)):
        report(FitProgress("reading"))
        sets = _as_sets(given, options.hard_negatives)
        fewest = min(map(len, sets.sets), default=0)
        if fewest < 2:
            raise ValueError("pairs must be sets of two sentences or more")
        packs = [pack_sentences(lookup, (columns[k] for columns in sets.sets)) for k in range(fewest)]
        negatives = None if sets.negatives is None else pack_sentences(lookup, sets.negatives)
        tasks.append(
            PairTask(
                packs,
                negatives,
                batch_size=options.batch_size or 2,
                temperature=options.temperature or 1.0,
                seed=options.seed + place,
                word_dropout=options.word_dropout or 0.0,
                name="pairs" if place == 0 else f"pairs_{place + 1}",
            )
        )
        if place == 0:
            tasks += _order_tasks(state, packs[0], options)
    return tasks


def _order_tasks(state: EncoderState, sentences: PackedSentences, options: FitOptions) -> list[Task]:
    if state.network is None or not options.order_share or not OrderTask.can_use(sentences):
        return []
    batch_size = max(2, (options.batch_size or 2) // 2)
    return [OrderTask(sentences, state.dimension, batch_size=batch_size, seed=options.seed)]


def _lines(corpus: Any, report: Callable[[FitProgress], None]) -> Iterable[str]:
    """Yield the lines of files, or the texts given."""
    opened = open_corpus(corpus)
    if not isinstance(opened, TextReader):
        for text in opened:
            if not isinstance(text, str):
                raise TypeError(f"a corpus of texts must hold strings, not {type(text).__name__}")
            yield text
        return
    for number, line in enumerate(opened.lines()):
        if number % 10_000 == 0:
            total = opened.total_bytes
            report(FitProgress("reading", opened.consumed_bytes / total if total else None))
        yield line


def _teacher_vectors(teacher: Teacher, sentences: list[str], report: Callable[[FitProgress], None]) -> NDArray[Any]:
    name = "the teacher"
    if isinstance(teacher, (str, os.PathLike)):
        name = os.fspath(teacher)
        vectors = read_vectors(name)
    elif isinstance(teacher, np.ndarray):
        vectors = teacher
    else:
        vectors = _ask(teacher, sentences, report)
    if vectors.ndim != 2 or len(vectors) != len(sentences) or not vectors.shape[1]:
        raise ValueError(
            f"{name} has vectors of shape {vectors.shape}, but there are {len(sentences)} sentences: it needs one row "
            "for each line of the corpus"
        )
    if not np.issubdtype(vectors.dtype, np.floating):
        raise ValueError(f"{name} has vectors of type {vectors.dtype}; they must be floating-point numbers")
    for start in range(0, len(vectors), 1 << 16):
        wrong = np.flatnonzero(~np.isfinite(vectors[start : start + (1 << 16)]).all(axis=1))
        if wrong.size:
            raise ValueError(f"{name}: the vector of sentence {start + int(wrong[0]) + 1} is not finite")
    return vectors


def read_vectors(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Map the array of a .npy file into memory.

    Raises
    ------
    ValueError
        If the file cannot be read, is no .npy file or holds Python objects.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise ValueError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise ValueError(f"{os.fspath(path)} is not a .npy file of numbers") from error
    return array


def _ask(
    teacher: Callable[[list[str]], Any], sentences: list[str], report: Callable[[FitProgress], None]
) -> NDArray[Any]:
    """Let the teacher make its vectors, some at a time."""
    parts = []
    for start in range(0, len(sentences), _TEACHER_BATCH):
        report(FitProgress("teaching", start / len(sentences)))
        some = sentences[start : start + _TEACHER_BATCH]
        rows = np.asarray(teacher(some))
        if rows.ndim != 2 or len(rows) != len(some):
            raise ValueError(f"the teacher made an array of shape {rows.shape} of {len(some)} sentences")
        parts.append(rows)
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _listed(pairs: Pairs | Sequence[Pairs]) -> list[Pairs]:
    if isinstance(pairs, (list, tuple)) and pairs and isinstance(pairs[0], (str, os.PathLike, SentenceSets)):
        return list(pairs)
    return [pairs]  # type: ignore[list-item]


def _as_sets(pairs: Pairs, hard_negatives: bool) -> SentenceSets:
    if isinstance(pairs, SentenceSets):
        return pairs
    if isinstance(pairs, (str, os.PathLike)):
        return read_sentence_sets(pairs, hard_negatives=hard_negatives)
    sets = [tuple(sentences) for sentences in pairs]
    if hard_negatives:
        if any(len(sentences) < 3 for sentences in sets):
            raise ValueError("with hard negatives, pairs must have two sentences and a negative")
        return SentenceSets([sentences[:-1] for sentences in sets], [sentences[-1] for sentences in sets])
    return SentenceSets(sets)


OPTION_NAMES = tuple(field.name for field in fields(FitOptions))
"""For command lines."""
