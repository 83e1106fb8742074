"""Converting texts to ids and back, for networks that generate text: characters, subwords or words.

Every vocabulary begins with `UNKNOWN`, `START` and `END`. Encoding a text never produces `START` or `END`, so a user's
input cannot stop a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from w2v.corpora.units.listed import Characters, Words
from w2v.corpora.units.protocol import END, MOST, SPECIAL, START, UNKNOWN, Units
from w2v.corpora.units.subwords import Subwords

__all__ = [
    "END", "KINDS", "START", "UNKNOWN", "Characters", "Subwords", "Units", "Words", "learn_units", "units_from_config",
]  # fmt: skip

_KINDS: dict[str, type[Characters] | type[Words] | type[Subwords]] = {
    units.kind: units for units in (Characters, Subwords, Words)
}
KINDS = tuple(_KINDS)
"""The names of all kinds of units."""


def learn_units(
    kind: str, texts: Iterable[str], *, size: int | None = None, min_count: int | None = None, **options: Any
) -> Units:
    """Learn a vocabulary.

    Parameters
    ----------
    kind : {"characters", "subwords", "words"}
    texts : iterable of str
    size : int, optional
        Maximum number of units, including the three special ones; by default all characters or words, or 8,000
        subwords.
    min_count : int, optional
        Characters, words or merges that occur less often are left out; by default 1, and 2 for merges.
    **options
        For words: ``tokenizer``.

    Returns
    -------
    Units

    Raises
    ------
    ValueError
        If the kind is unknown, the size is out of range, or the texts are empty.
    ModuleNotFoundError
        For subwords, if the package tokenizers is missing.

    Examples
    --------
    >>> units = learn_units("characters", ["abba"])
    >>> ids, offsets = units.encode(["bad"])
    >>> ids.tolist(), units.decode(ids)
    ([4, 3, 0], 'ba�')
    """
    if kind not in _KINDS:
        raise ValueError(f"units must be one of {', '.join(KINDS)}, not {kind!r:.80}")
    least = len(SPECIAL) + (256 if kind == Subwords.kind else 1)
    if size is not None and not least <= size <= MOST:
        raise ValueError(f"a vocabulary of {kind} must have from {least} to {MOST} units, not {size}")
    chosen: dict[str, Any] = {} if min_count is None else {"min_count": min_count}
    return _KINDS[kind].learn(texts, size, **chosen, **options)


def units_from_config(config: Mapping[str, Any]) -> Units:
    """Restore units from a result of `to_config`.

    Raises
    ------
    ValueError
        If the description is invalid.
    ModuleNotFoundError
        If a package that they need is missing.
    """
    kind = config.get("kind")
    if kind not in KINDS:
        raise ValueError(f"units must be one of {', '.join(KINDS)}, not {kind!r:.80}")
    return _KINDS[kind].from_config(config)
