"""Fixtures that more than one test module uses."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# How long an example takes is a matter of what else is running. `make test-bounds` draws the thorough number.
settings.register_profile("tests", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("tests")
gc.set_threshold(50_000, 10, 20)  # a tenth of the time of compiling went into looking for circles
os.environ["W2V_PROGRESS"] = "none"  # what a command prints does not depend on how long it takes
TESTS = Path(__file__).parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files from those that need the kernels of words to those that need the kernels of networks.

    `make test` begins at both ends: at first nothing is compiled, and processes that need the same kernels would all
    compile them. Small files come in the middle, where the processes meet, since the last ones do not end together.
    """
    sizes, n_items = Counter(item.path for item in items), len(items)

    def place(item: pytest.Item) -> tuple[float, str]:
        room = item.path.relative_to(TESTS).parts[0]
        end = {"w2v": -2, "commands": -1, "encoder": 1, "neural": 2}.get(room, 0)
        return end + (1 if end > 0 else -1) * sizes[item.path] / n_items, str(item.path)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through all that was imported and collected again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let every other process take files from the end; see `pytest_collection_modifyitems`."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class BothEnds(LoadFileScheduling):  # type: ignore[misc]
        def _assign_work_unit(self, node: Any) -> None:
            if int(node.gateway.id.removeprefix("gw")) % 2:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            super()._assign_work_unit(node)

    return BothEnds(config, log)


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
