"""The training parameters: one table of names, defaults, allowed values and help texts.

`Word2Vec` takes its defaults and checks from here, and so does the command line, which must answer `--help` without
importing Numba. The module therefore imports nothing but the standard library and `constraints`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    check_fields,
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
"""Learning rate where `alpha` is None. CBOW's is larger than gensim's because its gradient is that of the mean."""

DEFAULT_MIN_ALPHA = 1e-4
"""Learning rate at the end where `min_alpha` is None."""

GENSIM: dict[str, Any] = {"window": 5, "sample": 1e-3, "epochs": 5, "alpha_hold": 0.0}
"""What parameters stand for that are None where no recipe sets them: the settings of word2vec and gensim."""

_CHOSEN: Any = None  # by `w2v.settings.recipes.resolve`, before anything is trained

MAX_SOFTMAX_WORDS = 50_000
"""Words that `objective` "softmax" takes at most: it scores every one of them for every word of the text."""

MAX_ALPHA = {"skipgram": 0.1, "cbow": 0.25}
MAX_STEP = {"skipgram": 8.0, "cbow": 6.0}
"""Limits of alpha, and of alpha times the rows that a row meets at once; see `Parameters.max_alpha`."""


_FULL_WINDOW = 50
_NOT_FOR_GLOVE = ("algorithm", "sample", "subwords", "holdout")
_MEASURED_BY = {"holdout": "holdout", "analogies": "eval_analogies", "pairs": "eval_pairs"}

CHECKPOINT_INTERVAL = 600.0
"""Seconds between two checkpoints where nothing else is asked for."""


@dataclass(frozen=True)
class Parameters:
    """Everything that decides what training does, under the names of `Word2Vec`'s constructor.

    Holding values does not check them: call `validate`. None stands for "choose for me" and is resolved by the trainer,
    never here.

    Attributes
    ----------
    algorithm : {"skipgram", "cbow"}
        Predict each neighbour from a word, or a word from the mean of its neighbours.
    vector_size : int
        Width D of the vectors, 1 to 10000.
    window : int or None
        Largest distance between two words that count as neighbours, 1 to 10000, in a basket its length. None is 5, or
        what the recipe chooses.
    objective : {"negative", "hs", "softmax", "glove"}
        Tell an observed word from noise words; hierarchical softmax: predict its path through a Huffman tree; softmax:
        predict it among all words, of which there may be `MAX_SOFTMAX_WORDS`; or GloVe: fit the logarithms of weighted
        counts of neighbours. `negative` and `ns_exponent` are of the first alone, `x_max` and `x_exponent` of the last,
        whose learning rate stays, and which takes whole windows and neither `sample`, `holdout` nor `subwords`.
    negative : int
        Noise words per observed pair, 1 to 1000.
    min_count : int
        Words seen less often are left out, at least 1.
    max_vocab : int or None
        Keep at most this many of the most frequent words.
    sample : float or None
        Words with a larger fraction of the corpus are thinned out, 0 to 1; 0 keeps all. None is 1e-3, or what the
        recipe chooses.
    ns_exponent : float
        Noise words are drawn in proportion to count ** ns_exponent, -5 to 5.
    x_max : float
        GloVe: the count of a pair of neighbours, 1 / distance each time, from which on the pair weighs 1; above 0.
    x_exponent : float
        GloVe: a pair with a smaller count x weighs (x / x_max) ** x_exponent; 0 to 5.
    shrink_windows : bool
        Draw each position's radius from 1 to `window` instead of always using `window`.
    alpha : float or None
        Learning rate at the start, above 0 and at most `max_alpha`; None is the algorithm's own default.
    min_alpha : float or None
        Learning rate at the end, 0 to 1 and not above `alpha`; None is close to 0.
    alpha_hold : float or None
        Fraction of the training, from 0 to below 1, for which the learning rate stays at `alpha` before it falls
        linearly to `min_alpha`. None is 0, or what the recipe chooses.
    epochs : int or None
        Passes over the corpus, 1 to 100000. None is 5, or what the recipe chooses.
    max_time : float or None
        Seconds to train, from reading the text on, above 0; `epochs` is ignored then.
    holdout : float or None
        Fraction of the sentences that is set aside at random and never trained on, above 0 and at most 0.5; the mean
        loss on it is measured after every epoch.
    eval_analogies, eval_pairs : str, path-like or None
        Files of analogy questions and of word pairs with scores (see `w2v.evaluation`), asked after every epoch.
    patience : int or None
        End training once this many epochs in a row, 1 to 100000, were no better than the best, and return the vectors
        of the best epoch; another copy of both tables is kept in memory for that.
    monitor : {"holdout", "analogies", "pairs"} or None
        What `patience` looks at: the held-out loss or an evaluation. None is the first of these that is measured.
    workers : int or None
        Threads, 1 to 1024; None is all cores.
    deterministic : bool
        Let several workers, too, give the same vectors for the same seed, bit for bit, as long as their number is the
        same; slower (see `w2v.training.synchronous`). One worker always does.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        Random seed, from 0 to 2**32 - 1, or a generator.
    tokenizer : str or callable
        Name of a tokenizer, or a callable from a text to its tokens.
    subwords : bool
        Make the vector of a word of its own row and of those of its character n-grams, as fastText does: words that
        were never seen have vectors then.
    min_n, max_n : int
        Shortest and longest n-gram, in characters with the word's borders, 1 to 50.
    buckets : int
        N-grams are hashed to this many numbers, 1 to 2**31 - 1. Only numbers that the words of the vocabulary need take
        memory.
    position_weights : bool
        CBOW only: learn a vector of weights for each place in the window, instead of counting all places alike.
    lines : {"text", "pairs", "weighted", "parallel"}
        What a line of a file is: a sentence; ``input<TAB>target[<TAB>weight]``, a pair to be trained as it is;
        ``weight<TAB>sentence``; or a sentence, a tab and its translation. See `w2v.encoding.records`.
    languages : str or None
        With parallel lines: two tags with a comma between, such as ``"en,de"``; words then begin with them, as in
        ``en:house``. None is ``"source,target"``.
    phrases : bool
        Find phrases in the text first and train each as one word: see `w2v.phrases.estimator.Phrases`, which is given
        `min_count`. Where `tokenizer` is a `PhraseTokenizer`, its phrases are joined and none are looked for.
    phrase_scoring, phrase_threshold, phrase_passes
        Its `scoring`, `threshold` and `passes`.
    phrase_connectors : {"none", "english"}
        Its `connector_words`.
    recipe : {"none", "best"}
        What sets `window`, `sample`, `alpha_hold` and `epochs` where they are None: gensim's settings, or for skip-gram
        with negative sampling the best that were measured in the time that those take; see `w2v.settings.recipes`.
    """

    algorithm: str = "skipgram"
    vector_size: int = 100
    window: int = _CHOSEN
    objective: str = "negative"
    negative: int = 5
    min_count: int = 5
    max_vocab: int | None = None
    sample: float = _CHOSEN
    ns_exponent: float = 0.75
    x_max: float = 10.0
    x_exponent: float = 0.75
    shrink_windows: bool = True
    alpha: float | None = None
    min_alpha: float | None = None
    alpha_hold: float = _CHOSEN
    epochs: int = _CHOSEN
    max_time: float | None = None
    holdout: float | None = None
    eval_analogies: str | os.PathLike[str] | None = None
    eval_pairs: str | os.PathLike[str] | None = None
    patience: int | None = None
    monitor: str | None = None
    workers: int | None = None
    deterministic: bool = False
    random_state: Any = None
    tokenizer: str | Callable[[str], Iterable[str]] = "words"
    subwords: bool = False
    min_n: int = 3
    max_n: int = 6
    buckets: int = 2_000_000
    position_weights: bool = False
    lines: str = "text"
    languages: str | None = None
    phrases: bool = False
    phrase_scoring: str = "default"
    phrase_threshold: float | None = None
    phrase_passes: int = 1
    phrase_connectors: str = "none"
    recipe: str = "none"

    def validate(self) -> None:
        """Raise ValueError, which names value and limits, if a value is not allowed or does not go with another."""
        check_fields(self, CONSTRAINTS)
        for is_broken, message in self._rules():
            if is_broken:
                raise ValueError(message)
        check_threshold("phrase_threshold", self.phrase_threshold, self.phrase_scoring)

    def _rules(self) -> Iterator[tuple[bool, str]]:
        """Yield what several parameters must keep to: whether it is broken, and the message."""
        alpha, min_alpha = self.alpha, self.min_alpha
        yield (
            alpha is not None and min_alpha is not None and min_alpha > alpha,
            f"min_alpha must not be above alpha ({alpha!r:.80}), got {min_alpha!r:.80}.",
        )
        yield (
            alpha is not None and alpha > self.max_alpha,
            f"alpha must be at most {self.max_alpha:.4g} for {self._what_limits_alpha}, where training is known to be "
            f"stable, got {alpha!r:.80}.",
        )
        is_text = self.lines == "text"
        yield (
            self.recipe != "none"
            and (self.algorithm != "skipgram" or self.objective != "negative" or self.lines == "pairs"),
            f"recipe={self.recipe!r:.80} is for skip-gram with negative sampling, trained on sentences: leave "
            "algorithm, objective and lines out, or the recipe.",
        )
        yield from self._rules_of_objective()
        yield self.min_n > self.max_n, f"min_n must not be above max_n ({self.max_n}), got {self.min_n}."
        yield (
            self.position_weights and self._window > _FULL_WINDOW,
            f"position_weights go with a window of at most {_FULL_WINDOW}, got {self._window}.",
        )
        yield (
            self.position_weights and self.algorithm != "cbow",
            "position_weights belong to CBOW: give algorithm='cbow' as well.",
        )
        for name in ("phrases", "holdout"):
            yield (
                not is_text and bool(getattr(self, name)),
                f"{name} is for lines that are sentences: it cannot go with lines={self.lines!r:.80}.",
            )
        yield (
            self.languages is not None and self.lines != "parallel",
            "languages tag parallel lines: give lines='parallel' as well.",
        )
        yield (
            self.lines == "parallel" and self.subwords,
            "the n-grams of two languages would be one: subwords cannot go with lines='parallel'.",
        )
        yield (
            self.lines == "pairs" and (self.algorithm != "skipgram" or self.objective != "negative" or self.subwords),
            "pairs are trained as skip-gram with negative sampling, a row to each word: leave algorithm, objective "
            "and subwords out.",
        )
        yield from self._rules_of_watching()
        for name in ("max_time", "subwords", "position_weights"):
            yield self.deterministic and bool(getattr(self, name)), f"deterministic cannot go with {name}."
        for name in ("phrase_scoring", "phrase_threshold", "phrase_passes", "phrase_connectors"):
            yield (
                not self.phrases and self._is_given(name),
                f"{name} says how phrases are found: give phrases as well.",
            )

    def _rules_of_objective(self) -> Iterator[tuple[bool, str]]:
        is_sampled, with_it = self.objective == "negative", f"cannot go with objective={self.objective!r:.80}."
        for name in ("negative", "ns_exponent"):
            yield not is_sampled and self._is_given(name), f"{name} is for negative sampling: it {with_it}"
        for name in ("position_weights", "deterministic"):
            yield not is_sampled and getattr(self, name), f"{name} needs negative sampling: it {with_it}"
        for name in ("x_max", "x_exponent"):
            yield (
                self.objective != "glove" and self._is_given(name),
                f"{name} weighs the counts of GloVe: give objective='glove' as well.",
            )
        for name in _NOT_FOR_GLOVE:
            yield (
                self.objective == "glove" and self._is_given(name) and getattr(self, name) not in (0, GENSIM.get(name)),
                f"{name} is for objectives that go through the text word by word: it {with_it}",
            )

    @property
    def _what_limits_alpha(self) -> str:
        if self.objective != "negative":
            return f"{self.algorithm} with objective={self.objective!r:.80}"
        return f"{self.algorithm} with window={self._window} and negative={self.negative}"

    def _rules_of_watching(self) -> Iterator[tuple[bool, str]]:
        yield (
            self.patience is not None and not self.measured,
            "patience needs something to look at: give holdout, eval_analogies or eval_pairs as well.",
        )
        yield (
            self.monitor is not None and self.patience is None,
            "monitor says what patience looks at: give patience as well.",
        )
        yield (
            self.monitor is not None and self.monitor not in self.measured,
            f"monitor={self.monitor!r:.80} needs {_MEASURED_BY.get(self.monitor or '')}, which is not given.",
        )

    def _is_given(self, name: str) -> bool:
        return bool(getattr(self, name) != Parameters.__dataclass_fields__[name].default)

    @property
    def _window(self) -> int:
        """The window, before a recipe has set it too: none sets a larger one than gensim's."""
        return int(self.window or GENSIM["window"])

    @property
    def measured(self) -> list[str]:
        """What is measured after every epoch, of what `monitor` may name."""
        return [name for name, option in _MEASURED_BY.items() if getattr(self, option) is not None]

    def pairs_within(self, reach: int) -> float:
        """Input rows that meet a target: the mean size of a window for skip-gram, and one mean of it for CBOW.

        `reach` is the largest radius that the sentences leave room for, at most `window`.
        """
        if self.algorithm == "cbow" or self.lines == "pairs":
            return 1.0
        return 2.0 * reach - (reach * (reach - 1) / self._window if self.shrink_windows else 0.0)

    @property
    def max_alpha(self) -> float:
        """The largest learning rate allowed before the text is known.

        Of more than 50 words a window need not be full; training lowers the rate where it is.
        """
        return self.max_alpha_within(self._window if self._window <= _FULL_WINDOW else 1)

    def max_alpha_within(self, reach: int) -> float:
        """Return the largest learning rate at which training is stable; for `reach` see `pairs_within`.

        All pairs of a chunk move a row at once. The step grows with alpha and with the rows that each row meets, noise
        included; beyond these limits training was seen to diverge, at rates where gensim's vectors are noise as well
        (measured: benchmarks/stability.py). With hierarchical softmax output rows move for one target after another,
        with GloVe for one cell after another, and chunks of softmax are small enough.
        """
        if self.objective != "negative":
            return MAX_ALPHA[self.algorithm]
        return min(
            MAX_ALPHA[self.algorithm], MAX_STEP[self.algorithm] / (self.pairs_within(reach) * (1 + self.negative))
        )

    @property
    def start_alpha(self) -> float:
        """The learning rate at the start: `alpha`, or the algorithm's own where that is None."""
        if self.alpha is not None:
            return self.alpha
        return min(DEFAULT_ALPHA[self.objective][self.algorithm], self.max_alpha)


SHARED_WITH_PHRASES: dict[str, Constraint] = {
    "scoring": Choice("Score pairs as word2phrase does, or by mutual information, from -1 to 1.", ("default", "npmi")),
    "threshold": Number("Least score of a phrase; left out, 10 for default and 0.5 for npmi.", optional=True),
    "passes": Integer("How often to join phrases and look again; each pass makes longer ones.", 1, 20),
}
"""What both `Parameters` and `w2v.phrases.parameters.PhraseParameters` have."""

CONSTRAINTS: dict[str, Constraint] = {
    "algorithm": Choice(
        "Predict each neighbour from a word, or a word from the mean of its neighbours.", ("skipgram", "cbow")
    ),
    "vector_size": Integer("Width of the vectors.", 1, 10_000),
    "window": Integer("Largest distance between two words that count as neighbours.", 1, MAX_WINDOW, optional=True),
    "objective": Choice(
        "Negative sampling; hierarchical softmax, which predicts a word's path through a tree; softmax over all words, "
        "for small vocabularies; or GloVe, which fits counts of neighbours.",
        ("negative", "hs", "softmax", "glove"),
    ),
    "negative": Integer("Noise words for each observed pair.", 1, 1_000),
    "min_count": Integer("Ignore words that occur less often.", 1, MAX_VOCABULARY),
    "max_vocab": Integer("Keep at most this many words, the most frequent.", 1, MAX_VOCABULARY, optional=True),
    "sample": Number("Subsample words above this fraction of the corpus; 0 keeps all.", low=0, high=1, optional=True),
    "ns_exponent": Number("Draw noise words in proportion to their count to this power.", low=-5, high=5),
    "x_max": Number("GloVe: from this count of neighbours on, each counted as 1 / distance, all weigh 1.", above=0),
    "x_exponent": Number("GloVe: a smaller count x weighs (x / x_max) to this power.", low=0, high=5),
    "shrink_windows": Flag("Draw each radius from 1 to the window, or always use the whole window."),
    "alpha": Number(
        "Learning rate at the start; left out, the algorithm's own.",
        above=0,
        high=max(MAX_ALPHA.values()),
        optional=True,
    ),
    "min_alpha": Number("Learning rate at the end; left out, close to 0.", low=0, high=1, optional=True),
    "alpha_hold": Number(
        "Fraction of the training for which the learning rate stays at alpha before it falls.",
        low=0,
        below=1,
        optional=True,
    ),
    "epochs": Integer("Passes over the corpus.", 1, 100_000, optional=True),
    "max_time": Seconds("Train for this long, e.g. 90s or 2h, whatever epochs says.", above=0, optional=True),
    "holdout": Number(
        "Never train on this fraction of the sentences, and measure the loss on it after every epoch.",
        above=0,
        high=0.5,
        optional=True,
    ),
    "eval_analogies": FileName("Ask these analogy questions after every epoch."),
    "eval_pairs": FileName("Compare with the scores of these word pairs after every epoch."),
    "patience": Integer(
        "Stop after N epochs that were no better than the best, and keep the best.", 1, 100_000, optional=True
    ),
    "monitor": Choice(
        "What patience looks at; left out, the first of these that is measured.",
        ("holdout", "analogies", "pairs"),
        optional=True,
    ),
    "workers": Integer("Threads; left out, all cores.", 1, 1024, optional=True),
    "deterministic": Flag("Let several threads give the same vectors for the same seed, bit for bit; slower."),
    "random_state": Seed("Random seed; with one worker the same seed gives the same vectors, bit for bit."),
    "tokenizer": TokenizerChoice(
        "How text becomes words: words, in lower case and in Unicode's form NFC, joiners kept, emoji left out. "
        "For pre-tokenised text: whitespace; for items between tabs: tabs; "
        "for Chinese: jieba, or characters, which suits all scripts without spaces."
    ),
    "subwords": Flag("Make word vectors of character n-grams as well, so that unseen words have vectors."),
    "min_n": Integer("With subwords: the shortest n-gram, borders included.", 1, 50),
    "max_n": Integer("With subwords: the longest n-gram, borders included.", 1, 50),
    "buckets": Integer("With subwords: number of hash buckets for n-grams.", 1, 2**31 - 1),
    "position_weights": Flag("CBOW: learn weights for each place in the window, or count all places alike."),
    "lines": Choice(
        "A line is a sentence, or tab-separated: input, target and perhaps a weight; weight and sentence; or a "
        "sentence and its translation.",
        ("text", "pairs", "weighted", "parallel"),
    ),
    "languages": Tags("With parallel lines: tags that words begin with, such as en,de; left out, source,target."),
    "phrases": Flag("Find phrases in the text first, and train each as one word: new_york."),
    "phrase_scoring": SHARED_WITH_PHRASES["scoring"],
    "phrase_threshold": SHARED_WITH_PHRASES["threshold"],
    "phrase_passes": SHARED_WITH_PHRASES["passes"],
    "phrase_connectors": Choice(
        "Words that may stand inside a phrase but neither begin nor end it, such as of and the.", ("none", "english")
    ),
    "recipe": Choice(
        "What sets window, sample, alpha-hold and epochs where they are left out: gensim's settings, or those that "
        "make the best vectors in the same time.",
        ("none", "best"),
    ),
}
"""What each field of `Parameters` may hold."""


def check_threshold(name: str, threshold: float | None, scoring: str) -> None:
    """Raise ValueError if phrases cannot be scored against this threshold."""
    if threshold is not None and scoring == "npmi" and not -1 <= threshold <= 1:
        raise ValueError(f"{name} must be a number from -1 to 1 for npmi, got {threshold!r:.80}.")
    if threshold is not None and scoring == "default" and not threshold > 0:
        raise ValueError(f"{name} must be above 0 for the default scoring, got {threshold!r:.80}.")
