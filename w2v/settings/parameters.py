"""The training parameters of word vectors: one table of names and defaults, and rules for values together.

`Word2Vec` and the command line both take their defaults and checks from here; `w2v.settings.descriptions` has the
limits and the help text of each. `--help` must not import Numba, so neither module does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from w2v.settings.applying import refuse_unused, why_unused
from w2v.settings.constraints import DEFAULT_SEED, check_fields
from w2v.settings.descriptions import CONSTRAINTS, DEFAULT_ALPHA, GENSIM, MAX_ALPHA, check_threshold

_CHOSEN: Any = None  # `w2v.settings.recipes.resolve` sets it before training

MAX_SOFTMAX_WORDS = 50_000
"""Largest vocabulary of `objective` "softmax", which scores every word for every word of the text."""

MAX_STEP = {"skipgram": 8.0, "cbow": 6.0}
"""Limits of alpha times the rows that update one row at once; see `Parameters.max_alpha`."""

_FULL_WINDOW = 50
_MEASURED_BY = {"holdout": "holdout", "analogies": "eval_analogies", "pairs": "eval_pairs"}

CHECKPOINT_INTERVAL = 600.0
"""Default number of seconds between two checkpoints."""


@dataclass(frozen=True)
class Parameters:
    """Everything that decides what training does, under the names of `Word2Vec`'s constructor.

    The constructor checks nothing: call `validate`. None means "choose for me"; the trainer resolves it, never this
    class.

    Attributes
    ----------
    algorithm : {"skipgram", "cbow"}
        Predict each neighbour from a word, or a word from the mean of its neighbours.
    vector_size : int
        Number of dimensions D of the word vectors, 1 to 10000.
    window : int or None
        Largest distance between two words that count as neighbours, 1 to 10000; for baskets, use their length. None is
        5, or what the recipe chooses.
    objective : {"negative", "hs", "softmax", "glove"}
        Negative sampling: tell an observed word from noise words. Hierarchical softmax: predict the word's path through
        a Huffman tree. Softmax: predict it among all words, of which there may be `MAX_SOFTMAX_WORDS`. GloVe: fit the
        logarithms of weighted co-occurrence counts. `negative` and `ns_exponent` apply to negative sampling only,
        `x_max` and `x_exponent` to GloVe only. GloVe keeps its learning rate constant, uses whole windows, and takes
        neither `sample`, `holdout` nor `subwords`.
    negative : int
        Noise words per observed pair, 1 to 1000.
    min_count : int
        Words that occur less often are ignored; at least 1.
    max_vocab : int or None
        Keep only this many words, the most frequent.
    sample : float or None
        Subsample words that make up a larger fraction of the corpus, 0 to 1; 0 keeps all. None is 1e-3, or what the
        recipe chooses.
    ns_exponent : float
        Noise words are drawn in proportion to count ** ns_exponent, -5 to 5.
    x_max : float
        GloVe: pairs with a larger count than this weigh 1; above 0. A pair at distance d counts 1 / d.
    x_exponent : float
        GloVe: a pair with a smaller count x weighs (x / x_max) ** x_exponent; 0 to 5.
    shrink_windows : bool
        Draw each position's radius from 1 to `window` instead of always using `window`.
    alpha : float or None
        Initial learning rate, above 0 and at most `max_alpha`; None is the default of the algorithm and objective.
    min_alpha : float or None
        Final learning rate, 0 to 1 and not above `alpha`; None is 1e-4.
    alpha_hold : float or None
        Fraction of the training, from 0 to below 1, for which the learning rate stays at `alpha` before it falls
        linearly to `min_alpha`. None is 0, or what the recipe chooses.
    epochs : int or None
        Passes over the corpus, 1 to 100000. None is 5, or what the recipe chooses.
    max_time : float or None
        Seconds to train, reading the text included, above 0; `epochs` is then ignored.
    holdout : float or None
        Fraction of the sentences to hold out at random, above 0 and at most 0.5. The mean loss on them is measured
        after every epoch.
    eval_analogies, eval_pairs : str, path-like or None
        Files of analogy questions and of scored word pairs (see `w2v.evaluation`), evaluated after every epoch.
    patience : int or None
        Stop after this many epochs without improvement, 1 to 100000, and return the vectors of the best epoch. This
        keeps another copy of both tables in memory.
    monitor : {"holdout", "analogies", "pairs"} or None
        What `patience` watches: the held-out loss or an evaluation. None is the first of these that is measured.
    workers : int or None
        Threads, 1 to 1024; None is all cores.
    deterministic : bool
        With several workers too, give the same vectors for the same seed and number of workers, bit for bit; slower
        (see `w2v.training.synchronous`). One worker always does.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        Random seed, from 0 to 2**32 - 1, or a generator.
    tokenizer : str or callable
        Name of a tokenizer, or a callable from a text to its tokens.
    subwords : bool
        Add the vectors of a word's character n-grams to its own, as fastText does; unseen words then have vectors too.
    min_n, max_n : int
        Shortest and longest n-gram in characters, word boundaries included, 1 to 50.
    buckets : int
        Number of hash buckets for n-grams, 1 to 2**31 - 1. Only buckets that the vocabulary uses take memory.
    position_weights : bool
        CBOW only: learn a vector of weights for each position in the window, instead of weighing all alike.
    lines : {"text", "pairs", "weighted", "parallel"}
        What a line of a file holds: a sentence; ``input<TAB>target[<TAB>weight]``, a pair to train on directly;
        ``weight<TAB>sentence``; or a sentence, a tab and its translation. See `w2v.encoding.records`.
    languages : str or None
        With parallel lines: two prefixes, separated by a comma, such as ``"en,de"``; words then look like ``en:house``.
        None is ``"source,target"``.
    phrases : bool
        Find phrases in the text first and train each as one word. `w2v.phrases.estimator.Phrases` finds them, with the
        same `min_count`. If `tokenizer` is a `PhraseTokenizer`, its phrases are joined instead.
    phrase_scoring, phrase_threshold, phrase_passes
        The `scoring`, `threshold` and `passes` of `Phrases`.
    phrase_connectors : {"none", "english"}
        The `connector_words` of `Phrases`.
    recipe : {"none", "best"}
        What sets `window`, `sample`, `alpha_hold` and `epochs` if they are None: gensim's defaults, or the settings
        that measured best in the same training time, for skip-gram with negative sampling; see `w2v.settings.recipes`.
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
    random_state: Any = DEFAULT_SEED
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
        """Raise ValueError for a value that is not allowed, has no effect or contradicts another.

        The message states value and limits. A parameter at its default counts as omitted.
        """
        check_fields(self, CONSTRAINTS)
        refuse_unused(filter(self._is_given, CONSTRAINTS), vars(self))
        for is_broken, message in self._rules():
            if is_broken:
                raise ValueError(message)
        check_threshold("phrase_threshold", self.phrase_threshold, self.phrase_scoring)

    def _rules(self) -> Iterator[tuple[bool, str]]:
        """Yield, for each rule between parameters, whether it is broken, and its message."""
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
            f"recipe={self.recipe!r:.80} is for skip-gram with negative sampling on sentences: leave out algorithm, "
            "objective and lines, or the recipe.",
        )
        yield from self._rules_of_objective()
        yield self.min_n > self.max_n, f"min_n must not be above max_n ({self.max_n}), got {self.min_n}."
        yield (
            self.position_weights and self._window > _FULL_WINDOW,
            f"position_weights need a window of at most {_FULL_WINDOW}, got {self._window}.",
        )
        for name in ("phrases", "holdout"):
            yield (
                not is_text and bool(getattr(self, name)),
                f"{name} is for lines that are sentences: it cannot be combined with lines={self.lines!r:.80}.",
            )
        yield (
            self.lines == "parallel" and self.subwords,
            "subwords cannot be combined with lines='parallel': the two languages would share their n-grams.",
        )
        yield (
            self.lines == "pairs" and (self.algorithm != "skipgram" or self.objective != "negative" or self.subwords),
            "lines='pairs' are trained as skip-gram with negative sampling, without subwords: leave out algorithm, "
            "objective and subwords.",
        )
        yield from self._rules_of_watching()
        for name in ("max_time", "subwords", "position_weights"):
            yield (
                self.deterministic and bool(getattr(self, name)),
                f"deterministic=True cannot be combined with {name}.",
            )

    def _rules_of_objective(self) -> Iterator[tuple[bool, str]]:
        with_it = f"cannot be combined with objective={self.objective!r:.80}."
        for name in ("position_weights", "deterministic"):
            yield (
                self.objective != "negative" and getattr(self, name),
                f"{name} needs negative sampling: it {with_it}",
            )
        yield (
            self.objective == "glove" and self.subwords,
            f"subwords is for objectives that train on the text itself: it {with_it}",
        )

    @property
    def _what_limits_alpha(self) -> str:
        if self.objective != "negative":
            return f"{self.algorithm} with objective={self.objective!r:.80}"
        return f"{self.algorithm} with window={self._window} and negative={self.negative}"

    def _rules_of_watching(self) -> Iterator[tuple[bool, str]]:
        yield (
            self.patience is not None and not self.measured,
            "patience needs something to watch: give holdout, eval_analogies or eval_pairs as well.",
        )
        yield (
            self.monitor is not None and self.monitor not in self.measured,
            f"monitor={self.monitor!r:.80} needs {_MEASURED_BY.get(self.monitor or '')}, which is not given.",
        )

    def without_unused(self) -> Parameters:
        """Return these parameters with those that have no effect at their defaults, as a user would give them."""
        fields = Parameters.__dataclass_fields__
        defaults: dict[str, Any] = {name: fields[name].default for name in why_unused(vars(self))}
        return replace(self, **defaults)

    def _is_given(self, name: str) -> bool:
        return bool(getattr(self, name) != Parameters.__dataclass_fields__[name].default)

    @property
    def _window(self) -> int:
        """The window, or gensim's if no recipe has set it yet; no recipe sets a larger one."""
        return int(self.window or GENSIM["window"])

    @property
    def measured(self) -> list[str]:
        """What is measured after every epoch, by the names that `monitor` takes."""
        return [name for name, option in _MEASURED_BY.items() if getattr(self, option) is not None]

    def pairs_within(self, reach: int) -> float:
        """Return the mean number of input rows per target: the window's size for skip-gram, and 1 for CBOW.

        `reach` is the largest radius that fits into the sentences, at most `window`.
        """
        if self.algorithm == "cbow" or self.lines == "pairs":
            return 1.0
        return 2.0 * reach - (reach * (reach - 1) / self._window if self.shrink_windows else 0.0)

    @property
    def max_alpha(self) -> float:
        """The largest learning rate allowed before the text is known.

        A window of more than 50 words may never be full; if it is, training lowers the learning rate.
        """
        return self.max_alpha_within(self._window if self._window <= _FULL_WINDOW else 1)

    def max_alpha_within(self, reach: int) -> float:
        """Return the largest learning rate at which training is stable; for `reach` see `pairs_within`.

        All pairs of a chunk update a row at once. The step size grows with alpha and with the number of rows paired
        with each row, noise words included. Beyond these limits training diverged, at rates where gensim's vectors are
        noise as well (measured: benchmarks/training/stability.py). Hierarchical softmax updates output rows one target
        at a time, GloVe one cell at a time, and the chunks of softmax are small enough.
        """
        if self.objective != "negative":
            return MAX_ALPHA[self.algorithm]
        return min(
            MAX_ALPHA[self.algorithm], MAX_STEP[self.algorithm] / (self.pairs_within(reach) * (1 + self.negative))
        )

    @property
    def start_alpha(self) -> float:
        """The initial learning rate: `alpha`, or the default of the algorithm and objective."""
        if self.alpha is not None:
            return self.alpha
        return min(DEFAULT_ALPHA[self.objective][self.algorithm], self.max_alpha)
