"""EfficientNet-Lite. Tan and Le 2019, "EfficientNet: rethinking model scaling", arXiv 1905.11946.

The B0 model of the paper's Table 1 as its authors released it for phones (2020): without squeeze-and-excitation, with
ReLU6 in place of SiLU. Its block is MobileNet v2's inverted residual (Sandler et al. 2018, arXiv 1801.04381): a 1x1
widens the map, a depthwise convolution filters it, a 1x1 narrows it again and is not activated, and the shortcut joins
the narrow ends. In the table the block is called MBConv.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from inarch.models.anatomy.records import Departure
from inarch.models.backbone import Backbone, Block, Classifier, linear_head
from inarch.models.blocks import add_shortcut
from inarch.models.convolution import Conv, conv_norm
from inarch.models.resnet_parts import Shortcut

EPS = 1e-3
"""The eps of every batch normalisation."""


class MBConv(NamedTuple):
    """A row of Table 1 without its number of layers: blocks alike."""

    expansion: int
    """Channels inside a block, in channels that come in."""
    kernel: int
    channels: int
    stride: int = 1
    """The stride of the first block; the others have stride 1."""


class EfficientNetTable(NamedTuple):
    """Table 1 of the paper."""

    stem: int
    """Channels of the first convolution (stage 1)."""
    rows: Sequence[MBConv]
    """Stages 2 to 8."""
    depths: Sequence[int]
    """Blocks of each row: the table's column "Layers"."""
    last: int
    """Channels of the 1x1 before the pool (stage 9)."""


B0 = EfficientNetTable(  # Tan and Le 2019, Table 1
    stem=32,
    rows=(
        MBConv(1, 3, 16),
        MBConv(6, 3, 24, stride=2),
        MBConv(6, 5, 40, stride=2),
        MBConv(6, 3, 80, stride=2),
        MBConv(6, 5, 112),
        MBConv(6, 5, 192, stride=2),
        MBConv(6, 3, 320),
    ),
    depths=(1, 2, 2, 3, 3, 4, 1),
    last=1280,
)

LITE_DEPARTURES = (
    Departure(
        "Blocks have no squeeze-and-excitation; in the paper every block has one.",
        "The authors left it out of the Lite models: many accelerators do not support it well.",
        "section 4 of the paper; tensorflow/tpu, models/official/efficientnet/lite/README.md",
    ),
    Departure(
        "Activations are ReLU6; in the paper SiLU (swish).",
        "The authors' choice for the Lite models: a bounded range is easier to quantise.",
        "section 5.2 of the paper; tensorflow/tpu, models/official/efficientnet/lite/README.md",
    ),
    Departure(
        "Photos come in as (p - 127) / 128 for a byte p; the paper does not say.",
        "The authors' weights of the Lite models expect it.",
        "tensorflow/tpu, models/official/efficientnet/lite/efficientnet_lite_builder.py, MEAN_RGB and STDDEV_RGB",
    ),
    Departure(
        "Batch normalisation has eps 0.001, and its running statistics move by a tenth a step; the paper gives the "
        "latter as 0.01 and no eps.",
        "The authors' eps; the larger step suits the few steps of fine-tuning, and plays no part in evaluation.",
        "section 5.2 of the paper; tensorflow/tpu, efficientnet_lite_builder.py, batch_norm_epsilon",
    ),
    Departure(
        "A convolution that halves the grid pads as TensorFlow does on an even grid: a pixel more at the right and "
        "bottom. On an odd grid TensorFlow pads both sides alike and keeps one pixel more.",
        "One padding for all sizes, as in the package of the weights; at 224 pixels every halved grid is even.",
        "efficientnet-lite-pytorch 0.1.0, utils.py, Conv2dStaticSamePadding",
    ),
    Departure(
        "No block is dropped in training; in the paper deeper blocks are, with a probability of up to 0.2.",
        "Fine-tuning runs for a few epochs, with most of the model frozen.",
        "section 5.2 of the paper (stochastic depth)",
    ),
    Departure(
        "Convolutions start with variance 2 / fan-in, the linear layer normal with standard deviation 0.01; in the "
        "authors' code with 2 / fan-out, and uniform.",
        "One initialisation for the whole catalog.",
        "tensorflow/tpu, models/official/efficientnet/efficientnet_model.py, conv_kernel_initializer",
    ),
)


def identity_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """Identity where shapes already agree, else none: these models have no projections."""
    return nn.Identity() if stride == 1 and in_channels == out_channels else None


def conv_norm_relu6(in_channels: int, conv: Conv) -> nn.Sequential:
    """Convolution without bias, batch normalisation, ReLU6; a strided one is padded beforehand, as in TensorFlow."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if conv.stride > 1:
        side = conv.kernel if isinstance(conv.kernel, int) else conv.kernel[0]
        before = (side - conv.stride) // 2
        behind = side - conv.stride - before
        layers["pad"] = nn.ZeroPad2d((before, behind, before, behind))
        conv = conv._replace(padding=0)
    layers.update(conv_norm(in_channels, conv, eps=EPS).named_children())
    layers["relu"] = nn.ReLU6()
    return nn.Sequential(layers)


def inverted_residual(in_channels: int, row: MBConv, stride: int) -> nn.Sequential:
    """Widened, filtered channel by channel, and narrowed to ``row.channels`` without an activation."""
    wide = row.expansion * in_channels
    path: OrderedDict[str, nn.Module] = OrderedDict()
    if row.expansion > 1:
        path["expand"] = conv_norm_relu6(in_channels, Conv("expand", wide, 1))
    path["depthwise"] = conv_norm_relu6(wide, Conv("depthwise", wide, row.kernel, stride, groups=wide))
    path["project"] = conv_norm(wide, Conv("project", row.channels, 1), eps=EPS)
    return nn.Sequential(path)


def efficientnet_lite_backbone(
    *,
    depths: Sequence[int] = B0.depths,
    width: float = 1.0,
    shortcut: Shortcut = identity_shortcut,
) -> Backbone:
    """A stem, stages of inverted residuals, and a last 1x1; a row that halves the grid begins a stage.

    Args:
        depths: blocks of each row of the table.
        width: every number of channels is multiplied by it, and rounded.
        shortcut: builds the skip path: `identity_shortcut` or `without_shortcut`.
    """
    channels, stride, stage = _times(B0.stem, width), 2, 1
    stem = conv_norm_relu6(3, Conv("conv1", channels, 3, stride))
    stages = {"stem": [Block("conv1", stem, channels, stride)]}
    for row, depth in zip(B0.rows, depths, strict=True):
        stage += row.stride > 1
        blocks = stages.setdefault(f"stage{stage}", [])
        row = row._replace(channels=_times(row.channels, width))
        for step in (row.stride, *[1] * (depth - 1)):
            residual = inverted_residual(channels, row, step)
            module = add_shortcut(residual, shortcut(channels, row.channels, step))
            channels, stride = row.channels, stride * step
            blocks.append(Block(f"block{stage}_{len(blocks) + 1}", module, channels, stride))
    last = _times(B0.last, width)
    final = conv_norm_relu6(channels, Conv("final_conv", last, 1))
    stages[f"stage{stage}"].append(Block("final_conv", final, last, stride))
    return Backbone(stages)


def efficientnet_lite(
    classes: int,
    *,
    depths: Sequence[int] = B0.depths,
    width: float = 1.0,
    shortcut: Shortcut = identity_shortcut,
) -> Classifier:
    """EfficientNet-Lite; its parts are those of `efficientnet_lite_backbone`."""
    backbone = efficientnet_lite_backbone(depths=depths, width=width, shortcut=shortcut)
    return Classifier(backbone, linear_head(backbone.channels, classes, dropout=0.2))


def _times(channels: int, factor: float) -> int:
    return max(1, round(channels * factor))
