"""`SentenceEncoder(folder)` and `load` open whatever is a model, and what is none is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.topic_examples import OPTIONS, make_paragraphs, make_words
from w2v import ModelError
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex

TEXTS = ["t0w1 t0w2", "t3w1 T3w4 t2w2", "", "unknown"]


def card(encoder: SentenceEncoder) -> str:
    return re.sub(r"id=.[^ >]+", "", encoder._repr_html_())


@pytest.mark.parametrize("kind", ["closed", "static", "attention"])
def test_folder_of_ours_opens_alike_everywhere(kind: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"architecture": "attention", "dim": 8, "heads": 2} if kind == "attention" else {}
    encoder = SentenceEncoder(make_words(), training=OPTIONS, **options)
    if kind != "closed":
        encoder.fit(make_paragraphs())
    encoder.save(tmp_path / "my.encoder")
    opened, loaded = SentenceEncoder(str(tmp_path / "my.encoder")), SentenceEncoder.load(tmp_path / "my.encoder")
    for other in (opened, loaded):
        np.testing.assert_array_equal(other.encode(TEXTS), encoder.encode(TEXTS))
        assert other.state.width == 12
    assert card(opened) == card(loaded)
    assert ("held-out loss" in card(opened)) == (kind != "closed")


@pytest.mark.parametrize("program", ["model2vec", "sentence-transformers"])
def test_folder_of_another_program_opens_alike_everywhere(program: str, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    SentenceEncoder(make_words()).export(tmp_path / "theirs", format=program)
    imported = SentenceEncoder.import_folder(tmp_path / "theirs")
    for other in (SentenceEncoder(tmp_path / "theirs"), SentenceEncoder.load(tmp_path / "theirs")):
        np.testing.assert_array_equal(other.encode(TEXTS), imported.encode(TEXTS))
        assert card(other) == card(imported) and "imported from" in card(other)


def test_words_open_as_closed_form(tmp_path: Path) -> None:
    make_words().save(tmp_path / "my.model")
    expected = SentenceEncoder(make_words()).encode(TEXTS)
    for opened in (SentenceEncoder(tmp_path / "my.model"), SentenceEncoder.load(tmp_path / "my.model")):
        np.testing.assert_array_equal(opened.encode(TEXTS), expected)


def test_what_is_no_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    SentenceIndex.build(make_words(), TEXTS, tmp_path / "my.index")
    (tmp_path / "glove.txt").write_text("the 1 2\n")
    (tmp_path / "empty").mkdir()
    wrong = {"my.index": "SentenceIndex.open", "glove.txt": "w2v import", "empty": "w2v import", "no": "does not exist"}
    for name, message in wrong.items():
        with pytest.raises(ModelError, match=message):
            SentenceEncoder(tmp_path / name).encode(TEXTS)
        with pytest.raises(ModelError, match=message):
            SentenceEncoder.load(tmp_path / name)


def test_random_state_is_the_seed() -> None:
    one = SentenceEncoder(make_words(), training=OPTIONS, random_state=3).fit(make_paragraphs())
    other = SentenceEncoder(make_words(), training=OPTIONS).fit(make_paragraphs())  # whose seed is 3
    np.testing.assert_array_equal(one.encode(TEXTS), other.encode(TEXTS))
