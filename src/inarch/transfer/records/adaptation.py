"""Adapting a bundle to photos of another domain: what was tried, what the choice went by, and what it came to."""

from dataclasses import dataclass

from inarch.metrics.records import Comparison, Estimate


@dataclass(frozen=True)
class AdaptedCandidate:
    """One way of adapting: without labels of the new domain, or with some of them."""

    method: str
    """``none`` is the bundle as it was."""
    settings: str
    scores: tuple[tuple[str, float], ...]
    """Each label-free validator and its score; higher is better. Of what learned from labels, nothing."""
    gain: Estimate | None
    """By how much it is better than ``none`` by the validator; None for ``none`` and for what learned from labels."""
    changed: float
    """The share of target photos that it answers otherwise than ``none``."""
    shares: tuple[float, ...]
    """For each class, its share of the answers on the target photos."""
    seconds: float
    chosen: bool
    oracle: Estimate | None = None
    """Accuracy on labelled target photos, where some were given. Nothing was chosen by it."""
    learned: Estimate | None = None
    """Accuracy on the labelled target photos that may be learned from, each by a fit that had not seen its label."""
    against: Comparison | None = None
    """The same beside ``none``; None for ``none`` itself."""


@dataclass(frozen=True)
class Adaptation:
    """What came of adapting a bundle."""

    bundle: str
    target: str
    """The folder of the target photos."""
    photos: int
    """Target photos that were adapted to."""
    validator: str
    """Which score chose; ``labels`` where labelled photos did."""
    candidates: tuple[AdaptedCandidate, ...]
    left_out: tuple[tuple[str, str], ...]
    """Methods that could not be tried, and why."""
    verdict: str
    """Why the chosen candidate was chosen."""
    oracle_verdict: str = ""
    """What labelled target photos say about that, where some were given."""
    labelled: int = 0
    """Target photos whose labels were learned from."""
