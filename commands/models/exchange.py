"""`w2v export` and `w2v import`: vectors and encoders to and from the files of other tools."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    json_option,
    model_argument,
    number_option,
    output_option,
    overwrite_option,
    progress_option,
)
from w2v.commands.shared.output import note, print_json, say, show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import LazyChoice, NamedPath
from w2v.commands.words.vectors import move_vectors, moving_options
from w2v.corpora.inputs import STDIN
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
    "The export adds the encoder's further blocks to the word vectors, weighted for sentences of usual length, so "
    "cosines differ slightly. onnx keeps the blocks separate; --first-block leaves them out."
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
Formats for sentence encoders:
  model2vec              folder; sentence-transformers opens it too. Static encoders only
  sentence-transformers  folder. Static encoders, and attention with the architecture of BERT
  onnx                   folder with model.onnx and tokenizer.json. All encoders; needs onnx
Formats for word vectors:
  word2vec-text, word2vec-binary, fasttext-vec, glove   FILE, compressed if its name ends in .gz
  fasttext-bin    fastText's binary format, with n-grams; also .gz
  gensim          for KeyedVectors.load; needs gensim
  numpy           FILE.npz, or FILE.npy and FILE.words.txt
  safetensors     vectors, words and counts in one file
  projector       folder for TensorFlow's Embedding Projector
Format for classifiers without layers, and for encoders with attention:
  int8            a classifier folder of at most 2 MB; an encoder that computes in int8, two to three times as fast
                  if its network is large""",
)
@model_argument
@click.argument("file", type=NamedPath(), metavar="OUT")
@click.option("--format", "file_format", type=LazyChoice(_exported_names), required=True, help="Format of OUT.")
@moving_options
@click.option(
    "--first-block",
    is_flag=True,
    help="For an encoder with several blocks, such as word vectors and a bag of words: write only the first.",
)
@overwrite_option
@json_option
@progress_option
def export(
    model: Path,
    file: Path,
    file_format: str,
    center: bool,
    both: bool,
    first_block: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a model to OUT, a file or folder, in a format of other tools.

    In formats for sentence encoders, other tools make the same sentence vectors as `w2v encode`; for word vectors,
    these are SIF-weighted means. In formats for word vectors, a static encoder exports its word vectors times their
    weights. Only onnx keeps several blocks of an encoder separate; other formats approximate them.
    """
    from w2v.formats import write_vectors

    if (center or both) and (file_format == _SMALL or file_format in OF_ENCODERS):
        raise click.UsageError(f"--center and --both are for formats of word vectors, which {file_format} is not.")
    if file_format == _SMALL:
        refuse_given(("first_block",), f"is for encoders, and {file_format} for classifiers")
    if file_format == _SMALL:
        _export_small(model, file, overwrite, as_json)
        return
    if file_format in OF_ENCODERS:
        _export_encoder(model, file, file_format, first_block, overwrite, as_json)
        return
    with show_work(f"reading {model.name}"):
        embeddings = move_vectors(_open_vectors(model, first_block), model, center=center, both=both)
    if not file.name.endswith(".gz"):
        check_free_space(file, 4 * len(embeddings) * embeddings.vector_size)
    with saving(file) as saved, show_work(f"writing {file.name}"):
        left_out = write_vectors(embeddings, file, format=file_format, overwrite=overwrite)
    n_words = len(embeddings) - len(left_out)
    written = {"output": saved.path, "format": file_format, "words": n_words, "left_out": len(left_out)}
    _tell(f"Wrote {n_words:,} words to {saved.path}.", written, as_json)
    if left_out:
        say(
            f"Warning: {len(left_out):,} of {len(embeddings):,} words were left out, such as {left_out[0]!r}, which "
            f"{file_format} cannot express; safetensors, numpy (.npz) and gensim can."
        )


def _tell(sentence: str, summary: dict[str, Any], as_json: bool) -> None:
    """Print the summary of an exchange as JSON for programs, or note it in a sentence."""
    if as_json:
        print_json(summary | {"output": str(summary["output"])})
    else:
        note(sentence)


def _export_encoder(
    model: Path, folder: Path, file_format: str, first_block: bool, overwrite: bool, as_json: bool
) -> None:
    from w2v.encoder.opening import open_encoder

    state = open_encoder(model)
    if first_block:
        state = _first_block(state)
    check_free_space(folder, 4 * len(state.vocabulary) * state.dimension)
    with saving(folder) as saved, show_work(f"writing {folder.name}"):
        write_encoder(state, folder, format=file_format, overwrite=overwrite)
    n_words = len(state.vocabulary)
    written = {"output": saved.path, "format": file_format, "words": n_words, "dimension": state.dimension}
    _tell(f"Wrote an encoder of {n_words:,} words to {saved.path}.", written, as_json)
    if state.blocks and file_format != "onnx":
        say(_FOLDED)
    if state.has_unknown:
        note("The export leaves out vectors of unknown words, which this encoder makes from spelling or n-grams.")


def _export_small(model: Path, folder: Path, overwrite: bool, as_json: bool) -> None:
    from w2v.encoder.sentence_encoder import SentenceEncoder
    from w2v.neural.tasks.folder import is_one_of
    from w2v.neural.tasks.labels.classification.folder import CLASSIFIERS
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    with saving(folder) as saved, show_work(f"writing {folder.name}"):
        if is_one_of(model, (CLASSIFIERS.name,)):
            small = TextClassifier.load(model).compress()
            small.save(folder, overwrite=overwrite)
            what = f"a classifier of {small.network_.config.n_rows:,} features"
        else:
            SentenceEncoder.load(model).compress().save(folder, overwrite=overwrite)
            what = "an encoder that computes in int8"
    _tell(f"Wrote {what} to {saved.path}.", {"output": saved.path, "format": _SMALL}, as_json)


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
        refuse_given(("first_block",), f"is for encoders of several blocks, and {model} holds word vectors")
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
    cls=DescribedOption,
    unset="detected from the content",
    help="Format of FILE; see `w2v export --help`.",
)
@click.option("--word-vectors", is_flag=True, help="Import the word vectors of a static encoder.")
@number_option("--max-vocab", unset="all words", help="Read only the first N words.")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="How to handle words that the encoding cannot decode.",
)
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    metavar="NAME",
    help="Encoding of the words, such as latin-1, cp1252 or gb18030; for text formats also utf-16.",
)
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a model on the Hub.")
@overwrite_option
@json_option
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
    as_json: bool,
) -> None:
    """Make a model folder from FILE, a file or folder of another tool, or from hub:OWNER/NAME.

    Files of word vectors may be plain, compressed (gzip, bzip2, xz) or zipped. A folder of model2vec, or of
    sentence-transformers with a static embedding, BERT, RoBERTa, XLM-R, DistilBERT or MPNet, becomes a sentence encoder
    that makes the same vectors. Only hub: downloads anything, and never files that can run code. A supervised fastText
    model becomes word vectors, or with `--format fasttext-classifier` a classifier.
    """
    from w2v.encoder.opening import is_foreign, located
    from w2v.vectors.persistence import check_output

    check_output(output, overwrite)
    if is_address(file):
        with show_work(f"fetching {file}"):
            file = fetch_model(file, revision, bars=False)
        if not is_foreign(file):
            refuse_given(
                ("file_format", "word_vectors", "max_vocab", "errors", "encoding"),
                "is for models of other tools, but this is one of w2v: import it first, then use `w2v prune`",
            )
            _copy_model(file, output, overwrite, as_json)
            return
    elif revision is not None:
        raise click.UsageError("--revision is for models on the Hub: give hub:OWNER/NAME.")
    elif not file.exists():
        file = Path(located(file))
    if not file.exists():
        if str(file) == STDIN:
            raise click.ClickException(
                "standard input cannot be imported, since it cannot be read again: write it to a file and name that"
            )
        raise click.ClickException(f"{file} does not exist; give a local file or folder, or hub:OWNER/NAME")
    if file_format == _CLASSIFIER:
        refuse_given(("word_vectors", "max_vocab", "errors", "encoding"), "is for word vectors, not for a classifier")
        _import_classifier(file, output, overwrite, as_json)
        return
    is_encoder = is_encoder_folder(file) if file_format is None else file_format in OF_ENCODERS
    if is_encoder and not word_vectors:
        refuse_given(
            ("max_vocab", "errors", "encoding"),
            "is for word vectors: give --word-vectors to import those of an encoder",
        )
        import_encoder(file, output, overwrite=overwrite, as_json=as_json)
        return
    name = "model2vec" if file_format == "sentence-transformers" else file_format
    reading = {"format": name, "limit": max_vocab, "errors": errors, "encoding": encoding}
    import_vectors(file, output, overwrite=overwrite, as_json=as_json, **reading)


def _copy_model(folder: Path, output: Path, overwrite: bool, as_json: bool) -> None:
    """Copy a model of this toolkit out of the Hub's cache, which has links in place of files."""
    from w2v.vectors.model_folder import read_kind

    kind = read_kind(folder)
    with saving(output), atomic_folder(output, replace=overwrite) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
    _tell(f"Copied a model of the kind {kind} into {output}.", {"output": output, "kind": kind}, as_json)


def import_vectors(file: Path, output: Path, *, overwrite: bool, as_json: bool = False, **reading: Any) -> None:
    """Make a model from a file of word vectors; `reading` is for `w2v.formats.read_vectors`."""
    from w2v.formats import read_vectors

    with saving(output), show_work(f"reading {file.name}"):
        embeddings = read_vectors(file, **reading)
        saved = keep(lambda path: embeddings.save(path, overwrite=overwrite and path == output), output, [file])
    n_dropped = embeddings.metadata.get("duplicates_dropped")
    n_words, dimension = len(embeddings), embeddings.vector_size
    made = {"output": saved, "kind": "word-vectors", "words": n_words, "dimension": dimension}
    _tell(
        f"Read {n_words:,} words of {dimension} dimensions into {saved}.",
        made | {"duplicates_dropped": n_dropped or 0},
        as_json,
    )
    if n_dropped:
        errors = reading.get("errors", "strict")
        cause = "" if errors == "strict" else f", in FILE or because of --errors {errors}"
        say(f"Warning: {n_dropped:,} words occurred more than once{cause}; the first vector of each was kept.")


def import_encoder(folder: Path, output: Path, *, overwrite: bool, as_json: bool = False) -> None:
    """Make a model from another program's encoder."""
    from w2v.encoder.model.persistence import save_encoder

    with saving(output), show_work(f"reading {folder.name}"):
        state = read_encoder(folder)
        saved = keep(lambda path: save_encoder(state, path, overwrite=overwrite and path == output), output, [folder])
    layers = "" if state.network is None else f"{state.network.layers} layers, "
    size = f"{layers}{state.dimension} dimensions" + ("," if layers else "")
    n_words = len(state.vocabulary)
    made = {"output": saved, "kind": "sentence-encoder", "words": n_words, "dimension": state.dimension}
    _tell(f"Read an encoder of {n_words:,} words and {size} into {saved}.", made, as_json)


def _import_classifier(file: Path, output: Path, overwrite: bool, as_json: bool) -> None:
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    with saving(output), show_work(f"reading {file.name}"):
        model = TextClassifier.from_fasttext(file)
        saved = keep(lambda path: model.save(path, overwrite=overwrite and path == output), output, [file])
    n_classes = len(model.classes_)
    made = {"output": saved, "kind": "text-classifier", "classes": n_classes}
    _tell(f"Read a classifier of {n_classes:,} classes into {saved}.", made, as_json)
