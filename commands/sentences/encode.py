"""Vectors of sentences: `w2v encode` and `w2v similar`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from w2v.commands.sentences.many_files import encode_to_folder, is_folder
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    cluster_option,
    errors_option,
    file_option,
    json_option,
    model_argument,
    overwrite_option,
    progress_option,
    sentences_option,
    workers_option,
)
from w2v.commands.shared.output import (
    decimals,
    note,
    print_result,
    say,
    show_bytes,
    show_work,
)
from w2v.commands.shared.parameters import parameter_option, table_options
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.display.progress import name_of
from w2v.encoder.parameters import FILE_FORMAT, PRECISION, EncoderParameters
from w2v.storage.claims import check_share
from w2v.storage.files import check_output_file

if TYPE_CHECKING:
    from w2v.corpora.readers import Block, TextReader

_PICTURES_AT_ONCE = 1024


@click.command(
    epilog="""\b
Examples:
  w2v encode my.encoder sentences.txt --output vectors.npy
  w2v encode my.model sentences.txt.gz --output vectors.npy --dtype float16
  w2v encode my.images pictures/ --output vectors.npy
  w2v encode my.encoder 'news/*.gz' --output vectors/ --format parquet
  w2v encode my.encoder reviews.csv --text-column review --output vectors.npy
  cat sentences.txt | w2v encode my.encoder --jsonl > vectors.jsonl""",
)
@model_argument
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=NamedPath(str),
    metavar="FILE",
    help="FILE.npy, a folder for many files, or with --jsonl any file.",
)
@click.option("--jsonl", is_flag=True, help="Write one JSON object per line, by default to standard output.")
@click.option(
    "--text-column", metavar="NAME", help="FILE is a CSV, TSV or JSON lines table: encode its column NAME, row by row."
)
@parameter_option("format", FILE_FORMAT, FILE_FORMAT.choices[0])
@cluster_option
@table_options(EncoderParameters, ("normalize", "truncate_dim", "batch_size", "workers"))
@parameter_option("precision", PRECISION, PRECISION.choices[0])
@errors_option
@overwrite_option
@progress_option
def encode(
    model: Path,
    files: tuple[str, ...],
    output: str | None,
    jsonl: bool,
    text_column: str | None,
    format: Literal["npy", "parquet"],
    cluster: str | None,
    batch_size: int,
    truncate_dim: int | None,
    precision: Literal["float32", "float16", "int8"],
    normalize: bool | None,
    errors: str,
    workers: int | None,
    overwrite: bool,
) -> None:
    """Encode each line of FILE, or of standard input, as a vector.

    MODEL is a sentence encoder, or word vectors, of which it takes SIF-weighted means. Line n becomes row n; a line
    without a known word becomes a zero vector. Memory use does not grow with the text. If MODEL is an image classifier,
    FILE is a picture or a folder of pictures. If the output is a folder, it gets one file per FILE; run the command
    again to add missing ones.
    """
    if output is None and not jsonl:
        raise click.UsageError("No output: give --output FILE.npy, --output FOLDER or --jsonl.")
    needs_folder = format == "parquet" or cluster is not None
    if output is None and needs_folder:
        raise click.UsageError("--format parquet and --cluster need --output FOLDER.")
    from w2v.vectors.model_folder import is_kind

    inputs = files or ("-",)
    is_of_pictures = is_kind(model, "image-classifier")
    if text_column is not None and is_of_pictures:
        raise click.UsageError(f"--text-column is for texts, but {model} encodes pictures.")
    if output is not None and is_folder(output, jsonl=jsonl, is_wanted=needs_folder):
        if text_column is not None:
            raise click.UsageError("--text-column writes one file: give --output FILE.npy, or --jsonl.")
        if is_of_pictures:
            raise click.UsageError(f"{model} encodes pictures into a single file: give --output FILE.npy.")
        how = {
            "format": format, "precision": precision, "normalize": normalize, "truncate_dim": truncate_dim,
            "batch_size": batch_size, "errors": errors, "overwrite": overwrite,
        }  # fmt: skip
        encode_to_folder(model, inputs, Path(output), cluster, workers, how)
        return
    refuse_given(("format",), "is for a folder of vectors: give --output FOLDER")
    if is_of_pictures:
        refuse_given(("errors", "batch_size"), f"is for texts, but {model} encodes pictures")
    from w2v.encoder.model.inference import Output

    opened = (
        _open_pictures(model, inputs, workers)
        if is_of_pictures
        else _open_texts(model, inputs, workers, errors, batch_size, text_column)
    )
    wanted = Output(opened.ends_at_unit_length if normalize is None else normalize, truncate_dim, precision)
    _write_one(opened, wanted, inputs, None if output is None else Path(output), jsonl, overwrite)


def _write_one(
    opened: _Opened, wanted: Any, inputs: tuple[str, ...], output: Path | None, jsonl: bool, overwrite: bool
) -> None:
    """Write all vectors to one file, or to standard output."""
    from w2v.encoder.formats.vector_files import json_lines, json_lines_file, npy_file

    columns = wanted.columns(opened.dimension)
    if output is not None:
        check_output_file(output, overwrite=overwrite)
    with saving(output) as saved, opened.pieces(wanted, output) as pieces:
        if output is None:
            for line in json_lines(pieces):
                sys.stdout.buffer.write(line)
            return
        rows = (vectors for _, vectors in pieces)
        with json_lines_file(pieces) if jsonl else npy_file(rows, columns=columns, dtype=wanted.precision) as growing:
            place = keep(lambda path: growing.write(path, overwrite=overwrite and path == output), output, inputs)
    note(f"Wrote {growing.n_rows:,} vectors of {columns} columns to {saved.path if place == output else place}.")


class _Opened(NamedTuple):
    """A source of vectors: their dimension, whether they have unit length, and what yields names and vectors."""

    dimension: int
    ends_at_unit_length: bool
    pieces: Callable[[Any, Path | None], AbstractContextManager[Iterator[tuple[bytes, Any]]]]


def _open_texts(
    model: Path, inputs: tuple[str, ...], workers: int | None, errors: str, batch_size: int, text_column: str | None
) -> _Opened:
    from w2v.encoder.model.inference import Inference
    from w2v.encoder.opening import open_encoder

    inference = Inference(open_encoder(model), workers)

    @contextmanager
    def pieces(wanted: Any, output: Path | None) -> Iterator[Iterator[tuple[bytes, Any]]]:
        opened = _reading(inputs, errors) if text_column is None else _reading_column(inputs, text_column, errors)
        with opened as (reader, blocks):
            encoded = _with_space(output, inference.encode_blocks(blocks, wanted, batch_size), reader)
            yield _noting_zeros(encoded, model)

    return _Opened(inference.state.dimension, inference.state.pooling.ends_at_unit_length, pieces)


def _open_pictures(model: Path, inputs: tuple[str, ...], workers: int | None) -> _Opened:
    from w2v.encoder.retrieval.index.pictures import PictureInference, names_in
    from w2v.neural.tasks.images.classifier import ImageClassifier

    inference = PictureInference(ImageClassifier.load(model), workers)

    @contextmanager
    def pieces(wanted: Any, output: Path | None) -> Iterator[Iterator[tuple[bytes, Any]]]:
        names = names_in(inputs)

        def encoded() -> Iterator[tuple[bytes, Any]]:
            while some := list(islice(names, _PICTURES_AT_ONCE)):
                lines = "\n".join(name.replace("\n", " ") for name in some)
                yield lines.encode("utf-8", "replace"), inference.encode(some, wanted)

        yield encoded()

    return _Opened(inference.state.dimension, True, pieces)


@contextmanager
def _reading(inputs: str | tuple[str, ...], errors: str) -> Iterator[tuple[TextReader, Iterable[Block]]]:
    """Open a text and show how much of it has been read."""
    reader = TextReader(inputs, errors=errors)
    with show_bytes(f"encoding {name_of(reader)}") as progress:

        def blocks() -> Iterator[Block]:
            for block in reader:
                yield block
                if progress is not None and reader.total_bytes is not None:
                    progress(reader.consumed_bytes, reader.total_bytes)

        yield reader, blocks()


class _Column(NamedTuple):
    """The tables that texts are in; how much space their vectors will take is not known before."""

    paths: list[str]
    consumed_bytes: int = 0
    total_bytes: int | None = None


@contextmanager
def _reading_column(inputs: tuple[str, ...], name: str, errors: str) -> Iterator[tuple[_Column, Iterable[Block]]]:
    """Open the texts in a column of tables, a line for each row, and show how many have been read."""
    from w2v.corpora.tables.files import read_texts
    from w2v.encoder.retrieval.similar import as_blocks

    texts, _ = read_texts(inputs, name, errors=errors)
    with show_work("encoding") as progress:

        def told() -> Iterator[str]:
            for number, text in enumerate(texts, 1):
                yield text
                if progress is not None:
                    progress("encoding", number, len(texts))

        yield _Column(texts.paths), as_blocks(told())


def _with_space(
    output: Path | None, pieces: Iterator[tuple[bytes, Any]], reader: TextReader | _Column
) -> Iterator[tuple[bytes, Any]]:
    """Return the pieces of a text; raise an error if there are none, or if the disk has no space for them."""
    first = next(pieces, None)
    if first is None:
        names = ", ".join("standard input" if path == "-" else path for path in reader.paths)
        raise click.ClickException(f"{names} has no lines to encode")
    if output is not None:
        check_share(output, first[1].nbytes, reader.consumed_bytes, reader.total_bytes)
    return chain([first], pieces)


def _noting_zeros(pieces: Iterator[tuple[bytes, Any]], model: Path) -> Iterator[tuple[bytes, Any]]:
    """Yield the pieces; warn at the end if none of their lines had a known word."""
    is_zero = True
    for piece in pieces:
        is_zero = is_zero and not piece[1].any()
        yield piece
    if is_zero:
        say(f"Warning: no line has a word that {model} knows, so all vectors are zero.")


@click.command(
    epilog="""\b
Examples:
  w2v similar my.encoder sentences.txt "The cat sat on the mat."
  w2v similar my.model sentences.txt "How do birds fly?" --line-vectors vectors.npy --top 3""",
)
@model_argument
@click.argument("file")
@click.argument("sentence")
@file_option(
    "--line-vectors",
    "vectors",
    metavar="FILE.npy",
    help="Vectors of the lines, as `w2v encode` wrote them with the same MODEL; saves encoding again.",
)
@sentences_option
@errors_option
@workers_option
@json_option
@progress_option
def similar(
    model: Path,
    file: str,
    sentence: str,
    vectors: Path | None,
    top: int,
    errors: str,
    workers: int | None,
    as_json: bool,
) -> None:
    """Show the lines of FILE whose meaning is nearest to SENTENCE; - reads standard input."""
    from w2v.encoder.formats.vector_files import read_npy
    from w2v.encoder.model.inference import Inference
    from w2v.encoder.opening import open_encoder
    from w2v.encoder.retrieval.similar import similar_sentences

    if file != "-" and not _exists(file) and _exists(sentence):
        raise click.UsageError(f"There is no file {file!r:.80}, but there is {sentence}: FILE comes before SENTENCE.")
    inference = Inference(open_encoder(model), workers)
    rows = None if vectors is None else read_npy(vectors, columns=inference.state.dimension)
    with _reading(file, errors) as (_, blocks):
        found = similar_sentences(inference, sentence, blocks, top_n=top, vectors=rows)
    if not found:
        say(f"Warning: no line has a word that {model} knows, or each is the sentence itself.")
    value = {"query": sentence, "similar": [near._asdict() for near in found]}
    shown = [(decimals(near.similarity), f"{near.line:,}", near.sentence) for near in found]
    print_result(value, [">similarity", ">line", f"near {sentence}"], shown, as_json=as_json)


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a file name, or with a null byte
        return False
