"""Cut pictures into patches with random augmentation: shifts, rotations, zoom, mirroring and cutout.

The random changes of a picture depend only on the seed and its number, not on what else is computed or in what order.
Nothing is checked.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled


class Scale(NamedTuple):
    """Normalises pixels to mean 0 and standard deviation 1: (pixel - mean) * inverse, by channel.

    Attributes
    ----------
    mean, inverse : ndarray of shape (C,), of the dtype of the patches
    """

    mean: NDArray[np.floating]
    inverse: NDArray[np.floating]


class Change(NamedTuple):
    """The augmentation of a step; zeros disable it.

    Attributes
    ----------
    shift : float
        Maximum shift in pixels, in each direction; the border is repeated.
    rotate : float
        Maximum rotation about the centre in degrees, either way.
    zoom : float
        Maximum zoom in or out, as a fraction.
    flip : int
        1 mirrors half of the pictures, at random, left to right.
    cutout : int
        Side of a square at a random position, possibly partly outside the picture, whose scaled pixels are set to 0.
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    flip: int = 0
    cutout: int = 0


@compiled
def _draw(seed, number, place):
    """Return 32 random bits: SplitMix64, Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators."""
    z = seed + np.uint64(8 * number + place + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.int64(z >> np.uint64(32))


@compiled
def _spread(seed, number, place):
    """Return a random number in [-1, 1)."""
    return _draw(seed, number, place) / 2147483648.0 - 1.0


@compiled
def _sample(pictures, n, y, x, c):
    """Return a channel of a picture at a point between pixels, by linear interpolation; the border is repeated."""
    height, width = pictures.shape[1], pictures.shape[2]
    top, left = math.floor(y), math.floor(x)
    down, right = y - top, x - left
    y0, y1 = min(max(int(top), 0), height - 1), min(max(int(top) + 1, 0), height - 1)
    x0, x1 = min(max(int(left), 0), width - 1), min(max(int(left) + 1, 0), width - 1)
    above = pictures[n, y0, x0, c] * (1 - right) + pictures[n, y0, x1, c] * right
    below = pictures[n, y1, x0, c] * (1 - right) + pictures[n, y1, x1, c] * right
    return above * (1 - down) + below * down


@compiled
def cut(pictures, chosen, patch, scale, change, seed, patches):
    """Augment some of the pictures and cut them into patches, row by row.

    Parameters
    ----------
    pictures : ndarray of shape (N, H, W, C)
    chosen : ndarray of shape (B,), int64
        Indices of pictures.
    patch : int
        Side of a patch. Patches that extend beyond the right or lower border are 0 there.
    scale : Scale
    change : Change
    seed : uint64
    patches : ndarray of shape (B, F + P, patch * patch * C)
        Overwritten. Of the F + P rows of a picture, the last P are its patches, the others 0; pixels are in row order,
        with the channels of each side by side.
    """
    height, width, channels = pictures.shape[1:]
    across = (width + patch - 1) // patch
    count = (height + patch - 1) // patch * across
    first = patches.shape[1] - count
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    is_moved = change.shift > 0 or change.rotate > 0 or change.zoom > 0
    for b in range(chosen.size):
        n = chosen[b]
        mirrored = change.flip > 0 and _draw(seed, n, 2) % 2 == 1
        top, left = height, width
        if change.cutout:
            top = _draw(seed, n, 3) % height - change.cutout // 2
            left = _draw(seed, n, 4) % width - change.cutout // 2
        down, right = _spread(seed, n, 0) * change.shift, _spread(seed, n, 1) * change.shift
        angle = _spread(seed, n, 5) * change.rotate * (math.pi / 180)
        shrunk = (1 + change.zoom) ** -_spread(seed, n, 6)
        cosine, sine = math.cos(angle) * shrunk, math.sin(angle) * shrunk
        patches[b, :first] = 0
        for k in range(count):
            at = 0
            for y in range(k // across * patch, k // across * patch + patch):
                hides = top <= y < top + change.cutout
                for x in range(k % across * patch, k % across * patch + patch):
                    if y >= height or x >= width or (hides and left <= x < left + change.cutout):
                        for c in range(channels):
                            patches[b, first + k, at + c] = 0
                    elif is_moved:
                        dy, dx = y - middle_y, x - middle_x
                        row, column = (
                            middle_y + cosine * dy - sine * dx - down,
                            middle_x + sine * dy + cosine * dx - right,
                        )
                        if mirrored:
                            column = width - 1 - column
                        for c in range(channels):
                            value = _sample(pictures, n, row, column, c)
                            patches[b, first + k, at + c] = (value - scale.mean[c]) * scale.inverse[c]
                    else:
                        source = width - 1 - x if mirrored else x
                        for c in range(channels):
                            value = pictures[n, y, source, c]
                            patches[b, first + k, at + c] = (value - scale.mean[c]) * scale.inverse[c]
                    at += channels
