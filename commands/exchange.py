"""`w2v export` and `w2v import`: vectors to and from the files of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.options import LazyChoice, model_argument, output_option, overwrite_option
from commands.output import note

if TYPE_CHECKING:
    from w2v.embeddings import Embeddings


def _format_names() -> Sequence[str]:
    from w2v.formats import FORMATS

    return tuple(FORMATS)


@click.command(
    epilog="""\b
Examples:
  w2v export my.model vectors.bin.gz --format word2vec-binary
  w2v export my.model vectors.npz --format numpy
  w2v export my.model my-static-folder --format static

\b
Formats:
  word2vec-text, word2vec-binary, fasttext-vec, glove   FILE, compressed if its name ends in .gz
  fasttext-bin    fastText's own, with n-grams; also .gz
  gensim          KeyedVectors.load opens it; needs gensim
  numpy           FILE.npz, or FILE.npy and FILE.words.txt
  safetensors     vectors, words and counts in one file
  projector       a folder for TensorFlow's Embedding Projector
  static          a folder for model2vec and sentence-transformers""",
)
@model_argument
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "file_format", type=LazyChoice(_format_names), required=True, help="Format of FILE.")
@overwrite_option
def export(model: Path, file: Path, file_format: str, overwrite: bool) -> None:
    """Write a model's vectors to FILE in a format that other tools read.

    Of a static sentence encoder they are its words', weights folded in: their sums are its vectors of sentences.
    """
    from w2v.formats import write_vectors

    embeddings = _open_vectors(model)
    write_vectors(embeddings, file, format=file_format, overwrite=overwrite)
    note(f"Wrote {len(embeddings):,} words to {file}.")


def _open_vectors(model: Path) -> Embeddings:
    """Return the word vectors of a model, which may be a static sentence encoder."""
    from w2v.embeddings import Embeddings
    from w2v.model_files import read_kind
    from w2v.persistence import KIND

    if read_kind(model) == KIND:
        return Embeddings.load(model)
    from encoder import SentenceEncoder

    return SentenceEncoder.load(model).to_embeddings()


@click.command(
    "import",
    epilog="""\b
Examples:
  w2v import GoogleNews-vectors-negative300.bin.gz --output news.model --limit 500000
  w2v import cc.en.300.bin --output crawl.model
  w2v import glove.6B.100d.txt --output glove.model""",
)
@click.argument("file", type=click.Path(path_type=Path))
@output_option
@click.option(
    "--format",
    "file_format",
    type=LazyChoice(_format_names),
    help="Format of FILE; left out, it is found out from the content. See `w2v export --help`.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Read only the first N words.")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="What to do with words that are not UTF-8.",
)
@overwrite_option
def import_(file: Path, output: Path, file_format: str | None, limit: int | None, errors: str, overwrite: bool) -> None:
    """Make a model folder from the vectors in a FILE (or folder) of another tool, compressed with gzip or not."""
    from w2v.formats import read_vectors
    from w2v.persistence import check_output

    check_output(output, overwrite)
    embeddings = read_vectors(file, format=file_format, limit=limit, errors=errors)
    embeddings.save(output, overwrite=overwrite)
    note(f"Read {len(embeddings):,} words of {embeddings.vector_size} dimensions into {output}.")
    if n_dropped := embeddings.metadata.get("duplicates_dropped"):
        note(f"{n_dropped:,} words occurred more than once; the first vector of each was kept.")
