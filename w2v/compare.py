"""Train here and in gensim on the same text with the same parameters and threads, and measure both alike."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpora.readers import TextReader
from corpora.tokenizers import get_tokenizer
from w2v.embeddings import Embeddings
from w2v.evaluation import AnalogyReport, PairsReport, evaluate_analogies, evaluate_word_pairs
from w2v.parameters import Parameters
from w2v.vocabulary import Vocabulary

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Contender:
    """What one of the two programs did.

    Attributes
    ----------
    name : str
        The program and its version.
    vocabulary_size : int
        Words V that it learned.
    vocabulary_seconds, training_seconds : float
        Wall-clock time from text to vocabulary (ours: and encoded text), and from there to vectors.
    analogies : dict of str to AnalogyReport
        By file.
    pairs : dict of str to PairsReport
        By file.
    """

    name: str
    vocabulary_size: int
    vocabulary_seconds: float
    training_seconds: float
    analogies: dict[str, AnalogyReport]
    pairs: dict[str, PairsReport]

    @property
    def total_seconds(self) -> float:
        """Wall-clock time from text to vectors."""
        return self.vocabulary_seconds + self.training_seconds

    def to_dict(self) -> dict[str, Any]:
        """Return the figures in JSON types."""
        return {
            "name": self.name,
            "vocabulary_size": self.vocabulary_size,
            "vocabulary_seconds": self.vocabulary_seconds,
            "training_seconds": self.training_seconds,
            "total_seconds": self.total_seconds,
            "analogies": {path: report.to_dict()["total"] for path, report in self.analogies.items()},
            "pairs": {path: report.to_dict() for path, report in self.pairs.items()},
        }


@dataclass(frozen=True)
class Comparison:
    """Two programs side by side.

    Attributes
    ----------
    parameters : Parameters
        What both were told; `workers` is resolved.
    n_words : int
        Words of the text, those below `min_count` included.
    compile_seconds : float
        Time that our compiled code took to be ready (little when it is cached), which is not counted in `ours`.
    ours, gensim : Contender
        The results.
    """

    parameters: Parameters
    n_words: int
    compile_seconds: float
    ours: Contender
    gensim: Contender

    def words_per_second(self, contender: Contender) -> float:
        """Return the words of the text times `epochs` by the time of training, the same count for both."""
        return self.n_words * self.parameters.epochs / contender.training_seconds

    def to_dict(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        contenders = {
            name: contender.to_dict() | {"words_per_second": self.words_per_second(contender)}
            for name, contender in (("w2v", self.ours), ("gensim", self.gensim))
        }
        return {
            "parameters": vars(self.parameters) | {"tokenizer": get_tokenizer(self.parameters.tokenizer).to_config()},
            "n_words": self.n_words,
            "compile_seconds": self.compile_seconds,
            **contenders,
            "training_speedup": self.gensim.training_seconds / self.ours.training_seconds,
            "total_speedup": self.gensim.total_seconds / self.ours.total_seconds,
        }


def compare_with_gensim(
    corpus: TextReader,
    parameters: Parameters,
    *,
    analogies: Sequence[PathLike] = (),
    pairs: Sequence[PathLike] = (),
    tell: Callable[[str], None] = lambda message: None,
) -> Comparison:
    """Train in both programs, one after the other, and measure time and quality.

    Parameters
    ----------
    corpus : TextReader
        The text. It is tokenised once, by `parameters.tokenizer`, into a temporary file from which both programs train,
        so that they see the same words.
    parameters : Parameters
        For both. `max_time` must be None; `random_state` an int or None. An `alpha` of None is each program's own.
    analogies, pairs : sequence of str or path-like, optional
        Files to evaluate on. With neither, those that gensim brings: ``questions-words.txt`` and ``wordsim353.tsv``.
    tell : callable, optional
        Called with a sentence when a step begins.

    Returns
    -------
    Comparison

    Raises
    ------
    ImportError
        If gensim is not installed.
    ValueError
        If a parameter has no counterpart in gensim or is out of range, or as training and evaluation raise it.
    """
    _require_gensim()
    _check_counterparts(parameters)
    if not analogies and not pairs:
        analogies, pairs = _gensim_test_data("questions-words.txt"), _gensim_test_data("wordsim353.tsv")
    for path in (*analogies, *pairs):  # a missing file should not be found out after the training
        open(path, "rb").close()
    with tempfile.TemporaryDirectory(prefix="w2v-compare-") as folder:
        text = Path(folder, "tokenised.txt")
        tell("Tokenising the text for both ...")
        n_words = _tokenise(corpus, parameters, text)
        tell("Compiling ...")
        compile_seconds = _compile(parameters, Path(folder, "small.txt"))
        from w2v.stream import EmptyVocabularyError

        tell(f"Training here: {parameters.epochs} epochs over {n_words:,} words ...")
        try:
            ours, workers = _train_ours(text, parameters, analogies, pairs)
        except EmptyVocabularyError as error:  # the temporary file means nothing to the caller
            raise EmptyVocabularyError(str(error).replace(str(text), ", ".join(corpus.paths))) from None
        parameters = replace(parameters, workers=workers)
        tell("Training in gensim ...")
        theirs = _train_gensim(text, parameters, analogies, pairs)
    return Comparison(parameters, n_words, compile_seconds, ours, theirs)


def _check_counterparts(parameters: Parameters) -> None:
    parameters.validate()
    if parameters.max_time is not None:
        raise ValueError("max_time cannot be compared: gensim counts epochs; give epochs instead.")
    if not (parameters.random_state is None or isinstance(parameters.random_state, int)):
        raise ValueError("random_state must be an int or None to be compared: gensim takes no generator.")


def _require_gensim() -> None:
    try:
        import gensim  # noqa: F401
    except ImportError as error:
        raise ImportError("comparing needs gensim; install it with: pip install gensim") from error


def _gensim_test_data(name: str) -> list[str]:
    from gensim.test.utils import datapath

    return [datapath(name)]


def _tokenise(corpus: TextReader, parameters: Parameters, path: Path) -> int:
    """Write one sentence a line, words set apart by spaces, and return the number of words."""
    tokenizer = get_tokenizer(parameters.tokenizer)
    n_words = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for line in corpus.lines():
            words = tokenizer(line)
            n_words += len(words)
            # only names of items hold spaces, which would fall apart in gensim
            file.write(" ".join(word.replace(" ", "_") for word in words) + "\n")
    return n_words


def _compile(parameters: Parameters, path: Path) -> float:
    """Train on a few words, written to `path`, so that compiling is over before the clock runs; return its seconds."""
    path.write_text("one two three four\n" * 100, encoding="utf-8")
    small = replace(parameters, tokenizer="whitespace", min_count=1, max_vocab=None, epochs=1)
    small = replace(small, eval_analogies=None, eval_pairs=None, patience=None, monitor=None)
    return _fit(path, small)[1]


def _fit(path: Path, parameters: Parameters) -> tuple[Any, float]:
    """Train here; return the estimator and the seconds it took."""
    from w2v.models import Word2Vec

    start = time.perf_counter()
    model = Word2Vec(**vars(parameters)).fit(path)
    return model, time.perf_counter() - start


def _train_ours(
    text: Path, parameters: Parameters, analogies: Sequence[PathLike], pairs: Sequence[PathLike]
) -> tuple[Contender, int]:
    """Train and evaluate; return also how many threads that took."""
    model, total_seconds = _fit(text, replace(parameters, tokenizer="whitespace"))
    seconds = (total_seconds, model.history_[-1]["seconds"])
    contender = _evaluate(f"w2v {_version()}", model.embeddings_, seconds, analogies, pairs)
    return contender, model.embeddings_.metadata["parameters"]["workers"]


def _train_gensim(
    text: Path, parameters: Parameters, analogies: Sequence[PathLike], pairs: Sequence[PathLike]
) -> Contender:
    import gensim
    from gensim.models import Word2Vec as GensimWord2Vec

    start = time.perf_counter()
    model = GensimWord2Vec(**_gensim_parameters(parameters))
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
    seconds = (end - start, end - vocabulary_end)
    return _evaluate(f"gensim {gensim.__version__}", embeddings, seconds, analogies, pairs)


def _gensim_parameters(parameters: Parameters) -> dict[str, Any]:
    """Return the arguments of gensim's constructor; what is None is left to gensim's own default."""
    arguments = {
        "sg": int(parameters.algorithm == "skipgram"),
        "hs": 0,
        "vector_size": parameters.vector_size,
        "window": parameters.window,
        "negative": parameters.negative,
        "min_count": parameters.min_count,
        "max_final_vocab": parameters.max_vocab,
        "sample": parameters.sample,
        "ns_exponent": parameters.ns_exponent,
        "shrink_windows": parameters.shrink_windows,
        "alpha": parameters.alpha,
        "min_alpha": parameters.min_alpha,
        "epochs": parameters.epochs,
        "workers": parameters.workers,
        "seed": parameters.random_state,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _evaluate(
    name: str,
    embeddings: Embeddings,
    seconds: tuple[float, float],
    analogies: Sequence[PathLike],
    pairs: Sequence[PathLike],
) -> Contender:
    """Evaluate vectors; `seconds` are those of everything and of the training alone."""
    total_seconds, training_seconds = seconds
    return Contender(
        name=name,
        vocabulary_size=len(embeddings),
        vocabulary_seconds=total_seconds - training_seconds,
        training_seconds=training_seconds,
        analogies={os.fspath(path): evaluate_analogies(embeddings, path) for path in analogies},
        pairs={os.fspath(path): evaluate_word_pairs(embeddings, path) for path in pairs},
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("w2v-toolkit")
    except PackageNotFoundError:
        return "(not installed)"
