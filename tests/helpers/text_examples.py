"""A small translator and small language models, trained in seconds, that tests share."""

from __future__ import annotations

import functools
import random

from w2v import LanguageModel, Translator

NUMBERS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four", "fünf": "five", "<b>": "&lt;"}
HOSTILE_LINES = ["one <script>alert(1)</script> two", "</s> \u202eabc javascript:alert(1)"]


def number_pairs(n: int, seed: int = 1) -> list[tuple[str, str]]:
    """Return lines of numbers in German and in English, word by word."""
    draw = random.Random(seed)
    words = list(NUMBERS)
    sources = [[draw.choice(words) for _ in range(draw.randint(1, 4))] for _ in range(n)]
    return [(" ".join(source), " ".join(NUMBERS[word] for word in source)) for source in sources]


@functools.cache
def counting_translator() -> Translator:
    """Return a translator of numbers; not to be changed."""
    translator = Translator(
        source_units="words", target_units="words", dim=32, layers=1, heads=2, dropout=0.0, epochs=60,
        batch_tokens=256, warmup=50, learning_rate=0.01, workers=1,
    )  # fmt: skip
    return translator.fit(number_pairs(400), validation=number_pairs(30, 2))


@functools.cache
def counting_model(units: str = "words") -> LanguageModel:
    """Return a model of lines that count, or of one running text of characters; not to be changed."""
    model = LanguageModel(
        units=units, dim=32, layers=1, heads=2, dropout=0.0, epochs=40, batch_tokens=512, warmup=20, context=32,
        held_out=0.1, order=3, workers=1,
    )  # fmt: skip
    return model.fit([*["one two three", "two three four", "three four five"] * 40, *HOSTILE_LINES * 4])
