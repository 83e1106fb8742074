"""What a wheel holds: every module of the packages, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("commands", "corpora", "encoder", "w2v")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel in a copy, since a build leaves files behind that the next one would pick up."""
    pytest.importorskip("build")
    source = tmp_path_factory.mktemp("source")
    for name in (*PACKAGES, "tests"):
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


@pytest.mark.slow
def test_wheel_holds_every_module_and_no_tests(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {file.relative_to(ROOT).as_posix() for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    marks = {f"{package}/py.typed" for package in PACKAGES}
    assert packed - marks == modules | {file.name for file in ROOT.glob("*.py")}


@pytest.mark.slow
def test_wheel_runs_by_itself(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from cli import main; main(['--help'])"]
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    finished = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Train word vectors" in finished.stdout
