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
class Departure:
    """One way in which a net of the catalog differs from its paper; the quirk ledger is made of these."""

    what: str
    """What is different, as a sentence: here this, in the paper that."""
    why: str
    source: str
    """Where it can be checked: a file of a library, an issue, a section of the paper."""


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
    concept: str
    """What the layer is for: ``1x1 reduction``, ``pool projection``, ``grid reduction`` …; every layer is for one
    thing (`inarch.models.anatomy.concepts`)."""
    moved: int
    """Bytes that it reads and writes at least: the maps that come in, its weights, the map that goes out; float32."""
    alive: int
    """Bytes of all maps that exist as it ends, its own, the image and a max pool's indices among them, weights apart;
    float32, one image."""

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs (two for each multiply-add) for each byte moved."""
        return 2 * self.macs / self.moved


@dataclass(frozen=True)
class ModelTrace:
    """All layers of a net that run in evaluation (auxiliary heads do not), in running order."""

    name: str
    variant: str
    source: str
    image_size: int
    classes: int
    nodes: tuple[Node, ...]
    auxiliary: tuple[Node, ...] = ()
    """The layers of the heads that only training has; their block is the tap that they stand at."""

    @property
    def parameters(self) -> int:
        """Parameters of the whole net."""
        return sum(node.parameters for node in self.nodes)

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(node.macs for node in self.nodes)

    @property
    def peak(self) -> int:
        """Bytes of maps at the moment when most of them exist; weights (four bytes a parameter) come on top."""
        return max(node.alive for node in self.nodes)

    @property
    def running_peak(self) -> int:
        """The same as PyTorch on a CPU comes to: as a convolution runs, oneDNN holds a copy of its weights."""
        return max(node.alive + 4 * node.parameters * (node.kind == "convolution") for node in self.nodes)


@dataclass(frozen=True)
class StageFigures:
    """A stage, summed up; the head is the last of them."""

    name: str
    blocks: int
    out_shape: tuple[int, ...]
    stride: int
    """Input pixels from one output value to the next, along one axis."""
    parameters: int
    macs: int
    receptive_field: int


@dataclass(frozen=True)
class ModelFigures:
    """A net, summed up."""

    name: str
    variant: str
    image_size: int
    classes: int
    parameters: int
    macs: int
    depth: int
    """Convolutions and linear layers on the longest way through, as the papers count: 50 in ResNet-50."""
    receptive_field: int
    """Of the backbone's last map, along the widest path."""


@dataclass(frozen=True)
class Change:
    """Layers that differ alike between two nets, all of them together; figures are *here* minus *there*."""

    what: str
    """``kernel``, ``stride``, ``groups``, ``dilation``, ``width`` or ``pool`` (or several, joined by commas): the
    layer's own. ``input``, ``map``: the same layer, on other channels or on another grid. ``bias``; ``order`` of
    normalisation and convolution; ``shortcut``; ``path``: a branch of other layers. ``layer``, ``branch``, ``block``:
    what stands on one side only."""
    kind: str
    """The layers' kind, or empty where they are of several."""
    here: str
    """How it is in this net: ``3x3``; empty where it isn't there. Widths that differ from layer to layer are told as
    ``2 times the channels``, and ``there`` is silent."""
    there: str
    """How it is in the other."""
    layers: tuple[str, ...]
    """Which layers of a block: ``5x5 conv``, a branch and a name; or the name of the branch."""
    blocks: tuple[str, ...]
    """The blocks, in running order."""
    stages: tuple[str, ...]
    """The stages in which they stand."""
    every: bool
    """Whether no block that has such layers is left out."""
    count: int
    """How often: layers, or paths, branches and blocks where ``what`` says so; a convolution that stands on one side
    only counts with its normalisation and activation as one."""
    parameters: int
    macs: int


@dataclass(frozen=True)
class ModelComparison:
    """How one net (*here*) differs from another (*there*)."""

    here: ModelFigures
    there: ModelFigures
    stages: tuple[tuple[StageFigures | None, StageFigures | None], ...]
    """By name where the nets are built alike, else by stride."""
    alike: bool
    """Whether the nets are of one plan, so that their layers can be told one by one; else ``changes`` is empty."""
    changes: tuple[Change, ...]
    """Together they account for the whole difference in parameters and MACs; what weighs most comes first."""

    @property
    def identical(self) -> bool:
        """Whether there is nothing to tell."""
        return self.alike and not self.changes


@dataclass(frozen=True)
class ModelSize:
    """How large a net of the catalog is, with 1,000 classes and at the image size that it is made for."""

    name: str
    """How to ask for it; a varied net's name is like ``googlenet:without_reduction``."""
    variant: str
    source: str
    image_size: int
    parameters: int
    training_parameters: int
    """With the auxiliary heads that it is trained with."""
    macs: int


@dataclass(frozen=True)
class Ledger:
    """A net of the catalog among its kin: how it departs from its paper, and how it can be varied."""

    net: ModelSize
    departures: tuple[Departure, ...]
    siblings: tuple[tuple[ModelSize, tuple[Departure, ...]], ...]
    """The catalog's other nets of the same paper or the same name, with their own departures."""
    variations: tuple[tuple[ModelSize, str], ...]
    """What it becomes by one variation, and what that is."""
