"""A classifier without layers whose features have naive Bayes weights: a logistic regression for each class (NB-SVM).

For a feature f and a class k, with n and m occurrences of f in texts of the class and in all others::

    r = log ((n + 1) / Σ (n + 1)) − log ((m + 1) / Σ (m + 1))        z_k = Σ_f  w_fk r_fk

The regression fits w with an L2 penalty: r is near 0 for a feature that all classes share, so it hardly counts. Words,
word n-grams and character n-grams are treated alike. The table contains r w, one row per feature, and the logits of a
text are the sum of its rows.

References
----------
Wang and Manning 2012, Baselines and bigrams: simple, good sentiment and topic classification, P12-2018. Yu, Huang and
Lin 2011, Dual coordinate descent methods for logistic regression (LIBLINEAR, as scikit-learn has it).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.bags import Bags
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import FitProgress
from w2v.neural.tasks.fitting import Told
from w2v.neural.tasks.labels.classification.data import LabelData, LabelledTexts
from w2v.neural.tasks.labels.classification.fitting import DividedBags, Fitted, concluded, linear_network, measured
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures
from w2v.neural.tasks.labels.classification.ngrams.linear import OUTPUT, TABLE, LinearConfig, linear_logits, linear_of
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.vectors.subwords import END_OF_SENTENCE

NGRAMS = (3, 5)
"""Default range of character n-grams."""
MOST_VALUES, MOST_FEATURES = 50_000_000, 100_000_000
"""Maximum number of table values, and of features of all texts: beyond these, memory would exceed about a gigabyte."""
_STRENGTH = 16.0
"""C of the regression times the mean number of features of a text; chosen on texts of 10 to 45 words."""
_TOLERANCE = 1e-2
_SURE = 4.0
"""Log-odds of a class that all texts have; those of a class that no text has are −4."""

Floats = NDArray[np.float64]


def fit_naive_bayes(data: LabelData, parameters: ClassifierParameters, told: Told | None) -> Fitted | None:
    """Train a classifier, twice if texts are held out, the second time on all; None if it would be too large."""
    n_classes = len(data.classes)
    if not parameters.max_n:
        parameters = replace(parameters, min_n=NGRAMS[0], max_n=NGRAMS[1])
    parameters = replace(parameters, dim=n_classes).resolved(0)
    bags = DividedBags.of(data, parameters)
    if bags.features.n_rows * n_classes > MOST_VALUES or len(bags.every.features) > MOST_FEATURES:
        return None
    if told is not None:
        told(FitProgress("training"))
    config = LinearConfig(bags.features.n_rows, n_classes, n_classes, data.one_of_many, is_sum=True)
    began = time.perf_counter()
    table = _trained(bags.features, bags.trained, data.trained, config, parameters)
    logits = linear_logits(linear_of(table), bags.held_out, is_sum=True)
    n = len(data.trained)
    entry = {"step": n, "epoch": 1, "seconds": time.perf_counter() - began, **measured(data, logits), "best": True}
    if not data.is_apart and len(data.held_out):
        table = _trained(bags.features, bags.every, data.every, config, parameters)
    network = linear_network(config, table, bags.features, data, parameters, [entry])
    return Fitted(concluded(network, data, logits), logits)


def log_ratios(counts: Any, is_own: NDArray[np.bool_]) -> Floats:
    """Return r of every feature, shape (R,), float64.

    Parameters
    ----------
    counts : sparse array of shape (S, R)
        Count of each feature in each text.
    is_own : ndarray of shape (S,), bool
        Which texts belong to the class.
    """
    own, others = (np.asarray(counts[which].sum(axis=0), np.float64).ravel() + 1 for which in (is_own, ~is_own))
    found: Floats = np.log(own / own.sum()) - np.log(others / others.sum())
    return found


def _trained(
    features: BagFeatures, bags: Bags, texts: LabelledTexts, config: LinearConfig, parameters: ClassifierParameters
) -> ParameterTable:
    """Return the rows of features, followed by the identity matrix as the output map."""
    from scipy.sparse import csr_array, diags_array

    wanted = texts.wanted(config.n_classes)
    weights = texts.targets(config.n_classes, parameters.class_weight).weights
    n = len(bags.features)
    rows_of_texts = bags.features.copy(), bags.starts.astype(np.int32)  # copied, because they are sorted in place
    counts = csr_array((np.ones(n), *rows_of_texts), shape=(len(bags.starts) - 1, config.n_rows))
    counts.sum_duplicates()
    strength = _STRENGTH * max(len(texts), 1) / max(n, 1)
    rows = np.zeros((config.n_rows, config.n_classes), np.float32)
    is_pair = config.one_of_many and config.n_classes == 2
    own_weights = wanted @ weights if config.one_of_many else None
    # every text has one end token, so its row is the intercept
    end = [features.words.index(END_OF_SENTENCE)] if END_OF_SENTENCE in features.words else []
    for k in range(1, 2) if is_pair else range(config.n_classes):
        if wanted[:, k].all() or not wanted[:, k].any():
            rows[end, k] = _SURE if wanted[:, k].any() else -_SURE
            continue
        ratios = log_ratios(counts, wanted[:, k])
        ratios[end] = 1.0
        own = np.where(wanted[:, k], weights[k], 1.0) if own_weights is None else own_weights
        learned = _regression(counts @ diags_array(ratios), wanted[:, k], own, strength, parameters.random_state)
        rows[:, k] = ratios * learned
    if is_pair:
        rows[:, 1] /= 2
        rows[:, 0] = -rows[:, 1]
    return ParameterTable.from_dict({TABLE: rows, OUTPUT: np.eye(config.n_classes, dtype=np.float32)})


def _regression(x: Any, y: NDArray[np.bool_], weights: NDArray[Any], strength: float, seed: int) -> Floats:
    """Return the coefficients of the features, shape (R,)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=strength, solver="liblinear", dual=True, fit_intercept=False, tol=_TOLERANCE, random_state=seed
    )
    found: Floats = model.fit(x, y, sample_weight=weights).coef_[0]
    return found
