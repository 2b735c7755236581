"""Records of a measured model."""

from dataclasses import dataclass
from typing import NamedTuple

from inarch.storage.shown import in_json


@dataclass(frozen=True)
class FeatureInfo:
    """The output of a stage or a block."""

    name: str
    channels: int
    stride: int
    """Input pixels per output pixel, along one axis."""


@dataclass(frozen=True)
class Departure:
    """One way in which a model of the catalog differs from its paper."""

    what: str
    """The difference, as a sentence: here this, in the paper that."""
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
    """Side, in input pixels, of the square that influences one output value along the widest path; it may be larger
    than the image, which is then padded."""
    receptive_field_min: int
    """The same along the narrowest path (a shortcut, a 1x1 branch)."""
    concept: str
    """The layer's concept: ``1x1 reduction``, ``pool projection``, ``grid reduction`` …; every layer has one
    (`inarch.models.anatomy.concepts`)."""
    moved: int
    """The least bytes that it reads and writes: its inputs, its weights, its output; float32."""
    alive: int
    """Bytes of all feature maps that exist at its end, including its own, the image and a max pool's indices, without
    weights; float32, one image."""

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs (two for each multiply-add) for each byte moved."""
        return 2 * self.macs / self.moved


@dataclass(frozen=True)
class ModelTrace:
    """All layers of a model that run in evaluation (auxiliary classifiers do not), in running order."""

    name: str
    variant: str
    source: str
    image_size: int
    classes: int
    nodes: tuple[Node, ...]
    auxiliary: tuple[Node, ...] = ()
    """The layers of the auxiliary classifiers; their block is their tap."""

    @property
    def parameters(self) -> int:
        """Parameters of the whole model."""
        return sum(node.parameters for node in self.nodes)

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(node.macs for node in self.nodes)

    @property
    def peak(self) -> int:
        """Peak bytes of feature maps; weights (four bytes a parameter) come on top."""
        return max(node.alive for node in self.nodes)

    @property
    def running_peak(self) -> int:
        """The same for PyTorch on a CPU: as a convolution runs, oneDNN holds a copy of its weights."""
        return max(node.alive + 4 * node.parameters * (node.kind == "convolution") for node in self.nodes)


@dataclass(frozen=True)
class StageFigures:
    """The sums of a stage; the head is the last of them."""

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
    """The sums of a model."""

    name: str
    variant: str
    image_size: int
    classes: int
    parameters: int
    macs: int
    depth: int
    """Convolutions and linear layers on the longest path, as the papers count: 50 in ResNet-50."""
    receptive_field: int
    """The receptive field of the backbone's last feature map, along the widest path."""


@dataclass(frozen=True)
class Change:
    """Layers that differ in the same way between two models; figures are *here* minus *there*."""

    what: str
    """``kernel``, ``stride``, ``groups``, ``dilation``, ``width`` or ``pool`` (or several, joined by commas): the
    layer's own. ``input``, ``map``: the same layer, on other channels or on another grid. ``bias``; ``order`` of
    normalisation and convolution; ``shortcut``; ``path``: a branch of other layers. ``layer``, ``branch``, ``block``:
    a part that exists on one side only."""
    kind: str
    """The layers' kind, or empty if they are of several."""
    here: str
    """The setting in this model: ``3x3``; empty if it is absent. Widths that differ from layer to layer are given as
    ``2 times the channels``, and ``there`` is empty."""
    there: str
    """The setting in the other."""
    layers: tuple[str, ...]
    """The layers within a block: ``5x5 conv``, a branch and a name; or the name of the branch."""
    blocks: tuple[str, ...]
    """The blocks, in running order."""
    stages: tuple[str, ...]
    """The stages of these blocks."""
    every: bool
    """Whether every block with such layers is included."""
    count: int
    """The number of layers, or of paths, branches and blocks if ``what`` says so; a convolution on one side only counts
    once with its normalisation and activation."""
    parameters: int
    macs: int


class StagePair(NamedTuple):
    """A stage of one model and its counterpart in another; None where there is none."""

    here: StageFigures | None
    there: StageFigures | None


@dataclass(frozen=True)
class ModelComparison:
    """How one model (*here*) differs from another (*there*)."""

    here: ModelFigures
    there: ModelFigures
    stages: tuple[StagePair, ...]
    """Matched by name if the models have the same structure, else by stride."""
    alike: bool
    """Whether the models have the same structure, so that layers can be compared; else ``changes`` is empty."""
    changes: tuple[Change, ...]
    """Together they account for the whole difference in parameters and MACs; the largest come first."""

    @property
    @in_json
    def identical(self) -> bool:
        """Whether there is no difference."""
        return self.alike and not self.changes


@dataclass(frozen=True)
class ModelSize:
    """The size of a model of the catalog, with 1,000 classes and at its own image size."""

    name: str
    """Its name; a varied model's name is like ``googlenet:without_reduction``."""
    variant: str
    source: str
    image_size: int
    parameters: int
    training_parameters: int
    """With the auxiliary classifiers that it is trained with."""
    macs: int


class Sibling(NamedTuple):
    """A model of the same paper or the same name."""

    model: ModelSize
    departures: tuple[Departure, ...]
    """Its own."""


class VariedModel(NamedTuple):
    """A model after one variation."""

    model: ModelSize
    what: str
    """The variation, in words."""


@dataclass(frozen=True)
class Ledger:
    """A model of the catalog among related models: its departures from its paper, and its variations."""

    model: ModelSize
    departures: tuple[Departure, ...]
    siblings: tuple[Sibling, ...]
    """The catalog's other models of its kind."""
    variations: tuple[VariedModel, ...]


@dataclass(frozen=True)
class BlockFlow:
    """Forward values and gradients of one block."""

    stage: str
    block: str
    activation: float
    """Root mean square of its output."""
    gradient: float
    """Norm of the loss's gradient by its output."""
    residual: float | None
    """Norm of the part of its input gradient that comes from the residual path; None in other blocks."""
    shortcut: float | None
    """The same for the shortcut."""


@dataclass(frozen=True)
class Flow:
    """Values and gradients of one training step, forward and backward, before any update."""

    images: int
    seed: int
    blocks: tuple[BlockFlow, ...]
    layers: tuple[tuple[str, float], ...]
    """The norm of the loss's gradient by the weights, of every convolution and linear layer by its path, in order."""
