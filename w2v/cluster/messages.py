"""Messages of Dask that tell the user nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

_LOGGERS = ("asyncio", "distributed.client")


def _is_news(record: logging.LogRecord) -> bool:
    """Return False for exceptions by which Dask ends its own waiting: they are no errors.

    If nothing waits for the results of a lost worker any more, asyncio reports Dask's `AllExit` as never retrieved.
    If a client is closed while it looks for its scheduler, Dask reports that it was cancelled.
    """
    import asyncio  # every command would wait for it, and Dask has imported it already

    from distributed.client import AllExit

    return record.exc_info is None or not isinstance(record.exc_info[1], AllExit | asyncio.CancelledError)


@contextmanager
def news_only() -> Iterator[None]:
    """Keep what `_is_news` refuses out of the log inside the block; log everything else as always."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    keep = partial(_is_news)  # of this block alone: one inside another takes away only its own
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)
