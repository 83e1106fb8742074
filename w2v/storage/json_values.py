"""What JSON has no form for, as what it has: NumPy's numbers and arrays, paths, non-finite numbers, and dataclasses."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import fields
from typing import Any, TypeVar

_T = TypeVar("_T")
_STRAY_BYTES = re.compile("[\udc80-\udcff]")  # as `os.fsdecode` has them
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "int | None": (int, type(None)),
}  # fmt: skip
"""What a field of a dataclass may be in JSON, by its annotation; other fields check what they are given."""


def from_json(kind: type[_T], described: object, **parts: Any) -> _T:
    """Return the dataclass that `dataclasses.asdict` made a JSON object of.

    Parameters
    ----------
    kind : type
        The dataclass.
    described : object
        What the JSON held.
    **parts
        Fields that are dataclasses themselves, already made.

    Raises
    ------
    TypeError, ValueError
        If it is no JSON object, a name is unknown or missing, or a value has another type; and what `kind` raises.
    """
    if not isinstance(described, dict):
        raise TypeError(f"an object was expected, not {described!r:.80}")
    annotations = {one.name: str(one.type) for one in fields(kind)}  # type: ignore[arg-type]
    for name, value in described.items():
        if name not in annotations:
            raise ValueError(f"the name {name!r:.80} is unknown")
        if name not in parts and type(value) not in _TYPES.get(annotations[name], (type(value),)):
            raise TypeError(f"{name} must be of the type {annotations[name]}, not {value!r:.80}")
    return kind(**described | parts)


def plain_value(value: object) -> Any:
    """Return the Python value of a NumPy scalar, an array or a path, else TypeError; the `default` of `json.dumps`."""
    if _is_of_numpy(value):
        return value.tolist()  # type: ignore[attr-defined]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _is_of_numpy(value: object) -> bool:
    """Tell arrays and numbers of NumPy, which is not imported for that."""
    return type(value).__module__ == "numpy" and hasattr(value, "tolist")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as strict JSON for programs; a number that is not finite becomes null."""
    return encodable(json.dumps(finite(value), ensure_ascii=False, allow_nan=False, indent=indent))


def encodable(text: str) -> str:
    """Return JSON with escapes for the bytes of file names that are not UTF-8; read again, they are the same names."""
    return text if text.isascii() else _STRAY_BYTES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def finite(value: Any) -> Any:
    """Return a value in JSON types: lists for tuples and arrays, None for numbers that are not finite."""
    if _is_of_numpy(value) or isinstance(value, os.PathLike):
        value = plain_value(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    return value
