"""Measurements of a trained model on photos: at every depth, and for single predictions."""

from dataclasses import dataclass

from inarch.metrics.records import Comparison, Estimate

SCHEMA = "inarch.explain/1"


@dataclass(frozen=True)
class StageProbe:
    """A linear probe of one frozen stage."""

    stage: str
    channels: int
    stride: int
    """Input pixels per output pixel."""
    accuracy: Estimate
    """Cross-validated, on the pooled feature map."""
    log_loss: float
    random_accuracy: Estimate
    """The same for a randomly initialised model of this architecture."""
    alike: tuple[float, ...]
    """Linear CKA with every stage, in order; 1 with itself."""
    random_alike: float
    """Linear CKA with the same stage of the randomly initialised model."""
    before: "UntunedStage | None"
    """The same stage before fine-tuning; None if those weights are unknown."""


@dataclass(frozen=True)
class UntunedStage:
    """One stage of the model before fine-tuning."""

    accuracy: Estimate
    alike: float
    """Linear CKA with the stage after fine-tuning."""


@dataclass(frozen=True)
class DepthProfile:
    """The probes of all stages."""

    photos: int
    stages: tuple[StageProbe, ...]
    cut: str
    """The first stage within one standard error of the best."""
    tested: Comparison | None
    """The cut compared with the last stage; None if they are the same."""
    moved: Comparison | None
    """The last stage compared with itself before fine-tuning; None if that is unknown."""


@dataclass(frozen=True)
class Filter:
    """One filter of the first convolution."""

    pixels: tuple[tuple[tuple[int, ...], ...], ...]
    """Rows of RGB pixels, 0 to 255; 127 for a weight of 0."""
    likeness: float | None
    """The fraction of its energy that the best Gabor filter explains; None if it is dead: nearly 0 throughout."""
    colour: float | None
    """The fraction of its energy that is not grey."""


@dataclass(frozen=True)
class Filters:
    """The filters of the first convolution."""

    layer: str
    side: int
    """Side of the kernel, in pixels."""
    filters: tuple[Filter, ...]
    likeness: float
    """The mean over filters that are not dead."""
    chance: float
    """The same for random filters."""
    over_chance: Estimate
    verdict: str


@dataclass(frozen=True)
class ChannelFeatureMap:
    """The response of one channel to one photo, place by place."""

    stage: str
    block: str
    branch: str
    """Block and branch are empty for a feature map of the stage."""
    channel: int
    values: tuple[tuple[int, ...], ...]
    """From 0 at the minimum to 255 at the maximum."""


@dataclass(frozen=True)
class PhotoFeatureMaps:
    """One photo, and the feature maps of its most salient channels."""

    path: str
    maps: tuple[ChannelFeatureMap, ...]


@dataclass(frozen=True)
class Patch:
    """The patch of a photo with a channel's strongest response."""

    path: str
    label: str
    response: float
    top: float
    left: float
    side: float
    """All three as fractions of the photo's side."""


@dataclass(frozen=True)
class SynthesisedImage:
    """An image that maximises one channel's activation, and its score."""

    picture: bytes
    """As PNG."""
    response: float
    over_best: float
    """Its response divided by that of the best patch of a photo."""
    kept: float
    """The fraction of the response that is left, on average, after small shifts of the image."""
    photo_kept: float
    """The same of the photo with the best patch."""
    verdict: str


@dataclass(frozen=True)
class ChannelPreference:
    """One channel: its patches with the strongest response, and its synthesised image."""

    stage: str
    channel: int
    field: int
    """The receptive field, in pixels a side."""
    patches: tuple[Patch, ...]
    made: SynthesisedImage


@dataclass(frozen=True)
class AttributionMap:
    """The attribution of a prediction to the fields of a photo, by one method."""

    method: str
    fields: tuple[tuple[float, ...], ...]
    """Rows of fractions with sum 1; evidence against the class counts as 0."""
    shuffled: tuple[tuple[float, ...], ...]
    """The same for the randomly initialised model."""


@dataclass(frozen=True)
class ExplainedAnswer:
    """One photo and its prediction."""

    path: str
    label: str
    answer: str
    confidence: float
    maps: tuple[AttributionMap, ...]


@dataclass(frozen=True)
class FaithfulnessCheck:
    """The faithfulness of a method's maps."""

    method: str
    over_random: Estimate
    """The deletion metric against a random order: how much more the confidence falls, as a mean over the deletions."""
    over_centre: Estimate
    """The same against fields from the centre outwards."""
    alike: Estimate
    """Rank correlation with the map of the randomly initialised model: near 1, it depends on the photo alone."""
    verdict: str


@dataclass(frozen=True)
class BorderReliance:
    """How much of a class's attribution lies at the border of its photos."""

    label: str
    share: Estimate
    """The fraction of photos whose border has more of the attribution than of the area."""
    is_suspicious: bool


@dataclass(frozen=True)
class Explanation:
    """All measurements of one bundle on some photos."""

    bundle: str
    model: str
    root: str
    classes: tuple[str, ...]
    seed: int
    depth: DepthProfile
    before: str
    """The name of the weights before fine-tuning; empty if they are unknown."""
    filters: Filters
    seen: tuple[PhotoFeatureMaps, ...]
    channels: tuple[ChannelPreference, ...]
    """Drawn by the seed, not selected."""
    jitter: int
    """Pixels by which the synthesised images are shifted to test their stability."""
    answers: tuple[ExplainedAnswer, ...]
    checks: tuple[FaithfulnessCheck, ...]
    borders: tuple[BorderReliance, ...]
    border_area: float
    """The fraction of the fields that are at the border."""
    border_method: str
    limits: tuple[str, ...]
    """The limitations of all methods."""
