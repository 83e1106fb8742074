"""Put the drawings of docs/figures into the pages themselves, where they take a page's colours, light or dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def _inline(app: Sphinx, tree: nodes.document, page: str) -> None:
    for image in list(tree.findall(nodes.image)):
        path = Path(app.srcdir, str(image["uri"]))
        if path.suffix == ".svg" and path.parent.name == "figures":
            drawing = path.read_text(encoding="utf-8")
            image.replace_self(nodes.raw("", f'<div class="figure">{drawing}</div>', format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Look for drawings in every page, once it is complete."""
    app.connect("doctree-resolved", _inline)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
