"""Calibration: whether a confidence of 90 % means an accuracy of 90 %.

Guo et al. 2017, *On Calibration of Modern Neural Networks*, arXiv 1706.04599.
"""

import numpy as np

from inarch.metrics.accuracy import is_correct
from inarch.metrics.arrays import Confidence, Correct, LabelArray, Probabilities
from inarch.metrics.losses import check_labels
from inarch.metrics.records import Bin
from inarch.metrics.softmax import check_finite

BINS = 10


def reliability(probabilities: Probabilities, labels: LabelArray, bins: int = BINS) -> tuple[Bin, ...]:
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


def confidence_and_correct(probabilities: Probabilities, labels: LabelArray) -> tuple[Confidence, Correct]:
    """The confidence of each photo's prediction, and whether the prediction is correct.

    Raises:
        UserError: there are no photos, or a label is not a column of ``probabilities``.
        WorkError: a probability is NaN or infinite.
    """
    check_labels(probabilities, labels)
    check_finite("probabilities", probabilities)
    return probabilities.max(axis=1).astype(np.float64), is_correct(probabilities, labels)


def expected_calibration_error(confidence: Confidence, correct: Correct, bins: int = BINS) -> float:
    """The distance between confidence and accuracy, averaged over the photos, bin by bin; 0 is best.

    It comes out too high on few photos: bins of a few photos differ from their confidence by chance.
    """
    excess = np.bincount(_bin_of(confidence, bins), weights=confidence - correct)
    return float(np.abs(excess).sum() / len(confidence))


def _bin_of(confidence: Confidence, bins: int) -> LabelArray:
    """The bin of each confidence; 1.0 belongs to the last."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)
