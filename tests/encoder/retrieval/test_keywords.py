"""Keywords of groups of texts, and the stop words that a text shows by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from w2v import Embeddings, Vocabulary
from w2v.corpora import CorpusError
from w2v.encoder.retrieval import SentenceIndex, Terms, group_keywords
from w2v.encoder.retrieval.keywords.stop_words import chosen_stop_words, listed_stop_words
from w2v.encoder.retrieval.keywords.weights import class_tfidf

FUNCTION = [f"f{i}" for i in range(20)]


@pytest.fixture(scope="module")
def zipfian() -> tuple[list[str], list[int]]:
    """Return texts of four topics: any function word may stand between any two words, and "king" is before "arthur"."""
    rng = np.random.default_rng(3)
    texts, labels = [], rng.integers(0, 4, 1500).tolist()
    for label in labels:
        words = []
        for content in rng.integers(0, 300, 5):
            words += [rng.choice(FUNCTION), f"t{label}w{content}"]
        if label == 0:
            words += ["king", "arthur"]
        texts.append(" ".join(words))
    return texts, labels


def test_keywords_are_weighed_by_class_based_tf_idf() -> None:
    texts = ["ship sail sea", "ship sea the", "bread the", "bread butter bread", "the sea butter", "odd one"]
    labels = np.array([0, 0, 1, 1, 2, -1])
    counter = CountVectorizer(binary=True)
    counts = counter.fit_transform(texts).toarray()
    classes = np.array([counts[labels == group].sum(axis=0) for group in (0, 1, 2, -1)])
    tf = classes / classes.sum(axis=1, keepdims=True)
    weights = tf * np.log(1 + classes.sum(axis=1).mean() / classes.sum(axis=0))
    expected = [dict(zip(counter.get_feature_names_out(), row, strict=True)) for row in weights]
    found = group_keywords(texts, labels, stop_words=None)
    assert [{one.word for one in words} for words in found] == [
        {"ship", "sea", "sail"},
        {"bread", "butter"},
        {"sea", "butter", "the"},
    ]
    for group, words in enumerate(found):
        np.testing.assert_allclose([one.weight for one in words], [expected[group][one.word] for one in words])
        assert [one.weight for one in words] == sorted((one.weight for one in words), reverse=True)
    np.testing.assert_allclose(class_tfidf(csr_array(classes)).toarray(), weights)


def test_a_word_counts_once_in_a_text_and_in_long_ones_once_in_64_words() -> None:
    texts = ["ship ship ship ship sail", "sail the", "sail the", "sail the", "soup the", "soup the", "soup the"]
    named = Terms.of(texts).keywords([0, 0, 0, 0, 1, 1, 1])
    assert [[word for word, _ in words] for words in named] == [["sail", "ship"], ["soup", "the"]]
    long = ["ship " * 9 + "sail " * 2 + "the " * 118, "ship sail " * 32, "", "sail"]  # 129, 64, 0 and 1 words
    terms = Terms.of(long)
    counts = {name: terms.matrix.toarray()[:, word].tolist() for word, name in enumerate(terms.names)}
    assert counts == {"ship": [3, 1, 0, 0], "sail": [2, 1, 0, 1], "the": [3, 0, 0, 0]}
    of_ship = [
        how([0, 0, 1, 1]).toarray()[:, terms.names.index("ship")] for how in (terms.in_groups, terms.texts_in_groups)
    ]
    assert [counts.tolist() for counts in of_ship] == [[4, 0], [2, 0]]


def test_a_word_of_few_texts_of_a_large_group_does_not_name_it() -> None:
    large = ["ship anchor"] * 2 + ["ship sail"] * 3 + ["ship"] * 35 + ["the"] * 5 + ["soup"]
    named = Terms.of(large).keywords([0] * 40 + [1] * 6)
    assert [[word for word, _ in words] for words in named] == [["ship", "sail"], ["the", "soup"]]


def test_a_single_group_has_its_most_frequent_words_as_keywords() -> None:
    texts = ["ship sail", "ship anchor", "ship sail"]
    assert [word for word, _ in Terms.of(texts).keywords([0, 0, 0], 2)[0]] == ["ship", "sail"]
    with_outlier = Terms.of([*texts, "ship"]).keywords([0, 0, 0, -1])  # which is compared with
    assert [word for word, _ in with_outlier[0]] == ["sail", "anchor"]


def test_words_with_varied_neighbours_are_stop_words(zipfian: tuple[list[str], list[int]]) -> None:
    texts, labels = zipfian
    terms = Terms.of(texts)
    assert set(terms.stop_words()) == set(FUNCTION)  # "king" and "arthur" are as frequent
    assert set(terms.stop_words(labels)) == set(FUNCTION)
    kept = terms.without(FUNCTION)
    assert not set(kept.names) & set(FUNCTION) and len(kept) == 1500
    assert [word for word, _ in kept.keywords(labels, 2)[0]] == ["king", "arthur"]
    assert [word for word, _ in group_keywords(texts, labels, n_words=3, bigrams=True)[0]][0] == "king arthur"


def test_words_in_all_groups_are_stop_words_of_a_small_text() -> None:
    texts = ["the odd ship", "the odd ship", "the ship", "the odd soup", "the odd soup", "the soup the", "rest"]
    labels = [0, 0, 0, 1, 1, 1, -1]
    terms = Terms.of(texts)
    assert terms.stop_words(labels) == ["the"]  # "odd" is in two texts of each group, not in three
    assert terms.stop_words() == terms.stop_words([0] * 7) == []  # in one group nothing is everywhere
    assert terms.stop_words(labels, None) == []
    assert terms.stop_words(labels, ["SHIP", "anchor"]) == ["the", "ship"]


def test_english_stop_words_are_left_out_contracted_too() -> None:
    words = ["the", "Don't", "we'll", "it's", "king's", "ship", "can't", "The"]
    assert listed_stop_words(words, "english") == {"the", "Don't", "we'll", "it's", "can't", "The"}
    with pytest.raises(ValueError, match="'text', 'english', words or None, not 'klingon'"):
        group_keywords(["a ship"], [0], stop_words="klingon")


def test_stop_words_are_read_from_a_file(tmp_path: Path) -> None:
    assert chosen_stop_words("text") == "text" and chosen_stop_words("english") == "english"
    assert chosen_stop_words("none") is None
    (tmp_path / "words.txt").write_text("ship\n\nsail anchor\n")
    assert chosen_stop_words(str(tmp_path / "words.txt")) == ["ship", "sail", "anchor"]
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"empty\.txt contains no words; write one stop word per line"):
        chosen_stop_words(str(tmp_path / "empty.txt"))
    with pytest.raises(CorpusError, match="missing"):
        chosen_stop_words(str(tmp_path / "missing"))


def test_bigrams_are_counted_where_words_belong_together() -> None:
    texts = ["new york city"] * 6 + ["new ship"] * 6 + ["old york"] * 2 + [""]
    terms = Terms.of(texts)
    both = terms.with_bigrams()
    assert both.names[: both.n_single] == terms.names
    assert sorted(both.names[both.n_single :]) == ["new ship", "new york", "york city"]
    counts = dict(zip(both.names, np.asarray(both.matrix.sum(axis=0)).tolist(), strict=True))
    assert counts["york city"] == 6 and "old york" not in counts
    assert len(both) == 15 and both.matrix[14].sum() == 0


@pytest.mark.parametrize(("n_alone", "expected"), [(5, ["new york"]), (6, ["york", "new"])])
def test_a_pair_takes_the_place_of_words_that_are_in_it_half_the_time(n_alone: int, expected: list[str]) -> None:
    terms = Terms.of(["new york"] * 5 + ["york"] * n_alone + ["soup"] * 30).with_bigrams()
    [named, _] = terms.keywords([0] * (5 + n_alone) + [1] * 30)
    assert [word for word, _ in named] == expected


def test_labels_have_to_fit_the_texts() -> None:
    terms = Terms.of(["a ship", "", "..."])
    assert len(terms) == 3 and repr(terms) == "Terms(2 words of 3 texts)"
    with pytest.raises(ValueError, match=r"labels must have shape \(3,\), one for each text, not \(2,\)"):
        terms.keywords([0, 1])
    with pytest.raises(ValueError, match="labels of 2 groups must be below 2, but one is 2"):
        terms.keywords([0, 1, 2], n_groups=2)
    assert terms.keywords([-1, -1, -1]) == [] and terms.keywords([0, 0, 0], n_groups=2) == [[], []]
    assert Terms.of(["...", "?"]).keywords([0, 1]) == [[], []]


def test_an_index_is_named_by_the_words_of_its_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = Embeddings(Vocabulary(["ship", "soup"], np.array([2, 2])), np.eye(2, dtype=np.float32))
    index = SentenceIndex.build(words, ["Ship ahoy", "soup bowl"] * 3, tmp_path / "my.index")
    told: list[tuple[str, int, int | None]] = []
    terms = Terms.of(index, progress=lambda *state: told.append(state))
    assert sorted(terms.names) == ["ahoy", "bowl", "ship", "soup"] and told == [("naming", 6, 6)]
    monkeypatch.setattr(type(index.state.tokenizer), "to_config", lambda self: {"name": "pieces"})
    assert Terms.of(index).names == terms.names
