"""How accuracy grows with the number of photos, for each strategy on the same photos."""

from dataclasses import dataclass

from inarch.metrics.records import Comparison, Estimate


@dataclass(frozen=True)
class StrategyPoint:
    """What so many photos were worth to one strategy."""

    of_class: int
    """Photos of each class, at most."""
    photos: int
    """Of all classes together."""
    epochs: int
    """Of training; 0 where there are none."""
    held_out: Estimate
    """Accuracy on photos that were held out, the same ones at every point of every strategy."""
    learned: Estimate
    """Accuracy on the photos that were learned from."""
    gap: Estimate
    """By how much it is more often right on those than on the ones held out, a share."""
    seconds: float
    """For one fold."""


@dataclass(frozen=True)
class StrategyCurve:
    """One strategy, smallest number of photos first."""

    strategy: str
    settings: str
    points: tuple[StrategyPoint, ...]
    doubled: Estimate | None
    """The forecast of how much accuracy twice as many photos would add, a share, where there are points enough."""


@dataclass(frozen=True)
class StrategyVerdict:
    """Two strategies with the same number of photos."""

    strategy: str
    other: str
    of_class: int
    comparison: Comparison


@dataclass(frozen=True)
class StrategyCurves:
    """All strategies, and what can be said of one beside another."""

    curves: tuple[StrategyCurve, ...]
    verdicts: tuple[StrategyVerdict, ...]
    photos: int
    """All that there are to learn from."""
    judged: int
    """Photos that were held out, each once."""
    folds: int
    """In how many parts."""
    left_out: tuple[str, ...]
    """Sentences: what was not measured, and why."""
