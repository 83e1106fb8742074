"""Texts as windows of limited length, as a language model reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.batches import TokenBatches
from w2v.neural.configs import END, START
from w2v.neural.models import Batch
from w2v.neural.packing import Packed


class Streams:
    """Texts, each preceded by START and, with `ends`, followed by END.

    Parameters
    ----------
    texts : Packed
    ends : bool
        Whether texts have an end; a running text has none.

    Attributes
    ----------
    ids : ndarray of shape (N,), int32
        All streams, concatenated.
    borders : ndarray of shape (B + 1,), int64
        Start of each stream.
    """

    def __init__(self, texts: Packed, ends: bool) -> None:
        n = np.arange(texts.n_sequences)
        self.ids = np.insert(texts.ids.astype(np.int32, copy=False), texts.offsets[:-1], START)
        self.borders = texts.offsets + np.arange(texts.n_sequences + 1)
        if ends:
            self.ids = np.insert(self.ids, self.borders[1:], END)
            self.borders = self.borders + np.append(n, len(n))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens to predict in each stream: all except START."""
        return np.diff(self.borders) - 1

    def batch(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Batch:
        """Return windows that read `lengths` tokens from `starts` on and predict the next token of each."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return Batch(Packed(self.ids[places], offsets), self.ids[places + 1])

    def cut(self, context: int, stride: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cut every stream into windows, each starting `stride` tokens after the previous one, by default `context`.

        Parameters
        ----------
        context : int
            Maximum number of tokens of a window.
        stride : int, optional
            If it is less than `context`, windows overlap: a token that two windows predict has more context in the
            first.

        Returns
        -------
        starts, lengths : ndarray of shape (n,), int64
        """
        stride = context if stride is None else stride
        n_windows = np.maximum(1, -(-(self.lengths - context) // stride) + 1)
        first = np.concatenate([[0], np.cumsum(n_windows)])
        place = np.arange(first[-1]) - np.repeat(first[:-1], n_windows)
        starts = np.repeat(self.borders[:-1], n_windows) + place * stride
        ends = np.minimum(starts + context, np.repeat(self.borders[1:] - 1, n_windows))
        filled = ends > starts
        return starts[filled], (ends - starts)[filled]


class Windows:
    """The batches of a training: windows of running texts at random offsets, or whole lines.

    Parameters
    ----------
    streams : Streams
    context : int
    most_tokens : int
        Maximum number of tokens of a batch.
    seed : int

    Attributes
    ----------
    n_batches : int
        Batches per epoch.

    Raises
    ------
    ValueError
        If there is no token to predict.
    """

    def __init__(self, streams: Streams, context: int, most_tokens: int, seed: int) -> None:
        self._streams, self._context, self._seed = streams, context, seed
        self._cut = streams.cut(context)
        if not len(self._cut[0]):
            raise ValueError("there is no text to train on")
        self._batches = TokenBatches(self._cut[1], most_tokens, seed)
        self.n_batches = self._batches.n_batches

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of a step: each epoch has each window once, shifted by a new random offset."""
        starts, lengths = (part[self._batches[step]] for part in self._cut)
        epoch = step // self.n_batches
        shift = int(np.random.default_rng([self._seed, epoch, 1]).integers(self._context)) if epoch else 0
        streams = self._streams
        last = streams.borders[1:][np.searchsorted(streams.borders[1:], starts, side="right")] - 1
        # only windows followed by others are shifted; the last one of a stream is not
        moved = np.where(starts + lengths + shift <= last, starts + shift, starts)
        return streams.batch(moved, lengths)


def token_windows(streams: Streams, context: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return windows that overlap by half, and how many tokens of each the previous window has already predicted."""
    starts, lengths = streams.cut(context, max(1, context // 2))
    told = np.zeros(len(starts), np.int64)
    overlaps = starts[:-1] + lengths[:-1] - starts[1:]
    same = np.searchsorted(streams.borders, starts[1:], side="right") == np.searchsorted(
        streams.borders, starts[:-1], side="right"
    )
    told[1:] = np.where(same, np.maximum(overlaps, 0), 0)
    return starts, lengths, told
