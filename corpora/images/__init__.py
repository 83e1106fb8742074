"""Labelled pictures: IDX, .npz, folders of PNG and JPEG by class, scikit-learn's digits."""

from w2v.corpora.images.arrays import Pictures, as_labels, as_pictures
from w2v.corpora.images.files import picture_names
from w2v.corpora.images.reading import read_pictures

__all__ = ["Pictures", "as_labels", "as_pictures", "picture_names", "read_pictures"]
