"""`w2v export` and `w2v import`: vectors and encoders to and from the files of other tools."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.options import model_argument, output_option, overwrite_option, progress_option
from w2v.commands.shared.output import note, say, show_work
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import LazyChoice, NamedPath
from w2v.commands.words.vectors import move_vectors, moving_options
from w2v.encoder.formats import FORMATS as OF_ENCODERS
from w2v.encoder.formats import is_encoder_folder, read_encoder, write_encoder
from w2v.formats.hub import fetch_model, is_address
from w2v.storage.claims import check_free_space
from w2v.storage.files import atomic_folder

if TYPE_CHECKING:
    from w2v.encoder.model.state import EncoderState
    from w2v.vectors.embeddings import Embeddings


_SMALL, _CLASSIFIER = "int8", "fasttext-classifier"
_FOLDED = (
    "The blocks beside the table are part of its rows there, weighed for a sentence of common length: cosines are near "
    "those here, not the same. onnx keeps blocks apart; --first-block leaves them out."
)


def _exported_names() -> Sequence[str]:
    from w2v.formats import FORMATS

    return (*OF_ENCODERS, *(name for name in FORMATS if name not in OF_ENCODERS), _SMALL)


def _imported_names() -> Sequence[str]:
    return (*(name for name in _exported_names() if name not in ("onnx", _SMALL)), _CLASSIFIER)


@click.command(
    epilog="""\b
Examples:
  w2v export my.encoder my-folder --format sentence-transformers
  w2v export my.model my-folder --format model2vec
  w2v export my.encoder my-folder --format onnx
  w2v export my.model vectors.bin.gz --format word2vec-binary

\b
Formats that encode sentences, as `w2v encode` does:
  model2vec              a folder; also for sentence-transformers. Static encoders
  sentence-transformers  a folder. Static encoders, and attention arranged as BERT
  onnx                   a folder with model.onnx and tokenizer.json. Every encoder; needs onnx
Formats of word vectors:
  word2vec-text, word2vec-binary, fasttext-vec, glove   FILE, compressed if its name ends in .gz
  fasttext-bin    fastText's own, with n-grams; also .gz
  gensim          KeyedVectors.load opens it; needs gensim
  numpy           FILE.npz, or FILE.npy and FILE.words.txt
  safetensors     vectors, words and counts in one file
  projector       a folder for TensorFlow's Embedding Projector
Of a classifier without layers:
  int8            the folder of a classifier again, of at most 2 MB""",
)
@model_argument
@click.argument("file", type=NamedPath(), metavar="OUT")
@click.option("--format", "file_format", type=LazyChoice(_exported_names), required=True, help="Format of OUT.")
@moving_options
@click.option(
    "--first-block",
    is_flag=True,
    help="Of an encoder with several blocks, such as a bag of words beside its table, write the first alone.",
)
@overwrite_option
@progress_option
def export(
    model: Path, file: Path, file_format: str, center: bool, both: bool, first_block: bool, overwrite: bool
) -> None:
    """Write a model to OUT, a file or folder, in a format that other tools open.

    Formats of encoders give the same vectors of sentences there as here; of word vectors they are weighted sums (SIF).
    Formats of words take those of a static encoder with its weights folded in: their sums are its vectors. Only onnx
    keeps blocks apart, each at its length; a table of words has them side by side in its rows, which is near it.
    """
    from w2v.formats import write_vectors

    if (center or both) and (file_format == _SMALL or file_format in OF_ENCODERS):
        raise click.UsageError(f"--center and --both change vectors of words, which {file_format} does not write.")
    if file_format == _SMALL:
        _export_small(model, file, overwrite)
        return
    if file_format in OF_ENCODERS:
        _export_encoder(model, file, file_format, first_block, overwrite)
        return
    with show_work(f"reading {model.name}"):
        embeddings = move_vectors(_open_vectors(model, first_block), model, center=center, both=both)
    if not file.name.endswith(".gz"):
        check_free_space(file, 4 * len(embeddings) * embeddings.vector_size)
    with saving(file) as saved, show_work(f"writing {file.name}"):
        left_out = write_vectors(embeddings, file, format=file_format, overwrite=overwrite)
    note(f"Wrote {len(embeddings) - len(left_out):,} words to {saved.path}.")
    if left_out:
        say(
            f"Warning: {len(left_out):,} of {len(embeddings):,} words were left out, such as {left_out[0]!r}, which "
            f"{file_format} cannot express; safetensors, numpy (.npz) and gensim hold all."
        )


def _export_encoder(model: Path, folder: Path, file_format: str, first_block: bool, overwrite: bool) -> None:
    from w2v.encoder.opening import open_encoder

    state = open_encoder(model)
    if first_block:
        state = _first_block(state)
    check_free_space(folder, 4 * len(state.vocabulary) * state.dimension)
    with saving(folder) as saved, show_work(f"writing {folder.name}"):
        write_encoder(state, folder, format=file_format, overwrite=overwrite)
    note(f"Wrote an encoder of {len(state.vocabulary):,} words to {saved.path}.")
    if state.blocks and file_format != "onnx":
        say(_FOLDED)
    if state.has_unknown:
        note("Words that it does not hold have vectors here, of their spelling or n-grams; there they are left out.")


def _export_small(model: Path, folder: Path, overwrite: bool) -> None:
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    with saving(folder) as saved, show_work(f"writing {folder.name}"):
        small = TextClassifier.load(model).compress()
        small.save(folder, overwrite=overwrite)
    note(f"Wrote a classifier of {small.network_.config.n_rows:,} features to {saved.path}.")


def _first_block(state: EncoderState) -> EncoderState:
    """Return an encoder without the blocks beside the first."""
    from w2v.encoder.model.blocks import NO_BLOCKS

    return replace(state, blocks=NO_BLOCKS)


def _open_vectors(model: Path, first_block: bool) -> Embeddings:
    """Return the word vectors of a model, which may be a static sentence encoder."""
    from w2v.encoder import SentenceEncoder
    from w2v.encoder.opening import open_start
    from w2v.vectors.embeddings import Embeddings

    start = open_start(model)
    if isinstance(start, Embeddings):
        return start
    if start.blocks and not first_block:
        say(_FOLDED)
    return SentenceEncoder(_first_block(start) if first_block else start).to_embeddings()


@click.command(
    "import",
    epilog="""\b
Examples:
  w2v import GoogleNews-vectors-negative300.bin.gz --output news.model --max-vocab 500000
  w2v import cc.en.300.bin --output crawl.model
  w2v import all-MiniLM-L6-v2 --output minilm.encoder
  w2v import hub:minishlab/potion-base-8M --output potion.encoder
  w2v import topics.bin --format fasttext-classifier --output topics.classifier""",
)
@click.argument("file", type=NamedPath())
@output_option
@click.option(
    "--format",
    "file_format",
    type=LazyChoice(_imported_names),
    help="Format of FILE; left out, it is found out from the content. See `w2v export --help`.",
)
@click.option("--word-vectors", is_flag=True, help="Of a static encoder's folder, take its words as word vectors.")
@click.option("--max-vocab", type=click.IntRange(1), metavar="N", help="Read only the first N words.")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="What to do with words that are not of the encoding.",
)
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    metavar="NAME",
    help="Encoding of the words, such as latin-1, cp1252, gb18030; of text also utf-16.",
)
@click.option("--revision", metavar="NAME", help="Of a model of the hub: a branch, a tag or a commit.")
@overwrite_option
@progress_option
def import_(
    file: Path,
    output: Path,
    file_format: str | None,
    word_vectors: bool,
    max_vocab: int | None,
    errors: str,
    encoding: str,
    revision: str | None,
    overwrite: bool,
) -> None:
    """Make a model folder from a FILE or folder of another tool, or from hub:OWNER/NAME.

    Vectors of words, plain, compressed (gzip, bzip2, xz) or in a zip archive, become word vectors. A folder of
    model2vec, or of sentence-transformers with a static embedding, BERT, RoBERTa, XLM-R, DistilBERT or MPNet, becomes
    a sentence encoder that makes the same vectors. Nothing is downloaded but what hub: names, of which files that can
    run code are left out. A supervised model of fastText becomes word
    vectors, or a classifier with `--format fasttext-classifier`.
    """
    from w2v.encoder.opening import is_foreign, located
    from w2v.vectors.persistence import check_output

    check_output(output, overwrite)
    if is_address(file):
        with show_work(f"fetching {file}"):
            file = fetch_model(file, revision, bars=False)
        if not is_foreign(file):
            _copy_model(file, output, overwrite)
            return
    elif revision is not None:
        raise click.UsageError("--revision is that of a model of the hub: name one, hub:OWNER/NAME.")
    elif not file.exists():
        file = Path(located(file))
    if not file.exists():
        raise click.ClickException(
            f"{file} does not exist; give a file or folder on the disk, or hub:OWNER/NAME, which is fetched"
        )
    if file_format == _CLASSIFIER:
        _import_classifier(file, output, overwrite)
        return
    is_encoder = is_encoder_folder(file) if file_format is None else file_format in OF_ENCODERS
    if is_encoder and not word_vectors:
        if max_vocab is not None:
            raise click.UsageError("--max-vocab is for word vectors; with --word-vectors it takes those of an encoder.")
        import_encoder(file, output, overwrite=overwrite)
        return
    name = "model2vec" if file_format == "sentence-transformers" else file_format
    import_vectors(file, output, overwrite=overwrite, format=name, limit=max_vocab, errors=errors, encoding=encoding)


def _copy_model(folder: Path, output: Path, overwrite: bool) -> None:
    """Copy a model of ours out of the hub's cache, which has links in place of files."""
    from w2v.vectors.model_folder import read_kind

    kind = read_kind(folder)
    with saving(output), atomic_folder(output, replace=overwrite) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
    note(f"Copied a model of the kind {kind} into {output}.")


def import_vectors(file: Path, output: Path, *, overwrite: bool, **reading: Any) -> None:
    """Make a model of a file of word vectors; `reading` is for `w2v.formats.read_vectors`."""
    from w2v.formats import read_vectors

    with saving(output), show_work(f"reading {file.name}"):
        embeddings = read_vectors(file, **reading)
        saved = keep(lambda path: embeddings.save(path, overwrite=overwrite and path == output), output, [file])
    note(f"Read {len(embeddings):,} words of {embeddings.vector_size} dimensions into {saved}.")
    if n_dropped := embeddings.metadata.get("duplicates_dropped"):
        errors = reading.get("errors", "strict")
        cause = "" if errors == "strict" else f", as they are or made so by --errors {errors}"
        say(f"Warning: {n_dropped:,} words occurred more than once{cause}; the first vector of each was kept.")


def import_encoder(folder: Path, output: Path, *, overwrite: bool) -> None:
    """Make a model of another program's encoder."""
    from w2v.encoder.model.persistence import save_encoder

    with saving(output), show_work(f"reading {folder.name}"):
        state = read_encoder(folder)
        saved = keep(lambda path: save_encoder(state, path, overwrite=overwrite and path == output), output, [folder])
    layers = "" if state.network is None else f"{state.network.layers} layers, "
    size = f"{layers}{state.dimension} dimensions" + ("," if layers else "")
    note(f"Read an encoder of {len(state.vocabulary):,} words and {size} into {saved}.")


def _import_classifier(file: Path, output: Path, overwrite: bool) -> None:
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    with saving(output), show_work(f"reading {file.name}"):
        model = TextClassifier.from_fasttext(file)
        saved = keep(lambda path: model.save(path, overwrite=overwrite and path == output), output, [file])
    note(f"Read a classifier of {len(model.classes_):,} classes into {saved}.")
