"""`TextClassifier`: predicts labels of texts, with calibrated probabilities."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_text, checked_texts
from w2v.corpora.labels.labelled import TableColumns
from w2v.corpora.tokenizers import get_tokenizer
from w2v.monitoring.history import TrainingInterrupted
from w2v.neural.progress import ProgressOption
from w2v.neural.tasks.estimator import TextEstimator, positive
from w2v.neural.tasks.fitting import Training, check_same, given_beside
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification.answering import Answers, answers_of, opened_linear
from w2v.neural.tasks.labels.classification.choosing import choose
from w2v.neural.tasks.labels.classification.contributions import Contributions, left_out
from w2v.neural.tasks.labels.classification.data import LabelData, read_texts
from w2v.neural.tasks.labels.classification.exchange import SMALL_BYTES, from_fasttext, made_small
from w2v.neural.tasks.labels.classification.fitting import began_with, fit_linear
from w2v.neural.tasks.labels.classification.folder import CLASSIFIER_FOLDER, CLASSIFIERS
from w2v.neural.tasks.labels.classification.layered import start_layered, train_layered
from w2v.neural.tasks.labels.classification.measures import (
    Calibration,
    ClassificationReport,
    Classified,
    classified,
    decide,
    probabilities,
)
from w2v.neural.tasks.labels.classification.mixture import MixedConfig
from w2v.neural.tasks.labels.classification.ngrams.linear import LinearConfig
from w2v.neural.tasks.labels.classification.parameters import AUTO, ClassifierParameters
from w2v.neural.tasks.labels.pretrained import HasLayers, opened_layers
from w2v.settings.environment import default_workers
from w2v.settings.estimator import of_table
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import documented
from w2v.storage.claims import claimed
from w2v.storage.files import ModelError


@documented(ClassifierParameters)
class TextClassifier(TextEstimator[ClassifierParameters]):
    """A text classifier that predicts one label per text, or any number of labels, with calibrated probabilities.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels, sorted.
    network_ : TextNetwork
        The trained network.
    history_ : list of dict
        Evaluations on the held-out texts during training.
    validation_ : dict or None
        Results on the held-out texts, as in `ClassificationReport.to_dict`.
    calibration_ : Calibration
        The calibration of probabilities, and its error.
    is_complete_ : bool
        False after an interrupted training, which `resume` continues.

    References
    ----------
    Joulin et al. 2017, Bag of tricks for efficient text classification. Kim 2014, Convolutional neural networks for
    sentence classification.

    Examples
    --------
    >>> from w2v import TextClassifier
    >>> texts = ["a ship at sea", "fish in the river", "a crown of gold", "brass and iron"] * 10
    >>> model = TextClassifier().fit(texts, ["water", "water", "metal", "metal"] * 10)
    >>> model.predict(["the river and the sea", "gold and iron"]).tolist()
    ['water', 'metal']
    """

    kind, form, table = CLASSIFIERS, CLASSIFIER_FOLDER, ClassifierParameters

    @of_table(ClassifierParameters)
    def __init__(self, **parameters: Any) -> None: ...

    def fit(
        self,
        texts: Any,
        y: Any = None,
        *,
        validation: Any = None,
        columns: TableColumns | None = None,
        vectors: Any = None,
        start: HasLayers | str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> TextClassifier:
        """Train the classifier on labelled texts.

        Parameters
        ----------
        texts : iterable of str, or str, path-like, list of path-like
            Texts; without `y`, files of labels and texts, see `w2v.corpora.labels.labelled.read_labelled`.
        y : sequence, optional
            The label of each text, or a list of labels for each, or a matrix of 0 and 1 with a column for each class.
        validation : (texts, y), or files, optional
            Texts for model selection and calibration; by default a fraction `held_out` of the texts.
        columns : TableColumns, optional
            The columns of texts and labels in files that are tables.
        vectors : Embeddings, path-like, optional
            Word vectors. They initialise the word embeddings, which training updates; without layers, `dim` is then
            their width. Layers also read a fixed copy of them, which is stored with the classifier.
        start : SentenceEncoder or path-like, optional
            Layers to start from; see `Tagger.fit`.
        {saving}
        CorpusError, ValueError, TypeError
            If texts have no labels, all have the same label, or an option is out of range.
        """
        layers = opened_layers(start)
        saving = checkpoint, checkpoint_every, overwrite
        stack = None if layers is None else layers.stack
        with self._training(texts if y is None else None, saving, progress, stack) as training:
            parameters = training.parameters
            data = LabelData.of(texts, y, validation, parameters, columns or TableColumns())
            if parameters.layers in (AUTO, 0):
                self._fit_linear(data, training, vectors)
            else:
                parameters = parameters.resolved(parameters.layers)
                network = start_layered(data, parameters, vectors, layers)
                train_layered(network, data, replace(training, parameters=parameters))
        return self

    def _fit_linear(self, data: LabelData, training: Training[ClassifierParameters], vectors: Any = None) -> None:
        """Train without layers, or choose the best classifier."""
        parameters, keeper = training.parameters, training.checkpoint
        with nullcontext() if keeper is None else claimed(keeper.output):
            if parameters.layers == AUTO:
                network, interrupt = choose(data, parameters, vectors, training.told)
            else:
                network, _, interrupt = fit_linear(data, parameters, training.told, vectors)
            given = given_beside(network.metadata["parameters"], training.given)
            network = replace(network, metadata=network.metadata | given)
            self._keep(network)
            if keeper is not None:
                keeper.finish(network)
        if interrupt is not None:
            raise TrainingInterrupted("training was interrupted; `resume` starts it again") from interrupt

    def resume(
        self,
        texts: Any = None,
        y: Any = None,
        *,
        validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> TextClassifier:
        """Resume an interrupted training; the result is the same as without the interruption, bit for bit.

        Without layers, training starts again, since it only takes seconds.

        {resuming}
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._resumed(texts, saving, progress) as training:
            began, parameters = training.began, training.parameters
            data = LabelData.again(began, texts, y, validation, parameters)
            if isinstance(began.config, LinearConfig):
                parameters = replace(parameters, dim=parameters.dim or began.config.dim)
                check_same(began.metadata, parameters.resolved(0).to_dict(), data.digest())
                self._fit_linear(data, training, began_with(began))
            else:
                training = replace(training, parameters=parameters.resolved(began.config.encoder.layers))
                train_layered(began, data, training)
        return self

    def predict(self, texts: Any) -> Any:
        """Return the label of each text, shape (S,).

        If texts may have several labels, return a list of tuples, or a matrix of 0 and 1 if `fit` was given one.
        """
        decided = decide(self.predict_proba(texts), one_of_many=self._one_of_many)
        if self._one_of_many:
            return self.classes_[decided.argmax(axis=1)]
        if self.network_.metadata.get("matrix"):
            return decided.astype(np.int64)
        return [tuple(self.classes_[own].tolist()) for own in decided]

    def predict_proba(self, texts: Any) -> NDArray[np.float64]:
        """Return the calibrated probability of each class for each text, shape (S, K).

        Rows need not sum to 1 if texts may have several labels.
        """
        self._check_fitted()
        return probabilities(
            self._logits(checked_texts(texts)), one_of_many=self._one_of_many, temperature=self.calibration_.temperature
        )

    def explain(self, texts: Any) -> list[Classified]:
        """Return the labels of each text with their probability, and the probabilities of all other labels."""
        return classified(self.classes_.tolist(), self.predict_proba(texts), one_of_many=self._one_of_many)

    def contributions(self, text: str, label: Any = None) -> list[tuple[str, float]]:
        """Return the contribution of each word to a label: the decrease of the label's log-odds without the word.

        Parameters
        ----------
        text : str
        label : object, optional
            One of `classes_`; by default the most probable.

        Raises
        ------
        ValueError
            If `label` is not one of the classes.
        """
        classes = self.classes_.tolist()
        words = get_tokenizer(self.tokenizer)(checked_text(text, 1))
        if label is not None and label not in classes:
            raise ValueError(f"{label!r:.60} is not a label of the classifier")
        k = int(self.predict_proba([" ".join(words)]).argmax()) if label is None else classes.index(label)
        return list(zip(words, left_out(self.predict_proba, words).values[:, k].tolist(), strict=True))

    def explain_words(self, text: str) -> Contributions:
        """Return the contribution of each word of a text to every label.

        Without layers this is exact: the logits are a sum over features of the text, which belong to its words. With
        layers, and for a hierarchical softmax, it is the decrease of the log-odds when the word is left out, as for
        `contributions`; see `is_exact`.
        """
        given = checked_text(text, 1)
        exact = self._answers().contributions(given, self.calibration_.temperature)
        return exact or left_out(self.predict_proba, get_tokenizer(self.tokenizer)(given))

    @property
    def is_exact(self) -> bool:
        """Whether `explain_words` is exact: neither the network nor any member of a mixture has layers."""
        return self._answers().is_exact

    def score(self, texts: Any, y: Any = None) -> float:
        """Return the fraction of texts whose labels are all correct; see `evaluate`."""
        return self.evaluate(texts, y).accuracy

    def evaluate(self, texts: Any, y: Any = None, *, columns: TableColumns | None = None) -> ClassificationReport:
        """Evaluate on labelled texts: accuracy, precision and recall by class, confusion matrix, calibration.

        Parameters
        ----------
        texts, y, columns
            As for `fit`; by default, columns are those of training. Texts with labels unknown to the model count as
            wrong.
        """
        labels = self.classes_.tolist()
        given = read_texts(texts, y, columns or self.columns_, [normalize("NFC", str(label)) for label in labels])
        wanted: Sequence[Sequence[Any]] = given.labels
        if y is None:  # labels of files are texts, and composed
            by_name = {normalize("NFC", str(label)): label for label in labels}
            wanted = [[by_name.get(label, label) for label in own] for own in wanted]
        return ClassificationReport.of(labels, self.predict_proba(given.texts), wanted, one_of_many=self._one_of_many)

    @property
    def columns_(self) -> TableColumns:
        """The columns of texts and labels in the files of the training."""
        return TableColumns.from_config(self.network_.metadata.get("training", {}).get("columns"))

    def compress(self, most_bytes: int = SMALL_BYTES) -> TextClassifier:
        """Return a smaller classifier, with one byte per value and without weak features, whose folder size is limited.

        Raises
        ------
        ValueError
            If it has layers, is already compressed, or not even one feature fits.
        """
        self._check_fitted()
        network = self.network_
        if not isinstance(network.config, LinearConfig) or network.config.is_small:
            kinds = {LinearConfig: "is already compressed", MixedConfig: "is a mixture"}
            has = kinds.get(type(network.config), "has layers")
            raise ValueError(f"the classifier {has}: only uncompressed ones without layers can be compressed")
        small = type(self)(**self.get_params())
        features = opened_linear(
            network.config, network.parameters, network.units["features"], network.further
        ).features
        small._keep(made_small(network, features, most_bytes))
        return small

    @classmethod
    def from_fasttext(cls, path: str | os.PathLike[str]) -> TextClassifier:
        """Read a model trained by ``fasttext supervised``, quantised or not; its predictions are those of fastText.

        Raises
        ------
        ModelError
            If the file is missing, of another kind, or damaged.
        """
        network = from_fasttext(path)
        found = cls(**vars(cls.table(**network.metadata["parameters"])))
        found._keep(network)
        return found

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.required = True
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TextClassifier:
        """Open a model's folder; see `TextEstimator.load`."""
        try:
            return super().load(path)
        except ModelError:
            raise
        except ValueError as error:
            raise ModelError(f"{path} is damaged: {error}") from error

    @classmethod
    def _check(cls, metadata: Mapping[str, Any]) -> None:
        labels = metadata.get("labels", [])
        if any(not isinstance(label, (str, int, float)) for label in labels) or len(set(labels)) != len(labels):
            raise ValueError("labels must be distinct texts or numbers")
        mixture = metadata.get("mixture", [])
        if not isinstance(mixture, list) or not all(map(_is_member, mixture)):
            raise ValueError("the classifiers of the mixture are missing")
        calibration = metadata.get("calibration")
        if not isinstance(calibration, dict):
            raise ValueError("the calibration of its probabilities is missing")
        positive(calibration, "temperature", 1e3)
        Calibration(**calibration)

    def _keep(self, network: TextNetwork) -> None:
        super()._keep(network)
        metadata = network.metadata
        self.classes_ = np.array(metadata["labels"])
        self.calibration_ = Calibration(**metadata["calibration"])
        self.validation_: Any = metadata.get("training", {}).get("report")
        self._opened: Answers | None = None
        self._answers()

    def _parameters(self) -> ClassifierParameters:
        parameters = self.table(**self.get_params())
        parameters.to_dict()  # parameters that cannot be saved are refused before training
        return parameters

    @property
    def _one_of_many(self) -> bool:
        return bool(self.network_.config.one_of_many)

    def _logits(self, texts: Sequence[str]) -> NDArray[Any]:
        return self._answers().logits(texts, self.workers or default_workers())

    def _answers(self) -> Answers:
        self._check_fitted()
        if self._opened is None:
            network = self.network_
            self._opened = answers_of(network.config, network.parameters, network.units["features"], network.further)
        return self._opened


def _is_member(described: Any) -> bool:
    names = {"classifier": str, "weight": float}
    return isinstance(described, dict) and all(isinstance(described.get(name), kind) for name, kind in names.items())
