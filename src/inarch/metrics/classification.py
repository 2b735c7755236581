"""All metrics of one set of labelled photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inarch.errors import UserError
from inarch.metrics.arrays import AnyScores, Confusion, LabelArray, Probabilities
from inarch.metrics.calibration import confidence_and_correct, expected_calibration_error, reliability
from inarch.metrics.intervals import bootstrap, mean_share, photos_until, wilson
from inarch.metrics.losses import log_losses
from inarch.metrics.records import (
    ClassScore,
    Estimate,
    Evaluation,
    Mistake,
)


@dataclass(frozen=True)
class JudgedPhotos:
    """The n photos on which a classifier is evaluated."""

    labels: LabelArray
    """Each photo's true class, as an index into ``classes``."""
    paths: Sequence[str]
    """Where each photo is, for the list of mistakes."""
    classes: Sequence[str]
    """The names of the classes."""
    split: str
    """The name of their split, such as ``val`` or ``test``."""


def evaluate(probabilities: Probabilities, photos: JudgedPhotos, *, seed: int = 0) -> Evaluation:
    """Accuracy, balanced accuracy, log loss, confusion, calibration and the worst mistakes, with 95 % intervals.

    Balanced accuracy is the mean recall of the classes that have photos; the calibration error's interval is a
    bootstrap.

    Args:
        probabilities: one row per photo, adding up to 1, and one column per class.
        photos: as many.
        seed: where the bootstrap's resamples come from.

    Raises:
        UserError: there are no photos, or the arguments do not fit each other.
        WorkError: a probability is NaN or infinite.
    """
    precise = 0.02  # half the width of an interval that counts as precise, on average over both sides
    labels, classes = photos.labels, photos.classes
    _check_fit(probabilities, photos)
    confidence, correct = confidence_and_correct(probabilities, labels)
    confusion = confusion_counts(labels, probabilities.argmax(axis=1), len(classes))
    per_class = _class_scores(confusion, classes)
    accuracy = wilson(int(correct.sum()), len(labels))
    return Evaluation(
        split=photos.split,
        n=len(labels),
        accuracy=accuracy,
        balanced_accuracy=_balanced_accuracy(confusion),
        log_loss=float(log_losses(probabilities, labels).mean()),
        calibration_error=bootstrap(
            expected_calibration_error, confidence, correct, generator=np.random.default_rng(seed)
        ),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        per_class=per_class,
        reliability=reliability(probabilities, labels),
        mistakes=_worst_mistakes(probabilities, labels, photos.paths),
        precise_at=photos_until(accuracy.value, lambda known: known.high - known.low <= 2 * precise),
    )


def confusion_counts(labels: LabelArray, predictions: LabelArray, classes: int) -> Confusion:
    """The number of photos of each true class (row) with each predicted class (column)."""
    return np.bincount(labels * classes + predictions, minlength=classes**2).reshape(classes, classes)


def _balanced_accuracy(confusion: Confusion) -> Estimate:
    totals = confusion.sum(axis=1)
    present = totals > 0
    return mean_share(confusion.diagonal()[present].tolist(), totals[present].tolist())


def _class_scores(confusion: Confusion, classes: Sequence[str]) -> tuple[ClassScore, ...]:
    right, true, answered = (each.tolist() for each in (confusion.diagonal(), confusion.sum(1), confusion.sum(0)))
    return tuple(
        ClassScore(
            name=name,
            n=true[row],
            recall=wilson(right[row], true[row]) if true[row] else None,
            precision=wilson(right[row], answered[row]) if answered[row] else None,
        )
        for row, name in enumerate(classes)
    )


def _worst_mistakes(
    probabilities: Probabilities, labels: LabelArray, paths: Sequence[str], most: int = 24
) -> tuple[Mistake, ...]:
    predictions = probabilities.argmax(axis=1)
    mistakes = [
        Mistake(paths[row], int(labels[row]), int(predictions[row]), float(probabilities[row, predictions[row]]))
        for row in np.flatnonzero(predictions != labels).tolist()
    ]
    return tuple(sorted(mistakes, key=lambda mistake: (-mistake.confidence, mistake.path))[:most])


def _check_fit(probabilities: AnyScores, photos: JudgedPhotos) -> None:
    if len(photos.paths) != len(photos.labels):
        raise UserError(f"There are {len(photos.labels)} labels but {len(photos.paths)} paths; each photo needs both.")
    if probabilities.shape[1] != len(photos.classes):
        raise UserError(
            f"The probabilities have {probabilities.shape[1]} columns, but {len(photos.classes)} classes are named."
        )
    totals = probabilities.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero(np.abs(totals - 1) > 1e-3)
    if len(wrong):
        raise UserError(
            f"{len(wrong)} of {len(totals)} rows do not add up to 1 (row {wrong[0]}: {totals[wrong[0]]:.3g}); "
            f"evaluate takes probabilities: pass logits through softmax first."
        )
