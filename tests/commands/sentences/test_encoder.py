"""The commands encode, similar and attention."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import SENTENCES, make_embeddings
from w2v.encoder import SentenceEncoder
from w2v.encoder.model.network import Network
from w2v.encoder.model.persistence import save_encoder

LINES = [sentence.replace("\n", " ").replace("\r", "") for sentence in SENTENCES]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    make_embeddings().save(tmp_path / "my.model")
    return tmp_path / "my.model"


@pytest.fixture
def attentive(tmp_path: Path) -> Path:
    state = SentenceEncoder(make_embeddings(), "attention", layers=2, heads=2, dim=8, random_state=1).state
    assert state.network is not None
    parameters = Network(state.network).initialise(1)
    parameters.flat[:] += 0.5 * np.random.default_rng(5).normal(size=parameters.flat.shape)
    save_encoder(replace(state, parameters=parameters), tmp_path / "my.encoder")
    return tmp_path / "my.encoder"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_encode_writes_a_row_for_each_line(model: Path, text: Path, tmp_path: Path) -> None:
    result = run("encode", model, text, "--output", tmp_path / "v.npy", "--batch-size", 3)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), SentenceEncoder(make_embeddings()).encode(LINES))


def test_export_writes_an_encoder_that_computes_in_int8(
    model: Path, attentive: Path, text: Path, tmp_path: Path
) -> None:
    result = run("export", attentive, tmp_path / "small", "--format", "int8")
    assert result.exit_code == 0, result.output
    assert run("encode", tmp_path / "small", text, "-o", tmp_path / "v.npy").exit_code == 0
    expected = SentenceEncoder.load(attentive).compress().encode(LINES)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected)
    assert json.loads(run("info", tmp_path / "small", "--json").stdout)["network"]["compute_type"] == "int8"
    again = run("export", tmp_path / "small", tmp_path / "x", "--format", "int8")
    assert_mistake(again, 1, "computes in int8 already")
    assert_mistake(run("export", model, tmp_path / "x", "--format", "int8"), 1, "only encoders with attention")
    assert not (tmp_path / "x").exists()


def test_encode_takes_an_encoder_and_options(attentive: Path, text: Path, tmp_path: Path) -> None:
    output = tmp_path / "v.npy"
    result = run(
        "encode", attentive, text, "-o", output, "--truncate-dim", 7, "--dtype", "float16", "--no-normalize",
        "--workers", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    expected = SentenceEncoder.load(attentive).encode(LINES, truncate_dim=7, precision="float16", normalize=False)
    found = np.load(output)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, expected)
    assert_mistake(run("encode", attentive, text, "-o", output), 1, "exists already")
    assert run("encode", attentive, text, "-o", output, "--overwrite", "--dtype", "int8").exit_code == 0
    assert np.load(output).dtype == np.int8


def test_encode_reads_standard_input_and_writes_json_lines(model: Path, tmp_path: Path) -> None:
    result = run("encode", model, "--jsonl", "--truncate-dim", 2, stdin=b"the river\n\nx")
    assert result.exit_code == 0, result.output
    parsed = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["sentence"] for entry in parsed] == ["the river", "", "x"]
    expected = SentenceEncoder(make_embeddings()).encode(["the river", "", "x"], truncate_dim=2)
    np.testing.assert_allclose([entry["vector"] for entry in parsed], expected, rtol=1e-6)
    to_file = run(
        "encode", model, "-", "--jsonl", "-o", tmp_path / "v.jsonl", "--truncate-dim", 2, stdin=b"the river\n\nx"
    )
    assert to_file.exit_code == 0 and to_file.stdout == ""
    assert (tmp_path / "v.jsonl").read_text() == result.stdout


def test_encode_and_similar_say_if_no_line_has_a_known_word(model: Path, tmp_path: Path) -> None:
    result = run("encode", model, "-", "-o", tmp_path / "v.npy", stdin=b"unheard\n\nof\n")
    assert result.exit_code == 0
    assert f"Warning: no line has a word that {model} knows, so all vectors are zero." in result.stderr
    assert not np.load(tmp_path / "v.npy").any()
    result = run("similar", model, "-", "the river", stdin=b"unheard\n\nof\n")
    assert f"Warning: no line has a word that {model} knows" in result.stderr
    for command in (["encode", model, "-", "--jsonl"], ["similar", model, "-", "x"]):
        assert "Warning" not in run(*command, stdin=b"unheard\nthe river\n").stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "No output"),
        (["-o", "v.txt"], 1, "must end in .npy"),
        (["-o", "v.npy", "--batch-size", 0], 2, "--batch-size"),
        (["-o", "v.npy", "--truncate-dim", 0], 2, "--truncate-dim"),
        (["-o", "v.npy", "--truncate-dim", 21], 1, "the vectors have only 20 columns"),
        (["-o", "v.npy", "--dtype", "int4"], 2, "must be 'float32' or 'float16' or 'int8', got 'int4'."),
        (["-o", "v.npy", "--errors", "ignore"], 2, "'ignore' is not one of"),
        (["-o", "v.npy", "--workers", "many"], 2, "--workers"),
        (["-o", "/dev/null/v.npy"], 1, "/dev/null is not a folder"),
    ],
)
def test_encode_reports_bad_options(
    model: Path,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert_mistake(run("encode", model, text, *options), code, message)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_encode_reports_what_is_no_text(model: Path, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("caf\xe9\n".encode("latin-1"))
    (tmp_path / "empty").write_bytes(b"")
    output = tmp_path / "v.npy"
    assert_mistake(
        run("encode", model, tmp_path / "latin", "-o", output), 1, "0xE9 at byte offset 3 is not valid UTF-8"
    )
    assert_mistake(run("encode", model, tmp_path / "empty", "-o", output), 1, "empty has no lines")
    assert_mistake(run("encode", model, "-", "-o", output, stdin=b""), 1, "standard input has no lines")
    assert_mistake(run("encode", model, tmp_path / "none", "-o", output), 1, "none")
    assert_mistake(run("encode", tmp_path / "none", tmp_path / "latin", "-o", output), 1, "none does not exist")
    assert not output.exists()
    result = run("encode", model, tmp_path / "latin", "-o", output, "--errors", "replace")
    assert result.exit_code == 0 and np.load(output).shape == (1, 20)


def test_similar_shows_the_nearest_lines(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a river\n42 x\nthe big river\nthe river\n")
    result = run("similar", model, text, "the river", "--top", 2)
    assert result.exit_code == 0, result.output
    header, _, *rows = result.stdout.splitlines()
    assert header.split() == ["similarity", "line", "near", "the", "river"]
    assert [row.split(maxsplit=2)[1:] for row in rows] == [["3", "the big river"], ["1", "a river"]]
    as_json = json.loads(run("similar", model, text, "the river", "--top", 1, "--json").stdout)
    assert as_json["query"] == "the river"
    assert as_json["similar"] == [{"sentence": "the big river", "similarity": pytest.approx(1.0), "line": 3}]
    piped = run("similar", model, "-", "the river", "--top", 2, stdin=text.read_bytes())
    assert piped.stdout == result.stdout


def test_similar_takes_vectors_that_were_encoded_before(model: Path, text: Path, tmp_path: Path) -> None:
    vectors = tmp_path / "v.npy"
    assert run("encode", model, text, "-o", vectors).exit_code == 0
    expected = run("similar", model, text, "river").stdout
    assert run("similar", model, text, "river", "--line-vectors", vectors).stdout == expected
    np.save(vectors, np.zeros((3, 20), np.float32))
    assert_mistake(run("similar", model, text, "river", "--line-vectors", vectors), 1, "only 3 vectors", "another text")
    np.save(vectors, np.zeros((8, 7), np.float32))
    assert_mistake(
        run("similar", model, text, "river", "--line-vectors", vectors), 1, "contains 7 columns instead of 20"
    )
    vectors.write_text("x")
    assert_mistake(run("similar", model, text, "river", "--line-vectors", vectors), 1, "is not a .npy file")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["unheard"], 1, "no word of the sentence 'unheard' is known"),
        (["river", "--top", 0], 2, "--top"),
        (["river", "--workers", 0], 2, "--workers"),
        (["river", "--errors", "x"], 2, "--errors"),
    ],
)
def test_similar_reports_bad_input(model: Path, text: Path, arguments: list[object], code: int, message: str) -> None:
    sentence, *options = arguments
    assert_mistake(run("similar", model, text, sentence, *options), code, message)


def test_similar_tells_the_order_of_its_arguments(model: Path, text: Path) -> None:
    assert_mistake(run("similar", model, "the river", text), 2, "There is no file 'the river'", "FILE comes before")


def test_attention_shows_weights_and_shares(attentive: Path) -> None:
    result = run("attention", attentive, "The river don't x")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:4] == ["1", "2", "3", "4"]
    assert [line.split()[1] for line in lines[1:5]] == ["the", "river", "don't", "x"]
    assert "█" in result.stdout and "darkest shade" in lines[5]
    parsed = json.loads(run("attention", attentive, "The river don't x", "--json").stdout)
    assert parsed["tokens"] == ["the", "river", "don't", "x"]
    assert sum(parsed["shares"]) == pytest.approx(1)
    weights = np.array(parsed["attention"])
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    encoded = SentenceEncoder.load(attentive).encode(["The river don't x"], return_attention=True)
    assert not isinstance(encoded, np.ndarray) and encoded.attention is not None
    np.testing.assert_allclose(weights, encoded.attention[0][-1].mean(axis=0), atol=1e-6)
    one = json.loads(run("attention", attentive, "The river don't x", "--json", "--layer", 1, "--head", 2).stdout)
    np.testing.assert_allclose(one["attention"], encoded.attention[0][0, 1], atol=1e-6)


def test_attention_of_word_vectors_shows_shares_only(model: Path) -> None:
    result = run("attention", model, "The river")
    assert result.exit_code == 0 and "share of the vector" in result.stdout
    parsed = json.loads(run("attention", model, "The river", "--json").stdout)
    assert parsed["tokens"] == ["the", "river"] and "attention" not in parsed
    assert parsed["shares"][1] > parsed["shares"][0]


@pytest.mark.parametrize("name", ["picture.png", "picture.svg"])
def test_attention_draws_a_picture(attentive: Path, model: Path, tmp_path: Path, name: str) -> None:
    for folder in (attentive, model):
        result = run("attention", folder, "The river don't 日本", "--output", tmp_path / name, "--overwrite")
        assert result.exit_code == 0, result.output
        assert result.stderr == "" or re.fullmatch(
            "Note: no installed font has '[^\n]*\n", result.stderr
        )  # as fonts are
        assert (tmp_path / name).stat().st_size > 2000
        (tmp_path / name).read_bytes().index(b"PNG" if name.endswith("png") else b"<svg")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["unheard"], 1, "no word of the sentence 'unheard' is known"),
        (["river", "--layer", 3], 2, "--layer is 3, but"),
        (["river", "--head", 3], 2, "--head is 3, but"),
        (["river", "--layer", 0], 2, "--layer"),
        (["river", "--output", "x.gif"], 1, ".png or .svg"),
    ],
)
def test_attention_reports_bad_input(attentive: Path, arguments: list[object], code: int, message: str) -> None:
    assert_mistake(run("attention", attentive, *arguments), code, message)


def test_attention_of_word_vectors_has_no_layers(model: Path) -> None:
    assert_mistake(run("attention", model, "river", "--layer", 1), 2, "has no attention: leave out --layer")


def test_info_describes_an_encoder(attentive: Path, tmp_path: Path) -> None:
    described = json.loads(run("info", attentive, "--json").stdout)
    assert described["kind"] == "sentence encoder" and described["architecture"] == "attention"
    assert described["network"]["layers"] == 2 and described["dimension"] == 20
    assert described["bytes"] == sum(file.stat().st_size for file in attentive.iterdir())
    shown = run("info", attentive).stdout
    assert "architecture" in shown and "layers 2" in shown
    SentenceEncoder(make_embeddings(), identity_scale=0.25).save(tmp_path / "plain")
    plain = json.loads(run("info", tmp_path / "plain", "--json").stdout)
    assert plain["architecture"] == "static" and plain["identity"] == {"scale": 0.25, "start": 0}
