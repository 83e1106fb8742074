"""The README and the pages of docs/: their snippets run, their links lead somewhere, and nothing public is left out.

`snippets` says how a block is run by its language, `stand_ins` which small files take the place of large ones. A page
is a session: its blocks run one after another, in a folder of their own. What is printed is compared closely where the
page trains on the corpus of the quick start, as anybody can; elsewhere its form is: the heads of tables, the words of
messages.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import importlib.metadata
import importlib.util
import io
import itertools
import json
import os
import pydoc
import re
import signal
import subprocess
import sys
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.helpers import ROOT
from tests.helpers.snippets import LANGUAGES, Command, Snippet, commands, headings, links, pages, read_snippets
from tests.helpers.stand_ins import StandIns
from w2v.commands.main import main
from w2v.encoder.training import fit_options
from w2v.settings.environment import cache_folder

CLOSE = {"docs/tutorial.md"}
"""Pages whose every file the reader can make, so that what is printed can be compared, as far as machines agree."""

NOT_RUN = (".", "cd", "eval", "git", "jupyter", "make", "opencc", "pip", "python", "python3", "source")
"""Programs that are not run; what is installed and made by them is checked to be there."""

STEPS = 5
"""How many steps encoders are trained for, where pages leave it to the default."""

IS_INSTALLED = any(importlib.metadata.distributions(name="w2v-toolkit"))
"""Whether there is a version to show."""

HEAVY = {
    "dask",
    "fasttext",
    "model2vec",
    "onnxruntime",
    "sentence_transformers",
    "tensorboard",
    "torch",
    "transformers",
}
"""What pages import that only the tests marked `interop` have."""


# --- what pages say, checked without running them ---------------------------------------------------------------------


@pytest.mark.parametrize("page", pages())
def test_blocks_say_what_they_are(page: str) -> None:
    assert [str(snippet) for snippet in read_snippets(page) if snippet.language not in LANGUAGES] == []


@pytest.mark.parametrize("page", pages())
def test_code_is_fenced(page: str) -> None:
    text = re.sub(r"^( *`{3,})[^\n]*\n.*?^\1\s*$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.M | re.S)
    assert re.findall(r"^    (?:\$ |w2v |import |from \w+ import |>>> ).*$", text, flags=re.M) == []


def _toolkit_commands(page: str) -> list[tuple[Snippet, list[str]]]:
    """Give the arguments of every `w2v` that a page runs, pipes taken apart."""
    found = []
    for snippet in read_snippets(page):
        if snippet.language in ("bash", "console"):
            for command in commands(snippet):
                parts = re.split(r"\s(?:\||\|\||&&|;)\s", command.line) if command.needs_shell else [command.line]
                words = [Command(part, ()).words for part in parts]
                found += [(snippet, part[1:]) for part in words if part[:1] == ["w2v"]]
    return found


@pytest.mark.parametrize("page", pages())
def test_commands_and_options_exist(page: str) -> None:
    mistakes = []
    for snippet, arguments in _toolkit_commands(page):
        known = {option for parameter in main.params for option in (*parameter.opts, "--help", "-h")}
        group: Any = main
        for argument in arguments:
            if argument in getattr(group, "commands", {}):
                group = group.commands[argument]
                known |= {
                    option for parameter in group.params for option in (*parameter.opts, *parameter.secondary_opts)
                }
            elif re.match(r"--?[a-z]", argument) and argument.partition("=")[0] not in known:
                mistakes.append(f"{snippet}: w2v {' '.join(arguments)}: {argument}")
        if group is main and not known.intersection(arguments):
            mistakes.append(f"{snippet}: w2v {' '.join(arguments)}")
    assert mistakes == []


@pytest.mark.parametrize("page", [*pages(), "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for number, target in links(page):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists():
            broken.append(f"{page}:{number}: {target}")
        elif anchor and file.suffix == ".md":
            name = file.resolve().relative_to(ROOT).as_posix()
            if anchor not in headings(name) and not (path == "" and anchor.startswith("w2v")):
                broken.append(f"{page}:{number}: {target}: no such heading")
    assert broken == []


def test_extras_and_targets_exist() -> None:
    import configparser

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = set(setup["options.extras_require"])
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    missing = []
    for page in [*pages(), "CONTRIBUTING.md"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        named = {extra for group in re.findall(r"(?:w2v-toolkit|'\.)\[([\w,-]+)\]", text) for extra in group.split(",")}
        missing += [f"{page}: extra {extra}" for extra in sorted(named - extras)]
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, flags=re.M))
        missing += [f"{page}: make {target}" for target in sorted(named - targets)]
    assert missing == []


def test_pages_are_all_in_the_contents() -> None:
    def entries(page: Path) -> set[Path]:
        text = page.read_text(encoding="utf-8") if page.suffix == ".md" else ""
        found: set[Path] = set()
        for body in re.findall(r"^```\{toctree\}\n(.*?)^```", text, flags=re.M | re.S):
            for line in body.splitlines():
                name = re.sub(r".*<(.+)>", r"\1", line.strip())
                if name and not name.startswith(":"):
                    places = [(page.parent / f"{name}{suffix}").resolve() for suffix in (".md", ".py")]
                    found |= {place for place in places if place.exists()}
        return found

    listed, new = set(), {ROOT / "docs" / "index.md"}
    while new:
        listed |= new
        new = {entry for page in new for entry in entries(page)} - listed
    assert {path for path in (ROOT / "docs").rglob("*.md")} - listed == set()


@pytest.mark.parametrize("package", ["w2v", "w2v.encoder", "w2v.corpora"])
def test_reference_describes_every_public_name(package: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md"))
    described = [pydoc.locate(name) for name in re.findall(r"^\.\. auto\w+:: ([\w.]+)$", text, flags=re.M)]
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not any(getattr(module, name) is each for each in described)] == []


# --- what pages say, run ----------------------------------------------------------------------------------------------


def _marked(page: str) -> Any:
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", _code(page), flags=re.M))
    return pytest.param(page, marks=[pytest.mark.slow, *([pytest.mark.interop] if imported & HEAVY else [])])


def _code(page: str) -> str:
    """Give all that is run of a page; what is refused is left out, since stand-ins would make it valid."""
    lines = []
    for snippet in read_snippets(page):
        if not snippet.is_run:
            continue
        if snippet.language in ("python", "toml"):
            lines.append(snippet.code)
        elif snippet.language in ("bash", "console"):
            run = (command for command in commands(snippet) if command.words[0] not in NOT_RUN)
            lines += [command.line for command in run if not _is_refused(command)]
    return "\n".join(lines)


def _is_refused(command: Command) -> bool:
    return bool(command.expected) and command.expected[0].startswith(("Error: ", "Usage: "))


RUNNABLE = [page for page in pages() if any(s.language in ("bash", "console", "python") for s in read_snippets(page))]


@pytest.mark.parametrize("page", [_marked(page) for page in RUNNABLE])
def test_snippets_do_what_the_page_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("NUMBA_CACHE_DIR", os.environ.get("NUMBA_CACHE_DIR", str(cache_folder() / "kernels")))
    monkeypatch.setenv("HOME", str(tmp_path))  # where kernels would be compiled anew
    for defaults in fit_options.DEFAULTS.values():
        monkeypatch.setitem(defaults, "steps", STEPS)
    session = Session(page, StandIns(_code(page)))
    session.stand_ins.make()
    for snippet in read_snippets(page):
        session.run(snippet)
    if session.missing and not session.has_run:
        pytest.skip(f"needs {', '.join(sorted(session.missing))}")


class Session:
    """Run the snippets of one page in the working directory.

    Parameters
    ----------
    page : str
        Its path from the root.
    stand_ins : StandIns
        The files that were put there.
    """

    def __init__(self, page: str, stand_ins: StandIns) -> None:
        self.page = page
        self.stand_ins = stand_ins
        self.namespace: dict[str, Any] = {"__name__": "__page__"}
        self.missing: set[str] = set()
        self.has_run = False
        self.n_replaced = 0

    def run(self, snippet: Snippet) -> None:
        """Run one snippet, or read it where it is a file."""
        if not snippet.is_run:
            return
        if snippet.language == "python":
            self._run_python(snippet)
        elif snippet.language in ("bash", "console"):
            for command in commands(snippet):
                self._run_command(snippet, command)
        elif snippet.language == "json":
            json.loads(snippet.code)
        elif snippet.language == "toml":
            name = re.match(r"# ([\w-]+\.toml)\n", snippet.code)
            assert name is not None, f"{snippet}: the first line of a file is to name it in a comment"
            Path(name[1]).write_text(snippet.code, encoding="utf-8")

    def _run_python(self, snippet: Snippet) -> None:
        if self._is_missing(snippet.code):
            return
        self.has_run = True
        if snippet.code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(
                snippet.code + "\n", self.namespace, str(snippet), str(snippet), 0
            )
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            runner = doctest.DebugRunner(optionflags=flags)
            runner.run(test, clear_globs=False)
            self.namespace.update(test.globs)
            return
        for name in re.findall(r'\bsave\("([^"]+)"\)', snippet.code):
            self._make_room(name)
        # line numbers of the page, so that a traceback points into it
        code = compile("\n" * snippet.line + snippet.code, str(ROOT / snippet.page), "exec")
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other libraries: what the page says is not tested by them
            exec(code, self.namespace)

    def _is_missing(self, code: str) -> bool:
        tree = ast.parse("" if code.startswith(">>>") else code)  # sessions import what the page has, or ours
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names |= set(re.findall(r'find_spec\("(\w+)"\)', code))
        missing = {top for name in names if importlib.util.find_spec(top := name.partition(".")[0]) is None}
        self.missing |= missing
        return bool(missing)

    def _run_command(self, snippet: Snippet, command: Command) -> None:
        if command.words[0] in NOT_RUN or ("--version" in command.words and not IS_INSTALLED):
            return
        self.has_run = True
        if command.words[:2] == ["w2v", "explore"]:
            explore(command.words[2])
            return
        self._prepare(command.words)
        where = f"{snippet}: {command.line}"
        is_ours = command.words[0] == "w2v" and not command.needs_shell
        code, output = self._in_process(command) if is_ours else self._in_shell(command)
        lacking = re.search(r"pip install 'w2v-toolkit\[(\w+)\]'", output)
        if code == 1 and lacking is not None and not _is_refused(command):
            self.missing.add(lacking[1])
            return
        assert (code != 0) == _is_refused(command), f"{where}\nexit code {code}\n{output}"
        if self.page in CLOSE:
            assert_close(list(command.expected), output.splitlines(), where)
        assert_form(list(command.expected), output.splitlines(), where)

    def _prepare(self, words: list[str]) -> None:
        for option, name in itertools.pairwise(words):
            if option in ("--output", "-o") and not {"--overwrite", "--append"} & set(words):
                self._make_room(name)
            elif option == "--resume":
                self.stand_ins.interrupt_training(Path(name))

    def _make_room(self, name: str) -> None:
        """Take away what a page makes anew: it may show several ways to the same result."""
        if Path(name).exists():
            self.n_replaced += 1
            Path(name).rename(f"{name}.replaced-{self.n_replaced}")

    def _in_process(self, command: Command) -> tuple[int, str]:
        result = CliRunner().invoke(main, command.words[1:])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def _in_shell(self, command: Command) -> tuple[int, str]:
        tools = Path("tools")
        tools.mkdir(exist_ok=True)
        script = tools / "w2v"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        environment = os.environ | {"PATH": f"{tools.resolve()}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        finished = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.line], env=environment, capture_output=True, text=True, timeout=120
        )
        return finished.returncode, finished.stdout + finished.stderr


def explore(model: str) -> None:
    """Serve the explorer's page, fetch it, and end it by Ctrl-C."""
    if importlib.util.find_spec("uvicorn") is None or importlib.util.find_spec("starlette") is None:
        return
    fewer = ["--points", "500"] if model.endswith((".model", ".encoder")) else []
    serving = subprocess.Popen(
        [sys.executable, "-m", "cli", "explore", model, "--port", "0", "--no-browser", *fewer],
        env=os.environ | {"PYTHONPATH": str(ROOT), "W2V_CACHE_DIR": "cache"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    with serving:
        said = serving.stdout.readline()
        address = re.search(r"http://\S+", said)
        assert address is not None, said
        with urllib.request.urlopen(address[0], timeout=20) as response:
            assert b"<html" in response.read()
        serving.send_signal(signal.SIGINT)
        assert serving.wait(20) == 0


# --- how output is compared -------------------------------------------------------------------------------------------


def assert_form(expected: list[str], output: list[str], where: str) -> None:
    """Hold the form of what a page shows against what was printed.

    The head of every table that is shown must be printed (its first cell, if the head tells a number), and so must the
    words of every other line, but for numbers and names between quotes. Rows of tables are results: they differ.
    """
    printed = {part for line in _formal(output) for part in (line, line.partition("   ")[0])}
    missing = [line for line in _formal(expected) if line not in printed]
    assert missing == [], "\n".join([where, "was to print:", *missing, "but printed:", *output])


def _formal(lines: list[str]) -> list[str]:
    formal, in_rows = [], False
    for line, following in itertools.pairwise([*lines, ""]):
        if _is_rule(following):
            head = re.split(r"\s{2,}", line.strip())
            formal.append(head[0] if re.search(r"\d", line) else "   ".join(head))
            in_rows = True
        elif not line.strip():
            in_rows = False
        elif line.startswith("{"):
            formal.append(" ".join(sorted(json.loads(line))))  # a result for programs: its names, not its values
        elif "\t" in line:
            formal.append(f"{line.count(chr(9))} tabs")
        elif not in_rows and not _is_rule(line):
            formal.append(_message(line))
    return [line for line in formal if line and "…" not in line]


def _is_rule(line: str) -> bool:
    return bool(line.strip()) and set(line.strip()) <= set("─ ")


def _message(line: str) -> str:
    line = re.sub(r"'[^']*'(?:, '[^']*')*(?: or '[^']*')?", "'…'", line)
    line = re.sub(r"-?\d[\d.,]*(?:e-?\d+)?", "0", line)
    return " ".join(line.replace("'…'", "Q").split())


def assert_close(expected: list[str], output: list[str], where: str) -> None:
    """Demand most of the words, as many lines, and near numbers: a seed gives near results on any machine.

    A number is compared if it is all of its line; in tables numbers stand beside results, whose order may differ.
    """
    words = re.findall(r"[^\W\d_]{3,}", " ".join(expected))
    printed = set(re.findall(r"[^\W\d_]{3,}", " ".join(output)))
    found = sum(word in printed for word in words)
    assert found >= 0.7 * len(words), "\n".join([where, "printed other words:", *output])
    if "…" not in "".join(expected) and expected:
        assert len(output) == len(expected), "\n".join([where, "printed more or fewer lines:", *output])
        for shown, printed_line in zip(expected, output, strict=True):
            if re.fullmatch(r"-?\d+\.\d+", shown):
                assert float(printed_line) == pytest.approx(float(shown), abs=0.05), where


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        (["word   nearest words", "──", "bread  meat"], ["word  near", "──", "bread  meat"]),
        (["Error: the word 'a' is unknown"], ["Error: the file 'a' is unknown"]),
        (["0.52"], ["none"]),
    ],
)
def test_assert_form_notices_what_differs(expected: list[str], output: list[str]) -> None:
    with pytest.raises(AssertionError, match="was to print"):
        assert_form(expected, output, "page")


def test_assert_form_leaves_numbers_names_and_results_alone() -> None:
    expected = [
        "word   nearest words",
        "─────",
        "bread  meat, ate",
        "",
        "0.52",
        "Error: no 'a'; did you mean 'b' or 'c'?",
    ]
    output = ["word      nearest words", "────", "bread     gold", "", "0.4", "Error: no 'x'; did you mean 'y'?"]
    assert_form(expected, output, "page")


def test_assert_close_notices_other_words_and_missing_lines() -> None:
    assert_close(["bread, meat, morsel, loaf"], ["bread, meat, morsel, cake"], "page")
    with pytest.raises(AssertionError, match="other words"):
        assert_close(["bread, meat, morsel, loaf"], ["gold, silver, brass, iron"], "page")
    with pytest.raises(AssertionError, match="fewer lines"):
        assert_close(["bread", "meat"], ["bread, meat"], "page")
    assert_close(["0.7867"], ["0.7712"], "page")
    with pytest.raises(AssertionError, match="page"):
        assert_close(["0.7867"], ["0.5204"], "page")


def test_figures_are_what_the_script_draws() -> None:
    folder = ROOT / "docs" / "figures"
    specification = importlib.util.spec_from_file_location("draw", folder / "draw.py")
    assert specification is not None and specification.loader is not None
    draw = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(draw)
    assert {path.stem for path in folder.glob("*.svg")} == set(draw.FIGURES)
    for name, figure in draw.FIGURES.items():
        assert figure().svg() == (folder / f"{name}.svg").read_text(encoding="utf-8"), f"run {folder / 'draw.py'}"


EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for package in ("corpora", "encoder", "explorer", "neural", "reports", "w2v")
    for path in (ROOT / package).rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


TRAINED = ("neural.tasks.images.classifier", "neural.tasks.text.translation")
"""Modules whose examples train a network for seconds, as other tests do."""


@pytest.mark.parametrize(
    "module", [pytest.param(name, marks=pytest.mark.slow) if name in TRAINED else name for name in EXAMPLES]
)
def test_examples_of_docstrings_do_what_they_say(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testmod(importlib.import_module(module), optionflags=flags)
    assert failed == 0
