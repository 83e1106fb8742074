"""`ImageClassifier`: a Vision Transformer, trained on labelled pictures, that labels and encodes pictures."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.images import Pictures, as_labels
from w2v.neural.kernels.patches import Scale
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import ProgressOption
from w2v.neural.tasks.estimator import TextEstimator
from w2v.neural.tasks.fitting import Training, train
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.images import network
from w2v.neural.tasks.images.concluding import EXAMPLES
from w2v.neural.tasks.images.data import (
    PictureData,
    check_read,
    comparable,
    described_pixels,
    is_source,
    pictures_of,
    range_names,
    scale_of,
)
from w2v.neural.tasks.images.folder import IMAGE_CLASSIFIERS, IMAGE_FOLDER
from w2v.neural.tasks.images.learning import config_of, text_of
from w2v.neural.tasks.images.network import ImageConfig, PictureBatch
from w2v.neural.tasks.images.parameters import ImageParameters
from w2v.settings.environment import default_workers
from w2v.settings.estimator import of_table
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.settings.tables import documented


@documented(ImageParameters)
class ImageClassifier(TextEstimator[ImageParameters]):
    """An image classifier, trained on labelled pictures, that also makes vectors of pictures.

    A Vision Transformer [1]_: pictures are cut into patches, which a stack of blocks reads like the words of a
    sentence.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    network_ : TextNetwork
        The trained network.
    history_ : list of dict
        Evaluations during training: step, seconds, losses, held_out_loss, accuracy.
    validation_ : dict or None
        Results on the held-out pictures, as in `ClassificationReport.to_dict`.
    n_features_in_ : int
        Number of values of a picture.
    is_complete_ : bool
        False after an interrupted training, which `resume` continues.

    References
    ----------
    .. [1] Dosovitskiy et al. 2021, An image is worth 16×16 words, arXiv:2010.11929.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from w2v import ImageClassifier
    >>> images, labels = load_digits(return_X_y=True)
    >>> classifier = ImageClassifier(layers=1, epochs=10, random_state=1).fit(images[:1500], labels[:1500])
    >>> classifier.score(images[1500:], labels[1500:]) > 0.8
    True
    """

    kind, form, table = IMAGE_CLASSIFIERS, IMAGE_FOLDER, ImageParameters
    _estimator_type = "classifier"

    @of_table(ImageParameters)
    def __init__(self, **parameters: Any) -> None: ...

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        *,
        validation: Any = None,
        size: tuple[int, int] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> ImageClassifier:
        """Train the classifier on labelled pictures.

        Parameters
        ----------
        X : array-like, Pictures, path-like or list of path-like
            Pictures of shape (n, height, width), (n, height, width, channels), or (n, pixels) with `image_shape`; or
            files, see `w2v.corpora.images.read_pictures`.
        y : array-like of shape (n,), optional
            Labels, text or whole numbers; optional if the files have them.
        validation : (X, y), Pictures or path-like, optional
            Pictures for validation. By default some are held out.
        size : (int, int), optional
            Height and width to which pictures from files are scaled, in training and prediction; not for arrays.
        {saving}
        CorpusError, ValueError, TypeError
            If there are too few pictures, they differ in size, or an option is out of range.
        """
        if size is not None and not is_source(X):
            raise ValueError("size is for files: pass read_pictures(…, size=…), or arrays of the size you want")
        saving = checkpoint, checkpoint_every, overwrite
        with self._training(_name_of(X), saving, progress) as training:
            parameters = training.parameters
            data = self._read(X, y, validation, size, parameters)
            config = config_of(data, parameters)
            start = TextNetwork(
                IMAGE_CLASSIFIERS, config, ParameterTable.initialise(config.tensors(), parameters.random_state), {},
                {"labels": data.classes, "pixels": described_pixels(data, size is not None)},
            )  # fmt: skip
            self._train(start, data, training)
        return self

    def resume(
        self,
        X: Any = None,  # noqa: N803
        y: Any = None,
        *,
        validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_INTERVAL,
        overwrite: bool = False,
        progress: ProgressOption = None,
    ) -> ImageClassifier:
        """Resume an interrupted training; the result is the same as without the interruption, bit for bit.

        {resuming}
        """
        saving = checkpoint, checkpoint_every, overwrite
        with self._resumed("the pictures" if X is None else _name_of(X), saving, progress) as training:
            began = training.began
            X, validation = began.trained_on(  # noqa: N806
                X, validation, "pictures", "ImageClassifier.load(…).resume(X, y)"
            )
            size = (began.config.height, began.config.width) if began.metadata["pixels"]["scaled"] else None
            data = self._read(X, y, validation, size, training.parameters)
            self._train(began, data, training)
        return self

    def predict(self, X: Any, *, workers: int | None = None) -> NDArray[Any]:  # noqa: N803
        """Return the most probable label of each picture, shape (n,)."""
        found: NDArray[Any] = self.classes_[self.predict_proba(X, workers=workers).argmax(axis=1)]
        return found

    def predict_proba(self, X: Any, *, workers: int | None = None) -> NDArray[np.float32]:  # noqa: N803
        """Return the probability of each class, shape (n, n_classes), in the order of `classes_`.

        Parameters
        ----------
        X : array-like, Pictures, path-like or list of path-like
            As for `fit`. The result for a picture does not depend on the others.
        workers : int, optional
            Number of threads; all cores by default.

        Returns
        -------
        ndarray of shape (n, n_classes), float32

        Raises
        ------
        ValueError
            If the pictures have another size than those of the training.
        """
        z = network.logits(self.network_.parameters, self.transform(X, workers=workers))
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
        return z

    def transform(self, X: Any, *, workers: int | None = None) -> NDArray[np.float32]:  # noqa: N803
        """Return the vector of each picture, shape (n, dim); similar pictures have similar vectors.

        Parameters
        ----------
        X, workers
            See `predict_proba`.
        """
        trained = self.network_
        batch = self._batch(self._pixels(X))

        def encode(part: PictureBatch) -> NDArray[np.float32]:
            vectors: NDArray[np.float32] = network.encode(trained.config, trained.parameters, part)[0]
            return vectors

        threads = workers or self.workers or default_workers()
        return np.concatenate(network.over_parts(encode, trained.config, batch, threads))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the accuracy: the fraction of correctly labelled pictures.

        Parameters
        ----------
        X : array-like, Pictures, path-like or list of path-like
        y : array-like of shape (n,), optional
            Optional if the files have labels.
        sample_weight : array-like of shape (n,), optional
        """
        pictures = self.pictures(X)
        wanted = pictures.labels if y is None else as_labels(y, len(pictures))
        if wanted is None:
            raise ValueError("the pictures have no labels: pass y")
        found, wanted = comparable(self.predict(pictures.pixels), wanted)
        return float(np.average(found == wanted, weights=sample_weight))

    def attention(self, X: Any, *, layer: int | None = None) -> NDArray[np.float32]:  # noqa: N803
        """Return the attention of each picture's vector to its patches, shape (n, heads, rows, columns); sums to 1.

        Parameters
        ----------
        X : as for `predict_proba`
        layer : int, optional
            Number of the layer, from 1; by default the last.

        Returns
        -------
        ndarray of shape (n, heads, rows, columns), float32
            With a class token, its attention to the patches; otherwise the mean attention of all patches.

        Raises
        ------
        ValueError
            If there is no such layer, or no attention.
        """
        trained = self.network_
        config: ImageConfig = trained.config
        if config.encoder.mixer != "attention":
            raise ValueError(f"there is no attention to show: the architecture is {config.encoder.mixer}")
        if layer is not None and not 1 <= layer <= config.encoder.layers:
            raise ValueError(f"layer must be from 1 to {config.encoder.layers}, not {layer!r:.80}")

        def look(part: PictureBatch) -> NDArray[np.float32]:
            weights: list[list[NDArray[Any]]] = [[] for _ in range(config.encoder.layers)]
            network.encode(config, trained.parameters, part, weights=weights)
            own = np.stack(weights[(layer or 0) - 1])
            seen = own[:, :, 0, 1:] if config.has_token else own.mean(axis=2)
            shares: NDArray[np.float32] = seen / seen.sum(axis=2, keepdims=True)
            return shares

        looked = np.concatenate(network.over_parts(look, config, self._batch(self._pixels(X)), 1))
        shaped: NDArray[np.float32] = looked.reshape(*looked.shape[:2], config.grid.rows, config.grid.columns)
        return shaped

    def pictures(self, X: Any) -> Pictures:  # noqa: N803
        """Return pictures in the form the network reads: checked, and if they come from files, scaled as in training.

        Parameters
        ----------
        X : array-like, Pictures, path-like or list of path-like
            As for `predict_proba`.
        """
        self._check_fitted()
        config, pixels = self.network_.config, self.network_.metadata["pixels"]
        shape = (config.height, config.width, config.channels)
        found = pictures_of(
            X, None, self._flat_shape(X, shape), size=shape[:2] if pixels["scaled"] else None,
            channels=config.channels if config.channels in (1, 3) else None, top=pixels["top"],
        )  # fmt: skip
        check_read(found.pixels, shape)
        return found

    @property
    def examples_(self) -> Pictures:
        """Some of the held-out pictures with their labels, mistakes first; none if none were stored."""
        examples, config = self.network_.examples, self.network_.config
        if examples is None:
            return Pictures(np.zeros((0, config.height, config.width, config.channels), np.uint8), np.array([]), [])
        labels = np.array([one["label"] for one in examples.kept])
        return Pictures(self.network_.further[EXAMPLES]["pixels"], labels, range_names(len(labels)))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.required, tags.non_deterministic = True, False
        tags.input_tags.three_d_array = True
        return tags

    def _keep(self, network: TextNetwork) -> None:
        pixels = network.further.get(EXAMPLES, {}).get("pixels", ())
        if network.examples is not None and len(network.examples.kept) != len(
            pixels
        ):  # one of the two files was deleted
            network = replace(network, examples=None)
        super()._keep(network)
        config: ImageConfig = network.config
        self.classes_ = np.array(network.metadata["labels"])
        self.validation_: Any = network.metadata.get("training", {}).get("report")
        self.n_features_in_ = config.height * config.width * config.channels

    @classmethod
    def _restored(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        shape = parameters.get("image_shape")
        return {**parameters, "image_shape": tuple(shape) if isinstance(shape, list) else shape}

    def _read(
        self, given: Any, y: Any, validation: Any, size: tuple[int, int] | None, parameters: ImageParameters
    ) -> PictureData:
        pictures = pictures_of(given, y, self.image_shape, size=size)
        apart = None
        if validation is not None:
            is_pair = isinstance(validation, tuple) and not is_source(validation)
            found, labels = validation if is_pair else (validation, None)
            channels = pictures.pixels.shape[3] if pictures.pixels.shape[3] in (1, 3) else None
            apart = pictures_of(found, labels, self.image_shape, size=size, channels=channels)
        return PictureData.of(pictures, apart, parameters, parameters.random_state)

    @property
    def dimension(self) -> int:
        """Width of a picture's vector."""
        dim: int = self.network_.config.encoder.dim
        return dim

    def _flat_shape(self, given: Any, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
        """Return the shape of flat pictures: `image_shape`, or else that of the training."""
        try:
            found = () if isinstance(given, Pictures) or is_source(given) else np.shape(given)
        except ValueError:  # rows of several lengths; `as_pictures` says more
            found = ()
        return shape if self.image_shape is None and found[1:] == (self.n_features_in_,) else self.image_shape

    def _pixels(self, given: Any) -> NDArray[Any]:
        return self.pictures(given).pixels

    def _scale(self) -> Scale:
        pixels = self.network_.metadata["pixels"]
        return scale_of(pixels["mean"], pixels["deviation"])

    def _batch(self, pixels: NDArray[Any]) -> PictureBatch:
        every = np.arange(len(pixels))
        return PictureBatch(pixels, every, np.zeros(len(pixels), np.int64), self._scale())

    def _train(self, start: TextNetwork, data: PictureData, training: Training[ImageParameters]) -> None:
        counts = {"trained": len(data.trained), "held_out": len(data.held_out)}
        start = replace(start, metadata={**start.metadata, "pictures": counts})
        train(start, text_of(start, data, training.parameters), training)


def _name_of(given: Any) -> object:
    """Return the name of pictures for progress while they are read."""
    return given if is_source(given) else "the pictures"
