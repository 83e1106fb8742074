"""The layout of points on the plane, and of labels that do not cover each other."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from w2v.lazy import load_optional
from w2v.plots.figures import DPI, QUIET, bare, new_figure, overlapping
from w2v.plots.writing import Title, caption_lines, text_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

_LONG_LEADER = 14
"""Distance in pixels beyond which a line joins a label to its point."""
_MARGIN = 0.45
"""Inches around the outermost points, for their labels."""
_SMALLEST_WIDTH, _LARGEST_WIDTH, _GROWTH = 7.5, 60.0, 1.15
_ORDERS: tuple[Any, ...] = (None, "largest", 1)
"""The order in which labels choose their places: as given, largest first, or random with a seed."""
_CROWDED_WIDTH = 13.0
"""A width in inches that is too small only if words lie on top of each other; beyond it, labels may be further away."""
_FLATTEST, _TALLEST = 0.5, 0.85
METHODS = ("pca", "tsne", "umap")
Points = NDArray[np.float64]


def project(vectors: NDArray[np.float32], method: str, seed: int) -> tuple[Points, str]:
    """Project unit vectors, shape (n, D) with n >= 3, onto the plane by one of the `METHODS`.

    `seed` is the random seed of t-SNE and UMAP. Raises ValueError for an unknown method.

    Returns
    -------
    points : ndarray of shape (n, 2), float64
    caption : str
        One line on what the picture shows and what it does not.
    """
    exact = np.asarray(vectors, dtype=np.float64)
    match method:
        case "pca":
            points, held = principal_plane(exact)
            return points, f"PCA: the two axes explain {held:.0%} of the variance between these words"
        case "tsne":
            from sklearn.manifold import TSNE
            from threadpoolctl import threadpool_limits  # comes with scikit-learn

            start = 1e-4 * _start(exact, seed)  # small, so that the points can spread freely
            perplexity = min(30.0, (len(exact) - 1) / 2)  # larger values crowd the points of a group
            reducer = TSNE(perplexity=perplexity, metric="cosine", init=start.astype(np.float32), random_state=seed)
            with threadpool_limits(1):  # with so few points, more threads are slower
                points = np.asarray(reducer.fit_transform(exact))
            return _level(points), "t-SNE: small distances have a meaning, large ones have none"
        case "umap":
            return _level(_umap(exact, seed)), "UMAP: small distances have a meaning, large ones have none"
    raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r:.80}")


def principal_plane(vectors: NDArray[np.floating]) -> tuple[Points, float]:
    """Return the first two principal components, shape (n, 2), and the fraction of variance they explain."""
    from sklearn.decomposition import PCA

    exact = np.asarray(vectors, dtype=np.float64)
    points = np.zeros((len(exact), 2))
    if not np.ptp(exact, axis=0).any():  # all points are equal
        return points, 1.0
    reducer = PCA(n_components=min(2, *exact.shape), svd_solver="full")
    found = reducer.fit_transform(exact)
    points[:, : found.shape[1]] = found
    return points, float(reducer.explained_variance_ratio_.sum())


def _level(points: NDArray[np.floating]) -> Points:
    """Rotate points so that they spread sideways: the directions of t-SNE and UMAP are arbitrary."""
    return principal_plane(points)[0]


def _start(vectors: Points, seed: int) -> Points:
    """Return the initial points of t-SNE and UMAP: the principal plane scaled to a spread of 1, with a little noise."""
    points, _ = principal_plane(vectors)
    spread = points[:, 0].std()
    shaken = np.random.default_rng(seed).normal(scale=0.1, size=points.shape)
    start: Points = (points / spread if spread > 0 else points) + shaken
    return start


def _umap(vectors: Points, seed: int) -> Points:
    """Project vectors onto the plane by UMAP."""
    start = (10 * _start(vectors, seed)).astype(np.float32)  # UMAP's spectral start needs more than three points
    n_neighbors = min(15, len(vectors) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # including those from its imports
        umap = load_optional("umap", "UMAP needs umap-learn; install it with: pip install umap-learn")
        reducer = umap.UMAP(n_neighbors, metric="cosine", init=start, min_dist=0.3, random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(vectors), dtype=np.float64)


@dataclass(frozen=True)
class Label:
    """A word to write beside its point, (x, y)."""

    point: Sequence[float]
    text: str
    size: float
    color: str
    is_bold: bool

    @property
    def weight(self) -> str:
        """The font weight, by matplotlib's name."""
        return "bold" if self.is_bold else "normal"


def place_labels(
    axes: Axes, labels: Sequence[Label], lines: Sequence[tuple[Sequence[float], Sequence[float]]] = ()
) -> list[Text] | None:
    """Write labels near their points; they cover neither each other nor points nor `lines`, such as arrows.

    The limits of `axes` must be final. Earlier labels get better places if all labels still fit. Returns None, and
    writes nothing, if they do not all fit.
    """
    for order in _ORDERS:
        placed = _try_labels(axes, labels, lines, order)
        if placed is not None:
            return placed
    return None


def _try_labels(
    axes: Axes,
    labels: Sequence[Label],
    lines: Sequence[tuple[Sequence[float], Sequence[float]]],
    order: Any,
) -> list[Text] | None:
    """Like `place_labels`, with labels that choose their places in the given `order`."""
    import textalloc

    xs, ys = ([label.point[axis] for label in labels] for axis in (0, 1))
    limits = axes.get_xlim(), axes.get_ylim()
    crowded = axes.get_window_extent().width > _CROWDED_WIDTH * DPI
    further: dict[str, Any] = {}
    if lines:
        further = {"x_lines": [np.asarray(x) for x, _ in lines], "y_lines": [np.asarray(y) for _, y in lines]}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a message if a label does not fit
        _, _, texts, leaders = textalloc.allocate(
            axes, xs, ys, [label.text for label in labels], x_scatter=xs, y_scatter=ys,
            textsize=[label.size for label in labels], textcolor=[label.color for label in labels],
            fontweight=[label.weight for label in labels], linecolor=[label.color for label in labels],
            margin=0.004, min_distance=0.009, max_distance=0.2 if crowded else 0.06, nbr_candidates=160,
            linewidth=0.6, draw_all=False, priority_strategy=order, avoid_label_lines_overlap=not crowded,
            plot_kwargs={"alpha": 0.7}, parse_math=False, va="bottom", zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.3},  # lines fade behind words
            **further,
        )  # fmt: skip
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])
    written = [cast("Text", text) for text in texts if text is not None]
    drawn = [cast("Line2D", line) for line in leaders if line is not None]
    if len(written) == len(labels) and not overlapping(written):
        for line in drawn:
            if np.hypot(*np.ptp(axes.transData.transform(line.get_xydata()), axis=0)) < _LONG_LEADER:
                line.remove()  # the label is close enough
        return written
    for text in written:
        text.remove()
    for line in drawn:
        line.remove()
    return None


def grow(draw: Callable[[float], Figure | None], width: float | None = None) -> Figure:
    """Call `draw` with growing widths, in inches, until the labels fit; raise ValueError if even a poster is too small.

    The first is `width`, or by default a width that suits a page.
    """
    width = _SMALLEST_WIDTH if width is None else width
    if not 2 <= width <= _LARGEST_WIDTH:
        raise ValueError(f"width must be from 2 to {_LARGEST_WIDTH:.0f} inches, not {width}")
    while width <= _LARGEST_WIDTH:
        figure = draw(width)
        if figure is not None:
            return figure
        width *= _GROWTH
    raise ValueError("the labels do not fit beside their points: too many words lie in one place; show fewer")


def new_map(points: Points, width: float, title: str | None, caption: str) -> tuple[Figure, Axes]:
    """Return a figure `width` inches wide, with bare axes for the points, a title above and a caption below.

    `points` has shape (n, 2). A caption that does not fit on one line breaks at its line breaks, and elsewhere if
    necessary. Both axes have the same scale. The height follows from the points, within limits that suit a page.
    """
    edge, caption_size = 0.25, 8.5
    heading = Title(title, width, edge)
    caption = caption_lines(caption, width - 2 * edge, caption_size)
    above, below = heading.height(0.62, without=0.2), 0.28 + text_size(caption, caption_size)[1]
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    inner = width - 2 * edge - 2 * _MARGIN
    height = below + above + 2 * _MARGIN + inner * (extent[1] / extent[0] if extent[0] > 0 else 1.0)
    height = float(np.clip(height, _FLATTEST * width, _TALLEST * width))
    figure = new_figure(width, height)
    axes = figure.add_axes((edge / width, below / height, 1 - 2 * edge / width, 1 - (below + above) / height))
    bare(axes)
    heading.write(figure)
    figure.text(edge / width, 0.14 / height, caption, size=caption_size, color=QUIET, ha="left", va="bottom")
    room = np.array([inner, height - below - above - 2 * _MARGIN])
    scale = (extent / room).max() or 1.0  # units per inch
    half = scale * (room / 2 + _MARGIN)
    axes.set_xlim(*((low + high)[0] / 2 + half[0] * np.array([-1, 1])))
    axes.set_ylim(*((low + high)[1] / 2 + half[1] * np.array([-1, 1])))
    return figure, axes
