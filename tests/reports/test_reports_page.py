"""Reports in Chromium: nothing that a model says is executed, nothing is fetched, and nothing of its own is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.explorer_examples import HOSTILE
from w2v import Embeddings
from w2v.reports import CardOptions, model_card, save_report

pytestmark = pytest.mark.browser

EXECUTED = ["<script>document.title = 'acted'</script>", '"><img src=x onerror="document.title=\'acted\'">']


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_shows_hostile_words_harmlessly(
    browser: Any, tmp_path: Path, rng: np.random.Generator, scheme: str
) -> None:
    words = [*EXECUTED, *(word for word in HOSTILE if word not in EXECUTED), *(f"word{chr(97 + n)}" for n in range(20))]
    history = [{"epoch": epoch, "loss": 3 / epoch, words[0]: words[1]} for epoch in (1, 2, 3)]
    metadata = {"history": history, "parameters": {word: word for word in words}}
    model = Embeddings(words, rng.standard_normal((len(words), 5)), metadata=metadata)
    options = CardOptions(title=words[0], license=words[1], tags=words, words=words[: len(HOSTILE)])
    [path] = save_report(model_card(model, options=options), tmp_path / "report.html")
    page = browser.new_context(color_scheme=scheme, offline=True).new_page()
    said: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(path.as_uri())
    assert said == []
    assert fetched == [path.as_uri()]
    assert page.title() == words[0]
    assert page.locator("h1").inner_text() == words[0]
    assert page.locator("td", has_text="onerror").count() > 0
    # its own style is applied: the policy lets it through
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
