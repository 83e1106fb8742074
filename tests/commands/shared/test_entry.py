"""The command as a process: how it ends on Ctrl-C at any moment, and when nobody reads its output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from w2v.vectors.embeddings import Embeddings

# "started" is said as soon as the handler is in place, which has to be before any command is imported; until then
# Python itself would hear the interrupt
_START = """
import signal, sys
from w2v.commands.entry import main
def say(): print("started", file=sys.stderr, flush=True)
def install(*arguments, own=signal.signal):
    signal.signal = own
    own(*arguments)
    if "w2v.commands.main" not in sys.modules: say()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN: say()
else: signal.signal = install
main()
"""
_IGNORE = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
_ENDINGS = (
    "",  # it had ended before
    "Interrupted.\n",
    "Interrupted; nothing was saved.\n",
    "Interrupted. Progress is saved; resume with: w2v train --resume e.model\n",
)
_WHILE_STARTING = tuple(np.arange(0, 1.05, 0.2).round(1).tolist())
_WHILE_TRAINING = (1.1, 1.5, 2.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model and a text that takes some seconds to train on."""
    path = tmp_path_factory.mktemp("entry")
    rng = np.random.default_rng(1)
    words = [f"word{number}" for number in range(300)]
    Embeddings(words, rng.normal(size=(300, 20)).astype(np.float32)).save(path / "my.model")
    lines = [" ".join(words[i] for i in rng.integers(0, 300, 20)) for _ in range(20_000)]
    (path / "text.txt").write_text("\n".join(lines) + "\n")
    (path / "few.txt").write_text("\n".join(lines[:200]) + "\n")
    return path


def _interrupted_after(
    seconds: float, folder: Path, arguments: list[str], *, ignored: bool = False
) -> tuple[int, str, str]:
    """Start the command, send it SIGINT so long after its first line of code, and return how it ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", _IGNORE * ignored + _START, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    time.sleep(seconds + 0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def _check_ends_in_one_line(seconds: float, folder: Path, arguments: list[str]) -> None:
    code, _, err = _interrupted_after(seconds, folder, arguments)
    assert err in _ENDINGS
    assert code == (130 if err else code)
    assert code in (0, 130, -signal.SIGINT)  # the last in the moment in which Python shuts down


_NEIGHBORS = ["neighbors", "my.model", "word1"]
_TRAIN = ["train", "text.txt", "--output", "e.model", "--overwrite", "--epochs", "50", "--workers", "1"]


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [(["--help"], 0.06), (_NEIGHBORS, 0.02), (_TRAIN, 0.35)],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_an_early_interrupt_ends_in_one_line(arguments: list[str], seconds: float, folder: Path) -> None:
    _check_ends_in_one_line(seconds, folder, arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        *((arguments, moment) for arguments in (["--help"], _NEIGHBORS) for moment in _WHILE_STARTING),
        *((_TRAIN, moment) for moment in (*_WHILE_STARTING, *_WHILE_TRAINING)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_an_interrupt_at_any_moment_ends_in_one_line(arguments: list[str], seconds: float, folder: Path) -> None:
    _check_ends_in_one_line(seconds, folder, arguments)


def test_an_interrupt_before_anything_was_learned_says_that_nothing_was_saved(folder: Path) -> None:
    code, _, err = _interrupted_after(0.0, folder, ["train", "text.txt", "--output", "new.model"])
    assert (code, err) == (130, "Interrupted; nothing was saved.\n")
    assert not (folder / "new.model").exists()


def _entries(folder: Path) -> set[str]:
    """Return the names of files and folders, without the locks of outputs, which may stay."""
    return {name for name in os.listdir(folder) if not name.endswith(".lock")}


@pytest.mark.parametrize(
    "arguments",
    [["encode", "-o", "out.npy"], *(pytest.param(each, marks=pytest.mark.slow) for each in (["index", "-o", "out"],))],
    ids=lambda arguments: arguments[0],
)
def test_sigterm_leaves_nothing_half_written(arguments: list[str], folder: Path) -> None:
    before = _entries(folder)
    with subprocess.Popen(
        [sys.executable, "-c", "from w2v.commands.entry import main; main()", *arguments, "my.model", "-"],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        while _entries(folder) == before and process.poll() is None:
            process.stdin.write("word1 word2\n" * 1000)
            process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        ended = process.communicate(timeout=60)
    assert (process.returncode, *ended) == (143, "", "Interrupted; nothing was saved.\n")
    assert _entries(folder) == before


@pytest.mark.parametrize("seconds", [0.1, *(pytest.param(moment, marks=pytest.mark.slow) for moment in (0.0, 0.3))])
def test_a_background_job_that_ignores_interrupts_goes_on(seconds: float, folder: Path) -> None:
    arguments = ["neighbors", "my.model", "word1", "--json"]
    code, out, err = _interrupted_after(seconds, folder, arguments, ignored=True)
    assert (code, err) == (0, "") and '"word1"' in out


@pytest.mark.parametrize(("before", "handler"), [("", "SIG_DFL"), (_IGNORE, "SIG_IGN")])
def test_python_shuts_down_without_a_handler_and_without_collecting_garbage_again(before: str, handler: str) -> None:
    at_exit = "lambda: print(signal.getsignal(signal.SIGINT).name, gc.get_freeze_count() > 1000, file=sys.stderr)"
    code = f"import atexit, gc, signal, sys; {before}atexit.register({at_exit}); {_START}"
    ended = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    assert ended.stderr == f"started\n{handler} True\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["encode", "my.model", "few.txt", "--jsonl"],
        *(
            pytest.param(arguments, marks=pytest.mark.slow)
            for arguments in (
                ["train", "--help"],
                ["--version"],
                ["info", "my.model"],
                ["info", "my.model", "--json"],
                ["neighbors", "my.model", "word1"],
                ["duplicates", "few.txt", "--threshold", "0.1"],
                ["cluster", "few.txt", "--model", "my.model", "-k", "3"],
                ["phrases", "few.txt", "--output", "-"],
                ["completion", "bash"],
                ["train", "few.txt", "--output", "few.model", "--epochs", "1"],
            )
        ),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(arguments: list[str], folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", "from w2v.commands.entry import main; main()", *arguments],
            cwd=folder,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX close streams")
@pytest.mark.parametrize(
    "closed", ["2>&-", "<&- >&- 2>&-", *(pytest.param(way, marks=pytest.mark.slow) for way in (">&-", ">&- 2>&-"))]
)
def test_an_output_that_the_caller_closed_ends_no_command(closed: str, folder: Path) -> None:
    """As daemons start their children: what would be written goes nowhere, and never into a file of the command's."""
    command = f'"$0" -c "from w2v.commands.entry import main; main()" neighbors my.model word1 --json {closed}'
    ended = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "") and ("word1" in ended.stdout) == (closed == "2>&-")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupt_that_comes_in_a_finaliser_is_not_lost(name: str, code: int) -> None:
    script = f"""
import signal, sys, time
from w2v.commands.shared.interrupts import ending_on_sigterm, exit_code, hear_again

class Last:
    def __del__(self):
        signal.raise_signal(signal.{name})

sys.unraisablehook = hear_again
try:
    with ending_on_sigterm():
        Last()
        for _ in range(3000):
            time.sleep(0.01)
except KeyboardInterrupt as interrupt:
    print("heard", exit_code(interrupt))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"heard {code}\n", "")
