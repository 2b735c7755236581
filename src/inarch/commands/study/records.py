"""What a study claims, what was measured for it, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from inarch.errors import UserError
from inarch.metrics.records import Estimate

SUPPORTED, CONTRADICTED, UNDECIDED = "SUPPORTED", "CONTRADICTED", "UNDECIDED"
TIMES, POINTS = "times", "points"
AT_LEAST, AT_MOST = "at least", "at most"

Reading = tuple[str, str]
"""An arm of a study, and what was read of it: ``("plain56", "first-layer gradient")``."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number that a claim is judged by: what one reading has on another, seed by seed."""

    words: str
    one: Reading
    other: Reading
    bound: str = AT_LEAST
    threshold: float
    """What the claim says it is, at least or at most; written down before the first run."""
    scale: str = TIMES
    """``times``: one over the other, and so is the threshold. ``points``: the difference of two shares, as a share."""
    exact: bool = False
    """Whether the same comes out every time, so that there is nothing to estimate."""
    grain: float = 0.0
    """The smallest step that a difference of shares can take; seeds that agree by chance are not taken for certain."""

    def __post_init__(self) -> None:
        if self.scale not in (TIMES, POINTS) or self.bound not in (AT_LEAST, AT_MOST):
            raise UserError(
                f"A quantity is measured in {TIMES} or {POINTS}, and is {AT_LEAST} or {AT_MOST} its threshold; "
                f"got {self.scale!r} and {self.bound!r}."
            )
        if self.scale == TIMES and not self.threshold > 0:
            raise UserError(f"A ratio is compared with a number above 0, not {self.threshold}.")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a study puts to the test, all of it written down before the first run."""

    name: str
    statement: str
    source: str
    """The paper, and where in it."""
    reported: str
    """What the source itself reports."""
    design: str
    """What is measured, what is alike between the arms, and what a seed stands for."""
    limits: str
    """What the study cannot show, whatever comes out."""
    quantities: tuple[Quantity, ...]
    """All of them have to hold for the claim to be supported."""
    arms: tuple[str, ...]
    seeds: int
    """How many there are unless asked otherwise."""
    seconds: float
    """What one seed takes on one core, roughly."""
    photos: bool = False
    """Whether it is measured on photos; else on nets alone."""


@dataclass(frozen=True)
class StudyRow:
    """One measurement: one arm with one seed."""

    seed: int
    arm: str
    readings: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StudyLedger:
    """Everything that a verdict follows from, and what it depends on."""

    claim: Claim
    photos: Mapping[str, str | int]
    """Which photos were learned from; empty where the claim is about nets alone."""
    versions: Mapping[str, str]
    hardware: Mapping[str, str | int]
    rows: tuple[StudyRow, ...] = ()
    looks: tuple[int, ...] = ()
    """With how many seeds the verdict has been read so far. More seeds after a look cost confidence."""


@dataclass(frozen=True)
class QuantityFinding:
    """What came of one quantity."""

    quantity: Quantity
    estimate: Estimate | None
    """In the quantity's own scale, with the interval that the verdict is by; None where no seed is complete."""
    confidence: float
    """Of the interval; 1 where it is exact."""
    verdict: str
    values: tuple[float, ...] = ()
    """What each complete seed gave, in the same scale."""


@dataclass(frozen=True)
class ClaimFinding:
    """What came of a claim."""

    verdict: str
    quantities: tuple[QuantityFinding, ...]
    seeds: int
    """Complete ones."""
    looks: int
    """At how many smaller numbers of seeds the verdict was read before, for which the intervals are wider."""


@dataclass(frozen=True)
class StudyResult:
    """A study as it is shown: its measurements, and what came of them."""

    ledger: StudyLedger
    finding: ClaimFinding
    asked: int
    """Seeds that were asked for."""
