"""What a net is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureInfo:
    """What a stage or a block puts out."""

    name: str
    channels: int
    stride: int
    """Input pixels per output pixel, along one axis."""


@dataclass(frozen=True)
class Node:
    """One layer, as it ran on one image."""

    path: str
    """Where it stands in the model: ``backbone.stages.stage3.3a.branches.3x3.conv.conv``."""
    kind: str
    """``convolution``, ``batch norm``, ``relu``, ``max pool``, ``concatenation``, ``addition``, ``linear`` …"""
    detail: str
    """Kernel and stride where there are any: ``3x3``, ``7x7/2``."""
    stage: str
    block: str
    branch: str
    """The branch of an Inception module, or ``residual`` / ``shortcut``; empty where there is one path only."""
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    """Shapes for one image: (channels, height, width), or (features,). Of several maps coming in, the first."""
    stride: int
    """Input pixels from one output value to the next, along one axis."""
    parameters: int
    macs: int
    """Multiply-adds of convolutions and linear layers for one image; FLOPs are about twice that."""
    receptive_field: int
    """Side, in input pixels, of the square that one output value can see along the widest path; it may well be
    larger than the image, whose surroundings are padding."""
    receptive_field_min: int
    """The same along the narrowest path (a shortcut, a 1x1 branch)."""


@dataclass(frozen=True)
class NetTrace:
    """All layers of a net that run in evaluation (auxiliary heads do not), in running order."""

    name: str
    variant: str
    source: str
    image_size: int
    classes: int
    nodes: tuple[Node, ...]

    @property
    def parameters(self) -> int:
        """Parameters of the whole net."""
        return sum(node.parameters for node in self.nodes)

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(node.macs for node in self.nodes)
