"""Lines that begin with the weight of a sentence, a basket or a session."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from w2v.corpora.inputs import CorpusError, display_name, shortened
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import TabsTokenizer, Tokenizer

# float() would also accept "nan", "1_000" and digits of any script
_NUMBER = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

MAX_WEIGHT = 1_000_000.0
"""Maximum weight of a line, which takes as long to train as that many lines."""


def weighted_lines(reader: TextReader, tokenizer: Tokenizer | None = None) -> Iterator[tuple[float, list[str]]]:
    r"""Read lines of the form ``weight<TAB>item<TAB>item…``.

    Parameters
    ----------
    reader : TextReader
        The files.
    tokenizer : Tokenizer, default TabsTokenizer()
        Splits the text after the first tab into tokens.

    Yields
    ------
    (float, list of str)
        The weight, positive and at most `MAX_WEIGHT`, and at least one token. Blank lines, lines of weight 0 and lines
        with only a weight are skipped.

    Raises
    ------
    CorpusError
        If a line does not begin with a weight from 0 to `MAX_WEIGHT` and a tab; the message names the file and the
        line. Also for the errors of reading.

    Examples
    --------
    >>> for weight, items in weighted_lines(TextReader("baskets.tsv")):  # doctest: +SKIP
    ...     print(weight, items)
    2.5 ['green tea', 'sugar']
    """
    tokenize = TabsTokenizer() if tokenizer is None else tokenizer
    for path, number, line in reader.numbered_lines():
        column, tab, rest = line.partition("\t")
        column = column.strip(" ")
        if not column and not rest.strip():
            continue
        weight = parse_weight(column)
        if not tab or weight is None:
            raise CorpusError(f"{display_name(path)}, line {number}: {_complaint(column, tab, line)}")
        if weight > 0 and (tokens := tokenize(rest)):
            yield weight, tokens


def parse_weight(text: str) -> float | None:
    """Parse a number from 0 to `MAX_WEIGHT`; return None for any other text."""
    weight = float(text) if _NUMBER.fullmatch(text) else math.inf
    return weight if weight <= MAX_WEIGHT else None


def _complaint(column: str, tab: str, line: str) -> str:
    if not tab:
        return f"expected a weight, a tab and items, not {shortened(line)}; put tabs, not spaces, between the columns"
    return f"a weight is a number from 0 to {MAX_WEIGHT:,.0f}, such as 1 or 0.5, not {shortened(column)}"
