"""What becomes of a result: who may write to a name, and where it goes if its place is taken or its disk is full."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v import Embeddings, ModelError, Phrases, Word2Vec
from w2v.commands.main import main
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex
from w2v.storage.claims import OutputClaimedError, check_unclaimed, claimed
from w2v.storage.files import SavedBesideWarning
from w2v.storage.rescue import SavedElsewhereError, save_result
from w2v.training.monitor import TrainingView

TRAIN = ["--epochs", "2", "--workers", "1", "--seed", "1", "--vector-size", "8", "--min-count", "1"]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Return a text in a folder of its own."""
    (tmp_path / "texts").mkdir()
    path = tmp_path / "texts" / "text.txt"
    rng = np.random.default_rng(3)
    lines = [" ".join(f"word{i}" for i in rng.integers(0, 30, 12)) for _ in range(80)]
    line = "Word1 word2 word3 word4 word5 word6. Word7 word8 word9 word10 word11 word12."
    path.write_text("\n".join([*lines, *[line] * 200]) + "\n")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "words.model"
    rng = np.random.default_rng(4)
    words = [f"word{i}" for i in range(30)]
    Embeddings(words, rng.normal(size=(30, 8)).astype(np.float32)).save(path)
    return path


def run(*arguments: Any, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# --- claims ----------------------------------------------------------------------------------------------------------


def test_a_claim_is_refused_to_a_second_run_and_gone_with_the_first(tmp_path: Path) -> None:
    output = tmp_path / "e.model"
    with claimed(output):
        with pytest.raises(OutputClaimedError, match=rf"written by another run \(process {os.getpid()}\); wait"):
            check_unclaimed(output)
        with claimed(tmp_path / "other.model"):
            pass
    assert listing(tmp_path) == []
    with claimed(output):
        pass


def test_a_claim_that_is_made_as_another_ends_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, close = tmp_path / "e.model", os.close
    with ExitStack() as second:

        def close_and_claim(descriptor: int) -> None:
            monkeypatch.setattr(os, "close", close)
            close(descriptor)
            second.enter_context(claimed(output))

        with claimed(output):
            monkeypatch.setattr(os, "close", close_and_claim)
        with pytest.raises(OutputClaimedError):
            check_unclaimed(output)
    assert listing(tmp_path) == []


def test_a_claim_that_ends_as_another_is_made_leaves_it_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, open_file = tmp_path / "e.model", os.open
    with ExitStack() as first:
        first.enter_context(claimed(output))

        def open_late(*arguments: Any) -> int:
            descriptor = open_file(*arguments)
            first.close()
            return descriptor

        monkeypatch.setattr(os, "open", open_late)
        with claimed(output):
            with pytest.raises(OutputClaimedError):
                check_unclaimed(output)
    assert listing(tmp_path) == []


def test_a_claim_is_of_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "e.model")
    with claimed(tmp_path / "link"), pytest.raises(OutputClaimedError):
        check_unclaimed(tmp_path / "e.model")


def test_the_root_is_no_name_to_write_to(text: Path) -> None:
    for further in ([], ["--overwrite"]):
        result = CliRunner().invoke(main, ["fit-lm", str(text), "-o", "/", *further])
        assert (result.exit_code, result.stderr) == (1, "Error: / cannot be written: it has no name of its own\n")


@pytest.mark.parametrize(
    "arguments",
    [["train", "x.txt", "-o", ""], ["fit-lm", "x.txt", "--output", ""], ["translate", "", "x.txt"], ["info", ""],
     ["encode", "x", "y", "-o", ""], ["search", "", "x"], ["fit-lm", "--resume", ""]],
)  # fmt: skip
def test_an_empty_name_is_not_the_current_folder(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and "the name is empty; was a variable not set?" in result.stderr


def test_the_claim_of_a_killed_run_is_gone(tmp_path: Path) -> None:
    output = tmp_path / "e.model"
    code = (
        "from w2v.storage.claims import claimed\n"
        f"with claimed({str(output)!r}):\n    print('claimed', flush=True)\n    input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"claimed\n"
        with pytest.raises(OutputClaimedError, match=f"process {process.pid}"), claimed(output):
            pass
        process.kill()
    assert listing(tmp_path) == [".e.model.lock"]
    with claimed(output):
        pass
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "TEXT", "--output", "OUT", *TRAIN],
        ["train", "TEXT", "--output", "OUT", "--overwrite", *TRAIN],
        ["fit-encoder", "MODEL", "TEXT", "--output", "OUT", "--steps", "1"],
        ["encode", "MODEL", "TEXT", "--output", "OUT.npy"],
        ["encode", "MODEL", "TEXT", "--jsonl", "--output", "OUT"],
        ["index", "MODEL", "TEXT", "--output", "OUT"],
        ["phrases", "TEXT", "--output", "OUT"],
        ["phrases", "TEXT", "--save", "OUT"],
        ["duplicates", "TEXT", "--keep", "OUT"],
        ["cluster", "TEXT", "--model", "MODEL", "--output", "OUT"],
        ["export", "MODEL", "OUT", "--format", "word2vec-text"],
        ["export", "MODEL", "OUT", "--format", "model2vec"],
        ["import", "VECTORS", "--output", "OUT"],
        ["prune", "MODEL", "--max-vocab", "5", "--output", "OUT"],
        ["report", "MODEL", "--output", "OUT.html"],
        ["plot", "words", "MODEL", "word1", "word2", "word3", "--output", "OUT.png"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-1:]),
)
def test_a_second_run_to_one_output_is_refused_at_once(
    arguments: list[str], text: Path, model: Path, tmp_path: Path
) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("2 2\na 1 2\nb 3 4\n")
    output = tmp_path / "out"
    places = {"TEXT": str(text), "MODEL": str(model), "VECTORS": str(vectors)}
    filled = [places.get(argument, argument.replace("OUT", str(output))) for argument in arguments]
    name = next(argument for argument in filled if argument.startswith(str(output)))
    with claimed(name):
        result = run(*filled)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {name} is being written by another run (process {os.getpid()}); wait until it ends, or choose "
        "another name\n"
    )
    again = run(*filled)
    assert again.exit_code == 0, again.output
    assert not [entry for entry in listing(tmp_path) if entry.startswith(".")]


@pytest.mark.parametrize("work", ["fit", "resume", "index", "phrases"])
def test_python_claims_an_output_before_a_long_computation(work: str, text: Path, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    works: dict[str, Callable[[], Any]] = {
        "fit": lambda: Word2Vec(min_count=1).fit(text, checkpoint=output, overwrite=True),
        "index": lambda: SentenceIndex.build(model, text, output, overwrite=True),
        "phrases": lambda: Phrases().fit(text, output=output, overwrite=True),
    }
    if work == "resume":
        output = _interrupted_training(text, tmp_path)
        works["resume"] = lambda: Word2Vec.load(output).resume(checkpoint=output)
    with claimed(output), pytest.raises(OutputClaimedError):
        works[work]()


def _interrupted_training(text: Path, tmp_path: Path) -> Path:
    def interrupt(view: TrainingView) -> None:
        raise KeyboardInterrupt

    output = tmp_path / "interrupted.model"
    with pytest.raises(KeyboardInterrupt):
        Word2Vec(min_count=1, epochs=3, workers=1).fit(text, checkpoint=output, callbacks=[interrupt])
    return output


# --- a place that is taken -------------------------------------------------------------------------------------------


def test_training_whose_place_was_taken_meanwhile_is_saved_beside(text: Path, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "e.model"

    def take(view: TrainingView) -> None:
        shutil.copytree(model, output, dirs_exist_ok=True)

    estimator = Word2Vec(min_count=1, epochs=2, workers=1, vector_size=8, random_state=1)
    with pytest.warns(SavedBesideWarning, match=r"e\.model exists already: the result is saved as .*e\.model\.2"):
        estimator.fit(text, checkpoint=output, callbacks=[take])
    assert Embeddings.load(output).index_to_key == Embeddings.load(model).index_to_key
    assert np.array_equal(Embeddings.load(tmp_path / "e.model.2").vectors, estimator.vectors_)


def test_train_says_where_the_result_is_if_its_place_was_taken(
    text: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "e.model"
    fit = Word2Vec.fit

    def take(self: Word2Vec, *arguments: Any, **options: Any) -> Word2Vec:
        def callback(view: TrainingView) -> None:
            shutil.copytree(model, output, dirs_exist_ok=True)

        return fit(self, *arguments, **options, callbacks=[callback])

    monkeypatch.setattr(Word2Vec, "fit", take)
    result = run("train", text, "--output", output, "--json", *TRAIN)
    assert result.exit_code == 0
    assert result.stderr == f"Warning: {output} exists already: the result is saved as {output}.2\n"
    assert f'"output": "{output}.2"' in result.stdout


def test_an_index_whose_place_was_taken_meanwhile_is_opened_where_it_is(
    text: Path, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "my.index"

    def sentences() -> Any:
        yield from text.read_text().splitlines()
        output.mkdir()

    with pytest.warns(SavedBesideWarning):
        built = SentenceIndex.build(model, sentences(), output)
    assert built.path == tmp_path / "my.index.2"
    assert len(SentenceIndex.open(built.path)) == len(built) == 280


def test_a_file_whose_place_was_taken_meanwhile_keeps_its_suffix(model: Path, text: Path, tmp_path: Path) -> None:
    output = tmp_path / "vectors.npy"
    encoder = SentenceEncoder.load(model)
    from w2v.encoder.formats.vector_files import write_npy

    def blocks() -> Any:
        yield encoder.encode(["word1", "word2"])
        output.write_text("mine")

    with pytest.warns(SavedBesideWarning, match=r"vectors\.2\.npy"):
        assert write_npy(output, blocks(), columns=8, dtype="float32") == 2
    assert output.read_text() == "mine"
    assert np.load(tmp_path / "vectors.2.npy").shape == (2, 8)


# --- a disk that is full ---------------------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes writing into some folders fail, where data comes to the disk."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    sync = os.fsync

    def fill(*folders: Path) -> None:
        def fail(descriptor: int) -> None:
            name = os.readlink(f"/proc/self/fd/{descriptor}")
            if any(name.startswith(f"{folder}/") for folder in folders):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fail)

    return fill


def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
    """Make an output folder, a current and a temporary one."""
    made = tuple(tmp_path / name for name in ("outputs", "current", "temporary"))
    for folder in made:
        folder.mkdir()
    monkeypatch.chdir(made[1])
    monkeypatch.setattr("tempfile.tempdir", str(made[2]))
    return made  # type: ignore[return-value]


@pytest.mark.parametrize("n_full", [1, 2, 3])
def test_a_training_that_finds_its_disk_full_is_saved_elsewhere(
    n_full: int, text: Path, tmp_path: Path, full_disk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, current, temporary = _folders(tmp_path, monkeypatch)
    full_disk(*[outputs, text.parent, current][:n_full])
    place = [text.parent, current, temporary][n_full - 1] / "e.model"
    result = run("train", text, "--output", outputs / "e.model", *TRAIN)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {outputs / 'e.model'} cannot be written: No space left on device. The result is saved in {place}\n"
    )
    assert Word2Vec.load(place).is_complete_
    assert listing(outputs) == []


def test_a_training_that_can_be_saved_nowhere_stays_in_memory(
    text: Path, tmp_path: Path, full_disk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, current, temporary = _folders(tmp_path, monkeypatch)
    full_disk(outputs, text.parent, current, temporary)
    estimator = Word2Vec(min_count=1, epochs=1, workers=1, vector_size=8)
    with pytest.raises(SavedElsewhereError, match="No other folder took the result") as caught:
        estimator.fit(text, checkpoint=outputs / "e.model")
    assert caught.value.path is None
    assert estimator.is_complete_ and len(estimator.embeddings_) == 30


def test_at_a_terminal_another_place_is_asked_for(
    text: Path, tmp_path: Path, full_disk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, _, _ = _folders(tmp_path, monkeypatch)
    full_disk(outputs)
    monkeypatch.setattr("w2v.commands.shared.saving._is_terminal", lambda: True)
    other = tmp_path / "other.model"
    result = run("train", text, "--output", outputs / "e.model", *TRAIN, input=f"{text}/e.model\n{other}\n")
    assert result.exit_code == 0
    assert "Another place for it, or Enter to leave it there: " in result.stderr
    assert "text.txt is not a folder." in result.stderr
    assert str(other) in result.stdout
    assert Word2Vec.load(other).is_complete_
    assert listing(text.parent) == ["text.txt"]
    result = run("train", text, "--output", outputs / "e.model", *TRAIN, input="\n")
    assert result.exit_code == 1
    assert listing(text.parent) == ["e.model", "text.txt"]


def test_an_encoder_that_finds_its_disk_full_is_saved_elsewhere(
    text: Path, model: Path, tmp_path: Path, full_disk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, _, _ = _folders(tmp_path, monkeypatch)
    full_disk(outputs)
    result = run("fit-encoder", model, text, "--output", outputs / "my.encoder", "--steps", "2")
    assert result.exit_code == 1, result.output
    assert result.stderr.endswith(f"The result is saved in {text.parent / 'my.encoder'}\n")
    assert SentenceEncoder.load(text.parent / "my.encoder").is_complete_


def test_what_is_wrong_with_the_result_itself_is_no_reason_to_go_elsewhere(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise ModelError("the word 'a b' cannot be expressed")

    with pytest.raises(ModelError, match="cannot be expressed") as caught:
        save_result(refuse, tmp_path / "vectors.txt")
    assert not isinstance(caught.value, SavedElsewhereError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "TEXT", "--output", "OUT", *TRAIN],
        ["fit-encoder", "MODEL", "TEXT", "--output", "OUT", "--steps", "1"],
        ["encode", "MODEL", "TEXT", "--output", "OUT.npy"],
        ["encode", "MODEL", "TEXT", "--jsonl", "--output", "OUT"],
        ["index", "MODEL", "TEXT", "--output", "OUT"],
        ["export", "MODEL", "OUT", "--format", "word2vec-binary"],
        ["export", "MODEL", "OUT", "--format", "model2vec"],
        ["prune", "MODEL", "--max-vocab", "20", "--output", "OUT"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-1:]),
)
def test_too_small_a_disk_is_told_before_the_work(
    arguments: list[str], text: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000, 899, 101))
    monkeypatch.setattr("w2v.training.running.session.run_threads", lambda *arguments: pytest.fail("it trained"))
    monkeypatch.setattr(
        "w2v.encoder.sentence_encoder.SentenceEncoder.fit", lambda *arguments, **options: pytest.fail("it trained")
    )
    output = tmp_path / "out"
    places = {"TEXT": str(text), "MODEL": str(model)}
    result = run(*(places.get(argument, argument.replace("OUT", str(output))) for argument in arguments))
    assert result.exit_code == 1
    assert "bytes, but its disk has only 101 bytes free; free some space, or choose" in result.stderr
    needed = int(result.stderr.split(" needs about ")[1].split(" bytes")[0].replace(",", ""))
    assert 101 < needed < 40_000
    assert not [entry for entry in listing(tmp_path) if entry.startswith((".", "out"))]


def test_a_training_on_a_small_disk_loses_nothing(text: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        result = run("train", text, "--output", disk / "e.model", *TRAIN, "--vector-size", "1000")
        assert result.exit_code == 1
        assert "bytes free; free some space" in result.stderr
        (disk / "filling").write_bytes(bytes(57_344))  # what is left takes the arrays of 8 columns, and no words
        result = run("train", text, "--output", disk / "e.model", *TRAIN)
        assert result.exit_code == 1
        assert f"The result is saved in {text.parent / 'e.model'}" in result.stderr
        assert listing(disk) == ["filling"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_tilde_is_the_home_folder_where_the_shell_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    (home / "text.txt").write_text("a b c\n" * 20)
    options = ["--min-count", 1, "--epochs", 1, "--vector-size", 4, "--sample", 0]
    assert run("train", "~/text.txt", "--output=~/my.model", *options).exit_code == 0
    assert run("encode", "~/my.model", "~/*.txt", "--output=~/new/v.npy").exit_code == 0
    assert np.load(home / "new" / "v.npy").shape == (20, 4)
    assert list(here.iterdir()) == []
    model = Embeddings.load(home / "my.model")
    for path in ("~/other.model", Path("~/other.model")):
        with pytest.raises(ModelError, match=r"~/other.model cannot be written: ~ .* os.path.expanduser"):
            model.save(path)
    with pytest.raises(ModelError, match=r"~/my.model does not exist; .* ~ is the home folder in shells only"):
        Embeddings.load("~/my.model")
    model.save(here / "~" / "my.model")  # a folder of that name is one like any other
    assert len(Embeddings.load("~/my.model")) == 3
