"""Whether a confidence of 90 % is right nine times in ten, and the one number that mends it.

Guo et al. 2017, *On Calibration of Modern Neural Networks*, arXiv 1706.04599.
"""

from math import exp, log

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from inarch.metrics.arrays import Confidence, Correct, Labels, Logits, Probabilities, Weights
from inarch.metrics.losses import check_labels
from inarch.metrics.records import Bin
from inarch.metrics.softmax import check_finite

BINS = 10
COLDEST, HOTTEST = 0.05, 20.0
"""The temperatures that are tried."""


def reliability(probabilities: Probabilities, labels: Labels, bins: int = BINS) -> tuple[Bin, ...]:
    """Confidence against accuracy in bins of equal width; bins without photos are left out.

    Raises:
        UserError: there are no photos, or a label is not a column of ``probabilities``.
        WorkError: a probability is NaN or infinite.
    """
    confidence, correct = confidence_and_correct(probabilities, labels)
    places = _bin_of(confidence, bins)
    return tuple(
        Bin(
            low=place / bins,
            high=(place + 1) / bins,
            n=int((places == place).sum()),
            confidence=float(confidence[places == place].mean()),
            accuracy=float(correct[places == place].mean()),
        )
        for place in np.unique(places).tolist()
    )


def expected_calibration_error(probabilities: Probabilities, labels: Labels, bins: int = BINS) -> float:
    """The distance between confidence and accuracy, averaged over the photos, bin by bin; 0 is best.

    It comes out too high on few photos: bins of a few photos differ from their confidence by chance.

    Raises:
        UserError: there are no photos, or a label is not a column of ``probabilities``.
        WorkError: a probability is NaN or infinite.
    """
    return binned_gap(*confidence_and_correct(probabilities, labels), bins=bins)


def confidence_and_correct(probabilities: Probabilities, labels: Labels) -> tuple[Confidence, Correct]:
    """For each photo the probability of its answer, and whether the answer is right.

    Raises:
        UserError: there are no photos, or a label is not a column of ``probabilities``.
        WorkError: a probability is NaN or infinite.
    """
    check_labels(probabilities, labels)
    check_finite("probabilities", probabilities)
    return probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == labels


def binned_gap(confidence: Confidence, correct: Correct, bins: int = BINS) -> float:
    """`expected_calibration_error` of photos whose confidence is already known."""
    excess = np.bincount(_bin_of(confidence, bins), weights=confidence - correct)
    return float(np.abs(excess).sum() / len(confidence))


def fit_temperature(logits: Logits, labels: Labels, weights: Weights | None = None) -> float:
    """The temperature with the least log loss, between 0.05 and 20.

    One photo's worth of evidence is added whose label is drawn at random. Without it, photos that are all answered
    rightly would ask for a temperature of 0, that is, for confidences of 100 %.

    Args:
        logits: of photos that were not learned from, (n, classes).
        labels: their classes, (n,).
        weights: how much each photo counts, (n,); None is 1 for all.

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

    found = minimize_scalar(total_loss, bounds=(log(COLDEST), log(HOTTEST)), method="bounded")
    return float(exp(found.x))


def _bin_of(confidence: Confidence, bins: int) -> Labels:
    """Which bin each confidence falls into; 1.0 belongs to the last."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)
