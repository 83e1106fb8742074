"""What a wheel holds, and that it works by itself: installed into an environment of its own, far from this folder."""

from __future__ import annotations

import configparser
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


def packages() -> list[str]:
    """Return the top-level packages that setup.cfg names."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return sorted({name.partition(".")[0] for name in setup["options"]["packages"].split()})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel in a copy, since a build leaves files behind that the next one would pick up."""
    pytest.importorskip("build")
    source = tmp_path_factory.mktemp("source")
    for name in (*packages(), "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (
        *ROOT.glob("*.py"),
        *(ROOT / name for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg")),
    ):
        shutil.copy(file, source)
    output = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(output), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = output.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment, with what it requires and nothing else; return its programs' folder."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", str(wheel)], check=True, capture_output=True)
    return programs


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_packages_and_no_tests(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = {
        file.relative_to(ROOT).as_posix()
        for package in packages()
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert packed == files | {file.name for file in ROOT.glob("*.py")}


@pytest.mark.slow
def test_wheel_works_in_a_clean_environment(installed: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    """Half of the words occur with each other only, and so do the others: neighbours and sentences show it."""
    halves = [WORDS[:4], WORDS[4:]]
    lines = [" ".join(rng.choice(halves[i % 2], 6)) for i in range(4000)]
    (tmp_path / "text.txt").write_text("\n".join(lines), encoding="utf-8")

    def w2v(*arguments: str) -> str:
        command = [str(installed / "w2v"), *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "W2V_"))}
        finished = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    assert "version" in w2v("--version")
    w2v("train", "text.txt", "--output", "my.model", "--vector-size", "16", "--seed", "1", "--sample", "0")
    near = w2v("neighbors", "my.model", "sun", "--top", "3")
    assert all(word in near for word in halves[0][1:])
    (tmp_path / "sentences.txt").write_text("bread butter\nmoon star\n", encoding="utf-8")
    assert "moon star" in w2v("similar", "my.model", "sun planet", "sentences.txt", "--top", "1")
    w2v("export", "my.model", "vectors.txt", "--format", "word2vec-text")
    w2v("import", "vectors.txt", "--output", "again.model")
    assert w2v("neighbors", "again.model", "sun", "--top", "3").split()[0] == "near"
