"""Tokenizers from the command line: what a model remembers of them, and what goes wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from w2v.commands.main import main
from w2v.corpora.tokenizers.jieba import _load_jieba
from w2v.vectors.embeddings import Embeddings


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def train(text: Path | str, output: Path, tokenizer: str, stdin: bytes | None = None) -> Result:
    options = ["--tokenizer", tokenizer, "--min-count", 1, "--sample", 0, "--vector-size", 8, "--epochs", 1]
    return run("train", text, "--output", output, *options, "--workers", 1, stdin=stdin)


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("我来到北京清华大学，学习C语言。\n北京在2023年\n" * 20, encoding="utf-8")
    return path


def test_train_divides_chinese_with_jieba_and_the_model_knows(chinese: Path, tmp_path: Path) -> None:
    pytest.importorskip("rjieba")
    result = train(chinese, tmp_path / "zh.model", "jieba")
    assert result.exit_code == 0, result.output
    described = json.loads(run("info", tmp_path / "zh.model", "--json").stdout)
    assert described["tokenizer"] == {"name": "jieba", "rules": 2, "lowercase": True, "hmm": True}
    words = {"我", "来到", "北京", "清华大学", "学习", "c语言", "在", "2023", "年"}
    assert set(Embeddings.load(tmp_path / "zh.model").index_to_key) == words
    assert run("neighbors", tmp_path / "zh.model", "C语言", "--top", "2").exit_code == 0


def test_train_reads_characters_from_standard_input(chinese: Path, tmp_path: Path) -> None:
    result = train("-", tmp_path / "zh.model", "characters", stdin=chinese.read_bytes())
    assert result.exit_code == 0, result.output
    embeddings = Embeddings.load(tmp_path / "zh.model")
    assert set(embeddings.index_to_key) == {*"我来到北京清华大学习c语言在年", "2023"}
    assert "C" in embeddings and "北京" not in embeddings


def test_train_keeps_the_spaces_of_items_between_tabs(tmp_path: Path) -> None:
    (tmp_path / "baskets.tsv").write_text("Green Tea\tsugar, 1 kg \nmilk\tGreen Tea\tsugar, 1 kg\n" * 20)
    result = train(tmp_path / "baskets.tsv", tmp_path / "shop.model", "tabs")
    assert result.exit_code == 0, result.output
    asked = run("neighbors", tmp_path / "shop.model", "Green Tea", "--json")
    assert asked.exit_code == 0 and "sugar, 1 kg" in asked.stdout
    unknown = run("neighbors", tmp_path / "shop.model", "green tee")
    assert unknown.exit_code == 1 and "Green Tea" in unknown.stderr


def test_train_says_how_to_get_jieba(chinese: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _load_jieba.cache_clear()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    result = train(chinese, tmp_path / "zh.model", "jieba")
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert result.stderr.endswith("pip install 'w2v-toolkit[jieba]'\n") and result.stderr.count("\n") == 1
    assert not (tmp_path / "zh.model").exists()


def test_a_model_of_jieba_answers_without_it(chinese: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rjieba")
    train(chinese, tmp_path / "zh.model", "jieba")
    _load_jieba.cache_clear()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    assert run("neighbors", tmp_path / "zh.model", "北京", "--top", "2").exit_code == 0
    result = run("neighbors", tmp_path / "zh.model", "上海")
    assert result.exit_code == 1 and "pip install" in result.stderr


@pytest.mark.parametrize("text", [b"\xff\xfe\x2d\x4e", "北京大学".encode("gb18030"), "！，。\n".encode()])
@pytest.mark.parametrize("tokenizer", ["characters", "jieba"])
def test_train_refuses_text_it_cannot_read(tmp_path: Path, text: bytes, tokenizer: str) -> None:
    pytest.importorskip("rjieba")
    (tmp_path / "text.txt").write_bytes(text)
    result = train(tmp_path / "text.txt", tmp_path / "zh.model", tokenizer)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ") and "text.txt" in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "zh.model").exists()
