"""Pictures: what is drawn, labels that do not overlap, files that are whole, the same each time, or refused early."""

from __future__ import annotations

import colorsys
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers import ROOT
from w2v.commands.main import main
from w2v.encoder.evaluation.plots import plot_attention
from w2v.encoding.vocabulary import UnknownWordError
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

pytest.importorskip("matplotlib")
pytest.importorskip("textalloc")

from PIL import Image

from w2v.plots import MissingGlyphWarning, plot_analogies, plot_history, plot_words, save_figure
from w2v.plots.analogies import _mean_cosine  # noqa: E402
from w2v.plots.dark import darkened  # noqa: E402
from w2v.plots.figures import COLORS, INK, QUIET, fonts_for, overlapping, palette, render, style  # noqa: E402
from w2v.plots.history import spread  # noqa: E402
from w2v.plots.layout import principal_plane, project  # noqa: E402
from w2v.plots.writing import caption_lines, shown, text_size, wrapped  # noqa: E402

TOPICS = ("bread", "river", "music")
EPOCHS = [
    {"epoch": 1, "loss": 2.5, "holdout_loss": 2.6, "alpha": 0.02, "seconds": 3.0, "analogies": 0.1, "word_pairs": 0.4},
    {"epoch": 2, "loss": 2.2, "holdout_loss": 2.4, "alpha": 0.01, "seconds": 6.0, "analogies": 0.3, "word_pairs": 0.5},
]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    """Return three topics of eight words each, and four pairs that differ by one offset."""
    words, vectors = [], []
    for topic, center in zip(TOPICS, np.eye(3), strict=True):
        for index in range(8):
            words.append(topic if index == 0 else f"{topic}{index}")
            vectors.append(np.concatenate([center, 0.12 * rng.standard_normal(5)]))
    for index in range(4):
        start = rng.standard_normal(8)
        words += [f"country{index}", f"capital{index}"]
        vectors += [start, start + np.array([0, 0, 0, 0, 0, 0, 0, 3.0])]
    return Embeddings(words, np.array(vectors, dtype=np.float32), metadata={"history": EPOCHS})


@pytest.fixture
def model(embeddings: Embeddings, tmp_path: Path) -> Path:
    path = tmp_path / "my.model"
    embeddings.save(path)
    return path


def written(figure: Figure) -> list[str]:
    """Return all that is written in a figure, the texts of its axes and its own."""
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [text.get_text() for text in figure.texts]


def labels_of(figure: Figure) -> list[Text]:
    return [text for axes in figure.axes for text in axes.texts if text.get_text()]


def assert_all_text_is_inside(figure: Figure) -> None:
    """Check that nothing is written beyond the edges, ticks and keys included, as on screens and in files."""
    width, height = figure.get_size_inches()
    for dpi in (72, 100, 200):
        figure.set_dpi(dpi)
        box = figure.get_tightbbox()  # of all that is drawn, in inches
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (dpi, box)


def assert_drawn(figure: Figure) -> None:
    """Check that some of the picture, but by far not all, is other than white, and nothing is written outside of it."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    inked = (pixels < 200).any(axis=-1).mean()
    assert 0.002 < inked < 0.3
    width, height = figure.bbox.width, figure.bbox.height
    for text in (*labels_of(figure), *figure.texts):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_plot_words_labels_each_word_and_neighbour_once_without_overlap(embeddings: Embeddings, method: str) -> None:
    figure = plot_words(embeddings, TOPICS, neighbors=5, method=method)
    labels = labels_of(figure)
    assert len(labels) == len({label.get_text() for label in labels}) == 18
    assert set(TOPICS) <= {label.get_text() for label in labels}
    assert overlapping(labels) == []
    assert_drawn(figure)


def test_plot_words_gives_neighbours_the_colour_of_their_word(embeddings: Embeddings) -> None:
    figure = plot_words(embeddings, TOPICS, neighbors=3)
    colors = {label.get_text(): label.get_color() for label in labels_of(figure)}
    for word, color in colors.items():
        assert color == COLORS[TOPICS.index(word.rstrip("0123456789"))]
    bold = {label.get_text() for label in labels_of(figure) if label.get_fontweight() == "bold"}
    assert bold == set(TOPICS)


def test_plot_words_draws_a_word_given_twice_once(embeddings: Embeddings) -> None:
    figure = plot_words(embeddings, ["bread", "river", "bread", "music"])
    assert sorted(label.get_text() for label in labels_of(figure)) == ["bread", "music", "river"]


def test_plot_words_makes_room_for_labels_of_points_in_one_place(rng: np.random.Generator) -> None:
    words = [f"a-rather-long-word-{index}" for index in range(16)]
    vectors = rng.standard_normal((16, 4)).astype(np.float32)
    vectors[:15] = 1 + 0.05 * vectors[:15]
    figure = plot_words(Embeddings(words, vectors), words)
    assert overlapping(labels_of(figure)) == []
    assert len(labels_of(figure)) == 16
    assert figure.get_size_inches()[0] > 7.5


def test_plot_words_refuses_what_cannot_be_a_map(embeddings: Embeddings) -> None:
    with pytest.raises(UnknownWordError, match="did you mean 'bread'"):
        plot_words(embeddings, ["braed", "river", "music"])
    with pytest.raises(ValueError, match="3 to 500 words, got 2"):
        plot_words(embeddings, ["bread", "river"])
    with pytest.raises(ValueError, match="method must be one of pca, tsne, umap"):
        plot_words(embeddings, TOPICS, method="mds")
    with pytest.raises(ValueError, match="neighbors must not be negative"):
        plot_words(embeddings, TOPICS, neighbors=-1)
    with pytest.raises(TypeError, match="not one string"):
        plot_words(embeddings, "bread")


def test_plot_words_names_a_vector_that_is_not_finite() -> None:
    embeddings = Embeddings(["a", "b", "c"], np.array([[1, 0], [0, np.nan], [1, 1]], dtype=np.float32))
    with pytest.raises(ValueError, match="'b' cannot be drawn"):
        plot_words(embeddings, ["a", "b", "c"])


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


# --- projections -----------------------------------------------------------------------------------------------------


def test_principal_plane_keeps_distances_of_points_in_a_plane(rng: np.random.Generator) -> None:
    flat = rng.standard_normal((10, 2))
    turned = flat @ np.linalg.qr(rng.standard_normal((6, 6)))[0][:2] + 3.0
    points, share = principal_plane(turned)
    distances = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points[None], axis=-1), distances, atol=1e-12)
    assert share == pytest.approx(1)


def test_principal_plane_of_a_line_and_of_a_point() -> None:
    points, share = principal_plane(np.array([[0.0], [1.0], [3.0]]))
    np.testing.assert_allclose(np.abs(points[:, 0] - points[0, 0]), [0, 1, 3])
    assert not points[:, 1].any() and share == pytest.approx(1)
    assert not principal_plane(np.ones((4, 3)))[0].any()


@pytest.mark.parametrize("n", [3, 4, 12])
def test_tsne_is_decided_by_its_seed(rng: np.random.Generator, n: int) -> None:
    vectors = rng.standard_normal((n, 6)).astype(np.float32)
    first, again, other = (project(vectors, "tsne", seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert first.shape == (n, 2) and np.isfinite(first).all()


def test_umap_that_is_missing_is_named(embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        plot_words(embeddings, TOPICS, method="umap")


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 40])
def test_umap_is_decided_by_its_seed(rng: np.random.Generator, n: int) -> None:
    pytest.importorskip("umap")
    vectors = rng.standard_normal((n, 6)).astype(np.float32)
    first, again = (project(vectors, "umap", 1)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (n, 2) and np.isfinite(first).all()


# --- analogies -------------------------------------------------------------------------------------------------------


def test_plot_analogies_draws_an_arrow_a_pair_in_one_direction(embeddings: Embeddings) -> None:
    pairs = [(f"country{index}", f"capital{index}") for index in range(4)]
    figure = plot_analogies(embeddings, pairs, title="Capitals")
    arrows = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == 4
    offsets = np.array([np.subtract(arrow.xy, arrow.xyann) for arrow in arrows])  # type: ignore[attr-defined]
    assert (offsets.sum(axis=0) >= 0).all()  # upwards and to the right
    assert sorted(label.get_text() for label in labels_of(figure)) == sorted(word for pair in pairs for word in pair)
    assert overlapping(labels_of(figure)) == []
    assert "Capitals" in written(figure)
    assert_drawn(figure)


def test_mean_cosine_of_parallel_and_of_opposite_arrows() -> None:
    assert _mean_cosine(np.array([[1.0, 0], [2, 0], [5, 0]])) == pytest.approx(1)
    assert _mean_cosine(np.array([[1.0, 0], [-2, 0]])) == pytest.approx(-1)
    assert _mean_cosine(np.array([[1.0, 0], [0, 0]])) == 0


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("bread", "river")], "2 to 100 different pairs, got 1"),
        ([("bread", "river"), ("bread", "river")], "got 1"),
        ([("bread", "bread"), ("river", "music")], "not 'bread' twice"),
    ],
)
def test_plot_analogies_refuses_what_is_no_analogy(
    embeddings: Embeddings, pairs: Sequence[tuple[str, str]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        plot_analogies(embeddings, pairs)


# --- history ---------------------------------------------------------------------------------------------------------


def curves(figure: Figure) -> list[list[tuple[float, float]]]:
    drawn = [np.asarray(line.get_xydata()) for axes in figure.axes for line in axes.lines]
    return [[(float(x), float(y)) for x, y in points] for points in drawn if len(points)]


def test_plot_history_draws_every_entry_in_axes_of_its_own() -> None:
    figure = plot_history({"my": EPOCHS})
    assert len(figure.axes) == 4
    assert curves(figure)[:2] == [[(1, 2.5), (2, 2.2)], [(1, 2.6), (2, 2.4)]]
    assert {"training", "held-out", "Loss", "Analogies", "Word pairs", "Learning rate"} <= set(written(figure))
    assert_drawn(figure)


def test_plot_history_leaves_out_what_was_not_recorded() -> None:
    history: list[dict[str, Any]] = [{"epoch": 1, "loss": 2.0, "seconds": 1.5}, {"epoch": 2, "loss": None}]
    figure = plot_history({"my": history}, x_axis="seconds")
    assert len(figure.axes) == 1
    assert curves(figure) == [[(1.5, 2.0)]]


def test_plot_history_draws_what_networks_record() -> None:
    steps = [
        {"stage": "corpus", "step": 0, "held_out_loss": 3.0},
        {"stage": "corpus", "step": 10, "neighbors_loss": 2.0, "held_out_loss": 2.5, "order_loss": 9.0},
        {"stage": "pairs", "step": 0, "held_out_loss": 2.0},
        {"stage": "pairs", "step": 5, "neighbors_loss": 1.5, "held_out_loss": 1.0},
    ]
    assert curves(plot_history({"e": steps})) == [[(5, 1.5)], [(0, 2.0), (5, 1.0)]]
    translated = [
        {"step": 4, "plain_loss": 2.0, "smoothed_loss": 3.0, "held_out_loss": 1.0, "bleu": 20.0, "seconds": 8}
    ]
    figure = plot_history({"t": translated})
    assert curves(figure) == [[(4, 2.0)], [(4, 1.0)], [(4, 20.0)]]
    assert {"training", "held-out", "BLEU"} <= set(written(figure))
    assert figure.axes[-1].get_xlabel() == "step"
    both = plot_history({"t": translated, "my": EPOCHS}, x_axis="seconds")
    assert curves(both)[0] == [(8, 2.0)]
    with pytest.raises(ValueError, match="my has no training history to draw; it records no step"):
        plot_history({"t": translated, "my": EPOCHS})


def test_plot_history_names_each_of_several_models_once_without_overlap() -> None:
    histories = {f"model {index}": EPOCHS for index in range(9)}
    figure = plot_history(histories)
    labels = [label for label in labels_of(figure) if label.get_text().startswith("model")]
    labels.sort(key=lambda label: label.get_text())
    assert [label.get_text() for label in labels] == list(histories)
    assert [label.get_color() for label in labels] == [palette(index)[0] for index in range(9)]
    figure.canvas.draw()
    assert overlapping(labels) == []
    assert len({palette(index) for index in range(9)}) == 9
    assert_drawn(figure)


def test_plot_history_draws_no_line_from_an_early_end_to_a_name() -> None:
    figure = plot_history({"e": EPOCHS[:1], "large": EPOCHS, "$x$": EPOCHS})
    assert not [text for axes in figure.axes for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    key = figure.axes[0].get_legend()
    assert key is not None
    names = key.get_texts()
    assert [name.get_text() for name in names] == ["e", "large", "$x$"]
    assert [name.get_color() for name in names] == [line.get_color() for line in key.get_lines()]
    assert len({name.get_color() for name in names}) == 3
    assert not any(name.get_parse_math() for name in names)
    assert_all_text_is_inside(figure)


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ({}, "1 to 12 models"),
        ({"my": []}, "my has no training history"),
        ({"my": [{"epoch": 1, "words": 5}]}, "my has no training history"),
        ({"my": [{"epoch": "one", "loss": True}]}, "my has no training history"),
    ],
)
def test_plot_history_refuses_what_has_no_history(histories: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_history(histories)


def test_spread_moves_places_apart_as_little_as_possible() -> None:
    assert spread([0.0, 10, 20], 5) == [0, 10, 20]
    assert spread([0.0, 1], 5) == [-2, 3]
    assert spread([0.0, 1, 7, 50], 5) == pytest.approx([-7 / 3, 8 / 3, 23 / 3, 50])
    assert spread([], 5) == []


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_picture_is_the_same_file(embeddings: Embeddings, tmp_path: Path, suffix: str) -> None:
    contents = []
    for name in ("first", "second"):
        path = tmp_path / (name + suffix)
        save_figure(plot_words(embeddings, TOPICS, neighbors=2), path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert b"date" not in contents[0].lower()


def test_pictures_do_not_depend_on_the_users_settings(embeddings: Embeddings, tmp_path: Path) -> None:
    import matplotlib

    save_figure(plot_history({"my": EPOCHS}), tmp_path / "first.svg")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.bbox": "tight", "text.usetex": True}):
        save_figure(plot_history({"my": EPOCHS}), tmp_path / "second.svg")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_dark_pictures_can_be_read() -> None:
    def luminance(color: list[int]) -> float:  # as WCAG has it
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color)]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    colors = np.array([list(bytes.fromhex(color[1:])) for color in ("#ffffff", *COLORS, INK, QUIET)], dtype=np.uint8)
    ground, *others = darkened(colors).tolist()
    for before, after in zip(colors[1:].tolist(), others, strict=True):
        assert (luminance(after) + 0.05) / (luminance(ground) + 0.05) >= 4.5, before
        hues = [colorsys.rgb_to_hls(*(v / 255 for v in color))[0] for color in (before, after)]
        assert hues[0] == pytest.approx(hues[1], abs=0.06)


def test_dark_pictures_differ_in_their_colours_only(tmp_path: Path) -> None:
    figure = plot_history({"my": EPOCHS})
    light, dark = (render(figure, "svg", dark=dark).decode() for dark in (False, True))
    assert light != dark
    assert re.sub(r": #[0-9a-f]{6}", "", light) == re.sub(r": #[0-9a-f]{6}", "", dark)
    save_figure(figure, tmp_path / "light.png", dpi=50)
    save_figure(figure, tmp_path / "dark.png", dpi=50, dark=True)
    with Image.open(tmp_path / "light.png") as white, Image.open(tmp_path / "dark.png") as black:
        assert white.size == black.size == tuple(round(inches * 50) for inches in figure.get_size_inches())
        expected = darkened(np.asarray(white.convert("RGB")).reshape(-1, 3))
        assert np.array_equal(np.asarray(black.convert("RGB")).reshape(-1, 3), expected)


def test_maps_are_as_wide_as_asked(embeddings: Embeddings) -> None:
    assert plot_words(embeddings, TOPICS, width=12).get_figwidth() == 12
    with pytest.raises(ValueError, match="width must be from 2 to 60 inches, not 61"):
        plot_words(embeddings, TOPICS, width=61)


def test_save_figure_refuses_before_it_writes(embeddings: Embeddings, tmp_path: Path) -> None:
    figure = plot_words(embeddings, TOPICS)
    (tmp_path / "taken.png").write_bytes(b"mine")
    refused = {"x.pdf": r"\.png or \.svg", "taken.png": "exists already", "taken.png/x.png": "is not a folder"}
    for name, message in refused.items():
        with pytest.raises(ModelError, match=message):
            save_figure(figure, tmp_path / name)
    assert (tmp_path / "taken.png").read_bytes() == b"mine"
    save_figure(figure, tmp_path / "taken.png", overwrite=True)
    assert (tmp_path / "taken.png").read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in tmp_path.iterdir()] == ["taken.png"]


def test_missing_matplotlib_is_named(embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textalloc", None)
    with pytest.raises(ImportError, match="pip install matplotlib textalloc"):
        plot_words(embeddings, TOPICS)


# --- the command -----------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


def test_each_command_writes_a_picture_and_prints_its_name(model: Path, tmp_path: Path) -> None:
    for arguments in (
        ("words", model, *TOPICS, "--neighbors", 2),
        ("analogy", model, "country0", "capital0", "country1", "capital1"),
        ("history", model),
    ):
        path = tmp_path / f"{arguments[0]}.svg"
        result = run(*arguments, "--output", path, "--title", "T")
        assert (result.exit_code, result.output) == (0, f"{path}\n")
        assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_several_histories_of_one_name_are_told_apart(model: Path, embeddings: Embeddings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    embeddings.save(tmp_path / "other" / "my.model")
    result = run("history", model, tmp_path / "other" / "my.model", "--output", tmp_path / "x.png")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["words", "MODEL", "bread", "river", "musik"], 1, "'musik' is not in the vocabulary; did you mean 'music'"),
        (["words", "MODEL", "bread"], 1, "3 to 500 words"),
        (["words", "MODEL"], 2, "Missing argument"),
        (["words", "MODEL", *TOPICS, "--output", "x.gif"], 2, "neither .png nor .svg"),
        (["words", "MODEL", *TOPICS, "--output", "taken.png/x.png"], 1, "taken.png is not a folder"),
        (["words", "MODEL", *TOPICS, "--output", "taken.png"], 1, "exists already"),
        (["words", "MODEL", *TOPICS, "--method", "mds"], 2, "'mds' is not one of"),
        (["words", "MODEL", *TOPICS, "--neighbors", "-1"], 2, "--neighbors"),
        (["words", "MODEL", *TOPICS, "--seed", "x"], 2, "--seed"),
        (["words", "MODEL", *TOPICS, "--width", "1"], 2, "--width"),
        (["history", "MODEL", "--dpi", "0"], 2, "--dpi"),
        (["words", "missing.model", *TOPICS], 1, "does not exist"),
        (["analogy", "MODEL", "bread", "river", "music"], 2, "two or more pairs of words"),
        (["analogy", "MODEL", "bread", "bread", "music", "river"], 1, "'bread' twice"),
        (["history", "missing.model"], 1, "does not exist"),
        (["history", "MODEL", "--x-axis", "words"], 2, "--x-axis"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_usage_ends_with_one_line(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").write_bytes(b"mine")
    result = run(*(str(model) if argument == "MODEL" else argument for argument in arguments))
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert message in result.stderr.rpartition("Error: ")[2]
    assert result.stdout == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my.model", "taken.png"]
    assert (tmp_path / "taken.png").read_bytes() == b"mine"


def test_missing_glyphs_are_a_note(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.plots.figures.fonts_for", lambda texts: (["DejaVu Sans"], {"水"}))
    result = run("history", model, "--output", tmp_path / "x.png")
    assert result.exit_code == 0
    assert result.stderr.startswith("Note: no installed font has '水'")
    assert result.stderr.count("\n") == 1
