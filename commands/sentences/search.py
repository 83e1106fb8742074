"""Commands that search what was indexed: `w2v index` and `w2v search`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from w2v.commands.sentences.describing import bytes_of
from w2v.commands.shared.options import (
    choice_option,
    errors_option,
    file_option,
    json_option,
    number_option,
    overwrite_option,
    progress_option,
    sentences_option,
    workers_option,
)
from w2v.commands.shared.output import (
    decimals,
    json_text,
    note,
    percent,
    print_json,
    print_result,
    print_table,
    progress_mode,
    say,
    show_work,
)
from w2v.commands.shared.parameters import table_options
from w2v.commands.shared.saving import saving
from w2v.corpora.readers import TextReader
from w2v.encoder.parameters import PRECISION, EncoderParameters
from w2v.encoder.retrieval.hits import in_cell

if TYPE_CHECKING:
    from w2v.encoder.retrieval import Hit, SentenceIndex
    from w2v.encoder.retrieval.index.building import Progress
    from w2v.encoder.retrieval.index.reading.shards import ShardedIndex

_QUERIES_AT_ONCE, _HITS_AT_ONCE = 1024, 1 << 18
_PAIRS_AT_ONCE = 1 << 10
_SCORES = ("reranked", "fused", "bm25")
_MOST_TOLD = 60  # characters of metadata in a table


@click.command(
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
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", metavar="[FILE]...", nargs=-1)
@file_option("-o", "--output", metavar="INDEX", help="The folder to write.")
@click.option("--append", is_flag=True, help="Add the lines of FILE to the index MODEL.")
@click.option(
    "--split-sentences", is_flag=True, help="Cut lines into sentences; otherwise a line is one. An index remembers it."
)
@file_option(
    "--metadata",
    help="What is known of the lines of FILE: a CSV, TSV or JSON lines file with a record for each, blank ones too.",
)
@click.option("--text-column", metavar="NAME", help="FILE is such a table: this column has the texts.")
@click.option("--id-column", metavar="NAME", help="The column of ids.  [default: id, if there is one]")
@choice_option(
    "--dtype",
    choices=PRECISION.choices,
    default="float16",
    help="Numbers that sentences' vectors, or the index of words, are stored in.",
)
@table_options(EncoderParameters, ("truncate_dim",))
@click.option(
    "--approximate/--exact",
    default=None,
    help="Build graphs in which the nearest are found without looking at most sentences, or do not.  "
    "[default: above 1,000,000 sentences, with usearch installed]",
)
@number_option(
    "--connectivity",
    least=2,
    most=256,
    default=16,
    help="Links in a graph: more find more of the nearest, and take memory and time.",
)
@number_option(
    "--effort",
    most=100_000,
    help="How many a search of a graph keeps in mind: more find more, more slowly.  "
    "[default: 128 for words, 96 for sentences]",
)
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
    errors: str,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Index the sentences of FILE for `w2v search`, or without FILE the words of MODEL.

    MODEL is a sentence encoder or word vectors, and a copy of what makes the vectors becomes part of INDEX; "-" reads
    standard input. Memory does not grow with the text. With --append MODEL is an index, and without FILE graphs are
    built for one. With a classifier of pictures, FILE is a file or folder of pictures, and `w2v search` takes and finds
    their names.

    The words' index is for `w2v neighbors --approximate`; it is kept in the folder of the model, and an index of other
    vectors is refused. An exact search of 400,000 words takes some 10 ms, so that it pays from about a million words.
    """
    from w2v.encoder.retrieval import SentenceIndex
    from w2v.encoder.retrieval.index.storage import ENCODER, is_index

    graphs: dict[str, Any] = {"connectivity": connectivity} | ({} if effort is None else {"effort": effort})
    if not files:
        if output is not None or append:
            raise click.UsageError("Nothing to index: name a FILE, or - for standard input.")
        if is_index(model):
            _build_graphs(SentenceIndex.open(model, workers=workers), graphs, as_json)
        else:
            _index_words(model, graphs, dtype, workers, as_json)
        return
    if append and (output is not None or overwrite or split_sentences or truncate_dim):
        raise click.UsageError("--append goes by what the index is; it takes no --output and no options of it.")
    if not append and is_index(model):
        raise click.UsageError(f"{model} is an index; add to it with --append.")
    from w2v.vectors.index import import_usearch

    if approximate:
        import_usearch()
    texts, records = _what_to_index(
        model / ENCODER if append else model, files, errors, split_sentences, metadata, text_column
    )
    known: dict[str, Any] = {"metadata": records, "ids": id_column}
    start = time.perf_counter()
    with saving(output, claims=False), show_work("indexing") as progress:
        if append:
            found = SentenceIndex.open(model, workers=workers)
            n_added = found.add(texts, approximate=False, progress=progress, **known)
        elif output is None:
            raise click.UsageError("Nowhere to write: give --output INDEX.")
        else:
            found = SentenceIndex.build(
                model,
                texts,
                output,
                dtype=dtype,
                truncate_dim=truncate_dim,
                splits=split_sentences,
                approximate=False,
                overwrite=overwrite,
                workers=workers,
                progress=progress,
                **known,
            )
            n_added = len(found)
        seconds = time.perf_counter() - start
        is_linked = False
        if approximate or (approximate is None and found.wants_graphs):
            is_linked = _link(found, graphs, progress, is_asked=bool(approximate))
    _print_index(found, {"added": n_added, "seconds": seconds}, is_linked, as_json)


def _what_to_index(
    model: Path, files: tuple[str, ...], errors: str, splits: bool, metadata: Path | None, text_column: str | None
) -> tuple[Any, Any]:
    """Return texts, or the files of pictures where a classifier of pictures makes the vectors, and their metadata."""
    from w2v.corpora.tables.files import read_records, read_texts
    from w2v.vectors.model_folder import is_kind

    if text_column is not None and metadata is not None:
        raise click.UsageError("With --text-column the other columns of FILE are the metadata; it takes no --metadata.")
    if text_column is not None:
        return read_texts(files, text_column, errors=errors)
    records = None if metadata is None else read_records(metadata, errors=errors)
    if not is_kind(model, "image-classifier"):
        return TextReader(files, errors=errors), records
    if splits:
        raise click.UsageError("--split-sentences is for texts, and these are pictures.")
    return list(files), records


def _link(found: SentenceIndex, graphs: dict[str, Any], progress: Progress | None, *, is_asked: bool) -> bool:
    """Build graphs of sentences that are in the index already; say whether it was done."""
    from w2v.encoder.retrieval.index.graphs import has_usearch

    if not is_asked and not has_usearch():
        note(f"Searches would be faster with: pip install 'w2v-toolkit[index]', then: w2v index {found.path}")
        return False
    try:
        found.build_graphs(**graphs, progress=progress)
    except KeyboardInterrupt:
        say(f"The sentences are in {found.path}; `w2v index {found.path}` goes on with its graphs.")
        raise
    return True


def _build_graphs(found: SentenceIndex, graphs: dict[str, Any], as_json: bool) -> None:
    start = time.perf_counter()
    with show_work("linking") as progress:
        is_linked = _link(found, graphs, progress, is_asked=True)
    _print_index(found, {"seconds": time.perf_counter() - start}, is_linked, as_json)


def _print_index(found: SentenceIndex, facts: dict[str, Any], is_linked: bool, as_json: bool) -> None:
    """Print what an index is now; how much its graphs find is measured if some are new."""
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
        *([("of them new", f"{facts['added']:,}")] if facts.get("added", len(found)) < len(found) else []),
        ("vectors", f"{described['dimension']:,} columns of {found.dtype}"),
        ("bytes", f"{described['bytes']:,}"),
        ("seconds", decimals(facts["seconds"], 1)),
    ]
    if is_linked or not found.is_approximate:
        share = percent(described["recall"]) if is_linked else "all: exact search"
        rows.append(("of the 10 nearest found", share))
    print_result(described, ["index", f">{found.path}"], rows, as_json=as_json)


def _index_words(model: Path, graphs: dict[str, Any], dtype: Any, workers: int | None, as_json: bool) -> None:
    """Build the index of a model's words, and measure how many of the nearest it finds."""
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.fidelity import measure_recall
    from w2v.vectors.index import INDEX_FILE, NeighborIndex

    embeddings = Embeddings.load(model)
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
        ("of the 10 nearest words found", percent(described["recall"])),
    ]
    print_result(described, ["index", f">{model}"], rows, as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  w2v search my.index "How do birds fly?"
  w2v search my.index "How do birds fly?" "Who invented paper?" --top 3
  w2v search my.index --file questions.txt --jsonl > answers.jsonl
  w2v search my.index "XJ-900 battery" --by both
  w2v search my.index "How do birds fly?" --by both --rerank ms-marco-MiniLM-L6-v2/
  w2v search my.index "How do birds fly?" --where "year >= 2000 and lang in ('de', 'fr')"
  w2v search one.index two.index "How do birds fly?"
  w2v search pictures.index garden.jpg
  w2v search my.index""",
)
@click.argument("index", type=click.Path(path_type=Path))
@click.argument("queries", metavar="[INDEX]... [QUERY]...", nargs=-1)
@click.option("--file", metavar="FILE", help="Search for each line of FILE, too; - reads standard input.")
@sentences_option
@click.option(
    "--where",
    metavar="CONDITION",
    help="Search only sentences of which this is true: a condition on their id and metadata.",
)
@click.option("--exact", is_flag=True, help="Look at every sentence even if the index has graphs.")
@choice_option(
    "--by",
    choices=("vectors", "words", "both"),
    default="vectors",
    help="Find what is nearest in meaning, what has the words of QUERY (BM25), or both in one order.",
)
@file_option("--rerank", metavar="FOLDER", help="Put what is found into the order of a cross-encoder's scores.")
@number_option("--candidates", default=100, help="How many to find first, by each way, for --by both and --rerank.")
@errors_option
@workers_option
@click.option("--jsonl", is_flag=True, help="Print one JSON object a query, as they are found.")
@json_option
@progress_option
def search(
    index: Path,
    queries: tuple[str, ...],
    file: str | None,
    top: int,
    where: str | None,
    exact: bool,
    by: Literal["vectors", "words", "both"],
    rerank: Path | None,
    candidates: int,
    errors: str,
    workers: int | None,
    jsonl: bool,
    as_json: bool,
) -> None:
    """Show the sentences of INDEX whose meaning is nearest to each QUERY; `w2v index` makes one.

    Equal sentences are shown once. Several INDEX of one encoder are searched as one. At a terminal, without a QUERY,
    one after another is asked for. A condition compares columns with values: year >= 2000, lang != 'de', year in (2001,
    2002), author is missing; joined by and, or, not and parentheses. The first search by words indexes those of all
    sentences, and keeps that in INDEX.
    """
    from w2v.encoder.retrieval import CrossEncoder
    from w2v.encoder.retrieval.index.storage import is_index

    others = tuple(takewhile(is_index, queries))
    queries = queries[len(others) :]
    is_asking = not queries and file is None
    if is_asking and not _is_terminal():
        raise click.UsageError("Nothing to search for: give a QUERY, or --file FILE.")
    if jsonl and as_json:
        raise click.UsageError("--json and --jsonl are two ways to print; give one.")

    opened = _opened([index, *map(Path, others)], where, workers)
    model = None if rerank is None else CrossEncoder(rerank, workers=workers)
    how: dict[str, Any] = {"top_n": top, "exact": exact, "where": where, "by": by, "rerank": model}
    how |= {"candidates": candidates, "progress": progress_mode()}
    if is_asking:
        answered: Iterable[tuple[str, list[Hit]]] = _asked(opened, how)
    elif len(queries) == 1 and file is None:
        answered = [(queries[0], opened.search(queries[0], **how))]
    else:
        n_read = top if model is None else max(top, candidates) * _HITS_AT_ONCE // _PAIRS_AT_ONCE
        answered = _answers(opened, _chunks(queries, file, errors, n_read), how)
    _print_answers(answered, as_json=as_json, jsonl=jsonl)


def _print_answers(answered: Iterable[tuple[str, list[Hit]]], *, as_json: bool, jsonl: bool) -> None:
    if as_json:
        print_json([_answer(query, hits) for query, hits in answered])
    elif jsonl:
        for query, hits in answered:
            click.echo(json_text(_answer(query, hits)))
    else:
        for number, (query, hits) in enumerate(answered):
            if number:
                click.echo()
            _print_hits(query, hits)


def _opened(folders: list[Path], where: str | None, workers: int | None) -> SentenceIndex | ShardedIndex:
    """Open what is searched; a condition is looked at before there is a query."""
    from w2v.encoder.retrieval import SentenceIndex

    opened: SentenceIndex | ShardedIndex
    if len(folders) > 1:
        opened = SentenceIndex.open(folders, workers=workers)
    else:
        opened = SentenceIndex.open(folders[0], workers=workers)
    if where is not None and not opened.count(where):
        note(f"No sentence meets the condition {where!r}.")
    return opened


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _asked(opened: SentenceIndex | ShardedIndex, how: dict[str, Any]) -> Iterator[tuple[str, list[Hit]]]:
    """Ask for queries until there is none, and answer each."""
    with suppress(ImportError):  # not everywhere; it edits the line and keeps what was asked before
        import readline  # noqa: F401
    while True:
        try:
            query = _prompt("search for: ").strip()
        except (click.Abort, EOFError, KeyboardInterrupt):  # Ctrl-C or the end of the input
            click.echo(err=True)
            return
        if not query:
            return
        try:
            yield query, opened.search(query, **how)
        except ValueError as error:
            say(f"{error}")


def _prompt(question: str) -> str:
    """Ask for a line; where results go elsewhere, on standard error, which cannot be edited on."""
    if sys.stdout.isatty():
        return input(question)
    asked: str = click.prompt(question, default="", show_default=False, err=True, prompt_suffix="")
    return asked


def _chunks(queries: Sequence[str], file: str | None, errors: str, top: int) -> Iterator[list[str]]:
    """Yield some queries at a time, those of the command line first."""
    chunk = list(queries)
    for line in () if file is None else TextReader(file, errors=errors).lines():
        if line.strip():
            chunk.append(line.strip())
        if len(chunk) >= min(_QUERIES_AT_ONCE, max(1, _HITS_AT_ONCE // top)):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _answers(
    opened: SentenceIndex | ShardedIndex, chunks: Iterable[list[str]], how: dict[str, Any]
) -> Iterator[tuple[str, list[Hit]]]:
    for chunk in chunks:
        yield from zip(chunk, opened.search(chunk, **how), strict=True)


def _answer(query: str, hits: list[Hit]) -> dict[str, Any]:
    return {"query": query, "hits": [hit.to_dict() for hit in hits]}


def _print_hits(query: str, hits: list[Hit]) -> None:
    several = len({(hit.shard, hit.file) for hit in hits}) > 1
    scores = [name for name in _SCORES if any(getattr(hit, name) is not None for hit in hits)]
    columns: dict[str, list[str]] = {
        **{f">{name}": [decimals(getattr(hit, name)) for hit in hits] for name in scores},
        ">similarity": [decimals(hit.similarity) for hit in hits],
        "file:line" if several else ">line": [_place(hit) if several else f"{hit.line:,}" for hit in hits],
        "id": ["" if hit.id is None else str(hit.id) for hit in hits],
        f"near {query}": [hit.sentence for hit in hits],
        "metadata": [_described(hit) for hit in hits],
    }
    shown = {name: cells for name, cells in columns.items() if name not in ("id", "metadata") or any(cells)}
    print_table(list(shown), list(zip(*shown.values(), strict=True)))


def _place(hit: Hit) -> str:
    shard = f"{hit.shard}: " if hit.shard else ""
    return f"{shard}{hit.file}:{hit.line}" if hit.file else f"{shard}{hit.line}"


def _described(hit: Hit) -> str:
    """Return the metadata of a hit in one cell."""
    told = ", ".join(f"{name} {in_cell(value)}" for name, value in (hit.metadata or {}).items() if value is not None)
    return told if len(told) <= _MOST_TOLD else f"{told[:_MOST_TOLD]}…"
