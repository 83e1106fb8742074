"""Reports on models: what a model is, what it knows and how good it is, as an HTML page or a Markdown model card.

The names below are loaded on first use, so that `import w2v.reports` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.lazy import offer

if TYPE_CHECKING:
    from w2v.reports.assembling import CardOptions as CardOptions
    from w2v.reports.blocks import Card as Card
    from w2v.reports.cards import model_card as model_card
    from w2v.reports.markdown import to_markdown as to_markdown
    from w2v.reports.measures import Evaluations as Evaluations
    from w2v.reports.page import to_html as to_html
    from w2v.reports.writing import check_report_path as check_report_path
    from w2v.reports.writing import save_report as save_report

_HOME = {
    "Card": "blocks",
    "CardOptions": "assembling",
    "Evaluations": "measures",
    "check_report_path": "writing",
    "model_card": "cards",
    "save_report": "writing",
    "to_html": "page",
    "to_markdown": "markdown",
}

offer(__name__, _HOME)
