"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

os.environ["W2V_PROGRESS"] = "none"  # what a command prints does not depend on how long it takes


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator that draws the same numbers in every run."""
    return np.random.default_rng(20130116)


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard() -> None:
    """Hear SIGINT, which a shell's background jobs ignore, they and the processes that they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
