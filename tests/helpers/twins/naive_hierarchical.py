"""Readable twins of hierarchical softmax: the tree by repeated search, and training in float64 NumPy.

Written from the formulae in docs/derivations/hierarchical_softmax.md. Nothing is imported from the package; sampling
and the clamped sigmoid come from `naive_w2v`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.helpers.twins import naive_w2v
from tests.helpers.twins.naive_w2v import Array, Buffer, Trained

INPUTS = 4


# The tree.


@dataclass
class Node:
    """A word (`children` is empty), or the inner node with index `number`."""

    count: int
    number: int
    children: list[Node] = field(default_factory=list)


@dataclass
class Path:
    """The inner nodes from the root down, and the branch taken at each."""

    nodes: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)


def build_paths(counts: Sequence[int]) -> list[Path]:
    """Return the path of each word, merging the two lightest nodes until one is left.

    Among nodes of equal weight, inner nodes come before words, older inner nodes first, later words first.
    """
    waiting = [Node(count, word) for word, count in enumerate(counts)]
    for number in range(len(counts) - 1):
        waiting.sort(key=lambda node: (node.count, not node.children, node.number if node.children else -node.number))
        children, waiting = waiting[:2], waiting[2:]
        waiting.append(Node(sum(child.count for child in children), number, children))
    paths = [Path() for _ in counts]

    def walk(node: Node, path: Path) -> None:
        if not node.children:
            paths[node.number] = path
        for code, child in enumerate(node.children):
            walk(child, Path([*path.nodes, node.number], [*path.codes, code]))

    for root in waiting:
        walk(root, Path())
    return paths


# Training.


def signs_of(path: Path) -> Array:
    """Return 1 for each code 0 and -1 for each code 1."""
    return 1.0 - 2.0 * np.array(path.codes)


def loss_of(x: Array, y: Array, signs: Array) -> float:
    """Return the negative log-likelihood of a path with output rows y, for an input x."""
    return float(-np.log(naive_w2v.sigmoid(signs * (y @ x))).sum())


def steps_of(x: Array, y: Array, signs: Array) -> Array:
    """Return the negative derivative of `loss_of` with respect to each score."""
    return signs * (1 - naive_w2v.sigmoid(signs * (y @ x)))


def train(
    algorithm: str,
    tokens: Sequence[int],
    offsets: Sequence[int],
    position: int,
    stop: int,
    keep: Sequence[float],
    paths: Sequence[Path],
    w_in: Array,
    w_out: Array,
    *,
    window: int,
    shrink: int,
    n_targets: int,
    alpha_start: float,
    alpha_end: float,
    state: int,
) -> Trained:
    """Train on tokens[position:stop]; the tables have shape (V, D) and are not changed."""
    result = Trained(w_in.copy(), w_out.copy(), travel_in=np.zeros(w_in.shape), travel_out=np.zeros(w_out.shape))
    chunk = {"skipgram": skipgram_chunk, "cbow": cbow_chunk}[algorithm]
    begin = position
    while position < stop:
        alpha = alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin)
        buffer, position, state = naive_w2v.sample_tokens(tokens, offsets, position, stop, keep, window, shrink, state)
        result.kept += len(buffer.words)
        for t in range(0, len(buffer.words), n_targets):
            chunk(result, buffer, range(t, min(t + n_targets, len(buffer.words))), paths, alpha)
            result.chunks += 1
    result.state = state
    return result


def skipgram_chunk(result: Trained, buffer: Buffer, targets: range, paths: Sequence[Path], alpha: float) -> None:
    """Take the steps of one target after another, for INPUTS of its context words at a time."""
    words = np.array(buffer.words)
    for t in targets:
        path, context = paths[words[t]], buffer.contexts[t]
        signs, nodes = signs_of(path), np.array(path.nodes, dtype=int)
        for first in range(0, len(context), INPUTS):
            inputs = words[context[first : first + INPUTS]]
            x, y = result.w_in[inputs], result.w_out[nodes]
            g = alpha * np.array([steps_of(row, y, signs) for row in x])
            result.loss += sum(loss_of(row, y, signs) for row in x)
            result.pairs += len(inputs)
            np.add.at(result.w_in, inputs, g @ y)
            result.w_out[nodes] += g.T @ x
            np.add.at(result.travel_in, inputs, alpha * abs(y).sum(axis=0))
            result.travel_out[nodes] += alpha * abs(x).sum(axis=0)


def cbow_chunk(result: Trained, buffer: Buffer, targets: range, paths: Sequence[Path], alpha: float) -> None:
    """Take the steps along one target's path after another; the inputs are updated at the end of the chunk."""
    words, before = np.array(buffer.words), result.w_in.copy()
    for t in targets:
        context = words[buffer.contexts[t]]
        if not len(context):
            continue
        path = paths[words[t]]
        signs, nodes = signs_of(path), np.array(path.nodes, dtype=int)
        h, y = before[context].mean(axis=0), result.w_out[nodes]
        g = alpha * steps_of(h, y, signs)
        share = naive_w2v.context_share(len(context))
        result.loss += loss_of(h, y, signs)
        result.pairs += 1
        np.add.at(result.w_in, context, share * (g @ y))
        result.w_out[nodes] += np.outer(g, h)
        np.add.at(result.travel_in, context, share * alpha * abs(y).sum(axis=0))
        result.travel_out[nodes] += alpha * abs(h)
