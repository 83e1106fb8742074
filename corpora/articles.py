"""Articles: their titles, and the paragraphs that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["article_pairs"]

MAX_PARAGRAPHS = 8


def article_pairs(lines: Iterable[str], *, most: int = MAX_PARAGRAPHS) -> Iterator[tuple[str, str]]:
    """Pair the title of each article with its paragraphs: what one asks for, and what answers.

    Parameters
    ----------
    lines : iterable of str
        Articles with blank lines between them; the first line of each is its title, each other one a paragraph.
    most : int, default 8
        Take at most so many paragraphs of an article, the first.

    Yields
    ------
    (str, str)
        Title and paragraph, stripped. An article of one line has none.

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
