"""Training and held-out texts of a classifier, with labels as numbers."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_texts, one_column
from w2v.corpora.inputs import CorpusError
from w2v.corpora.labels.labelled import Labelled, TableColumns, read_labelled
from w2v.neural.kernels.bags import Targets
from w2v.neural.tasks.dividing import parts_of, stratified
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.neural.tasks.text.pairs import LeftOutWarning

_SEVERAL = (list, tuple, set, frozenset, np.ndarray)
_MANY_PARTS = 0.2
"""The fraction of texts that are parts of longer ones above which they are taken for phrases of these."""


@dataclass(frozen=True)
class LabelledTexts:
    """Texts; text s belongs to classes[starts[s] : starts[s + 1]].

    Attributes
    ----------
    texts : list of str
    classes : ndarray of shape (N,), int32
    starts : ndarray of shape (S + 1,), int64
    """

    texts: list[str]
    classes: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, texts: Sequence[str], rows: Sequence[Sequence[int]]) -> LabelledTexts:
        """Concatenate the classes of all texts."""
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(list(texts), np.array([row for own in rows for row in own], np.int32), starts)

    def take(self, which: NDArray[np.int64]) -> LabelledTexts:
        """Return some of the texts, in the order of `which`."""
        lengths = np.diff(self.starts)[which]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(starts[-1]) + np.repeat(self.starts[which] - starts[:-1], lengths)
        return LabelledTexts([self.texts[i] for i in which.tolist()], self.classes[places], starts)

    def followed_by(self, others: LabelledTexts) -> LabelledTexts:
        """Return these texts and the others behind them."""
        return LabelledTexts(
            self.texts + others.texts,
            np.concatenate([self.classes, others.classes]),
            np.concatenate([self.starts, self.starts[-1] + others.starts[1:]]),
        )

    def wanted(self, n_classes: int) -> NDArray[np.bool_]:
        """Return which classes each text belongs to, shape (S, K)."""
        found = np.zeros((len(self), n_classes), np.bool_)
        found[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.classes] = True
        return found

    def targets(self, n_classes: int, weighting: str) -> Targets:
        """Return the targets of training; with "balanced" weights, all classes have the same total weight."""
        weights = np.ones(n_classes, np.float32)
        if weighting == "balanced":
            counts = np.bincount(self.classes, minlength=n_classes)
            weights = (len(self.classes) / n_classes / np.maximum(counts, 1)).astype(np.float32)
        return Targets(self.classes, self.starts, weights)


@dataclass(frozen=True)
class LabelData:
    """The training and held-out data of a classifier.

    Attributes
    ----------
    classes : ndarray of shape (K,)
        The labels, sorted.
    one_of_many : bool
        Whether every text has exactly one label.
    trained, held_out : LabelledTexts
        Without any text in common; `held_out` may be empty.
    parts : LabelledTexts
        Parts of the held-out texts, in neither of both; see `_divided`.
    is_apart : bool
        Whether `held_out` was given by the user.
    is_matrix : bool
        Whether labels were given as a matrix of 0 and 1.
    files, validation_files : list of str, or None
        Their files.
    columns : dict of str to object
        The columns of texts and labels; see `TableColumns`.
    """

    classes: NDArray[Any]
    one_of_many: bool
    trained: LabelledTexts
    held_out: LabelledTexts
    parts: LabelledTexts
    is_apart: bool
    is_matrix: bool = False
    files: list[str] | None = None
    validation_files: list[str] | None = None
    columns: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, texts: Any, labels: Any, validation: Any, parameters: ClassifierParameters, columns: TableColumns
    ) -> LabelData:
        """Return the texts from the input of `TextClassifier.fit`; ValueError if they are not suitable for training."""
        given = read_texts(texts, labels, columns)
        apart = None if validation is None else read_texts(*_validation(validation), columns)
        several = any(len(own) != 1 for own in given.labels) or bool(apart and any(len(x) != 1 for x in apart.labels))
        if several and parameters.multi_label is False:
            number = next((i for i, own in enumerate(given.labels, 1) if len(own) != 1), None)
            where = "a validation text" if number is None else f"text {number}"
            raise ValueError(f"{where} has several labels or none, but with multi_label=False each must have one")
        in_matrix = is_matrix(labels)
        one_of_many = not (parameters.multi_label or several or (in_matrix and parameters.multi_label is None))
        classes = find_classes(given.labels)
        rows = {label: row for row, label in enumerate(classes.tolist())}
        numbers = {own: [rows[label] for label in dict.fromkeys(own)] for own in set(given.labels)}
        every = LabelledTexts.of(given.texts, [numbers[own] for own in given.labels])
        _check_choice(classes, every, one_of_many)
        if apart is not None:
            trained, held_out, parts = every, _known_only(apart, rows), every.take(np.empty(0, np.int64))
        else:
            rng = np.random.default_rng([int(parameters.random_state), len(every)])
            trained, held_out, parts = _divided(every, parameters.held_out, rng, one_of_many)
        return cls(
            classes, one_of_many, trained, held_out, parts, apart is not None, in_matrix, given.files,
            None if apart is None else apart.files,
            columns.to_config(),
        )  # fmt: skip

    @classmethod
    def again(
        cls, began: TextNetwork, texts: Any, labels: Any, validation: Any, parameters: ClassifierParameters
    ) -> LabelData:
        """Return the texts of a resumed training: those given, or else read from their files."""
        texts, validation = began.trained_on(texts, validation, "texts", "TextClassifier.load(…).resume(texts, y)")
        columns = TableColumns.from_config(began.metadata["training"].get("columns"))
        return cls.of(texts, labels, validation, parameters, columns)

    @property
    def every(self) -> LabelledTexts:
        """All texts that the final model may be trained on: the held-out texts and their parts last."""
        if self.is_apart or not len(self.held_out):
            return self.trained
        return self.trained.followed_by(self.held_out).followed_by(self.parts)

    def digest(self) -> str:
        """Return a digest that identifies the data."""
        found = hashlib.sha256()
        for part in (self.trained, self.held_out, *([self.parts] if len(self.parts) else [])):
            found.update("\n".join(part.texts).encode("utf-8", "surrogatepass"))
            found.update(part.classes.tobytes() + part.starts.tobytes())
        return found.hexdigest()


def read_texts(texts: Any, labels: Any, columns: TableColumns, known: Sequence[str] = ()) -> Labelled:
    """Return labelled texts: read from files if no labels are given, otherwise from sequences."""
    if not isinstance(columns, TableColumns):
        raise TypeError(f"columns must be TableColumns, such as TableColumns('body', 'topic'), not {columns!r:.60}")
    if isinstance(texts, Labelled):
        return texts
    if labels is None:
        if isinstance(texts, (str, os.PathLike)):
            texts = [texts]
        names = list(texts) if isinstance(texts, Iterable) else []
        if not names or not all(isinstance(name, (str, os.PathLike)) for name in names):
            raise TypeError("fit takes files of labels and texts, or texts and their labels: fit(texts, labels)")
        if len(names) > 1 and not any(os.path.exists(name) for name in names):
            raise CorpusError(
                f"none of the {len(names):,} files exists, such as {os.fspath(names[0])!r:.60}; if these are "
                "texts, give their labels as well: fit(texts, labels)"
            )
        return _told(read_labelled(names, columns=columns, known=known))
    read = checked_texts(texts)
    found = label_tuples(labels)
    if len(read) != len(found):
        raise ValueError(f"there are {len(read)} texts but {len(found)} labels; give one label for each text")
    if not read:
        raise ValueError("there is no text to train on")
    return Labelled(read, found)


def _told(read: Labelled) -> Labelled:
    if read.n_left_out:
        message = f"{read.n_left_out:,} rows lack a text or a label and are left out"
        warnings.warn(LeftOutWarning(message), stacklevel=6)
    return read


def label_tuples(labels: Any) -> list[tuple[Any, ...]]:
    """Return the labels of each text: a list of labels, of lists of labels, or a matrix of 0 and 1 over classes."""
    if is_matrix(labels):
        array = labels.toarray() if hasattr(labels, "toarray") else np.asarray(labels)
        if not np.isin(array, (0, 1)).all():
            raise ValueError("a matrix of labels must contain only 0 and 1, with a column for each class")
        return [tuple(np.flatnonzero(row).tolist()) for row in array]
    plain = [one.item() if isinstance(one, np.generic) else one for one in one_column(labels)]
    found = [tuple(one) if isinstance(one, _SEVERAL) else (one,) for one in plain]
    for number, own in enumerate(found, 1):
        for label in own:
            if not isinstance(label, (str, int, float)) or label != label:
                raise ValueError(f"text {number} has the label {label!r:.60}, but labels must be texts or numbers")
    return found


def is_matrix(labels: Any) -> bool:
    """Return whether labels are a matrix of SciPy or NumPy, with one column per class."""
    return len(getattr(labels, "shape", ())) == 2 and labels.shape[1] > 1


def find_classes(labels: Sequence[Sequence[Any]]) -> NDArray[Any]:
    """Return the distinct labels, sorted; ValueError if some are texts and others numbers."""
    different = {label for own in labels for label in own}
    kinds = {str if isinstance(label, str) else bool if isinstance(label, bool) else float for label in different}
    if len(kinds) > 1:
        raise ValueError("labels must be all texts or all numbers, not some of each")
    return np.array(sorted(different))


def _validation(given: Any) -> tuple[Any, Any]:
    """Return texts and labels; the labels of files are None."""
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if is_pair and not all(isinstance(one, (str, os.PathLike)) for one in given):
        return given[0], given[1]
    return given, None


def _check_choice(classes: NDArray[Any], every: LabelledTexts, one_of_many: bool) -> None:
    if one_of_many and len(classes) < 2:
        raise ValueError(
            f"all texts have the label {classes[0].item()!r:.60}: nothing to distinguish; add texts with another"
        )
    if not len(classes):
        raise ValueError("no text has a label")
    if not one_of_many and (np.diff(every.starts) == len(classes)).all():
        raise ValueError("every text has every label: there is nothing to distinguish")


def _known_only(apart: Labelled, rows: Mapping[Any, int]) -> LabelledTexts:
    """Return the validation texts whose labels occur in training."""
    kept = [i for i, own in enumerate(apart.labels) if all(label in rows for label in own)]
    unknown = sorted({str(label) for own in apart.labels for label in own if label not in rows})
    if unknown:
        warnings.warn(
            LeftOutWarning(
                f"{len(apart) - len(kept):,} validation texts have labels that no training text has, such as "
                f"{unknown[0]!r:.60}, and are left out"
            ),
            stacklevel=5,
        )
    if not kept:
        raise ValueError("no validation text has a label of the training texts")
    return LabelledTexts.of(
        [apart.texts[i] for i in kept], [[rows[x] for x in dict.fromkeys(apart.labels[i])] for i in kept]
    )


def _divided(
    every: LabelledTexts, share: float, rng: np.random.Generator, one_of_many: bool
) -> tuple[LabelledTexts, LabelledTexts, LabelledTexts]:
    """Return the texts to train on, those to hold out, and the parts of the latter.

    Where many texts are parts of longer ones, as the phrases of a treebank are, whole texts are held out only, and
    nothing is trained on their parts. A few short texts that happen to occur in longer ones are texts of their own.
    """
    whole = np.arange(len(every))
    if share:
        is_part = parts_of(every.texts, every.texts)
        if is_part.mean() > _MANY_PARTS:
            whole = np.flatnonzero(~is_part)
    wholes, n = every.take(whole), int(share * len(whole))
    apart = (stratified(wholes.classes, n, rng) if one_of_many else _split_sets(wholes, n, rng))[1]
    held_out, others = wholes.take(apart), np.setdiff1d(np.arange(len(every)), whole[apart])
    is_left = np.zeros(len(others), np.bool_)
    if len(whole) < len(every):
        is_left = parts_of([every.texts[i] for i in others.tolist()], held_out.texts)
    return every.take(others[~is_left]), held_out, every.take(others[is_left])


def _split_sets(
    every: LabelledTexts, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out texts that may have several labels, but none that is the only one with a label."""
    apart = np.sort(rng.permutation(len(every))[:count])
    part, n_classes = every.take(apart), int(every.classes.max(initial=-1)) + 1
    left = np.bincount(every.classes, minlength=n_classes) - np.bincount(part.classes, minlength=n_classes)
    lonely = np.repeat(np.arange(len(part)), np.diff(part.starts))[left[part.classes] == 0]
    apart = np.delete(apart, lonely)
    return np.setdiff1d(np.arange(len(every)), apart), apart
