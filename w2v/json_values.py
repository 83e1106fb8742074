"""What JSON has no form for, as what it has: NumPy's numbers and arrays, paths, and numbers that are not finite."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import numpy as np


def plain_value(value: object) -> Any:
    """Return the Python value of a NumPy scalar, an array or a path; the `default` of `json.dumps`.

    Raises
    ------
    TypeError
        If the value has no JSON form.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as strict JSON for programs; a number that is not finite becomes null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray, os.PathLike)):
        value = plain_value(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return value
