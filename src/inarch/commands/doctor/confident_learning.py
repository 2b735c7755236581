"""Confident learning: which labels are probably wrong, by probabilities of fits that did not see them.

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
    """Probability of the suggested class minus that of the label: the larger, the surer."""


def find_label_errors(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> list[Suspect]:
    """Labels that both ways of pruning reject, the surest first.

    Args:
        probabilities: of each class for each photo, by fits that did not see the photo, (n, classes).
        labels: as they are given, (n,).

    Raises:
        UserError: there are not as many labels as rows, or a class has no photo.
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
    """How many photos are estimated to be labelled i and to be j: (classes, classes), rows add up to the labels given.

    A photo counts as j if its probability of j is at least what photos labelled j have on average (equation 2); where
    several are, the most probable counts. Rows are then scaled to the number of labels (equation 3).

    Raises:
        UserError: as `find_label_errors`.
    """
    n, classes = probabilities.shape
    given = np.bincount(labels, minlength=classes)
    if len(labels) != n or len(given) != classes or not given.all():
        raise UserError(
            f"Labels are judged by a row of probabilities each, and every class needs photos; got {n} rows of "
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
    """Of each class as many of the least probable as are estimated to be of others, (n,)."""
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
    """For each pair of classes as many as are estimated to be the other one, by the largest margin, (n,)."""
    rejected = np.zeros(len(labels), dtype=bool)
    for label in range(len(joint)):
        rows = np.flatnonzero(labels == label)
        for other in np.flatnonzero(np.round(joint[label]) > 0):
            if other != label:
                margin = probabilities[rows, other] - probabilities[rows, label]
                rejected[rows[np.argsort(-margin, kind="stable")[: round(joint[label, other])]]] = True
    return rejected
