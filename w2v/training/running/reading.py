"""The text of a training: read, encoded, and checked against that of an interrupted one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer
from w2v.encoding.corpus import Corpus, inputs_of, open_corpus, tokenizer_for
from w2v.encoding.holdout import hold_out
from w2v.encoding.records import encode_records
from w2v.encoding.stream import TokenStream, WorkFolder, encode_corpus
from w2v.encoding.vocabulary import Vocabulary, known_rows
from w2v.monitoring.history import Progress
from w2v.phrases.estimator import encode_with_phrases, phrases_of
from w2v.phrases.phrase_list import PhraseTokenizer
from w2v.training.continuing import counts_before
from w2v.training.running.start import RunOptions, Start
from w2v.training.state import TrainingState, digest_stream

NO_PAIRS = (
    "{} has no sentence with two known words, so there is nothing to train; give sentences of several words, more "
    "text, or a smaller min_count"
)


class NoPairsError(ValueError):
    """No two words of the corpus are neighbours, so there is nothing to train."""


@dataclass(frozen=True)
class TrainingText:
    """An encoded corpus and its vocabulary; fields without a comment are as in `TrainingState`."""

    vocabulary: Vocabulary  # with the counts in this text
    stream: TokenStream
    digest: int  # `digest_stream` of the whole text
    inputs: tuple[str, ...]
    errors: str
    base_counts: NDArray[np.int64] | None
    tokenizer: Tokenizer  # as requested; with phrases, a `PhraseTokenizer`
    held_out: TokenStream | None = None  # sentences removed from `stream`

    def hold_out(self, fraction: float | None, seed: int) -> TrainingText:
        """Return the text with a fraction of its sentences held out, if `holdout` is set."""
        if fraction is None:
            return self
        stream, held_out = hold_out(self.stream, fraction, seed)
        return replace(self, stream=stream, held_out=held_out)

    def total_vocabulary(self) -> Vocabulary:
        """Return the words with their total counts in this text and earlier ones."""
        if self.base_counts is None:
            return self.vocabulary
        assert self.vocabulary.counts is not None
        return Vocabulary(self.vocabulary.index_to_key, self.vocabulary.counts + np.maximum(self.base_counts, 0))


def check_pairs(text: TrainingText) -> None:
    """Raise `NoPairsError` if no sentence of the training text, or of the held-out text, has two words."""
    for stream, what in ((text.stream, "the corpus"), (text.held_out, "the held-out text")):
        if stream is not None and not (np.diff(stream.offsets) > 1).any():
            raise NoPairsError(NO_PAIRS.format(what))


def read_text(
    corpus: Corpus,
    start: Start,
    workers: int,
    run: RunOptions,
    folder: WorkFolder,
    progress: Callable[[Progress], None] | None,
) -> TrainingText:
    """Encode the corpus, including the known words if vectors are trained further."""
    parameters, known = start.parameters, start.known_words()
    opened = open_corpus(corpus, parameters.lines)
    tokenizer = tokenizer_for(opened, parameters.tokenizer)
    if start.before is not None and start.before.embeddings.tokenizer is not None:
        tokenizer = start.before.embeddings.tokenizer
    options: dict[str, Any] = {
        "min_count": parameters.min_count,
        "max_vocab": parameters.max_vocab,
        "workers": workers,
        "max_memory": run.max_memory,
        "work_folder": folder,
        "known": known,
        "progress": None if progress is None else partial(_report_reading, progress),
    }
    if parameters.lines != "text":
        if known is not None:
            raise ValueError(
                f"a model of lines={parameters.lines!r:.80} cannot be trained further; train a new model on its "
                "lines and the new ones together"
            )
        if parameters.lines == "pairs":
            tokenizer = get_tokenizer("tabs")  # keeps names unchanged
        del options["workers"], options["max_memory"], options["work_folder"], options["known"]
        vocabulary, stream = encode_records(
            opened, parameters.lines, tokenizer, languages=parameters.languages, **options
        )
    elif parameters.phrases or isinstance(tokenizer, PhraseTokenizer):
        vocabulary, stream, tokenizer = encode_with_phrases(opened, tokenizer, phrases_of(parameters), **options)
    else:
        vocabulary, stream = encode_corpus(opened, tokenizer, **options)
    base_counts = None
    if known is not None:
        base_counts = counts_before(known_rows(vocabulary.index_to_key, known.key_to_index), known)
    errors = opened.errors if isinstance(opened, TextReader) else "strict"
    return TrainingText(vocabulary, stream, digest_stream(stream), inputs_of(opened), errors, base_counts, tokenizer)


def _report_reading(progress: Callable[[Progress], None], read: int, size: int | None) -> None:
    progress(Progress("reading", read / size if size else None))


def check_same_text(found: Vocabulary, digest: int, interrupted: TrainingState) -> None:
    """Raise ValueError if words or `digest_stream` differ from those of the text that training began with."""
    expected = interrupted.vocabulary
    if found.index_to_key != expected.index_to_key or not np.array_equal(found.counts, expected.counts):  # type: ignore[arg-type]
        difference = "its words and counts differ"
    elif digest != interrupted.stream:
        difference = "the same words are in another order"
    else:
        return
    raise ValueError(
        f"the corpus is not the one that training began with: {difference}; resume with the same text, or train anew"
    )
