"""What a corpus is: files, sentences and lists of tokens, and that words which were given are looked up as they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from w2v import Embeddings, Phrases, Word2Vec
from w2v.commands.main import main
from w2v.corpora.readers import CorpusError
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex

GERMAN = [["Der", "Hund", "bellt"], ["Die", "Katze", "schnurrt"]] * 40


def trained(corpus: Any, **parameters: Any) -> Word2Vec:
    chosen = {"min_count": 1, "vector_size": 8, "epochs": 1, "sample": 0, "workers": 1, "random_state": 1} | parameters
    return Word2Vec(**chosen).fit(corpus)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("red green blue\n" * 9)
    Path("b.txt").write_text("one two three\n" * 9)
    return tmp_path


@pytest.fixture
def german(tmp_path: Path) -> Path:
    trained(GERMAN).save(tmp_path / "german.model")
    return tmp_path / "german.model"


def run(*arguments: object, text: str | None = None) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=text)


@pytest.mark.parametrize(
    "corpus",
    [
        ["a.txt", "b.txt"],
        ("a.txt", "b.txt"),
        ["[ab].txt"],
        [Path("a.txt"), Path("b.txt")],
        iter(["a.txt", "b.txt"]),
        (path for path in (Path("a.txt"), Path("b.txt"))),
        np.array(["a.txt", "b.txt"]),
    ],
)
def test_file_names_in_an_iterable_are_files(corpus: Any, files: Path) -> None:
    model = trained(corpus)
    assert model.vocabulary_.index_to_key == ["red", "green", "blue", "one", "two", "three"]
    assert model.inputs_ == (str(files / "a.txt"), str(files / "b.txt"))


def test_phrases_take_a_list_of_file_names(files: Path) -> None:
    assert Phrases(min_count=1).fit(["a.txt", "b.txt"]).n_words_ == 54


def test_an_index_takes_a_list_of_file_names(files: Path) -> None:
    encoder = SentenceEncoder(trained(["a.txt"]).embeddings_)
    assert len(SentenceIndex.build(encoder.fit(), ["a.txt"], files / "x.index")) == 9


@pytest.mark.parametrize(
    "corpus", [["gone.txt"], ["a.txt", "gone.txt"], ["my gone.txt", "a.txt"], ["*.gone"], ["no/ne"]]
)
def test_strings_that_look_like_missing_files_raise(corpus: list[str], files: Path) -> None:
    with pytest.raises(CorpusError, match=r"(gone|no/ne).*strings that look like file names are read as files"):
        trained(corpus)


@pytest.mark.parametrize("corpus", [["a.txt", Path("b.txt")], [Path("a.txt"), "b.txt"], [Path("a.txt"), "the cat"]])
def test_paths_and_strings_do_not_mix(corpus: list[Any], files: Path) -> None:
    with pytest.raises(TypeError, match=r"mixes paths and strings: item 2 .* all as paths or all as strings"):
        trained(corpus)


def test_a_file_name_before_text_raises(files: Path) -> None:
    with pytest.raises(CorpusError, match="a.txt is a file, but item 2 is 'the cat"):
        trained(["a.txt", "the cat sat " * 1000])


@pytest.mark.parametrize(
    "corpus",
    [
        ["the cat sat", "see a.txt"],
        ["node.js", "runs the server"],
        ["words", "a cat"],
        (sentence for sentence in ["see", "the cat", "a.txt"]),
    ],
)
def test_text_stays_text(corpus: Any, files: Path) -> None:
    Path("words").write_text("not this\n")
    assert {"cat", "server"} & {*trained(corpus).vocabulary_}


@pytest.mark.parametrize(
    "corpus", [[["a", "b"], "c d"], ["a b", ["c", "d"]], [b"a b"], {"a b": 1}, b"a b", 3, ["a b", Path("x")]]
)
@pytest.mark.parametrize("tokenizer", ["words", str.split])
def test_mixed_and_other_corpora_raise(corpus: Any, tokenizer: Any) -> None:
    with pytest.raises(TypeError, match=r"must (all )?be (text|a path|a str)|is not a list of texts"):
        trained(corpus, tokenizer=tokenizer)


# words that were given


@pytest.mark.parametrize("corpus", [GERMAN, tuple(GERMAN), iter(GERMAN), np.array(GERMAN)])
def test_given_words_are_looked_up_as_they_are(corpus: Any) -> None:
    words = trained(corpus).embeddings_
    assert "Hund" in words
    assert "hund" not in words
    assert words.neighbors("Hund", top_n=1)[0][0] in words.vocabulary
    assert words.doesnt_match(["Hund", "hund", "Katze"]) in ("Hund", "Katze")


def test_given_words_keep_signs() -> None:
    words = trained([["C#", "Java"], ["c", "asm"], ["New York", "is"]] * 9).embeddings_
    assert "c#" not in words
    assert {"C#", "New York"} <= {word for word in ("C#", "c#", "New York", "new york") if word in words}


def test_given_words_make_subwords_as_they_are() -> None:
    corpus = [["Hund", "bellt"], ["hundert", "Jahre"]] * 40
    words = trained(corpus, subwords=True, buckets=10_000, vector_size=100).embeddings_
    assert words.subwords is not None
    np.testing.assert_array_equal(words["Hundes"], words.subwords.vector("Hundes"))
    assert words.neighbors("Hundes", top_n=1)[0][0] == "Hund"


@pytest.mark.parametrize("kind", [lambda item: (2.0, item), lambda item: (2.0, tuple(item))])
def test_given_words_with_weights_are_looked_up_as_they_are(kind: Callable[[list[str]], Any]) -> None:
    words = trained([kind(item) for item in GERMAN], lines="weighted").embeddings_
    assert "Hund" in words
    assert "hund" not in words


def test_weighted_sentences_are_all_text_or_all_tokens() -> None:
    with pytest.raises(TypeError, match="all be text or all be lists of tokens"):
        trained([(1.0, ["a", "b"]), (1.0, "c d")], lines="weighted")


def test_a_tokenizer_that_is_asked_for_is_kept() -> None:
    assert "HUND" in trained([["der", "hund"]] * 9, tokenizer=WordsTokenizer()).embeddings_
    assert "HUND" not in trained([["der", "hund"]] * 9, tokenizer="whitespace").embeddings_


def test_phrases_of_given_words_are_found_as_they_are() -> None:
    corpus = [["New", "York", "ruft"], ["Der", "Hund", "bellt"], ["New", "York", "schweigt"]] * 30
    words = trained(corpus, phrases=True, phrase_threshold=0.05).embeddings_
    assert "New York" in words
    assert "new york" not in words


def test_every_command_looks_given_words_up_as_they_are(german: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Der Hund\nDie Katze\n")
    assert run("neighbors", german, "Hund").exit_code == 0
    assert run("neighbors", german, "hund").exit_code == 1
    assert run("similarity", german, "Hund", "Katze").exit_code == 0
    assert run("analogy", german, "Der", "Hund", "Die").exit_code == 0
    encoded = run("encode", german, tmp_path / "text.txt", "--output", tmp_path / "rows.npy")
    assert encoded.exit_code == 0
    assert np.abs(np.load(tmp_path / "rows.npy")).sum(axis=1).all()
    assert run("similar", german, tmp_path / "text.txt", "Der Hund").exit_code == 0
    assert run("index", german, tmp_path / "text.txt", "--output", tmp_path / "x.index").exit_code == 0
    assert run("search", tmp_path / "x.index", "Der Hund").exit_code == 0


def test_an_encoder_looks_given_words_up_as_they_are(german: Path) -> None:
    encoder = SentenceEncoder(Embeddings.load(german)).fit()
    assert np.abs(encoder.transform(["Der Hund"])).any()
    assert not np.abs(encoder.transform(["der hund"])).any()


def test_a_static_export_keeps_given_words(german: Path, tmp_path: Path) -> None:
    folder = tmp_path / "static"
    assert run("export", german, folder, "--format", "model2vec").exit_code == 0
    assert run("import", folder, "--output", tmp_path / "back.model").exit_code == 0
    back = SentenceEncoder.load(tmp_path / "back.model")
    assert np.abs(back.transform(["Hund"])).any()
    assert not np.abs(back.transform(["hund"])).any()


def test_continued_training_takes_text_as_the_words_were_given(german: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("Der Hund bellt laut\n" * 9)
    grown = tmp_path / "grown.model"
    assert run("train", tmp_path / "more.txt", "--continue", german, "--output", grown, "--seed", "1").exit_code == 0
    words = Embeddings.load(grown)
    assert {*words.vocabulary} == {"Der", "Hund", "bellt", "Die", "Katze", "schnurrt", "laut"}
    model = trained(GERMAN)
    model.continue_fit(["Der Hund bellt laut"] * 9)
    assert "hund" not in model.embeddings_


# where a model comes from


def inputs_of(folder: Path) -> list[str]:
    inputs: list[str] = json.loads((folder / "config.json").read_text())["training"]["inputs"]
    return inputs


def test_a_finished_model_remembers_its_files(files: Path) -> None:
    assert run("train", "a.txt", "b.txt", "--output", "m.model", "--min-count", "1", "--sample", "0").exit_code == 0
    assert inputs_of(files / "m.model") == [str(files / "a.txt"), str(files / "b.txt")]
    shown = " ".join(run("info", "m.model").output.split())
    assert f"training inputs {files / 'a.txt'}, {files / 'b.txt'}" in shown
    assert Word2Vec.load(files / "m.model").inputs_ == (str(files / "a.txt"), str(files / "b.txt"))


@pytest.mark.parametrize(
    ("corpus", "told"), [(GERMAN, "in memory: lists of tokens"), (["der hund bellt"] * 9, "in memory: sentences")]
)
def test_a_finished_model_says_that_its_corpus_was_in_memory(corpus: Any, told: str, tmp_path: Path) -> None:
    model = trained(corpus)
    assert model.inputs_ == (told,)
    model.save(tmp_path / "m.model")
    assert inputs_of(tmp_path / "m.model") == [told]


def test_continued_training_remembers_both_texts(files: Path) -> None:
    model = trained("a.txt").continue_fit("b.txt")
    assert model.inputs_ == (str(files / "b.txt"),)
    assert model.embeddings_.metadata["earlier"][0]["inputs"] == [str(files / "a.txt")]


def test_info_says_each_thing_once(files: Path) -> None:
    assert run("train", "a.txt", "--output", "m.model", "--min-count", "1", "--sample", "0").exit_code == 0
    shown = run("info", "m.model").output
    names = [line.split("  ")[0].replace("_", " ") for line in shown.split("\n\n")[0].splitlines()]
    assert len(names) == len({*names})
    assert any(line.rstrip().endswith("words, lower-cased") for line in shown.splitlines())
    assert "chunk_targets" not in shown
