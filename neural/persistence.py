"""Parameters and optimizer state as named arrays and files; files may be untrusted and are checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.optimizers.adam import Adam, LazyAdam
from w2v.neural.optimizers.muon import Muon
from w2v.neural.parameters import ParameterTable, Tensor
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors

Arrays = Mapping[str, NDArray[Any]]
Optimizer = Adam | LazyAdam | Muon


def read_parameters(file: Path, tensors: Mapping[str, Tensor], *, mmap: bool = True) -> ParameterTable:
    """Read the parameters of a network from a safetensors file.

    Parameters
    ----------
    file : Path
    tensors : mapping of str to Tensor
        The arrays of the network.
    mmap : bool, default True
        Map the file into memory for reading.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or does not contain these arrays, finite and with these shapes.
    """
    found = read_tensors(file, mmap=mmap)
    try:
        return ParameterTable.from_dict(found, {name: tensor.shape for name, tensor in tensors.items()})
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def optimizer_state(optimizers: Mapping[str, Optimizer]) -> dict[str, NDArray[Any]]:
    """Return the running means and the numbers of steps of optimizers, as ``NAME.first`` and so on; not copied."""
    state: dict[str, NDArray[Any]] = {}
    for name, optimizer in optimizers.items():
        state |= {f"{name}.{part}": array for part, array in optimizer.arrays.items()}
        state[f"{name}.steps"] = np.array([optimizer.n_steps], np.int64)
    return state


def restore_arrays(arrays: Arrays, saved: Arrays) -> None:
    """Overwrite arrays with those saved under the same names.

    Raises
    ------
    ValueError
        If one is missing or has another shape or dtype; then nothing is overwritten.
    """
    for name, array in arrays.items():
        found = saved.get(name)
        if found is None or found.shape != array.shape or found.dtype != array.dtype:
            raise ValueError(f"the state of the training has no array {name!r}, {array.dtype} of shape {array.shape}")
    for name, array in arrays.items():
        array[...] = saved[name]


def restore_optimizers(optimizers: Mapping[str, Optimizer], saved: Arrays) -> None:
    """Restore optimizers from the result of `optimizer_state`.

    Raises
    ------
    ValueError
        If an array is missing or has another shape or dtype.
    """
    state = optimizer_state(optimizers)
    restore_arrays(state, saved)
    for name, optimizer in optimizers.items():
        optimizer.n_steps = int(state[f"{name}.steps"][0])
