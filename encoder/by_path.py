"""An encoder for clusters: it is pickled as the path and digest of its folder, and each process opens that once."""

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
    """The encoder of a folder, as `SentenceEncoder.by_path` returns it. It encodes, but cannot be trained.

    Its pickle takes a few hundred bytes. On first use, a process maps the folder into memory and shares it among its
    threads and all encoders with this path and digest.

    Parameters
    ----------
    path : str
        Absolute path of the folder.
    digest : str
        Digest of its files; see `w2v.encoder.places.digest_of_folder`. Using the encoder raises `ModelError` if the
        folder is missing or its files have changed.
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
        """The folder that is opened."""
        return EncoderFolder(self.path, self.digest)

    @property
    def state(self) -> EncoderState:
        """The state of the encoder; ModelError if the folder is missing here or has changed."""
        return self.folder.open()

    @property
    def inference(self) -> Inference:
        """The `Inference` that encodes, shared by the whole process."""
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
