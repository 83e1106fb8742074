"""`w2v search`: search in an index of sentences."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    choice_option,
    errors_option,
    file_option,
    json_option,
    number_option,
    progress_option,
    sentences_option,
    workers_option,
)
from w2v.commands.shared.output import (
    decimals,
    json_text,
    note,
    print_json,
    print_table,
    progress_mode,
    say,
)
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.display.wording import shortened
from w2v.encoder.retrieval.hits import in_cell

if TYPE_CHECKING:
    from w2v.encoder.retrieval import Hit, SentenceIndex
    from w2v.encoder.retrieval.index.reading.shards import ShardedIndex

_QUERIES_AT_ONCE, _HITS_AT_ONCE = 1024, 1 << 18
_PAIRS_AT_ONCE = 1 << 10
_SCORES = ("reranked", "fused", "bm25")
_LONGEST_METADATA = _LONGEST_QUERY = 60  # characters in a table


@click.command(
    epilog="""\b
Examples:
  w2v search my.index "How do birds fly?"
  w2v search my.index "How do birds fly?" "Who invented paper?" --top 3
  w2v search my.index --queries questions.txt --jsonl > answers.jsonl
  w2v search my.index "XJ-900 battery" --by both
  w2v search my.index "How do birds fly?" --by both --rerank ms-marco-MiniLM-L6-v2/
  w2v search my.index "How do birds fly?" --where "year >= 2000 and lang in ('de', 'fr')"
  w2v search one.index two.index "How do birds fly?"
  w2v search pictures.index garden.jpg
  w2v search my.index""",
)
@click.argument("index", type=NamedPath())
@click.argument("queries", metavar="[INDEX]... [QUERY]...", nargs=-1)
@click.option("--queries", "file", metavar="FILE", help="Search for each line of FILE as well; - is standard input.")
@sentences_option
@click.option(
    "--where",
    metavar="CONDITION",
    help="Search only sentences whose id and metadata meet this condition.",
)
@click.option("--exact", is_flag=True, help="Compare with every sentence, even if the index has graphs.")
@choice_option(
    "--by",
    choices=("vectors", "words", "both"),
    default="vectors",
    help="Search by meaning, by the words of QUERY (BM25), or by both, with one combined ranking.",
)
@file_option("--rerank", metavar="FOLDER", help="Rerank the results with a cross-encoder.")
@number_option("--candidates", default=100, help="Number of results to combine for --by both, or to rerank.")
@errors_option
@workers_option
@click.option("--jsonl", is_flag=True, help="Print one JSON object per query, as soon as it is answered.")
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
    """Show the sentences of INDEX whose meaning is nearest to each QUERY; `w2v index` makes an index.

    Equal sentences are shown once. Several indexes of the same encoder are searched together. Without QUERY, the
    command asks for queries at the terminal. A condition compares columns with values: year >= 2000, lang != 'de', year
    in (2001, 2002), author is missing; join conditions with and, or, not and parentheses. The first search by words
    indexes the words of all sentences and keeps that in INDEX.
    """
    from w2v.encoder.retrieval import CrossEncoder
    from w2v.encoder.retrieval.index.storage import is_index

    others = tuple(takewhile(is_index, queries))
    queries = queries[len(others) :]
    is_asking = not queries and file is None
    if is_asking and not _is_terminal():
        raise click.UsageError("Nothing to search for: give a QUERY, or --queries FILE.")
    if jsonl and as_json:
        raise click.UsageError("--json and --jsonl exclude each other.")

    if by != "both" and rerank is None:
        refuse_given(("candidates",), "is for --by both and --rerank: give one of them as well")
    if by == "words":
        refuse_given(("exact",), "is for a search by meaning, but --by words compares no vectors")
    if file is None:
        refuse_given(("errors",), "is for --queries FILE")

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
    """Open the indexes, and check the condition before the first query."""
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
    with suppress(ImportError):  # line editing and history, where available
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
    """Ask for a line; on standard error, without line editing, if the results go to a file or pipe."""
    if sys.stdout.isatty():
        return input(question)
    asked: str = click.prompt(question, default="", show_default=False, err=True, prompt_suffix="")
    return asked


def _chunks(queries: Sequence[str], file: str | None, errors: str, top: int) -> Iterator[list[str]]:
    """Yield the queries in batches, those of the command line first."""
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
        f"near {shortened(query, _LONGEST_QUERY)}": [hit.sentence for hit in hits],
        "metadata": [_described(hit) for hit in hits],
    }
    shown = {name: cells for name, cells in columns.items() if name not in ("id", "metadata") or any(cells)}
    print_table(list(shown), list(zip(*shown.values(), strict=True)))


def _place(hit: Hit) -> str:
    shard = f"{hit.shard}: " if hit.shard else ""
    return f"{shard}{hit.file}:{hit.line}" if hit.file else f"{shard}{hit.line}"


def _described(hit: Hit) -> str:
    """Return the metadata of a hit as one table cell."""
    text = ", ".join(f"{name} {in_cell(value)}" for name, value in (hit.metadata or {}).items() if value is not None)
    return shortened(text, _LONGEST_METADATA)
