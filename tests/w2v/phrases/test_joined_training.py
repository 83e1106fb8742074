"""Words trained on text whose phrases are joined, and the command that joins them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers.examples.phrases import make_phrase_list
from w2v.commands.main import main
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.phrases import counting
from w2v.phrases.phrase_list import PhraseList, PhraseTokenizer
from w2v.storage.files import ModelError
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

TEXT = ["We like New York", "New York likes us", "the Bank of America", "a bank", "x y z"] * 20
"""In which new_york and bank_of_america are phrases, and others with them."""


def trained(**options: Any) -> Word2Vec:
    defaults = {"phrase_threshold": 0.3, "phrase_connectors": "english"} if options.get("phrases", True) else {}
    given = {
        "phrases": True,
        "min_count": 3,
        "vector_size": 4,
        "epochs": 1,
        "sample": 0,
        "workers": 1,
        "random_state": 1,
    }
    return Word2Vec(**{**given, **defaults, **options})


def counts_of(model: Word2Vec) -> Any:
    assert model.vocabulary_.counts is not None
    return model.vocabulary_.counts.tolist()


def test_training_with_phrases_is_training_on_joined_text() -> None:
    model = trained().fit(TEXT)
    tokenizer = model.embeddings_.tokenizer
    assert isinstance(tokenizer, PhraseTokenizer)
    assert {"new_york", "bank_of_america"} <= set(tokenizer.phrases.scores)
    joined = trained(phrases=False).fit([tokenizer(sentence) for sentence in TEXT])
    assert model.vocabulary_.index_to_key == joined.vocabulary_.index_to_key
    assert counts_of(model) == counts_of(joined)
    assert np.array_equal(model.vectors_, joined.vectors_)
    assert model.embeddings_.metadata["corpus"]["words"] == joined.embeddings_.metadata["corpus"]["words"]


def test_rare_words_and_phrases_are_left_out_after_joining() -> None:
    assert trained(max_vocab=2).fit(TEXT).vocabulary_.index_to_key == ["new_york", "we_like"]
    assert "york" not in trained().fit(TEXT).vocabulary_
    assert "york" in trained(min_count=1).fit([*TEXT, "York"]).vocabulary_
    assert "york" not in trained(min_count=2).fit([*TEXT, "York"]).vocabulary_
    with pytest.raises(ValueError, match="no word or phrase occurs 41 times"):
        trained(min_count=41).fit(TEXT)


def test_a_model_with_phrases_finds_them_as_people_write_them(tmp_path: Path) -> None:
    model = trained().fit(TEXT)
    model.save(tmp_path / "model")
    embeddings = Embeddings.load(tmp_path / "model")
    assert np.array_equal(embeddings["New York"], model.embeddings_["new_york"])
    assert "Bank of America" in embeddings and "bank of the america" not in embeddings
    embeddings.save(tmp_path / "copy")
    again = Embeddings.load(tmp_path / "copy")
    assert "Bank of America" in again
    again.save(tmp_path / "copy", overwrite=True)
    assert "Bank of America" in Embeddings.load(tmp_path / "copy")


def test_training_goes_on_with_the_phrases_of_the_model(tmp_path: Path) -> None:
    trained().fit(TEXT).save(tmp_path / "model")
    model = Word2Vec.load(tmp_path / "model")
    model.continue_fit(["New York and the Bank of America", "Tel Aviv and Tel Aviv"] * 5)
    assert {"new_york", "bank_of_america", "tel", "aviv"} <= set(model.vocabulary_)
    assert "tel_aviv" not in model.vocabulary_
    in_memory = trained().fit(TEXT).continue_fit(["New York and Tel Aviv"] * 5)
    assert {"new_york", "tel"} <= set(in_memory.vocabulary_)


def test_training_takes_phrases_that_were_learned_elsewhere() -> None:
    model = trained(phrases=False, tokenizer=PhraseTokenizer(WordsTokenizer(), make_phrase_list())).fit(TEXT)
    assert {"new_york", "bank_of_america", "like", "x"} <= set(model.vocabulary_)


def test_a_tokenizer_of_ones_own_is_passed_again(tmp_path: Path) -> None:
    trained(tokenizer=str.split).fit(TEXT).save(tmp_path / "model")
    assert Embeddings.load(tmp_path / "model").tokenizer is None
    restored = Word2Vec.load(tmp_path / "model", tokenizer=str.split)
    assert "New York" in restored.embeddings_


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "phrases.json").unlink(), "has no phrases.json"),
        (lambda folder: set_tokenizer(folder, {"name": "phrases"}), "damaged"),
        (lambda folder: set_tokenizer(folder, {"name": "phrases", "base": {"name": "phrases"}}), "damaged"),
        (lambda folder: set_tokenizer(folder, {"name": "phrases", "base": {"name": "telepathy"}}), "telepathy"),
    ],
)
def test_a_damaged_model_with_phrases_is_refused(damage: Any, message: str, tmp_path: Path) -> None:
    trained().fit(TEXT).save(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ModelError, match=message):
        Embeddings.load(tmp_path / "model")


def set_tokenizer(folder: Path, config: dict[str, Any]) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer": config}))


# --- the command line ------------------------------------------------------------------------------------------------


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{sentence}.\n\n" for sentence in TEXT), encoding="utf-8")
    return path


OPTIONS = ("--threshold", "0.3", "--connectors", "english")


def test_command_shows_the_best_phrases(text: Path) -> None:
    result = run("phrases", text, *OPTIONS, "--top", 1)
    assert result.exit_code == 0, result.output
    header, _, best = result.stdout.splitlines()
    assert header.split() == ["phrase", "score", "count"] and len(best.split()) == 3


def test_command_prints_json(text: Path) -> None:
    printed = json.loads(run("phrases", text, *OPTIONS, "--passes", 2, "--json", "--top", 100).stdout)
    found = {entry["phrase"]: entry for entry in printed["phrases"]}
    assert found["bank_of_america"]["words"] == ["bank", "of", "america"] and found["new_york"]["count"] == 40
    assert printed["number"] == len(found) and printed["parameters"]["passes"] == 2
    scores = [entry["score"] for entry in printed["phrases"]]
    assert scores == sorted(scores, reverse=True)


def test_command_saves_loads_and_joins(text: Path, tmp_path: Path) -> None:
    kept, joined = tmp_path / "phrases.json", tmp_path / "joined.txt"
    assert run("phrases", text, *OPTIONS, "--save", kept, "--output", joined).exit_code == 0
    phrases = PhraseList.load(kept)
    expected = "".join(" ".join(phrases.join(WordsTokenizer()(sentence))) + "\n" for sentence in TEXT)
    assert joined.read_text(encoding="utf-8") == expected
    result = run("phrases", text, "--load", kept, "--output", "-")
    assert result.exit_code == 0, result.output
    assert result.stdout == expected
    assert run("phrases", "-", *OPTIONS, "-o", "-", stdin=text.read_bytes()).stdout == expected
    assert run("phrases", text, *OPTIONS, "--save", kept, "--output", joined, "--overwrite").exit_code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_command_reads_connector_words_from_a_file(text: Path, tmp_path: Path, encoding: str) -> None:
    connectors = tmp_path / "words.txt"
    connectors.write_text("of\nthe  a", encoding=encoding)
    result = run("phrases", text, "--threshold", 0.1, "--connectors", connectors, "--json", "--top", 100)
    assert '"bank_of_america"' in result.stdout and '"of_america"' not in result.stdout


def test_command_says_when_pairs_were_forgotten(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    result = run("phrases", text, "--threshold", 0.1, "--max-pairs", 2)
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: there were more than 2 distinct pairs") and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--scoring", "pmi"], "--scoring"),
        (["--threshold", "nan"], "--threshold"),
        (["--threshold", "0"], "threshold must be above 0"),
        (["--scoring", "npmi", "--threshold", "2"], "threshold must be a number from -1 to 1"),
        (["--min-count", "0"], "--min-count"),
        (["--passes", "0"], "--passes"),
        (["--delimiter", ""], "--delimiter"),
        (["--delimiter", "a b"], "--delimiter"),
        (["--max-pairs", "0"], "--max-pairs"),
        (["--workers", "0"], "--workers"),
        (["--tokenizer", "wordz"], "--tokenizer"),
        (["--errors", "ignore"], "--errors"),
        (["--top", "0"], "--top"),
        (["--connectors", "/nowhere/words.txt"], "--connectors"),
        (["--connectors", "/"], "--connectors"),
        (["--load", "phrases.json"], "give --output as well"),
        (["--load", "phrases.json", "--output", "-", "--passes", "2"], "--passes is for finding phrases"),
        (["--output", "-", "--json"], "--json"),
        (["--output", "same", "--save", "same"], "the same file"),
    ],
)
def test_command_refuses_a_bad_option(text: Path, options: list[str], fragment: str) -> None:
    result = run("phrases", text, *options)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert result.stdout == "" and fragment in result.stderr.rpartition("Error: ")[2]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["missing.txt"], "missing.txt"),
        (["."], "folder"),
        (["text.txt", "--output", "text.txt"], "exists already"),
        (["text.txt", "--save", "."], "is a folder"),
        (["text.txt", "--save", "text.txt/phrases.json"], "text.txt is not a folder"),
        (["text.txt", "--load", "missing.json", "--output", "joined.txt"], "missing.json does not exist"),
        (["text.txt", "--load", "text.txt", "--output", "joined.txt"], "not a file of phrases"),
        (["blank.txt", "--output", "joined.txt"], "no words"),
        (["bytes.txt", "--output", "joined.txt"], "byte offset 1"),
    ],
)
def test_command_ends_with_one_line(
    text: Path, arguments: list[str], fragment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(text.parent)
    Path("blank.txt").write_text("\n \n")
    Path("bytes.txt").write_bytes(b"a\xff")
    before = sorted(Path().iterdir())
    result = run("phrases", *arguments)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert result.stdout == "" and result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert fragment in result.stderr
    assert sorted(Path().iterdir()) == before


def test_command_trains_with_phrases_and_queries_them(text: Path, tmp_path: Path) -> None:
    options = ("--phrase-threshold", 0.3, "--min-count", 3, "--vector-size", 4, "--sample", 0, "--seed", 1)
    model = tmp_path / "my.model"
    assert run("train", text, "--output", model, "--phrases", *options).exit_code == 0
    result = run("neighbors", model, "New York", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)[0]["neighbors"]
    assert "phrases" in run("info", model).stdout
    mistaken = run("train", text, "--output", tmp_path / "other", *options)
    assert mistaken.exit_code == 2 and "give phrases as well" in mistaken.stderr
    compared = run("compare", text, "--phrases")
    assert compared.exit_code == 2 and "Other programs have no --phrases" in compared.stderr
