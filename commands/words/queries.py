"""Commands that query words: `w2v neighbors`, also for phrases, `w2v analogy` and `w2v similarity`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from w2v.commands.shared.completion import complete_words
from w2v.commands.shared.options import file_option, json_option, model_argument, restrict_option, top_option
from w2v.commands.shared.output import decimals, print_json, print_table
from w2v.commands.words.aligning import in_option, open_other, translations_of
from w2v.commands.words.phrasing import neighbors_of_texts, vectors_of_phrases

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings


@click.command(
    epilog="""\b
Examples:
  w2v neighbors my.model river
  w2v neighbors my.model monday red seven --top 5
  w2v neighbors my.model king woman --minus man
  w2v neighbors my.model "red apple"
  w2v neighbors my.encoder "how do birds fly" --sentences sentences.txt
  w2v neighbors aligned.model house --in german.model --csls
  w2v neighbors my.model river --json""",
)
@model_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True, shell_complete=complete_words)
@click.option(
    "--minus",
    multiple=True,
    metavar="WORD",
    help="Subtract a word from the sum of the others; all words then form one query. May be repeated.",
)
@top_option
@restrict_option
@click.option("--approximate", is_flag=True, help="Search the index of `w2v index MODEL` instead of all words.")
@file_option("--sentences", help="Search the lines of this text as well; each line is a sentence.")
@in_option
@click.option("--csls", is_flag=True, help="With --in: rank by CSLS, which demotes words that are near to everything.")
@json_option
def neighbors(
    model: Path,
    words: tuple[str, ...],
    minus: tuple[str, ...],
    top: int,
    restrict_vocab: int | None,
    approximate: bool,
    sentences: Path | None,
    other: Path | None,
    csls: bool,
    as_json: bool,
) -> None:
    """Show the words nearest to each WORD, or with --minus, to a sum of words.

    WORD may be a quoted phrase or sentence. An encoder then makes its vector: MODEL if it is an encoder, otherwise the
    SIF-weighted mean of the word vectors. Unknown words are reported and left out.
    """
    _check_ways(bool(minus), restrict_vocab is not None, approximate, sentences, other, csls)
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.model_folder import is_kind

    if sentences is not None or is_kind(model, "sentence-encoder"):
        if minus or other is not None or restrict_vocab is not None or approximate:
            raise click.UsageError("With an encoder or --sentences, only --top and --json are possible.")
        neighbors_of_texts(model, words, sentences, top, as_json)
        return
    embeddings = Embeddings.load(model)
    phrases = [word for word in (*words, *minus) if _is_phrase(embeddings, word)]
    if phrases and (minus or approximate or (restrict_vocab is not None and other is None)):
        raise click.UsageError(f"{phrases[0]!r:.80} is a phrase: phrases go with --in, --top and --json only.")
    if phrases and other is None:
        neighbors_of_texts(model, words, None, top, as_json)
        return
    limits: dict[str, Any] = {"top_n": top, "restrict_vocab": restrict_vocab}
    queries, score_name, unknown = list(words), "similarity", dict[str, dict[str, Any]]()
    if other is not None:
        score_name = "CSLS" if csls else score_name
        summed = vectors_of_phrases(model, phrases)
        unknown = {phrase: {"unknown": left_out} for phrase, (_, left_out) in summed.items()}
        found = translations_of(
            embeddings, open_other(embeddings, model, other), words,
            {phrase: vector for phrase, (vector, _) in summed.items()}, csls=csls, **limits,
        )  # fmt: skip
    elif minus:
        queries = [" ".join([*words, *(f"-{word}" for word in minus)])]
        found = [embeddings.neighbors(list(words), list(minus), approximate=approximate, **limits)]
    else:
        found = embeddings.neighbors_batch(queries, approximate=approximate, **limits)
    if as_json:
        answers = [_scored_words(near, score_name.lower()) for near in found]
        print_json([
            {"query": q, **unknown.get(q, {}), "neighbors": near} for q, near in zip(queries, answers, strict=True)
        ])  # fmt: skip
    elif len(queries) == 1:
        print_table([f"near {queries[0]}", f">{score_name}"], [(word, decimals(score)) for word, score in found[0]])
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
    help="Add cosines (3CosAdd) or multiply them (3CosMul).",
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
    """Answer an analogy: A is to B as C is to which word."""
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


def _check_ways(
    has_minus: bool, is_restricted: bool, approximate: bool, file: Path | None, other: Path | None, csls: bool
) -> None:
    """Refuse options that contradict each other."""
    if approximate and is_restricted:
        raise click.UsageError("--restrict-vocab needs an exact search: the index of --approximate holds all words.")
    if csls and other is None:
        raise click.UsageError("--csls compares two languages: give --in OTHER as well.")
    if other is not None and (has_minus or approximate or file is not None):
        raise click.UsageError("--in goes with neither --minus nor --approximate nor --sentences.")


def _is_phrase(embeddings: Embeddings, text: str) -> bool:
    """Return whether a text is not a word of the model and consists of several tokens."""
    if embeddings.get_index(text, -1) >= 0:
        return False
    tokens: Sequence[str] = text.split() if embeddings.tokenizer is None else embeddings.tokenizer(text)
    return len(tokens) > 1


def _scored_words(neighbors: list[tuple[str, float]], name: str = "similarity") -> list[dict[str, Any]]:
    return [{"word": word, name: float(score)} for word, score in neighbors]
