"""The table of a network's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.neural.parameters import ParameterTable, Tensor, add, within

TENSORS = {"a.weight": Tensor((3, 5), 0.5), "a.bias": Tensor((5,)), "b.gain": Tensor((7,), mean=1.0)}


def test_arrays_are_views_of_one_buffer_on_cache_lines() -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    assert list(table) == list(TENSORS) and table.n_parameters == 27 and table.flat.size == 48
    table["a.bias"][:] = 2
    assert table.flat[16:21].tolist() == [2] * 5 and np.count_nonzero(table.flat) == 15 + 5 + 7
    table.flat[:] = 0
    assert not any(array.any() for array in table.values())


def test_start_depends_on_seed_and_name_alone() -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    assert not table["a.bias"].any() and np.all(table["b.gain"] == 1)
    more = ParameterTable.initialise({"first": Tensor((4,), 1.0), **TENSORS}, 1)
    assert np.array_equal(more["a.weight"], table["a.weight"])
    assert not np.array_equal(ParameterTable.initialise(TENSORS, 2)["a.weight"], table["a.weight"])
    many = ParameterTable.initialise({"w": Tensor((100, 100), 0.5, 2.0)}, 3)["w"]
    assert abs(many.std() - 0.5) < 0.02 and abs(many.mean() - 2) < 0.03


def test_copies_are_apart_and_keep_the_layout() -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    copy, zeros, double = table.copy(), table.zeros_like(), table.astype(np.float64)
    assert copy.shapes == zeros.shapes == double.shapes == table.shapes and double.dtype == np.float64
    assert np.array_equal(copy.flat, table.flat) and not zeros.flat.any() and np.array_equal(double.flat, table.flat)
    copy["a.weight"][:] = 9
    assert not (table["a.weight"] == 9).any()


def test_scope_and_within_are_inverse() -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    scope = table.scope("a")
    assert set(scope) == {"weight", "bias"} and np.shares_memory(scope["weight"], table.flat)
    assert set(within("a", scope)) == {"a.weight", "a.bias"}


def test_round_trip_through_a_dict_in_another_order() -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    arrays = {name: table[name].copy() for name in reversed(list(table))}
    back = ParameterTable.from_dict(arrays, table.shapes)
    assert list(back) == list(table) and np.array_equal(back.flat, table.flat)
    assert np.array_equal(ParameterTable.from_dict(table).flat, table.flat)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a.bias": None}, "'a.bias' is missing"),
        ({"c": np.zeros(1, np.float32)}, "unexpected array 'c', which the network does not have"),
        ({"a.bias": np.zeros((5, 1), np.float32)}, r"'a.bias' has shape \(5, 1\); the network needs \(5,\)"),
        ({"a.bias": np.zeros(5)}, "all must be float32 or all float64"),
        ({"a.bias": np.array([0, 0, np.nan, 0, 0], np.float32)}, "'a.bias' contains a value that is not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change: dict[str, NDArray[Any] | None], message: str) -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    arrays = {name: array for name, array in (dict(table) | change).items() if array is not None}
    with pytest.raises(ValueError, match=message):
        ParameterTable.from_dict(arrays, table.shapes)


def test_finiteness_looks_at_all_values() -> None:
    table = ParameterTable({"a": (1 << 17,), "b": (3,)})
    table["a"][:] = 2
    table["b"][:] = 1
    assert table.all_finite()
    table["b"][1] = np.inf
    assert not table.all_finite()


def test_add_needs_known_names() -> None:
    table = ParameterTable.initialise(TENSORS, 1)
    add(table, {"a.bias": np.ones(5, np.float32)})
    add(table, {"a.bias": np.ones(5, np.float32)})
    assert table["a.bias"].tolist() == [2] * 5
    with pytest.raises(KeyError):
        add(table, {"c": np.ones(5, np.float32)})
