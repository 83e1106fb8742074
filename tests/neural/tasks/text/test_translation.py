"""`Translator`: what it learns, what it does with every kind of line, and how a training goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.clock import Clock
from tests.helpers.examples.text_models import (
    TINY,
    WORDS,
    assert_same,
    number_pairs,
    number_translator,
    ticking,
    write_lines,
    write_pairs,
)
from tests.helpers.examples.topic_examples import stop_at
from w2v import Embeddings, ModelError, TrainingInterrupted, Translator
from w2v.corpora.tokenizers import WhitespaceTokenizer
from w2v.corpora.units import Characters, Words
from w2v.neural.configs import END, START
from w2v.neural.generation.beam import BeamOptions, beam
from w2v.neural.generation.state import Limits
from w2v.neural.packing import Packed
from w2v.neural.progress import FitProgress, show_fitting
from w2v.neural.tasks.text.bleu import bleu
from w2v.neural.tasks.text.long_texts import in_parts
from w2v.neural.tasks.text.pairs import LeftOutWarning

SOURCES, TARGETS = map(list, zip(*number_pairs(40, 3), strict=True))
PAIRS = number_pairs(120)
SMALL = {**TINY, **WORDS, "epochs": 4, "batch_tokens": 64}


def small(**options: Any) -> Translator:
    return Translator(**{**SMALL, **options})


def test_translates_what_it_has_not_seen() -> None:
    translator = number_translator()
    assert translator.is_complete_
    assert np.mean([a == b for a, b in zip(translator.translate(SOURCES), TARGETS, strict=True)]) > 0.9
    assert translator.score(SOURCES, TARGETS, beam=1) > 90
    best = min(entry["held_out_loss"] for entry in translator.history_)
    assert best < 0.1 * translator.history_[0]["held_out_loss"]
    assert max(entry.get("bleu", 0) for entry in translator.history_) > 90


@pytest.mark.parametrize("monitor", ["loss", "bleu"])
def test_keeps_what_its_monitor_finds_best(monitor: str) -> None:
    translator = number_translator()
    if monitor == "bleu":
        translator = Translator(**{**translator.get_params(), "monitor": monitor, "epochs": 10})
        translator.fit(number_pairs(600), validation=number_pairs(30, 2))
    history = translator.history_
    values = [-entry["held_out_loss"] if monitor == "loss" else entry.get("bleu", -np.inf) for entry in history]
    best = [value > max([-np.inf, *values[:i]]) for i, value in enumerate(values)]
    assert [entry["best"] for entry in history] == best
    assert best.count(True) > 1


def test_folder_comes_back(tmp_path: Path) -> None:
    translator = number_translator()
    translator.save(tmp_path / "m")
    loaded = Translator.load(tmp_path / "m")
    assert loaded.get_params() == translator.get_params() and loaded.history_ == translator.history_
    assert loaded.translate(SOURCES) == translator.translate(SOURCES)
    with pytest.raises(ModelError, match="exists already"):
        translator.save(tmp_path / "m")
    loaded.save(tmp_path / "m", overwrite=True)


@pytest.mark.parametrize("beam", [1, 3])
def test_neither_batches_nor_workers_nor_neighbours_change_a_translation(beam: int) -> None:
    translator = number_translator()
    alone = [translator.translate([text], beam=beam)[0] for text in SOURCES]
    for batch_size, workers in ((1, 1), (7, 2), (64, 3)):
        assert translator.translate(SOURCES, beam=beam, batch_size=batch_size, workers=workers) == alone


def test_every_line_has_its_own() -> None:
    translator = number_translator()
    texts = ["", "   ", "eins zwei", "\u00a0\t", "drei", "好久不见", "שלום עולם", "\U0001f600 eins", ""]
    found = translator.translate(texts)
    assert len(found) == len(texts)
    assert found[0] == found[1] == found[3] == found[-1] == ""
    assert found[2] == "two one" and found[4] == "three"
    assert translator.translate([]) == []
    assert translator.translate(iter(["drei"])) == ["three"]


def test_line_of_a_thousand_words() -> None:
    [found], [short] = (number_translator().explain([text], beam=2) for text in ("eins zwei " * 500, "drei"))
    assert 1 <= len(found[0].pieces) <= 1.5 * 1000 + 10 and len(found[0].source_pieces) == 1000
    assert number_translator().translate(["eins zwei " * 500, "drei"], beam=2) == [found[0].text, short[0].text]


def test_beam_of_one_is_greedy_and_beams_find_what_is_no_less_probable() -> None:
    translator = number_translator()
    greedy = [one[0] for one in translator.explain(SOURCES, beam=1)]
    units = translator.network_.units
    state = translator._generating().start(Packed(*units["source"].encode(SOURCES)))
    found = beam(state, np.full(len(SOURCES), START, np.int32), Limits(30, end=END), BeamOptions(1))
    assert [units["target"].decode(one[0].tokens) for one in found] == [one.text for one in greedy]
    assert [one.score for one in greedy] == pytest.approx([one[0].score for one in found])
    wider = translator.explain(SOURCES, beam=4, n_best=4, length_penalty=0.0)
    plain = translator.explain(SOURCES, beam=1, length_penalty=0.0)
    for one, many in zip(plain, wider, strict=True):
        scores = [found.score for found in many]
        assert None not in scores and scores == sorted(scores, reverse=True)  # type: ignore[type-var]
        assert scores[0] >= one[0].score - 1e-5  # type: ignore[operator]
        assert len({found.text for found in many}) == len(many)
    assert len(translator.explain(["eins"], beam=50, n_best=50)[0]) > 6  # more than there are words


def test_explanations_fit_together() -> None:
    [[found]] = number_translator().explain(["eins zwei drei"], beam=3, length_penalty=0.0)
    assert found.pieces == ["three", "two", "one"] and found.source_pieces == ["eins", "zwei", "drei"]
    assert found.log_probabilities is not None and len(found.log_probabilities) == 4
    assert found.score == pytest.approx(sum(found.log_probabilities))
    assert found.alternatives is not None and [others[0][0] for others in found.alternatives[:3]] == found.pieces
    assert found.alignment is not None and found.alignment.shape == (3, 3)
    np.testing.assert_allclose(found.alignment.sum(axis=1), 1, atol=1e-5)
    shown = found.to_dict()
    assert [entry["piece"] for entry in shown["pieces"]] == found.pieces and len(shown["alignment"]) == 3
    assert number_translator().explain([""])[0][0].to_dict() == {"text": "", "score": None}


def test_decoder_that_sees_the_mean_of_a_source_looks_at_all_of_it_alike(tmp_path: Path) -> None:
    model = Translator(**TINY, **WORDS | {"epochs": 2}, memory="mean").fit(number_pairs(60))
    model.save(tmp_path / "model")
    texts = ["eins zwei drei", "", "vier"]
    found, again = (one.explain(texts, beam=2) for one in (model, Translator.load(tmp_path / "model")))
    assert [best.text for best, *_ in found] == [best.text for best, *_ in again] == model.translate(texts, beam=2)
    alignment = found[0][0].alignment
    assert alignment is not None and alignment.shape == (len(found[0][0].pieces), 3) and alignment.size
    np.testing.assert_allclose(alignment, 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("limit", [{}, {"max_time": 30.0, "epochs": None}], ids=["epochs", "max_time"])
def test_interrupted_training_ends_at_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any]
) -> None:
    pairs = write_pairs(tmp_path / "pairs.tsv", PAIRS)
    clock = Clock(monkeypatch)

    whole = small(**limit).fit(pairs, progress=ticking(clock))
    with pytest.raises(TrainingInterrupted):
        small(**limit).fit(pairs, progress=ticking(clock, 20), checkpoint=tmp_path / "out", checkpoint_every=0)
    loaded = Translator.load(tmp_path / "out")
    assert not loaded.is_complete_ and len(loaded.translate(["eins zwei"])) == 1  # the best so far can be used
    resumed = loaded.resume(checkpoint=tmp_path / "out", progress=ticking(clock))
    assert_same(resumed.network_, whole.network_)
    assert_same(Translator.load(tmp_path / "out").network_, whole.network_)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pairs.tsv"]
    with pytest.raises(ValueError, match="training is complete"):
        resumed.resume()


def test_training_that_crashed_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def crash(state: FitProgress) -> None:
        if state.phase == "training" and state.step == 20:
            raise RuntimeError

    pairs = write_pairs(tmp_path / "pairs.tsv", PAIRS)
    number_translator().save(tmp_path / "out")
    with pytest.raises(RuntimeError):
        small().fit(pairs, checkpoint=tmp_path / "out", checkpoint_every=1e-9, overwrite=True, progress=crash)
    # the complete model has the name until the new one is complete
    assert Translator.load(tmp_path / "out").translate(["eins zwei"]) == ["two one"]
    resumed = Translator.load(tmp_path / "out.checkpoint").resume(checkpoint=tmp_path / "out", overwrite=True)
    assert_same(resumed.network_, small().fit(pairs).network_)


def test_what_changed_is_refused(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.tsv", PAIRS)
    with pytest.raises(TrainingInterrupted):
        small().fit(pairs, checkpoint=tmp_path / "out", progress=stop_at(10))
    with pytest.raises(ValueError, match=r"dropout is 0\.5, but the interrupted training began with 0\.2"):
        Translator.load(tmp_path / "out").set_params(dropout=0.5).resume()
    Translator.load(tmp_path / "out").set_params(workers=2).resume(PAIRS)  # as text in memory; other threads
    write_pairs(pairs, PAIRS[::-1])
    with pytest.raises(ValueError, match="another text"):
        Translator.load(tmp_path / "out").resume()
    with pytest.raises(TrainingInterrupted):
        small().fit(PAIRS, checkpoint=tmp_path / "two", progress=stop_at(10))
    with pytest.raises(ValueError, match=r"were not in files: pass them again, in Python: Translator"):
        Translator.load(tmp_path / "two").resume()
    with pytest.raises(ModelError, match=r"w2v fit-translator --resume .*two, or Translator\.load"):
        small().fit(PAIRS, checkpoint=tmp_path / "two")


def test_direction_is_kept_when_files_are_passed_again(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.tsv", PAIRS)
    with pytest.raises(TrainingInterrupted):
        small().fit(pairs, columns=(2, 1), checkpoint=tmp_path / "out", progress=stop_at(10))
    resumed = Translator.load(tmp_path / "out").resume(pairs)
    assert "one" in resumed.network_.units["source"].pieces and "eins" in resumed.network_.units["target"].pieces


def test_empty_sides_are_left_out_and_counted() -> None:
    sources, targets = map(list, zip(*PAIRS, ("", "alone"), ("allein", " "), ("", ""), strict=True))
    with pytest.warns(LeftOutWarning, match="2 pairs have an empty side and are left out"):
        found = small(epochs=1).fit(sources, targets)
    assert found.network_.metadata["pairs"]["incomplete"] == 2
    assert_same(found.network_, small(epochs=1).fit(PAIRS).network_)


def test_long_pairs_are_left_out_and_counted() -> None:
    found = small(epochs=1, max_tokens=4).fit(PAIRS, validation=PAIRS[:5])
    n_long = sum(len(source.split()) > 4 for source, _ in PAIRS)
    assert n_long and found.network_.metadata["pairs"] == {
        "trained": len(PAIRS) - n_long, "held_out": 5, "incomplete": 0, "too_long": n_long,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "sources", "targets", "message"),
    [
        ({}, ["a", "b"], ["a"], "there are 2 sources but 1 targets"),
        ({}, PAIRS[:1], None, "give more pairs"),
        ({}, [], None, "pairs must be rows"),
        ({}, ["eins"], None, "eins"),
        ({"held_out": 500}, PAIRS, None, "500 of .* cannot be held out"),
        ({"dim": 30, "heads": 4}, PAIRS, None, "dim must be a multiple of heads: 30"),
        ({"dim": 6, "heads": 2, "positions": "rotary"}, PAIRS, None, "dim / heads must be even"),
        ({"positions": "fraction"}, PAIRS, None, "positions must be"),
        ({"epochs": 0}, PAIRS, None, "epochs must be"),
        ({"max_time": 0}, PAIRS, None, "max_time must be"),
        ({"max_tokens": 1}, [("eins zwei", "two one")] * 3 + [("eins", "one"), ("zwei drei", "a b")], None, "."),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_a_sentence(options: dict[str, Any], sources: Any, targets: Any, message: str) -> None:
    if message == ".":
        options, message = {**options, "held_out": 1}, "allow more max_tokens"
        sources = [("eins zwei", f"{word} {word}") for word in "abcdefgh"]
    with pytest.raises((ValueError, ModelError), match=message):
        small(**options).fit(sources, targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be"), ({"batch_size": -1}, "batch_size must be"),
        ({"workers": -1}, "workers must be"), ({"workers": 0}, "workers must be"), ({"beam": 1.5}, "beam must be"),
        ({"length_penalty": 1e9}, "length_penalty must be"),
    ],
)  # fmt: skip
def test_bad_options_of_translating_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        number_translator().translate(["eins"], **options)


def test_texts_that_are_none_are_refused() -> None:
    translator = number_translator()
    with pytest.raises(TypeError, match=r"a list of texts is needed, not one: write \['eins zwei'\]"):
        translator.translate("eins zwei")
    with pytest.raises(TypeError, match="text 2 is not a str but float"):
        translator.translate(["eins", float("nan")])  # type: ignore[list-item]
    for found, wanted in ((["eins"], ["one", "two"]), (["eins", "zwei"], ["one"]), ([], [])):
        with pytest.raises(ValueError, match=f"not {len(found)} for {len(wanted)}"):
            translator.score(found, wanted)
    with pytest.raises(ValueError, match="tokenize must be one of none, zh, 13a"):
        bleu(["one"], ["one"], tokenize="words")


def test_two_files_are_named_as_two_lists_are(tmp_path: Path) -> None:
    files = [write_lines(tmp_path / f"text.{i}", list(side)) for i, side in enumerate(zip(*PAIRS, strict=True))]
    found = small(epochs=1).fit(*files)
    assert_same(found.network_, small(epochs=1).fit(PAIRS).network_)
    assert found.network_.inputs == tuple(map(str, files))


def test_words_to_start_from() -> None:
    rng = np.random.default_rng(1)
    german, english = (
        Embeddings(words, rng.normal(size=(len(words), 16)).astype(np.float32))
        for words in (["eins", "zwei", "andere"], ["one", "Six"])
    )  # fmt: skip
    plain = small(learning_rate=0.0, epochs=1).fit(PAIRS)
    started = small(learning_rate=0.0, epochs=1).fit(PAIRS, initial_source=german, initial_target=english)
    units, before, after = started.network_.units, plain.network_.parameters, started.network_.parameters
    changed = {
        side: {units[side].pieces[row] for row in np.flatnonzero((before[name] != after[name]).any(axis=1)).tolist()}
        for side, name in (("source", "source.table"), ("target", "target.table"))
    }
    assert changed == {"source": {"eins", "zwei"}, "target": {"one"}}
    row = units["source"].pieces.index("zwei")
    own, given = after["source.table"][row], german["zwei"]
    assert own @ given == pytest.approx(np.linalg.norm(own) * np.linalg.norm(given), rel=1e-5)
    with pytest.raises(ValueError, match="none of the units has a word vector"):
        small().fit(PAIRS, initial_source=english)
    with pytest.raises(TypeError, match="must be Embeddings, or their folder, not ndarray"):
        small().fit(PAIRS, initial_source=np.zeros((3, 16)))
    with pytest.raises(ValueError, match="have 16 columns, but the network's dim is 32"):
        small(dim=32).fit(PAIRS, initial_target=english)


@pytest.mark.parametrize(
    "options",
    [
        {"source_units": "characters", "positions": "learned", "norm": "post", "activation": "gelu"},
        {"source_units": "subwords", "target_units": "subwords", "joint": False, "vocabulary_size": 300},
        {"source_units": "auto", "target_units": "auto", "positions": "learned+relative", "vocabulary_size": 300},
    ],
)
def test_every_kind_of_units_and_network(options: dict[str, Any], tmp_path: Path) -> None:
    if "words" not in {options.get("source_units"), options.get("target_units")} - {"characters"}:
        pytest.importorskip("tokenizers")
    found = small(epochs=1, **options).fit(PAIRS)
    found.save(tmp_path / "m")
    texts = ["eins zwei " * 40, "\U0001f600", "eins"]
    assert Translator.load(tmp_path / "m").translate(texts) == found.translate(texts)
    kinds = [units.kind for units in found.network_.units.values()]
    assert kinds[0] == (options["source_units"] if options["source_units"] != "auto" else "subwords")
    assert ("embedding.table" in found.network_.parameters) == (options["source_units"] == "auto")


def test_progress_compiles_first_and_tells_all_it_knows() -> None:
    told: list[FitProgress] = []
    small().fit(PAIRS, progress=told.append)
    phases = list(dict.fromkeys(state.phase for state in told))
    assert phases == ["learning the vocabularies", "compiling", "measuring", "training"]
    last = told[-1]
    assert last.done == 1 and last.held_out_loss is not None and set(last.figures) == {"bleu"}
    assert "BLEU" in last.facts() and "held out" in last.facts() and "left" in last.facts()


def test_compiling_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.display.progress.FIRST_LINE", 0.01)
    with show_fitting("log", None) as told:
        assert told is not None
        told(FitProgress("compiling"))
        time.sleep(0.2)
    assert capsys.readouterr().err == "0:00 compiling, once\n"


def test_measures_at_the_end_of_an_epoch_and_not_too_often() -> None:
    found = small(evaluate_every=None, epochs=20).fit(PAIRS, validation=PAIRS[:9])
    n_tokens = sum(len(target.split()) + 1 for _, target in PAIRS)
    per_epoch = -(-n_tokens // SMALL["batch_tokens"])
    between = per_epoch * -(-50 // per_epoch)
    steps = [entry["step"] for entry in found.history_]
    assert steps == sorted({*range(0, 20 * per_epoch, between), 20 * per_epoch})


def test_long_texts_are_cut_where_it_hurts_least() -> None:
    words, characters = Words(("a", "b"), WhitespaceTokenizer()), Characters(("a", "b"))
    assert in_parts(["a b", "", "a b a"], words, 3) == [["a b"], [""], ["a b a"]]
    assert in_parts(["A b a. B a b! A b. A"], words, 5) == [["A b a.", "B a b!", "A b.", "A"]]
    assert in_parts(["a b a b a b"], words, 4) == [["a b", "a b", "a b"]]
    assert in_parts(["aab。bba。ab"], characters, 6) == [["aab。", "bba。", "ab"]]
    assert in_parts(["ababab"], characters, 2) == [["a", "ba", "b", "ab"]]
    assert in_parts(["ab" * 3 + " b a"], characters, 3) == [["aba", "bab", "b", "a"]]
    assert in_parts(["é"], Characters(("x",)), 1) == [["é"]]
    [parts] = in_parts(["a" * 100_000], characters, 256)
    assert "".join(parts) == "a" * 100_000 and max(map(len, parts)) <= 256


def test_a_long_text_is_translated_in_parts() -> None:
    translator, long = number_translator(), " ".join(SOURCES * 8)
    [parts] = in_parts([long], translator.network_.units["source"], 256)
    assert len(parts) > 2 and " ".join(parts) == long
    told: list[tuple[int, int]] = []
    found = translator.translate(["eins", long, ""], beam=2, progress=lambda *counts: told.append(counts))
    assert found == ["one", " ".join(translator.translate(parts, beam=2)), ""]
    assert told[-1] == (len(parts) + 1, len(parts) + 1)
    [[whole, second]] = translator.explain([long], beam=2, n_best=2, length_penalty=0)
    assert whole.text and second.text and whole.alignment is None
    assert (
        len(whole.pieces) == len(whole.alternatives or [])
        and len(whole.log_probabilities or []) == len(whole.pieces) + 1
    )
    each = [best.score for [best] in translator.explain(parts, beam=2, length_penalty=0)]
    assert whole.score == pytest.approx(sum(score for score in each if score is not None))
