"""Formatting figures, settings and untrusted words for people, in a terminal, a notebook or a report."""

from __future__ import annotations

import math
from typing import TypeGuard

_JOINERS = "\u200c\u200d"
"""Invisible characters that Persian and Indic spelling needs."""


def printable(text: str) -> str:
    r"""Return `text` with invisible characters as escapes: ``\n``, ``\x1b``, ``\u202e``.

    The result can neither control a terminal nor reverse the direction of the text that follows.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _JOINERS else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def printable_lines(text: str) -> str:
    """Like `printable`, but keep line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value from JSON is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def shortened(text: str, most: int) -> str:
    """Shorten a text to at most `most` characters, with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def percent(fraction: float | None) -> str:
    """Format a fraction in [0, 1] as a percentage; "-" for None or a non-finite value."""
    return "-" if fraction is None or not math.isfinite(fraction) else f"{100 * fraction:.1f} %"


def decimals(number: float | None, digits: int = 3) -> str:
    """Format a number with `digits` decimals; "-" for None or a non-finite value."""
    return "-" if number is None or not math.isfinite(number) else f"{number:.{digits}f}"


def in_words(value: object) -> str:
    """Format a configuration value for people."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}" if math.isfinite(value) else "-"
        case list() | tuple():
            return ", ".join(map(in_words, value))
        case dict():
            return ", ".join(f"{name} {in_words(entry)}" for name, entry in value.items())
        case _:
            return str(value)


def tokenizer_in_words(config: object) -> str:
    """Describe a result of `Tokenizer.to_config` in words; "-" if there is none."""
    if not isinstance(config, dict):
        return in_words(config)
    options = {name: value for name, value in config.items() if name != "rules"}  # versions mean nothing to users
    parts = [in_words(options.pop("name", None))]
    if "base" in options:
        parts = [f"{tokenizer_in_words(options.pop('base'))}, phrases joined"]
    if "lowercase" in options:
        parts.append("lower-cased" if options.pop("lowercase") else "case kept")
    if "callable" in options:
        parts = [f"the Python callable {options.pop('callable')}"]
    return ", ".join([*parts, *(f"{name} {in_words(value)}" for name, value in options.items())])


def size_in_words(n_bytes: float) -> str:
    """Format a number of bytes in a suitable unit."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:,.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.1f} GB"


def seconds_in_words(seconds: float) -> str:
    """Format a duration."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"
