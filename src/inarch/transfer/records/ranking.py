"""Which backbone suits the photos: what was measured of each before one was taken."""

from dataclasses import dataclass

from inarch.metrics.records import Estimate


@dataclass(frozen=True)
class RankedBackbone:
    """One backbone, looked at with a sample of the training photos."""

    model: str
    weights: str
    """Where they come from, in words."""
    image_size: int
    """Pixels a side."""
    photos_per_second: float
    """Through the frozen net, on this machine, here and now; 0 where nothing was timed."""
    logme: float | None
    """Log evidence per photo of a Bayesian linear model; None where it was not measured, as the two that follow."""
    accuracy: Estimate | None
    """Of a linear classifier on the sample, cross-validated."""
    log_loss: float | None
    chosen: bool
    why: str
    fit_seconds: float = 0.0
    """What the cross-validation took."""


@dataclass(frozen=True)
class Ranking:
    """All backbones that were looked at."""

    sampled: int
    """Photos that each of them saw."""
    backbones: tuple[RankedBackbone, ...]
    """Fastest first."""
    pixels: Estimate | None = None
    """Of the same classifier on the photos themselves, shrunk to a few pixels: what needs no backbone."""
    side: int = 0
    """The shorter side of most photos, in pixels."""
    decode_seconds: float = 0.0
    """One photo."""

    @property
    def chosen(self) -> RankedBackbone:
        """The backbone that was taken."""
        return next(each for each in self.backbones if each.chosen)
