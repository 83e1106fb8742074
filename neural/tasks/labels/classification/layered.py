"""The training of text classifiers with layers, by the common training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import get_tokenizer
from w2v.neural.batches import TokenBatches
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.estimator import stack_of
from w2v.neural.tasks.fitting import Text, Training, digest_of_arrays, train
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification import network
from w2v.neural.tasks.labels.classification.data import LabelData, LabelledTexts
from w2v.neural.tasks.labels.classification.fitting import concluded, described
from w2v.neural.tasks.labels.classification.folder import CLASSIFIERS
from w2v.neural.tasks.labels.classification.measures import decide
from w2v.neural.tasks.labels.classification.network import LayeredConfig, TextBatch
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.neural.tasks.labels.classification.words import TextWords, divided
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.pretrained import PretrainedLayers, start_of
from w2v.neural.tasks.labels.vectors import VECTORS_FILE, given_table
from w2v.neural.tasks.labels.words import WordVocabulary
from w2v.settings.environment import default_workers
from w2v.vectors.subwords import Subwords

_SUBWORDS = Subwords(2, 5, 1 << 14)
_SIZE = 64
"""Width of the embedding tables of words and of n-grams."""
_MOST_VECTORS = 100_000
_EPOCHS, _LEAST_EPOCHS, _LEAST_STEPS = 10, 3, 500


def start_layered(
    data: LabelData, parameters: ClassifierParameters, vectors: Any, layers: PretrainedLayers | None = None
) -> TextNetwork:
    """Return an untrained classifier with layers; `vectors` are word vectors, their folder, or None."""
    tokenizer = get_tokenizer(parameters.tokenizer)
    sentences = divided(data.trained.texts, tokenizer, parameters.max_words)
    began = start_of(layers, vectors, (word for own in sentences for word in own), _MOST_VECTORS)
    given = began.given
    every = (word for own in sentences for word in own)
    vocabulary = WordVocabulary.learn(every, min_count=parameters.min_count, given=given.words, subwords=_SUBWORDS)
    assert parameters.dim is not None and parameters.pooling is not None
    given_rows, given_size = given.table.shape
    word_size = began.width or _SIZE
    sizes = InputConfig(
        len(vocabulary.words) + 1, word_size, _SUBWORDS.buckets, _SIZE, given_rows, given_size, (), parameters.dim
    )  # fmt: skip
    stack = stack_of(parameters) if layers is None else layers.stack
    config = LayeredConfig(sizes, stack, len(data.classes), data.one_of_many, parameters.pooling)
    table = began.initialise(config, parameters.random_state)
    if began.width:
        vocabulary.begin_with(table["inputs.words.table"], given.table[:, : began.width])
    words = TextWords(vocabulary, tokenizer, parameters.max_words)
    further = {VECTORS_FILE: {"table": given.table}} if given_size else {}
    metadata = described(data, parameters) | began.metadata
    return TextNetwork(CLASSIFIERS, config, table, {"features": words}, metadata, further=further)


def train_layered(
    start: TextNetwork, data: LabelData, training: Training[ClassifierParameters], steps: int | None = None
) -> None:
    """Train a classifier with layers and pass it to `training.keep`.

    Parameters
    ----------
    start : TextNetwork
    data : LabelData
    training : Training
    steps : int, optional
        Approximate number of steps, rounded to whole epochs, at least three, unless `epochs` is set.

    Raises
    ------
    ValueError
        If no text is held out.
    TrainingInterrupted, DivergenceError
        See `w2v.neural.tasks.fitting.train`.
    """
    if not len(data.held_out):
        raise ValueError("training layers needs held-out texts: set held_out above 0, or give validation texts")
    parameters, n_classes = training.parameters, len(data.classes)
    workers = parameters.workers or default_workers()
    weights = data.trained.targets(n_classes, parameters.class_weight).weights
    trained, held_out = (_batch(start, texts, n_classes, weights) for texts in (data.trained, data.held_out))
    plan = TokenBatches(np.diff(trained.tokens.offsets), parameters.batch_tokens, parameters.random_state)

    if steps is not None and parameters.epochs is None:
        epochs = max(_LEAST_EPOCHS, -(-steps // plan.n_batches))
        training = replace(training, parameters=replace(parameters, epochs=epochs))

    def accuracy(table: ParameterTable) -> dict[str, float]:
        decided = decide(network.logits(start.config, table, held_out, workers), one_of_many=data.one_of_many)
        return {"accuracy": float((decided == held_out.wanted).all(axis=1).mean())}

    def conclude(learned: TextNetwork) -> TextNetwork:
        z = network.logits(learned.config, learned.parameters, held_out, workers)
        return concluded(learned, data, z)

    arrays = (x for own in (trained, held_out) for x in (*own.tokens, own.wanted, own.lexicon.ngrams.rows))
    text = Text(
        lambda step: trained.take(plan[step]), plan.n_batches, held_out, accuracy, _rehearse,
        digest_of_arrays(*arrays), data.files,
        {"columns": data.columns, "validation": data.validation_files},
        network=network, smallest=network.smallest, judged_by="accuracy", word_dropout=parameters.word_dropout,
        concluded=conclude, epochs=_EPOCHS, least_steps=_LEAST_STEPS,
    )  # fmt: skip
    train(start, text, training)


def layered_logits(
    config: LayeredConfig,
    parameters: Mapping[str, NDArray[Any]],
    words: TextWords,
    vectors: NDArray[Any],
    texts: Sequence[str],
    workers: int,
) -> NDArray[Any]:
    """Return the logits of texts, shape (S, K)."""
    n_classes = config.n_classes
    if not texts:
        return np.empty((0, n_classes), np.float32)
    lexicon, tokens = words.encode(texts, vectors)
    nothing = np.zeros((len(texts), n_classes), np.bool_)
    batch = TextBatch(lexicon, tokens, nothing, np.ones(n_classes, np.float32))
    return network.logits(config, parameters, batch, workers)


def layered_held_out(learned: TextNetwork, data: LabelData, parameters: ClassifierParameters) -> NDArray[Any]:
    """Return the logits of the held-out texts, shape (S, K)."""
    return layered_logits(
        learned.config, learned.parameters, learned.units["features"], given_table(learned.further),
        data.held_out.texts, parameters.workers or default_workers(),
    )  # fmt: skip


def _batch(start: TextNetwork, texts: LabelledTexts, n_classes: int, weights: NDArray[np.float32]) -> TextBatch:
    lexicon, tokens = start.units["features"].encode(texts.texts, given_table(start.further))
    return TextBatch(lexicon, tokens, texts.wanted(n_classes), weights)


def _rehearse(config: LayeredConfig, table: ParameterTable) -> None:
    """Run the evaluation with the smallest network, to compile its kernels."""
    _, batch = network.smallest(config)
    network.logits(config, table, batch)
