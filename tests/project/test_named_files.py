"""Files that code, pages and settings name are where they say, so that a moved file leaves no name behind."""

from __future__ import annotations

import re

from tests.helpers import ROOT

TOPS = ("benchmarks", "commands", "corpora", "docs", "encoder", "explorer", "neural", "reports", "tests", "w2v")
NAMED = re.compile(rf"(?<![\w./-])(?:{'|'.join(TOPS)})/[\w./-]*\w\.(?:css|html|js|json|md|py|svg)(?!\w)")


def test_files_named_in_text_exist() -> None:
    files = [ROOT / name for name in ("CONTRIBUTING.md", "Makefile", "README.md", "setup.cfg")]
    files += [file for top in TOPS for kind in ("*.py", "*.md", "*.js") for file in (ROOT / top).rglob(kind)]
    missing = set()
    for file in files:
        text = file.read_text(encoding="utf-8")
        missing |= {f"{file.relative_to(ROOT)}: {name}" for name in NAMED.findall(text) if not (ROOT / name).exists()}
    assert missing - {f"Makefile: {name}" for name in compiled()} == set()


def compiled() -> list[str]:
    """Return what the Makefile tests with index checks, by its names below `tests/`."""
    [listed] = re.findall(r"^COMPILED := \$\(addprefix tests/,(.*?)\)", (ROOT / "Makefile").read_text(), re.M | re.S)
    return str(listed).replace("\\\n", " ").split()


def test_index_checks_name_tests_that_exist() -> None:
    assert len(compiled()) > 5
    assert [name for name in compiled() if not (ROOT / "tests" / name).exists()] == []
