"""Results as pandas data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from w2v.lazy import load_optional

if TYPE_CHECKING:
    from pandas import DataFrame


def data_frame(columns: Mapping[str, Sequence[Any]]) -> DataFrame:
    """Return a data frame of these columns; raise ImportError without pandas."""
    pandas = load_optional("pandas", "data frames need the package pandas: pip install pandas")
    frame: DataFrame = pandas.DataFrame(columns)
    return frame


def frame_of(rows: Sequence[Any], names: Sequence[str]) -> DataFrame:
    """Return a data frame of rows, each with a value for every name; raise ImportError without pandas."""
    return data_frame({name: [row[place] for row in rows] for place, name in enumerate(names)})


def concatenated(frames: Sequence[DataFrame]) -> DataFrame:
    """Concatenate data frames, and number their rows from 0."""
    pandas = load_optional("pandas", "data frames need the package pandas: pip install pandas")
    frame: DataFrame = pandas.concat(frames, ignore_index=True)
    return frame
