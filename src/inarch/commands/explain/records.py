"""What a trained net sees in photos: measured at every depth, and for single answers."""

from dataclasses import dataclass

from inarch.metrics.records import Comparison, Estimate


@dataclass(frozen=True)
class StageProbe:
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
    before: "UntunedStage | None"
    """The same stage before the net was fine-tuned; None where that net is not known."""


@dataclass(frozen=True)
class UntunedStage:
    """One stage of the net that training began with."""

    accuracy: Estimate
    alike: float
    """Linear CKA with the stage as it is now."""


@dataclass(frozen=True)
class DepthProfile:
    """The net, stage by stage."""

    photos: int
    stages: tuple[StageProbe, ...]
    cut: str
    """The first stage that one standard error cannot tell from the best."""
    tested: Comparison | None
    """The cut against the last stage; None where they are one."""
    moved: Comparison | None
    """The last stage against what it was before; None where that is not known."""


@dataclass(frozen=True)
class Filter:
    """One filter of the first convolution."""

    pixels: tuple[tuple[tuple[int, ...], ...], ...]
    """Rows of pixels of three colours, 0 to 255; 127 where the weight is 0."""
    likeness: float | None
    """Share of its energy that the best Gabor filter explains; None where it is dead: nearly 0 throughout."""
    colour: float | None
    """Share of its energy that is not grey."""


@dataclass(frozen=True)
class Filters:
    """The first convolution."""

    layer: str
    side: int
    """Of the kernel, in pixels."""
    filters: tuple[Filter, ...]
    likeness: float
    """The mean over filters that are not dead."""
    chance: float
    """The same of filters of noise."""
    over_chance: Estimate
    verdict: str


@dataclass(frozen=True)
class ChannelFeatureMap:
    """What one channel answers to one photo, place by place."""

    stage: str
    block: str
    branch: str
    """Block and branch are empty where the map is the stage's."""
    channel: int
    values: tuple[tuple[int, ...], ...]
    """From 0 at the least to 255 at the most."""


@dataclass(frozen=True)
class PhotoFeatureMaps:
    """One photo, and the maps of the channels that stand out in it."""

    path: str
    maps: tuple[ChannelFeatureMap, ...]


@dataclass(frozen=True)
class Patch:
    """Where in a photo a channel responds most."""

    path: str
    label: str
    response: float
    top: float
    left: float
    side: float
    """All three as shares of the photo's side."""


@dataclass(frozen=True)
class SynthesisedImage:
    """An image that was made to move one channel, and its score."""

    picture: bytes
    """As PNG."""
    response: float
    over_best: float
    """Its response over that of the best patch of a photo."""
    kept: float
    """Share of the response that is left, on average, after small shifts of the image."""
    photo_kept: float
    """The same of the photo with the best patch."""
    verdict: str


@dataclass(frozen=True)
class ChannelPreference:
    """One channel: the patches that move it most, and an image made for it."""

    stage: str
    channel: int
    field: int
    """Pixels a side that it can see at most."""
    patches: tuple[Patch, ...]
    made: SynthesisedImage


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
class FaithfulnessCheck:
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
class BorderReliance:
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
    depth: DepthProfile
    before: str
    """What the net was before; empty where that is not known."""
    filters: Filters
    seen: tuple[PhotoFeatureMaps, ...]
    channels: tuple[ChannelPreference, ...]
    """Drawn by the seed, not picked."""
    jitter: int
    """Pixels by which the images made for them are shifted to see whether their effect stays."""
    answers: tuple[ExplainedAnswer, ...]
    checks: tuple[FaithfulnessCheck, ...]
    borders: tuple[BorderReliance, ...]
    border_area: float
    """Share of the fields that are at the border."""
    border_method: str
