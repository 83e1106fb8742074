"""Words to draw, and what figures show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from w2v.vectors.embeddings import Embeddings

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

TOPICS = ("bread", "river", "music")
EPOCHS = [
    {"epoch": 1, "loss": 2.5, "holdout_loss": 2.6, "alpha": 0.02, "seconds": 3.0, "analogies": 0.1, "word_pairs": 0.4},
    {"epoch": 2, "loss": 2.2, "holdout_loss": 2.4, "alpha": 0.01, "seconds": 6.0, "analogies": 0.3, "word_pairs": 0.5},
]


def make_topics(rng: np.random.Generator) -> Embeddings:
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
