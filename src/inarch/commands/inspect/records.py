"""A model in figures; and measurements of it running: time, effective receptive fields, and gradient flow."""

from dataclasses import dataclass

from inarch.models.anatomy.records import Flow, ModelSize, Node


@dataclass(frozen=True)
class Timing:
    """The time of each layer, for one image on this machine; all times in milliseconds."""

    engine: str
    """``PyTorch 2.14.1`` or ``ONNX Runtime 1.32.0``."""
    threads: int
    runs: int
    layers: tuple[float, ...]
    """The fastest of the runs, in the order of the trace's nodes, because other load can only slow a run. A layer that
    was fused into an earlier one takes 0."""
    elsewhere: float
    """The engine's time for operations of no layer: layout changes, normalisation; the fastest run."""
    whole: float
    """The median latency of one image, without a profiler."""
    lowest: float
    highest: float


@dataclass(frozen=True)
class EffectiveField:
    """The effective receptive field of a feature map's central value, after Luo et al. 2016 (arXiv 1701.04128)."""

    tap: str
    channels: int
    images: int
    theoretical: int
    """The theoretical field in pixels a side, along the widest path; not clipped to the image."""
    effective: float
    """Side, in pixels, of a square with as many pixels as have at least 4.55 % of the largest gradient."""
    deviation: float
    """Standard deviation, in pixels, of the gradient's absolute values around their centre, along one axis."""
    profile: tuple[float, ...]
    """The gradient along the central rows, relative to its largest value, from left to right; at most 64 values."""


@dataclass(frozen=True)
class Measurements:
    """All measurements of a running model."""

    timings: tuple[Timing, ...] = ()
    flow: Flow | None = None
    fields: tuple[EffectiveField, ...] = ()


@dataclass(frozen=True)
class LayerSums:
    """Some layers of a model, summed up."""

    name: str
    layers: int
    parameters: int
    macs: int
    """Multiply-adds for one image."""
    moved_bytes: int
    """The least that the layers read and write: maps and weights, float32."""


@dataclass(frozen=True)
class BlockSummary(LayerSums):
    """A block, summed up, and what comes out of it."""

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    stride: int
    """Input pixels from one output value to the next, along one axis."""
    receptive_field: int
    """Side, in input pixels, of the square that one output value can see along the widest path."""
    receptive_field_min: int
    """The same along the narrowest path."""


@dataclass(frozen=True)
class StageSummary(BlockSummary):
    """A stage, summed up, and its blocks."""

    blocks: tuple[BlockSummary, ...]


@dataclass(frozen=True)
class ModelAnatomy:
    """A model, layer by layer and summed up."""

    name: str
    variant: str
    source: str
    image_size: int
    """Pixels a side."""
    classes: int
    parameters: int
    macs: int
    """Multiply-adds for one image."""
    peak_bytes: int
    """Maps at the moment when most of them exist, for one image; weights come on top."""
    running_peak_bytes: int
    """The same as PyTorch on a CPU comes to."""
    concepts: tuple[LayerSums, ...]
    """By what layers are for; what computes most comes first."""
    stages: tuple[StageSummary, ...]
    """The head is the last of them."""
    nodes: tuple[Node, ...]
    """Every layer, in running order."""
    auxiliary: tuple[Node, ...]
    """The layers of the heads that only training has."""
    measured: Measurements | None = None
    """Where it was asked for."""


@dataclass(frozen=True)
class ModelCatalog:
    """Every architecture that can be built by name."""

    models: tuple[ModelSize, ...]
