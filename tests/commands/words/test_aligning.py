"""The commands on two languages: align, neighbors --in, evaluate --translations, prune --language."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Embeddings, Vocabulary
from w2v.encoder.parameters import EncoderParameters

N = 60


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Save en.model and de.model, one the other turned, a dictionary of half the words, and one to be judged by."""
    english = rng.standard_normal((N, 8)).astype(np.float32)
    turn, _ = np.linalg.qr(rng.standard_normal((8, 8)))
    Embeddings([f"en{i}" for i in range(N)], english).save(tmp_path / "en.model")
    Embeddings([f"de{i}" for i in range(N)], english @ turn.astype(np.float32)).save(tmp_path / "de.model")
    for name, rows in (("train.tsv", range(30)), ("test.tsv", range(30, N))):
        (tmp_path / name).write_text("".join(f"en{i}\tde{i}\n" for i in rows), encoding="utf-8")
    return tmp_path


def align(folder: Path, *options: object, dictionary: object = None) -> str:
    given = folder / "train.tsv" if dictionary is None else dictionary
    paths = [folder / "en.model", folder / "de.model", "--output", folder / "al.model"]
    result = run("align", *paths, "--dictionary", given, *options)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_align_writes_a_model_that_speaks_the_other_language(folder: Path) -> None:
    described = json.loads(align(folder, "--refinements", 2, "--json"))
    assert described["dictionary_pairs"] == 30 and described["history"][0]["pairs"] == 30
    assert described["output"] == str(folder / "al.model")
    for options in ([], ["--csls"]):
        result = run("neighbors", folder / "al.model", "en40", "en41", "--in", folder / "de.model", "--json", *options)
        assert result.exit_code == 0 and result.stderr == "", result.output
        assert [answer["neighbors"][0]["word"] for answer in json.loads(result.stdout)] == ["de40", "de41"]
    shown = run("neighbors", folder / "al.model", "en40", "--in", folder / "de.model", "--csls", "--top", 1).stdout
    assert shown.split()[:3] == ["near", "en40", "CSLS"] and "de40" in shown
    assert json.loads(run("info", folder / "al.model", "--json").stdout)["aligned_to"]["model"].endswith("de.model")
    assert "anchors" not in run("info", folder / "al.model").stdout


def test_evaluate_translates_a_dictionary(folder: Path) -> None:
    align(folder)
    arguments = ["evaluate", folder / "al.model", "--translations", folder / "test.tsv", "--in", folder / "de.model"]
    report = json.loads(run(*arguments, "--json").stdout)["translations"][str(folder / "test.tsv")]
    assert report["asked"] == report["words"] == 30 and report["coverage"] == 1
    assert report["precision"]["csls"] == {"1": 1, "5": 1, "10": 1} == report["precision"]["nearest"]
    shown = run(*arguments).stdout
    assert "nearest neighbour" in shown and "P@10" in shown and "100.0 %" in shown


def test_align_shows_each_refinement(folder: Path) -> None:
    assert "mean cosine of translations" in align(folder)


def test_align_without_a_dictionary_gives_the_same_bits_for_the_same_seed(folder: Path) -> None:
    align(folder, "--seed", 3, dictionary="none")
    first = Embeddings.load(folder / "al.model").vectors.copy()
    align(folder, "--seed", 3, "--overwrite", dictionary="none")
    assert (Embeddings.load(folder / "al.model").vectors == first).all()


def test_models_of_unknown_spaces_are_warned_of(folder: Path) -> None:
    result = run("neighbors", folder / "en.model", "en1", "--in", folder / "de.model")
    assert result.exit_code == 0
    assert "are not known to share one space" in result.stderr and "w2v align" in result.stderr


def test_prune_takes_a_language_out_of_a_joint_model(folder: Path, rng: np.random.Generator) -> None:
    words = [f"{language}:{word}" for word in ("a", "b") for language in ("en", "de")]
    vectors = np.repeat(rng.standard_normal((2, 4)), 2, axis=0)
    Embeddings(words, vectors).save(folder / "joint.model")
    for language in ("en", "de"):
        result = run("prune", folder / "joint.model", "--output", folder / language, "--language", language)
        assert result.exit_code == 0, result.output
    result = run("neighbors", folder / "en", "a", "--in", folder / "de", "--json")
    assert result.stderr == "" and json.loads(result.stdout)[0]["neighbors"][0]["word"] == "a"
    refused = run("prune", folder / "joint.model", "--output", folder / "x", "--language", "fr")
    assert_mistake(refused, 1, "language 'fr'; there are de, en")
    assert not (folder / "x").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("one\n", "bad.tsv, line 1: expected a word, a tab and its translation"),
        ("en1\tde1\nen2\t\n", "bad.tsv, line 2"),
        ("", "no pair of words"),
        ("foo\tbar\n", "of the 1 pairs of the dictionary, none has both words in the models"),
        ("de1\ten1\n", "check that source and target are not exchanged"),
    ],
)
def test_align_refuses_dictionaries_that_say_nothing(folder: Path, content: str, message: str) -> None:
    (folder / "bad.tsv").write_text(content, encoding="utf-8")
    paths = [folder / "en.model", folder / "de.model", "--output", folder / "al.model"]
    assert_mistake(run("align", *paths, "--dictionary", folder / "bad.tsv"), 1, message)
    assert not (folder / "al.model").exists()


def test_align_refuses_models_that_do_not_fit(folder: Path) -> None:
    Embeddings(["en1", "x"], np.eye(2)).save(folder / "narrow.model")
    output = ["--output", folder / "al.model", "--dictionary", folder / "train.tsv"]
    assert_mistake(run("align", folder / "en.model", folder / "narrow.model", *output), 1, "8 and 2 dimensions")
    assert_mistake(
        run("align", folder / "en.model", folder / "en.model", *output), 1, "source and target are the same model"
    )
    assert_mistake(run("align", folder / "en.model", folder / "nowhere", *output), 1, "does not exist")
    missing = ["--output", folder / "al.model", "--dictionary", folder / "no.tsv"]
    assert_mistake(run("align", folder / "en.model", folder / "de.model", *missing), 1, "no.tsv")
    assert_mistake(run("align", folder / "en.model", folder / "de.model", *output, "--k", 0), 2, "--k")
    identical = ["--output", folder / "al.model", "--dictionary", "identical"]
    assert_mistake(run("align", folder / "en.model", folder / "de.model", *identical), 1, "no word is spelled alike")
    assert not (folder / "al.model").exists()
    narrow = ["neighbors", folder / "en.model", "en1", "--in", folder / "narrow.model"]
    assert_mistake(run(*narrow), 1, "8 and 2 dimensions")


def test_options_that_do_not_go_together_are_refused(folder: Path) -> None:
    model, other = folder / "en.model", folder / "de.model"
    for arguments, message in (
        (["neighbors", model, "en1", "--csls"], "give --in OTHER"),
        (["neighbors", model, "en1", "--in", other, "--minus", "en2"], "--in goes with neither"),
        (["neighbors", model, "en1", "--in", other, "--approximate"], "--in goes with neither"),
        (["evaluate", model, "--translations", folder / "test.tsv"], "--translations FILE and --in OTHER go together"),
        (["evaluate", model, "--in", other], "--translations FILE and --in OTHER go together"),
    ):
        assert_mistake(run(*arguments), 2, message)
    align(folder)
    unknown = run("neighbors", folder / "al.model", "foo", "--in", other)
    assert_mistake(unknown, 1, "the word 'foo' is not in the vocabulary")


def test_align_does_not_replace_its_target(folder: Path) -> None:
    before = Embeddings.load(folder / "de.model").vectors.copy()
    paths = [folder / "en.model", folder / "de.model", "--dictionary", folder / "train.tsv"]
    for target in (folder / "de.model", folder / "x" / ".." / "de.model"):
        (folder / "x").mkdir(exist_ok=True)
        assert_mistake(run("align", *paths, "--output", target, "--overwrite"), 2, "would replace TARGET")
    assert (Embeddings.load(folder / "de.model").vectors == before).all()


def test_exchanged_models_are_noticed(folder: Path) -> None:
    align(folder)
    query = ["neighbors", folder / "de.model", "en1", "en2", "--in", folder / "al.model"]
    assert_mistake(run(*query), 1, "only the model of --in has it; did you swap MODEL and --in?")
    judged = run(
        "evaluate", folder / "de.model", "--translations", folder / "test.tsv", "--in", folder / "al.model", "--json"
    )
    assert judged.exit_code == 0 and "The first column must be the language of MODEL" in judged.stderr
    assert json.loads(judged.stdout)["translations"][str(folder / "test.tsv")]["asked"] == 0


def test_a_phrase_is_told_from_an_unknown_word(folder: Path) -> None:
    align(folder)
    for options in (["--minus", "en1"], ["--restrict-vocab", 5]):
        query = ["neighbors", folder / "al.model", "en2 en3", *options]
        assert_mistake(run(*query), 2, "'en2 en3' is a phrase: phrases go with --in, --top and --json only")


@pytest.mark.parametrize("csls", [False, True])
def test_phrases_are_looked_up_in_the_other_language(folder: Path, csls: bool, rng: np.random.Generator) -> None:
    english, german = (Embeddings.load(folder / f"{name}.model") for name in ("en", "de"))
    counts = np.arange(2 * N, N, -1) ** 2  # words that weigh differently
    Embeddings(Vocabulary(english.index_to_key, counts), english.vectors).save(folder / "en.model", overwrite=True)
    align(folder)
    options = ["--in", folder / "de.model", "--json", *(["--csls"] if csls else [])]
    result = run("neighbors", folder / "al.model", "en2 nowhere en30", "en4", *options)
    assert result.exit_code == 0 and "left out of 'en2 nowhere en30': nowhere" in result.stderr, result.output
    phrase, word = json.loads(result.stdout)
    name = "csls" if csls else "similarity"
    assert phrase["unknown"] == ["nowhere"] and "unknown" not in word
    assert {key for near in (*phrase["neighbors"], *word["neighbors"]) for key in near} == {"word", name}
    assert word["neighbors"][0]["word"] == "de4"
    if not csls:
        a = EncoderParameters.a
        weights = a / (a + counts[[2, 30]] / counts.sum())
        query = weights @ Embeddings.load(folder / "al.model").vectors[[2, 30]]
        units = german.vectors / np.linalg.norm(german.vectors, axis=1, keepdims=True)
        cosines = units @ query / np.linalg.norm(query)
        expected = np.argsort(-cosines)[:10]
        assert [near["word"] for near in phrase["neighbors"]] == [f"de{i}" for i in expected]
        assert [near[name] for near in phrase["neighbors"]] == pytest.approx(cosines[expected].tolist(), abs=1e-5)
    unknown = run("neighbors", folder / "al.model", "no where", "--in", folder / "de.model")
    assert_mistake(unknown, 1, "no word of 'no where' is known")


def test_words_of_two_languages_have_their_tags(tmp_path: Path) -> None:
    lines = ["das Haus ist rot\tthe house is red", "der Hund ist klein\tthe dog is small"] * 30
    (tmp_path / "pairs.tsv").write_text("\n".join(lines), encoding="utf-8")
    model = tmp_path / "joint.model"
    options = ["--lines", "parallel", "--languages", "de,en", "--min-count", 1, "--vector-size", 4, "--epochs", 1]
    trained = run("train", tmp_path / "pairs.tsv", "--output", model, "--workers", 1, *options)
    assert trained.exit_code == 0, trained.output
    written, lowered = (run("neighbors", model, word, "--top", 3) for word in ("de:Haus", "de:haus"))
    assert written.exit_code == 0 and written.stdout.splitlines()[2:] == lowered.stdout.splitlines()[2:]
    assert_mistake(run("neighbors", model, "haus"), 1, "did you mean 'de:haus'?")
    (tmp_path / "german.txt").write_text("das Haus ist rot\n", encoding="utf-8")
    for command in (
        ["encode", model, tmp_path / "german.txt", "--output", tmp_path / "vectors.npy"],
        ["similar", model, tmp_path / "german.txt", "haus"],
        ["neighbors", model, "de:haus de:hund"],
    ):
        assert_mistake(run(*command), 1, "the words have tags of two languages, such as")
    assert not (tmp_path / "vectors.npy").exists()
    assert_mistake(
        run("train", tmp_path / "pairs.tsv", "--continue", model, "--output", tmp_path / "more"), 1,
        "a model of --lines parallel cannot be trained further",
    )  # fmt: skip
    pruned = run("prune", model, "--language", "de", "--output", tmp_path / "german.model")
    assert pruned.exit_code == 0, pruned.output
    encoded = run("encode", tmp_path / "german.model", tmp_path / "german.txt", "--output", tmp_path / "vectors.npy")
    assert encoded.exit_code == 0 and np.load(tmp_path / "vectors.npy").any()


def test_align_says_how_much_of_the_dictionary_is_known_and_enough(folder: Path) -> None:
    found = json.loads(align(folder, "--json"))
    size = len((folder / "train.tsv").read_text(encoding="utf-8").splitlines())
    assert found["dictionary_size"] == size and 0 < found["dictionary_pairs"] <= size
    (folder / "few.tsv").write_text("en1\tde1\nfoo\tbar\n", encoding="utf-8")
    paths = [folder / "en.model", folder / "de.model", "--output", folder / "few.model"]
    result = run("align", *paths, "--dictionary", folder / "few.tsv", "--refinements", 0, "--json")
    assert result.exit_code == 0
    assert "Warning: 1 pairs do not determine a rotation of 8 dimensions" in result.stderr
    few = json.loads(result.stdout)
    assert (few["dictionary_pairs"], few["dictionary_size"]) == (1, 2)
