"""Files of words with tags: columns, CoNLL-U, compressed, and each way in which they can be broken."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import pytest

from w2v.corpora.inputs import CorpusError
from w2v.corpora.labels.tagged import Tagged, read_tagged

CHUNKS = "-DOCSTART- -X- O\n\nThe DT B-NP\ncat NN I-NP\n\n# # B-NP\n1 CD I-NP\n"
CONLLU = """\
# newdoc id = 1
# text = Don't go
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tgone\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# text = #
1\t#\t#\tSYM\t#\t_\t0\troot\t_\t_
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, text: str, **options: Any) -> Tagged:
    return read_tagged(written(path, text), **options)


def test_columns_between_spaces_or_tabs(tmp_path: Path) -> None:
    found = read(tmp_path / "a", CHUNKS, columns=[2])
    assert found.sentences == [["The", "cat"], ["#", "1"]] and found.tags == [["B-NP", "I-NP"], ["B-NP", "I-NP"]]
    assert found.columns == [[("DT",), ("NN",)], [("#",), ("CD",)]]
    assert found.files == [str(tmp_path / "a")]
    assert read(tmp_path / "b", CHUNKS.replace(" ", "\t").replace("\n", "\r\n"), columns=[2]) == found
    assert read(tmp_path / "c", CHUNKS, tag_column=2).tags[0] == ["DT", "NN"]
    assert read(tmp_path / "d", "x The\nx cat\n", word_column=2, tags=False).sentences == [["The", "cat"]]
    assert read(tmp_path / "e", "New York\tB-LOC\n\tO\n \tO\n").sentences == [["New York", "\ufffd", "\ufffd"]]


def test_conllu_leaves_out_what_is_no_word(tmp_path: Path) -> None:
    found = read(tmp_path / "a.conllu", CONLLU)
    assert found.sentences == [["Do", "n't", "go"], ["#"]] and found.tags == [["AUX", "PART", "VERB"], ["SYM"]]
    assert read(tmp_path / "a.conllu", CONLLU, tag_column=5, columns=[3]).columns[0][1] == ("not",)


def test_comments_are_passed_over_where_tabs_tell_them_from_words(tmp_path: Path) -> None:
    found = read(tmp_path / "a", "# id = of the first\n# text = Go on\n1\tGo\tO\n2\t#on\tB-X\n")
    assert found.sentences == [["1", "2"]] and found.tags == [["O", "B-X"]]
    assert read(tmp_path / "b", "# O\nGo O\n").sentences == [["#", "Go"]]


@pytest.mark.parametrize("comment", ["# newdoc", "# newpar p1", "# newdoc id = 1", "#"])
def test_comments_before_the_first_word_are_told_by_the_lines_that_follow(comment: str, tmp_path: Path) -> None:
    found = read(tmp_path / "a", f"{comment}\n1\tGo\tgo\tVERB\t_\t_\t0\t_\t_\t_\n")
    assert found.sentences == [["Go"]] and found.tags == [["VERB"]]


def test_each_file_tells_for_itself_what_a_number_sign_is(tmp_path: Path) -> None:
    (tmp_path / "tabs").write_text("# O\nGo\tO\n", encoding="utf-8")
    (tmp_path / "spaces").write_text("# O\nGo O", encoding="utf-8")
    files = [tmp_path / name for name in ("tabs", "spaces", "spaces", "tabs")]
    assert read_tagged(files).sentences == [["Go"], ["#", "Go"], ["#", "Go"], ["Go"]]


@pytest.mark.parametrize(("suffix", "write"), [(".gz", gzip.open), (".xz", lzma.open), (".bz2", bz2.open)])
def test_compressed_files_and_several(suffix: str, write: Any, tmp_path: Path) -> None:
    with write(tmp_path / f"a{suffix}", "wt", encoding="utf-8") as file:
        file.write("Ann B-PER\n")
    found = read_tagged([tmp_path / f"a{suffix}", written(tmp_path / "b", "went\tX\tO\n")])
    assert found.sentences == [["Ann"], ["went"]] and found.tags == [["B-PER"], ["O"]]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "no sentence"),
        ("\n \n-DOCSTART- O\n", {}, "no sentence"),
        ("a O\nb\n", {}, "line 2: 1 columns, but the lines before have 2"),
        ("a\tO\n\nb\tB X\n c\tO\tO\n", {}, "line 4: 3 columns"),
        ("word\n", {}, "column 1 would be both word and tag"),
        ("a O\n", {"tag_column": 3}, "has 2 columns: there is no column 3"),
        ("a O\n", {"columns": [5]}, "there is no column 5"),
        ("a O\n", {"word_column": 2}, "column 2 would be both"),
        ("a\tO\nb\t\n", {}, "line 2: the word 'b' has no tag in column 2"),
        (CONLLU.replace("\tVERB\tVB", "\t_\tVB"), {}, "line 6: the word 'go' has no tag in column 4"),
        (CONLLU.replace("3\tgo\tgo", "x\tgo\tgo"), {}, "line 6: a line of CoNLL-U begins with the number"),
    ],
)
def test_what_is_broken_is_named_with_its_line(
    text: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match="broken") as caught:
        read(tmp_path / "broken", text, **options)
    assert message in str(caught.value)


def test_columns_are_numbered_from_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="from 1, not 0"):
        read(tmp_path / "a", "a O\n", tag_column=0)
    with pytest.raises(CorpusError, match="0xFF"):
        (tmp_path / "bad").write_bytes(b"a\xff O\n")
        read_tagged(tmp_path / "bad")
    assert read_tagged(tmp_path / "bad", errors="replace").sentences == [["a\ufffd"]]


def test_sentences_are_taken_in_the_order_asked_for(tmp_path: Path) -> None:
    found = read(tmp_path / "a", CHUNKS).take([1])
    assert found == Tagged([["#", "1"]], [["B-NP", "I-NP"]], [[(), ()]])


def test_tags_are_composed(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a\tB-cafe\u0301\nb\tB-caf\xe9\n", encoding="utf-8")
    assert read_tagged(tmp_path / "t").tags == [["B-caf\xe9", "B-caf\xe9"]]
