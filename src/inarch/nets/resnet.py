"""ResNet. He et al. 2016, "Deep residual learning for image recognition", arXiv 1512.03385.

Differs from the paper: in the bottleneck the stride sits on the 3x3 convolution ("v1.5", as in torchvision's and
timm's checkpoints); the paper's own placement, on the first 1x1, is `resnet50_v1` and so on in the catalog. Both
have the same names and shapes, so a checkpoint of one loads into the other and is silently wrong: say which.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from torch import nn

from inarch.nets.backbone import Backbone, Block, Classifier, linear_head
from inarch.nets.blocks import ResidualBlock, projection_shortcut
from inarch.nets.convolution import Conv, conv_norm, conv_norm_relu

Shortcut = Callable[[int, int, int], nn.Module]


class Residual(NamedTuple):
    """How a residual path is built: ``build(in_channels, width, stride)`` gives ``expansion * width`` channels."""

    expansion: int
    build: Callable[[int, int, int], nn.Module]


def _basic(in_channels: int, width: int, stride: int) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv1=conv_norm_relu(in_channels, Conv("conv1", width, 3, stride)),
            conv2=conv_norm(width, Conv("conv2", width, 3)),
        )
    )


def _bottleneck(in_channels: int, width: int, stride: int, *, stride_first: bool) -> nn.Module:
    first, second = (stride, 1) if stride_first else (1, stride)
    return nn.Sequential(
        OrderedDict(
            reduce=conv_norm_relu(in_channels, Conv("reduce", width, 1, first)),
            conv=conv_norm_relu(width, Conv("conv", width, 3, second)),
            expand=conv_norm(width, Conv("expand", 4 * width, 1)),
        )
    )


BASIC = Residual(1, _basic)
BOTTLENECK = Residual(4, partial(_bottleneck, stride_first=False))
BOTTLENECK_V1 = Residual(4, partial(_bottleneck, stride_first=True))


def resnet_backbone(
    residual: Residual,
    depths: Sequence[int],
    *,
    width: int = 64,
    shortcut: Shortcut = projection_shortcut,
) -> Backbone:
    """A 7x7 stem, then one stage per entry of ``depths``; width doubles and the grid halves from stage to stage.

    Args:
        residual: `BASIC`, `BOTTLENECK` or `BOTTLENECK_V1`.
        depths: blocks per stage (Table 1).
        width: channels of the stem and of the first stage's inner convolutions.
        shortcut: builds the skip path from ``(in_channels, out_channels, stride)``.
    """
    stages = {
        "stem": [
            Block("conv1", conv_norm_relu(3, Conv("conv1", width, 7, stride=2)), width, 2),
            Block("pool1", nn.MaxPool2d(3, 2, 1), width, 4),
        ]
    }
    channels = width
    for stage, depth in enumerate(depths, start=1):
        inner = width * 2 ** (stage - 1)
        out_channels = inner * residual.expansion
        for place in range(1, depth + 1):
            stride = 2 if place == 1 and stage > 1 else 1
            block = ResidualBlock(residual.build(channels, inner, stride), shortcut(channels, out_channels, stride))
            channels = out_channels
            stages.setdefault(f"stage{stage}", []).append(
                Block(f"block{stage}_{place}", block, channels, 2 ** (stage + 1))
            )
    return Backbone(stages)


def resnet(
    classes: int,
    *,
    residual: Residual,
    depths: Sequence[int],
    width: int = 64,
    shortcut: Shortcut = projection_shortcut,
) -> Classifier:
    """A residual net for photos."""
    backbone = resnet_backbone(residual, depths, width=width, shortcut=shortcut)
    return Classifier(backbone, linear_head(backbone.channels, classes))
