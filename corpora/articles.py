"""Articles: titles and their paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["article_pairs"]

MAX_PARAGRAPHS = 8


def article_pairs(lines: Iterable[str], *, most: int = MAX_PARAGRAPHS) -> Iterator[tuple[str, str]]:
    """Pair the title of each article with its paragraphs, as queries and answers.

    Parameters
    ----------
    lines : iterable of str
        Articles separated by blank lines; the first line of each is its title, and every other line is a paragraph.
    most : int, default 8
        Maximum number of paragraphs of an article to use, from the first on.

    Yields
    ------
    (str, str)
        Title and paragraph, stripped. An article of only one line yields nothing.

    Raises
    ------
    ValueError
        If `most` is less than 1.

    Examples
    --------
    >>> list(article_pairs(["April", "April is a month.", "It has 30 days.", "", "Art", "Art is made."]))
    [('April', 'April is a month.'), ('April', 'It has 30 days.'), ('Art', 'Art is made.')]
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, not {most}")
    title, left = "", 0
    for line in lines:
        text = line.strip()
        if not text:
            title = ""
        elif not title:
            title, left = text, most
        elif left:
            left -= 1
            yield title, text
