"""Memory that is used again: never while an array or a view of it is there."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from w2v.neural import buffers
from w2v.neural.buffers import empty


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("shape", [(300, 128), (70001,), (3, 5), (0, 7)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_empty_is_an_array_like_numpys(shape: tuple[int, ...], dtype: Any) -> None:
    array = empty(shape, dtype)
    assert array.shape == shape and array.dtype == dtype
    assert array.flags.c_contiguous and array.flags.writeable
    array[...] = 7
    assert (array == 7).all()


def test_memory_is_used_again_once_the_last_view_has_gone() -> None:
    array = empty((1000, 77))
    place, view = address(array), array[3:].T
    array[...] = 3
    del array
    others = [empty((1000, 77)) for _ in range(3)]
    for other in others:
        other[...] = 5
    assert (view == 3).all() and place not in map(address, others)
    del view
    for rows in (1000, 999):
        again = address(empty((rows, 77)))
        assert again == place


def test_arrays_begin_on_a_cache_line() -> None:
    arrays = [empty((n, 64)) for n in range(300, 340)]
    assert all(address(array) % 64 == 0 for array in arrays)


def test_what_lies_idle_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "_idle", {})
    monkeypatch.setattr(buffers, "_MOST_IDLE", 3 << 20)
    arrays = [empty((1 << 18,)) for _ in range(10)]
    del arrays
    assert sum(size * len(idle) for size, idle in buffers._idle.items()) == 3 << 20


def test_threads_do_not_share_memory() -> None:
    wrong = []

    def work(n: int) -> None:
        for _ in range(300):
            array = empty((200, 100 + n % 2))
            array[...] = n
            if not (array == n).all():
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
