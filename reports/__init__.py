"""Reports on a model: what it is, what it knows and how good it is, as a page or as a card for a model hub.

The names below are loaded when they are first used, so that `import w2v.reports` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v.reports.blocks import Card
    from w2v.reports.cards import CardOptions, model_card
    from w2v.reports.markdown import to_markdown
    from w2v.reports.measures import Evaluations
    from w2v.reports.page import to_html
    from w2v.reports.writing import check_report_path, save_report

_HOME = {
    "Card": "blocks",
    "CardOptions": "cards",
    "Evaluations": "measures",
    "check_report_path": "writing",
    "model_card": "cards",
    "save_report": "writing",
    "to_html": "page",
    "to_markdown": "markdown",
}

__all__ = [
    "Card",
    "CardOptions",
    "Evaluations",
    "check_report_path",
    "model_card",
    "save_report",
    "to_html",
    "to_markdown",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
