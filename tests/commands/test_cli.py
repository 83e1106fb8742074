"""The commands: exit codes, what goes to standard output, and one bad value for every option."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v.commands.main import main
from w2v.commands.shared.option_names import OPTION_NAMES
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import Progress
from w2v.settings.parameters import Parameters
from w2v.training import word2vec
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

COMMANDS = sorted(main.commands)
JSON_COMMANDS = [
    "analogy", "attention", "compare", "evaluate", "fit-encoder", "index", "info", "neighbors", "phrases", "search",
    "similar", "similarity", "train",
]  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Save eight words in a plane where man : king = woman : queen."""
    words = ["man", "woman", "king", "queen", "apple", "pear", "kings", "evil\x1b[31m"]
    vectors = [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [-1, -1, 0.1], [-1, -1, 0.2], [1, 0, 0.9], [0, 0, -1]]
    vocabulary = Vocabulary(words, np.arange(80, 0, -10))
    history = [{"epoch": 1, "loss": 2.5, "alpha": 0.025, "words": 360, "seconds": 0.5}]
    metadata = {"parameters": {"window": 5, "alpha": None, "random_state": 123456789}, "history": history}
    path = tmp_path / "my.model"
    Embeddings(vocabulary, np.array(vectors, dtype=np.float32), metadata=metadata).save(path)
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text(": royal\nman king woman queen\nman king woman duchess\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text("apple\tpear\t9\nking\tman\t5\nman\tapple\t1\n", encoding="utf-8")
    return path


# --- help ------------------------------------------------------------------------------------------------------------


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


# --- queries ---------------------------------------------------------------------------------------------------------


def test_neighbors_prints_a_table_of_near_words(model: Path) -> None:
    result = run("neighbors", model, "king", "--top", 2)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["near", "king", "similarity"]
    assert [row[0] for row in rows[2:4]] == ["kings", "man"]


def test_neighbors_of_several_words_are_one_row_each(model: Path) -> None:
    result = run("neighbors", model, "king", "apple", "--top", 1)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[2:4] == [["king", "kings"], ["apple", "pear"]]


def test_neighbors_prints_only_json_for_programs(model: Path) -> None:
    result = run("neighbors", model, "king", "apple", "--top", 1, "--json")
    answers = json.loads(result.stdout)
    assert result.stderr == ""
    assert [answer["query"] for answer in answers] == ["king", "apple"]
    assert answers[1]["neighbors"][0]["word"] == "pear"
    assert answers[1]["neighbors"][0]["similarity"] == pytest.approx(0.997, abs=0.01)


def test_neighbors_minus_combines_all_words(model: Path) -> None:
    result = run("neighbors", model, "king", "woman", "--minus", "man", "--top", 1, "--json")
    (answer,) = json.loads(result.stdout)
    assert answer["query"] == "king woman -man"
    assert answer["neighbors"][0]["word"] == "queen"


def test_neighbors_restrict_vocab_leaves_rare_words_out(model: Path) -> None:
    result = run("neighbors", model, "king", "--restrict-vocab", 4, "--json")
    assert {near["word"] for near in json.loads(result.stdout)[0]["neighbors"]} == {"man", "woman", "queen"}


def test_neighbors_shows_control_characters_escaped(model: Path) -> None:
    result = run("neighbors", model, "king")
    assert "evil\\x1b[31m" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("method", ["add", "mul"])
def test_analogy_reads_a_is_to_b_as_c_is_to(model: Path, method: str) -> None:
    result = run("analogy", model, "man", "king", "woman", "--method", method, "--json")
    answered = json.loads(result.stdout)
    assert answered["answers"][0]["word"] == "queen"
    assert answered["method"] == method


def test_analogy_prints_a_table(model: Path) -> None:
    lines = run("analogy", model, "man", "king", "woman", "--top", 1).stdout.splitlines()
    assert lines[0].split() == "man : king = woman : ? score".split()
    assert lines[2].split()[0] == "queen"


def test_similarity_prints_the_cosine(model: Path) -> None:
    assert run("similarity", model, "king", "man").stdout == "0.7071\n"
    answered = json.loads(run("similarity", model, "king", "man", "--json").stdout)
    assert answered["words"] == ["king", "man"]
    assert answered["similarity"] == pytest.approx(0.5**0.5)


@pytest.mark.parametrize(
    "arguments",
    [["neighbors", "kingg"], ["analogy", "man", "kingg", "woman"], ["similarity", "man", "kingg"]],
    ids=lambda arguments: arguments[0],
)
def test_unknown_word_suggests_near_spellings(model: Path, arguments: Sequence[str]) -> None:
    result = run(arguments[0], model, *arguments[1:])
    assert_mistake(result, 1, "'kingg' is not in the vocabulary", "did you mean 'king'")


def test_info_prints_sizes_parameters_and_history(model: Path) -> None:
    described = json.loads(run("info", model, "--json").stdout)
    assert described["vocabulary_size"] == 8
    assert described["vector_size"] == 3
    assert described["counted_words"] == 360
    assert described["most_frequent"][0] == "man"
    assert described["parameters"]["window"] == 5
    table = run("info", model).stdout
    assert ["vector", "size", "3"] in [line.split() for line in table.splitlines()]
    assert ["seed", "123456789"] in [line.split() for line in table.splitlines()]
    assert ["1", "2.5", "0.025", "360", "0.5"] in [line.split() for line in table.splitlines()]


# --- evaluation and exchange -----------------------------------------------------------------------------------------


def test_evaluate_reports_accuracy_correlation_and_coverage(model: Path, questions: Path, pairs: Path) -> None:
    result = run("evaluate", model, "--analogies", questions, "--word-pairs", pairs, "--json")
    reports = json.loads(result.stdout)
    total = reports["analogies"][str(questions)]["total"]
    assert (total["correct"], total["total"], total["skipped"]) == (1, 1, 1)
    assert reports["pairs"][str(pairs)]["spearman"] == pytest.approx(1)


def test_evaluate_prints_tables(model: Path, questions: Path, pairs: Path) -> None:
    result = run("evaluate", model, "--analogies", questions, "--word-pairs", pairs)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "royal 1 1 100.0 % 50.0 %".split() in lines
    assert [str(pairs), "3", "100.0", "%", "1.000"] in [line[:5] for line in lines]


def test_evaluate_without_files_is_a_usage_error(model: Path) -> None:
    assert_mistake(run("evaluate", model), 2, "--analogies", "--word-pairs")


@pytest.mark.parametrize("option", ["--analogies", "--word-pairs"])
@pytest.mark.parametrize("content", [None, "one two\n", ""], ids=["missing", "malformed", "empty"])
def test_evaluate_names_a_bad_file(model: Path, tmp_path: Path, option: str, content: str | None) -> None:
    path = tmp_path / "bad.txt"
    if content is not None:
        path.write_text(content * 2, encoding="utf-8")
    assert_mistake(run("evaluate", model, option, path), 1, str(path))


# --- bad models ------------------------------------------------------------------------------------------------------


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


def edit_config(model: Path, **entries: object) -> Path:
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | entries), encoding="utf-8")
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


# --- bad options -----------------------------------------------------------------------------------------------------

BAD_TRAINING_VALUES = [
    ("--algorithm", "glove"),
    ("--objective", "hinge"),
    ("--vector-size", "0"),
    ("--vector-size", "10001"),
    ("--vector-size", "ten"),
    ("--window", "0"),
    ("--window", "10001"),
    ("--negative", "-1"),
    ("--negative", "1001"),
    ("--min-count", "0"),
    ("--min-count", "99999999999999999999"),
    ("--max-vocab", "0"),
    ("--sample", "-1"),
    ("--sample", "nan"),
    ("--ns-exponent", "inf"),
    ("--shrink-windows=no", None),
    ("--learning-rate", "0"),
    ("--learning-rate", "nan"),
    ("--learning-rate", "-inf"),
    ("--min-learning-rate", "-0.1"),
    ("--min-learning-rate", "nan"),
    ("--epochs", "0"),
    ("--epochs", "1.5"),
    ("--max-time", "0"),
    ("--max-time", "nan"),
    ("--max-time", "inf"),
    ("--held-out", "0"),
    ("--held-out", "1"),
    ("--held-out", "nan"),
    ("--eval-analogies", "/nowhere/questions.txt"),
    ("--eval-pairs", "."),
    ("--patience", "0"),
    ("--patience", "soon"),
    ("--monitor", "loss"),
    ("--deterministic=yes", None),
    ("--workers", "0"),
    ("--workers", "1000000"),
    ("--seed", "-1"),
    ("--seed", "4294967296"),
    ("--tokenizer", ""),
    ("--tokenizer", "wordz"),
    ("--phrases=yes", None),
    ("--phrase-scoring", "pmi"),
    ("--phrase-threshold", "nan"),
    ("--phrase-threshold", "many"),
    ("--phrase-passes", "0"),
    ("--phrase-connectors", "german"),
    ("--subwords=yes", None),
    ("--min-n", "0"),
    ("--max-n", "51"),
    ("--buckets", "0"),
    ("--position-weights=1", None),
    ("--lines", "words"),
    ("--learning-rate-hold", "1"),
    ("--learning-rate-hold", "nan"),
    ("--recipe", "quick"),
    ("--languages", "en;de"),
    ("--objective", "tree"),
    ("--x-max", "0"),
    ("--x-exponent", "6"),
]


@pytest.mark.parametrize(("option", "value"), BAD_TRAINING_VALUES)
@pytest.mark.parametrize("command", ["train", "compare"])
def test_training_options_refuse_a_bad_value(tmp_path: Path, command: str, option: str, value: str | None) -> None:
    output = ["--output", tmp_path / "out"] if command == "train" else []
    result = run(command, tmp_path / "corpus.txt", *output, option, *([] if value is None else [value]))
    assert_mistake(result, 2, option.partition("=")[0])
    assert not (tmp_path / "out").exists()


def test_every_training_option_is_tried_with_a_bad_value() -> None:
    tried = {option.partition("=")[0].removeprefix("--").replace("-", "_") for option, _ in BAD_TRAINING_VALUES}
    assert tried == {OPTION_NAMES.get(parameter.name, parameter.name) for parameter in fields(Parameters)}


def test_train_refuses_options_that_contradict_each_other(tmp_path: Path) -> None:
    arguments = ["train", tmp_path / "c", "--output", tmp_path / "o"]
    rising = run(*arguments, "--learning-rate", "0.1", "--min-learning-rate", "0.2")
    assert_mistake(rising, 2, "--min-learning-rate must not be above --learning-rate (0.1), got 0.2")
    arguments = ["train", tmp_path / "c", "--output", tmp_path / "o", "--objective", "hs", "--negative", "3"]
    assert_mistake(run(*arguments), 2, "negative is for negative sampling")


def test_compare_refuses_max_time(tmp_path: Path) -> None:
    assert_mistake(run("compare", tmp_path / "c", "--max-time", 5), 2, "--max-time")


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


# --- training --------------------------------------------------------------------------------------------------------


@pytest.fixture
def corpus(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Write 300 sentences of eight words."""
    words = np.array("one two three four five six seven eight".split())
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(words[rng.permutation(8)]) + "\n" for _ in range(300)), encoding="utf-8")
    return path


SMALL = ["--vector-size", "8", "--epochs", "2", "--workers", "1", "--seed", "1"]


def test_train_saves_a_model_that_answers(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.model"
    result = run("train", corpus, "--output", output, *SMALL)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""  # progress is for terminals
    assert str(output) in result.stdout
    embeddings = Embeddings.load(output)
    assert sorted(embeddings) == sorted("one two three four five six seven eight".split())
    assert embeddings.vectors.shape == (8, 8)
    assert run("neighbors", output, "ONE").exit_code == 0  # queries are normalised like the text


def test_train_reports_as_json(corpus: Path, tmp_path: Path) -> None:
    result = run("train", corpus, "--output", tmp_path / "out", *SMALL, "--json")
    summary = json.loads(result.stdout)
    assert summary["vocabulary_size"] == 8
    assert summary["output"] == str(tmp_path / "out")
    assert len(summary["history"]) == 2


def test_train_passes_every_option_on(corpus: Path, tmp_path: Path) -> None:
    options = ["--algorithm", "cbow", "--window", "2", "--negative", "3", "--min-count", "2", "--max-vocab", "5"]
    options += ["--sample", "0.5", "--ns-exponent", "0.5", "--no-shrink-windows", "--learning-rate", "0.05"]
    options += ["--min-learning-rate", "0.001", "--tokenizer", "whitespace"]
    assert run("train", corpus, "--output", tmp_path / "out", *SMALL, *options).exit_code == 0
    described = json.loads(run("info", tmp_path / "out", "--json").stdout)
    expected = {
        "algorithm": "cbow", "vector_size": 8, "window": 2, "negative": 3, "min_count": 2, "max_vocab": 5,
        "sample": 0.5, "ns_exponent": 0.5, "shrink_windows": False, "learning_rate": 0.05, "min_learning_rate": 0.001,
        "epochs": 2, "workers": 1, "seed": 1,
    }  # fmt: skip
    assert expected.items() <= described["parameters"].items()
    assert described["tokenizer"] == {"name": "whitespace"}
    assert described["vocabulary_size"] == 5


def test_train_reads_standard_input_and_patterns(corpus: Path, tmp_path: Path) -> None:
    piped = run("train", "-", "--output", tmp_path / "a", *SMALL, stdin=corpus.read_bytes())
    matched = run("train", corpus.parent / "*.txt", "--output", tmp_path / "b", *SMALL)
    assert piped.exit_code == matched.exit_code == 0
    first, second = (Embeddings.load(tmp_path / name).vectors for name in "ab")
    np.testing.assert_array_equal(first, second)


def test_train_refuses_an_existing_output_unless_told(corpus: Path, model: Path) -> None:
    before = (model / "vectors.safetensors").read_bytes()
    assert_mistake(run("train", corpus, "--output", model, *SMALL), 1, str(model), "exists")
    assert (model / "vectors.safetensors").read_bytes() == before
    assert run("train", corpus, "--output", model, *SMALL, "--overwrite").exit_code == 0
    assert Embeddings.load(model).vectors.shape == (8, 8)


def test_train_never_replaces_what_is_no_model(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"meow")
    assert_mistake(run("train", corpus, "--output", folder, *SMALL, "--overwrite"), 1, str(folder))
    assert (folder / "cat.jpg").read_bytes() == b"meow"


def test_train_makes_the_folders_of_its_output_if_it_has_something_to_write(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "no" / "such" / "out"
    assert run("train", tmp_path / "nothing.txt", "--output", output, *SMALL).exit_code == 1
    assert run("train", corpus, "--output", output, *SMALL, "--min-count", 10**6).exit_code == 1
    assert not (tmp_path / "no").exists()
    assert run("train", corpus, "--output", output, *SMALL).exit_code == 0
    assert len(Embeddings.load(output))


BAD_CORPORA = {
    "missing.txt": None,
    "empty.txt": b"",
    "blank.txt": b" \n\n\t\n",
    "noise.txt": bytes(range(128, 256)) * 50,
    "utf16.txt": "\ufeffone two three\n".encode("utf-16-le") * 50,
    "nul.txt": b"one two\0three\n" * 50,
    "truncated.gz": gzip.compress(b"one two three\n" * 50)[:-12],
    "fake.gz": b"one two three\n" * 50,
    "fake.bz2": b"one two three\n" * 50,
    "fake.xz": b"one two three\n" * 50,
    "rare.txt": b"every word only once\n",
}


@pytest.mark.parametrize("name", BAD_CORPORA)
@pytest.mark.parametrize("command", ["train", "compare"])
def test_bad_corpus_ends_with_one_line(tmp_path: Path, command: str, name: str) -> None:
    if command == "compare":
        pytest.importorskip("gensim")
    path, content = tmp_path / name, BAD_CORPORA[name]
    if content is not None:
        path.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    output = ["--output", tmp_path / "out"] if command == "train" else []
    about_the_words = {
        "empty.txt": "empty.txt has no words",
        "blank.txt": "has no words",
        "rare.txt": "rare.txt: no word",
    }
    assert_mistake(run(command, path, *output, *SMALL), 1, about_the_words.get(name, name))
    assert sorted(tmp_path.iterdir()) == before


def test_train_refuses_a_folder_as_input(tmp_path: Path) -> None:
    assert_mistake(run("train", tmp_path, "--output", tmp_path / "out"), 1, str(tmp_path), "folder")


def test_train_refuses_a_pattern_without_a_match(tmp_path: Path) -> None:
    assert_mistake(run("train", tmp_path / "*.txt", "--output", tmp_path / "out"), 1, "*.txt")


class InterruptedWord2Vec(Word2Vec):
    """Is interrupted, as by Ctrl-C, when the first segment is done."""

    def fit(self, corpus: Any, y: object = None, *, progress: Any = None, **options: Any) -> Word2Vec:
        def interrupt(state: Progress) -> None:
            if state.phase == "training":
                raise KeyboardInterrupt

        return super().fit(corpus, progress=interrupt, **options)


def test_resume_ends_where_uninterrupted_training_does(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("train", corpus, "--output", tmp_path / "whole", *SMALL).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(word2vec, "Word2Vec", InterruptedWord2Vec)
        interrupted = run("train", corpus, "--output", tmp_path / "parts", *SMALL)
    assert interrupted.exit_code == 130
    assert "w2v train --resume" in interrupted.stderr
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert not np.array_equal(Embeddings.load(parts).vectors, Embeddings.load(whole).vectors)
    resumed = run("train", "--resume", parts)
    assert resumed.exit_code == 0, resumed.output
    np.testing.assert_array_equal(Embeddings.load(parts).vectors, Embeddings.load(whole).vectors)


def test_resume_refuses_a_model_that_is_complete(corpus: Path, tmp_path: Path) -> None:
    assert run("train", corpus, "--output", tmp_path / "out", *SMALL).exit_code == 0
    assert_mistake(run("train", "--resume", tmp_path / "out"), 1, "complete")


def test_resume_refuses_a_model_without_training_state(model: Path) -> None:
    assert_mistake(run("train", "--resume", model), 1, "not the state of a training")


@pytest.mark.parametrize(("inputs", "code"), [(None, 1), ([], 2), ([1], 1), ("corpus.txt", 1), (["-"], 2)])
def test_resume_asks_for_text_that_the_model_does_not_name(
    corpus: Path, tmp_path: Path, inputs: object, code: int
) -> None:
    output = tmp_path / "out"
    assert run("train", corpus, "--output", output, *SMALL).exit_code == 0
    training = json.loads((output / "config.json").read_text(encoding="utf-8"))["training"]
    edit_config(output, training=training | {"inputs": inputs, "complete": False})
    assert_mistake(run("train", "--resume", output), code, str(output))


# --- comparing -------------------------------------------------------------------------------------------------------


@pytest.mark.interop
def test_compare_prints_both_side_by_side(corpus: Path, pairs: Path) -> None:
    pytest.importorskip("gensim")
    pairs.write_text("one\ttwo\t3\none\tfour\t2\n", encoding="utf-8")
    result = run("compare", corpus, *SMALL, "--word-pairs", pairs)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    header, *rows = [line.split() for line in result.stdout.splitlines()]
    assert header[0] == "w2v"
    assert "gensim" in header
    assert any(row[:1] == ["training,"] for row in rows)


@pytest.mark.interop
def test_compare_reports_as_json(corpus: Path, pairs: Path) -> None:
    pytest.importorskip("gensim")
    pairs.write_text("one\ttwo\t3\none\tfour\t2\n", encoding="utf-8")
    compared = json.loads(run("compare", corpus, *SMALL, "--word-pairs", pairs, "--json").stdout)
    assert compared["n_words"] == 2400
    assert compared["w2v"]["vocabulary_size"] == compared["gensim"]["vocabulary_size"] == 8


def test_compare_without_gensim_says_what_to_install(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    assert_mistake(run("compare", corpus, *SMALL), 1, "pip install gensim")
