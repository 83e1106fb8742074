"""A hierarchy of topics: which ones are nearest, and what a smaller number of topics would be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.display.frames import frame_of
from w2v.display.html import escape
from w2v.encoder.retrieval.keywords.weights import heaviest, rarity, weighed
from w2v.settings.constraints import whole_number

if TYPE_CHECKING:
    from pandas import DataFrame
    from scipy.sparse import csr_array

Linkage = Literal["ward", "average"]
_OF_NODE = 3  # keywords in the name of merged topics
LINKAGES: tuple[Linkage, ...] = ("ward", "average")


class Merge(NamedTuple):
    """Two topics, or results of earlier merges, that become one.

    Attributes
    ----------
    parent, left, right : int
        Topics have numbers from 0 to K - 1; merged ones are numbered from K on, in order.
    distance : float
        Distance by the linkage; it increases from merge to merge.
    size : int
        Number of sentences of both together.
    keywords : list of str
        Keywords that distinguish the merged topic from all others.
    """

    parent: int
    left: int
    right: int
    distance: float
    size: int
    keywords: list[str]


class Hierarchy:
    """A tree of topics; created by `Topics.hierarchy`. Print it to see the tree.

    Attributes
    ----------
    merges : list of Merge
        The K - 1 merges, nearest topics first.
    names : list of str
        Names of the K topics.
    sizes : list of int
        Their numbers of sentences.
    """

    def __init__(self, merges: list[Merge], names: list[str], sizes: list[int]) -> None:
        self.merges, self.names, self.sizes = merges, names, sizes

    def __len__(self) -> int:
        return len(self.merges)

    def __repr__(self) -> str:
        return f"Hierarchy({len(self.names)} topics)"

    def __str__(self) -> str:
        return "\n".join(self._lines(len(self.names) + len(self.merges) - 1, "", ""))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _lines(self, node: int, mark: str, before: str) -> list[str]:
        """Return the lines of a subtree, larger branch first."""
        if node < len(self.names):
            return [f"{mark}{self.names[node]}  ({node}: {self.sizes[node]:,})"]
        merge = self.merges[node - len(self.names)]
        name = ", ".join(merge.keywords) if before or mark else "all topics"
        lines = [f"{mark}{name}  ({merge.size:,})"]
        first, second = sorted((merge.left, merge.right), key=lambda child: -self.size_of(child))
        lines += self._lines(first, f"{before}├─ ", f"{before}│  ")
        return lines + self._lines(second, f"{before}└─ ", f"{before}   ")

    def size_of(self, node: int) -> int:
        """Return the number of sentences of a topic or merged topic."""
        return self.sizes[node] if node < len(self.names) else self.merges[node - len(self.names)].size

    def cut(self, n: int) -> NDArray[np.int64]:
        """Return, for each topic, which of `n` larger topics contains it, numbered in the order of the topics.

        Raises
        ------
        ValueError
            If `n` is below 1 or above the number of topics.
        """
        n_topics = len(self.names)
        n = whole_number("n_topics", n)
        if not 1 <= n <= n_topics:
            raise ValueError(f"{n_topics:,} topics can be merged into 1 to {n_topics:,}, not {n:,}")
        group = np.arange(n_topics)
        node_of = np.arange(n_topics)
        for merge in self.merges[: n_topics - n]:
            node_of[np.isin(node_of, (merge.left, merge.right))] = merge.parent
        order = {node: number for number, node in enumerate(dict.fromkeys(node_of.tolist()))}
        group[:] = [order[node] for node in node_of.tolist()]
        return group

    def to_dict(self) -> dict[str, Any]:
        """Return the tree as nested dicts of topic, name, size, distance and children, for JSON."""
        return self._node(len(self.names) + len(self.merges) - 1)

    def _node(self, node: int) -> dict[str, Any]:
        if node < len(self.names):
            return {"topic": node, "name": self.names[node], "size": self.sizes[node]}
        merge = self.merges[node - len(self.names)]
        return {
            "name": ", ".join(merge.keywords),
            "size": merge.size,
            "distance": merge.distance,
            "children": [self._node(merge.left), self._node(merge.right)],
        }

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `Merge` as columns; ImportError without pandas."""
        return frame_of(self.merges, Merge._fields)


def linked(centers: NDArray[np.float32], linkage: Linkage) -> NDArray[np.float64]:
    """Return the merges of centres in SciPy's format, shape (K - 1, 4); ValueError for an unknown linkage.

    Ward's linkage uses Euclidean distances, average linkage uses 1 - cosine.
    """
    if linkage not in LINKAGES:
        raise ValueError(f"linkage must be {' or '.join(map(repr, LINKAGES))}, not {linkage!r:.80}")
    if len(centers) < 2:
        return np.empty((0, 4))
    from scipy.cluster import hierarchy

    wide = centers.astype(np.float64)
    merges = hierarchy.ward(wide) if linkage == "ward" else hierarchy.linkage(wide, "average", "cosine")
    return np.asarray(merges, np.float64)


def hierarchy_of(
    centers: NDArray[np.float32],
    counts: csr_array,
    words: Sequence[str],
    names: list[str],
    sizes: NDArray[np.int64],
    linkage: Linkage,
) -> Hierarchy:
    """Return the hierarchy of topics.

    Parameters
    ----------
    centers : ndarray of shape (K, d), float32
    counts : sparse array of shape (K or K + 1, V)
        Number of sentences of each topic, and of the outliers, that contain each word.
    words : sequence of V str
    names : list of K str
    sizes : ndarray of shape (K,), int64
    linkage : {"ward", "average"}
    """
    from scipy.sparse import csr_array

    steps, n_topics = linked(centers, linkage), len(centers)
    parts = [[topic] for topic in range(n_topics)]
    for left, right, *_ in steps.astype(np.int64).tolist():
        parts.append(parts[left] + parts[right])
    nodes = parts[n_topics:]
    rows = np.repeat(np.arange(len(nodes)), [len(part) for part in nodes])
    columns = np.array([topic for part in nodes for topic in part], np.int64)
    gathers = csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=(len(nodes), counts.shape[0]))
    found = heaviest(weighed(gathers @ counts, rarity(counts)), words, _OF_NODE)
    merges = [
        Merge(n_topics + number, int(left), int(right), float(distance), int(sizes[nodes[number]].sum()), found[number])
        for number, (left, right, distance, _) in enumerate(steps.tolist())
    ]
    return Hierarchy(merges, names, sizes.tolist())
