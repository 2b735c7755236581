"""Confident learning: probable label errors, by out-of-fold probabilities.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70,
arXiv 1911.00068: the confident joint (section 3.1) and pruning by class and by noise rate (section 3.2).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError


class Suspect(NamedTuple):
    """A label that is probably wrong."""

    row: int
    label: int
    suggested: int
    margin: float
    """Probability of the suggested class minus that of the given label: larger means more certain."""


def find_label_errors(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> list[Suspect]:
    """Labels that both ways of pruning reject, the most certain first.

    Args:
        probabilities: out-of-fold probabilities, (n, classes).
        labels: the given labels, (n,).

    Raises:
        UserError: ``labels`` and ``probabilities`` differ in length, or a class has no photo.
    """
    joint = joint_of(probabilities, labels)
    rejected = _prune_by_class(probabilities, labels, joint) & _prune_by_noise_rate(probabilities, labels, joint)
    best = probabilities.argmax(1)
    own = np.take_along_axis(probabilities, labels[:, None], 1)[:, 0]
    margin = probabilities.max(1) - own
    rows = np.flatnonzero(rejected & (best != labels))
    order = rows[np.argsort(-margin[rows], kind="stable")]
    return [Suspect(int(row), int(labels[row]), int(best[row]), float(margin[row])) for row in order]


def joint_of(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The estimated number of photos with label i and true class j, (classes, classes); rows sum to the given labels.

    A photo counts as j if its probability of j is at least the mean of photos labelled j (equation 2); if several
    classes qualify, the most probable counts. Rows are then scaled to the number of labels (equation 3).

    Raises:
        UserError: as `find_label_errors`.
    """
    n, classes = probabilities.shape
    given = np.bincount(labels, minlength=classes)
    if len(labels) != n or len(given) != classes or not given.all():
        raise UserError(
            f"Label errors need one row of probabilities for each label, and photos of every class; got {n} rows of "
            f"{classes} classes and {len(labels)} labels of {np.count_nonzero(given)}."
        )
    thresholds = np.array([probabilities[labels == each, each].mean() for each in range(classes)])
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    is_sure = confident.max(1) >= 0
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels[is_sure], confident.argmax(1)[is_sure]), 1)
    totals = counts.sum(1, keepdims=True)
    counts = np.where(totals > 0, counts, np.eye(classes))
    return counts / counts.sum(1, keepdims=True) * given[:, None]


def _prune_by_class(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], joint: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """In each class, as many of the least probable labels as are estimated to be errors, (n,)."""
    own = np.take_along_axis(probabilities, labels[:, None], 1)[:, 0]
    wrong = joint.sum(1) - np.diag(joint)
    rejected = np.zeros(len(labels), dtype=bool)
    for label in range(len(joint)):
        rows = np.flatnonzero(labels == label)
        rejected[rows[np.argsort(own[rows], kind="stable")[: round(wrong[label])]]] = True
    return rejected


def _prune_by_noise_rate(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], joint: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """For each pair of classes, as many labels as are estimated to be confused, by the largest margin, (n,)."""
    rejected = np.zeros(len(labels), dtype=bool)
    for label in range(len(joint)):
        rows = np.flatnonzero(labels == label)
        for other in np.flatnonzero(np.round(joint[label]) > 0):
            if other != label:
                margin = probabilities[rows, other] - probabilities[rows, label]
                rejected[rows[np.argsort(-margin, kind="stable")[: round(joint[label, other])]]] = True
    return rejected
