"""What is written in pictures: inside of them, in fonts that have the letters."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.figures import (
    EPOCHS,
    TOPICS,
    assert_all_text_is_inside,
    assert_drawn,
    labels_of,
    make_topics,
    written,
)
from w2v.encoder.evaluation.plots import plot_attention
from w2v.vectors.embeddings import Embeddings

pytest.importorskip("matplotlib")
pytest.importorskip("textalloc")

from w2v.plots import MissingGlyphWarning, plot_analogies, plot_history, plot_words, save_figure
from w2v.plots.figures import fonts_for, style  # noqa: E402
from w2v.plots.writing import caption_lines, shown, text_size, wrapped  # noqa: E402


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return make_topics(rng)


def test_words_are_drawn_as_they_are_written(rng: np.random.Generator) -> None:
    words = ["$x^2$", "a_b", "line\nbreak", "\x1b[31m", "w" * 60, "100%", "\\alpha"]
    figure = plot_words(Embeddings(words, rng.standard_normal((7, 5)).astype(np.float32)), words, title="$5\n")
    assert {label.get_text() for label in labels_of(figure)} == set(map(shown, words))
    assert shown("line\nbreak") == "line\\nbreak"
    assert len(shown("w" * 60)) == 40
    assert all(not text.get_parse_math() for text in labels_of(figure))
    assert_drawn(figure)


def test_missing_glyphs_are_one_warning_and_still_a_picture(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib import font_manager

    only = [font for font in font_manager.fontManager.ttflist if font.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", only)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    words = ["水", "вода", "water"]
    embeddings = Embeddings(words, rng.standard_normal((3, 5)).astype(np.float32))
    with pytest.warns(MissingGlyphWarning, match="no installed font has '水'"):
        figure = plot_words(embeddings, words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, tmp_path / "water.png")


def test_matplotlib_says_nothing_about_fonts_even_where_others_draw(
    embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    families = ["No such font", "STIXNonUnicode", "DejaVu Sans"]  # the second is found, but not in every weight
    monkeypatch.setattr("w2v.plots.figures.fonts_for", lambda texts: (families, set()))
    weights = np.ones((2, 2), np.float32)
    figures = [
        plot_words(embeddings, TOPICS, title="水"),
        plot_analogies(embeddings, [("country0", "capital0"), ("country1", "capital1")], title="水"),
        plot_history({"水": EPOCHS, "b": EPOCHS[:1]}, title="水"),
        plot_attention(["水", "b"], np.array([0.5, 0.5]), weights),
    ]
    for figure in figures:
        figure.canvas.draw()  # as notebooks do
        figure.savefig(tmp_path / "x.png", bbox_inches="tight")
        save_figure(figure, tmp_path / "x.svg", overwrite=True)
    assert caplog.records == []
    assert logging.getLogger("matplotlib").level == logging.NOTSET


def test_matplotlib_is_imported_in_silence_without_a_home_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    program = (
        "from w2v.plots import plot_history, save_figure\n"
        "figure = plot_history({'水': [{'epoch': 1, 'loss': 2.0}]})\n"
        "save_figure(figure, 'x.png')"
    )
    command = [sys.executable, "-W", "ignore:no installed font", "-c", program]
    environment["PYTHONPATH"] = str(ROOT)
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert finished.stderr == ""
    assert (tmp_path / "x.png").stat().st_size > 2000


def test_fonts_for_latin_and_cyrillic_are_always_there() -> None:
    families, missing = fonts_for(["water", "вода", "ὕδωρ"])
    assert families[0] != ""
    assert missing == set()


LONG = "A title that goes on and on, until it is wider than the page on which it stands. " * 3


@pytest.fixture(params=["DejaVu Sans", pytest.param("DejaVu Serif", marks=pytest.mark.slow), "DejaVu Sans Mono"])
def font(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Draw with one of the fonts that are everywhere, since matplotlib brings them."""
    monkeypatch.setattr("w2v.plots.figures.fonts_for", lambda texts: ([request.param], set()))
    return str(request.param)


@pytest.mark.parametrize("title", [None, LONG, "W" * 200])
def test_all_text_of_maps_is_inside_whatever_the_font(font: str, rng: np.random.Generator, title: str | None) -> None:
    words = ["W" * 60, "w" * 39, "river", "M" * 20, "$x^2$", "-"]
    embeddings = Embeddings(words, rng.standard_normal((6, 300)).astype(np.float32))
    assert_all_text_is_inside(plot_words(embeddings, words, title=title))
    short, long = [("river", "-"), ("$x^2$", "river")], [("W" * 60, "w" * 39), ("river", "M" * 20)]
    assert_all_text_is_inside(plot_analogies(embeddings, long, title=title))
    if title is None:  # which says nothing of the others that the first two do not
        assert_all_text_is_inside(plot_words(embeddings, words[:2], neighbors=3))
        assert_all_text_is_inside(plot_analogies(embeddings, short))


@pytest.mark.parametrize(("title", "ends"), [(None, 2), (LONG, 1)])
def test_all_text_of_histories_is_inside_whatever_the_font(font: str, title: str | None, ends: int) -> None:
    small = [{**epoch, "alpha": 1e-7 * float(epoch["alpha"]), "loss": 1e6 * float(epoch["loss"])} for epoch in EPOCHS]
    assert_all_text_is_inside(plot_history({"my": small}, title=title))
    histories = {"W" * 40: small, "e": small[:ends], "$x$": small}
    assert_all_text_is_inside(plot_history(histories, title=title, x_axis="seconds"))


@pytest.mark.parametrize("with_weights", [True, False])
def test_all_text_of_attention_is_inside_whatever_the_font(
    font: str, rng: np.random.Generator, with_weights: bool
) -> None:
    tokens = ["W" * 60, "i", "$x^2$", "-"]
    for chosen in (tokens, tokens[1:2]):
        n = len(chosen)
        weights = rng.random((n, n)).astype(np.float32) if with_weights else None
        figure = plot_attention(chosen, np.full(n, 1 / n), weights)
        assert_all_text_is_inside(figure)
        drawn = {label.get_text() for axes in figure.axes for label in axes.get_yticklabels()}
        assert drawn - {""} == set(map(shown, chosen))


def test_a_caption_that_is_too_wide_breaks_between_its_sentences(embeddings: Embeddings) -> None:
    pairs = [("country0", "capital0"), ("country1", "capital1")]
    with style([]):
        _, one_line = text_size("PCA", 8.5)
        for inches, lines in ((12.0, 1), (5.0, 2)):
            caption = caption_lines("PCA: " + "word " * 12 + "end.\nMean " + "word " * 12 + "end", inches, 8.5)
            assert caption.count("\n") == lines - 1
            assert text_size(caption, 8.5)[0] <= inches
            assert lines == 1 or caption.split("\n")[1].startswith("Mean")
            assert one_line <= text_size(caption, 8.5)[1] <= 1.6 * lines * one_line
    assert "words. Mean" in written(plot_analogies(embeddings, pairs))[-1].replace("\n", " ")


def test_wrapped_text_has_all_its_words_in_lines_that_fit() -> None:
    with style([]):
        for text in ("one two three four five six", "W" * 30, "a " + "W" * 30 + " b", "", "水" * 30):
            lines = wrapped(text, 1.0, 10, most_lines=50).split("\n")
            assert "".join(lines).replace(" ", "") == text.replace(" ", "")
            assert all(text_size(line, 10)[0] <= 1.0 for line in lines)
        assert wrapped("one two three", 9.0, 10) == "one two three"
        assert wrapped("one two", text_size("one", 10)[0], 10) == "one\ntwo"
        cut_off = wrapped("word " * 100, 1.0, 10, most_lines=2).split("\n")
        assert len(cut_off) == 2 and cut_off[1].endswith("…")
