"""Words and results as HTML, for notebooks and reports; all text is escaped.

Words may come from a stranger's model, so all text must go through `escape`.
"""

from __future__ import annotations

import html
import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence

from w2v.display.wording import printable

_LEFT, _RIGHT = "text-align: left", "text-align: right; font-variant-numeric: tabular-nums"
_APART = "padding: 0.15em 1em 0.15em 0"
_MOST_ROWS = 200


class Html(str):
    """HTML made of escaped parts."""

    __slots__ = ()


def escape(text: object) -> Html:
    """Escape an object's text for use in an element or an attribute; `Html` is returned unchanged."""
    return text if isinstance(text, Html) else Html(html.escape(printable(str(text)), quote=True))


def html_table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: object = None,
    styled: bool = True,
    most_rows: int = _MOST_ROWS,
) -> Html:
    """Return an HTML table.

    A column whose name starts with ">" is right-aligned: by style attributes, for notebooks, or by the class ``number``
    if the table is not `styled`. Cells that are not `Html` are converted to str and escaped. After `most_rows` rows, a
    final row states how many more there are.
    """

    def cell(tag: str, content: object, column: str) -> str:
        is_right = column.startswith(">")
        if styled:
            mark = f' style="{_RIGHT if is_right else _LEFT}; {_APART}"'
        else:
            mark = ' class="number"' if is_right else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{mark}>{escape(content)}</{tag}>"

    listed = list(rows)
    parts = ["<table>"]
    if caption is not None:
        parts.append(f'<caption style="{_LEFT}">' if styled else "<caption>")
        parts.append(f"{escape(caption)}</caption>")
    parts.append(f"<thead><tr>{''.join(cell('th', name.removeprefix('>'), name) for name in header)}</tr></thead>")
    parts.append("<tbody>")
    for row in listed[:most_rows]:
        parts.append(f"<tr>{''.join(cell('td', value, name) for value, name in zip(row, header, strict=True))}</tr>")
    if len(listed) > most_rows:
        left = f"… and {len(listed) - most_rows:,} more"
        parts.append(f'<tr><td colspan="{len(header)}">{left}</td></tr>')
    parts.append("</tbody></table>")
    return Html("".join(parts))


def html_facts(title: object, facts: Iterable[tuple[str, object]]) -> Html:
    """Return a titled table of names and values, for a notebook."""
    cells = "".join(
        f'<tr><th scope="row" style="{_LEFT}; {_APART}; font-weight: normal; opacity: 0.75">{escape(name)}</th>'
        f'<td style="{_LEFT}; {_APART}">{escape(value)}</td></tr>'
        for name, value in facts
    )
    return Html(f'<table><caption style="{_LEFT}"><b>{escape(title)}</b></caption><tbody>{cells}</tbody></table>')


class ShownAsHtml:
    """A scikit-learn estimator that notebooks show by its `_repr_html_` instead of scikit-learn's diagram."""

    @abstractmethod
    def _repr_html_(self) -> str: ...

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the representations for a notebook; scikit-learn's own method would override `_repr_html_`."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def html_bar(fraction: float) -> Html:
    """Return a bar for a fraction in (0, 1], in the text colour; empty for any other number."""
    if not 0 < fraction <= 1:
        return Html("")
    return Html(
        f'<svg width="80" height="10" viewBox="0 0 80 10" aria-hidden="true">'
        f'<rect width="{80 * fraction:.1f}" height="10" rx="2" fill="currentColor" opacity="0.45"/></svg>'
    )


def html_curve(values: Sequence[float], name: str) -> Html:
    """Return a small curve without axes, in the text colour; empty if there are fewer than two values."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return Html("")
    low, high = min(finite), max(finite)
    points = " ".join(
        f"{2 + 116 * index / (len(finite) - 1):.1f},{22 - 20 * (value - low) / ((high - low) or 1):.1f}"
        for index, value in enumerate(finite)
    )
    return Html(
        f'<svg width="120" height="24" viewBox="0 0 120 24" role="img" aria-label="{escape(name)}">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )
