"""Reports as Markdown, with front matter for model hubs, and pictures as separate files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from w2v.display.wording import printable
from w2v.reports.blocks import DRAWN, Block, Bullets, Card, Code, Curves, Matrix, Paragraph, Table, Tiles, WordMap
from w2v.reports.pictures import draw, standalone

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$&@]|:(?=//)|(?<=www)\.|^[-+#=]|^\d+(?=[.)](?:\s|$))")
"""Characters that could be markup: lists and headings at the start of a line, URLs, and others anywhere."""


def to_markdown(card: Card, pictures: Mapping[str, str] | None = None) -> str:
    """Return a report as Markdown.

    Parameters
    ----------
    card : Card
    pictures : mapping of str to str, optional
        Maps the names of pictures to their files; a picture without a file is left out.

    Returns
    -------
    str
        YAML front matter and a document whose text is escaped.
    """
    parts = [front_matter(card), f"# {_escape(card.title)}", _escape(card.summary)]
    parts.append(_table(Table(tuple(name for name, _ in card.facts), (tuple(value for _, value in card.facts),))))
    for section in card.sections:
        parts.append(f"## {_escape(section.title)}")
        parts += [text for block in section.blocks if (text := _block(block, pictures or {}))]
    parts.append(f"Written by w2v {card.version}".strip())
    return "\n\n".join(parts) + "\n"


def render_pictures(card: Card) -> dict[str, str]:
    """Return the content of an SVG file for each picture of a report, by name."""
    pictures = {}
    for section in card.sections:
        for block in section.blocks:
            if isinstance(block, DRAWN):
                pictures[block.name] = standalone(draw(block))
    return pictures


def front_matter(card: Card) -> str:
    """Return the metadata for a model hub, as YAML between lines of dashes.

    Every text is written as a JSON string, which is valid YAML for any content.
    """
    entries: list[str] = []
    if card.language:
        entries.append(f"language: {_quoted(card.language)}")
    if card.license:
        entries.append(f"license: {_quoted(card.license)}")
    entries += ['library_name: "w2v"', f"pipeline_tag: {_quoted(card.pipeline_tag)}"]
    entries += _listed("tags", list(dict.fromkeys(["w2v", *card.tags])))
    entries += _listed("datasets", list(card.datasets))
    if card.results:
        entries += ["model-index:", f"- name: {_quoted(card.title)}", "  results:"]
        for result in card.results:
            entries += [
                "  - task:",
                f"      type: {_quoted(result.task)}",
                "    dataset:",
                f"      name: {_quoted(result.dataset)}",
                f"      type: {_quoted(result.dataset)}",
                "    metrics:",
                f"    - type: {_quoted(result.metric)}",
                f"      value: {result.value:.6f}",
            ]
    return "\n".join(["---", *entries, "---"])


def _listed(name: str, values: list[str]) -> list[str]:
    """Return a list of the front matter, if it has entries."""
    return [f"{name}:", *(f"- {_quoted(value)}" for value in values)] if values else []


def _quoted(text: str) -> str:
    return json.dumps(printable(text))  # ASCII, because YAML allows less of Unicode than JSON


def _block(block: Block, pictures: Mapping[str, str]) -> str:
    """Return a block as Markdown; empty for a picture without a file."""
    match block:
        case Paragraph(text):
            return _escape(text)
        case Bullets(items):
            return "\n".join(f"- {_escape(item)}" for item in items)
        case Code(text, language):
            fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
            lines = "\n".join(printable(line) for line in text.split("\n"))
            return f"{fence}{language}\n{lines}\n{fence}"
        case Table():
            table = _table(block)
            return f"{_escape(block.caption)}:\n\n{table}" if block.caption else table
        case Curves():
            return _picture(pictures.get(block.name), f"{block.title}: {block.y_label} by {block.x_label}")
        case Matrix() | Tiles():
            return _picture(pictures.get(block.name), block.title)
        case WordMap():
            picture = _picture(pictures.get(block.name), f"{block.title} of the model on the plane")
            keys = "\n".join(f"- {_escape(group)}" for group in block.groups)
            return f"{picture}\n\n{_escape(block.caption)} Its groups:\n\n{keys}" if picture else ""


def _picture(file: str | None, name: str) -> str:
    """Return the image of a picture, if it has a file."""
    return "" if file is None else f"![{_escape(name)}](<{file}>)"


def _table(table: Table) -> str:
    """Return a table."""
    rules = ["---:" if name.startswith(">") else "---" for name in table.header]
    rows = [[name.removeprefix(">") for name in table.header], *table.rows]
    lines = [f"| {' | '.join(map(_escape, row))} |" for row in rows]
    return "\n".join([lines[0], f"| {' | '.join(rules)} |", *lines[1:]])


def _escape(text: str) -> str:
    """Return text escaped for Markdown, on one line."""
    return _SPECIAL.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", printable(text))
