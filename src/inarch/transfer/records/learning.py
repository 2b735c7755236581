"""Learning curves, their forecast, and leakage."""

from dataclasses import dataclass

from inarch.metrics.records import Estimate


@dataclass(frozen=True)
class LearningPoint:
    """The accuracy at one size of the training set."""

    photos: int
    """Training photos, of all classes together."""
    accuracy: Estimate
    """Validation accuracy, on the same photos at every point."""


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy by the number of training photos, smallest number first, with the forecast of a power law."""

    points: tuple[LearningPoint, ...]
    photos: int
    """The size of the whole training set."""
    doubled: Estimate
    """The forecast of the gain in accuracy from twice as many photos, a fraction."""


@dataclass(frozen=True)
class LeakageMeasurement:
    """The inflation of a probe's accuracy by near-duplicates and groups on both sides of a split."""

    apart: Estimate
    """Accuracy with each group in one fold."""
    parted: Estimate
    """Accuracy with photos assigned to folds one by one, as most tools split."""
    tax: Estimate
    """The second minus the first, a fraction; its ``n`` is the number of groups."""
    grouped: int
    """Photos in a group with others."""
