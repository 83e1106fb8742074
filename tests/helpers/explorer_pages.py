"""The explorer's pages in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.helpers import ROOT

DRAWN = "() => performance.getEntriesByName('first-map').length > 0"


def serve(model: Path, *options: str) -> Iterator[str]:
    """Start the command and yield the page's address."""
    command = [
        sys.executable,
        "-m",
        "cli",
        "explore",
        str(model),
        *options,
        "--no-browser",
        "--port",
        "0",
        "--no-cache",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    try:
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.communicate()


class Opened:
    """An open page, the errors on its console and its requests to other hosts."""

    def __init__(self, browser: Any, address: str, *, ready: str = DRAWN, **options: Any) -> None:
        self.page = browser.new_context(viewport={"width": 1100, "height": 760}, **options).new_page()
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda asked: self.note(asked.url, address))
        self.page.goto(address)
        self.wait(lambda: self.page.evaluate(ready))

    def note(self, url: str, address: str) -> None:
        if not url.startswith(address.partition("#")[0]):
            self.foreign.append(url)

    def wait(self, is_so: Any, seconds: int = 10) -> None:
        """Wait until a condition holds, polling from here because the page's policy forbids evaluating strings."""
        for _ in range(40 * seconds):
            if is_so():
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"the condition did not hold within {seconds} seconds")

    def words(self, selector: str = "#answer .ranking .word") -> list[str]:
        return list(self.page.locator(selector).all_text_contents())
