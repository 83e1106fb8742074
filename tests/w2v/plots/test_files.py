"""Files of pictures: whole, the same each time, and refused early."""

from __future__ import annotations

import colorsys
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.figures import EPOCHS, TOPICS, make_topics
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings

pytest.importorskip("matplotlib")
pytest.importorskip("textalloc")

from PIL import Image

from w2v.plots import plot_history, plot_words, save_figure
from w2v.plots.dark import darkened  # noqa: E402
from w2v.plots.figures import COLORS, INK, QUIET, render  # noqa: E402


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return make_topics(rng)


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
