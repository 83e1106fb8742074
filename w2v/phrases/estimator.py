"""`Phrases`: a scikit-learn estimator that finds words that belong together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

from w2v.corpora.columns import one_column
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer
from w2v.display.progress import name_of, show_states
from w2v.encoding.corpus import Corpus, open_corpus
from w2v.encoding.stream import TokenStream, WorkFolder, encode_corpus
from w2v.encoding.vocabulary import Vocabulary
from w2v.phrases.counting import PhraseCorpus
from w2v.phrases.parameters import ENGLISH, PhraseParameters
from w2v.phrases.phrase_list import ENGLISH_CONNECTOR_WORDS, Phrase, PhraseList, PhraseTokenizer
from w2v.settings.environment import default_workers
from w2v.settings.estimator import Estimator, by_name
from w2v.settings.parameters import Parameters
from w2v.storage.claims import check_unclaimed, claimed
from w2v.storage.files import atomic_file, check_output_file

__all__ = [
    "ENGLISH_CONNECTOR_WORDS", "ForgottenPairsWarning", "Phrase", "PhraseList", "PhraseTokenizer", "Phrases",
    "encode_with_phrases", "join_corpus", "phrases_of",
]  # fmt: skip

_DEFAULTS = PhraseParameters()
_NOTED = ("scoring", "threshold", "min_count", "passes", "max_pairs")
"""Parameters that are saved with the phrases."""


class ForgottenPairsWarning(UserWarning):
    """There were more distinct pairs than `max_pairs`: rare ones were dropped, and counts may be too low."""


_HABITS = {
    "freeze": "export() returns the phrases alone",
    "export_phrases": "phrases_ has the phrases and their scores",
    "phrasegrams": "phrases_ has the phrases and their scores",
    "find_phrases": "find(sentences) returns those that occur there",
    "analyze_sentence": "find([tokens]) returns those of a sentence",
    "add_vocab": "fit(corpus) counts all words and pairs at once",
}


class Phrases(Estimator):
    """Finds phrases, that is, words that occur together more often than by chance, and joins them.

    Parameters
    ----------
    scoring, threshold, min_count, passes, connector_words, delimiter, max_pairs, workers, tokenizer
        See `PhraseParameters`, which also holds the defaults.

    Attributes
    ----------
    phrase_list_ : PhraseList
        The result, independent of this estimator.
    phrases_ : dict of str to float
        The joined phrases of all passes and their scores, within a pass by falling score.
    forgotten_ : int
        Pairs with counts up to this were dropped, because there were more than `max_pairs`; 0 if none were dropped.
    n_words_ : int
        Number of tokens in the corpus.

    Notes
    -----
    With `passes=1` the phrases and scores are those of gensim's `Phrases`, except that gensim identifies a phrase by
    its joined text, and this class by its words.

    References
    ----------
    Mikolov et al. 2013, arXiv:1310.4546, section 4.

    Examples
    --------
    >>> sentences = [["new", "york", "is", "big"], ["i", "like", "new", "york"]]
    >>> phrases = Phrases(min_count=1, threshold=1).fit(sentences)
    >>> phrases.join(["in", "new", "york"])
    ['in', 'new_york']
    """

    habits = _HABITS

    @by_name
    def __init__(
        self,
        *,
        scoring: str = _DEFAULTS.scoring,
        threshold: float | None = _DEFAULTS.threshold,
        min_count: int = _DEFAULTS.min_count,
        passes: int = _DEFAULTS.passes,
        connector_words: str | Iterable[str] = _DEFAULTS.connector_words,
        delimiter: str = _DEFAULTS.delimiter,
        max_pairs: int = _DEFAULTS.max_pairs,
        workers: int | None = _DEFAULTS.workers,
        tokenizer: str | Callable[[str], Iterable[str]] = _DEFAULTS.tokenizer,
    ) -> None: ...

    def fit(
        self,
        corpus: Corpus,
        y: object = None,
        *,
        output: str | os.PathLike[str] | BinaryIO | None = None,
        overwrite: bool = False,
        progress: Callable[[float], None] | bool | str | None = None,
        max_memory: int | None = None,
        work_folder: str | os.PathLike[str] | None = None,
    ) -> Phrases:
        """Find the phrases of a corpus.

        Parameters
        ----------
        corpus : str, path-like, TextReader, or an iterable of paths, of sentences or of lists of tokens
            As for `Word2Vec.fit`. Read once.
        y : ignored
            For scikit-learn.
        output : path-like or binary file, optional
            Write the corpus there with phrases joined: one sentence a line, tokens separated by spaces, no empty lines.
        overwrite : bool, default False
            Replace an existing `output`.
        progress : bool, str or callable, optional
            True, "bar" or "log" shows progress, as in `Word2Vec.fit`; a function is called with the fraction of the
            text read so far.
        max_memory, work_folder
            As for `Word2Vec.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of range.
        CorpusError
            If a file cannot be read.
        EmptyVocabularyError
            If there are no words.
        ModelError
            If `output` exists or cannot be written.

        Warns
        -----
        ForgottenPairsWarning
            If there were more pairs than `max_pairs`.
        """
        parameters = self._validated()
        with _claimed_output(output, overwrite), WorkFolder(work_folder) as folder, _shown(progress, corpus) as report:
            joined = _encode(
                open_corpus(corpus),
                get_tokenizer(parameters.tokenizer),
                parameters,
                workers=parameters.workers or default_workers(),
                max_memory=max_memory,
                work_folder=folder,
                progress=_as_fraction(report),
            )
            self.n_words_ = len(joined.tokens)
            self._learn(joined, parameters, join_last=output is not None)
            if output is not None:
                _write(joined, output, overwrite)
        return self

    def _learn(self, joined: PhraseCorpus, parameters: PhraseParameters, join_last: bool) -> None:
        passes: list[list[Phrase]] = []
        self.forgotten_ = 0
        while len(passes) < parameters.passes:
            phrases, pairs = joined.learn(parameters)
            self.forgotten_ = max(self.forgotten_, pairs.forgotten)
            if not phrases and passes:
                break
            passes.append(phrases)
            if join_last or len(passes) < parameters.passes:
                joined.join(phrases)
        if self.forgotten_:
            warnings.warn(
                f"there were more than {parameters.max_pairs:,} distinct pairs of words, so pairs seen up to "
                f"{self.forgotten_:,} times were dropped and some counts may be too low; give a larger max_pairs",
                ForgottenPairsWarning,
                stacklevel=3,
            )
        self.phrase_list_ = PhraseList(
            passes,
            delimiter=joined.delimiter,
            connector_words=joined.connector_words,
            parameters={name: getattr(parameters, name) for name in _NOTED}
            | {"threshold": parameters.resolved_threshold},
        )
        self.phrases_ = self.phrase_list_.scores

    def join(self, tokens: Iterable[str]) -> list[str]:
        """Return the tokens of one sentence with its phrases joined; see `PhraseList.join`."""
        self._check_fitted()
        return self.phrase_list_.join(tokens)

    def transform(self, sentences: Iterable[str] | Iterable[Iterable[str]]) -> list[list[str]]:
        """Return the tokens of sentences with their phrases joined; text is split by the tokenizer first, as in `fit`.

        `phrase_list_.transform` is a generator, which does not hold all sentences in memory; for files there is
        `join_corpus`.
        """
        self._check_fitted()
        return list(self.phrase_list_.transform(self._tokens(sentences)))

    def find(self, sentences: Iterable[str] | Iterable[Iterable[str]]) -> dict[str, float]:
        """Return the phrases in these sentences and their scores; see `PhraseList.find`."""
        self._check_fitted()
        return self.phrase_list_.find(self._tokens(sentences))

    def _tokens(self, sentences: Iterable[str] | Iterable[Iterable[str]]) -> Iterator[Iterable[str]]:
        """Yield the tokens of each sentence."""
        if isinstance(sentences, (str, os.PathLike)):
            raise TypeError(f"a list of sentences is needed, not one: write [{sentences!r:.60}]")
        tokenize = get_tokenizer(self.tokenizer)
        for sentence in one_column(sentences, rows_are_tokens=True):
            yield tokenize(sentence) if isinstance(sentence, str) else sentence

    def export(self) -> PhraseList:
        """Return the phrases alone, without the estimator."""
        self._check_fitted()
        return self.phrase_list_

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the phrases to a JSON file; see `PhraseList.save`. `PhraseList.load` reads it."""
        self._check_fitted()
        self.phrase_list_.save(path, overwrite=overwrite)

    def _validated(self) -> PhraseParameters:
        parameters = PhraseParameters(**self.get_params(deep=False))
        parameters.validate()
        return parameters


def _connector_words(words: str | Iterable[str]) -> frozenset[str]:
    return ENGLISH_CONNECTOR_WORDS if isinstance(words, str) else frozenset(words)


def phrases_of(parameters: Parameters) -> Phrases:
    """Return the estimator for the phrase parameters of a training."""
    return Phrases(
        scoring=parameters.phrase_scoring,
        threshold=parameters.phrase_threshold,
        min_count=parameters.min_count,
        passes=parameters.phrase_passes,
        connector_words=ENGLISH if parameters.phrase_connectors == ENGLISH else (),
    )


def encode_with_phrases(
    corpus: Corpus,
    tokenizer: Tokenizer,
    learner: Phrases,
    *,
    min_count: int,
    max_vocab: int | None,
    workers: int,
    max_memory: int | None,
    work_folder: WorkFolder,
    known: Vocabulary | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[Vocabulary, TokenStream, PhraseTokenizer]:
    """Encode a corpus as `encode_corpus` does, but with phrases joined before rare words are left out.

    A `PhraseTokenizer` provides the phrases to join; with any other tokenizer `learner` finds them and is fitted. The
    other parameters and the errors are those of `encode_corpus`. `n_words` of the stream counts a phrase as one word.
    The returned tokenizer has the phrases that were joined.
    """
    joins = tokenizer if isinstance(tokenizer, PhraseTokenizer) else None
    parameters = learner._validated()
    joined = _encode(
        corpus,
        tokenizer if joins is None else joins.base,
        parameters if joins is None else joins.phrases,
        workers=workers,
        max_memory=max_memory,
        work_folder=work_folder,
        progress=progress,
    )
    if joins is None:
        learner._learn(joined, parameters, join_last=True)
        joins = PhraseTokenizer(tokenizer, learner.phrase_list_)
    else:
        for phrases in joins.phrases.passes:
            joined.join(phrases)
    return *joined.finish(min_count, max_vocab, known), joins


def _encode(
    corpus: Corpus, tokenizer: Tokenizer, phrases: PhraseParameters | PhraseList, *, workers: int, **options: Any
) -> PhraseCorpus:
    """Encode all words of an opened corpus, ready to join phrases with this delimiter and these connector words."""
    vocabulary, stream = encode_corpus(corpus, tokenizer, min_count=1, workers=workers, **options)
    return PhraseCorpus(
        vocabulary,
        stream,
        delimiter=phrases.delimiter,
        connector_words=_connector_words(phrases.connector_words),
        workers=workers,
    )


def _as_fraction(progress: Callable[[float], None] | None) -> Callable[[int, int | None], None] | None:
    """Return a callback for `encode_corpus` that passes on the fraction read."""
    return progress and (lambda read, size: progress(read / size if size else 0.0))


def join_corpus(
    corpus: Corpus,
    phrases: PhraseList,
    output: str | os.PathLike[str] | BinaryIO,
    *,
    overwrite: bool = False,
    tokenizer: str | Callable[[str], Iterable[str]] = _DEFAULTS.tokenizer,
    workers: int | None = None,
    progress: Callable[[float], None] | bool | str | None = None,
) -> None:
    """Write a corpus with phrases joined, one sentence a line; a fast `PhraseList.join` for every sentence.

    Parameters
    ----------
    corpus, output, overwrite, progress
        As for `Phrases.fit`, which also lists the errors.
    phrases : PhraseList
        The phrases, from any corpus.
    tokenizer, workers
        See `PhraseParameters`.
    """
    with _claimed_output(output, overwrite), WorkFolder() as folder, _shown(progress, corpus) as report:
        joined = _encode(
            open_corpus(corpus),
            get_tokenizer(tokenizer),
            phrases,
            workers=workers or default_workers(),
            work_folder=folder,
            progress=_as_fraction(report),
        )
        for learned in phrases.passes:
            joined.join(learned)
        _write(joined, output, overwrite)


def _shown(
    progress: Callable[[float], None] | bool | str | None, corpus: Corpus
) -> AbstractContextManager[Callable[[float], None] | None]:
    """Yield a function to call with the fraction of the text read, which shows progress as `progress` requests."""
    reading = f"reading {name_of(corpus)}"
    return show_states(
        progress, reading, lambda read: (reading, read, 1.0) if read < 1 else ("counting pairs of words",)
    )


@contextmanager
def _claimed_output(output: str | os.PathLike[str] | BinaryIO | None, overwrite: bool) -> Iterator[None]:
    """Claim an output file before the corpus is read, and refuse one that cannot be written."""
    if not isinstance(output, (str, os.PathLike)):
        yield
        return
    check_unclaimed(output)
    check_output_file(output, overwrite=overwrite)
    with claimed(output):
        yield


def _write(joined: PhraseCorpus, output: str | os.PathLike[str] | BinaryIO, overwrite: bool) -> None:
    if isinstance(output, (str, os.PathLike)):
        with atomic_file(output, overwrite=overwrite) as file:
            joined.write(file)
    else:
        joined.write(output)
