"""Training on an engine, in this process: beside one machine, with workers that die, interrupted, and bad input."""

from __future__ import annotations

import errno
import gc
import math
import pickle
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from w2v import Phrases, PhraseTokenizer, TrainingInterrupted, Word2Vec
from w2v.cluster.clients import ClusterError
from w2v.cluster.engines import InProcess, LostError
from w2v.corpora.files.ranges import cut_files
from w2v.corpora.inputs import CorpusError
from w2v.corpora.tokenizers import get_tokenizer
from w2v.encoding.stream import EmptyVocabularyError
from w2v.training.cluster import learning, workshop
from w2v.training.cluster.workshop import Shard
from w2v.training.running import session
from w2v.training.running.reading import NoPairsError

SETTINGS: dict[str, Any] = {"vector_size": 8, "min_count": 2, "epochs": 2, "window": 3, "workers": 1, "random_state": 4}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files of words, of which many occur equally often."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("texts")
    paths = []
    for number, size in enumerate((5000, 2000, 5000)):
        words = np.minimum(rng.zipf(1.4, size), 400)
        path = folder / f"{number}.txt"
        path.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 10)) + "\n")
        paths.append(path)
    return paths


def fit(files: list[Path], n_workers: int = 2, engine: InProcess | None = None, **options: Any) -> Word2Vec:
    further = {name: options.pop(name) for name in ("round_words", "checkpoint", "progress") if name in options}
    return Word2Vec(**SETTINGS | options).fit(files, client=engine or InProcess(n_workers), **further)


def history_of(model: Word2Vec) -> list[dict[str, Any]]:
    return [{name: value for name, value in record.items() if name != "seconds"} for record in model.history_]


def assert_same(model: Word2Vec, other: Word2Vec) -> None:
    assert np.array_equal(model.vectors_, other.vectors_)
    assert np.array_equal(model.output_vectors_, other.output_vectors_)
    assert history_of(model) == history_of(other)


@pytest.fixture(scope="module")
def trained(files: list[Path]) -> Word2Vec:
    return fit(files)


@pytest.mark.parametrize(
    "options", [{}, {"algorithm": "cbow", "sample": 1e-2}, {"subwords": True}, {"deterministic": True, "workers": 2}]
)
def test_one_worker_in_rounds_is_the_plain_training(files: list[Path], options: dict[str, Any]) -> None:
    plain, rounds = Word2Vec(**SETTINGS | options).fit(files), fit(files, 1, **options)
    assert_same(rounds, plain)
    assert rounds.embeddings_.metadata["corpus"] == plain.embeddings_.metadata["corpus"]
    assert rounds.inputs_ == plain.inputs_ and rounds.is_complete_


@pytest.mark.parametrize("options", [{"min_count": 1}, {"min_count": 3, "max_vocab": 50}])
def test_vocabulary_is_that_of_one_machine(files: list[Path], options: dict[str, Any]) -> None:
    plain, rounds = (each.vocabulary_ for each in (Word2Vec(**SETTINGS | options).fit(files), fit(files, 3, **options)))
    assert rounds.index_to_key == plain.index_to_key
    assert rounds.counts is not None and plain.counts is not None and np.array_equal(rounds.counts, plain.counts)
    assert len(set(plain.counts.tolist())) < len(plain)  # of equally frequent words the first to come is first


def test_seed_and_number_of_workers_decide_every_bit(files: list[Path], trained: Word2Vec) -> None:
    assert_same(fit(files), trained)
    for other in (fit(files, 3), fit(files, random_state=5)):
        assert not np.array_equal(other.vectors_, trained.vectors_)


def test_threads_that_wait_for_one_another_are_deterministic_too(files: list[Path]) -> None:
    first, second = (fit(files, deterministic=True, workers=2, epochs=1, round_words=3000) for _ in range(2))
    assert_same(first, second)
    assert first.output_vectors_.any()  # they start at zero
    assert sum(record["words"] for record in first.history_) == first.embeddings_.metadata["corpus"]["tokens"]


@pytest.mark.parametrize(
    ("fraction", "n_segments", "n_threads", "step"),
    [(0.25, 7, 1, 3), (0.25, 7, 2, 4), (0.95, 7, 4, 14), (0.5, 7, 2, 7), (0.145, 100, 1, 29)],  # of two epochs
)
def test_rounds_end_where_all_threads_have_come(fraction: float, n_segments: int, n_threads: int, step: int) -> None:
    parameters = SimpleNamespace(epochs=2, deterministic=True)
    trainer: Any = SimpleNamespace(parameters=parameters, n_segments=n_segments)
    assert learning._step_at(trainer, fraction, n_threads) == step


def test_workers_draw_apart_from_one_another() -> None:
    seeds = [learning._seed_of(4, number) for number in range(8)]
    assert seeds[0] == 4 and len(set(seeds)) == 8


def test_every_word_is_trained_once_an_epoch(trained: Word2Vec) -> None:
    n_tokens = trained.embeddings_.metadata["corpus"]["tokens"]
    assert [record["words"] for record in trained.history_] == [n_tokens, n_tokens]
    assert trained.history_[1]["loss"] < trained.history_[0]["loss"] < 6 * math.log(2)
    assert trained.embeddings_.metadata["schedule"]["cluster_workers"] == 2


class Failing(InProcess):
    """Loses a worker, and all that its process keeps, just before a function is run for the nth time."""

    def __init__(self, function: str, nth: int, victim: int) -> None:
        super().__init__(2)
        self.function, self.left, self.victim, self.kills = function, nth, victim, 0

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Any:
        if function.__name__ == self.function:
            self.left -= 1
            if self.left == 0:
                self.kills += 1
                self.kill(self.victim)
                for training in {training for training, _ in workshop.kept_parts()}:
                    workshop.forget(training, self.victim)
        return super().run(function, *arguments, worker=worker)


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize(
    ("function", "nth"),
    [("merge_counts", 1), ("choose_vocabulary", 1), ("describe_part", 2), ("enter", 2), ("prepare", 2),
     ("train_round", 1), ("train_round", 5), ("train_round", 6), ("delta_of", 3), ("step_of", 3), ("step_of", 4),
     ("cut", 1), ("cut", 2)],
)  # fmt: skip
def test_losing_a_worker_changes_no_bit(
    files: list[Path], trained: Word2Vec, function: str, nth: int, victim: int
) -> None:
    engine = Failing(function, nth, victim)
    assert_same(fit(files, engine=engine), trained)
    assert engine.kills == 1


def test_phrases_that_are_known_are_joined(tmp_path: Path, rng: np.random.Generator) -> None:
    path, saved = tmp_path / "text.txt", tmp_path / "phrases.json"
    lines = [[f"w{word}" for word in row] + ["red", "car"] for row in rng.integers(40, size=(300, 8))]
    path.write_text("".join(" ".join(line) + "\n" for line in lines))
    Phrases(min_count=100, threshold=0.01).fit(path).phrase_list_.save(saved)
    tokenizer = pickle.loads(pickle.dumps(PhraseTokenizer(get_tokenizer("words"), saved)))
    saved.unlink()  # another machine does not have it
    plain, rounds = Word2Vec(**SETTINGS, tokenizer=tokenizer).fit(path), fit([path], 1, tokenizer=tokenizer)
    assert plain.vocabulary_.index_to_key[0] == "red_car"
    assert_same(rounds, plain)
    assert fit([path], tokenizer=tokenizer).vocabulary_.index_to_key == plain.vocabulary_.index_to_key


class Stale(Failing):
    """Starts a round of the attempt before once more, while what was lost is made good."""

    def __init__(self) -> None:
        super().__init__("step_of", 3, victim=1)
        self.asked: list[tuple[Any, ...]] = []
        self.refused = 0

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Any:
        if function is learning.train_round and worker == 0:
            self.asked.append(arguments)
        if function is learning.prepare and self.kills:
            with pytest.raises(LostError, match="a worker was lost in the meantime"):
                learning.train_round(*self.asked[-1])
            self.refused += 1
        return super().run(function, *arguments, worker=worker)


def test_a_task_that_was_given_up_touches_nothing(files: list[Path], trained: Word2Vec) -> None:
    engine = Stale()
    assert_same(fit(files, engine=engine), trained)
    assert engine.refused == 1


def test_a_text_that_changes_before_it_is_read_again_is_told(tmp_path: Path, rng: np.random.Generator) -> None:
    path, lines = tmp_path / "text.txt", rng.integers(40, size=(600, 8))

    def write(lines: Any) -> None:
        path.write_text("".join(" ".join(f"w{word}" for word in line) + "\n" for line in lines))

    class Changing(Failing):
        def kill(self, worker: int) -> None:
            super().kill(worker)
            write(lines[::-1])

    write(lines)
    with pytest.raises(CorpusError, match=r"part 2 of the text, from .*text\.txt on, has changed since training began"):
        fit([path], engine=Changing("train_round", 5, 1))


def test_losing_all_workers_one_after_another_is_told(files: list[Path]) -> None:
    class AllGone(Failing):
        def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Any:
            if self.kills:
                for training, number in workshop.kept_parts():
                    workshop.forget(training, number)
            return super().run(function, *arguments, worker=worker)

    with pytest.raises(
        ClusterError, match="all workers were lost at once.* if there is a checkpoint, continue from it"
    ):
        fit(files, engine=AllGone("train_round", 5, 0))


def interrupt_after(calls: int) -> Callable[[Any], None]:
    """Return what Ctrl-C does: interrupt a training in its nth round."""
    left = iter(range(calls, -1, -1))

    def progress(state: Any) -> None:
        if state.phase == "training" and next(left) == 1:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_training_goes_on_exactly(
    files: list[Path], trained: Word2Vec, tmp_path: Path, after: int
) -> None:
    with pytest.raises(TrainingInterrupted):
        fit(files, checkpoint=tmp_path / "m", progress=interrupt_after(after))
    model = Word2Vec.load(tmp_path / "m")
    assert not model.is_complete_ and not np.array_equal(model.vectors_, trained.vectors_)
    assert_same(model.resume(client=InProcess(1)), trained)  # the two parts stay, whatever the number of workers
    assert model.is_complete_


def test_an_interrupted_training_goes_on_where_it_began(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted):
        fit(files, checkpoint=tmp_path / "m", progress=interrupt_after(1))
    with pytest.raises(
        ValueError, match=r"began on a cluster of 2: resume it with client= \(--cluster\), such as local:2"
    ):
        Word2Vec.load(tmp_path / "m").resume()
    with pytest.raises(ValueError, match="the corpus is not the one that training began with"):
        Word2Vec.load(tmp_path / "m").resume(files[:2], client=InProcess(2))


def test_a_checkpoint_is_written_between_rounds(files: list[Path], tmp_path: Path) -> None:
    steps = []

    def look(state: Any) -> None:
        if (tmp_path / "m").exists():
            steps.append(Word2Vec.load(tmp_path / "m")._state.step)

    model = Word2Vec(**SETTINGS).fit(
        files, client=InProcess(2), checkpoint=tmp_path / "m", checkpoint_every=1e-9, progress=look, round_words=3000
    )
    assert steps == list(range(len(steps))) and len(steps) > 2
    assert_same(model, fit(files, round_words=3000))
    assert_same(Word2Vec.load(tmp_path / "m"), model)


def bad_calls(files: list[Path]) -> Iterator[tuple[dict[str, Any], dict[str, Any], type[Exception], str]]:
    text = {"corpus": files}
    yield {}, {"corpus": [["a", "b"]]}, ValueError, "a cluster reads files: give their names, not sentences"
    yield {"max_time": 3}, text, ValueError, "max_time cannot be combined with a cluster: rounds are planned in words"
    yield {"holdout": 0.1}, text, ValueError, "holdout cannot be combined with a cluster"
    yield {"objective": "glove"}, text, ValueError, "objective='glove' cannot be combined with a cluster"
    yield {"lines": "pairs", "window": None}, text, ValueError, "lines='pairs' cannot be combined with a cluster"
    yield {"phrases": True}, text, ValueError, "phrases cannot be combined with a cluster: write the text"
    yield {}, text | {"callbacks": [print]}, ValueError, "callbacks cannot be combined with a cluster"
    yield {}, text | {"round_words": 0}, ValueError, "round_words must be a whole number of at least 1, got 0"
    yield {}, text | {"round_words": "9"}, ValueError, "round_words must be a whole number of at least 1, got '9'"
    yield {"min_count": 10**6}, text, EmptyVocabularyError, "no word occurs 1000000 times"


def test_what_cannot_go_with_a_cluster_is_told(files: list[Path]) -> None:
    for parameters, call, kind, message in bad_calls(files):
        with pytest.raises(kind, match=message):
            Word2Vec(**SETTINGS | parameters).fit(**call, client=InProcess(2))
    with pytest.raises(ValueError, match="round_words is for a cluster: give client as well"):
        Word2Vec().fit(files, round_words=100)


def test_parts_without_words_are_told(tmp_path: Path) -> None:
    path = tmp_path / "half.txt"
    path.write_text("a b c d\n" * 50 + ". ! ?\n" * 120)
    with pytest.raises(ValueError, match=r"part 2 of 2, of .*half.txt, has no words of the vocabulary: use fewer"):
        fit([path])
    path.write_text("a\n" * 500)
    with pytest.raises(NoPairsError, match="no sentence with two known words"):
        fit([path])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_text_without_words_is_told_as_on_one_machine(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    with pytest.raises(EmptyVocabularyError, match=r"empty\.txt has no words: check the input and the tokenizer"):
        fit([path, path], workers)


def test_a_folder_that_a_worker_lacks_is_told(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"the worker .* cannot write its part of the text to .*gone.* work_folder"):
        Word2Vec(**SETTINGS).fit(files, client=InProcess(2), max_memory=1, work_folder=tmp_path / "gone")
    assert workshop.kept_parts() == []


def test_parts_of_a_client_that_was_killed_are_dropped_by_the_next_training(files: list[Path], tmp_path: Path) -> None:
    for client in ("killed", InProcess.name):
        shard = Shard(f"{client}/1", 0, cut_files([str(files[0])], 1)[0], "strict", get_tokenizer("words"), 1, 1,
                      str(tmp_path))  # fmt: skip
        workshop.count_words(shard)
    assert workshop.kept_parts() == [("killed/1", 0), (f"{InProcess.name}/1", 0)]
    assert not any(tmp_path.iterdir())  # their files have no names, so that a killed worker leaves none
    fit(files, epochs=1, round_words=10**6)
    assert workshop.kept_parts() == [(f"{InProcess.name}/1", 0)]
    workshop.forget(f"{InProcess.name}/1")
    assert workshop.kept_parts() == []


def test_a_full_disk_of_a_worker_is_told(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(workshop, "scan_corpus", full)
    with pytest.raises(OSError, match=r"no space on the worker .* for its part of the text, in .*--local-directory"):
        fit(files)
    assert workshop.kept_parts() == []


class Elsewhere(InProcess):
    """Workers that see other files than this program does."""

    def __init__(self, change: Callable[[], None]) -> None:
        super().__init__(2)
        self.change = change

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Any:
        if function is workshop.unreadable:
            self.change()
        return super().run(function, *arguments, worker=worker)


def test_files_that_workers_do_not_see_are_told(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a b c d\n" * 500)
    with pytest.raises(CorpusError, match=r"a worker .* does not see the same file.*text.txt has 8 bytes there"):
        fit([path], engine=Elsewhere(lambda: path.write_text("a b c d\n") and None))  # type: ignore[arg-type]
    path.write_text("a b c d\n" * 500)
    with pytest.raises(CorpusError, match=r"text.txt: there is no such file.*|cannot be read: .*shared file system"):
        fit([path], engine=Elsewhere(lambda: path.unlink(missing_ok=True)))


@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"workers": 2, "deterministic": True}])
def test_a_round_leaves_nothing_that_waits_for_the_garbage_collector(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    crews: list[weakref.ref[Any]] = []
    steps: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def make_crew(*arguments: Any, **further: Any) -> Any:
        crew = session.make_crew(*arguments, **further)
        crews.append(weakref.ref(crew))
        return crew

    class Watching(InProcess):
        def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Any:
            if function is learning.train_round and arguments[2] is not None:
                steps.append(weakref.ref(arguments[2][0].value[0].values))
            return super().run(function, *arguments, worker=worker)

    def count(state: Any) -> None:
        alive.extend(sum(each() is not None for each in kind) for kind in (crews, steps))

    monkeypatch.setattr(learning, "make_crew", make_crew)
    gc.disable()
    try:
        fit(files, engine=Watching(2), progress=count, round_words=3000, **options)
    finally:
        gc.enable()
    assert len(crews) > 4 and len(steps) > 4 and not any(alive)
