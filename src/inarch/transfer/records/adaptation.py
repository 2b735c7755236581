"""Domain adaptation of a bundle: the candidates, the selection, and its evidence."""

from dataclasses import dataclass

from inarch.metrics.records import Comparison, Estimate


@dataclass(frozen=True)
class AdaptedCandidate:
    """One adaptation method: unsupervised, or with target labels."""

    method: str
    """``none`` is the unadapted model."""
    settings: str
    scores: tuple[tuple[str, float], ...]
    """The score by each unsupervised validator; higher is better. Empty for methods that train on target labels."""
    gain: Estimate | None
    """The gain in the validator's score over ``none``; None for ``none`` and methods that train on target labels."""
    changed: float
    """The fraction of target photos whose prediction differs from that of ``none``."""
    shares: tuple[float, ...]
    """The fraction of predictions of each class on the target photos."""
    seconds: float
    chosen: bool
    oracle: Estimate | None = None
    """Accuracy on labelled target photos, if some were given. It takes no part in the selection."""
    learned: Estimate | None = None
    """Cross-validated accuracy on the labelled target photos for training."""
    against: Comparison | None = None
    """This accuracy compared with that of ``none``; None for ``none`` itself."""


@dataclass(frozen=True)
class Adaptation:
    """The result of adapting a bundle."""

    bundle: str
    target: str
    """The folder of the target photos."""
    photos: int
    """The number of unlabelled target photos that the model was adapted to."""
    validator: str
    """The score that selected the candidate; ``labels`` if labelled photos did."""
    candidates: tuple[AdaptedCandidate, ...]
    left_out: tuple[tuple[str, str], ...]
    """Methods that could not be tried, and the reasons."""
    verdict: str
    """The reason for the selection."""
    oracle_verdict: str = ""
    """The selection judged by labelled target photos, if some were given."""
    labelled: int = 0
    """The number of labelled target photos for training."""
