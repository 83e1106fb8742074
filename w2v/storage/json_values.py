"""JSON for NumPy scalars and arrays, paths, non-finite numbers and dataclasses."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import fields
from typing import Any, TypeVar

_T = TypeVar("_T")
_STRAY_BYTES = re.compile("[\udc80-\udcff]")  # the form in which `os.fsdecode` returns them
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "int | None": (int, type(None)),
}  # fmt: skip
"""The JSON types that a dataclass field accepts, by its annotation; other fields check their own values."""


def from_json(kind: type[_T], described: object, **parts: Any) -> _T:
    """Restore a dataclass from the JSON object that `dataclasses.asdict` produced.

    Parameters
    ----------
    kind : type
        The dataclass.
    described : object
        The parsed JSON.
    **parts
        Fields that are dataclasses, already restored.

    Raises
    ------
    TypeError, ValueError
        If it is not a JSON object, a name is unknown or missing, or a value has the wrong type; or if `kind` raises
        one.
    """
    if not isinstance(described, dict):
        raise TypeError(f"expected an object, not {described!r:.80}")
    annotations = {one.name: str(one.type) for one in fields(kind)}  # type: ignore[arg-type]
    for name, value in described.items():
        if name not in annotations:
            raise ValueError(f"the name {name!r:.80} is unknown")
        if name not in parts and type(value) not in _TYPES.get(annotations[name], (type(value),)):
            raise TypeError(f"{name} must be of the type {annotations[name]}, not {value!r:.80}")
    return kind(**described | parts)


def plain_value(value: object) -> Any:
    """Return a NumPy scalar, array or path as a Python value, else raise TypeError; a `default` for `json.dumps`."""
    if _is_of_numpy(value):
        return value.tolist()  # type: ignore[attr-defined]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _is_of_numpy(value: object) -> bool:
    """Return whether a value is a NumPy array or scalar, without importing NumPy."""
    return type(value).__module__ == "numpy" and hasattr(value, "tolist")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as strict JSON; non-finite numbers become null."""
    return encodable(json.dumps(finite(value), ensure_ascii=False, allow_nan=False, indent=indent))


def encodable(text: str) -> str:
    """Return JSON with non-UTF-8 bytes of file names escaped; reading it restores the same names."""
    return text if text.isascii() else _STRAY_BYTES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def finite(value: Any) -> Any:
    """Return a value in JSON types: lists for tuples and arrays, None for non-finite numbers."""
    if _is_of_numpy(value) or isinstance(value, os.PathLike):
        value = plain_value(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    return value
