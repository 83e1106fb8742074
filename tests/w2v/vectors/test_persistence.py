"""Model folders: bit-exact, atomic, and safe to open from a stranger."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.encoding.vocabulary import Vocabulary
from w2v.storage import files
from w2v.storage.files import SavedBesideWarning
from w2v.vectors import model_folder, persistence
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import (
    LAYOUT,
    ModelError,
    check_output,
    read_config,
    read_tensors,
    save_embeddings,
    write_tensors,
)

NASTY_WORDS = [
    "",
    "a b",
    "\n",
    "\r\n",
    "\\",
    "\\n",
    "\\\\n",
    "\t",
    "\u2028",
    "\x0b\x0c\x1c\x85",
    "\0",
    "é",
    "日本",
    "\U0001f600",
]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    vocabulary = Vocabulary(["the", "cat", "sat"], np.array([5, 3, 1]))
    return Embeddings(vocabulary, rng.normal(size=(3, 4)), metadata={"parameters": {"window": 5}, "history": []})


@pytest.fixture
def model(embeddings: Embeddings, tmp_path: Path) -> Path:
    path = tmp_path / "model"
    embeddings.save(path)
    return path


def edit_config(model: Path, **changes: Any) -> None:
    config = json.loads((model / LAYOUT.config).read_text())
    (model / LAYOUT.config).write_text(json.dumps(config | changes))


def listing(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# round trip


@pytest.mark.parametrize("mmap", [True, False])
def test_save_and_load_is_bit_exact(embeddings: Embeddings, model: Path, mmap: bool) -> None:
    loaded = Embeddings.load(model, mmap=mmap)
    assert loaded.vectors.tobytes() == embeddings.vectors.tobytes()
    assert loaded.vectors.dtype == np.float32
    assert loaded.index_to_key == embeddings.index_to_key
    assert loaded.vocabulary.counts is not None and loaded.vocabulary.counts.tolist() == [5, 3, 1]
    assert loaded.metadata == embeddings.metadata
    assert loaded.neighbors("cat") == embeddings.neighbors("cat")


@pytest.mark.parametrize("mmap", [True, False])
def test_loaded_vectors_are_read_only(model: Path, mmap: bool) -> None:
    loaded = Embeddings.load(model, mmap=mmap)
    with pytest.raises(ValueError, match="read-only|WRITEABLE"):
        loaded.vectors[0, 0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        loaded.vectors.setflags(write=True)


def test_model_folder_holds_the_documented_files(model: Path) -> None:
    assert listing(model) == ["config.json", "vectors.safetensors", "vocabulary.txt"]
    assert (model / "vocabulary.txt").read_bytes() == b"the\ncat\nsat\n"
    assert read_config(model) == {
        "format": "w2v",
        "format_version": 1,
        "kind": "word-vectors",
        "vector_size": 4,
        "vocabulary_size": 3,
        "parameters": {"window": 5},
        "history": [],
    }


def test_nasty_words_and_special_values_survive(tmp_path: Path) -> None:
    vectors = np.array([[0.0, -0.0, np.nan, np.inf, 1e-45]] * len(NASTY_WORDS), dtype=np.float32)
    Embeddings(NASTY_WORDS, vectors).save(tmp_path / "m")
    loaded = Embeddings.load(tmp_path / "m")
    assert loaded.index_to_key == NASTY_WORDS
    assert loaded.vectors.tobytes() == vectors.tobytes()
    assert loaded.vocabulary.counts is None


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, unique=True))
def test_any_words_survive_their_encoding(words: list[str]) -> None:
    data = model_folder.encode_words(words)
    assert data.count(b"\n") == len(words)
    text = data.decode().split("\n")[:-1]
    assert [model_folder.unescape(word, Path("x"), 1) for word in text] == words


def test_one_word_of_one_dimension_survives(tmp_path: Path) -> None:
    Embeddings([""], [[0.5]]).save(tmp_path / "m")
    loaded = Embeddings.load(tmp_path / "m")
    assert loaded.index_to_key == [""]
    assert loaded.vectors.tolist() == [[0.5]]


def test_saving_a_loaded_model_over_itself_works(model: Path, embeddings: Embeddings) -> None:
    Embeddings.load(model).save(model, overwrite=True)
    assert Embeddings.load(model).vectors.tobytes() == embeddings.vectors.tobytes()


def test_metadata_may_hold_numpy_values_and_unknown_entries_survive(tmp_path: Path) -> None:
    metadata = {"parameters": {"alpha": np.float32(0.5), "n": np.int64(3), "path": Path("a")}, "note": "mine"}
    embeddings = Embeddings(["a"], [[1.0]], metadata=metadata)
    save_embeddings(embeddings, tmp_path / "m", extra_config={"trained_words": np.array([1, 2])})
    loaded = Embeddings.load(tmp_path / "m").metadata
    assert loaded == {"parameters": {"alpha": 0.5, "n": 3, "path": "a"}, "note": "mine", "trained_words": [1, 2]}


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}, {"x": "\ud800"}])
def test_metadata_without_a_json_form_is_refused_before_anything_is_written(
    tmp_path: Path, metadata: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        Embeddings(["a"], [[1.0]], metadata=metadata).save(tmp_path / "m")
    assert listing(tmp_path) == []


def test_extra_tensors_and_reserved_names(embeddings: Embeddings, tmp_path: Path, rng: np.random.Generator) -> None:
    output = rng.normal(size=(3, 4)).astype(np.float32)
    save_embeddings(embeddings, tmp_path / "m", extra_tensors={LAYOUT.training: {"output_vectors": output}})
    assert listing(tmp_path / "m")[1] == "training.safetensors"
    np.testing.assert_array_equal(read_tensors(tmp_path / "m" / LAYOUT.training)["output_vectors"], output)
    for name in ("vectors.safetensors", "../x.safetensors", "a/b.safetensors", "config.json", "x", ".safetensors"):
        with pytest.raises(ValueError, match="not a name"):
            save_embeddings(embeddings, tmp_path / "n", extra_tensors={name: {}})
    with pytest.raises(ValueError, match="format_version"):
        save_embeddings(embeddings, tmp_path / "n", extra_config={"format_version": 2})
    assert listing(tmp_path) == ["m"]


def test_tokenizer_comes_back_by_name(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("w2v.corpora.tokenizers")
    tokenizer = tokenizers.get_tokenizer("words")
    Embeddings(["paris"], [[1.0]], tokenizer=tokenizer).save(tmp_path / "m")
    loaded = Embeddings.load(tmp_path / "m")
    assert loaded.tokenizer is not None and loaded.tokenizer.to_config() == tokenizer.to_config()
    assert "Paris" in loaded
    edit_config(tmp_path / "m", tokenizer={"name": "os.system"})
    with pytest.raises(ModelError, match="tokenizer"):
        Embeddings.load(tmp_path / "m")


def test_callable_tokenizer_is_not_restored_but_its_record_is_kept(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("w2v.corpora.tokenizers")
    tokenizer = tokenizers.get_tokenizer(str.split)
    Embeddings(["a"], [[1.0]], tokenizer=tokenizer).save(tmp_path / "m")
    loaded = Embeddings.load(tmp_path / "m")
    assert loaded.tokenizer is None
    loaded.save(tmp_path / "n")
    assert read_config(tmp_path / "n")["tokenizer"] == tokenizer.to_config()
    assert Embeddings.load(tmp_path / "m", tokenizer=tokenizer).tokenizer is tokenizer


# where and how it is written


def test_save_refuses_what_exists(embeddings: Embeddings, model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="exists already"):
        embeddings.save(model)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match="exists already"):
        embeddings.save(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="exists already"):
        embeddings.save(tmp_path / "dangling")
    assert (tmp_path / "file").read_text() == "mine"


def make_file(path: Path) -> None:
    path.write_text("mine")


def make_empty_folder(path: Path) -> None:
    path.mkdir()


def make_folder_with_other_config(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "bert"}')


def make_folder_with_broken_config(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text("{")


@pytest.mark.parametrize(
    "make", [make_file, make_empty_folder, make_folder_with_other_config, make_folder_with_broken_config]
)
def test_overwrite_replaces_nothing_but_models(
    embeddings: Embeddings, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "x")
    with pytest.raises(ModelError, match="not a model folder"):
        embeddings.save(tmp_path / "x", overwrite=True)
    with pytest.raises(ModelError, match="not a model folder"):
        check_output(tmp_path / "x", overwrite=True)
    assert listing(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["notes.txt", "sub.safetensors"])
def test_overwrite_spares_a_model_folder_with_foreign_files(embeddings: Embeddings, model: Path, name: str) -> None:
    if name == "notes.txt":
        (model / name).write_text("mine")
    else:
        (model / name).mkdir()
    with pytest.raises(ModelError, match=f"holds '{name}'"):
        embeddings.save(model, overwrite=True)
    assert name in listing(model)


@pytest.mark.parametrize("exchange", [True, False])
def test_overwrite_replaces_a_model_and_leaves_no_debris(
    model: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    old = Embeddings.load(model)
    Embeddings(["new"], [[7.0]]).save(model, overwrite=True)
    assert Embeddings.load(model).index_to_key == ["new"]
    assert listing(model.parent) == ["model"]
    assert old.vectors.shape == (3, 4) and np.isfinite(old.vectors).all()  # still mapped


def test_overwrite_follows_a_link(model: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(model)
    Embeddings(["new"], [[7.0]]).save(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert Embeddings.load(model).index_to_key == ["new"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["write_tensors", "atomic_file", "rename"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_failure_while_saving_leaves_everything_as_it_was(
    model: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, step: str, overwrite: bool
) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise failure

    if step == "rename":
        monkeypatch.setattr(files, "_replace_folder", fail)
        monkeypatch.setattr(os, "rename", fail)
    else:
        monkeypatch.setattr(persistence, step, fail)
    target = model if overwrite else model.parent / "other"
    expected = KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else ModelError
    with pytest.raises(expected):
        Embeddings(["new"], [[7.0]]).save(target, overwrite=overwrite)
    assert listing(model.parent) == ["model"]
    assert Embeddings.load(model).index_to_key == ["the", "cat", "sat"]


def test_failure_between_the_two_renames_restores_the_old_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    rename, calls = os.rename, []

    def fail_second_time(source: Any, target: Any) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_second_time)
    with pytest.raises(ModelError, match="Input/output error"):
        Embeddings(["new"], [[7.0]]).save(model, overwrite=True)
    assert listing(model.parent) == ["model"]
    assert Embeddings.load(model).index_to_key == ["the", "cat", "sat"]


def test_a_folder_that_appears_while_saving_is_left_alone_and_nothing_is_lost(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = persistence.write_tensors

    def write_and_collide(path: Path, tensors: Any) -> None:
        original(path, tensors)
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "mine").touch()

    monkeypatch.setattr(persistence, "write_tensors", write_and_collide)
    with pytest.warns(SavedBesideWarning, match=r"was created in the meantime: the result is saved as .*/m\.2"):
        embeddings.save(tmp_path / "m")
    assert listing(tmp_path) == ["m", "m.2"] and listing(tmp_path / "m") == ["mine"]
    assert Embeddings.load(tmp_path / "m.2").index_to_key == embeddings.index_to_key


def test_saved_files_follow_the_umask(embeddings: Embeddings, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        embeddings.save(tmp_path / "m")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o750
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "m").iterdir()} == {0o640}


def test_check_output_says_early_what_save_would_say_late(tmp_path: Path, model: Path) -> None:
    check_output(tmp_path / "new", overwrite=False)
    check_output(model, overwrite=True)
    assert listing(tmp_path) == ["model"]
    with pytest.raises(ModelError, match="exists already"):
        check_output(model, overwrite=False)
    check_output(tmp_path / "missing" / "new", overwrite=False)
    assert listing(tmp_path) == ["model"]
    with pytest.raises(ModelError, match="is not a folder"):
        check_output(model / LAYOUT.config / "new", overwrite=False)
    with pytest.raises(ModelError, match="exists"):
        check_output("/", overwrite=True)


def test_check_output_reports_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *arguments: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ModelError, match="Permission denied"):
        check_output(tmp_path / "new")


# model folders from strangers


def test_load_says_what_is_wrong_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing does not exist"):
        Embeddings.load(tmp_path / "missing")
    (tmp_path / "vectors.txt").write_text("1 1\na 1\n")
    with pytest.raises(ModelError, match="w2v import"):
        Embeddings.load(tmp_path / "vectors.txt")
    with pytest.raises(ModelError, match=r"not a model folder: it has no config\.json"):
        Embeddings.load(tmp_path)


@pytest.mark.parametrize("name", ["vocabulary.txt", "vectors.safetensors"])
def test_load_names_a_missing_or_wrong_file(model: Path, name: str) -> None:
    (model / name).unlink()
    with pytest.raises(ModelError, match=f"{name} does not exist"):
        Embeddings.load(model)
    (model / name).mkdir()
    with pytest.raises(ModelError, match=f"{name} is a folder, not a file"):
        Embeddings.load(model)


def test_load_asks_for_an_upgrade_when_the_format_is_newer(model: Path) -> None:
    edit_config(model, format_version=3, kind="something new")
    with pytest.raises(ModelError, match=r"newer version of w2v \(format 3.*upgrade"):
        Embeddings.load(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"format": None},
        {"format_version": 0},
        {"format_version": True},
        {"format_version": "1"},
        {"format_version": 1.0},
        {"kind": "sentence-encoder"},
        {"vector_size": 0},
        {"vector_size": -4},
        {"vector_size": 4.0},
        {"vector_size": True},
        {"vector_size": 5},
        {"vector_size": 10**18},
        {"vocabulary_size": 10**18},
        {"vocabulary_size": None},
        {"vocabulary_size": 2},
        {"tokenizer": "words"},
        {"tokenizer": []},
        {"parameters": []},
        {"history": {}},
    ],
)
def test_load_rejects_wrong_entries(model: Path, changes: dict[str, Any]) -> None:
    edit_config(model, **changes)
    with pytest.raises(ModelError, match="model"):
        Embeddings.load(model)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"x": ' + b"1" * 10_000 + b"}",
        b"{}" + b" " * 1000 + b"x",
    ],
)
def test_load_rejects_what_is_not_strict_json(model: Path, content: bytes) -> None:
    (model / LAYOUT.config).write_bytes(content)
    with pytest.raises(ModelError, match=r"config\.json"):
        Embeddings.load(model)


@pytest.mark.parametrize(
    ("addition", "message"),
    [('"x": NaN', "NaN is not"), ('"x": [-Infinity]', "-Infinity is not"), ('"kind": "word-vectors"', "'kind' occurs")],
)
def test_load_rejects_what_only_lax_json_allows(model: Path, addition: str, message: str) -> None:
    file = model / LAYOUT.config
    file.write_text(file.read_text().replace("{", "{" + addition + ", ", 1))
    with pytest.raises(ModelError, match=message):
        Embeddings.load(model)


def test_load_refuses_a_giant_configuration(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_folder, "MAX_CONFIG_BYTES", 10)
    with pytest.raises(ModelError, match="larger than 10 bytes"):
        Embeddings.load(model)


def test_load_ignores_paths_in_the_configuration(model: Path) -> None:
    edit_config(model, vectors="../../etc/passwd", vocabulary="/etc/passwd", files=["../x"])
    assert Embeddings.load(model).index_to_key == ["the", "cat", "sat"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds 0"),
        (b"the\ncat\n", "holds 2"),
        (b"the\ncat\nsat", "3 complete lines"),
        (b"the\ncat\nsat\nmat\n", "holds 4"),
        (b"the\r\ncat\r\nsat\r\n", "line 1: a carriage return"),
        (b"the\ncat\ns\xff\n", "not UTF-8 at byte 9"),
        (b"the\nc\\at\nsat\n", r"line 2: '\\\\a' is not an escape"),
        (b"the\ncat\nsat\\\n", r"line 3: '\\\\' is not an escape"),
    ],
)
def test_load_rejects_a_damaged_vocabulary(model: Path, content: bytes, message: str) -> None:
    (model / LAYOUT.vocabulary).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        Embeddings.load(model)


def test_load_finds_a_word_that_comes_twice_when_a_word_is_looked_up(model: Path) -> None:
    (model / LAYOUT.vocabulary).write_bytes(b"the\nthe\nsat\n")
    loaded = Embeddings.load(model)
    with pytest.raises(ModelError, match="vocabulary.txt is damaged: the word 'the' occurs more than once"):
        loaded.neighbors("sat")


@pytest.mark.parametrize(
    "tensors",
    [
        {"counts": np.ones(3, dtype=np.int64)},
        {"vectors": np.ones((3, 4))},
        {"vectors": np.ones((4, 3), dtype=np.float32)},
        {"vectors": np.ones(12, dtype=np.float32)},
        {"vectors": np.ones((3, 4), dtype=np.float32), "counts": np.ones(3, dtype=np.int32)},
        {"vectors": np.ones((3, 4), dtype=np.float32), "counts": np.ones(2, dtype=np.int64)},
        {"vectors": np.ones((3, 4), dtype=np.float32), "counts": np.array([1, 2, -3])},
    ],
)
def test_load_rejects_arrays_that_contradict_the_configuration(model: Path, tensors: dict[str, np.ndarray]) -> None:
    write_tensors(model / LAYOUT.vectors, tensors)
    with pytest.raises(ModelError, match="model"):
        Embeddings.load(model)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.txt", "vectors.safetensors"])
def test_load_rejects_any_truncation(model: Path, name: str) -> None:
    content = (model / name).read_bytes()
    for length in range(len(content) - (2 if name == "config.json" else 0)):  # its last byte is a newline
        (model / name).write_bytes(content[:length])
        with pytest.raises(ModelError):
            Embeddings.load(model)
