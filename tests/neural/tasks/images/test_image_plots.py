"""Drawings of what a classifier of pictures looks at, of its positions and of its mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.examples.pictures import bars
from w2v import ImageClassifier
from w2v.neural.tasks.images.plots import confusion, plot_attention, plot_confusion, plot_positions
from w2v.plots.figures import render

PIXELS, LABELS = bars(60)


def classifier(**options: str) -> ImageClassifier:
    return ImageClassifier(dim=8, heads=2, layers=1, epochs=1, workers=1, **options).fit(PIXELS, LABELS)  # type: ignore[arg-type]


def test_attention_is_drawn_beside_each_picture_for_every_head() -> None:
    drawn = plot_attention(classifier(pooling="token"), PIXELS[:2])
    assert len(drawn.axes) == 2 * 4  # the picture, the mean, two heads
    titles = [axes.get_title() for axes in drawn.axes]
    assert titles[1:4] == ["mean of heads", "head 1", "head 2"] and titles[0] in LABELS
    largest = [axes.images[-1].get_array()[..., 3].max() for axes in drawn.axes[1:4]]  # type: ignore[index]
    assert largest == pytest.approx([0.85] * 3)
    assert render(drawn, "png").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="60 pictures are too many for one figure; give at most 16"):
        plot_attention(classifier(), PIXELS)


def test_positions_are_nearest_to_themselves() -> None:
    drawn = plot_positions(classifier())
    assert len(drawn.axes) == 16
    maps = [np.asarray(axes.images[0].get_array()) for axes in drawn.axes]
    assert all(cosines.ravel()[i] == pytest.approx(1) for i, cosines in enumerate(maps))
    assert all(cosines.max() <= 1 + 1e-9 and cosines.min() >= -1 - 1e-9 for cosines in maps)
    with pytest.raises(ValueError, match="no learned positions to draw: positions are rotary"):
        plot_positions(classifier(positions="rotary"))


def test_confusions_are_counted_and_drawn() -> None:
    counts, names = confusion(["a", "b", "b", "c"], ["a", "a", "b", "b"])
    assert names == ["a", "b", "c"] and counts.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert confusion([1, 2, 2], [2, 2, 2], labels=[2, 1])[0].tolist() == [[2, 0], [1, 0]]
    [axes] = plot_confusion(["a", "b"], ["b", "b"]).axes
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    for wanted, found in (([], []), (["a"], ["a", "b"])):
        with pytest.raises(ValueError, match="must be equally many"):
            plot_confusion(wanted, found)
