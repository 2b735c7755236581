"""ResNet. He et al. 2016, "Deep residual learning for image recognition", arXiv 1512.03385.

Wide ResNet (Zagoruyko and Komodakis 2016, arXiv 1605.07146) and ResNeXt (Xie et al. 2017, arXiv 1611.05431) are the
same model with another 3x3 inside the bottleneck; ResNet-D (He et al. 2019, arXiv 1812.01187) has another stem and
another shortcut; a plain model has no shortcut. Each differs by the parts that `resnet_backbone` is handed.

In the bottleneck the stride sits on the 3x3 convolution ("v1.5", as in torchvision's and timm's checkpoints); the
paper's own placement, on the first 1x1, is `resnet50_v1` and so on in the catalog. Both have the same names and
shapes, so a checkpoint of one loads into the other and is silently wrong: say which.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.models.blocks import ResidualBlock, projection_shortcut
from inarch.models.resnet_parts import (
    DEEP_STEM,
    PHOTO_STEM,
    Residual,
    Shortcut,
    Stem,
    average_shortcut,
)

DEPTHS_18, DEPTHS_34, DEPTHS_50 = (2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 6, 3)
DEPTHS_101, DEPTHS_152 = (3, 4, 23, 3), (3, 8, 36, 3)
"""Blocks per stage (Table 1)."""
BYTE_MEAN, BYTE_STD = (123 / 255, 117 / 255, 104 / 255), (1 / 255, 1 / 255, 1 / 255)
"""Bytes less Caffe's means, as RGB."""

STRIDE_ON_3X3 = Departure(
    "A bottleneck that halves the grid strides in its 3x3 convolution (v1.5); in the paper in its first 1x1.",
    "A 1x1 with stride 2 never looks at three pixels of four; ResNet-50 then takes 4.09 instead of 3.86 GMACs. "
    "Every checkpoint of torchvision and timm is of this kind.",
    "torchvision/models/resnet.py, class Bottleneck; KaimingHe/deep-residual-networks, prototxt: res3a_branch2a",
)
PROJECTIONS = Departure(
    "Shortcuts that change shape are 1x1 projections with batch normalisation (option B); in the paper's 18- and "
    "34-layer models of Table 2 they pad with zero channels (option A).",
    "Option B was the better of the two (Table 3), and torchvision's and timm's checkpoints have it.",
    "He et al. 2016, sections 3.3 and 4.1, Tables 2 and 3; torchvision/models/resnet.py",
)
POOL_PADDING = Departure(
    "The stem's pool pads one pixel on every side and rounds down; in the paper's release it pads none and rounds up.",
    "Both give 56 of 112 pixels, but other values at the border; torchvision's and timm's checkpoints pad.",
    "torchvision/models/resnet.py, maxpool; KaimingHe/deep-residual-networks, prototxt: pool1",
)
CHANNEL_MEAN = Departure(
    "Images are normalised by a mean and a standard deviation for each channel; in the paper a mean image is "
    "subtracted, pixel by pixel, and nothing is divided.",
    "A mean image fits one image size only; the public checkpoints were trained with three means and deviations.",
    "He et al. 2016, section 3.4",
)
ZERO_START = Departure(
    "The last batch normalisation of every residual path starts at zero; in the paper at one.",
    "Every block starts as its shortcut, which makes the first epochs easier. torchvision leaves this off "
    "(zero_init_residual=False), timm has it on (zero_init_last=True).",
    "Goyal et al. 2017, arXiv 1706.02677, section 5.1",
)
NARROW_LINEAR = Departure(
    "The linear layer starts normal with standard deviation 0.01; in the paper it starts as the convolutions do.",
    "Logits start near zero, so that the first loss is that of a guess, whatever the width.",
    "Goyal et al. 2017, arXiv 1706.02677, section 5.1; He et al. 2016, section 3.4",
)
TORCH_START = Departure(
    "Convolutions start with variance 2 / fan-in, the linear layer normal with standard deviation 0.01; in the "
    "authors' Torch code with 2 / fan-out, and uniform up to 1 / sqrt(fan-in).",
    "One initialisation for the whole catalog.",
    "facebookarchive/fb.resnet.torch, models/resnet.lua, on which the authors' code builds: ConvInit",
)
XAVIER = Departure(
    "Convolutions start as in He et al. 2015, the linear layer normal with standard deviation 0.01; in the paper both "
    "start uniform, after Xavier.",
    "One initialisation for the whole catalog.",
    "He et al. 2019, arXiv 1812.01187, section 2.1",
)
BASIC_D = Departure(
    "Deep stem and averaging shortcut around basic blocks; the paper has them around bottlenecks only.",
    "timm's checkpoints resnet18d and resnet34d.",
    "He et al. 2019, arXiv 1812.01187, section 4; timm/models/resnet.py, resnet18d",
)
SMALL_IMAGES = Departure(
    "The stem is one 3x3 with stride 1 and no pool; in the paper a 7x7 with stride 2 and a pool.",
    "The paper's stem leaves 2 x 2 values of an image of 64 pixels; this one leaves 8 x 8.",
    "He et al. 2016, Table 1; the stem is that of its section 4.2",
)
HALF_WIDTH = Departure(
    "Every width behind the stem is half of the paper's: bottlenecks of 32 to 256 channels, 128 to 1,024 between them.",
    "The model of Yahoo's open_nsfw, resnet_50_1by2, of which the weights are.",
    "jay-mahadeokar/pynetbuilder, models/imagenet/Readme.md; He et al. 2016, Table 1",
)
BYTES = Departure(
    "Photos come in as bytes less (123, 117, 104) in RGB; in the paper less a mean image, pixel by pixel.",
    "open_nsfw's mean, there in BGR: its first convolution's channels are turned round as its weights are read.",
    "yahoo/open_nsfw, classify_nsfw.py; He et al. 2016, section 3.4",
)
MODERATION = Departure(
    "Its public weights know another task: they were trained on ImageNet and then fine-tuned for content moderation, "
    "to tell pornographic photos from others; the paper's are ImageNet's.",
    "No package brings others.",
    "yahoo/open_nsfw, README.md (BSD-2-Clause)",
)
THREE_QUARTERS = Departure(
    "Every width is three quarters of the paper's: 48 to 384 channels.",
    "The embedded backbone has to be small.",
    "He et al. 2016, Table 1",
)

_STARTS = (ZERO_START, NARROW_LINEAR)
PLAIN_DEPARTURES = (POOL_PADDING, CHANNEL_MEAN, NARROW_LINEAR)
BASIC_DEPARTURES = (PROJECTIONS, POOL_PADDING, CHANNEL_MEAN, *_STARTS)
BOTTLENECK_V1_DEPARTURES = (POOL_PADDING, CHANNEL_MEAN, *_STARTS)
BOTTLENECK_DEPARTURES = (STRIDE_ON_3X3, *BOTTLENECK_V1_DEPARTURES)
TORCH_DEPARTURES = (ZERO_START, TORCH_START)
"""For Wide ResNet and ResNeXt: their authors' code already pads the pool and strides in the 3x3."""
RESNET_D_DEPARTURES = (XAVIER,)
BASIC_D_DEPARTURES = (BASIC_D, XAVIER)
SMALL_DEPARTURES = (SMALL_IMAGES, PROJECTIONS, CHANNEL_MEAN, *_STARTS)
HALF_DEPARTURES = (HALF_WIDTH, MODERATION, BYTES, *_STARTS)
NARROW_DEPARTURES = (THREE_QUARTERS, *BASIC_DEPARTURES)


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
        residual: `BASIC`, `BOTTLENECK`, `BOTTLENECK_V1`, or another `bottleneck`.
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
    residual: Residual,
    depths: Sequence[int],
    width: int = 64,
    stem: Stem = PHOTO_STEM,
    shortcut: Shortcut = projection_shortcut,
) -> Classifier:
    """A residual model for photos; its parts are those of `resnet_backbone`."""
    backbone = resnet_backbone(residual, depths, width=width, stem=stem, shortcut=shortcut)
    return Classifier(backbone, linear_head(backbone.channels, classes))


resnet_d = partial(resnet, stem=DEEP_STEM, shortcut=average_shortcut)
