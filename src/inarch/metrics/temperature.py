"""Temperature scaling: the temperature that calibrates a classifier's confidence.

Guo et al. 2017, *On Calibration of Modern Neural Networks*, arXiv 1706.04599.
"""

from math import exp, log

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from inarch.metrics.arrays import LabelArray, LogitArray, WeightArray
from inarch.metrics.losses import check_labels
from inarch.metrics.softmax import check_finite


def fit_temperature(logits: LogitArray, labels: LabelArray, weights: WeightArray | None = None) -> float:
    """The temperature with the lowest log loss, between 0.05 and 20.

    The loss includes one photo's worth of a uniformly random label. Without it, photos that are all predicted correctly
    would give a temperature of 0 and confidences of 100 %.

    Args:
        logits: of validation photos, (n, classes).
        labels: their classes, (n,).
        weights: of the photos, (n,); None is 1 for all.

    Raises:
        UserError: there are no photos, or a label is not a column of ``logits``.
        WorkError: a logit is NaN or infinite.
    """
    check_labels(logits, labels)
    check_finite("logits", logits)
    scores = logits.astype(np.float64)
    rows = np.arange(len(labels))
    counting = np.ones(len(labels)) if weights is None else weights

    def total_loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(scores / exp(log_temperature), axis=1)
        return float(-counting @ log_probabilities[rows, labels] - log_probabilities.mean())

    found = minimize_scalar(total_loss, bounds=(log(0.05), log(20.0)), method="bounded")
    return float(exp(found.x))
