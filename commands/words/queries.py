"""Commands that ask about words: `w2v neighbors`, `w2v analogy` and `w2v similarity`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from w2v.commands.shared.completion import complete_words
from w2v.commands.shared.options import json_option, model_argument, restrict_option, top_option
from w2v.commands.shared.output import decimals, print_json, print_table


@click.command(
    epilog="""\b
Examples:
  w2v neighbors my.model river
  w2v neighbors my.model monday red seven --top 5
  w2v neighbors my.model king woman --minus man
  w2v neighbors my.model river --json""",
)
@model_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True, shell_complete=complete_words)
@click.option(
    "--minus",
    multiple=True,
    metavar="WORD",
    help="Subtract a word from the sum of the others; makes one query of all words. May be repeated.",
)
@top_option
@restrict_option
@click.option("--approximate", is_flag=True, help="Search the index that `w2v index MODEL` made, not all words.")
@json_option
def neighbors(
    model: Path,
    words: tuple[str, ...],
    minus: tuple[str, ...],
    top: int,
    restrict_vocab: int | None,
    approximate: bool,
    as_json: bool,
) -> None:
    """Show the words nearest to each WORD, or with --minus to a sum of words."""
    if approximate and restrict_vocab is not None:
        raise click.UsageError("--restrict-vocab needs an exact search: the index of --approximate holds all words.")
    from w2v.vectors.embeddings import Embeddings

    embeddings = Embeddings.load(model)
    limits: dict[str, Any] = {"top_n": top, "restrict_vocab": restrict_vocab, "approximate": approximate}
    if minus:
        queries = [" ".join([*words, *(f"-{word}" for word in minus)])]
        found = [embeddings.neighbors(list(words), list(minus), **limits)]
    else:
        queries = list(words)
        found = embeddings.neighbors_batch(queries, **limits)
    if as_json:
        print_json([{"query": q, "neighbors": _scored_words(near)} for q, near in zip(queries, found, strict=True)])
    elif len(queries) == 1:
        print_table([f"near {queries[0]}", ">similarity"], [(word, decimals(score)) for word, score in found[0]])
    else:
        rows = [(q, ", ".join(word for word, _ in near)) for q, near in zip(queries, found, strict=True)]
        print_table(["word", "nearest words"], rows)


@click.command(
    epilog="""\b
Examples:
  w2v analogy my.model man king woman        man is to king as woman is to ...
  w2v analogy my.model paris france rome --method mul --top 3""",
)
@model_argument
@click.argument("a", shell_complete=complete_words)
@click.argument("b", shell_complete=complete_words)
@click.argument("c", shell_complete=complete_words)
@click.option(
    "--method",
    type=click.Choice(["add", "mul"]),
    default="add",
    show_default=True,
    help="Add up cosines (3CosAdd) or multiply them (3CosMul).",
)
@top_option
@restrict_option
@json_option
def analogy(
    model: Path,
    a: str,
    b: str,
    c: str,
    method: Literal["add", "mul"],
    top: int,
    restrict_vocab: int | None,
    as_json: bool,
) -> None:
    """Answer the question: A is to B as C is to which word."""
    from w2v.vectors.embeddings import Embeddings

    answers = Embeddings.load(model).analogy(a, b, c, method=method, top_n=top, restrict_vocab=restrict_vocab)
    if as_json:
        print_json({"a": a, "b": b, "c": c, "method": method, "answers": _scored_words(answers)})
    else:
        print_table([f"{a} : {b} = {c} : ?", ">score"], [(word, decimals(score)) for word, score in answers])


@click.command(
    epilog="""\b
Examples:
  w2v similarity my.model coffee tea""",
)
@model_argument
@click.argument("a", metavar="WORD", shell_complete=complete_words)
@click.argument("b", metavar="WORD", shell_complete=complete_words)
@json_option
def similarity(model: Path, a: str, b: str, as_json: bool) -> None:
    """Print how similar two words are: the cosine of their vectors, from -1 to 1."""
    from w2v.vectors.embeddings import Embeddings

    cosine = float(Embeddings.load(model).similarity(a, b))
    if as_json:
        print_json({"words": [a, b], "similarity": cosine})
    else:
        click.echo(decimals(cosine, 4))


def _scored_words(neighbors: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"word": word, "similarity": float(score)} for word, score in neighbors]
