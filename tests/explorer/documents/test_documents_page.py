"""The page of an index in Chromium: search, filters, the lasso, files, and that hostile sentences stay text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.examples.document_examples import N_SENTENCES, topic_sentences, write_index
from tests.helpers.examples.explorer_examples import TOPICS
from tests.helpers.explorer_pages import Opened, serve

pytest.importorskip("starlette")

pytestmark = pytest.mark.browser

READY = "() => !document.getElementById('legend').hidden"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    index = write_index(tmp_path_factory.mktemp("documents"))
    yield from serve(index, "--metadata", str(index.parent / "small.csv"))


@pytest.fixture
def seen(browser: Any, address: str) -> Iterator[Opened]:
    opened = Opened(browser, address, accept_downloads=True)
    opened.wait(lambda: opened.page.evaluate(READY), seconds=60)  # the map is arranged meanwhile, behind all else
    yield opened
    assert opened.complaints == []
    assert opened.foreign == []
    opened.page.context.close()


def count(seen: Opened) -> int:
    return int(seen.page.locator("#selected-count").inner_text().split()[0].replace(",", ""))


def test_page_searches_filters_and_saves(seen: Opened, tmp_path: Path) -> None:
    page = seen.page
    page.locator("#query").fill("cat dog horse")
    seen.wait(lambda: page.locator("#answer .ranking li").count() == 30)
    assert set(seen.words("#answer .text-of")[0].split()) & set(TOPICS["animals"])
    page.locator("#answer .ranking button").first.click()
    seen.wait(lambda: page.locator("#answer .chosen-sentence").count() == 1)
    assert "animals" in seen.words("#answer .known dd")
    page.locator("#tab-filter").click()
    facet = page.get_by_role("region", name="topic")
    facet.get_by_role("button", name="colours").click()
    assert count(seen) == N_SENTENCES // 3
    page.get_by_role("region", name="year").get_by_role("button", name="1990–1991").click()
    assert count(seen) == 8  # columns cut each other down
    page.locator("#tab-table").click()
    seen.wait(lambda: page.locator("#rows tbody tr").count() == count(seen))
    with page.expect_download() as saving:
        page.locator("#forms").get_by_role("button", name="Text").click()
    saving.value.save_as(tmp_path / "saved.txt")
    saved = (tmp_path / "saved.txt").read_text(encoding="utf-8").splitlines()
    assert saved == [text for row, text in enumerate(topic_sentences()) if row % 3 == 1 and row % 20 < 2]
    page.keyboard.press("Escape")
    assert page.locator("#selected").is_hidden()


def test_page_selects_with_the_lasso_and_by_keyboard(seen: Opened) -> None:
    page = seen.page
    page.locator("#points").focus()
    page.keyboard.press("s")  # what is in sight
    seen.wait(lambda: page.locator("#selected").is_visible())
    everything = count(seen)
    assert everything > 0.9 * N_SENTENCES
    page.keyboard.press("Escape")
    page.locator("#tab-search").click()
    page.locator("#lasso").click()
    box = page.locator("#map").bounding_box()
    assert box is not None
    left, right, low = box["x"] + 430, box["x"] + box["width"] - 4, box["y"] + box["height"] / 2
    for i, (x, y) in enumerate([(left, 4), (right, 4), (right, low), (left, low), (left, 8)]):
        page.mouse.move(x, y, steps=4)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    seen.wait(lambda: page.locator("#selected").is_visible())
    assert 0 < count(seen) < everything
    assert page.locator("#lasso").get_attribute("aria-pressed") == "false"


def test_page_keeps_hostile_sentences_text(seen: Opened) -> None:
    seen.page.locator("#tab-table").click()
    seen.wait(lambda: seen.page.locator("#rows tbody tr").count() == 50)
    assert "<img src=x onerror=alert(1)>" in seen.words("#rows td:first-child")[0]
    assert "‹202e›" in seen.words("#rows td:first-child")[0]
