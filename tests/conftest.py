"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("tests", deadline=None)  # how long an example takes is a matter of what else is running
settings.load_profile("tests")
os.environ["W2V_PROGRESS"] = "none"  # what a command prints does not depend on how long it takes
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator that draws the same numbers in every run."""
    return np.random.default_rng(20130116)


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard() -> None:
    """Hear SIGINT, which a shell's background jobs ignore, they and the processes that they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium, which W2V_CHROMIUM names or the PATH has."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("W2V_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=program, args=list(FLAGS))
        yield launched
        launched.close()
