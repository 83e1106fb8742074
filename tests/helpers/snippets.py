"""Extracts the code blocks of the documentation so that tests can run them.

A page is Markdown. The language of a fenced block decides how it is tested:

| language | how it is tested |
|---|---|
| `console` | each line that begins with `$ ` is run, and its output is compared with the lines below |
| `bash` | the commands are run and must succeed |
| `python` | run in one namespace per page; if it begins with `>>>`, results are compared |
| `toml`, `json`, `yaml`, `html` | content of a file, parsed if there is a parser |
| `text` | not tested: an output alone, a formula, a tree of files |

The README's blocks have no language: they are sessions if a line begins with `$ `, and commands if every line begins
with a program. `<!-- not run: REASON -->` on the line before a block skips it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.helpers import ROOT

LANGUAGES = ("bash", "console", "html", "json", "python", "text", "toml", "yaml")
NOT_RUN = re.compile(r"<!-- not run: .+ -->")
_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|:{3,})(?P<info>.*)$")


@dataclass(frozen=True)
class Snippet:
    """One fenced block: its page, first line and language, and whether it is to be run."""

    page: str
    line: int
    language: str
    code: str
    is_run: bool = True

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A shell command line, and the lines shown below it."""

    line: str
    expected: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The words into which the shell splits the line, without its comment."""
        return shlex.split(self.line, comments=True)

    @property
    def needs_shell(self) -> bool:
        """Whether the line is more than one program with its arguments."""
        lexer = shlex.shlex(self.line, posix=True, punctuation_chars=True)
        return any(set(token) <= set("|<>&;()") for token in lexer) or "$(" in self.line


def pages() -> list[str]:
    """List the pages whose snippets are run, as paths from the root of the repository."""
    documents = sorted((ROOT / "docs").rglob("*.md"))
    return ["README.md", *(path.relative_to(ROOT).as_posix() for path in documents)]


def read_snippets(page: str) -> list[Snippet]:
    """Return the fenced blocks of a page, without directives of the documentation builder."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    return list(_blocks(page, lines))


def _blocks(page: str, lines: list[str]) -> Iterator[Snippet]:
    number = 0
    while number < len(lines):
        match = _FENCE.match(lines[number])
        number += 1
        if match is None or match["marks"].startswith(":"):
            continue
        start = number
        end = re.compile(rf"^ *{match['marks'][0]}{{{len(match['marks'])},}}\s*$")
        while number < len(lines) and not end.match(lines[number]):
            number += 1
        code = "\n".join(line.removeprefix(match["indent"]) for line in lines[start:number])
        number += 1
        language = match["info"].strip()
        if language.startswith("{"):
            continue
        before = next((line for line in reversed(lines[: start - 1]) if line.strip()), "")
        yield Snippet(page, start, language or _guess(code), code, not NOT_RUN.fullmatch(before.strip()))


def _guess(code: str) -> str:
    lines = code.splitlines()
    if any(line.startswith("$ ") for line in lines):
        return "console"
    return "bash" if all(re.match(r"(w2v |make |git |zcat |$)", line) for line in lines) else "text"


def commands(snippet: Snippet) -> list[Command]:
    r"""Return the commands of a session or script, with lines that end in `\` joined."""
    found: list[tuple[str, list[str]]] = []
    lines = iter(snippet.code.splitlines())
    for line in lines:
        if snippet.language == "console" and not line.startswith("$ "):
            if found:
                found[-1][1].append(line)
            continue
        command = line.removeprefix("$ ")
        while command.endswith("\\"):
            command = command[:-1] + next(lines).lstrip("> ").strip()
        if command.strip() and not command.lstrip().startswith("#"):
            found.append((command, []))
    return [Command(line, tuple(_stripped(expected))) for line, expected in found]


def _stripped(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return [line.rstrip() for line in lines]


def headings(page: str) -> set[str]:
    """Return the anchors of a page's headings, as both GitHub and the documentation builder make them."""
    text = re.sub(r"^(`{3,})[^\n]*\n.*?^\1\s*$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#{1,6} +(.+?) *$", text, flags=re.M)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "") for title in titles)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def links(page: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and target of every link and picture on a page, except in code."""
    is_code = False
    for number, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
        if not is_code:
            without_code = re.sub(r"(`+)[^`]+\1", "", line)
            yield from ((number, target) for target in re.findall(r"\]\(<?([^)\s>]+)>?\)", without_code))
