"""The `w2v` command: each function parses its options, calls one public function and prints what it returns.

Results go to standard output, progress and notes to standard error. Whatever is slow to import is imported inside the
command that needs it, so that `w2v --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from cli_compare import compare
from cli_encoder import attention, describe_encoder, encode, similar
from cli_evaluate import evaluate
from cli_fit_encoder import fit_encoder
from cli_formats import export, import_
from cli_options import (
    Toolkit,
    corpus_argument,
    json_option,
    model_argument,
    restrict_option,
    top_option,
)
from cli_output import (
    decimals,
    print_description,
    print_json,
    print_table,
    show_bytes,
)
from cli_phrases import phrases
from cli_plot import plot
from cli_train import train
from cli_vectors import index, prune


@click.group(
    cls=Toolkit,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  w2v train corpus.txt --output my.model
  w2v neighbors my.model river
  w2v analogy my.model man king woman
`w2v COMMAND --help` explains a command and shows examples of it.""",
)
@click.version_option(package_name="w2v-toolkit", prog_name="w2v")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train word vectors from text, and query, evaluate, exchange and compare them."""


main.add_command(train)


@main.command(
    epilog="""\b
Examples:
  w2v neighbors my.model river
  w2v neighbors my.model monday red seven --top 5
  w2v neighbors my.model king woman --minus man
  w2v neighbors my.model river --json""",
)
@model_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option(
    "--minus",
    multiple=True,
    metavar="WORD",
    help="Subtract a word from the sum of the others; makes one query of all words. May be repeated.",
)
@top_option
@restrict_option
@click.option("--approximate", is_flag=True, help="Search the index that `w2v index build` made, not all words.")
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
    from w2v.embeddings import Embeddings

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


@main.command(
    epilog="""\b
Examples:
  w2v analogy my.model man king woman        man is to king as woman is to ...
  w2v analogy my.model paris france rome --method mul --top 3""",
)
@model_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
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
    from w2v.embeddings import Embeddings

    answers = Embeddings.load(model).analogy(a, b, c, method=method, top_n=top, restrict_vocab=restrict_vocab)
    if as_json:
        print_json({"a": a, "b": b, "c": c, "method": method, "answers": _scored_words(answers)})
    else:
        print_table([f"{a} : {b} = {c} : ?", ">score"], [(word, decimals(score)) for word, score in answers])


@main.command(
    epilog="""\b
Examples:
  w2v similarity my.model coffee tea""",
)
@model_argument
@click.argument("a", metavar="WORD")
@click.argument("b", metavar="WORD")
@json_option
def similarity(model: Path, a: str, b: str, as_json: bool) -> None:
    """Print how similar two words are: the cosine of their vectors, from -1 to 1."""
    from w2v.embeddings import Embeddings

    cosine = float(Embeddings.load(model).similarity(a, b))
    if as_json:
        print_json({"words": [a, b], "similarity": cosine})
    else:
        click.echo(decimals(cosine, 4))


def _scored_words(neighbors: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"word": word, "similarity": float(score)} for word, score in neighbors]


@main.command(
    epilog="""\b
Examples:
  w2v info my.model
  w2v info my.model --json""",
)
@model_argument
@json_option
def info(model: Path, as_json: bool) -> None:
    """Tell what is in a model folder, of word vectors or of a sentence encoder: sizes, parameters, training history."""
    from w2v.embeddings import Embeddings
    from w2v.model_files import read_kind
    from w2v.persistence import KIND

    if read_kind(model) != KIND:
        described = describe_encoder(model)
        print_json(described) if as_json else print_description(described)
        return
    embeddings = Embeddings.load(model)
    counts = embeddings.vocabulary.counts
    tokenizer = embeddings.tokenizer
    described = {
        "path": str(model),
        "bytes": sum(file.stat().st_size for file in model.iterdir()),
        "vocabulary_size": len(embeddings),
        "vector_size": embeddings.vector_size,
        "dtype": embeddings.dtype,
        "counted_words": None if counts is None else int(counts.sum()),
        "most_frequent": embeddings.index_to_key[:10],
        "tokenizer": embeddings.metadata.get("tokenizer") if tokenizer is None else tokenizer.to_config(),
        **{name: value for name, value in embeddings.metadata.items() if name != "tokenizer"},
    }
    if as_json:
        print_json(described)
    else:
        print_description(described)


@main.command(
    epilog="""\b
Examples:
  w2v download bible
  w2v download text8 --folder data
  w2v train "$(w2v download text8)" --output text8.model""",
)
@corpus_argument
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="Where to put the file.  [default: here]"
)
def download(name: str, folder: Path) -> None:
    """Get a corpus to start with, and print the name of its file.

    bible, the World English Bible, and lee, Australian news, come from packages that are installed; text8 and enwik9,
    Wikipedia, are fetched from the internet and checked. A file that is there already is not fetched again.
    """
    from corpora import bundled

    if name in bundled.DOWNLOADS:
        with show_bytes(f"Fetching {name}") as progress:
            path = bundled.download(name, folder, progress=progress)
    else:
        path = _write_corpus(bundled.bundled_corpus(name), folder / f"{name}.txt")
    click.echo(path)


def _write_corpus(sentences: list[str], path: Path) -> Path:
    """Write one sentence a line, unless just that is there already."""
    from w2v._files import atomic_file

    data = "".join(f"{sentence}\n" for sentence in sentences).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.is_file() and path.read_bytes() == data):
        with atomic_file(path, overwrite=False) as file:
            file.write(data)
    return path


main.add_command(evaluate)
main.add_command(phrases)
main.add_command(compare)
main.add_command(plot)
main.add_command(export)
main.add_command(import_)
main.add_command(index)
main.add_command(prune)
main.add_command(fit_encoder)
main.add_command(encode)
main.add_command(similar)
main.add_command(attention)


if __name__ == "__main__":
    main()
