"""Which messages of Dask a user sees."""

from __future__ import annotations

import asyncio
import logging

import pytest

from w2v.cluster.messages import news_only

pytestmark = pytest.mark.interop


def log(error: BaseException) -> None:
    """Report an exception as Dask's client does."""
    try:
        raise error
    except BaseException:
        logging.getLogger("distributed.client").exception("of %s", type(error).__name__)


def test_ends_of_waiting_are_no_news_and_errors_are(caplog: pytest.LogCaptureFixture) -> None:
    client = pytest.importorskip("distributed").client
    with news_only():
        with news_only():
            log(OSError("the scheduler does not answer"))
        for end in (asyncio.CancelledError(), client.AllExit()):
            log(end)
        logging.getLogger("distributed.client").warning("without an exception")
    log(asyncio.CancelledError())
    assert caplog.messages == ["of OSError", "without an exception", "of CancelledError"]
