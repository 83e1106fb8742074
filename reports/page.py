"""Reports as a single HTML page: it loads nothing, runs no script, and all text is escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from w2v.display.html import Html, escape, html_table
from w2v.reports.blocks import Block, Bullets, Card, Code, Curves, Matrix, Paragraph, Section, Table, Tiles, WordMap
from w2v.reports.pictures import DARK, LIGHT, N_COLORS, STYLE, draw, draw_map


def to_html(card: Card) -> str:
    """Return a report as an HTML document; its content policy allows only its own style, identified by a hash."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    has_tiles = any(isinstance(block, Tiles) for section in card.sections for block in section.blocks)
    images = " img-src data:;" if has_tiles else ""
    policy = f"default-src 'none'; style-src 'sha256-{digest}';{images} base-uri 'none'; form-action 'none'"
    language = escape(card.language or "en")
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in card.facts)
    links = "".join(
        f'<li><a href="#{_anchor(number)}">{escape(section.title)}</a></li>'
        for number, section in enumerate(card.sections)
    )
    sections = "\n".join(_section(number, section) for number, section in enumerate(card.sections))
    license = [f"licence {card.license}"] if card.license else []
    footer = " · ".join([*card.tags, *license, f"written by w2v {card.version}".strip()])
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(card.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<header>\n<p class="kind">{escape(card.kind)}</p>\n<h1>{escape(card.title)}</h1>\n'
        f'<p class="summary">{escape(card.summary)}</p>\n<dl class="facts">{facts}</dl>\n'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n</header>\n'
        f"<main>\n{sections}\n</main>\n"
        f"<footer>{escape(footer)}</footer>\n</body>\n</html>\n"
    )


@cache
def _style() -> str:
    """Return the style sheet of the page, which is the same for all reports."""
    page = (files("w2v.reports") / "page.css").read_text(encoding="utf-8").replace("\n", "")
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    return f":root{{{LIGHT}}}{dark}{page}{STYLE}"


def _anchor(number: int) -> str:
    """Return the anchor of the section with a number."""
    return f"section-{number + 1}"


def _section(number: int, section: Section) -> Html:
    """Return a section with its heading."""
    blocks = "\n".join(_block(block) for block in section.blocks)
    anchor = _anchor(number)
    return Html(
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n'
        f'<h2 id="{anchor}-title">{escape(section.title)}</h2>\n{blocks}\n</section>'
    )


def _block(block: Block) -> Html:
    """Return a block as HTML."""
    match block:
        case Paragraph(text):
            return Html(f'<p class="note">{escape(text)}</p>')
        case Bullets(items):
            return Html(f'<ul class="plain">{"".join(f"<li>{escape(item)}</li>" for item in items)}</ul>')
        case Code(text, _):
            lines = Html("\n".join(map(escape, text.split("\n"))))
            return Html(f'<pre tabindex="0"><code>{lines}</code></pre>')
        case Table():
            return _table(block)
        case Curves() | Matrix() | Tiles():
            return Html(f'<figure><h3>{escape(block.title)}</h3><div class="wide">{draw(block)}</div></figure>')
        case WordMap():
            return _map(block)


def _table(table: Table) -> Html:
    """Return a table, which scrolls if it is wide and is folded if it is a detail."""
    if not table.is_detail:
        drawn = html_table(table.header, table.rows, caption=table.caption or None, styled=False, most_rows=1000)
        return Html(f'<div class="scroll">{drawn}</div>')
    drawn = html_table(table.header, table.rows, styled=False, most_rows=1000)
    return Html(f'<details><summary>{escape(table.caption)}</summary><div class="scroll">{drawn}</div></details>')


def _map(word_map: WordMap) -> Html:
    """Return a map with its key and caption."""
    keys = "".join(
        '<li><svg viewBox="0 0 10 10" aria-hidden="true">'
        f'<circle class="f{number % N_COLORS}" cx="5" cy="5" r="5"/></svg>{escape(group)}</li>'
        for number, group in enumerate(word_map.groups)
    )
    return Html(
        f'<figure><div class="wide">{draw_map(word_map)}</div>'
        f'<ul class="key">{keys}</ul><figcaption>{escape(word_map.caption)}</figcaption></figure>'
    )
