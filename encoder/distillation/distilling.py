"""`distill`: train an encoder that is much faster than its teacher and nearly as good."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer
from w2v.display.progress import mode_of, show_progress, tell
from w2v.encoder.distillation.drawing import FEWEST, MOST, draw_sentences
from w2v.encoder.distillation.options import DistilOptions
from w2v.encoder.distillation.workplace import (
    SENTENCES,
    STUDENT,
    SUFFIX,
    TEACHER,
    WORDS,
    Workplace,
    read_lines,
    stamp_of,
)
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.state import tokenizer_of
from w2v.encoder.opening import located, open_encoder, open_start
from w2v.encoder.places import digest_of_folder
from w2v.encoder.sentence_encoder import SentenceEncoder
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.resuming import ENCODERS
from w2v.encoder.training.teacher_cache import TeacherCache
from w2v.encoding.corpus import inputs_of, open_corpus
from w2v.formats.hub import PREFIX
from w2v.kernels.simd.integers import HAS_INSTRUCTION
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.storage.claims import claimed
from w2v.storage.rescue import save_result
from w2v.training.checkpoints import interrupted_seed
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import check_output

IDENTITY = 0.5
"""Length of the spelling vectors relative to the word vectors; see docs/how-it-works/experiments.md."""

_AT_ONCE = 512
"""Number of sentences the teacher encodes between two checks of the time limit."""
_FEWEST = 8
_STEPS = ("drawing sentences", "word vectors", "teaching", "student")


@dataclass
class Distilled:
    """The result of a distillation.

    Attributes
    ----------
    encoder : SentenceEncoder
    path : Path or None
        Where the encoder is saved.
    teacher : str
        Name of the teacher.
    sentences : int
        Number of sentences the student was trained on.
    seconds : dict of str to float
        Duration of each step; nearly 0 for one completed in an earlier run.
    """

    encoder: SentenceEncoder
    path: Path | None
    teacher: str
    sentences: int
    seconds: dict[str, float]


def distill(
    teacher: str | os.PathLike[str],
    texts: Any,
    *,
    output: str | os.PathLike[str] | None = None,
    initial: Embeddings | str | os.PathLike[str] | None = None,
    teacher_cache: str | os.PathLike[str] | None = None,
    work: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_INTERVAL,
    overwrite: bool = False,
    progress: bool | str | None = None,
    **options: Any,
) -> SentenceEncoder:
    """Distil a teacher into a small encoder, in four steps.

    Sentences are sampled from the text; word vectors are trained on it; the teacher encodes the sentences; and the
    student is trained to reproduce the teacher's vectors. Each step saves its result in a work area, from which a
    second call resumes.

    Parameters
    ----------
    teacher : str or path-like
        The folder of an encoder, from this toolkit or another program; ``hub:owner/name``; or the name of a model
        shipped by an installed package, such as "all-MiniLM-L6-v2". See `w2v.encoder.opening.located`.
    texts : str, path-like, TextReader, list of path-like, or list of str
        Files or texts, with one paragraph or sentence per line. The kinds of sentences matter most: use those that you
        are going to compare.
    output : path-like, optional
        Output folder of the encoder.
    initial : Embeddings or path-like, optional
        Word vectors to start from; none are trained then.
    teacher_cache : path-like, optional
        Where the teacher's vectors are stored, also for other runs; by default in the work area.
    work : path-like, optional
        The work area, which is kept. By default it is ``OUTPUT.distil``, which is removed at the end, or, without
        `output`, a temporary folder.
    checkpoint_every : float, default 600
        Seconds between training checkpoints.
    overwrite : bool, default False
        Let `output` replace an existing model folder.
    progress : bool or str, optional
        True shows progress: a bar at a terminal or in a notebook, otherwise a log line every ten seconds; "bar" and
        "log" choose one of them.
    **options
        See `DistilOptions`: ``distill(teacher, texts, architecture="attention", max_time=600)``.

    Returns
    -------
    SentenceEncoder

    Raises
    ------
    ValueError
        If an option is out of range, or the text has too few sentences or words.
    ModelError
        If the teacher cannot be opened, or the output or work area cannot be written.
    CorpusError
        If a text cannot be read.
    TrainingInterrupted
        After Ctrl-C during training; results so far are kept in the work area.

    Notes
    -----
    With `max_time`, training the word vectors gets a quarter of it, the teacher stops when a quarter is left, and the
    student is trained on the sentences that the teacher has encoded. Otherwise the same seed gives the same encoder.
    """
    found = run_distillation(
        teacher, texts, DistilOptions(**options), output=output, initial=initial, teacher_cache=teacher_cache,
        work=work, checkpoint_every=checkpoint_every, overwrite=overwrite, progress=progress,
    )  # fmt: skip
    return found.encoder


def run_distillation(
    teacher: str | os.PathLike[str],
    texts: Any,
    options: DistilOptions,
    *,
    output: str | os.PathLike[str] | None = None,
    initial: Embeddings | str | os.PathLike[str] | None = None,
    teacher_cache: str | os.PathLike[str] | None = None,
    work: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_INTERVAL,
    overwrite: bool = False,
    progress: bool | str | None = None,
) -> Distilled:
    """Do the work of `distill`, and return details of the run as well."""
    if output is not None:
        check_output(output, overwrite)
    corpus = _opened_texts(texts)
    with ExitStack() as held:
        if output is not None:
            held.enter_context(claimed(output))
        is_kept = work is not None
        if work is None:
            work = held.enter_context(tempfile.TemporaryDirectory()) if output is None else work_area(output)
        folder = located(teacher)
        encoder = open_encoder(folder)  # raises its errors before anything is computed
        place = Workplace(Path(work))
        if not is_kept:
            held.callback(place.remove_if_empty)
        run = _Distillation(
            _name_of(teacher), Path(folder), Inference(encoder), corpus, _opened_words(initial), options, place,
            Path(teacher_cache or place.folder / TEACHER), checkpoint_every, progress,
        )  # fmt: skip
        student, n_sentences = run.all_steps()
        path = None
        if output is not None:
            own = Path(output)
            path = save_result(lambda path: student.save(path, overwrite=overwrite and path == own), own)
            if not is_kept:
                place.remove()
    return Distilled(student, path, run.name, n_sentences, run.seconds)


def _name_of(teacher: str | os.PathLike[str]) -> str:
    """Return the display name of a teacher: its name on the hub or in the catalogue, or its folder."""
    name = os.fspath(teacher)
    return Path(os.path.realpath(name)).name if os.path.exists(name) else name.removeprefix(PREFIX)


def work_area(output: str | os.PathLike[str]) -> Path:
    """Return the default work area for an output."""
    path = Path(os.path.realpath(output))
    return path.with_name(path.name + SUFFIX)


def _opened_texts(texts: Any) -> TextReader | list[str]:
    """Return texts as files or as a list in memory, so that they can be read several times."""
    opened = open_corpus(texts)
    if isinstance(opened, TextReader):
        if opened.files is None:
            raise ValueError("a distillation reads its text twice, and standard input or a pipe can be read only once")
        return opened
    lines = list(opened)
    if wrong := [line for line in lines if not isinstance(line, str)]:
        raise TypeError(f"the text must be files or strings, not {type(wrong[0]).__name__}")
    return lines


def _texts_of(corpus: TextReader | list[str]) -> Iterator[Iterable[str]]:
    """Yield the lines of each file, or all of a list; each is to be read before the next."""
    if not isinstance(corpus, TextReader):
        yield corpus
        return
    for _, lines in groupby(corpus.numbered_lines(), key=itemgetter(0)):
        yield map(itemgetter(2), lines)


def _opened_words(initial: Embeddings | str | os.PathLike[str] | None) -> Embeddings | None:
    if initial is None or isinstance(initial, Embeddings):
        return initial
    found = open_start(initial)
    if not isinstance(found, Embeddings):
        raise ValueError(
            f"{os.fspath(initial)} is an encoder; `initial` must be word vectors for the student to start from"
        )
    return found


@dataclass
class _Distillation:
    """The steps of a distillation, each of which saves its result."""

    name: str
    teacher: Path
    inference: Inference
    corpus: TextReader | list[str]
    initial: Embeddings | None
    options: DistilOptions
    place: Workplace
    cache: Path
    checkpoint_every: float
    progress: bool | str | None
    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=lambda: time.monotonic())

    def all_steps(self) -> tuple[SentenceEncoder, int]:
        """Run all steps; return the student and the number of sentences it was trained on."""
        of_text = stamp_of(self.corpus)
        with self._step(0):
            sentences = self._sentences(of_text)
        with self._step(1):
            words = self._words(of_text)
        with self._step(2):
            sentences = sentences[: self._taught(sentences)]
        with self._step(3):
            student = self._student(words, sentences, of_text)
        return student, len(sentences)

    @contextmanager
    def _step(self, number: int) -> Iterator[None]:
        name, began = _STEPS[number], time.monotonic()
        tell(self.progress, f"Step {number + 1} of {len(_STEPS)}: {name}")
        yield
        self.seconds[name] = time.monotonic() - began

    def _sentences(self, of_text: Any) -> list[str]:
        options = self.options
        made_with = {"text": of_text, "n": options.sentences, "seed": options.seed, "tokenizer": options.tokenizer}
        path = self.place.begin(SENTENCES, made_with)
        if path.exists():
            return read_lines(path)
        corpus = self.corpus
        with show_progress(mode_of(self.progress), _STEPS[0]) as update:

            def told(n_lines: int) -> None:
                if update is not None:
                    if isinstance(corpus, TextReader):
                        update(_STEPS[0], corpus.consumed_bytes, corpus.total_bytes)
                    else:
                        update(_STEPS[0], n_lines, len(corpus))

            found = draw_sentences(_texts_of(corpus), options.sentences, self._tokenizer, options.seed, told)
        if len(found) < _FEWEST:
            raise ValueError(
                f"the text has {len(found)} sentences of {FEWEST} to {MOST} words, but a distillation needs at "
                f"least {_FEWEST}"
            )
        self.place.write_lines(SENTENCES, found)
        return found

    def _words(self, of_text: Any) -> Embeddings:
        """Return the word vectors to initialise the student with."""
        if self.initial is not None:
            return self.initial
        options = self.options
        made_with = {
            "text": of_text, "vector_size": options.vector_size, "min_count": options.min_count, "seed": options.seed,
            "tokenizer": options.tokenizer,
        }  # fmt: skip
        path = self.place.begin(WORDS, made_with)
        run: dict[str, Any] = {
            "checkpoint": path, "checkpoint_every": self.checkpoint_every, "progress": self.progress,
        }  # fmt: skip
        if interrupted_seed(path) is not None:
            return Word2Vec.load(path).resume(self.corpus, **run).embeddings_
        if path.exists():
            return Embeddings.load(path)
        model = Word2Vec(
            recipe="best", vector_size=options.vector_size, min_count=options.min_count, tokenizer=options.tokenizer,
            workers=options.workers, random_state=options.seed, max_time=self._part(4),
        )  # fmt: skip
        return model.fit(self.corpus, **run).embeddings_

    def _taught(self, sentences: list[str]) -> int:
        """Encode sentences with the teacher until all are done or time is up; return how many are done."""
        self._compress_teacher()
        encode = lambda texts: self.inference.encode(texts, output=Output())  # noqa: E731
        kept = TeacherCache(self.cache, self.teacher, self.inference.state.dimension)
        end = None if self.options.max_time is None else self.began + self.options.max_time - (self._part(4) or 0)
        with show_progress(mode_of(self.progress), _STEPS[2]) as update:
            for start in range(0, len(sentences), _AT_ONCE):
                if end is not None and start and time.monotonic() > end:
                    return start
                if update is not None:
                    update(_STEPS[2], start, len(sentences))
                kept.vectors(sentences[start : start + _AT_ONCE], encode)
        return len(sentences)

    def _compress_teacher(self) -> None:
        """Replace the teacher by a copy that computes in int8, if that is wanted and possible."""
        state, is_wanted = self.inference.state, self.options.compress
        is_wanted = HAS_INSTRUCTION if is_wanted is None else is_wanted
        if not is_wanted or state.attention is None or state.attention.compute_type == "int8":
            return
        path = self.place.begin(f"{self.teacher.name}-int8", {"teacher": digest_of_folder(self.teacher)})
        if not path.exists():
            SentenceEncoder(state.compress()).save(path)
        self.teacher, self.inference = path, Inference(open_encoder(path))

    def _student(self, words: Embeddings, sentences: list[str], of_text: Any) -> SentenceEncoder:
        options = self.options
        made_with = {
            "text": of_text, "n": len(sentences), "seed": options.seed, "steps": options.steps,
            "architecture": options.architecture, "teacher": digest_of_folder(self.teacher), "words": stamp_of(words),
        }  # fmt: skip
        path = self.place.begin(STUDENT, made_with)
        run: dict[str, Any] = {
            "teacher": self.teacher, "teacher_cache": self.cache, "checkpoint": path,
            "checkpoint_every": self.checkpoint_every, "progress": self.progress,
        }  # fmt: skip
        if interrupted_seed(path, ENCODERS) is not None:
            student = SentenceEncoder.load(path).resume(sentences, **run)
        elif path.exists():
            student = SentenceEncoder.load(path)
        else:
            training = FitOptions(
                steps=options.steps, seed=options.seed, workers=options.workers, max_time=self._left(),
            )  # fmt: skip
            start = SentenceEncoder(words, options.architecture, identity_scale=IDENTITY, training=training)
            student = start.fit(sentences, **run)
        described = {"teacher": self.name, "sentences": len(sentences), "texts": list(inputs_of(self.corpus))}
        student.state_ = replace(student.state_, metadata={**student.state_.metadata, "distilled": described})
        return student

    @property
    def _tokenizer(self) -> Tokenizer:
        return get_tokenizer(self.options.tokenizer) if self.initial is None else tokenizer_of(self.initial)

    def _part(self, of: int) -> float | None:
        """Return a fraction of the time limit."""
        return None if self.options.max_time is None else self.options.max_time / of

    def _left(self) -> float | None:
        """Return the time left for the student, at least a quarter of the limit."""
        if self.options.max_time is None:
            return None
        return max(self.began + self.options.max_time - time.monotonic(), self.options.max_time / 4)
