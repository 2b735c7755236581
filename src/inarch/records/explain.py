"""What a trained net sees in photos: measured at every depth, and for single answers."""

from dataclasses import dataclass

from inarch.records.metrics import Comparison, Estimate


@dataclass(frozen=True)
class StageSight:
    """What a linear classifier makes of one stage, frozen."""

    stage: str
    channels: int
    stride: int
    """Input pixels per output pixel."""
    accuracy: Estimate
    """Cross-validated, on the pooled map."""
    log_loss: float
    random_accuracy: Estimate
    """The same of a net of this architecture with first weights."""
    alike: tuple[float, ...]
    """Linear CKA with every stage, in order; 1 with itself."""
    random_alike: float
    """Linear CKA with the same stage of the net with first weights."""


@dataclass(frozen=True)
class Depth:
    """The net, stage by stage."""

    photos: int
    stages: tuple[StageSight, ...]
    cut: str
    """The first stage that one standard error cannot tell from the best."""
    tested: Comparison | None
    """The cut against the last stage; None where they are one."""


@dataclass(frozen=True)
class AttributionMap:
    """Which fields of a photo an answer follows from, by one method."""

    method: str
    fields: tuple[tuple[float, ...], ...]
    """Rows of shares of 1; what speaks against the answer counts as 0."""
    shuffled: tuple[tuple[float, ...], ...]
    """The same for the net with first weights: what a picture shows that knows nothing."""


@dataclass(frozen=True)
class ExplainedAnswer:
    """One photo and its answer."""

    path: str
    label: str
    answer: str
    confidence: float
    maps: tuple[AttributionMap, ...]


@dataclass(frozen=True)
class MethodCheck:
    """Whether a method's maps say more than chance."""

    method: str
    over_random: Estimate
    """By how much the confidence falls more when fields are deleted in the map's order than in a random one: the mean
    over the deletions, a share."""
    over_centre: Estimate
    """The same against fields from the centre outwards."""
    alike: Estimate
    """Rank correlation of the map with that of the net with first weights: near 1, it shows the photo and not the net.
    """
    verdict: str


@dataclass(frozen=True)
class BorderSight:
    """How much of its attribution a class has at the border of its photos."""

    label: str
    share: Estimate
    """Of the photos whose border has more of the attribution than of the area."""
    is_suspicious: bool


@dataclass(frozen=True)
class Explanation:
    """Everything that was measured of one bundle on some photos."""

    bundle: str
    model: str
    root: str
    classes: tuple[str, ...]
    seed: int
    depth: Depth
    answers: tuple[ExplainedAnswer, ...]
    checks: tuple[MethodCheck, ...]
    borders: tuple[BorderSight, ...]
    border_area: float
    """Share of the fields that are at the border."""
    border_method: str
