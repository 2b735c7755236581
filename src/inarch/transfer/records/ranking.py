"""Backbone selection: the measurements of each backbone on a sample."""

from dataclasses import dataclass

from inarch.metrics.records import Estimate


@dataclass(frozen=True)
class RankedBackbone:
    """One backbone, measured on a sample of the training photos."""

    model: str
    weights: str
    """The origin of the weights, in words."""
    image_size: int
    """Pixels a side."""
    photos_per_second: float
    """Throughput of the frozen backbone on this machine; 0 if it was not timed."""
    logme: float | None
    """Log evidence per photo of a Bayesian linear model; None if it was not measured, as the following two."""
    accuracy: Estimate | None
    """Cross-validated accuracy of a linear classifier on the sample."""
    log_loss: float | None
    chosen: bool
    why: str
    fit_seconds: float = 0.0
    """Seconds of the cross-validation."""


@dataclass(frozen=True)
class Ranking:
    """All backbones that were considered."""

    sampled: int
    """The number of photos in the sample."""
    backbones: tuple[RankedBackbone, ...]
    """Fastest first."""
    pixels: Estimate | None = None
    """The accuracy of the same classifier on the photos themselves, reduced to a few pixels."""
    side: int = 0
    """The shorter side of most photos, in pixels."""
    decode_seconds: float = 0.0
    """Seconds to decode one photo."""

    @property
    def chosen(self) -> RankedBackbone:
        """The selected backbone."""
        return next(each for each in self.backbones if each.chosen)
