"""All commands: help, exit codes, and models that are damaged."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.royals import edit_config, save_royals
from w2v.commands.main import main
from w2v.commands.shared.option_names import OPTION_NAMES
from w2v.settings.parameters import Parameters
from w2v.vectors.embeddings import Embeddings

COMMANDS = sorted(main.commands)
JSON_COMMANDS = [
    "analogy", "attention", "compare", "evaluate", "fit-encoder", "index", "info", "neighbors", "phrases", "search",
    "similar", "similarity", "train",
]  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_royals(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"\n    w2v {command} " in result.stdout


def test_help_imports_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from w2v.commands.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stderr.split())
    assert "Train word vectors from text files" in done.stdout
    assert imported & {"numpy", "numba", "llvmlite", "scipy", "sklearn", "safetensors", "rich", "gensim"} == set()
    commands = {"w2v.commands.words", "w2v.commands.sentences", "w2v.commands.models"}
    assert {name for name in imported if name.rpartition(".")[0] in commands} == set()


def test_help_of_all_commands_says_what_each_says_of_itself() -> None:
    shown = " ".join(run("--help").stdout.split())
    for command in COMMANDS:
        listed = main.commands.short_help(command)
        assert listed == main.commands[command].get_short_help_str(limit=200) != ""
        assert f"{command} {listed}" in shown


def test_train_has_an_option_with_the_default_of_every_parameter() -> None:
    options = {option.name: option for option in main.commands["train"].params}
    for parameter in fields(Parameters):
        option = options[parameter.name]
        assert option.default == parameter.default
        assert "--" + OPTION_NAMES.get(parameter.name, parameter.name).replace("_", "-") in option.opts


def test_version_is_that_of_the_installed_package() -> None:
    try:
        installed = importlib.metadata.version("w2v-toolkit")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is not installed here")
    assert run("--version").stdout == f"w2v, version {installed}\n"


@pytest.mark.parametrize("command", JSON_COMMANDS)
def test_commands_with_results_offer_json(command: str) -> None:
    assert any(option.name == "as_json" for option in main.commands[command].params)


def damage_nothing_there(model: Path) -> Path:
    return model.with_name("missing.model")


def damage_is_a_file(model: Path) -> Path:
    return model / "config.json"


def damage_no_config(model: Path) -> Path:
    (model / "config.json").unlink()
    return model


def damage_truncated_vectors(model: Path) -> Path:
    file = model / "vectors.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    return model


def damage_truncated_words(model: Path) -> Path:
    (model / "vocabulary.txt").write_text("man\nwoman\n", encoding="utf-8")
    return model


def damage_newer_version(model: Path) -> Path:
    return edit_config(model, format_version=99)


def damage_huge_shape(model: Path) -> Path:
    return edit_config(model, vector_size=10**15)


def damage_wrong_type(model: Path) -> Path:
    return edit_config(model, vocabulary_size="8")


def damage_tokenizer_from_elsewhere(model: Path) -> Path:
    return edit_config(model, tokenizer={"name": "../../evil"})


def damage_huge_header(model: Path) -> Path:
    header = json.dumps({"vectors": {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 2**62]}}).encode()
    (model / "vectors.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return model


DAMAGES = [function for name, function in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.removeprefix("damage_"))
@pytest.mark.parametrize("arguments", [["info"], ["neighbors", "king"]], ids=lambda arguments: arguments[0])
def test_bad_model_ends_with_one_line(model: Path, damage: object, arguments: Sequence[str]) -> None:
    assert callable(damage)
    bad = damage(model)
    assert_mistake(run(arguments[0], bad, *arguments[1:]), 1, str(bad))


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = run("--debug", "info", tmp_path / "missing")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "ModelError"


def test_defects_keep_their_traceback(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Embeddings, "similarity", fail)
    assert isinstance(run("similarity", model, "king", "man").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["neighbors", "MODEL", "king", "--top", "0"],
        ["neighbors", "MODEL", "king", "--restrict-vocab", "0"],
        ["neighbors", "MODEL"],
        ["analogy", "MODEL", "man", "king"],
        ["analogy", "MODEL", "man", "king", "woman", "--method", "div"],
        ["analogy", "MODEL", "man", "king", "woman", "--top", "x"],
        ["similarity", "MODEL", "man"],
        ["evaluate", "MODEL", "--word-pairs", "x", "--restrict-vocab", "0"],
        ["evaluate", "MODEL", "--word-pairs", "x", "--method", "div"],
        ["import", "x", "--output", "y", "--max-vocab", "0"],
        ["import", "x", "--output", "y", "--errors", "guess"],
        ["import", "x"],
        ["train", "x"],
        ["train", "--output", "y"],
        ["compare"],
        ["info", "MODEL", "--nonsense"],
        ["download", "wikipedia"],
    ],
    ids=" ".join,
)
def test_bad_usage_exits_with_two(model: Path, arguments: Sequence[str]) -> None:
    assert_mistake(run(*(model if argument == "MODEL" else argument for argument in arguments)), 2)
