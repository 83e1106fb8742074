"""Distilling: what it does is what the four steps do by hand, and a second start goes on where the first one was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.topic_examples import NAMES, WORDS_EACH, make_paragraphs, make_words
from w2v import Embeddings, SentenceEncoder, Word2Vec, distill
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder.distillation import distilling
from w2v.encoder.distillation.distilling import IDENTITY, run_distillation, work_area
from w2v.encoder.distillation.drawing import draw_sentences, fair_shares
from w2v.encoder.distillation.options import DistilOptions
from w2v.encoder.model.inference import Inference
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.training import Stage
from w2v.monitoring.history import TrainingInterrupted
from w2v.storage.files import ModelError

PARAGRAPHS = make_paragraphs(40)
OPTIONS: dict[str, Any] = {"steps": 6, "workers": 1, "seed": 3}
COMMAND = ("--steps", 6, "--workers", 1, "--seed", 3)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save an encoder that knows the topics, one column each."""
    vectors = np.zeros((len(NAMES), 8), np.float32)
    vectors[np.arange(len(NAMES)), np.arange(len(NAMES)) // WORDS_EACH] = 1
    vectors += 0.01 * np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
    path = tmp_path_factory.mktemp("teacher") / "topics.encoder"
    SentenceEncoder(Embeddings(NAMES, vectors)).save(path)
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Write the paragraphs."""
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{paragraph}\n" for paragraph in PARAGRAPHS))
    return path


def draw(lines: list[str], n: int, seed: int = 0) -> list[str]:
    return draw_sentences([lines], n, WordsTokenizer(), seed)


# --- sentences -------------------------------------------------------------------------------------------------------


def test_sentences_of_a_fair_length_are_drawn_once_each() -> None:
    lines = [
        "One two three four. Five  six\tseven eight!",
        "one two three.",
        " ".join(["word"] * 41),
        "Five six seven eight!",
        " ".join(["word"] * 40),
    ]
    expected = {"One two three four.", "Five six seven eight!", " ".join(["word"] * 40)}
    assert sorted(draw(lines, 10)) == sorted(expected)
    assert draw([], 10) == []


def test_fewer_sentences_are_the_first_of_more_whatever_the_order_of_the_lines() -> None:
    every = draw(PARAGRAPHS, 1000)
    assert len(every) == len({sentence for paragraph in PARAGRAPHS for sentence in paragraph.split(". ")}) > 50
    for n in (1, 7, 50):
        assert draw(PARAGRAPHS, n) == every[:n] == draw(PARAGRAPHS[::-1] * 2, n)
    assert draw(PARAGRAPHS, 1000, seed=1) != every


def test_each_sentence_has_the_same_chance() -> None:
    lines = [f"sentence number {number} of them" for number in range(12)] + ["sentence number 0 of them"] * 30
    counts = Counter(sentence for seed in range(300) for sentence in draw(lines, 3, seed))
    assert len(counts) == 12
    expected = 300 * 3 / 12
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 40  # chi square, 11 degrees


@pytest.mark.parametrize("n", [5, 47, 90, 400])
def test_each_file_gives_as_many_sentences_as_it_has_of_an_equal_share(n: int, rng: np.random.Generator) -> None:
    """The shares are those of all texts at once, though texts are forgotten while others are read."""
    texts = [[f"sentence number {i} of text {k}" for i in range(size)] for k, size in enumerate((40, 3, 60, 25, 0, 40))]
    texts[2] += texts[0][:10]  # they count for the first
    found = draw_sentences([rng.permutation(text).tolist() for text in texts], n, WordsTokenizer(), 4)
    assert len(found) == len(set(found)) == min(n, 168)
    each = [[sentence for sentence in found if sentence.endswith(f"text {k}")] for k in range(6)]
    sizes = [len(own) for own in each]
    assert sizes == fair_shares([40, 3, 60, 25, 0, 40], n)
    others = [size for size, whole in zip(sizes, (40, 3, 60, 25, 0, 40), strict=True) if size < whole]
    assert max(others, default=0) - min(others, default=0) <= 1
    assert max(sizes) <= max(others, default=60)
    for text, own in zip(texts, each, strict=True):
        assert own == [sentence for sentence in draw(text, 1000, 4) if sentence in own]
        assert set(own) == set([one for one in draw(text, 1000, 4) if one.endswith(text[0][-6:])][: len(own)])
    assert [found.index(sentence) for own in each for sentence in own] != list(range(len(found)))  # mixed


def test_files_are_told_apart_when_sentences_are_drawn(teacher: Path, tmp_path: Path) -> None:
    large, small = tmp_path / "large.txt", tmp_path / "small.txt"
    large.write_text("".join(f"{paragraph}\n" for paragraph in PARAGRAPHS))
    small.write_text("The ship and the boat.\nThe pear and the plum.\n")
    run_distillation(
        teacher, [large, small], DistilOptions(**OPTIONS, sentences=12), initial=make_words(), work=tmp_path / "w"
    )
    drawn = (tmp_path / "w" / "sentences.txt").read_text().splitlines()
    assert len(drawn) == 12 and {"The ship and the boat.", "The pear and the plum."} < set(drawn)


def test_a_teacher_with_attention_computes_in_int8_if_wanted(teacher: Path, text: Path, tmp_path: Path) -> None:
    state = SentenceEncoder(SentenceEncoder.load(teacher).state, "attention", dim=8, heads=2, random_state=1).state
    assert state.parameters is not None
    state.parameters.flat[...] += 0.1 * np.random.default_rng(2).normal(size=state.parameters.flat.size)
    own = SentenceEncoder(state)
    own.save(tmp_path / "deep.encoder")
    own.compress().save(tmp_path / "int8.encoder")
    options = OPTIONS | {"sentences": 60}

    def distilled(name: str, **more: Any) -> NDArray[np.float32]:
        found: NDArray[np.float32] = distill(
            tmp_path / name, text, initial=make_words(), work=tmp_path / f"{name}{more}", **options, **more
        ).encode(PARAGRAPHS)
        return found

    plain, fast = (distilled("deep.encoder", compress=compress) for compress in (False, True))
    assert (tmp_path / "deep.encoder{'compress': True}" / "deep.encoder-int8").is_dir()
    np.testing.assert_array_equal(distilled("int8.encoder", compress=False), fast)
    assert not np.array_equal(plain, fast)
    np.testing.assert_allclose(fast, plain, atol=0.02)


# --- the steps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("architecture", "steps"), [("static", 6), ("attention", 1)])
def test_distilling_is_what_the_steps_do_by_hand(
    teacher: Path, text: Path, tmp_path: Path, architecture: str, steps: int
) -> None:
    words, options = make_words(), OPTIONS | {"steps": steps}
    student = distill(teacher, text, initial=words, architecture=architecture, sentences=60, **options)
    sentences = draw(PARAGRAPHS, 60, seed=3)
    by_hand = SentenceEncoder(words, architecture, identity_scale=IDENTITY, training=FitOptions(**options))
    by_hand.fit(sentences, teacher=teacher, teacher_cache=tmp_path / "cache")
    np.testing.assert_array_equal(student.encode(PARAGRAPHS), by_hand.encode(PARAGRAPHS))
    assert student.state.architecture == architecture
    assert student.state.metadata["distilled"] == {
        "teacher": "topics.encoder", "sentences": 60, "texts": [str(text)],
    }  # fmt: skip


def test_words_are_trained_on_the_text(teacher: Path, text: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {"vector_size": 8, "min_count": 2}
    found = run_distillation(
        teacher, text, DistilOptions(**own, **OPTIONS), output=tmp_path / "a.encoder", work=tmp_path / "work"
    )
    words = Word2Vec(recipe="best", workers=1, random_state=3, **own).fit(text).embeddings_
    kept = Embeddings.load(tmp_path / "work" / "words.model")
    np.testing.assert_array_equal(kept.vectors, words.vectors)
    assert found.encoder.state.vocabulary.index_to_key == words.index_to_key
    assert found.path == tmp_path / "a.encoder" and found.teacher == "topics.encoder"
    assert list(found.seconds) == ["drawing sentences", "word vectors", "teaching", "student"]
    np.testing.assert_array_equal(SentenceEncoder(found.path).encode(PARAGRAPHS), found.encoder.encode(PARAGRAPHS))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*") if path.is_file()}
    again = distill(teacher, text, work=tmp_path / "work", **own, **OPTIONS)
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing is made again
    np.testing.assert_array_equal(again.encode(PARAGRAPHS), found.encoder.encode(PARAGRAPHS))
    SentenceEncoder(make_words()).save(tmp_path / "other.encoder")
    other = distill(tmp_path / "other.encoder", text, work=tmp_path / "work", **own, **OPTIONS)
    assert not np.array_equal(other.encode(PARAGRAPHS), found.encoder.encode(PARAGRAPHS))  # of another teacher
    distill(teacher, PARAGRAPHS[:30], work=tmp_path / "work", initial=make_words(), **OPTIONS)
    assert (tmp_path / "work" / "sentences.txt").read_text() != "\n".join(draw(PARAGRAPHS, 1000, 3)) + "\n"


class Asked:
    """Counts the sentences that a teacher was asked about, and does what Ctrl-C does after so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n, self.most = 0, 10**9
        outer = self

        class Counted(Inference):
            def encode(self, sentences: Sequence[str], *arguments: Any, **options: Any) -> NDArray[Any]:
                if outer.n + len(sentences) > outer.most:
                    raise KeyboardInterrupt
                outer.n += len(sentences)
                return super().encode(sentences, *arguments, **options)

        monkeypatch.setattr(distilling, "_AT_ONCE", 16)
        monkeypatch.setattr(distilling, "Inference", Counted)


def test_a_second_start_goes_on_in_every_step(
    teacher: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, words = tmp_path / "a.encoder", make_words()
    more: dict[str, Any] = {"initial": words, "output": output, "sentences": 60, **OPTIONS}
    whole = distill(teacher, text, initial=words, sentences=60, **OPTIONS).encode(PARAGRAPHS)
    asked = Asked(monkeypatch)
    asked.most = 40
    with pytest.raises(KeyboardInterrupt):
        distill(teacher, text, **more)
    assert asked.n == 32 and not output.exists() and work_area(output).is_dir()
    asked.n, asked.most = 0, 28
    update, calls = Stage.update, []

    def stop(stage: Stage, scale: float) -> None:
        calls.append(scale)
        if len(calls) == 3:
            raise KeyboardInterrupt
        update(stage, scale)

    monkeypatch.setattr(Stage, "update", stop)
    with pytest.raises(TrainingInterrupted):
        distill(teacher, text, **more)
    assert asked.n == 28 and not output.exists()
    asked.n = 0
    student = distill(teacher, text, **more)
    assert asked.n == 0 and len(calls) < 3 + 6  # it went on after two steps
    np.testing.assert_array_equal(student.encode(PARAGRAPHS), whole)
    np.testing.assert_array_equal(SentenceEncoder(output).encode(PARAGRAPHS), whole)
    assert not work_area(output).exists()


def test_time_that_is_up_ends_the_teaching_and_the_student_learns_from_what_there_is(
    teacher: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    monkeypatch.setattr(distilling, "time", SimpleNamespace(monotonic=lambda: float(asked.n)))  # a second each
    found = run_distillation(
        teacher, text, DistilOptions(max_time=50, **OPTIONS), initial=make_words()
    )  # until 37.5 s there is time for 48 sentences
    assert found.sentences == 48
    assert found.encoder.state.metadata["training"]["options"]["max_time"] == 12.5
    monkeypatch.setattr(distilling, "time", SimpleNamespace(monotonic=count().__next__))  # a second each look
    hurried = run_distillation(teacher, text, DistilOptions(max_time=2, **OPTIONS), initial=make_words())
    assert hurried.sentences == 16  # as many as are taught at once


def test_the_teacher_may_be_named_as_packages_ship_it(
    teacher: Path, text: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("w2v.corpora.catalogue.obtaining.package_path", lambda package: teacher)
    assert run_distillation(
        "all-MiniLM-L6-v2", text, DistilOptions(**OPTIONS), initial=make_words()
    ).teacher == "all-MiniLM-L6-v2"  # fmt: skip


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_makes_an_encoder_and_says_what_of(teacher: Path, text: Path, tmp_path: Path) -> None:
    make_words().save(tmp_path / "words")
    arguments = ("distill", teacher, text, "--initial", tmp_path / "words", *COMMAND, "--output")
    result = run(*arguments, tmp_path / "a.encoder", "--json", "--progress", "none")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    student = distill(teacher, text, initial=make_words(), **OPTIONS)
    np.testing.assert_array_equal(
        SentenceEncoder(tmp_path / "a.encoder").encode(PARAGRAPHS), student.encode(PARAGRAPHS)
    )
    assert summary["teacher"] == "topics.encoder" and summary["architecture"] == "static"
    assert summary["held_out_loss"] < summary["held_out_loss_at_the_start"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.encoder", "text.txt", "words"]
    shown = run(*arguments, tmp_path / "b.encoder", "--progress", "log")
    assert "learned from" in shown.stdout and "Step 3 of 4: teaching" in shown.stderr
    assert_mistake(run(*arguments, tmp_path / "a.encoder"), 1, "a.encoder exists already", "--overwrite")


def test_an_interrupt_says_how_to_go_on(
    teacher: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_words().save(tmp_path / "words")
    Asked(monkeypatch).most = 20
    result = run("distill", teacher, text, "--initial", tmp_path / "words", "--output", tmp_path / "a.encoder")
    assert result.exit_code == 130
    assert f"saved in {tmp_path / 'a.encoder.distil'}; run the same command again to resume." in result.stderr


@pytest.mark.parametrize(
    ("changes", "code", "fragment"),
    [
        ({"teacher": "none.encoder"}, 1, "none.encoder does not exist"),
        ({"teacher": "them/none"}, 1, "write hub:them/none"),
        ({"text": "none.txt"}, 1, "none.txt"),
        ({"text": "-"}, 1, "can be read only once"),
        ({"text": "short.txt"}, 1, "the text has 1 sentences of 4 to 40 words"),
        ({"initial": "an.encoder"}, 1, "an.encoder is an encoder; `initial` must be word vectors"),
        ({"work": "."}, 1, "is not a folder of a distillation"),
        ({"sentences": "3"}, 2, "sentences"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    changes: dict[str, str], code: int, fragment: str, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("Only one sentence here.\nToo short.\n")
    (tmp_path / "text.txt").write_text("\n".join(PARAGRAPHS))
    SentenceEncoder(make_words()).save("an.encoder")
    before = sorted(tmp_path.iterdir())
    given = {"teacher": teacher, "text": "text.txt"} | changes
    options = [part for name in changes if name not in ("teacher", "text") for part in (f"--{name}", changes[name])]
    result = run("distill", given["teacher"], given["text"], "--output", "out", *options, "--progress", "none")
    assert_mistake(result, code, fragment)
    assert sorted(tmp_path.iterdir()) == before


def test_a_text_of_tokens_is_refused(teacher: Path) -> None:
    with pytest.raises(TypeError, match="the text must be files or strings"):
        distill(teacher, [["a", "list"]])
    with pytest.raises(ModelError, match=r"hub:owner/name"):
        distill("hub:nothing", PARAGRAPHS)
