"""ResNet. He et al. 2016, "Deep residual learning for image recognition", arXiv 1512.03385.

Wide ResNet (Zagoruyko and Komodakis 2016, arXiv 1605.07146) and ResNeXt (Xie et al. 2017, arXiv 1611.05431) are the
same model with another 3x3 inside the bottleneck; ResNet-D (He et al. 2019, arXiv 1812.01187) has another stem and
another shortcut; a plain model has no shortcut. Each differs by the parts that `resnet_backbone` is handed.

In the bottleneck the stride sits on the 3x3 convolution ("v1.5", as in torchvision's and timm's checkpoints); the
paper's own placement, on the first 1x1, is `resnet50_v1` and so on in the catalog. Both have the same names and
shapes, so a checkpoint of one loads into the other and is silently wrong: say which.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from torch import nn

from inarch.models.backbone import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.models.blocks import ResidualBlock, projection_shortcut
from inarch.models.resnet_parts import (
    PHOTO_STEM,
    Residual,
    ResNetParts,
    Shortcut,
    Stem,
)

DEPTHS: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
)
"""Blocks per stage, by the number of layers (Table 1)."""


def join_shortcut(residual: nn.Module, shortcut: nn.Module | None) -> nn.Module:
    """``relu(residual(x) + shortcut(x))``, or without a shortcut ``relu(residual(x))``, under the same names."""
    if shortcut is None:
        return nn.Sequential(OrderedDict(residual=residual, relu=nn.ReLU()))
    return ResidualBlock(residual, shortcut)


class BlockPlace(NamedTuple):
    """Where a block is to stand."""

    in_channels: int
    width: int
    """The width of its stage."""
    stride: int
    is_first: bool
    """Whether it is the model's first."""


def stack_stages(
    stem: Sequence[Block], depths: Sequence[int], width: int, expansion: int, block: Callable[[BlockPlace], nn.Module]
) -> dict[str, list[Block]]:
    """The stem and one stage per entry of ``depths``; width doubles and the grid halves from stage to stage.

    Args:
        stem: the blocks before the first stage.
        depths: blocks per stage.
        width: of the first stage.
        expansion: output channels of a block, in widths of its stage.
        block: builds the one that is to stand at a place.
    """
    stages = {"stem": list(stem)}
    channels, stride = stem[-1].channels, stem[-1].stride
    for stage, depth in enumerate(depths, start=1):
        for number in range(1, depth + 1):
            step = 2 if number == 1 and stage > 1 else 1
            module = block(BlockPlace(channels, width, step, stage == number == 1))
            channels, stride = expansion * width, stride * step
            stages.setdefault(f"stage{stage}", []).append(Block(f"block{stage}_{number}", module, channels, stride))
        width *= 2
    return stages


def resnet_backbone(
    residual: Residual,
    depths: Sequence[int],
    *,
    width: int = 64,
    stem: Stem = PHOTO_STEM,
    shortcut: Shortcut = projection_shortcut,
) -> Backbone:
    """A stem, then stages of residual blocks.

    Args:
        residual: `BASIC` or a `bottleneck`.
        depths: blocks per stage (Table 1).
        width: channels of the first stage's inner convolutions and of the stem.
        stem: `PHOTO_STEM`, `HALF_STEM` (twice as wide as that), `DEEP_STEM` or `SMALL_STEM`.
        shortcut: builds the skip path: `projection_shortcut`, `padded_shortcut`, `average_shortcut`,
            `projection_everywhere`, or `without_shortcut`.
    """

    def block(at: BlockPlace) -> nn.Module:
        path = residual.build(at.in_channels, at.width, at.stride)
        return join_shortcut(path, shortcut(at.in_channels, residual.expansion * at.width, at.stride))

    return Backbone(stack_stages(stem.build(width), depths, width, residual.expansion, block))


def resnet(
    classes: int,
    *,
    parts: ResNetParts,
    depths: Sequence[int],
    width: int = 64,
    shortcut: Shortcut = projection_shortcut,
) -> Classifier:
    """A residual model for photos; its arguments, and the two of ``parts``, are those of `resnet_backbone`."""
    backbone = resnet_backbone(parts.residual, depths, width=width, stem=parts.stem, shortcut=shortcut)
    return Classifier(backbone, linear_head(backbone.channels, classes))
