"""Reading labelled pictures from folders, files, archives and scikit-learn."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.images.archives import IDX_NAMES, read_idx_files, read_npz
from w2v.corpora.images.arrays import NUMBER, Numbered, Pictures
from w2v.corpora.images.files import SUFFIXES, check_one_size, picture_names, read_files, scaled, warn_of_others
from w2v.corpora.inputs import CorpusError

PathLike = str | os.PathLike[str]

DIGITS = "digits"
"""The name of scikit-learn's 1,797 handwritten digits of 8 × 8 pixels."""


def read_pictures(
    sources: PathLike | Sequence[PathLike], *, size: tuple[int, int] | None = None, channels: int | None = None
) -> Pictures:
    """Read pictures and, if available, their labels.

    Parameters
    ----------
    sources : str, path-like or sequence of these
        A folder with a subfolder of PNG or JPEG files for each class; IDX files, possibly compressed, or a folder of
        them, with labels in a separate file, given or found beside the pictures; a ``.npz`` archive of two arrays; PNG
        and JPEG files; ``"digits"``, those of scikit-learn; or ``FILE#N``, one picture in a file of many.
    size : (int, int), optional
        Height and width to scale all pictures to; by default they must have the same size.
    channels : {1, 3}, optional
        Convert PNG and JPEG to grey or colour; by default to colour if any of them has colours.

    Returns
    -------
    Pictures

    Raises
    ------
    CorpusError
        If there are no pictures, a file cannot be read or is damaged, pictures have several sizes, or a picture has no
        label; the message names the file.
    PassedOverWarning
        A warning, if a folder has pictures of other formats, or subfolders without any.
    ModuleNotFoundError
        If Pillow is missing, which is needed to read PNG or JPEG and to scale pictures.
    """
    given = [os.fspath(source) for source in ([sources] if isinstance(sources, (str, os.PathLike)) else sources)]
    if not given:
        raise CorpusError("no pictures were given; name a folder, a file, or digits")
    found = _read(given, size, channels)
    if not len(found):
        raise CorpusError(f"{', '.join(given)}: there are no pictures")
    if size is not None and found.pixels.shape[1:3] != tuple(size):
        found = replace(found, pixels=scaled(found.pixels, size))
    return found


def _read(given: list[str], size: tuple[int, int] | None, channels: int | None) -> Pictures:
    [first, *others] = given
    is_alone = not others
    if is_alone and first == DIGITS and not os.path.lexists(first):
        return _read_digits()
    if is_alone and os.path.isdir(first):
        return _read_folder(Path(first), size, channels)
    for name in given:
        if not os.path.lexists(name) and NUMBER not in name:
            raise CorpusError(f"{name}: there is no such file or folder (looked from {os.getcwd()})")
    if all(name.lower().endswith(SUFFIXES) for name in given):
        files = [Path(name) for name in given]
        return Pictures(read_files(files, size, channels), None, given, [os.path.abspath(name) for name in given])
    if is_alone and first.lower().endswith(".npz"):
        return read_npz(first)
    if is_alone and not os.path.lexists(first):
        return _read_one(first, size, channels)
    if any(name.lower().endswith(SUFFIXES) or NUMBER in name and not os.path.lexists(name) for name in given):
        return _joined(given, size, channels)
    return read_idx_files(given)


def _joined(given: list[str], size: tuple[int, int] | None, channels: int | None) -> Pictures:
    """Return the pictures of several sources, named individually."""
    parts = [_read([name], size, channels) for name in given]
    check_one_size(Counter(part.pixels.shape[1:3] for part in parts), [name for part in parts for name in part.names])
    if len({part.pixels.shape[1:] for part in parts}) > 1:
        raise CorpusError(f"{given[0]} and others have different numbers of channels; convert all of them to the same")
    names = [name for part in parts for name in part.names]
    return Pictures(np.concatenate([part.pixels for part in parts]), None, names, [*map(os.path.abspath, given)])


def _read_one(name: str, size: tuple[int, int] | None, channels: int | None) -> Pictures:
    """Return the single picture ``FILE#N``."""
    file, _, number = name.rpartition(NUMBER)
    if not number.isdecimal() or not (file == DIGITS or os.path.lexists(file)):
        raise CorpusError(f"{name}: there is no such file or folder (looked from {os.getcwd()})")
    whole = _read([file], size, channels)
    if int(number) >= len(whole):
        raise CorpusError(f"{name}: {file} has {len(whole):,} pictures, numbered from 0")
    return whole.take(np.array([int(number)]))


def _read_digits() -> Pictures:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pixels = np.rint(loaded.images * (255 / 16)).astype(np.uint8)[..., None]
    return Pictures(pixels, loaded.target.astype(np.int64), Numbered(DIGITS, len(pixels)), [DIGITS])


def _read_folder(folder: Path, size: tuple[int, int] | None, channels: int | None) -> Pictures:
    """Return the pictures in a folder: IDX files, else a class for each subfolder, else pictures without labels."""
    idx = sorted(file for file in folder.iterdir() if any(images in file.name for images, _ in IDX_NAMES))
    train = [file for file in idx if file.name.startswith("train")] or idx
    if train:
        return read_idx_files([str(train[0])])
    classes = {entry.name: picture_names(entry) for entry in sorted(folder.iterdir())
               if entry.is_dir() and not entry.name.startswith(".")}  # fmt: skip
    names = [name for own in classes.values() for name in own]
    labels: NDArray[Any] | None = np.array([label for label, own in classes.items() for _ in own])
    empty = [name for name, own in classes.items() if not own] if names else []
    if not names:
        names, labels = picture_names(folder), None
    warn_of_others(folder, empty)
    if not names:
        raise CorpusError(
            f"{folder} has no pictures: expected a folder of PNG or JPEG files for each class, or IDX files such as "
            "train-images-idx3-ubyte.gz"
        )
    pixels = read_files([Path(name) for name in names], size, channels)
    return Pictures(pixels, labels, names, [os.path.abspath(folder)])
