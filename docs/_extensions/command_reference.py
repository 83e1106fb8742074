"""The directive `commands`: what `w2v --help` and `w2v COMMAND --help` say, as sections of a page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from w2v.commands import main as cli


class Commands(SphinxDirective):
    """Describe the command `w2v`, and every command of its sections."""

    def run(self) -> list[nodes.Node]:
        """Make a section of the page for each section of the help, and in it one for each command."""
        root = click.Context(cli.main, info_name="w2v")
        sections: list[nodes.Node] = [self._section(root)]
        for title, commands in cli.main.sections.items():
            section = nodes.section(ids=[nodes.make_id(title)], names=[])
            section += nodes.title(title, title)
            section += [self._section(_child(root, command)) for command in commands]
            sections.append(section)
        return sections

    def _section(self, context: click.Context) -> nodes.section:
        name = context.command_path
        identifier = nodes.make_id(name)
        section = nodes.section(ids=[identifier], names=[identifier])
        section += nodes.title(name, "", nodes.literal(name, name))
        self.state.document.note_explicit_target(section)
        command = context.command
        section += _text(command.help or "")
        section += nodes.literal_block(usage := _usage(context), usage, language="text")
        section += _options(context)
        section += _text(command.epilog or "")
        if isinstance(command, click.Group) and command is not cli.main:
            section += [self._section(_child(context, child)) for child in command.list_commands(context)]
        return section


def _child(context: click.Context, name: str) -> click.Context:
    assert isinstance(context.command, click.Group)
    return click.Context(context.command.commands[name], info_name=name, parent=context)


def _usage(context: click.Context) -> str:
    return context.get_usage().removeprefix("Usage: ")


def _options(context: click.Context) -> Iterator[nodes.Node]:
    """Give the rows that `--help` shows; an argument without a help text is in the usage already."""
    records = [record for option in context.command.get_params(context) if (record := option.get_help_record(context))]
    records = [record for record in records if record[1]]
    options = nodes.definition_list(classes=["options"])
    for name, help_text in records:
        # the words of the help text, and what click says in brackets after two spaces: defaults, ranges
        words, _, facts = help_text.partition("  [")
        paragraph = nodes.paragraph("", "", *_inline(words))
        if facts:
            facts = facts.removesuffix("]")
            paragraph += [nodes.Text(" "), nodes.inline(facts, facts, classes=["facts"])]
        term = nodes.term("", "", nodes.literal(name, name))
        options += nodes.definition_list_item("", term, nodes.definition("", paragraph))
    if records:
        yield options


def _text(text: str) -> Iterator[nodes.Node]:
    """Turn the paragraphs of a help text into nodes; those that click leaves as they are hold the examples."""
    for part in textwrap.dedent(text).strip("\n").split("\n\n"):
        if not part.lstrip().startswith("\b"):
            if part.strip():
                yield nodes.paragraph("", "", *_inline(" ".join(part.split())))
            continue
        lines = part.strip("\b\n ").splitlines()
        for is_code, group in _runs(lines):
            joined = textwrap.dedent("\n".join(group))
            if is_code:
                yield nodes.literal_block(joined, joined, language="bash")
            else:
                yield nodes.paragraph("", "", *_inline(joined))


def _runs(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    group: list[str] = []
    for line in lines:
        if group and line.startswith("  ") != group[0].startswith("  "):
            yield group[0].startswith("  "), group
            group = []
        group.append(line)
    if group:
        yield group[0].startswith("  "), group


def _inline(text: str) -> list[nodes.Node]:
    """Turn `words between backticks` into literals."""
    return [
        nodes.literal(part[1:-1], part[1:-1]) if part.startswith("`") else nodes.Text(part)
        for part in re.split(r"(`[^`]+`)", text)
        if part
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
