"""Translators and language models of every architecture: trained, saved, opened, and asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from w2v import LanguageModel, Translator
from w2v.commands.main import main
from w2v.storage.files import ModelError

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
others = pytest.mark.parametrize("architecture", ["recurrent", "convolution"])


def pairs(n: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(1)
    sources = [rng.choice(list(WORDS), rng.integers(1, 6)).tolist() for _ in range(n)]
    return [(" ".join(source), " ".join(WORDS[word] for word in source)) for source in sources]


@others
def test_translators_learn_whatever_they_are_made_of(architecture: str, tmp_path: Path) -> None:
    translator = Translator(
        architecture=architecture, window=2, source_units="words", target_units="words", dim=32, layers=1, epochs=60,
        dropout=0.0, batch_tokens=256, workers=1,
    )  # fmt: skip
    translator.fit(pairs(300), validation=pairs(20))
    config = translator.network_.config
    assert {stack.mixer for stack in (config.encoder, config.decoder) if stack} == {architecture}
    sources, targets = zip(*pairs(40), strict=True)
    made = translator.translate([*sources, ""], beam=3)
    assert np.mean([ours == right for ours, right in zip(made, targets, strict=False)]) > 0.9 and made[-1] == ""
    [[best]] = translator.explain(sources[:1], beam=1)
    assert best.alignment is not None and best.alignment.sum(axis=1) == pytest.approx(1, abs=1e-5)
    translator.save(tmp_path / "t")
    again = Translator.load(tmp_path / "t")
    assert again.architecture == architecture
    assert again.translate(sources, beam=3, batch_size=7) == made[:-1]


@others
def test_language_models_learn_whatever_they_are_made_of(architecture: str, tmp_path: Path) -> None:
    texts = [target for _, target in pairs(60)] + ["one two three four five six"] * 300
    model = LanguageModel(
        architecture=architecture, units="words", dim=32, layers=1, epochs=20, dropout=0.0, batch_tokens=512, workers=1
    ).fit(texts)
    assert model.write("one two three", greedy=True) == "one two three four five six"
    [scored] = model.score(["one two three four five six"])
    assert scored.perplexity < 1.5
    model.save(tmp_path / "lm")
    [again] = LanguageModel.load(tmp_path / "lm").score(["one two three four five six"])
    assert np.array_equal(again.log_probabilities, scored.log_probabilities)


def test_command_lines_choose_the_architecture(tmp_path: Path) -> None:
    file, output = tmp_path / "pairs.tsv", tmp_path / "t"
    file.write_text("".join(f"{source}\t{target}\n" for source, target in pairs(80)))
    arguments = [
        "--source-units",
        "words",
        "--target-units",
        "words",
        "--hidden-size",
        "16",
        "--layers",
        "1",
        "--epochs",
        "1",
    ]
    run = CliRunner().invoke
    wrong = run(main, ["fit-translator", str(file), "-o", str(output), "--architecture", "magic"])
    assert wrong.exit_code == 2 and "must be 'attention' or 'recurrent' or 'convolution'" in wrong.output
    found = run(main, ["fit-translator", str(file), "-o", str(output), "--architecture", "recurrent", *arguments])
    assert found.exit_code == 0, found.output
    assert Translator.load(output).architecture == "recurrent"
    (output / "config.json").write_text((output / "config.json").read_text().replace('"recurrent"', '"magic"'))
    with pytest.raises(ModelError, match="damaged: mixer must be one of"):
        Translator.load(output)
