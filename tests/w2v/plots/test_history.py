"""Training curves: what is drawn, and names beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.helpers.figures import EPOCHS, assert_all_text_is_inside, assert_drawn, labels_of, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytest.importorskip("matplotlib")
pytest.importorskip("textalloc")

from w2v.plots import plot_history
from w2v.plots.figures import overlapping, palette  # noqa: E402
from w2v.plots.history import spread  # noqa: E402


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
