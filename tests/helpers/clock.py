"""A clock that tests move by hand, so that what depends on time is the same on every machine."""

from __future__ import annotations

import time

import pytest


class Clock:
    """Stands in the place of `time.perf_counter`; it moves when it is told to, and never otherwise.

    Attributes
    ----------
    now : float
        What it shows.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds
