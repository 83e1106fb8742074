"""A clock that tests advance by hand, so that timing is the same on every machine."""

from __future__ import annotations

import time

import pytest


class Clock:
    """Replaces `time.perf_counter`; it moves only when `advance` is called.

    Attributes
    ----------
    now : float
        The current time, in seconds.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self.now += seconds
