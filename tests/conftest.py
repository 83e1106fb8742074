"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("tests", deadline=None)  # how long an example takes is a matter of what else is running
settings.load_profile("tests")
os.environ["W2V_PROGRESS"] = "none"  # what a command prints does not depend on how long it takes
TESTS = Path(__file__).parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take turns between files that need the kernels of words and those that need the kernels of networks.

    `make test` gives a file at a time to whichever process is free, in this order: at first nothing is compiled, and
    processes that need the same kernels would all compile them. Large files come first, since the last ones do not end
    together.
    """
    files = [path for path, _ in Counter(item.path for item in items).most_common()]
    words, networks = ([path for path in files if TESTS / room in path.parents] for room in ("w2v", "neural"))
    rest = [path for path in files if path not in {*words, *networks}]
    turns = [path for pair in zip_longest(words, networks + rest) for path in pair]
    place = {path: i for i, path in enumerate(turns)}
    items.sort(key=lambda item: place[item.path])


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
