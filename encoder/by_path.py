"""An encoder for clusters: pickled as the path and digest of its folder, opened where it is used, once a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from w2v.encoder.card import encoder_card
from w2v.encoder.encoding import EncodingMixin
from w2v.encoder.model.inference import Inference
from w2v.encoder.model.state import EncoderState
from w2v.encoder.parameters import EncoderParameters, check_parameter
from w2v.encoder.places import EncoderFolder, shared_inference

_DEFAULTS = EncoderParameters()


class EncoderByPath(EncodingMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The encoder that a folder holds, as `SentenceEncoder.by_path` returns it. It encodes, and learns nothing.

    A pickle of it is some hundred bytes. Nothing is opened before it is used; then a process opens the folder
    memory-mapped and keeps it for all of its threads, and for all encoders of this path and digest.

    Parameters
    ----------
    path : str
        The folder, absolute.
    digest : str
        What its files are; see `w2v.encoder.places.digest_of_folder`. Using the encoder raises `ModelError` where the
        folder is missing, or has other files.
    normalize, truncate_dim, batch_size, workers : optional
        As for `SentenceEncoder`.
    """

    def __init__(
        self,
        path: str,
        digest: str,
        *,
        normalize: bool | None = _DEFAULTS.normalize,
        truncate_dim: int | None = _DEFAULTS.truncate_dim,
        batch_size: int = _DEFAULTS.batch_size,
        workers: int | None = _DEFAULTS.workers,
    ) -> None:
        self.path = path
        self.digest = digest
        self.normalize = normalize
        self.truncate_dim = truncate_dim
        self.batch_size = batch_size
        self.workers = workers

    @property
    def folder(self) -> EncoderFolder:
        """Where it is opened."""
        return EncoderFolder(self.path, self.digest)

    @property
    def state(self) -> EncoderState:
        """What the folder holds; ModelError if it is missing here, or is not what it was."""
        return self.folder.open()

    @property
    def inference(self) -> Inference:
        """What encodes, the same for the whole process."""
        check_parameter("workers", self.workers)
        return shared_inference(self.state, self.workers)

    def fit(self, X: Any = None, y: Any = None) -> EncoderByPath:  # noqa: N803  # scikit-learn's name
        """Do nothing, for pipelines; to learn, open the folder with `SentenceEncoder.load`."""
        return self

    def transform(self, sentences: Iterable[str]) -> NDArray[Any]:
        """Return the vectors of sentences, shape (S, d), with the options of the constructor."""
        return self.transformed(sentences)

    def by_path(self) -> EncoderByPath:
        """Return this one."""
        return self

    def _repr_html_(self) -> str:
        return encoder_card(self.state, self.state.metadata.get("history", []), self.dimension, is_complete=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.requires_fit = False
        return tags
