"""The Huffman tree of hierarchical softmax: short paths for frequent words.

References
----------
Huffman 1952, Proceedings of the IRE 40, 1098-1101.
Morin & Bengio 2005, AISTATS (hierarchical softmax); Mikolov et al. 2013, arXiv:1310.4546, section 2.1 (with this tree).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled


@dataclass(frozen=True)
class HuffmanTree:
    """The paths from the root to each of V words."""

    offsets: NDArray[np.int64]
    """The path of word i is [offsets[i], offsets[i + 1]) of the other two: shape (V + 1,)."""
    nodes: NDArray[np.int32]
    """Inner nodes on the path, starting at the root: 0 to V - 2 in the order of merging, so the root is V - 2 and small
    numbers are deep in the tree. Shape (offsets[V],)."""
    codes: NDArray[np.uint8]
    """The branch taken at each node: 1 for the more frequent child, else 0. Shape (offsets[V],)."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of the path of each word, shape (V,)."""
        return np.diff(self.offsets)

    @property
    def longest(self) -> int:
        """Length of the longest path; 0 for one word or none."""
        return int(self.lengths.max(initial=0))

    def take(self, words: NDArray[np.int64]) -> HuffmanTree:
        """Return the paths of some words, shape (n,), in their order."""
        lengths = self.lengths[words]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[words] - offsets[:-1], lengths)
        return HuffmanTree(offsets, self.nodes[places], self.codes[places])

    def steps(self, padding: int) -> NDArray[np.int32]:
        """Return nodes and codes for kernels, ~node if the code is 1, followed by `padding` zeros; int32."""
        steps = np.zeros(len(self.nodes) + padding, np.int32)
        np.bitwise_xor(self.nodes, -self.codes.astype(np.int32), out=steps[: len(self.nodes)])
        return steps

    def mean_length(self, weights: NDArray[np.float64]) -> float:
        """Return the mean length of the paths, each word counted `weights` times: an ndarray of shape (V,)."""
        return float(self.lengths @ weights / weights.sum())

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64]) -> HuffmanTree:
        """Build the tree from counts of shape (V,) in O(V log V), and each path in time proportional to its length.

        Ties are resolved as in word2vec.c: between a word and an inner node of equal counts the inner node is merged
        first, and among equal words the one with the largest id.
        """
        order = np.argsort(-counts, kind="stable")
        parents, branches = _merge(counts[order])
        lengths = np.empty(len(counts), np.int64)
        lengths[order] = _depths(parents)[: len(counts)]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        nodes, codes = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.uint8)
        _write_paths(parents, branches, order, offsets, nodes, codes)
        return cls(offsets, nodes, codes)


# Below, leaves 0 to V - 1 are the words by falling count, and V + i is inner node i.


@compiled
def _merge(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the parent of every node except the root, and 1 for the heavier child, else 0, from falling counts.

    Leaves are in one queue and inner nodes, which are created in order of weight, in another: the two lightest nodes
    are always at the heads.
    """
    n_words = len(counts)
    n_nodes = 2 * n_words - 1
    weights = np.zeros(max(n_nodes, 0), np.int64)
    for word in range(n_words):  # a slice would have Numba compile the message of an error as well
        weights[word] = counts[word]
    parents, branches = np.zeros(max(n_nodes, 0), np.int64), np.zeros(max(n_nodes, 0), np.uint8)
    leaf, inner = n_words - 1, n_words
    for node in range(n_words, n_nodes):
        for branch in range(2):
            if leaf >= 0 and (inner == node or weights[leaf] < weights[inner]):
                child = leaf
                leaf -= 1
            else:
                child = inner
                inner += 1
            parents[child], branches[child] = node, branch
            weights[node] += weights[child]
    return parents, branches


@compiled
def _depths(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    depths = np.zeros_like(parents)
    for node in range(len(parents) - 2, -1, -1):  # a parent has a larger number than its children
        depths[node] = depths[parents[node]] + 1
    return depths


@compiled
def _write_paths(
    parents: NDArray[np.int64],
    branches: NDArray[np.uint8],
    order: NDArray[np.int64],
    offsets: NDArray[np.int64],
    nodes: NDArray[np.int32],
    codes: NDArray[np.uint8],
) -> None:
    """Write the path of each word, from the leaf up."""
    n_words = len(order)
    for leaf in range(n_words):
        word, node = order[leaf], leaf
        for i in range(offsets[word + 1] - 1, offsets[word] - 1, -1):
            codes[i] = branches[node]
            node = parents[node]
            nodes[i] = node - n_words
