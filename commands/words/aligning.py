"""Two languages: `w2v align`, and what other commands need of two models in one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from w2v.alignment.parameters import AlignmentParameters
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import file_option, json_option, output_option, overwrite_option, progress_option
from w2v.commands.shared.output import decimals, note, print_json, print_table, say, show_work
from w2v.commands.shared.parameters import table_options
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import NamedPath

if TYPE_CHECKING:
    from w2v.evaluation import TranslationReport
    from w2v.vectors.embeddings import Embeddings

_BY_NAME = ("identical", "none")


@click.command(
    epilog="""\b
Examples:
  w2v align english.model german.model --dictionary en-de.tsv --output aligned.model
  w2v align english.model german.model --dictionary identical --output aligned.model
  w2v neighbors aligned.model house --in german.model
  w2v evaluate aligned.model --translations en-de-test.tsv --in german.model""",
)
@click.argument("source", type=NamedPath())
@click.argument("target", type=NamedPath())
@click.option(
    "--dictionary",
    required=True,
    metavar="FILE|identical|none",
    help="A file of tab-separated word pairs, SOURCE and TARGET; identical pairs equal spellings; none needs no pairs.",
)
@output_option
@table_options(AlignmentParameters)
@overwrite_option
@json_option
@progress_option
def align(
    source: Path, target: Path, dictionary: str, output: Path, overwrite: bool, as_json: bool, **options: Any
) -> None:
    """Rotate the vectors of SOURCE into the space of TARGET, so that words with the same meaning are near.

    The output is a model like SOURCE with rotated vectors, which keep their distances to each other. If your file is
    called identical or none, write ./identical or ./none.
    """
    from w2v.alignment import Aligner, read_dictionary
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.persistence import check_output

    if dictionary != "none":
        refuse_given(("random_state",), "is for the search without a dictionary: give --dictionary none")
    check_output(output, overwrite)
    if output.resolve() == target.resolve():
        raise click.UsageError(f"--output {output} would replace TARGET: give another name.")
    of_source, of_target = Embeddings.load(source), Embeddings.load(target)
    pairs = dictionary if dictionary in _BY_NAME else read_dictionary(dictionary)
    with saving(output), show_work("aligning"):
        aligner = Aligner(**options).fit(of_source, of_target, pairs)
        aligned = aligner.transform(of_source, name=str(target))
        saved = keep(lambda path: aligned.save(path, overwrite=overwrite and path == output), output)
    history, is_file = aligner.history_, not isinstance(pairs, str)
    described = {"output": str(saved), "dictionary_pairs": aligner.n_pairs_, "history": history}
    if is_file:
        described["dictionary_size"] = len(set(pairs))
        note(f"Both models know the words of {aligner.n_pairs_:,} of the {len(set(pairs)):,} pairs of {dictionary}.")
    if (n_last := history[-1]["pairs"]) < of_source.vector_size:
        say(
            f"Warning: {n_last:,} pairs do not determine a rotation of {of_source.vector_size:,} dimensions, so words "
            "far from them may have any translation; a larger dictionary and models of more words would."
        )
    if as_json:
        print_json(described)
        return
    rows = [(f"{number}", f"{entry['pairs']:,}", decimals(entry["cosine"])) for number, entry in enumerate(history)]
    print_table([">refinement", ">pairs", ">mean cosine of translations"], rows, title=str(saved))


def open_other(model: Embeddings, name: Path, other: Path) -> Embeddings:
    """Open the model of the other language; warn if the two are not known to share one space."""
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.spaces.anchors import share_space

    opened = Embeddings.load(other)
    if opened.vector_size == model.vector_size and not share_space(model, opened):
        say(
            f"Warning: {name} and {other} are not known to share one space; if they do not, the answers mean nothing. "
            f"Align them first: w2v align {name} {other}."
        )
    return opened


def translations_of(
    model: Embeddings,
    other: Embeddings,
    words: Sequence[str],
    phrases: Mapping[str, Any],
    *,
    top_n: int,
    restrict_vocab: int | None,
    csls: bool,
) -> list[list[tuple[str, float]]]:
    """Return the nearest words of another language, by cosine or CSLS; `phrases` maps phrases to vectors."""
    from w2v.alignment import WordTranslator

    if all(word in other and word not in model for word in words):
        raise click.ClickException(
            f"{', '.join(map(repr, words)):.80}: only the model of --in has it; did you swap MODEL and --in?"
        )
    translator = WordTranslator(model, other, restrict_vocab=restrict_vocab)
    known = [word for word in words if word not in phrases]
    vectors = {**phrases, **(dict(zip(known, model[known], strict=True)) if known else {})}
    method: Literal["csls", "nearest"] = "csls" if csls else "nearest"
    return translator.translate_vectors(words, [vectors[word] for word in words], top_n=top_n, method=method)


def evaluate_translations_of(model: Path, other: Path, files: Sequence[Path]) -> dict[str, TranslationReport]:
    """Evaluate the translations from one model to another against dictionaries."""
    from w2v.alignment import WordTranslator
    from w2v.evaluation import evaluate_translations
    from w2v.vectors.embeddings import Embeddings

    opened = Embeddings.load(model)
    translator = WordTranslator(opened, open_other(opened, model, other))
    reports = {str(path): evaluate_translations(translator, path) for path in files}
    for path, report in reports.items():
        if not report.n_asked:
            say(
                f"Warning: {path} has no word of {model} with a translation in {other}. The first column must be the "
                "language of MODEL, the second that of --in."
            )
    return reports


def print_translations(reports: dict[str, TranslationReport]) -> None:
    """Print precision and coverage, one table per file."""
    for path, report in reports.items():
        header, rows = report.table()
        print_table(header, rows, title=path)


in_option = file_option("--in", "other", metavar="OTHER", help="Search the words of this model, in the same space.")
