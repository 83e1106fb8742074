"""Teachers' vectors of the sentences of a text: computed, read from a file, or taken from a cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.opening import located, open_encoder
from w2v.encoder.training.teacher_cache import KeptVectors, TeacherCache
from w2v.neural.progress import FitProgress

Teacher = Callable[[list[str]], NDArray[Any]] | NDArray[Any] | str | os.PathLike[str]
"""Maps a list of n texts to n rows; or the rows, or a .npy file of them, in the order of the sentences; or the folder
of an encoder, or another name that `located` accepts."""
Teachers = Teacher | Sequence[Teacher]
Vectors = NDArray[Any] | KeptVectors
Floats = NDArray[np.floating[Any]]

_TEACHER_BATCH = 256
_GROUP = 100  # mean size of a group of `near_groups`
_MOST_GROUPS = 4096
_MULTIPLIED = 1 << 12
_ROWS_AT_ONCE = 1 << 16


def listed_teachers(teacher: Teachers | None) -> list[Teacher]:
    """Return one teacher, or several, as a list."""
    if teacher is None:
        return []
    return list(teacher) if isinstance(teacher, (list, tuple)) else [teacher]  # type: ignore[list-item]


def teacher_vectors(
    teachers: Teachers,
    sentences: list[str],
    report: Callable[[FitProgress], None],
    cache: str | os.PathLike[str] | None = None,
) -> Vectors:
    """Return the vectors of sentences, one row each.

    For several teachers, the unit vectors are concatenated: the cosine of two sentences is then the mean of the
    teachers' cosines.

    Parameters
    ----------
    teachers : Teacher, or sequence of Teacher
    sentences : list of str
    report : callable
    cache : path-like, optional
        Folder for the cached vectors of teachers that are folders; see `TeacherCache`.

    Raises
    ------
    ValueError
        If vectors cannot be read, are not finite, or their number is not that of the sentences.
    ModelError
        If a folder is not an encoder, or the cache cannot be used.
    """
    listed = listed_teachers(teachers)
    parts = [_vectors_of(teacher, sentences, report, cache) for teacher in listed]
    if len(parts) == 1:
        return parts[0]
    joined = np.empty((len(sentences), sum(part.shape[1] for part in parts)), np.float16)
    for rows in _slices(len(sentences)):
        joined[rows] = np.hstack([scaled_to_unit(np.asarray(part[rows], np.float32)) for part in parts])
    return joined


def _vectors_of(
    teacher: Teacher,
    sentences: list[str],
    report: Callable[[FitProgress], None],
    cache: str | os.PathLike[str] | None,
) -> Vectors:
    name = "the teacher"
    vectors: Vectors
    if isinstance(teacher, (str, os.PathLike)) and not os.fspath(teacher).endswith(".npy"):
        teacher = located(teacher)
    if isinstance(teacher, (str, os.PathLike)) and os.path.isdir(teacher):
        encoder = Inference(open_encoder(teacher))
        encode = partial(encoder.encode, output=Output())
        if cache is None:
            vectors = _ask(encode, sentences, report)
        else:
            kept = TeacherCache(cache, teacher, encoder.state.dimension)
            name = str(kept.folder)
            vectors = kept.vectors(sentences, encode, lambda done: report(FitProgress("teaching", done)))
    elif isinstance(teacher, (str, os.PathLike)):
        name = os.fspath(teacher)
        vectors = read_vectors(name)
    elif isinstance(teacher, np.ndarray):
        vectors = teacher
    else:
        vectors = _ask(teacher, sentences, report)
    _check(vectors, len(sentences), name)
    return vectors


def _check(vectors: Vectors, n_sentences: int, name: str) -> None:
    """Raise ValueError unless there is a vector of finite numbers for each sentence."""
    if len(vectors.shape) != 2 or len(vectors) != n_sentences or not vectors.shape[1]:
        raise ValueError(
            f"{name} has vectors of shape {vectors.shape}, but there are {n_sentences} sentences: give one row "
            "for each line of the corpus"
        )
    if not np.issubdtype(vectors.dtype, np.floating):
        raise ValueError(f"{name} has vectors of type {vectors.dtype}; they must be floating-point numbers")
    for rows in _slices(n_sentences):
        wrong = np.flatnonzero(~np.isfinite(vectors[rows]).all(axis=1))
        if wrong.size:
            hint = "; delete this folder to compute them again" if isinstance(vectors, KeptVectors) else ""
            raise ValueError(f"{name}: the vector of sentence {rows.start + int(wrong[0]) + 1} is not finite{hint}")


def read_vectors(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Map the array of a .npy file into memory.

    Raises
    ------
    ValueError
        If the file cannot be read, is not an .npy file or contains Python objects.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise ValueError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise ValueError(f"{os.fspath(path)} is not a .npy file of numbers") from error
    return array


def _ask(
    teacher: Callable[[list[str]], Any], sentences: list[str], report: Callable[[FitProgress], None]
) -> NDArray[Any]:
    """Encode the sentences with the teacher in batches."""
    parts = []
    for start in range(0, len(sentences), _TEACHER_BATCH):
        report(FitProgress("teaching", start / len(sentences)))
        some = sentences[start : start + _TEACHER_BATCH]
        rows = np.asarray(teacher(some))
        if rows.ndim != 2 or len(rows) != len(some):
            raise ValueError(f"the teacher returned an array of shape {rows.shape} for {len(some)} sentences")
        parts.append(rows)
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _slices(n: int) -> list[slice]:
    return [slice(start, min(start + _ROWS_AT_ONCE, n)) for start in range(0, n, _ROWS_AT_ONCE)]


def scaled_to_unit(rows: Floats) -> Floats:
    """Return rows scaled to unit length; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Floats = rows / np.where(lengths > 0, lengths, np.float32(1))
    return units


def near_groups(vectors: Vectors, seed: int) -> NDArray[np.int64]:
    """Return the group of each vector, shape (n,): that of the nearest, by cosine, of some vectors drawn at random.

    One of 100 vectors is drawn, at most 4,096.
    """
    n_groups = min(max(len(vectors) // _GROUP, 1), _MOST_GROUPS)
    drawn = np.sort(np.random.default_rng([seed, 3]).choice(len(vectors), n_groups, replace=False))
    leaders = scaled_to_unit(np.asarray(vectors[drawn], np.float32)).T
    groups = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _MULTIPLIED):
        rows = slice(start, start + _MULTIPLIED)
        groups[rows] = (np.asarray(vectors[rows], np.float32) @ leaders).argmax(axis=1)
    return groups
