"""Messages of Dask that tell the user nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


def _is_news(record: logging.LogRecord) -> bool:
    """Return False for the exception by which Dask ends its own waiting: it is not an error.

    Where nobody waits for the results of a lost worker any more, asyncio reports it as never retrieved.
    """
    from distributed.client import AllExit

    return record.exc_info is None or not isinstance(record.exc_info[1], AllExit)


@contextmanager
def news_only() -> Iterator[None]:
    """Keep from the log, inside the block, what `_is_news` refuses; everything else is logged as always."""
    logger = logging.getLogger("asyncio")
    logger.addFilter(_is_news)
    try:
        yield
    finally:
        logger.removeFilter(_is_news)
