"""Options from a TOML file, from the environment, and the words that a shell is offered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from tests.helpers import ROOT
from tests.helpers.command_line import assert_mistake, run
from w2v.commands.main import main
from w2v.commands.shared.configuration import CONFIG, add_config_option
from w2v.settings.environment import CACHE_FOLDER, WORKERS, cache_folder, default_workers, temporary_folder
from w2v.vectors.embeddings import Embeddings

TEXT = "a b c d a b c d\nb a d c\n" * 40


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    words = ["king", "man", "queen", "kings", "evil\x1b[31m"]
    Embeddings(words, np.eye(5, dtype=np.float32) + 0.1).save(tmp_path / "my.model")
    return tmp_path / "my.model"


def write(folder: Path, text: str) -> Path:
    path = folder / "options.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- a file of options -----------------------------------------------------------------------------------------------


def test_config_gives_options_and_the_command_line_comes_first(corpus: Path, tmp_path: Path) -> None:
    config = write(
        tmp_path, 'workers = 1\n[train]\nvector_size = 6\nmin-count = 1\nepochs = 1\nseed = 4\nalgorithm = "cbow"\n'
    )
    assert run("train", corpus, "-o", tmp_path / "a", "--config", config).exit_code == 0
    parameters = Embeddings.load(tmp_path / "a").metadata["parameters"]
    wanted = {"vector_size": 6, "min_count": 1, "epochs": 1, "random_state": 4, "algorithm": "cbow", "workers": 1}
    assert {name: parameters[name] for name in wanted} == wanted
    assert run("train", corpus, "-o", tmp_path / "b", "--vector-size", 5, "--config", config).exit_code == 0
    assert Embeddings.load(tmp_path / "b").vector_size == 5


def test_config_may_begin_with_a_byte_order_mark(corpus: Path, tmp_path: Path) -> None:
    config = write(tmp_path, "\ufeff[train]\nsample = 0\nvector_size = 6\nmin-count = 1\nepochs = 1\n")
    assert run("train", corpus, "-o", tmp_path / "a", "--config", config).exit_code == 0
    assert Embeddings.load(tmp_path / "a").vector_size == 6


def test_config_gives_arguments_switches_and_lists(corpus: Path, tmp_path: Path) -> None:
    config = write(
        tmp_path,
        f"[train]\ninputs = ['{corpus}', '{corpus}']\noutput = '{tmp_path / 'm'}'\nmin-count = 1\nvector-size = 4\n"
        "overwrite = true\nshrink-windows = false\nepochs = 1\n",
    )
    for _ in range(2):  # the second time it has to be overwritten
        assert run("train", "--config", config).exit_code == 0
    embeddings = Embeddings.load(tmp_path / "m")
    assert embeddings.metadata["parameters"]["shrink_windows"] is False
    assert embeddings.vocabulary.counts is not None
    assert embeddings.vocabulary.counts.sum() == 2 * len(TEXT.split())


def test_config_may_be_named_by_the_environment(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CONFIG, str(write(tmp_path, "[neighbors]\ntop = 1\n")))
    assert run("neighbors", model, "king").stdout.count("\n") == 3
    assert run("neighbors", model, "king", "--top", 2).stdout.count("\n") == 4


def test_config_has_tables_for_commands_of_a_group(tmp_path: Path) -> None:
    @click.group()
    def root() -> None: ...

    @root.group()
    def draw() -> None: ...

    @draw.command()
    @click.option("--size", type=int)
    def circle(size: int) -> None:
        click.echo(size)

    add_config_option(root)
    config = write(tmp_path, "[draw.circle]\nsize = 3\n")
    assert CliRunner().invoke(root, ["draw", "circle", "--config", str(config)]).output == "3\n"
    config = write(tmp_path, "[draw]\nsize = 3\n")
    result = CliRunner().invoke(root, ["draw", "circle", "--config", str(config)])
    assert "[draw] size belongs in the table of one of the commands circle" in result.output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[train]\nepoch = 3", "`w2v train` has no option 'epoch'; did you mean 'epochs'?"),
        ("[trian]\nepochs = 3", "there is no command for the table [trian]; did you mean 'train'?"),
        ("wrokers = 3", "no command has an option 'wrokers'; did you mean 'workers'?"),
        ("[train]\nepochs = [1, 2]", "[train] epochs: it takes one value, not a list."),
        ("[train]\nepochs = 'many'", "[train] epochs: must be a whole number from 1 to 100000, got 'many'"),
        ("[train]\nepochs = 2.5", "[train] epochs: must be a whole number from 1 to 100000, got '2.5'"),
        ("[train]\nepochs = true", "[train] epochs: True is neither text nor a number."),
        ("[train]\nepochs = 1979-05-27", "is neither text nor a number."),
        ("[train]\noverwrite = 'yes'", "[train] overwrite: it is a switch: true or false."),
        ("[train]\nconfig = 'other.toml'", "`w2v train` has no option 'config'"),
        ("[train]\nepochs = ", "is not TOML"),
        ("[train]\nepochs = 1\nepochs = 2", "is not TOML"),
        ("[train]\ncheckpoint-every = 'soon'", "[train] checkpoint-every: 'soon' is not a duration"),
        ("x = '" + "x" * (1 << 20) + "'", "is larger than 1,048,576 bytes"),
    ],
)
def test_config_that_is_wrong_is_refused(corpus: Path, tmp_path: Path, text: str, problem: str) -> None:
    config = write(tmp_path, text)
    result = run("train", corpus, "-o", tmp_path / "m", "--config", config)
    assert_mistake(result, 1, str(config), problem)
    assert not (tmp_path / "m").exists()


def test_config_that_cannot_be_read_is_refused(corpus: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    assert_mistake(run("train", corpus, "-o", "m", "--config", missing), 1, str(missing), "No such file")
    assert_mistake(run("train", corpus, "-o", "m", "--config", tmp_path), 1, str(tmp_path))
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert_mistake(run("train", corpus, "-o", "m", "--config", tmp_path / "latin.toml"), 1, "byte 5 is not UTF-8")


def test_every_command_takes_a_config() -> None:
    def leaves(command: click.Command) -> list[click.Command]:
        nested = command.commands.values() if isinstance(command, click.Group) else ()
        return [leaf for child in nested for leaf in leaves(child)] or [command]

    for leaf in leaves(main):
        assert [parameter.name for parameter in leaf.params].count("config") == 1, leaf.name


# --- the environment -------------------------------------------------------------------------------------------------


def test_workers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKERS, raising=False)
    assert 1 <= default_workers() <= (os.cpu_count() or 1)
    monkeypatch.setenv(WORKERS, "7")
    assert default_workers() == 7
    for wrong in ("0", "-1", "two", "1e3", "٣", "1025"):
        monkeypatch.setenv(WORKERS, wrong)
        with pytest.raises(ValueError, match=f"{WORKERS} must be a whole number from 1 to 1024"):
            default_workers()


def test_wrong_workers_are_an_error_of_one_line(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS, "many")
    assert_mistake(run("train", corpus, "-o", tmp_path / "m"), 1, WORKERS, "'many'")


def test_cache_folder_is_that_of_the_system_unless_it_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_FOLDER, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(CACHE_FOLDER)
    monkeypatch.setenv("HOME", str(tmp_path))
    for platform, variable, expected in (
        ("linux", None, tmp_path / ".cache" / "w2v"),
        ("linux", "XDG_CACHE_HOME", tmp_path / "x" / "w2v"),
        ("darwin", None, tmp_path / "Library" / "Caches" / "w2v"),
        ("win32", "LOCALAPPDATA", tmp_path / "x" / "w2v"),
    ):
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(sys, "platform", platform)
        if variable:
            monkeypatch.setenv(variable, str(tmp_path / "x"))
        assert cache_folder() == expected


def without_home(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """Be a user whom the system does not know, as in a container, with a folder for what is temporary."""
    for name in ("HOME", "XDG_CACHE_HOME", CACHE_FOLDER):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    monkeypatch.setattr("tempfile.tempdir", str(temporary))


def test_who_has_no_home_folder_has_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_home(monkeypatch, tmp_path)
    folder = cache_folder()
    assert folder.parent == tmp_path and folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache_folder() == folder
    monkeypatch.setenv(CACHE_FOLDER, "~/x")
    with pytest.raises(ValueError, match="no such home folder; give a full path"):
        cache_folder()


@pytest.mark.parametrize("kind", ["writable by all", "link", "file"])
def test_a_temporary_folder_of_somebody_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    without_home(monkeypatch, tmp_path)
    taken, elsewhere = tmp_path / f"w2v-{os.getuid()}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        taken.symlink_to(elsewhere)
    elif kind == "file":
        taken.touch()
    else:
        taken.mkdir()
        taken.chmod(0o777)
    folder = temporary_folder()
    assert folder not in (taken, elsewhere) and folder.is_dir() and folder.parent == tmp_path


def test_kernels_are_kept_where_neither_their_folder_nor_the_home_folder_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # nothing can be made below it, whoever asks, root included
    program = (
        "import os, pathlib, w2v.kernels.jit as jit\n"
        "beside = pathlib.Path(jit.__file__).resolve().parent / '__pycache__'\n"
        "made = pathlib.Path.mkdir\n"
        "def mkdir(path, *arguments, **options):\n"
        "    if path.is_relative_to(beside): raise PermissionError('read-only')\n"
        "    made(path, *arguments, **options)\n"
        "pathlib.Path.mkdir = mkdir\n"
        "from w2v.explorer.layout_kernels import weigh_neighbors\n"
        "print(weigh_neighbors.stats.cache_path)"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "file"), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", CACHE_FOLDER):
        environment.pop(name, None)
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    path = Path(finished.stdout.strip())
    assert path.is_relative_to(temporary / f"w2v-{os.getuid()}" / "kernels")
    assert finished.stderr == ""


@pytest.mark.slow
def test_kernels_are_cached_where_the_environment_says(corpus: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "phrases", str(corpus), "-o", str(tmp_path / "m")]
    environment = {**os.environ, CACHE_FOLDER: str(tmp_path / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
    assert list((tmp_path / "cache" / "kernels").rglob("*.nbi"))


# --- completion ------------------------------------------------------------------------------------------------------


def complete(*words: object) -> list[str]:
    *before, incomplete = map(str, words)
    found = BashComplete(main, {}, "w2v", "_W2V_COMPLETE").get_completions(before, incomplete)
    return [item.value for item in found]


def test_completion_offers_commands_options_and_values() -> None:
    assert complete("neigh") == ["neighbors"]
    assert complete("train", "--vector") == ["--vector-size"]
    assert complete("train", "--objective", "n") == ["negative"]
    assert "word2vec-binary" in complete("export", "m", "f", "--format", "word2vec")


def test_completion_offers_the_words_of_the_model(model: Path, tmp_path: Path) -> None:
    assert complete("neighbors", model, "ki") == ["king", "kings"]
    assert complete("analogy", model, "man", "q") == ["queen"]
    assert complete("similarity", model, "evil") == []  # a control character is nothing to put on a command line
    assert complete("neighbors", tmp_path / "none", "ki") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_W2V_COMPLETE" in result.stdout


def test_help_lists_every_command_once() -> None:
    listed = [line.split()[0] for line in run("--help").output.splitlines() if line.startswith("  ") and line[2] != " "]
    assert sorted(name for name in listed if name in main.commands) == sorted(main.commands)
