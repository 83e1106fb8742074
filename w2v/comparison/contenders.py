"""The programs that `w2v compare` trains: this one, gensim and fastText, each given the same parameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from w2v.encoding.vocabulary import Vocabulary
from w2v.lazy import installed_version, load_optional
from w2v.settings.parameters import Parameters
from w2v.vectors.embeddings import Embeddings

_OURS_ALONE = (
    "holdout", "eval_analogies", "eval_pairs", "patience", "monitor", "position_weights", "phrases", "lines",
    "alpha_hold", "recipe",
)  # fmt: skip
_SPELT_AS_GENSIM = (
    "vector_size", "window", "min_count", "sample", "ns_exponent", "shrink_windows", "alpha", "min_alpha", "epochs",
    "workers",
)  # fmt: skip
_NOT_IN_FASTTEXT = ("max_vocab", "min_alpha", "shrink_windows")
_SENTENCE_END = "</s>"


@dataclass(frozen=True)
class Trained:
    """The vectors of one training, and the seconds to build the vocabulary (here with encoding) and to train."""

    embeddings: Embeddings
    vocabulary_seconds: float
    training_seconds: float


@dataclass(frozen=True)
class Program:
    """A program that can be trained, with its key in options and its name in sentences.

    `train` takes a file of tokenised text, and parameters with `workers` resolved. `title` returns the name and
    version, or raises ImportError with the command to install the program. `note` describes what the program does
    differently whatever the parameters; empty if nothing.
    """

    key: str
    name: str
    train: Callable[[Path, Parameters], Trained]
    title: Callable[[], str]
    note: str = ""


def check_counterparts(parameters: Parameters, programs: tuple[str, ...]) -> None:
    """Raise ValueError if a parameter is out of range or has no counterpart in one of the programs."""
    parameters.validate()
    if parameters.max_time is not None:
        raise ValueError("max_time cannot be compared, because gensim counts epochs; give epochs instead.")
    if not (parameters.random_state is None or isinstance(parameters.random_state, int)):
        raise ValueError("random_state must be an int or None for a comparison: gensim takes no generator.")
    if parameters.objective in ("softmax", "glove"):
        raise ValueError(
            f"objective={parameters.objective!r:.80} cannot be compared: the other programs have nothing like it."
        )
    defaults = {field.name: field.default for field in fields(Parameters)}
    for name in _OURS_ALONE:
        if (given := getattr(parameters, name)) and given != defaults[name]:
            raise ValueError(f"{name} cannot be compared: the other programs have nothing like it.")
    for name in _NOT_IN_FASTTEXT if "fasttext" in programs else ():
        if getattr(parameters, name) != defaults[name]:
            raise ValueError(f"{name} cannot be compared with fastText, which has nothing like it.")


def train_w2v(text: Path, parameters: Parameters) -> Trained:
    """Train with this program."""
    from w2v.training.word2vec import Word2Vec

    start = time.perf_counter()
    model = Word2Vec(**vars(replace(parameters, tokenizer="whitespace"))).fit(text)
    total, training = time.perf_counter() - start, model.history_[-1]["seconds"]
    return Trained(model.embeddings_, total - training, training)


def compile_w2v(text: Path, parameters: Parameters) -> float:
    """Train on a few words, written to `text`, to compile before the measurement; return the seconds."""
    text.write_text("one two three four\n" * 100, encoding="utf-8")
    start = time.perf_counter()
    train_w2v(text, replace(parameters, min_count=1, max_vocab=None, sample=0, epochs=1))
    return time.perf_counter() - start


def train_gensim(text: Path, parameters: Parameters) -> Trained:
    """Train with gensim, from a file, which is its fastest way."""
    from gensim.models import FastText, Word2Vec

    start = time.perf_counter()
    model = (FastText if parameters.subwords else Word2Vec)(**gensim_arguments(parameters))
    model.build_vocab(corpus_file=str(text))
    vocabulary_end = time.perf_counter()
    model.train(
        corpus_file=str(text),
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=model.epochs,
    )
    end = time.perf_counter()
    embeddings = Embeddings(Vocabulary(model.wv.index_to_key), model.wv.vectors)
    return Trained(embeddings, vocabulary_end - start, end - vocabulary_end)


def gensim_arguments(parameters: Parameters) -> dict[str, Any]:
    """Return the arguments of gensim's constructor; those that are None are left to gensim's defaults."""
    arguments = {name: getattr(parameters, name) for name in _SPELT_AS_GENSIM} | {
        "sg": int(parameters.algorithm == "skipgram"),
        "hs": int(parameters.objective == "hs"),
        "negative": 0 if parameters.objective == "hs" else parameters.negative,
        "max_final_vocab": parameters.max_vocab,
        "seed": parameters.random_state,
    }
    if parameters.subwords:
        arguments |= {"min_n": parameters.min_n, "max_n": parameters.max_n, "bucket": parameters.buckets}
    return {name: value for name, value in arguments.items() if value is not None}


def train_fasttext(text: Path, parameters: Parameters) -> Trained:
    """Train with fastText.

    It builds its vocabulary and trains in one call, so a call without epochs measures the time for the vocabulary. Its
    token for the end of a sentence is removed from the vectors.
    """
    import fasttext

    arguments = fasttext_arguments(parameters)
    with _fasttext_seed(fasttext, parameters.random_state):
        start = time.perf_counter()
        fasttext.train_unsupervised(str(text), **{**arguments, "epoch": 0})
        vocabulary_seconds = time.perf_counter() - start
        start = time.perf_counter()
        model = fasttext.train_unsupervised(str(text), **arguments)
        total_seconds = time.perf_counter() - start
    words = [word for word in model.get_words() if word != _SENTENCE_END]
    vectors = [model.get_word_vector(word) for word in words]
    return Trained(Embeddings(words, vectors), vocabulary_seconds, max(total_seconds - vocabulary_seconds, 1e-9))


def fasttext_arguments(parameters: Parameters) -> dict[str, Any]:
    """Return the arguments of `fasttext.train_unsupervised`; those that are None are left to its defaults."""
    arguments = {
        "model": parameters.algorithm,
        "dim": parameters.vector_size,
        "ws": parameters.window,
        "neg": parameters.negative,
        "minCount": parameters.min_count,
        "t": parameters.sample or 1.0,  # 0 would drop every word, 1 keeps all
        "lr": parameters.alpha,
        "epoch": parameters.epochs,
        "thread": parameters.workers,
        "minn": parameters.min_n if parameters.subwords else 0,
        "maxn": parameters.max_n if parameters.subwords else 0,
        "bucket": parameters.buckets if parameters.subwords else 0,
        "loss": "hs" if parameters.objective == "hs" else "ns",
        "verbose": 0,
    }
    return {name: value for name, value in arguments.items() if value is not None}


@contextmanager
def _fasttext_seed(fasttext: Any, seed: int | None) -> Iterator[None]:
    """Set fastText's seed, which it takes from a table of defaults and not as an argument."""
    defaults = fasttext.FastText.unsupervised_default
    before = dict(defaults)
    try:
        if seed is not None:
            defaults["seed"] = seed % 2**31
        yield
    finally:
        defaults.clear()
        defaults.update(before)


def _w2v_title() -> str:
    """Return the name and version of this program."""
    return f"w2v {installed_version()}".strip()


def _gensim_title() -> str:
    """Return the name and version of gensim."""
    gensim = load_optional("gensim", "comparing needs gensim; install it with: pip install gensim")
    return f"gensim {gensim.__version__}"


def _fasttext_title() -> str:
    """Return the name and version of fastText."""
    remedy = "install it with: pip install fasttext-community"
    load_optional("fasttext", f"comparing with fastText needs its package; {remedy}")
    return f"fastText {installed_version(packages_distributions().get('fasttext', ['fasttext'])[0])}".strip()


PROGRAMS = {
    program.key: program
    for program in (
        Program("w2v", "w2v", train_w2v, _w2v_title),
        Program("gensim", "gensim", train_gensim, _gensim_title),
        Program(
            "fasttext",
            "fastText",
            train_fasttext,
            _fasttext_title,
            note="fastText always draws noise words in proportion to the square root of their count, and cuts "
            "sentences after 1,024 words.",
        ),
    )
}
"""All programs that can be compared, by key. The first is this one."""

OTHERS = tuple(key for key in PROGRAMS if key != "w2v")
