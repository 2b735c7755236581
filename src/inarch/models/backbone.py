"""The face that every model shows: named stages of named blocks that can be tapped, cut and declared.

*stem → stages of blocks → head.* A stage is a run of blocks; the last block of a stage is the stage's output.
Auxiliary heads, probes, the feature cache and the drawings all find their map by a stage's or a block's name.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inarch import notebook
from inarch.errors import UnknownNameError, UserError
from inarch.models.anatomy.records import FeatureInfo
from inarch.models.shapes import Images, Logits, MapOut
from inarch.normalisation import IMAGENET_MEAN, IMAGENET_STD

SMALL = 1e-4
"""Added to what roots are taken of."""


class Block(NamedTuple):
    """A block as its builder hands it over, with what it declares about its output."""

    name: str
    module: nn.Module
    channels: int
    stride: int


class Backbone(nn.Module):
    """An ordered chain of named stages, each an ordered chain of named blocks.

    Args:
        stages: for each stage its blocks, in the order in which they run.
        gathered: see `gathering`; for each earlier stage the channels of its map, in running order.

    Raises:
        UserError: two stages or blocks share a name: a tap would not know which is meant.
    """

    def __init__(self, stages: Mapping[str, Sequence[Block]], gathered: Mapping[str, int] | None = None) -> None:
        super().__init__()
        blocks = [block for stage in stages.values() for block in stage]
        names = [*(block.name for block in blocks), *stages]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(f"Stages and blocks need names of their own; these stand twice: {', '.join(twice)}.")
        self.stages = nn.ModuleDict(
            {
                name: nn.Sequential(OrderedDict((block.name, block.module) for block in stage))
                for name, stage in stages.items()
            }
        )
        self._declared = {
            name: tuple(FeatureInfo(block.name, block.channels, block.stride) for block in stage)
            for name, stage in stages.items()
        }
        self.gathered: Mapping[str, int] = dict(gathered or {})

    @property
    def info(self) -> tuple[FeatureInfo, ...]:
        """The output of each stage, in order."""
        return tuple(replace(blocks[-1], name=name) for name, blocks in self._declared.items())

    @property
    def taps(self) -> Mapping[str, FeatureInfo]:
        """The taps: every block by its name, in order, and every stage after its last block."""
        points: dict[str, FeatureInfo] = {}
        for stage, blocks in zip(self.info, self._declared.values(), strict=True):
            points.update({block.name: block for block in blocks})
            points[stage.name] = stage
        return points

    @property
    def channels(self) -> int:
        """Channels of the final feature map."""
        return sum(self.gathered.values()) + self.info[-1].channels

    @property
    def end(self) -> str:
        """The last block's name: what `cut` takes to end a whole backbone where this one ends."""
        return list(self._declared.values())[-1][-1].name

    def forward(self, images: Float[Tensor, "n c_in h w"]) -> MapOut:
        """The final feature map. A tail (see `split`) takes a feature map in place of images."""
        feature_map = images
        means = [global_average_pool(images)] if any(name not in self.stages for name in self.gathered) else []
        for name, stage in self.stages.items():
            feature_map = stage(feature_map)
            if name in self.gathered:
                means.append(global_average_pool(feature_map))
        everywhere = [mean.expand(-1, -1, *feature_map.shape[2:]) for mean in means]
        return torch.cat([*everywhere, feature_map], 1) if means else feature_map

    def gathering(self, stages: Collection[str]) -> "Backbone":
        """This backbone with more in its final map: the means of the maps of earlier ``stages``, the same everywhere.

        A head on top then reads several stages (multi-layer features, as in Head2Toe: Evci et al. 2022, arXiv
        2201.03529), and what it pools are the pooled maps of all of them. The modules and their names stay. A tail that
        is `split` off after the first of them gathers the map that it is given.

        Raises:
            UnknownNameError: no stage before the last has that name.
        """
        channels = {stage.name: stage.channels for stage in self.info[:-1]}
        for name in stages:
            if name not in channels:
                raise UnknownNameError("stage before the last", name, channels)
        blocks = {name: [block for stage, block, _ in self._running() if stage == name] for name in self.stages}
        return Backbone(blocks, {name: count for name, count in channels.items() if name in stages})

    def tapped(self, images: Float[Tensor, "n c_in h w"], names: Collection[str]) -> dict[str, Tensor]:
        """The feature maps after the stages or blocks ``names``; nothing past the last of them is computed.

        Raises:
            UnknownNameError: no stage or block has that name.
        """
        for name in names:
            self._require(name)
        maps: dict[str, Tensor] = {}
        feature_map = images
        for stage, block, is_last in self._running():
            feature_map = block.module(feature_map)
            here = {block.name, stage} if is_last else {block.name}
            maps.update(dict.fromkeys(here.intersection(names), feature_map))
            if len(maps) == len(set(names)):
                break
        return maps

    def split(self, after: str) -> tuple["Backbone", "Backbone"]:
        """Prefix up to and with ``after``, and the tail behind it; both share this backbone's modules.

        ``tail(prefix(images))`` equals ``self(images)``. Names stay as they are, so state dicts do too.

        Raises:
            UnknownNameError: no stage or block has that name.
            UserError: the tail would not see a stage that this backbone gathers.
        """
        self._require(after)
        prefix: dict[str, list[Block]] = {}
        tail: dict[str, list[Block]] = {}
        into = prefix
        for stage, block, is_last in self._running():
            into.setdefault(stage, []).append(block)
            if after == block.name or (after == stage and is_last):
                into = tail
        unseen = [name for name in self.gathered if name not in tail and name != list(prefix)[-1]]
        if unseen:
            raise UserError(
                f"This backbone gathers {', '.join(self.gathered)}, and what follows {after} would not see "
                f"{unseen[0]}: split it after {next(iter(self.gathered))} or before."
            )
        return Backbone(prefix), Backbone(tail, self.gathered)

    def cut(self, after: str) -> "Backbone":
        """The prefix alone: this backbone ending with the stage or block ``after``; it gathers nothing."""
        return self.gathering(()).split(after)[0]

    def joined(self, tail: "Backbone") -> "Backbone":
        """This backbone with ``tail`` behind it: the inverse of `split`; both keep their modules."""
        stages: dict[str, list[Block]] = {}
        for part in (self, tail):
            for stage, block, _ in part._running():
                stages.setdefault(stage, []).append(block)
        return Backbone(stages, tail.gathered)

    def _running(self) -> Iterator[tuple[str, Block, bool]]:
        """Every block in running order: its stage, the block, and whether it ends the stage."""
        for name, declared in self._declared.items():
            for block, module in zip(declared, self.stages[name].children(), strict=True):
                yield name, Block(block.name, module, block.channels, block.stride), block is declared[-1]

    def _require(self, name: str) -> None:
        if name not in self.taps:
            raise UnknownNameError("stage or block", name, self.taps)


class Classifier(nn.Module):
    """A backbone and a head; ``forward`` gives logits, in training and in evaluation, whatever is attached.

    Args:
        backbone: images to the final feature map.
        head: the final feature map to logits.
        auxiliary: heads for training, keyed by the stage or block that each taps.

    Raises:
        UnknownNameError: an auxiliary head names a tap that the backbone does not have.
    """

    name = "classifier"
    """Its name."""
    image_size = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation = "bilinear"
    """The preprocessing of the images that it is made for: a square of ``image_size`` pixels a side, normalised by mean
    and standard deviation. `build` and whoever loads weights know better than these defaults."""

    def __init__(self, backbone: Backbone, head: nn.Module, auxiliary: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.auxiliary = nn.ModuleDict(auxiliary or {})
        for tap in self.auxiliary:
            if tap not in backbone.taps:
                raise UnknownNameError("stage or block", tap, backbone.taps)

    def forward(self, images: Images) -> Logits:
        """Logits."""
        return self.head(self.backbone(images))

    def _repr_html_(self) -> str | None:
        """Its picture, for notebooks."""
        return notebook.picture_of(self)


def global_average_pool(feature_map: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c 1 1"]:
    """The mean of every channel."""
    return feature_map.mean((2, 3), keepdim=True)


class Root(nn.Module):
    """Square roots, by which features of different stages come to have like scales; those below 0 count as 0.

    The slope is finite everywhere: such a head can be trained.
    """

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """``sqrt(max(features, 0) + SMALL)``"""
        return (features.relu() + SMALL).sqrt()


def linear_head(channels: int, classes: int, *, dropout: float = 0.0) -> nn.Sequential:
    """Global average pooling, dropout, one linear layer."""
    return nn.Sequential(
        OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(dropout),
            linear=nn.Linear(channels, classes),
        )
    )


def head_for(backbone: Backbone, classes: int) -> nn.Sequential:
    """A linear head; where the backbone gathers stages, it reads the roots of their features."""
    layers = OrderedDict(linear_head(backbone.channels, classes).named_children())
    if backbone.gathered:
        layers["root"] = Root()
        for name in ("dropout", "linear"):
            layers.move_to_end(name)
    return nn.Sequential(layers)


def reader(head: nn.Module) -> nn.Sequential:
    """A head without its last layer: from the final map to the features (n, d) that this layer reads."""
    return nn.Sequential(*list(head.children())[:-1])
