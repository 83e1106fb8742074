"""`Tagger`: a network, trained on tagged sentences, that tags words: parts of speech, chunks, names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_texts
from w2v.corpora.labels.tagged import Tagged
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer
from w2v.neural.batches import TokenBatches
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import ProgressOption
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.estimator import TextEstimator, stack_of
from w2v.neural.tasks.fitting import Text, Training, digest_of_arrays, train
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels import tagging_network
from w2v.neural.tasks.labels.answers import Reader, TaggedText, tagged_texts
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.parameters import EPOCHS, LEAST_STEPS, TaggerParameters
from w2v.neural.tasks.labels.pretrained import HasLayers, opened_layers, start_of
from w2v.neural.tasks.labels.spans import TagScores, score_tags
from w2v.neural.tasks.labels.spelling.cases import N_USUAL
from w2v.neural.tasks.labels.tagging_answers import concluded, labels_of, probable_labels
from w2v.neural.tasks.labels.tagging_data import (
    ColumnNumbers,
    Labels,
    TagData,
    encode,
    rewritten,
    tagged_of,
    validation_of,
    words_of,
)
from w2v.neural.tasks.labels.tagging_folder import TAGGER_FOLDER, TAGGERS
from w2v.neural.tasks.labels.tagging_network import TagBatch, TaggerConfig
from w2v.settings.estimator import of_table
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import documented


@documented(TaggerParameters)
class Tagger(TextEstimator[TaggerParameters]):
    """A tagger of words: parts of speech, chunks or names, trained on tagged sentences.

    Tags of spans (``B-PER``, ``I-PER``, ``O``) may be in IOB1, IOB2 or BIOES notation. Predictions use the scheme of
    the training sentences and are always valid sequences.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : TextNetwork
        The trained network.
    tags_ : list of str
        The tags that it knows.
    scheme_ : {"IOB1", "IOB2", "BIOES"} or None
        Notation of spans; None if the tags are not spans.
    history_ : list of dict
        Evaluations during training: step, seconds, losses, held_out_loss, and f1 of spans or accuracy of words.
    validation_ : dict or None
        Results on the held-out sentences, as in `TagScores.to_dict`, with confusions and calibration.
    is_complete_ : bool
        False after an interrupted training, which `resume` continues.

    References
    ----------
    Lample et al. 2016, Neural architectures for named entity recognition, arXiv:1603.01360. Ma and Hovy 2016,
    arXiv:1603.01354.

    Examples
    --------
    >>> from w2v import Tagger
    >>> sentences = [["we", "met", "Anna"], ["Anna", "slept"], ["we", "met", "Ben", "Lee"], ["we", "slept"]] * 20
    >>> tags = [["O", "O", "B-PER"], ["B-PER", "O"], ["O", "O", "B-PER", "I-PER"], ["O", "O"]] * 20
    >>> tagger = Tagger(dim=16, epochs=30, batch_tokens=64, learning_rate=0.01).fit(sentences, tags)
    >>> tagger.predict([["Ben", "Lee", "slept"]])
    [['B-PER', 'I-PER', 'O']]
    """

    kind, form, table = TAGGERS, TAGGER_FOLDER, TaggerParameters

    @of_table(TaggerParameters)
    def __init__(self, **parameters: Any) -> None: ...

    def fit(
        self,
        sentences: Any,
        tags: Any = None,
        *,
        columns: Any = None,
        validation: Any = None,
        vectors: Any = None,
        start: HasLayers | str | os.PathLike[str] | None = None,
        column_numbers: ColumnNumbers = ColumnNumbers(),  # noqa: B008
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> Tagger:
        """Train the tagger on sentences with tags.

        Parameters
        ----------
        sentences : list of list of str, path-like, list of path-like, or Tagged
            Words, or files that hold words and tags; see `w2v.corpora.labels.tagged.read_tagged`.
        tags : list of list of str, optional
            A tag for each word, if `sentences` are words.
        columns : list of list of (str or tuple of str), optional
            Further features of each word, such as its part of speech; `predict` needs them as well.
        validation : (sentences, tags) or (sentences, tags, columns), files, or Tagged, optional
            Sentences for validation. By default the fraction `held_out` of the sentences is held out.
        vectors : Embeddings, path-like, optional
            Word vectors as additional inputs, also beside those of `start`; they stay fixed and are stored with the
            tagger.
        start : SentenceEncoder or path-like, optional
            An encoder, or its folder, whose pretrained layers and word vectors training starts from. Network parameters
            at their defaults take its values.
        column_numbers : ColumnNumbers
            The columns of words and tags in files, and how to handle bytes that are not UTF-8.
        {saving}
        CorpusError, ValueError, TypeError
            If words and tags do not match, there are too few sentences, or an option is out of range.
        """
        saving = checkpoint, checkpoint_every, overwrite
        layers = opened_layers(start)
        with self._training(sentences, saving, progress, None if layers is None else layers.stack) as training:
            parameters = training.parameters
            given = tagged_of(sentences, tags, columns, column_numbers)
            data = TagData.of(given, validation_of(validation, column_numbers), column_numbers, parameters)
            words = (word for own in data.trained.sentences for word in own)
            began = start_of(layers, vectors, words, parameters.most_vectors)
            table = began.given.table
            labels = Labels.learn(data.trained, parameters, began.given.words, by_spelling=bool(table.shape[1]))
            stack = stack_of(parameters) if layers is None else layers.stack
            config = _config(labels, (len(table), table.shape[1]), parameters, stack)
            further = {"vectors": {"table": table}} if table.shape[1] else {}
            placed = began.initialise(config, parameters.random_state)
            network = TextNetwork(TAGGERS, config, placed, {"text": labels}, began.metadata, further=further)
            self._train(network, data, training)
        return self

    def resume(
        self,
        sentences: Any = None,
        tags: Any = None,
        *,
        columns: Any = None,
        validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> Tagger:
        """Resume an interrupted training; the result is the same as without the interruption, bit for bit.

        {resuming}
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._resumed(sentences, saving, progress) as training:
            began, parameters = training.began, training.parameters
            numbers = self.column_numbers_
            given = None if sentences is None else tagged_of(sentences, tags, columns, numbers)
            data = TagData.again(began, given, validation_of(validation, numbers), parameters)
            self._train(began, data, training)
        return self

    def predict(self, sentences: Any, *, columns: Any = None, workers: int | None = None) -> list[list[str]]:
        """Return a tag for each word of sentences.

        Parameters
        ----------
        sentences : list of list of str, or Tagged
        columns : list of list of (str or tuple of str), optional
            What was given with words in training.
        workers : int, optional
            Threads; all cores by default.

        Raises
        ------
        TypeError, ValueError
            If a sentence is not a list of words, or the columns do not match those of the training.
        """
        return self._reader().tags(*words_of(sentences, columns), self._threads(workers))

    def predict_proba(self, sentences: Any, *, columns: Any = None, workers: int | None = None) -> list[NDArray[Any]]:
        """Return the probability of each tag of each word, over all valid tag sequences of its sentence.

        Parameters
        ----------
        sentences, columns, workers
            As for `predict`.

        Returns
        -------
        list of ndarray of shape (number of words, K)
            A column for each of `tags_`. The most probable tag of a word may differ from that of `predict`, which
            returns the best sequence.
        """
        return self._reader().probabilities(*words_of(sentences, columns), self._threads(workers))

    def tag(self, texts: Iterable[str], *, tokenizer: Any = None, workers: int | None = None) -> list[TaggedText]:
        """Split texts into words, and tag these.

        Parameters
        ----------
        texts : iterable of str
            A sentence each, or a few.
        tokenizer : str, Tokenizer or callable, optional
            Splits texts into words; by default the parameter `tokenizer`.
        workers : int, optional
            Threads; all cores by default.

        Returns
        -------
        list of TaggedText
            Words and spans, with their places in the text.

        Raises
        ------
        ValueError
            If the tagger needs further columns, which texts do not have.
        """
        given = checked_texts(texts)
        chosen: Tokenizer = get_tokenizer(self.tokenizer if tokenizer is None else tokenizer)
        return tagged_texts(self._reader(), given, chosen, self._threads(workers))

    def explain(self, texts: Iterable[str], *, tokenizer: Any = None, workers: int | None = None) -> list[TaggedText]:
        """Tag texts as `tag` does, and return the probability of every label of each word.

        Parameters
        ----------
        texts, tokenizer, workers
            As for `tag`.

        Returns
        -------
        list of TaggedText
            With `probable`; for tags of spans, the probability of a label is the sum over its tags.
        """
        tagged = self.tag(texts, tokenizer=tokenizer, workers=workers)
        names = labels_of(self.tags_, self.scheme_ is not None)
        found = self.predict_proba([[word.text for word in one.words] for one in tagged], workers=workers)
        return [
            replace(one, probable=probable_labels(names, p)) if one.places else replace(one, probable=[])
            for one, p in zip(tagged, found, strict=True)
        ]

    def evaluate(
        self, sentences: Any, tags: Any = None, *, columns: Any = None, column_numbers: ColumnNumbers | None = None
    ) -> TagScores:
        """Compare the tags of sentences with those that are right: spans as conlleval does, or words.

        Parameters
        ----------
        sentences, tags, columns, column_numbers
            As for `fit`; by default the column numbers are those of the training.
        """
        given = tagged_of(sentences, tags, columns, column_numbers or self.column_numbers_)
        return score_tags(rewritten(given.tags, self.scheme_), self.predict(given))

    def score(self, sentences: Any, tags: Any = None, **options: Any) -> float:
        """Return F1 of spans if the tags write spans, else the fraction of words whose tag is right.

        Parameters
        ----------
        sentences, tags
            As for `fit`.
        **options
            Of `evaluate`.
        """
        return self.evaluate(sentences, tags, **options).main

    @property
    def tags_(self) -> list[str]:
        """The tags that it knows, spans in BIOES."""
        return list(self._labels.tags)

    @property
    def scheme_(self) -> str | None:
        """How spans are written in answers."""
        return self._labels.scheme

    @property
    def column_numbers_(self) -> ColumnNumbers:
        """Which columns of files held what in training."""
        return ColumnNumbers.from_dict(self.network_.metadata["training"].get("columns") or {})

    @property
    def _labels(self) -> Labels:
        labels: Labels = self.network_.units["text"]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags

    @classmethod
    def _check(cls, metadata: Mapping[str, Any]) -> None:
        ColumnNumbers.from_dict(metadata["training"].get("columns") or {})

    def _keep(self, network: TextNetwork) -> None:
        super()._keep(network)
        self.validation_: Any = network.metadata.get("training", {}).get("report")
        self._reading: Reader | None = None

    def _reader(self) -> Reader:
        network = self.network_
        if self._reading is None:
            self._reading = Reader(network, network.parameters)
        return self._reading

    def _train(self, start: TextNetwork, data: TagData, training: Training[TaggerParameters]) -> None:
        parameters = training.parameters
        labels: Labels = start.units["text"]
        vectors = start.further.get("vectors", {}).get("table", np.zeros((1, 0), np.float16))
        batches = []
        for own in (data.trained, data.held_out):
            lexicon, tokens = encode(own, labels, vectors)
            batches.append(TagBatch(lexicon, tokens, labels.encode_tags(own.tags), labels.constraints))
        trained, held_out = batches
        plan = TokenBatches(np.diff(trained.tokens.offsets), parameters.batch_tokens, parameters.random_state)
        name = "accuracy" if labels.scheme is None else "f1"
        counts = {"trained": len(data.trained), "held_out": len(data.held_out), "words": trained.n_tokens}
        text = Text(
            lambda step: trained.take(plan[step]),
            plan.n_batches,
            held_out,
            partial(_measure, name, start, data.held_out, self._threads(None)),
            partial(_tag_one, start),
            digest_of_arrays(
                *(
                    array
                    for own in batches
                    for array in (*own.tokens, own.wanted, own.lexicon.ngrams.rows, own.lexicon.shapes)
                )
            ),
            data.trained.files,
            {"columns": data.numbers.to_dict(), "validation": data.validation_files},
            network=tagging_network,
            smallest=tagging_network.smallest,
            judged_by=name,
            word_dropout=parameters.word_dropout,
            concluded=partial(
                concluded, held_out=data.held_out, most=parameters.examples, workers=self._threads(parameters.workers)
            ),
            epochs=EPOCHS,
            least_steps=LEAST_STEPS,
        )
        start = replace(start, metadata={**start.metadata, "sentences": counts})
        train(start, text, training)


def _measure(name: str, start: TextNetwork, held_out: Tagged, workers: int, table: ParameterTable) -> dict[str, float]:
    found = Reader(start, table).tags(held_out.sentences, held_out.columns, workers)
    return {name: score_tags(rewritten(held_out.tags, start.units["text"].scheme), found).main}


def _tag_one(start: TextNetwork, config: TaggerConfig, table: ParameterTable) -> None:
    """Tag a sentence of two words, as `_measure` tags others."""
    labels: Labels = start.units["text"]
    columns = tuple(() for _ in labels.columns.values)
    small = replace(labels, words=replace(labels.words, words=("a",), counts=(1,), given=(), subwords=replace(
        labels.words.subwords, buckets=2)), columns=replace(labels.columns, values=columns))  # fmt: skip
    given = np.zeros((1, config.inputs.given_size), np.float16)
    network = replace(start, config=config, units={"text": small}, further={"vectors": {"table": given}})
    Reader(network, table).tags([["a", "b"]], [[("",) * len(columns)] * 2], 1)


def _config(labels: Labels, given: tuple[int, int], parameters: TaggerParameters, stack: StackConfig) -> TaggerConfig:
    inputs = InputConfig(
        len(labels.words.words) + 1,
        parameters.word_size,
        parameters.buckets,
        parameters.ngram_size,
        *given,
        labels.column_sizes,
        parameters.dim,
        1 + labels.words.by_spelling,
        N_USUAL * labels.words.by_spelling,
    )
    return TaggerConfig(inputs, stack, len(labels.tags), parameters.output_layer)
