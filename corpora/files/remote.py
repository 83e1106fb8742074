"""Files in object stores and elsewhere, by addresses for fsspec such as ``s3://bucket/texts/*.zst``.

Errors are exceptions of the store's own package; `w2v.corpora.inputs` turns them into messages.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, cast

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_remote(path: str) -> bool:
    """Return whether a name is an address."""
    return _ADDRESS.match(path) is not None


def expand_remote(path: str) -> list[str]:
    """Return the files for an address or a pattern; empty if there are none, or for a folder."""
    store, name = _store(path)
    if store.isfile(name):
        return [path]
    found = sorted(store.glob(name)) if any(character in name for character in "*?[") else []
    return [store.unstrip_protocol(each) for each in found if store.isfile(each)]


def remote_size(path: str) -> int | None:
    """Return the size of a file in bytes; None if unknown."""
    store, name = _store(path)
    size = store.size(name)
    return None if size is None else int(size)


def open_remote(path: str) -> BinaryIO:
    """Open a file for reading, without decompressing it."""
    store, name = _store(path)
    return cast(BinaryIO, store.open(name, "rb"))


def _store(path: str) -> tuple[Any, str]:
    import fsspec

    store, name = fsspec.core.url_to_fs(path)
    return store, name
