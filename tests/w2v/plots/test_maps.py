"""Maps of words and analogies: what is drawn, labels that do not overlap, and projections."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from tests.helpers.figures import TOPICS, assert_drawn, labels_of, make_topics, written
from w2v.encoding.vocabulary import UnknownWordError
from w2v.vectors.embeddings import Embeddings

pytest.importorskip("matplotlib")
pytest.importorskip("textalloc")

from w2v.plots import plot_analogies, plot_words
from w2v.plots.analogies import _mean_cosine  # noqa: E402
from w2v.plots.figures import COLORS, overlapping  # noqa: E402
from w2v.plots.layout import principal_plane, project  # noqa: E402


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return make_topics(rng)


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
