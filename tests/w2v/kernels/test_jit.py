"""Compiled code that is kept: it follows every change of a kernel or of its helpers, and its folder is looked after."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from w2v.kernels import cbow, hierarchical, jit, pairs, skipgram
from w2v.kernels.objectives import glove, softmax
from w2v.settings import environment

ROOT = Path(jit.__file__).resolve().parents[jit.__name__.count(".")]
PACKAGES = ("w2v", "neural", "encoder", "explorer")

PROBE = """
import json, sys
import numpy as np
from w2v import _caller
value = _caller.twice(np.arange(3.0))
print(json.dumps([value, sum(_caller.twice.stats.cache_hits.values())]))
"""


def copy_package(folder: Path) -> None:
    """Lay out a package `w2v` of the modules that `jit` needs, a helper and its caller in another file."""
    package = folder / "w2v"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for module in (jit.__name__, environment.__name__):
        source = Path(sys.modules[module].__file__ or "")
        target = folder.joinpath(*module.split(".")).with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    location = jit.__name__
    (package / "_helper.py").write_text(
        f"from {location} import compiled\n\n\n@compiled\ndef f(x):\n    return 2 * x\n"
    )
    (package / "_caller.py").write_text(
        f"from {location} import compiled\n\nfrom ._helper import f\n\n\n@compiled\ndef twice(a):\n    return f(a[2])\n"
    )


def probe(folder: Path, cache: Path, **variables: str) -> tuple[float, int]:
    """Call the caller in a process of its own; return its result and how often it came from the cache."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"W2V_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"} | variables
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    value, hits = ast.literal_eval(done.stdout)
    return value, hits


def test_changed_helper_recompiles_its_caller_in_another_file(tmp_path: Path) -> None:
    copy_package(tmp_path)
    cache = tmp_path / "cache"
    assert probe(tmp_path, cache) == (4.0, 0)
    assert probe(tmp_path, cache) == (4.0, 1), "the second process compiles again"
    helper = tmp_path / "w2v" / "_helper.py"
    about = helper.stat()
    helper.write_text(helper.read_text().replace("2 * x", "7 * x"))  # of the same size
    os.utime(helper, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert probe(tmp_path, cache) == (14.0, 0)
    helper.write_text(helper.read_text().replace("7 * x", "2 * x"))
    os.utime(helper)
    assert probe(tmp_path, cache) == (4.0, 1), "the same sources have the same folder, whenever they were written"
    assert len(list((cache / "kernels").iterdir())) == 2


def test_a_process_does_not_end_with_a_search_for_garbage() -> None:
    script = (
        "import atexit, gc\natexit.register(lambda: print(gc.get_freeze_count() > 10_000))\n"
        f"import {jit.__name__}\nprint(gc.isenabled(), gc.get_freeze_count())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0", "True"]


@pytest.mark.slow
def test_loading_what_was_compiled_imports_nothing_that_only_compiling_needs(tmp_path: Path) -> None:
    copy_package(tmp_path)
    script = (
        "import sys\nimport numpy as np\nfrom w2v import _caller\nnames = {'numba.np.linalg', 'scipy.linalg'}\n"
        "loaded = _caller.twice(np.arange(3.0)), sorted(names & set(sys.modules))\n"
        "compiled = _caller.twice(np.arange(3)), sorted(names & set(sys.modules))\n"
        "print([loaded, compiled, sum(_caller.twice.stats.cache_misses.values())])"
    )
    assert probe(tmp_path, tmp_path / "cache") == (4.0, 0)
    environment = os.environ | {"W2V_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    loaded, compiled, n_compiled = ast.literal_eval(done.stdout)
    assert loaded == (4.0, [])
    assert compiled == (4, ["numba.np.linalg", "scipy.linalg"])
    assert n_compiled == 1


@pytest.mark.slow
def test_another_place_of_the_same_sources_shares_the_cache(tmp_path: Path) -> None:
    for name in "ab":
        copy_package(tmp_path / name)
    assert probe(tmp_path / "a", tmp_path / "cache") == (4.0, 0)
    assert probe(tmp_path / "b", tmp_path / "cache") == (4.0, 1)


@pytest.mark.slow
def test_flags_that_change_the_code_have_a_folder_of_their_own(tmp_path: Path) -> None:
    copy_package(tmp_path)
    for flag in "01":
        assert probe(tmp_path, tmp_path / "cache", NUMBA_BOUNDSCHECK=flag) == (4.0, 0)


@pytest.mark.slow
def test_numbas_own_variable_says_where_kernels_go(tmp_path: Path) -> None:
    copy_package(tmp_path)
    assert probe(tmp_path, tmp_path / "cache", NUMBA_CACHE_DIR=str(tmp_path / "numba")) == (4.0, 0)
    assert list((tmp_path / "numba").rglob("*.nbi")) and not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_cache_that_cannot_be_written_gives_way_to_the_package(tmp_path: Path) -> None:
    copy_package(tmp_path)
    (tmp_path / "cache").write_text("a file, not a folder")
    assert probe(tmp_path, tmp_path / "cache") == (4.0, 0)
    assert probe(tmp_path, tmp_path / "cache") == (4.0, 1)
    assert list((tmp_path / "w2v").rglob("__pycache__/*/*.nbi"))


@pytest.mark.slow
def test_kernels_run_where_nothing_can_be_written(tmp_path: Path) -> None:
    copy_package(tmp_path)
    for name in ("cache", "temporary"):
        (tmp_path / name).write_text("a file, not a folder")
    package = Path(sys.modules[jit.__name__].__file__ or "").relative_to(ROOT)
    (tmp_path / package.parent / "__pycache__").write_text("a file, not a folder")
    (tmp_path / "sitecustomize.py").write_text("import tempfile\ntempfile.tempdir = '/nowhere'\n")
    for _ in range(2):
        assert probe(tmp_path, tmp_path / "cache", PYTHONPATH=str(tmp_path)) == (4.0, 0)


def test_old_folders_are_removed_when_a_new_one_is_made(tmp_path: Path) -> None:
    now = time.time()
    for i in range(7):
        folder = tmp_path / f"w2v-{i:016x}"
        folder.mkdir()
        (folder / "code.nbc").touch()
        os.utime(folder, (now - i * 4 * 86_400, now - i * 4 * 86_400))
    (tmp_path / "another").mkdir()
    jit.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", *(f"w2v-{i:016x}" for i in range(4))]


def test_recent_folders_stay_however_many_there_are(tmp_path: Path) -> None:
    for i in range(7):
        (tmp_path / f"w2v-{i:016x}").mkdir()
    jit.prune(tmp_path)
    assert len(list(tmp_path.iterdir())) == 7


def own_imports(tree: ast.Module) -> set[str]:
    """Return the names of modules of ours that a kernel module imports while the program runs."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in PACKAGES):
            module = (node.module or "").rpartition(".")[2]
            found |= {alias.name for alias in node.names} if module in ("", "kernels", "products") else {module}
    return found


def test_kernels_take_nothing_from_files_that_the_version_does_not_know() -> None:
    """What a kernel takes from another file is compiled into it: that file has to count as a kernel as well."""
    sources = {Path(name): ast.parse(source) for name, source in jit.kernel_sources(ROOT)}
    kernels = {path.parent.name if path.stem == "__init__" else path.stem for path in sources}
    assert {"jit", "huffman", "scanner"} <= kernels and len(sources) > 20
    for path, tree in sources.items():
        if path.stem != "jit":
            assert own_imports(tree) <= kernels, path


def test_every_compiled_function_is_made_by_the_one_decorator() -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if path.stem != "jit" and ("njit" in source or "vectorize" in source):
                nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Name, ast.Attribute))]
                names = {node.attr if isinstance(node, ast.Attribute) else node.id for node in nodes}
                assert not names & {"njit", "vectorize", "guvectorize"}, path


@pytest.mark.parametrize(("decorator", "counts"), [(jit.compiled, True), (jit.lean, False), (jit.inlined, False)])
def test_a_lean_function_does_not_count_who_uses_an_array(
    decorator: Callable[..., Any], counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "_folder", lambda: None)  # code from a cache cannot be looked at

    def give_back(array: Any) -> Any:
        return array

    function = decorator(give_back)
    function.compile("float32[::1](float32[::1])")
    (code,) = function.inspect_asm().values()
    assert ("NRT_incref" in code) == counts


def test_training_kernels_are_lean() -> None:
    kernels = [
        cbow.train_cbow, pairs.train_pairs, skipgram.train_skipgram, hierarchical.train_skipgram_hs,
        hierarchical.train_cbow_hs, softmax.train_skipgram_softmax, softmax.train_cbow_softmax, glove.train_glove,
    ]  # fmt: skip
    assert not [kernel.__name__ for kernel in kernels if kernel.targetoptions["_nrt"]]
