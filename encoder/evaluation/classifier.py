"""The linear classifier that evaluates vectors: a cross-validated logistic regression."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
_ITERATIONS = 200


def stratified(classes: NDArray[np.intp], folds: int, seed: int) -> NDArray[np.intp]:
    """Return the fold of each item, shape (n,), with every class spread evenly over the folds."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    fold_of = np.empty(len(classes), np.intp)
    fold_of[order] = np.arange(len(classes)) % folds
    return fold_of


def cross_validated(
    features: NDArray[np.float64], classes: NDArray[np.intp], fold_of: NDArray[np.intp], seed: int
) -> NDArray[np.intp]:
    """Return the predicted class of each item, by a classifier trained on the other folds, shape (n,)."""
    predicted = np.empty(len(classes), np.intp)
    rest = fold_of != 0
    penalty = choose_penalty(features[rest], classes[rest], seed)
    for fold in range(int(fold_of.max()) + 1):
        here = fold_of == fold
        predicted[here] = predict(features[~here], classes[~here], features[here], penalty)
    return predicted


def choose_penalty(features: NDArray[np.float64], classes: NDArray[np.intp], seed: int) -> float:
    """Return the regularisation strength that does best on a tenth of the items, after training on the rest."""
    here = stratified(classes, 10, seed + 1) == 0
    if here.all() or len(np.unique(classes[~here])) < 2:
        return _PENALTIES[1]
    scores = [
        (predict(features[~here], classes[~here], features[here], penalty) == classes[here]).mean()
        for penalty in _PENALTIES
    ]
    return _PENALTIES[int(np.argmax(scores))]


def predict(
    features: NDArray[np.float64], classes: NDArray[np.intp], tested: NDArray[np.float64], penalty: float
) -> NDArray[np.intp]:
    """Return the classes of the rows `tested`; the regression minimises the mean loss plus `penalty` · ‖w‖² / 2."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = 1 / np.where(deviation > 1e-12, deviation, np.inf)
    model = LogisticRegression(C=1 / (penalty * len(features)), max_iter=_ITERATIONS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # full convergence of the weights does not matter
        model.fit((features - mean) * scale, classes)
    predicted: NDArray[np.intp] = model.predict((tested - mean) * scale)
    return predicted
