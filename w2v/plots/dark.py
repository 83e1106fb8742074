"""Dark pictures: every colour keeps its hue, and light colours become dark.

A picture is first drawn on white. Its colours are replaced when it is written: in the palette of a PNG, or in the text
of an SVG. So a dark picture has the same lines and labels in the same places. Lightness is that of Oklab (B. Ottosson,
"A perceptual color space for image processing", 2020), so hues stay equally readable.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

_DARKEST, _LIGHTEST, _BEND = 0.19, 0.95, 0.7
"""The lightness of former white and of former black, and an exponent; below 1, it lightens what lies between, so lines
stand out."""
_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip
_COLOR = re.compile(r"(?<=: #)[0-9a-f]{6}\b")


def darkened(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the dark counterparts of sRGB colours; both have shape (n, 3), uint8."""
    encoded = np.asarray(colors, dtype=np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T
    lab[:, 0] = _DARKEST + (_LIGHTEST - _DARKEST) * np.clip(1 - lab[:, 0], 0, 1) ** _BEND
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    turned: NDArray[np.uint8] = np.rint(255 * encoded).astype(np.uint8)
    return turned


def darkened_palette(palette: list[int]) -> list[int]:
    """Return the palette of a dark PNG: red, green and blue of each colour in turn."""
    return darkened(np.array(palette, dtype=np.uint8).reshape(-1, 3)).ravel().tolist()


def darkened_svg(content: bytes) -> bytes:
    """Return a matplotlib SVG with the colours of a dark picture."""

    def exchange(found: re.Match[str]) -> str:
        return darkened(np.frombuffer(bytes.fromhex(found.group()), dtype=np.uint8)[None]).tobytes().hex()

    return _COLOR.sub(exchange, content.decode()).encode()
