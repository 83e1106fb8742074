"""Phrases against plain Python, against gensim, and through the command line."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from gensim.models import phrases as gensim_phrases
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from w2v.commands.main import main
from w2v.corpora.tokenizers import WhitespaceTokenizer, WordsTokenizer
from w2v.encoding.stream import WorkFolder, encode_corpus
from w2v.phrases import counting
from w2v.phrases.counting import PhraseCorpus
from w2v.phrases.estimator import ForgottenPairsWarning, Phrases, join_corpus
from w2v.phrases.phrase_list import ENGLISH_CONNECTOR_WORDS, Phrase, PhraseList, PhraseTokenizer
from w2v.storage.files import ModelError
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

Sentences = list[list[str]]

steady = settings(derandomize=True)
words = st.sampled_from(["new", "york", "city", "bank", "america", "of", "the", "x", "é", "中文"])
corpora = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=25)
CONNECTORS = frozenset({"of", "the"})


# --- the same, written plainly ---------------------------------------------------------------------------------------


def naive_spans(sentence: Sequence[str], connectors: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Yield two neighbouring words that are not connectors, with the connectors between them."""
    plain = [i for i, word in enumerate(sentence) if word not in connectors]
    for start, end in zip(plain, plain[1:], strict=False):
        yield tuple(sentence[start : end + 1])


def naive_learn(
    sentences: Sentences, scoring: str, threshold: float, min_count: int, connectors: frozenset[str]
) -> dict[tuple[str, ...], tuple[float, int]]:
    counts = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(span for sentence in sentences for span in naive_spans(sentence, connectors))
    n_words, n_distinct = sum(counts.values()), len(set(counts) - connectors) + len(pairs)
    found = {}
    for span, n in pairs.items():
        first, last = counts[span[0]], counts[span[-1]]
        if scoring == "default":
            score = (n - min_count) / (first * last) * n_distinct
        else:
            score = math.log((n / n_words) / (first / n_words * last / n_words)) / -math.log(n / n_words)
        if n >= min_count and score > threshold:
            found[span] = (score, n)
    return found


def naive_join(sentence: Sequence[str], phrases: Any, connectors: frozenset[str], delimiter: str = "_") -> list[str]:
    """Join phrases from left to right: at each place the span that begins there, or nothing."""
    out, at = [], 0
    while at < len(sentence):
        span = next(naive_spans(sentence[at:], connectors), ()) if sentence[at] not in connectors else ()
        if span in phrases:
            out.append(delimiter.join(span))
            at += len(span)
        else:
            out.append(sentence[at])
            at += 1
    return out


def learned(phrases: Phrases, number: int = 0) -> dict[tuple[str, ...], tuple[float, int]]:
    return {phrase.words: (phrase.score, phrase.occurrences) for phrase in phrases.phrase_list_.passes[number]}


# --- learning --------------------------------------------------------------------------------------------------------


@steady
@given(corpora, st.sampled_from(["default", "npmi"]), st.integers(1, 3), st.booleans(), st.integers(1, 3))
def test_phrases_are_those_of_plain_python(
    sentences: Sentences, scoring: str, min_count: int, with_connectors: bool, workers: int
) -> None:
    connectors = CONNECTORS if with_connectors else frozenset()
    threshold = 0.5 if scoring == "default" else 0.1
    phrases = Phrases(
        scoring=scoring, threshold=threshold, min_count=min_count, connector_words=connectors, workers=workers
    ).fit(sentences)
    expected = naive_learn(sentences, scoring, threshold, min_count, connectors)
    found = learned(phrases)
    assert {span: count for span, (_, count) in found.items()} == {span: count for span, (_, count) in expected.items()}
    for span, (score, _) in found.items():
        assert score == pytest.approx(expected[span][0], rel=1e-13)
    scores = [score for score, _ in found.values()]
    assert scores == sorted(scores, reverse=True)


@steady
@given(corpora, st.integers(1, 4), st.booleans())
def test_each_pass_finds_phrases_of_the_joined_text(sentences: Sentences, workers: int, with_connectors: bool) -> None:
    connectors = CONNECTORS if with_connectors else frozenset()
    phrases = Phrases(
        scoring="npmi", threshold=0.2, min_count=2, passes=3, connector_words=connectors, workers=workers
    ).fit(sentences)
    joined = sentences
    for number in range(len(phrases.phrase_list_.passes)):
        expected = naive_learn(joined, "npmi", 0.2, 2, connectors)
        assert set(learned(phrases, number)) == set(expected)
        joined = [naive_join(sentence, expected, connectors) for sentence in joined]
    assert phrases.transform(sentences) == joined


@steady
@given(corpora, st.booleans())
def test_phrases_and_scores_are_those_of_gensim(sentences: Sentences, with_connectors: bool) -> None:
    connectors = CONNECTORS if with_connectors else frozenset()
    theirs = gensim_phrases.Phrases(sentences, min_count=2, threshold=0.3, connector_words=connectors)
    ours = Phrases(threshold=0.3, min_count=2, connector_words=connectors).fit(sentences)
    assert ours.phrases_ == theirs.export_phrases()
    assert ours.transform(sentences) == list(theirs[sentences])
    assert ours.find(sentences) == theirs.find_phrases(sentences)


@steady
@given(corpora)
def test_npmi_is_that_of_gensim(sentences: Sentences) -> None:
    theirs = gensim_phrases.Phrases(sentences, min_count=2, threshold=0.1, scoring="npmi").export_phrases()
    assert Phrases(scoring="npmi", threshold=0.1, min_count=2).fit(sentences).phrases_ == pytest.approx(
        theirs, rel=1e-13
    )


def test_connector_words_are_those_of_gensim() -> None:
    assert ENGLISH_CONNECTOR_WORDS == gensim_phrases.ENGLISH_CONNECTOR_WORDS


def test_a_second_pass_makes_longer_phrases() -> None:
    sentences = [["new", "york", "city"]] * 4 + [["new", "york"]] * 4 + [["x"]] * 90
    phrases = Phrases(scoring="npmi", threshold=0.7, min_count=2, passes=2).fit(sentences)
    assert phrases.transform(sentences[3:5]) == [["new_york_city"], ["new_york"]]
    ((longer,),) = phrases.phrase_list_.passes[1:]
    assert longer.words == ("new_york", "city") and longer.occurrences == 4
    assert longer.score == pytest.approx(math.log(102 / 8) / math.log(102 / 4))


def test_passes_end_when_nothing_is_left_to_join() -> None:
    phrases = Phrases(threshold=0.1, min_count=1, passes=20).fit([["a", "b"], ["a", "b"]])
    assert len(phrases.phrase_list_.passes) == 1


def random_sentences(rng: np.random.Generator, n: int, n_words: int) -> Sentences:
    ids = rng.zipf(1.3, n) % n_words
    return [[f"w{i}" for i in part] for part in np.array_split(ids, n // 9)]


@pytest.mark.parametrize("connectors", [frozenset(), frozenset({"w1", "w2", "w3"})])
def test_tables_that_grow_and_rounds_change_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, connectors: frozenset[str]
) -> None:
    sentences = random_sentences(rng, 60_000, 5000)
    expected = naive_learn(sentences, "default", 1.0, 2, connectors)
    monkeypatch.setattr(counting, "ROUND", 7001)
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    monkeypatch.setattr(counting, "_TOKENS_A_ROW", 1 << 40)
    monkeypatch.setattr(counting, "_RANGE", 997)
    for workers in (1, 3):
        phrases = Phrases(threshold=1.0, min_count=2, connector_words=connectors, workers=workers).fit(sentences)
        assert learned(phrases) == expected
        assert [*join(phrases, sentences, workers)] == [naive_join(s, expected, connectors) for s in sentences]


def join(phrases: Phrases, sentences: Sentences, workers: int) -> Iterator[list[str]]:
    """Join over the token stream and turn it back into words."""
    with WorkFolder() as folder:
        encoded = encode_corpus(sentences, WhitespaceTokenizer(), min_count=1, work_folder=folder)
        corpus = PhraseCorpus(
            *encoded, delimiter="_", connector_words=phrases.phrase_list_.connector_words, workers=workers
        )
        for number in phrases.phrase_list_.passes:
            corpus.join(number)
        for start, end in zip(corpus.offsets, corpus.offsets[1:], strict=False):
            yield [corpus.words[i] for i in corpus.tokens[start:end]]


def test_pairs_do_not_reach_beyond_sentences_and_rounds_do_not_cut_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ROUND", 1)
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    sentences = [["a", "of", "the", "b", "c"], ["d"], ["of"], ["e", "of"], ["of", "f"]]
    phrases = Phrases(scoring="npmi", threshold=-1, min_count=1, connector_words=CONNECTORS, workers=2).fit(sentences)
    assert set(learned(phrases)) == {("a", "of", "the", "b"), ("b", "c")}


def test_too_many_pairs_are_forgotten_with_a_warning(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    noise = [[f"w{i}" for i in rng.integers(0, 500, 20)] for _ in range(400)]
    sentences = [sentence for pair in zip([["new", "york"]] * 400, noise, strict=True) for sentence in pair]
    found = []
    for workers in (1, 3):
        phrases = Phrases(threshold=1.0, min_count=3, max_pairs=300, workers=workers)
        with pytest.warns(ForgottenPairsWarning, match="more than 300 distinct pairs"):
            phrases.fit(sentences)
        assert phrases.forgotten_ >= 1
        assert learned(phrases)[("new", "york")][1] == 400
        found.append(phrases.phrases_)
    assert found[0] == found[1]
    enough = Phrases(threshold=1.0, min_count=3).fit(sentences)
    assert enough.forgotten_ == 0 and enough.phrases_["new_york"] > 1


def test_gaps_of_many_connector_words_are_told_apart() -> None:
    gaps = [["a", *["of"] * (n % 7), *["the"] * (n // 7), "b"] for n in range(49)] * 2
    phrases = Phrases(scoring="npmi", threshold=-1, min_count=2, connector_words=CONNECTORS).fit(
        [*gaps, *[["a", "b"]] * 3]
    )
    assert {len(words) for words in learned(phrases)} == set(range(2, 15))
    assert len(learned(phrases)) == 49 and learned(phrases)[("a", "b")][1] == 5


def test_a_joined_phrase_that_is_a_word_already_is_that_word() -> None:
    sentences = [["new", "york"], ["new_york", "x"], ["y", "new_york"]] * 3
    phrases = Phrases(threshold=0.1, min_count=2).fit(sentences)
    with WorkFolder() as folder:
        encoded = encode_corpus(sentences, WhitespaceTokenizer(), min_count=1, work_folder=folder)
        corpus = PhraseCorpus(*encoded, delimiter="_", connector_words=frozenset(), workers=1)
        corpus.join([phrase for phrase in phrases.phrase_list_ if phrase.words == ("new", "york")])
        vocabulary, stream = corpus.finish(1, None)
    assert vocabulary.index_to_key == ["new_york", "x", "y"]
    assert vocabulary.counts is not None and vocabulary.counts.tolist() == [9, 3, 3]
    assert stream.tokens[:5].tolist() == [0, 0, 1, 2, 0] and stream.offsets[:4].tolist() == [0, 1, 3, 5]
    assert stream.n_words == 15


# --- the estimator ---------------------------------------------------------------------------------------------------


def test_phrases_is_an_estimator() -> None:
    phrases = Phrases(scoring="npmi", threshold=0.3, connector_words="english")
    assert clone(phrases).get_params() == phrases.get_params()
    with pytest.raises(ValueError, match="not fitted"):
        phrases.join(["a"])
    phrases.fit([["bank", "of", "america"]] * 5 + [["a", "new", "bank"]] * 2)
    assert phrases.phrase_list_.connector_words == ENGLISH_CONNECTOR_WORDS
    refitted = phrases.fit([["x", "y"]] * 9 + [["z"]]).phrases_
    assert list(refitted) == ["x_y"] and phrases.export().scores == refitted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scoring", "pmi"), ("threshold", math.nan), ("threshold", 0), ("threshold", "10"), ("min_count", 0),
        ("min_count", 1.5), ("passes", 0), ("passes", 21), ("connector_words", "german"), ("connector_words", [1]),
        ("delimiter", ""), ("delimiter", "a b"), ("max_pairs", 0), ("workers", 0), ("tokenizer", ""),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be "):
        Phrases(**{name: value}).fit([["a", "b"]])


def test_threshold_of_npmi_is_at_most_one() -> None:
    with pytest.raises(ValueError, match="threshold must be a number from -1 to 1 for npmi, got 10"):
        Phrases(scoring="npmi", threshold=10).fit([["a", "b"]])


def test_a_corpus_without_words_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no words"):
        Phrases().fit([[]])


# --- the result ------------------------------------------------------------------------------------------------------


@pytest.fixture
def phrase_list() -> PhraseList:
    first = [Phrase(("new", "york"), 20.5, 7), Phrase(("bank", "of", "america"), 12.0, 5)]
    return PhraseList([first, [Phrase(("new_york", "city"), 11.0, 6)]], connector_words={"of", "the"})


def test_phrase_list_joins_from_left_to_right(phrase_list: PhraseList) -> None:
    text = "the bank of the bank of america in new new york city of york of new"
    assert (
        phrase_list.join(text.split()) == "the bank of the bank_of_america in new new_york_city of york of new".split()
    )
    assert phrase_list.find([text.split()]) == {"bank_of_america": 12.0, "new_york": 20.5, "new_york_city": 11.0}
    assert phrase_list.join([]) == []
    with pytest.raises(TypeError, match="split it first"):
        phrase_list.join(text)


def test_phrase_list_comes_back_from_its_file(phrase_list: PhraseList, tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    phrase_list.parameters["passes"] = 2
    phrase_list.save(path)
    loaded = PhraseList.load(path)
    assert loaded.passes == phrase_list.passes and loaded.scores == phrase_list.scores
    assert (loaded.delimiter, loaded.connector_words, loaded.parameters) == ("_", CONNECTORS, {"passes": 2})
    with pytest.raises(ModelError, match="exists already"):
        phrase_list.save(path)
    phrase_list.save(path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["phrases.json"]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as some editors save it
    assert PhraseList.load(path).connector_words == CONNECTORS


def _broken(**changes: object) -> str:
    part = {"phrases": [["a", "b"]], "scores": [1.0], "counts": [2]}
    whole = {
        "format": "w2v-phrases", "format_version": 1, "delimiter": "_", "connector_words": [], "parameters": {},
        "passes": [part | {name: value for name, value in changes.items() if name in part}],
    }  # fmt: skip
    return json.dumps(whole | {name: value for name, value in changes.items() if name not in part})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a file of phrases"),
        ("\udcff", "not a file of phrases"),
        ("[" * 100_000, "not a file of phrases"),
        ("[]", "holds a list"),
        ("{}", "not a file of phrases"),
        (_broken(format="w2v"), "not a file of phrases"),
        (_broken(format_version=2), "newer version"),
        (_broken(delimiter=""), "damaged"),
        (_broken(delimiter=5), "damaged"),
        (_broken(connector_words="of"), "damaged"),
        (_broken(connector_words=[5]), "damaged"),
        (_broken(parameters=None), "damaged"),
        (_broken(passes=5), "damaged"),
        (_broken(passes=[[]]), "damaged"),
        (_broken(phrases=[["a"]]), "at least two words"),
        (_broken(phrases=[["a", 5]]), "damaged"),
        (_broken(phrases=["ab"], scores=["x"]), "damaged"),
        (_broken(scores=[]), "damaged"),
        (_broken(scores=["1"]), "damaged"),
        (_broken(scores=[math.nan]), "damaged"),
        (_broken(counts=[-1]), "damaged"),
    ],
)
def test_a_file_from_a_stranger_is_refused_with_its_name(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match=message) as error:
        PhraseList.load(path)
    assert str(path) in str(error.value)


def test_phrase_tokenizer_joins_and_reads_its_file_when_needed(phrase_list: PhraseList, tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    lazy = PhraseTokenizer(WordsTokenizer(), path)
    phrase_list.save(path)
    assert lazy("From New York!") == PhraseTokenizer(WordsTokenizer(), phrase_list)("From New York!")
    assert lazy("New York") == ["new_york"]
    assert lazy.to_config() == {"name": "phrases", "base": {"name": "words", "rules": 2, "lowercase": True}}


def test_join_corpus_writes_what_join_returns(phrase_list: PhraseList, tmp_path: Path) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "joined.txt"
    text.write_text("In New York City.\n\nÉté: the Bank of America\nnew\nYork\n", encoding="utf-8")
    join_corpus(text, phrase_list, output)
    assert output.read_text(encoding="utf-8") == "in new_york_city\nété the bank_of_america\nnew\nyork\n"


# --- training with phrases -------------------------------------------------------------------------------------------

TEXT = ["We like New York", "New York likes us", "the Bank of America", "a bank", "x y z"] * 20
"""In which new_york and bank_of_america are phrases, and others with them."""


def trained(**options: Any) -> Word2Vec:
    defaults = {"phrase_threshold": 0.3, "phrase_connectors": "english"} if options.get("phrases", True) else {}
    given = {
        "phrases": True,
        "min_count": 3,
        "vector_size": 4,
        "epochs": 1,
        "sample": 0,
        "workers": 1,
        "random_state": 1,
    }
    return Word2Vec(**{**given, **defaults, **options})


def counts_of(model: Word2Vec) -> Any:
    assert model.vocabulary_.counts is not None
    return model.vocabulary_.counts.tolist()


def test_training_with_phrases_is_training_on_joined_text() -> None:
    model = trained().fit(TEXT)
    tokenizer = model.embeddings_.tokenizer
    assert isinstance(tokenizer, PhraseTokenizer)
    assert {"new_york", "bank_of_america"} <= set(tokenizer.phrases.scores)
    joined = trained(phrases=False).fit([tokenizer(sentence) for sentence in TEXT])
    assert model.vocabulary_.index_to_key == joined.vocabulary_.index_to_key
    assert counts_of(model) == counts_of(joined)
    assert np.array_equal(model.vectors_, joined.vectors_)
    assert model.embeddings_.metadata["corpus"]["words"] == joined.embeddings_.metadata["corpus"]["words"]


def test_rare_words_and_phrases_are_left_out_after_joining() -> None:
    assert trained(max_vocab=2).fit(TEXT).vocabulary_.index_to_key == ["new_york", "we_like"]
    assert "york" not in trained().fit(TEXT).vocabulary_
    assert "york" in trained(min_count=1).fit([*TEXT, "York"]).vocabulary_
    assert "york" not in trained(min_count=2).fit([*TEXT, "York"]).vocabulary_
    with pytest.raises(ValueError, match="no word or phrase occurs 41 times"):
        trained(min_count=41).fit(TEXT)


def test_a_model_with_phrases_finds_them_as_people_write_them(tmp_path: Path) -> None:
    model = trained().fit(TEXT)
    model.save(tmp_path / "model")
    embeddings = Embeddings.load(tmp_path / "model")
    assert np.array_equal(embeddings["New York"], model.embeddings_["new_york"])
    assert "Bank of America" in embeddings and "bank of the america" not in embeddings
    embeddings.save(tmp_path / "copy")
    again = Embeddings.load(tmp_path / "copy")
    assert "Bank of America" in again
    again.save(tmp_path / "copy", overwrite=True)
    assert "Bank of America" in Embeddings.load(tmp_path / "copy")


def test_training_goes_on_with_the_phrases_of_the_model(tmp_path: Path) -> None:
    trained().fit(TEXT).save(tmp_path / "model")
    model = Word2Vec.load(tmp_path / "model")
    model.continue_fit(["New York and the Bank of America", "Tel Aviv and Tel Aviv"] * 5)
    assert {"new_york", "bank_of_america", "tel", "aviv"} <= set(model.vocabulary_)
    assert "tel_aviv" not in model.vocabulary_
    in_memory = trained().fit(TEXT).continue_fit(["New York and Tel Aviv"] * 5)
    assert {"new_york", "tel"} <= set(in_memory.vocabulary_)


def test_training_takes_phrases_that_were_learned_elsewhere(phrase_list: PhraseList) -> None:
    model = trained(phrases=False, tokenizer=PhraseTokenizer(WordsTokenizer(), phrase_list)).fit(TEXT)
    assert {"new_york", "bank_of_america", "like", "x"} <= set(model.vocabulary_)


def test_a_tokenizer_of_ones_own_is_passed_again(tmp_path: Path) -> None:
    trained(tokenizer=str.split).fit(TEXT).save(tmp_path / "model")
    assert Embeddings.load(tmp_path / "model").tokenizer is None
    restored = Word2Vec.load(tmp_path / "model", tokenizer=str.split)
    assert "New York" in restored.embeddings_


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "phrases.json").unlink(), "has no phrases.json"),
        (lambda folder: set_tokenizer(folder, {"name": "phrases"}), "damaged"),
        (lambda folder: set_tokenizer(folder, {"name": "phrases", "base": {"name": "phrases"}}), "damaged"),
        (lambda folder: set_tokenizer(folder, {"name": "phrases", "base": {"name": "telepathy"}}), "telepathy"),
    ],
)
def test_a_damaged_model_with_phrases_is_refused(damage: Any, message: str, tmp_path: Path) -> None:
    trained().fit(TEXT).save(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ModelError, match=message):
        Embeddings.load(tmp_path / "model")


def set_tokenizer(folder: Path, config: dict[str, Any]) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer": config}))


# --- the command line ------------------------------------------------------------------------------------------------


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{sentence}.\n\n" for sentence in TEXT), encoding="utf-8")
    return path


OPTIONS = ("--threshold", "0.3", "--connectors", "english")


def test_command_shows_the_best_phrases(text: Path) -> None:
    result = run("phrases", text, *OPTIONS, "--top", 1)
    assert result.exit_code == 0, result.output
    header, _, best = result.stdout.splitlines()
    assert header.split() == ["phrase", "score", "count"] and len(best.split()) == 3


def test_command_prints_json(text: Path) -> None:
    printed = json.loads(run("phrases", text, *OPTIONS, "--passes", 2, "--json", "--top", 100).stdout)
    found = {entry["phrase"]: entry for entry in printed["phrases"]}
    assert found["bank_of_america"]["words"] == ["bank", "of", "america"] and found["new_york"]["count"] == 40
    assert printed["number"] == len(found) and printed["parameters"]["passes"] == 2
    scores = [entry["score"] for entry in printed["phrases"]]
    assert scores == sorted(scores, reverse=True)


def test_command_saves_loads_and_joins(text: Path, tmp_path: Path) -> None:
    kept, joined = tmp_path / "phrases.json", tmp_path / "joined.txt"
    assert run("phrases", text, *OPTIONS, "--save", kept, "--output", joined).exit_code == 0
    phrases = PhraseList.load(kept)
    expected = "".join(" ".join(phrases.join(WordsTokenizer()(sentence))) + "\n" for sentence in TEXT)
    assert joined.read_text(encoding="utf-8") == expected
    result = run("phrases", text, "--load", kept, "--output", "-")
    assert result.exit_code == 0, result.output
    assert result.stdout == expected
    assert run("phrases", "-", *OPTIONS, "-o", "-", stdin=text.read_bytes()).stdout == expected
    assert run("phrases", text, *OPTIONS, "--save", kept, "--output", joined, "--overwrite").exit_code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_command_reads_connector_words_from_a_file(text: Path, tmp_path: Path, encoding: str) -> None:
    connectors = tmp_path / "words.txt"
    connectors.write_text("of\nthe  a", encoding=encoding)
    result = run("phrases", text, "--threshold", 0.1, "--connectors", connectors, "--json", "--top", 100)
    assert '"bank_of_america"' in result.stdout and '"of_america"' not in result.stdout


def test_command_says_when_pairs_were_forgotten(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_MIN_ROUND", 1)
    result = run("phrases", text, "--threshold", 0.1, "--max-pairs", 2)
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: there were more than 2 distinct pairs") and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--scoring", "pmi"], "--scoring"),
        (["--threshold", "nan"], "--threshold"),
        (["--threshold", "0"], "threshold must be above 0"),
        (["--scoring", "npmi", "--threshold", "2"], "threshold must be a number from -1 to 1"),
        (["--min-count", "0"], "--min-count"),
        (["--passes", "0"], "--passes"),
        (["--delimiter", ""], "--delimiter"),
        (["--delimiter", "a b"], "--delimiter"),
        (["--max-pairs", "0"], "--max-pairs"),
        (["--workers", "0"], "--workers"),
        (["--tokenizer", "wordz"], "--tokenizer"),
        (["--errors", "ignore"], "--errors"),
        (["--top", "0"], "--top"),
        (["--connectors", "/nowhere/words.txt"], "--connectors"),
        (["--connectors", "/"], "--connectors"),
        (["--load", "phrases.json"], "give --output as well"),
        (["--load", "phrases.json", "--output", "-", "--passes", "2"], "--passes is for finding phrases"),
        (["--output", "-", "--json"], "--json"),
        (["--output", "same", "--save", "same"], "the same file"),
    ],
)
def test_command_refuses_a_bad_option(text: Path, options: list[str], fragment: str) -> None:
    result = run("phrases", text, *options)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert result.stdout == "" and fragment in result.stderr.rpartition("Error: ")[2]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["missing.txt"], "missing.txt"),
        (["."], "folder"),
        (["text.txt", "--output", "text.txt"], "exists already"),
        (["text.txt", "--save", "."], "is a folder"),
        (["text.txt", "--save", "text.txt/phrases.json"], "text.txt is not a folder"),
        (["text.txt", "--load", "missing.json", "--output", "joined.txt"], "missing.json does not exist"),
        (["text.txt", "--load", "text.txt", "--output", "joined.txt"], "not a file of phrases"),
        (["blank.txt", "--output", "joined.txt"], "no words"),
        (["bytes.txt", "--output", "joined.txt"], "byte offset 1"),
    ],
)
def test_command_ends_with_one_line(
    text: Path, arguments: list[str], fragment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(text.parent)
    Path("blank.txt").write_text("\n \n")
    Path("bytes.txt").write_bytes(b"a\xff")
    before = sorted(Path().iterdir())
    result = run("phrases", *arguments)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert result.stdout == "" and result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert fragment in result.stderr
    assert sorted(Path().iterdir()) == before


def test_command_trains_with_phrases_and_queries_them(text: Path, tmp_path: Path) -> None:
    options = ("--phrase-threshold", 0.3, "--min-count", 3, "--vector-size", 4, "--sample", 0, "--seed", 1)
    model = tmp_path / "my.model"
    assert run("train", text, "--output", model, "--phrases", *options).exit_code == 0
    result = run("neighbors", model, "New York", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)[0]["neighbors"]
    assert "phrases" in run("info", model).stdout
    mistaken = run("train", text, "--output", tmp_path / "other", *options)
    assert mistaken.exit_code == 2 and "give phrases as well" in mistaken.stderr
    compared = run("compare", text, "--phrases")
    assert compared.exit_code == 2 and "Other programs have no --phrases" in compared.stderr
