"""`w2v index`: an index of sentences, or of the words of a model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from w2v.cluster.clients import describe, open_client
from w2v.commands.sentences.describing import bytes_of
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    choice_option,
    cluster_option,
    errors_option,
    file_option,
    json_option,
    number_option,
    overwrite_option,
    progress_option,
    workers_option,
)
from w2v.commands.shared.output import decimals, note, percent, print_result, say, show_work
from w2v.commands.shared.parameters import DescribedOption, table_options
from w2v.commands.shared.saving import saving
from w2v.commands.shared.toolkit import mark_saved
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.encoder.parameters import PRECISION, EncoderParameters
from w2v.storage.files import check_writable_beside

if TYPE_CHECKING:
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.index.building import Progress

_OF_NEW = ("output", "overwrite", "split_sentences", "truncate_dim", "dtype")
_OF_TEXTS = ("split_sentences", "metadata", "text_column", "id_column", "truncate_dim", "errors", "cluster")
_HERE_ALONE = ("append", "metadata", "text_column", "id_column")


@click.command(
    cls=LongCommand,
    first="output append split-sentences metadata text-column id-column dtype approximate cluster workers overwrite",
    epilog="""\b
Examples:
  w2v index my.encoder sentences.txt --output my.index
  w2v index my.encoder 'wiki/*.txt.gz' --output wiki.index --split-sentences --dtype int8
  w2v index my.index more.txt --append
  w2v index my.encoder reviews.csv --text-column review --output reviews.index
  w2v index my.index --approximate
  w2v index my.images pictures/ --output pictures.index
  w2v index my.model""",
)
@click.argument("model", type=NamedPath())
@click.argument("files", metavar="[FILE]...", nargs=-1)
@file_option("-o", "--output", metavar="INDEX", help="The index folder to write.")
@click.option("--append", is_flag=True, help="Add the lines of FILE to the index MODEL.")
@click.option(
    "--split-sentences",
    is_flag=True,
    help="Split lines into sentences, also those added later; otherwise, a line is a sentence.",
)
@file_option(
    "--metadata",
    help="Metadata of the lines of FILE: a CSV, TSV or JSON lines table with one record per line, also per blank line.",
)
@click.option("--text-column", metavar="NAME", help="FILE is a CSV, TSV or JSON lines table with the texts in NAME.")
@click.option(
    "--id-column", metavar="NAME", cls=DescribedOption, unset="id, if there is one", help="Column of the ids."
)
@choice_option(
    "--dtype",
    choices=PRECISION.choices,
    default="float16",
    help="Data type of the stored vectors.",
)
@table_options(EncoderParameters, ("truncate_dim",))
@click.option(
    "--approximate/--exact",
    default=None,
    cls=DescribedOption,
    unset="approximate above 1,000,000 sentences, with usearch installed",
    help="Build HNSW graphs for approximate search, or search exactly.",
)
@number_option(
    "--connectivity",
    least=2,
    most=256,
    default=16,
    help="Links per node of a graph; more links raise recall, memory use and time.",
)
@number_option(
    "--effort",
    most=100_000,
    unset="128 for words, 96 for sentences",
    help="Candidates that a search of a graph keeps; more candidates raise recall and time.",
)
@cluster_option
@errors_option
@workers_option
@overwrite_option
@json_option
@progress_option
def index(
    model: Path,
    files: tuple[str, ...],
    output: Path | None,
    append: bool,
    split_sentences: bool,
    metadata: Path | None,
    text_column: str | None,
    id_column: str | None,
    dtype: Literal["float32", "float16", "int8"],
    truncate_dim: int | None,
    approximate: bool | None,
    connectivity: int,
    effort: int | None,
    cluster: str | None,
    errors: str,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Index the sentences of FILE for `w2v search`, or without FILE, the words of MODEL.

    MODEL is a sentence encoder or word vectors; INDEX keeps a copy of it. FILE may be - for standard input. Memory use
    does not grow with the text, except for tables. With --append, MODEL is an index to add to. If MODEL is an index and
    there is no FILE, the command builds its graphs. If MODEL is an image classifier, FILE is a picture or a folder of
    pictures, and `w2v search` takes and returns their names.

    The index of words is for `w2v neighbors --approximate` and is stored in the model folder. An exact search of
    400,000 words takes about 10 ms, so an index pays off from about a million words.
    """
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.index.storage import ENCODER, is_index

    graphs: dict[str, Any] = {"connectivity": connectivity} | ({} if effort is None else {"effort": effort})
    if not files:
        _check_without_files(output, append, approximate)
        if is_index(model):
            refuse_given(("dtype",), f"is for a new index, and {model} stores its vectors already")
            _build_graphs(SentenceIndex.open(model, workers=workers), graphs, as_json)
        else:
            _index_words(model, graphs, dtype, workers, as_json)
        return
    if cluster is not None:
        _check_for_cluster(model, files)
    _check_with_files(model, append, approximate)
    texts, records = _what_to_index(
        model / ENCODER if append else model, files, errors, split_sentences, metadata, text_column
    )
    known: dict[str, Any] = {"metadata": records, "ids": id_column}
    how: dict[str, Any] = {
        "dtype": dtype, "truncate_dim": truncate_dim, "splits": split_sentences, "approximate": False,
        "overwrite": overwrite, "workers": workers,
    }  # fmt: skip
    start = time.perf_counter()
    with saving(output, claims=False), show_work("indexing") as progress:
        if append:
            found = SentenceIndex.open(model, workers=workers)
            n_added = found.add(texts, approximate=False, progress=progress, **known)
        elif output is None:
            raise click.UsageError("No output: give --output INDEX.")
        else:
            found = (
                SentenceIndex.build(model, texts, output, progress=progress, **how, **known)
                if cluster is None
                else _index_on_cluster(model, texts, output, cluster, {"errors": errors, **how}, progress)
            )
            n_added = len(found)
        seconds = time.perf_counter() - start
        is_linked = False
        if approximate or (approximate is None and found.wants_graphs):
            is_linked = _link(found, graphs, progress, is_asked=bool(approximate))
    _print_index(found, {"added": n_added, "seconds": seconds}, is_linked, as_json)


def _check_without_files(output: Path | None, append: bool, approximate: bool | None) -> None:
    """Refuse what needs texts; without them, only graphs are built."""
    if output is not None or append:
        raise click.UsageError("Nothing to index: give a FILE, or - for standard input.")
    refuse_given(_OF_TEXTS, "is for the texts of FILE: give FILE as well")
    if approximate is False:
        raise click.UsageError("--exact builds nothing here: without FILE, this command builds graphs.")


def _check_with_files(model: Path, append: bool, approximate: bool | None) -> None:
    """Refuse what contradicts the index to add to, or has no effect; import what graphs need."""
    from w2v.encoder.retrieval.index.storage import is_index
    from w2v.vectors.index import import_usearch

    if append:
        refuse_given(_OF_NEW, "is for a new index, but --append uses the settings of the index")
    elif is_index(model):
        raise click.UsageError(f"{model} is an index; add to it with --append.")
    if approximate:
        import_usearch()
    else:
        refuse_given(("connectivity", "effort"), "is for graphs: give --approximate as well")


def _check_for_cluster(model: Path, files: tuple[str, ...]) -> None:
    """Refuse what the workers of a cluster do not index."""
    from w2v.vectors.model_folder import is_kind

    refuse_given(_HERE_ALONE, "does not go with --cluster, which makes a new index of the lines of text files")
    if "-" in files:
        raise click.UsageError("--cluster takes no standard input: name files that every worker sees.")
    if is_kind(model, "image-classifier"):
        raise click.UsageError(f"--cluster is for texts, but {model} encodes pictures.")


def _index_on_cluster(
    model: Path, texts: TextReader, output: Path, cluster: str, how: dict[str, Any], progress: Progress | None
) -> SentenceIndex:
    """Build an index on a cluster; `how` has the other options of `index_on_cluster`."""
    from w2v.encoder.retrieval import index_on_cluster
    from w2v.encoder.retrieval.index.sharding import shards_folder

    try:
        with open_client(cluster) as client:
            note(describe(client))
            return index_on_cluster(model, texts.paths, output, client, progress=progress, **how)
    except KeyboardInterrupt:
        if shards_folder(output).is_dir():
            say(f"Complete shards stay in {shards_folder(output)}; run the same command again to resume.")
            mark_saved()
        raise


def _what_to_index(
    model: Path, files: tuple[str, ...], errors: str, splits: bool, metadata: Path | None, text_column: str | None
) -> tuple[Any, Any]:
    """Return the texts, or the picture files if the model is an image classifier, and their metadata."""
    from w2v.corpora.tables.files import read_records, read_texts
    from w2v.vectors.model_folder import is_kind

    if text_column is not None and metadata is not None:
        raise click.UsageError("--text-column takes no --metadata: the other columns of FILE are the metadata.")
    if text_column is not None:
        return read_texts(files, text_column, errors=errors)
    records = None if metadata is None else read_records(metadata, errors=errors)
    if not is_kind(model, "image-classifier"):
        return TextReader(files, errors=errors), records
    if splits:
        raise click.UsageError("--split-sentences is for texts, but MODEL encodes pictures.")
    return list(files), records


def _link(found: SentenceIndex, graphs: dict[str, Any], progress: Progress | None, *, is_asked: bool) -> bool:
    """Build graphs of the sentences in an index; return whether it was done."""
    from w2v.encoder.retrieval.index.graphs import has_usearch

    if not is_asked and not has_usearch():
        note(f"For faster searches: pip install 'w2v-toolkit[index]', then: w2v index {found.path}")
        return False
    try:
        found.build_graphs(**graphs, progress=progress)
    except KeyboardInterrupt:
        say(f"The sentences are in {found.path}; `w2v index {found.path}` continues with its graphs.")
        raise
    return True


def _build_graphs(found: SentenceIndex, graphs: dict[str, Any], as_json: bool) -> None:
    start = time.perf_counter()
    with show_work("linking") as progress:
        is_linked = _link(found, graphs, progress, is_asked=True)
    _print_index(found, {"seconds": time.perf_counter() - start}, is_linked, as_json)


def _print_index(found: SentenceIndex, facts: dict[str, Any], is_linked: bool, as_json: bool) -> None:
    """Print the state of an index; measure the recall of its graphs if some are new."""
    described: dict[str, Any] = {
        "index": str(found.path),
        "sentences": len(found),
        "dimension": found.table.shape[1],
        "dtype": found.dtype,
        "bytes": bytes_of(found.path),
        **facts,
        "recall": found.measure_recall() if is_linked else None,
    }
    rows = [
        ("sentences", f"{len(found):,}"),
        *([("added", f"{facts['added']:,}")] if facts.get("added", len(found)) < len(found) else []),
        ("vectors", f"{described['dimension']:,} columns of {found.dtype}"),
        ("bytes", f"{described['bytes']:,}"),
        ("seconds", decimals(facts["seconds"], 1)),
    ]
    if is_linked or not found.is_approximate:
        share = percent(described["recall"]) if is_linked else "100 %: exact search"
        rows.append(("recall of 10 neighbours", share))
    print_result(described, ["index", f">{found.path}"], rows, as_json=as_json)


def _index_words(model: Path, graphs: dict[str, Any], dtype: Any, workers: int | None, as_json: bool) -> None:
    """Build the index of a model's words, and measure its recall."""
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.fidelity import measure_recall
    from w2v.vectors.index import INDEX_FILE, NeighborIndex

    embeddings = Embeddings.load(model)
    check_writable_beside(model / INDEX_FILE)  # before the work
    start = time.perf_counter()
    with show_work("linking") as progress:
        told = None if progress is None else lambda done: progress("linking", done, len(embeddings))
        built = NeighborIndex.build(embeddings.table, **graphs, dtype=dtype, workers=workers, progress=told)
    seconds = time.perf_counter() - start
    built.save(model)
    described: dict[str, Any] = {
        "model": str(model),
        "words": len(built),
        "seconds": seconds,
        "bytes": (model / INDEX_FILE).stat().st_size,
        "recall": measure_recall(built, embeddings.table),
    }
    rows = [
        ("words", f"{len(built):,}"),
        ("seconds", decimals(seconds, 1)),
        ("bytes", f"{described['bytes']:,}"),
        ("recall of 10 neighbours", percent(described["recall"])),
    ]
    print_result(described, ["index", f">{model}"], rows, as_json=as_json)
