"""How accuracy grows with the number of photos, and where that leads."""

from dataclasses import dataclass

from inarch.metrics.records import Estimate


@dataclass(frozen=True)
class LearningPoint:
    """What so many photos were worth."""

    photos: int
    """Learned from, of all classes together."""
    accuracy: Estimate
    """On photos that were held out; the same ones at every point."""


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy over the number of photos, smallest number first, and what a power law through it forecasts."""

    points: tuple[LearningPoint, ...]
    photos: int
    """All that there are to learn from."""
    doubled: Estimate
    """The forecast of how much accuracy twice as many photos would add, a share."""


@dataclass(frozen=True)
class LeakageMeasurement:
    """What a split that parts near-duplicates and groups would have added to a probe's accuracy."""

    apart: Estimate
    """Accuracy where photos that belong together are held out together."""
    parted: Estimate
    """Where each photo is held out by itself, as most tools split."""
    tax: Estimate
    """The second minus the first, a share; its ``n`` is the number of groups."""
    grouped: int
    """Photos that belong together with another."""
