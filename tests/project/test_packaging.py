"""What a wheel holds, and that it works by itself: installed into an environment of its own, far from this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import ROOT

WORDS = ["sun", "moon", "star", "planet", "bread", "butter", "flour", "oven"]

FOLDERS = ["commands", "corpora", "encoder", "explorer", "neural", "reports"]
"""The packages that stand beside `w2v`, and that it holds as links."""

NAMES_OF_USERS = [
    *(f"{name}/__init__.py" for name in FOLDERS),
    *(f"{name}.py" for name in ("cli", "encoding", "formats", "kernels", "settings", "storage", "training", "vectors")),
]
"""Files that a user may well have; none of them may be taken for ours."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository, links as links, since a build leaves files behind that the next one would pick up."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("w2v", *FOLDERS, "tests", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "cli.py", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, folder)
    return folder


def build(source: Path, output: Path, *options: str) -> Path:
    """Build a wheel of a folder and return its path."""
    pytest.importorskip("build")
    command = [sys.executable, "-m", "build", *options, "--outdir", str(output), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = output.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as `pip install .` does."""
    return build(source, tmp_path_factory.mktemp("dist"), "--wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment, with what it requires and nothing else; return its programs' folder."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check"]
    # Python compiles the little that is imported of all that is required
    subprocess.run([*pip, "install", "--quiet", "--no-compile", str(wheel)], check=True, capture_output=True)
    return programs


def run(command: list[str], folder: Path) -> str:
    """Run a command in a folder, without what the environment says to Python or to us; return what it prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "W2V_"))}
    finished = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def contents(wheel: Path) -> list[str]:
    """List the files that a wheel puts into site-packages, but for its metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    return sorted(name for name in names if not name.startswith("w2v_toolkit-") or ".dist-info/" not in name)


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_packages_once_and_nothing_else(wheel: Path) -> None:
    files = [
        (Path(folder) / name).relative_to(ROOT).as_posix()
        for folder, _, names in os.walk(ROOT / "w2v", followlinks=True)
        for name in names
        if "__pycache__" not in Path(folder).parts
    ]
    assert contents(wheel) == sorted(files)
    assert {"w2v/py.typed", "w2v/explorer/page/index.html", "w2v/reports/page.css", "w2v/encoder/__init__.py"} <= set(
        files
    )


@pytest.mark.slow
def test_source_archive_makes_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    """Without an option, `build` makes the archive, and the wheel of what the archive holds."""
    assert contents(build(source, tmp_path)) == contents(wheel)


@pytest.mark.slow
def test_installed_toolkit_has_one_name_and_takes_no_file_of_users_for_its_own(installed: Path, tmp_path: Path) -> None:
    code = "import importlib.metadata as m; print(*{file.parts[0] for file in m.files('w2v-toolkit')}, sep='\\n')"
    version = run([str(installed / "w2v"), "--version"], tmp_path).split()[-1]
    tops = run([str(installed / "python"), "-c", code], tmp_path).split()
    assert sorted(name for name in tops if name != "..") == ["w2v", f"w2v_toolkit-{version}.dist-info"]

    for name in NAMES_OF_USERS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise ImportError(f'{__file__} is imported')", encoding="utf-8")
    code = (
        "import pkgutil, w2v\n"
        "from w2v import Embeddings, SentenceEncoder, SentenceIndex, Word2Vec\n"
        "from w2v.commands.main import main\n"
        "for module in pkgutil.walk_packages(w2v.__path__, 'w2v.'):\n"
        "    try:\n        __import__(module.name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        assert error.name in ('anyio', 'starlette', 'uvicorn'), error\n"
        "main(['--version'])\n"
    )
    assert run([str(installed / "python"), "-c", code], tmp_path).split()[-1] == version


@pytest.mark.slow
def test_wheel_works_in_a_clean_environment(installed: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    """Half of the words occur with each other only, and so do the others: neighbours and sentences show it."""
    halves = [WORDS[:4], WORDS[4:]]
    lines = [" ".join(rng.choice(halves[i % 2], 6)) for i in range(4000)]
    (tmp_path / "text.txt").write_text("\n".join(lines), encoding="utf-8")

    def w2v(*arguments: str) -> str:
        return run([str(installed / "w2v"), *arguments], tmp_path)

    assert "version" in w2v("--version")
    w2v("train", "text.txt", "--output", "my.model", "--vector-size", "16", "--seed", "1", "--sample", "0")
    near = w2v("neighbors", "my.model", "sun", "--top", "3")
    assert all(word in near for word in halves[0][1:])
    (tmp_path / "sentences.txt").write_text("bread butter\nmoon star\n", encoding="utf-8")
    assert "moon star" in w2v("similar", "my.model", "sentences.txt", "sun planet", "--top", "1")
    w2v("export", "my.model", "vectors.txt", "--format", "word2vec-text")
    w2v("import", "vectors.txt", "--output", "again.model")
    assert w2v("neighbors", "again.model", "sun", "--top", "3").split()[0] == "near"
