"""The limits and the help text of each training parameter of word vectors, and what stands for a value left out.

`--help` must not import Numba, so this module imports only the standard library and `constraints`.
"""

from __future__ import annotations

from typing import Any

from w2v.settings.constraints import (
    Choice,
    Constraint,
    FileName,
    Flag,
    Integer,
    Number,
    Seconds,
    Seed,
    Tags,
    TokenizerChoice,
)

MAX_WINDOW = 10_000
"""gensim's longest sentence."""

MAX_VOCABULARY = 2**31 - 1
"""Word ids are int32."""

DEFAULT_LANGUAGES = "source,target"

DEFAULT_ALPHA = {
    "negative": {"skipgram": 0.025, "cbow": 0.1},
    "hs": {"skipgram": 0.025, "cbow": 0.125},
    "softmax": {"skipgram": 0.025, "cbow": 0.1},
    "glove": {"skipgram": 0.05},
}
"""Learning rate if `alpha` is None. CBOW's is larger than gensim's because its gradient is that of the mean."""

DEFAULT_MIN_ALPHA = 1e-4
"""Final learning rate if `min_alpha` is None."""

GENSIM: dict[str, Any] = {"window": 5, "sample": 1e-3, "epochs": 5, "alpha_hold": 0.0}
"""Values of parameters that are None and that no recipe sets: those of word2vec and gensim."""

MAX_ALPHA = {"skipgram": 0.1, "cbow": 0.25}
"""Limits of alpha."""

SHARED_WITH_PHRASES: dict[str, Constraint] = {
    "scoring": Choice(
        "Score pairs as word2phrase does (default), or by normalised mutual information, from -1 to 1 (npmi).",
        ("default", "npmi"),
    ),
    "threshold": Number("Minimum score of a phrase.", optional=True, unset="10, or 0.5 for npmi"),
    "passes": Integer("How often to join phrases and look again; each pass finds longer ones.", 1, 20),
}
"""Constraints shared by `Parameters` and `w2v.phrases.parameters.PhraseParameters`."""

CONSTRAINTS: dict[str, Constraint] = {
    "algorithm": Choice(
        "Predict each neighbour from a word, or a word from the mean of its neighbours.", ("skipgram", "cbow")
    ),
    "vector_size": Integer("Number of dimensions of the word vectors.", 1, 10_000),
    "window": Integer(
        "Largest distance between two words that count as neighbours.",
        1,
        MAX_WINDOW,
        optional=True,
        unset=f"{GENSIM['window']}",
    ),
    "objective": Choice(
        "Negative sampling; hierarchical softmax, which predicts a word's path through a tree; softmax over all words, "
        "for small vocabularies; or GloVe, which fits co-occurrence counts.",
        ("negative", "hs", "softmax", "glove"),
    ),
    "negative": Integer("Noise words for each observed pair.", 1, 1_000),
    "min_count": Integer("Ignore words that occur fewer than N times.", 1, MAX_VOCABULARY),
    "max_vocab": Integer("Keep only the N most frequent words.", 1, MAX_VOCABULARY, optional=True, unset="all words"),
    "sample": Number(
        "Subsample words above this fraction of the corpus; 0 keeps all.",
        low=0,
        high=1,
        optional=True,
        unset=f"{GENSIM['sample']:g}",
    ),
    "ns_exponent": Number("Draw noise words in proportion to their count to this power.", low=-5, high=5),
    "x_max": Number("GloVe: pairs with a larger count than this weigh 1. A pair at distance d counts 1 / d.", above=0),
    "x_exponent": Number("GloVe: a pair with a smaller count x weighs (x / x_max) to this power.", low=0, high=5),
    "shrink_windows": Flag("Draw each radius from 1 to the window, or always use the whole window."),
    "alpha": Number(
        "Initial learning rate.",
        above=0,
        high=max(MAX_ALPHA.values()),
        optional=True,
        unset="by algorithm and objective, 0.025 for skip-gram",
    ),
    "min_alpha": Number("Final learning rate.", low=0, high=1, optional=True, unset=f"{DEFAULT_MIN_ALPHA:g}"),
    "alpha_hold": Number(
        "Fraction of the training for which the learning rate stays at its initial value before it falls.",
        low=0,
        below=1,
        optional=True,
        unset=f"{GENSIM['alpha_hold']:g}",
    ),
    "epochs": Integer("Passes over the corpus.", 1, 100_000, optional=True, unset=f"{GENSIM['epochs']}"),
    "max_time": Seconds(
        "Train for this long, e.g. 90s or 2h, and ignore epochs.", above=0, optional=True, unset="no limit"
    ),
    "holdout": Number(
        "Never train on this fraction of the sentences, and measure the loss on it after every epoch.",
        above=0,
        high=0.5,
        optional=True,
        unset="none",
    ),
    "eval_analogies": FileName("Answer these analogy questions after every epoch."),
    "eval_pairs": FileName("Compare with the scores of these word pairs after every epoch."),
    "patience": Integer(
        "Stop after N epochs without improvement, and keep the best epoch.",
        1,
        100_000,
        optional=True,
        unset="no early stopping",
    ),
    "monitor": Choice(
        "What patience watches.",
        ("holdout", "analogies", "pairs"),
        optional=True,
        unset="the first of these that is measured",
    ),
    "workers": Integer("Number of threads.", 1, 1024, optional=True, unset="all cores"),
    "deterministic": Flag("With several threads too, the same seed gives the same vectors, bit for bit; slower."),
    "random_state": Seed("Random seed; with one worker, the same seed gives the same vectors, bit for bit."),
    "tokenizer": TokenizerChoice(
        "How text becomes words. words: lower-cased, in Unicode's form NFC, joiners kept, emoji left out; "
        "whitespace: for pre-tokenised text; tabs: for items between tabs; jieba: for Chinese; "
        "characters: for any script without spaces; penn: as in the Penn Treebank, case kept."
    ),
    "subwords": Flag("Make word vectors of character n-grams as well, so that unseen words have vectors."),
    "min_n": Integer("With subwords: shortest character n-gram, word boundaries included.", 1, 50),
    "max_n": Integer("With subwords: longest character n-gram, word boundaries included.", 1, 50),
    "buckets": Integer("With subwords: number of hash buckets for n-grams.", 1, 2**31 - 1),
    "position_weights": Flag("CBOW: learn weights for each position in the window, or weigh all positions alike."),
    "lines": Choice(
        "What a line holds: a sentence; or, tab-separated, input, target and optionally a weight; a weight and a "
        "sentence; or a sentence and its translation.",
        ("text", "pairs", "weighted", "parallel"),
    ),
    "languages": Tags("With parallel lines: prefixes of the words, such as en,de.", unset=DEFAULT_LANGUAGES),
    "phrases": Flag("Find phrases in the text first, and train each as one word, such as new_york."),
    "phrase_scoring": SHARED_WITH_PHRASES["scoring"],
    "phrase_threshold": SHARED_WITH_PHRASES["threshold"],
    "phrase_passes": SHARED_WITH_PHRASES["passes"],
    "phrase_connectors": Choice(
        "Words that a phrase may contain but neither begin nor end with, such as of and the.", ("none", "english")
    ),
    "recipe": Choice(
        "Preset for window, sample, learning-rate-hold and epochs; none is gensim's, best makes the best vectors in "
        "the same time.",
        ("none", "best"),
    ),
}
"""The constraint of each field of `Parameters`."""


def check_threshold(name: str, threshold: float | None, scoring: str) -> None:
    """Raise ValueError if a threshold is out of range for a scoring."""
    if threshold is not None and scoring == "npmi" and not -1 <= threshold <= 1:
        raise ValueError(f"{name} must be a number from -1 to 1 for npmi, got {threshold!r:.80}.")
    if threshold is not None and scoring == "default" and not threshold > 0:
        raise ValueError(f"{name} must be above 0 for the default scoring, got {threshold!r:.80}.")
