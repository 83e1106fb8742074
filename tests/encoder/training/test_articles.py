"""Titles and paragraphs: how articles are read and packed, and that titles find their paragraphs after training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.topic_examples import N_TOPICS, OPTIONS, make_paragraphs, make_words
from w2v.corpora import WordsTokenizer
from w2v.corpora.articles import article_pairs
from w2v.encoder import SentenceEncoder
from w2v.encoder.evaluation.ranking import evaluate_ranking
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.state import sif_state
from w2v.encoder.training import articles
from w2v.encoder.training.articles import pack_articles
from w2v.encoder.training.training import fit_encoder

LINES = ["", " April ", "One.", "Two.\t", "Three.", "  ", "", "Alone", "", "May", "Four."]


def test_titles_are_paired_with_their_paragraphs() -> None:
    pairs = [("April", "One."), ("April", "Two."), ("April", "Three."), ("May", "Four.")]
    assert list(article_pairs(LINES)) == pairs
    assert list(article_pairs(LINES, most=2)) == [*pairs[:2], pairs[3]]
    with pytest.raises(ValueError, match="most must be at least 1, not 0"):
        list(article_pairs(LINES, most=0))


def test_packing_counts_known_words(monkeypatch: pytest.MonkeyPatch) -> None:
    state = sif_state(make_words())
    lookup = WordLookup(state.vocabulary, state.tokenizer)
    lines = ["t0w1", "t0w2 x t0w3 t0w4", "t0w5", "", "unknown", "t1w1 t1w2", "", "t2w1 t2w2", "t2w3 x t2w4"]
    names = state.vocabulary.index_to_key
    for size in (1 << 15, 1):
        monkeypatch.setattr(articles, "_PAIRS_AT_ONCE", size)
        packs = pack_articles(lookup, lines, min_tokens=2, max_tokens=2)
        words = [[names[token] for token in pack.tokens] for pack in packs]
        assert words == [["t0w1", "t2w1", "t2w2"], ["t0w2", "t0w3", "t2w3", "t2w4"]]
        assert [pack.offsets.tolist() for pack in packs] == [[0, 1, 3], [0, 2, 4]]


def make_articles() -> list[str]:
    """Return articles about topics, whose titles share no word with what they title."""
    rng = np.random.default_rng(5)
    lines = []
    for paragraph in make_paragraphs(200):
        words = WordsTokenizer()(paragraph)
        topic = words[0].split("w")[0]
        title = f"{topic}w{rng.integers(4)}"
        kept = " ".join(word for word in words if int(word[-1]) >= 4)
        lines += [title, kept, ""]
    return lines


def test_titles_find_paragraphs_after_training(tmp_path: Path) -> None:
    (tmp_path / "articles.txt").write_text("\n".join(make_articles()))
    options = replace(OPTIONS, objective="titles", steps=150)
    encoder = SentenceEncoder(make_words(), training=options)
    queries = [f"t{topic}w{i}" for topic in range(N_TOPICS) for i in range(4)]
    documents = [f"t{topic}w{i} t{topic}w{i + 1}" for topic in range(N_TOPICS) for i in range(4, 7)]
    relevant = [range(3 * topic, 3 * topic + 3) for topic in range(N_TOPICS) for _ in range(4)]
    before = evaluate_ranking(encoder.encode, queries, documents, relevant).figure
    encoder.fit(tmp_path / "articles.txt")
    after = evaluate_ranking(encoder.encode, queries, documents, relevant).figure
    assert after > 0.95 > before + 0.2
    assert {entry["stage"] for entry in encoder.history_} == {"titles"} and "titles_loss" in encoder.history_[-1]
    again = SentenceEncoder(make_words(), training=options).fit(make_articles())
    assert np.array_equal(again.state.table, encoder.state.table)


def test_neighbors_go_on_beside_titles() -> None:
    state = sif_state(make_words())
    lines = [line for number, text in enumerate(make_paragraphs()) for line in (f"t{number % 6}w1", text, "")]
    options = replace(OPTIONS, objective="titles", steps=1, corpus_share=0.5)
    both, alone = (fit_encoder(state, lines, options=replace(options, corpus_share=x)).history[0] for x in (0.5, 0.0))
    streamed = fit_encoder(state, iter(lines), options=options).history[0]
    assert "neighbors_loss" in both and "neighbors_loss" not in alone
    assert both["held_out_loss"] == streamed["held_out_loss"]
    twice = fit_encoder(state, lines, options=replace(options, corpus_share=1.0)).history[0]["held_out_loss"]
    assert twice - both["held_out_loss"] == pytest.approx(both["held_out_loss"] - alone["held_out_loss"], rel=1e-5)


def test_titles_need_articles_and_no_teacher() -> None:
    state, options = sif_state(make_words()), replace(OPTIONS, objective="titles")
    with pytest.raises(ValueError, match="has only 0 paragraphs with 5 known words and a title"):
        fit_encoder(state, ["t0w1", "", "t0w2"], options=options)
    wrong: list[dict[str, Any]] = [
        {"pairs": [("t0w1", "t0w2")] * 9},
        {"corpus": make_articles(), "teacher": np.eye(600, 3)},
    ]
    for arguments in wrong:
        with pytest.raises(ValueError, match="the objective titles needs a corpus of articles, and no teacher"):
            fit_encoder(state, **arguments, options=options)
