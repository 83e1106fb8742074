"""The state of a training: saved with a model so that training can be resumed, and checked when it is read."""

from __future__ import annotations

import hashlib
import json
import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.repeats import RepeatedStream
from w2v.encoding.stream import TokenStream
from w2v.monitoring.history import MEASURES, EpochRecord
from w2v.settings.constraints import MAX_SEED
from w2v.settings.descriptions import GENSIM
from w2v.settings.parameters import Parameters
from w2v.storage.json_values import plain_value
from w2v.training.tables import Tables, layout
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import LAYOUT, ModelError, read_config, read_tensors, save_embeddings
from w2v.vectors.subwords import Subwords, SubwordVectors

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoding.vocabulary import Vocabulary

MAX_WORKERS = 1 << 12
"""Maximum number of parts of a text."""
_MAX_STEP = 1 << 53
_MAX_DIGEST = (1 << 64) - 1
_LEFT_OUT = (*GENSIM, "random_state", "tokenizer")
_SEALED = ("step", "seed", "done", "spent", "loss_sums", "stream")


@dataclass(frozen=True)
class Rounds:
    """How workers of a cluster train together, see `w2v.training.cluster`."""

    workers: int  # number of parts of the text
    words: int | None  # per round and worker, as requested
    momentum: Tables | None  # of the outer steps, laid out like the tables; None before the first


@dataclass(frozen=True)
class TrainingState:
    """A complete or interrupted training."""

    embeddings: Embeddings
    """The input vectors, a view of `tables`, with vocabulary, tokenizer and metadata."""
    tables: Tables
    parameters: Parameters  # as at the start
    seed: int  # resolved from `random_state`
    complete: bool  # whether training is complete
    step: int  # completed segments
    history: list[EpochRecord]  # of completed and begun epochs
    done: float = 0.0  # with `max_time`: the completed fraction of the schedule
    spent: float = 0.0  # seconds that count against `max_time`
    inputs: tuple[str, ...] = ()  # see `inputs_of`; empty in models of earlier versions
    errors: str = "strict"  # or "replace": how inputs are decoded, see `corpora.TextReader`
    stream: int = 0  # `digest_stream` of the encoded text
    base_counts: NDArray[np.int64] | None = None
    """For continued training: the count of each word before this text, -1 for a new word; shape (V,)."""
    best: Tables | None = None
    """With `patience`: the tables after the best epoch so far."""
    rounds: Rounds | None = None
    """For a cluster; `step` is then the number of completed rounds."""
    left_out: tuple[str, ...] = ()
    """Parameters that the user left out, so that `parameters` have what was chosen; see `left_out_of`."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The words with their total counts."""
        return self.embeddings.vocabulary

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a model folder with everything needed to resume; see `save_embeddings`."""
        training: dict[str, Any] = {
            "complete": self.complete,
            "step": self.step,
            "seed": self.seed,
            "done": self.done,
            "spent": self.spent,
            "loss_sums": [record.loss_sum for record in self.history],
            "stream": self.stream,
            "inputs": list(self.inputs),
            "errors": self.errors,
            "left_out": list(self.left_out),
        }
        if self.rounds is not None and not self.complete:
            training["rounds"] = {"workers": self.rounds.workers, "words": self.rounds.words}
        tables, seal = self.tables, _seal(self.embeddings.metadata["parameters"], training)
        tensors: dict[str, NDArray[Any] | None] = {
            "output_vectors": tables.output_vectors,
            "seal": seal,
            "word_rows": tables.input_rows[: tables.n_words] if self.parameters.subwords or tables.has_sums else None,
            "position_weights": tables.position_weights,
        }
        if not self.complete:
            tensors |= {"frozen": tables.frozen_words, "base_counts": self.base_counts, **tables.sums}
        momentum = None if self.rounds is None else self.rounds.momentum
        for kind, further in (("best", self.best), ("momentum", momentum)):
            if further is not None and not self.complete:
                tensors |= {f"{kind}_{name}": table for name, table in _parts(further).items()}
        save_embeddings(
            self.embeddings,
            path,
            overwrite=overwrite,
            extra_tensors={LAYOUT.training: {name: array for name, array in tensors.items() if array is not None}},
            extra_config={"training": training},
        )


def left_out_of(parameters: Parameters) -> tuple[str, ...]:
    """Return the names of parameters that training chooses because the user left them out.

    The tokenizer is one: lists of tokens, and phrases, have another than the default.
    """
    return tuple(name for name in _LEFT_OUT if getattr(parameters, name) in (None, Parameters.tokenizer))


def embeddings_of(
    vocabulary: Vocabulary, tables: Tables, parameters: Parameters, tokenizer: Tokenizer, metadata: dict[str, Any]
) -> Embeddings:
    """Return the vectors of the tables: a view, or with n-grams, means of rows and a view of the n-gram rows."""
    subwords = None
    if parameters.subwords:
        assert tables.composition is not None
        cut = Subwords(parameters.min_n, parameters.max_n, parameters.buckets)
        subwords = SubwordVectors(cut, tables.ngram_vectors, tables.composition.buckets)
    return Embeddings(vocabulary, tables.word_vectors, subwords=subwords, tokenizer=tokenizer, metadata=metadata)


def digest_stream(stream: TokenStream) -> int:
    """Return a 64-bit digest of the tokens and sentence ends of an encoded text."""
    ends = zlib.crc32(stream.offsets.data)
    if isinstance(stream, RepeatedStream):
        ends = zlib.crc32(stream.repeats.data, ends)
    return zlib.crc32(stream.tokens.data) << 32 | ends


def read_state(folder: str | os.PathLike[str], tokenizer: Tokenizer | None = None) -> TrainingState:
    """Read the training state of a model folder, which may be untrusted.

    Raises ModelError if it is not a model folder, is of a newer version or damaged, has only vectors, or needs a
    `tokenizer` that is not given.
    """
    folder = Path(folder)
    embeddings = Embeddings.load(folder, tokenizer=tokenizer)
    config = read_config(folder)
    if "training" not in config or not (folder / LAYOUT.training).is_file():
        raise ModelError(
            f"{folder} holds vectors only, not the state of a training; a new training can start from them: "
            f"w2v train TEXT --initial {folder}, in Python fit(..., initial=Embeddings.load(folder))"
        )
    if embeddings.tokenizer is None:
        raise ModelError(f"{folder} was trained with a tokenizer of your own; load it with tokenizer=...")
    try:
        return _read_state(folder, embeddings, config)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ModelError(f"{folder} is damaged: the state of its training cannot be read ({reason})") from error


def _read_state(folder: Path, embeddings: Embeddings, config: dict[str, Any]) -> TrainingState:
    assert embeddings.tokenizer is not None
    training = config["training"]
    parameters = Parameters(**config["parameters"]).without_unused()
    parameters.validate()
    left_out = training["left_out"] if "left_out" in training else []  # earlier versions did not note it
    is_list = isinstance(left_out, list) and all(name in _LEFT_OUT for name in left_out)
    _require(is_list, f"left_out must be a list of {', '.join(_LEFT_OUT)}")
    if "tokenizer" not in left_out:
        parameters = replace(parameters, tokenizer=embeddings.tokenizer)
    _require(parameters.vector_size == embeddings.vector_size, "vector_size differs from that of the vectors")
    _require(embeddings.vocabulary.counts is not None, "the counts are missing")
    _require(isinstance(training["complete"], bool), "complete must be true or false")
    _require(training["errors"] in ("strict", "replace"), "errors must be strict or replace")
    inputs = training["inputs"]
    is_list = isinstance(inputs, list) and all(isinstance(name, str) for name in inputs)
    _require(is_list, "inputs must be a list of file names")
    tensors = read_tensors(folder / LAYOUT.training)
    _require(
        np.array_equal(tensors["seal"], _seal(config["parameters"], training)),
        f"{LAYOUT.config} and {LAYOUT.training} belong to different trainings",
    )
    tables = _read_tables(tensors, embeddings, parameters, training["complete"])
    metadata = {name: value for name, value in embeddings.metadata.items() if name != "training"}
    return TrainingState(
        embeddings_of(embeddings.vocabulary, tables, parameters, embeddings.tokenizer, metadata),
        tables,
        parameters,
        seed=_whole(training["seed"], MAX_SEED),
        complete=training["complete"],
        step=_whole(training["step"], _MAX_STEP),
        history=_read_history(config["history"], training["loss_sums"]),
        done=min(_finite(training["done"]), 1.0),
        spent=_finite(training["spent"]),
        inputs=tuple(inputs),
        errors=training["errors"],
        stream=_whole(training["stream"], _MAX_DIGEST),
        base_counts=_read_base_counts(tensors, embeddings),
        best=_read_further(tensors, tables, "best"),
        rounds=_read_rounds(training, tensors, tables),
        left_out=tuple(left_out),
    )


def _seal(parameters: Mapping[str, Any], training: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return a 32-byte digest of all entries of ``config.json`` that training depends on."""
    entries = [dict(parameters), {name: training[name] for name in (*_SEALED, "rounds") if name in training}]
    text = json.dumps(entries, sort_keys=True, default=plain_value)
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{value!r:.80} is not a whole number from 0 to {most}")
    return value


def _finite(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError(f"{value!r:.80} is not a finite number")
    return float(value)  # type: ignore[arg-type]


def _read_history(records: list[dict[str, Any]], loss_sums: list[Any]) -> list[EpochRecord]:
    history = []
    for number, (record, loss_sum) in enumerate(zip(records, loss_sums, strict=True), 1):
        _require(record["epoch"] == number, "the epochs are out of order")
        history.append(
            EpochRecord(
                number,
                loss=_finite(record["loss"]) if "loss" in record else math.nan,
                alpha=_finite(record["alpha"]),
                words=_whole(record["words"], _MAX_STEP),
                kept=_whole(record["kept"], _MAX_STEP),
                pairs=_whole(record["pairs"], _MAX_STEP),
                seconds=_finite(record["seconds"]),
                loss_sum=_finite(loss_sum),
                **{name: _finite(record[name]) for name in MEASURES if name in record},
            )
        )
    return history


def _read_tables(
    tensors: Mapping[str, NDArray[Any]], embeddings: Embeddings, parameters: Parameters, complete: bool
) -> Tables:
    frozen = tensors.get("frozen")
    if frozen is not None:
        _require(
            frozen.dtype == np.uint8 and frozen.shape == (len(embeddings),), "frozen does not have a flag for each word"
        )
        _require(not parameters.subwords, "words with n-grams are frozen")
        frozen = frozen != 0
    further = layout(parameters, embeddings.vocabulary, frozen)
    tables = Tables.zeros(len(embeddings), embeddings.vector_size, **further)
    _fill(tables.output_vectors, tensors["output_vectors"], "the output vectors")
    if parameters.subwords:
        found, composition = embeddings.subwords, tables.composition
        assert composition is not None
        numbers = None if found is None else found.numbers
        _require(numbers is not None and np.array_equal(numbers, composition.buckets), "n-grams are missing")
        assert found is not None
        _fill(tables.ngram_vectors, found.ngram_vectors, "the vectors of n-grams")
        _fill(tables.input_rows[: len(embeddings)], tensors["word_rows"], "the rows of words")
    elif tables.has_sums:
        _fill(tables.input_rows, tensors["word_rows"], "the input vectors")
        for name, table in ({} if complete else tables.sums).items():
            _fill(table, tensors[name], f"the {name.replace('_', ' ')}")
    else:
        _fill(tables.input_rows, embeddings.vectors, "the input vectors")
    if tables.position_weights is not None:
        _fill(tables.position_weights, tensors["position_weights"], "the position weights")
    _require(tables.all_finite(), "the vectors are not finite")
    return tables


def _read_further(tensors: Mapping[str, NDArray[Any]], tables: Tables, kind: str) -> Tables | None:
    """Read further tables with the layout of `tables`: those of the best epoch, or a momentum."""
    if f"{kind}_input_rows" not in tensors:
        return None
    further = tables.copy()
    for name, table in _parts(further).items():
        if table is not None:
            _fill(table, tensors[f"{kind}_{name}"], f"the {kind} {name.replace('_', ' ')}")
    _require(further.all_finite(), f"the {kind} vectors are not finite")
    return further


def _read_rounds(training: dict[str, Any], tensors: Mapping[str, NDArray[Any]], tables: Tables) -> Rounds | None:
    if "rounds" not in training:
        return None
    workers, words = training["rounds"]["workers"], training["rounds"]["words"]
    _require(_whole(workers, MAX_WORKERS) > 0, "a cluster has at least one worker")
    _require(words is None or _whole(words, _MAX_STEP) > 0, "a round has at least one word")
    return Rounds(workers, words, _read_further(tensors, tables, "momentum"))


def _parts(tables: Tables) -> dict[str, NDArray[np.float32] | None]:
    """Return views of all trained arrays by name."""
    names = ("input_rows", "output_vectors", "position_weights")
    return {name: getattr(tables, name) for name in names}


def _fill(table: NDArray[np.float32], found: NDArray[Any], what: str) -> None:
    _require(
        found.shape == table.shape and found.dtype == np.float32, f"{what} are {found.dtype} of shape {found.shape}"
    )
    table[:] = found


def _read_base_counts(tensors: Mapping[str, NDArray[Any]], embeddings: Embeddings) -> NDArray[np.int64] | None:
    if "base_counts" not in tensors:
        return None
    counts, base = embeddings.vocabulary.counts, tensors["base_counts"]
    assert counts is not None
    _require(base.dtype == np.int64 and base.shape == counts.shape, "the counts before this text have another shape")
    _require(bool(((base >= -1) & (base <= counts)).all()), "the counts before this text are out of range")
    return base
