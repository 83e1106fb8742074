"""Comparing this program with others on the same text, with the same parameters and threads."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from w2v.comparison.contenders import OTHERS, PROGRAMS, Trained, check_counterparts, compile_w2v
from w2v.comparison.figures import Comparison, Run
from w2v.corpora.catalogue.obtaining import shipped_path
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import get_tokenizer
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
from w2v.settings.constraints import MAX_SEED
from w2v.settings.environment import default_workers
from w2v.settings.parameters import Parameters
from w2v.settings.recipes import resolve

PathLike = str | os.PathLike[str]
MOST_SEEDS = 100


def compare_programs(
    corpus: TextReader,
    parameters: Parameters,
    *,
    programs: Sequence[str] = ("gensim",),
    n_seeds: int = 1,
    analogies: Sequence[PathLike] = (),
    pairs: Sequence[PathLike] = (),
    tell: Callable[[str], None] = lambda message: None,
) -> Comparison:
    """Train here and in other programs, taking turns, and measure time and quality.

    Parameters
    ----------
    corpus : TextReader
        The text. `parameters.tokenizer` tokenises it once, into a temporary file that all programs train on, so they
        see the same words.
    parameters : Parameters
        Parameters for all programs. `max_time` must be None, and `random_state` an int or None. With an `alpha` of None
        each program uses its own default.
    programs : sequence of {"gensim", "fasttext"}, default ("gensim",)
        The programs to compare with.
    n_seeds : int, default 1
        Number of runs of each program, 1 to 100, with the seeds `random_state`, `random_state` + 1, ... (starting at 1
        if it is None and there are several runs). All programs run once before any runs again.
    analogies, pairs : sequence of str or path-like, optional
        Files for evaluation. Without any, those shipped with gensim: ``questions-words.txt`` and ``wordsim353.tsv``.
    tell : callable, optional
        Called with a message at the start of each step.

    Returns
    -------
    Comparison

    Raises
    ------
    ImportError
        If a program is not installed.
    ValueError
        If a parameter is out of range or has no counterpart in one of the programs, or if training or evaluation raises
        it.
    """
    keys = ("w2v", *_check_programs(programs))
    check_counterparts(parameters, keys)
    seeds = _seeds(parameters.random_state, n_seeds)
    titles = {key: PROGRAMS[key].title() for key in keys}
    if not analogies and not pairs:
        analogies, pairs = _shipped("questions-words"), _shipped("wordsim-353")
    for path in (*analogies, *pairs):  # detects missing files before the training
        open(path, "rb").close()
    workers = default_workers() if parameters.workers is None else parameters.workers
    parameters = resolve(replace(parameters, workers=workers, random_state=seeds[0]), 0)
    runs: dict[str, list[Run]] = {key: [] for key in keys}
    with tempfile.TemporaryDirectory(prefix="w2v-compare-") as folder:
        text = Path(folder, "tokenised.txt")
        tell("Tokenising the text for all programs ...")
        n_words = _tokenise(corpus, parameters, text)
        tell("Compiling ...")
        compile_seconds = compile_w2v(Path(folder, "small.txt"), parameters)
        for index, seed in enumerate(seeds):
            for key in keys:
                which = f" ({index + 1} of {len(seeds)})" if len(seeds) > 1 else ""
                tell(f"Training in {titles[key]}{which}: {parameters.epochs} epochs over {n_words:,} words ...")
                trained = _train(key, text, replace(parameters, random_state=seed), corpus)
                runs[key].append(_evaluate(seed, trained, analogies, pairs))
    return Comparison(parameters, n_words, compile_seconds, titles, runs)


def _check_programs(programs: Sequence[str]) -> list[str]:
    """Return the programs to compare with, without duplicates."""
    different = list(dict.fromkeys(programs))
    for key in different:
        if key not in OTHERS:
            raise ValueError(f"the programs to compare with are {' and '.join(OTHERS)}, not {key!r:.80}")
    if not different:
        raise ValueError("there is no program to compare with")
    return different


def _seeds(first: int | None, n_seeds: int) -> list[int | None]:
    """Return a seed for each run of a program."""
    if not 1 <= n_seeds <= MOST_SEEDS:
        raise ValueError(f"n_seeds must be from 1 to {MOST_SEEDS}, not {n_seeds}")
    if first is None and n_seeds == 1:
        return [None]
    start = 1 if first is None else first
    return [(start + offset) % (MAX_SEED + 1) for offset in range(n_seeds)]


def _train(key: str, text: Path, parameters: Parameters, corpus: TextReader) -> Trained:
    """Train in one program."""
    from w2v.encoding.stream import EmptyVocabularyError

    try:
        return PROGRAMS[key].train(text, parameters)
    except EmptyVocabularyError as error:  # names the caller's files, not the temporary one
        raise EmptyVocabularyError(str(error).replace(str(text), ", ".join(corpus.paths))) from None


def _shipped(name: str) -> list[str]:
    """Return the path of a test set shipped with gensim, or an empty list."""
    PROGRAMS["gensim"].title()  # raises an error with the command to install gensim
    path = shipped_path(name)
    return [] if path is None else [str(path)]


def _tokenise(corpus: TextReader, parameters: Parameters, path: Path) -> int:
    """Write one sentence a line, words separated by spaces, and return the number of words."""
    tokenizer = get_tokenizer(parameters.tokenizer)
    n_words = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for line in corpus.lines():
            words = tokenizer(line)
            n_words += len(words)
            # only names of items contain spaces, and the other programs would split them
            file.write(" ".join(word.replace(" ", "_") for word in words) + "\n")
    return n_words


def _evaluate(seed: int | None, trained: Trained, analogies: Sequence[PathLike], pairs: Sequence[PathLike]) -> Run:
    """Return the times of one training and the quality of its vectors."""
    embeddings = trained.embeddings
    return Run(
        seed=seed,
        vocabulary_size=len(embeddings),
        vocabulary_seconds=trained.vocabulary_seconds,
        training_seconds=trained.training_seconds,
        analogies={os.fspath(path): evaluate_analogies(embeddings, path) for path in analogies},
        pairs={os.fspath(path): evaluate_word_pairs(embeddings, path) for path in pairs},
    )
