"""The commands index, of sentences, and search."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.bert_folders import write_cross_encoder
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v import Embeddings
from w2v.commands.sentences import search
from w2v.encoder.retrieval import SentenceIndex
from w2v.encoder.retrieval.index import sentence_index

LINES = ["the river", "", "unheard", "42 x", "naïve river", "a river", "the river"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    make_embeddings().save(tmp_path / "my.model")
    return tmp_path / "my.model"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("\n".join(LINES), encoding="utf-8")
    return tmp_path / "text.txt"


@pytest.fixture
def indexed(model: Path, text: Path, tmp_path: Path) -> Path:
    result = run("index", model, text, "--output", tmp_path / "my.index")
    assert result.exit_code == 0, result.output
    return tmp_path / "my.index"


def printed(*arguments: object, stdin: bytes | None = None) -> Any:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_index_makes_what_search_finds(indexed: Path, text: Path) -> None:
    [answer] = printed("search", indexed, "the river", "--top", 2, "--json")
    assert answer["query"] == "the river" and len(answer["hits"]) == 2
    assert answer["hits"][0] == {
        "sentence": "the river", "similarity": pytest.approx(1, abs=1e-3), "line": 1, "file": str(text),
    }  # fmt: skip
    shown = run("search", indexed, "the river").stdout.splitlines()
    assert shown[0].split() == ["similarity", "line", "near", "the", "river"]
    assert shown[2].split() == ["1.000", "1", "the", "river"] and len(shown) == 6


def test_index_describes_what_it_made(model: Path, text: Path, tmp_path: Path) -> None:
    path = tmp_path / "my.index"
    described = printed("index", model, text, "--output", path, "--dtype", "int8", "--truncate-dim", 7, "--json")
    assert described.pop("seconds") > 0
    assert described == {
        "index": str(path),
        "sentences": 5,
        "dimension": 7,
        "dtype": "int8",
        "bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        "added": 5,
        "recall": None,
    }
    again = printed("index", path, text, "--append", "--json")
    assert (again["sentences"], again["added"]) == (10, 5)
    shown = run("index", path, text, "--append").stdout
    assert "added" in shown and "exact search" in shown


def test_info_describes_an_index(indexed: Path, text: Path) -> None:
    described = printed("info", indexed, "--json")
    assert described["kind"] == "index of sentences" and described["sentences"] == 5 and described["lines_read"] == 7
    assert described["files"] == [str(text)] and described["sentences_in_graphs"] == 0
    assert described["encoder"] == {"architecture": "static", "dimension": 20, "vocabulary_size": 10}
    assert "index of sentences" in run("info", indexed).stdout


def test_index_splits_lines_and_reads_standard_input(model: Path, tmp_path: Path) -> None:
    result = run("index", model, "-", "-o", tmp_path / "my.index", "--split-sentences", stdin=b"A river. The river.\nx")
    assert result.exit_code == 0, result.output
    assert list(SentenceIndex.open(tmp_path / "my.index")) == ["A river.", "The river.", "x"]


def test_search_answers_each_line_of_a_file(indexed: Path, tmp_path: Path) -> None:
    (tmp_path / "queries.txt").write_text("x\n\nunheard\n 42 \n", encoding="utf-8")
    options = ("--queries", tmp_path / "queries.txt", "--top", 1)
    answers = printed("search", indexed, "a river", *options, "--json")
    assert [answer["query"] for answer in answers] == ["a river", "x", "unheard", "42"]
    assert [[hit["sentence"] for hit in answer["hits"]] for answer in answers] == [["a river"], ["42 x"], [], ["42 x"]]
    lines = run("search", indexed, "a river", *options, "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == answers
    assert run("search", indexed, "a river", *options).stdout.count("similarity") == 4
    assert printed("search", indexed, "--queries", "-", "--json", stdin=b"x\n")[0]["hits"]


def test_search_at_a_terminal_asks_for_queries(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_is_terminal", lambda: True)
    result = run("search", indexed, "--top", 1, stdin=b"a river\nunheard of\n x \n\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("similarity") == 2 and "1.000      6   a river" in result.stdout
    assert "no word of the query 'unheard of' is known" in result.stderr
    assert run("search", indexed, "--jsonl", stdin=b"x").stdout.count('"query": "x"') == 1  # then the input ends


def test_search_names_files_where_there_are_several(indexed: Path, text: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("internationalisation 42", encoding="utf-8")
    assert run("index", indexed, tmp_path / "more.txt", "--append").exit_code == 0
    shown = run("search", indexed, "42").stdout
    assert "file:line" in shown and f"{tmp_path / 'more.txt'}:1 " in shown and f"{text}:4 " in shown


def test_index_builds_graphs_when_asked(model: Path, text: Path, indexed: Path, tmp_path: Path) -> None:
    pytest.importorskip("usearch")
    assert printed("index", indexed, "--json")["recall"] == 1
    assert SentenceIndex.open(indexed).is_approximate
    assert printed("index", model, text, "-o", tmp_path / "b.index", "--approximate", "--json")["recall"] == 1
    near, exact = (run("search", tmp_path / "b.index", "the river", *option).stdout for option in ([], ["--exact"]))
    assert near == exact
    assert (
        "recall of 10 neighbours" not in run("index", indexed, text, "--append").stdout
    )  # measured when graphs are new
    again = run("index", indexed, text, "--append", "--approximate").stdout
    assert "recall of 10 neighbours" in again and again.rstrip().endswith("%")


def test_index_interrupted_among_its_graphs_keeps_the_sentences(
    model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: SentenceIndex, **options: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(SentenceIndex, "build_graphs", stop)
    result = run("index", model, text, "-o", tmp_path / "my.index", "--approximate")
    assert result.exit_code == 130
    assert "The sentences are in" in result.stderr and "continues with its graphs" in result.stderr
    assert len(SentenceIndex.open(tmp_path / "my.index")) == 5


def test_index_above_the_limit_goes_without_graphs_where_usearch_is_missing(
    model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentence_index, "EXACT_LIMIT", 2)
    monkeypatch.setattr(sentence_index, "LEAST_ROWS", 2)
    monkeypatch.setitem(sys.modules, "usearch", None)
    result = run("index", model, text, "-o", tmp_path / "my.index")
    assert result.exit_code == 0 and "exact search" in result.stdout
    asked = run("index", model, text, "-o", tmp_path / "b.index", "--approximate")
    assert_mistake(asked, 1, "pip install 'w2v-toolkit[index]'")


def test_index_rejects_what_makes_no_sense(model: Path, text: Path, indexed: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.index"
    assert_mistake(run("index", model, text), 2, "No output: give --output INDEX.")
    assert_mistake(run("index", model, "--output", new), 2, "Nothing to index: give a FILE")
    assert_mistake(run("index", indexed, text), 2, "is an index; add to it with --append.")
    assert_mistake(
        run("index", indexed, text, "--append", "--output", new), 2, "--append uses the settings of the index"
    )
    assert_mistake(run("index", model, text, "--append"), 1, "is a model, not an index")
    assert_mistake(run("index", model, text, "--output", indexed), 1, "exists already")
    assert_mistake(run("index", model, tmp_path / "no.txt", "--output", new), 1, "no.txt")
    assert_mistake(run("index", model, text, "--output", new, "--dtype", "float64"), 2, "--dtype")
    assert_mistake(run("index", model, text, "--output", new, "--truncate-dim", 21), 1, "only 20 columns")
    assert_mistake(run("index", tmp_path / "nowhere", text, "--output", new), 1, "does not exist")
    assert_mistake(run("index", model, "--dtype", "float32"), 1, "must be one of float16, int8")
    assert not new.exists()


def test_search_rejects_what_makes_no_sense(model: Path, indexed: Path) -> None:
    assert_mistake(run("search", indexed), 2, "Nothing to search for: give a QUERY, or --queries FILE.")
    assert_mistake(run("search", indexed, "x", "--json", "--jsonl"), 2, "exclude each other")
    assert_mistake(run("search", indexed, "x", "--top", 0), 2, "--top")
    assert_mistake(run("search", indexed, "unheard of"), 1, "no word of the query 'unheard of' is known")
    assert_mistake(run("search", model, "x"), 1, "is a model, not an index")
    assert_mistake(run("neighbors", indexed, "x"), 1, "sentence-index")


def test_control_characters_of_a_query_are_shown_escaped(tmp_path: Path) -> None:
    sentence_index = _index_of_three(tmp_path)
    result = run("search", sentence_index, "cat\x1b[31m dog")
    assert result.exit_code == 0
    assert "near cat\\x1b[31m dog" in result.stdout and "\x1b" not in result.stdout


def test_control_characters_of_names_are_shown_escaped(tmp_path: Path) -> None:
    result = run("info", tmp_path / "no\x1b[31m.model")
    assert result.exit_code == 1
    assert "no\\x1b[31m.model does not exist" in result.stderr and "\x1b" not in result.stderr
    result = run("train", "--resume", tmp_path / "a\x1b[31m", "--output", tmp_path / "b")
    assert result.exit_code == 2
    assert "the result replaces" in result.stderr and "a\\x1b[31m" in result.stderr and "\x1b" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_interactive_search_edits_the_line_and_remembers_queries(tmp_path: Path) -> None:
    import pty

    sentence_index = _index_of_three(tmp_path)
    code = (
        f"import sys; sys.argv[1:] = ['search', {str(sentence_index)!r}]; from w2v.commands.entry import main; main()"
    )
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(slave)
        shown = ""
        try:
            for number, typed in enumerate((b"cat\n", b"\x1b[A\n", b"\n")):
                shown += _read_until(master, "search for: ")
                os.write(master, typed)
                if number < 2:
                    shown += _read_until(master, "near cat")
            assert process.wait(30) == 0
        finally:
            process.kill()  # it would wait for a query for ever
    os.close(master)
    assert shown.count("near cat") == 2
    assert "^[[A" not in shown


def _read_until(master: int, awaited: str) -> str:
    """Return what a terminal shows until something is shown."""
    shown = ""
    while awaited not in shown:
        ready, _, _ = select.select([master], [], [], 30)
        assert ready, shown
        shown += os.read(master, 4).decode(errors="replace")
    return shown


def _index_of_three(tmp_path: Path) -> Path:
    words = Embeddings(["cat", "dog", "red"], np.eye(3, dtype=np.float32))
    SentenceIndex.build(words, ["cat dog", "red cat", "red"], tmp_path / "three.index")
    return tmp_path / "three.index"


def test_search_goes_by_words_and_tells_every_score(indexed: Path, tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    pytest.importorskip("tokenizers")
    folder = write_cross_encoder(tmp_path / "cross", np.random.default_rng(5))
    [answer] = printed("search", indexed, "a RIVER", "--by", "words", "--top", 2, "--json")
    assert [list(hit) for hit in answer["hits"]] == [["sentence", "similarity", "line", "file", "bm25"]] * 2
    assert answer["hits"][0]["sentence"] == "a river"
    options = ("--by", "both", "--rerank", folder, "--candidates", 4, "--top", 3)
    lines = run("search", indexed, "a river", "x", *options, "--jsonl").stdout.splitlines()
    [hits, _] = [json.loads(line)["hits"] for line in lines]
    assert {name for hit in hits for name in hit} == {
        "sentence", "similarity", "line", "file", "bm25", "fused", "reranked",
    }  # fmt: skip
    assert [hit["reranked"] for hit in hits] == sorted((hit["reranked"] for hit in hits), reverse=True)
    shown = run("search", indexed, "a river", *options).stdout.splitlines()
    assert shown[0].split() == ["reranked", "fused", "bm25", "similarity", "line", "near", "a", "river"]
    assert "indexing words" not in run("search", indexed, "a river", *options, "--progress", "none").stderr


def test_search_refuses_what_does_not_go_together(indexed: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_mistake(run("search", indexed, "x", "--rerank", model), 1, "my.model is not a cross-encoder")
    assert_mistake(run("search", indexed, "x", "--rerank", indexed / "absent"), 1, "absent is not a folder")
    monkeypatch.setitem(sys.modules, "bm25s", None)
    assert_mistake(run("search", indexed, "x", "--by", "words"), 1, "pip install 'w2v-toolkit[search]'")
