"""Learning curves of each strategy, on the same photos."""

from dataclasses import dataclass

from inarch.metrics.records import Comparison, Estimate


@dataclass(frozen=True)
class StrategyPoint:
    """The results of one strategy at one size of the training set."""

    of_class: int
    """The most photos per class."""
    photos: int
    """Photos of all classes together."""
    epochs: int
    """Epochs of training; 0 for strategies without epochs."""
    held_out: Estimate
    """Validation accuracy, on the same photos at every point of every strategy."""
    learned: Estimate
    """Training accuracy."""
    gap: Estimate
    """Training accuracy minus validation accuracy, a fraction."""
    seconds: float
    """The duration of one fold."""


@dataclass(frozen=True)
class StrategyCurve:
    """One strategy, smallest number of photos first."""

    strategy: str
    settings: str
    points: tuple[StrategyPoint, ...]
    doubled: Estimate | None
    """The forecast of the gain in accuracy from twice as many photos, a fraction, if there are enough points."""


@dataclass(frozen=True)
class StrategyVerdict:
    """Two strategies with the same number of photos."""

    strategy: str
    other: str
    of_class: int
    comparison: Comparison


@dataclass(frozen=True)
class StrategyCurves:
    """The curves of all strategies, and their comparisons."""

    curves: tuple[StrategyCurve, ...]
    verdicts: tuple[StrategyVerdict, ...]
    photos: int
    """The size of the whole training set."""
    judged: int
    """The number of validation photos, each counted once."""
    folds: int
    """The number of folds."""
    left_out: tuple[str, ...]
    """Sentences on what was not measured, and the reasons."""
