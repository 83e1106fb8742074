"""Where files have texts and labels, or words and tags: the options of the commands that train and measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from w2v.commands.shared.options import number_option

OF_TEXTS = {"text_column": "text", "label_column": "label", "label_separator": "separator", "errors": "errors"}
"""Options, and what a `TableColumns` calls them."""
OF_WORDS = {"word_column": "word", "tag_column": "tag", "given_columns": "given", "errors": "errors"}
"""Options, and what a `ColumnNumbers` calls them."""


def text_column_options(command: Any) -> Any:
    """Add options that say where a table has texts and labels."""
    for option in (
        click.option("--label-separator", metavar="TEXT", help="What is between labels of a text, such as a comma."),
        click.option("--label-column", metavar="NAME", help="Of tables: the column of labels, by name or by number."),
        click.option(
            "--text-column", multiple=True, metavar="NAME",
            help="Of tables: the column of texts; may be repeated, and these are joined.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def word_column_options(command: Any) -> Any:
    """Add options that say which columns of files hold words and tags."""
    for option in (
        number_option("--column", "given_columns", multiple=True,
                      help="Read this column, from 1, with each word, such as a part of speech; may be repeated."),
        number_option("--tag-column", help="The column of tags; left out, the last, in CoNLL-U the fourth, UPOS."),
        number_option("--word-column", help="The column of words; left out, the first, in CoNLL-U the second."),
    ):  # fmt: skip
        command = option(command)
    return command


def given_of(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what was given of some options, under other names."""
    return {name: options[option] for option, name in names.items() if options.get(option)}
