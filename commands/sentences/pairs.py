"""Commands that find sentence pairs for training: `w2v pivots` and `w2v mine`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    errors_option,
    file_option,
    json_option,
    number_option,
    overwrite_option,
    progress_option,
    seed_option,
    split_option,
    workers_option,
)
from w2v.commands.shared.output import json_text, print_result, show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.saving import saving
from w2v.commands.shared.types import LazyChoice
from w2v.corpora.readers import TextReader
from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS
from w2v.corpora.tokenizers import TOKENIZER_NAMES, get_tokenizer
from w2v.storage.files import atomic_file, check_output_file

if TYPE_CHECKING:
    from w2v.encoder.retrieval import MinedPair

_output_option = file_option("-o", "--output", required=True, help="File to write, two sentences per line.")


def _overlap_option(default: float) -> Callable[[Any], Any]:
    return click.option(
        "--max-overlap",
        type=click.FloatRange(0, 1, min_open=True),
        default=default,
        show_default=True,
        metavar="X",
        help="Leave out pairs whose sentences share more than this fraction of their distinct words; 1 keeps all.",
    )


@click.command(
    epilog="""\b
Examples:
  w2v pivots deu.txt cmn.txt --output pivots.tsv
  w2v pivots train.en train.fr --columns 2 1 --output french.tsv
  w2v fit-encoder my.model wiki.txt --pairs pivots.tsv --output my.encoder""",
)
@click.argument("files", metavar="PAIRS...", nargs=-1, required=True)
@_output_option
@click.option(
    "--columns", type=click.Tuple([click.IntRange(1), click.IntRange(1)]), default=(1, 2), show_default=True,
    metavar="N N", help="Columns of the sentences to pair and of their translations.",
)  # fmt: skip
@number_option("--min-words", default=4, help="Leave out sentences of fewer words.")
@_overlap_option(0.9)
@number_option("--most", default=10, help="Write at most N pairs per translation.")
@click.option(
    "--tokenizer",
    type=LazyChoice(lambda: TOKENIZER_NAMES),
    default="words",
    show_default=True,
    help="Tokenizer that splits sentences into words.",
)
@errors_option
@overwrite_option
@json_option
@progress_option
def pivots(
    files: tuple[str, ...],
    output: Path,
    columns: tuple[int, int],
    min_words: int,
    max_overlap: float,
    most: int,
    tokenizer: str,
    errors: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Pair sentences of PAIRS that have the same translation, as paraphrases.

    PAIRS are tables with a sentence, a tab and its translation per line, or two parallel files. Languages may differ
    from file to file. The output is for `w2v fit-encoder --pairs`. Memory use does not grow with the files; their
    contents are kept in the system's temporary folder meanwhile (set TMPDIR to change it).
    """
    from w2v.corpora.pivots import PivotPairs

    check_output_file(output, overwrite=overwrite)
    with saving(output), show_work("reading") as progress:
        pairs = PivotPairs(
            files,
            columns=columns,
            min_words=min_words,
            max_overlap=max_overlap,
            most=most,
            tokenizer=get_tokenizer(tokenizer),
            errors=errors,
            progress=progress,
        )
        _write(output, ("\t".join(pair) for pair in pairs), overwrite, "no two sentences have the same translation")
    counts = asdict(pairs.counts)
    rows = [(name.replace("_", " "), f"{count:,}") for name, count in counts.items()]
    print_result({"output": str(output), **counts}, [str(output), ">"], rows, as_json=as_json)


def _write(path: Path, lines: Iterable[str], overwrite: bool, problem: str) -> int:
    """Write lines and return their number; write no file if there are none."""
    n_lines = 0
    with atomic_file(path, overwrite=overwrite) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
            n_lines += 1
        if not n_lines:
            raise click.ClickException(f"{problem}, so {path} is not written.")
    return n_lines


@click.command(
    epilog="""\b
Examples:
  w2v mine simple.txt english.txt --model my.encoder --split-sentences --output mined.tsv
  w2v mine simple.index english.index --threshold 1.15 --output mined.jsonl
  w2v fit-encoder my.encoder wiki.txt --pairs mined.tsv --output better.encoder""",
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@_output_option
@file_option("--model", metavar="MODEL", help="Sentence encoder or word vectors; an index brings its own.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, min_open=True),
    default=1.1,
    show_default=True,
    metavar="X",
    help="Minimum margin: the cosine of two sentences divided by their mean cosine with their nearest neighbours.",
)
@click.option(
    "--min-similarity",
    type=click.FloatRange(-1, 1, min_open=True),
    default=0.6,
    show_default=True,
    metavar="X",
    help="Minimum cosine.",
)
@_overlap_option(0.8)
@number_option("--min-words", default=MIN_TOKENS, help="Leave out sentences of fewer words.")
@number_option("--max-words", default=MAX_TOKENS, help="Leave out sentences of more words.")
@number_option("-k", "--nearest", default=4, help="Number of nearest neighbours for the margin.")
@click.option(
    "--exact/--approximate",
    default=None,
    cls=DescribedOption,
    unset="exact up to 262,144 distinct sentences per text",
    help="Compare all sentences, or only those near the same cluster centres, which finds most pairs.",
)
@split_option
@seed_option
@errors_option
@workers_option
@overwrite_option
@json_option
@progress_option
def mine(
    first: str,
    second: str,
    output: Path,
    model: Path | None,
    threshold: float,
    min_similarity: float,
    max_overlap: float,
    min_words: int,
    max_words: int,
    nearest: int,
    exact: bool | None,
    split_sentences: bool,
    seed: int,
    errors: str,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find pairs of similar sentences in A and B by margin-based mining, best pairs first.

    A and B are texts, such as two encyclopedias, or indexes of the same encoder. Each sentence is in at most one pair.
    The output is for `w2v fit-encoder --pairs`; FILE.jsonl also has margin, cosine, file and line. The vectors of texts
    are kept in the system's temporary folder meanwhile (set TMPDIR to change it).
    """
    from w2v.encoder.retrieval.index.storage import is_index
    from w2v.encoder.retrieval.mining.pairs import mine_pairs

    if exact:
        refuse_given(("seed",), "draws cluster centres, but --exact compares all sentences")
    check_output_file(output, overwrite=overwrite)
    sources = [name if is_index(name) else TextReader(name, errors=errors) for name in (first, second)]
    how = _as_json if output.suffix == ".jsonl" else _as_row
    with saving(output), show_work("reading") as progress:
        found = mine_pairs(
            sources[0],
            sources[1],
            model,
            threshold=threshold,
            min_similarity=min_similarity,
            max_overlap=max_overlap,
            min_words=min_words,
            max_words=max_words,
            n_neighbors=nearest,
            exact=exact,
            splits=split_sentences,
            workers=workers,
            seed=seed,
            progress=progress,
        )
        n_pairs = _write(output, map(how, found), overwrite, "no pair reaches the limits")
    value = {"output": str(output), "pairs": n_pairs}
    print_result(value, [str(output), ">"], [("pairs", f"{n_pairs:,}")], as_json=as_json)


def _as_row(pair: MinedPair) -> str:
    return "\t".join(" ".join(place.sentence.split()) for place in (pair.first, pair.second))


def _as_json(pair: MinedPair) -> str:
    places = {"first": pair.first._asdict(), "second": pair.second._asdict()}
    return json_text({"margin": round(pair.margin, 4), "similarity": round(pair.similarity, 4), **places})
