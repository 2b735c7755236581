"""The claim of a study, its measurements, and its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from inarch.errors import UserError
from inarch.metrics.records import Estimate

Reading = tuple[str, str]
"""An arm of a study and a reading of it: ``("plain56", "first-layer gradient")``."""


class Verdict(StrEnum):
    """The result for a claim, or for one of its quantities."""

    SUPPORTED = "SUPPORTED"
    CONTRADICTED = "CONTRADICTED"
    UNDECIDED = "UNDECIDED"


class QuantityScale(StrEnum):
    """How a quantity compares its two readings."""

    TIMES = "times"
    """A ratio, and so is the threshold."""
    POINTS = "points"
    """The difference of two fractions, as a fraction."""


class Bound(StrEnum):
    """The side of the threshold on which the claim holds."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number that decides a claim: one reading relative to another, seed by seed."""

    words: str
    one: Reading
    other: Reading
    bound: str = Bound.AT_LEAST
    threshold: float
    """The claimed bound, fixed before the first run."""
    scale: str = QuantityScale.TIMES
    """``times``: a ratio, and so is the threshold. ``points``: the difference of two fractions, as a fraction."""
    exact: bool = False
    """Whether the reading is deterministic, so that there is nothing to estimate."""
    grain: float = 0.0
    """The smallest possible step of a difference of fractions; seeds that agree by chance are not taken for certain."""

    def __post_init__(self) -> None:
        if self.scale not in list(QuantityScale) or self.bound not in list(Bound):
            raise UserError(
                f"A quantity is measured in {' or '.join(QuantityScale)}, and is {' or '.join(Bound)} its threshold; "
                f"got {self.scale!r} and {self.bound!r}."
            )
        if self.scale == QuantityScale.TIMES and not self.threshold > 0:
            raise UserError(f"A ratio is compared with a number above 0, not {self.threshold}.")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim and its test, fixed before the first run."""

    name: str
    statement: str
    source: str
    """The paper, and the place in it."""
    reported: str
    """The source's own result."""
    design: str
    """The measurement, what the arms have in common, and what a seed draws."""
    limits: str
    """The limits of the study, whatever the result."""
    quantities: tuple[Quantity, ...]
    """All of them must hold for the claim to be supported."""
    arms: tuple[str, ...]
    seeds: int
    """The number of seeds by default."""
    seconds: float
    """The approximate duration of one seed on one core."""
    photos: bool = False
    """Whether it is measured on photos; else on models alone."""


@dataclass(frozen=True)
class ClaimCatalog:
    """Every claim that there is a study for."""

    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class StudyRow:
    """One measurement: one arm with one seed."""

    seed: int
    arm: str
    readings: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StudyLedger:
    """The data behind a verdict, and its conditions."""

    claim: Claim
    photos: Mapping[str, str | int]
    """Names the photos; empty if the claim is about models alone."""
    versions: Mapping[str, str]
    hardware: Mapping[str, str | int]
    rows: tuple[StudyRow, ...] = ()
    looks: tuple[int, ...] = ()
    """The numbers of seeds at which the verdict was read. More seeds after a look cost confidence."""


@dataclass(frozen=True)
class QuantityFinding:
    """The result for one quantity."""

    quantity: Quantity
    estimate: Estimate | None
    """In the quantity's own scale, with the interval that decides; None if no seed is complete."""
    confidence: float
    """The confidence of the interval; 1 if the reading is exact."""
    verdict: str
    values: tuple[float, ...] = ()
    """The value of each complete seed, in the same scale."""


@dataclass(frozen=True)
class ClaimFinding:
    """The result for a claim."""

    verdict: str
    quantities: tuple[QuantityFinding, ...]
    seeds: int
    """The number of complete seeds."""
    looks: int
    """The number of earlier looks at fewer seeds, which widen the intervals."""


@dataclass(frozen=True)
class StudyResult:
    """A study for display: its measurements and its result."""

    ledger: StudyLedger
    finding: ClaimFinding
    asked: int
    """The requested number of seeds."""
