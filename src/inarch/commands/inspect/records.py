"""What was measured of a net by running it: time, what its values see, and how gradients flow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long each layer takes, for one image on this machine; all times in milliseconds."""

    engine: str
    """``PyTorch 2.14.1`` or ``ONNX Runtime 1.32.0``."""
    threads: int
    runs: int
    layers: tuple[float, ...]
    """The fastest of the runs, in the order of the trace's nodes: whatever else the machine does can only add. A layer
    that was fused into an earlier one takes 0 there."""
    elsewhere: float
    """What the engine spends in the graph on no layer: rearranging maps, normalising pixels; the fastest run."""
    whole: float
    """One image from begin to end, without a profiler: the median."""
    lowest: float
    highest: float


@dataclass(frozen=True)
class EffectiveField:
    """From where a map's central value is really moved, after Luo et al. 2016 (arXiv 1701.04128)."""

    tap: str
    channels: int
    images: int
    theoretical: int
    """Pixels a side, along the widest path; not clipped to the image."""
    effective: float
    """Side, in pixels, of a square with as many pixels as have at least 4.55 % of the largest gradient."""
    deviation: float
    """Standard deviation, in pixels, of the gradient's absolute values around their centre, along one axis."""
    profile: tuple[float, ...]
    """The gradient along the central rows, relative to its largest value, from left to right; at most 64 values."""


@dataclass(frozen=True)
class BlockFlow:
    """How values and gradients pass through one block."""

    stage: str
    block: str
    activation: float
    """Root of the mean square of what it puts out."""
    gradient: float
    """Norm of the loss's gradient by what it puts out."""
    residual: float | None
    """Norm of what of the gradient by its input comes back through the residual path; None in other blocks."""
    shortcut: float | None
    """The same through the shortcut."""


@dataclass(frozen=True)
class Flow:
    """Values and gradients of one step of training, forward and back, before any weight has moved."""

    images: int
    seed: int
    blocks: tuple[BlockFlow, ...]
    layers: tuple[tuple[str, float], ...]
    """The norm of the loss's gradient by the weights, of every convolution and linear layer by its path, in order."""


@dataclass(frozen=True)
class Measurements:
    """What was measured of a net by running it."""

    timings: tuple[Timing, ...] = ()
    flow: Flow | None = None
    fields: tuple[EffectiveField, ...] = ()
