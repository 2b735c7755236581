"""The log loss of each photo."""

import numpy as np

from inarch.errors import UserError
from inarch.metrics.arrays import AnyLabels, AnyScores, LabelArray, Losses, Probabilities
from inarch.metrics.softmax import check_finite

SMALLEST = float(np.finfo(np.float64).eps)
"""The least probability of the true class, as in scikit-learn, which keeps the loss finite."""


def log_losses(probabilities: Probabilities, labels: LabelArray) -> Losses:
    """Minus the log probability of each photo's true class, (n,); 0 is best.

    Raises:
        UserError: there are no photos, or a label is not a column of ``probabilities``.
        WorkError: a probability is NaN or infinite.
    """
    check_labels(probabilities, labels)
    check_finite("probabilities", probabilities)
    of_the_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(of_the_label, SMALLEST, 1.0))


def check_labels(scores: AnyScores, labels: AnyLabels) -> None:
    """Refuse labels that do not fit the scores.

    Raises:
        UserError: there are no photos, ``scores`` and ``labels`` differ in length, or a label has no column.
    """
    if len(labels) == 0:
        raise UserError("There are no photos to measure; at least 1 is needed.")
    if len(scores) != len(labels):
        raise UserError(f"There are {len(scores)} rows of scores but {len(labels)} labels; each photo needs both.")
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise UserError(
            f"Labels go from {labels.min()} to {labels.max()}, but the scores have {scores.shape[1]} classes, "
            f"numbered from 0."
        )
