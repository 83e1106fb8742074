"""Options for the columns of texts and labels, or of words and tags, in files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from w2v.commands.shared.options import number_option

OF_TEXTS = {"text_column": "text", "label_column": "label", "label_separator": "separator", "errors": "errors"}
"""From options to fields of `TableColumns`."""
OF_WORDS = {"word_column": "word", "tag_column": "tag", "given_columns": "given", "errors": "errors"}
"""From options to fields of `ColumnNumbers`."""


def text_column_options(command: Any) -> Any:
    """Add the options for the columns of texts and labels in a table."""
    for option in (
        click.option("--label-separator", metavar="TEXT", help="Separator of the labels of a text, such as a comma."),
        click.option("--label-column", metavar="NAME", help="For tables: column of the labels, by name or number."),
        click.option(
            "--text-column", multiple=True, metavar="NAME",
            help="For tables: column of the texts. May be repeated; the columns are joined.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def word_column_options(command: Any) -> Any:
    """Add the options for the columns of words and tags in a file."""
    for option in (
        number_option("--column", "given_columns", multiple=True,
                      help="Number of another column to read as a feature, such as part of speech. May be repeated."),
        number_option("--tag-column", unset="the last; in CoNLL-U 4, UPOS", help="Number of the column of tags."),
        number_option("--word-column", unset="1; in CoNLL-U 2", help="Number of the column of words."),
    ):  # fmt: skip
        command = option(command)
    return command


def given_of(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that were given, under the names of the fields."""
    return {name: options[option] for option, name in names.items() if options.get(option)}
