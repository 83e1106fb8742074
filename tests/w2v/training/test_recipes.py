"""What is trained with where nobody said: gensim's settings, or a recipe's; and the learning rate that is held."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import ROOT
from tests.helpers.clock import Clock
from tests.helpers.examples.trainer_examples import make_trainer
from w2v import Embeddings, Word2Vec
from w2v.settings.descriptions import GENSIM
from w2v.settings.parameters import Parameters
from w2v.settings.recipes import LITTLE, MUCH, best_settings, describe_recipe, resolve

CORPUS = [["a", "b", "c", "d", "e"], ["b", "d", "a", "c"]] * 300
TOKENS = 2700


def small(**options: Any) -> Word2Vec:
    return Word2Vec(**({"vector_size": 4, "min_count": 1, "workers": 1, "random_state": 3} | options))


def trained_with(model: Word2Vec) -> dict[str, Any]:
    parameters = model.embeddings_.metadata["parameters"]
    return {name: parameters[name] for name in GENSIM}


def test_without_a_recipe_training_is_that_of_gensims_settings() -> None:
    plain, spelled = small().fit(CORPUS), small(window=5, sample=1e-3, epochs=5, alpha_hold=0.0).fit(CORPUS)
    assert np.array_equal(plain.vectors_, spelled.vectors_)
    assert trained_with(plain) == GENSIM == {"window": 5, "sample": 1e-3, "epochs": 5, "alpha_hold": 0.0}
    assert "recipe" not in plain.embeddings_.metadata["schedule"]


def test_the_page_has_the_settings_of_each_size() -> None:
    page = (ROOT / "docs" / "words" / "training.md").read_text(encoding="utf-8")
    options = {"window": "window", "sample": "sample", "epochs": "epochs", "alpha_hold": "learning-rate-hold"}
    for name, option in options.items():
        [row] = [line for line in page.splitlines() if line.startswith(f"| `--{option}` | ") and line.count("|") == 7]
        shown = [float(cell) for cell in row.split("|")[2:6]]
        assert shown == [GENSIM[name], *(best_settings(size)[name] for size in (LITTLE - 1, LITTLE, MUCH))]


@pytest.mark.parametrize("n_tokens", [1, LITTLE - 1, LITTLE, 18_000_000, MUCH - 1, MUCH, 10**10])
def test_a_recipe_sets_what_is_left_out(n_tokens: int) -> None:
    resolved = resolve(Parameters(recipe="best"), n_tokens)
    assert {name: getattr(resolved, name) for name in GENSIM} == best_settings(n_tokens)
    assert best_settings(n_tokens).keys() == GENSIM.keys()
    resolved.validate()
    assert resolve(resolved, 10 * n_tokens) == resolved


@pytest.mark.parametrize("name", sorted(GENSIM))
def test_what_is_given_wins_over_the_recipe_even_if_it_is_the_default(name: str) -> None:
    given = {name: GENSIM[name]}
    resolved = resolve(Parameters(recipe="best", **given), TOKENS)
    assert resolved == replace(resolve(Parameters(recipe="best"), TOKENS), **given)


def test_what_a_recipe_chose_is_trained_told_and_stored(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = small(recipe="best", epochs=2).fit(CORPUS, progress="log")
    expected = best_settings(TOKENS) | {"epochs": 2}
    assert trained_with(model) == expected and len(model.history_) == 2
    told = describe_recipe(Parameters(recipe="best", epochs=2), TOKENS)
    assert f"Recipe: {told}" in capfd.readouterr().err and f"best for {TOKENS:,} words" in told
    assert np.array_equal(model.vectors_, small(**expected).fit(CORPUS).vectors_)
    model.save(tmp_path / "model")
    assert Embeddings.load(tmp_path / "model").metadata["schedule"]["recipe"] == told
    assert trained_with(Word2Vec.load(tmp_path / "model")) == expected


def test_nothing_is_told_where_progress_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    small(recipe="best", epochs=1).fit(CORPUS)
    assert capfd.readouterr().err == ""


def test_an_interrupted_recipe_goes_on_with_what_it_chose(tmp_path: Path) -> None:
    whole = small(recipe="best", epochs=None).fit(CORPUS)

    def stop(view: Any) -> None:
        if view.epoch == 2 and not stopped:
            stopped.append(view)
            raise KeyboardInterrupt

    stopped: list[Any] = []
    model = small(recipe="best")
    with pytest.raises(KeyboardInterrupt):
        model.fit(CORPUS, callbacks=[stop])
    model.save(tmp_path / "stopped")
    for interrupted in (model, Word2Vec.load(tmp_path / "stopped")):
        assert not interrupted.is_complete_
        assert np.array_equal(interrupted.resume(CORPUS).vectors_, whole.vectors_)
        assert trained_with(interrupted) == best_settings(TOKENS)


def test_training_is_continued_with_what_the_recipe_chose() -> None:
    model = small(recipe="best").fit(CORPUS)
    model.continue_fit(CORPUS[:100])
    assert trained_with(model) == best_settings(TOKENS)
    with pytest.raises(ValueError, match="recipe is 'none', but training began with 'best'"):
        model.set_params(recipe="none").continue_fit(CORPUS)


def test_alpha_is_held_and_then_falls_linearly() -> None:
    training = make_trainer(n_tokens=20_000, epochs=2, alpha=0.05, min_alpha=0.01, alpha_hold=0.6)
    planned = list(training.plan(0.0))
    rates = np.array([one.rates[0] for one in planned])
    done = np.array([one.done for one in planned])
    assert (rates[done <= 0.6] == 0.05).all() and (done <= 0.6).sum() > len(done) / 2
    np.testing.assert_allclose(rates, np.where(done <= 0.6, 0.05, 0.05 - 0.04 * (done - 0.6) / 0.4), rtol=1e-12)
    assert planned[-1].rates[1] == pytest.approx(0.01)


def test_alpha_that_is_not_held_is_the_same_to_the_last_bit() -> None:
    training = make_trainer(n_tokens=20_000, epochs=3, alpha=0.03, min_alpha=0.0007)
    for one in training.plan(0.0):
        assert one.rates[0] == max(0.0007, 0.03 - (0.03 - 0.0007) * one.done)


def test_alpha_is_held_for_a_fraction_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    options: dict[str, Any] = {"n_tokens": 20_000, "max_time": 200.0, "alpha": 0.05, "min_alpha": 0.01}
    training = make_trainer(**options, alpha_hold=0.5, started=clock.now)
    rates = []
    for planned in training.plan(clock.now):
        rates.append(planned.rates[0])
        clock.now += 1
    expected = [0.05] * 101 + [0.05 - 0.04 * (second - 100) / 100 for second in range(101, 200)]
    assert rates == pytest.approx(expected)
