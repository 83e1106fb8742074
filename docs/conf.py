"""How Sphinx makes the documentation: `make docs`, then open build/docs/index.html."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
# what lies here is documented, whether or not another version is installed
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_extensions")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))  # for the gallery

_setup = configparser.ConfigParser()
_setup.read(ROOT / "setup.cfg", encoding="utf-8")

project = "w2v"
author = _setup["metadata"]["author"]
copyright = author
release = version = importlib.import_module("w2v").__version__

extensions = [
    "myst_nb",  # pages in Markdown, and the scripts of the gallery, which are executed
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "command_reference",
    "inline_figures",
    "typeset_formulas",
]
include_patterns = ["*.md", "**/*.md", "gallery/*.py"]
default_role = "py:obj"
highlight_language = "text"
smartquotes = False  # "--output" is to stay what it is

# --- Markdown and notebooks ------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "docs-cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

# --- docstrings ------------------------------------------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's "Parameters" say more: shapes, ranges, what None means
# what scikit-learn writes into every estimator, with references to its own documentation
autodoc_default_options = {"exclude-members": "set_fit_request, set_transform_request, set_score_request"}
numpydoc_show_class_members = False

# --- pages -----------------------------------------------------------------------------------------------------------

html_theme = "furo"
html_math_renderer = "drawn"
pygments_dark_style = "github-dark"
html_title = f"w2v {release}"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True


def _set_heads(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Set the heads in the docstring of a module as rubrics: numpydoc leaves them, and a page has many of them."""
    if what == "module":
        text = re.sub(r"^([A-Z]\w+)\n-+$", r".. rubric:: \1\n", "\n".join(lines), flags=re.MULTILINE)
        lines[:] = text.split("\n")


def setup(app: Sphinx) -> None:
    """Register what is done to docstrings beside numpydoc's work."""
    app.connect("autodoc-process-docstring", _set_heads)
