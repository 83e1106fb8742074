"""PNG and JPEG files, read by Pillow, and scaling pictures."""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.images.arrays import MOST_BYTES
from w2v.corpora.inputs import CorpusError

SUFFIXES = (".png", ".jpg", ".jpeg")
_OTHERS = (".gif", ".tif", ".tiff", ".bmp", ".webp", ".avif", ".heic", ".jp2", ".jfif")
_SHOWN = 3


class PassedOverWarning(UserWarning):
    """Pictures of other formats, or folders without any picture, are passed over."""


def warn_of_others(folder: str | os.PathLike[str], empty: Sequence[str]) -> None:
    """Warn of what looks like pictures in a folder and is not read, and of its folders, `empty`, without any."""
    others = _files(folder, _OTHERS)
    passed = [(others, "pictures are neither PNG nor JPEG"), (empty, "folders have no PNG or JPEG")]
    for names, what in passed:
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            message = f"{os.fspath(folder)}: {len(names):,} {what} and are passed over: {shown}"
            warnings.warn(PassedOverWarning(message), stacklevel=5)


def picture_names(folder: str | os.PathLike[str]) -> list[str]:
    """Return the PNG and JPEG files in a folder and its subfolders, sorted, without hidden ones."""
    return _files(folder, SUFFIXES)


def _files(folder: str | os.PathLike[str], suffixes: tuple[str, ...]) -> list[str]:
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(place, name) for name in sorted(files)
                  if name.lower().endswith(suffixes) and not name.startswith(".")]  # fmt: skip
    return found


def check_one_size(sizes: Counter[Any], names: Sequence[str]) -> None:
    """Raise a CorpusError that lists the sizes (height, width) if there are several."""
    if len(sizes) > 1:
        shown = [f"{height} × {width} ({n:,})" for (height, width), n in sizes.most_common(4)]
        (height, width), _ = sizes.most_common(1)[0]
        raise CorpusError(
            f"{os.path.commonpath([os.path.dirname(os.path.abspath(name)) for name in names])}: pictures have "
            f"{len(sizes)} sizes, height × width: {', '.join(shown)}{', …' if len(sizes) > 4 else ''}; scale all "
            f"with --size {height} {width} (in Python: read_pictures(…, size=({height}, {width})))"
        )


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading PNG and JPEG, and scaling pictures, needs Pillow, which is missing; install it with: "
            "pip install 'w2v-toolkit[images]'"
        ) from error
    return Image


def read_files(files: list[Path], size: tuple[int, int] | None, channels: int | None) -> NDArray[np.uint8]:
    """Read PNG and JPEG files into an array, shape (N, H, W, C), uint8; see `read_pictures`."""
    read, n_bytes = list[NDArray[np.uint8]](), 0
    for file in files:
        read.append(_read_file(file, size, channels))
        n_bytes += read[-1].nbytes
        if n_bytes > MOST_BYTES:
            raise CorpusError(
                f"{file.parent}: the pictures take more than {MOST_BYTES >> 30} GiB; scale them with --size"
            )
    check_one_size(Counter(picture.shape[:2] for picture in read), [str(file) for file in files])
    most = max(picture.shape[2] for picture in read)
    return np.stack([np.broadcast_to(picture, (*picture.shape[:2], most)) for picture in read])


def _read_file(file: Path, size: tuple[int, int] | None, channels: int | None) -> NDArray[np.uint8]:
    image = _pillow()
    try:
        with image.open(file, formats=("PNG", "JPEG")) as opened:
            if 4 * math.prod(opened.size) > MOST_BYTES >> 3:
                raise CorpusError(f"{file} has {opened.size[0]:,} × {opened.size[1]:,} pixels, too many to read")
            picture = _flattened(opened, channels)
            if size is not None and picture.size != (size[1], size[0]):
                picture = picture.resize((size[1], size[0]), image.Resampling.BILINEAR, reducing_gap=3.0)
            pixels = np.asarray(picture)
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        if isinstance(error, CorpusError):
            raise
        raise CorpusError(f"{file} is not a PNG or JPEG, or is damaged: {error}") from error
    return np.atleast_3d(pixels)


def _flattened(opened: Any, channels: int | None) -> Any:
    """Convert a picture to grey or colour, upright, with transparency replaced by white."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith(("I", "F")):  # 16 bits
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        below = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(below, picture).convert("RGB" if channels != 1 else "L")
    grey = channels == 1 or (channels is None and picture.mode in ("L", "1"))
    return picture.convert("L" if grey else "RGB")


def scaled(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Scale pictures, shape (N, H, W, C), to `size`, (height, width), by linear interpolation."""
    image = _pillow()
    mode = "L" if pixels.dtype == np.uint8 else "F"
    made = np.empty((len(pixels), *size, pixels.shape[3]), pixels.dtype)
    for picture, out in zip(pixels, made, strict=True):
        for c in range(pixels.shape[3]):
            channel = image.fromarray(np.ascontiguousarray(picture[..., c]), mode=None)
            assert channel.mode == mode
            out[..., c] = np.asarray(channel.resize((size[1], size[0]), image.Resampling.BILINEAR))
    return made
