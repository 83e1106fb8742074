"""What JSON has no form for, as what it has: NumPy's numbers and arrays, paths, and numbers that are not finite."""

from __future__ import annotations

import json
import math
import os
from typing import Any


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
    return json.dumps(json_value(value), ensure_ascii=False, allow_nan=False, indent=indent)


def json_value(value: Any) -> Any:
    """Return what JSON can hold of a value: plain numbers, lists for tuples and arrays, None for what is not finite."""
    if _is_of_numpy(value) or isinstance(value, os.PathLike):
        value = plain_value(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: json_value(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(entry) for entry in value]
    return value
